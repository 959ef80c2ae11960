// German, by the browser's preference or by choice.
import { expect, test } from "./buckler.js";

test.describe("in a German browser", () => {
  test.use({ locale: "de-DE" });

  test("everything is said in German, dates and numbers too", async ({ home, page }) => {
    await expect(page.getByRole("heading", { name: "Hilfe ist einen Wisch entfernt" })).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("de");
    await expect(page.getByText(/^Geprüft (jetzt|vor \d+ Sekunden?)$/)).toBeVisible();
    await home.shield().click();
    await expect(page.getByRole("slider", { name: "Schieben und anfordern: Rettungsdienst" })).toBeVisible();
    await home.button("Ohne Schieben anfordern: Polizei").click();
    await home.button("Nochmals tippen und anfordern: Polizei").click();
    await expect(page.getByRole("alertdialog", { name: /Polizei wird angefordert in \d Sekunden?$/ })).toBeVisible();
    await home.button("Hilfe abbrechen").click();
    await expect(home.ended("Abgebrochen. Nichts wurde gesendet.")).toBeVisible();
    await home.button("Fertig").click();
    await expect(page.getByText(/^\d+\. \p{L}+ um \d\d:\d\d$/u).first()).toBeVisible();
    await page.goto(`${home.server.url}/settings`);
    await expect(page.getByRole("heading", { name: "Einstellungen" })).toBeVisible();
    await page.goto(`${home.server.url}/settings/contacts`);
    await expect(page.getByText(/Wer zuerst steht, wird angerufen/)).toBeVisible();
  });

  test("where German cannot be loaded the app goes on in English", async ({ page, server, home, expected }) => {
    expected.push(/ERR_FAILED|Failed to fetch|TypeError/);
    await page.route(/german-.*\.wasm/, (route) => route.abort());
    await page.goto(server.url);
    await home.openSheet();
  });
});

test("chosen in the settings, it stays chosen", async ({ home, page }) => {
  await page.goto(`${home.server.url}/settings/language`);
  await home.button("Deutsch").click();
  await expect(page.getByRole("heading", { name: "Sprache" })).toBeVisible();
  await page.goto(home.server.url);
  await expect(page.getByRole("heading", { name: "Hilfe ist einen Wisch entfernt" })).toBeVisible();
  await page.goto(`${home.server.url}/settings/language`);
  await home.button("English").click();
  await expect(page.getByRole("heading", { name: "Language" })).toBeVisible();
});
