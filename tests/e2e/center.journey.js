// What was found long after its time: somebody decides.
import { Api, expect, Home, test } from "./buckler.js";

async function late(home, server, expected) {
  expected.push(/ERR_/);
  await home.ask("police");
  await server.downFor(20);
  await expect(home.page.getByRole("heading", { name: "Nothing was sent yet" })).toBeVisible();
}

test("an operator sees what was found late, and whom to call, and sends help", async ({ home, page, server, browser, expected }) => {
  await late(home, server, expected);
  const context = await browser.newContext();
  const desk = await context.newPage();
  await new Api(context.request, server.url).signIn("operator");
  await desk.goto(server.url);
  await desk.getByRole("link", { name: "Monitoring center" }).click();
  await expect(desk.getByText("To 14 Maple Street, Portland, OR 97205, US")).toBeVisible();
  await expect(desk.getByRole("list", { name: "Call first" }).getByRole("link").first()).toHaveAttribute("href", "tel:+15035550101");
  // The list is asked for again and again: what has not changed stays as it is, a button half pressed too.
  await desk.getByRole("button", { name: "Nobody needs help any more" }).click();
  for (let look = 0; look < 2; look++) await desk.waitForResponse(/center\/incidents$/);
  await desk.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await expect(desk.getByRole("button", { name: "Tap again: nothing will be sent" })).toBeVisible();
  await desk.getByRole("button", { name: "Yes, send help now" }).click();
  await expect(desk.getByText("Nothing waits for you")).toBeVisible();
  await context.close();
  await expect(page.getByRole("heading", { name: "Help has been requested" })).toBeVisible();
  await expect(page.getByText("Calling Sister", { exact: true })).toBeVisible();
});

test("the household says that nobody needs help any more", async ({ home, page, server, expected }) => {
  await late(home, server, expected);
  await home.button("Nobody needs help any more").click();
  await home.button("Tap again: nothing will be sent").click();
  await home.button("Done").click();
  await expect(home.shield()).toBeVisible();
  const [last] = await home.api.incidents("maple-street");
  expect([last.state, last.dispatches.length]).toEqual(["closed", 0]);
});

test.describe("the desk", () => {
  test.use({ proof: "3s" });
  test("a supervisor invites an operator by a link, and ends their work again", async ({ server, browser, expected }, info) => {
  expected.push(/401/, /404/);
  server.user("center", "owner@demo.test", "--role", "supervisor");
  const open = async (url) => {
    const { viewport, colorScheme } = info.project.use;
    const context = await browser.newContext({ viewport, colorScheme, permissions: ["clipboard-write"] });
    return [context, new Home(await context.newPage(), server), url];
  };
  const [context, desk] = await open();
  await new Api(context.request, server.url).signIn("owner");
  await desk.page.goto(`${server.url}/center`);
  await desk.page.getByLabel("Their name").fill("Robin");
  // Long enough after signing in that the password is asked for again; nothing typed is lost.
  await expect(async () => expect((await context.request.delete(`${server.url}/api/v1/center/people/nobody`)).status()).toBe(403)).toPass();
  await desk.button("Make a link").click();
  await desk.page.getByRole("dialog").getByLabel("Password").fill("buckler-demo");
  await desk.button("Confirm and save").click();
  await expect(desk.page.getByRole("listitem").filter({ hasText: "Invited as Operator" })).toContainText("Robin");
  await desk.page.screenshot({ path: `output/desk-${info.project.name}.png`, fullPage: true });
  const link = await desk.page.locator("code").textContent();

  const [, robin] = await open();
  await robin.page.goto(link);
  await expect(robin.page.getByRole("heading", { name: "Olivia invites you to the monitoring center" })).toBeVisible();
  await robin.page.getByLabel("E-mail address").fill("robin@example.test");
  await robin.page.getByLabel("Password, at least 12 characters").fill("three quiet otters");
  await robin.page.screenshot({ path: `output/desk-invited-${info.project.name}.png`, fullPage: true });
  await robin.button("Join").click();
  await expect(robin.page.getByText("Nothing waits for you")).toBeVisible();
  await expect(robin.page.getByText("Who works here")).toHaveCount(0);

  await desk.page.reload();
  const person = desk.page.getByRole("listitem").filter({ hasText: "robin@example.test" });
  await person.getByRole("button", { name: "Remove Robin" }).click();
  await person.getByRole("button", { name: "Tap again" }).click();
  await expect(person).toHaveCount(0);
  await expect(robin.page.getByText("You do not work at the monitoring center.")).toBeVisible();
});
});
