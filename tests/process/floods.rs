//! A stranger, a guest, an owner and the holder of a contact's link flood one route after another
//! while people ask for help. Every SOS must be acknowledged, which is asserted. The latency is
//! printed beside two baselines: no flood, and a flood of a route that does nothing, which shows
//! the load on the machine itself.

use super::{
    figures::{at, figure, ms, sorted},
    load::instant,
    server::{Server, client, fill, free_port, new_id, now, option, raise_once, sign_in},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// Homes that ask for help, one after the other.
const HOMES: usize = 50;
/// Flooding connections.
const CONNECTIONS: usize = 48;
/// Stands in a body for an id that each request makes.
const NEW_ID: &str = "NEW-ID";
/// Stands for the current time.
const NOW: &str = "NOW";
/// The pause between two requests for help.
const BETWEEN: Duration = Duration::from_millis(20);

struct Flood {
    who: &'static str,
    client: Client,
    method: Method,
    path: String,
    body: Value,
}

/// A client of an account of the demo.
async fn account(base: &str, name: &str) -> Client {
    let client = client();
    let body = json!({"email": format!("{name}@demo.test"), "password": "buckler-demo"});
    let answer =
        client.post(format!("{base}/api/v1/session")).json(&body).send().await.expect("answered");
    assert!(answer.status().is_success(), "{name} is signed in");
    client
}

fn of(who: &'static str, client: &Client, method: Method, path: &str, body: Value) -> Flood {
    let path = path.replace("HOME", "/api/v1/homes/maple-street");
    Flood { who, client: client.clone(), method, path, body }
}

async fn floods(base: &str) -> Vec<Flood> {
    let (guest, owner) = (account(base, "guest").await, account(base, "owner").await);
    let home: Value = owner
        .get(format!("{base}/api/v1/homes/maple-street"))
        .send()
        .await
        .expect("answered")
        .json()
        .await
        .expect("a home");
    let link = home["contacts"][0]["phone_link"].as_str().expect("a demo shows it");
    let incident = raise_once(&owner, base, HOMES, "medical").await.expect("acknowledged");
    let stranger = client();
    let mut all = floods_of_a_stranger(&stranger);
    all.extend(floods_of_a_guest(&guest));
    let ended = raise_once(&owner, base, HOMES + 1, "medical").await.expect("acknowledged");
    let cancel = format!("/api/v1/incidents/{ended}/cancel");
    owner.post(format!("{base}{cancel}")).send().await.expect("answered");
    all.extend(floods_of_incidents(&owner, &cancel));
    all.extend(floods_of_an_owner(&owner, &incident));
    all.extend(floods_of_a_contact(&stranger, link));
    // This one is last because it replaces the link.
    all.push(of("owner", &owner, Method::POST, "HOME/contacts/sister/link", json!({})));
    all
}

fn floods_of_a_stranger(stranger: &Client) -> Vec<Flood> {
    vec![
        of("nobody", stranger, Method::GET, "/healthz", Value::Null),
        of("stranger", stranger, Method::GET, "/", Value::Null),
        of("stranger", stranger, Method::GET, "/api/openapi.json", Value::Null),
        of("stranger", stranger, Method::GET, "/readyz", Value::Null),
        of(
            "stranger",
            stranger,
            Method::POST,
            "/api/v1/session",
            json!({"email": "owner@demo.test", "password": "guess"}),
        ),
        of("stranger", stranger, Method::POST, "/api/v1/session/passkey/options", json!({})),
        of(
            "stranger",
            stranger,
            Method::POST,
            "/api/v1/session/recovery",
            json!({"email": "owner@demo.test", "code": "0000-0000"}),
        ),
        of("stranger", stranger, Method::GET, "/api/v1/invitations/none", Value::Null),
        of("stranger", stranger, Method::POST, "/api/v1/reports/none", json!({})),
    ]
}

fn floods_of_a_guest(guest: &Client) -> Vec<Flood> {
    let password = json!({"current": "wrong wrong wrong", "password": "three quiet otters"});
    vec![
        of("guest", guest, Method::GET, "HOME", Value::Null),
        of("guest", guest, Method::GET, "HOME/incidents?limit=100", Value::Null),
        of("guest", guest, Method::DELETE, "/api/v1/sessions", Value::Null),
        of("guest", guest, Method::PUT, "/api/v1/password", password),
        of("guest", guest, Method::PUT, "/api/v1/session/proof", json!({"password": "guess"})),
        of("guest", guest, Method::POST, "/api/v1/passkeys/options", json!({})),
    ]
}

/// Requests that the engine itself decides on: new ones, and steps of an incident that is over.
fn floods_of_incidents(owner: &Client, cancel: &str) -> Vec<Flood> {
    let raise = json!({
        "id": NEW_ID,
        "request": "medical",
        "mode": "live",
        "source": {"surface": "dashboard"},
        "sent_at": NOW,
    });
    vec![
        of("owner", owner, Method::POST, "HOME/incidents", raise),
        of("owner", owner, Method::POST, cancel, json!({})),
    ]
}

fn floods_of_an_owner(owner: &Client, incident: &str) -> Vec<Flood> {
    vec![
        of("owner", owner, Method::GET, "HOME/household", Value::Null),
        of("owner", owner, Method::GET, "HOME/audit", Value::Null),
        of(
            "owner",
            owner,
            Method::GET,
            &format!("/api/v1/incidents/{incident}/export"),
            Value::Null,
        ),
        of("owner", owner, Method::PUT, "HOME/name", json!({"name": "Maple Street"})),
        of("owner", owner, Method::PUT, "HOME/notes", json!({"notes": "Ring twice."})),
        of(
            "owner",
            owner,
            Method::POST,
            "HOME/devices",
            json!({"kind": "keypad", "model": "alarm", "name": "Hall"}),
        ),
        of(
            "owner",
            owner,
            Method::POST,
            "HOME/invitations",
            json!({"name": "Ada", "role": "guest"}),
        ),
        of(
            "owner",
            owner,
            Method::POST,
            "HOME/verbal-password/check",
            json!({"password": "guess"}),
        ),
    ]
}

fn floods_of_a_contact(stranger: &Client, link: &str) -> Vec<Flood> {
    vec![
        of("contact", stranger, Method::GET, &format!("/api/v1{link}"), Value::Null),
        of("contact", stranger, Method::POST, &format!("/api/v1{link}/memory"), json!({})),
        of("contact", stranger, Method::POST, &format!("/api/v1{link}/opt-out"), json!({})),
    ]
}

/// Repeats one request on many connections until `stop`. Returns the status codes of the answers.
fn flood(flood: &Flood, base: &str, stop: &Arc<AtomicBool>) -> JoinSet<Vec<u16>> {
    let mut all = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let request = flood.client.request(flood.method.clone(), format!("{base}{}", flood.path));
        let request = request.header("content-type", "application/json");
        let body = if flood.body.is_null() { String::new() } else { flood.body.to_string() };
        let stop = stop.clone();
        all.spawn(async move {
            let mut statuses = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                // A flood may be refused a connection or an answer.
                let body = body
                    .replace(NEW_ID, &new_id())
                    .replace(&format!("\"{NOW}\""), &json!(now()).to_string());
                let asked = request.try_clone().expect("it has no body yet").body(body);
                if let Ok(answer) = asked.send().await {
                    statuses.push(answer.status().as_u16());
                    let _ = answer.bytes().await;
                }
            }
            statuses
        });
    }
    all
}

