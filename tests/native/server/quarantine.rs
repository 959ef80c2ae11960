//! Data that cannot be read or decided on is quarantined and named, and everything else continues.

use super::{Person, Server, audited, connect, hindered::Hindered, restricted::restrict, until};
use buckler::{domain::incident::command::Command, server::engine::Denied};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::process;

const MAPLE: &str = "/api/v1/homes/maple-street";
/// Makes facts unreadable, as if another version had written them.
pub const BREAK: &str = r#"UPDATE facts SET body = '[{"what":"of another version"}]' || body"#;
/// Restores the facts.
const MEND: &str =
    r#"UPDATE facts SET body = replace(body, '[{"what":"of another version"}]', '')"#;

async fn readyz(server: &Server) -> String {
    let answer = reqwest::get(format!("{}/readyz", server.metrics)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

async fn quarantined(person: &Person, home: &str) -> Vec<String> {
    let home = person.get(&format!("/api/v1/homes/{home}")).await.1;
    let all = home["quarantined"].as_array().cloned().unwrap_or_default();
    all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

async fn count(server: &Server, query: &'static str) -> i64 {
    let mut file = connect(&server.file()).await;
    sqlx::query_scalar(query).fetch_one(&mut file).await.unwrap()
}

/// A server that cannot read the running incident of Maple Street.
async fn broken() -> (Server, Person, String) {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    let server = server.restart_after_sql(BREAK).await;
    let owner = server.sign_in("owner").await;
    (server, owner, incident["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn unreadable_incident_is_named_and_everything_else_goes_on() {
    let (server, owner, broken) = broken().await;
    assert!(
        readyz(&server)
            .await
            .contains(&format!("incident {broken} of home maple-street: quarantined"))
    );
    assert_eq!(quarantined(&owner, "maple-street").await, [broken.as_str()]);
    assert_eq!(quarantined(&owner, "lake-cabin").await, [""; 0]);
    let operator = server.sign_in("operator").await;
    let named = operator.get("/api/v1/center/incidents").await.1["quarantined"][0].clone();
    assert_eq!((&named["id"], &named["home"]), (&json!(broken), &json!("Maple Street")));
    assert!(named["contacts"][0]["phone"].is_string() && named["address"].is_object(), "{named}");
    restrict(&server, "operator").await;
    let named = operator.get("/api/v1/center/incidents").await.1["quarantined"][0].clone();
    let shown = (&named["id"], &named["contacts"], &named["address"]);
    assert_eq!(shown, (&json!(broken), &json!([]), &Value::Null), "a stranger's device, perhaps");

    let (status, again) = owner.raise("maple-street", "fire", json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "its home sends another SOS: {again}");
    assert_ne!(again["id"], json!(broken));
    assert_eq!(owner.raise("lake-cabin", "medical", json!({})).await.0, StatusCode::CREATED);
    // The same request neither begins nor joins an incident, because its id is used.
    let same = json!({"id": broken});
    assert_eq!(owner.raise("maple-street", "police", same).await.1["code"], "id_reused");

    let server = server.restart_after_sql("SELECT 1").await;
    let owner = server.sign_in("owner").await;
    assert_eq!(quarantined(&owner, "maple-street").await, [broken]);
    owner.until_state(&again, "verifying").await;
}

#[tokio::test]
async fn incident_that_can_be_read_again_goes_on() {
    let (server, _, broken) = broken().await;
    let server = server.restart_after_sql(MEND).await;
    let owner = server.sign_in("owner").await;
    assert_eq!(quarantined(&owner, "maple-street").await, [""; 0]);
    owner.until_state(&json!({"id": broken}), "verifying").await;
    assert_eq!(
        count(&server, "SELECT count(*) FROM incident WHERE quarantined_at IS NOT NULL").await,
        0
    );
}

#[tokio::test]
async fn incident_that_can_be_read_again_waits_for_one_that_runs() {
    let (server, owner, broken) = broken().await;
    let again = owner.raise("maple-street", "fire", json!({})).await.1;
    let server = server.restart_after_sql(MEND).await;
    let owner = server.sign_in("owner").await;
    assert_eq!(quarantined(&owner, "maple-street").await, [broken]);
    assert_eq!(owner.get(MAPLE).await.1["incident"]["id"], again["id"]);
}

#[tokio::test]
async fn owner_or_operator_ends_a_quarantined_incident_for_good() {
    for by in ["owner", "operator"] {
        let (server, owner, broken) = broken().await;
        let in_home = format!("{MAPLE}/quarantine/{broken}");
        for (name, status) in [("shared", StatusCode::FORBIDDEN), ("guest", StatusCode::FORBIDDEN)]
        {
            let person = server.sign_in(name).await;
            assert_eq!(
                person.ask(Method::DELETE, &in_home, &Value::Null).await.0,
                status,
                "{name}"
            );
        }
        let elsewhere = format!("/api/v1/homes/lake-cabin/quarantine/{broken}");
        assert_eq!(
            owner.ask(Method::DELETE, &elsewhere, &Value::Null).await.0,
            StatusCode::NOT_FOUND
        );
        let at_center = format!("/api/v1/center/quarantine/{broken}");
        assert_eq!(
            owner.ask(Method::DELETE, &at_center, &Value::Null).await.0,
            StatusCode::NOT_FOUND
        );
        let (person, path, status) = match by {
            "owner" => (owner.clone(), in_home, StatusCode::OK),
            _ => (server.sign_in("operator").await, at_center, StatusCode::NO_CONTENT),
        };
        assert_eq!(person.ask(Method::DELETE, &path, &Value::Null).await.0, status);
        assert_eq!(
            person.ask(Method::DELETE, &path, &Value::Null).await.0,
            StatusCode::NOT_FOUND,
            "it is ended once"
        );
        assert_eq!(quarantined(&owner, "maple-street").await, [""; 0]);
        assert!(!readyz(&server).await.contains("quarantined"));
        let records = owner.get(&format!("{MAPLE}/audit")).await.1;
        assert_eq!(
            (&records[0]["what"], records[0]["who"].is_string()),
            (&json!("quarantine_ended"), true)
        );
        let server = server.restart_after_sql(MEND).await;
        let owner = server.sign_in("owner").await;
        assert_eq!(quarantined(&owner, "maple-street").await, [""; 0]);
        assert_eq!(
            owner.get(MAPLE).await.1["incident"],
            Value::Null,
            "what was ended does not begin again"
        );
    }
}

#[tokio::test]
async fn hidden_incident_is_quarantined_without_its_home_noticing() {
    let (server, ..) = broken().await;
    let server =
        server.restart_after_sql("UPDATE incident SET quiet = 1, quarantined_at = NULL").await;
    let (owner, operator) = (server.sign_in("owner").await, server.sign_in("operator").await);
    assert_eq!(quarantined(&owner, "maple-street").await, [""; 0]);
    let named = operator.get("/api/v1/center/incidents").await.1["quarantined"][0].clone();
    assert_eq!(named["quiet"], true, "{named}");
    let path = format!("{MAPLE}/quarantine/{}", named["id"].as_str().unwrap());
    assert_eq!(owner.ask(Method::DELETE, &path, &Value::Null).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn effect_of_an_unreadable_incident_is_done_once() {
    const LEFT: &str = r#"UPDATE facts SET body = '[' || body; INSERT INTO outbox SELECT id || '/1/siren_on',
        '{"home":"maple-street","mode":"live","not_after":null,"kind":"siren_on","device":"base-station","until":"2099-01-01T00:00:00.000Z"}' FROM incident;"#;
    const LEFT_OVER: &str = r#"UPDATE facts SET body = '[' || body; INSERT INTO outbox SELECT id || '/1/siren_on',
        '{"home":"maple-street","mode":"live","not_after":null,"kind":"siren_on","device":"base-station","until":"2099-01-01T00:00:00.000Z"}' FROM incident;
        UPDATE incident SET running = NULL;"#;
    for (left, named) in [(LEFT, 1), (LEFT_OVER, 0)] {
        let server = Server::start("30s").await;
        let owner = server.sign_in("owner").await;
        let incident = owner.raise("maple-street", "police", json!({})).await.1;
        owner.act(&incident, "send-now").await;
        owner.until_state(&incident, "verifying").await;
        until("an empty outbox", async || {
            (server.app.engine.view().under_way().0 == 0).then_some(())
        })
        .await;
        let server = server.restart_after_sql(left).await;
        assert_eq!(server.app.engine.view().unreadable_effects(), [""; 0]);
        until("an empty outbox", async || {
            (server.app.engine.view().under_way().0 == 0).then_some(())
        })
        .await;
        assert_eq!(count(&server, "SELECT count(*) FROM outbox").await, 0);
        assert_eq!(server.app.engine.view().quarantined().len(), named);
    }
}

#[tokio::test]
async fn unreadable_effect_is_named_and_the_others_are_done() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let server = server.restart_after_sql("INSERT INTO outbox VALUES ('no key', '{}')").await;
    assert!(readyz(&server).await.contains("effect no key: cannot be read"));
    until("all others are done", async || {
        (server.app.engine.view().under_way().0 == 0).then_some(())
    })
    .await;
    assert_eq!(count(&server, "SELECT count(*) FROM outbox").await, 1);
}

#[tokio::test]
async fn unreadable_home_is_named_and_every_other_is_heard() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let link = owner.phone_of("maple-street", 0).await;
    let running = owner.raise("maple-street", "police", json!({})).await.1;
    let server = server
        .restart_after_sql("UPDATE home SET document = '{' || document WHERE id = 'maple-street'")
        .await;
    let owner = server.sign_in("owner").await;
    assert!(readyz(&server).await.contains("home maple-street: cannot be read"));
    let homes = owner.get("/api/v1/me").await.1["homes"].clone();
    let named = |id: &str| {
        homes.as_array().unwrap().iter().find(|home| home["id"] == id).unwrap()["unreadable"]
            .clone()
    };
    assert_eq!((named("maple-street"), named("lake-cabin")), (json!(true), Value::Null));
    let told = [
        owner.get(MAPLE).await,
        owner.get(&format!("{MAPLE}/events")).await,
        owner.raise("maple-street", "fire", json!({})).await,
        server.stranger().get(&link).await,
    ];
    for (status, problem) in told {
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("home_unreadable"))
        );
    }
    // An account without a role in the home cannot tell that the home exists.
    assert_eq!(server.sign_in("operator").await.get(MAPLE).await.0, StatusCode::NOT_FOUND);
    assert_eq!(owner.raise("lake-cabin", "medical", json!({})).await.0, StatusCode::CREATED);
    // A running incident continues with its snapshot of the home.
    let id = running["id"].as_str().unwrap().parse().unwrap();
    let called = async || server.app.engine.view().by_id(id)?.incident.calls.first().map(drop);
    until("the first contact is called", called).await;
}

#[tokio::test]
async fn unreadable_facts_do_not_keep_the_audit_from_going_on() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    owner.raise("maple-street", "police", json!({})).await;
    // Break the facts before the audit has recorded them.
    let server = server.restart_after_sql(BREAK).await;
    let owner = server.sign_in("owner").await;
    let other = owner.raise("lake-cabin", "medical", json!({})).await.1;
    audited(&server.file()).await;
    let of_other = count(
        &server,
        "SELECT count(*) FROM audit WHERE home = 'lake-cabin' AND what = 'incident'",
    )
    .await;
    assert!(of_other > 0, "{other}");
}

#[tokio::test]
async fn history_shows_what_can_be_read() {
    let (server, owner, _) = broken().await;
    let again = owner.raise("maple-street", "fire", json!({})).await.1;
    let all = owner.get(&format!("{MAPLE}/incidents")).await.1;
    let ids: Vec<_> = all.as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, [again["id"].clone()]);
    drop(server);
}

/// An ended incident does not continue, even after its facts are readable again.
#[tokio::test]
async fn ended_quarantined_incident_never_goes_on() {
    let (server, owner, broken) = broken().await;
    let again = owner.raise("maple-street", "fire", json!({})).await.1;
    let server = server.restart_after_sql(MEND).await;
    let owner_now = server.sign_in("owner").await;
    drop(owner);
    let end = format!("{MAPLE}/quarantine/{broken}");
    assert_eq!(owner_now.ask(Method::DELETE, &end, &Value::Null).await.0, StatusCode::OK);
    let incident = json!({"id": broken});
    for action in ["send-now", "cancel", "silence", "end"] {
        assert_eq!(owner_now.act(&incident, action).await.0, StatusCode::NOT_FOUND, "{action}");
    }
    let command = Command::Tick;
    assert!(matches!(
        server.app.engine.give(broken.parse().unwrap(), command).await,
        Err(Denied::Unknown)
    ));
    assert_eq!(
        owner_now.get(&format!("/api/v1/incidents/{broken}")).await.0,
        StatusCode::NOT_FOUND
    );
    let all = owner_now.get(&format!("{MAPLE}/incidents")).await.1;
    assert!(
        all.as_array().unwrap().iter().all(|one| one["id"] != json!(broken)),
        "it is not told as if it ran"
    );
    assert_eq!(owner_now.get(MAPLE).await.1["incident"]["id"], again["id"]);
    assert_eq!(count(&server, "SELECT count(*) FROM incident WHERE running = 1").await, 1);
}

#[tokio::test]
async fn strangers_learn_numbers_and_no_names() {
    let (server, _, broken) = broken().await;
    let there = reqwest::get(format!("{}/readyz", server.base));
    let said = there.await.unwrap().text().await.unwrap();
    assert!(
        said.contains("1 incidents are quarantined")
            && !said.contains("maple")
            && !said.contains(&broken),
        "{said}"
    );
}

#[tokio::test]
async fn check_names_what_is_quarantined() {
    let (server, _, broken) = broken().await;
    let at = |base: &str| base.trim_start_matches("http://").to_owned();
    let mut command = process::Command::new(env!("CARGO_BIN_EXE_buckler"));
    command.args([
        "check",
        "--listen",
        &at(&server.base),
        "--metrics-listen",
        &at(&server.metrics),
    ]);
    command.arg("--data").arg(server.file().parent().unwrap());
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(&format!("incident {broken} of home maple-street")), "{said}");
}

