// Every state of the SOS path, at phone and desktop size, dark and light: it passes the accessibility checks, and is kept as a picture.
import { expect, Home, soon, test } from "./buckler.js";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// The checks take time, while the telephone rings and the countdown runs.
test.use({ ring: "60s" });
const patient = { countdown_s: 15, siren_duration_s: 600, cameras_sound_with_base_station: true };

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };

async function look(page, name) {
  await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished)));
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
  await page.screenshot({ path: `output/${name}.png` });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const found = violations.filter((v) => ["serious", "critical"].includes(v.impact));
  expect(found.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join(" | ")}`), `barriers on ${name}`).toEqual([]);
}

for (const [size, viewport] of Object.entries(sizes)) {
  for (const colorScheme of ["dark", "light"]) {
    const name = (screen) => `${screen}-${size}-${colorScheme}`;
    test(`every screen, ${size}, ${colorScheme}`, async ({ browser, server }) => {
      const context = await soon(
        "a new context",
        browser.newContext({ viewport, colorScheme, deviceScaleFactor: size === "phone" ? 2 : 1, timezoneId: "America/Los_Angeles" }),
      );
      const page = await context.newPage();
      const home = new Home(page, server);
      await page.goto(server.url);
      await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
      await look(page, name("sign-in"));
      await home.open();
      expect((await page.request.put(`${server.url}/api/v1/homes/maple-street/settings`, { data: patient })).ok()).toBe(true);
      await expect(page.getByRole("heading", { name: "Help is one slide away" })).toBeVisible();
      await look(page, name("dashboard"));
      const phone = await (await soon("a new context", browser.newContext({ viewport: sizes.phone, colorScheme, deviceScaleFactor: 2 }))).newPage();
      await phone.goto(server.url + (await home.api.phone("maple-street")));
      await expect(phone.getByRole("heading", { name: "No call right now" })).toBeVisible();
      await look(phone, name("contact-idle"));
      await home.openSheet();
      await look(page, name("sheet"));
      await home.button("Practice instead").click();
      await look(page, name("sheet-practice"));
      await home.button("Back to the real thing").click();
      await home.slide("medical help");
      await home.button("Cancel Help").click();
      await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
      await look(page, name("aborted"));
      await home.button("Done").click();
      await home.openSheet();
      // Kill the server instead of blocking a route: Chromium drops a route once the next page is ready, while the old page still retries.
      await server.kill();
      await home.slide("police");
      await expect(page.getByRole("alertdialog", { name: /NOT SENT|NOT CONFIRMED/ })).toBeVisible();
      await look(page, name("not-sent"));
      // A page that is opened again does not send the old request.
      await page.goto("about:blank");
      await server.start();
      await page.goto(server.url);
      await home.openSheet();
      await home.button("Request police without sliding").click();
      await look(page, name("sheet-armed"));
      await home.button("Tap again to request police").click();
      await expect(home.countdown()).toBeVisible();
      await look(page, name("countdown"));
      await home.button("Send Now").click();
      await expect(home.story().getByText("Driveway is sounding")).toBeVisible();
      await look(page, name("requested"));
      await look(phone, name("contact-ringing"));
      await phone.getByRole("button", { name: "Answer" }).click();
      await expect(phone.getByRole("heading", { name: /real emergency/ })).toBeVisible();
      await look(phone, name("contact-answered"));
      await phone.getByRole("button", { name: "No, call it off" }).click();
      await look(phone, name("contact-password"));
      await phone.getByLabel("Verbal password").fill("red robin");
      await phone.getByRole("button", { name: "Call it off" }).click();
      await expect(phone.getByRole("heading", { name: /Thank you/ })).toBeVisible();
      await look(phone, name("contact-received"));
      await expect(home.story().getByText(/request accepted/)).toBeVisible();
      await look(page, name("dispatched"));
      await page.evaluate(() => localStorage.setItem("buckler-home", "lake-cabin"));
      await page.goto(`${server.url}/live/porch`);
      await expect(home.shield()).toBeVisible();
      await look(page, name("live"));
      await home.ask("medical help");
      await home.button("Send Now").click();
      await expect(home.requested()).toBeVisible();
      await look(page, name("requested-live"));
      await page.evaluate(() => localStorage.setItem("buckler-home", "harbor-loft"));
      await page.goto(server.url);
      await home.button("Why SOS is not available").click();
      await look(page, name("why"));
      await page.evaluate(() => localStorage.setItem("buckler-home", "garden-flat"));
      await page.goto(server.url);
      await expect(page.getByText(/Nobody yet/)).toBeVisible();
      await look(page, name("garden-flat"));
    });
  }
}
