// Owners set up their homes.
import { expect, test } from "./buckler.js";

const saved = (page) => expect(page.getByText("Saved", { exact: true })).toBeVisible();
const names = (page) => page.getByRole("textbox", { name: "Name", exact: true }).evaluateAll((all) => all.map((input) => input.value));
const at = (home, section) => home.page.goto(`${home.server.url}/settings/${section}`);

test("the address is read back as responders will hear it, and what is typed outlives an error", async ({ home, page, expected }) => {
  expected.push(/422/);
  await at(home, "address");
  await page.getByLabel("House and street").fill("7 Harbor Walk");
  await page.getByLabel("Country (two letters)").fill("Oregon");
  await home.button("Check what responders will be told").click();
  await expect(page.getByText("Help is needed at 7 Harbor Walk, Portland, OR 97205, OREGON")).toBeVisible();
  await home.button("Yes, that is where help should come").click();
  await expect(page.getByText("Give the country as two letters, such as US.")).toBeVisible();
  await expect(page.getByLabel("Country (two letters)")).toBeFocused();
  await expect(page.getByLabel("House and street")).toHaveValue("7 Harbor Walk");
  await page.getByLabel("Country (two letters)").fill("us");
  await page.keyboard.press("Enter");
  await home.button("Yes, that is where help should come").click();
  await expect.poll(async () => (await home.api.home("maple-street")).home.address.line1).toBe("7 Harbor Walk");
  await page.goto(home.server.url);
  await home.openSheet();
  await expect(home.sheet().getByText("To 7 Harbor Walk, Portland, OR 97205")).toBeVisible();
});

test("a form that is answered after its page was left does not stop the app", async ({ home, page }) => {
  await at(home, "address");
  await page.getByLabel("House and street").fill("7 Harbor Walk");
  await home.button("Check what responders will be told").click();
  const path = "**/homes/maple-street/address";
  let answer;
  const left = new Promise((resolve) => (answer = resolve));
  await page.route(path, async (route) => {
    await left;
    await route.continue();
  });
  const answered = page.waitForResponse(path);
  await home.button("Yes, that is where help should come").click();
  await page.getByRole("link", { name: "Back" }).click();
  await expect(page).toHaveURL(/\/settings\/?$/);
  await page.getByRole("link", { name: "Back" }).click();
  await expect(home.shield()).toBeVisible();
  answer();
  await answered;
  expect((await home.api.home("maple-street")).home.address.line1).toBe("7 Harbor Walk");
  await home.openSheet();
});

test("a change of the address is told to owners on every device, and undone from there", async ({ home, page }) => {
  await home.api.request.put(`${home.server.url}/api/v1/homes/maple-street/address`, { data: { line1: "9 Oak Lane", city: "Portland", region: "OR", postal_code: "97201", country: "US" } });
  await page.goto(home.server.url);
  await page.getByRole("link", { name: "Olivia changed where help is sent" }).click();
  await expect(page.getByText("Before: 14 Maple Street, Portland, OR 97205, US")).toBeVisible();
  await home.button("Undo").click();
  await expect(page.getByText("Changed within the last day")).toBeHidden();
  await expect(page.getByText("Changed: Home and address, 2 times")).toBeVisible();
  expect((await home.api.home("maple-street")).home.address.line1).toBe("14 Maple Street");
  await page.goto(home.server.url);
  await expect(page.getByRole("heading", { name: "Help is one slide away" })).toBeVisible();
  await expect(page.getByText("changed where help is sent")).toBeHidden();
});

