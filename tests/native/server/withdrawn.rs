//! I28: a person without an acknowledgment can withdraw the request, whether or not it arrived.

use super::{Person, Server, until, whats};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const HOME: &str = "maple-street";

/// An id of a request that a client generated.
fn id(n: u128) -> String {
    uuid::Uuid::from_u128(0x7b0f_7f0e_7f66_4b8e_9d53_0000_0000_0000 + n).to_string()
}

async fn withdraw_in(home: &str, person: &Person, id: &str) -> (StatusCode, Value) {
    let path = format!("/api/v1/homes/{home}/requests/{id}");
    person.ask(Method::DELETE, &path, &Value::Null).await
}

async fn withdraw(person: &Person, id: &str) -> (StatusCode, Value) {
    withdraw_in(HOME, person, id).await
}

async fn running(person: &Person) -> Value {
    person.get(&format!("/api/v1/homes/{HOME}")).await.1["incident"].clone()
}

#[tokio::test]
async fn withdrawn_request_that_arrives_later_begins_nothing() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let nothing = (StatusCode::OK, json!({}));
    assert_eq!(withdraw(&owner, &id(1)).await, nothing);
    let late = owner.raise(HOME, "police", json!({"id": id(1)})).await;
    assert_eq!((late.0, &late.1["code"]), (StatusCode::CONFLICT, &json!("withdrawn")));
    let server = server.restart_after(Duration::ZERO).await;
    let owner = server.sign_in("owner").await;
    assert_eq!(withdraw(&owner, &id(1)).await, nothing, "it says the same again");
    let late = owner.raise(HOME, "siren", json!({"id": id(1)})).await;
    assert_eq!(late.1["code"], "withdrawn", "also after a restart");
    assert_eq!(running(&owner).await, Value::Null);
    assert_eq!(owner.raise(HOME, "police", json!({"id": id(2)})).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn withdrawal_cancels_what_counts_down() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    owner.raise(HOME, "police", json!({"id": id(1)})).await;
    let (status, told) = withdraw(&owner, &id(1)).await;
    assert_eq!((status, &told["incident"]["state"]), (StatusCode::OK, &json!("aborted")));
    assert_eq!(running(&owner).await, Value::Null);
    let again = owner.raise(HOME, "police", json!({"id": id(1)})).await;
    assert_eq!(again.1["state"], "aborted", "a copy finds its incident, and begins nothing");
    assert_eq!(withdraw(&owner, &id(1)).await.1["incident"]["state"], "aborted");
}

/// I30: the requests of others, and the person's own on another phone.
#[tokio::test]
async fn withdrawal_takes_only_its_own_request() {
    let server = Server::start("30s").await;
    let (owner, shared) = (server.sign_in("owner").await, server.sign_in("shared").await);
    owner.raise(HOME, "police", json!({"id": id(1)})).await;
    let of_another = withdraw(&shared, &id(1)).await;
    assert_eq!(of_another.1["incident"]["state"], "counting_down", "nobody withdraws for others");
    shared.raise(HOME, "medical", json!({"id": id(2)})).await;
    owner.raise(HOME, "fire", json!({"id": id(3)})).await;
    let left = withdraw(&owner, &id(1)).await.1["incident"].clone();
    assert_eq!(left["state"], "counting_down");
    assert_eq!(left["services"], json!(["fire", "medical"]));
    // What was requested twice stays until both are withdrawn by name, or canceled.
    shared.raise(HOME, "medical", json!({"id": id(4)})).await;
    assert_eq!(withdraw(&shared, &id(2)).await.1["incident"]["services"], left["services"]);
    assert_eq!(withdraw_in("lake-cabin", &owner, &id(3)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(running(&owner).await["services"], left["services"]);
}

#[tokio::test]
async fn late_withdrawal_shows_what_runs() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let sent = owner.raise(HOME, "police", json!({"id": id(1)})).await.1;
    owner.act(&sent, "send-now").await;
    let (status, told) = withdraw(&owner, &id(1)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(told["incident"]["id"], sent["id"], "R18: it is too late, and is said to be");
    assert!(whats(&told["incident"]).contains(&"cancel_refused"));
    assert_ne!(running(&owner).await, Value::Null);
}

#[tokio::test]
async fn renewed_request_replaces_one_that_never_arrived() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let renewed = json!({"id": id(2), "after": id(1)});
    assert_eq!(owner.raise(HOME, "police", renewed.clone()).await.0, StatusCode::CREATED);
    let cancelled = owner.act(&running(&owner).await, "cancel").await.1;
    assert_eq!(cancelled["state"], "aborted");
    let late = owner.raise(HOME, "police", json!({"id": id(1)})).await;
    assert_eq!(late.1["code"], "withdrawn", "its copy does not begin a second incident");
    let retry = owner.raise(HOME, "police", renewed).await;
    assert_eq!((retry.0, &retry.1["id"]), (StatusCode::OK, &json!(id(2))), "F2: the same again");
    assert_eq!(running(&owner).await, Value::Null);
}

/// The old one arrived, and is over by now: the person still needs help.
#[tokio::test]
async fn renewed_request_begins_where_the_old_one_is_over() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let old = owner.raise(HOME, "police", json!({"id": id(1)})).await.1;
    let joined = owner.raise(HOME, "police", json!({"id": id(2), "after": id(1)})).await;
    assert_eq!((&joined.1["id"], &joined.1["joined"]), (&old["id"], &json!(true)));
    owner.act(&old, "cancel").await;
    let begun = owner.raise(HOME, "police", json!({"id": id(3), "after": id(2)})).await;
    assert_eq!((begun.0, &begun.1["id"]), (StatusCode::CREATED, &json!(id(3))));
}

/// Drills, and withdrawals of requests that never arrived, stay in the database and bring no help.
#[tokio::test]
async fn drills_and_withdrawals_have_a_budget_and_help_has_none() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let begun = owner.raise(HOME, "police", json!({"id": id(1)})).await;
    assert_eq!(begun.0, StatusCode::CREATED);
    let refused = until("the budget is spent", async || {
        let never_sent = uuid::Uuid::new_v4().to_string();
        Some(withdraw(&owner, &never_sent).await).filter(|(status, _)| *status != StatusCode::OK)
    })
    .await;
    assert_eq!(
        (refused.0, &refused.1["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_changes"))
    );
    let taken_back = withdraw(&owner, &id(1)).await;
    assert_eq!(
        (taken_back.0, &taken_back.1["incident"]["state"]),
        (StatusCode::OK, &json!("aborted")),
        "what counts down can be taken back"
    );
    let drill = owner.raise(HOME, "police", json!({"mode": "drill"})).await;
    assert_eq!((drill.0, &drill.1["code"]), (refused.0, &json!("too_many_changes")));
    assert_eq!(owner.raise(HOME, "police", json!({"id": id(2)})).await.0, StatusCode::CREATED);
    let other = server.sign_in("shared").await;
    assert_eq!(withdraw(&other, &id(3)).await.0, StatusCode::OK, "of another account");
}
