// Passkeys with Chromium's virtual authenticator, from the first one to the loss of every device.
import { expect, Home, test } from "./buckler.js";

/** A virtual authenticator in the page's browser, with the passkeys of authenticator `from`, if given. */
async function authenticator(page, from) {
  const client = await page.context().newCDPSession(page);
  await client.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await client.send("WebAuthn.addVirtualAuthenticator", { options });
  const credentials = async () => (await client.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  for (const credential of from ? await from.credentials() : []) await client.send("WebAuthn.addCredential", { authenticatorId, credential });
  const recognize = (isUserVerified) => client.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
  return { credentials, recognize };
}

/** A separate browser at the address to which passkeys are bound. */
async function device(browser, server, expected) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: "dark", locale: "en-US", timezoneId: "America/Los_Angeles" });
  const page = await context.newPage();
  const home = new Home(page, { url: server.url.replace("127.0.0.1", "localhost") });
  page.on("console", (message) => message.type() === "error" && !expected.test(message.text()) && home.errors.push(message.text()));
  page.on("pageerror", (error) => home.errors.push(String(error)));
  return home;
}

const signIn = async (home) => {
  await home.page.goto(home.server.url);
  await home.page.getByLabel("E-mail address").fill("owner@demo.test");
  await home.page.getByLabel("Password").fill("buckler-demo");
  await home.button("Sign in").click();
  await expect(home.shield()).toBeVisible();
};

test("a passkey is made, signs in, lets a new device ask for help, and is survived by recovery codes", async ({ browser, server }) => {
  test.setTimeout(180_000);
  const mine = await device(browser, server, /401/);
  const { page } = mine;
  const key = await authenticator(page);
  await signIn(mine);

  // A passkey is made in settings.
  await page.goto(`${mine.server.url}/settings/security`);
  await expect(page.getByText("None yet")).toBeVisible();
  await mine.button("Add a passkey").click();
  const keys = page.getByRole("listitem").filter({ hasText: "Added" });
  await expect(keys).toHaveCount(1);
  await expect(keys).toContainText("Chrome on Linux");
  expect(await key.credentials()).toHaveLength(1);
  await mine.button("Make new codes").click();
  await mine.button("Tap again: older codes stop working").click();
  await expect(page.locator(".codes li")).toHaveCount(10);
  const codes = await page.locator(".codes li").allTextContents();
  await page.screenshot({ path: "output/security-codes.png", fullPage: true });
  await mine.button("I have kept them").click();
  await expect(page.getByText("10 left")).toBeVisible();
  await expect(page.locator(".codes")).toHaveCount(0);

  // It signs in without a name or a password.
  await page.request.delete(`${mine.server.url}/api/v1/session`);
  await page.goto(mine.server.url);
  await page.screenshot({ path: "output/sign-in-passkey.png" });
  await key.recognize(false);
  await mine.button("Use a passkey").click();
  await expect(page.getByText("No passkey was used.")).toBeVisible();
  await key.recognize(true);
  await mine.button("Use a passkey").click();
  await expect(page.getByRole("heading", { name: "Help is one slide away" })).toBeVisible();

  // A device that signed in with only the password is told at once that it cannot request help. It can practice.
  const other = await device(browser, server, /401|403/);
  await signIn(other);
  const notice = other.page.getByRole("alert").filter({ hasText: "This device cannot request help yet" });
  await expect(notice).toBeVisible();
  await expect(notice.getByRole("link", { name: "Call 911" })).toHaveAttribute("href", "tel:911");
  await other.page.screenshot({ path: "output/restricted.png", fullPage: true });
  await other.openSheet();
  await expect(other.sheet().getByText("signed in without your passkey")).toBeVisible();
  await expect(other.page.getByRole("slider")).toHaveCount(0);
  await expect(other.button("Sound Siren Only")).toBeVisible();
  await other.page.screenshot({ path: "output/restricted-sheet.png" });
  await other.button("Practice instead").click();
  await expect(other.page.getByRole("slider")).toHaveCount(3);
  await other.button("Close").click();

  // Another device allows it, and it learns that without a reload.
  await page.goto(`${mine.server.url}/settings/security`);
  const waiting = page.getByRole("listitem").filter({ hasText: "Cannot request help until" });
  await waiting.getByRole("button", { name: "Allow" }).click();
  await waiting.getByRole("button", { name: "Tap again if it is yours" }).click();
  await expect(waiting).toHaveCount(0);
  await expect(notice).toHaveCount(0);
  await other.ask("medical help");
  await other.button("Cancel Help").click();
  await expect(other.ended("Cancelled. Nothing was sent.")).toBeVisible();

  // Every device is lost: sign in with a code, and then with the passkey that a backup restored.
  const found = await device(browser, server, /401|403/);
  await found.page.goto(found.server.url);
  await found.button("Use a recovery code").click();
  const form = found.page.locator("form", { hasText: "Recovery code" });
  await form.getByLabel("E-mail address").fill("owner@demo.test");
  await form.getByLabel("Recovery code").fill("0000-0000");
  await found.button("Continue with the code").click();
  await expect(found.page.getByText("do not belong together")).toBeVisible();
  await form.getByLabel("Recovery code").fill(codes[3].toLowerCase());
  await found.button("Continue with the code").click();
  await expect(found.page.getByRole("alert").filter({ hasText: "This device cannot request help yet" })).toBeVisible();
  await authenticator(found.page, key);
  await found.button("Allow with my passkey").click();
  await expect(found.page.getByRole("heading", { name: "Help is one slide away" })).toBeVisible();
  expect([...mine.errors, ...other.errors, ...found.errors]).toEqual([]);
});

