//! What members of a home may request, and what results.

use super::{Server, whats};
use buckler::domain::time::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn signing_in_opens_ones_own_homes_and_nothing_else() {
    let server = Server::start("30s").await;
    let stranger = server.stranger();
    assert_eq!(stranger.get("/api/v1/me").await.1["code"], "not_signed_in");
    let wrong = json!({"email": "owner@demo.test", "password": "wrong"});
    assert_eq!(stranger.post("/api/v1/session", &wrong).await.1["code"], "not_signed_in");
    let owner = server.sign_in("owner").await;
    let me = owner.get("/api/v1/me").await.1;
    assert_eq!((&me["user"]["name"], me["homes"].as_array().unwrap().len()), (&json!("Olivia"), 4));
    let operator = server.sign_in("operator").await;
    for path in [
        "/api/v1/homes/maple-street",
        "/api/v1/homes/no-such-home",
        "/api/v1/homes/maple-street/incidents",
    ] {
        assert_eq!(operator.get(path).await.1["code"], "not_found", "I21: {path}");
    }
}

#[tokio::test]
async fn too_many_wrong_passwords_are_stopped() {
    let server = Server::start("30s").await;
    let stranger = server.stranger();
    let wrong = json!({"email": "guest@demo.test", "password": "wrong"});
    for _ in 0..10 {
        assert_eq!(stranger.post("/api/v1/session", &wrong).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(stranger.post("/api/v1/session", &wrong).await.1["code"], "too_many_attempts");
    server.sign_in("owner").await;
}

/// R3, F36.
#[tokio::test]
async fn api_refuses_what_the_screen_does_not_offer() {
    let server = Server::start("30s").await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let from = |camera: &str| json!({"source": {"surface": "live_view", "camera": camera}});
    let dashboard = json!({});
    let cases = [
        (&owner, "harbor-loft", "police", dashboard.clone(), "professional_monitoring_required"),
        (&owner, "harbor-loft", "siren", dashboard.clone(), "professional_monitoring_required"),
        (&owner, "garden-flat", "medical", dashboard.clone(), "enrolment_required"),
        (&owner, "garden-flat", "police", from("gate"), "enrolment_required"),
        (&owner, "maple-street", "police", from("hallway"), "camera_not_compatible"),
        (&owner, "maple-street", "police", from("nowhere"), "camera_not_compatible"),
        (&owner, "lake-cabin", "siren", dashboard.clone(), "no_base_station_or_enrolled_camera"),
        (&guest, "maple-street", "police", dashboard, "not_permitted"),
    ];
    for (who, home, request, more, reason) in cases {
        let (status, problem) = who.raise(home, request, more).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(
            (&problem["code"], &problem["reason"]),
            (&json!("sos_not_available"), &json!(reason)),
            "{home} {request}"
        );
    }
    for home in ["harbor-loft", "garden-flat", "lake-cabin", "maple-street"] {
        assert_eq!(
            owner.get(&format!("/api/v1/homes/{home}/incidents")).await.1,
            json!([]),
            "nothing was stored"
        );
    }
}

/// F2, F8.
#[tokio::test]
async fn same_request_again_is_the_same_incident() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (status, first) = owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(
        (status, &first["state"], &first["joined"]),
        (StatusCode::CREATED, &json!("counting_down"), &json!(false))
    );
    let (status, again) = owner.raise("maple-street", "police", json!({"id": first["id"]})).await;
    assert_eq!(
        (status, &again["deadline"], &again["id"]),
        (StatusCode::OK, &first["deadline"], &first["id"])
    );
    let (status, other_tab) = owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(
        (status, &other_tab["id"], &other_tab["joined"]),
        (StatusCode::OK, &first["id"], &json!(true))
    );
    let list = owner.get("/api/v1/homes/maple-street/incidents").await.1;
    assert_eq!(list.as_array().unwrap().len(), 1);
    owner.act(&first, "cancel").await;
    let (status, late) = owner.raise("maple-street", "police", json!({"id": first["id"]})).await;
    assert_eq!(
        (status, &late["state"]),
        (StatusCode::OK, &json!("aborted")),
        "a late repetition raises nothing new"
    );
}

/// F8.
#[tokio::test]
async fn requests_at_the_same_moment_are_one_incident() {
    let server = Server::start("30s").await;
    let (owner, shared) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let requests = ["police", "fire", "medical", "police", "siren", "police"];
    let raised = requests.map(|request| {
        let who = if request == "fire" { shared.clone() } else { owner.clone() };
        tokio::spawn(async move { who.raise("maple-street", request, json!({})).await })
    });
    let mut ids = std::collections::BTreeSet::new();
    let mut created = 0;
    for task in raised {
        let (status, incident) = task.await.unwrap();
        created += usize::from(status == StatusCode::CREATED);
        ids.insert(incident["id"].as_str().unwrap().to_owned());
    }
    assert_eq!((ids.len(), created), (1, 1), "I11");
}

/// F10.
#[tokio::test]
async fn id_cannot_be_used_for_something_else() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let first = owner.raise("maple-street", "police", json!({})).await.1;
    for (home, request) in [("maple-street", "fire"), ("lake-cabin", "police")] {
        let (status, problem) = owner.raise(home, request, json!({"id": first["id"]})).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("id_reused")));
    }
    assert_eq!(
        owner.look(&first).await["services"],
        json!(["police"]),
        "the original is untouched"
    );
}

