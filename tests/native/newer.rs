//! The app is older than its server for days. In each answer that the app reads, each word is
//! replaced by one that only a newer server knows, and each object gets another field: the answer is
//! still read, and what keeps people safe is still shown.

use buckler::{
    api::{
        audit::AuditRecord,
        cameras::{FoundCameras, Offers, Tried},
        center::{CallResult, CenterPeople, Queue},
        heard::Heard,
        home::{Availability, Camera, Check, Device, HomeAnswer},
        household::{ContactLink, FirstRun, Household, Undelivered, VerbalPasswordCheck},
        incident::Incident,
        invitations::{Invitation, InvitationLink},
        passkeys::{Ceremony, Passkeys, RecoveryCodes},
        phone::{Phone, Received},
        problem::Problem,
        session::{self, Me},
        siren_bindings::{SirenBindings, Tested},
        statistics::Statistics,
    },
    domain::{id::IncidentId, time::Timestamp},
    view::{
        console::quiet_note,
        incident::{
            Screen, banner, call_detail, call_now, call_word, check, countdown_title,
            dispatch_word, ended, ended_icon, is_nobody_told, no_shield, running_detail,
            running_title, shown, summary,
        },
        phone::rings,
        records::{Filter, Verdict, result},
        words::{Word, why_not},
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

const WORD: &str = "a-word-of-tomorrow";
const TIME: &str = "2026-11-23T14:02:05.000Z";
const ID: &str = "00000000-0000-0000-0000-000000000001";

/// An answer, and how the app reads it.
struct Answer {
    name: &'static str,
    value: Value,
    read: fn(&Value) -> Result<String, String>,
}

/// What was read, in a form in which nothing can hide.
fn read<T: DeserializeOwned + Debug>(value: &Value) -> Result<String, String> {
    let read = serde_json::from_value::<T>(value.clone()).map_err(|error| error.to_string())?;
    Ok(format!("{read:?}"))
}

fn answer<T: DeserializeOwned + Debug>(name: &'static str, value: Value) -> Answer {
    Answer { name, value, read: read::<T> }
}

/// What the server really writes (`tests/fixtures/wire/`).
fn stored(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn home() -> Value {
    stored(include_str!("../fixtures/wire/home.json"))
}

fn countdown() -> Value {
    stored(include_str!("../fixtures/wire/incident.json"))
}

fn phone() -> Value {
    stored(include_str!("../fixtures/wire/phone.json"))
}

/// A home in which everything happens that its stored snapshot does not have.
fn eventful() -> Value {
    let mut home = home();
    home["incident"] = countdown();
    home["changes"] =
        json!([{"number": 1, "at": TIME, "who": "Olivia", "what": "address", "was": "none"}]);
    home["quarantined"] = json!([{"id": ID, "since": TIME}]);
    home
}

/// An incident with calls, services, sirens, and an end.
fn closed() -> Value {
    let mut incident = stored(include_str!("../fixtures/wire/aborted.json"));
    incident["state"] = "closed".into();
    incident["outcome"]["state"] = "closed".into();
    incident["outcome"]["disposition"] = "services_closed".into();
    incident["source"] = json!({"surface": "live_view", "camera": "front-door"});
    incident["quiet"] = "duress".into();
    incident["unready"] = json!(["center", "address"]);
    incident["siren"]["devices"] = json!(["base"]);
    incident["calls"] = json!([{
        "id": format!("{ID}.1"), "contact": "sister", "name": "Sister", "order": 1, "purpose": "verify",
        "state": "ended", "placed_at": TIME, "outcome": "confirmed"
    }]);
    incident["dispatches"] =
        json!([{"service": "police", "state": "accepted", "reference": "7", "at": TIME}]);
    incident
}

fn queue() -> Value {
    let (home, incident) = (home(), closed());
    let reach = json!([{"name": "Sister", "phone": "+15035550101"}]);
    json!({
        "version": 7, "server_time": TIME, "on_duty": [{"id": "paul", "name": "Paul"}],
        "quarantined": [{"id": ID, "home": "Maple Street", "quiet": false, "since": TIME, "address": null, "contacts": reach}],
        "cases": [{
            "id": ID, "home": "Maple Street", "services": ["police"], "quiet": "hold_up", "repeats": 1, "state": "dispatching",
            "since": TIME, "holder": "Paul", "mine": true, "unclaimed": false,
            "whole": {
                "home": home["home"], "incident": incident, "contacts": reach, "notes": {"gate": "4711"},
                "cameras": [{"id": "front-door", "name": "Front Door"}], "password_required": true, "step": "dispatch"
            }
        }]
    })
}

/// What people with an account and contacts are shown.
fn answers_for_people() -> Vec<Answer> {
    let mut household = stored(include_str!("../fixtures/wire/household.json"));
    household["invitations"] =
        json!([{"id": "7", "name": "Ann", "role": "guest", "expires_at": TIME}]);
    household["streams"] =
        json!([{"camera": "hallway", "address": "rtsp://10.0.0.7/a", "keep": "always"}]);
    let mut problem = stored(include_str!("../fixtures/wire/problem.json"));
    problem["reason"] = "plan_required".into();
    let me = json!({
        "user": {"id": "olivia", "name": "Olivia", "email": "owner@demo.test"}, "center_role": "operator",
        "homes": [{"id": "maple-street", "name": "Maple Street", "role": "owner"}], "server_time": TIME
    });
    let device = json!({"id": "7", "name": "Chrome on Android", "here": true, "signed_in_at": TIME, "seen_at": TIME});
    let passkey = json!({"id": "7", "name": "Phone", "created_at": TIME, "used_at": TIME});
    let record = json!({
        "number": 7, "at": TIME, "what": "home_changed", "who": "Olivia", "address": "10.0.0.1", "about": ["name"], "detail": "none"
    });
    let invited = |to: Value| json!({"inviter": "Olivia", "name": "Ann", "to": to});
    vec![
        answer::<HomeAnswer>("home", home()),
        answer::<HomeAnswer>("eventful home", eventful()),
        answer::<Incident>("countdown", countdown()),
        answer::<Incident>("closed", closed()),
        answer::<Device>("device", home()["devices"][0].clone()),
        answer::<Camera>("camera", home()["cameras"][0].clone()),
        answer::<Phone>("phone", phone()),
        answer::<Received>("received", json!({"received": true})),
        answer::<Problem>("problem", problem),
        answer::<Me>("me", me),
        answer::<Vec<session::Device>>("devices", json!([device])),
        answer::<Household>("household", household),
        answer::<AuditRecord>("audit", record),
        answer::<Invitation>(
            "home’s invitation",
            invited(json!({"place": "home", "name": "Maple Street", "role": "guest"})),
        ),
        answer::<Invitation>(
            "center’s invitation",
            invited(json!({"place": "center", "role": "operator"})),
        ),
        answer::<Passkeys>(
            "passkeys",
            json!({"host": "demo.test", "passkeys": [passkey], "recovery_codes_left": 7}),
        ),
        answer::<Ceremony>("ceremony", json!({"ceremony": "7", "options": "none"})),
        answer::<RecoveryCodes>("codes", json!({"codes": ["7"]})),
    ]
}

/// What owners and the center are shown.
fn answers_for_owners_and_the_center() -> Vec<Answer> {
    let delivery = json!({"id": "7", "host": "example.com", "incident": ID, "since": TIME, "why": "refused", "given_up": false});
    let health = json!({"seen_at": TIME, "battery": 7, "troubles": ["battery_low"]});
    let bindings = json!({
        "kinds": ["zigbee2mqtt"], "begins": "maple/", "buttons": [{"name": "bed", "health": health}],
        "sirens": [{"device": "base", "kind": "tasmota", "name": "base", "chosen": true, "proves": true, "health": health}]
    });
    let staff = json!({
        "people": [{"id": "paul", "name": "Paul", "email": "paul@demo.test", "role": "supervisor", "you": true}],
        "invitations": [{"id": "7", "name": "Ann", "role": "operator", "expires_at": TIME}]
    });
    let times = json!({"count": 1, "median_ms": 1, "p90_ms": 1, "most_ms": 1});
    let statistics = json!({
        "since": TIME, "incidents": 1, "false_alarms": 0, "to_claim": times, "to_call": times, "to_dispatch": times,
        "to_accepted": times, "panels": [{"account": "1234", "heard_at": TIME}]
    });
    vec![
        answer::<Undelivered>("delivery", delivery),
        answer::<SirenBindings>("bindings", bindings),
        answer::<Tested>("tested", json!({"confirmed": true})),
        answer::<Offers>(
            "offers",
            json!({"streams": [{"name": "a", "stream": "b", "width": 1, "height": 1}], "trouble": "lost"}),
        ),
        answer::<Tried>("tried", json!({"width": 0, "height": 0, "trouble": "no_answer"})),
        answer::<FoundCameras>(
            "found",
            json!({"cameras": [{"name": "a", "model": "b", "address": "c"}]}),
        ),
        answer::<ContactLink>("link", json!({"path": "/contact/7"})),
        answer::<InvitationLink>("invitation’s link", json!({"path": "/invite/7"})),
        answer::<FirstRun>("first run", json!({"needed": false})),
        answer::<VerbalPasswordCheck>("password", json!({"correct": true})),
        answer::<Queue>("queue", queue()),
        answer::<CenterPeople>("staff", staff),
        answer::<CallResult>("call", json!({"accepted": true})),
        answer::<Statistics>("statistics", statistics),
    ]
}

fn answers() -> Vec<Answer> {
    let mut all = answers_for_people();
    all.extend(answers_for_owners_and_the_center());
    all
}

/// Whether a text has a form of its own, and so is no word: a time, and the id of an incident or of a
/// call. A newer server has no others in answers of this version.
fn has_a_form(text: &str) -> bool {
    let begins = text.split('.').next().unwrap_or_default();
    text.parse::<Timestamp>().is_ok() || begins.parse::<IncidentId>().is_ok()
}

/// The places (RFC 6901) of all values in `value`.
fn places(value: &Value) -> Vec<String> {
    let below = |(name, value): (String, &Value)| {
        let inner = places(value).into_iter().map(move |place| format!("/{name}{place}"));
        inner.collect::<Vec<_>>()
    };
    let inner: Vec<String> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), value)).flat_map(below).collect()
        }
        Value::Array(all) => all
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .flat_map(below)
            .collect(),
        _ => Vec::new(),
    };
    std::iter::once(String::new()).chain(inner).collect()
}

