// Measures Live View in real Chromium, from a real camera (GStreamer, 1920 × 1080, 25 pictures a second) on this machine: the tap until
// the first picture, how old a picture is when it is on the screen; and what many viewers cost, while help is asked for.
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { cpus } from "node:os";
import { join } from "node:path";
import { at, figure, signedIn, withChangedDemo } from "./bench.js";
import { BITS, RealCamera, shown } from "./camera.js";

const say = (what, all, goals) => [[0.5, "p50"], [0.99, "p99"]].forEach(([share, name], n) => figure(`${what}, ${name}`, at(all, share), "ms", goals[n]));
const until = async (check, ms = 20_000) => {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 5))) if (await check()) return;
  throw new Error("it never came");
};

// From the tap on a camera to its first picture on the screen, by the page's own clock.
const firstPicture = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        const link = document.querySelector('a[href="/live/hallway"]');
        const began = performance.now();
        const look = () => (document.querySelector(".live--on") ? resolve(performance.now() - began) : requestAnimationFrame(look));
        link.click();
        requestAnimationFrame(look);
      }),
  );

/** Processor time of a process, seconds, and its memory, MB. */
const cost = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, memory: Number(memory) / 1024 };
};

/** Allows cameras on this machine. */
function allow(folder) {
  writeFileSync(join(folder, "buckler.toml"), '[cameras]\nallow = ["127.0.0.0/8"]\n');
  return ["--config", join(folder, "buckler.toml")];
}

await withChangedDemo(allow, async (url, browser, server) => {
  const camera = await RealCamera.start("--size", "1920x1080", "--gop", "1");
  const context = await signedIn(browser, url);
  const page = await context.newPage();
  const watch = async (stream) => {
    const data = { kind: "camera", name: "Hallway", sos_compatible: true, has_siren: false, stream };
    const answer = await context.request.put(`${url}/api/v1/homes/maple-street/cameras/hallway`, { data });
    if (!answer.ok()) throw new Error(await answer.text());
  };
  await watch(camera.address);
  await page.goto(url);
  await page.getByRole("link", { name: "Live View Hallway" }).waitFor();
  figure("tap → first picture, the camera not yet asked, GOP 1 s", await firstPicture(page), "ms", "1300");
  const warm = [];
  for (let n = 0; n < 20; n++) {
    await page.getByRole("link", { name: "Back" }).click();
    await page.getByRole("link", { name: "Live View Hallway" }).waitFor();
    warm.push(await firstPicture(page));
  }
  say("tap → first picture, warm", warm, ["250", "-"]);
  const ages = [];
  await until(() => page.evaluate(shown, BITS));
  for (let n = 0; n < 200; n++) {
    const { age } = await page.evaluate(shown, BITS);
    ages.push(age);
    // A sampling interval that shares no factor with the camera's 40 ms.
    await page.waitForTimeout(37);
  }
  say(`taken → on the screen, 1080p25, ${cpus().length} processors for all of it`, ages, ["200", "400"]);
  await page.goto("about:blank");

  // A session may have 16 pictures.
  const cookies = [];
  for (let n = 0; n < 4; n++) {
    const of = await signedIn(browser, url);
    cookies.push((await of.cookies()).map(({ name, value }) => `${name}=${value}`).join("; "));
  }
  // A viewer that takes everything, and shows nothing.
  const viewer = async (path, n) => {
    const headers = { cookie: cookies[n % cookies.length], connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" };
    const [, socket] = await once(get(`${url}/api/v1/cameras/${path}`, { headers }), "upgrade");
    socket.on("data", (bytes) => (socket.taken = (socket.taken ?? 0) + bytes.length));
    return socket;
  };
  const viewers = (count, path) => Promise.all(Array.from({ length: count }, (_, n) => viewer(path(n), n)));
  const many = async (what, sockets) => {
    await until(() => sockets.every((socket) => socket.taken > 100_000));
    const [before, began] = [cost(server.pid), Date.now()];
    const took = [];
    for (let n = 0; n < 100; n++) {
      const data = { id: crypto.randomUUID(), request: "medical", mode: "live", source: { surface: "dashboard" }, sent_at: new Date().toISOString() };
      const asked = performance.now();
      const answer = await context.request.post(`${url}/api/v1/homes/lake-cabin/incidents`, { data });
      took.push(performance.now() - asked);
      if (!answer.ok()) throw new Error(await answer.text());
      await context.request.post(`${url}/api/v1/incidents/${(await answer.json()).id}/cancel`, { data: {} });
    }
    const after = cost(server.pid);
    const seconds = (Date.now() - began) / 1_000;
    figure(`${what}: processor of the server, each`, ((after.cpu - before.cpu) / seconds / sockets.length) * 100, "%", "-");
    figure(`${what}: memory of the server`, after.memory, "MB", "-");
    figure(`${what}: an SOS meanwhile, p99`, at(took, 0.99), "ms", "20");
    for (const socket of sockets) socket.destroy();
  };
  await many("50 viewers of one camera (1080p25)", await viewers(50, () => "hallway/live?home=maple-street"));
  camera.stop();
  // Real cameras encode by themselves: sixteen encoders on this machine would be what is measured.
  const recorded = await RealCamera.start("--size", "1920x1080", "--gop", "1", "--recorded");
  for (let n = 0; n < 16; n++) {
    const data = { kind: "camera", name: `Bench ${n}`, sos_compatible: true, has_siren: false, stream: recorded.address };
    await context.request.post(`${url}/api/v1/homes/maple-street/cameras`, { data });
  }
  await many("16 cameras with a viewer each (1080p25)", await viewers(16, (n) => `bench-${n}/live?home=maple-street`));
  recorded.stop();
});
