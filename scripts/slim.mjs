// Takes from the app's script and wasm what only tools read: long names of what the one imports from the other, and classes for
// streams of bytes, which wasm-bindgen brings along and nothing here uses. About 5 kB of the first load.

// Bytes of a wasm file, read one after another.
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }
  take(length) {
    return this.bytes.subarray(this.at, (this.at += length));
  }
  name() {
    return Buffer.from(this.take(this.number())).toString();
  }
  limits() {
    const flags = this.number();
    this.number();
    if (flags & 1) this.number();
  }
  // What an import is, after its names: a function, table, memory, global or tag.
  kind() {
    const began = this.at;
    const skip = [() => this.number(), () => { this.take(1); this.limits(); }, () => this.limits(), () => this.take(2), () => { this.take(1); this.number(); }];
    skip[this.number()]();
    return this.bytes.subarray(began, this.at);
  }
}

function number(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value);
  return Buffer.from(bytes);
}

const text = (value) => Buffer.concat([number(Buffer.byteLength(value)), Buffer.from(value)]);
const [IMPORTS, EXPORTS] = [2, 7];

function imports(reader, short) {
  const parts = [number(reader.number())];
  while (reader.at < reader.bytes.length) {
    const [from, name, kind] = [reader.name(), reader.name(), reader.kind()];
    parts.push(text(from), text(short(from, name)), kind);
  }
  return Buffer.concat(parts);
}

function exports(reader, wanted) {
  const kept = [];
  reader.number();
  while (reader.at < reader.bytes.length) {
    const [name, kind, index] = [reader.name(), reader.take(1), reader.number()];
    if (wanted(name)) kept.push(text(name), kind, number(index));
  }
  return Buffer.concat([number(kept.length / 3), ...kept]);
}

// The script and the wasm without them.
export function slim(script, wasm) {
  const names = new Map();
  const short = (from, name) => {
    if (!from.endsWith("_bg.js")) return name;
    if (!names.has(name)) names.set(name, `i${names.size.toString(36)}`);
    return names.get(name);
  };
  const reader = new Reader(wasm, 8);
  const sections = [wasm.subarray(0, 8)];
  while (reader.at < wasm.length) {
    const [id] = reader.take(1);
    const body = new Reader(reader.take(reader.number()));
    const slimmer = { [IMPORTS]: () => imports(body, short), [EXPORTS]: () => exports(body, (name) => !name.includes("intounderlying")) };
    const made = slimmer[id]?.() ?? body.bytes;
    sections.push(Buffer.from([id]), number(made.length), made);
  }
  const slimmed = script
    .replace(/^export class (IntoUnderlying\w+) [^]*?^if \(Symbol\.dispose\) \1.*\n/gm, "")
    .replace(/^const IntoUnderlying\w+ = [^]*?;\n/gm, "")
    .replace(/\b__wb[a-z_]+[\w$]*\b/g, (name) => names.get(name) ?? name);
  return [slimmed, Buffer.concat(sections)];
}
