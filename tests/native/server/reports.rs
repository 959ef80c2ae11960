//! Reports of a center about a home that signals to it, and which incident they are about.

use super::{
    Person, Server,
    cameras::free_port,
    receiver::DIGITS,
    until,
    webhooks::{SECRET, called_off, report, sent},
};
use buckler::{
    api::webhooks::Message,
    domain::incident::{Disposition, Report},
    server::webhooks::incoming,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::{fs, time::Duration};
use tempfile::TempDir;

/// A folder with the key of the signals and the secret of the reports.
fn secrets() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), DIGITS).unwrap();
    fs::write(folder.path().join("secret"), SECRET).unwrap();
    folder
}

/// A home that signals to a receiving center on this port.
async fn home(port: u16, format: &str, secrets: &TempDir) -> Server {
    let path = |name: &str| secrets.path().join(name).display().to_string();
    let file = format!(
        "[center]\nmode = \"receiver\"\nring_timeout = \"60s\"\n\
         [center.receiver]\nmain = \"tcp://127.0.0.1:{port}\"\nformat = \"{format}\"\nkey_file = \"{}\"\n\
         [center.receiver.accounts]\nmaple-street = \"1234\"\nlake-cabin = \"5678\"\n\
         [[reporter]]\nname = \"harbor\"\ntitle = \"Harbor\"\nsecret_file = \"{}\"\n",
        path("key"),
        path("secret"),
    );
    Server::with_file(&file).await
}

fn recorded(yes: bool) -> (StatusCode, Value) {
    (StatusCode::OK, json!({"recorded": yes}))
}

