//! I33: a person who may not request may not end. A device that signed in without the account's
//! passkey can look, sound sirens, run drills and ask to be let; it cannot control, change or end.

use super::{Op, Person, Server, rights};
use buckler::domain::access::CenterRole;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// Restricts every session of an account.
async fn restrict(server: &Server, account: &str) {
    let (account, now) = (account.parse().unwrap(), server.app.clock.now());
    for session in server.app.reads.sessions(&account, now).await.unwrap() {
        server.apply(Op::EndSession(account.clone(), session.token)).await;
        server
            .apply(Op::PutSession(buckler::server::store::Session {
                restricted_until: now + Duration::from_secs(3_600),
                ..session
            }))
            .await;
    }
}

fn is_refused((status, problem): &(StatusCode, Value)) -> bool {
    *status == StatusCode::FORBIDDEN
        && (problem["code"] == "device_held" || problem["reason"] == "device_held")
}

/// Every route that changes something, used by an owner and by a supervisor.
#[tokio::test]
async fn restricted_device_changes_nothing_on_any_route() {
    let server = Server::start("30s").await;
    let (thief, spouse) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let incident = spouse.raise("maple-street", "police", json!({})).await.1;
    let operator = server.sign_in("operator").await;
    server
        .apply(Op::SetCenterRole("operator".parse().unwrap(), Some(CenterRole::Supervisor)))
        .await;
    restrict(&server, "owner").await;
    restrict(&server, "operator").await;
    let mut refused = 0;
    for (who, person) in [("owner", &thief), ("operator", &operator)] {
        for (method, path, need) in rights::routes(&server.stranger()).await {
            if method == Method::GET || !rights::is_for(&need, who) {
                continue;
            }
            let time = spouse.server_time().await;
            let filled = rights::filled(&path, incident["id"].as_str().unwrap());
            let answer = person.ask(method.clone(), &filled, &rights::raise_body(&time)).await;
            // Exceptions: one's own sign-out and proof, and routes that find nothing.
            let is_own = matches!(
                (method.as_str(), path.as_str()),
                ("DELETE", "/api/v1/session") | ("PUT", "/api/v1/session/proof")
            );
            let names_nothing = answer.0 == StatusCode::NOT_FOUND && path.contains("{session}");
            if is_own || names_nothing || path.contains("/invitations/{token}") {
                continue;
            }
            assert!(is_refused(&answer), "{who}: {method} {path}: {} {}", answer.0, answer.1);
            refused += 1;
        }
        assert_eq!(spouse.look(&incident).await["state"], "counting_down", "{who}");
    }
    assert!(refused > 40, "{refused}");
    assert_eq!(spouse.get("/api/v1/me").await.0, StatusCode::OK, "nobody was signed out");
}

async fn sent(person: &Person, request: &str, more: Value) -> Value {
    let incident = person.raise("maple-street", request, more).await.1;
    assert!(incident["id"].is_string(), "{incident}");
    incident
}

/// Safety 16, security 3: what a thief can do with a restricted device.
#[tokio::test]
async fn restricted_device_ends_only_what_it_may_request() {
    let server = Server::start("30s").await;
    let (thief, spouse) = (server.sign_in("owner").await, server.sign_in("shared").await);
    restrict(&server, "owner").await;
    let police = sent(&spouse, "police", json!({})).await;
    for action in ["cancel", "send-now"] {
        assert!(is_refused(&thief.act(&police, action).await), "{action}");
    }
    spouse.act(&police, "send-now").await;
    for action in ["silence", "end"] {
        assert!(is_refused(&thief.act(&police, action).await), "{action}");
    }
    assert_eq!(spouse.look(&police).await["siren"]["state"], "sounding");
    let phone = spouse.phone_of("maple-street", 0).await;
    let call = spouse.get(&phone).await.1["call"]["id"].as_str().unwrap().to_owned();
    spouse
        .post(&format!("{phone}/calls/{call}/cancel"), &json!({"verbal_password": "blue heron"}))
        .await;
    spouse.until_state(&police, "cancelled").await;

    let siren = sent(&thief, "siren", json!({})).await;
    assert_eq!(
        thief.act(&siren, "send-now").await.0,
        StatusCode::OK,
        "what it may request it may also steer"
    );
    assert_eq!(thief.act(&siren, "silence").await.0, StatusCode::OK);
    spouse.until_state(&siren, "closed").await;
    let drill = sent(&thief, "police", json!({"mode": "drill"})).await;
    assert_eq!(thief.act(&drill, "cancel").await.0, StatusCode::OK);
    assert_eq!(thief.get("/api/v1/homes/maple-street").await.0, StatusCode::OK, "it may look");
}

/// An operator's restricted device can only look, so it does not count as an operator (R23).
#[tokio::test]
async fn restricted_operator_is_not_on_duty() {
    let server = Server::with_file("[center]\nmode = \"operators\"\n").await;
    let (owner, operator) = (server.sign_in("owner").await, server.sign_in("operator").await);
    server.apply(Op::SetCenterRole("operator".parse().unwrap(), Some(CenterRole::Operator))).await;
    restrict(&server, "operator").await;
    assert_eq!(operator.get("/api/v1/center/incidents").await.0, StatusCode::OK, "it may look");
    assert_eq!(owner.check("center").await["ok"], false);
}
