//! A listening phone: a bare socket and a task that records when each event arrived.

use super::load::instant;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::mpsc,
    task::AbortHandle,
    time::Instant,
};

/// A received event.
pub struct ReceivedEvent {
    pub name: String,
    pub data: Value,
    pub at: Instant,
    id: Option<u64>,
}

/// An open stream of `home-N`. It reads at most one event ahead.
pub struct Listener {
    pub home: usize,
    /// The last event that was received.
    pub seen: u64,
    heard: mpsc::Receiver<(String, Instant)>,
    reading: AbortHandle,
}

/// Opens a stream that resumes after the event `last`.
pub async fn listen(base: &str, cookie: &str, home: usize, last: Option<u64>) -> Listener {
    let mut socket =
        TcpStream::connect(base.trim_start_matches("http://")).await.expect("connected");
    let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
    let request = format!(
        "GET /api/v1/homes/home-{home}/events HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n{last}\r\n"
    );
    socket.write_all(request.as_bytes()).await.expect("sent");
    let (tell, heard) = mpsc::channel(1);
    let reading = tokio::spawn(read(socket, tell)).abort_handle();
    Listener { home, seen: 0, heard, reading }
}

async fn read(socket: TcpStream, tell: mpsc::Sender<(String, Instant)>) {
    let mut lines = BufReader::with_capacity(1_024, socket).lines();
    let head = lines.next_line().await.ok().flatten();
    assert_eq!(head.as_deref(), Some("HTTP/1.1 200 OK"));
    while lines.next_line().await.is_ok_and(|line| line.is_some_and(|l| !l.is_empty())) {}
    let mut event = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        // Each event is a chunk (RFC 9112, 7.1): a line with its length, the event with its empty
        // line, and another empty line.
        if !line.is_empty() {
            event += &line;
            event += "\n";
        } else if !event.is_empty()
            && tell.send((std::mem::take(&mut event), instant())).await.is_err()
        {
            return;
        }
    }
}

impl Listener {
    /// The next event.
    pub async fn next(&mut self) -> ReceivedEvent {
        let (text, at) = self.heard.recv().await.expect("the stream goes on");
        let field =
            |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
        let id = field("id").and_then(|id| id.parse().ok());
        let data = serde_json::from_str(field("data").expect("data")).expect("JSON");
        let heard = ReceivedEvent { name: field("event").expect("a name").into(), data, at, id };
        if let Some(id) = heard.id {
            assert!(id >= self.seen, "ids only grow");
            self.seen = id;
        }
        heard
    }

    /// The next event of that name.
    pub async fn event(&mut self, name: &str) -> ReceivedEvent {
        loop {
            let heard = self.next().await;
            if heard.name == name {
                return heard;
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
