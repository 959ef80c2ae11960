// After Trunk has built: joins the styles, shrinks script and styles, and packs every file with brotli beside itself.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const folder = process.env.TRUNK_STAGING_DIR;
const best = process.env.TRUNK_PROFILE === "release";
const read = (name) => readFileSync(join(folder, name), "utf8");
const write = (name, data) => writeFileSync(join(folder, name), data);

if (best) {
  const { transformSync } = createRequire(join(process.env.BUCKLER_TOOLS, "package.json"))("esbuild");
  const shrink = (text, loader) => transformSync(text, { loader, minify: true, format: loader === "js" ? "esm" : undefined }).code;
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".js"))) write(name, shrink(read(name), "js"));

  // One file of styles instead of one a layer: a request, and better packed.
  const page = read("index.html");
  const links = [...page.matchAll(/<link rel="stylesheet" href="\/([^"]+)"[^>]*>\s*/g)];
  const styles = shrink(links.map(([, name]) => read(name)).join(""), "css");
  const name = `style-${createHash("sha256").update(styles).digest("hex").slice(0, 16)}.css`;
  write(name, styles);
  for (const [, old] of links) rmSync(join(folder, old));
  const one = `<link rel="stylesheet" href="/${name}">`;
  write("index.html", links.reduce((text, [link], at) => text.replace(link, at ? "" : one), page).replace(/>\s+</g, "><"));
}

for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\.(html|css|js|wasm|svg|webmanifest)$/.test(name) || !statSync(join(folder, name)).isFile()) continue;
  const params = { [constants.BROTLI_PARAM_QUALITY]: best ? 11 : 4 };
  write(`${name}.br`, brotliCompressSync(readFileSync(join(folder, name)), { params }));
}
