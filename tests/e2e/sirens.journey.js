// Which sirens sound, and that a home without sirens never claims any.
import { count, expect, test } from "./buckler.js";

test("siren only: sounds, calls nobody, is silenced", async ({ home }) => {
  await home.openSheet();
  await home.button("Sound Siren Only").click();
  await expect(home.countdown()).toHaveAccessibleName(/Sounding the siren/);
  await home.button("Send Now").click();
  await expect(home.story().getByText("Base Station is sounding")).toBeVisible();
  const incident = await home.state("siren_sounding");
  expect([count(incident, "call_placed"), incident.siren.devices.length]).toEqual([0, 5]);
  await home.button("Silence Siren").click();
  await expect(home.ended("The sirens have stopped.")).toBeVisible();
  expect((await home.api.home("maple-street")).devices.map((d) => d.siren)).toEqual(["silent", "silent", "silent"]);
});

test("silencing a siren changes nothing else", async ({ home }) => {
  await home.ask("police");
  await home.button("Send Now").click();
  await home.button("Silence Siren").click();
  await expect(home.story().getByText("Sirens silenced. Nothing else has changed")).toBeVisible();
  await expect(home.button("Silence Siren")).toBeHidden();
  await home.state("dispatching");
});

test("medical: no siren anywhere, and the base station announces it", async ({ home }) => {
  await home.ask("medical help");
  await home.button("Send Now").click();
  await expect(home.story().getByText("Base Station was asked to announce that medical help was requested. Nothing confirms that it did")).toBeVisible();
  await expect(home.button("Silence Siren")).toBeHidden();
  const incident = await home.state("dispatching");
  expect([count(incident, "siren_on"), incident.siren.state]).toEqual([0, "silent"]);
  expect((await home.api.home("maple-street")).devices.every((d) => d.siren === "silent")).toBe(true);
});

test("a home with cameras alone: no siren button, no claim of a siren", async ({ page, server }) => {
  const { Home } = await import("./buckler.js");
  const home = new Home(page, server);
  await home.open("lake-cabin");
  await expect(page.getByRole("combobox", { name: "Choose a home" })).toHaveValue("lake-cabin");
  await home.openSheet();
  await expect(home.button("Sound Siren Only")).toBeHidden();
  await home.slide("police");
  await home.button("Send Now").click();
  await expect(home.requested()).toBeVisible();
  expect(await page.locator("body").innerText()).not.toMatch(/siren/i);
  const incident = await home.state("dispatching", "lake-cabin");
  expect([incident.siren.state, count(incident, "siren_on")]).toEqual(["silent", 0]);
});

test("a self-monitored alarm: no shield, the reason, and the API refuses", async ({ page, server }) => {
  const { Home } = await import("./buckler.js");
  const home = new Home(page, server);
  await home.open("harbor-loft");
  await expect(page.getByRole("heading", { name: "SOS is not available" })).toBeVisible();
  await expect(home.shield()).toBeHidden();
  await home.button("Why SOS is not available").click();
  const why = page.getByRole("dialog", { name: "SOS is not available" });
  await expect(why.getByText(/self-monitored/)).toBeVisible();
  await expect(why.getByRole("link", { name: "Call 911" })).toHaveAttribute("href", "tel:911");
  const asked = {
    id: crypto.randomUUID(),
    request: "police",
    mode: "live",
    source: { surface: "dashboard" },
    sent_at: (await home.api.home("harbor-loft")).server_time,
  };
  const answer = await page.request.post(`${server.url}/api/v1/homes/harbor-loft/incidents`, { data: asked });
  expect([answer.status(), (await answer.json()).reason]).toEqual([403, "professional_monitoring_required"]);
  await page.keyboard.press("Escape");
  await page.getByRole("combobox", { name: "Choose a home" }).selectOption("garden-flat");
  await expect(page.getByText(/SOS for cameras is not set up/)).toBeVisible();
});

test("practice: marked everywhere, and nothing sounds", async ({ home, browser }) => {
  const phone = await home.contact(browser);
  await home.openSheet();
  await home.button("Practice instead").click();
  await expect(home.page.getByRole("dialog", { name: "Practice" })).toBeVisible();
  await home.slide("police");
  await expect(home.countdown().getByText("DRILL")).toBeVisible();
  await home.button("Send Now").click();
  await expect(home.requested().getByText("DRILL")).toBeVisible();
  await expect(phone.getByText("DRILL")).toBeVisible();
  const incident = await home.state("verifying");
  expect([incident.mode, count(incident, "siren_on")]).toEqual(["drill", 0]);
});
