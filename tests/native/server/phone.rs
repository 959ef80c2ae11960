//! The contact's phone can confirm and cancel, and never shows whether the password was right.

use super::{Person, Server, having_seen_all, until, whats};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// Raises, sends now, and answers as the first contact.
pub async fn answered(server: &Server, owner: &Person, home: &str) -> (Value, Person, String) {
    let incident = owner.raise(home, "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let phone = owner.phone_of(home, 0).await;
    let contact = server.stranger();
    let call = contact.get(&phone).await.1["call"].clone();
    assert_eq!(
        (&call["state"], &call["purpose"], &call["drill"]),
        (&json!("ringing"), &json!("verify"), &json!(false))
    );
    let on_call = format!("{phone}/calls/{}", call["id"].as_str().unwrap());
    let (status, shown) = contact.post(&format!("{on_call}/answer"), &json!({})).await;
    assert_eq!((status, &shown["call"]["state"]), (StatusCode::OK, &json!("answered")));
    (incident, contact, on_call)
}

/// R15, F21.
#[tokio::test]
async fn confirming_dispatches_at_once() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (incident, contact, call) = answered(&server, &owner, "maple-street").await;
    assert_eq!(contact.post(&format!("{call}/confirm"), &json!({})).await.0, StatusCode::OK);
    let told = owner.look(&incident).await;
    assert_eq!(
        (&told["state"], &told["calls"][0]["outcome"]),
        (&json!("dispatching"), &json!("confirmed"))
    );
    assert_eq!(told["calls"][1]["state"], "ringing", "R17: then the others, in order");
    assert_eq!(told["calls"][2]["state"], "queued");
}

/// R15.
#[tokio::test]
async fn right_password_cancels_the_incident() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (incident, contact, call) = answered(&server, &owner, "maple-street").await;
    let (status, _) =
        contact.post(&format!("{call}/cancel"), &json!({"verbal_password": " Blue  heron "})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let told = owner.look(&incident).await;
    assert_eq!(
        (&told["state"], &told["outcome"]["by"]["name"]),
        (&json!("cancelled"), &json!("Sister"))
    );
    assert_eq!(told["siren"]["state"], "ended", "R19");
}

/// I17.
#[tokio::test]
async fn caller_cannot_tell_a_wrong_password_from_the_right_one() {
    let mut seen = Vec::new();
    for password in ["blue heron", "red robin"] {
        let server = Server::start("30s").await;
        let owner = server.sign_in("owner").await;
        let (incident, contact, call) = answered(&server, &owner, "maple-street").await;
        let mut answers = Vec::new();
        let said = json!({"verbal_password": password});
        answers.push(contact.post(&format!("{call}/cancel"), &said).await);
        answers.push(contact.post(&format!("{call}/cancel"), &said).await);
        answers.push(contact.post(&format!("{call}/confirm"), &json!({})).await);
        let phone = owner.phone_of("maple-street", 0).await;
        let mut page = contact.get(&phone).await;
        page.1["server_time"] = json!(null);
        answers.push(page);
        seen.push(answers);
        let state = owner.look(&incident).await["state"].clone();
        assert_eq!(state, if password == "blue heron" { "cancelled" } else { "dispatching" });
        if state == "dispatching" {
            let told = owner.look(&incident).await;
            assert_eq!(
                told["calls"][0]["outcome"],
                Value::Null,
                "nor can whoever looks at the home's screen"
            );
            assert!(!told.to_string().to_lowercase().contains("wrong"), "{told}");
        }
    }
    assert_eq!(seen[0], seen[1]);
}

/// R15.
#[tokio::test]
async fn camera_only_home_may_need_no_password() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (incident, contact, call) = answered(&server, &owner, "lake-cabin").await;
    assert_eq!(
        contact
            .client
            .post(format!("{}{}", contact.base, having_seen_all(&format!("{call}/cancel"))))
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::ACCEPTED
    );
    let told = owner.look(&incident).await;
    assert_eq!(
        (&told["state"], &told["siren"]["state"]),
        (&json!("cancelled"), &json!("silent")),
        "R13"
    );
}

