// After Trunk has built: packs every file of the app with brotli beside itself.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const folder = process.env.TRUNK_STAGING_DIR;
const best = process.env.TRUNK_PROFILE === "release";
for (const name of readdirSync(folder, { recursive: true })) {
  const path = join(folder, name);
  if (!statSync(path).isFile() || !/\.(html|css|js|wasm|svg|webmanifest)$/.test(name)) continue;
  const params = { [constants.BROTLI_PARAM_QUALITY]: best ? 11 : 4 };
  writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path), { params }));
}