test("contacts change places by buttons and by dragging, and numbers are checked", async ({ home, page, expected }) => {
  expected.push(/422/);
  await at(home, "contacts");
  await expect.poll(() => names(page)).toEqual(["Sister", "Neighbor", "Father"]);
  await home.button("Move Father up").click();
  await expect.poll(() => names(page)).toEqual(["Sister", "Father", "Neighbor"]);
  const handles = await page.getByTitle("Drag to change the order").all();
  const [from, to] = [await handles[2].boundingBox(), await handles[0].boundingBox()];
  await page.mouse.move(from.x + 10, from.y + 10);
  await page.mouse.down();
  await page.mouse.move(to.x + 10, from.y - 40, { steps: 4 });
  await page.mouse.move(to.x + 10, to.y + 10, { steps: 8 });
  await page.mouse.up();
  await expect.poll(() => names(page)).toEqual(["Neighbor", "Sister", "Father"]);
  const phone = page.getByRole("textbox", { name: "Telephone number" });
  await phone.nth(1).fill("12345");
  await home.button("Save").click();
  await expect(page.getByText(/Give the whole number with its country code/)).toBeVisible();
  await expect(phone.nth(1)).toBeFocused();
  await phone.nth(1).fill("+49 30 901820");
  await home.button("Save").click();
  await saved(page);
  const { contacts } = await home.api.home("maple-street");
  expect(contacts.map((contact) => [contact.name, contact.phone])).toEqual([["Neighbor", "+15035550102"], ["Sister", "+4930901820"], ["Father", "+15035550103"]]);
});

test("a new contact is invited by a link, agrees, and opts out again", async ({ home, page, browser }) => {
  await at(home, "contacts");
  await home.button("Add a contact").click();
  await page.getByRole("textbox", { name: "Name", exact: true }).last().fill("Aunt");
  await page.getByRole("textbox", { name: "Telephone number" }).last().fill("+1 503 555 0104");
  await home.button("Save").click();
  await saved(page);
  await expect(page.getByText("No link yet: cannot be called")).toBeVisible();
  await home.button("Invite link for Aunt").click();
  const link = await page.locator("code").textContent();
  await page.reload();
  await expect(page.getByText("Link made, no answer yet")).toBeVisible();
  const aunt = await (await browser.newContext()).newPage();
  await aunt.goto(link);
  await expect(aunt.getByRole("heading", { name: "May Maple Street call you in an emergency?" })).toBeVisible();
  await aunt.getByRole("button", { name: "Yes, call me" }).click();
  await expect(aunt.getByRole("heading", { name: "No call right now" })).toBeVisible();
  const state = async () => (await home.api.home("maple-street")).contacts[3].ready;
  expect(await state()).toBe("accepted");
  await aunt.getByRole("button", { name: "Do not call me any more" }).click();
  await expect(aunt.getByRole("heading", { name: "Maple Street will not call you" })).toBeVisible();
  expect(await state()).toBe("opted_out");
  await page.goto(home.server.url);
  await expect(page.getByText("Does not want to be called")).toBeVisible();
});

test("the verbal password is changed, and tried", async ({ home, page, expected }) => {
  expected.push(/422/);
  await at(home, "password");
  await page.getByLabel("Password until now").fill("wrong one");
  await page.getByLabel("New password").fill("green heron");
  await home.button("Save").click();
  await expect(page.getByText("That is not right.")).toBeVisible();
  await page.getByLabel("Password until now").fill("blue heron");
  await home.button("Save").click();
  await saved(page);
  await page.getByLabel("Verbal password").fill("Green Heron");
  await home.button("Check").click();
  await expect(page.getByText("Yes, that is it.")).toBeVisible();
  await page.getByLabel("Verbal password").fill("blue heron");
  await home.button("Check").click();
  await expect(page.getByText("No, that is not it.")).toBeVisible();
});

test("a countdown of ten seconds is one of ten seconds", async ({ home, page }) => {
  await at(home, "sirens");
  await page.getByRole("slider", { name: /Countdown/ }).fill("10");
  await expect(page.getByText("10 seconds")).toBeVisible();
  await home.button("Save").click();
  await saved(page);
  await page.goto(home.server.url);
  await home.openSheet();
  await home.slide("police");
  await expect(page.getByRole("alertdialog", { name: /in (10|9) seconds$/ })).toBeVisible();
  await home.button("Cancel Help").click();
});

