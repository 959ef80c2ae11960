//! The monitoring center sees its waiting incidents, and nothing else of any home.

use super::{Op, Server, whats};
use buckler::domain::access::CenterRole;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const QUEUE: &str = "/api/v1/center/incidents";

/// I21.
#[tokio::test]
async fn operator_sees_a_late_incident_decides_and_sees_no_more() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let late = owner.raise("maple-street", "police", json!({})).await.1;
    let server = server.restart_as_if_after(Duration::from_secs(20 * 60)).await;
    let (owner, operator) = (server.sign_in("owner").await, server.sign_in("operator").await);
    owner.raise("lake-cabin", "medical", json!({})).await;
    assert_eq!(operator.get("/api/v1/me").await.1["center_role"], "operator");
    let queue = operator.get(QUEUE).await.1["cases"].clone();
    assert_eq!(
        queue.as_array().unwrap().len(),
        1,
        "what runs by itself is nobody's business: {queue}"
    );
    let (home, incident) = (&queue[0]["whole"]["home"], &queue[0]["whole"]["incident"]);
    assert_eq!(
        (&home["address"]["line1"], &incident["id"]),
        (&json!("14 Maple Street"), &late["id"])
    );
    let review = |id: &Value| format!("{QUEUE}/{}/review", id.as_str().unwrap());
    let proceed = json!({"decision": "proceed", "note": "Neighbor still hears shouting"});
    assert_eq!(
        owner.post(&review(&late["id"]), &proceed).await.0,
        StatusCode::NOT_FOUND,
        "the center is not the owner's"
    );
    let told = operator.post(&review(&late["id"]), &proceed).await.1;
    let decided = told["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["what"] == "reviewed")
        .unwrap();
    assert_eq!(decided["by"], "Operator", "{told}");
    assert!(whats(&owner.until_state(&late, "dispatching").await).contains(&"call_placed"));
    assert_eq!(operator.get(QUEUE).await.1["cases"], json!([]));
    for path in
        [review(&late["id"]), format!("/api/v1/incidents/{}/review", late["id"].as_str().unwrap())]
    {
        assert_eq!(operator.post(&path, &proceed).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_supervisor_ends_somebodys_work_at_the_center_at_once() {
    let server = Server::start("30s").await;
    server.apply(Op::SetCenterRole("shared".parse().unwrap(), Some(CenterRole::Supervisor))).await;
    let (supervisor, operator) = (server.sign_in("shared").await, server.sign_in("operator").await);
    let people = supervisor.get("/api/v1/center/people").await.1;
    let seen: Vec<_> = people["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["name"].as_str().unwrap(), p["role"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [("Operator", "operator"), ("Sam", "supervisor")]);
    let end = "/api/v1/center/people/operator";
    assert_eq!(operator.ask(Method::DELETE, end, &json!({})).await.0, StatusCode::FORBIDDEN);
    assert_eq!(operator.get(QUEUE).await.0, StatusCode::OK);
    assert_eq!(
        supervisor.ask(Method::DELETE, end, &json!({})).await.1["people"].as_array().unwrap().len(),
        1
    );
    assert_eq!(operator.get(QUEUE).await.0, StatusCode::NOT_FOUND);
    assert_eq!(operator.get("/api/v1/me").await.1["center_role"], Value::Null);
    assert_eq!(supervisor.ask(Method::DELETE, end, &json!({})).await.0, StatusCode::NOT_FOUND);
}

/// Security 14: nobody could add operators any more.
#[tokio::test]
async fn center_keeps_a_supervisor() {
    let server = Server::start("30s").await;
    server.apply(Op::SetCenterRole("shared".parse().unwrap(), Some(CenterRole::Supervisor))).await;
    let supervisor = server.sign_in("shared").await;
    let leave = "/api/v1/center/people/shared";
    let refused = supervisor.ask(Method::DELETE, leave, &json!({})).await;
    assert_eq!(refused.1["errors"][0]["fault"], "last_supervisor", "{refused:?}");
    server.apply(Op::SetCenterRole("owner".parse().unwrap(), Some(CenterRole::Supervisor))).await;
    assert_eq!(supervisor.ask(Method::DELETE, leave, &json!({})).await.0, StatusCode::OK);
    assert_eq!(supervisor.get("/api/v1/me").await.1["center_role"], Value::Null);
}

#[tokio::test]
async fn supervisors_link_admits_to_the_center_and_to_no_home() {
    let server = Server::start("30s").await;
    server.apply(Op::SetCenterRole("shared".parse().unwrap(), Some(CenterRole::Supervisor))).await;
    let (supervisor, operator) = (server.sign_in("shared").await, server.sign_in("operator").await);
    let (all, asked) = ("/api/v1/center/invitations", json!({"name": "Robin", "role": "operator"}));
    assert_eq!(operator.post(all, &asked).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        supervisor.post(all, &json!({"name": "Robin", "role": "owner"})).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let invite = async || {
        let link = supervisor.post(all, &asked).await.1;
        link["path"].as_str().unwrap().replace("/invite/", "/api/v1/invitations/")
    };
    let link = invite().await;
    let robin = server.stranger();
    let seen =
        json!({"inviter": "Sam", "name": "Robin", "to": {"place": "center", "role": "operator"}});
    assert_eq!(robin.get(&link).await.1, seen);
    assert_eq!(
        operator.ask(Method::PUT, &link, &Value::Null).await.0,
        StatusCode::UNPROCESSABLE_ENTITY,
        "works there already"
    );
    let account =
        json!({"name": "Robin", "email": "robin@a.test", "password": "three quiet otters"});
    assert_eq!(robin.post(&link, &account).await.0, StatusCode::OK);
    let me = robin.get("/api/v1/me").await.1;
    assert_eq!((&me["center_role"], &me["homes"]), (&json!("operator"), &json!([])));
    assert_eq!(robin.get(QUEUE).await.0, StatusCode::OK);
    assert_eq!(server.stranger().post(&link, &account).await.0, StatusCode::NOT_FOUND, "once");
    // The routes of a home and of the center do not accept each other's invitations.
    let owner = server.sign_in("owner").await;
    let link = invite().await;
    let id = supervisor.get("/api/v1/center/people").await.1["invitations"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let of_home = format!("/api/v1/homes/maple-street/invitations/{id}");
    assert_eq!(owner.ask(Method::DELETE, &of_home, &Value::Null).await.0, StatusCode::NOT_FOUND);
    let (status, left) = supervisor.ask(Method::DELETE, &format!("{all}/{id}"), &Value::Null).await;
    assert_eq!((status, &left["invitations"]), (StatusCode::OK, &json!([])));
    assert_eq!(server.stranger().get(&link).await.0, StatusCode::NOT_FOUND);
    // The inviter is no longer a supervisor, so the invitation admits nobody.
    let link = invite().await;
    server.apply(Op::SetCenterRole("shared".parse().unwrap(), Some(CenterRole::Operator))).await;
    assert_eq!(server.stranger().get(&link).await.0, StatusCode::NOT_FOUND);
}
