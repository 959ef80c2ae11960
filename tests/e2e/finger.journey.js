// The SOS path on a touch screen, with a finger.
import { expect, test } from "./buckler.js";

test("by a finger on a touch screen: the thumb slides, the track does not", async ({ home }) => {
  await home.openSheet();
  const { x, y, width, height } = await home.page.getByRole("slider", { name: "Slide to request police" }).boundingBox();
  const screen = await home.page.context().newCDPSession(home.page);
  const finger = (type, at) => screen.send("Input.dispatchTouchEvent", { type, touchPoints: at === undefined ? [] : [{ x: at, y: y + height / 2 }] });
  const drag = async (from, to) => {
    await finger("touchStart", from);
    for (let step = 1; step <= 10; step++) await finger("touchMove", from + ((to - from) * step) / 10);
    await finger("touchEnd");
  };
  await drag(x + width / 2, x + width - 5);
  await finger("touchStart", x + width - 20);
  await finger("touchEnd");
  await expect(home.sheet()).toBeVisible();
  expect(await home.api.incidents("maple-street")).toEqual([]);
  await drag(x + 30, x + width - 10);
  await expect(home.countdown()).toBeVisible();
});
