//! A request that is dropped halfway, because a phone loses its network or a tab is closed. Its
//! change is made completely, with its audit record, or not at all, and memory agrees with the
//! disk.

use super::{PATIENCE, Person, Server, connect, having_seen_all, until};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use buckler::{
    domain::{
        incident::{Actor, CallOutcome, CallState, command::Command, event::Event},
        time::Timestamp,
    },
    server::{
        http::{Assets, router},
        live_events::LiveEvent,
        store::{Bookkeeping, Op, StoredPasskey},
    },
};
use data_encoding::BASE64URL_NOPAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Row;
use std::{
    collections::BTreeSet,
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::broadcast};
use tower::ServiceExt;

const MAPLE: &str = "/api/v1/homes/maple-street";

/// The stored state of people and homes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Dump {
    accounts: BTreeSet<String>,
    memberships: BTreeSet<String>,
    sessions: BTreeSet<String>,
    invitations: BTreeSet<String>,
    links: BTreeSet<String>,
    codes: BTreeSet<String>,
    passkeys: BTreeSet<String>,
    homes: BTreeSet<String>,
    records: u64,
}

async fn dump(server: &Server) -> Dump {
    let mut file = connect(&server.file()).await;
    let mut rows = async |query: &'static str| {
        let rows = sqlx::query(query).fetch_all(&mut file).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect::<BTreeSet<_>>()
    };
    Dump {
        accounts: rows("SELECT id || ' ' || password FROM account").await,
        memberships: rows("SELECT home || ' ' || account || ' ' || role || sos_withdrawn FROM membership").await,
        sessions: rows("SELECT account || ' ' || hex(token) || ' ' || held_until || ' ' || proven_at FROM session").await,
        invitations: rows("SELECT hex(token) FROM invitation").await,
        links: rows("SELECT home || ' ' || contact || ' ' || hex(token) FROM contact_link JOIN home ON home.id = home, json_each(document, '$.contacts') AS known WHERE known.value ->> 'id' = contact AND coalesce(known.value ->> 'link', 0) = number").await,
        codes: rows("SELECT hex(hash) FROM recovery_code").await,
        passkeys: rows("SELECT hex(credential) FROM passkey").await,
        homes: rows("SELECT document FROM home").await,
        records: rows("SELECT CAST(count(*) AS TEXT) FROM audit WHERE what <> 'incident'").await.pop_first().unwrap().parse().unwrap(),
    }
}

/// A request, and a check that its change is complete.
struct Case {
    method: Method,
    path: String,
    body: Value,
    cookie: Option<String>,
    whole: fn(&Dump, &Dump) -> bool,
}

fn of<'a>(rows: &'a BTreeSet<String>, start: &'a str) -> impl Iterator<Item = &'a String> {
    rows.iter().filter(move |row| row.starts_with(start))
}

fn case(method: Method, path: String, body: Value, whole: fn(&Dump, &Dump) -> bool) -> Case {
    Case { method, path, body, cookie: None, whole }
}

/// Creates what the request needs, anew for each round.
async fn prepared(
    name: &str,
    server: &Server,
    owner: &Person,
    cookie: &str,
    password: &str,
    round: usize,
) -> Case {
    let case = match name {
        "somebody joins by an invitation" | "somebody signs in" => {
            return prepared_of_a_stranger(name, owner, round).await;
        }
        "a contact gets another telephone" | "a contact gets another link" => {
            prepared_of_a_contact(name, server, owner, round).await
        }
        "other devices are signed out"
        | "the password is changed"
        | "a passkey is removed"
        | "recovery codes are made" => prepared_of_an_account(name, server, password, round).await,
        _ => prepared_of_a_home(name, server, round),
    };
    Case { cookie: Some(cookie.to_owned()), ..case }
}

fn prepared_of_a_home(name: &str, server: &Server, round: usize) -> Case {
    match name {
        "a right is changed" => {
            let role = if round.is_multiple_of(2) { "shared" } else { "guest" };
            case(
                Method::PUT,
                format!("{MAPLE}/people/guest"),
                json!({"role": role, "sos_withdrawn": false}),
                |_, _| true,
            )
        }
        "a home is renamed" => case(
            Method::PUT,
            format!("{MAPLE}/name"),
            json!({"name": format!("Home {round}")}),
            |_, _| true,
        ),
        "new devices are restricted" => {
            let restricts = server
                .app
                .homes
                .get(&"maple-street".parse().unwrap())
                .unwrap()
                .settings
                .restrict_new_devices;
            let body = json!({"hold_new_devices": !restricts});
            case(Method::PUT, format!("{MAPLE}/holding"), body, |_, _| true)
        }
        "the verbal password is set" => {
            // The same words: each hash of them is different.
            let body = json!({"password": "blue heron", "current": "blue heron"});
            case(Method::PUT, format!("{MAPLE}/verbal-password"), body, |_, _| true)
        }
        _ => unreachable!("{name}"),
    }
}

