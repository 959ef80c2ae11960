// The app on a phone: it works without a connection, updates at a good moment, and keeps the screen on while an incident runs.
import { expect, test } from "./buckler.js";

test.use({ serviceWorkers: "allow" });

const working = (page) => page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state);
const kept = (page) => page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()))).flat().map((request) => new URL(request.url).pathname));

async function opened(home) {
  await expect(home.shield()).toBeVisible();
  await expect.poll(() => working(home.page)).toBe("activated");
  await expect.poll(async () => (await kept(home.page)).some((path) => /^\/app-.*\.wasm$/.test(path))).toBe(true);
}

test("without a connection it opens to the last dashboard, marked with its age, and a press is NOT CONFIRMED", async ({ home, page, server, expected }) => {
  expected.push(/ERR_/);
  await opened(home);
  await page.reload();
  await expect(home.shield()).toBeVisible();
  await server.kill();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Maple Street" })).toBeAttached();
  await expect(page.getByText(/Not connected. This is from /)).toBeVisible();
  await home.openSheet();
  await home.slide("police");
  await expect(page.getByRole("alertdialog", { name: /NOT CONFIRMED/ })).toBeVisible();
  // When the server is back, the request is still wanted and is sent once.
  await server.start();
  await expect(home.countdown()).toBeVisible();
  await home.button("Cancel Help").click();
  await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
});

test("signing out without a connection forgets everything, in every tab, and ends the session later", async ({ home, page, server, expected }) => {
  expected.push(/ERR_|Failed to/);
  const forgotten = async (page) => {
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
    expect(await page.evaluate(() => Object.keys(localStorage).filter((name) => /^buckler-(me|home|last)/.test(name)))).toEqual([]);
  };
  await opened(home);
  await page.reload();
  await expect(home.shield()).toBeVisible();
  const tab = await page.context().newPage();
  await tab.goto(server.url);
  await expect(tab.getByRole("button", { name: "Sign out" })).toBeVisible();
  await server.kill();
  await home.button("Sign out").click();
  await forgotten(page);
  await forgotten(tab);
  await page.reload();
  await forgotten(page);
  await expect(page).toHaveTitle("Sign in – Buckler");
  // Nobody comes back with the network. The session ends on the server, and with it the cookie.
  const token = (await page.context().cookies())[0].value;
  await server.start();
  await expect.poll(async () => (await page.context().cookies()).length).toBe(0);
  await forgotten(page);
  await page.reload();
  await forgotten(page);
  const answer = await fetch(`${server.url}/api/v1/me`, { headers: { cookie: `buckler_session=${token}` } });
  expect(answer.status).toBe(401);
});

test("nothing that the server says is kept by the worker", async ({ home, page }) => {
  await opened(home);
  expect((await kept(page)).filter((path) => path.startsWith("/api"))).toEqual([]);
});

test("pages that were never opened open without a connection, too", async ({ home, page, server, expected }) => {
  expected.push(/ERR_/);
  await opened(home);
  await page.reload();
  await expect(home.shield()).toBeVisible();
  await server.kill();
  await page.getByRole("link", { name: "Practice" }).click();
  await expect(page.getByRole("group", { name: "Which help?" })).toBeVisible();
});

test("an update waits until no incident runs and nobody looks", async ({ home, page, context }) => {
  let version = "a";
  await context.route("**/sw.js", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replace(/VERSION = "/, `VERSION = "${version}`) });
  });
  await opened(home);
  await page.reload();
  await home.ask("police");
  version = "b";
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  const waits = () => page.evaluate(async () => !!(await navigator.serviceWorker.getRegistration()).waiting);
  await expect.poll(waits).toBe(true);
  const hide = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await hide(true);
  await expect(home.countdown()).toBeVisible();
  expect(await waits()).toBe(true);
  await hide(false);
  await home.button("Cancel Help").click();
  await home.button("Done").click();
  await expect(home.shield()).toBeVisible();
  expect(await waits()).toBe(true);
  const loaded = page.waitForEvent("load");
  await hide(true);
  await loaded;
  await expect(home.shield()).toBeVisible();
  expect(await waits()).toBe(false);
});

test("the screen stays on while an incident runs, and not after", async ({ home, page }) => {
  await page.addInitScript(() => {
    window.locks = [];
    navigator.wakeLock.request = async () => {
      const lock = new EventTarget();
      lock.release = () => (window.locks.push("released"), lock.dispatchEvent(new Event("release")));
      window.locks.push("taken");
      return lock;
    };
  });
  await page.reload();
  await home.ask("police");
  await expect.poll(() => page.evaluate(() => window.locks)).toEqual(["taken"]);
  await home.button("Cancel Help").click();
  await expect.poll(() => page.evaluate(() => window.locks)).toEqual(["taken", "released"]);
});

test("shortcuts: SOS opens the sheet, Live View the first camera", async ({ home, page, server }) => {
  await page.goto(`${server.url}/?sos`);
  await expect(home.sheet()).toBeVisible();
  await expect(page).toHaveURL(`${server.url}/`);
  await page.goto(`${server.url}/live`);
  await expect(page.getByRole("heading", { name: "Front Door" })).toBeVisible();
  await expect(page).toHaveURL(/\/live\/front-door$/);
});

test("the manifest names icons of the sizes they have", async ({ request, server }) => {
  const manifest = await (await request.get(`${server.url}/manifest.webmanifest`)).json();
  const sized = manifest.icons.filter((icon) => icon.type === "image/png");
  expect(sized.filter((icon) => icon.purpose === "maskable").length).toBe(2);
  for (const { src, sizes } of sized) {
    const png = await (await request.get(server.url + src)).body();
    expect(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`, src).toBe(sizes);
  }
  expect(manifest.shortcuts.map((shortcut) => shortcut.url)).toEqual(["/?sos", "/live"]);
});