async fn notes(owner: &Person, incident: &Value) -> Vec<String> {
    let lines = owner.look(incident).await["timeline"].as_array().unwrap().clone();
    lines.iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

/// I27. A center that was down found its own incident late, and a review there closed it.
#[test]
fn review_at_the_center_is_not_said_of_the_home() {
    for (theirs, ours) in [
        ("reviewed_not_sent", Disposition::ClosedByCenter),
        ("ended_by_home", Disposition::ClosedByCenter),
        ("help_given", Disposition::HelpGiven),
        ("false_alarm", Disposition::FalseAlarm),
    ] {
        let message: Message = serde_json::from_value(json!({
            "type": "incident.closed", "timestamp": "2026-11-23T12:00:00.000Z", "data": {"disposition": theirs},
        }))
        .unwrap();
        let ended = Some(Report::Ended { disposition: ours });
        assert_eq!(incoming::report(&message), ended, "{theirs}");
    }
}

/// A message with its signature, which can be sent again as it is.
struct Signed {
    id: &'static str,
    at: i64,
    body: String,
}

impl Signed {
    fn new(server: &Server, id: &'static str, kind: &str, data: Value) -> Self {
        let now = server.app.clock.now();
        let body = json!({"type": kind, "timestamp": now, "data": data}).to_string();
        Self { id, at: (now.as_millis() / 1_000) as i64, body }
    }

    async fn send(&self, server: &Server) -> (StatusCode, Value) {
        let Self { id, at, body } = self;
        let signature = Webhook::new(SECRET).unwrap().sign(id, *at, body.as_bytes()).unwrap();
        let request =
            server.stranger().client.post(format!("{}/api/v1/reports/harbor", server.base));
        let request = request
            .header("webhook-id", *id)
            .header("webhook-timestamp", *at)
            .header("webhook-signature", signature)
            .body(body.clone());
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }
}

/// What the reporter has said of an incident, as its timeline shows it.
async fn said_by_harbor(owner: &Person, incident: &Value) -> usize {
    let lines = owner.look(incident).await["timeline"].as_array().unwrap().clone();
    lines.iter().filter(|line| line["by"] == "Harbor").count()
}

/// F28: what was said of one incident was once recorded in the next.
#[tokio::test]
async fn replayed_report_counts_in_no_other_incident() {
    let secrets = secrets();
    let server = home(free_port(), "adm-cid", &secrets).await;
    let owner = server.sign_in("owner").await;
    let first = sent(&owner, "police").await;
    let data = || json!({"account": "1234"});
    let claimed = Signed::new(&server, "1", "incident.claimed", data());
    assert_eq!(claimed.send(&server).await, recorded(true));
    called_off(&server, &owner, &first).await;
    let second = sent(&owner, "police").await;
    assert_eq!(claimed.send(&server).await, recorded(true), "the answer of the first time");
    let server = server.restart_with_file(async || ()).await;
    let owner = server.sign_in("owner").await;
    assert_eq!(claimed.send(&server).await, recorded(true), "also after a restart");
    let other = Signed { body: claimed.body.replace("claimed", "released"), ..claimed };
    assert_eq!(other.send(&server).await, recorded(false), "the id belongs to another message");
    let counts = (said_by_harbor(&owner, &first).await, said_by_harbor(&owner, &second).await);
    assert_eq!(counts, (1, 0));
    let new = Signed::new(&server, "2", "incident.claimed", data());
    assert_eq!(new.send(&server).await, recorded(true), "what is said of the second counts there");
    assert_eq!(said_by_harbor(&owner, &second).await, 1);
}

/// F28: a report that is about nothing when it comes is about nothing later.
#[tokio::test]
async fn report_about_nothing_is_replayed_into_no_incident() {
    let secrets = secrets();
    let server = home(free_port(), "adm-cid", &secrets).await;
    let data = json!({"account": "1234"});
    // The sender's clock is ahead, so that the time does not give it away.
    let said = Signed::new(&server, "1", "incident.closed", data);
    let minute = server.app.clock.now() + Duration::from_secs(60);
    let mut body: Value = serde_json::from_str(&said.body).unwrap();
    body["timestamp"] = json!(minute);
    let said = Signed { body: body.to_string(), ..said };
    assert_eq!(said.send(&server).await, recorded(false), "nothing runs");
    let owner = server.sign_in("owner").await;
    let incident = sent(&owner, "police").await;
    assert_eq!(said.send(&server).await, recorded(false));
    let server = server.restart_with_file(async || ()).await;
    let owner = server.sign_in("owner").await;
    assert_eq!(said.send(&server).await, recorded(false), "also after a restart");
    assert_eq!(said_by_harbor(&owner, &incident).await, 0);
    assert_ne!(owner.look(&incident).await["state"], "closed");
}

/// I24: the center closes the first alarm after the second one was sent, and knows only the account.
#[tokio::test]
async fn report_by_account_after_a_call_off_is_a_note() {
    let secrets = secrets();
    let server = home(free_port(), "adm-cid", &secrets).await;
    let owner = server.sign_in("owner").await;
    let first = sent(&owner, "police").await;
    called_off(&server, &owner, &first).await;
    let second = sent(&owner, "police").await;
    owner.until_state(&second, "dispatching").await;
    let (closed, moved) = ("incident.closed", "incident.dispatch_moved");
    let accepted = json!({"service": "police", "state": "accepted"});
    let said = report(&server, "1", closed, json!({"account": "1234"})).await;
    assert_eq!(said, recorded(true), "it is kept");
    let data = json!({"account": "1234", "dispatch": accepted.clone()});
    assert_eq!(report(&server, "2", moved, data.clone()).await, recorded(true));
    assert_eq!(report(&server, "2", moved, data).await, recorded(false), "F28: once");
    assert_eq!(
        report(&server, "3", "incident.claimed", json!({"account": "1234"})).await,
        recorded(true)
    );
    let call = json!({"name": "Sister", "outcome": "wrong_password"});
    let data = json!({"account": "1234", "call": call});
    assert_eq!(report(&server, "7", "incident.call_ended", data).await, recorded(true));
    let export = format!("/api/v1/incidents/{}/export", second["id"].as_str().unwrap());
    let export = owner.get(&export).await.1.to_string();
    assert!(
        export.contains("The call to Sister ended") && !export.contains("wrong"),
        "R16: {export}"
    );
    let story = owner.look(&second).await;
    assert_eq!(
        (&story["state"], &story["dispatches"][0]["state"]),
        (&json!("dispatching"), &json!("requested"))
    );
    assert_ne!(story["acknowledgment"], "center", "nobody there has seen it");
    let is_note =
        |text: &String| text.ends_with("of this home, not of this incident: nothing changes here");
    assert_eq!(notes(&owner, &second).await.iter().filter(|text| is_note(text)).count(), 4);

    let of = |incident: &Value| json!({"account": "1234", "home_incident": incident["id"], "dispatch": accepted});
    assert_eq!(report(&server, "4", closed, of(&first)).await, recorded(true), "help may come");
    assert_eq!(owner.look(&second).await["state"], "dispatching");
    assert_eq!(report(&server, "5", moved, of(&second)).await, recorded(true));
    assert_eq!(owner.look(&second).await["dispatches"][0]["state"], "accepted");
    assert_eq!(report(&server, "6", closed, of(&second)).await, recorded(true));
    owner.until_state(&second, "closed").await;
}

/// I24.
#[tokio::test]
async fn report_by_account_counts_while_nothing_else_was_sent() {
    let secrets = secrets();
    let server = home(free_port(), "adm-cid", &secrets).await;
    let owner = server.sign_in("owner").await;
    let aborted = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&aborted, "cancel").await;
    let elsewhere = owner.raise("lake-cabin", "police", json!({})).await.1;
    owner.act(&elsewhere, "send-now").await;
    let incident = sent(&owner, "police").await;
    let claimed = report(&server, "1", "incident.claimed", json!({"account": "1234"})).await;
    assert_eq!(claimed, recorded(true));
    assert_eq!(owner.look(&incident).await["acknowledgment"], "center");
    assert_eq!(owner.look(&elsewhere).await["acknowledgment"], "waiting");
}

