// Made-up answers of a server, in the shape of the API. The time is always the same, so that pictures of screens can be compared.

export const NOW = Date.parse("2026-11-21T21:04:08.300Z");
export const at = (seconds) => new Date(NOW + seconds * 1_000).toISOString();

const address = { line1: "14 Maple Street", line2: null, city: "Portland", region: "OR", postal_code: "97205", country: "US" };
const can = { available: true, via: ["alarm", "cameras"] };
const cannot = (reason) => ({ available: false, reason });
const camera = (id, kind, name, more = {}) => ({ id, kind, name, online: true, sos_compatible: true, has_siren: true, siren: "silent", live: true, still: true, ...more });
const device = (id, kind, name) => ({ id, kind, model: kind, name, online: true, siren: "silent" });
const contact = (id, order, name, ready = "accepted") => ({ id, order, name, phone: `+1503555010${order}`, ready, linked: true, reached_at: order === 1 ? at(-86_400) : null, phone_link: null });
const check = (what, more = {}) => ({ what, ok: true, at: at(-12), detail: "", ...more });

export const me = { user: { id: "olivia", name: "Olivia", email: "olivia@example.org" }, homes: [{ id: "maple", name: "Maple Street", role: "owner" }, { id: "lake", name: "Lake Cabin", role: "owner" }], center_role: null, server_time: at(0) };

export const home = {
  server_time: at(0),
  role: "owner",
  home: { id: "maple", name: "Maple Street", time_zone: "America/Los_Angeles", address },
  subscription: { plan: "home_premium", professional_monitoring: true, sos_for_cameras: "enrolled" },
  sos: {
    dashboard: can,
    live_view: { front: can, drive: can, hall: cannot("camera_not_compatible") },
    siren: { available: true },
    ready: { ok: true, checks: [check("center"), check("base_station"), check("contacts", { count: 3 }), check("address")] },
  },
  settings: { countdown_s: 5, siren_duration_s: 600, cameras_sound_with_base_station: true, verbal_password_required: true },
  devices: [device("base", "base_station", "Base Station"), device("hallpad", "keypad", "Hall keypad")],
  cameras: [camera("front", "doorbell", "Front Door"), camera("drive", "camera", "Driveway"), camera("hall", "camera", "Hallway", { sos_compatible: false, has_siren: false })],
  contacts: [contact("sister", 1, "Sister"), contact("neighbor", 2, "Neighbor"), contact("father", 3, "Father")],
  incident: null,
};

const still = (home) => home.cameras.map((camera) => ({ ...camera, live: false, still: false }));
const dark = { ...home.sos, ready: { ok: false, checks: [check("center", { ok: false }), check("base_station", { ok: false }), check("contacts", { ok: false, count: 0 }), check("address", { ok: false })] } };
const everywhere = (reason) => ({ ...home.sos, dashboard: cannot(reason), live_view: Object.fromEntries(home.cameras.map(({ id }) => [id, cannot(reason)])), siren: { available: false } });

