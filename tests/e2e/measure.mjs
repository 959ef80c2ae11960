// Measures what a person waits for, in real Chromium against the real binary. Prints medians and the 99th percentile, in milliseconds.
import { chromium } from "@playwright/test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const presses = 30;
const port = 18_080;
const url = `http://127.0.0.1:${port}`;
const folder = mkdtempSync(join(tmpdir(), "buckler-"));
const binary = new URL("../../target/release/buckler", import.meta.url).pathname;
const server = spawn(binary, ["serve", "--demo", "--data", folder, "--listen", `127.0.0.1:${port}`], { stdio: "ignore" });
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const at = (all, share) => all.toSorted((a, b) => a - b)[Math.round((all.length - 1) * share)].toFixed(2);
const figure = (what, value, goal) => console.log(`${what.padEnd(66)} ${value.padStart(9)} ms  (goal ${goal})`);
const say = (what, all, goals) => [[0.5, "p50"], [0.99, "p99"]].forEach(([share, name], n) => figure(`${what}, ${name}`, at(all, share), goals[n]));

try {
  for (let tries = 0; !(await fetch(`${url}/healthz`).then((a) => a.ok, () => false)); tries++) {
    if (tries > 200) throw new Error("the server does not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  await context.request.post(`${url}/api/v1/session`, { data: { email: "owner@demo.test", password: "buckler-demo" } });
  const page = await context.newPage();
  await page.goto(url);

  const took = [];
  for (let n = 0; n < presses; n++) {
    await page.getByRole("button", { name: "SOS", exact: true }).click();
    await page.getByRole("slider", { name: "Slide to request police" }).waitFor();
    // From the release of the slide to a countdown on the screen, which stands there only when it was acknowledged; both by the page's own clock.
    const press = page.evaluate(
      () =>
        new Promise((resolve) => {
          let began;
          document.addEventListener("change", () => (began = performance.now()), { capture: true, once: true });
          const look = new MutationObserver(() => {
            if (!document.querySelector(".count[open] .ring")) return;
            look.disconnect();
            requestAnimationFrame(() => resolve(performance.now() - began));
          });
          look.observe(document.body, { subtree: true, childList: true, attributes: true });
        }),
    );
    const slider = page.getByRole("slider", { name: "Slide to request police" });
    await slider.focus();
    await page.keyboard.press("End");
    took.push(await press);
    await page.getByRole("button", { name: "Cancel Help" }).click();
    await page.getByRole("button", { name: "Done" }).click();
  }
  say("slide let go → acknowledged countdown drawn", took.slice(3), ["100", "-"]);

  const bodies = ["{", "{}", '{"unknown":1}', "\u0000", "[".repeat(5000), `{"id":"${"x".repeat(70_000)}"}`, '{"id":"no uuid","request":"ambulance"}'];
  const answers = [];
  for (let n = 0; n < 70; n++) {
    const began = performance.now();
    const answer = await context.request.post(`${url}/api/v1/homes/maple-street/incidents`, { data: Buffer.from(bodies[n % bodies.length]), headers: { "content-type": "application/json" } });
    answers.push(performance.now() - began);
    if (answer.status() < 400) throw new Error(`accepted: ${bodies[n % bodies.length].slice(0, 40)}`);
  }
  say("bad input → problem", answers.slice(5), ["50", "50"]);
  await browser.close();
} finally {
  server.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
