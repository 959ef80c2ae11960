//! Looks at the server from outside: its memory, its log, what it stores, and what its owner finds.

use super::{
    super::load::instant,
    place::{OF_NEIGHBOR, OF_PANEL, OF_SIRENS, Place, REPORTED, SHARED},
};
use reqwest::Client;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{collections::HashSet, fs, path::PathBuf};
use tokio::time::Instant;

/// The pages of the log in the app, of fifty lines each, on which an owner finds a change of the
/// last minutes.
const PAGES_MOST: usize = 10;

/// What the attackers of a home have stored, in bytes: changes, the steps of incidents, requests
/// and withdrawals. A row counts with what it takes beside its text. Every step has a second row,
/// in the audit.
const STORED: &str = "SELECT \
    (SELECT coalesce(sum(length(detail) + 300), 0) FROM audit WHERE what <> 'incident') \
    + (SELECT coalesce(sum(length(body) + 400), 0) FROM facts JOIN incident ON id = incident \
       WHERE home IN (?1, ?2, ?3, ?4, ?5)) \
    + (SELECT 200 * count(*) FROM request JOIN incident ON incident.id = request.incident \
       WHERE home IN (?1, ?2, ?3, ?4, ?5)) \
    + (SELECT 200 * count(*) FROM withdrawal)";

/// The server, seen from outside.
pub struct Witness {
    pid: u32,
    log: PathBuf,
    database: PathBuf,
    base: String,
}

/// What there was at one moment.
pub struct Look {
    at: Instant,
    /// The bytes of the log.
    logged: usize,
    /// [`STORED`].
    stored: i64,
    /// The incidents in [`OF_SIRENS`].
    sirens: HashSet<String>,
}

impl Witness {
    pub fn new(place: &Place) -> Self {
        Self {
            pid: place.server.pid(),
            log: place.folder.path().join("log"),
            database: place.folder.path().join("buckler.db"),
            base: place.server.base(),
        }
    }

    /// The most memory that the server has had at once, MB.
    pub fn peak_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("it lives");
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("Linux says it");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1_000.0
    }

    /// Looks at the log and at what is stored.
    pub async fn look(&self, home: usize) -> Look {
        let options = SqliteConnectOptions::new().filename(&self.database).read_only(true);
        let mut file = SqliteConnection::connect_with(&options).await.expect("the file opens");
        let mut query = sqlx::query_scalar(STORED);
        for home in [home, OF_NEIGHBOR, OF_PANEL, REPORTED, SHARED] {
            query = query.bind(format!("home-{home}"));
        }
        let stored = query.fetch_one(&mut file).await.expect("a number");
        let sirens = sqlx::query_scalar("SELECT id FROM incident WHERE home = ?");
        let sirens = sirens.bind(format!("home-{OF_SIRENS}")).fetch_all(&mut file).await;
        let sirens = sirens.expect("ids").into_iter().collect();
        file.close().await.expect("closed");
        let logged = fs::metadata(&self.log).expect("a log").len() as usize;
        Look { at: instant(), logged, stored, sirens }
    }

    /// What the attackers stored in an hour if they went on like this, MB.
    pub fn stored_an_hour_mb(before: &Look, after: &Look) -> f64 {
        let seconds = (after.at - before.at).as_secs_f64();
        (after.stored - before.stored) as f64 / 1e6 / seconds * 3_600.0
    }

    /// The lines a minute that the attackers caused in the log: all but those of honest incidents,
    /// and of requests for sirens, which have no limit.
    pub fn lines_a_minute(&self, before: &Look, after: &Look, honest: &HashSet<String>) -> f64 {
        let log = fs::read(&self.log).expect("a log");
        let text = String::from_utf8_lossy(&log[before.logged..after.logged]);
        let is_theirs = |line: &&str| {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            let incident = line["incident"].as_str().unwrap_or_default();
            !honest.contains(incident) && !after.sirens.contains(incident)
        };
        let seconds = (after.at - before.at).as_secs_f64();
        text.lines().filter(is_theirs).count() as f64 / seconds * 60.0
    }

    /// Checks that the log has the end of the countdown of each of these incidents.
    pub fn log_has_all(&self, incidents: &[String]) {
        let log = fs::read_to_string(&self.log).expect("a log");
        let steps = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let over = steps.filter(|line| line["step"] == "countdown_over");
        let logged: HashSet<String> =
            over.filter_map(|line| Some(line["incident"].as_str()?.to_owned())).collect();
        let missing: Vec<_> = incidents.iter().filter(|id| !logged.contains(*id)).collect();
        assert!(missing.is_empty(), "the log has no end of the countdowns of {missing:?}");
    }

    /// The owner changes something, and knows its text.
    pub async fn change(&self, owner: &Client, home: usize) {
        let address = format!("{}/api/v1/homes/home-{home}/name", self.base);
        let body = json!({"name": marked(home)});
        let answer = owner.put(address).json(&body).send().await.expect("answered");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// Checks that the owner finds that change in the log of the app.
    pub async fn change_is_found(&self, owner: &Client, home: usize) {
        let address = format!("{}/api/v1/homes/home-{home}/audit", self.base);
        let mut before = String::new();
        for _ in 0..PAGES_MOST {
            let answer = owner.get(format!("{address}{before}")).send().await.expect("answered");
            let page: Vec<Value> = answer.json().await.expect("records");
            if page.iter().any(|record| record["detail"].to_string().contains(&marked(home))) {
                return;
            }
            let last = page.last().map(|record| record["number"].clone()).unwrap_or_default();
            before = format!("?before={last}");
        }
        panic!("the owner of home-{home} does not find a change of a minute ago");
    }

    /// Whether there has ever been an incident in that home.
    pub async fn has_incidents(&self, owner: &Client, home: usize) -> bool {
        let address = format!("{}/api/v1/homes/home-{home}/incidents", self.base);
        let answer = owner.get(address).send().await.expect("answered");
        let all: Vec<Value> = answer.json().await.expect("incidents");
        !all.is_empty()
    }
}

/// The name that the owner gives a home.
fn marked(home: usize) -> String {
    format!("Home {home} before the siege")
}
