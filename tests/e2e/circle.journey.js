// Two Bucklers: one is the home, the other the monitoring center. The home signals over DC-09 with AES, the center reports back.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api, expect, Home, Server, test } from "./buckler.js";
import { freePort } from "./machine.js";

/** A server with this configuration on a fresh folder. */
async function begin(configuration, ring, port) {
  const folder = mkdtempSync(join(tmpdir(), "buckler-"));
  const server = Object.assign(new Server(folder, port), { demo: true, ring, proof: "10m", configuration });
  await server.start();
  return server;
}

async function end(server) {
  await server.kill();
  rmSync(server.folder, { recursive: true });
}

test("an operator elsewhere works the incident to its end, and home sees every step with its time", async ({ page, browser }, info) => {
  const secrets = mkdtempSync(join(tmpdir(), "buckler-"));
  const [key, secret] = ["key", "secret"].map((name) => join(secrets, name));
  writeFileSync(key, "30313233343536373839414243444546");
  writeFileSync(secret, "whsec_MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=");
  const [panels, here] = [await freePort(), await freePort()];
  const center = await begin(
    `[center]\nmode = "operators"\n[center.listener]\nlisten = "tcp://127.0.0.1:${panels}"\n` +
      `[center.listener.accounts.1234]\nhome = "maple-street"\nkey_file = "${key}"\n` +
      `[[webhook]]\nurl = "http://127.0.0.1:${here}/api/v1/reports/harbor"\nsecret_file = "${secret}"\n`,
    "60s",
    await freePort(),
  );
  const server = await begin(
    `[center]\nmode = "receiver"\n[center.receiver]\nmain = "tcp://127.0.0.1:${panels}"\nformat = "sia-dcs"\nkey_file = "${key}"\n` +
      `[center.receiver.accounts]\nmaple-street = "1234"\n[[reporter]]\nname = "harbor"\ntitle = "Harbor Center"\nsecret_file = "${secret}"\n`,
    "8s",
    here,
  );

  const context = await browser.newContext();
  await new Api(context.request, center.url).signIn("operator");
  const desk = await context.newPage();
  await desk.goto(`${center.url}/center`);
  await expect(desk.getByText("Nothing waits for you")).toBeVisible();
  const home = new Home(page, server);
  await home.open();
  const press = (name) => desk.getByRole("button", { name }).click();
  const told = (text) => expect(home.story().getByText(text)).toBeVisible();

  await home.ask("police");
  await home.button("Send Now").click();
  await told("The receiving center has the alarm (main)");
  await press("Police, Maple Street");
  await press("Take it");
  await told("An operator took the incident");
  await press("Confirmed");
  await told("Sister confirmed the emergency");
  await desk.getByLabel("The agency’s number").fill("P-17");
  await press("Police: accepted");
  await told("Police: request accepted (P-17)");
  await press("Police: on the way");
  await told("Police: on the way");
  await press("Police: on scene");
  await told("Police: on scene");
  await told("Police requested to 14 Maple Street, Portland");
  await page.screenshot({ path: `output/circle-home-${info.project.name}.png` });
  await press("Close: help was given");
  await press("Press again: it is closed");
  await expect(desk.getByText("Nothing waits for you")).toBeVisible();
  await expect(page.getByText(/^Closed by the monitoring center/).first()).toBeVisible();

  // The home shows the center's steps with the center's times.
  const there = await new Api(context.request, center.url).signIn("owner").then((owner) => owner.incidents("maple-street"));
  const [theirs, ours] = [there[0].timeline, (await home.api.incidents("maple-street"))[0].timeline];
  const steps = ["An operator took the incident", "Sister confirmed the emergency", "Police: request accepted (P-17)", "Police: on the way", "Police: on scene"];
  for (const step of steps) {
    const at = (lines) => lines.find((line) => line.text === step);
    expect(at(ours).at, step).toBe(at(theirs).at);
    expect(at(ours).by, step).toContain("Harbor Center");
  }
  expect(there[0].source, "the home's own panel raised it").toEqual({ surface: "device" });
  await context.close();
  await Promise.all([end(server), end(center)]);
  rmSync(secrets, { recursive: true });
});
