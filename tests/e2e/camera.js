// A real camera: GStreamer's RTSP server, whose pictures contain their capture time, and a reader of that time from the screen.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { homedir } from "node:os";
import { join } from "node:path";
import { freePort } from "./machine.js";

const program = new URL("../native/server/camera.py", import.meta.url).pathname;
const BITS = 48;

export class RealCamera {
  static async start(...options) {
    const port = await freePort();
    const child = spawn("/usr/bin/python3", [program, String(port), ...options], { stdio: ["pipe", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return Object.assign(new RealCamera(), { child, port, address: `rtsp://127.0.0.1:${port}/live` });
  }

  /** Kills the camera, as a pulled cable does. */
  stop() {
    this.child.kill("SIGKILL");
  }
}

const tools = process.env.BUCKLER_TOOLS ?? join(homedir(), ".cache/buckler/tools");

/** The answer of a real camera to a search of the network (ipycam). */
export class Face {
  static async start(camera, name, ...options) {
    const program = new URL("../native/server/onvif.py", import.meta.url).pathname;
    const words = [program, String(await freePort()), String(camera.port), name, "--found", ...options];
    const child = spawn(join(tools, "python/bin/python"), words, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return Object.assign(new Face(), { child });
  }

  stop() {
    this.child.kill("SIGKILL");
  }
}

/** The capture time and age in milliseconds of the picture on the screen; null before the first picture. Runs in the page. */
export const shown = (bits) => {
  const canvas = document.querySelector("live-picture canvas");
  if (!canvas?.width) return null;
  const block = Math.floor(canvas.width / bits);
  const { data } = canvas.getContext("2d").getImageData(0, Math.floor(canvas.height / 32), canvas.width, 1);
  let time = 0;
  for (let n = 0; n < bits; n++) time = time * 2 + (data[(n * block + (block >> 1)) * 4] > 128 ? 1 : 0);
  return time > 1.6e12 && time < 1e13 ? { time, age: Date.now() - time } : null;
};

export const readTime = (page) => page.evaluate(shown, BITS);
export { BITS };
