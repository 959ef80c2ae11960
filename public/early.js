// Markup and script URLs enter the page only through this policy (Trusted Types). It rejects markup that contains scripts, and scripts from
// other origins.
globalThis.trustedTypes?.createPolicy("default", {
  createHTML: (text) => (/<script|\son\w+\s*=|javascript:/i.test(text) ? null : text),
  createScriptURL: (address) => (new URL(address, location.href).origin === location.origin ? address : null),
});

// Sends the first requests of the app while the app itself is still loading: who is signed in, and the state of their last home. The app
// takes the answers from `window.early`, and requests what is missing there. scripts/bundle.mjs puts this file before the app's script.
const early = (window.early = {});
const kept = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
};

// Shows the shield as soon as it is known that the home has one. A press is recorded, and opens the sheet once the app is loaded; the app
// then replaces this shield with its own. `home` is the server's snapshot, or the copy of one (src/web/copies.rs). A press counts only for it.
const shield = (home) => {
  const there = document.getElementById("first-shield");
  if (!home.sos.dashboard.available || home.incident) return there?.remove();
  if (there || location.pathname !== "/") return;
  const first = document.createElement("div");
  first.id = "first-shield";
  first.dataset.home = home.home.id;
  first.innerHTML = `<div class="screen"><div class="bar"><span class="bar__space"></span><button class="shield" aria-label="SOS">
    <svg class="shield__shape" viewBox="0 0 60 64" aria-hidden="true"><use href="#i-shield"/></svg>
    <b aria-hidden="true">SOS</b></button></div></div>`;
  first.querySelector("button").addEventListener("click", ({ currentTarget }) => (currentTarget.ariaBusy = "true"));
  document.body.append(first);
};

// Preloads the code of the page, unless it is the dashboard, so that it does not have to wait until the app requests it.
const [, page, section] = location.pathname.split("/");
const ahead = {
  live: ["./split_live.wasm"],
  incidents: ["./split_records.wasm"],
  settings: ["./split_household.wasm", ...(/people|security|log/.test(section) ? ["./split_access.wasm"] : ["./split_basics.wasm"])],
  welcome: ["./split_welcome.wasm"],
  invite: ["./split_welcome.wasm"],
  contact: ["./split_contact.wasm"],
}[page];
for (const file of ahead ? [...ahead, "./pieces.bin"] : []) {
  const href = new URL(file, import.meta.url);
  document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "fetch", crossOrigin: "", href }));
}

// Once the person has signed out, the session is not used any more, even if the server does not know that yet (src/web/signing_out.rs).
if (!/^\/(contact|welcome)\//.test(location.pathname) && !kept("buckler-signing-out")) {
  const begin = (home) => {
    // The app is loaded already, and listens itself.
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
  early.me.catch(() => {}); // The app handles the error. Until it is loaded, the rejection must count as handled.
  // The person who was signed in the last time most likely still is, so the home is requested without waiting for that answer.
  if (last && kept("buckler-me")) {
    begin(last);
    try {
      // An incident of that time may be over by now.
      shield({ ...JSON.parse(kept(`buckler-last-${last}`)), incident: null });
    } catch {
      // Nothing is stored, or another version stored it. The shield waits for the server.
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
