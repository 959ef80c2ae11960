//! People at the monitoring center: they share one queue, one operator works on each incident, and
//! their reports reach the home's timeline.

use super::{Op, Person, Server, change, hindered::Hindered, until, whats};
use buckler::{domain::access::CenterRole, server::store::sqlite};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

const QUEUE: &str = "/api/v1/center/incidents";

async fn with_operators(rest: &str) -> (Server, Person, Person) {
    let server = Server::with_file(&format!("[center]\nmode = \"operators\"\n{rest}")).await;
    let (owner, operator) = (server.sign_in("owner").await, server.sign_in("operator").await);
    operator.get(QUEUE).await;
    (server, owner, operator)
}

async fn sent(owner: &Person, home: &str, request: &str) -> Value {
    let incident = owner.raise(home, request, json!({})).await.1;
    owner.act(&incident, "send-now").await;
    incident
}

async fn cases(operator: &Person) -> Vec<Value> {
    operator.get(QUEUE).await.1["cases"].as_array().unwrap().clone()
}

async fn says(operator: &Person, incident: &Value, what: &str, body: Value) -> (StatusCode, Value) {
    operator.post(&format!("{QUEUE}/{}/{what}", incident["id"].as_str().unwrap()), &body).await
}

/// R23.
#[tokio::test]
async fn home_is_ready_only_while_somebody_is_at_the_console() {
    let (server, owner, operator) = with_operators("").await;
    server.app.operators.fall_silent();
    let manned = async || owner.check("center").await["ok"].clone();
    assert_eq!(manned().await, false, "R23: nobody is at the console");
    operator.get(QUEUE).await;
    assert_eq!(manned().await, true);
}

/// I3, I21.
#[tokio::test]
async fn operator_sees_no_details_and_says_nothing_before_a_claim() {
    let (_server, owner, operator) = with_operators("").await;
    let counting = owner.raise("maple-street", "police", json!({})).await.1;
    assert_eq!(cases(&operator).await, [] as [Value; 0], "I3: nothing leaves before D");
    owner.act(&counting, "send-now").await;
    let case = cases(&operator).await.remove(0);
    assert_eq!(
        (&case["home"], &case["services"], &case["holder"], &case["whole"]),
        (&json!("Maple Street"), &json!(["police"]), &Value::Null, &Value::Null),
        "I21"
    );
    assert!(!whats(&owner.look(&counting).await).contains(&"call_placed"), "it waits for somebody");
    for what in ["call", "note", "close", "dispatches/police"] {
        let body = match what {
            "call" => json!({"outcome": "confirmed"}),
            "note" => json!({"text": "x"}),
            "close" => json!({"disposition": "other"}),
            _ => json!({"state": "accepted"}),
        };
        assert_eq!(
            says(&operator, &counting, what, body).await.1["code"],
            "not_allowed",
            "{what}: only the assignee reports"
        );
    }
    assert_eq!(says(&operator, &counting, "claim", json!({})).await.0, StatusCode::OK);
    let case = cases(&operator).await.remove(0);
    assert_eq!(
        (&case["mine"], &case["whole"]["step"], &case["whole"]["password_required"]),
        (&json!(true), &json!("call_first"), &json!(true))
    );
    assert_eq!(
        (&case["whole"]["contacts"][0]["phone"], &case["whole"]["home"]["address"]["line1"]),
        (&json!("+15035550101"), &json!("14 Maple Street"))
    );
}

