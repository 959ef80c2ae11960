//! Attacks by requests, over HTTP: which requests each attacker repeats.

use super::{
    super::{
        load::instant,
        server::{cookie, new_id, now},
    },
    attack::{Actor, Plan, Tally},
    place::{CANCELED, INVITATIONS, OF_NEIGHBOR, OF_SIRENS, SESSIONS, SHARED},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at},
};

/// The connections of an attacker, and the pause between two requests on each, at most
/// 800 a second in all.
const CONNECTIONS: usize = 24;
const PAUSE: Duration = Duration::from_millis(30);
/// Stands for an id that each request makes.
const NEW_ID: &str = "NEW-ID";
/// Stands for the current time.
const NOW: &str = "NOW";
/// Stands for an address that each request makes up.
const ADDRESS: &str = "ADDRESS";
/// Stands for the number of the request.
const NUMBER: &str = "NUMBER";
const FORWARDED_FOR: &str = "x-forwarded-for";
/// A password that keeps the estimate of its strength busy for very long.
const COSTLY: &str =
    r#"4"@8({[<369|!1/|0$5+7%2"*54"@8({[<369|!1/|0$5+7%2"*54"@8({[<369|!1/|0$5+7%2"*5"#;

/// The same, but easily guessed, so that it is judged again each time.
const COSTLY_AND_WEAK: &str = "P4$$w0rd!P4$$w0rd!P4$$w0rd!P4$$w0rd!";

/// A request that is repeated, and perhaps another that follows each time.
#[derive(Clone)]
struct Ask {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    then: Option<Box<Ask>>,
}

impl Ask {
    fn new(method: Method, path: &str, body: Value) -> Self {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Self { method, path: path.to_owned(), headers: Vec::new(), body, then: None }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn then(self, next: Self) -> Self {
        Self { then: Some(Box::new(next)), ..self }
    }

    /// Its name in the table of answers.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn get(path: &str) -> Ask {
    Ask::new(Method::GET, path, Value::Null)
}

fn post(path: &str, body: Value) -> Ask {
    Ask::new(Method::POST, path, body)
}

fn put(path: &str, body: Value) -> Ask {
    Ask::new(Method::PUT, path, body)
}

/// Repeats the requests of the plan's attacker. Each list has its own connections: what is stored
/// must not wait for answers that take long, or what may be stored at once would last too long.
pub fn flood(plan: &Plan, tally: &Tally) -> JoinSet<()> {
    let lists = match plan.actor {
        Actor::StrangerGuesses => strangers().into(),
        Actor::GuestAsks => guests(plan.home).map(|asks| signed_in(&asks, "guest")).into(),
        Actor::Contact => vec![contacts(plan.home)],
        Actor::Restricted => {
            restricted(plan.home).map(|asks| signed_in(&asks, "restricted")).into()
        }
        Actor::Center => vec![center(plan.home)],
        Actor::Neighbor => owners().map(|asks| signed_in(&asks, "neighbor")).into(),
        other => panic!("{other:?} makes no requests"),
    };
    let lists: Vec<Arc<[Ask]>> = lists.into_iter().map(Arc::from).collect();
    let client = Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let mut all = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let asks = lists[connection % lists.len()].clone();
        let (client, base, tally) = (client.clone(), plan.base.clone(), tally.clone());
        let begin = instant() + PAUSE.mul_f64(connection as f64 / CONNECTIONS as f64);
        all.spawn(async move { repeat(&asks, &client, &base, connection, begin, &tally).await });
    }
    all
}

async fn repeat(
    asks: &[Ask],
    client: &Client,
    base: &str,
    connection: usize,
    begin: Instant,
    tally: &Tally,
) {
    let mut pace = interval_at(begin, PAUSE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for n in 0.. {
        pace.tick().await;
        let number = n * CONNECTIONS + connection;
        let ids = Placeholders { id: new_id(), number };
        let mut next = Some(&asks[number % asks.len()]);
        while let Some(ask) = next {
            let answer = ids.request(client, base, ask).send().await;
            let status = match answer {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    let _ = answer.bytes().await;
                    status.to_string()
                }
                // An attacker may be refused a connection or an answer.
                Err(_) => "none".into(),
            };
            tally.count(&ask.name(), status);
            next = ask.then.as_deref();
        }
    }
}

/// What one request fills in.
struct Placeholders {
    id: String,
    number: usize,
}

impl Placeholders {
    fn request(&self, client: &Client, base: &str, ask: &Ask) -> reqwest::RequestBuilder {
        let request = client.request(ask.method.clone(), format!("{base}{}", self.fill(&ask.path)));
        let request = request.header("content-type", "application/json");
        let request = ask
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, self.fill(value)));
        request.body(self.fill(&ask.body))
    }

    fn fill(&self, text: &str) -> String {
        let number = self.number;
        let address = format!("198.{}.{}.{}", 18 + number % 2, number / 250 % 250, number % 250);
        text.replace(&format!("\"{NOW}\""), &json!(now()).to_string())
            .replace(NEW_ID, &self.id)
            .replace(ADDRESS, &address)
            .replace(NUMBER, &number.to_string())
    }
}

