//! I10 and R22: acknowledged incidents exist after a restart, and happen once.

use super::{Op, Person, Server, phone::answered, until, whats};
use buckler::server::store::Session;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;

/// F4.
#[tokio::test]
async fn restart_in_the_countdown_changes_nothing() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    let server = server.restart_after(Duration::ZERO).await;
    let owner = server.sign_in("owner").await;
    let again = owner.look(&incident).await;
    assert_eq!(
        (&again["state"], &again["deadline"]),
        (&json!("counting_down"), &incident["deadline"])
    );
    let sent = owner.until_state(&incident, "verifying").await;
    assert_eq!(whats(&sent).iter().filter(|w| **w == "call_placed").count(), 1);
}

/// F19.
#[tokio::test]
async fn server_down_across_d_acts_at_once_and_says_how_late() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "fire", json!({})).await.1;
    let server = server.restart_after(Duration::from_secs(7)).await;
    let owner = server.sign_in("owner").await;
    let told = owner.look(&incident).await;
    assert_eq!(told["state"], "verifying");
    assert!(
        told["timeline"][1]["text"].as_str().unwrap().contains("late because the server was down"),
        "I16"
    );
}

/// F11.
#[tokio::test]
async fn effect_that_was_carried_out_is_not_carried_out_again() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let confirmed =
        |i: &serde_json::Value| whats(i).iter().filter(|w| **w == "siren_confirmed").count();
    until("five sirens", || async {
        Some(owner.look(&incident).await).filter(|i| confirmed(i) == 5)
    })
    .await;
    until("an empty outbox", || async {
        (server.app.engine.view().under_way().0 == 0).then_some(())
    })
    .await;
    let server = server.restart_after(Duration::ZERO).await;
    let owner = server.sign_in("owner").await;
    let home = owner.get("/api/v1/homes/maple-street").await.1;
    assert_eq!(home["devices"][0]["siren"], "sounding", "what sounded sounds on");
    let told = owner.look(&incident).await;
    assert_eq!((confirmed(&told), &told["state"]), (5, &json!("verifying")));
}

