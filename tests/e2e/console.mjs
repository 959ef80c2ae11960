// The console with two hundred open incidents, in real Chromium against the real binary: how long a key takes until it is seen, what
// frames cost while more come in, and how long the server takes for the queue.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { at, figure, signedIn, withChangedDemo } from "./bench.js";

const [open, coming, keys] = [200, 40, 60];

/** Makes as many homes as are needed, like Maple Street, and people at the console. */
function homes(folder) {
  const copy = `import sqlite3, sys
file = sqlite3.connect(sys.argv[1])
for n in range(int(sys.argv[2])):
    file.execute("INSERT INTO home SELECT 'home-' || ?, json_set(document, '$.id', 'home-' || ?, '$.name', 'Home ' || ?) FROM home WHERE id = 'maple-street'", [n, n, n])
    file.execute("INSERT INTO membership (home, account, role) VALUES ('home-' || ?, 'owner', 'owner')", [n])
file.commit()`;
  execFileSync("/usr/bin/python3", ["-c", copy, join(folder, "buckler.db"), String(open + coming)]);
  writeFileSync(join(folder, "buckler.toml"), '[center]\nmode = "operators"\nunclaimed_after = "180s"\n');
  return ["--config", join(folder, "buckler.toml")];
}

await withChangedDemo(homes, async (url, browser) => {
  const owner = (await signedIn(browser, url)).request;
  const raise = async (n) => {
    const id = crypto.randomUUID();
    const data = { id, request: ["police", "fire", "medical"][n % 3], mode: "live", source: { surface: "dashboard" }, sent_at: new Date().toISOString() };
    const raised = await owner.post(`${url}/api/v1/homes/home-${n}/incidents`, { data });
    if (!raised.ok()) throw new Error(await raised.text());
    await owner.post(`${url}/api/v1/incidents/${id}/send-now`, { data: {} });
  };
  for (let n = 0; n < open; n++) await raise(n);
  const context = await signedIn(browser, url, { viewport: { width: 1440, height: 900 } }, "operator");
  const asked = [];
  for (let n = 0; n < 30; n++) {
    const began = performance.now();
    await (await context.request.get(`${url}/api/v1/center/incidents`)).body();
    asked.push(performance.now() - began);
  }
  figure(`${open} open incidents: the queue is answered, p50`, at(asked, 0.5), "ms", "-");

  const page = await context.newPage();
  await page.goto(`${url}/center`);
  await page.getByRole("listitem").nth(open - 1).waitFor();
  await page.getByRole("region", { name: "Monitoring center" }).focus();
  // From a key to the frame that shows what it chose, by the page's own clock.
  await page.evaluate(() => {
    window.took = [];
    addEventListener("keydown", () => {
      const began = performance.now();
      requestAnimationFrame(() => setTimeout(() => took.push(performance.now() - began)));
    }, { capture: true });
  });
  for (let n = 0; n < keys; n++) await page.keyboard.press("ArrowDown", { delay: 20 });
  const took = await page.evaluate(() => took);
  figure(`${open} open incidents: arrow key → chosen and drawn, p50`, at(took, 0.5), "ms", "50");
  figure(`${open} open incidents: arrow key → chosen and drawn, p95`, at(took, 0.95), "ms", "100");

  const frames = page.evaluate(
    (wanted) =>
      new Promise((resolve) => {
        const gaps = [];
        let last = performance.now();
        const frame = (now) => {
          gaps.push(now - last);
          last = now;
          if (document.querySelectorAll("ul.rows > li > button.row").length >= wanted) resolve(gaps);
          else requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      }),
    open + coming,
  );
  for (let n = open; n < open + coming; n++) {
    await raise(n);
    // The pace of the load: twenty incidents a second.
    await page.waitForTimeout(50);
  }
  const gaps = await frames;
  figure(`${coming} more come in: frame to frame, p50`, at(gaps, 0.5), "ms", "16.7");
  figure(`${coming} more come in: frame to frame, p95`, at(gaps, 0.95), "ms", "33.4");
});