/// Guesses, costly questions, and whatever anybody may send. Each comes from another network.
fn strangers() -> [Vec<Ask>; 2] {
    let sign_in =
        |email: &str| post("/api/v1/session", json!({"email": email, "password": "a wrong guess"}));
    let recover = |email: &str| {
        post("/api/v1/session/recovery", json!({"email": email, "code": "AAAA-BBBB-CCCC-DDDD"}))
    };
    let long = "a".repeat(60_000);
    let join = json!({"name": "Ada", "email": "adaNUMBER@demo.test", "password": COSTLY});
    let join = |n| post(&format!("/api/v1/invitations/invitation-{n}"), join.clone());
    let hashed = (0..INVITATIONS)
        .map(join)
        .chain([sign_in("owner@demo.test"), sign_in("nobody-NUMBER@demo.test")]);
    let others = [
        recover("owner@demo.test"),
        recover(&format!("{}-NUMBER@demo.test", "b".repeat(200))),
        recover(&long),
        post("/api/v1/session/passkey/options", json!({})),
        post("/api/v1/session/passkey", json!({"ceremony": long, "credential": {}})),
        get("/api/v1/invitations/NEW-ID"),
        post("/api/v1/welcome", json!({"token": "NEW-ID", "name": "Ada"})),
        get("/api/v1/contact/NEW-ID"),
        get("/api/v1/contact/NEW-ID/events"),
        post("/api/v1/contact/NEW-ID/memory", json!({"remembers": true})),
        post("/api/v1/reports/harbor", json!({"type": "incident.closed", "padding": long}))
            .with("webhook-id", NEW_ID)
            .with("webhook-timestamp", "1764000000")
            .with("webhook-signature", "v1,AAAA"),
        post("/api/v1/reports/NEW-ID", json!({})),
        post("/api/v1/homes/home-8/incidents", json!({"csp-report": long})),
        post("/csp", json!({"csp-report": {"blocked-uri": long}})),
        post("/api/v1/session", json!({})).with("origin", "https://evil.example"),
        // A page whose name was pointed at this server, in a browser of a home.
        sign_in("owner@demo.test")
            .with("host", "rebound.example")
            .with(FORWARDED_FOR, "192.168.1.7"),
        get("/"),
        get("/api/openapi.json"),
        get("/readyz"),
        get("/metrics"),
        get("/..%2f..%2fetc/passwd"),
    ];
    let from = |ask: Ask| match ask.headers.iter().any(|(name, _)| *name == FORWARDED_FOR) {
        true => ask,
        false => ask.with(FORWARDED_FOR, ADDRESS),
    };
    [others.map(from).into(), hashed.map(from).collect()]
}

/// Each session in turn makes each of these requests.
fn signed_in(asks: &[Ask], account: &str) -> Vec<Ask> {
    let of = |session: usize, ask: &Ask| {
        let cookie = cookie(&format!("{account}-{session}"));
        let follower = ask.then.clone().map(|next| Box::new(next.with("cookie", &cookie)));
        Ask { then: follower, ..ask.clone() }.with("cookie", &cookie)
    };
    (0..SESSIONS).flat_map(|session| asks.iter().map(move |ask| of(session, ask))).collect()
}

/// A request for help, or a drill.
fn raise(home: usize, mode: &str, request: &str) -> Ask {
    let body = json!({
        "id": NEW_ID,
        "request": request,
        "mode": mode,
        "source": {"surface": "dashboard"},
        "sent_at": NOW,
    });
    post(&format!("/api/v1/homes/home-{home}/incidents"), body)
}

fn cancel() -> Ask {
    post("/api/v1/incidents/NEW-ID/cancel", Value::Null)
}

fn guests(home: usize) -> [Vec<Ask>; 2] {
    let own = format!("/api/v1/homes/home-{home}");
    // The guest also belongs to a home with many incidents.
    let old = format!("/api/v1/homes/home-{}/incidents", CANCELED.start);
    let changes = vec![post("/api/v1/recovery-codes", Value::Null)];
    let others = vec![
        post("/api/v1/passkeys/options", json!({})),
        Ask::new(Method::DELETE, "/api/v1/sessions/NEW-ID", Value::Null),
        put("/api/v1/password", json!({"current": "a wrong guess", "password": COSTLY})),
        put("/api/v1/password", json!({"current": "buckler-demo", "password": COSTLY_AND_WEAK})),
        put("/api/v1/session/proof", json!({"password": "a wrong guess"})),
        get("/api/v1/me"),
        get("/api/v1/sessions"),
        get(&own),
        get(&format!("{old}?limit=100")),
        get(&format!("{own}/incidents?limit=100")),
        get(&format!("{own}/household")),
        get(&format!("{own}/audit")),
        get(&format!("/api/v1/cameras/front-door/still?home=home-{home}")),
        put(&format!("{own}/name"), json!({"name": "Not theirs"})),
        raise(home, "live", "police"),
        raise(home, "drill", "police"),
        post(&format!("{own}/invitations"), json!({"name": "Ada", "role": "owner"})),
    ];
    [changes, others]
}

