//! A server without `--demo` is connected to nobody, and never claims otherwise.

use super::{Server, connect, database, instant, until};
use crate::domain::story::{OWNER, home, person, raise};
use async_trait::async_trait;
use buckler::{
    api::home::CheckKind,
    domain::{
        access::CenterRole,
        id::{CallId, IncidentId},
        incident::{
            Request,
            command::{CallStep, Command, NotReached},
            effect::Effect,
        },
        time::Timestamp,
    },
    server::{
        clock::Anchor,
        store::{
            Database, JournalReads, Op, ReportRow, RequestRow, RunningRow, StoreError, Stored,
        },
    },
};
use reqwest::StatusCode;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

async fn alone() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder, &home()).await;
    Server::of(folder, database).await
}

/// R14, F30.
#[tokio::test]
async fn incident_without_drivers_and_responders_says_so_at_once() {
    let server = alone().await;
    let app = &server.app;
    let raise = raise(&home(), Request::Police, app.policy);
    let id = raise.id;
    app.engine.raise(raise, [0; 32]).await.unwrap();
    app.engine.give(id, Command::SendNow { by: person("ada") }).await.unwrap();
    let call = CallId { incident: id, number: 1 };
    app.engine
        .give(id, Command::Call { call, step: CallStep::NotReached(NotReached::Failed) })
        .await
        .unwrap();
    let whats = || async {
        let current = app.engine.view().by_id(id)?;
        let whats: Vec<_> = current.history.iter().map(|f| f.event.name()).collect();
        (whats.contains(&"siren_failed") && whats.contains(&"noted")).then_some(whats)
    };
    let whats = until("the truth", whats).await;
    assert!(!whats.contains(&"siren_confirmed"), "no siren sounds, and none is claimed");
}

/// R23.
#[tokio::test]
async fn server_that_is_connected_to_nobody_is_not_ready() {
    let server = alone().await;
    let ready = server.app.snapshots.present_home(&home(), OWNER, None).await.unwrap().sos.ready;
    assert!(!ready.ok);
    let failing: Vec<_> = ready.checks.iter().filter(|c| !c.ok).map(|c| c.what).collect();
    assert_eq!(
        failing,
        [CheckKind::Center, CheckKind::BaseStation, CheckKind::Contacts, CheckKind::Ring],
        "without the verbal password nobody can call help off, and nobody can be rung"
    );
}

/// R23.
#[tokio::test]
async fn readyz_says_who_responds() {
    let said = async |server: &Server| {
        let answer = reqwest::get(format!("{}/readyz", server.base)).await.unwrap();
        let text = answer.text().await.unwrap();
        let center = text.lines().find_map(|line| line.strip_prefix("center: "));
        center.expect("a line about the center").to_owned()
    };
    assert_eq!(said(&Server::empty().await).await, "not connected to responders");
    let receiver = "[center]\nmode = \"receiver\"\n[center.receiver]\nmain = \"tcp://127.0.0.1:1\"\n\
                    [center.receiver.accounts]\nmaple-street = \"1234\"\n";
    let server = Server::with_file(receiver).await;
    assert_eq!(said(&server).await, "signals go to a receiving center");
    let server = Server::with_file("[center]\nmode = \"operators\"\n").await;
    assert_eq!(said(&server).await, "nobody is at the console");
    server.apply(Op::SetCenterRole("shared".parse().unwrap(), Some(CenterRole::Operator))).await;
    for (operator, now) in [
        ("operator", "an operator is at the console"),
        ("shared", "2 operators are at the console"),
    ] {
        let operator = server.sign_in(operator).await;
        assert_eq!(operator.get("/api/v1/center/incidents").await.0, StatusCode::OK);
        assert_eq!(said(&server).await, now);
    }
}

/// Counts the engine's reads.
struct Counted {
    reads: Arc<dyn JournalReads>,
    incidents: Arc<AtomicU64>,
}

#[async_trait]
impl JournalReads for Counted {
    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        self.reads.requests(ids).await
    }
    async fn running(&self) -> Result<Vec<RunningRow>, StoreError> {
        self.reads.running().await
    }
    async fn latest_over(&self, since: Timestamp) -> Result<Vec<Stored>, StoreError> {
        self.reads.latest_over(since).await
    }
    async fn pending(&self) -> Result<(Vec<Effect>, Vec<String>), StoreError> {
        self.reads.pending().await
    }
    async fn reports(&self, since: Timestamp) -> Result<Vec<ReportRow>, StoreError> {
        self.reads.reports(since).await
    }
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        self.reads.anchor().await
    }
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError> {
        self.incidents.fetch_add(1, Ordering::Relaxed);
        self.reads.incident(id).await
    }
}

#[tokio::test]
async fn readiness_pings_engine_and_store_once_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let incidents = Arc::new(AtomicU64::new(0));
    let database = database(&folder, &home()).await;
    let journal =
        Arc::new(Counted { reads: database.journal.clone(), incidents: incidents.clone() });
    let server = Server::of(folder, Database { journal, ..database }).await;
    let readyz = format!("{}/readyz", server.base);
    let began = instant();
    for _ in 0..200 {
        assert_eq!(reqwest::get(&readyz).await.unwrap().status(), 200);
    }
    let most = began.elapsed().as_secs() + 1;
    let mut file = connect(&server.file()).await;
    let probes: i64 =
        sqlx::query_scalar("SELECT count FROM probe").fetch_one(&mut file).await.unwrap();
    for count in [incidents.load(Ordering::Relaxed), probes as u64] {
        assert!((1..=most).contains(&count), "{count} pings, {most} at most");
    }
}
