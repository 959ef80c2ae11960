// Prints one table of the figures that scripts/bench measured, and writes them with their environment to target/bench/<what>.json.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

const run = (command, ...words) => execFileSync(command, words, { encoding: "utf8" }).trim();
const about = {
  commit: run("git", "describe", "--always", "--dirty"),
  machine: `${cpus().length} × ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GB`,
  system: run("uname", "-sr"),
  rust: run("rustc", "--version"),
  // The simulation states its seeds in its figure. Elsewhere only ids and the times of kills are random.
  at: new Date().toISOString(),
};
const line = /^(?<what>.{66}) +(?<value>-?[\d.]+) (?<unit>\S+) +\(goal (?<goal>.*)\)$/u;

console.log(`\n${about.commit} · ${about.machine} · ${about.system} · ${about.rust}\n`);
console.log(`| ${"".padEnd(66)} | measured | unit | goal | |\n|---|---|---|---|---|`);
for (const name of process.argv.slice(2)) {
  const lines = readFileSync(`target/bench/${name}.txt`, "utf8").split("\n");
  const figures = lines.flatMap((text) => line.exec(text)?.groups ?? []).map((f) => ({ ...f, what: f.what.trim(), value: Number(f.value) }));
  for (const { what, value, unit, goal } of figures) {
    const verdict = Number.isNaN(Number(goal)) ? "" : value <= Number(goal) ? "good" : `${(value / Number(goal)).toFixed(2)} × the goal`;
    console.log(`| ${what.padEnd(66)} | ${String(value).padStart(8)} | ${unit} | ${goal} | ${verdict} |`);
  }
  writeFileSync(`target/bench/${name}.json`, `${JSON.stringify({ ...about, figures }, null, 1)}\n`);
}