/// Asks for help `samples` times. Returns the latency of each acknowledgment in milliseconds.
async fn ask_for_help(client: &Client, base: &str, samples: usize) -> Vec<f64> {
    let mut took = Vec::with_capacity(samples);
    for n in 0..samples {
        let began = instant();
        let id =
            raise_once(client, base, n % HOMES, "police").await.expect("acknowledged, never 503");
        took.push(ms(began.elapsed()));
        client.post(format!("{base}/api/v1/incidents/{id}/cancel")).send().await.expect("answered");
        tokio::time::sleep(BETWEEN).await;
    }
    sorted(took)
}

/// Sends `--samples` requests for help during each flood.
pub async fn every_sos_is_acknowledged_in_a_flood_of_any_route() {
    let samples = option("--samples", 100);
    let folder = tempfile::tempdir().expect("a folder");
    let (client, port) = (client(), free_port());
    fill(folder.path(), port, HOMES + 2).await;
    let mut server = Server::start(folder.path(), port, &client).await;
    let base = server.base();
    sign_in(&client, &base).await;
    let all = floods(&base).await;
    let mut idle = ask_for_help(&client, &base, samples).await;
    let mut flooded = Vec::new();
    for one in &all {
        let stop = Arc::new(AtomicBool::new(false));
        let flooding = flood(one, &base, &stop);
        let took = ask_for_help(&client, &base, samples).await;
        stop.store(true, Ordering::Relaxed);
        let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
        for status in flooding.join_all().await.into_iter().flatten() {
            *answers.entry(status).or_default() += 1;
        }
        println!("{} {} {}: {answers:?}", one.who, one.method, one.path);
        flooded.push((
            format!(
                "{} {} {}",
                one.who,
                one.method,
                one.path.rsplit("/maple-street").next().unwrap_or_default()
            ),
            took,
        ));
        idle.extend(ask_for_help(&client, &base, samples / 5).await);
    }
    let idle = at(&sorted(idle), 0.99);
    figure("no flood: SOS acknowledged, p99", idle, "ms", "-");
    for (what, took) in flooded {
        let goal = format!("{:.1}", 3.0 * idle);
        let what: String = what.chars().take(55).collect();
        figure(&format!("{what}: p99"), at(&took, 0.99), "ms", &goal);
    }
    server.kill();
}