/// The value with each of its words replaced, one at a time, and the place of that word.
fn with_a_new_word(value: &Value) -> Vec<(String, Value)> {
    let is_word = |place: &String| {
        value.pointer(place).unwrap().as_str().is_some_and(|text| !has_a_form(text))
    };
    let replaced = |place: String| {
        let mut value = value.clone();
        *value.pointer_mut(&place).unwrap() = WORD.into();
        (place, value)
    };
    places(value).into_iter().filter(is_word).map(replaced).collect()
}

/// The value with another field in each of its objects. The object of shields by camera has no
/// fields: its names are ids of cameras.
fn with_new_fields(value: &Value) -> Value {
    let mut newer = value.clone();
    for place in places(value) {
        if let Some(Value::Object(fields)) = newer.pointer_mut(&place)
            && !place.ends_with("/live_view")
        {
            fields.insert("a-field-of-tomorrow".into(), json!({"nested": [WORD]}));
        }
    }
    newer
}

#[test]
fn answer_with_a_word_of_a_newer_server_is_read() {
    let mut unread = Vec::new();
    for Answer { name, value, read } in answers() {
        let whole = read(&value).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (place, newer) in with_a_new_word(&value) {
            match read(&newer) {
                // Nothing but the word is missing: each item of each list is still there. These two
                // words say which fields their own object has.
                Ok(_) if place.ends_with("/surface") || place.ends_with("/to/place") => {}
                Ok(now) if now.matches('{').count() >= whole.matches('{').count() => {}
                Ok(now) => unread.push(format!("{name}{place} costs more than a word: {now}")),
                Err(error) => unread.push(format!("{name}{place}: {error}")),
            }
        }
    }
    assert!(unread.is_empty(), "{unread:#?}");
}

