//! The app reads what the server writes, and loses nothing of it.

use buckler::{
    api::{
        home::HomeAnswer, household::Household, incident::Incident, phone::Phone, problem::Problem,
    },
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

#[wasm_bindgen_test]
fn what_is_not_understood_is_left_out() {
    assert_eq!(json::parse::<Problem>("{\"type\":1}"), None);
}
