// Reloads, second tabs, a server that is killed, a server that cannot be reached.
import { count, expect, test } from "./buckler.js";

test("two tabs show one incident", async ({ home, context }) => {
  const other = await context.newPage();
  await other.goto(home.server.url);
  await expect(other.getByRole("button", { name: "SOS", exact: true })).toBeVisible();
  await home.ask("police");
  await expect(other.getByRole("alertdialog", { name: /Requesting police/ })).toBeVisible();
  await other.getByRole("button", { name: "Cancel Help" }).click();
  await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
  expect((await home.api.incidents("maple-street")).length).toBe(1);
});

test("a reload in the countdown shows the same countdown", async ({ home }) => {
  await home.ask("police");
  const { deadline } = (await home.api.home("maple-street")).incident;
  await home.page.reload();
  await expect(home.countdown()).toBeVisible();
  expect((await home.api.home("maple-street")).incident.deadline).toBe(deadline);
  await expect(home.requested()).toBeVisible();
});

test("the server is killed in the countdown and started again: it happens, once", async ({ home, expected }) => {
  expected.push(/Failed to load resource|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING/);
  await home.ask("police");
  await home.server.kill();
  await expect(home.countdown().getByText(/Connection lost/)).toBeVisible();
  await home.server.start();
  await expect(home.requested()).toBeVisible({ timeout: 40_000 });
  const incident = await home.state("dispatching");
  expect([count(incident, "siren_on"), count(incident, "dispatch_requested")]).toEqual([1, 1]);
  expect(incident.timeline.filter((line) => /calling Sister/.test(line.text)).length).toBe(1);
});

test("a disk that stores nothing: NOT CONFIRMED within a second, and sent once when it stores again", async ({ home, expected }) => {
  // The first server may be killed while the app still prefetches files.
  expected.push(/Failed to load resource|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|Failed to fetch/);
  await home.server.startOnFaultyDisk();
  await home.page.reload();
  home.server.disk("full");
  await home.openSheet();
  await home.slide("police");
  const began = Date.now();
  await expect(home.page.getByText(/NOT CONFIRMED/i).first()).toBeVisible({ timeout: 5_000 });
  // This second includes the polling of the test.
  expect(Date.now() - began).toBeLessThan(1_000);
  expect((await home.api.incidents("maple-street")).length).toBe(0);
  home.server.disk("");
  await expect(home.countdown()).toBeVisible({ timeout: 20_000 });
  expect((await home.api.incidents("maple-street")).length).toBe(1);
});

test("an unreachable server: NOT CONFIRMED, and then sent once with the same id", async ({ home, expected }) => {
  expected.push(/Failed to load resource|ERR_FAILED/);
  const ids = [];
  let reachable = false;
  await home.page.route("**/incidents", (route) => {
    ids.push(route.request().postDataJSON().id);
    return reachable ? route.continue() : route.abort();
  });
  await home.openSheet();
  await home.slide("police");
  const unsent = home.page.getByRole("alertdialog", { name: "NOT CONFIRMED — trying again" });
  await expect(unsent).toBeVisible({ timeout: 3_000 });
  await expect(unsent.getByRole("link", { name: "Call 911" })).toHaveAttribute("href", "tel:911");
  await expect(home.countdown()).toBeHidden();
  reachable = true;
  await expect(home.countdown()).toBeVisible();
  expect(ids.length).toBeGreaterThan(1);
  expect(new Set(ids).size).toBe(1);
  const all = await home.api.incidents("maple-street");
  expect(all.map((incident) => incident.id)).toEqual([ids[0]]);
});

test("an answer that is lost: the same request again finds the same incident", async ({ home, expected }) => {
  expected.push(/Failed to load resource|ERR_FAILED/);
  let lost = 0;
  await home.page.route("**/incidents", async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch();
    return route.abort();
  });
  await home.openSheet();
  await home.slide("police");
  await expect(home.countdown()).toBeVisible();
  expect((await home.api.incidents("maple-street")).length).toBe(1);
});

