//! A panic about one home in a task that serves all homes: the others are served, and the server
//! goes on. The panics are planted in the log: they happen where a line about that home is written.

use super::{Person, Server, broker::Broker, until};
use buckler::domain::{access::CenterRole, id::IncidentId};
use buckler::server::store::Op;
use futures_util::FutureExt;
use serde_json::{Value, json};
use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::Field,
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, set_default},
};

/// A log that panics at a line with both of these texts. It is that of the test's thread alone,
/// on which a server in a test runs.
struct PlantedLog {
    planted: [String; 2],
    lines: Arc<Mutex<Vec<String>>>,
}

impl Subscriber for PlantedLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("buckler") && *metadata.level() <= Level::WARN
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = String::new();
        event.record(&mut |field: &Field, value: &dyn Debug| {
            write!(line, "{field}={value:?} ").unwrap();
        });
        self.lines.lock().unwrap().push(line.clone());
        assert!(!self.planted.iter().all(|text| line.contains(text)), "planted");
    }
}

/// A planted panic, for as long as it exists.
struct Planted {
    lines: Arc<Mutex<Vec<String>>>,
    _log: DefaultGuard,
}

impl Planted {
    fn at(message: &str, of: &str) -> Self {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let planted = [message.to_owned(), of.to_owned()];
        let log = PlantedLog { planted, lines: lines.clone() };
        Self { lines, _log: set_default(log) }
    }

    /// How often a panic of that task about that home was contained.
    fn contained(&self, task: &str, home: &str) -> usize {
        let texts = ["a task panicked".to_owned(), format!("{task:?}"), format!("of={home} ")];
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }

    async fn until_contained(&self, task: &str, home: &str) {
        until("the panic", async || (self.contained(task, home) > 0).then_some(())).await;
    }
}

fn assert_runs(server: &Server) {
    let failed = server.app.tasks.failed().now_or_never();
    assert!(failed.is_none(), "{failed:?}");
}

#[tokio::test]
async fn devices_of_a_home_are_checked_though_another_panics() {
    let broker = Broker::start().await;
    let base = broker.device("base").await;
    let button = "[[mqtt.button]]\nhome = \"lake-cabin\"\nname = \"Dock button\"\ntopic = \"buckler/cabin/button\"\n\
                  heartbeat_timeout = \"2s\"\npress = { single = \"police\" }\n";
    let planted = Planted::at("a device has new problems", "home=lake-cabin ");
    let server = Server::with_file(&(broker.settings(&[("base", "base")]) + button)).await;
    let owner = server.sign_in("owner").await;
    base.say("siren/state", r#"{"state":"OFF","battery":12}"#, false);
    planted.until_contained("health of devices", "lake-cabin").await;
    until("the other home's log", async || {
        let log = owner.get("/api/v1/homes/maple-street/audit").await.1;
        log.as_array().unwrap().iter().any(|r| r["what"] == "device_trouble").then_some(())
    })
    .await;
    assert_runs(&server);
    let metrics = reqwest::get(format!("{}/metrics", server.metrics)).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let counted = r#"buckler_task_panics_total{task="health of devices"}"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn message_that_panics_disturbs_the_sirens_of_no_other_home() {
    let broker = Broker::start().await;
    let (base, loft) = (broker.device("base").await, broker.device("cabin").await);
    let of_loft = "[[mqtt.siren]]\nhome = \"harbor-loft\"\ndevice = \"base\"\nprofile = \"buckler\"\nname = \"cabin\"\n";
    let server = Server::with_file(&(broker.settings(&[("base", "base")]) + of_loft)).await;
    let owner = server.sign_in("owner").await;
    let is_online = async |online: bool| {
        until("the siren is known", async || {
            let home = owner.get("/api/v1/homes/maple-street").await.1;
            (home["devices"][0]["online"] == online).then_some(())
        })
        .await;
    };
    is_online(true).await;
    let planted = Planted::at("could not parse a device's message", "home=harbor-loft ");
    loft.say("siren/state", "not JSON", false);
    planted.until_contained("sirens behind the broker", "harbor-loft").await;
    base.say("availability", "offline", true);
    is_online(false).await;
    assert_runs(&server);
}

/// An incident that the operator has claimed.
async fn claimed(owner: &Person, operator: &Person, home: &str) -> String {
    let incident = owner.raise(home, "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let id = incident["id"].as_str().unwrap().to_owned();
    operator.post(&format!("/api/v1/center/incidents/{id}/claim"), &json!({})).await;
    id
}

#[tokio::test]
async fn silent_operator_is_relieved_though_another_incident_panics() {
    let server = Server::with_file("[center]\nmode = \"operators\"\n").await;
    server.apply(Op::SetCenterRole("operator".parse().unwrap(), Some(CenterRole::Operator))).await;
    let (owner, operator) = (server.sign_in("owner").await, server.sign_in("operator").await);
    // Incidents are looked at in the order of their homes.
    let first = claimed(&owner, &operator, "lake-cabin").await;
    let second = claimed(&owner, &operator, "maple-street").await;
    let planted = Planted::at("the operator's console is silent", &format!("incident={first} "));
    server.app.operators.fall_silent();
    let id: IncidentId = second.parse().unwrap();
    until("the second is released", async || {
        server.app.engine.view().by_id(id)?.incident.assignee.is_none().then_some(())
    })
    .await;
    planted.until_contained("operators", "lake-cabin").await;
    assert_runs(&server);
}

#[tokio::test]
async fn receiving_center_is_tested_though_the_test_of_a_home_panics() {
    // Nobody listens at that port.
    let table = "[center]\nmode = \"receiver\"\n[center.receiver]\nmain = \"tcp://127.0.0.1:1\"\nsupervision = \"1s\"\nacknowledged_within = \"1s\"\n\
                 [center.receiver.accounts]\nlake-cabin = \"1234\"\nmaple-street = \"1235\"\n";
    let task = "tests of the receiving center";
    let planted = Planted::at("a receiver did not acknowledge a message", "home=lake-cabin ");
    let server = Server::with_file(table).await;
    // The home that panics is tested again, too.
    until("two tests", async || (planted.contained(task, "lake-cabin") > 1).then_some(())).await;
    let owner = server.sign_in("owner").await;
    until("the other home's test", async || {
        let home = owner.get("/api/v1/homes/maple-street").await.1;
        let checks = home["sos"]["ready"]["checks"].as_array().unwrap().clone();
        let is_tested = |check: &Value| check["detail"] == "Monitoring center does not answer";
        checks.iter().any(is_tested).then_some(())
    })
    .await;
    assert_runs(&server);
}