#[tokio::test]
async fn report_that_names_an_incident_is_about_no_other() {
    let secrets = secrets();
    let server = home(free_port(), "adm-cid", &secrets).await;
    let owner = server.sign_in("owner").await;
    let incident = sent(&owner, "police").await;
    let closed = async |id: &str, data: Value| report(&server, id, "incident.closed", data).await.0;
    let unknown = "00000000-0000-7000-8000-000000000000";
    let data = json!({"account": "1234", "home_incident": unknown});
    assert_eq!(closed("1", data).await, StatusCode::NOT_FOUND, "another incident of the home");
    let data = json!({"account": "5678", "home_incident": incident["id"]});
    assert_eq!(closed("2", data).await, StatusCode::NOT_FOUND, "another home named it");
    let data = json!({"account": "1234", "incident": unknown});
    assert_eq!(closed("3", data).await, StatusCode::OK, "the center's own id says nothing");
    let data = json!({"home_incident": incident["id"]});
    assert_eq!(closed("4", data).await, StatusCode::OK);
    assert!(
        notes(&owner, &incident).await.contains(&"The monitoring center has finished".to_owned())
    );
}

/// I24 I30: two servers. What an operator closes there is closed at home, and nothing else.
#[tokio::test]
async fn center_names_the_incident_that_the_home_signaled() {
    for format in ["adm-cid", "sia-dcs"] {
        let (secrets, port) = (secrets(), free_port());
        let home = home(port, format, &secrets).await;
        let path = |name: &str| secrets.path().join(name).display().to_string();
        let center = Server::with_file(&format!(
            "[center]\nmode = \"operators\"\n[center.listener]\nlisten = \"tcp://127.0.0.1:{port}\"\n\
             [center.listener.accounts.1234]\nhome = \"maple-street\"\nkey_file = \"{}\"\n\
             [[webhook]]\nurl = \"{}/api/v1/reports/harbor\"\nsecret_file = \"{}\"\n",
            path("key"),
            home.base,
            path("secret"),
        ))
        .await;
        let (owner, operator) = (home.sign_in("owner").await, center.sign_in("operator").await);
        let first = sent(&owner, "police").await;
        let taken = take(&operator, "has the alarm", &owner, &first).await;
        called_off(&home, &owner, &first).await;
        says(&operator, &taken, "Says that it was canceled there").await;
        close(&operator, &taken).await;
        // It is over at home, so that the report is recorded there.
        until("the first is closed there", || async {
            let notes = notes(&owner, &first).await;
            notes.iter().any(|text| text == "The monitoring center has finished").then_some(())
        })
        .await;
        let second = sent(&owner, "fire").await;
        let taken = take(&operator, "has the alarm", &owner, &second).await;
        close(&operator, &taken).await;
        owner.until_state(&second, "closed").await;
        assert_eq!(owner.look(&first).await["state"], "cancelled");
    }
}

/// Waits until home has been told that its alarm arrived and a case waits at the center, and takes it.
async fn take(operator: &Person, text: &str, owner: &Person, incident: &Value) -> String {
    until(text, || async {
        notes(owner, incident).await.iter().any(|line| line.contains(text)).then_some(())
    })
    .await;
    let queue = "/api/v1/center/incidents";
    let id = until("it waits", || async {
        operator.get(queue).await.1["cases"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    let (status, case) = operator.post(&format!("{queue}/{id}/claim"), &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{case}");
    id
}

async fn says(operator: &Person, case: &str, text: &str) {
    until(text, || async {
        let cases = operator.get("/api/v1/center/incidents").await.1["cases"].clone();
        let one = cases.as_array().unwrap().iter().find(|one| one["id"] == case).cloned();
        one.filter(|one| one.to_string().contains(text))
    })
    .await;
}

/// The operator reaches nobody, and closes the case.
async fn close(operator: &Person, case: &str) {
    let path = format!("/api/v1/center/incidents/{case}");
    let closed = async || {
        let outcome = json!({"outcome": "no_answer"});
        operator.post(&format!("{path}/call"), &outcome).await;
        let how = json!({"disposition": "false_alarm"});
        let (status, _) = operator.post(&format!("{path}/close"), &how).await;
        (status == StatusCode::OK).then_some(())
    };
    until("it is closed", closed).await;
}