/// I15.
#[tokio::test]
async fn fold_of_what_is_stored_is_what_was_told() {
    let server = Server::start("1s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("lake-cabin", "medical", json!({})).await.1;
    let before = owner.until_state(&incident, "dispatching").await;
    let stored = server
        .app
        .reads
        .incident(incident["id"].as_str().unwrap().parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let current = buckler::server::engine::Current::load(stored).unwrap();
    let told = serde_json::to_value(server.app.snapshots.present_incident(&current)).unwrap();
    let seqs = before["timeline"].as_array().unwrap().len();
    assert_eq!(
        told["timeline"].as_array().unwrap()[..seqs],
        before["timeline"].as_array().unwrap()[..]
    );
}

/// F20, R22.
#[tokio::test]
async fn late_incident_waits_for_somebody_who_may_request_help() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let needed = owner.raise("maple-street", "police", json!({})).await.1;
    let over = owner.raise("lake-cabin", "medical", json!({})).await.1;
    let server = server.restart_as_if_after(Duration::from_secs(20 * 60)).await;
    let (owner, guest, shared) = (
        server.sign_in("owner").await,
        server.sign_in("guest").await,
        server.sign_in("shared").await,
    );
    let review = |incident: &serde_json::Value| {
        format!("/api/v1/incidents/{}/review", incident["id"].as_str().unwrap())
    };
    assert_eq!(owner.look(&needed).await["state"], "under_review");
    assert_eq!(
        guest.post(&review(&needed), &json!({"decision": "close"})).await.1["code"],
        "not_allowed"
    );
    let long = json!({"decision": "close", "note": "x".repeat(501)});
    assert_eq!(owner.post(&review(&needed), &long).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    // A restricted device cannot send an incident.
    let (restricted, account, now) =
        (server.sign_in("shared").await, "shared".parse().unwrap(), server.app.clock.now());
    let sessions = server.app.reads.sessions(&account, now).await.unwrap();
    let session = sessions.into_iter().max_by_key(|s| s.created_at).unwrap();
    server.apply(Op::EndSession(account, session.token)).await;
    server
        .apply(Op::PutSession(Session {
            restricted_until: now + Duration::from_secs(3_600),
            ..session
        }))
        .await;
    assert_eq!(
        restricted.post(&review(&needed), &json!({"decision": "proceed"})).await.1["reason"],
        "device_held"
    );
    assert_eq!(owner.look(&needed).await["state"], "under_review", "nothing was decided");

    let (status, told) = shared.post(&review(&needed), &json!({"decision": "proceed"})).await;
    assert_eq!((status, whats(&told).contains(&"reviewed")), (StatusCode::OK, true));
    let dispatched = owner.until_state(&needed, "dispatching").await;
    assert_eq!(whats(&dispatched).iter().filter(|w| **w == "call_placed").count(), 1);
    assert!(!whats(&dispatched).contains(&"siren_confirmed"), "so late nothing sounds");
    assert_eq!(
        owner.post(&review(&needed), &json!({"decision": "close"})).await.0,
        StatusCode::CONFLICT,
        "it was decided"
    );

    let told = owner
        .post(&review(&over), &json!({"decision": "close", "note": "Grandmother is well"}))
        .await
        .1;
    assert_eq!(
        (&told["state"], whats(&told).contains(&"dispatch_requested")),
        (&json!("closed"), false)
    );
    assert!(told["timeline"].to_string().contains("Grandmother is well"));
}

/// I22. A command that was left, although the OFF that ended it was completed.
#[tokio::test]
async fn siren_of_an_ended_incident_stays_quiet_at_the_start() {
    const LEFT: &str = r#"INSERT INTO outbox SELECT id || '/1/siren_on',
        '{"home":"maple-street","mode":"live","not_after":null,"kind":"siren_on","device":"base","until":"2099-01-01T00:00:00.000Z"}' FROM incident;"#;
    const LEFT_OVER: &str = r#"INSERT INTO outbox SELECT id || '/1/siren_on',
        '{"home":"maple-street","mode":"live","not_after":null,"kind":"siren_on","device":"base","until":"2099-01-01T00:00:00.000Z"}' FROM incident;
        UPDATE incident SET running = NULL;"#;
    for left in [LEFT, LEFT_OVER] {
        let server = Server::start("30s").await;
        let owner = server.sign_in("owner").await;
        let siren = async |person: &Person| {
            let home = person.get("/api/v1/homes/maple-street").await.1;
            let devices = home["devices"].as_array().unwrap().iter();
            let base = devices.filter(|device| device["id"] == "base");
            base.map(|device| device["siren"].clone()).next().unwrap()
        };
        let incident = owner.raise("maple-street", "police", json!({})).await.1;
        owner.act(&incident, "send-now").await;
        until("it sounds", async || (siren(&owner).await == "sounding").then_some(())).await;
        owner.act(&incident, "silence").await;
        until("quiet", async || (siren(&owner).await == "silent").then_some(())).await;
        let server = server.restart_after_sql(left).await;
        let owner = server.sign_in("owner").await;
        until("an empty outbox", async || {
            (server.app.engine.view().under_way().0 == 0).then_some(())
        })
        .await;
        assert_eq!(siren(&owner).await, "silent");
    }
}

/// R15: Sister calls it off, and the server restarts before the home asks again.
#[tokio::test]
async fn call_off_is_remembered_across_a_restart() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (incident, contact, call) = answered(&server, &owner, "maple-street").await;
    let said = json!({"verbal_password": "blue heron"});
    assert_eq!(contact.post(&format!("{call}/cancel"), &said).await.0, StatusCode::ACCEPTED);
    assert_eq!(owner.look(&incident).await["state"], "cancelled");
    let server = server.restart_after(Duration::ZERO).await;
    let owner = server.sign_in("owner").await;
    let again = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&again, "send-now").await;
    let sent = owner.until_state(&again, "dispatching").await;
    let first =
        whats(&sent).into_iter().find(|what| ["call_placed", "dispatch_requested"].contains(what));
    assert_eq!(first, Some("dispatch_requested"), "nobody is asked first");
}
