// After Trunk has built: shrinks the app's script and styles, and packs every file with brotli beside itself.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const folder = process.env.TRUNK_STAGING_DIR;
const best = process.env.TRUNK_PROFILE === "release";
const { transformSync } = createRequire(join(process.env.BUCKLER_TOOLS, "package.json"))("esbuild");

for (const name of readdirSync(folder, { recursive: true })) {
  const path = join(folder, name);
  const kind = name.match(/\.(html|css|js|wasm|svg|webmanifest)$/)?.[1];
  if (!kind || !statSync(path).isFile()) continue;
  if (best && (kind === "js" || kind === "css")) {
    const { code } = transformSync(readFileSync(path, "utf8"), { loader: kind, minify: true, format: kind === "js" ? "esm" : undefined });
    writeFileSync(path, code);
  }
  const params = { [constants.BROTLI_PARAM_QUALITY]: best ? 11 : 4 };
  writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path), { params }));
}
