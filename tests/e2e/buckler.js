// Shared by all journeys: a separate server on a fresh folder, a signed-in person, and checks for errors that must never happen.
import { test as base, expect } from "@playwright/test";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary, freePort } from "./machine.js";

/** Limits a wait, and names it if it fails: Playwright names its own calls, but not our waits, and not a new context. */
export async function soon(what, promise, state = () => "") {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${what} took more than 30 s. ${state()}`)), 30_000)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The real binary on a fresh folder. */
export class Server {
  constructor(folder, port) {
    Object.assign(this, { folder, port, url: `http://127.0.0.1:${port}` });
  }

  async start() {
    this.metricsPort ??= await freePort();
    this.metrics = `http://127.0.0.1:${this.metricsPort}/metrics`;
    const args = ["serve", ...(this.demo ? ["--demo"] : []), "--data", this.folder, "--listen", `127.0.0.1:${this.port}`, "--metrics-listen", `127.0.0.1:${this.metricsPort}`, "--center-ring-timeout", this.ring, "--proof-lasts", this.proof];
    if (this.configuration) {
      writeFileSync(join(this.folder, "buckler.toml"), this.configuration);
      args.push("--config", join(this.folder, "buckler.toml"));
    }
    this.process = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...this.environment, BUCKLER_LOG: "warn" } });
    this.log = "";
    this.said = "";
    this.process.stderr.on("data", (text) => (this.log += text));
    this.process.stdout.on("data", (text) => (this.said += text));
    this.ended = new Promise((resolve) => this.process.on("exit", (code, signal) => resolve({ code, signal })));
    await expect.poll(() => this.healthy(), { timeout: 20_000, intervals: [50] }).toBe(true);
  }

  /** Restarts with a fault injector between the server and the disk. */
  async startOnFaultyDisk() {
    await this.kill();
    const [library, fault] = ["disk.so", "fault"].map((name) => join(this.folder, name));
    const [preload, source] = ["../preload", "../native/server/disk.c"].map((path) => new URL(path, import.meta.url).pathname);
    execFileSync(preload, [source, library]);
    this.environment = { LD_PRELOAD: library, DISK_FAULT: fault };
    await this.start();
  }

  /** Sets the disk's fault: "full", "broken", "held", or "" for none. */
  disk(fault) {
    writeFileSync(join(this.folder, "fault"), fault);
  }

  healthy() {
    return fetch(`${this.url}/healthz`).then((answer) => answer.ok, () => false);
  }

  /** Kills the server, as a power cut does. */
  async kill() {
    this.process.kill("SIGKILL");
    await soon("the end of a killed server", this.ended, () => readFileSync(`/proc/${this.process.pid}/status`, "utf8"));
  }

  /** Restarts as if the server had been down for so long: moves the stored time that it continues from. */
  downFor(minutes) {
    return this.restartAfter("UPDATE clock SET at = at + ?", String(minutes * 60_000));
  }

  /** Changes the database while the server is down. */
  async restartAfter(statement, ...values) {
    await this.kill();
    const change = "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]); file.execute(sys.argv[2], sys.argv[3:]); file.commit(); file.close()";
    execFileSync("/usr/bin/python3", ["-c", change, join(this.folder, "buckler.db"), statement, ...values]);
    await this.start();
  }

  /** Runs `buckler user …`, as an administrator does. */
  user(...args) {
    execFileSync(binary, ["user", ...args, "--data", this.folder]);
  }

  /** Stops the server with SIGTERM. Returns its exit code and how long that took in milliseconds. */
  async stop() {
    const began = Date.now();
    this.process.kill("SIGTERM");
    const { code } = await this.ended;
    return { code, took: Date.now() - began };
  }
}

/** A member of a home who uses the API, for facts that a journey needs and no screen shows. */
export class Api {
  constructor(request, url) {
    Object.assign(this, { request, url });
  }

  async signIn(name) {
    const data = { email: `${name}@demo.test`, password: "buckler-demo" };
    expect((await this.request.post(`${this.url}/api/v1/session`, { data })).ok()).toBe(true);
    return this;
  }

  home = async (id) => (await this.request.get(`${this.url}/api/v1/homes/${id}`)).json();
  incidents = async (id) => (await this.request.get(`${this.url}/api/v1/homes/${id}/incidents`)).json();

