// What every program that drives a browser needs to know of this machine.
import { createServer } from "node:net";

/** The server, as scripts/build makes it. */
export const binary = new URL("../../target/release/buckler", import.meta.url).pathname;

/** Chromium without a screen, which asks nobody outside for anything. */
export const chromium = {
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};

/** A port that nobody uses now. */
export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
