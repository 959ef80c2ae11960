// After Trunk has built: puts in what the app loads on demand, joins the styles, shrinks script and styles, names all of it by
// what is in it, and packs every file with brotli beside itself.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { slim } from "./slim.mjs";

const folder = process.env.TRUNK_STAGING_DIR;
const best = process.env.TRUNK_PROFILE === "release";
const read = (name) => readFileSync(join(folder, name), "utf8");
const write = (name, data) => writeFileSync(join(folder, name), data);
const early = readFileSync(new URL("../public/early.js", import.meta.url), "utf8");
const hash = (...parts) => parts.reduce((sum, part) => sum.update(part), createHash("sha256")).digest("hex").slice(0, 16);

// Script and wasm of one build carry one name: a page that is loaded on demand fits only the app that it was built with.
function app(page, { buildSync }) {
  const [, script, module] = page.match(/import init, \* as bindings from '\/([^']+)';[^]*?module_or_path: '\/([^']+)'/);
  const chunks = process.env.BUCKLER_CHUNKS;
  const work = mkdtempSync(join(tmpdir(), "buckler-pack-"));
  const [slimScript, slimModule] = slim(read(script), readFileSync(join(folder, module)));
  writeFileSync(join(work, "buckler-web.js"), slimScript);
  writeFileSync(join(work, "main.slim"), slimModule);
  const optimize = (from, to, ...passes) => execFileSync("wasm-opt", [...process.env.BUCKLER_WASM_OPT.split(" "), ...passes, "-Oz", from, "-o", to], { stdio: "inherit" });
  // Flat code, put together again, packs a percent better, and once more a little.
  const again = ["--flatten", "--rereloop", "-Oz"];
  optimize(join(work, "main.slim"), join(work, "main.opt"), ...again);
  optimize(join(work, "main.opt"), join(work, "main.opt"), ...again, "--reorder-types", "--reorder-globals");
  const parts = [readFileSync(join(work, "main.opt"))];
  if (existsSync(chunks)) {
    // The app itself says what could not be loaded.
    writeFileSync(join(work, "__wasm_split.js"), readFileSync(join(chunks, "__wasm_split.js"), "utf8").replace("console.error(e);", ""));
    for (const name of readdirSync(chunks).filter((name) => /^(split|chunk)_.*\.wasm$/.test(name))) {
      optimize(join(chunks, name), join(work, name));
      parts.push(readFileSync(join(work, name)));
    }
  }
  writeFileSync(join(work, "entry.js"), `${early}import init from "./buckler-web.js"; init({ module_or_path: "./main.wasm" });`);
  let text = buildSync({ entryPoints: [join(work, "entry.js")], bundle: true, minify: true, format: "esm", write: false, logLevel: "error" }).outputFiles[0].text;
  const id = hash(text, ...parts);
  for (const name of readdirSync(work).filter((name) => name.endsWith(".wasm"))) {
    const named = `${basename(name, ".wasm").replace(/^split_/, "")}-${id}.wasm`;
    text = text.replaceAll(`./${name}`, `./${named}`);
    write(named, readFileSync(join(work, name)));
  }
  write(`app-${id}.js`, text.replace("./main.wasm", `/app-${id}.wasm`));
  write(`app-${id}.wasm`, parts[0]);
  for (const old of [script, module]) rmSync(join(folder, old));
  rmSync(work, { recursive: true });
  const loads = `<link rel="preload" href="/app-${id}.wasm" as="fetch" type="application/wasm" crossorigin><script type="module" src="/app-${id}.js"></script>`;
  return page.replace(/<link rel="(module)?preload"[^>]*>/g, "").replace(/<script type="module">[^]*?<\/script>/, loads);
}

// One file of styles instead of one a layer: a request, and better packed.
function style(page, { transformSync }) {
  const links = [...page.matchAll(/<link rel="stylesheet" href="\/([^"]+)"[^>]*>\s*/g)];
  const styles = transformSync(links.map(([, name]) => read(name)).join(""), { loader: "css", minify: true }).code;
  const name = `style-${hash(styles)}.css`;
  write(name, styles);
  for (const [, old] of links) rmSync(join(folder, old));
  return links.reduce((text, [link], at) => text.replace(link, at ? "" : `<link rel="stylesheet" href="/${name}">`), page);
}

// A script or a style that the app loads by a `meta` of the page, named by what is in it.
function later(page, name, { transformSync }) {
  const [stem, loader] = name.split(".");
  const text = transformSync(read(name), { loader, minify: true }).code;
  const named = `${stem}-${hash(text)}.${loader}`;
  write(named, text);
  rmSync(join(folder, name));
  return page.replace(`/${name}`, `/${named}`);
}

// The service worker learns which files make the app, and gets a name for just these.
function worker() {
  const files = readdirSync(folder).filter((name) => /\.(css|js|wasm|svg|png|webmanifest)$/.test(name) && name !== "sw.js");
  const version = hash(...["index.html", ...files].map((name) => readFileSync(join(folder, name))));
  const text = read("sw.js").replace('VERSION = ""', `VERSION = "${version}"`);
  write("sw.js", text.replace("FILES = []", `FILES = ${JSON.stringify(["/", ...files.map((name) => `/${name}`)])}`));
}

if (best) {
  const esbuild = createRequire(join(process.env.BUCKLER_TOOLS, "package.json"))("esbuild");
  const page = ["passkey.js", "player.js", "pwa.js", "forms.css"].reduce((page, name) => later(page, name, esbuild), style(app(read("index.html"), esbuild), esbuild));
  write("index.html", page.replace(/>\s+</g, "><"));
}
// The page carries no script of its own: the server forbids that.
if (!best) {
  const page = read("index.html");
  const script = page.match(/<script type="module">([^]*?)<\/script>/)[1];
  write("start.js", early + script);
  write("index.html", page.replace(/<script type="module">[^]*?<\/script>/, '<script type="module" src="/start.js"></script>'));
}
worker();

for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\.(html|css|js|wasm|svg|webmanifest)$/.test(name) || !statSync(join(folder, name)).isFile()) continue;
  const params = { [constants.BROTLI_PARAM_QUALITY]: best ? 11 : 4 };
  write(`${name}.br`, brotliCompressSync(readFileSync(join(folder, name)), { params }));
}
