//! Input of strangers and guests affects nobody else: neither the names that they make up nor what
//! takes long to compute.

use super::{Person, Server, connect, instant};
use buckler::{domain::access::CenterRole, server::store::Op};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A server that takes the addresses of browsers from a proxy.
const BEHIND_PROXY: &str = "trusted_proxies = [\"127.0.0.1\"]\n";

async fn recover(stranger: &Person, email: &str) -> StatusCode {
    stranger
        .post(
            "/api/v1/session/recovery",
            &json!({"email": email, "code": "AAAA-BBBB-CCCC-DDDD-EEEE-FFFF"}),
        )
        .await
        .0
}

/// Security 2: strangers filled the table that also guards calls, keypads and passwords with names
/// of any length.
#[tokio::test]
async fn made_up_names_take_nothing_from_anybody() {
    let server = Server::start("30s").await;
    let (owner, stranger) = (server.sign_in("owner").await, server.stranger());
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let phone = owner.phone_of("maple-street", 0).await;
    let call = owner.get(&phone).await.1["call"]["id"].as_str().unwrap().to_owned();
    for name in
        [call.as_str(), "verbal/maple-street", "code/zigbee2mqtt/hall keypad", "report 127.0.0.1"]
    {
        for _ in 0..10 {
            assert_eq!(recover(&stranger, name).await, StatusCode::UNAUTHORIZED, "{name}");
        }
        assert_eq!(
            recover(&stranger, name).await,
            StatusCode::TOO_MANY_REQUESTS,
            "who does not exist is limited as who does"
        );
    }
    let check = json!({"password": "blue heron"});
    assert_eq!(
        owner.post("/api/v1/homes/maple-street/verbal-password/check", &check).await.1["correct"],
        true
    );
    let said = json!({"verbal_password": "blue heron"});
    assert_eq!(
        owner.post(&format!("{phone}/calls/{call}/cancel"), &said).await.0,
        StatusCode::ACCEPTED
    );
    assert_eq!(owner.until_state(&incident, "cancelled").await["outcome"]["by"]["name"], "Sister");
    for (email, code) in
        [("a".repeat(60_000), "x".into()), ("a@b.test".to_owned(), "x".repeat(60_000))]
    {
        let asked =
            stranger.post("/api/v1/session/recovery", &json!({"email": email, "code": code})).await;
        assert_eq!(asked.0, StatusCode::UNPROCESSABLE_ENTITY, "nothing long is looked at or kept");
    }
}

