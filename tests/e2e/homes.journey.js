// A person with several homes: a press goes to the home that the screen named at that moment, or nowhere (I29).
import { Api, expect, test } from "./buckler.js";

test.use({ serviceWorkers: "allow" });

const choice = (page) => page.getByRole("combobox", { name: "Choose a home" });
const sheetOf = (page, name) => page.getByRole("dialog", { name: `${name}: Request help` });

async function opened(home) {
  await expect(home.shield()).toBeVisible();
  const files = () => home.page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state);
  await expect.poll(files).toBe("activated");
}

async function choose(home, id, name) {
  await choice(home.page).selectOption(id);
  await expect(home.page.getByRole("heading", { name, level: 1 })).toBeAttached();
  await expect(home.shield()).toBeVisible();
}

async function closeSheet(home) {
  await home.button("Close").click();
  await expect(home.page.getByRole("dialog")).toBeHidden();
}

test("without a connection each home that was opened has its shield, the choice stays, and a press goes to the home on the screen", async ({ home, page, server, expected }) => {
  expected.push(/ERR_/);
  await opened(home);
  await choose(home, "lake-cabin", "Lake Cabin");
  await page.reload();
  await expect(home.shield()).toBeVisible();
  await expect(choice(page)).toHaveValue("lake-cabin");
  await server.kill();

  await page.reload();
  await expect(page.getByText(/Not connected. This is from /)).toBeVisible();
  await expect(choice(page)).toHaveValue("lake-cabin");
  await home.openSheet();
  await expect(sheetOf(page, "Lake Cabin")).toContainText("To 2 Shore Road");
  await closeSheet(home);
  await choose(home, "maple-street", "Maple Street");
  await page.reload();
  await expect(page.getByRole("heading", { name: "Maple Street", level: 1 })).toBeAttached();
  await expect(choice(page)).toHaveValue("maple-street");
  await home.openSheet();
  await expect(sheetOf(page, "Maple Street")).toContainText("To 14 Maple Street");
  await expect(sheetOf(page, "Maple Street").getByRole("link", { name: "Call 911" })).toBeVisible();
  await closeSheet(home);

  // This home was never opened here. Its sheet names it, and claims nothing else.
  await choice(page).selectOption("garden-flat");
  await expect(page.getByText("This device has stored nothing about this home yet")).toBeVisible();
  await home.openSheet();
  await expect(sheetOf(page, "Garden Flat")).toBeVisible();
  await closeSheet(home);

  await choose(home, "lake-cabin", "Lake Cabin");
  await home.openSheet();
  await home.slide("police");
  await expect(page.getByRole("alertdialog", { name: /NOT CONFIRMED/ })).toContainText("Lake Cabin");
  await server.start();
  await expect(page.getByRole("alertdialog", { name: /^Lake Cabin: Requesting police/ })).toBeVisible();
  await home.button("Cancel Help").click();
  await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
  expect(await home.api.incidents("lake-cabin")).toHaveLength(1);
  expect(await home.api.incidents("maple-street")).toEqual([]);
});

test("an acknowledgment that comes after the person gave up changes no home under the finger", async ({ home, page, expected }) => {
  expected.push(/ERR_/);
  let held;
  let holds = false;
  await page.route("**/homes/maple-street/incidents", (route) => {
    if (route.request().method() !== "POST") return route.continue();
    return holds ? (held = route) : route.abort();
  });
  // So that the request arrives before its withdrawal.
  await page.route("**/homes/maple-street/requests/*", (route) => route.abort());
  await home.openSheet();
  await home.slide("police");
  await expect(page.getByRole("alertdialog", { name: /NOT CONFIRMED/ })).toContainText("Maple Street");
  holds = true;
  await expect.poll(() => !!held).toBe(true);
  await home.button("Stop trying").click();
  await page.getByRole("alertdialog", { name: "Taking it back…" }).getByRole("button", { name: "Close" }).click();
  await expect(page.getByText("Your request is being taken back")).toBeVisible();
  await choose(home, "lake-cabin", "Lake Cabin");
  await home.openSheet();
  await held.continue();
  const bar = page.getByText("Maple Street: your request has arrived after all");
  await expect(bar).toBeVisible();
  await expect(sheetOf(page, "Lake Cabin")).toContainText("To 2 Shore Road");
  await home.slide("fire department");
  await expect(page.getByRole("alertdialog", { name: /^Lake Cabin: Requesting fire department/ })).toBeVisible();
  await home.button("Cancel Help").click();
  await home.button("Done").click();
  expect(await home.api.incidents("lake-cabin")).toHaveLength(1);
  expect(await home.api.incidents("maple-street")).toHaveLength(1);
  await home.button("Show").click();
  await expect(home.requested()).toContainText("Maple Street");
  await expect(bar).toBeHidden();
});

test("the app says that a home is lost, and a press for it goes to no other", async ({ home, page, server, request, expected }) => {
  expected.push(/ERR_|Failed to load resource|404/);
  const people = `${server.url}/api/v1/homes/lake-cabin/people`;
  expect((await page.request.put(`${people}/shared`, { data: { role: "owner", sos_withdrawn: false } })).ok()).toBe(true);
  await choose(home, "lake-cabin", "Lake Cabin");
  await home.openSheet();
  await new Api(request, server.url).signIn("shared");
  expect((await request.delete(`${people}/owner`)).ok()).toBe(true);
  await expect(page.getByText("This home is no longer open to you")).toBeAttached();
  await expect(sheetOf(page, "Lake Cabin")).toBeVisible();
  await home.slide("police");
  const refused = page.getByRole("alertdialog", { name: "Not sent" });
  await expect(refused).toContainText("The server refused it: this home is no longer open to you.");
  await expect(refused).toContainText("Lake Cabin");
  await refused.getByRole("button", { name: "Close" }).click();
  await expect(home.shield()).toBeHidden();
  for (const id of ["maple-street", "harbor-loft", "garden-flat"]) expect(await home.api.incidents(id)).toEqual([]);
  await choose(home, "maple-street", "Maple Street");
});