#[tokio::test]
async fn history_goes_on_past_what_cannot_be_read() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    for _ in 0..5 {
        let incident = owner.raise("maple-street", "police", json!({})).await.1;
        owner.act(&incident, "cancel").await;
    }
    let broken = "UPDATE facts SET body = '[' || body WHERE incident IN (SELECT id FROM incident ORDER BY started_at DESC LIMIT 2)";
    let server = server.restart_after_sql(broken).await;
    let owner = server.sign_in("owner").await;
    let page = owner.get(&format!("{MAPLE}/incidents?limit=2")).await.1;
    assert_eq!(page.as_array().unwrap().len(), 2, "older ones take the places");
}

#[tokio::test]
async fn quarantine_that_was_not_stored_is_stored_before_the_next_sos() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    let mut file = connect(&server.file()).await;
    sqlx::query(BREAK).execute(&mut file).await.unwrap();
    let server = server
        .restart_with_database(|database| Hindered::full_once(database, Arc::new(true.into())))
        .await;
    let owner = server.sign_in("owner").await;
    assert_eq!(quarantined(&owner, "maple-street").await, [incident["id"].as_str().unwrap()]);
    assert_eq!(owner.raise("maple-street", "fire", json!({})).await.0, StatusCode::CREATED);
    assert_eq!(
        count(&server, "SELECT count(*) FROM incident WHERE quarantined_at IS NOT NULL").await,
        1
    );
}
