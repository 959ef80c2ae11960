// An invitation, from the owner's settings to the invited person's dashboard.
import { expect, Home, test } from "./buckler.js";

test("an owner invites somebody by a link, who comes in once", async ({ home, page, browser, server, expected }) => {
  expected.push(/401/);
  await page.goto(`${server.url}/settings/people`);
  const form = page.locator("form", { hasText: "Invite somebody" });
  await form.getByLabel("Their name").fill("Robin");
  await form.getByLabel("What they may do").selectOption("guest");
  await form.getByRole("button", { name: "Make a link" }).click();
  const link = await form.locator("code").textContent();
  const waiting = page.getByRole("listitem").filter({ hasText: "Invited as Guest" });
  await expect(waiting).toContainText("Robin");
  await page.screenshot({ path: "output/invite.png", fullPage: true });

  const visit = async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: "dark" });
    const other = new Home(await context.newPage(), server);
    await other.page.goto(link);
    return other;
  };
  const robin = await visit();
  await expect(robin.page.getByRole("heading", { name: "Olivia invites you to Maple Street" })).toBeVisible();
  await expect(robin.page.getByLabel("Your name")).toHaveValue("Robin");
  await robin.page.getByLabel("E-mail address").fill("owner@demo.test");
  await robin.page.getByLabel("Password, at least 12 characters").fill("three quiet otters");
  await robin.page.screenshot({ path: "output/invitation.png", fullPage: true });
  await robin.button("Join").click();
  await expect(robin.page.getByText("There is an account with this address.")).toBeVisible();
  await robin.page.getByLabel("E-mail address").fill("robin@example.test");
  await robin.button("Join").click();
  await expect(robin.page.locator(".bar__home")).toContainText("Maple Street");
  await robin.button("Why SOS is not available").click();
  await expect(robin.page.getByRole("dialog")).toContainText("You are not allowed to request help for this home");

  const late = await visit();
  await expect(late.page.getByText("This link does not work any more.")).toBeVisible();

  // The owner sees every step in the log.
  await page.goto(`${server.url}/settings/log`);
  const log = page.getByRole("listitem");
  await expect(log.filter({ hasText: "Came by an invitation" })).toContainText("Robin");
  await expect(log.filter({ hasText: "Invited somebody" })).toContainText("Olivia");
  await page.screenshot({ path: "output/log.png", fullPage: true });
});