test("a request that is taken back begins nothing, also if a copy of it arrives later", async ({ home, page, expected }) => {
  expected.push(/Failed to load resource|ERR_FAILED|409/);
  const copies = [];
  await page.route("**/incidents", (route) => {
    if (route.request().method() !== "POST") return route.continue();
    copies.push(route.request());
    return route.abort();
  });
  await home.openSheet();
  await home.slide("police");
  const unanswered = page.getByRole("alertdialog", { name: "NOT CONFIRMED — trying again" });
  await expect(unanswered).toContainText("We do not know whether your request has arrived");
  await page.keyboard.press("Tab");
  await expect(home.button("Stop trying")).toBeFocused();
  await page.keyboard.press("Enter");
  const nothing = page.getByRole("alertdialog", { name: "Nothing was requested" });
  await expect(nothing.getByRole("link", { name: "Call 911" })).toBeVisible();
  const late = await page.request.post(copies[0].url(), { data: copies[0].postDataJSON() });
  expect([late.status(), (await late.json()).code]).toEqual([409, "withdrawn"]);
  await nothing.getByRole("button", { name: "Close" }).click();
  await expect(home.shield()).toBeVisible();
  expect(await home.api.incidents("maple-street")).toEqual([]);
});

test("a request that is taken back too late: the app shows what runs as soon as it can", async ({ home, page, expected }) => {
  expected.push(/Failed to load resource|ERR_FAILED/);
  // Nothing tells the app that the request has arrived.
  await page.route("**/events", (route) => route.abort());
  await page.reload();
  await expect(page.getByText(/Not connected/).first()).toBeVisible();
  await page.route("**/incidents", async (route) => {
    if (route.request().method() === "POST") await route.fetch();
    return route.abort();
  });
  await page.route("**/requests/*", (route) => route.abort());
  await home.openSheet();
  await home.slide("police");
  await expect(page.getByRole("alertdialog", { name: "NOT CONFIRMED — trying again" })).toBeVisible();
  await home.button("Stop trying").click();
  const waiting = page.getByRole("alertdialog", { name: "Taking it back…" });
  await expect(waiting).toContainText("Until it does, help can still be requested");
  await expect.poll(async () => (await home.api.incidents("maple-street"))[0].state).not.toBe("counting_down");
  await page.unroute("**/requests/*");
  await expect(home.requested()).toBeVisible();
  await expect(waiting).toBeHidden();
});

test("an acknowledgment that the app cannot read is not unconfirmed, and is asked for once", async ({ home, page }) => {
  let asked = 0;
  await page.route("**/incidents", (route) => {
    if (route.request().method() !== "POST") return route.continue();
    asked += 1;
    return route.fulfill({ status: asked === 1 ? 201 : 208, contentType: "application/json", body: asked === 1 ? '{"state": "a_state_of_tomorrow"}' : "" });
  });
  for (let round = 1; round <= 2; round++) {
    await home.openSheet();
    await home.slide("police");
    const arrived = page.getByRole("alertdialog", { name: "Your request has arrived" });
    await expect(arrived.getByRole("link", { name: "Call 911" })).toHaveAttribute("href", "tel:911");
    await expect(page.getByText(/NOT SENT|NOT CONFIRMED/)).toBeHidden();
    await arrived.getByRole("button", { name: "Close" }).click();
    await expect(arrived).toBeHidden();
    expect(asked).toBe(round);
  }
});

test("an acknowledgment that the app cannot read: the incident is shown as soon as the stream tells of it", async ({ home, page }) => {
  await page.route("**/incidents", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    return route.fulfill({ response: await route.fetch(), body: "cut o" });
  });
  await home.openSheet();
  await home.slide("police");
  await expect(home.countdown()).toBeVisible();
  await expect(page.getByRole("alertdialog", { name: "Your request has arrived" })).toBeHidden();
  await home.button("Cancel Help").click();
  await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
  await home.button("Done").click();
  await expect(page.getByRole("alertdialog")).toBeHidden();
});

