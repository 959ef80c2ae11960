//! A receiving center over DC-09: one that is not ours (pysiaalarm), ones that are dead, slow, wrong about the time or not to be understood;
//! and panels that are not ours (my-dc09-spt, siadc09) at our own listener.

use super::{Person, Server, cameras::free_port, finding::python, until};
use buckler::{
    domain::time::Timestamp,
    server::center::dc09::{Frame, Id, Key},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// `0123456789ABCDEF`: pysiaalarm takes the letters, everybody else the digits.
const LETTERS: &str = "0123456789ABCDEF";
const DIGITS: &str = "30313233343536373839414243444546";

/// pysiaalarm.
struct Center {
    child: Child,
    port: u16,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Center {
    fn start(options: &[&str]) -> Self {
        Self::on(free_port(), options)
    }

    fn on(port: u16, options: &[&str]) -> Self {
        let mut command = python("center.py");
        command.args(["receive", &port.to_string(), "1234"]).args(options).stdout(Stdio::piped());
        let mut child = command.spawn().expect("scripts/setup test installs pysiaalarm");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = heard.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                hears.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, port, heard }
    }

    /// What it took and understood, in order, without supervision.
    fn taken(&self) -> Vec<String> {
        let told = |event: &Value| event["content"].as_str().filter(|content| !content.is_empty()).map(str::to_owned);
        self.heard.lock().unwrap().iter().filter_map(told).collect()
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What a receiver does that is made for trouble; how often it was asked is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    Takes,
    SaysNothing,
    SaysGarbage,
    HasAnotherTime,
    DoesNotUnderstand,
    Closes,
}

struct Odd {
    port: u16,
    asked: Arc<AtomicUsize>,
    taken: Arc<Mutex<Vec<Frame>>>,
}

impl Odd {
    async fn start(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counts, takes) = (asked.clone(), taken.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(behave(habit, socket, counts.clone(), takes.clone()));
            }
        });
        Self { port, asked, taken }
    }
}

async fn behave(habit: Habit, mut socket: TcpStream, asked: Arc<AtomicUsize>, taken: Arc<Mutex<Vec<Frame>>>) {
    let mut bytes = vec![0; 5_000];
    let mut late = false;
    while let Ok(length @ 1..) = socket.read(&mut bytes).await {
        let frame = Frame::decode(&bytes[..length], |_| None).unwrap();
        if frame.id != Id::Null {
            asked.fetch_add(1, SeqCst);
        }
        // A day before.
        let theirs = Timestamp::from_millis(now_ms() - 86_400_000);
        let is_theirs = frame.at.is_some_and(|at| at.since(theirs).max(theirs.since(at)) < Duration::from_secs(20));
        let answer = match habit {
            Habit::SaysNothing => continue,
            Habit::Closes => return,
            Habit::SaysGarbage => b"\n\r\n00FF0015\"ACK\"0006R1L0#1234[]\rHTTP/1.1 400\r\n".to_vec(),
            Habit::DoesNotUnderstand => frame.answer(Id::Duh, theirs).encode(None),
            Habit::HasAnotherTime if !is_theirs => {
                late = true;
                frame.answer(Id::Nak, theirs).encode(None)
            }
            Habit::Takes | Habit::HasAnotherTime => {
                assert!(habit == Habit::Takes || late || asked.load(SeqCst) > 1 || frame.id == Id::Null);
                taken.lock().unwrap().push(frame.clone());
                frame.answer(Id::Ack, theirs).encode(None)
            }
        };
        if socket.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn now_ms() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}

fn table(main: &str, rest: &str) -> String {
    format!(
        "[center]\nmode = \"receiver\"\nring_timeout = \"3s\"\n[center.receiver]\nmain = \"{main}\"\nsupervision = \"1s\"\nacknowledged_within = \"1s\"\n{rest}\n\
         [center.receiver.accounts]\nmaple-street = \"1234\"\n"
    )
}

async fn with_receiver(main: &str, rest: &str) -> (Server, Person) {
    let server = Server::with_file(&table(main, rest)).await;
    let owner = server.sign_in("owner").await;
    (server, owner)
}

/// Raises police and lets it be sent at once.
async fn sent(owner: &Person) -> String {
    let (status, incident) = owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "{incident}");
    let id = incident["id"].as_str().unwrap().to_owned();
    assert_eq!(owner.post(&format!("/api/v1/incidents/{id}/send-now"), &json!({})).await.0, StatusCode::OK);
    id
}