/// I5, R16.
#[tokio::test]
async fn operator_works_an_incident_and_the_home_sees_each_step() {
    let (_server, owner, operator) = with_operators("").await;
    let incident = sent(&owner, "maple-street", "police").await;
    assert_eq!(says(&operator, &incident, "claim", json!({})).await.0, StatusCode::OK);
    owner.until_state(&incident, "verifying").await;
    assert_eq!(
        says(&operator, &incident, "close", json!({"disposition": "false_alarm"})).await.1["code"],
        "not_allowed",
        "I5"
    );
    // R16: a wrong password gets the same answer as no password, and help is sent.
    let off = json!({"outcome": "called_off", "verbal_password": "green heron"});
    assert_eq!(says(&operator, &incident, "call", off).await.1, json!({"accepted": false}));
    owner.until_state(&incident, "dispatching").await;
    assert_eq!(
        says(&operator, &incident, "call", json!({"outcome": "confirmed"})).await.1["code"],
        "call_over"
    );
    for state in ["accepted", "en_route", "on_scene"] {
        let (status, told) = says(
            &operator,
            &incident,
            "dispatches/police",
            json!({"state": state, "reference": "P-17"}),
        )
        .await;
        assert_eq!((status, &told["dispatches"][0]["state"]), (StatusCode::OK, &json!(state)));
    }
    says(&operator, &incident, "note", json!({"text": "Gate is open"})).await;
    let closed = says(
        &operator,
        &incident,
        "close",
        json!({"disposition": "help_given", "note": "Two officers"}),
    )
    .await
    .1;
    assert_eq!(
        (&closed["state"], &closed["dispatches"][0]["reference"]),
        (&json!("closed"), &json!("P-17"))
    );
    let story = owner.look(&incident).await["timeline"].to_string();
    for line in [
        "An operator took the incident",
        "tried to call it off with a wrong password",
        "Police: on scene (P-17)",
        "Gate is open",
        "Two officers",
        "help was given",
    ] {
        assert!(story.contains(line), "{line}: {story}");
    }
    assert!(!story.contains("connected to no responders"), "{story}");
    assert_eq!(cases(&operator).await, [] as [Value; 0], "and the center sees the home no more");
    assert_eq!(
        says(&operator, &incident, "note", json!({"text": "late"})).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_right_password_calls_it_off_and_nobody_else_can() {
    let (_server, owner, operator) = with_operators("").await;
    let incident = sent(&owner, "maple-street", "police").await;
    says(&operator, &incident, "claim", json!({})).await;
    let off = json!({"outcome": "called_off", "verbal_password": "Blue heron"});
    assert_eq!(says(&operator, &incident, "call", off).await.1, json!({"accepted": true}));
    owner.until_state(&incident, "cancelled").await;
}

#[tokio::test]
async fn life_comes_first_then_age_and_practice_is_nobodys_work() {
    let (_server, owner, operator) = with_operators("").await;
    sent(&owner, "maple-street", "police").await;
    sent(&owner, "lake-cabin", "medical").await;
    let all: Vec<_> = cases(&operator)
        .await
        .iter()
        .map(|case| case["home"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(all, ["Lake Cabin", "Maple Street"]);
    let (_server, owner, operator) = with_operators("ring_timeout = \"1s\"\n").await;
    let drill = owner.raise("maple-street", "police", json!({"mode": "drill"})).await.1;
    owner.act(&drill, "send-now").await;
    owner.until_state(&drill, "dispatching").await;
    assert_eq!(cases(&operator).await, [] as [Value; 0], "I18");
}

#[tokio::test]
async fn two_never_work_on_one_and_a_supervisor_relieves() {
    let (server, owner, operator) = with_operators("").await;
    server.apply(Op::SetCenterRole("shared".parse().unwrap(), Some(CenterRole::Supervisor))).await;
    let supervisor = server.sign_in("shared").await;
    let incident = sent(&owner, "maple-street", "fire").await;
    let (first, second) = tokio::join!(
        says(&operator, &incident, "claim", json!({})),
        says(&supervisor, &incident, "claim", json!({}))
    );
    assert_eq!(
        [first.0, second.0].iter().filter(|status| **status == StatusCode::OK).count(),
        1,
        "{first:?} {second:?}"
    );
    let (holder, other) =
        if first.0 == StatusCode::OK { (&operator, &supervisor) } else { (&supervisor, &operator) };
    assert_eq!(says(other, &incident, "note", json!({"text": "x"})).await.1["code"], "not_allowed");
    assert_eq!(says(holder, &incident, "release", json!({})).await.0, StatusCode::OK);
    assert_eq!(says(&operator, &incident, "claim", json!({})).await.0, StatusCode::OK);
    assert_eq!(
        cases(&supervisor).await[0]["whole"]["home"]["name"],
        "Maple Street",
        "a supervisor sees what goes on"
    );
    assert_eq!(says(&supervisor, &incident, "release", json!({})).await.0, StatusCode::OK);
    assert_eq!(
        says(&operator, &incident, "note", json!({"text": "x"})).await.1["code"],
        "not_allowed"
    );
    assert_eq!(says(&supervisor, &incident, "claim", json!({})).await.0, StatusCode::OK);
    assert_eq!(cases(&operator).await[0]["whole"], Value::Null, "I21");
    assert_eq!(
        operator.get(QUEUE).await.1["on_duty"],
        json!([{"id": "operator", "name": "Operator"}, {"id": "shared", "name": "Sam"}])
    );
}

#[tokio::test]
async fn what_nobody_takes_goes_on_by_itself_and_can_still_be_taken() {
    let (_server, owner, operator) =
        with_operators("unclaimed_after = \"1s\"\nring_timeout = \"2s\"\n").await;
    let incident = sent(&owner, "maple-street", "police").await;
    until("the automatic center calls", || async {
        let told = owner.look(&incident).await;
        whats(&told).contains(&"call_placed").then_some(told)
    })
    .await;
    let case = cases(&operator).await.remove(0);
    assert_eq!((&case["unclaimed"], &case["holder"]), (&json!(true), &Value::Null));
    owner.until_state(&incident, "dispatching").await;
    assert_eq!(says(&operator, &incident, "claim", json!({})).await.0, StatusCode::OK);
    assert_eq!(cases(&operator).await[0]["whole"]["step"], "dispatch");
}

/// I8, I27.
#[tokio::test]
async fn empty_console_is_offered_nothing() {
    let (server, owner, operator) = with_operators("").await;
    let calls = async |incident: &Value| {
        until("Buckler calls", || async {
            let told = owner.look(incident).await;
            whats(&told).contains(&"call_placed").then_some(told)
        })
        .await["timeline"]
            .to_string()
    };
    server.app.operators.fall_silent();
    let told = calls(&sent(&owner, "maple-street", "police").await).await;
    assert!(told.contains("Nobody is on duty at the monitoring center"), "{told}");
    assert!(!told.contains("operator is calling"), "{told}");
    operator.get(QUEUE).await;
    let offered = sent(&owner, "lake-cabin", "medical").await;
    assert!(!whats(&owner.look(&offered).await).contains(&"call_placed"), "somebody is there");
    server.app.operators.fall_silent();
    let told = calls(&offered).await;
    assert!(told.contains("Nobody is on duty"), "the last operator left during the offer: {told}");
}

/// Security 14: an operator who was removed kept an incident, and counted as being on duty.
#[tokio::test]
async fn removed_operator_gives_back_what_they_worked_on() {
    let (server, owner, operator) = with_operators("").await;
    let incident = sent(&owner, "maple-street", "police").await;
    says(&operator, &incident, "claim", json!({})).await;
    // As by the command line, in another process.
    let mut another = sqlite::open(&server.file()).await.unwrap();
    another.apply(change([Op::SetCenterRole("operator".parse().unwrap(), None)])).await.unwrap();
    let told = async || owner.look(&incident).await["timeline"].to_string();
    until("it is given back", || async {
        told().await.contains("Nobody at the center works on it now").then_some(())
    })
    .await;
    assert_eq!(owner.check("center").await["ok"], false, "nobody is on duty");
}

#[tokio::test]
async fn silent_operator_gives_back_what_they_worked_on() {
    let (server, owner, operator) = with_operators("").await;
    let incident = sent(&owner, "maple-street", "police").await;
    says(&operator, &incident, "claim", json!({})).await;
    server.app.operators.fall_silent();
    server.apply(Op::SetCenterRole("shared".parse().unwrap(), Some(CenterRole::Supervisor))).await;
    let supervisor = server.sign_in("shared").await;
    until("it is given back", || async {
        cases(&supervisor).await[0]["holder"].is_null().then_some(())
    })
    .await;
    assert!(
        owner.look(&incident).await["timeline"]
            .to_string()
            .contains("Nobody at the center works on it now")
    );
}

#[tokio::test]
async fn whoever_has_seen_the_queue_is_told_when_it_is_another() {
    let (_server, owner, operator) = with_operators("").await;
    let seen = operator.get(QUEUE).await.1["version"].as_u64().unwrap();
    let waits = {
        let operator = operator.clone();
        tokio::spawn(async move {
            until("another version", || async {
                let told = operator.get(&format!("{QUEUE}?seen={seen}")).await.1;
                (told["version"].as_u64().unwrap() > seen).then_some(())
            })
            .await;
        })
    };
    sent(&owner, "lake-cabin", "medical").await;
    waits.await.unwrap();
    for never in ["what", "-1", "18446744073709551616"] {
        assert_eq!(
            operator.get(&format!("{QUEUE}?seen={never}")).await.0,
            StatusCode::OK,
            "{never}: that was never seen"
        );
    }
}

/// A supervisor at a center, and the owner of a home with notes for responders.
async fn with_supervisor(server: &Server) -> (Person, Person) {
    server.apply(Op::SetCenterRole("shared".parse().unwrap(), Some(CenterRole::Supervisor))).await;
    let (owner, supervisor) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let notes = json!({"gate": "under the stone"});
    let put = owner.ask(Method::PUT, "/api/v1/homes/maple-street/notes", &notes).await;
    assert_eq!(put.0, StatusCode::OK, "{put:?}");
    (owner, supervisor)
}

async fn until_notes_are_shown(person: &Person) {
    until("the notes are shown", || async {
        (cases(person).await[0]["whole"]["notes"]["gate"] == "under the stone").then_some(())
    })
    .await;
}

/// How often the incident says that this person was shown the home.
async fn views(owner: &Person, incident: &Value, name: &str) -> usize {
    let lines = owner.look(incident).await["timeline"].as_array().unwrap().clone();
    let is_view = |line: &&Value| {
        line["by"] == name && line["text"].as_str().unwrap().starts_with("Was shown the address")
    };
    lines.iter().filter(is_view).count()
}

/// I21: a supervisor read gate codes of incidents that nobody had taken, and nothing recorded that.
#[tokio::test]
async fn supervisor_who_is_shown_a_home_stands_in_the_incident() {
    let (server, _, operator) = with_operators("").await;
    let (owner, supervisor) = with_supervisor(&server).await;
    let incident = sent(&owner, "maple-street", "police").await;
    assert_eq!(cases(&operator).await[0]["whole"], Value::Null);
    let first = cases(&supervisor).await.remove(0);
    assert_eq!(
        (&first["whole"]["home"]["address"]["line1"], &first["whole"]["notes"]["gate"]),
        (&json!("14 Maple Street"), &json!("")),
        "the notes wait for the record"
    );
    until_notes_are_shown(&supervisor).await;
    cases(&supervisor).await;
    assert_eq!(says(&operator, &incident, "claim", json!({})).await.0, StatusCode::OK);
    assert_eq!(cases(&operator).await[0]["whole"]["notes"]["gate"], "under the stone");
    assert_eq!(says(&operator, &incident, "note", json!({"text": "x"})).await.0, StatusCode::OK);
    assert_eq!(views(&owner, &incident, "Sam").await, 1, "once");
    assert_eq!(views(&owner, &incident, "Operator").await, 0, "the claim says it");
}

/// I25: the record of a view must not hold up a person in an emergency.
#[tokio::test]
async fn details_do_not_wait_for_a_disk_that_hangs() {
    let (hang, hangs) = watch::channel(false);
    let (server, ..) = with_operators("").await;
    let gated = |database| Hindered::gated(database, watch::channel(false).1, hangs);
    let server = server.restart_with_database(gated).await;
    let (owner, supervisor) = with_supervisor(&server).await;
    let incident = sent(&owner, "maple-street", "police").await;
    hang.send(true).unwrap();
    let shown = cases(&supervisor).await.remove(0);
    assert_eq!(shown["whole"]["contacts"][0]["phone"], "+15035550101");
    until_notes_are_shown(&supervisor).await;
    hang.send(false).unwrap();
    until("the record", || async { (views(&owner, &incident, "Sam").await == 1).then_some(()) })
        .await;
}
