// Makes the page an app on a phone: cached files, updates that interrupt nobody, a screen that stays on while an incident runs, and
// installation on the home screen. It is loaded after the app, and nothing waits for it. The app sets `data-incident` while an incident
// runs.

const root = document.documentElement;
const runs = () => "incident" in root.dataset;

// A new version takes over only while the page is hidden, no incident runs, and the page has no form whose text would be lost.
const atRest = () => document.hidden && !runs() && ["/", "/incidents", "/settings"].includes(location.pathname);
let waiting;
const update = () => {
  if (!waiting || !atRest()) return;
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  waiting.postMessage("take over");
  waiting = undefined;
};
const found = (worker) => {
  const ready = () => {
    if (worker.state !== "installed" || !navigator.serviceWorker.controller) return;
    waiting = worker;
    update();
  };
  worker.addEventListener("statechange", ready);
  ready();
};
navigator.serviceWorker?.register("/sw.js").then(
  (registration) => {
    if (!registration) return; // Workers are blocked, as in the private windows of some browsers.
    if (registration.waiting) found(registration.waiting);
    registration.addEventListener("updatefound", () => found(registration.installing));
    setInterval(() => registration.update().catch(() => {}), 3_600_000);
  },
  () => {}, // Without the worker, the app needs a connection, but works.
);

let lock;
const stayAwake = async () => {
  if (!runs() || document.hidden || lock) return;
  lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
  lock?.addEventListener("release", () => (lock = undefined));
};
let ran = false;
const changed = () => {
  if (runs() && !ran && navigator.userActivation?.hasBeenActive) navigator.vibrate?.([200, 100, 200]);
  ran = runs();
  if (ran) stayAwake();
  else lock?.release();
};
new MutationObserver(changed).observe(root, { attributeFilter: ["data-incident"] });
document.addEventListener("visibilitychange", () => (stayAwake(), update()));
changed();

// The shortcut “SOS” presses the shield.
if (location.search === "?sos") {
  history.replaceState(null, "", "/");
  document.querySelector("button.shield")?.click();
}

// Installation: the browser's own prompt, or on iPhones a text that says how.
let question;
const isInstalled = matchMedia("(display-mode: standalone)").matches || navigator.standalone;
if (navigator.standalone === false) root.dataset.install = "ios";
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  question = event;
  if (!isInstalled) root.dataset.install = "ask";
});
addEventListener("appinstalled", () => delete root.dataset.install);
addEventListener("click", ({ target }) => target.closest?.("[data-ask=install]") && question?.prompt());
