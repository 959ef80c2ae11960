//! The answers that the app reads, as the server writes them. The browser tests read the same files,
//! so they never test an answer that no server sends.
//!
//! After a deliberate change of the API, `BUCKLER_WIRE=renew cargo test --test native wire` writes
//! the files again. Times, ids and tokens, which differ each time, have fixed values in them.

use super::{Server, until};
use buckler::domain::time::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

const TIME: &str = "2026-11-23T14:02:05.000Z";
const ID: &str = "00000000-0000-0000-0000-000000000001";

#[tokio::test]
async fn answers_are_written_as_the_browser_tests_read_them() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut answers = vec![
        ("home", owner.get("/api/v1/homes/maple-street").await.1),
        ("household", owner.get("/api/v1/homes/maple-street/household").await.1),
    ];
    let nowhere = json!({"line1": "", "city": "Portland", "region": "OR", "postal_code": "97205", "country": "US"});
    let address = "/api/v1/homes/maple-street/address";
    answers.push(("problem", owner.ask(Method::PUT, address, &nowhere).await.1));
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    answers.push(("aborted", owner.act(&incident, "cancel").await.1));
    answers.push(("incident", incident));
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let phone = owner.phone_of("maple-street", 0).await;
    let call = || async { Some(owner.get(&phone).await.1).filter(|p| !p["call"].is_null()) };
    answers.push(("phone", until("the call", call).await));
    for (name, answer) in answers {
        compare(name, &settled(answer));
    }
}

/// The answer with fixed values for what differs each time.
fn settled(answer: Value) -> Value {
    match answer {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| match name.as_str() {
                "phone_link" => (name, json!("/contact/link")),
                _ => (name, settled(value)),
            })
            .collect(),
        Value::Array(all) => all.into_iter().map(settled).collect(),
        Value::String(text) => settled_text(text).into(),
        other => other,
    }
}

fn settled_text(text: String) -> String {
    if text.parse::<Timestamp>().is_ok() {
        return TIME.into();
    }
    // The id of a call is the id of its incident with a number.
    match text.get(..ID.len()).map(uuid::Uuid::parse_str) {
        Some(Ok(_)) => format!("{ID}{}", &text[ID.len()..]),
        _ => text,
    }
}

fn compare(name: &str, answer: &Value) {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/wire/{name}.json"));
    if std::env::var("BUCKLER_WIRE").is_ok_and(|wish| wish == "renew") {
        let text = serde_json::to_string_pretty(answer).unwrap();
        std::fs::write(&file, text + "\n").unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        *answer, kept,
        "the server writes {name}.json differently; if that is right, run the test with BUCKLER_WIRE=renew"
    );
}
