//! R21 and I18: a drill stays a drill, and a live request has priority.

use super::Server;
use reqwest::StatusCode;
use serde_json::json;

/// R21.
#[tokio::test]
async fn live_request_ends_the_drill_at_once_and_begins() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let drill =
        owner.raise("maple-street", "police", json!({"mode": "drill", "sirens": true})).await.1;
    assert_eq!((&drill["mode"], &drill["state"]), (&json!("drill"), &json!("counting_down")));
    owner.act(&drill, "send-now").await;
    let (status, live) = owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(
        (status, &live["mode"], &live["state"]),
        (StatusCode::CREATED, &json!("live"), &json!("counting_down"))
    );
    let ended = owner.look(&drill).await;
    assert_eq!(
        (&ended["state"], &ended["outcome"]["disposition"]),
        (&json!("closed"), &json!("replaced_by_live"))
    );
    assert_eq!(ended["siren"]["state"], "ended");
    assert_eq!(owner.get("/api/v1/homes/maple-street").await.1["incident"]["id"], live["id"]);
}

#[tokio::test]
async fn a_drill_cannot_start_while_it_is_serious() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    owner.raise("maple-street", "medical", json!({})).await;
    let (status, problem) = owner.raise("maple-street", "police", json!({"mode": "drill"})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("live_incident_running")));
}

/// R21.
#[tokio::test]
async fn silent_drill_sounds_nothing_and_says_so_on_the_phone() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let drill = owner.raise("maple-street", "police", json!({"mode": "drill"})).await.1;
    let running = owner.act(&drill, "send-now").await.1;
    assert_eq!(running["siren"]["state"], "silent");
    let phone = owner.phone_of("maple-street", 0).await;
    assert_eq!(server.stranger().get(&phone).await.1["call"]["drill"], true);
}