/// While a stranger guessed, an owner without a passkey could use no recovery code.
#[tokio::test]
async fn stranger_who_guesses_keeps_nobody_from_recovering() {
    let server = Server::with_file(BEHIND_PROXY).await;
    let (owner, stranger) = (server.sign_in("owner").await, server.stranger());
    let codes = owner.post("/api/v1/recovery-codes", &Value::Null).await.1["codes"].clone();
    lock_password(&stranger).await;
    let recover = async |code: &Value, from: &str| {
        let request = stranger
            .client
            .post(format!("{}/api/v1/session/recovery", server.base))
            .header("x-forwarded-for", from)
            .json(&json!({"email": "owner@demo.test", "code": code}));
        request.send().await.unwrap().status()
    };
    let wrong = json!("AAAA-BBBB-CCCC-DDDD-EEEE-FFFF");
    for host in 1..=10 {
        let from = format!("2001:db8:1:2::{host}");
        assert_eq!(recover(&wrong, &from).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(recover(&codes[0], "2001:db8:1:2::99").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(recover(&codes[0], "198.51.100.7").await, StatusCode::OK, "from another network");
}

#[tokio::test]
async fn refused_sign_ins_of_an_account_are_recorded_twenty_times() {
    let server = Server::with_file(BEHIND_PROXY).await;
    let stranger = server.stranger();
    for network in 0..30 {
        let request = stranger
            .client
            .post(format!("{}/api/v1/session/recovery", server.base))
            .header("x-forwarded-for", format!("192.0.2.{network}"))
            .json(&json!({"email": "owner@demo.test", "code": "AAAA"}));
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    // The records are written a while after the answers.
    super::until("the records", async || {
        (count(&server, "sign_in_refused").await >= 20).then_some(())
    })
    .await;
    server.apply(Op::SetCenterRole("owner".parse().unwrap(), None)).await;
    assert_eq!(count(&server, "sign_in_refused").await, 20);
}

/// The writes that refused attempts have caused: records, and probes.
async fn written(server: &Server) -> i64 {
    let mut file = connect(&server.file()).await;
    let probes = "SELECT coalesce(sum(count), 0) FROM probe";
    let probes: i64 = sqlx::query_scalar(probes).fetch_one(&mut file).await.unwrap();
    probes + count(server, "sign_in_refused").await
}

/// Only an attempt at a known address caused a write, which the next request felt.
#[tokio::test]
async fn attempt_at_an_unknown_address_costs_the_same_write() {
    let server = Server::start("30s").await;
    let stranger = server.stranger();
    let sign_in = async |email: &str| {
        let wrong = json!({"email": email, "password": "not the password"});
        stranger.post("/api/v1/session", &wrong).await.0
    };
    for email in ["owner@demo.test", "nobody@demo.test", "guest@demo.test", "no-guest@demo.test"] {
        let (before, began) = (written(&server).await, instant());
        let status = match email.contains("guest") {
            true => sign_in(email).await,
            false => recover(&stranger, email).await,
        };
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let more = async || Some(written(&server).await - before).filter(|more| *more > 0);
        assert_eq!(super::until("the write", more).await, 1, "{email}");
        assert!(
            began.elapsed() >= Duration::from_secs(1),
            "{email}: not while the next request runs"
        );
    }
    let (before, began) = (written(&server).await, instant());
    for n in 0..300 {
        recover(&stranger, &format!("nobody-{n}@demo.test")).await;
    }
    let most = 1 + began.elapsed().as_secs() as i64;
    let more = written(&server).await - before;
    assert!(more <= most, "a flood causes a write a second, not {more} in {most} s");
}

/// Guesses at the owner's password until it can no longer be guessed.
async fn lock_password(stranger: &Person) {
    let wrong = json!({"email": "owner@demo.test", "password": "not the password"});
    super::until("the address is locked", || async {
        (stranger.post("/api/v1/session", &wrong).await.1["detail"]
            .as_str()?
            .contains("15 minutes"))
        .then_some(())
    })
    .await;
}

/// The number of audit records of that action.
async fn count(server: &Server, what: &str) -> i64 {
    let mut file = connect(&server.file()).await;
    sqlx::query_scalar("SELECT count(*) FROM audit WHERE what = ?")
        .bind(what)
        .fetch_one(&mut file)
        .await
        .unwrap()
}

/// The audit's B8: after ten wrong sign-ins with an owner's address, the owner could change
/// nothing.
#[tokio::test]
async fn strangers_do_not_lock_out_somebody_who_is_signed_in() {
    let server = Server::start("30s").await;
    let (owner, stranger) = (server.sign_in("owner").await, server.stranger());
    lock_password(&stranger).await;
    let prove = || async {
        let answer = owner
            .ask(Method::PUT, "/api/v1/session/proof", &json!({"password": "buckler-demo"}))
            .await
            .0;
        (answer != StatusCode::TOO_MANY_REQUESTS).then_some(answer)
    };
    assert_eq!(super::until("a place in the line", prove).await, StatusCode::NO_CONTENT);
}

/// A password that meets the rules and keeps zxcvbn busy for very long.
const HOSTILE: &str =
    r#"4"@8({[<369|!1/|0$5+7%2"*54"@8({[<369|!1/|0$5+7%2"*54"@8({[<369|!1/|0$5+7%2"*5"#;

/// Security 1: a guest froze the whole server with one request a second. The server of this test
/// has one thread, so computing there shows as a gap between two ticks. Judging takes as long as
/// the request does; no gap comes near that.
#[tokio::test]
async fn password_is_judged_beside_the_runtime_and_after_the_checks() {
    let server = Server::start("30s").await;
    let guest = server.sign_in("guest").await;
    let change = async |current: &str| {
        let body = json!({"current": current, "password": HOSTILE});
        let ask = || async {
            let answer = guest.ask(Method::PUT, "/api/v1/password", &body).await;
            (answer.0 != StatusCode::TOO_MANY_REQUESTS).then_some(answer)
        };
        super::until("a place in the line", ask).await
    };
    let (status, problem) = while_the_runtime_goes_on(change("buckler-demo")).await;
    assert!(
        [StatusCode::NO_CONTENT, StatusCode::UNPROCESSABLE_ENTITY].contains(&status),
        "{problem}"
    );
    if status == StatusCode::UNPROCESSABLE_ENTITY {
        let (_, problem) = change("not the password").await;
        assert_eq!(
            fields(&problem),
            ["current"],
            "a new password is judged only after the current one is right"
        );
    }
}

/// Waits for something, and asserts that the runtime of this test, which has one thread, stood still
/// for no long part of that time.
async fn while_the_runtime_goes_on<T>(work: impl Future<Output = T>) -> T {
    let longest = Arc::<AtomicU64>::default();
    let seen = longest.clone();
    let watch = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        let mut last = instant();
        loop {
            tick.tick().await;
            let now = instant();
            seen.fetch_max((now - last).as_micros() as u64, Ordering::Relaxed);
            last = now;
        }
    });
    let longest = || Duration::from_micros(longest.load(Ordering::Relaxed));
    super::until("the watch runs", async || (longest() > Duration::ZERO).then_some(())).await;
    let began = instant();
    let done = work.await;
    let (longest, took) = (longest(), began.elapsed());
    watch.abort();
    assert!(longest * 3 < took, "the runtime stood still for {longest:?} of {took:?}");
    done
}

/// Copies of the only incident of a database, all over.
const COPIES: &str = "
    CREATE TEMP TABLE n AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60) SELECT n FROM c;
    CREATE TEMP TABLE one AS SELECT home, started_at,
        (SELECT json_group_array(json(value)) FROM
            (SELECT fact.value FROM facts, json_each(facts.body) AS fact ORDER BY first, fact.key)) AS history
        FROM incident;
    INSERT INTO incident (id, home, started_at, running)
        SELECT printf('%08d-0000-7000-8000-000000000000', n), home, started_at - n, NULL FROM one, n;
    INSERT INTO facts (incident, first, body)
        SELECT printf('%08d-0000-7000-8000-000000000000', n), 1, history FROM one, n";

/// Security 1: a guest who listed incidents in a loop held up the engine.
#[tokio::test]
async fn long_histories_are_read_beside_the_runtime() {
    let server = Server::start("30s").await;
    let supervisor = Op::SetCenterRole("owner".parse().unwrap(), Some(CenterRole::Supervisor));
    server.apply(supervisor).await;
    let owner = server.sign_in("owner").await;
    for _ in 0..60 {
        owner.raise("maple-street", "police", json!({})).await;
    }
    let mut file = connect(&server.file()).await;
    sqlx::raw_sql(COPIES).execute(&mut file).await.unwrap();
    for path in ["/api/v1/homes/maple-street/incidents?limit=100", "/api/v1/center/statistics"] {
        let answered = async {
            let answer = owner.client.get(format!("{}{path}", server.base)).send().await.unwrap();
            (answer.status(), answer.bytes().await.unwrap())
        };
        let (status, body) = while_the_runtime_goes_on(answered).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body:?}");
    }
    let listed = owner.get("/api/v1/homes/maple-street/incidents?limit=100").await.1;
    assert_eq!(listed.as_array().unwrap().len(), 61);
}

fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect()
}

/// A household with IPv6 has a whole /64 of addresses.
#[tokio::test]
async fn refused_reports_of_a_network_are_recorded_ten_times() {
    let server = Server::with_file(BEHIND_PROXY).await;
    let stranger = server.stranger();
    let from = ["2001:db8:1:2", "2001:db8:1:3"]
        .map(|network| (1..=15).map(move |host| format!("{network}:{host:x}::1")));
    for address in from.into_iter().flatten() {
        let report = stranger
            .client
            .post(format!("{}/api/v1/reports/harbor", server.base))
            .header("x-forwarded-for", address);
        assert_eq!(report.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(count(&server, "report_refused").await, 20, "ten of each network");
}
