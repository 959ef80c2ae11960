// Shared by the browser benchmarks of scripts/bench: the demo on a free port, Chromium, and a line for each figure.
import { chromium as playwright } from "@playwright/test";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary, chromium, freePort } from "./machine.js";

export const at = (all, share) => all.toSorted((a, b) => a - b)[Math.round((all.length - 1) * share)];
export const figure = (what, value, unit, goal) => console.log(`${what.padEnd(66)} ${value.toFixed(2).padStart(9)} ${unit}  (goal ${goal})`);

async function start(url, folder, ...words) {
  const server = spawn(binary, ["serve", "--demo", "--data", folder, "--listen", new URL(url).host, ...words], { stdio: ["ignore", "pipe", "ignore"] });
  // Its first line says that it serves. A server that does not start closes the stream without one.
  const [said] = await Promise.race([once(server.stdout, "data"), once(server.stdout, "end").then(() => [])]);
  if (!said) throw new Error("the server does not start");
  server.stdout.resume();
  return server;
}

async function stop(server) {
  const ended = new Promise((resolve) => server.on("exit", resolve));
  server.kill("SIGTERM");
  await ended;
}

/** Calls `measure` with the demo's address and a browser, and stops both. */
export const withDemo = (measure, ...args) => withChangedDemo(null, measure, ...args);

/** Like `withDemo`, with a demo whose folder `change` modifies. `change` returns further arguments of the command. */
export async function withChangedDemo(change, measure, ...args) {
  const url = `http://127.0.0.1:${await freePort()}`;
  const folder = mkdtempSync(join(tmpdir(), "buckler-"));
  let [server, browser] = [await start(url, folder)];
  try {
    if (change) {
      await stop(server);
      server = await start(url, folder, ...change(folder));
    }
    browser = await playwright.launch({ ...chromium, args: [...chromium.args, ...args] });
    await measure(url, browser, server);
  } finally {
    await browser?.close();
    server.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A browser context in which a user of the demo is signed in. */
export async function signedIn(browser, url, options, name = "owner") {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, ...options });
  await context.request.post(`${url}/api/v1/session`, { data: { email: `${name}@demo.test`, password: "buckler-demo" } });
  return context;
}
