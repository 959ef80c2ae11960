//! The audit contains everything that is done and nothing secret, and verification finds tampering.

use super::{Person, Server, audited, connect, until};
use buckler::server::store::sqlite::{Verdict, verify};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Tampers with the file, as somebody with access to it who knows the triggers' names could.
async fn tamper(server: &Server, statement: &str) {
    let mut file = connect(&server.file()).await;
    for trigger in ["audit_is_not_changed", "audit_is_not_shortened"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TRIGGER IF EXISTS {trigger}")))
            .execute(&mut file)
            .await
            .unwrap();
    }
    let changed = sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(&mut file)
        .await
        .unwrap()
        .rows_affected();
    assert!(changed > 0, "{statement}");
}

/// Performs one action of every kind. Returns the secrets that the audit must not contain: the
/// token of a contact's link, and a recovery code.
async fn deeds(server: &Server, owner: &Person) -> [String; 2] {
    let wrong = json!({"email": "owner@demo.test", "password": "a guess that is wrong"});
    server.stranger().post("/api/v1/session", &wrong).await;
    // This record is written after the answer.
    let recorded = || async {
        Some(owner.get("/api/v1/homes/maple-street/audit").await.1)
            .filter(|all| all[0]["what"] == "sign_in_refused")
    };
    until("the record", recorded).await;
    server
        .stranger()
        .post("/api/v1/session", &json!({"email": "nobody@demo.test", "password": "x"}))
        .await;
    let put = async |path: &str, body: Value| {
        assert_eq!(owner.ask(Method::PUT, path, &body).await.0, StatusCode::OK, "{path}")
    };
    put("/api/v1/homes/maple-street/name", json!({"name": "The house by the brook"})).await;
    put(
        "/api/v1/homes/maple-street/verbal-password",
        json!({"password": "red robin", "current": "blue heron"}),
    )
    .await;
    put(
        "/api/v1/homes/maple-street/people/guest",
        json!({"role": "shared", "sos_withdrawn": true}),
    )
    .await;
    owner.ask(Method::PUT, "/api/v1/session/proof", &json!({"password": "also wrong"})).await;
    let link = owner.post("/api/v1/homes/maple-street/contacts/sister/link", &Value::Null).await.1
        ["path"]
        .clone();
    let opt_out = format!("/api/v1{}/opt-out", link.as_str().unwrap());
    assert_eq!(server.stranger().post(&opt_out, &json!({})).await.0, StatusCode::OK);
    let codes = owner.post("/api/v1/recovery-codes", &Value::Null).await.1["codes"].clone();
    let changed = json!({"current": "buckler-demo", "password": "three quiet otters"});
    assert_eq!(
        owner.ask(Method::PUT, "/api/v1/password", &changed).await.0,
        StatusCode::NO_CONTENT
    );
    let token = link.as_str().unwrap().trim_start_matches("/contact/");
    [token.to_owned(), codes[0].as_str().unwrap().to_owned()]
}