test("SOS for cameras is turned off, and on again by the wizard", async ({ home, page }) => {
  await at(home, "sos-for-cameras");
  await home.button("Turn SOS for cameras off").click();
  await home.button("Tap again to turn it off").click();
  await expect.poll(async () => (await home.api.home("maple-street")).subscription.sos_for_cameras).toBe("not_enrolled");
  await page.goto(`${home.server.url}/live/driveway`);
  await expect(home.button("Why SOS is not available")).toBeVisible();
  await at(home, "sos-for-cameras");
  await expect(page.getByText("These cameras will have the red shield.")).toBeVisible();
  await home.button("Continue").click();
  await home.button("Check what responders will be told").click();
  await home.button("Yes, that is where help should come").click();
  await expect(page.getByText(/The first one is called before help is sent/)).toBeVisible();
  await home.button("Save").click();
  await expect(page.getByText(/always asks for the verbal password/)).toBeVisible();
  await home.button("Continue").click();
  await page.getByLabel("I have read this and accept it").check();
  await home.button("Turn SOS for cameras on").click();
  await expect(page.getByText("SOS for cameras is on")).toBeVisible();
  await page.goto(`${home.server.url}/live/driveway`);
  await expect(home.shield()).toBeVisible();
});

test("a home stops asking for its verbal password only if that is given", async ({ home, page, server, expected }) => {
  expected.push(/422/);
  const contacts = [{ name: "Ann", phone: "+15035550142" }, { name: "Bob", phone: "+15035550143" }];
  await home.api.request.put(`${server.url}/api/v1/homes/garden-flat/contacts`, { data: { contacts } });
  await page.evaluate(() => localStorage.setItem("buckler-home", "garden-flat"));
  await at(home, "sos-for-cameras");
  await home.button("Continue").click();
  await home.button("Check what responders will be told").click();
  await home.button("Yes, that is where help should come").click();
  await home.button("Save").click();
  await page.getByLabel("Ask for the verbal password to call help off").uncheck();
  await home.button("Continue").click();
  await page.getByLabel("I have read this and accept it").check();
  await home.button("Turn SOS for cameras on").click();
  await expect(page.getByText("That is not right.")).toBeVisible();
  await expect(page.getByLabel("Verbal password")).toBeFocused();
  await page.getByLabel("Verbal password").fill("Blue Heron");
  await page.keyboard.press("Enter");
  await expect(page.getByText("SOS for cameras is on")).toBeVisible();
  expect((await home.api.home("garden-flat")).settings.verbal_password_required).toBe(false);
});

test("people: a right is taken away, and the last owner stays", async ({ home, page, expected }) => {
  expected.push(/422|409/);
  await at(home, "people");
  const sam = page.locator("form").filter({ hasText: "Sam" });
  await sam.getByLabel("May request help").uncheck();
  await sam.getByRole("button", { name: "Save" }).click();
  await saved(page);
  const olivia = page.locator("form").filter({ hasText: "Olivia" });
  await olivia.getByRole("button", { name: "Remove Olivia" }).click();
  await olivia.getByRole("button", { name: /Tap again/ }).click();
  await expect(page.getByText("A home keeps at least one owner.")).toBeVisible();
  const gwen = page.locator("form").filter({ hasText: "Gwen" });
  await gwen.getByRole("button", { name: "Remove Gwen" }).click();
  await gwen.getByRole("button", { name: /Tap again/ }).click();
  await expect(gwen).toBeHidden();
});

test("devices and cameras are added, renamed and removed, and addresses are checked", async ({ home, page, expected }) => {
  expected.push(/422/);
  await at(home, "devices");
  await page.getByLabel("Name", { exact: true }).fill("Garage");
  await page.getByLabel("Address of its stream (if known)").fill("http://camera.example.com/");
  await home.button("Add").click();
  await expect(page.getByText("Give an address that begins with rtsp://.")).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Garage");
  await page.getByLabel("Address of its stream (if known)").fill("rtsp://192.168.1.20/stream1");
  await home.button("Add").click();
  const cameras = async () => (await home.api.home("maple-street")).cameras.map((camera) => camera.name);
  await expect.poll(cameras).toContain("Garage");
  await page.getByRole("button", { name: "Garage" }).click();
  const form = page.locator("form").filter({ has: page.getByRole("button", { name: "Remove Garage" }) });
  await form.getByLabel("Name", { exact: true }).fill("Workshop");
  await form.getByRole("button", { name: "Save" }).click();
  await expect.poll(cameras).toContain("Workshop");
  await page.getByRole("button", { name: "Workshop" }).click();
  await page.getByRole("button", { name: /Remove/ }).click();
  await page.getByRole("button", { name: /Tap again to remove/ }).click();
  await expect.poll(cameras).not.toContain("Workshop");
});