async fn story(owner: &Person, incident: &str) -> Vec<String> {
    let told = owner.get(&format!("/api/v1/incidents/{incident}")).await.1;
    told["timeline"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

async fn says(owner: &Person, incident: &str, text: &str) {
    until(text, || async { story(owner, incident).await.iter().any(|line| line.contains(text)).then_some(()) }).await;
}

async fn center_is_ok(owner: &Person) -> Value {
    let home = owner.get("/api/v1/homes/maple-street").await.1;
    home["sos"]["ready"]["checks"].as_array().unwrap().iter().find(|check| check["what"] == "center").unwrap()["ok"].clone()
}

#[tokio::test]
async fn a_receiving_center_takes_the_alarm_what_joins_the_cancel_and_supervision() {
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), DIGITS).unwrap();
    let sealed = format!("key_file = {:?}", key.path());
    const CONTACT_ID: [&str; 4] = ["1120 00 001", "1110 00 002", "1406 00 001", "1406 00 002"];
    let formats: [(&str, &[&str], String, [&str; 4]); 4] = [
        ("tcp", &[], String::new(), CONTACT_ID),
        ("udp", &["--udp"], String::new(), CONTACT_ID),
        ("tcp", &["--key", LETTERS], sealed.clone(), CONTACT_ID),
        ("tcp", &["--key", LETTERS], format!("{sealed}\nformat = \"sia-dcs\""), ["Nri1/PA001", "Nri1/FA002", "Nri1/OC001", "Nri1/OC002"]),
    ];
    for (scheme, options, rest, codes) in formats {
        let center = Center::start(options);
        let (_server, owner) = with_receiver(&format!("{scheme}://127.0.0.1:{}", center.port), &rest).await;
        until(&format!("the center answers {scheme} {options:?} {rest}"), || async { (center_is_ok(&owner).await == true).then_some(()) })
            .await;
        // What is aborted never left (R11, I3).
        let (_, aborted) = owner.raise("maple-street", "police", json!({})).await;
        owner.post(&format!("/api/v1/incidents/{}/cancel", aborted["id"].as_str().unwrap()), &json!({})).await;
        let id = sent(&owner).await;
        says(&owner, &id, "The receiving center has the alarm (main)").await;
        owner.raise("maple-street", "fire", json!({})).await;
        until("both are there", || async { (center.taken().len() == 2).then_some(()) }).await;
        // The first contact calls it off.
        let phone = owner.phone_of("maple-street", 0).await;
        let call = owner.get(&phone).await.1["call"]["id"].as_str().unwrap().to_owned();
        owner.post(&format!("{phone}/calls/{call}/cancel"), &json!({"verbal_password": "blue heron"})).await;
        until("that is there, too", || async { (center.taken().len() == 4).then_some(()) }).await;
        assert_eq!(center.taken(), codes, "{scheme} {options:?}");
    }
}

#[tokio::test]
async fn neither_silence_nor_nonsense_delays_a_call_and_the_second_receiver_is_told() {
    for habit in [Habit::SaysNothing, Habit::SaysGarbage, Habit::DoesNotUnderstand, Habit::Closes] {
        let (main, backup) = (Odd::start(habit).await, Odd::start(Habit::Takes).await);
        let rest = format!("backup = \"tcp://127.0.0.1:{}\"", backup.port);
        let (_server, owner) = with_receiver(&format!("tcp://127.0.0.1:{}", main.port), &rest).await;
        let asked = Instant::now();
        let id = sent(&owner).await;
        says(&owner, &id, "is calling").await;
        says(&owner, &id, "Sirens asked to sound").await;
        assert!(asked.elapsed() < Duration::from_secs(1), "{habit:?}: a call waits for no receiver");
        says(&owner, &id, "The receiving center has the alarm (backup)").await;
        let tries = if habit == Habit::DoesNotUnderstand { 1 } else { 3 };
        assert_eq!(main.asked.load(SeqCst), tries, "{habit:?}");
        let alarms = backup.taken.lock().unwrap().iter().filter(|frame| frame.data == "#1234|1120 00 001").count();
        assert_eq!(alarms, 1, "{habit:?}");
        assert!(story(&owner, &id).await.iter().all(|line| !line.contains("does not answer")), "{habit:?}");
    }
}

#[tokio::test]
async fn a_receiver_whose_clock_is_off_by_a_day_is_told_in_its_own_time() {
    let main = Odd::start(Habit::HasAnotherTime).await;
    let (_server, owner) = with_receiver(&format!("tcp://127.0.0.1:{}", main.port), "").await;
    let id = sent(&owner).await;
    says(&owner, &id, "The receiving center has the alarm (main)").await;
    let taken = main.taken.lock().unwrap().iter().find(|frame| frame.id == Id::AdmCid).cloned().unwrap();
    assert!(now_ms() - taken.at.unwrap().as_millis() > 86_000_000, "{taken:?}");
}

