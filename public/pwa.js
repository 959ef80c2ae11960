// What makes a phone's app of the page: kept files, updates at a good moment, a screen that stays on while an incident runs, and the
// way to the home screen. Loaded when the app stands; nothing waits for it. The app says by `data-incident` whether one runs.

const root = document.documentElement;
const runs = () => "incident" in root.dataset;

// A new version takes over when nobody looks, no incident runs and nothing that was typed can be lost.
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
    if (!registration) return; // Where workers are blocked, as in some browsers' private windows.
    if (registration.waiting) found(registration.waiting);
    registration.addEventListener("updatefound", () => found(registration.installing));
    setInterval(() => registration.update().catch(() => {}), 3_600_000);
  },
  () => {}, // Without it the app works as well, only not without a connection.
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

// The shortcut “SOS” is the shield, touched at once.
if (location.search === "?sos") {
  history.replaceState(null, "", "/");
  document.querySelector("button.shield")?.click();
}

// The way to the home screen: the browser's own question, or on iPhones the words that say how.
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
