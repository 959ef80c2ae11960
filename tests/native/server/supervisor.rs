//! The monitoring center's supervisors, and what the operator of an incident may see of the home's
//! cameras.

use super::{Op, Person, Server, cameras::Eye, quarantine::BREAK, until};
use buckler::domain::access::CenterRole;
use reqwest::StatusCode;
use serde_json::{Value, json};

const QUEUE: &str = "/api/v1/center/incidents";
const STATISTICS: &str = "/api/v1/center/statistics";

/// A center with an operator and with Sam, the supervisor.
async fn center() -> (Server, Person, Person, Person) {
    let server = Server::with_file("[center]\nmode = \"operators\"\n").await;
    server.apply(Op::SetCenterRole("shared".parse().unwrap(), Some(CenterRole::Supervisor))).await;
    let (owner, operator, sam) = (
        server.sign_in("owner").await,
        server.sign_in("operator").await,
        server.sign_in("shared").await,
    );
    (server, owner, operator, sam)
}

async fn sent(owner: &Person, request: &str) -> Value {
    let incident = owner.raise("maple-street", request, json!({})).await.1;
    owner.act(&incident, "send-now").await;
    incident
}

async fn says(who: &Person, incident: &Value, what: &str, body: Value) -> (StatusCode, Value) {
    who.post(&format!("{QUEUE}/{}/{what}", incident["id"].as_str().unwrap()), &body).await
}

#[tokio::test]
async fn a_supervisor_hands_an_incident_to_somebody_who_is_there() {
    let (_server, owner, operator, sam) = center().await;
    let incident = sent(&owner, "fire").await;
    let to = json!({"to": "operator"});
    sam.get(QUEUE).await;
    let (status, problem) = says(&sam, &incident, "assign", to.clone()).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("to")),
        "nobody is there"
    );
    operator.get(QUEUE).await;
    assert_eq!(says(&operator, &incident, "assign", to.clone()).await.0, StatusCode::FORBIDDEN);
    says(&sam, &incident, "claim", json!({})).await;
    assert_eq!(says(&sam, &incident, "assign", to.clone()).await.0, StatusCode::OK);
    assert_eq!(says(&sam, &incident, "note", json!({"text": "x"})).await.1["code"], "not_allowed");
    assert_eq!(says(&operator, &incident, "note", json!({"text": "x"})).await.0, StatusCode::OK);
    let facts = owner.look(&incident).await["timeline"].as_array().unwrap().len();
    assert_eq!(says(&sam, &incident, "assign", to).await.0, StatusCode::OK);
    assert_eq!(
        owner.look(&incident).await["timeline"].as_array().unwrap().len(),
        facts,
        "the same again changes nothing"
    );
}

#[tokio::test]
async fn statistics_go_past_an_unreadable_incident() {
    let (server, owner, ..) = center().await;
    sent(&owner, "police").await;
    let server = server.restart_after_sql(BREAK).await;
    let (owner, sam) = (server.sign_in("owner").await, server.sign_in("shared").await);
    sent(&owner, "fire").await;
    let (status, told) = sam.get(STATISTICS).await;
    assert_eq!((status, &told["incidents"]), (StatusCode::OK, &json!(1)));
}

#[tokio::test]
async fn statistics_tell_times_and_false_alarms_and_no_home() {
    let (_server, owner, operator, sam) = center().await;
    assert_eq!(sam.get(STATISTICS).await.1["incidents"], 0);
    let drill = owner
        .raise("maple-street", "police", json!({"mode": "drill", "call_contacts": false}))
        .await
        .1;
    owner.act(&drill, "send-now").await;
    for (request, disposition) in [("police", "help_given"), ("fire", "false_alarm")] {
        let incident = sent(&owner, request).await;
        says(&operator, &incident, "claim", json!({})).await;
        says(&operator, &incident, "call", json!({"outcome": "confirmed"})).await;
        says(&operator, &incident, &format!("dispatches/{request}"), json!({"state": "accepted"}))
            .await;
        says(&operator, &incident, "close", json!({"disposition": disposition})).await;
        owner.until_state(&incident, "closed").await;
    }
    let aborted = owner.raise("maple-street", "medical", json!({})).await.1;
    owner.act(&aborted, "cancel").await;
    let told = sam.get(STATISTICS).await.1;
    assert_eq!(
        (&told["incidents"], &told["false_alarms"]),
        (&json!(2), &json!(1)),
        "neither practice nor what was aborted"
    );
    for time in ["to_claim", "to_call", "to_dispatch", "to_accepted"] {
        let of = &told[time];
        assert_eq!(of["count"], 2, "{time}");
        assert!(
            of["median_ms"].as_u64() <= of["p90_ms"].as_u64()
                && of["p90_ms"].as_u64() <= of["most_ms"].as_u64(),
            "{time}: {of}"
        );
    }
    let table =
        sam.client.get(format!("{}{STATISTICS}?format=csv", sam.base)).send().await.unwrap();
    assert_eq!(table.headers()["content-type"], "text/csv; charset=utf-8");
    let table = table.text().await.unwrap();
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(
        table.contains("\"confirmed\",\"no\",\"Operator\"") && table.contains("\"yes\""),
        "{table}"
    );
    for whole in [told.to_string(), table] {
        assert!(!whole.to_lowercase().contains("maple"), "I21: no home is named: {whole}");
    }
    for wrong in ["days=0", "days=401", "days=x", "format=pdf", "more=1"] {
        assert_eq!(
            sam.get(&format!("{STATISTICS}?{wrong}")).await.0,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{wrong}"
        );
    }
    assert_eq!(operator.get(STATISTICS).await.0, StatusCode::FORBIDDEN);
}

/// I21.
#[tokio::test]
async fn camera_is_seen_only_by_the_operator_who_has_the_incident() {
    let (server, owner, operator, sam) = center().await;
    let incident = sent(&owner, "police").await;
    let at = |camera: &str| {
        format!(
            "/api/v1/center/incidents/{}/cameras/{camera}/live",
            incident["id"].as_str().unwrap()
        )
    };
    let sees = async |who: &str, camera: &str| Eye::open(&server, who, &at(camera)).await.ok();
    assert!(sees("operator", "front-door").await.is_none(), "nobody has taken it");
    says(&operator, &incident, "claim", json!({})).await;
    let shown = operator.get(QUEUE).await.1["cases"][0]["whole"]["cameras"].clone();
    let ids: Vec<_> =
        shown.as_array().unwrap().iter().map(|camera| camera["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["front-door", "driveway"], "those that may raise an SOS");
    assert_eq!(
        sam.get(QUEUE).await.1["cases"][0]["whole"]["cameras"],
        json!([]),
        "a supervisor works on something else"
    );
    for (who, camera) in [
        ("operator", "hallway"),
        ("operator", "no-such"),
        ("shared", "front-door"),
        ("guest", "front-door"),
    ] {
        assert!(sees(who, camera).await.is_none(), "{who}: {camera}");
    }
    let mut eye = sees("operator", "front-door").await.expect("the one who works on it");
    eye.format().await;
    assert!(eye.picture().await);
    says(&operator, &incident, "release", json!({})).await;
    until("the picture ends", || async {
        sees("operator", "front-door").await.is_none().then_some(())
    })
    .await;
    while !matches!(eye.next().await, super::cameras::Seen::End) {}
}
