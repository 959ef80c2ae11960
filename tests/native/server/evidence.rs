//! Evidence is the same from the page and from the command line, has seals that others can check,
//! and is kept.

use super::{Server, connect, until};
use buckler::domain::id::UserId;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::Connection;
use std::{
    path::Path,
    process::{Command, Output},
};

fn buckler(data: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_buckler"))
        .args(words)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap()
}

/// Runs a checker that shares no code with the server.
fn check(file: &Path) -> Output {
    check_against(file, &[])
}

fn check_against(file: &Path, key: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify-evidence.py");
    Command::new("/usr/bin/python3").arg(program).arg(file).args(key).output().unwrap()
}

async fn with_incidents() -> (Server, Value, Value) {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let notes = json!({"gate": "under the stone"});
    owner.ask(reqwest::Method::PUT, "/api/v1/homes/maple-street/notes", &notes).await;
    let one = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&one, "send-now").await;
    let other = owner.raise("lake-cabin", "medical", json!({})).await.1;
    owner.act(&other, "cancel").await;
    let one = until("a call", || async {
        Some(owner.look(&one).await).filter(|one| one["calls"][0]["state"] == "ringing")
    })
    .await;
    (server, one, other)
}

#[tokio::test]
async fn evidence_written_beside_a_server_has_seals_that_others_check() {
    let (server, one, other) = with_incidents().await;
    let (data, out) = (server.file().parent().unwrap().to_owned(), tempfile::tempdir().unwrap());
    let folder = out.path().join("evidence");
    let asked =
        |more: &[&str]| buckler(&data, &[&["export", folder.to_str().unwrap()], more].concat());
    let done = asked(&[]);
    assert!(done.status.success(), "{done:?}");
    let said = String::from_utf8(done.stdout).unwrap();
    let file = |incident: &Value, ending: &str| {
        folder.join(format!("buckler-{}.{ending}", incident["id"].as_str().unwrap()))
    };
    for incident in [&one, &other] {
        let checked = check(&file(incident, "json"));
        assert!(checked.status.success(), "{checked:?}");
        let seal = String::from_utf8(checked.stdout)
            .unwrap()
            .trim()
            .rsplit(' ')
            .next()
            .unwrap()
            .to_owned();
        assert!(said.contains(&format!("{} {seal}", incident["id"].as_str().unwrap())), "{said}");
    }
    let text = std::fs::read_to_string(file(&one, "json")).unwrap();
    assert!(
        !text.contains("argon2") && !text.contains("under the stone"),
        "no password, and nothing that is for responders alone"
    );
    // The page's export is the same, line for line.
    let path = format!("/api/v1/incidents/{}/export", one["id"].as_str().unwrap());
    let owner = server.sign_in("owner").await;
    let written: Value = serde_json::from_str(&text).unwrap();
    let seen = owner.get(&path).await.1;
    let lines = written["events"].as_array().unwrap().len();
    assert_eq!(
        seen["events"].as_array().unwrap()[..lines],
        written["events"].as_array().unwrap()[..]
    );
    // The checker finds every change and omission.
    for (from, to) in
        [("\"name\": \"Olivia\"", "\"name\": \"Nobody\""), ("sent_now", "countdown_over")]
    {
        let forged = out.path().join("forged.json");
        std::fs::write(&forged, text.replace(from, to)).unwrap();
        assert!(!check(&forged).status.success(), "{from}");
    }
    let mut short = written.clone();
    short["events"].as_array_mut().unwrap().remove(1);
    std::fs::write(out.path().join("short.json"), short.to_string()).unwrap();
    assert!(!check(&out.path().join("short.json")).status.success());
    let again = asked(&[]);
    assert!(
        !again.status.success() && String::from_utf8_lossy(&again.stderr).contains("File exists"),
        "nothing is overwritten: {again:?}"
    );
}