#[tokio::test]
async fn where_nobody_answers_the_timeline_says_so_and_it_is_told_when_somebody_does() {
    let (main, backup) = (free_port(), free_port());
    let rest = format!("backup = \"udp://127.0.0.1:{backup}\"");
    let (_server, owner) = with_receiver(&format!("tcp://127.0.0.1:{main}"), &rest).await;
    let id = sent(&owner).await;
    says(&owner, &id, "The receiving center does not answer").await;
    assert_eq!(center_is_ok(&owner).await, false);
    says(&owner, &id, "Police requested to").await;
    let center = Center::on(main, &[]);
    says(&owner, &id, "The receiving center has the alarm (main)").await;
    assert_eq!(center.taken(), ["1120 00 001"]);
    let failures = story(&owner, &id).await.iter().filter(|line| line.contains("does not answer")).count();
    assert_eq!(failures, 1, "it is said once");
}

#[tokio::test]
async fn f42_practice_reaches_a_center_only_as_a_test_and_only_where_that_is_wanted() {
    for (rest, codes) in [("", &[][..]), ("drills = true", &["1607 00 001"][..])] {
        let center = Center::start(&[]);
        let (_server, owner) = with_receiver(&format!("tcp://127.0.0.1:{}", center.port), rest).await;
        let (_, drill) = owner.raise("maple-street", "police", json!({"mode": "drill"})).await;
        let id = drill["id"].as_str().unwrap();
        owner.post(&format!("/api/v1/incidents/{id}/send-now"), &json!({})).await;
        says(&owner, id, "Police: request accepted").await;
        assert_eq!(center.taken(), codes);
    }
}

/// A server that listens for panels: account 1234 in the clear, ABCD with a key.
async fn listening(scheme: &str) -> (Server, u16, tempfile::NamedTempFile) {
    let (port, key) = (free_port(), tempfile::NamedTempFile::new().unwrap());
    fs::write(key.path(), DIGITS).unwrap();
    let server = Server::with_file(&format!(
        "[center.listener]\nlisten = \"{scheme}://127.0.0.1:{port}\"\n[center.listener.accounts.1234]\nhome = \"maple-street\"\n\
         [center.listener.accounts.ABCD]\nhome = \"lake-cabin\"\nkey_file = {:?}\n",
        key.path()
    ))
    .await;
    (server, port, key)
}

async fn dial(port: u16, account: &str, kind: &str, code: &str, options: &[&str]) -> Value {
    let mut command = python("center.py");
    command.args(["dial", &port.to_string(), account, kind, code]).args(options);
    // The server works in this thread.
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(text.lines().last().unwrap_or_default())
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

async fn running(owner: &Person, home: &str) -> Value {
    owner.get(&format!("/api/v1/homes/{home}")).await.1["incident"].clone()
}

#[tokio::test]
async fn what_a_panel_signals_is_an_incident_at_once_and_only_once() {
    for scheme in ["tcp", "udp"] {
        let udp: &[&str] = if scheme == "udp" { &["--udp"] } else { &[] };
        let (server, port, _key) = listening(scheme).await;
        let owner = server.sign_in("owner").await;
        for (kind, code, service) in [("ADM-CID", "120", "police"), ("SIA-DCS", "FA", "fire")] {
            assert_eq!(dial(port, "1234", kind, code, udp).await["msgs queued"], 0, "it was taken");
            let incident = running(&owner, "maple-street").await;
            assert!(incident["services"].as_array().unwrap().contains(&json!(service)), "{incident}");
            assert_ne!(incident["state"], "counting_down", "nobody waits for another countdown");
        }
        let first = running(&owner, "maple-street").await["id"].clone();
        dial(port, "1234", "ADM-CID", "406", udp).await;
        let incident = running(&owner, "maple-street").await;
        assert_eq!(incident["id"], first);
        assert!(incident["timeline"].to_string().contains("Says that the first contact called it off"), "{incident}");
        let sealed = [udp, &["--key", LETTERS]].concat();
        assert_eq!(dial(port, "ABCD", "ADM-CID", "100", &sealed).await["msgs queued"], 0);
        assert_eq!(running(&owner, "lake-cabin").await["services"], json!(["medical"]));
    }
}

/// What the listener answers to these bytes; nothing if it says nothing for a while.
async fn asks(port: u16, pieces: &[&[u8]]) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut heard = Vec::new();
    for piece in pieces {
        socket.write_all(piece).await.unwrap();
        socket.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    socket.shutdown().await.unwrap();
    let _ = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut heard)).await;
    String::from_utf8(heard).unwrap()
}

