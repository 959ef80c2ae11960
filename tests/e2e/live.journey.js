// A camera's Live View, and an SOS from there.
import { expect, test } from "./buckler.js";
import { Face, RealCamera, readTime } from "./camera.js";
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
  // A picture is shown, and it changes.
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
  // While the sheet is open, it gets the keys.
  await page.keyboard.press("ArrowRight");
  await expect(page).toHaveURL(/\/live\/driveway$/);
});

test("a demo's camera moves, straight from the server", async ({ page, home }) => {
  await page.getByRole("link", { name: "Live View Front Door" }).click();
  await expect(page.getByText("LIVE")).toBeVisible();
  const picture = () => page.locator("live-picture canvas").evaluate((canvas) => canvas.toDataURL());
  const first = await picture();
  await expect.poll(picture).not.toBe(first);
  await page.screenshot({ path: "output/live-real.png" });
  expect(await home.api.home("maple-street").then((h) => h.cameras.every((c) => c.live))).toBe(true);
});

test("a browser that decodes no single pictures plays a film", async ({ page, home, server }) => {
  await page.addInitScript(() => delete window.VideoDecoder);
  await page.goto(`${server.url}/live/front-door`);
  await expect(page.getByText("LIVE")).toBeVisible();
  const video = page.locator("live-picture video");
  const time = () => video.evaluate((film) => film.currentTime);
  const first = await time();
  await expect.poll(time).toBeGreaterThan(first + 2);
  const behind = () => video.evaluate((film) => film.buffered.end(film.buffered.length - 1) - film.currentTime);
  await expect.poll(behind).toBeLessThan(1.5);
  await home.openSheet();
  await expect(page.getByText("LIVE")).toBeVisible();
});

/** Sets the hallway camera's stream to that of a real camera. */
async function hallwayShows(page, server, camera) {
  // Wait until the dashboard has its stills, because another stream removes the still of this camera.
  const stills = page.locator("img.picture__still");
  await expect(stills).toHaveCount(3);
  await expect.poll(() => stills.evaluateAll((all) => all.every((still) => still.naturalWidth > 0))).toBe(true);
  const data = { kind: "camera", name: "Hallway", sos_compatible: true, has_siren: false, stream: camera.address };
  expect((await page.request.put(`${server.url}/api/v1/homes/maple-street/cameras/hallway`, { data })).ok()).toBe(true);
}

test("a real camera: what is shown is what was taken, and its cable may be pulled", async ({ page, home, server }) => {
  const camera = await RealCamera.start("--gop", "2");
  try {
    await hallwayShows(page, server, camera);
    await page.goto(`${server.url}/live/hallway`);
    await expect(page.getByText("LIVE")).toBeVisible();
    const age = async () => (await readTime(page))?.age ?? Infinity;
    await expect.poll(age).toBeLessThan(1_000);
    const first = (await readTime(page)).time;
    await expect.poll(async () => (await readTime(page)).time).toBeGreaterThan(first + 1_000);
    expect((await readTime(page)).age).toBeGreaterThanOrEqual(0);
    camera.stop();
    await expect(page.getByText("The picture stands still")).toBeVisible();
    await home.ask("police");
    await home.button("Cancel Help").click();
  } finally {
    camera.stop();
  }
});

test("settings say why no picture comes, and when one does", async ({ page, home, server }) => {
  const camera = await RealCamera.start("--login", "admin:secret-7");
  try {
    await hallwayShows(page, server, camera);
    await page.goto(`${server.url}/settings/devices`);
    await page.getByRole("button", { name: "Hallway" }).click();
    await home.button("Try for a picture").click();
    await expect(page.getByText("The camera wants another user name or password.")).toBeVisible();
    await page.getByLabel("User name of the camera").fill("admin");
    await page.getByLabel("Password of the camera").fill("secret-7");
    await home.button("Keep the password").click();
    await expect(page.getByText("A password is kept for it. Nobody can read it here.")).toBeVisible();
    await expect(page.getByLabel("Password of the camera")).toHaveValue("");
    await home.button("Try for a picture").click();
    await expect(page.getByText(/It sends pictures of 640 × 36/)).toBeVisible();
  } finally {
    camera.stop();
  }
});

test.describe("a camera of the network", () => {
  test.use({ configuration: '[cameras]\nallow = ["127.0.0.0/8"]\nsearch = ["127.0.0.1"]\n' });

  test("is found, chosen, added and seen, by the keyboard alone", async ({ page, home, server }) => {
    const camera = await RealCamera.start("--login", "admin:secret-7");
    const face = await Face.start(camera, "Backyard", "--login", "admin:secret-7");
    const press = async (button) => {
      await button.focus();
      await page.keyboard.press("Enter");
    };
    try {
      await page.goto(`${server.url}/settings/devices`);
      await press(home.button("Search the network"));
      await press(home.button("Choose Backyard"));
      await press(home.button("Look at its streams"));
      await expect(page.getByText("The camera wants another user name or password.")).toBeVisible();
      const login = page.locator("form", { hasText: "Most cameras want" });
      await login.getByLabel("User name of the camera").fill("admin");
      await login.getByLabel("Password of the camera").fill("secret-7");
      await page.keyboard.press("Enter");
      await expect(page.getByText("Its streams are filled in below.")).toBeVisible();
      await page.screenshot({ path: "output/finding.png", fullPage: true });
      const add = page.locator("form", { hasText: "Add a device or camera" });
      await expect(add.getByLabel("Name")).toHaveValue("Backyard");
      await expect(add.getByLabel(/^Address of its stream/)).toHaveValue(camera.address);
      await press(add.getByRole("button", { name: "Add" }));
      await press(page.getByRole("button", { name: "Backyard Camera" }));
      const line = page.getByRole("listitem").filter({ hasText: "Backyard" });
      await press(line.getByRole("button", { name: "Try for a picture" }));
      await expect(line.getByText(/It sends pictures of 640 ×/)).toBeVisible();
      // Saving its form right after it was added keeps its stream.
      await expect(line.getByText("A password is kept for it.")).toBeVisible();
      await press(line.getByRole("button", { name: "Save", exact: true }));
      await expect(line.getByText("Saved")).toBeVisible();
      await page.goto(`${server.url}/live/backyard`);
      await expect(page.getByText("LIVE")).toBeVisible();
      await expect(home.shield()).toBeVisible();
    } finally {
      face.stop();
      camera.stop();
    }
  });
});
