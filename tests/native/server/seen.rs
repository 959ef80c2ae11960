//! I30 over HTTP: what the screen showed goes with the command that ends something.

use super::{Person, Server};
use reqwest::StatusCode;
use serde_json::{Value, json};

fn at(incident: &Value, action: &str, seen: &Value) -> String {
    format!("/api/v1/incidents/{}/{action}?seen={seen}", incident["id"].as_str().unwrap())
}

async fn call_off(server: &Server, phone: &str) -> (StatusCode, Value) {
    let contact = server.stranger();
    let call = contact.get(phone).await.1["call"].clone();
    let on_call = format!("{phone}/calls/{}", call["id"].as_str().unwrap());
    contact.post(&format!("{on_call}/answer"), &json!({})).await;
    let path = format!("{on_call}/cancel?seen={}", call["latest_request"]);
    contact.post(&path, &json!({"verbal_password": "blue heron"})).await
}

async fn sent(owner: &Person) -> Value {
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await.1
}

#[tokio::test]
async fn cancel_names_what_its_screen_showed() {
    let server = Server::start("30s").await;
    let (owner, spouse) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let shown = owner.raise("maple-street", "police", json!({})).await.1;
    let joined = spouse.raise("maple-street", "medical", json!({})).await.1;
    let (status, told) =
        owner.post(&at(&shown, "cancel", &shown["latest_request"]), &json!({})).await;
    assert_eq!((status, &told["state"]), (StatusCode::OK, &json!("counting_down")));
    assert_eq!(told["services"], json!(["medical"]), "that was not on the owner’s screen");
    let line = told["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!(line["text"], "Cancelled in time: Police. What others asked for goes on");
    let (status, told) =
        owner.post(&at(&shown, "cancel", &joined["latest_request"]), &json!({})).await;
    assert_eq!((status, &told["state"]), (StatusCode::OK, &json!("aborted")));
    let wrong = owner.post(&at(&shown, "cancel", &json!("soon")), &json!({})).await;
    assert_eq!(wrong.0, StatusCode::UNPROCESSABLE_ENTITY);
}

/// An app that is older than the server names nothing.
#[tokio::test]
async fn cancel_that_names_nothing_ends_what_is_older_than_a_second() {
    let server = Server::start("30s").await;
    let (owner, spouse) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    spouse.raise("maple-street", "medical", json!({})).await;
    let path = format!("/api/v1/incidents/{}/cancel", incident["id"].as_str().unwrap());
    let bare = owner.client.post(format!("{}{path}", owner.base)).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::OK);
    let told = owner.look(&incident).await;
    assert_eq!((&told["state"], &told["services"]), (&json!("counting_down"), &json!(["medical"])));
}

#[tokio::test]
async fn contact_is_told_of_a_request_before_calling_it_off() {
    let server = Server::start("30s").await;
    let (owner, spouse) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let incident = sent(&owner).await;
    let phone = owner.phone_of("maple-street", 0).await;
    let contact = server.stranger();
    let shown = contact.get(&phone).await.1["call"].clone();
    spouse.raise("maple-street", "medical", json!({})).await;
    let on_call = format!("{phone}/calls/{}", shown["id"].as_str().unwrap());
    let path = format!("{on_call}/cancel?seen={}", shown["latest_request"]);
    let said = json!({"verbal_password": "blue heron"});
    let (status, problem) = contact.post(&path, &said).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("asked_since")));
    assert_eq!(owner.look(&incident).await["state"], "verifying");
    assert_eq!(call_off(&server, &phone).await.0, StatusCode::ACCEPTED);
    assert_eq!(owner.look(&incident).await["state"], "cancelled");
}

/// R15.
#[tokio::test]
async fn request_soon_after_a_call_off_is_dispatched_at_once() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    sent(&owner).await;
    let phone = owner.phone_of("maple-street", 0).await;
    assert_eq!(call_off(&server, &phone).await.0, StatusCode::ACCEPTED);
    let again = sent(&owner).await;
    assert_eq!(again["state"], "dispatching");
    let call = server.stranger().get(&phone).await.1["call"].clone();
    assert_eq!(call["purpose"], "inform", "who called it off is told");
    assert!(again["timeline"].to_string().contains("Nobody was asked first"));
}
