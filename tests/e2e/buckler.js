// What every journey needs: a server of its own on a fresh folder, somebody signed in, and eyes for what must never happen.
import { test as base, expect } from "@playwright/test";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary, freePort } from "./machine.js";

/** What must come soon. Playwright names the call that a test waited for in vain, but not a wait of ours, and not a new context. */
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
    const args = ["serve", ...(this.demo ? ["--demo"] : []), "--data", this.folder, "--listen", `127.0.0.1:${this.port}`, "--center-ring-timeout", this.ring, "--proof-lasts", this.proof];
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

  /** Starts again with something between it and the disk. */
  async startOnFaultyDisk() {
    await this.kill();
    const [library, fault] = ["disk.so", "fault"].map((name) => join(this.folder, name));
    execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, new URL("../native/server/disk.c", import.meta.url).pathname, "-ldl"]);
    this.environment = { LD_PRELOAD: library, DISK_FAULT: fault };
    await this.start();
  }

  /** What the disk does from now on: "full", "broken", "held", or "" for a good one. */
  disk(fault) {
    writeFileSync(join(this.folder, "fault"), fault);
  }

  healthy() {
    return fetch(`${this.url}/healthz`).then((answer) => answer.ok, () => false);
  }

  /** As a power cut ends it. */
  async kill() {
    this.process.kill("SIGKILL");
    await soon("the end of a killed server", this.ended, () => readFileSync(`/proc/${this.process.pid}/status`, "utf8"));
  }

  /** As if it had been down for so long: its time goes on from what it kept. */
  downFor(minutes) {
    return this.restartAfter("UPDATE clock SET at = at + ?", String(minutes * 60_000));
  }

  /** Changes its database while it is down. */
  async restartAfter(statement, ...values) {
    await this.kill();
    const change = "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]); file.execute(sys.argv[2], sys.argv[3:]); file.commit(); file.close()";
    execFileSync("/usr/bin/python3", ["-c", change, join(this.folder, "buckler.db"), statement, ...values]);
    await this.start();
  }

  /** `buckler user …`, as the one who runs it types it. */
  user(...args) {
    execFileSync(binary, ["user", ...args, "--data", this.folder]);
  }

  /** As the one who runs it ends it; answers how long that took, in milliseconds. */
  async stop() {
    const began = Date.now();
    this.process.kill("SIGTERM");
    const { code } = await this.ended;
    return { code, took: Date.now() - began };
  }
}

/** Somebody at home, through the API: for what a journey must know and no screen shows. */
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
  /** Whether the server brings the demo homes. */
  demo: [true, { option: true }],
  /** How long the first contact's telephone rings: long where somebody answers, who may be slow on a busy machine. */
  ring: ["4s", { option: true }],

  /** How long after giving the password a home can be changed. */
  proof: ["10m", { option: true }],

  /** The configuration file, if there is one. */
  configuration: ["", { option: true }],

  server: async ({ demo, ring, proof, configuration }, use) => {
    const folder = mkdtempSync(join(tmpdir(), "buckler-"));
    const server = new Server(folder, await freePort());
    Object.assign(server, { demo, ring, proof, configuration });
    await server.start();
    await use(server);
    if (server.process.exitCode === null && server.process.signalCode === null) await server.kill();
    rmSync(folder, { recursive: true });
  },

  /** Errors of the console that a journey expects, as patterns. */
  expected: async ({}, use) => {
    await use([]);
  },

  /** Somebody at home, signed in, on the dashboard of Maple Street. */
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

/** A person at home with the app. */
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

  /** The app's own, not the one that stands in its place before. */
  shield = () => this.page.getByRole("button", { name: "SOS", exact: true }).and(this.page.locator("button:not(#first-shield button)"));
  sheet = () => this.page.getByRole("dialog", { name: "Request help" });
  countdown = () => this.page.getByRole("alertdialog", { name: /in \d seconds?$/ });
  requested = () => this.page.getByRole("dialog", { name: "Help has been requested" });
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

  /** Waits until the incident of the home is in that state, and answers it. */
  async state(state, home = "maple-street") {
    let last;
    await expect
      .poll(async () => ((last = (await this.api.incidents(home))[0]), last?.state), { timeout: 60_000, intervals: [100] })
      .toBe(state);
    return last;
  }

  /** Opens a contact's phone in a window of its own, as somebody without an account. */
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