test("a camera that gets an address is tried and given a password at once, and loses both with it", async ({ home, page }) => {
  await at(home, "devices");
  const add = page.locator("form", { hasText: "Add a device or camera" });
  await add.getByLabel("Name", { exact: true }).fill("Garage");
  await add.getByRole("button", { name: "Add" }).click();
  await page.getByRole("button", { name: "Garage" }).click();
  const line = page.getByRole("listitem").filter({ hasText: "Garage" });
  const address = line.getByLabel(/^Address of its stream/);
  const saves = line.getByRole("button", { name: "Save", exact: true });
  const tries = line.getByRole("button", { name: "Try for a picture" });
  const kept = line.getByText("A password is kept for it.");
  await expect(address).toBeVisible();
  await expect(tries).toBeHidden();
  await address.fill("rtsp://192.168.1.20/stream1");
  await saves.click();
  await expect(tries).toBeVisible();
  await line.getByLabel("User name of the camera").fill("admin");
  await line.getByLabel("Password of the camera").fill("secret-7");
  await line.getByRole("button", { name: "Keep the password" }).click();
  await expect(kept).toBeVisible();
  await address.fill("");
  await saves.click();
  await expect(tries).toBeHidden();
  await expect(kept).toBeHidden();
});

test("a list of devices that could not be loaded says so, and keeps what is typed", async ({ home, page, expected }) => {
  expected.push(/ERR_/);
  await at(home, "devices");
  await page.getByRole("button", { name: "Driveway" }).click();
  const driveway = page.getByRole("listitem").filter({ hasText: "Driveway" });
  await driveway.getByLabel("Name", { exact: true }).fill("Front drive");
  await page.route("**/household", (route) => route.abort());
  const add = page.locator("form", { hasText: "Add a device or camera" });
  await add.getByLabel("Name", { exact: true }).fill("Garage");
  await add.getByRole("button", { name: "Add" }).click();
  const failed = page.getByText("The current list of devices could not be loaded.");
  await expect(failed).toBeVisible();
  await page.unroute("**/household");
  await home.button("Try again").click();
  await expect(page.getByRole("button", { name: "Garage" })).toBeVisible();
  await expect(failed).toBeHidden();
  await expect(driveway.getByLabel("Name", { exact: true })).toHaveValue("Front drive");
});

test("a siren is tested for a second, and it says that it sounded", async ({ home, page }) => {
  await at(home, "devices");
  await page.getByRole("button", { name: "Hall keypad" }).click();
  await home.button("Sound it for 1 second").click();
  await expect(page.getByText("It sounded, and said so.")).toBeVisible();
  const siren = async () => (await home.api.home("maple-street")).devices.find((device) => device.id === "hall-keypad").siren;
  await expect.poll(siren).toBe("silent");
  expect(await home.api.incidents("maple-street")).toEqual([]);
});

test("who is no owner sees no settings, and why", async ({ page, server, home, expected }) => {
  // The owner's page may still send requests when its session ends. They are refused.
  expected.push(/401/);
  await home.api.signIn("shared");
  await page.goto(`${server.url}/settings/contacts`);
  await expect(page.getByText("Only an owner of this home can change its settings.")).toBeVisible();
});

test("what is typed outlives a server that does not answer", async ({ home, page, server, expected }) => {
  expected.push(/ERR_/);
  await at(home, "address");
  await page.getByLabel("Name of the home").fill("Maple Lodge");
  await server.kill();
  await page.locator("form").first().getByRole("button", { name: "Save" }).click();
  await expect(page.getByText(/The server did not answer/)).toBeVisible();
  await expect(page.getByLabel("Name of the home")).toHaveValue("Maple Lodge");
  await server.start();
  await page.locator("form").first().getByRole("button", { name: "Save" }).click();
  await saved(page);
});
