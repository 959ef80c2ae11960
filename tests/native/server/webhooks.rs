//! Webhooks that tell other servers of incidents, and reports from elsewhere (Standard Webhooks).

use super::{Person, Server, connect, finding::python, quarantine::BREAK, until};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use buckler::domain::{
    id::IncidentId,
    incident::{Policy, Snapshot},
    time::Timestamp,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::Connection;
use standardwebhooks::Webhook;
use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering::SeqCst},
    },
};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Unanswered calls ring for a second.
const HURRIES: &str = "ring_timeout = \"1s\"";

pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=";

/// A received message.
#[derive(Clone)]
struct Came {
    headers: HeaderMap,
    body: Bytes,
    answered: u16,
}

impl Came {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
    fn id(&self) -> &str {
        self.headers["webhook-id"].to_str().unwrap()
    }
}

/// Another server, which receives webhooks.
#[derive(Clone, Default)]
struct Other {
    all: Arc<Mutex<Vec<Came>>>,
    answers: Arc<AtomicU16>,
}

impl Other {
    async fn start(answers: u16) -> (Self, String) {
        let other = Self { answers: Arc::new(AtomicU16::new(answers)), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(hear)).with_state(other.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (other, url)
    }

    fn taken(&self) -> Vec<Came> {
        self.all.lock().unwrap().iter().filter(|came| came.answered == 200).cloned().collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.taken()
            .iter()
            .map(|came| came.json()["type"].as_str().unwrap().replace("incident.", ""))
            .collect()
    }

    async fn until(&self, last: &str) {
        until(last, || async { self.kinds().iter().any(|kind| kind == last).then_some(()) }).await;
    }
}

async fn hear(State(other): State<Other>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let answered = other.answers.load(SeqCst);
    other.all.lock().unwrap().push(Came { headers, body, answered });
    StatusCode::from_u16(answered).unwrap()
}

/// A server that sends webhooks to `url`, and the folder with its secret.
async fn telling(url: &str, center: &str) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let secret = secret.display();
    let file = format!(
        "[center]\n{center}\n[[webhook]]\nurl = \"{url}\"\nsecret_file = \"{secret}\"\n\
         [[reporter]]\nname = \"harbor\"\ntitle = \"Harbor Dispatch\"\nsecret_file = \"{secret}\"\nhomes = [\"maple-street\"]\n"
    );
    (Server::with_file(&file).await, folder)
}

/// The first contact cancels, which ends the incident.
pub async fn called_off(server: &Server, owner: &Person, incident: &Value) {
    let (phone, contact) = (owner.phone_of("maple-street", 0).await, server.stranger());
    let call = until("the first call", || async {
        contact.get(&phone).await.1["call"]["id"].as_str().map(str::to_owned)
    })
    .await;
    contact.post(&format!("{phone}/calls/{call}/answer"), &json!({})).await;
    contact
        .post(&format!("{phone}/calls/{call}/cancel"), &json!({"verbal_password": "blue heron"}))
        .await;
    owner.until_state(incident, "cancelled").await;
}

pub async fn sent(owner: &Person, request: &str) -> Value {
    let incident = owner.raise("maple-street", request, json!({})).await.1;
    owner.act(&incident, "send-now").await;
    incident
}

