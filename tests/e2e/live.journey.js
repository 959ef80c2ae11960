// From a camera's Live View.
import { expect, test } from "./buckler.js";

test("SOS from Live View names the camera, and its picture stays", async ({ home }) => {
  await home.page.getByRole("link", { name: "Live View Front Door" }).click();
  await expect(home.page).toHaveURL(/\/live\/front-door$/);
  await expect(home.page.getByRole("heading", { name: "Front Door" })).toBeVisible();
  await home.ask("police");
  await home.button("Send Now").click();
  await expect(home.story().getByText("Police requested from Front Door")).toBeVisible();
  await expect(home.requested().getByText("Front Door", { exact: true })).toBeVisible();
  expect((await home.state("verifying")).source).toEqual({ surface: "live_view", camera: "front-door" });
});

test("a camera that is not compatible has no shield, and says why", async ({ home }) => {
  await home.page.getByRole("link", { name: "Live View Hallway" }).click();
  await expect(home.page.getByRole("heading", { name: "Hallway" })).toBeVisible();
  await expect(home.shield()).toBeHidden();
  await home.button("Why SOS is not available").click();
  await expect(home.page.getByText(/This camera cannot raise an SOS/)).toBeVisible();
  await home.button("Close").click();
  await home.page.getByRole("link", { name: "Driveway" }).click();
  await expect(home.shield()).toBeVisible();
  await home.page.goBack();
  await expect(home.page.getByRole("heading", { name: "Hallway" })).toBeVisible();
  await home.page.getByRole("link", { name: "Back" }).click();
  await expect(home.page.getByRole("heading", { name: "Maple Street" })).toBeAttached();
});