async fn prepared_of_a_contact(name: &str, server: &Server, owner: &Person, round: usize) -> Case {
    match name {
        "a contact gets another telephone" => {
            owner.post(&format!("{MAPLE}/contacts/sister/link"), &Value::Null).await;
            let home = owner.get(MAPLE).await.1;
            let mut contacts = home["contacts"].as_array().unwrap().clone();
            contacts
                .iter_mut()
                .for_each(|c| *c = json!({"id": c["id"], "name": c["name"], "phone": c["phone"]}));
            contacts[0]["phone"] = json!(format!("+1503555{:04}", 200 + round));
            let whole =
                |_: &Dump, after: &Dump| of(&after.links, "maple-street sister").count() == 0;
            case(Method::PUT, format!("{MAPLE}/contacts"), json!({"contacts": contacts}), whole)
        }
        "a contact gets another link" => {
            let link =
                owner.post(&format!("{MAPLE}/contacts/sister/link"), &Value::Null).await.1["path"]
                    .clone();
            let accept = format!("/api/v1{}/accept", link.as_str().unwrap());
            assert_eq!(server.stranger().post(&accept, &Value::Null).await.0, StatusCode::OK);
            let whole = |before: &Dump, after: &Dump| {
                let old: Vec<_> = of(&before.links, "maple-street sister").collect();
                let new: Vec<_> = of(&after.links, "maple-street sister").collect();
                new.len() == 1 && new != old && before.homes != after.homes
            };
            case(Method::POST, format!("{MAPLE}/contacts/sister/link"), Value::Null, whole)
        }
        _ => unreachable!("{name}"),
    }
}

async fn prepared_of_an_account(name: &str, server: &Server, password: &str, round: usize) -> Case {
    match name {
        "other devices are signed out" => {
            server.sign_in("owner").await;
            let whole = |_: &Dump, after: &Dump| of(&after.sessions, "owner ").count() == 1;
            case(Method::DELETE, "/api/v1/sessions".into(), Value::Null, whole)
        }
        "the password is changed" => {
            server.stranger().cookie_with("owner", password).await;
            let whole = |before: &Dump, after: &Dump| {
                let old: BTreeSet<_> =
                    of(&before.sessions, "owner ").map(|row| row.split(' ').nth(1)).collect();
                let stay = of(&after.sessions, "owner ")
                    .filter(|row| old.contains(&row.split(' ').nth(1)))
                    .count();
                before.accounts != after.accounts && stay <= 1
            };
            let body =
                json!({"current": password, "password": format!("three quiet otters {round}")});
            case(Method::PUT, "/api/v1/password".into(), body, whole)
        }
        "a passkey is removed" => {
            let credential = vec![round as u8; 16];
            let path = format!("/api/v1/passkeys/{}", BASE64URL_NOPAD.encode(&credential));
            let (account, never) = ("owner".parse().unwrap(), Timestamp::default());
            let (name, document) = (String::new(), String::new());
            let passkey = StoredPasskey {
                credential,
                account,
                name,
                document,
                created_at: never,
                used_at: never,
            };
            server.apply(Op::PutPasskey(passkey)).await;
            case(Method::DELETE, path, Value::Null, |before, after| {
                after.passkeys.len() + 1 == before.passkeys.len()
            })
        }
        "recovery codes are made" => {
            let whole = |before: &Dump, after: &Dump| {
                !after.codes.is_empty() && after.codes.is_disjoint(&before.codes)
            };
            case(Method::POST, "/api/v1/recovery-codes".into(), Value::Null, whole)
        }
        _ => unreachable!("{name}"),
    }
}

