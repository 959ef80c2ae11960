// An incident that was found late waits for a person's decision.
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
  await desk.getByRole("button", { name: "Police, Maple Street" }).click();
  await expect(desk.getByText("To 14 Maple Street, Portland, OR 97205, US")).toBeVisible();
  await expect(desk.getByRole("list", { name: "Call first" }).getByRole("link").first()).toHaveAttribute("href", "tel:+15035550101");
  // The list is polled. What has not changed keeps its elements, even a button that was tapped once.
  await desk.getByRole("button", { name: "Nobody needs help any more" }).click();
  for (let look = 0; look < 2; look++) await desk.waitForResponse(/center\/incidents/);
  await desk.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await expect(desk.getByRole("button", { name: "Tap again: nothing will be sent" })).toBeVisible();
  await desk.getByRole("button", { name: "Yes, send help now" }).click();
  await expect(desk.getByText("Nothing waits for you")).toBeVisible();
  await context.close();
  await expect(home.requested()).toBeVisible();
  await home.state("dispatching");
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
  // Wait until the sign-in is old enough that the app asks for the password again. What was typed is kept.
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
  const remove = person.getByRole("button", { name: "Remove Robin" });
  const asked = desk.page.getByRole("dialog").getByLabel("Password");
  await expect(remove).toBeVisible();
  await expect(async () => {
    // On a slow machine the app may ask for the password again by now, or say that the server did not answer.
    if (await asked.isVisible()) {
      await asked.fill("buckler-demo");
      await desk.button("Confirm and save").click();
    } else if (await remove.isVisible()) {
      await remove.click();
      await person.getByRole("button", { name: "Tap again" }).click();
    }
    await expect(person).toHaveCount(0, { timeout: 2_000 });
  }).toPass();
  await expect(robin.page.getByText("You do not work at the monitoring center.")).toBeVisible();
});
});

