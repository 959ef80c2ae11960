// The history, a single incident, and drills.
import { expect, test } from "./buckler.js";

test.describe("somebody answers", () => {
  test.use({ ring: "10s" });

  test("a drill runs amber, and its result says the time of each step and who answered", async ({ home, page, browser }) => {
    const phone = await home.contact(browser);
    await page.getByRole("link", { name: "Practice" }).click();
    await page.getByRole("group", { name: "Which help?" }).getByRole("radio", { name: "Fire department" }).check();
    await page.getByRole("group", { name: "From where?" }).getByRole("radio", { name: "Front Door" }).check();
    await home.button("Start the drill").click();
    await expect(home.countdown().getByText("DRILL", { exact: true })).toBeVisible();
    await home.button("Send Now").click();
    await expect(home.requested().getByText(/^DRILL/)).toBeVisible();
    await phone.getByRole("button", { name: "Answer" }).click();
    await expect(phone.getByText(/^DRILL/)).toBeVisible();
    await phone.getByRole("button", { name: "Yes, send help" }).click();
    const drill = await home.state("closed");
    expect([drill.mode, drill.source.camera]).toEqual(["drill", "front-door"]);
    await home.button("How it went").click();
    await expect(page).toHaveURL(new RegExp(`/incidents/${drill.id}$`));
    await expect(page.getByRole("heading", { name: /^Passed in [\d.]+ s$/ })).toBeVisible();
    await expect(page.getByText("Sister answered.")).toBeVisible();
    for (const step of ["Request sent", "First contact called", "First contact answered", "Help requested from simulated responders", "Simulated responders accepted"]) {
      await expect(page.getByText(step, { exact: true })).toBeVisible();
    }
    await page.goto(`${home.server.url}/drill`);
    await expect(page.getByRole("heading", { name: "Last drill" })).toBeVisible();
  });
});

test("a drill that nobody answers says what would have gone wrong", async ({ home, page }) => {
  await page.goto(`${home.server.url}/drill`);
  await page.getByText("Call my contacts").click();
  await home.button("Start the drill").click();
  await home.button("Send Now").click();
  const drill = await home.state("closed");
  expect(drill.calls).toEqual([]);
  await page.goto(`${home.server.url}/incidents/${drill.id}`);
  await expect(page.getByText("Contacts were not called.")).toBeVisible();
});

test("the history: filtered, opened, and handed out as evidence", async ({ home, page }) => {
  await home.openSheet();
  await home.button("Sound Siren Only").click();
  await home.button("Cancel Help").click();
  await home.button("Done").click();
  await home.ask("medical help");
  await home.button("Cancel Help").click();
  await home.button("Done").click();
  await page.getByRole("link", { name: "Latest: History" }).click();
  const rows = page.getByRole("main").getByRole("listitem");
  await expect(rows).toHaveCount(2);
  await page.getByRole("radio", { name: "Drills" }).check();
  await expect(page.getByText("None of these")).toBeVisible();
  await page.getByRole("radio", { name: "Real" }).check();
  await rows.filter({ hasText: "Medical help" }).getByRole("link").click();
  await expect(page.getByRole("heading", { name: "What happened" })).toBeVisible();
  await expect(page.getByText("Cancelled in time. Nothing was sent")).toBeVisible();
  const [json] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download JSON" }).click()]);
  expect(json.suggestedFilename()).toMatch(/\.json$/);
  const [csv] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download CSV" }).click()]);
  expect(csv.suggestedFilename()).toMatch(/\.csv$/);
  // The printable page has its own style, and shows the seal of each line.
  const [paper] = await Promise.all([page.context().waitForEvent("page"), page.getByRole("link", { name: "Print" }).click()]);
  await expect(paper.getByRole("row").filter({ hasText: "Cancelled in time. Nothing was sent" }).locator("code")).toHaveText(/^[0-9a-f]{64}$/);
  expect(await paper.locator("table").evaluate((table) => getComputedStyle(table).borderCollapse)).toBe("collapse");
  await paper.screenshot({ path: "output/paper.png", fullPage: true });
});

test("an incident that there is not says so", async ({ home, page, expected }) => {
  expected.push(/404/);
  await page.goto(`${home.server.url}/incidents/01890000-0000-7000-8000-000000000000`);
  await expect(page.getByText("There is no such incident.")).toBeVisible();
});