fn plain(sequence: u16, account: &str, data: &str) -> Frame {
    Frame {
        id: Id::AdmCid,
        sequence,
        receiver: Some("1".into()),
        line: "0".into(),
        account: Some(account.into()),
        data: data.into(),
        extra: Vec::new(),
        at: None,
        sealed: false,
    }
}

#[tokio::test]
async fn f28_what_is_replayed_wrong_or_late_changes_nothing() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let key: Key = DIGITS.parse().unwrap();
    let police = plain(7, "1234", "#1234|1120 00 001").encode(None);
    // Two frames in one piece, and one in many: each has its own answer.
    let both = [police.clone(), plain(8, "1234", "#1234|1110 00 002").encode(None)].concat();
    let answers = asks(port, &[&both]).await;
    assert_eq!((answers.matches("\"ACK\"0007").count(), answers.matches("\"ACK\"0008").count()), (1, 1), "{answers:?}");
    let pieces: Vec<&[u8]> = police.chunks(5).collect();
    assert!(asks(port, &pieces).await.contains("\"ACK\"0007"), "the same again is acknowledged");
    let lines = running(&owner, "maple-street").await["timeline"].as_array().unwrap().len();
    asks(port, &[&police]).await;
    assert_eq!(running(&owner, "maple-street").await["timeline"].as_array().unwrap().len(), lines, "and changes nothing");
    // An account that there is not, one that speaks for another, a code that is none, and one that must encrypt.
    for frame in [
        plain(1, "9999", "#9999|1120 00 001"),
        plain(2, "1234", "#ABCD|1120 00 001"),
        plain(3, "1234", "#1234|1"),
        plain(4, "1234", "#1234|1130 00 001"),
        plain(5, "ABCD", "#ABCD|1120 00 001"),
    ] {
        assert!(asks(port, &[&frame.encode(None)]).await.contains("\"DUH\""), "{frame:?}");
    }
    let sealed = |at: u64, key: &Key| {
        let frame = Frame { sealed: true, at: Some(Timestamp::from_millis(at)), ..plain(9, "ABCD", "#ABCD|1120 00 001") };
        frame.encode(Some((key, b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE")))
    };
    for late in [now_ms() - 60_000, now_ms() + 60_000] {
        let answer = asks(port, &[&sealed(late, &key)]).await;
        assert!(answer.contains("\"NAK\"0000R1L0A0[]_"), "{answer:?}");
    }
    let other: Key = "00".repeat(16).parse().unwrap();
    assert_eq!(asks(port, &[&sealed(now_ms(), &other)]).await, "");
    let mut damaged = police.clone();
    damaged[30] ^= 1;
    assert_eq!(asks(port, &[&damaged, b"\n\r", &[b'A'; 9_000]]).await, "");
    assert_eq!(running(&owner, "lake-cabin").await, Value::Null, "nothing of it became an incident");
    let taken = asks(port, &[&sealed(now_ms(), &key)]).await;
    assert!(taken.contains("\"*ACK\"0009"), "an encrypted message has an encrypted answer: {taken:?}");
    assert_eq!(running(&owner, "lake-cabin").await["services"], json!(["police"]));
}

#[tokio::test]
async fn our_frames_pass_through_another_codec_and_come_back() {
    let key: Key = DIGITS.parse().unwrap();
    let mut child = python("center.py").args(["again", "--key", DIGITS]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut asked = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let at = Some(Timestamp::from_millis(now_ms() / 1_000 * 1_000));
    for (n, code) in ["1120", "1110", "1100", "1121", "1122", "1123", "1406", "3120", "1601", "1607"].iter().enumerate() {
        for sealed in [false, true] {
            let data = format!("#1234|{code} 00 00{n}");
            let frame = Frame { sealed, at, extra: vec!["TM".into()], ..plain(n as u16 + 1, "1234", &data) };
            let bytes = frame.encode(sealed.then_some((&key, b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE")));
            writeln!(asked, "{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).unwrap();
            let (again, said): (String, String) = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            let bytes: Vec<u8> = (0..again.len()).step_by(2).map(|n| u8::from_str_radix(&again[n..n + 2], 16).unwrap()).collect();
            assert_eq!(Frame::decode(&bytes, |_| Some(&key)), Ok(frame), "{said}");
        }
    }
    drop(asked);
    child.wait().unwrap();
}
