//! A reporter that has its secret and repeats reports without end, each of them signed and new.

use super::{
    super::server::{new_id, now},
    attack::{Plan, Tally},
    place::SECRET,
};
use reqwest::Client;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::time::Duration;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// The connections of the reporter, and the pause between two reports on each.
const CONNECTIONS: usize = 8;
const PAUSE: Duration = Duration::from_millis(20);

pub fn attack(plan: &Plan, tally: &Tally) -> JoinSet<()> {
    let client = Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let mut all = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let (client, tally, plan) = (client.clone(), tally.clone(), plan.clone());
        all.spawn(async move {
            let mut pace = interval(PAUSE);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for n in connection.. {
                pace.tick().await;
                let (kind, data) = said(n, &plan.incident);
                let answer = report(&client, &plan.base, kind, data).await;
                tally.count(kind, answer.map_or("none".into(), |status| status.to_string()));
            }
        });
    }
    all
}

/// The n-th report.
fn said(n: usize, incident: &str) -> (&'static str, Value) {
    let unknown = new_id();
    match n % 6 {
        0 => ("incident.claimed", json!({"incident": incident, "by": "Unit 7"})),
        1 => ("incident.released", json!({"incident": incident, "by": "Unit 7"})),
        2 => {
            let call = json!({"name": "Sister", "outcome": "no_answer"});
            ("incident.call_ended", json!({"incident": incident, "call": call}))
        }
        3 => {
            let dispatch = json!({"service": "police", "state": "en_route", "reference": new_id()});
            ("incident.dispatch_moved", json!({"incident": incident, "dispatch": dispatch}))
        }
        4 => ("incident.closed", json!({"home_incident": unknown, "disposition": "false_alarm"})),
        _ => ("incident.cancelled", json!({"incident": unknown, "text": "x".repeat(60_000)})),
    }
}

async fn report(client: &Client, base: &str, kind: &str, data: Value) -> Option<u16> {
    let body = json!({"type": kind, "timestamp": now(), "data": data}).to_string();
    let (id, at) = (new_id(), now().as_millis() as i64 / 1_000);
    let signature = Webhook::new(SECRET).ok()?.sign(&id, at, body.as_bytes()).ok()?;
    let request = client.post(format!("{base}/api/v1/reports/harbor")).body(body);
    let request = request
        .header("webhook-id", id)
        .header("webhook-timestamp", at)
        .header("webhook-signature", signature);
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    let _ = answer.bytes().await;
    Some(status)
}
