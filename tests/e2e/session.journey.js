// Sessions: a request after a session ended, signed-in devices, and a new password.
import { expect, Home, test } from "./buckler.js";

test("a session that has ended holds a request up, says so, and loses nothing", async ({ home, page, expected }) => {
  expected.push(/401/);
  await home.openSheet();
  await page.context().clearCookies();
  await home.slide("police");
  const alert = page.getByRole("alert").filter({ hasText: "NOT SENT: you are signed out" });
  await expect(alert).toBeVisible();
  await expect(alert.getByRole("link", { name: "Call 911" })).toHaveAttribute("href", "tel:911");
  await page.getByLabel("E-mail address").fill("owner@demo.test");
  await page.getByLabel("Password").fill("buckler-demo");
  await home.button("Sign in").click();
  await expect(home.countdown()).toBeVisible();
  await home.button("Cancel Help").click();
  await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
  expect(await home.api.incidents("maple-street")).toHaveLength(1);
});

test("another device is signed out, and a new password signs out all others", async ({ home, page, browser, server, expected }) => {
  expected.push(/401|422/);
  const elsewhere = async () => {
    const context = await browser.newContext({ userAgent: "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36" });
    const other = new Home(await context.newPage(), server);
    await other.open();
    await expect(other.shield()).toBeVisible();
    return other.page;
  };
  const phone = await elsewhere();
  await page.goto(`${server.url}/settings/security`);
  const devices = page.getByRole("listitem").filter({ hasText: "Last used" });
  await expect(devices).toHaveCount(1);
  await devices.getByRole("button", { name: "Sign out" }).click();
  await devices.getByRole("button", { name: "Tap again to sign out" }).click();
  await expect(devices).toHaveCount(0);
  await expect(phone.getByRole("button", { name: "Sign in" })).toBeVisible();

  const again = await elsewhere();
  const change = page.locator("form", { hasText: "Change your password" });
  await page.getByLabel("Password until now").fill("buckler-demo");
  await page.getByLabel("Password, at least 12 characters").fill("password1234");
  await change.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("That is easily guessed.")).toBeVisible();
  await page.getByLabel("Password, at least 12 characters").fill("three quiet otters");
  await change.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved")).toBeVisible();
  await expect(again.getByRole("button", { name: "Sign in" })).toBeVisible();
  await page.goto(server.url);
  await expect(home.shield()).toBeVisible();
});

test.describe("some time after the password was given", () => {
  test.use({ proof: "5s" });

  test("a change asks for it again and loses nothing, and an SOS never asks", async ({ home, page, server, expected }) => {
    expected.push(/403|422/);
    await page.goto(`${server.url}/settings/address`);
    const name = page.getByLabel("Name of the home");
    await name.fill("The house by the brook");
    const lapsed = () => page.request.put(`${server.url}/api/v1/homes/maple-street/name`, { data: { name: "" } }).then((answer) => answer.status());
    await expect.poll(lapsed, { timeout: 15_000 }).toBe(403);
    await name.press("Enter");
    const asked = page.getByRole("dialog", { name: "Is it you?" });
    await expect(asked.getByLabel("Password")).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(page.getByText("Give your password again to change this.")).toBeVisible();
    await expect(name).toHaveValue("The house by the brook");

    await name.press("Enter");
    await expect(asked.getByLabel("Password")).toBeFocused();
    await page.keyboard.type("a guess");
    await page.keyboard.press("Enter");
    await expect(asked.getByText("That is not right.")).toBeVisible();
    await asked.getByLabel("Password").fill("buckler-demo");
    await page.keyboard.press("Enter");
    await expect(asked).toBeHidden();
    await expect(page.getByText("Saved")).toBeVisible();
    expect((await home.api.home("maple-street")).home.name).toBe("The house by the brook");

    await expect.poll(lapsed, { timeout: 15_000 }).toBe(403);
    await page.goto(server.url);
    await home.openSheet();
    await home.slide("police");
    await expect(home.countdown()).toBeVisible();
    await home.button("Cancel Help").click();
  });
});

test("a press before the app stands is taken, and opens the sheet when it does", async ({ home, page }) => {
  let arrive;
  const hold = async () => {
    const arrived = new Promise((resolve) => (arrive = resolve));
    await page.unrouteAll();
    await page.route("**/app-*.wasm", async (route) => {
      await arrived;
      await route.continue();
    });
    await page.reload({ waitUntil: "commit" });
  };
  const first = page.locator("#first-shield").getByRole("button", { name: "SOS" });
  await expect(home.shield()).toBeVisible();
  // First like a first visit, where nothing is known before the server answers, and then like any later visit.
  for (const key of ["buckler-me", "none"]) {
    await page.evaluate((key) => localStorage.removeItem(key), key);
    await hold();
    await first.click();
    await expect(first).toHaveAttribute("aria-busy", "true");
    await expect(home.sheet()).toBeHidden();
    arrive();
    await expect(home.sheet()).toBeVisible();
    await expect(first).toBeHidden();
    await home.button("Close").click();
  }
  // Without SOS, no shield shows before the app either.
  await page.evaluate(() => localStorage.setItem("buckler-home", "harbor-loft"));
  await hold();
  await expect.poll(() => page.evaluate(() => window.early?.heard?.length ?? 0)).toBe(1);
  await expect(first).toBeHidden();
  arrive();
  await expect(page.getByRole("heading", { name: "SOS is not available" })).toBeAttached();
});

test("what happens in the home while the app is still on its way is not missed, and the app listens once", async ({ home, page, server }) => {
  let arrive;
  const arrived = new Promise((resolve) => (arrive = resolve));
  await page.addInitScript(() => {
    window.streams = [];
    window.EventSource = class extends EventSource {
      constructor(address) {
        super(address);
        window.streams.push(this);
      }
    };
  });
  const open = () => page.evaluate(() => window.streams.filter((stream) => stream.readyState !== EventSource.CLOSED).length);
  for (let visit = 0; visit < 5; visit++) {
    // In the first visits the home is not known yet, so the early script and the app may both ask for it.
    if (visit < 4) await page.evaluate(() => localStorage.removeItem("buckler-me"));
    await page.reload();
    await expect(home.shield()).toBeVisible();
    expect(await page.evaluate(() => "early" in window)).toBe(false);
    expect(await open()).toBe(1);
  }
  await page.route("**/app-*.wasm", async (route) => {
    await arrived;
    await route.continue();
  });
  await page.reload({ waitUntil: "commit" });
  await expect.poll(() => page.evaluate(() => window.early?.heard?.length ?? 0)).toBe(1);
  const now = (await home.api.home("maple-street")).server_time;
  const data = { id: crypto.randomUUID(), request: "police", mode: "live", source: { surface: "dashboard" }, sent_at: now };
  expect((await page.request.post(`${server.url}/api/v1/homes/maple-street/incidents`, { data })).status()).toBe(201);
  await expect.poll(() => page.evaluate(() => window.early.heard.length)).toBeGreaterThan(1);
  arrive();
  await expect(home.countdown()).toBeVisible();
  await home.button("Cancel Help").click();
});
