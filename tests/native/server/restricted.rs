//! I33: a person who may not request may not end. A device that signed in without the account's
//! passkey can look, sound sirens, run drills and ask to be let; it cannot control, change or end.

use super::{Op, Person, Server, rights};
use buckler::domain::access::CenterRole;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// Restricts every session of an account.
pub async fn restrict(server: &Server, account: &str) {
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

/// The routes that a restricted device may use. Nobody adds one to the table of the server without
/// adding it there. `tests/api/walk.py` reads the same file.
const OPEN: &str = include_str!("../../fixtures/restricted_device.txt");

/// Of the routes of the table, those where the incident decides: it refuses all that a restricted
/// device wants of a request for help.
fn is_decided_by_the_incident(method: &Method, path: &str) -> bool {
    let is_withdrawal = *method == Method::DELETE && path == "/api/v1/homes/{home}/requests/{id}";
    is_withdrawal
        || *method == Method::POST
            && (path == "/api/v1/homes/{home}/incidents" || path.starts_with("/api/v1/incidents/"))
}

/// Tries every route as this person. Returns those that were refused because the device is
/// restricted.
async fn refused_on(server: &Server, person: &Person, incident: &Value) -> Vec<String> {
    let mut refused = Vec::new();
    for (method, path, _) in rights::routes(&server.stranger()).await {
        let body = match path.ends_with("/review") {
            true => json!({"decision": "proceed", "note": ""}),
            false => rights::raise_body(&json!(server.app.clock.now())),
        };
        let filled = rights::filled(&path, incident["id"].as_str().unwrap());
        let (status, told) = rights::ask(person, &method, &filled, &body).await;
        let told: Value = serde_json::from_str(&told).unwrap_or_default();
        if is_refused(&(status, told)) {
            refused.push(format!("{method} {path}"));
        }
    }
    refused
}

/// Every route of the document, which the router is built from, with a restricted session, a free
/// one, and none. A route that nobody listed is refused.
#[tokio::test]
async fn restricted_device_uses_only_the_routes_of_its_table() {
    let server = Server::start("30s").await;
    let (thief, spouse) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let incident = spouse.raise("maple-street", "police", json!({})).await.1;
    let operator = server.sign_in("operator").await;
    server
        .apply(Op::SetCenterRole("operator".parse().unwrap(), Some(CenterRole::Supervisor)))
        .await;
    restrict(&server, "owner").await;
    restrict(&server, "operator").await;
    let expected: Vec<String> = rights::routes(&server.stranger())
        .await
        .iter()
        .filter(|(method, path, _)| {
            !OPEN.lines().any(|open| open == format!("{method} {path}"))
                || is_decided_by_the_incident(method, path)
        })
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    assert!(expected.len() > 50, "{}", expected.len());
    assert_eq!(refused_on(&server, &thief, &incident).await, expected, "owner");
    assert_eq!(spouse.look(&incident).await["state"], "counting_down");
    assert_eq!(spouse.get("/api/v1/me").await.0, StatusCode::OK, "nobody was signed out");
    // The operator is no member of the home, for whom its routes do not exist.
    let at_home = |route: &String| {
        route.contains("/homes/{home}") && !OUTLASTS.iter().any(|path| route.ends_with(path))
            || route.contains(" /api/v1/incidents/")
    };
    let of_operator: Vec<_> = expected.iter().filter(|route| !at_home(route)).cloned().collect();
    assert_eq!(refused_on(&server, &operator, &incident).await, of_operator, "operator");
    let nothing: [&str; 0] = [];
    assert_eq!(refused_on(&server, &server.stranger(), &incident).await, nothing, "no session");
    for account in ["shared", "owner"] {
        let free = server.sign_in(account).await;
        assert_eq!(refused_on(&server, &free, &incident).await, nothing, "free: {account}");
    }
}

/// What is refused also where a home restricts no devices.
const OUTLASTS: [&str; 3] = ["/holding", "/people/{person}", "{home}/invitations"];

/// A home that restricts no devices. Whom such a device would let in stays when it is signed out.
#[tokio::test]
async fn home_that_restricts_nobody_lets_such_a_device_invite_nobody() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let change = async |path: &str, body: Value| {
        owner.ask(Method::PUT, &format!("/api/v1/homes/maple-street/{path}"), &body).await
    };
    assert_eq!(change("holding", json!({"hold_new_devices": false})).await.0, StatusCode::OK);
    restrict(&server, "owner").await;
    let name = json!({"name": "Maple Street"});
    assert_eq!(change("name", name).await.0, StatusCode::OK);
    assert!(is_refused(&change("holding", json!({"hold_new_devices": true})).await));
    let role = json!({"role": "shared", "sos_withdrawn": false});
    assert!(is_refused(&change("people/guest", role).await));
    let friend = json!({"name": "A friend", "role": "shared"});
    assert!(is_refused(&owner.post("/api/v1/homes/maple-street/invitations", &friend).await));
    let police = owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(police.0, StatusCode::CREATED);
    assert_eq!(owner.act(&police.1, "cancel").await.0, StatusCode::OK);
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

/// A stolen password of a supervisor shows what waits, and no home.
#[tokio::test]
async fn restricted_supervisor_sees_no_home() {
    let server = Server::with_file("[center]\nmode = \"operators\"\n").await;
    let (owner, supervisor) = (server.sign_in("owner").await, server.sign_in("operator").await);
    let role = Some(CenterRole::Supervisor);
    server.apply(Op::SetCenterRole("operator".parse().unwrap(), role)).await;
    let police = sent(&owner, "police", json!({})).await;
    owner.act(&police, "send-now").await;
    let item = async || supervisor.get("/api/v1/center/incidents").await.1["cases"][0].clone();
    assert_eq!(item().await["whole"]["incident"]["id"], police["id"]);
    restrict(&server, "operator").await;
    let shown = item().await;
    assert_eq!((&shown["id"], &shown["whole"]), (&police["id"], &Value::Null));
}

/// Security 3: the gate code and what is written for responders are not for a stranger's device.
#[tokio::test]
async fn restricted_device_reads_no_notes_for_responders() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let notes =
        json!({"gate": "4711", "pets": "", "medical": "", "permit": "", "permit_until": ""});
    let path = "/api/v1/homes/maple-street/notes";
    assert_eq!(owner.ask(Method::PUT, path, &notes).await.0, StatusCode::OK);
    let gate =
        async || owner.get("/api/v1/homes/maple-street/household").await.1["notes"]["gate"].clone();
    assert_eq!(gate().await, "4711");
    restrict(&server, "owner").await;
    assert_eq!(gate().await, "");
}
