// Many tabs of one browser: a browser opens only six connections to a host, and every tab's requests must get through.
import { expect, test } from "./buckler.js";

const streams = async (page, server) => Number(/^buckler_streams (\d+)/m.exec(await (await page.request.get(server.metrics)).text())?.[1] ?? 0);

const hide = (page, hidden) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);

test("seven tabs that are all looked at share one stream, and the seventh is heard", async ({ home, context, server }) => {
  await expect(home.shield()).toBeVisible();
  const tabs = [home.page];
  for (let more = 0; more < 6; more++) {
    const tab = await context.newPage();
    await tab.goto(server.url);
    await expect(tab.getByRole("button", { name: "SOS", exact: true })).toBeVisible();
    tabs.push(tab);
  }
  await expect.poll(() => streams(home.page, server)).toBe(1);
  const last = tabs.at(-1);
  await last.getByRole("button", { name: "SOS", exact: true }).click();
  await last.getByRole("button", { name: "Request police without sliding" }).click();
  await last.getByRole("button", { name: "Tap again to request police" }).click();
  for (const tab of tabs) await expect(tab.getByRole("alertdialog", { name: /Requesting police/ })).toBeVisible();
  await expect(last.getByText(/NOT SENT|NOT CONFIRMED/)).toBeHidden();

  // If the tab with the stream is closed, another takes over, and all get the next events.
  await tabs[0].close();
  await expect.poll(() => streams(last, server)).toBe(1);
  await last.getByRole("button", { name: "Cancel Help" }).click();
  for (const tab of tabs.slice(1)) await expect(tab.getByRole("dialog", { name: "Cancelled. Nothing was sent." })).toBeVisible();
});

test("a tab that nobody sees lets its stream go, unless an incident runs, and has it again when it is looked at", async ({ home, page, server }) => {
  await page.clock.install();
  await page.reload();
  await expect(home.shield()).toBeVisible();
  await expect.poll(() => streams(page, server)).toBe(1);
  await hide(page, true);
  await page.clock.fastForward(31_000);
  await expect.poll(() => streams(page, server)).toBe(0);

  // The tab shows what happened meanwhile as soon as it is visible.
  const { server_time: sent_at } = await home.api.home("maple-street");
  const data = { id: crypto.randomUUID(), request: "police", mode: "live", source: { surface: "dashboard" }, sent_at };
  expect((await page.request.post(`${server.url}/api/v1/homes/maple-street/incidents`, { data })).ok()).toBe(true);
  await hide(page, false);
  await expect(home.countdown()).toBeVisible();
  await expect.poll(() => streams(page, server)).toBe(1);
  await hide(page, true);
  await page.clock.fastForward(31_000);
  expect((await page.request.post(`${server.url}/api/v1/incidents/${data.id}/cancel`)).ok()).toBe(true);
  await expect(page.getByRole("dialog", { name: "Cancelled. Nothing was sent." })).toBeVisible();
});

test("where tabs cannot share a stream, a hidden one closes its own, also in an incident", async ({ home, page, context, server }) => {
  await context.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
  await page.reload();
  await home.openSheet();
  await home.button("Sound Siren Only").click();
  await home.button("Send Now").click();
  const silence = (tab) => tab.getByRole("button", { name: "Silence Siren" });
  await expect(silence(page)).toBeVisible();
  const tabs = [page];
  while (tabs.length < 7) {
    await hide(tabs.at(-1), true);
    const tab = await context.newPage();
    await tab.goto(server.url);
    await expect(silence(tab)).toBeVisible();
    tabs.push(tab);
  }
  await expect.poll(() => streams(page, server)).toBe(1);
  const over = (tab) => tab.getByRole("dialog", { name: "The sirens have stopped." });
  await silence(tabs.at(-1)).click();
  await expect(over(tabs.at(-1))).toBeVisible();
  // A hidden tab shows the end as soon as it is visible.
  await hide(page, false);
  await expect(over(page)).toBeVisible();
});

test("a tab that is looked at again says within seconds where the server does not answer", async ({ home, page, server, expected }) => {
  expected.push(/Failed to load resource|ERR_/);
  await page.clock.install();
  await page.reload();
  await expect(home.shield()).toBeVisible();
  await hide(page, true);
  await page.clock.fastForward(31_000);
  await expect.poll(() => streams(page, server)).toBe(0);
  // The clock does not always go on by itself after it was moved.
  const says = (name, seconds) => {
    const heading = page.getByRole("heading", { name });
    let passed = 0;
    const passes = async () => (await heading.isVisible()) || (passed++ < seconds && (await page.clock.runFor(1_000), false));
    return expect.poll(passes, { message: `says “${name}” within ${seconds} s of the page's time`, intervals: [100] }).toBe(true);
  };
  server.process.kill("SIGSTOP");
  try {
    await hide(page, false);
    await says("SOS may not get through", 10);
  } finally {
    server.process.kill("SIGCONT");
  }
  await says("Help is one slide away", 40);
});

test("a contact's page that nobody looks at rings, also where tabs cannot share a stream", async ({ home, browser }) => {
  const phone = await home.contact(browser);
  await phone.addInitScript(() => delete window.BroadcastChannel);
  await phone.reload();
  await expect(phone.getByRole("heading", { level: 1 })).toBeVisible();
  await hide(phone, true);
  await home.ask("police");
  await home.button("Send Now").click();
  await expect(phone.getByRole("button", { name: "Answer" })).toBeVisible();
});

test("a server that falls silent: not connected after 20 seconds, and at once where the network is gone", async ({ home, page, server, context, expected }) => {
  expected.push(/Failed to load resource|ERR_/);
  const ready = page.getByRole("heading", { name: "Help is one slide away" });
  await expect(ready).toBeVisible();
  await context.setOffline(true);
  await expect(page.getByRole("heading", { name: "SOS may not get through" })).toBeVisible({ timeout: 2_000 });
  await context.setOffline(false);
  await expect(ready).toBeVisible();
  // The server is frozen, not killed: its connections stay open, and nothing arrives.
  server.process.kill("SIGSTOP");
  try {
    await expect(page.getByRole("heading", { name: "SOS may not get through" })).toBeVisible({ timeout: 25_000 });
  } finally {
    server.process.kill("SIGCONT");
  }
  await expect(ready).toBeVisible({ timeout: 40_000 });
});
