//! The monitoring center sees what waits for it, and nothing else of any home.

use super::{Server, whats};
use buckler::domain::access::CenterRole;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const QUEUE: &str = "/api/v1/center/incidents";

#[tokio::test]
async fn i21_an_operator_sees_what_was_found_late_decides_and_sees_no_more() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let late = owner.raise("maple-street", "police", json!({})).await.1;
    let server = server.restart_as_if_after(Duration::from_secs(20 * 60)).await;
    let (owner, operator) = (server.sign_in("owner").await, server.sign_in("operator").await);
    owner.raise("lake-cabin", "medical", json!({})).await;
    assert_eq!(operator.get("/api/v1/me").await.1["center_role"], "operator");
    let queue = operator.get(QUEUE).await.1;
    assert_eq!(queue.as_array().unwrap().len(), 1, "what runs by itself is nobody's business: {queue}");
    let (home, incident) = (&queue[0]["home"], &queue[0]["incident"]);
    assert_eq!((&home["address"]["line1"], &incident["id"]), (&json!("14 Maple Street"), &late["id"]));
    let review = |id: &Value| format!("{QUEUE}/{}/review", id.as_str().unwrap());
    let proceed = json!({"decision": "proceed", "note": "Neighbor still hears shouting"});
    assert_eq!(owner.post(&review(&late["id"]), &proceed).await.0, StatusCode::NOT_FOUND, "the center is not the owner's");
    let told = operator.post(&review(&late["id"]), &proceed).await.1;
    let decided = told["timeline"].as_array().unwrap().iter().find(|line| line["what"] == "reviewed").unwrap();
    assert_eq!(decided["by"], "Operator", "{told}");
    assert!(whats(&owner.until_state(&late, "verifying").await).contains(&"call_placed"));
    assert_eq!(operator.get(QUEUE).await.1, json!([]));
    for path in [review(&late["id"]), format!("/api/v1/incidents/{}/review", late["id"].as_str().unwrap())] {
        assert_eq!(operator.post(&path, &proceed).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_supervisor_ends_somebodys_work_at_the_center_at_once() {
    let server = Server::start("30s").await;
    let store = &server.app.store;
    store.put_center_role(&"shared".parse().unwrap(), Some(CenterRole::Supervisor)).await.unwrap();
    let (supervisor, operator) = (server.sign_in("shared").await, server.sign_in("operator").await);
    let people = supervisor.get("/api/v1/center/people").await.1;
    let seen: Vec<_> = people.as_array().unwrap().iter().map(|p| (p["name"].as_str().unwrap(), p["role"].as_str().unwrap())).collect();
    assert_eq!(seen, [("Operator", "operator"), ("Sam", "supervisor")]);
    let end = "/api/v1/center/people/operator";
    assert_eq!(operator.ask(Method::DELETE, end, &json!({})).await.0, StatusCode::FORBIDDEN);
    assert_eq!(operator.get(QUEUE).await.0, StatusCode::OK);
    assert_eq!(supervisor.ask(Method::DELETE, end, &json!({})).await.1.as_array().unwrap().len(), 1);
    assert_eq!(operator.get(QUEUE).await.0, StatusCode::NOT_FOUND);
    assert_eq!(operator.get("/api/v1/me").await.1["center_role"], Value::Null);
    assert_eq!(supervisor.ask(Method::DELETE, end, &json!({})).await.0, StatusCode::NOT_FOUND);
}
