// The whole SOS path by keyboard alone, and by single taps alone.
import { expect, test } from "./buckler.js";

/** Presses Tab until an element with that name has the focus. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 40; presses++) {
    const focused = await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.innerText ?? "");
    if (name.test(focused.trim())) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard never came to ${name}`);
}

test("by keyboard alone", async ({ home }) => {
  const { page } = home;
  await expect(home.shield()).toBeVisible();
  await tabTo(page, /^SOS$/);
  await page.keyboard.press("Enter");
  await expect(home.sheet()).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(home.sheet()).toBeHidden();
  await tabTo(page, /^SOS$/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^Slide to request fire department$/);
  await page.keyboard.press("End");
  await expect(home.countdown()).toBeVisible();
  await expect(home.button("Cancel Help")).toBeFocused();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await expect(home.countdown()).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
  await expect(home.button("Done")).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, /^SOS$/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^Request police without sliding$/);
  await page.keyboard.press("Enter");
  await expect(home.button("Tap again to request police")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(home.countdown()).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(home.button("Send Now")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(home.requested()).toBeVisible();
  await tabTo(page, /^Silence Siren$/);
  await page.keyboard.press("Enter");
  await expect(home.story().getByText(/Sirens silenced/)).toBeVisible();
});

test("by single taps alone", async ({ home }) => {
  await home.shield().click();
  await home.button("Request medical help without sliding").click();
  await home.button("Tap again to request medical help").click();
  await expect(home.countdown()).toBeVisible();
  await home.button("Cancel Help").click();
  await home.button("Done").click();
  await home.shield().click();
  await home.button("Request fire department without sliding").click();
  await home.button("Close").click();
  await expect(home.sheet()).toBeHidden();
  expect((await home.api.incidents("maple-street")).length).toBe(1);
});