/// R16.
#[tokio::test]
async fn declined_call_is_dispatched() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "fire", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let phone = owner.phone_of("maple-street", 0).await;
    let contact = server.stranger();
    let call = contact.get(&phone).await.1["call"]["id"].as_str().unwrap().to_owned();
    contact.post(&format!("{phone}/calls/{call}/decline"), &json!({})).await;
    let told = owner.look(&incident).await;
    assert_eq!(
        (&told["state"], &told["calls"][0]["outcome"]),
        (&json!("dispatching"), &json!("busy"))
    );
    assert_eq!(
        contact.post(&format!("{phone}/calls/{call}/answer"), &json!({})).await.1["code"],
        "call_over"
    );
}

/// R18.
#[tokio::test]
async fn contact_who_is_told_afterward_cannot_cancel() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (incident, first, on_call) = answered(&server, &owner, "maple-street").await;
    first.post(&format!("{on_call}/confirm"), &json!({})).await;
    let phone = owner.phone_of("maple-street", 1).await;
    let contact = server.stranger();
    let call = until("the second call", || async {
        contact.get(&phone).await.1["call"]["id"].as_str().map(str::to_owned)
    })
    .await;
    let said = json!({"verbal_password": "blue heron"});
    assert_eq!(
        contact.post(&format!("{phone}/calls/{call}/cancel"), &said).await.0,
        StatusCode::ACCEPTED
    );
    let told = owner.look(&incident).await;
    assert_eq!(told["state"], "dispatching");
    assert!(whats(&told).contains(&"note"), "F26: passed on as advice");
}

#[tokio::test]
async fn a_link_opens_only_ones_own_call() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (incident, contact, call) = answered(&server, &owner, "maple-street").await;
    let id = call.rsplit('/').next().unwrap();
    for (home, other) in [("maple-street", 1), ("lake-cabin", 0)] {
        let theirs = owner.phone_of(home, other).await;
        assert_eq!(contact.get(&theirs).await.1["call"], json!(null));
        assert_eq!(
            contact.post(&format!("{theirs}/calls/{id}/confirm"), &json!({})).await.1["code"],
            "not_found"
        );
    }
    assert_eq!(owner.look(&incident).await["state"], "verifying");
}

/// R23.
#[tokio::test]
async fn owner_is_told_which_contact_has_forgotten_the_password() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (phone, contact) = (owner.phone_of("maple-street", 0).await, server.stranger());
    let counted = async || owner.check("contacts").await["count"].clone();
    let standing =
        async || owner.get("/api/v1/homes/maple-street/household").await.1["contacts"][0].clone();
    assert_eq!(
        (contact.get(&phone).await.1["asks_password"].clone(), counted().await),
        (json!(true), json!(3)),
        "nobody has asked yet"
    );
    let says = async |remembers: bool| {
        contact.post(&format!("{phone}/memory"), &json!({"remembers": remembers})).await
    };
    let (status, page) = says(false).await;
    assert_eq!(
        (status, &page["asks_password"]),
        (StatusCode::OK, &json!(true)),
        "asked again, once somebody has told them"
    );
    assert_eq!(
        (counted().await, standing().await),
        (json!(2), json!({"name": "Sister", "standing": "forgot"}))
    );
    assert_eq!(says(true).await.1["asks_password"], false);
    assert_eq!((counted().await, standing().await["standing"].clone()), (json!(3), json!("ready")));
    assert!(
        owner.get("/api/v1/homes/maple-street").await.1["contacts"][0]["reached_at"].is_string()
    );
    // All contacts must learn a new password.
    let new = json!({"password": "quiet otter", "current": "blue heron"});
    assert!(
        owner
            .ask(reqwest::Method::PUT, "/api/v1/homes/maple-street/verbal-password", &new)
            .await
            .0
            .is_success()
    );
    assert_eq!(contact.get(&phone).await.1["asks_password"], true);
    // One tap opts out, and the owner is told.
    assert_eq!(
        contact.post(&format!("{phone}/opt-out"), &json!({})).await.1["asks_password"],
        false
    );
    assert_eq!(
        (counted().await, standing().await["standing"].clone()),
        (json!(2), json!("opted_out"))
    );
    let cabin = owner.phone_of("lake-cabin", 0).await;
    assert_eq!(contact.get(&cabin).await.1["asks_password"], false, "there is no password");
    assert_eq!(
        contact.post(&format!("{cabin}/memory"), &json!({"remembers": "maybe"})).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}
