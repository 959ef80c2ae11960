// Many tabs of one browser: a browser opens six connections to a host, and every tab must be heard.
import { expect, test } from "./buckler.js";

const streams = async (page, url) => Number(/^buckler_streams (\d+)/m.exec(await (await page.request.get(`${url}/metrics`)).text())?.[1] ?? 0);

test("seven tabs that are all looked at share one stream, and the seventh is heard", async ({ home, context, server }) => {
  await expect(home.shield()).toBeVisible();
  const tabs = [home.page];
  for (let more = 0; more < 6; more++) {
    const tab = await context.newPage();
    await tab.goto(server.url);
    await expect(tab.getByRole("button", { name: "SOS", exact: true })).toBeVisible();
    tabs.push(tab);
  }
  await expect.poll(() => streams(home.page, server.url)).toBe(1);
  const last = tabs.at(-1);
  await last.getByRole("button", { name: "SOS", exact: true }).click();
  await last.getByRole("button", { name: "Request police without sliding" }).click();
  await last.getByRole("button", { name: "Tap again to request police" }).click();
  for (const tab of tabs) await expect(tab.getByRole("alertdialog", { name: /Requesting police/ })).toBeVisible();
  await expect(last.getByText(/NOT SENT/)).toBeHidden();

  // The tab that holds the stream goes: another takes it, and all hear what happens next.
  await tabs[0].close();
  await expect.poll(() => streams(last, server.url)).toBe(1);
  await last.getByRole("button", { name: "Cancel Help" }).click();
  for (const tab of tabs.slice(1)) await expect(tab.getByRole("dialog", { name: "Cancelled. Nothing was sent." })).toBeVisible();
});

test("a server that falls silent: not connected after 20 seconds, and at once where the network is gone", async ({ home, page, server, context, expected }) => {
  expected.push(/Failed to load resource|ERR_/);
  const ready = page.getByRole("heading", { name: "Help is one slide away" });
  await expect(ready).toBeVisible();
  await context.setOffline(true);
  await expect(page.getByRole("heading", { name: "SOS may not get through" })).toBeVisible({ timeout: 2_000 });
  await context.setOffline(false);
  await expect(ready).toBeVisible();
  // Frozen, not ended: its connections stay open, and nothing comes.
  server.process.kill("SIGSTOP");
  try {
    await expect(page.getByRole("heading", { name: "SOS may not get through" })).toBeVisible({ timeout: 25_000 });
  } finally {
    server.process.kill("SIGCONT");
  }
  await expect(ready).toBeVisible({ timeout: 40_000 });
});