fn contacts(home: usize) -> Vec<Ask> {
    let link = format!("/api/v1/contact/link-{home}");
    vec![
        get(&link),
        post(&format!("{link}/memory"), json!({"remembers": true})),
        post(&format!("{link}/memory"), json!({"remembers": false})),
        post(&format!("{link}/accept"), Value::Null),
        post(&format!("{link}/opt-out"), Value::Null),
        post(&format!("{link}/calls/NEW-ID.1/cancel"), json!({"verbal_password": "a guess"})),
        post(&format!("{link}/calls/NEW-ID.1/answer"), Value::Null),
    ]
}

/// Everything that its table lets it do, and a few things that it does not.
fn restricted(home: usize) -> [Vec<Ask>; 2] {
    let own = format!("/api/v1/homes/home-{home}");
    let looks = ["", "/household", "/wiring", "/incidents?limit=100", "/audit", "/deliveries"];
    let looks = looks.map(|path| get(&format!("{own}{path}")));
    let changes = vec![
        raise(home, "drill", "police").then(cancel()),
        // Where no honest device asks for help, and so nothing ends a drill.
        raise(SHARED, "drill", "fire").then(cancel()),
        Ask::new(Method::DELETE, &format!("{own}/requests/NEW-ID"), Value::Null),
    ];
    let acts = [
        raise(OF_SIRENS, "live", "siren").then(cancel()),
        raise(home, "live", "police"),
        post("/api/v1/incidents/NEW-ID/send-now", Value::Null),
        post("/api/v1/incidents/NEW-ID/silence", Value::Null),
        put("/api/v1/session/proof", json!({"password": "a wrong guess"})),
        put(&format!("{own}/name"), json!({"name": "Not theirs"})),
        Ask::new(Method::DELETE, "/api/v1/sessions", Value::Null),
        get("/api/v1/me"),
        get("/api/v1/passkeys"),
    ];
    [changes, looks.into_iter().chain(acts).collect()]
}

/// An operator, a supervisor, and an operator who was removed ask the same.
fn center(home: usize) -> Vec<Ask> {
    let incident = "/api/v1/center/incidents/NEW-ID";
    let asks = vec![
        get("/api/v1/center/incidents"),
        get("/api/v1/center/statistics?days=400"),
        get("/api/v1/center/statistics?days=400&format=csv"),
        get("/api/v1/center/people"),
        post("/api/v1/center/invitations", json!({"name": "Ada", "role": "operator"})),
        post(&format!("{incident}/claim"), Value::Null),
        post(&format!("{incident}/note"), json!({"note": "x".repeat(60_000)})),
        post(&format!("{incident}/close"), json!({"disposition": "false_alarm"})),
        post(&format!("{incident}/review"), json!({"decision": "do_not_send", "note": ""})),
        get(&format!("/api/v1/homes/home-{home}")),
        get(&format!("{incident}/cameras/front-door/live")),
    ];
    ["operator", "lead", "former"].map(|account| signed_in(&asks, account)).concat()
}

/// An owner may do all of this at home, and must not keep others from being heard.
fn owners() -> [Vec<Ask>; 2] {
    let own = format!("/api/v1/homes/home-{OF_NEIGHBOR}");
    let device = json!({"kind": "keypad", "model": "alarm", "name": "Hall"});
    let notes =
        json!({"gate": NUMBER, "pets": "", "medical": "", "permit": "", "permit_until": ""});
    let changes = vec![
        put(&format!("{own}/name"), json!({"name": "Number NUMBER"})),
        put(&format!("{own}/notes"), notes),
        post(&format!("{own}/contacts/father/link"), json!({})),
        post(&format!("{own}/devices"), device),
        post(&format!("{own}/invitations"), json!({"name": "Ada", "role": "guest"})),
        Ask::new(Method::DELETE, &format!("{own}/requests/NEW-ID"), Value::Null),
        raise(OF_NEIGHBOR, "drill", "police").then(cancel()),
    ];
    let others = vec![
        post(&format!("{own}/verbal-password/check"), json!({"password": "a guess"})),
        get(&format!("{own}/household")),
        get(&format!("{own}/audit")),
        get(&format!("{own}/incidents?limit=100")),
    ];
    [changes, others]
}
