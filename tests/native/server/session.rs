//! Sessions: what a device is told, how it is signed out, and which sessions a new password ends.

use super::{Op, Person, Server, change, until};
use buckler::server::store::{Bookkeeping, ChangeError, Session};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

async fn devices(person: &Person) -> Vec<Value> {
    person.get("/api/v1/sessions").await.1.as_array().unwrap().clone()
}

async fn sign_in_as(server: &Server, browser: &str) -> Person {
    let person = server.stranger();
    let body = json!({"email": "owner@demo.test", "password": "buckler-demo"});
    let request = person
        .client
        .post(format!("{}/api/v1/session", person.base))
        .header(header::USER_AGENT, browser)
        .json(&body);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    person
}

#[tokio::test]
async fn signed_in_devices_are_listed_and_signed_out_one_by_one() {
    let server = Server::start("30s").await;
    let phone = sign_in_as(
        &server,
        "Mozilla/5.0 (Linux; Android 15) Chrome/140.0.0.0 Mobile Safari/537.36",
    )
    .await;
    let laptop = sign_in_as(
        &server,
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    )
    .await;
    let mut stream = phone
        .client
        .get(format!("{}/api/v1/homes/maple-street/events", server.base))
        .send()
        .await
        .unwrap();
    stream.chunk().await.unwrap().unwrap();
    let seen = devices(&laptop).await;
    let names: Vec<_> =
        seen.iter().map(|d| (d["name"].as_str().unwrap(), d["here"].as_bool().unwrap())).collect();
    assert!(
        names.contains(&("Firefox on Linux", true))
            && names.contains(&("Chrome on Android", false)),
        "{names:?}"
    );
    let other = seen.iter().find(|d| d["here"] == false).unwrap()["id"].as_str().unwrap();
    let (status, left) =
        laptop.ask(Method::DELETE, &format!("/api/v1/sessions/{other}"), &Value::Null).await;
    assert_eq!((status, left.as_array().unwrap().len()), (StatusCode::OK, 1));
    assert_eq!(phone.get("/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
    let ended = async { while let Ok(Some(_)) = stream.chunk().await {} };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the stream ends within 5 s");
}

#[tokio::test]
async fn nobody_signs_a_device_of_somebody_else_out() {
    let server = Server::start("30s").await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let owners = devices(&owner).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        guest.ask(Method::DELETE, &format!("/api/v1/sessions/{owners}"), &Value::Null).await.0,
        StatusCode::NOT_FOUND
    );
    guest.ask(Method::DELETE, "/api/v1/sessions", &Value::Null).await;
    assert_eq!(owner.get("/api/v1/me").await.0, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_again_replaces_the_session_of_the_device() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    owner.cookie().await;
    assert_eq!(devices(&owner).await.len(), 1);
}

#[tokio::test]
async fn new_password_signs_other_devices_out_and_is_hard_to_guess() {
    let server = Server::start("30s").await;
    let (owner, other) = (server.sign_in("owner").await, server.sign_in("owner").await);
    let change = |current: &str, password: &str| json!({"current": current, "password": password});
    let faults = async |body: Value| {
        // Another test in this process may fill the hashing queue.
        let ask = || async {
            let answer = owner.ask(Method::PUT, "/api/v1/password", &body).await;
            (answer.0 != StatusCode::TOO_MANY_REQUESTS).then_some(answer)
        };
        let (status, problem) = super::until("a place in the line", ask).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let all = problem["errors"].as_array().unwrap().clone();
        all.iter()
            .map(|e| format!("{}: {}", e["field"].as_str().unwrap(), e["fault"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(faults(change("wrong", "three quiet otters")).await, ["current: not_right"]);
    assert_eq!(faults(change("buckler-demo", "password1234")).await, ["password: easily_guessed"]);
    assert_eq!(faults(change("buckler-demo", "short")).await, ["password: too_short"]);
    assert_eq!(other.get("/api/v1/me").await.0, StatusCode::OK, "nothing has changed");
    assert_eq!(
        owner
            .ask(Method::PUT, "/api/v1/password", &change("buckler-demo", "three quiet otters"))
            .await
            .0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(other.get("/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(owner.get("/api/v1/me").await.0, StatusCode::OK);
    // The replaced session ends alongside the first request of the new one.
    until("one device", || async { (devices(&owner).await.len() == 1).then_some(()) }).await;
    let old = json!({"email": "owner@demo.test", "password": "buckler-demo"});
    assert_eq!(server.stranger().post("/api/v1/session", &old).await.1["code"], "not_signed_in");
    server.stranger().cookie_with("owner", "three quiet otters").await;
}

/// Each proof gives the device a new session, and gave it another budget of changes with that.
#[tokio::test]
async fn proofs_of_a_network_have_one_budget() {
    let server = Server::start("30s").await;
    let guest = server.sign_in("guest").await;
    let password = json!({"password": "buckler-demo"});
    // The budget grows by two a second. A slow machine hashes hardly more passwords than that.
    for _ in 0..3_000 {
        let (status, problem) = guest.ask(Method::PUT, "/api/v1/session/proof", &password).await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(problem["code"], "too_many_changes");
            return;
        }
        assert!(status.is_success(), "{problem}");
    }
    panic!("it proves without end");
}

#[tokio::test]
async fn proof_gives_a_new_session_and_a_lost_answer_ends_none() {
    let server = Server::start("30s").await;
    let (owner, account) = (server.sign_in("owner").await, "owner".parse().unwrap());
    let (reads, soon) = (&server.app.reads, server.app.clock.now() + Duration::from_secs(60));
    let tokens = async || {
        reads
            .sessions(&account, soon)
            .await
            .unwrap()
            .into_iter()
            .map(|s| s.token)
            .collect::<Vec<_>>()
    };
    let old = tokens().await[0];
    let prove = async |person: &Person| {
        person
            .ask(Method::PUT, "/api/v1/session/proof", &json!({"password": "buckler-demo"}))
            .await
            .0
    };
    assert_eq!(prove(&owner).await, StatusCode::NO_CONTENT);
    let both = tokens().await;
    assert_eq!(
        (both.len(), both.contains(&old)),
        (2, true),
        "its answer may be lost: the old one holds until the new one is used"
    );
    let new = *both.iter().find(|token| **token != old).unwrap();
    // A repeated proof with the old session: there is one successor and no third.
    let again = reads.session(old, soon).await.unwrap().unwrap().1;
    let third = change([Op::PutSession(Session { token: [7; 32], replaces: Some(old), ..again })]);
    let refused = server.app.changes.apply(third).await.unwrap_err();
    assert!(matches!(refused, ChangeError::Store(error) if error.is_constraint()));
    assert_eq!(owner.get("/api/v1/me").await.0, StatusCode::OK);
    super::until("a minute later the old one opens nothing", async || {
        (tokens().await == [new]).then_some(())
    })
    .await;
    assert_eq!(devices(&owner).await.len(), 1, "it is one device");
    let (at, later) = (server.app.clock.now(), soon + Duration::from_secs(60));
    let used = Bookkeeping::SessionUsed { token: old, at, expires_at: later, replaced_ends: later };
    server.app.changes.note(used).await.unwrap();
    assert_eq!(tokens().await, [new], "and being used does not make it last");
    // Signing out before the new session was used leaves no session.
    assert_eq!(prove(&owner).await, StatusCode::NO_CONTENT);
    let newest = *tokens().await.iter().find(|token| **token != new).unwrap();
    server.apply(Op::EndSession(account.clone(), newest)).await;
    assert!(tokens().await.is_empty());
}

#[tokio::test]
async fn a_session_that_is_used_lasts_and_no_request_waits_for_that() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let reads = &server.app.reads;
    let now = server.app.clock.now();
    let account = "owner".parse().unwrap();
    let session = reads.sessions(&account, now).await.unwrap().remove(0);
    // As if its last use were two hours ago.
    let (hours, day) = (Duration::from_secs(7_200), Duration::from_secs(24 * 3_600));
    let earlier =
        buckler::domain::time::Timestamp::from_millis(now.as_millis() - hours.as_millis() as u64);
    let used = Bookkeeping::SessionUsed {
        token: session.token,
        at: earlier,
        expires_at: earlier + day,
        replaced_ends: now,
    };
    server.app.changes.note(used).await.unwrap();
    owner.get("/api/v1/me").await;
    super::until("the use is noted", async || {
        let known = reads.sessions(&account, now).await.unwrap().remove(0);
        (known.seen_at >= now && known.expires_at >= now + 89 * day).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_answer_carries_the_armor() {
    let server = Server::start("30s").await;
    for path in ["/", "/healthz", "/api/v1/me", "/api/openapi.json", "/no-such-file.js"] {
        let answer =
            server.stranger().client.get(format!("{}{path}", server.base)).send().await.unwrap();
        let header = |name: &str| {
            answer.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
        };
        let policy = header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(rule), "{path}: {rule}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("unsafe-eval "), "{path}");
        let told = [
            "x-content-type-options",
            "referrer-policy",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
        ]
        .map(header);
        assert_eq!(told, ["nosniff", "no-referrer", "same-origin", "same-origin"], "{path}");
    }
}

#[tokio::test]
async fn flood_of_sign_ins_is_refused_and_delays_no_sos_and_no_call() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let phone = owner.phone_of("maple-street", 0).await;
    let running = owner.raise("maple-street", "police", json!({})).await.1;
    let running = owner.act(&running, "send-now").await.1;
    let call = running["calls"][0]["id"].as_str().unwrap();
    assert_eq!(
        server.stranger().post(&format!("{phone}/calls/{call}/answer"), &json!({})).await.0,
        StatusCode::OK
    );
    let mut flood = tokio::task::JoinSet::new();
    for n in 0..200 {
        let stranger = server.stranger();
        let body = json!({"email": format!("nobody-{n}@demo.test"), "password": "wrong"});
        flood.spawn(async move { stranger.post("/api/v1/session", &body).await.0 });
    }
    super::until("the line is full", async || {
        let full = server
            .stranger()
            .post("/api/v1/session", &json!({"email": "more@demo.test", "password": "wrong"}))
            .await
            .0;
        (full == StatusCode::TOO_MANY_REQUESTS).then_some(())
    })
    .await;
    assert_eq!(
        owner.raise("lake-cabin", "medical", json!({})).await.0,
        StatusCode::CREATED,
        "an SOS needs no turn"
    );
    let cancel = json!({"verbal_password": "blue heron"});
    assert_eq!(
        server.stranger().post(&format!("{phone}/calls/{call}/cancel"), &cancel).await.0,
        StatusCode::ACCEPTED
    );
    owner.until_state(&running, "cancelled").await;
    let answers = flood.join_all().await;
    assert!(
        answers.iter().all(
            |status| [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS].contains(status)
        ),
        "{answers:?}"
    );
    server.sign_in("guest").await;
}

#[tokio::test]
async fn only_a_trusted_proxy_with_https_binds_the_cookie_to_https() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let proxied = Server::with(folder, &["--demo", "--trusted-proxy", "127.0.0.1"]).await;
    let direct = Server::start("30s").await;
    let body = json!({"email": "owner@demo.test", "password": "buckler-demo"});
    let sign_in = async |server: &Server, scheme: &str| {
        let request = server
            .stranger()
            .client
            .post(format!("{}/api/v1/session", server.base))
            .header("x-forwarded-proto", scheme)
            .json(&body);
        let answer = request.send().await.unwrap();
        let header = |name: &str| {
            answer.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
        };
        (header("set-cookie"), header("strict-transport-security"))
    };
    let (cookie, strict) = sign_in(&proxied, "https").await;
    assert!(
        cookie.starts_with("__Host-buckler_session=")
            && cookie.contains("; Secure")
            && cookie.contains("; HttpOnly"),
        "{cookie}"
    );
    assert!(
        cookie.contains("; SameSite=Lax")
            && cookie.contains("; Path=/")
            && !cookie.contains("Domain"),
        "{cookie}"
    );
    assert!(strict.starts_with("max-age="));
    let me = |name: &str, scheme: &'static str| {
        let value = format!("{name}={}", cookie.split(['=', ';']).nth(1).unwrap());
        let request = proxied.stranger().client.get(format!("{}/api/v1/me", proxied.base));
        request.header(header::COOKIE, value).header("x-forwarded-proto", scheme)
    };
    assert_eq!(
        me("__Host-buckler_session", "https").send().await.unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(
        me("buckler_session", "https").send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED,
        "set by a plain connection"
    );
    // Without the proxy's header, or without trust in its sender, it is a plain connection.
    for (cookie, strict) in [sign_in(&proxied, "http").await, sign_in(&direct, "https").await] {
        assert!(
            cookie.starts_with("buckler_session=")
                && !cookie.contains("Secure")
                && strict.is_empty(),
            "{cookie}"
        );
    }
}

/// A proxy that says nothing of itself looks like this machine where the app is served.
#[tokio::test]
async fn metrics_answer_this_machine_alone_and_no_proxy() {
    let server = Server::start("30s").await;
    let stranger = server.stranger();
    let (status, problem) = stranger.get("/metrics").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(problem["detail"].as_str().unwrap().contains("metrics_listen"), "{problem}");
    let here = Person::new(server.metrics.clone());
    for path in ["/metrics", "/readyz", "/healthz"] {
        assert_eq!(here.get(path).await.0, StatusCode::OK, "{path}");
    }
    for path in ["/", "/api/v1/me", "/api/openapi.json"] {
        assert_eq!(here.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}
