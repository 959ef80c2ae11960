// Draws the demo's cameras: three short loops, night scenes without a person in them. `node assets/cameras/draw.mjs`, with Chromium of
// tests/e2e and ffmpeg; what comes out is kept in the repository.
import { createRequire } from "node:module";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const { chromium } = createRequire(new URL("../../tests/e2e/package.json", import.meta.url))("@playwright/test");
const [RATE, SECONDS, WIDTH, HEIGHT] = [12, 8, 640, 360];
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

// Everything below runs in the page. `t` goes from 0 to 1 and round again, so nothing ever jumps.
const scenes = () => {
  const TAU = Math.PI * 2;
  const canvas = new OffscreenCanvas(640, 360);
  const c = canvas.getContext("2d");
  const fill = (style, draw) => ((c.fillStyle = style), c.beginPath(), draw(), c.fill());
  const box = (style, x, y, w, h) => ((c.fillStyle = style), c.fillRect(x, y, w, h));
  const disc = (style, x, y, r) => fill(style, () => c.arc(x, y, r, 0, TAU));
  const shape = (style, ...points) => fill(style, () => points.forEach(([x, y], n) => (n ? c.lineTo(x, y) : c.moveTo(x, y))));
  const fade = (x0, y0, x1, y1, ...stops) => {
    const made = c.createLinearGradient(x0, y0, x1, y1);
    stops.forEach((stop, n) => made.addColorStop(n / (stops.length - 1), stop));
    return made;
  };
  const glow = (x, y, r, color, strength) => {
    const made = c.createRadialGradient(x, y, 0, x, y, r);
    made.addColorStop(0, `rgba(${color},${strength})`);
    made.addColorStop(1, `rgba(${color},0)`);
    c.fillStyle = made;
    c.fillRect(x - r, y - r, 2 * r, 2 * r);
  };
  // Numbers that look like chance and are the same each time.
  const chance = (n) => ((Math.sin(n * 127.1) * 43758.5453) % 1 + 1) % 1;
  const stars = (count, below, t) => {
    for (let n = 0; n < count; n++) {
      const shine = 0.35 + 0.3 * Math.sin(TAU * (t * (1 + (n % 3)) + chance(n)));
      box(`rgba(226,232,255,${shine})`, chance(n + 9) * 640, chance(n + 77) * below, 1.6, 1.6);
    }
  };

  const street = (t) => {
    box(fade(0, 0, 0, 250, "#070c1f", "#1d2a4d", "#38405f"), 0, 0, 640, 360);
    stars(60, 130, t);
    disc("#e9edff", 548, 52, 17);
    disc("#0d1530", 541, 47, 15);
    const house = (x, w, top, roof, windows) => {
      box("#0a1022", x, top, w, 260 - top);
      shape("#0d1429", [x - 12, top], [x + w / 2, roof], [x + w + 12, top]);
      windows.forEach(([dx, dy, lit]) => {
        box(lit ? "#f2cf86" : "#141d38", x + dx, top + dy, 26, 30);
        box("#0a1022", x + dx + 12, top + dy, 2, 30);
        box("#0a1022", x + dx, top + dy + 14, 26, 2);
      });
    };
    house(34, 132, 150, 104, [[20, 26, true], [84, 26, t > 0.3 && t < 0.8]]);
    house(208, 150, 134, 84, [[22, 34, true], [62, 34, true], [104, 34, false]]);
    house(452, 152, 146, 98, [[24, 30, true], [96, 30, true]]);
    [[12, 218, 34], [186, 226, 26], [392, 214, 40], [430, 230, 24], [626, 220, 32]].forEach(([x, y, r]) => disc("#081018", x, y, r));
    box("#12182c", 0, 246, 640, 18);
    box(fade(0, 262, 0, 360, "#1a2138", "#2b3350"), 0, 262, 640, 98);
    for (let n = 0; n < 8; n++) box("rgba(214,220,240,.32)", n * 92 - 10, 314, 46, 4);
    box("#060a16", 398, 120, 4, 142);
    box("#060a16", 376, 118, 26, 4);
    glow(378, 126, 130, "255,222,150", 0.55);
    glow(378, 300, 120, "255,222,150", 0.16);
    disc("#fff1c9", 378, 125, 5);
    // A car comes by once in a loop.
    const x = -180 + 1000 * t;
    glow(x + 130, 292, 120, "255,246,214", 0.34);
    shape("rgba(255,246,214,.14)", [x + 112, 286], [x + 260, 268], [x + 260, 322], [x + 112, 300]);
    fill("#1b2236", () => c.roundRect(x, 274, 118, 30, 12));
    fill("#151b2d", () => (c.moveTo(x + 20, 276), c.bezierCurveTo(x + 34, 248, x + 78, 248, x + 98, 276)));
    fill("#39466b", () => (c.moveTo(x + 32, 274), c.bezierCurveTo(x + 42, 256, x + 70, 256, x + 84, 274)));
    disc("#fff5d6", x + 113, 286, 4);
    disc("#c72f3c", x + 3, 286, 4);
    [26, 92].forEach((dx) => (disc("#05070d", x + dx, 304, 11), disc("#2b3248", x + dx, 304, 5)));
  };

  const door = (t) => {
    box(fade(0, 0, 640, 0, "#1d1a29", "#2b2536", "#1b1826"), 0, 0, 640, 360);
    for (let y = 0; y < 300; y += 22) for (let n = 0; n < 12; n++) box("rgba(0,0,0,.17)", n * 58 + ((y / 22) % 2) * 29 - 20, y, 56, 1.5);
    for (let y = 0; y < 300; y += 22) box("rgba(0,0,0,.2)", 0, y, 640, 1.5);
    box("#15111c", 214, 44, 200, 262);
    box(fade(226, 0, 402, 0, "#5d3a33", "#744840", "#54332d"), 226, 56, 176, 250);
    [[244, 74], [322, 74]].forEach(([x, y]) => {
      box("#efcd93", x, y, 62, 88);
      box(fade(0, y, 0, y + 88, "rgba(255,240,200,.55)", "rgba(210,150,80,.2)"), x, y, 62, 88);
      box("#5d3a33", x + 29, y, 4, 88);
    });
    [[244, 186], [322, 186]].forEach(([x, y]) => (box("#4a2d28", x, y, 62, 98), box("#64403a", x + 5, y + 5, 52, 88)));
    disc("#e8c770", 388, 190, 6);
    box("#3c3548", 190, 306, 250, 14);
    box(fade(0, 320, 0, 360, "#2c2737", "#1d1a27"), 0, 318, 640, 42);
    box("#453d53", 246, 320, 136, 12);
    box("#0f0d15", 472, 96, 26, 40);
    glow(485, 118, 190, "255,216,144", 0.5);
    glow(485, 330, 170, "255,216,144", 0.14);
    disc("#fff0c8", 485, 116, 9);
    // Moths go round the lamp, a plant moves in the wind, rain falls before it all.
    for (let n = 0; n < 5; n++) {
      const a = TAU * (t * (1 + (n % 3)) + n / 5);
      disc("rgba(255,244,214,.85)", 485 + Math.cos(a) * (22 + 7 * n), 116 + Math.sin(a * (n % 2 ? 1 : 2)) * (14 + 4 * n), 1.8);
    }
    shape("#7b4a3a", [96, 306], [104, 256], [156, 256], [164, 306]);
    for (let n = 0; n < 9; n++) {
      const sway = Math.sin(TAU * (t + n / 9)) * 5;
      c.strokeStyle = n % 2 ? "#2f6146" : "#3a7554";
      c.lineWidth = 5;
      c.beginPath();
      c.moveTo(130, 258);
      c.quadraticCurveTo(130 + (n - 4) * 11, 210, 130 + (n - 4) * 19 + sway, 178 + Math.abs(n - 4) * 13);
      c.stroke();
    }
    c.strokeStyle = "rgba(190,206,240,.16)";
    c.lineWidth = 1.2;
    for (let n = 0; n < 46; n++) {
      const y = ((chance(n) + t * (3 + (n % 3))) % 1) * 400 - 20;
      const x = chance(n + 31) * 640;
      c.beginPath();
      c.moveTo(x, y);
      c.lineTo(x - 3, y + 16);
      c.stroke();
    }
  };

  const lake = (t) => {
    box(fade(0, 0, 0, 190, "#050b1c", "#12244a", "#2a4265"), 0, 0, 640, 190);
    stars(110, 150, t);
    glow(430, 74, 150, "206,222,255", 0.34);
    disc("#eef3ff", 430, 74, 26);
    [[440, 68, 5], [424, 82, 4], [436, 84, 3]].forEach(([x, y, r]) => disc("rgba(180,194,226,.5)", x, y, r));
    shape("#16284a", [0, 190], [0, 140], [88, 96], [170, 150], [258, 104], [340, 158], [470, 112], [560, 150], [640, 120], [640, 190]);
    shape("#0c1a33", [0, 190], [0, 168], [120, 146], [220, 176], [360, 160], [500, 178], [640, 152], [640, 190]);
    for (let n = 0; n < 40; n++) {
      const x = n * 17 - 8, h = 10 + chance(n) * 22;
      shape("#081225", [x, 190], [x + 7, 190 - h], [x + 14, 190]);
    }
    box(fade(0, 190, 0, 360, "#1d3558", "#0a1730", "#060d1d"), 0, 190, 640, 170);
    for (let n = 0; n < 90; n++) {
      const depth = (n / 90) ** 1.4;
      const y = 192 + depth * 160;
      const wave = Math.sin(TAU * (t * (1 + (n % 2)) + chance(n)));
      box(`rgba(214,228,255,${0.2 * (1 - depth) + 0.05 + 0.07 * wave})`, 430 + (chance(n + 5) - 0.5) * (40 + depth * 150) + wave * 6 - 16, y, 14 + depth * 34, 1.6 + depth * 1.6);
      box(`rgba(150,180,226,${0.05 + 0.03 * wave})`, chance(n + 50) * 640 + wave * 8, y, 30 + depth * 40, 1.4);
    }
    // The dock, a boat that goes up and down, reeds and fireflies.
    shape("#0b0f1a", [60, 360], [150, 262], [214, 262], [236, 360]);
    for (let n = 0; n < 9; n++) box("rgba(120,140,180,.14)", 66 + n * 9.4, 352 - n * 10.6, 168 - n * 11.6, 1.5);
    [[148, 250], [212, 250]].forEach(([x, y]) => box("#070b14", x, y, 8, 40));
    const up = Math.sin(TAU * t * 2) * 3;
    fill("#0a111f", () => (c.moveTo(300, 258 + up), c.quadraticCurveTo(360, 292 + up, 424, 254 + up), c.lineTo(412, 250 + up), c.lineTo(308, 252 + up)));
    box("#0a111f", 356, 214 + up, 3, 42);
    for (let n = 0; n < 26; n++) {
      const x = 520 + chance(n) * 130, h = 60 + chance(n + 3) * 74;
      c.strokeStyle = "#060b14";
      c.lineWidth = 3;
      c.beginPath();
      c.moveTo(x, 360);
      c.quadraticCurveTo(x + 2, 360 - h / 2, x + Math.sin(TAU * (t + chance(n + 8))) * 8, 360 - h);
      c.stroke();
    }
    for (let n = 0; n < 12; n++) {
      const a = TAU * (t + chance(n + 21));
      const shine = Math.max(0, Math.sin(TAU * (t * 2 + chance(n + 40))));
      glow(40 + chance(n) * 560 + Math.cos(a) * 20, 230 + chance(n + 11) * 90 + Math.sin(2 * a) * 8, 9, "226,255,150", 0.75 * shine);
    }
  };

  const all = { street, door, lake };
  window.drawn = async (name, t) => {
    all[name](t);
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  };
};