test.describe("people at the center", () => {
  test.use({ configuration: '[center]\nmode = "operators"\n', ring: "60s" });

  const console = async (browser, server) => {
    const context = await browser.newContext();
    await new Api(context.request, server.url).signIn("operator");
    const desk = await context.newPage();
    await desk.goto(`${server.url}/center`);
    await expect(desk.getByText("Nothing waits for you")).toBeVisible();
    return desk;
  };
  const told = (desk, text) => expect(desk.getByRole("list", { name: "What has happened" }).getByText(text, { exact: true })).toBeVisible();

  test("police, taken, called, a wrong password, sent, accepted, on scene, closed: both sides see each step", async ({ home, server, browser }, info) => {
    const desk = await console(browser, server);
    await home.ask("police");
    await home.button("Send Now").click();
    await expect(desk).toHaveTitle(/^\(1\) Monitoring center/);
    // An operator who looks elsewhere sees the title blink.
    await desk.evaluate(() => Object.defineProperty(document, "hidden", { value: true, configurable: true }));
    await expect(desk).toHaveTitle(/^● \(1\) Monitoring center/);
    await desk.evaluate(() => delete document.hidden);
    await expect(desk).toHaveTitle(/^\(1\) Monitoring center/);
    await desk.getByRole("button", { name: "Police, Maple Street" }).click();
    await expect(desk.getByText("Sister")).toHaveCount(0);
    await desk.getByRole("button", { name: "Take it" }).click();
    await expect(home.story().getByText("An operator took the incident")).toBeVisible();
    await expect(desk.getByText(/^Call Sister\. Say: /)).toBeVisible();
    await expect(desk.getByText("To 14 Maple Street, Portland, OR 97205, US")).toBeVisible();
    await expect(desk.getByRole("list", { name: "Call first" }).getByRole("link").first()).toHaveAttribute("href", "tel:+15035550101");
    await expect(home.story().getByText("An operator is calling Sister")).toBeVisible();
    await desk.screenshot({ path: `output/console-call-${info.project.name}.png`, fullPage: true });
    await desk.getByLabel("The verbal password, as it was said").fill("green heron");
    await desk.getByRole("button", { name: "Called off" }).click();
    await expect(desk.getByText("Carry on: help is sent. Do not say why.")).toBeVisible();
    await expect(home.story().getByText("Police requested to 14 Maple Street, Portland")).toBeVisible();
    // A person who forced somebody to cancel may be watching this screen.
    await expect(home.story().getByText(/wrong/)).toBeHidden();
    await desk.getByLabel("The agency’s number").fill("P-17");
    await desk.getByRole("button", { name: "Police: accepted" }).click();
    await expect(home.story().getByText("Police: request accepted (P-17)")).toBeVisible();
    await told(desk, "Police: request accepted (P-17)");
    await desk.getByRole("button", { name: "Police: on scene" }).click();
    await expect(home.story().getByText("Police: on scene")).toBeVisible();
    await desk.getByLabel("For the record").fill("Gate is open");
    await desk.getByRole("button", { name: "Add to the record" }).click();
    await expect(home.story().getByText("Gate is open")).toBeVisible();
    await desk.screenshot({ path: `output/console-follow-${info.project.name}.png`, fullPage: true });
    await desk.getByRole("button", { name: "Close: help was given" }).click();
    await desk.getByRole("button", { name: "Press again: it is closed" }).click();
    await expect(desk.getByText("Nothing waits for you")).toBeVisible();
    await expect(home.page.getByText("Closed by the monitoring center.")).toBeVisible();
  });

  // Presses the button for acceptance as soon as it appears, and tells whether it was disabled.
  const pressedAtOnce = () =>
    new Promise((done) => {
      const observer = new MutationObserver(() => {
        const button = [...document.querySelectorAll(".keys .btn")].find(({ textContent }) => textContent.endsWith(": accepted"));
        if (!button) return;
        observer.disconnect();
        const { disabled } = button;
        button.click();
        done(disabled);
      });
      observer.observe(document.body, { subtree: true, childList: true });
    });

  test("a shift, by the keyboard alone", async ({ home, server, browser, page }) => {
    test.slow();
    const desk = await console(browser, server);
    const asks = async (what) => {
      const id = crypto.randomUUID();
      const data = { id, request: what, mode: "live", source: { surface: "dashboard" }, sent_at: new Date().toISOString() };
      expect((await page.request.post(`${server.url}/api/v1/homes/maple-street/incidents`, { data })).ok()).toBe(true);
      expect((await page.request.post(`${server.url}/api/v1/incidents/${id}/send-now`, { data: {} })).ok()).toBe(true);
      return id;
    };
    const incident = (id) => page.request.get(`${server.url}/api/v1/incidents/${id}`).then((answer) => answer.json());
    await desk.getByRole("region", { name: "Monitoring center" }).focus();
    for (let n = 0; n < 12; n++) {
      const id = await asks(["police", "fire", "medical"][n % 3]);
      await expect(desk.getByRole("listitem").filter({ hasText: "Maple Street" })).toHaveCount(1);
      await desk.keyboard.press("ArrowDown");
      await expect(desk.getByRole("button", { name: "Take it" })).toBeVisible();
      await desk.keyboard.press("t");
      await expect(desk.getByRole("button", { name: "Confirmed" })).toBeEnabled();
      const second = desk.evaluate(pressedAtOnce);
      await desk.keyboard.press("1");
      expect(await second, "another button is under the finger, and takes no press yet").toBe(true);
      await expect(desk.getByRole("button", { name: /: accepted$/ })).toBeEnabled();
      expect((await incident(id)).dispatches.map(({ state }) => state)).toEqual(["requested"]);
      await desk.keyboard.press("1");
      await expect(desk.getByRole("button", { name: /: on scene$/ })).toBeVisible();
      await desk.keyboard.press("3");
      await expect(desk.getByRole("button", { name: "Press again: it is closed" })).toBeVisible();
      await desk.keyboard.press("3");
      await expect(desk.getByText("Nothing waits for you")).toBeVisible();
      const closed = await incident(id);
      expect([closed.state, closed.outcome.disposition]).toEqual(["closed", "help_given"]);
    }
  });
});
