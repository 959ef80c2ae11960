//! A data folder of an older version opens, and its incidents continue.

use super::{Server, audited, connect, until};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{path::Path, sync::Arc};

/// A demo of the version before the one write path: one incident was aborted, two are running, and
/// the outbox contains a siren's effect.
const BEFORE: &str = include_str!("../../fixtures/before_one_write_path.sql");

async fn facts(file: &Path) -> Vec<(String, i64, String)> {
    let mut file = connect(file).await;
    let rows = sqlx::query("SELECT incident, first, body FROM facts ORDER BY incident, first")
        .fetch_all(&mut file)
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn folder_of_the_version_before_the_one_write_path_goes_on() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let file = folder.path().join("buckler.db");
    let options =
        SqliteConnectOptions::new().filename(&file).create_if_missing(true).foreign_keys(false);
    let mut old = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(BEFORE).execute(&mut old).await.unwrap();
    old.close().await.unwrap();
    let before = facts(&file).await;
    assert_eq!(before.len(), 9);

    let server = Server::on(folder, "30s").await;
    assert_eq!(server.app.engine.view().put_back(), None, "I32: it is adopted");
    let owner = server.sign_in("owner").await;
    // The server was down for more than fifteen minutes, so a review comes first (R22).
    for home in ["maple-street", "lake-cabin"] {
        let incident = owner.get(&format!("/api/v1/homes/{home}")).await.1["incident"].clone();
        owner.until_state(&incident, "under_review").await;
    }
    until("the siren's effect is over", async || {
        (server.app.engine.view().under_way().0 == 0).then_some(())
    })
    .await;
    let past = owner.get("/api/v1/homes/maple-street/incidents").await.1;
    let states: Vec<_> = past.as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, [json!("under_review"), json!("aborted")]);
    // R20: an SOS during a review has its own countdown.
    let (status, joined) = owner.raise("lake-cabin", "medical", json!({})).await;
    assert_eq!((status, &joined["state"]), (StatusCode::OK, &json!("counting_down")), "{joined}");
    let renamed = owner
        .ask(reqwest::Method::PUT, "/api/v1/homes/lake-cabin/name", &json!({"name": "Cabin"}))
        .await;
    assert_eq!((renamed.0, &renamed.1["home"]["name"]), (StatusCode::OK, &Value::from("Cabin")));

    let after = facts(&file).await;
    assert!(before.iter().all(|old| after.contains(old)), "what happened is not rewritten");
    assert!(after.len() > before.len());
    audited(&file).await;
}

/// A downgrade: a newer version stored a kind of fact that this one does not know.
#[tokio::test]
async fn unknown_fact_hides_no_incident_that_is_over() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let over = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&over, "cancel").await;
    let runs = owner.raise("lake-cabin", "police", json!({})).await.1;
    let server = server
        .restart_after_sql(
            r#"UPDATE facts SET body = json_insert(body, '$[#]', json('{"at":"2026-11-23T14:02:05.000Z","what":"drone_sent"}')) WHERE first = (SELECT max(first) FROM facts AS all_facts WHERE all_facts.incident = facts.incident)"#,
        )
        .await;
    let owner = server.sign_in("owner").await;
    let shown = owner.look(&over).await;
    assert_eq!(shown["state"], "aborted", "{shown}");
    assert!(shown.to_string().contains("only a newer version of Buckler can show"));
    let cabin = owner.get("/api/v1/homes/lake-cabin").await.1;
    assert_eq!(cabin["quarantined"][0]["id"], runs["id"], "nobody goes on from it");
}
