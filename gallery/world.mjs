// Runs in the app's page before the app: a server that is made up, a camera that is drawn, a clock that stands, and then the hands of
// a person. Which state is in the address: /?state=dashboard. Nothing of this is part of the app.
import { NOW, at, home, household, me, wiring } from "./data.mjs";
import { states } from "./states.mjs";

const state = states[new URLSearchParams(location.search).get("state")] ?? {};
Date.now = () => NOW;
localStorage.clear();
if (state.kept) {
  localStorage.setItem("buckler-me", JSON.stringify(me));
  localStorage.setItem("buckler-last-maple", JSON.stringify({ ...home, server_time: at(-7_400) }));
  localStorage.setItem("buckler-home", state.kept);
}
if (state.install) document.documentElement.dataset.install = state.install;

const problem = { type: "/problems/not_signed_in", title: "", status: 401, code: "not_signed_in", detail: "" };
const shown = state.home ?? home;

function answer(method, path) {
  const said = state.answers?.[`${method} ${path}`];
  if (said === "lost" || (state.unreachable && path.startsWith("/api"))) throw new TypeError("lost");
  if (said) return said;
  if (path === "/api/v1/me") return state.signedOut ? { status: 401, body: problem } : { body: { ...me, ...state.me } };
  if (/\/contact\//.test(path)) return { body: state.phone };
  if (/^\/api\/v1\/incidents\//.test(path)) return { body: state.incident ?? state.then ?? shown.incident };
  if (/\/household$/.test(path)) return { body: household };
  if (/\/wiring$/.test(path)) return { body: wiring };
  if (/\/incidents$/.test(path)) return { body: state.latest ?? [] };
  return { body: shown };
}

const real = window.fetch;
window.fetch = async (request, options) => {
  const { url, method } = new Request(request, options);
  const { pathname } = new URL(url);
  if (state.lost?.test(pathname)) throw new TypeError("lost");
  if (!pathname.startsWith("/api/")) return real(request, options);
  const { status = 200, body } = answer(method, pathname);
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
};

// Each state listens to its own made-up server, also where many are open at once.
Object.defineProperty(navigator, "locks", { value: undefined });

// Live events: the home, and the end of an incident that was seen to run.
window.EventSource = class extends EventTarget {
  readyState = 1;
  constructor(path) {
    super();
    this.url = new URL(path, location).href;
    if (state.unreachable) return;
    const tell = (name, what, ms) => setTimeout(() => this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(what) })), ms);
    // A home that cannot be read has no events.
    if (!state.me?.homes?.[0]?.unreadable) tell("snapshot", state.home ?? home, 10);
    if (state.then) tell("incident", state.then, 400);
  }
  close() {}
};

// The player: a drawing that says how it goes.
document.querySelector("meta[name=player]")?.remove();
document.querySelector("meta[name=pwa]")?.remove();
customElements.define("live-picture", class extends HTMLElement {
  connectedCallback() {
    const picture = state.picture ?? "live";
    if (picture === "live" || picture === "stalled") this.innerHTML = `<img class="picture__still" alt="" src="${this.getAttribute("src").replace(/.*cameras\/(\w+)\/live.*/, "/api/v1/cameras/$1/still?home=maple")}">`;
    setTimeout(() => this.dispatchEvent(new CustomEvent("state", { detail: picture })), 50);
  }
});

// Hands: each step waits until what it takes is there.
const soon = (look) => new Promise((found) => {
  const again = () => ((here) => (here ? found(here) : setTimeout(again, 30)))(look());
  again();
});
const named = (name) => (element) => (element.ariaLabel ?? element.textContent.trim()) === name;
const button = (name) => () => {
  const all = [...document.querySelectorAll("dialog[open] button"), ...document.querySelectorAll("button")];
  return all.find(named(name)) ?? all.find((element) => element.textContent.includes(name));
};
const field = (name) => () => [...document.querySelectorAll("label")].find((label) => label.textContent.startsWith(name))?.querySelector("input");
for (const step of state.act ?? []) {
  const [, name, value] = step.match(/^fill (.*)=(.*)$/) ?? [];
  if (name) {
    const input = await soon(field(name));
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  } else {
    (await soon(button(step))).click();
  }
}
