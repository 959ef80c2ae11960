//! A right that ends during a request: the change is made before the end of the right, or it is
//! refused.

use super::{Person, Server, change, connect, dropped::request, hindered::Hindered, until};
use buckler::{
    domain::{
        access::{CenterRole, Membership, Role},
        id::{HomeId, UserId},
    },
    server::{
        http::{Assets, router},
        identity,
        store::Op,
    },
};
use futures_util::poll;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Row;
use std::pin::pin;
use tokio::sync::watch;
use tower::ServiceExt;

const MAPLE: &str = "/api/v1/homes/maple-street";

fn maple() -> HomeId {
    "maple-street".parse().unwrap()
}

fn who(name: &str) -> UserId {
    name.parse().unwrap()
}

/// A request, the name of its audit record, and the change that ends the right to make it.
struct Case {
    method: Method,
    path: String,
    body: Value,
    cookie: Option<String>,
    deed: &'static str,
    ends: Op,
}

/// Adds a supervisor and an operator of the center.
async fn staff(server: &Server) {
    for (name, role) in [("shared", CenterRole::Supervisor), ("operator", CenterRole::Operator)] {
        server.apply(Op::SetCenterRole(who(name), Some(role))).await;
    }
}

async fn sisters_link(owner: &Person) -> String {
    let made = owner.post(&format!("{MAPLE}/contacts/sister/link"), &Value::Null).await.1;
    made["path"].as_str().unwrap().to_owned()
}

/// Creates what the request needs.
async fn prepared(name: &str, server: &Server, owner: &Person) -> Case {
    staff(server).await;
    let cookie =
        server.stranger().cookie_of(if name.contains("center") { "shared" } else { "owner" }).await;
    let token = identity::token_hash(cookie.split_once('=').unwrap().1);
    let case = |method: Method, path: String, body: Value, deed| Case {
        method,
        path,
        body,
        cookie: Some(cookie.clone()),
        deed,
        ends: Op::PutMembership(
            maple(),
            who("owner"),
            Membership { role: Role::Shared, sos_withdrawn: false },
        ),
    };
    let signed_out = |case: Case| Case { ends: Op::EndSession(who("owner"), token), ..case };
    let no_supervisor = |case: Case| Case {
        ends: Op::SetCenterRole(who("shared"), Some(CenterRole::Operator)),
        ..case
    };
    let rename =
        || case(Method::PUT, format!("{MAPLE}/name"), json!({"name": "Another"}), "home_changed");
    let invite = json!({"name": "Robin", "role": "shared"});
    match name {
        "an owner edits the home" => rename(),
        "an owner invites" => case(Method::POST, format!("{MAPLE}/invitations"), invite, "invited"),
        "an owner changes a right" => case(
            Method::PUT,
            format!("{MAPLE}/people/guest"),
            json!({"role": "shared", "sos_withdrawn": false}),
            "person_changed",
        ),
        "an owner makes a link" => {
            case(Method::POST, format!("{MAPLE}/contacts/sister/link"), Value::Null, "link_made")
        }
        "a session edits the home" => signed_out(rename()),
        "a session makes codes" => signed_out(case(
            Method::POST,
            "/api/v1/recovery-codes".into(),
            Value::Null,
            "codes_made",
        )),
        "a session is proven" => signed_out(case(
            Method::PUT,
            "/api/v1/session/proof".into(),
            json!({"password": "buckler-demo"}),
            "proven",
        )),
        "a supervisor of the center invites" => {
            let asked = json!({"name": "Robin", "role": "operator"});
            no_supervisor(case(Method::POST, "/api/v1/center/invitations".into(), asked, "invited"))
        }
        "a supervisor of the center removes" => no_supervisor(case(
            Method::DELETE,
            "/api/v1/center/people/operator".into(),
            Value::Null,
            "person_changed",
        )),
        "a contact answers" => {
            let path = format!("/api/v1{}/accept", sisters_link(owner).await);
            let ends = Op::KeepContactLinks { home: maple(), kept: Vec::new() };
            Case { cookie: None, ends, ..case(Method::POST, path, Value::Null, "contact_answered") }
        }
        _ => unreachable!("{name}"),
    }
}

/// The numbers of audit records after that one: of the request, of the end of the right, the last.
async fn records(server: &Server, deed: &str, after: i64) -> (Vec<i64>, Vec<i64>, i64) {
    let mut file = connect(&server.file()).await;
    let rows = sqlx::query("SELECT number, what, detail ->> 'by' IS 'a test' FROM audit WHERE number > ? ORDER BY number").bind(after);
    let (mut made, mut ended, mut last) = (Vec::new(), Vec::new(), after);
    for row in rows.fetch_all(&mut file).await.unwrap() {
        last = row.get(0);
        match (row.get::<bool, _>(2), row.get::<&str, _>(1) == deed) {
            (true, _) => ended.push(last),
            (false, true) => made.push(last),
            _ => {}
        }
    }
    (made, ended, last)
}

/// Ends the right during the request: the end is written first, after the request has checked the
/// right.
async fn right_ends_first(name: &str) {
    let (gate, closed) = watch::channel(false);
    let gated = |database| Hindered::gated(database, closed, watch::channel(false).1);
    let server = Server::start("30s").await.restart_with_database(gated).await;
    let owner = server.sign_in("owner").await;
    let case = prepared(name, &server, &owner).await;
    let mark = records(&server, "", 0).await.2;

    gate.send_replace(true);
    let mut ends = pin!(server.app.changes.apply(change([case.ends])));
    assert!(poll!(&mut ends).is_pending());
    until("the writer has it", async || (server.app.changes.waiting() == 0).then_some(())).await;
    let request = request(&case.method, &case.path, &case.body, case.cookie.as_deref());
    let answer = tokio::spawn(router(server.app.clone(), Assets::of_last_build()).oneshot(request));
    until("the request's change waits", async || {
        (server.app.changes.waiting() == 1 || answer.is_finished()).then_some(())
    })
    .await;
    assert!(!answer.is_finished(), "{name}: {:?}", answer.await);
    gate.send_replace(false);
    ends.await.unwrap();
    let status = answer.await.unwrap().unwrap().status();
    assert!(status.is_client_error(), "{name}: {status}");
    let (made, ended, _) = records(&server, case.deed, mark).await;
    assert_eq!((made, ended.len()), (Vec::new(), 1), "{name}");
}