/// F5.
#[tokio::test]
async fn old_tap_is_asked_about_and_never_sent() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (status, problem) =
        owner.raise("maple-street", "police", json!({"sent_at": "2026-01-01T00:00:00.000Z"})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("stale_request")));
    assert_eq!(owner.get("/api/v1/homes/maple-street").await.1["incident"], json!(null));
}

/// F2, F5: the answer was lost, and the retry arrives more than a minute after the tap.
#[tokio::test]
async fn retry_of_a_stored_request_finds_its_incident_later() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let tapped = owner.server_time().await;
    let tap = |id: &Value| json!({"id": id, "sent_at": tapped});
    let id = json!("0198f3a5-0000-7000-8000-000000000001");
    assert_eq!(owner.raise("maple-street", "police", tap(&id)).await.0, StatusCode::CREATED);
    let clock = &server.app.clock;
    clock.tie(clock.now() + Duration::from_secs(61));
    let (status, again) = owner.raise("maple-street", "police", tap(&id)).await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &id));
    let other = json!("0198f3a5-0000-7000-8000-000000000002");
    let (status, problem) = owner.raise("maple-street", "fire", tap(&other)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("stale_request")));
    assert_eq!(owner.look(&again).await["services"], json!(["police"]), "it joined nothing");
}

/// F5, F18.
#[tokio::test]
async fn wrong_clock_is_told_the_time_and_can_send_with_it() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let now = server.app.clock.now();
    let slow = json!({"sent_at": now - Duration::from_secs(90)});
    let (status, problem) = owner.raise("maple-street", "police", slow).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("stale_request")));
    let told: Timestamp = serde_json::from_value(problem["server_time"].clone()).unwrap();
    assert!(told >= now && told <= server.app.clock.now());
    let right = json!({"sent_at": told});
    assert_eq!(owner.raise("maple-street", "police", right).await.0, StatusCode::CREATED);
    let fast = json!({"sent_at": now + Duration::from_secs(90)});
    let (status, _) = owner.raise("lake-cabin", "medical", fast).await;
    assert_eq!(status, StatusCode::CREATED, "a fast clock keeps nobody from calling for help");
}

/// R10, R18.
#[tokio::test]
async fn cancel_works_before_d_and_is_refused_afterward() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let first = owner.raise("maple-street", "fire", json!({})).await.1;
    let aborted = owner.act(&first, "cancel").await.1;
    assert_eq!(
        (&aborted["state"], &aborted["services"]),
        (&json!("aborted"), &json!(["fire"])),
        "what was asked stays on the record"
    );
    assert_eq!(owner.act(&first, "cancel").await.0, StatusCode::OK, "idempotent");
    assert_eq!(owner.act(&first, "send-now").await.1["code"], "incident_over");
    let second = owner.raise("maple-street", "fire", json!({})).await.1;
    let sent = owner.act(&second, "send-now").await.1;
    assert_eq!(
        (&sent["state"], &sent["cancel"]["how"]),
        (&json!("verifying"), &json!("answer_first_call"))
    );
    let (status, problem) = owner.act(&second, "cancel").await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("cancel_window_closed")));
    let told = owner.look(&second).await;
    assert!(whats(&told).contains(&"cancel_refused"));
    let silenced = owner.act(&second, "silence").await.1;
    assert_eq!(
        (&silenced["siren"]["state"], &silenced["state"]),
        (&json!("silenced"), &json!("verifying"))
    );
}