test("a passkey sets a new password where the old one is not known", async ({ browser, server }) => {
  const mine = await device(browser, server, /401|422/);
  const { page } = mine;
  await authenticator(page);
  await signIn(mine);
  await page.goto(`${mine.server.url}/settings/security`);
  await expect(page.getByText("None yet")).toBeVisible();
  const instead = mine.button("Use your passkey instead");
  await expect(instead).toHaveCount(0);
  await mine.button("Add a passkey").click();
  const form = page.locator("form", { hasText: "Change your password" });
  const password = form.getByLabel("Password, at least 12 characters");
  await password.fill("password1234");
  await instead.click();
  await expect(form.getByText("That is easily guessed.")).toBeVisible();
  await expect(password).toBeFocused();
  await password.fill("three quiet otters");
  await instead.focus();
  await page.keyboard.press("Enter");
  await expect(form.getByText("Saved")).toBeVisible();
  await expect(password).toHaveValue("");
  const signsIn = async (password) => {
    const context = await browser.newContext();
    const data = { email: "owner@demo.test", password };
    const answer = await context.request.post(`${mine.server.url}/api/v1/session`, { data });
    await context.close();
    return answer.status();
  };
  expect([await signsIn("buckler-demo"), await signsIn("three quiet otters")]).toEqual([401, 200]);
  expect(mine.errors).toEqual([]);
});

test.describe("some time after somebody proved who they are", () => {
  test.use({ proof: "5s" });

  test("a passkey is enough to change something, and to remove it", async ({ browser, server }) => {
    const mine = await device(browser, server, /401|403/);
    await authenticator(mine.page);
    await signIn(mine);
    await mine.page.goto(`${mine.server.url}/settings/security`);
    await mine.button("Add a passkey").click();
    const keys = mine.page.getByRole("listitem").filter({ hasText: "Added" });
    await expect(keys).toHaveCount(1);
    const lapsed = () => mine.page.request.post(`${mine.server.url}/api/v1/passkeys/options`).then((answer) => answer.status());
    await expect.poll(lapsed, { timeout: 15_000 }).toBe(403);
    await keys.getByRole("button", { name: "Remove" }).click();
    await keys.getByRole("button", { name: "Tap again to remove it" }).click();
    const asked = mine.page.getByRole("dialog", { name: "Is it you?" });
    await asked.getByRole("button", { name: "Use a passkey instead" }).click();
    await expect(asked).toBeHidden();
    await expect(mine.page.getByText("None yet")).toBeVisible();
    expect(mine.errors).toEqual([]);
  });
});
