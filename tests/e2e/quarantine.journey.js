// The app names data that the server cannot read and says what to do, and everything else continues.
import { expect, test } from "./buckler.js";

const lost = /Failed to load resource|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|Failed to fetch/;

test("an incident that the server cannot read: the dashboard says so, another SOS is sent, and the owner ends it", async ({ home, expected }) => {
  expected.push(lost);
  await home.ask("police");
  await expect(home.countdown()).toBeVisible();
  await home.server.restartAfter("UPDATE facts SET body = '[' || body");
  const { page } = home;
  await expect(page.getByText("An SOS has stopped")).toBeVisible({ timeout: 40_000 });
  await expect(home.countdown()).toBeHidden();
  await home.ask("fire");
  await expect(home.countdown()).toBeVisible();
  await page.getByRole("button", { name: "Cancel Help" }).click();
  await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("link", { name: /An SOS has stopped/ }).click();
  await page.getByRole("button", { name: "I have dealt with it" }).click();
  await expect(page.getByText("Dealt with an SOS that had stopped")).toBeVisible();
  await page.goto(home.server.url);
  await expect(page.getByText("Help is one slide away")).toBeVisible();
  await expect(page.getByText("An SOS has stopped")).toHaveCount(0);
});

test("a home that the server cannot read: it says so, and another home is one choice away", async ({ home, expected }) => {
  expected.push(lost, /503/);
  await home.server.restartAfter("UPDATE home SET document = '{' || document WHERE id = 'maple-street'");
  const { page } = home;
  await page.goto(home.server.url);
  await expect(page.getByRole("heading", { name: "The server cannot read this home" })).toBeVisible();
  await expect(page.getByRole("button", { name: "SOS", exact: true })).toHaveCount(0);
  await expect(page.getByText(/In an emergency call 911 or 112/)).toBeVisible();
  const homes = page.getByRole("combobox", { name: "Choose a home" });
  await homes.selectOption("lake-cabin");
  await expect(page.getByRole("button", { name: "SOS", exact: true })).toBeVisible();
  await homes.selectOption("maple-street");
  await expect(page.getByRole("heading", { name: "The server cannot read this home" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "The server cannot read this home" })).toBeVisible();
  expect(await homes.inputValue()).toBe("maple-street");
});