#[test]
fn answer_with_fields_of_a_newer_server_says_the_same() {
    for Answer { name, value, read } in answers() {
        assert_eq!(read(&with_new_fields(&value)), read(&value), "{name}");
    }
}

#[test]
fn snapshot_of_a_newer_server_has_shield_number_and_countdown() {
    let whole = eventful();
    let mut all = with_a_new_word(&whole);
    all.push(("/*".into(), with_new_fields(&whole)));
    for (place, newer) in all {
        let home: HomeAnswer = serde_json::from_value(newer).unwrap();
        assert_eq!(no_shield(&home.sos.dashboard), None, "{place}");
        let number = home.home.address.as_ref().unwrap().emergency_number();
        // Only the word for the country itself changes the number.
        let is_country = place == "/home/address/country";
        assert_eq!(number, if is_country { "112" } else { "911" }, "{place}");
        let incident = home.incident.unwrap();
        assert_eq!(shown(&incident, false, true), Some(Screen::Countdown), "{place}");
    }
}

/// A countdown that cannot be cancelled any more at a stage that the app does not know.
#[test]
fn unknown_stage_shows_the_number_first_and_no_end() {
    let mut incident = countdown();
    incident["state"] = WORD.into();
    incident["cancel"] = json!({"allowed": false, "how": WORD, "center_phone": null});
    let incident: Incident = serde_json::from_value(incident).unwrap();
    assert!(!incident.state.is_over());
    assert_eq!(shown(&incident, false, false), Some(Screen::Running));
    assert_eq!(running_title(&incident, "911"), "This page cannot show what happens now. Call 911");
}

fn incident(changes: Value) -> Incident {
    let mut incident = closed();
    for (place, value) in changes.as_object().unwrap() {
        *incident.pointer_mut(place).unwrap() = value.clone();
    }
    serde_json::from_value(incident).unwrap()
}

