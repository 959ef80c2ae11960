// Sessions: a request that meets one that has ended, signed-in devices, and a new password.
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
  await page.getByLabel("Password until now").fill("buckler-demo");
  await page.getByLabel("Password, at least 12 characters").fill("password1234");
  await home.button("Save").click();
  await expect(page.getByText("That is easily guessed.")).toBeVisible();
  await page.getByLabel("Password, at least 12 characters").fill("three quiet otters");
  await home.button("Save").click();
  await expect(page.getByText("Saved")).toBeVisible();
  await expect(again.getByRole("button", { name: "Sign in" })).toBeVisible();
  await page.goto(server.url);
  await expect(home.shield()).toBeVisible();
});