export const homes = {
  usual: home,
  restricted: { ...home, sos: { ...home.sos, held_until: at(80_000) } },
  changed: { ...home, changes: [{ number: 2, at: at(-1_900), who: "Sam", what: "contacts", was: "Sister, Neighbor, Father" }, { number: 1, at: at(-7_300), who: "Olivia", what: "address", was: "9 Oak Lane, Portland, OR 97201, US" }] },
  notReady: { ...home, sos: dark, devices: home.devices.map((device) => ({ ...device, online: false })), cameras: home.cameras.map((camera) => ({ ...camera, online: false, live: false, still: false })), contacts: home.contacts.map((contact, at) => ({ ...contact, ready: ["invited", "opted_out", "invited"][at], linked: at < 2 })) },
  stopped: { ...home, quarantined: [{ id: "01890000-0000-7000-8000-000000000031", since: at(-420) }] },
  ailing: { ...home, sos: { ...home.sos, ready: { ok: true, checks: [...home.sos.ready.checks, check("devices", { ok: false, count: 2 })] } } },
  sounding: { ...home, devices: home.devices.map((device) => ({ ...device, siren: "sounding" })), cameras: home.cameras.map((camera) => ({ ...camera, siren: camera.has_siren ? "sounding" : "silent" })) },
  noPictures: { ...home, cameras: still(home) },
  selfMonitored: { ...home, sos: everywhere("professional_monitoring_required") },
  noPlan: { ...home, sos: everywhere("plan_required") },
  notPermitted: { ...home, role: "guest", sos: everywhere("not_permitted") },
  notEnrolled: { ...home, subscription: { ...home.subscription, sos_for_cameras: "not_enrolled" }, sos: { ...home.sos, live_view: Object.fromEntries(home.cameras.map(({ id }) => [id, cannot("enrolment_required")])) } },
  empty: { ...home, home: { ...home.home, address: null }, devices: [], cameras: [], contacts: [], sos: { ...everywhere("no_base_station_or_enrolled_camera"), ready: dark.ready } },
};

const line = (seconds, what, text, by = null) => ({ at: at(seconds), what, by, text });
const numbered = (lines) => lines.map((one, index) => ({ seq: index + 1, ...one }));
const started = (seconds, text = "Police requested from Front Door") => line(seconds, "started", text, "Olivia");
const quiet = { state: "silent", until: null, devices: [], confirmed: [] };
const loud = { state: "sounding", until: at(580), devices: ["base", "hallpad", "front"], confirmed: ["base", "hallpad", "front"] };
const call = (order, id, name, purpose, state, outcome = null, placed = -20) => ({ id: `01890000-0000-7000-8000-000000000001.${order}`, contact: id, name, order, purpose, state, placed_at: state === "queued" ? null : at(placed), outcome });
const nothing = { allowed: false, how: "nothing", center_phone: null };
const ended = (state, disposition, by = "Buckler") => ({ state, disposition, by: { id: "", name: by }, at: at(0) });

function incident(state, began, lines, more = {}) {
  return {
    id: "01890000-0000-7000-8000-000000000001", home: "maple", kind: "sos", services: ["police"], mode: "live", state, joined: false,
    source: { surface: "live_view", camera: "front" }, started_by: { id: "olivia", name: "Olivia" }, started_at: at(began), deadline: at(began + 5), countdown_ms: 5_000,
    server_time: at(0), address, siren: quiet, calls: [], dispatches: [], cancel: nothing, timeline: numbered([started(began, more.began), ...lines]), outcome: null, connected: true, can_end: false, quiet: null, unready: [], ...more,
  };
}

const sent = (began) => [line(began, "countdown_over", "Request sent to the monitoring center"), line(began, "siren_on", "Sirens asked to sound: Base Station, Hall keypad, Front Door"), line(began, "siren_confirmed", "Base Station is sounding"), line(began, "call_placed", "The monitoring center is calling Sister")];
const confirmed = (began) => [...sent(began), line(began + 9, "call_answered", "Sister answered"), line(began + 14, "call_ended", "Sister confirmed the emergency"), line(began + 14, "dispatch_requested", "Police requested to 14 Maple Street, Portland")];
const queued = [call(2, "neighbor", "Neighbor", "inform", "queued"), call(3, "father", "Father", "inform", "queued")];
const counting = { cancel: { allowed: true, how: "cancel_help", center_phone: null } };
const asked = { cancel: { allowed: false, how: "answer_first_call", center_phone: null }, siren: loud };
const police = (state) => [{ service: "police", state, reference: "PDX-4471", at: at(-2), came: ["on_scene", "closed"].includes(state) }];
const drilled = incident("closed", -46, [...confirmed(-41), line(-20, "dispatch_accepted", "Police: request accepted (DRILL-01)"), line(0, "closed", "Closed: every service has finished")], {
  id: "01890000-0000-7000-8000-000000000002", mode: "drill", calls: [call(1, "sister", "Sister", "verify", "ended", "confirmed", -41)], dispatches: police("closed"), outcome: ended("closed", "services_closed"),
});

