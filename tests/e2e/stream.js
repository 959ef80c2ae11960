// A recording (fixtures/walk.h264: 48 pictures, 12 a second, a key frame each second) sent as the server sends a camera's stream.
import { readFileSync } from "node:fs";

const FPS = 12;

/** The NAL units of an Annex B stream, without their start codes. */
function parts(stream) {
  const starts = [];
  for (let at = 0; at + 3 < stream.length; at++) {
    if (stream[at] === 0 && stream[at + 1] === 0 && stream[at + 2] === 1) starts.push(at + 3);
  }
  return starts.map((start, index) => {
    let end = index + 1 < starts.length ? starts[index + 1] - 3 : stream.length;
    while (stream[end - 1] === 0) end--;
    return stream.subarray(start, end);
  });
}

const kind = (part) => part[0] & 31;
const [SLICE, KEY, SPS, PPS] = [1, 5, 7, 8];
const sized = (part, bytes) => {
  const size = Buffer.alloc(bytes);
  size.writeUIntBE(part.length, 0, bytes);
  return Buffer.concat([size, part]);
};

const all = parts(readFileSync(new URL("fixtures/walk.h264", import.meta.url)));
const [sps, pps] = [SPS, PPS].map((wanted) => all.find((part) => kind(part) === wanted));
const pictures = all.filter((part) => [SLICE, KEY].includes(kind(part)));

/** The first message, which configures the decoder. */
export const configuration = {
  codec: `avc1.${sps.subarray(1, 4).toString("hex")}`,
  description: Buffer.concat([Buffer.from([1, sps[1], sps[2], sps[3], 0xff, 0xe1]), sized(sps, 2), Buffer.from([1]), sized(pps, 2)]).toString("base64"),
  width: 320,
  height: 180,
};

/** One access unit as a message. */
function message(number) {
  const picture = pictures[number % pictures.length];
  const head = Buffer.alloc(9);
  head[0] = kind(picture) === KEY ? 1 : 0;
  head.writeBigUInt64BE(BigInt(Date.now()) * 1_000n, 1);
  return Buffer.concat([head, sized(picture, 4)]);
}

const still = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"><path fill="#456" d="M0 0h16v9H0z"/></svg>';

/** A camera that sends the recording to every viewer in a loop while `sending` is true. */
export class Camera {
  viewers = 0;
  sending = true;
  #sockets = new Map();

  /** Replaces the server's stream of every camera, and marks each camera as live. */
  async serve(page) {
    await page.routeWebSocket(/\/api\/v1\/cameras\/[^/]+\/live\?/, (socket) => this.#watch(socket));
    await page.route(/\/api\/v1\/cameras\/[^/]+\/still\?/, (route) => route.fulfill({ contentType: "image/svg+xml", body: still }));
    // The app reads cameras in answers and in live events with JSON.parse.
    await page.addInitScript(() => {
      const parse = JSON.parse;
      JSON.parse = (text) => parse(text, (_, value) => (value?.sos_compatible === undefined ? value : { ...value, live: true, still: true }));
    });
  }

  #watch(socket) {
    this.viewers++;
    socket.send(JSON.stringify(this.broken ? { codec: "avc1.000000", width: 1, height: 1 } : configuration));
    let number = 0;
    const timer = setInterval(() => this.sending && socket.send(message(number++)), 1_000 / FPS);
    this.#sockets.set(socket, timer);
    socket.onClose(() => this.#forget(socket));
  }

  #forget(socket) {
    clearInterval(this.#sockets.get(socket));
    this.#sockets.delete(socket);
  }

  /** Drops the connections of all viewers. */
  async drop() {
    for (const socket of [...this.#sockets.keys()]) {
      this.#forget(socket);
      await socket.close({ code: 1011 });
    }
  }
}
