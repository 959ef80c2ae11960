// The parts of this machine that every program with a browser uses.
import { createServer } from "node:net";

/** The server binary that scripts/build creates. */
export const binary = new URL("../../target/release/buckler", import.meta.url).pathname;

/** Headless Chromium without requests to outside services. */
export const chromium = {
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};

/** A port that is free now. */
export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
