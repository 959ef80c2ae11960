//! F40: bad input always gets a problem document, stores nothing and causes no panic.

use super::{Person, Server};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

const INCIDENTS: &str = "/api/v1/homes/maple-street/incidents";

fn good() -> Value {
    json!({
        "id": "7b0f7f0e-7f66-4b8e-9d53-111111111111",
        "request": "police",
        "mode": "live",
        "source": {"surface": "dashboard"},
        "sent_at": "2999-01-01T00:00:00.000Z",
    })
}

async fn send(person: &Person, body: impl Into<reqwest::Body>, kind: &str) -> (StatusCode, Value) {
    let request = person
        .client
        .post(format!("{}{INCIDENTS}", person.base))
        .header(header::CONTENT_TYPE, kind)
        .body(body);
    super::answer(request.send().await.unwrap()).await
}

async fn nothing_stored(person: &Person) {
    assert_eq!(person.get(INCIDENTS).await.1, json!([]), "nothing was stored");
}

/// A request of an app that is newer than its server counts: the server ignores unknown fields.
#[tokio::test]
async fn raise_of_a_newer_app_is_heard() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut newer = good();
    newer["sent_at"] = owner.server_time().await;
    newer["language"] = json!("de");
    newer["source"]["place"] = json!("kitchen");
    let (status, told) = send(&owner, newer.to_string(), "application/json").await;
    assert_eq!((status, &told["state"]), (StatusCode::CREATED, &json!("counting_down")), "{told}");
}

/// F40.
#[tokio::test]
async fn wrong_bodies_are_invalid() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let changed = |pointer: &str, value: Value| {
        let mut body = good();
        *body.pointer_mut(pointer).unwrap() = value;
        body.to_string()
    };
    let with = |key: &str, value: Value| {
        let mut body = good();
        body[key] = value;
        body.to_string()
    };
    let bodies = [
        String::new(),
        "{".into(),
        "null".into(),
        "[]".into(),
        "\u{0}".into(),
        "1e309".into(),
        with("sirens", json!(true)),
        changed("/id", json!("not a uuid")),
        changed("/id", json!(-1)),
        changed("/request", json!("ambulance")),
        changed("/request", json!("police\u{0}")),
        changed("/mode", json!("LIVE")),
        changed("/source", json!({"surface": "roof"})),
        changed("/source", json!({"surface": "live_view"})),
        changed("/source", json!({"surface": "live_view", "camera": "\u{202e}rood-tnorf"})),
        changed("/source", json!({"surface": "live_view", "camera": "a\u{0}b"})),
        changed("/source", json!({"surface": "live_view", "camera": "'; DROP TABLE home; --"})),
        changed("/sent_at", json!(1e308)),
        changed("/sent_at", json!("yesterday")),
        good().to_string().replacen("{", "{\"mode\":\"drill\",", 1),
        format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)),
    ];
    for body in bodies {
        let (status, problem) = send(&owner, body.clone(), "application/json").await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")),
            "{body:.200}"
        );
        assert!(
            problem["errors"][0]["message"].as_str().is_some_and(|m| !m.is_empty()),
            "{problem}"
        );
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
        assert_eq!(send(&owner, good().to_string(), kind).await.1["code"], "invalid");
    }
    nothing_stored(&owner).await;
}

/// F40.
#[tokio::test]
async fn body_of_10_mb_is_too_large() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut body = good();
    body["id"] = json!("x".repeat(10 * 1024 * 1024));
    // A server that stops reading may close the connection while the body is still being sent.
    let request = owner.client.post(format!("{}{INCIDENTS}", owner.base)).json(&body);
    if let Ok(response) = request.send().await {
        assert_eq!(super::answer(response).await.1["code"], "too_large");
    }
    let just_too_large = format!("{}{}", good(), " ".repeat(64 * 1024));
    assert_eq!(send(&owner, just_too_large, "application/json").await.1["code"], "too_large");
    nothing_stored(&owner).await;
}

/// F40, F41.
#[tokio::test]
async fn paths_that_name_nothing_are_not_found() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let paths = [
        "/api/v1/homes/%00",
        "/api/v1/homes/..%2f..%2fetc",
        "/api/v1/homes/MAPLE-STREET",
        "/api/v1/homes/%F0%9F%8F%A0",
        "/api/v1/incidents/not-a-uuid",
        "/api/v1/incidents/00000000-0000-0000-0000-000000000000",
        "/api/v1/contact/no-such-token",
        "/api/v1/contact/%00",
        "/api/v1/nothing",
    ];
    for path in paths {
        assert_eq!(owner.get(path).await.1["code"], "not_found", "{path}");
    }
    for query in ["?limit=0", "?limit=101", "?limit=-1", "?before=never", "?unknown=1"] {
        assert_eq!(owner.get(&format!("{INCIDENTS}{query}")).await.1["code"], "invalid", "{query}");
    }
    let wrong_verb = owner.client.delete(format!("{}/api/v1/me", owner.base)).send().await.unwrap();
    assert_eq!(super::answer(wrong_verb).await.1["code"], "method_not_allowed");
}

#[tokio::test]
async fn a_request_from_another_site_is_refused() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let body = good();
    let request = owner
        .client
        .post(format!("{}{INCIDENTS}", owner.base))
        .json(&body)
        .header("Sec-Fetch-Site", "cross-site");
    assert_eq!(super::answer(request.send().await.unwrap()).await.1["code"], "not_allowed");
    nothing_stored(&owner).await;
}

#[tokio::test]
async fn missing_files_are_not_found_and_no_path_leaves_the_folder() {
    let server = Server::start("30s").await;
    let stranger = server.stranger();
    for path in
        ["/missing.js", "/..%2fCargo.toml", "/%2e%2e/Cargo.toml", "/a//b.css", "/\\..\\Cargo.toml"]
    {
        let answer = stranger.client.get(format!("{}{path}", stranger.base)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