async fn prepared_of_a_stranger(name: &str, owner: &Person, round: usize) -> Case {
    match name {
        "somebody joins by an invitation" => {
            let asked = json!({"name": "Robin", "role": "shared"});
            let link = owner.post(&format!("{MAPLE}/invitations"), &asked).await.1["path"]
                .as_str()
                .unwrap()
                .replace("/invite/", "/api/v1/invitations/");
            let account = json!({"name": "Robin", "email": format!("robin{round}@a.test"), "password": "three quiet otters"});
            let whole = |before: &Dump, after: &Dump| {
                let more = |all: fn(&Dump) -> usize| all(after) == all(before) + 1;
                more(|d| d.accounts.len())
                    && more(|d| d.memberships.len())
                    && more(|d| d.sessions.len())
                    && after.invitations.len() + 1 == before.invitations.len()
            };
            case(Method::POST, link, account, whole)
        }
        "somebody signs in" => {
            let body = json!({"email": "guest@demo.test", "password": "buckler-demo"});
            let whole =
                |before: &Dump, after: &Dump| after.sessions.len() == before.sessions.len() + 1;
            case(Method::POST, "/api/v1/session".into(), body, whole)
        }
        _ => unreachable!("{name}"),
    }
}

/// Polls the future until it is ready, at most `most` times, and then drops it.
pub(super) async fn polled<T>(
    mut future: Pin<&mut impl Future<Output = T>>,
    most: usize,
) -> Option<T> {
    let mut polls = 0;
    poll_fn(|context| {
        if polls == most {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

pub(super) fn request(
    method: &Method,
    path: &str,
    json: &Value,
    cookie: Option<&str>,
) -> Request<Body> {
    let body = if json.is_null() { Body::empty() } else { Body::from(json.to_string()) };
    let from: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let mut request = Request::builder()
        .method(method.clone())
        .uri(path)
        .header(header::HOST, "127.0.0.1")
        .extension(ConnectInfo(from));
    if !json.is_null() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    request.body(body).unwrap()
}

/// Drops the request after one more poll each time, until it is answered. Returns the drop count.
async fn dropped_at_every_await(name: &str) -> usize {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (cookie, mut password) = (owner.cookie().await, "buckler-demo".to_owned());
    let routes = router(server.app.clone(), Assets::of_last_build());
    let mut polls = 1;
    while polls < 200 {
        let case = prepared(name, &server, &owner, &cookie, &password, polls - 1).await;
        let before = dump(&server).await;
        let answer = {
            let request = request(&case.method, &case.path, &case.body, case.cookie.as_deref());
            polled(pin!(routes.clone().oneshot(request)), polls).await
        };
        // The writer works in order: once this is done, so is the change.
        server.app.changes.note(Bookkeeping::Probe).await.unwrap();
        let after = dump(&server).await;
        let is_same = after == before;
        // One action may have two records: joining also signs in.
        let told = (1..=2).contains(&(after.records - before.records));
        assert!(is_same || told, "{name}, dropped after {polls}: {before:?} {after:?}");
        assert!(
            is_same || (case.whole)(&before, &after),
            "{name}, dropped after {polls}: half of it is there\n{before:?}\n{after:?}"
        );
        let kept: BTreeSet<_> = server
            .app
            .homes
            .all()
            .iter()
            .map(|home| serde_json::to_string(&**home).unwrap())
            .collect();
        assert_eq!(kept, after.homes, "{name}, dropped after {polls}: memory and disk differ");
        if let Some(answer) = answer {
            let answer = answer.unwrap();
            assert!(answer.status().is_success() && !is_same, "{name}: {}", answer.status());
            return polls - 1;
        }
        if after.accounts != before.accounts && name.contains("password") {
            password = case.body["password"].as_str().unwrap().to_owned();
        }
        polls += 1;
    }
    panic!("{name} is never answered");
}

macro_rules! dropped {
    ($($test:ident: $name:literal,)*) => { $(
        #[tokio::test]
        async fn $test() {
            assert!(dropped_at_every_await($name).await > 0);
        }
    )* };
}

dropped! {
    dropped_request_changes_a_right_whole_or_not: "a right is changed",
    dropped_request_renames_a_home_whole_or_not: "a home is renamed",
    dropped_request_changes_a_contact_and_its_link_or_neither: "a contact gets another telephone",
    dropped_request_replaces_a_link_whole_or_not: "a contact gets another link",
    dropped_request_ends_all_other_sessions_or_none: "other devices are signed out",
    dropped_request_joins_whole_or_not: "somebody joins by an invitation",
    dropped_request_changes_password_and_sessions_or_neither: "the password is changed",
    dropped_request_makes_codes_whole_or_not: "recovery codes are made",
    dropped_request_removes_a_passkey_whole_or_not: "a passkey is removed",
    dropped_request_restricts_new_devices_whole_or_not: "new devices are restricted",
    dropped_request_sets_the_verbal_password_whole_or_not: "the verbal password is set",
    dropped_request_signs_in_whole_or_not: "somebody signs in",
}

/// Drops an operator's report after one more poll each time, until it is answered. The two facts
/// that belong together are both stored, or none of them.
async fn report_dropped_at_every_await(
    what: &str,
    body: Value,
    facts: [fn(&Event) -> bool; 2],
) -> usize {
    let server = Server::with_file("[center]\nmode = \"operators\"\n").await;
    let (owner, operator) = (server.sign_in("owner").await, server.sign_in("operator").await);
    let cookie = server.stranger().cookie_of("operator").await;
    let routes = router(server.app.clone(), Assets::of_last_build());
    let mut running: Option<String> = None;
    for polls in 1..200 {
        let incident = match running.take() {
            Some(incident) => incident,
            None => {
                let raised = owner.raise("maple-street", "police", json!({})).await.1;
                owner.act(&raised, "send-now").await;
                format!("/api/v1/center/incidents/{}", raised["id"].as_str().unwrap())
            }
        };
        operator.post(&format!("{incident}/claim"), &json!({})).await;
        if what == "close" {
            operator.post(&format!("{incident}/call"), &json!({"outcome": "confirmed"})).await;
        }
        let path = having_seen_all(&format!("{incident}/{what}"));
        let report = request(&Method::POST, &path, &body, Some(&cookie));
        let answer = polled(pin!(routes.clone().oneshot(report)), polls).await;
        let id = incident.rsplit('/').next().unwrap().parse().unwrap();
        // The lines of a home take turns, so once this is done, so is the report.
        server.app.engine.give(id, Command::Tick).await.unwrap();
        let history = server.app.reads.incident(id).await.unwrap().unwrap().history;
        let made = facts.map(|is| history.iter().filter(|fact| is(&fact.event)).count());
        assert!(made == [0, 0] || made == [1, 1], "{what}, dropped after {polls}: {made:?}");
        if let Some(answer) = answer {
            assert_eq!((answer.unwrap().status(), made), (StatusCode::OK, [1, 1]));
            return polls - 1;
        }
        if made == [1, 1] {
            operator.post(&format!("{incident}/close"), &json!({"disposition": "other"})).await;
        } else {
            running = Some(incident);
        }
    }
    panic!("{what} is never answered");
}

#[tokio::test]
async fn dropped_request_closes_an_incident_with_its_note_or_not() {
    let body = json!({"disposition": "help_given", "note": "Two officers"});
    let is_note = |event: &Event| matches!(event, Event::Noted { by: Actor::Operator { .. }, .. });
    let is_close = |event: &Event| matches!(event, Event::Closed { .. });
    assert!(report_dropped_at_every_await("close", body, [is_note, is_close]).await > 0);
}

#[tokio::test]
async fn dropped_request_reports_a_call_that_was_hung_up_or_not() {
    let is_answered = |event: &Event| matches!(event, Event::CallAnswered { .. });
    let is_hung_up =
        |event: &Event| matches!(event, Event::CallEnded { outcome: CallOutcome::HungUp, .. });
    let body = json!({"outcome": "hung_up"});
    assert!(report_dropped_at_every_await("call", body, [is_answered, is_hung_up]).await > 0);
}

/// The dashboard says when each contact was last reached.
#[tokio::test]
async fn dropped_answer_of_a_call_says_that_the_contact_was_reached() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let routes = router(server.app.clone(), Assets::of_last_build());
    let raised = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&raised, "send-now").await;
    let id = raised["id"].as_str().unwrap().parse().unwrap();
    let phone = owner.phone_of("maple-street", 0).await;
    let call = server.stranger().get(&phone).await.1["call"]["id"].as_str().unwrap().to_owned();
    let path = format!("{phone}/calls/{call}/answer");
    let maple = "maple-street".parse().unwrap();
    let reached_at = || server.app.homes.get(&maple).unwrap().contacts[0].reached_at;
    let before = reached_at();
    for polls in 1..200 {
        let answer = request(&Method::POST, &path, &Value::Null, None);
        drop(polled(pin!(routes.clone().oneshot(answer)), polls).await);
        let current = server.app.engine.give(id, Command::Tick).await.unwrap().current;
        if matches!(current.incident.calls[0].state, CallState::Answered { .. }) {
            let is_told = async || (reached_at() != before).then_some(());
            return until("the contact was reached", is_told).await;
        }
    }
    panic!("it is never answered");
}

/// Whether an event about the setup of the home comes.
async fn is_told(events: &mut broadcast::Receiver<Arc<LiveEvent>>) -> bool {
    let told = async {
        while let Ok(event) = events.recv().await {
            if String::from_utf8_lossy(&event.frame).contains("event: home\n") {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap_or_default()
}

/// The members must not go on seeing an invitation that was withdrawn.
#[tokio::test]
async fn dropped_request_that_withdrew_an_invitation_is_told_of() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let cookie = owner.cookie().await;
    let routes = router(server.app.clone(), Assets::of_last_build());
    let home = "maple-street".parse().unwrap();
    let mut events = server.app.live_events.subscribe(&home, None, server.app.clock.now()).events;
    let open = async || {
        let all = owner.get(&format!("{MAPLE}/household")).await.1["invitations"].clone();
        all[0]["id"].as_str().map(str::to_owned)
    };
    for polls in 1..200 {
        let id = match open().await {
            Some(id) => id,
            None => {
                let asked = json!({"name": "Robin", "role": "guest"});
                owner.post(&format!("{MAPLE}/invitations"), &asked).await;
                open().await.unwrap()
            }
        };
        while events.try_recv().is_ok() {}
        let path = format!("{MAPLE}/invitations/{id}");
        let withdraw = request(&Method::DELETE, &path, &Value::Null, Some(&cookie));
        let answer = polled(pin!(routes.clone().oneshot(withdraw)), polls).await;
        server.app.changes.note(Bookkeeping::Probe).await.unwrap();
        if open().await.is_none() {
            assert!(is_told(&mut events).await, "dropped after {polls}");
        }
        if let Some(answer) = answer {
            assert_eq!(answer.unwrap().status(), StatusCode::OK);
            return;
        }
    }
    panic!("it is never answered");
}

/// The role of the guest, and the role in the latest audit record, in one read.
async fn guest(server: &Server) -> (String, Option<String>) {
    let mut file = connect(&server.file()).await;
    let row = sqlx::query(
        "SELECT role, (SELECT detail ->> 'role' FROM audit WHERE what = 'person_changed' ORDER BY number DESC LIMIT 1)
         FROM membership WHERE home = 'maple-street' AND account = 'guest'",
    );
    let row = row.fetch_one(&mut file).await.unwrap();
    (row.get(0), row.get(1))
}

/// A proxy that cuts a request in the head, in the body, or before the answer arrives.
#[tokio::test]
async fn request_cut_on_the_wire_leaves_no_half_change() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let cookie = owner.cookie().await;
    let host = server.base.strip_prefix("http://").unwrap();
    let mut expected = "guest".to_owned();
    for round in 0..32 {
        let role = if expected == "guest" { "shared" } else { "guest" };
        let body = json!({"role": role, "sos_withdrawn": false}).to_string();
        let head = format!(
            "PUT {MAPLE}/people/guest HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let whole = format!("{head}{body}");
        let cut = match round {
            0..6 => head.len() * (round + 1) / 7,
            6..12 => head.len() + body.len() * (round - 6) / 6,
            _ => whole.len(),
        };
        let mut wire = TcpStream::connect(host).await.unwrap();
        wire.set_nodelay(true).unwrap();
        wire.write_all(&whole.as_bytes()[..cut]).await.unwrap();
        // Cut while it is read, decided, stored and answered: a little later in each round.
        for _ in 12..round {
            tokio::task::yield_now().await;
            guest(&server).await;
        }
        wire.set_zero_linger().unwrap();
        drop(wire);
        for _ in 0..5 {
            let (is, last) = guest(&server).await;
            assert_eq!(
                last.as_ref().unwrap_or(&"guest".to_owned()),
                &is,
                "cut after {cut} of {} bytes",
                whole.len()
            );
            assert!(is == expected || cut == whole.len(), "what has not arrived is not done");
        }
        expected = guest(&server).await.0;
    }
    assert!(
        guest(&server).await.1.is_some(),
        "a request that arrived whole was done though nobody waited for the answer"
    );
}
