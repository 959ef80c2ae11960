// Serves the built app with a made-up world around it, on loopback only: /gallery shows every screen in every state.
//   scripts/gallery [port]
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".svg": "image/svg+xml", ".png": "image/png", ".webmanifest": "application/manifest+json" };

async function find(path) {
  if (path === "/gallery" || path === "/gallery/") return ["gallery/index.html", await readFile(join(root, "gallery/index.html"))];
  const still = path.match(/^\/api\/v1\/cameras\/(\w+)\/still$/);
  if (still) return ["still.svg", await readFile(join(root, "gallery/stills", `${still[1]}.svg`))];
  const file = path.startsWith("/gallery/") ? path.slice(1) : extname(path) ? `dist${path}` : "dist/index.html";
  const bytes = await readFile(join(root, normalize(file)));
  if (file !== "dist/index.html") return [file, bytes];
  // The world must stand before the app begins, and the app must not begin before the world stands.
  return [file, bytes.toString().replace("<head>", '<head><script type="module" src="/gallery/world.mjs"></script>')];
}

export function serve(port) {
  const server = createServer(async ({ url }, answer) => {
    try {
      const [name, body] = await find(new URL(url, "http://gallery").pathname);
      answer.writeHead(200, { "content-type": types[extname(name)] ?? "text/plain", "cache-control": "no-store" }).end(body);
    } catch {
      answer.writeHead(404).end();
    }
  });
  return new Promise((listens) => server.listen(port, "127.0.0.1", () => listens(server)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await serve(Number(process.argv[2] ?? 8090));
  console.log(`Every screen in every state: http://127.0.0.1:${server.address().port}/gallery`);
}