const run = async (args, feed) => {
  const child = spawn("ffmpeg", ["-loglevel", "error", "-y", ...args], { stdio: ["pipe", "inherit", "inherit"] });
  await feed(child.stdin);
  child.stdin.end();
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`);
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage();
await page.evaluate(scenes);
for (const name of ["street", "door", "lake"]) {
  const pictures = [];
  for (let n = 0; n < RATE * SECONDS; n++) {
    pictures.push(Buffer.from(await page.evaluate(([name, t]) => window.drawn(name, t), [name, n / (RATE * SECONDS)]), "base64"));
  }
  const feed = async (input) => {
    for (const picture of pictures) if (!input.write(picture)) await once(input, "drain");
  };
  // One slice a picture, no picture that waits for a later one, a key frame each second.
  const video = ["-c:v", "libx264", "-profile:v", "main", "-preset", "veryslow", "-crf", "27", "-pix_fmt", "yuv420p", "-g", RATE, "-bf", "0"];
  const exact = ["-x264-params", "slices=1:sliced-threads=0:scenecut=0:aud=0"];
  await run(["-f", "image2pipe", "-framerate", RATE, "-i", "-", "-s", `${WIDTH}x${HEIGHT}`, ...video, ...exact, "-f", "h264", here(`${name}.h264`)].map(String), feed);
  await run(["-f", "image2pipe", "-i", "-", "-frames:v", "1", "-q:v", "6", here(`${name}.jpg`)], (input) => input.write(pictures[RATE]));
}
await browser.close();