export const incidents = {
  counting: incident("counting_down", -1.2, [], counting),
  countingAll: incident("counting_down", -1.2, [line(-0.6, "joined", "Medical help requested too, from the dashboard", "Sam")], { ...counting, services: ["police", "medical"] }),
  countingSiren: incident("counting_down", -2.2, [], { ...counting, kind: "siren", services: [], began: "Siren only requested from the dashboard" }),
  countingDrill: incident("counting_down", -1.2, [], { ...counting, mode: "drill" }),
  calling: incident("verifying", -12, sent(-7), { ...asked, calls: [call(1, "sister", "Sister", "verify", "ringing", null, -7), ...queued] }),
  talking: incident("verifying", -24, [...sent(-19), line(-4, "call_answered", "Sister answered")], { ...asked, calls: [call(1, "sister", "Sister", "verify", "answered", null, -19), ...queued] }),
  dispatching: incident("dispatching", -40, [...confirmed(-35), line(-2, "en_route", "Police: on the way (PDX-4471)")], {
    siren: loud, acknowledgment: "responders", dispatches: police("en_route"), calls: [call(1, "sister", "Sister", "verify", "ended", "confirmed"), call(2, "neighbor", "Neighbor", "inform", "ringing", null, -6), queued[1]],
  }),
  review: incident("under_review", -1_260, [line(0, "note", "The server was down. Found 21 min late: somebody must look at it before anything is sent")], { nothing_left: true }),
  unanswered: incident("verifying", -75, sent(-70), { ...asked, acknowledgment: "unanswered", calls: [call(1, "sister", "Sister", "verify", "ringing", null, -20), ...queued] }),
  siren: incident("siren_sounding", -20, [line(-15, "siren_on", "Sirens asked to sound: Base Station, Hall keypad"), line(-15, "siren_failed", "Siren not confirmed: Hall keypad")], { kind: "siren", services: [], siren: loud, source: { surface: "dashboard" }, began: "Siren only requested from the dashboard" }),
  runningDrill: incident("dispatching", -40, confirmed(-35), { mode: "drill", dispatches: police("accepted"), calls: [call(1, "sister", "Sister", "verify", "ended", "confirmed")] }),
  aborted: incident("aborted", -4, [line(0, "aborted", "Cancelled in time. Nothing was sent", "Olivia")], { outcome: ended("aborted", null, "Olivia") }),
  cancelled: incident("cancelled", -40, [...sent(-35), line(0, "cancelled", "Sister called it off", "Sister")], { outcome: ended("cancelled", null, "Sister"), calls: [call(1, "sister", "Sister", "verify", "ended", "cancelled")] }),
  closed: incident("closed", -1_900, [...confirmed(-1_895), line(0, "closed", "Closed: every service has finished")], { outcome: ended("closed", "services_closed"), dispatches: police("closed"), calls: [call(1, "sister", "Sister", "verify", "ended", "confirmed")] }),
  alone: incident("dispatching", -40, [line(-35, "countdown_over", "Countdown over"), line(-35, "siren_on", "Sirens asked to sound: Base Station"), line(-35, "siren_failed", "Siren not confirmed: Base Station"), line(-35, "call_placed", "Buckler is calling Sister"), line(-5, "call_ended", "Sister did not answer"), line(-5, "dispatch_requested", "Police: nobody is connected who could send help. Call the emergency number")], {
    connected: false, can_end: true, dispatches: [{ service: "police", state: "requested", reference: null, at: at(-5) }], calls: [call(1, "sister", "Sister", "verify", "ended", "no_answer")], source: { surface: "dashboard" },
  }),
  told: incident("dispatching", -40, confirmed(-35), { connected: false, dispatches: [{ service: "police", state: "requested", reference: null, at: at(-5) }], calls: [call(1, "sister", "Sister", "verify", "ended", "confirmed")] }),
  drilled,
  unansweredDrill: { ...drilled, calls: [call(1, "sister", "Sister", "verify", "ended", "no_answer", -41)], timeline: numbered(drilled.timeline.filter(({ what }) => what !== "call_answered")) },
  failedDrill: { ...drilled, unready: ["center", "base_station", "contacts"], calls: [call(1, "sister", "Sister", "verify", "ended", "no_answer", -41)], dispatches: police("rejected"), timeline: numbered([started(-46), ...sent(-41), line(-30, "siren_failed", "Siren not confirmed: Hall keypad"), line(-11, "call_ended", "Sister did not answer"), line(-11, "dispatch_requested", "Police requested to 14 Maple Street, Portland"), line(-9, "dispatch_rejected", "Police: request rejected. The center must act"), line(0, "closed", "Closed: every service has finished")]) },
};

