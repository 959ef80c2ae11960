// Caches the app's own files, so that the app opens at once and without a connection. Everything under /api passes through: answers of the
// server are never cached, and a request for help is never queued. scripts/bundle.mjs fills in the two lines below.
const VERSION = "";
const FILES = [];

const CACHE = `buckler-${VERSION}`;
const PAGES = /^\/($|live|incidents|drill|settings|welcome|invite\/|contact\/)/;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })))));
});

// Deletes old files only when no page needs them: the browser activates a new worker after the last page of the old one has closed, or
// when the app says that an update interrupts nothing.
self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("buckler-") && name !== CACHE;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))));
});

self.addEventListener("message", ({ data }) => data === "take over" && self.skipWaiting());

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  const file = request.mode === "navigate" ? PAGES.test(pathname) && "/" : FILES.includes(pathname) && pathname;
  if (file) event.respondWith(caches.match(file, { cacheName: CACHE }).then((kept) => kept ?? fetch(request)));
});