#[tokio::test]
async fn audit_records_who_did_what_from_where_and_no_secret() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let secrets = deeds(&server, &owner).await;
    let (status, all) = owner.get("/api/v1/homes/maple-street/audit").await;
    assert_eq!(status, StatusCode::OK);
    let seen: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|record| record["what"].as_str().unwrap())
        .collect();
    let done = [
        "signed_in",
        "sign_in_refused",
        "home_changed",
        "home_changed",
        "person_changed",
        "proof_refused",
        // The sister must agree again.
        "home_changed",
        "link_made",
        "contact_answered",
        "codes_made",
        "password_changed",
    ];
    assert_eq!(seen, done);
    let renamed = &all[8];
    assert_eq!(
        (&renamed["who"], &renamed["address"], &renamed["about"]),
        (&json!("Olivia"), &json!("127.0.0.1"), &json!(["name"]))
    );
    let detail: Value = serde_json::from_str(renamed["detail"].as_str().unwrap()).unwrap();
    assert_eq!(
        detail,
        json!({"name": {"before": "Maple Street", "after": "The house by the brook"}})
    );
    let text = all.to_string();
    let words = ["argon2", "heron", "robin", "otters", "guess", "buckler-demo"];
    for secret in words.into_iter().chain(secrets.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn audit_is_read_page_by_page_and_each_home_has_its_own() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    deeds(&server, &owner).await;
    let all = owner.get("/api/v1/homes/maple-street/audit").await.1;
    let page = owner
        .get(&format!("/api/v1/homes/maple-street/audit?limit=2&before={}", all[1]["number"]))
        .await
        .1;
    assert_eq!(page, json!([all[2], all[3]]));
    assert_eq!(
        owner.get("/api/v1/homes/maple-street/audit?before=-1").await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    // Changes of an account are in the audit of each of its homes.
    let other = owner.get("/api/v1/homes/lake-cabin/audit").await.1.to_string();
    assert!(other.contains("password_changed") && !other.contains("brook"), "{other}");
}

/// One actor's repeated records pushed all others out of the only page.
#[tokio::test]
async fn audit_is_read_by_kind_of_action() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    deeds(&server, &owner).await;
    let path = "/api/v1/homes/maple-street/audit";
    let read = async |query: &str| owner.get(&format!("{path}?{query}")).await;
    let whats = |all: &Value| {
        let all = all.as_array().unwrap().iter();
        all.map(|record| record["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (status, some) = read("what=contact_answered,sign_in_refused").await;
    assert_eq!(status, StatusCode::OK, "{some}");
    assert_eq!(whats(&some), ["contact_answered", "sign_in_refused"]);
    assert_eq!(some[0]["who"], "Sister", "a contact has no account");
    let (_, changes) = read("what=home_changed&limit=2").await;
    let before = format!("what=home_changed&before={}", changes[1]["number"]);
    assert_eq!(whats(&changes), ["home_changed", "home_changed"]);
    assert_eq!(whats(&read(&before).await.1), ["home_changed"]);
    for wrong in ["what=", "what=home_changed,", "what=something"] {
        let (status, problem) = read(wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert_eq!(problem["errors"][0]["field"], "what");
    }
}

#[tokio::test]
async fn audit_binds_every_step_of_an_incident_across_a_restart() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "cancel").await;
    owner.until_state(&incident, "aborted").await;
    let (before, head) = audited(&server.file()).await;
    assert!(before >= 3, "a sign-in, a start, an end: {before}");
    // The server stops before the audit has this incident.
    let late = owner.raise("maple-street", "fire", json!({})).await.1;
    let server = server.restart_after(std::time::Duration::ZERO).await;
    let owner = server.sign_in("owner").await;
    owner.act(&late, "cancel").await;
    let (after, _) = audited(&server.file()).await;
    assert!(after >= before + 3, "{after}");
    assert!(
        matches!(verify(&server.file(), Some(&head)).await.unwrap(), Verdict::Whole { .. }),
        "what was the last record is still there"
    );
}

#[tokio::test]
async fn what_is_changed_moved_or_taken_out_of_the_audit_shows() {
    let ways = [
        (
            "UPDATE audit SET account = 'guest' WHERE number = 1",
            "record 1 is not as it was written",
        ),
        ("UPDATE audit SET at = at + 1 WHERE number = 2", "record 2 is not as it was written"),
        ("UPDATE audit SET detail = '{}' WHERE number = 2", "record 2 is not as it was written"),
        ("DELETE FROM audit WHERE number = 2", "record 2 is missing"),
        ("DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)", "the expected hash"),
        ("UPDATE facts SET body = replace(body, 'police', 'fire')", "is not what record"),
        ("DELETE FROM facts WHERE first > 1", "is not what record"),
        ("DELETE FROM audited", "the audit was not told"),
    ];
    for (statement, said) in ways {
        let server = Server::start("30s").await;
        let owner = server.sign_in("owner").await;
        let incident = owner.raise("maple-street", "police", json!({})).await.1;
        owner.act(&incident, "cancel").await;
        owner.until_state(&incident, "aborted").await;
        let (_, head) = audited(&server.file()).await;
        tamper(&server, statement).await;
        match verify(&server.file(), Some(&head)).await.unwrap() {
            Verdict::Broken(what) => assert!(what.contains(said), "{statement}: {what}"),
            whole @ Verdict::Whole { .. } => panic!("{statement}: {whole}"),
        }
    }
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_or_shorten_the_audit() {
    let server = Server::start("30s").await;
    server.sign_in("owner").await;
    let mut file = connect(&server.file()).await;
    for statement in ["UPDATE audit SET account = 'guest'", "DELETE FROM audit"] {
        let refused = sqlx::query(statement).execute(&mut file).await.unwrap_err().to_string();
        assert!(refused.contains("only added to"), "{refused}");
    }
}
