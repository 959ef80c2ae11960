// Every screen in every state, at phone and desktop size, dark and light: it is reached, fits the screen, passes the accessibility checks,
// and is kept as a picture. Then selected screens with the settings of people who see, move or read differently.
import { expect, test as base } from "@playwright/test";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { serve } from "../../gallery/server.mjs";
import { states } from "../../gallery/states.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
// Screens on the way to help have a contrast of 7:1 (WCAG's enhanced contrast).
const enhanced = /^(sheet|sign-in-held|countdown|requested|not-sent|ended|why|contact-)/;

const test = base.extend({
  gallery: [
    async ({}, use) => {
      const server = await serve(0);
      await use(`http://127.0.0.1:${server.address().port}`);
      server.close();
    },
    { scope: "worker" },
  ],
});

// Wait for two frames first: transitions after a change of colors begin with the next frame, and cannot be awaited earlier.
const settled = (page) =>
  page.evaluate(async () => {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    await Promise.all(document.getAnimations().filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => {})));
  });

async function reach(page, gallery, name) {
  await page.goto(`${gallery}${states[name].path ?? "/"}?state=${name}`);
  await expect(page.getByText(states[name].heard).or(page.getByRole("button", { name: states[name].heard })).filter({ visible: true }).first(), `${name} is reached`).toBeVisible();
  // This style is loaded on demand, which may take long on a busy machine.
  await expect.poll(() => page.evaluate(() => !!document.querySelector("#forms")?.sheet), `${name} has asked for its style, and has it`).toBe(true);
  await settled(page);
}

const tooWide = (page) => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);

async function barriers(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(
    ([runOnly, enhanced]) => axe.run({ runOnly, rules: enhanced ? { "color-contrast-enhanced": { enabled: true } } : {} }),
    [rules, enhanced.test(name)],
  );
  return violations.map((v) => `${name}: ${v.id}: ${v.nodes.map((n) => `${n.html.slice(0, 160)} ${n.failureSummary.replace(/\s+/g, " ")}`).join(" | ")}`);
}

// One visit of a state is enough for all its checks: the colors, and on the phone also 320 px, as at 400 % zoom, and right to left.
async function look(page, name, size, broken) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await settled(page);
    if (await tooWide(page)) broken.push(`${name} is wider than the screen`);
    await page.screenshot({ path: `output/gallery/${name}-${size}-${colorScheme}.png` });
    broken.push(...(await barriers(page, `${name}, ${colorScheme}`)));
  }
  if (size !== "phone") return;
  await page.setViewportSize({ width: 320, height: 256 });
  if (await tooWide(page)) broken.push(`${name} scrolls sideways at 320 px`);
  await page.setViewportSize(sizes.phone);
  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  if (await tooWide(page)) broken.push(`${name} is wider than a phone from right to left`);
  if (/^(dashboard|sheet|countdown|contacts|live)$/.test(name)) await page.screenshot({ path: `output/gallery/${name}-rtl.png` });
}

for (const [size, viewport] of Object.entries(sizes)) {
  for (const half of [0, 1]) {
    test(`every state without barriers, ${size}, ${half + 1} of 2`, async ({ browser, gallery }) => {
      test.setTimeout(400_000);
      const page = await browser.newPage({ viewport, deviceScaleFactor: size === "phone" ? 2 : 1, timezoneId: "America/Los_Angeles" });
      const broken = [];
      page.on("pageerror", (error) => broken.push(String(error)));
      for (const name of Object.keys(states).filter((_, at) => at % 2 === half)) {
        await reach(page, gallery, name);
        await look(page, name, size, broken);
      }
      expect(broken).toEqual([]);
    });
  }
}

test("who wants less motion sees none", async ({ browser, gallery }) => {
  const page = await browser.newPage({ viewport: sizes.phone, reducedMotion: "reduce" });
  for (const name of ["dashboard", "sheet", "countdown", "requested-calling", "contact-ringing", "not-sent"]) {
    await reach(page, gallery, name);
    const moving = await page.evaluate(() => document.getAnimations().filter((a) => a.playState === "running").map((a) => a.animationName ?? a.transitionProperty));
    expect(moving, name).toEqual([]);
  }
});

test("forced colors: what is chosen, armed or wrong can still be told", async ({ browser, gallery }) => {
  const page = await browser.newPage({ viewport: sizes.phone, forcedColors: "active" });
  for (const name of ["dashboard", "sheet", "sheet-armed", "countdown", "drill", "contacts-wrong", "contact-answered"]) {
    await reach(page, gallery, name);
    await page.screenshot({ path: `output/gallery/${name}-forced.png` });
    // Every button keeps an edge when forced colors remove its background.
    const bare = await page.evaluate(() =>
      [...document.querySelectorAll("dialog[open] button, body:not(:has(dialog[open])) button")]
        .filter((button) => button.checkVisibility() && !button.matches(".link"))
        .filter((button) => {
          const { borderTopWidth, outlineStyle, backgroundColor } = getComputedStyle(button);
          return parseFloat(borderTopWidth) === 0 && outlineStyle === "none" && backgroundColor === getComputedStyle(document.body).backgroundColor && !button.querySelector("svg");
        })
        .map((button) => button.outerHTML.slice(0, 120)),
    );
    expect(bare, name).toEqual([]);
  }
});

test("what screen readers are told", async ({ browser, gallery }) => {
  const page = await browser.newPage({ viewport: sizes.phone, timezoneId: "America/Los_Angeles" });
  await reach(page, gallery, "sheet");
  await expect(page.getByRole("dialog")).toMatchAriaSnapshot(`
    - 'dialog "Maple Street: Request help"':
      - heading "Request help" [level=1]
      - button "Close"
      - paragraph: Maple Street
      - paragraph: To 14 Maple Street, Portland, OR 97205
      - slider "Slide to request police"
      - button "Request police without sliding"
      - slider "Slide to request fire department"
      - button "Request fire department without sliding"
      - slider "Slide to request medical help"
      - button "Request medical help without sliding"
      - button "Sound Siren Only"
      - button "Practice instead"
      - link "Call 911"
  `);
  await reach(page, gallery, "requested-calling");
  await expect(page.getByRole("dialog")).toMatchAriaSnapshot(`
    - dialog "Help has been requested":
      - banner:
        - heading "Help has been requested" [level=1]
      - button "Silence Siren"
      - link "Call 911"
      - list "What has happened"
  `);
  await reach(page, gallery, "dashboard");
  await expect(page.locator("body")).toMatchAriaSnapshot(`
    - banner:
      - combobox "Choose a home"
      - button "SOS"
    - main:
      - heading "Maple Street" [level=1]
      - heading "Help is one slide away" [level=2]
      - status: Checked 12 seconds ago
      - heading "Cameras" [level=2]
      - heading "Sirens" [level=2]
      - heading "Emergency contacts" [level=2]
      - heading "Latest" [level=2]
      - navigation "More"
      - button "Sign out"
  `);
  for (const [name, button] of [["countdown", "Cancel Help"], ["ended-aborted", "Done"], ["ended-cancelled", "Done"], ["ended-closed", "Done"], ["ended-drill", "How it went"]]) {
    await reach(page, gallery, name);
    await expect(page.getByRole("button", { name: button }), `${name}: the focus is where one acts`).toBeFocused();
  }
  await reach(page, gallery, "contacts-wrong");
  await expect(page.getByRole("textbox", { name: "Telephone number" }).nth(1)).toBeFocused();
  await expect(page.getByRole("textbox", { name: "Telephone number" }).nth(1)).toHaveAccessibleDescription(/Give the whole number/);
});