#[tokio::test]
async fn evidence_is_signed_with_a_key_that_others_can_know() {
    let (server, one, _) = with_incidents().await;
    let (data, out) = (server.file().parent().unwrap().to_owned(), tempfile::tempdir().unwrap());
    let key = String::from_utf8(buckler(&data, &["evidence", "key"]).stdout).unwrap();
    let key = key.trim();
    let path = format!("/api/v1/incidents/{}/export", one["id"].as_str().unwrap());
    let owner = server.sign_in("owner").await;
    let seen = owner.get(&path).await.1;
    let folder = out.path().join("evidence");
    assert!(buckler(&data, &["export", folder.to_str().unwrap()]).status.success());
    let written = std::fs::read_to_string(
        folder.join(format!("buckler-{}.json", one["id"].as_str().unwrap())),
    )
    .unwrap();
    let page = owner
        .client
        .get(format!("{}{path}?format=html", owner.base))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        page.contains(key) && page.contains("does not prove"),
        "the page names the key, and says what it does not prove"
    );

    let file = out.path().join("one.json");
    let checked = |text: &str, key: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let output = check_against(&file, key);
        (
            output.status.success(),
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap(),
        )
    };
    for text in [&seen.to_string(), &written] {
        let (good, said) = checked(text, &[key]);
        assert!(good && said.contains("signed with the expected key"), "{said}");
        assert!(checked(text, &[]).1.contains("which was not checked"));
    }
    // The signature covers what no seal covers.
    let forgeries: [fn(&mut Value); 4] = [
        |evidence| evidence["events"][0]["text"] = json!("Nothing happened"),
        |evidence| evidence["incident"]["state"] = json!("closed"),
        |evidence| evidence["exported_at"] = json!("2026-01-01T00:00:00.000Z"),
        |evidence| evidence["signature"]["algorithm"] = json!("none"),
    ];
    for (n, forge) in forgeries.iter().enumerate() {
        let mut forged = seen.clone();
        forge(&mut forged);
        let (good, said) = checked(&forged.to_string(), &[]);
        assert!(!good && said.contains("not as it was signed"), "{n}: {said}");
    }
    // A duplicate field: other readers may use the first one.
    let twice = seen.to_string().replacen('{', "{\"exported_at\":\"2026-01-01T00:00:00.000Z\",", 1);
    assert!(checked(&twice, &[key]).1.contains("a field twice"));
    let mut unsigned = seen.clone();
    unsigned.as_object_mut().unwrap().remove("signature");
    assert_eq!(checked(&unsigned.to_string(), &[key]), (false, "the file is not signed\n".into()));
    // A forger signs with another key.
    let (other, mut forged) = (Server::start("30s").await, seen.clone());
    let other_key =
        String::from_utf8(buckler(other.file().parent().unwrap(), &["evidence", "key"]).stdout)
            .unwrap();
    forged["signature"]["public_key"] = json!(other_key.trim());
    assert!(checked(&forged.to_string(), &[key]).1.contains("signed with another key"));
    assert!(!checked(&forged.to_string(), &[]).0);
}

#[tokio::test]
async fn evidence_whose_key_is_damaged_is_given_unsigned() {
    let (server, one, _) = with_incidents().await;
    std::fs::write(server.file().with_file_name("evidence-key"), "short").unwrap();
    let owner = server.sign_in("owner").await;
    let (status, seen) =
        owner.get(&format!("/api/v1/incidents/{}/export", one["id"].as_str().unwrap())).await;
    assert_eq!((status.as_u16(), seen.get("signature")), (200, None));
    let key = buckler(server.file().parent().unwrap(), &["evidence", "key"]);
    assert!(
        !key.status.success()
            && String::from_utf8_lossy(&key.stderr).contains("no key of 32 bytes"),
        "{key:?}"
    );
}