#[tokio::test]
async fn each_step_is_told_in_order_once_and_none_before_d() {
    let (other, url) = Other::start(200).await;
    let (server, _folder) = telling(&url, HURRIES).await;
    let owner = server.sign_in("owner").await;
    let aborted = owner.raise("maple-street", "fire", json!({})).await.1;
    owner.act(&aborted, "cancel").await;
    let drill = owner.raise("maple-street", "police", json!({"mode": "drill"})).await.1;
    owner.act(&drill, "send-now").await;
    let incident = sent(&owner, "police").await;
    owner.until_state(&incident, "closed").await;
    other.until("closed").await;
    let story = owner.look(&incident).await;
    let steps: Vec<_> = story["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    let told: Vec<_> =
        other.taken().iter().map(|came| came.json()["data"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(told, steps, "{:?}", other.kinds());
    for came in other.taken() {
        let message = came.json();
        assert_eq!(
            message["data"]["incident"], incident["id"],
            "R11, R21: nothing of what was aborted, nothing of a drill"
        );
        assert_eq!(
            came.id(),
            format!("{}-{}", incident["id"].as_str().unwrap(), message["data"]["seq"])
        );
        assert!(
            !String::from_utf8_lossy(&came.body).contains("argon2"),
            "the verbal password's hash stays here"
        );
        assert_eq!(message["data"]["about"]["address"]["line1"], "14 Maple Street");
    }
    assert!(
        other.kinds().iter().position(|kind| kind == "started")
            < other.kinds().iter().position(|kind| kind == "sent_now")
    );
}

#[tokio::test]
async fn signature_is_good_for_other_libraries_and_our_documentation() {
    let (other, url) = Other::start(200).await;
    let (server, _folder) = telling(&url, HURRIES).await;
    sent(&server.sign_in("owner").await, "medical").await;
    other.until("sent_now").await;
    let came = other.taken().remove(0);
    let header = |name: &str| came.headers[name].to_str().unwrap().to_owned();
    let [id, at, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/webhooks");
    let verifies = |mut command: Command, [secret, id, at, signature]: [&str; 4], body: &[u8]| {
        let command = command
            .args([secret, id, at, signature])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // A verifier that has already found a fault does not read on.
        let _ = child.stdin.take().unwrap().write_all(body);
        child.wait().unwrap().success()
    };
    let verifier = |name: &str| match name {
        "standardwebhooks" => python("hook.py"),
        "verify.py" => program("/usr/bin/python3", &docs.join(name)),
        "verify.mjs" => program("node", &docs.join(name)),
        _ => program("bash", &docs.join(name)),
    };
    let other_secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let forged = [&came.body[..came.body.len() - 1], b" }"].concat();
    for name in ["standardwebhooks", "verify.py", "verify.mjs", "verify.sh"] {
        let check = |with: [&str; 4], body: &[u8]| verifies(verifier(name), with, body);
        assert!(check([SECRET, &id, &at, &signature], &came.body), "{name}");
        assert!(
            check([SECRET, &id, &at, &format!("v1,bm90IGl0 {signature}")], &came.body),
            "{name}: a new secret beside an old one"
        );
        assert!(!check([SECRET, &id, &at, &signature], &forged), "{name}: another body");
        assert!(!check([other_secret, &id, &at, &signature], &came.body), "{name}: another secret");
        assert!(
            !check([SECRET, &format!("{id}0"), &at, &signature], &came.body),
            "{name}: another id"
        );
        let old = (at.parse::<u64>().unwrap() - 600).to_string();
        let signed =
            Webhook::new(SECRET).unwrap().sign(&id, old.parse().unwrap(), &came.body).unwrap();
        assert!(!check([SECRET, &id, &old, &signed], &came.body), "{name}: too old");
    }
}

fn program(name: &str, file: &std::path::Path) -> Command {
    let mut command = Command::new(name);
    command.arg(file);
    command
}

/// F28.
#[tokio::test]
async fn step_that_is_not_taken_is_told_again_in_order_after_restart() {
    let (other, url) = Other::start(503).await;
    let (server, _folder) = telling(&url, "").await;
    let owner = server.sign_in("owner").await;
    let incident = sent(&owner, "police").await;
    until("refused", || async { (other.all.lock().unwrap().len() > 1).then_some(()) }).await;
    assert!(
        other.all.lock().unwrap().iter().all(|came| came.id().ends_with("-1")),
        "nothing overtakes what is not taken"
    );
    let server = server.restart_with_file(async || other.answers.store(200, SeqCst)).await;
    let owner = server.sign_in("owner").await;
    called_off(&server, &owner, &incident).await;
    other.until("cancelled").await;
    // A step that was taken and acknowledged is not repeated. An answer that was lost with the
    // server is rightly requested again.
    let id: IncidentId = serde_json::from_value(incident["id"].clone()).unwrap();
    let known = async || {
        server
            .app
            .reads
            .delivery(&url, id)
            .await
            .unwrap()
            .map(|delivery| u64::from(delivery.next) - 1)
    };
    let known = until("what was taken is known", async || {
        known().await.filter(|known| *known == other.taken().len() as u64)
    })
    .await;
    let server = server.restart_with_file(async || ()).await;
    let next = sent(&server.sign_in("owner").await, "fire").await;
    let of = |incident: &Value| {
        let all = other.taken().into_iter().map(|came| came.json()["data"].clone());
        all.filter(|data| data["incident"] == incident["id"])
            .map(|data| data["seq"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    until("the next incident", async || (!of(&next).is_empty()).then_some(())).await;
    let told: Vec<_> = of(&incident).into_iter().filter(|seq| *seq <= known).collect();
    assert_eq!(told, (1..=known).collect::<Vec<_>>());
}

/// An incident without an id that can be read, and its delivery.
const NAMELESS: &str = "INSERT INTO incident (id, home, started_at) SELECT 'no id', home, max(started_at) FROM incident;
    INSERT INTO delivery (url, incident, next, failing_since) SELECT url, 'no id', 1, 0 FROM webhook";

#[tokio::test]
async fn webhooks_go_past_an_unreadable_incident() {
    let (other, url) = Other::start(503).await;
    let (server, _folder) = telling(&url, "").await;
    let owner = server.sign_in("owner").await;
    let unreadable = sent(&owner, "police").await;
    until("refused", || async { (!other.all.lock().unwrap().is_empty()).then_some(()) }).await;
    let file = server.file();
    let server = server
        .restart_with_file(async || {
            let mut file = connect(&file).await;
            sqlx::raw_sql(BREAK).execute(&mut file).await.unwrap();
            sqlx::raw_sql(NAMELESS).execute(&mut file).await.unwrap();
            other.answers.store(200, SeqCst);
        })
        .await;
    let next = sent(&server.sign_in("owner").await, "fire").await;
    let told = |incident: &Value| {
        other.taken().iter().any(|came| came.json()["data"]["incident"] == incident["id"])
    };
    until("the next incident", async || told(&next).then_some(())).await;
    assert!(!told(&unreadable));
}

#[tokio::test]
async fn step_not_taken_for_a_day_is_given_up_until_an_owner_asks() {
    let (other, url) = Other::start(500).await;
    let (server, _folder) = telling(&url, "").await;
    let owner = server.sign_in("owner").await;
    let incident = sent(&owner, "police").await;
    let path = "/api/v1/homes/maple-street/deliveries";
    let failing = || async { owner.get(path).await.1.as_array().unwrap().first().cloned() };
    let first = until("a delivery that fails", failing).await;
    assert_eq!(
        (&first["given_up"], &first["why"], &first["host"]),
        (&json!(false), &json!("It answers 500."), &json!("127.0.0.1"))
    );
    called_off(&server, &owner, &incident).await;
    let file = server.file();
    let server = server
        .restart_with_file(async || {
            let mut file = connect(&file).await;
            sqlx::query("UPDATE delivery SET failing_since = failing_since - 86400000")
                .execute(&mut file)
                .await
                .unwrap();
            file.close().await.unwrap();
        })
        .await;
    let owner = server.sign_in("owner").await;
    let failing = || async {
        owner
            .get(path)
            .await
            .1
            .as_array()
            .unwrap()
            .first()
            .cloned()
            .filter(|one| one["given_up"] == true)
    };
    let given_up = until("given up", failing).await;
    assert_eq!(server.sign_in("guest").await.get(path).await.0, StatusCode::FORBIDDEN);
    other.answers.store(200, SeqCst);
    let resend = format!("{path}/{}/resend", given_up["id"].as_str().unwrap());
    assert_eq!(owner.post(&resend, &json!({})).await.0, StatusCode::OK);
    other.until("cancelled").await;
    assert_eq!(owner.get(path).await.1, json!([]));
    assert_eq!(
        owner.post(&resend, &json!({})).await.0,
        StatusCode::NOT_FOUND,
        "there is nothing to tell any more"
    );
}

#[tokio::test]
async fn another_server_that_is_slow_or_dead_delays_no_call() {
    // It accepts connections, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (server, _folder) =
        telling(&format!("http://{}/hook", listener.local_addr().unwrap()), "").await;
    let owner = server.sign_in("owner").await;
    let incident = sent(&owner, "police").await;
    called_off(&server, &owner, &incident).await;
    let story = owner.look(&incident).await;
    let at = |what: &str| {
        let line =
            story["timeline"].as_array().unwrap().iter().find(|line| line["what"] == what).unwrap();
        line["at"].as_str().unwrap().to_owned()
    };
    assert_eq!(at("sent_now"), at("call_placed"), "one decision");
}

/// Sends a report as the dispatch service.
pub async fn report(server: &Server, id: &str, kind: &str, data: Value) -> (StatusCode, Value) {
    let body = json!({"type": kind, "timestamp": server.app.clock.now(), "data": data}).to_string();
    say(server, id, 0, &body, SECRET).await
}

async fn say(
    server: &Server,
    id: &str,
    ago_s: i64,
    body: &str,
    secret: &str,
) -> (StatusCode, Value) {
    let at = (server.app.clock.now().as_millis() / 1_000) as i64 - ago_s;
    let signature = Webhook::new(secret).unwrap().sign(id, at, body.as_bytes()).unwrap();
    let request = server
        .stranger()
        .client
        .post(format!("{}/api/v1/reports/harbor", server.base))
        .body(body.to_owned());
    let request = request
        .header("webhook-id", id)
        .header("webhook-timestamp", at)
        .header("webhook-signature", signature);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

/// F28.
#[tokio::test]
async fn reports_move_a_service_forward_once_and_never_back() {
    let (_other, url) = Other::start(200).await;
    let (server, _folder) = telling(&url, "mode = \"operators\"").await;
    let owner = server.sign_in("owner").await;
    let incident = sent(&owner, "police").await;
    let moved = |state: &str, reference: Option<&str>| json!({"incident": incident["id"], "by": "Unit 7", "dispatch": {"service": "police", "state": state, "reference": reference}});
    let recorded = |yes: bool| (StatusCode::OK, json!({"recorded": yes}));
    let kind = "incident.dispatch_moved";
    assert_eq!(report(&server, "a", kind, moved("accepted", Some("P-17"))).await, recorded(true));
    assert_eq!(
        report(&server, "a", kind, moved("accepted", Some("P-17"))).await,
        recorded(false),
        "the same message again"
    );
    assert_eq!(
        report(&server, "c", kind, moved("on_scene", None)).await,
        recorded(true),
        "one is missing"
    );
    assert_eq!(
        report(&server, "b", kind, moved("en_route", None)).await,
        recorded(false),
        "and comes too late"
    );
    let story = owner.look(&incident).await;
    assert_eq!(story["state"], "verifying", "I5: a report does not end the first call");
    let lines: Vec<_> = story["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["text"].as_str().unwrap(), line["by"].clone()))
        .collect();
    assert!(
        lines.contains(&("Police: request accepted (P-17)", json!("Unit 7, Harbor Dispatch"))),
        "{lines:?}"
    );
    assert!(lines.contains(&("Police: on scene", json!("Unit 7, Harbor Dispatch"))), "{lines:?}");
    let medical = json!({"incident": incident["id"], "dispatch": {"service": "medical", "state": "accepted"}});
    assert_eq!(report(&server, "d", kind, medical).await, recorded(false), "nobody asked for that");
    assert_eq!(
        report(&server, "e", "incident.siren_on", json!({"incident": incident["id"]})).await,
        recorded(false)
    );
    let nowhere = json!({"incident": "00000000-0000-7000-8000-000000000000", "dispatch": {"service": "police", "state": "closed"}});
    assert_eq!(report(&server, "f", kind, nowhere).await.0, StatusCode::NOT_FOUND);
    let elsewhere = server.sign_in("owner").await.raise("lake-cabin", "police", json!({})).await.1;
    let theirs =
        json!({"incident": elsewhere["id"], "dispatch": {"service": "police", "state": "closed"}});
    assert_eq!(
        report(&server, "g", kind, theirs).await.0,
        StatusCode::NOT_FOUND,
        "I21: not this reporter's home"
    );
}

/// F28.
#[tokio::test]
async fn bad_signature_is_refused_kept_and_changes_nothing() {
    let (_other, url) = Other::start(200).await;
    let (server, _folder) = telling(&url, "").await;
    let owner = server.sign_in("owner").await;
    let incident = sent(&owner, "police").await;
    let data =
        json!({"incident": incident["id"], "dispatch": {"service": "police", "state": "closed"}});
    let body = json!({"type": "incident.dispatch_moved", "timestamp": server.app.clock.now(), "data": data}).to_string();
    let before = owner.look(&incident).await["timeline"].as_array().unwrap().len();
    for (ago_s, secret) in
        [(0, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), (600, SECRET), (-600, SECRET)]
    {
        assert_eq!(say(&server, "a", ago_s, &body, secret).await.0, StatusCode::UNAUTHORIZED);
    }
    let bare = server
        .stranger()
        .client
        .post(format!("{}/api/v1/reports/harbor", server.base))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    let unknown = server.stranger().post("/api/v1/reports/nobody", &json!({})).await;
    assert_eq!(unknown.0, StatusCode::UNAUTHORIZED, "who may report is nobody's business");
    assert!(
        owner.look(&incident).await["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .skip(before)
            .all(|line| line["by"] != "Harbor Dispatch")
    );
    let mut file = connect(&server.file()).await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM audit WHERE what = 'report_refused'")
        .fetch_one(&mut file)
        .await
        .unwrap();
    assert_eq!(kept, 5);
    let garbled = say(&server, "b", 0, "{}", SECRET).await;
    assert_eq!(
        (garbled.0, &garbled.1["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid"))
    );
}

#[test]
fn hook_beyond_this_house_needs_https_and_a_long_secret() {
    use buckler::server::webhooks::settings::{Hook, look_at};
    let folder = tempfile::tempdir().unwrap();
    let secret = |text: &str| {
        let file = folder.path().join("secret");
        std::fs::write(&file, text).unwrap();
        file
    };
    let hook = |url: &str, text: &str| {
        let hook = Hook {
            url: url.parse().unwrap(),
            secret_file: secret(text),
            homes: Default::default(),
            drills: false,
        };
        look_at(&[hook], &[]).map_err(|error| error.to_string())
    };
    for good in [
        "https://example.org/hook",
        "http://127.0.0.1:9/hook",
        "http://192.168.1.7:8123/api/webhook/x",
        "http://[::1]:9/",
    ] {
        assert_eq!(hook(good, SECRET), Ok(()), "{good}");
    }
    for bad in [
        "http://example.org/hook",
        "http://8.8.8.8/",
        "ftp://example.org/",
        "https://me:secret@example.org/",
    ] {
        assert!(hook(bad, SECRET).is_err(), "{bad}");
    }
    for bad in ["", "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=", "whsec_c2hvcnQ=", "whsec_%%%"] {
        assert!(hook("https://example.org/hook", bad).is_err(), "{bad}");
    }
}

/// I19: responders get the notes that the home had when the incident began.
#[tokio::test]
async fn notes_for_responders_go_with_the_incident_and_to_nobody_else() {
    let (other, url) = Other::start(200).await;
    let (server, _folder) = telling(&url, "").await;
    let owner = server.sign_in("owner").await;
    let put = async |notes: &Value| {
        owner.ask(reqwest::Method::PUT, "/api/v1/homes/maple-street/notes", notes).await
    };
    let notes = json!({"gate": " under the stone ", "pets": "Two dogs", "medical": "", "permit": "A-9", "permit_until": "2027-01-31"});
    assert_eq!(put(&notes).await.0, StatusCode::OK);
    let (status, problem) = put(&json!({"gate": "x".repeat(201), "permit_until": "soon"})).await;
    assert_eq!(
        (status, problem["errors"].as_array().unwrap().len()),
        (StatusCode::UNPROCESSABLE_ENTITY, 2)
    );
    let incident = sent(&owner, "police").await;
    put(&json!({})).await;
    called_off(&server, &owner, &incident).await;
    other.until("cancelled").await;
    let told = json!({"gate": "under the stone", "pets": "Two dogs", "medical": "", "permit": "A-9", "permit_until": "2027-01-31"});
    assert!(other.taken().iter().all(|came| came.json()["data"]["about"]["notes"] == told));
    for seen in [
        owner.look(&incident).await,
        owner
            .get(&format!("/api/v1/incidents/{}/export", incident["id"].as_str().unwrap()))
            .await
            .1,
    ] {
        assert!(
            !seen.to_string().contains("under the stone"),
            "members see nothing of it in what happened"
        );
    }
    assert!(
        !owner
            .get("/api/v1/homes/maple-street/audit")
            .await
            .1
            .to_string()
            .contains("under the stone")
    );
    let home = crate::domain::story::home();
    assert!(
        serde_json::to_value(Snapshot::of(&home, Policy::default(), Timestamp::default()))
            .unwrap()
            .get("notes")
            .is_none(),
        "an empty one is not kept"
    );
}
