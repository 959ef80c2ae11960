//! Attacks by connections: many that send nothing, little, or what is too large, and that read
//! nothing.

use super::{
    super::{load::instant, server::cookie},
    attack::{Plan, Tally},
    place::SESSIONS,
};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet, time::sleep};

/// The pause before a connection that ended is opened again.
const AGAIN: Duration = Duration::from_millis(200);
/// A body or a head of this many bytes is sent in pieces.
const PIECE: usize = 16 * 1024;

/// A connection that is opened again and again.
#[derive(Clone)]
struct Held {
    name: &'static str,
    /// What is sent first.
    opening: Vec<u8>,
    /// What is sent after each pause.
    more: (Duration, Vec<u8>),
    /// How long it is held, unless the server ends it.
    held: Duration,
}

impl Held {
    /// Sends nothing after its opening.
    fn silent(name: &'static str, opening: impl Into<Vec<u8>>, held: Duration) -> Self {
        Self { name, opening: opening.into(), more: (held, Vec::new()), held }
    }

    fn dripping(self, pause: Duration, piece: impl Into<Vec<u8>>) -> Self {
        Self { more: (pause, piece.into()), ..self }
    }

    /// Keeps this many open.
    fn keep(self, count: usize, base: &str, tally: &Tally, all: &mut JoinSet<()>) {
        let address = base.trim_start_matches("http://").to_owned();
        for _ in 0..count {
            let (held, address, tally) = (self.clone(), address.clone(), tally.clone());
            all.spawn(async move {
                loop {
                    let outcome = held.once(&address, &tally).await;
                    tally.count(held.name, outcome);
                    sleep(AGAIN).await;
                }
            });
        }
    }

    async fn once(&self, address: &str, tally: &Tally) -> &'static str {
        let Ok(mut socket) = TcpStream::connect(address).await else { return "not connected" };
        tally.count(self.name, "connected");
        let began = instant();
        if socket.write_all(&self.opening).await.is_err() {
            return "ended";
        }
        let (pause, piece) = &self.more;
        while began.elapsed() < self.held {
            sleep(*pause).await;
            // The server takes no more: it waits for a client that reads nothing.
            let written = tokio::time::timeout(*pause, socket.write_all(piece)).await;
            if matches!(written, Ok(Err(_))) {
                return "ended";
            }
        }
        "held"
    }
}

fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n")
}

/// Connections of strangers. This machine has no limit of connections, because a proxy may run on
/// it, so there are as many as a few networks may have.
pub fn strangers(plan: &Plan, tally: &Tally) -> JoinSet<()> {
    let (s, long) = (Duration::from_secs(1), Duration::from_secs(20));
    let json = "content-type: application/json\r\n";
    let head = "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n";
    let (body, large) = ("x".repeat(64 * 1024), "x".repeat(40 * 1024));
    let sized = format!("{json}content-length: {}\r\n", body.len());
    let whole = format!("{}{body}", request("POST", "/api/v1/session", &sized));
    let mut all = JoinSet::new();
    let mut keep = |held: Held, count: usize| held.keep(count, &plan.base, tally, &mut all);
    keep(Held::silent("connection that sends nothing", "", long), 250);
    keep(Held::silent("slow head", head, long).dripping(s / 2, "x-more: 1\r\n"), 150);
    let begun = request("POST", "/api/v1/session", &sized);
    keep(Held::silent("slow body", begun, long).dripping(s / 2, "x"), 150);
    keep(Held::silent("body of 64 kB", whole.clone(), s / 10).dripping(s / 10, whole), 8);
    let huge = request("GET", "/", &format!("x-large: {large}\r\n"));
    keep(Held::silent("head of 40 kB", huge, s / 10), 8);
    let ten = request("GET", "/api/openapi.json", "").repeat(10);
    keep(Held::silent("answers that nobody reads", ten, long), 100);
    let two_hosts = request("GET", "/", "host: evil.example\r\n");
    keep(Held::silent("two hosts", two_hosts, s / 10), 4);
    let both =
        request("POST", "/api/v1/session", "content-length: 5\r\ntransfer-encoding: chunked\r\n");
    keep(Held::silent("two lengths", both + "0\r\n\r\nGET / HTTP/1.1\r\n\r\n", s / 10), 4);
    all
}

/// Streams of a guest that read nothing, and pictures whose viewer sends huge frames: more of both
/// than a session may have, on many sessions.
pub fn guests(plan: &Plan, tally: &Tally) -> JoinSet<()> {
    let (home, mut all) = (plan.home, JoinSet::new());
    let (long, pause) = (Duration::from_secs(20), Duration::from_millis(50));
    for session in 0..SESSIONS {
        let own = format!("cookie: {}\r\n", cookie(&format!("guest-{session}")));
        let events = request("GET", &format!("/api/v1/homes/home-{home}/events"), &own);
        Held::silent("stream", events, long).keep(20, &plan.base, tally, &mut all);
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
        let path = format!("/api/v1/cameras/front-door/live?home=home-{home}");
        let mut opening = request("GET", &path, &format!("{own}{upgrade}")).into_bytes();
        // The head of a binary frame of 16 MiB (RFC 6455, 5.2) and the start of its payload.
        opening.extend([0x82, 0xff]);
        opening.extend((16_u64 << 20).to_be_bytes());
        opening.extend([0; 4]);
        let viewer = Held::silent("huge frame of a viewer", opening, long);
        viewer.dripping(pause, vec![0; PIECE]).keep(3, &plan.base, tally, &mut all);
        // A viewer that reads nothing.
        let silent = request("GET", &path, &format!("{own}{upgrade}"));
        Held::silent("viewer", silent, long).keep(4, &plan.base, tally, &mut all);
    }
    all
}

/// Streams of a contact's link, more than it may have.
pub fn contacts(plan: &Plan, tally: &Tally, all: &mut JoinSet<()>) {
    let events = request("GET", &format!("/api/v1/contact/link-{}/events", plan.home), "");
    let stream = Held::silent("stream of a link", events, Duration::from_secs(20));
    stream.keep(100, &plan.base, tally, all);
}