macro_rules! overtaken {
    ($($test:ident: $name:literal,)*) => { $(
        #[tokio::test]
        async fn $test() {
            right_ends_first($name).await;
        }
    )* };
}

overtaken! {
    demoted_owner_edits_nothing_after_that: "an owner edits the home",
    demoted_owner_invites_nobody_after_that: "an owner invites",
    demoted_owner_changes_no_right_after_that: "an owner changes a right",
    demoted_owner_makes_no_link_after_that: "an owner makes a link",
    ended_session_edits_nothing_after_that: "a session edits the home",
    ended_session_makes_no_codes_after_that: "a session makes codes",
    ended_session_is_not_proven_after_that: "a session is proven",
    demoted_supervisor_invites_nobody_after_that: "a supervisor of the center invites",
    demoted_supervisor_removes_nobody_after_that: "a supervisor of the center removes",
    replaced_link_answers_nothing_after_that: "a contact answers",
}

/// The reports of an operator, each with its body.
const REPORTS: [(&str, &str); 4] = [
    ("close", r#"{"disposition": "other", "note": "overtaken"}"#),
    ("dispatches/police", r#"{"state": "accepted", "reference": "overtaken"}"#),
    ("note", r#"{"text": "overtaken"}"#),
    ("call", r#"{"outcome": "confirmed"}"#),
];

/// Relieves the operator while the report is on its way: the report is checked before, and decided
/// on after. Returns the answer to the report, or `None` if the machine was too slow for that.
async fn reported_while_relieved(
    server: &Server,
    gate: &watch::Sender<bool>,
    [operator, supervisor]: [&Person; 2],
    incident: &str,
    (what, body): (&str, &str),
) -> Option<(StatusCode, Value)> {
    let at = |what: &str| format!("/api/v1/center/incidents/{incident}/{what}");
    assert_eq!(operator.post(&at("claim"), &json!({})).await.0, StatusCode::OK);
    until("no effect is about to be noted", async || {
        (server.app.engine.view().under_way().0 == 0).then_some(())
    })
    .await;
    gate.send_replace(true);
    let ask = |person: &Person, path: String, body: Value| {
        let person = person.clone();
        tokio::spawn(async move { person.post(&path, &body).await })
    };
    let relieved = ask(supervisor, at("release"), json!({}));
    until("the release is decided on, and its commit waits at the gate", async || {
        (gate.receiver_count() == 2).then_some(())
    })
    .await;
    let reported = ask(operator, at(what), serde_json::from_str(body).unwrap());
    until("the report waits for the event loop", async || {
        (server.app.engine.waiting() == 1 || reported.is_finished()).then_some(())
    })
    .await;
    gate.send_replace(false);
    let (relieved, reported) = (relieved.await.unwrap(), reported.await.unwrap());
    // The engine answers within 0.8 s, and a check after the release has words of its own.
    let is_checked_before = reported.1["detail"] != "Take the incident first.";
    (relieved.0 == StatusCode::OK
        && reported.0 != StatusCode::SERVICE_UNAVAILABLE
        && is_checked_before)
        .then_some(reported)
}

#[tokio::test]
async fn operator_who_was_relieved_reports_nothing_after_that() {
    let (gate, closed_to_incidents) = watch::channel(false);
    let gated = |database| Hindered::gated(database, watch::channel(false).1, closed_to_incidents);
    let server = Server::with_file("[center]\nmode = \"operators\"\n").await;
    let server = server.restart_with_database(gated).await;
    staff(&server).await;
    let (owner, operator, supervisor) = (
        server.sign_in("owner").await,
        server.sign_in("operator").await,
        server.sign_in("shared").await,
    );
    for (home, called) in [("maple-street", true), ("lake-cabin", false)] {
        let incident = owner.raise(home, "police", json!({})).await.1;
        owner.act(&incident, "send-now").await;
        let id = incident["id"].as_str().unwrap();
        if called {
            let at = |what: &str| format!("/api/v1/center/incidents/{id}/{what}");
            operator.post(&at("claim"), &json!({})).await;
            operator.post(&at("call"), &json!({"outcome": "confirmed"})).await;
            owner.until_state(&incident, "dispatching").await;
        } else {
            owner.until_state(&incident, "verifying").await;
        }
        let state = owner.look(&incident).await["state"].clone();
        // What is reported of a call belongs to the first call, and all else to what follows it.
        for report in REPORTS.iter().filter(|(what, _)| (*what != "call") == called) {
            let (status, problem) = until(report.0, || {
                reported_while_relieved(&server, &gate, [&operator, &supervisor], id, *report)
            })
            .await;
            assert_eq!(
                (status, &problem["detail"]),
                (StatusCode::FORBIDDEN, &json!("Somebody else works on this incident.")),
                "{}",
                report.0
            );
            let told = owner.look(&incident).await;
            assert_eq!(told["state"], state, "{}", report.0);
            assert!(!told.to_string().contains("overtaken"), "{}: {told}", report.0);
        }
    }
}
