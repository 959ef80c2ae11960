// A newly installed server: no demo, no monitoring center, nobody connected. It never claims that somebody has been told.
import { expect, Home, test } from "./buckler.js";

test.use({ demo: false, ring: "10s" });

/** A person whose home has an address, an offline base station, and contacts. Returns the person on the dashboard. */
async function installed(page, server) {
  const token = server.said.match(/\/welcome\/(\S+)/)[1];
  const ask = async (method, path, data) => {
    const answer = await page.request[method](`${server.url}/api/v1${path}`, { data });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
    return answer.status() === 204 ? null : answer.json();
  };
  await ask("post", "/welcome", { token, name: "Ada", email: "ada@example.org", password: "three quiet otters", home: "Mill House", time_zone: "America/Los_Angeles" });
  const { homes } = await ask("get", "/me");
  const home = `/homes/${homes[0].id}`;
  await ask("put", `${home}/address`, { line1: "3 Mill Lane", city: "Salem", region: "OR", postal_code: "97301", country: "US" });
  await ask("post", `${home}/devices`, { kind: "base_station", model: "alarm", name: "Hall" });
  const contacts = [{ name: "Grace", phone: "+1 503 555 0111" }, { name: "Alan", phone: "+1 503 555 0112" }];
  await ask("put", `${home}/contacts`, { contacts });
  const person = new Home(page, server);
  person.id = homes[0].id;
  await page.goto(server.url);
  await expect(person.shield()).toBeVisible();
  return person;
}

test("nobody has been told: that and the number come first, it can be left for a bar, and the household ends it", async ({ page, server }) => {
  const home = await installed(page, server);
  await home.ask("police");
  await home.button("Send Now").click();
  const screen = page.getByRole("dialog", { name: "Nobody has been told. Call 911" });
  await expect(screen).toBeVisible();
  await expect(screen.getByRole("heading", { level: 1 })).toHaveText("Nobody has been told. Call 911");
  await expect(screen.getByText("Say: police, 3 Mill Lane, Salem.")).toBeVisible();
  const call = screen.getByRole("link", { name: "Call 911" });
  await expect(call).toHaveAttribute("href", "tel:911");
  await expect(call).toBeInViewport();
  await expect(screen).not.toContainText("Help has been requested");

  await page.keyboard.press("Escape");
  await expect(screen).toBeHidden();
  const bar = page.getByRole("complementary");
  await expect(bar).toContainText("Nobody has been told. Call 911");
  await expect(home.shield()).toBeInViewport();
  // The bar is on every page, and a reload brings the screen back, because leaving it does not dismiss it.
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await expect(bar).toContainText("Nobody has been told. Call 911");
  await bar.getByRole("button", { name: "Show" }).click();
  await expect(screen).toBeVisible();
  await page.reload();
  await expect(screen).toBeVisible();

  // Once the calls are over, somebody at home ends the incident.
  await screen.getByRole("button", { name: "It is over" }).click({ timeout: 60_000 });
  await screen.getByRole("button", { name: "Tap again: it is over" }).click();
  await expect(home.ended("Ada said that it is over.")).toBeVisible();
  await home.button("Done").click();
  await expect(bar).toBeHidden();
  const [incident] = await home.api.incidents(home.id);
  expect([incident.state, incident.outcome.disposition, incident.connected]).toEqual(["closed", "ended_by_home", false]);
});

test("a drill fails by the name of what an SOS would lack, and contacts without a link are not said to be asked", async ({ page, server }) => {
  const home = await installed(page, server);
  const contacts = page.getByRole("listitem").filter({ hasText: /Grace|Alan/ });
  await expect(contacts.filter({ hasText: "No link yet: cannot be called" })).toHaveCount(2);
  await page.getByRole("link", { name: "Practice" }).click();
  await home.button("Start the drill").click();
  await home.button("Send Now").click();
  await home.button("How it went").click({ timeout: 60_000 });
  await expect(page.getByRole("heading", { name: "Something would have gone wrong" })).toBeVisible();
  await expect(page.getByText("When the drill began: Not connected to responders · Base station offline · No contact is ready")).toBeVisible();
});

test("a contact who has agreed keeps their link until that is confirmed, and the old page says what changed", async ({ page, server, browser }) => {
  const home = await installed(page, server);
  await page.goto(`${server.url}/settings/contacts`);
  await home.button("Invite link for Grace").click();
  const link = async () => (await page.getByRole("status").locator("code").textContent()).trim();
  const first = await link();
  const phone = await (await browser.newContext()).newPage();
  await phone.goto(first);
  await phone.getByRole("button", { name: "Yes, call me" }).click();
  await expect(phone.getByText("No call right now")).toBeVisible();
  const ready = async () => (await home.api.home(home.id)).contacts[0].ready;
  expect(await ready()).toBe("accepted");

  await page.reload();
  await home.button("New link for Grace").click();
  await expect(home.button("Tap again: this replaces the old link")).toBeVisible();
  expect(await ready()).toBe("accepted");
  await expect(phone.getByText("No call right now")).toBeVisible();
  await home.button("Tap again: this replaces the old link").click();
  await expect(page.getByRole("status").locator("code")).toBeVisible();
  expect(await link()).not.toBe(first);
  expect(await ready()).toBe("invited");
  await expect(phone.getByRole("heading", { name: /changed the emergency contacts of/ })).toBeVisible();
  await expect(phone.getByText("You are still asked until")).toBeVisible();
});
