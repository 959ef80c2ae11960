// Journeys through the real server, the real build and real Chromium.
import { defineConfig } from "@playwright/test";
import { chromium } from "./machine.js";

const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const desktop = { viewport: { width: 1440, height: 900 } };

export default defineConfig({
  testDir: ".",
  testMatch: /.*\.journey\.js/,
  outputDir: "output/results",
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"], ["json", { outputFile: "output/report.json" }]],
  use: { serviceWorkers: "block", launchOptions: chromium, colorScheme: "dark", locale: "en-US", timezoneId: "America/Los_Angeles" },
  projects: [
    { name: "phone", use: phone, testIgnore: /(looks|gallery)\.journey/ },
    { name: "desktop", use: desktop, testMatch: /(police|keyboard|live)\.journey\.js/ },
    { name: "looks", use: {}, testMatch: /(looks|gallery)\.journey\.js/ },
  ],
});