/// R6.
#[tokio::test]
async fn guest_can_look_but_not_steer() {
    let server = Server::start("30s").await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    assert_eq!(guest.look(&incident).await["state"], "counting_down");
    for action in ["cancel", "send-now", "silence"] {
        assert_eq!(guest.act(&incident, action).await.1["code"], "not_allowed");
    }
    let operator = server.sign_in("operator").await;
    assert_eq!(operator.look(&incident).await["code"], "not_found", "I21");
    assert_eq!(operator.act(&incident, "cancel").await.1["code"], "not_found", "I21");
    assert_eq!(owner.look(&incident).await["state"], "counting_down");
}

#[tokio::test]
async fn the_whole_way_from_slide_to_closed_is_told_in_order() {
    let server = Server::start("1s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner
        .raise(
            "maple-street",
            "police",
            json!({"source": {"surface": "live_view", "camera": "front-door"}}),
        )
        .await
        .1;
    let closed = owner.until_state(&incident, "dispatching").await;
    assert_eq!(closed["calls"][0]["outcome"], "no_answer");
    let confirmed = super::until("five sirens", || async {
        Some(owner.look(&incident).await)
            .filter(|i| whats(i).iter().filter(|w| **w == "siren_confirmed").count() == 5)
    })
    .await;
    assert_eq!(&whats(&confirmed)[..4], ["started", "countdown_over", "siren_on", "call_placed"]);
    assert_eq!(confirmed["timeline"][0]["text"], "Police requested from Front Door");
    let home = server.app.homes.get(&"maple-street".parse().unwrap()).unwrap();
    let devices = server.app.simulated.as_ref().unwrap();
    for device in ["base", "hall-keypad", "bedroom-keypad", "front-door", "driveway"] {
        assert_eq!(devices.times_sounded(&home.id, &device.parse().unwrap()), 1, "I12: {device}");
    }
    super::until("accepted", || async {
        Some(owner.look(&incident).await).filter(|i| i["dispatches"][0]["state"] == "accepted")
    })
    .await;
}

/// R23.
#[tokio::test]
async fn home_says_whether_an_sos_would_work_now() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let ready = async |home: &str| {
        owner.get(&format!("/api/v1/homes/{home}")).await.1["sos"]["ready"].clone()
    };
    let maple = ready("maple-street").await;
    let whats: Vec<_> =
        maple["checks"].as_array().unwrap().iter().map(|c| c["what"].as_str().unwrap()).collect();
    assert_eq!(
        (&maple["ok"], &whats[..]),
        (&json!(true), &["center", "base_station", "contacts", "ring", "address"][..])
    );
    assert!(maple["checks"][0]["at"].is_string(), "with the age of the proof");
    let flat = ready("garden-flat").await;
    assert_eq!(
        (&flat["ok"], &flat["checks"][1]["detail"]),
        (&json!(false), &json!("No contact is ready"))
    );
}

#[tokio::test]
async fn nothing_below_the_api_is_kept_by_a_cache() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    for path in [
        "/api/v1/me",
        "/api/v1/homes/maple-street",
        "/api/v1/homes/maple-street/events",
        "/api/v1/homes/nowhere",
    ] {
        let answer = owner.client.get(format!("{}{path}", owner.base)).send().await.unwrap();
        let expected =
            if path.ends_with("/events") { "no-store, no-transform" } else { "no-store" };
        assert_eq!(answer.headers()["cache-control"], expected, "{path}");
    }
}

#[tokio::test]
async fn the_document_names_every_route() {
    let server = Server::start("30s").await;
    let (status, document) = server.stranger().get("/api/openapi.json").await;
    assert_eq!(
        (status, document["openapi"].as_str().unwrap().starts_with("3.1")),
        (StatusCode::OK, true)
    );
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(paths.len(), 90, "{paths:#?}");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap();
            assert!(
                answers.keys().any(|status| status.starts_with('2') || status == "101"),
                "{verb} {path}"
            );
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let in_path =
                    path.contains(&format!("{{{}}}", parameter["name"].as_str().unwrap()));
                assert_eq!(parameter["in"] == "path", in_path, "{verb} {path}: {parameter}");
            }
        }
    }
}

