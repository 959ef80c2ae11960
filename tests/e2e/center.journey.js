// What was found long after its time: somebody decides.
import { Api, expect, test } from "./buckler.js";

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
