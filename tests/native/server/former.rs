//! A leaked password that changes the contacts cannot answer for them: for a day, the first contact of
//! before is asked as well, by the link of before.

use super::{Person, Server, events::Stream, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const MAPLE: &str = "/api/v1/homes/maple-street";

async fn replaces_all(owner: &Person) {
    let contacts = json!({"contacts": [{"name": "Mallory", "phone": "503 555 0142"}, {"name": "Bob", "phone": "+15035550143"}]});
    assert_eq!(
        owner.ask(Method::PUT, &format!("{MAPLE}/contacts"), &contacts).await.0,
        StatusCode::OK
    );
}

async fn link_of(owner: &Person, contact: &str) -> String {
    let made = owner.post(&format!("{MAPLE}/contacts/{contact}/link"), &json!({})).await.1;
    made["path"].as_str().unwrap().replace("/contact", "/api/v1/contact")
}

async fn sent(owner: &Person) -> Value {
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    incident
}

async fn rings(page: &Person, link: &str) -> String {
    let call = until("it rings", || async {
        let call = page.get(link).await.1["call"].clone();
        call.is_object().then_some(call)
    })
    .await;
    assert_eq!((&call["state"], &call["purpose"]), (&json!("ringing"), &json!("verify")));
    format!("{link}/calls/{}", call["id"].as_str().unwrap())
}

/// R15.
#[tokio::test]
async fn replaced_contact_is_told_and_calls_off_the_next_incident() {
    let server = Server::start("60s").await;
    let owner = server.sign_in("owner").await;
    let (sister, page) = (owner.phone_of("maple-street", 0).await, server.stranger());
    assert_eq!(page.get(&sister).await.1["changed"], Value::Null);
    let mut stream = Stream::open(&page, &format!("{sister}/events"), None).await;
    stream.next_named("call").await;
    replaces_all(&owner).await;
    let told = stream.next_named("call").await.data;
    assert_eq!(
        (&told["is_former"], &told["changed"]["by"], &told["changed"]["is_asked"]),
        (&json!(true), &json!("Olivia"), &json!(true)),
        "when it is made"
    );
    for word in ["accept", "opt-out"] {
        let said = page.post(&format!("{sister}/{word}"), &json!({})).await.0;
        assert_eq!(said, StatusCode::NOT_FOUND, "{word}: nothing of the home is changed by it");
    }

    let mallory = link_of(&owner, "mallory").await;
    let incident = sent(&owner).await;
    let (hers, theirs) = (rings(&page, &sister).await, rings(&page, &mallory).await);
    assert_ne!(hers.rsplit_once('/').unwrap().1, theirs.rsplit_once('/').unwrap().1);
    let other = format!("{mallory}/calls/{}", hers.rsplit_once('/').unwrap().1);
    let stolen = page.post(&format!("{other}/confirm"), &json!({})).await.0;
    assert_eq!(stolen, StatusCode::NOT_FOUND, "the new contact does not answer for the old one");
    let said = json!({"verbal_password": "blue heron"});
    let status = page.post(&format!("{hers}/cancel"), &said).await.0;
    assert_eq!(status, StatusCode::ACCEPTED);
    let told = owner.look(&incident).await;
    assert_eq!(
        (&told["state"], &told["outcome"]["by"]["name"]),
        (&json!("cancelled"), &json!("Sister"))
    );
    let beside: Vec<_> = told["calls"].as_array().unwrap().iter().map(|c| &c["beside"]).collect();
    assert_eq!(beside, [false, true]);
}

/// R15: a new link for the same person.
#[tokio::test]
async fn page_of_a_replaced_link_still_rings() {
    let server = Server::start("60s").await;
    let owner = server.sign_in("owner").await;
    let (old, page) = (owner.phone_of("maple-street", 0).await, server.stranger());
    let new = link_of(&owner, "sister").await;
    let newest = link_of(&owner, "sister").await;
    assert_eq!(page.get(&new).await.0, StatusCode::NOT_FOUND, "only the oldest is kept");
    sent(&owner).await;
    let (hers, theirs) = (rings(&page, &old).await, rings(&page, &newest).await);
    assert_ne!(hers.rsplit_once('/').unwrap().1, theirs.rsplit_once('/').unwrap().1);
    assert_eq!(page.post(&format!("{theirs}/decline"), &json!({})).await.0, StatusCode::OK);
    rings(&page, &old).await;
}

/// R23.
#[tokio::test]
async fn undo_brings_the_links_of_contacts_back() {
    let server = Server::start("60s").await;
    let owner = server.sign_in("owner").await;
    let (sister, page) = (owner.phone_of("maple-street", 0).await, server.stranger());
    let ready = async || owner.get(MAPLE).await.1["contacts"][0].clone();
    let undo = async || {
        let number = owner.get(MAPLE).await.1["changes"][0]["number"].clone();
        owner.post(&format!("{MAPLE}/changes/{number}/undo"), &json!({})).await.0
    };
    let newer = link_of(&owner, "sister").await;
    assert_eq!(ready().await["ready"], "invited");
    assert_eq!(owner.get(MAPLE).await.1["changes"][0]["what"], "link");
    assert_eq!(undo().await, StatusCode::OK);
    assert_eq!(page.get(&newer).await.0, StatusCode::NOT_FOUND);

    replaces_all(&owner).await;
    assert_eq!(undo().await, StatusCode::OK);
    let told = ready().await;
    assert_eq!((&told["ready"], &told["linked"]), (&json!("accepted"), &json!(true)));
    assert_eq!(page.get(&sister).await.1["is_former"], false);
    let said = page.post(&format!("{sister}/opt-out"), &json!({})).await.1;
    assert_eq!(said["ready"], "opted_out", "it is the contact's link again");
}

/// An owner who knows the verbal password is no thief of the account, and may not want the person who
/// was first before to hear of a request for help.
#[tokio::test]
async fn another_verbal_password_ends_the_call_to_the_former_contact() {
    let server = Server::start("60s").await;
    let owner = server.sign_in("owner").await;
    let (sister, page) = (owner.phone_of("maple-street", 0).await, server.stranger());
    replaces_all(&owner).await;
    assert_eq!(page.get(&sister).await.1["changed"]["is_asked"], true);
    let path = format!("{MAPLE}/verbal-password");
    for (current, status, is_asked) in [
        ("grey goose", StatusCode::UNPROCESSABLE_ENTITY, true),
        ("blue heron", StatusCode::OK, false),
    ] {
        let word = json!({"password": "white stork", "current": current});
        assert_eq!(owner.ask(Method::PUT, &path, &word).await.0, status);
        assert_eq!(page.get(&sister).await.1["changed"]["is_asked"], is_asked, "{current}");
    }
    let incident = sent(&owner).await;
    let calls = owner.look(&incident).await["calls"].as_array().unwrap().len();
    assert_eq!(calls, 1);
}