test("a refusal in words that the app does not know is said, and is not tried for ever", async ({ home, page, expected }) => {
  expected.push(/451/);
  let asked = 0;
  await page.route("**/incidents", (route) => {
    if (route.request().method() !== "POST") return route.continue();
    asked += 1;
    const body = { type: "/problems/of-tomorrow", title: "Not today", status: 451, detail: "This home moved to another center.", code: "of_tomorrow" };
    return route.fulfill({ status: 451, contentType: "application/problem+json", body: JSON.stringify(body) });
  });
  await home.openSheet();
  await home.slide("police");
  await expect(page.getByRole("alertdialog", { name: "The server has answered" })).toContainText("This home moved to another center.");
  expect(asked).toBe(1);
});

test("a cancel that does not arrive says so, and is tried again until it does", async ({ home, expected }) => {
  expected.push(/Failed to load resource|ERR_FAILED/);
  await home.ask("police");
  let lost = 0;
  await home.page.route("**/cancel?seen=*", (route) => (lost++ < 2 ? route.abort() : route.continue()));
  await home.button("Cancel Help").click();
  await expect(home.countdown().getByText("The server has not confirmed that yet. Trying again")).toBeVisible();
  await expect(home.ended("Cancelled. Nothing was sent.")).toBeVisible();
  expect(count(await home.state("aborted"), "aborted")).toBe(1);
});

test("the app is served packed, and what is named by its hash never changes", async ({ server, request }) => {
  const page = await request.get(server.url, { headers: { "accept-encoding": "br" } });
  expect([page.headers()["content-encoding"], page.headers()["cache-control"]]).toEqual(["br", "no-cache"]);
  const { etag } = page.headers();
  expect((await request.get(server.url, { headers: { "accept-encoding": "br", "if-none-match": etag } })).status()).toBe(304);
  const files = [...(await page.text()).matchAll(/['"](\/[a-z-]+-[0-9a-f]{16}[a-z_]*\.(?:css|js|wasm))['"]/g)].map(([, path]) => path);
  expect(new Set(files.map((path) => path.split(".").pop()))).toEqual(new Set(["css", "js", "wasm"]));
  for (const path of files) {
    const { headers } = await request.get(server.url + path).then((answer) => ({ headers: answer.headers() }));
    expect([headers["content-encoding"], headers["cache-control"]], path).toEqual(["br", "public, max-age=31536000, immutable"]);
  }
});

test("SIGTERM stops the server within two seconds, with open streams", async ({ home, expected }) => {
  expected.push(/Failed to load resource|ERR_/);
  await expect(home.shield()).toBeVisible();
  const { code, took } = await home.server.stop();
  expect(code).toBe(0);
  expect(took).toBeLessThan(2_000);
  await expect(home.page.getByText("Not connected. What you see may be old")).toBeVisible();
});

test("signing in, a wrong password first", async ({ page, server }) => {
  await page.goto(server.url);
  await page.getByLabel("E-mail address").fill("owner@demo.test");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("do not belong together")).toBeVisible();
  await page.getByLabel("Password").fill("buckler-demo");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Help is one slide away" })).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("the screen of a running incident follows without its stream", async ({ home, page, server, expected }) => {
  expected.push(/Failed to load resource|ERR_|Failed to fetch/);
  await home.openSheet();
  await home.slide("police");
  await home.button("Send Now").click();
  await expect(home.requested()).toBeVisible();
  await page.route("**/events", (route) => route.abort());
  await server.kill();
  await server.start();
  await expect(home.requested().getByText("Not connected. What you see may be old")).toBeVisible();
  await expect(home.story().getByText("Sister did not answer")).toBeVisible();
});
