//! The app reads what the server writes, and loses nothing of it.

use buckler::{
    api::{
        heard::Heard,
        home::{HomeAnswer, SirenState},
        household::Household,
        incident::Incident,
        phone::Phone,
        problem::Problem,
    },
    domain::{device::DeviceKind, incident::Source},
    web::browser::json,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use wasm_bindgen_test::wasm_bindgen_test;

fn read<T: DeserializeOwned + Serialize>(name: &str, text: &str) -> T {
    let Some(read) = json::parse::<T>(text) else { panic!("{name} cannot be read") };
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&json::text(&read).unwrap()), value(text), "{name}");
    read
}

#[wasm_bindgen_test]
fn the_wire_is_read_as_the_server_writes_it() {
    let home: HomeAnswer = read("home", include_str!("../fixtures/wire/home.json"));
    assert!(home.sos.live_view.get(&"front-door".parse().unwrap()).unwrap().available);
    assert_eq!(home.incident, None);
    read::<Household>("household", include_str!("../fixtures/wire/household.json"));
    read::<Incident>("incident", include_str!("../fixtures/wire/incident.json"));
    let aborted: Incident = read("aborted", include_str!("../fixtures/wire/aborted.json"));
    assert_eq!(aborted.timeline.len(), 2);
    read::<Phone>("phone", include_str!("../fixtures/wire/phone.json"));
    let problem: Problem = read("problem", include_str!("../fixtures/wire/problem.json"));
    assert!(problem.errors[0].fault.is_some());
}

/// The browser's reader goes on after a word or an item that it cannot read.
#[wasm_bindgen_test]
fn snapshot_of_a_newer_server_is_read_without_what_is_new() {
    let mut home: Value = serde_json::from_str(include_str!("../fixtures/wire/home.json")).unwrap();
    home["role"] = "a-new-role".into();
    home["sos"]["ready"]["checks"][0]["what"] = "a-new-check".into();
    home["cameras"][0]["siren"] = "a-new-state".into();
    home["devices"][1] = Value::Array(Vec::new());
    home["devices"][2]["kind"] = "a-new-kind".into();
    let home: HomeAnswer = json::parse(&home.to_string()).unwrap();
    assert_eq!((home.role, home.sos.ready.checks[0].what), (Heard::Unknown, Heard::Unknown));
    assert_eq!((home.cameras.len(), home.cameras[0].siren), (3, SirenState::Other));
    let kinds: Vec<_> = home.devices.iter().map(|device| device.kind).collect();
    assert_eq!(kinds, [DeviceKind::BaseStation.into(), Heard::Unknown]);
    let mut incident: Value =
        serde_json::from_str(include_str!("../fixtures/wire/incident.json")).unwrap();
    incident["source"]["surface"] = "a-new-place".into();
    let incident: Incident = json::parse(&incident.to_string()).unwrap();
    assert_eq!(incident.source, Source::Device);
}

#[wasm_bindgen_test]
fn what_is_not_understood_is_left_out() {
    assert_eq!(json::parse::<Problem>("{\"type\":1}"), None);
}
