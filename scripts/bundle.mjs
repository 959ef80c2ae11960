// Runs after Trunk's build: adds the chunks that the app loads on demand, joins the styles, minifies scripts and styles, names files
// by their hash, and compresses every file with brotli next to the original.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const folder = process.env.TRUNK_STAGING_DIR;
const best = process.env.TRUNK_PROFILE === "release";
const read = (name) => readFileSync(join(folder, name), "utf8");
const write = (name, data) => writeFileSync(join(folder, name), data);
const early = ["live.js", "early.js"].map((name) => readFileSync(new URL(`../public/${name}`, import.meta.url), "utf8")).join("");
const hash = (...parts) => parts.reduce((sum, part) => sum.update(part), createHash("sha256")).digest("hex").slice(0, 16);

// The script and wasm of a build share a hash, because a page that is loaded on demand works only with the app of the same build.
function app(page, { buildSync }, binaryen) {
  const [, script, module] = page.match(/import init, \* as bindings from '\/([^']+)';[^]*?module_or_path: '\/([^']+)'/);
  const chunks = process.env.BUCKLER_CHUNKS;
  const work = mkdtempSync(join(tmpdir(), "buckler-pack-"));
  writeFileSync(join(work, "buckler-web.js"), read(script));
  const optimize = (from, to, ...passes) => execFileSync("wasm-opt", [...process.env.BUCKLER_WASM_OPT.split(" "), ...passes, "-Oz", from, "-o", to], { stdio: "inherit" });
  // Code that is flattened and then restructured compresses a percent better; a second pass adds a little.
  const again = ["--flatten", "--rereloop", "-Oz"];
  optimize(join(folder, module), join(work, "main.opt"), ...again);
  optimize(join(work, "main.opt"), join(work, "main.opt"), ...again, "--reorder-types", "--reorder-globals");
  const parts = [readFileSync(join(work, "main.opt"))];
  let begin = early;
  if (existsSync(chunks)) {
    for (const name of readdirSync(chunks).filter((name) => /^(split|chunk)_.*\.wasm$/.test(name))) {
      const optimized = smaller(readFileSync(join(chunks, name)), binaryen);
      writeFileSync(join(work, name), optimized);
      parts.push(optimized);
    }
    const { text, large } = loader(work, readFileSync(join(chunks, "__wasm_split.js"), "utf8"));
    writeFileSync(join(work, "__wasm_split.js"), text);
    // Prefetch a page together with the large chunks that it needs.
    begin = early.replace(/"\.\/(split_\w+)\.wasm"/g, (_, page) => [page, ...large(page)].map((name) => `"./${name}.wasm"`));
  }
  writeFileSync(join(work, "entry.js"), `${begin}import init from "./buckler-web.js"; init({ module_or_path: "./main.wasm" });`);
  let text = buildSync({ entryPoints: [join(work, "entry.js")], bundle: true, minify: true, format: "esm", write: false, logLevel: "error" }).outputFiles[0].text;
  const id = hash(text, ...parts);
  for (const name of readdirSync(work).filter((name) => /\.(wasm|bin)$/.test(name))) {
    const [stem, ending] = name.replace(/^split_/, "").split(".");
    const named = `${stem}-${id}.${ending}`;
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

// What `wasm-opt -Oz` does, in this process: to start it for each of a hundred chunks would take longer than to optimize them.
function smaller(module, binaryen) {
  const names = { "nontrapping-float-to-int": "NontrappingFPToInt" };
  const camel = (name) => name.replace(/(^|-)(\w)/g, (_, _dash, letter) => letter.toUpperCase());
  const features = process.env.BUCKLER_WASM_OPT.split(" ").map((flag) => {
    const name = flag.replace("--enable-", "");
    return binaryen.Features[names[name] ?? camel(name)] ?? fail(`scripts/bundle.mjs does not know ${flag}`);
  });
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  binaryen.setGenerateStackIR(true);
  binaryen.setOptimizeStackIR(true);
  const read = binaryen.readBinary(module);
  read.setFeatures(features.reduce((all, one) => all | one));
  read.optimize();
  const written = read.emitBinary();
  read.dispose();
  return written;
}

function fail(why) {
  throw new Error(why);
}

// Pages share many small chunks. Each chunk would cost a round trip, so one file joins them, and begins with their
// dependencies. The loader of wasm-split lists the dependencies of every chunk at length, in the first load.
function loader(work, written) {
  const one = (what) => new RegExp(`${what}makeLoad\\(\\(\\) => \\{\\s*const src = fetch\\(new URL\\("\\./(\\w+)\\.wasm"[^]*?, \\[([^\\]]*)\\]\\)`, "g");
  const [pieces, numbers, large] = [[], {}, {}];
  const sizes = [...written.matchAll(one("const (\\w+) = "))].map(([, chunk, name, needs], n) => {
    if (needs) fail(`${name} needs ${needs}: the loader knows no chunk that needs another`);
    numbers[chunk] = n;
    const bytes = readFileSync(join(work, `${name}.wasm`));
    if (bytes.length > 5_000) {
      large[n] = name;
      return 0;
    }
    rmSync(join(work, `${name}.wasm`));
    pieces.push(bytes);
    return bytes.length;
  });
  const pages = [...written.matchAll(one("export const (\\w+) = wrapAsyncCb\\("))];
  const needed = Object.fromEntries(pages.map(([, , page, needs]) => [page, needs.split(", ").map((chunk) => numbers[chunk])]));
  const head = Buffer.from(JSON.stringify([sizes, needed]));
  writeFileSync(join(work, "pieces.bin"), Buffer.concat([Buffer.from([head.length & 255, head.length >> 8]), head, ...pieces]));
  const sharedImports = written.match(/let sharedImports[^]*?(?=function wrapAsyncCb)/)[0];
  const address = (name) => `"${name}": new URL("./${name}.wasm", import.meta.url)`;
  const text = `import { initSync } from "./buckler-web.js";
    ${sharedImports}
    const addresses = { ${[...Object.values(large), ...pages.map(([, , page]) => page)].map(address)} };
    // What failed is tried again the next time.
    const once = (make) => {
      let coming;
      return () => (coming ??= make().catch((e) => { coming = undefined; throw e; }));
    };
    const load = (source) => once(async () => WebAssembly.instantiateStreaming(source(), getSharedImports()));
    const pieces = once(async () => {
      const answer = await fetch(new URL("./pieces.bin", import.meta.url));
      if (!answer.ok) throw answer;
      const bytes = await answer.arrayBuffer();
      const [low, high] = new Uint8Array(bytes);
      let end = 2 + low + high * 256;
      const [sizes, needed] = JSON.parse(new TextDecoder().decode(bytes.slice(2, end)));
      const large = ${JSON.stringify(Object.values(large))};
      return [needed, sizes.map((size) => {
        const [from, to, name] = [end, (end += size), size || large.shift()];
        return load(() => (size ? new Response(bytes.slice(from, to), { headers: { "content-type": "application/wasm" } }) : fetch(addresses[name])));
      })];
    });
    const page = (name) => {
      const come = once(async () => {
        const coming = fetch(addresses[name]);
        coming.catch(() => {});
        const [needed, chunks] = await pieces();
        await Promise.all(needed[name].map((n) => chunks[n]()));
        return WebAssembly.instantiateStreaming(coming, getSharedImports());
      });
      return (callback, data) => come().then(() => true, () => false).then((success) => getSharedImports().__wasm_split.__indirect_function_table.get(callback)(data, success));
    };
    ${pages.map(([, load, page]) => `export const ${load} = page("${page}");`).join("\n")}`;
  return { text, large: (page) => needed[page].map((n) => large[n]).filter(Boolean) };
}

// One style sheet instead of one for each layer needs one request, and compresses better.
function style(page, { transformSync }) {
  const links = [...page.matchAll(/<link rel="stylesheet" href="\/([^"]+)"[^>]*>\s*/g)];
  const styles = transformSync(links.map(([, name]) => read(name)).join(""), { loader: "css", minify: true }).code;
  const name = `style-${hash(styles)}.css`;
  write(name, styles);
  for (const [, old] of links) rmSync(join(folder, old));
  return links.reduce((text, [link], at) => text.replace(link, at ? "" : `<link rel="stylesheet" href="/${name}">`), page);
}

// Names a script or a style sheet that the app loads through a `meta` of the page by its hash.
function later(page, name, { transformSync }) {
  const [stem, loader] = name.split(".");
  const text = transformSync(read(name), { loader, minify: true }).code;
  const named = `${stem}-${hash(text)}.${loader}`;
  write(named, text);
  rmSync(join(folder, name));
  return page.replace(`/${name}`, `/${named}`);
}

// Gives the service worker the list of the app's files, and a version that identifies them.
function worker() {
  const files = readdirSync(folder).filter((name) => /\.(css|js|wasm|bin|svg|png|webmanifest)$/.test(name) && name !== "sw.js");
  const version = hash(...["index.html", ...files].map((name) => readFileSync(join(folder, name))));
  const text = read("sw.js").replace('VERSION = ""', `VERSION = "${version}"`);
  write("sw.js", text.replace("FILES = []", `FILES = ${JSON.stringify(["/", ...files.map((name) => `/${name}`)])}`));
}

if (best) {
  const esbuild = createRequire(join(process.env.BUCKLER_TOOLS, "package.json"))("esbuild");
  const { default: binaryen } = await import(join(process.env.BUCKLER_TOOLS, "node_modules/binaryen/index.js"));
  const page = ["chime.js", "passkey.js", "player.js", "pwa.js", "forms.css"].reduce((page, name) => later(page, name, esbuild), style(app(read("index.html"), esbuild, binaryen), esbuild));
  write("index.html", page.replace(/>\s+</g, "><"));
}
// The page contains no inline script, because the server forbids that.
if (!best) {
  const page = read("index.html");
  const script = page.match(/<script type="module">([^]*?)<\/script>/)[1];
  write("start.js", early + script);
  write("index.html", page.replace(/<script type="module">[^]*?<\/script>/, '<script type="module" src="/start.js"></script>'));
}
worker();

for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\.(html|css|js|wasm|bin|svg|webmanifest)$/.test(name) || !statSync(join(folder, name)).isFile()) continue;
  const params = { [constants.BROTLI_PARAM_QUALITY]: best ? 11 : 4 };
  write(`${name}.br`, brotliCompressSync(readFileSync(join(folder, name)), { params }));
}