#[test]
fn unknown_end_is_said_neither_to_be_good_nor_bad() {
    let closed = incident(json!({"/outcome/disposition": WORD}));
    assert_eq!(
        ended(&closed, "14:03"),
        ("This was closed. Load again to see how.".into(), "Closed at 14:03".into())
    );
    assert_eq!(ended_icon(&closed), "warning", "so the screen has the number to call");
    assert_eq!(summary(&closed), "Police, load again to see more");
    let drill = incident(json!({"/outcome/disposition": WORD, "/mode": "drill", "/unready": []}));
    assert_eq!(ended(&drill, "14:03").0, "The drill was ended.");
    let told = result(&drill);
    assert_eq!(
        (told.title.as_str(), told.verdict),
        ("Load again to see how it went", Verdict::Doubtful)
    );
}

#[test]
fn unknown_mode_is_never_taken_for_a_drill() {
    let new = incident(json!({"/mode": WORD, "/state": "dispatching"}));
    assert_eq!(banner(&new, "911"), ("Help has been requested".into(), "told"));
    assert!(Filter::Real.lets(&new) && !Filter::Drills.lets(&new));
}

#[test]
fn unknown_words_of_calls_and_services_claim_nothing() {
    let call = |changes| call_word(&incident(changes).calls[0]);
    assert_eq!(call(json!({"/calls/0/outcome": WORD})), "Ended");
    assert_eq!(call(json!({"/calls/0/state": WORD})), "Load again to see this");
    let ringing = incident(json!({"/calls/0/state": "ringing", "/calls/0/purpose": WORD}));
    assert_eq!(call_detail(call_now(&ringing).unwrap(), 7), "Ringing for 7 s.");
    let new = incident(
        json!({"/services/0": WORD, "/dispatches/0/state": WORD, "/state": "dispatching"}),
    );
    assert_eq!(running_detail(&new), "Other help, to 14 Maple Street. Nobody has confirmed yet.");
    assert_eq!(dispatch_word(new.dispatches[0].state), "Load again to see this");
    assert!(!is_nobody_told(&Incident { connected: false, ..new }), "it may be on its way");
    let kind = incident(json!({"/kind": WORD, "/services": [], "/state": "counting_down"}));
    assert_eq!(countdown_title(&kind), "Requesting other help");
}

#[test]
fn unknown_check_is_said_in_the_words_of_the_server() {
    let said = |detail: &str| {
        let new = json!({"what": WORD, "ok": false, "at": TIME, "detail": detail});
        check(&serde_json::from_value::<Check>(new).unwrap())
    };
    assert_eq!(said("The cellar is flooded"), "The cellar is flooded");
    assert_eq!(said(""), "Something else needs a look");
    let drill = incident(json!({"/mode": "drill", "/unready": [WORD]}));
    assert_eq!(result(&drill).verdict, Verdict::Failed, "it is known that something was missing");
}

#[test]
fn unknown_reason_without_a_shield_says_so() {
    let answer = |changes: Value| serde_json::from_value::<Availability>(changes).unwrap();
    let none = no_shield(&answer(json!({"available": false, "reason": WORD})));
    assert_eq!(none, Some(Heard::Unknown));
    assert_eq!(why_not(none.unwrap()), Word::WhyNew);
    assert_eq!(no_shield(&answer(json!({"available": true, "via": [WORD]}))), None);
}

#[test]
fn unknown_silent_alarm_keeps_the_console_from_calling_the_home() {
    let mut queue = queue();
    queue["cases"][0]["quiet"] = WORD.into();
    let queue: Queue = serde_json::from_value(queue).unwrap();
    let note = quiet_note(queue.items[0].quiet.unwrap()).english();
    assert!(note.contains("Do not call the home."), "{note}");
}

#[test]
fn page_of_a_contact_rings_for_a_newer_server() {
    let mut all = with_a_new_word(&phone());
    all.push(("/*".into(), with_new_fields(&phone())));
    for (place, newer) in all {
        let phone: Phone = serde_json::from_value(newer).unwrap();
        assert!(phone.call.is_some_and(|call| rings(&call)), "{place}");
    }
}

/// Requests are read strictly: what the server does not know, it must not guess.
#[test]
fn request_with_an_unknown_word_is_refused() {
    let raise = json!({
        "id": ID, "request": "police", "mode": "live", "source": {"surface": "dashboard"}, "sent_at": TIME
    });
    let refused = |place: &str| {
        let mut raise = raise.clone();
        *raise.pointer_mut(place).unwrap() = WORD.into();
        serde_json::from_value::<buckler::api::incident::Raise>(raise).is_err()
    };
    for place in ["/request", "/mode", "/source/surface"] {
        assert!(refused(place), "{place}");
    }
}
