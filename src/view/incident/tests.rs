//! The texts of the incident screens.

use super::*;
use crate::domain::time::Timestamp;

fn incident(state: &str, services: &[&str]) -> Incident {
    let json = serde_json::json!({
        "id": "00000000-0000-0000-0000-000000000001", "home": "h", "kind": if services.is_empty() { "siren" } else { "sos" },
        "services": services, "mode": "live", "state": state, "joined": false, "source": {"surface": "dashboard"},
        "started_by": {"id": "a", "name": "Ada"}, "started_at": Timestamp::default(), "deadline": Timestamp::default(),
        "countdown_ms": 5000, "server_time": Timestamp::default(),
        "address": {"line1": "14 Maple Street", "line2": null, "city": "c", "region": "r", "postal_code": "p", "country": "US"},
        "siren": {"state": "silent", "until": null, "devices": [], "confirmed": []}, "calls": [], "dispatches": [],
        "cancel": {"allowed": false, "how": "nothing", "center_phone": null}, "timeline": [], "outcome": null
    });
    serde_json::from_value(json).unwrap()
}

#[test]
fn the_countdown_says_what_where_and_when() {
    let one = incident("counting_down", &["police", "medical"]);
    assert_eq!(countdown_name(&one, 5), "Requesting police and medical help in 5 seconds");
    assert_eq!(countdown_detail(&one, 1), "To 14 Maple Street in 1 second");
    assert_eq!(
        countdown_name(&incident("counting_down", &[]), 5),
        "Sounding the siren in 5 seconds"
    );
}

/// R14.
#[test]
fn heading_claims_only_what_is_recorded() {
    let title = |state, services: &[&str]| running_title(&incident(state, services), "911");
    assert_eq!(title("verifying", &["police"]), "Help has been requested");
    assert_eq!(title("under_review", &["police"]), "It is not known what was sent");
    let nothing = Incident { nothing_left: true, ..incident("under_review", &["police"]) };
    assert_eq!(running_title(&nothing, "911"), "Nothing was sent yet");
    assert_eq!(title("siren_sounding", &[]), "Sirens were asked to sound");
}

/// R14, I27: a server that is connected to nobody.
#[test]
fn heading_says_that_nobody_has_been_told() {
    let alone =
        |state, services: &[&str]| Incident { connected: false, ..incident(state, services) };
    for state in ["verifying", "dispatching"] {
        let told = alone(state, &["police"]);
        assert_eq!(running_title(&told, "911"), "Nobody has been told. Call 911");
        assert_eq!(
            (running_icon(&told), running_detail(&told).as_str()),
            ("warning", "Say: police, 14 Maple Street, c.")
        );
        assert_eq!(bare_title(&told, "112"), "Nobody has been told. Call 112");
    }
    assert_eq!(
        running_title(&alone("siren_sounding", &[]), "911"),
        "Sirens were asked to sound",
        "sirens need nobody"
    );
    let mut heard = alone("dispatching", &["police"]);
    heard.calls = serde_json::from_value(serde_json::json!([{
        "id": null, "contact": "sister", "name": "Sister", "order": 1, "purpose": "verify", "state": "ended", "placed_at": null, "outcome": "confirmed"
    }]))
    .unwrap();
    assert_eq!(
        running_title(&heard, "911"),
        "No responders have been told. Call 911",
        "somebody knows, and can send nobody"
    );
    heard.dispatches = serde_json::from_value(serde_json::json!([{
        "service": "police", "state": "accepted", "reference": null, "at": Timestamp::default()
    }]))
    .unwrap();
    assert_eq!(
        running_title(&heard, "911"),
        "Help has been requested",
        "what was accepted was told"
    );
    let mut closed = alone("closed", &["police"]);
    closed.outcome = serde_json::from_value(serde_json::json!({
        "state": "closed", "disposition": "nobody_connected", "by": {"id": "", "name": "Buckler"}, "at": Timestamp::default()
    }))
    .unwrap();
    assert_eq!(ended(&closed, "14:03").0, "Nobody was told by this button.");
    assert_eq!(
        (ended_icon(&closed), summary(&closed).as_str()),
        ("warning", "Police, nobody was told")
    );
}

#[test]
fn screen_that_runs_can_be_left_and_covers_no_console() {
    let all = ["counting_down", "verifying", "under_review", "closed"];
    let of =
        |left, at_center| all.map(|state| shown(&incident(state, &["police"]), left, at_center));
    let [countdown, running, banner, ended] =
        [Screen::Countdown, Screen::Running, Screen::Banner, Screen::Ended].map(Some);
    assert_eq!(of(false, false), [countdown, running, running, ended]);
    assert_eq!(of(true, false), [countdown, banner, banner, ended]);
    assert_eq!(of(false, true), [countdown, banner, banner, None]);
}

/// R23.
#[test]
fn dashboard_claims_nothing_of_now_without_a_connection() {
    assert_eq!(readiness(true, true, true).0, Word::Ready);
    assert_eq!(readiness(true, true, false), (Word::NotConnected, "warning", false));
    assert_eq!(readiness(false, true, false).0, Word::WhyTitle);
}

/// I22, I27. A siren that stopped is not among those that confirmed.
#[test]
fn siren_is_said_to_sound_only_while_it_has_confirmed() {
    let mut asked = incident("dispatching", &["police"]);
    assert_eq!(sirens_now(&asked), None);
    let said = |incident: &mut Incident, confirmed: &[&str]| {
        incident.siren = serde_json::from_value(serde_json::json!({
            "state": "sounding", "until": null, "devices": ["base", "hall"], "confirmed": confirmed
        }))
        .unwrap();
        sirens_now(incident).unwrap()
    };
    assert_eq!(said(&mut asked, &[]), "No siren has confirmed that it sounds.");
    assert_eq!(said(&mut asked, &["base"]), "Sirens that sound: 1 of 2.");
}

/// R11.
#[test]
fn abort_says_that_nothing_was_sent() {
    assert_eq!(ended(&incident("aborted", &["fire"]), "14:03").0, "Cancelled. Nothing was sent.");
    assert_eq!(screen(&incident("aborted", &["fire"])), Screen::Ended);
}

#[test]
fn without_its_details_a_screen_claims_no_more() {
    assert_eq!(bare_title(&incident("verifying", &["police"]), "911"), "Help has been requested");
    assert_eq!(bare_title(&incident("aborted", &["police"]), "911"), "Police, cancelled in time");
}

/// R15: an answer to that call cancels nothing once help was requested.
#[test]
fn call_to_a_former_first_contact_is_not_the_call_to_wait_for() {
    let mut told = incident("dispatching", &["police"]);
    let calls = |beside: bool| {
        serde_json::from_value(serde_json::json!([{
            "id": null, "contact": "sister", "name": "Sister", "order": 0, "purpose": "verify", "state": "ringing", "placed_at": null, "outcome": null, "beside": beside
        }]))
        .unwrap()
    };
    told.calls = calls(true);
    assert_eq!(call_now(&told), None);
    told.calls = calls(false);
    assert!(call_now(&told).is_some());
}
