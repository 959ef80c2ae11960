// Measures the app as a slow phone has it (4 times slower, 1.44 Mbit/s, 150 ms): the way to a usable shield, cold and warm, the way
// of a press, and what Lighthouse says. Prints medians.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { at, figure, signedIn, withDemo } from "./bench.js";
import { freePort } from "./machine.js";

const ROUNDS = 7;
const phone = { deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const median = (all) => at(all, 0.5);

// Runs in the page before the app: notes when the shield can be touched, and what the browser itself measures.
function watch() {
  const seen = { tasks: [], shift: 0, events: [], lcp: 0, usable: undefined, frames: [] };
  window.seen = seen;
  const observe = (type, take, more) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
  observe("longtask", ({ startTime, duration }) => seen.tasks.push([startTime, duration]));
  observe("layout-shift", ({ value, hadRecentInput }) => (seen.shift += hadRecentInput ? 0 : value));
  observe("largest-contentful-paint", ({ startTime }) => (seen.lcp = startTime));
  observe("event", ({ interactionId, duration, name }) => interactionId && seen.events.push([name, duration]), { durationThreshold: 16 });
  const look = new MutationObserver(() => {
    if (!document.querySelector("button.shield")) return;
    look.disconnect();
    // Drawn is what the frame after the next one begins with.
    requestAnimationFrame(() => setTimeout(() => (seen.usable = performance.now())));
  });
  look.observe(document, { subtree: true, childList: true });
}

async function slowPage(context) {
  const page = await context.newPage();
  await page.addInitScript(watch);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: 1.44e6 / 8, uploadThroughput: 0.675e6 / 8 });
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  let bytes = 0;
  cdp.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  return { page, bytes: () => bytes };
}

/** Opens the dashboard and waits until the shield can be touched; then for what may still shift or block. */
async function open(context, url) {
  const { page, bytes } = await slowPage(context);
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForFunction(() => window.seen.usable);
  const atUsable = bytes();
  await page.waitForFunction(() => performance.now() > window.seen.usable + 2_000);
  const seen = await page.evaluate(() => window.seen);
  const blocked = seen.tasks.reduce((sum, [, duration]) => sum + Math.max(0, duration - 50), 0);
  return { page, usable: seen.usable, lcp: seen.lcp, shift: seen.shift, blocked, kilobytes: atUsable / 1000 };
}

/** A finger on the shield as soon as it is there: until its sheet stands, with its slides. */
async function pressedAtOnce(context, url) {
  const { page } = await slowPage(context);
  await page.goto(url, { waitUntil: "commit" });
  await page.evaluate(() => {
    const look = new MutationObserver(() => {
      document.querySelector("button.shield:not([aria-busy])")?.click();
      if (!document.querySelector("dialog[open] input[type=range]")) return;
      look.disconnect();
      requestAnimationFrame(() => setTimeout(() => (window.seen.sheet = performance.now())));
    });
    look.observe(document, { subtree: true, childList: true, attributes: true });
  });
  const at = await (await page.waitForFunction(() => window.seen.sheet)).jsonValue();
  await page.close();
  return { sheet: at };
}

/** The way of a press by touch, while the page notes how long each interaction and each frame takes. */
async function press(page) {
  const touch = await page.context().newCDPSession(page);
  const finger = (type, x, y) => touch.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x, y }] });
  const tap = async (name) => page.getByRole("button", { name, exact: true }).tap();
  await page.evaluate(() => (window.seen.events = []));
  await tap("SOS");
  const slider = page.getByRole("slider", { name: "Slide to request police" });
  await slider.waitFor();
  await page.evaluate(() => Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {}))));
  const box = await slider.boundingBox();
  const [from, to, y] = [box.x + 30, box.x + box.width - 10, box.y + box.height / 2];
  await finger("touchStart", from, y);
  await page.evaluate(() => {
    const note = (now) => (window.seen.frames.push(now), (window.seen.noting = requestAnimationFrame(note)));
    window.seen.noting = requestAnimationFrame(note);
  });
  // A finger takes about a second.
  for (let step = 1; step <= 60; step++) await finger("touchMove", from + ((to - from) * step) / 60, y);
  await page.evaluate(() => cancelAnimationFrame(window.seen.noting));
  await finger("touchEnd");
  await tap("Cancel Help");
  const reported = await page.evaluate(() => window.seen.events.length);
  await tap("Done");
  await page.getByRole("button", { name: "SOS", exact: true }).waitFor();
  // The browser reports an interaction after the next frame. The last one is the tap on "Done".
  await page.waitForFunction((before) => window.seen.events.length > before, reported);
  const { events, frames } = await page.evaluate(() => window.seen);
  return { slowest: Math.max(16, ...events.map(([, duration]) => duration)), gaps: frames.slice(1).map((now, n) => now - frames[n]) };
}