  /** The path of a contact's phone page. */
  phone = async (id, contact = 0) => (await this.home(id)).contacts[contact].phone_link;
}

export const test = base.extend({
  /** Whether the server has the demo homes. */
  demo: [true, { option: true }],
  /** How long the first contact's telephone rings: long if somebody answers, because a busy machine may be slow. */
  ring: ["4s", { option: true }],

  /** How long a home can be changed after the password was given. */
  proof: ["10m", { option: true }],

  /** The text of the configuration file. The cameras of journeys are on this machine. */
  configuration: ['[cameras]\nallow = ["127.0.0.0/8"]\n', { option: true }],

  server: async ({ demo, ring, proof, configuration }, use) => {
    const folder = mkdtempSync(join(tmpdir(), "buckler-"));
    const server = new Server(folder, await freePort());
    Object.assign(server, { demo, ring, proof, configuration });
    await server.start();
    await use(server);
    if (server.process.exitCode === null && server.process.signalCode === null) await server.kill();
    rmSync(folder, { recursive: true });
  },

  /** Patterns of console errors that a journey expects. */
  expected: async ({}, use) => {
    await use([]);
  },

  /** A signed-in person on the dashboard of Maple Street. */
  home: async ({ page, server, expected }, use) => {
    const home = new Home(page, server);
    watch(page, home.errors);
    await home.open();
    await use(home);
    const unexpected = home.errors.filter((text) => !expected.some((pattern) => pattern.test(text)));
    expect(unexpected, "errors in the console").toEqual([]);
  },
});

function watch(page, errors) {
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
}

/** A person who uses the app. */
export class Home {
  errors = [];

  constructor(page, server) {
    Object.assign(this, { page, server });
    this.api = new Api(page.context().request, server.url);
  }

  async open(home = "maple-street", path = "/") {
    await this.api.signIn("owner");
    await this.page.addInitScript((id) => sessionStorage.seen || ((sessionStorage.seen = 1), localStorage.setItem("buckler-home", id)), home);
    await this.page.goto(this.server.url + path);
  }

  /** The app's shield, not the placeholder that shows before the app is loaded. */
  shield = () => this.page.getByRole("button", { name: "SOS", exact: true }).and(this.page.locator("button:not(#first-shield button)"));
  sheet = () => this.page.getByRole("dialog", { name: "Request help" });
  countdown = () => this.page.getByRole("alertdialog", { name: /in \d seconds?$/ });
  requested = () => this.page.getByRole("dialog", { name: /^(Help has been requested|The request was accepted|Accepted by .+|The monitoring center has your request)$/ });
  ended = (text) => this.page.getByRole("dialog", { name: text });
  story = () => this.page.getByRole("list", { name: "What has happened" });
  button = (name) => this.page.getByRole("button", { name });

  async openSheet() {
    await this.shield().click();
    await expect(this.sheet()).toBeVisible();
  }

  /** Drags the thumb from one end to the other, or part of the way. */
  async slide(service, part = 1) {
    const slider = this.page.getByRole("slider", { name: `Slide to request ${service}` });
    const box = await slider.boundingBox();
    const [from, y] = [box.x + 30, box.y + box.height / 2];
    const to = from + (box.width - 60) * part;
    await this.page.mouse.move(from, y);
    await this.page.mouse.down();
    for (let step = 1; step <= 12; step++) await this.page.mouse.move(from + ((to - from) * step) / 12, y);
    await this.page.mouse.up();
  }

  async ask(service) {
    await this.openSheet();
    await this.slide(service);
    await expect(this.countdown()).toBeVisible();
  }

  /** Waits until the home's incident is in that state, and returns it. */
  async state(state, home = "maple-street") {
    let last;
    await expect
      .poll(async () => ((last = (await this.api.incidents(home))[0]), last?.state), { timeout: 60_000, intervals: [100] })
      .toBe(state);
    return last;
  }

  /** Opens a contact's phone page in a separate window without an account. */
  async contact(browser, number = 0, home = "maple-street") {
    const context = await soon("a new context", browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: "dark" }));
    const page = await context.newPage();
    watch(page, this.errors);
    await page.goto(this.server.url + (await this.api.phone(home, number)));
    return page;
  }
}

export const whats = (incident) => incident.timeline.map((line) => line.what);
export const count = (incident, what) => whats(incident).filter((w) => w === what).length;
export { expect };