#[tokio::test]
async fn unreadable_incident_keeps_no_other_from_being_exported() {
    let (server, one, _) = with_incidents().await;
    let broken = one["id"].as_str().unwrap().to_owned();
    // The incident that began first.
    let server = server
        .restart_after_sql("UPDATE facts SET body = '[' || body WHERE incident = (SELECT id FROM incident ORDER BY started_at LIMIT 1)")
        .await;
    let (data, out) = (server.file().parent().unwrap().to_owned(), tempfile::tempdir().unwrap());
    let done = buckler(&data, &["export", out.path().join("all").to_str().unwrap()]);
    let (told, failed) =
        (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(!done.status.success() && told.contains("1 incidents are in"), "{told}");
    assert!(failed.contains("1 more cannot be read") && failed.contains(&broken), "{failed}");
    assert_eq!(std::fs::read_dir(out.path().join("all")).unwrap().count(), 1);
}

#[tokio::test]
async fn evidence_is_chosen_by_home_day_incident_and_table_or_page() {
    let (server, one, _) = with_incidents().await;
    let (data, out) = (server.file().parent().unwrap().to_owned(), tempfile::tempdir().unwrap());
    let asked = |name: &str, more: &[&str]| {
        let folder = out.path().join(name);
        let done = buckler(&data, &[&["export", folder.to_str().unwrap()], more].concat());
        let files = std::fs::read_dir(&folder).map(|all| all.count()).unwrap_or_default();
        (done, files)
    };
    let id = one["id"].as_str().unwrap();
    assert_eq!(asked("home", &["--home", "lake-cabin"]).1, 1);
    assert_eq!(asked("one", &["--incident", id, "--format", "csv"]).1, 1);
    assert_eq!(asked("later", &["--since", "2999-01-01"]).1, 0);
    assert_eq!(asked("earlier", &["--since", "2020-01-01", "--format", "html"]).1, 2);
    assert!(!asked("bad", &["--since", "yesterday"]).0.status.success());
    let page =
        std::fs::read_to_string(out.path().join(format!("earlier/buckler-{id}.html"))).unwrap();
    assert!(
        page.contains("<style>")
            && page.contains("14 Maple Street")
            && page.contains("Sent without waiting for the countdown")
    );
    let table = std::fs::read_to_string(out.path().join(format!("one/buckler-{id}.csv"))).unwrap();
    assert!(table.starts_with("\"seq\",\"at\",\"what\",\"by\",\"text\",\"hash\"\r\n"), "{table}");
    let nowhere = buckler(out.path(), &["export", out.path().join("x").to_str().unwrap()]);
    assert!(
        String::from_utf8_lossy(&nowhere.stderr).contains("there is no database"),
        "{nowhere:?}"
    );
}

#[tokio::test]
async fn a_page_for_paper_holds_what_people_wrote_as_text() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let address = json!({"line1": "1 <script>alert(1)</script> Road", "city": "A & B", "region": "OR", "postal_code": "97205", "country": "US"});
    assert!(
        owner
            .ask(reqwest::Method::PUT, "/api/v1/homes/maple-street/address", &address)
            .await
            .0
            .is_success()
    );
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    let path = format!(
        "{}/api/v1/incidents/{}/export?format=html",
        server.base,
        incident["id"].as_str().unwrap()
    );
    let answer = owner.client.get(path).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    assert!(
        answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("default-src 'none'")
    );
    let page = answer.text().await.unwrap();
    assert!(
        page.contains("1 &lt;script&gt;alert(1)&lt;/script&gt; Road, A &amp; B")
            && !page.contains("<script"),
        "{page}"
    );
}

/// Evidence is kept for at least 400 days: the server never removes an incident on its own.
#[tokio::test]
async fn what_happened_400_days_ago_is_still_there() {
    let (server, one, _) = with_incidents().await;
    let id = one["id"].as_str().unwrap().to_owned();
    let owner = server.sign_in("owner").await;
    owner.act(&one, "silence").await;
    let before = owner.get(&format!("/api/v1/incidents/{id}/export")).await.1["events"].clone();
    let file = server.file();
    let server = server.restart_after(std::time::Duration::ZERO).await;
    let mut database = connect(&file).await;
    let age = "UPDATE incident SET started_at = started_at - 34560000000, running = NULL";
    assert_eq!(sqlx::query(age).execute(&mut database).await.unwrap().rows_affected(), 2);
    database.close().await.unwrap();
    let server = server.restart_after(std::time::Duration::ZERO).await;
    let owner = server.sign_in("owner").await;
    let after = owner.get(&format!("/api/v1/incidents/{id}/export")).await.1["events"].clone();
    let lines = before.as_array().unwrap().len();
    assert_eq!(after.as_array().unwrap()[..lines], before.as_array().unwrap()[..]);
    let schema = include_str!("../../../src/server/store/sqlite/incidents.rs");
    assert!(!schema.contains("DELETE FROM incident") && !schema.contains("DELETE FROM facts"));
}

/// Security 7: a guest could let the server read as many clips at once as it had threads.
#[tokio::test]
async fn exports_wait_in_a_line_with_a_limit() {
    let (server, one, _) = with_incidents().await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let export = format!("/api/v1/incidents/{}/export", one["id"].as_str().unwrap());
    let (end, ended) = tokio::sync::watch::channel(false);
    for _ in 0..16 {
        let (limits, mut ended) = (server.app.limits.clone(), ended.clone());
        tokio::spawn(async move {
            let account: UserId = "guest".parse().unwrap();
            let job = async move { ended.wait_for(|ends| *ends).await.is_ok() };
            limits.exports.run(&account, "planted", job).await
        });
    }
    tokio::task::yield_now().await;
    let (status, problem) = guest.get(&export).await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("busy")));
    let waiting = tokio::spawn(async move { owner.get(&export).await.0 });
    end.send(true).unwrap();
    assert_eq!(waiting.await.unwrap(), StatusCode::OK, "the guest's part is not the owner's");
}
