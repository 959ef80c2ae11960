// From a camera's Live View.
import { expect, test } from "./buckler.js";
import { Camera } from "./stream.js";

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

test("the picture: connecting, live, stalled, lost and back, while the shield is there all along", async ({ home, page, server }) => {
  const camera = new Camera();
  await camera.serve(page);
  camera.sending = false;
  await page.goto(`${server.url}/live/front-door`);
  await expect(page.getByText("Connecting…")).toBeVisible();
  await expect(home.shield()).toBeVisible();
  camera.sending = true;
  await expect(page.getByText("LIVE")).toBeVisible();
  // A picture is drawn, and it moves.
  const picture = () => page.locator("live-picture canvas").evaluate((canvas) => canvas.toDataURL());
  const first = await picture();
  await expect.poll(picture).not.toBe(first);
  await home.openSheet();
  await expect(page.getByText("LIVE")).toBeVisible();
  await home.button("Close").click();
  camera.sending = false;
  await expect(page.getByText("The picture stands still")).toBeVisible();
  await expect(page.getByText("LIVE")).toBeHidden();
  camera.sending = true;
  await expect(page.getByText("LIVE")).toBeVisible();
  await camera.drop();
  await expect(page.getByText(/No connection to the camera/)).toBeVisible();
  await expect(home.shield()).toBeVisible();
  await expect(page.getByText("LIVE")).toBeVisible();
  expect(camera.viewers).toBe(2);
});

test("a stream that the browser cannot show says so, and SOS works all the same", async ({ home, page, server }) => {
  const camera = new Camera();
  camera.broken = true;
  await camera.serve(page);
  await page.goto(`${server.url}/live/front-door`);
  await expect(page.getByText(/This browser cannot show the picture/)).toBeVisible();
  await home.openSheet();
});

test("the player is lost: the shield is not", async ({ home, page, server, expected }) => {
  expected.push(/ERR_FAILED/);
  await new Camera().serve(page);
  await page.route(/player.*\.js/, (route) => route.abort());
  await page.goto(`${server.url}/live/front-door`);
  await home.openSheet();
});

test("the picture of the camera that it came from goes on while help is on its way", async ({ home, page, server }) => {
  await new Camera().serve(page);
  await page.goto(`${server.url}/live/front-door`);
  await expect(page.getByText("LIVE")).toBeVisible();
  await home.ask("police");
  await home.button("Send Now").click();
  await expect(home.requested()).toBeVisible();
  const canvas = home.requested().locator("live-picture canvas");
  const first = await canvas.evaluate((c) => c.toDataURL());
  await expect.poll(() => canvas.evaluate((c) => c.toDataURL())).not.toBe(first);
});

test("arrows change the camera and S opens SOS, while the focus is on the stage", async ({ home, page, server }) => {
  await page.goto(`${server.url}/live/front-door`);
  await expect(home.shield()).toBeVisible();
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("heading", { name: "Driveway" })).toBeVisible();
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("ArrowLeft");
  await expect(page.getByRole("heading", { name: "Front Door" })).toBeVisible();
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("ArrowLeft");
  await expect(page.getByRole("heading", { name: "Hallway" })).toBeVisible();
  await expect(home.button("Why SOS is not available")).toBeVisible();
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("s");
  await expect(home.sheet()).toBeHidden();
  await page.keyboard.press("ArrowLeft");
  await expect(home.shield()).toBeVisible();
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("s");
  await expect(home.sheet()).toBeVisible();
  // Over the sheet the keys belong to the sheet.
  await page.keyboard.press("ArrowRight");
  await expect(page).toHaveURL(/\/live\/driveway$/);
});
