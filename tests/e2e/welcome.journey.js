// From nothing to a home with an address, contacts and a drill.
import { expect, test } from "./buckler.js";

test.use({ demo: false, ring: "10s" });

test("the first run takes less than three minutes, without a manual", async ({ page, server, browser }) => {
  const link = server.said.match(/http:\/\/\S+\/welcome\/\S+/)[0];
  const began = Date.now();
  const button = (name) => page.getByRole("button", { name });
  await page.goto(link);
  await page.getByLabel("Your name").fill("Ada");
  await page.getByLabel("E-mail address").fill("ada@example.org");
  await page.getByLabel("Password, at least 12 characters").fill("three quiet otters");
  await page.getByLabel("Name of the home").fill("Mill House");
  await button("Begin").click();
  await page.getByLabel("House and street").fill("3 Mill Lane");
  await page.getByLabel("Town").fill("Salem");
  await page.getByLabel("State or province").fill("OR");
  await page.getByLabel("ZIP or postal code").fill("97301");
  await page.getByLabel("Country (two letters)").fill("US");
  await button("Check what responders will be told").click();
  await button("Yes, that is where help should come").click();
  await page.getByLabel("What is it?").selectOption({ label: "Base station" });
  await page.getByLabel("Name", { exact: true }).fill("Hall");
  await button("Add").click();
  await expect(page.getByRole("button", { name: /Hall/ })).toBeVisible();
  await button("Continue").click();
  const [names, numbers] = ["Name", "Telephone number"].map((name) => page.getByRole("textbox", { name, exact: true }));
  await names.nth(0).fill("Grace");
  await numbers.nth(0).fill("+1 503 555 0111");
  await names.nth(1).fill("Alan");
  await numbers.nth(1).fill("+1 503 555 0112");
  await button("Save").click();
  await page.getByLabel("New password").fill("blue kettle");
  await button("Save").click();
  await page.getByRole("link", { name: "Practice now" }).click();
  await button("Start the drill").click();
  await button("Send Now").click();
  await button("How it went").click({ timeout: 60_000 });
  // The drill reports that nobody is connected yet and no contact has agreed.
  await expect(page.getByRole("heading", { name: "Something would have gone wrong" })).toBeVisible();
  await expect(page.getByText(/When the drill began: Not connected to responders/)).toBeVisible();
  expect(Date.now() - began).toBeLessThan(180_000);
  await page.getByRole("link", { name: "Back" }).click();
  // The link is used up.
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(link);
  await stranger.getByLabel("Your name").fill("Eve");
  await stranger.getByLabel("E-mail address").fill("eve@example.org");
  await stranger.getByLabel("Password, at least 12 characters").fill("let me in please");
  await stranger.getByLabel("Name of the home").fill("Mine");
  await stranger.getByRole("button", { name: "Begin" }).click();
  await expect(stranger.locator(".field__wrong").filter({ hasText: /./ }).first()).toBeVisible();
});
