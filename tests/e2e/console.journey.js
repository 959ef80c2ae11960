// The information beside the incident at the center, and how owners and contacts prepare it.
import { createServer } from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api, expect, test } from "./buckler.js";
import { freePort } from "./machine.js";

const secrets = mkdtempSync(join(tmpdir(), "buckler-"));
const secret = join(secrets, "secret");
writeFileSync(secret, "whsec_MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=");
const deaf = await freePort();

process.on("exit", () => rmSync(secrets, { recursive: true, force: true }));

/** A person of the center at the console. */
async function at(browser, server, name) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" });
  await new Api(context.request, server.url).signIn(name);
  const desk = await context.newPage();
  await desk.goto(`${server.url}/center`);
  return desk;
}

test.describe("people at the center", () => {
  test.use({ configuration: '[center]\nmode = "operators"\n', ring: "60s" });

  test("an owner's notes and the camera's picture are there for whoever works on it; a supervisor hands over and sees how it went", async ({ home, page, server, browser, expected }, info) => {
    expected.push(/401/);
    server.user("center", "guest@demo.test", "--role", "supervisor");
    await page.evaluate(() => localStorage.setItem("buckler-home", "lake-cabin"));
    await page.goto(`${server.url}/settings/address`);
    await page.getByLabel("How to come in (gate code, where the key is)").fill("Gate code 4711");
    await page.getByLabel("Pets").fill("Two dogs, friendly");
    await page.getByLabel("Alarm permit number").fill("A-9");
    await page.getByLabel("Permit valid until").fill("2020-01-31");
    const form = page.locator("form").filter({ hasText: "For responders" });
    await form.getByRole("button", { name: "Save" }).click();
    await expect(form.getByText("Saved")).toBeVisible();
    await page.screenshot({ path: `output/notes-${info.project.name}.png`, fullPage: true });
    const [desk, lead] = [await at(browser, server, "operator"), await at(browser, server, "guest")];
    await expect(lead.getByText("No incident reached the center.")).toBeVisible();
    await page.goto(server.url);
    await home.ask("police");
    await home.button("Send Now").click();
    await lead.getByRole("button", { name: "Police, Lake Cabin" }).click();
    await lead.getByRole("button", { name: "Hand to Operator" }).click();
    await desk.getByRole("button", { name: "Police, Lake Cabin" }).click();
    await expect(desk.getByText("To come in: Gate code 4711")).toBeVisible();
    await expect(desk.getByText("Pets: Two dogs, friendly")).toBeVisible();
    await expect(desk.getByText("Alarm permit A-9, expired on 2020-01-31")).toBeVisible();
    await expect(desk.locator("live-picture")).toHaveCount(2);
    await expect(desk.locator("live-picture canvas").first()).toBeVisible();
    await desk.screenshot({ path: `output/console-picture-${info.project.name}.png`, fullPage: true });
    await desk.getByRole("button", { name: "Confirmed" }).click();
    await desk.getByRole("button", { name: "Police: accepted" }).click();
    // Wait until its button is gone, because that moves the buttons below it.
    await expect(desk.getByText(/Police: request accepted/)).toBeVisible();
    await desk.getByRole("button", { name: "Close: nobody had needed help" }).click();
    await desk.getByRole("button", { name: "Press again: it is closed" }).click();
    await expect(desk.locator("live-picture")).toHaveCount(0);
    await lead.reload();
    const figures = lead.locator("section").filter({ hasText: "The last 30 days" }).last();
    await expect(figures.getByRole("listitem").filter({ hasText: "Nobody had needed help" })).toContainText("1");
    await expect(figures.getByRole("listitem").filter({ hasText: "Until somebody took it" })).toContainText("half within");
    await lead.screenshot({ path: `output/console-figures-${info.project.name}.png`, fullPage: true });
    const table = lead.waitForEvent("download");
    await lead.getByRole("link", { name: "Download a table" }).click();
    expect((await table).suggestedFilename()).toBe("center.csv");
    await Promise.all([desk.context().close(), lead.context().close()]);
  });
});

test("a contact says that they forgot the password, the owner is told, and then they remember it", async ({ home, page, server, browser }, info) => {
  const phone = await home.contact(browser);
  await expect(phone.getByRole("heading", { name: "Do you remember the verbal password of Maple Street?" })).toBeVisible();
  await phone.screenshot({ path: `output/remember-${info.project.name}.png`, fullPage: true });
  await phone.getByRole("button", { name: "No, tell me again" }).click();
  await expect(page.getByText("2 contacts ready")).toBeVisible();
  await page.goto(`${server.url}/settings/contacts`);
  await expect(page.getByText("Sister does not remember the verbal password. Tell them again; their page asks them.")).toBeVisible();
  await page.screenshot({ path: `output/forgot-${info.project.name}.png`, fullPage: true });
  await phone.getByRole("button", { name: "Yes, I remember it" }).click();
  await expect(phone.getByRole("heading", { name: /Do you remember/ })).toHaveCount(0);
  await page.goto(server.url);
  await expect(page.getByText("3 contacts ready")).toBeVisible();
  await phone.context().close();
});

test.describe("another server that does not answer", () => {
  test.use({ ring: "60s", configuration: `[[webhook]]\nurl = "http://127.0.0.1:${deaf}/hook"\nsecret_file = "${secret}"\n` });

  test("is shown to the owner, and told again when it does", async ({ home, page, server, browser }, info) => {
    await home.ask("police");
    await home.button("Send Now").click();
    const phone = await home.contact(browser);
    await phone.getByRole("button", { name: "Answer" }).click();
    await phone.getByRole("button", { name: "No, call it off" }).click();
    await phone.getByLabel("Verbal password").fill("blue heron");
    await phone.getByRole("button", { name: "Call it off" }).click();
    await home.state("cancelled");
    await phone.context().close();
    await home.button("Done").click();
    await page.goto(`${server.url}/settings/log`);
    await expect(page.getByText("127.0.0.1 does not take what happened here")).toBeVisible();
    await expect(page.getByText("It cannot be reached. It is tried again by itself.")).toBeVisible();
    await page.screenshot({ path: `output/deliveries-${info.project.name}.png`, fullPage: true });
    let taken = 0;
    const hook = createServer((request, answer) => request.resume().on("end", () => (taken++, answer.end())));
    await new Promise((listens) => hook.listen(deaf, "127.0.0.1", listens));
    await page.getByRole("button", { name: "Try again now" }).click();
    await expect.poll(() => taken).toBeGreaterThan(1);
    await expect(page.getByText("127.0.0.1 does not take what happened here")).toHaveCount(0);
    hook.closeAllConnections();
    hook.close();
  });
});