// What waits at the monitoring center.
export const queueOf = (cases, quarantined = []) => ({ version: 1, cases, quarantined, on_duty: [{ id: "operator", name: "Noor" }, { id: "sasha", name: "Sasha" }], server_time: at(0) });
const reach = homes.usual.contacts.map(({ name, phone }) => ({ name, phone }));
const waiting = (id, home, services, since, more) => ({ id: `01890000-0000-7000-8000-00000000002${id}`, home, services, quiet: null, repeats: 0, state: "verifying", since: at(since), holder: null, mine: false, unclaimed: false, whole: null, ...more });
const notes = { gate: "Gate code 4711, the key is with the neighbor on the left", pets: "Two dogs, friendly", medical: "Father has a pacemaker", permit: "PDX-2210", permit_until: "2020-01-31" };
const whole = (incident, step, more) => ({ home: homes.usual.home, incident, contacts: reach, password_required: true, step, ...more });
export const atDesk = {
  late: waiting(1, "Maple Street", ["police"], -1_300, { state: "under_review", whole: whole(incidents.review, "decide") }),
  life: waiting(2, "Lake Cabin", ["medical"], -31),
  unclaimed: waiting(3, "Harbor Loft", ["fire", "police"], -112, { unclaimed: true }),
  others: waiting(4, "Garden Flat", ["police"], -240, { holder: "Sasha" }),
  mine: waiting(5, "Maple Street", ["police"], -20, { holder: "Noor", mine: true, whole: whole(incidents.calling, "call_first") }),
  told: waiting(7, "Maple Street", ["police"], -20, { holder: "Noor", mine: true, whole: whole(incidents.calling, "call_first", { notes, cameras: [{ id: "front", name: "Front Door" }] }) }),
  duress: waiting(8, "Maple Street", ["police"], -20, { holder: "Noor", mine: true, quiet: "duress", state: "dispatching", repeats: 2, whole: whole({ ...incidents.dispatching, siren: quiet, calls: [], quiet: "duress" }, "follow") }),
  again: waiting(9, "Lake Cabin", ["medical"], -31, { quiet: "hold_up", repeats: 1 }),
  sent: waiting(6, "Maple Street", ["police"], -60, { holder: "Noor", mine: true, state: "dispatching", whole: whole(incidents.dispatching, "follow") }),
};

/** Incidents that the server cannot advance. */
export const stopped = [
  { id: "01890000-0000-7000-8000-000000000031", home: "Maple Street", quiet: false, since: at(-420), address: homes.usual.home.address, contacts: reach },
  { id: "01890000-0000-7000-8000-000000000032", home: "Lake Cabin", quiet: true, since: at(-90), address: homes.usual.home.address, contacts: reach },
];

export const desk = {
  people: [{ id: "sasha", name: "Sasha", email: "sasha@center.example.org", role: "supervisor", you: true }, { id: "operator", name: "Noor", email: "noor.of.the.night.shift@center.example.org", role: "operator", you: false }],
  invitations: [{ id: "8899aabbccddeeff", name: "Robin", role: "operator", expires_at: at(500_000) }],
};