/// The places at which an older document has something that the new one lacks. The new one may add,
/// but must keep each path, answer, field and value, and must not require more.
fn lost(old: &Value, new: &Value, place: &str, all: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                match new.get(key) {
                    Some(other) => lost(value, other, &format!("{place}/{key}"), all),
                    None => all.push(format!("{place}/{key} is gone")),
                }
            }
            if new.contains_key("required") && !old.contains_key("required") {
                all.push(format!("{place} requires more"));
            }
        }
        (Value::Array(old), Value::Array(new)) if place.ends_with("/parameters") => {
            for parameter in old {
                let same = new.iter().find(|other| {
                    other["name"] == parameter["name"] && other["in"] == parameter["in"]
                });
                lost(
                    parameter,
                    same.unwrap_or(&Value::Null),
                    &format!("{place}/{}", parameter["name"]),
                    all,
                );
            }
            let is_new =
                |other: &&Value| !old.iter().any(|parameter| parameter["name"] == other["name"]);
            all.extend(
                new.iter()
                    .filter(is_new)
                    .filter(|other| other["required"] == true)
                    .map(|other| format!("{place} requires {other}")),
            );
        }
        (Value::Array(old), Value::Array(new)) => {
            let is_kept = |value: &Value| {
                new.iter().any(|other| {
                    let mut lost_of_it = Vec::new();
                    lost(value, other, "", &mut lost_of_it);
                    lost_of_it.is_empty()
                })
            };
            all.extend(
                old.iter()
                    .filter(|value| !is_kept(value))
                    .map(|value| format!("{place} has lost {value}")),
            );
            if place.ends_with("/required") && new.len() > old.len() {
                all.push(format!("{place} requires more"));
            }
        }
        _ if old == new => {}
        _ => all.push(format!("{place} was {old} and is {new}")),
    }
}

/// The older document is stored without its texts and refusals.
#[tokio::test]
async fn the_document_only_grows() {
    let old: Value = serde_json::from_str(include_str!("../../fixtures/api.json")).unwrap();
    let server = Server::start("30s").await;
    let new = server.stranger().get("/api/openapi.json").await.1;
    let mut all = Vec::new();
    lost(&old, &new, "", &mut all);
    all.retain(|lost| {
        // The older document listed the answer of another route, which this one never gave.
        !lost.starts_with("/paths//api/v1/center/incidents/{id}/call/post/responses/200/")
            // A request may now leave it out.
            && !lost.starts_with("/components/schemas/EditPassword/required has lost \"current\"")
            && !lost.starts_with("/components/schemas/EditPassword/properties/current/type ")
    });
    assert!(all.is_empty(), "{all:#?}");
}

#[tokio::test]
async fn the_service_says_that_it_lives_and_is_ready() {
    let server = Server::start("30s").await;
    let stranger = server.stranger();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(stranger.get(path).await.0, StatusCode::OK, "{path}");
    }
    assert_eq!(stranger.get("/api/v1/nothing").await.1["code"], "not_found");
}

/// F37.
#[tokio::test]
async fn signed_out_person_stops_nothing_and_begins_nothing() {
    let server = Server::start("1s").await;
    let (owner, shared) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    owner.client.delete(format!("{}/api/v1/session", owner.base)).send().await.unwrap();
    let body = json!({"id": uuid::Uuid::nil(), "request": "fire", "mode": "live", "source": {"surface": "dashboard"}, "sent_at": shared.server_time().await});
    assert_eq!(
        owner.post("/api/v1/homes/maple-street/incidents", &body).await.1["code"],
        "not_signed_in"
    );
    assert_eq!(owner.act(&incident, "silence").await.1["code"], "not_signed_in");
    let ended = shared.until_state(&incident, "dispatching").await;
    assert_eq!(ended["services"], json!(["police"]));
}

/// I23: a household that may end an incident later is told that it is too early, not that it may
/// not do so.
#[tokio::test]
async fn end_before_the_calls_are_over_is_a_conflict() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let (status, problem) = owner.act(&incident, "end").await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("calls_under_way")),
        "{problem}"
    );
}
