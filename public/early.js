// Markup and addresses of scripts come into the page only through this (Trusted Types): no scripts in markup, and only scripts of
// the app's own place.
globalThis.trustedTypes?.createPolicy("default", {
  createHTML: (text) => (/<script|\son\w+\s*=|javascript:/i.test(text) ? null : text),
  createScriptURL: (address) => (new URL(address, location.href).origin === location.origin ? address : null),
});

// Asks what the app will ask first while the app itself is still on its way: who is signed in, and how their last home is. The app
// takes the answers from `window.early`; what is not there it asks itself. scripts/bundle.mjs puts this before the app's script.
const early = (window.early = {});
const kept = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
};

// The shield, as soon as it is known that there is one. A press is taken at once, and opens the sheet when the app stands, which then
// puts its own shield in this place. `home` is as the server tells it.
const shield = (home) => {
  const there = document.getElementById("first-shield");
  if (!home.sos.dashboard.available || home.incident) return there?.remove();
  if (there || location.pathname !== "/") return;
  const first = document.createElement("div");
  first.id = "first-shield";
  first.innerHTML = `<div class="screen"><div class="bar"><span class="bar__space"></span><button class="shield" aria-label="SOS">
    <svg class="shield__shape" viewBox="0 0 60 64" aria-hidden="true"><use href="#i-shield"/></svg><b aria-hidden="true">SOS</b></button></div></div>`;
  first.querySelector("button").addEventListener("click", ({ currentTarget }) => (currentTarget.ariaBusy = "true"));
  document.body.append(first);
};

// What other pages than the dashboard are made of need not wait until the app asks for it.
const [, page, section] = location.pathname.split("/");
const ahead = {
  live: ["./split_live.wasm"],
  incidents: ["./split_records.wasm"],
  settings: ["./split_household.wasm", ...(/people|security|log/.test(section) ? ["./split_access.wasm"] : ["./split_basics.wasm"])],
  welcome: ["./split_welcome.wasm"],
  invite: ["./split_welcome.wasm"],
  contact: ["./split_contact.wasm"],
}[page];
for (const file of ahead ? [...ahead, "./pieces.bin"] : [])
  document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "fetch", crossOrigin: "", href: new URL(file, import.meta.url) }));

if (!/^\/(contact|welcome)\//.test(location.pathname)) {
  const begin = (home) => {
    // The app stands already, and listens itself.
    if (!window.early) return;
    early.heard = [];
    early.live = listen(`/api/v1/homes/${home}/events`, ["snapshot", "incident", "device", "camera", "home", "ping"]);
    early.live.to(
      (name, data) => {
        early.heard.push([name, data]);
        if (name === "snapshot" && window.early) shield(JSON.parse(data));
      },
      () => {},
    );
  };
  const last = kept("buckler-home");
  early.me = fetch("/api/v1/me", { signal: AbortSignal.timeout(5_000) });
  early.me.catch(() => {}); // Nobody answers: the app will see, and say so. Until it stands nobody else looks at this.
  // Who was signed in the last time most likely still is: one way there and back less.
  if (last && kept("buckler-me")) {
    begin(last);
    try {
      const home = JSON.parse(kept("buckler-last"));
      // An incident of then may be long over.
      if (home.home.id === last) shield({ ...home, incident: null });
    } catch {
      // Nothing was kept, or by another version: the server will tell.
    }
  }
  else
    early.me
      .then((answer) => answer.ok && answer.clone().json())
      .then((me) => {
        const home = me && (me.homes.find(({ id }) => id === last) ?? me.homes[0]);
        if (home) begin(home.id);
      })
      .catch(() => {});
}