const took = (count, median_ms, p90_ms, most_ms) => ({ count, median_ms, p90_ms, most_ms });
export const statistics = {
  since: at(-2_592_000), incidents: 42, false_alarms: 17, to_claim: took(40, 6_200, 19_400, 88_000), to_call: took(39, 31_000, 74_000, 121_000), to_dispatch: took(25, 33_000, 78_000, 125_000), to_accepted: took(24, 58_000, 140_000, 410_000),
  panels: [{ account: "1234", heard_at: at(-40) }, { account: "ABCD", heard_at: null }],
};

export const undelivered = [{ id: "0.01890000-0000-7000-8000-000000000001", host: "dispatch.harbor.example.org", incident: "01890000-0000-7000-8000-000000000001", since: at(-90_000), why: "It answers 503.", given_up: true }];

export const household = {
  people: [["olivia", "Olivia", "owner", true], ["sam", "Sam", "shared", false], ["gwen", "Gwen", "guest", false]].map(([id, name, role, you]) => ({ id, name, email: `${id}@example.org`, role, sos_withdrawn: false, you })),
  invitations: [{ id: "0011223344556677", name: "Robin", role: "guest", expires_at: at(500_000) }],
  streams: [],
  verbal_password_set: true,
};

const wired = (device, kind, name, chosen, health, proves = true) => ({ device, kind, name, chosen, proves, health: { seen_at: at(-240), battery: 84, troubles: [], ...health } });
export const wiring = {
  kinds: ["buckler", "homeassistant", "shelly", "tasmota", "zigbee2mqtt", "zigbee2mqtt-alarm", "zigbee2mqtt-emergency"],
  begins: "maple/",
  sirens: [
    wired("base", "zigbee2mqtt-alarm", "hall siren", false, {}),
    wired("hallpad", "zigbee2mqtt", "maple/hall keypad", true, { seen_at: at(-100_000), battery: 9, troubles: ["silent", "battery_low"] }, false),
  ],
  buttons: [
    { name: "Bedside button", health: { seen_at: at(-7_200), battery: 70, troubles: [] } },
    { name: "Hall keypad", health: { battery: 55, troubles: ["tampered"] } },
  ],
};

const session = (id, name, here, since, seen) => ({ id, name, here, signed_in_at: at(since), seen_at: at(seen) });
export const sessions = [session("1", "Firefox on Linux", true, -86_400, 0), session("2", "Chrome on Android", false, -2_000_000, -3_600), session("3", "Safari on iPad", false, -9_000_000, -800_000)];

const phone = (ready, call = null) => ({ name: "Sister", home: "Maple Street", ready, call, server_time: at(0) });
const ring = (state, more = {}) => ({ id: "01890000-0000-7000-8000-000000000001.1", state, purpose: "verify", services: ["police"], drill: false, password_required: true, ends_at: at(22), ...more });
export const phones = {
  asked: phone("invited"),
  idle: phone("accepted"),
  remembers: { ...phone("accepted"), asks_password: true },
  optedOut: phone("opted_out"),
  ringing: phone("accepted", ring("ringing")),
  answered: phone("accepted", ring("answered")),
  drill: phone("accepted", ring("answered", { drill: true })),
  told: phone("accepted", ring("answered", { purpose: "inform" })),
};

export const passkeys = { host: "127.0.0.1", passkeys: [{ id: "a2V5", name: "Chrome on Android", created_at: at(-2_000_000), used_at: at(-3_600) }], recovery_codes_left: 9 };
const record = (number, what, ago_s, more) => ({ number, at: at(-ago_s), what, who: "Olivia", address: "192.0.2.7", about: [], detail: "{}", ...more });
export const audit = [
  record(8, "home_changed", 60, { about: ["address", "contacts"] }),
  record(7, "sign_in_refused", 3_600),
  record(6, "passkey_added", 90_000),
  record(5, "joined", 95_000, { who: "Robin", address: null }),
  record(4, "person_changed", 99_000),
  record(3, "password_changed", 200_000, { who: null, address: null }),
];
