//! A contact's open page is their telephone: without one nothing rings, and a call that rings is
//! theirs until it is over.

use super::{Person, Server, events::Stream, until};
use buckler::domain::time::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn sent(owner: &Person, home: &str) -> Value {
    let incident = owner.raise(home, "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    incident
}

/// F25, R15, R16, R23.
#[tokio::test]
async fn contact_without_an_open_page_delays_nothing() {
    let server = Server::start("60s").await;
    let owner = server.sign_in("owner").await;
    server.app.snapshots.pages.may_return_until(Timestamp::default());
    assert_eq!(owner.check("ring").await["ok"], false, "R23");
    let told = owner.until_state(&sent(&owner, "maple-street").await, "dispatching").await;
    assert_eq!(told["calls"][0]["outcome"], "failed", "nothing rang");

    let cabin = owner.phone_of("lake-cabin", 0).await;
    let page = Stream::open(&server.stranger(), &format!("{cabin}/events"), None).await;
    let rings = sent(&owner, "lake-cabin").await;
    let call = until("it rings", || async {
        let call = server.stranger().get(&cabin).await.1["call"].clone();
        call.is_object().then_some(call)
    })
    .await;
    assert_eq!(call["state"], "ringing");
    assert_eq!(owner.look(&rings).await["state"], "verifying");
    drop(page);
}

/// R23.
#[tokio::test]
async fn home_shows_whether_a_contact_can_be_rung() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let sister = owner.phone_of("maple-street", 0).await;
    assert_eq!(owner.check("ring").await["ok"], false);
    let page = Stream::open(&server.stranger(), &format!("{sister}/events"), None).await;
    assert_eq!(owner.check("ring").await["ok"], true);
    let home = owner.get("/api/v1/homes/maple-street").await.1;
    assert_eq!(home["sos"]["ready"]["ok"], true, "help comes without it");
    drop(page);
    until("the page is closed", || async {
        (owner.check("ring").await["ok"] == false).then_some(())
    })
    .await;
}

/// I19.
#[tokio::test]
async fn link_that_ends_while_it_rings_answers_the_call() {
    for removed in [false, true] {
        let server = Server::start("60s").await;
        let owner = server.sign_in("owner").await;
        let (link, contact) = (owner.phone_of("maple-street", 0).await, server.stranger());
        let incident = sent(&owner, "maple-street").await;
        let call = contact.get(&link).await.1["call"]["id"].as_str().unwrap().to_owned();
        let ended = match removed {
            true => {
                let path = "/api/v1/homes/maple-street/contacts";
                let ann = json!({"contacts": [{"name": "Ann", "phone": "503 555 0142"}, {"name": "Bob", "phone": "+15035550143"}]});
                owner.ask(Method::PUT, path, &ann).await.0
            }
            false => {
                let path = "/api/v1/homes/maple-street/contacts/sister/link";
                owner.post(path, &json!({})).await.0
            }
        };
        assert!(ended.is_success(), "{removed}: {ended}");
        assert_eq!(contact.get(&link).await.1["call"]["state"], "ringing", "{removed}");
        let accept = contact.post(&format!("{link}/accept"), &json!({})).await.0;
        assert!(!accept.is_success(), "{removed}: it answers the call, and nothing else");
        let confirm = contact.post(&format!("{link}/calls/{call}/confirm"), &json!({})).await.0;
        assert_eq!(confirm, StatusCode::OK, "{removed}");
        assert_eq!(owner.look(&incident).await["calls"][0]["outcome"], "confirmed", "{removed}");
        let after = contact.get(&link).await.1;
        assert_eq!(
            (&after["call"], &after["is_former"]),
            (&Value::Null, &json!(true)),
            "{removed}: the call is over"
        );
    }
}

#[tokio::test]
async fn link_that_ended_before_the_call_answers_nothing() {
    let server = Server::start("60s").await;
    let owner = server.sign_in("owner").await;
    let (link, contact) = (owner.phone_of("maple-street", 0).await, server.stranger());
    // Twice by a contact who has not agreed to be called: no link is kept.
    let another = async || {
        let path = "/api/v1/homes/maple-street/contacts/sister/link";
        let made = owner.post(path, &json!({})).await.1["path"].clone();
        made.as_str().unwrap().replace("/contact", "/api/v1/contact")
    };
    assert_eq!(contact.get(&link).await.0, StatusCode::OK);
    let second = another().await;
    assert_eq!(contact.get(&second).await.0, StatusCode::OK);
    another().await;
    sent(&owner, "maple-street").await;
    assert_eq!(contact.get(&second).await.0, StatusCode::NOT_FOUND);
}
