// The main path: a slide for police, five seconds, and the answer of the first contact.
import { count, expect, test, whats } from "./buckler.js";

test.describe("somebody answers", () => {
  test.use({ ring: "20s" });

  test("police, confirmed on the phone, is dispatched", async ({ home, browser }) => {
    const phone = await home.contact(browser);
    await expect(phone.getByRole("heading", { name: "No call right now" })).toBeVisible();
    await home.ask("police");
    await expect(home.countdown()).toHaveAccessibleName(/Requesting police in [1-5] seconds?/);
    await expect(home.requested()).toBeVisible();
    await expect(home.requested().getByText("Calling Sister", { exact: true })).toBeVisible();
    await phone.getByRole("button", { name: "Answer" }).click();
    await expect(phone.getByRole("heading", { name: /Is this a real emergency/ })).toBeVisible();
    await phone.getByRole("button", { name: "Yes, send help" }).click();
    await expect(phone.getByRole("heading", { name: "Thank you. We have received it" })).toBeVisible();
    await expect(home.story().getByText("Sister confirmed the emergency")).toBeVisible();
    await expect(home.story().getByText("Police requested to 14 Maple Street, Portland")).toBeVisible();
    await expect(home.story().getByText(/Police: request accepted/)).toBeVisible();
    const incident = await home.state("dispatching");
    expect(count(incident, "dispatch_requested")).toBe(1);
  });

  test("the phone goes on ringing when an answer arrives that is older than the call", async ({ home, browser }) => {
    const phone = await home.contact(browser);
    await home.ask("police");
    let arrive;
    const arrived = new Promise((resolve) => (arrive = resolve));
    const state = /\/api\/v1\/contact\/[^/]+$/;
    const written = new Promise((resolve) =>
      phone.route(
        state,
        async (route) => {
          const response = await route.fetch();
          resolve();
          await arrived;
          await route.fulfill({ response });
        },
        { times: 1 },
      ),
    );
    await phone.reload({ waitUntil: "commit" });
    await written;
    await home.button("Send Now").click();
    const answer = phone.getByRole("button", { name: "Answer" });
    await expect(answer).toBeVisible();
    // The page shows that answer no more, and asks again.
    const again = phone.waitForRequest(state);
    arrive();
    await again;
    await expect(answer).toBeVisible();
    await answer.click();
    await expect(phone.getByRole("heading", { name: /Is this a real emergency/ })).toBeVisible();
  });

  test("the right password calls it off", async ({ home, browser }) => {
    const phone = await home.contact(browser);
    await home.ask("police");
    await phone.getByRole("button", { name: "Answer" }).click();
    await phone.getByRole("button", { name: "No, call it off" }).click();
    await phone.getByRole("textbox", { name: "Verbal password" }).fill("blue heron");
    await phone.getByRole("button", { name: "Call it off" }).click();
    await expect(phone.getByRole("heading", { name: "Thank you. We have received it" })).toBeVisible();
    await expect(home.ended(/^Sister called it off at \d\d:\d\d\.$/)).toBeVisible();
    expect(count(await home.state("cancelled"), "dispatch_requested")).toBe(0);
  });

  test("a wrong password dispatches, and the phone cannot tell", async ({ home, browser }) => {
    const phone = await home.contact(browser);
    await home.ask("police");
    await phone.getByRole("button", { name: "Answer" }).click();
    await phone.getByRole("button", { name: "No, call it off" }).click();
    await phone.getByRole("textbox", { name: "Verbal password" }).fill("red robin");
    await phone.getByRole("button", { name: "Call it off" }).click();
    await expect(phone.getByRole("heading", { name: "Thank you. We have received it" })).toBeVisible();
    const incident = await home.state("dispatching");
    expect([count(incident, "dispatch_requested"), incident.calls[0].outcome]).toEqual([1, null]);
    // An attacker may be watching the screen at home.
    await expect(home.requested()).toBeVisible();
    await expect(home.story().getByText(/Police: request accepted/)).toBeVisible();
    expect(await home.requested().innerText()).not.toMatch(/wrong|password/i);
    expect(await phone.locator("body").innerText()).not.toMatch(/wrong|dispatch|sent/i);
  });
});

test("nobody answers: dispatched, and the other contacts are called", async ({ home, browser }) => {
  const neighbor = await home.contact(browser, 1);
  await home.ask("police");
  await expect(home.story().getByText("Sister did not answer")).toBeVisible();
  await expect(neighbor.getByRole("heading", { name: /Police requested at Maple Street/ })).toBeVisible();
  await neighbor.getByRole("button", { name: "Answer" }).click();
  await neighbor.getByRole("button", { name: "I have heard" }).click();
  await expect(home.story().getByText("Neighbor was told")).toBeVisible();
  await expect(home.story().getByText(/calling Father to say/)).toBeVisible();
  const incident = await home.state("dispatching");
  const order = whats(incident).filter((w) => ["call_placed", "dispatch_requested"].includes(w));
  expect(order.slice(0, 3)).toEqual(["call_placed", "dispatch_requested", "call_placed"]);
});

test("cancelled at two seconds: nothing is sent", async ({ home }) => {
  await home.ask("police");
  await expect(home.countdown()).toHaveAccessibleName(/in 3 seconds/);
  await home.button("Cancel Help").click();
  await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
  const incident = await home.state("aborted");
  expect(whats(incident)).toEqual(["started", "aborted"]);
  await home.button("Done").click();
  await expect(home.shield()).toBeVisible();
  await expect(home.page.getByText("Police, cancelled in time")).toBeVisible();
});

test("Send Now skips the countdown", async ({ home }) => {
  await home.ask("fire department");
  await home.button("Send Now").click();
  await expect(home.requested()).toBeVisible();
  const incident = await home.state("verifying");
  expect(whats(incident).slice(0, 2)).toEqual(["started", "sent_now"]);
});

test("a slide that is let go before its end asks for nothing", async ({ home }) => {
  await home.openSheet();
  await home.slide("police", 0.8);
  await expect(home.page.getByRole("slider", { name: "Slide to request police" })).toHaveValue("0");
  const track = await home.page.getByRole("slider", { name: "Slide to request medical help" }).boundingBox();
  await home.page.mouse.click(track.x + track.width - 20, track.y + track.height / 2);
  await expect(home.sheet()).toBeVisible();
  expect(await home.api.incidents("maple-street")).toEqual([]);
});