async function lighthouse(url, cookie) {
  const { default: run } = await import(pathToFileURL(join(process.env.BUCKLER_TOOLS, "node_modules/lighthouse/core/index.js")));
  const pages = [["sign-in", "/", {}], ["dashboard", "/", { Cookie: cookie }], ["Live View", "/live/front-door", { Cookie: cookie }], ["settings", "/settings/contacts", { Cookie: cookie }]];
  for (const [name, path, extraHeaders] of pages) {
    const { lhr } = await run(url + path, { port: debugging, logLevel: "error", extraHeaders, onlyCategories: ["performance", "accessibility", "best-practices", "seo"] });
    for (const { title, score, auditRefs } of Object.values(lhr.categories)) {
      figure(`Lighthouse, ${name}, ${title}: points below 100`, 100 - score * 100, "points", "5");
      if (score >= 0.95) continue;
      for (const { id, weight } of auditRefs) if (weight && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9) console.log(`    ${id}: ${lhr.audits[id].displayValue ?? lhr.audits[id].title}`);
    }
  }
}

const debugging = await freePort();
await withDemo(async (url, browser) => {
  const [cold, warm, presses, coldSheets, warmSheets] = [[], [], [], [], []];
  let cookie;
  for (let n = 0; n < ROUNDS; n++) {
    const context = await signedIn(browser, url, phone);
    [cookie] = (await context.cookies()).map(({ name, value }) => `${name}=${value}`);
    const first = await open(context, url);
    cold.push(first);
    await first.page.evaluate(() => navigator.serviceWorker.ready);
    await first.page.close();
    const second = await open(context, url);
    warm.push(second);
    presses.push(await press(second.page));
    await second.page.close();
    warmSheets.push(await pressedAtOnce(context, url));
    await context.close();
    const another = await signedIn(browser, url, phone);
    coldSheets.push(await pressedAtOnce(another, url));
    await another.close();
  }
  const of = (all, what) => median(all.map((one) => one[what]));
  figure("slow phone, cold: loaded until the shield is usable", of(cold, "kilobytes"), "kB", "150");
  figure("slow phone, cold: usable shield", of(cold, "usable"), "ms", "1200");
  figure("slow phone, cold: pressed at once, until the sheet stands", of(coldSheets, "sheet"), "ms", "1200");
  figure("slow phone, cold: largest contentful paint", of(cold, "lcp"), "ms", "1200");
  figure("slow phone, cold: total blocking time", of(cold, "blocked"), "ms", "50");
  figure("slow phone, cold: layout shift, worst", Math.max(...cold.map((one) => one.shift)), "CLS", "0");
  figure("slow phone, warm: usable shield", of(warm, "usable"), "ms", "500");
  figure("slow phone, warm: pressed at once, until the sheet stands", of(warmSheets, "sheet"), "ms", "500");
  figure("slow phone, warm: total blocking time", of(warm, "blocked"), "ms", "50");
  figure("slow phone, warm: layout shift, worst", Math.max(...warm.map((one) => one.shift)), "CLS", "0");
  figure("slow phone, a press: slowest interaction (INP), p50", of(presses, "slowest"), "ms", "50");
  figure("slow phone, a press: slowest interaction (INP), worst", Math.max(...presses.map((one) => one.slowest)), "ms", "50");
  const gaps = presses.flatMap((one) => one.gaps);
  figure("slow phone, sliding: from frame to frame, p50", at(gaps, 0.5), "ms", "16.7");
  figure("slow phone, sliding: from frame to frame, p95", at(gaps, 0.95), "ms", "16.7");
  await lighthouse(url, cookie);
}, `--remote-debugging-port=${debugging}`);
