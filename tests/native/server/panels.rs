//! Our own listener for panels (DC-09), tested with other implementations (my-dc09-spt and the
//! codec siadc09) and with bytes that are no messages.

use super::{
    Op, Person, Server,
    cameras::free_port,
    finding::python,
    receiver::{DIGITS, LETTERS, now_ms},
    whats,
};
use buckler::{
    domain::{id::IncidentId, time::Timestamp},
    server::dc09::codec::{Frame, Id, Key, naming},
};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::IpAddr,
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// A server that listens for panels: account 1234 without encryption, ABCD with a key.
pub async fn listening(scheme: &str) -> (Server, u16, tempfile::NamedTempFile) {
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
    // The server runs on this thread.
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(text.lines().last().unwrap_or_default())
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

pub async fn running(owner: &Person, home: &str) -> Value {
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
            assert!(
                incident["services"].as_array().unwrap().contains(&json!(service)),
                "{incident}"
            );
            assert_ne!(incident["state"], "counting_down", "nobody waits for another countdown");
        }
        let first = running(&owner, "maple-street").await["id"].clone();
        dial(port, "1234", "ADM-CID", "406", udp).await;
        let incident = running(&owner, "maple-street").await;
        assert_eq!(incident["id"], first);
        assert!(
            incident["timeline"].to_string().contains("Says that it was canceled there"),
            "{incident}"
        );
        let sealed = [udp, &["--key", LETTERS]].concat();
        assert_eq!(dial(port, "ABCD", "ADM-CID", "100", &sealed).await["msgs queued"], 0);
        assert_eq!(running(&owner, "lake-cabin").await["services"], json!(["medical"]));
    }
}

/// The listener's answer to these bytes; empty if none comes for a while.
pub async fn asks(port: u16, pieces: &[&[u8]]) -> String {
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

pub fn plain(sequence: u16, account: &str, data: &str) -> Frame {
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

/// F28.
#[tokio::test]
async fn replayed_wrong_or_late_signal_changes_nothing() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let key: Key = DIGITS.parse().unwrap();
    let police = plain(7, "1234", "#1234|1120 00 001").encode(None);
    // Two frames in one write, and one frame in many writes: each frame gets its own answer.
    let both = [police.clone(), plain(8, "1234", "#1234|1110 00 002").encode(None)].concat();
    let answers = asks(port, &[&both]).await;
    assert_eq!(
        (answers.matches("\"ACK\"0007").count(), answers.matches("\"ACK\"0008").count()),
        (1, 1),
        "{answers:?}"
    );
    let pieces: Vec<&[u8]> = police.chunks(5).collect();
    assert!(asks(port, &pieces).await.contains("\"ACK\"0007"), "the same again is acknowledged");
    let lines = running(&owner, "maple-street").await["timeline"].as_array().unwrap().len();
    asks(port, &[&police]).await;
    assert_eq!(
        running(&owner, "maple-street").await["timeline"].as_array().unwrap().len(),
        lines,
        "and changes nothing"
    );
    // An unknown account, an account that signals for another, an invalid code, and an account that
    // must encrypt.
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
        let frame = Frame {
            sealed: true,
            at: Some(Timestamp::from_millis(at)),
            ..plain(9, "ABCD", "#ABCD|1120 00 001")
        };
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
    assert_eq!(
        running(&owner, "lake-cabin").await,
        Value::Null,
        "nothing of it became an incident"
    );
    let taken = asks(port, &[&sealed(now_ms(), &key)]).await;
    assert!(
        taken.contains("\"*ACK\"0009"),
        "an encrypted message has an encrypted answer: {taken:?}"
    );
    assert_eq!(running(&owner, "lake-cabin").await["services"], json!(["police"]));
}

#[tokio::test]
async fn our_frames_pass_through_another_codec_and_come_back() {
    let key: Key = DIGITS.parse().unwrap();
    let mut child = python("center.py")
        .args(["again", "--key", DIGITS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asked = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let at = Some(Timestamp::from_millis(now_ms() / 1_000 * 1_000));
    for (n, code) in
        ["1120", "1110", "1100", "1121", "1122", "1123", "1406", "3120", "1601", "1607"]
            .iter()
            .enumerate()
    {
        for sealed in [false, true] {
            let data = format!("#1234|{code} 00 00{n}");
            let frame = Frame {
                sealed,
                at,
                extra: vec!["TM".into()],
                ..plain(n as u16 + 1, "1234", &data)
            };
            let bytes = frame.encode(sealed.then_some((&key, b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE")));
            writeln!(asked, "{}", HEXLOWER.encode(&bytes)).unwrap();
            let (again, said): (String, String) =
                serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            let bytes = HEXLOWER_PERMISSIVE.decode(again.as_bytes()).unwrap();
            assert_eq!(Frame::decode(&bytes, |_| Some(&key)), Ok(frame), "{said}");
        }
    }
    drop(asked);
    child.wait().unwrap();
}

fn sia(sequence: u16, data: &str) -> Vec<u8> {
    Frame { id: Id::SiaDcs, ..plain(sequence, "1234", data) }.encode(None)
}

/// D1: a disarmed panel with a zone named FRONT/PATIO.
#[tokio::test]
async fn name_of_a_zone_calls_nobody() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    for (sequence, data) in [
        (1, "#1234|Nri1/OP001^FRONT/PATIO^"),
        (2, "#1234|Nri1/CL501^KITCHEN/MAIN^"),
        (3, "#1234|Nri1/OP001*HALL/FA001"),
    ] {
        assert!(asks(port, &[&sia(sequence, data)]).await.contains("\"ACK\""), "D6: {data}");
    }
    assert_eq!(running(&owner, "maple-street").await, Value::Null);
    asks(port, &[&sia(4, "#1234|Nti19:44/id1/PA0001")]).await;
    assert_eq!(running(&owner, "maple-street").await["services"], json!(["police"]));
}

/// D5, D6.
#[tokio::test]
async fn panel_hears_what_became_of_its_code() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    for (sequence, data) in [(1, "#1234|1401 00 001"), (2, "#1234|1302 00 001")] {
        assert!(
            asks(port, &[&plain(sequence, "1234", data).encode(None)]).await.contains("\"ACK\""),
            "{data}"
        );
    }
    assert!(
        server.app.receiver.as_ref().unwrap().heard(&"maple-street".parse().unwrap()).is_some(),
        "it is supervision"
    );
    assert!(
        asks(port, &[&plain(3, "1234", "#1234|1130 00 001").encode(None)])
            .await
            .contains("\"DUH\""),
        "nobody can be sent"
    );
    assert_eq!(running(&owner, "maple-street").await, Value::Null);
    assert!(
        asks(port, &[&plain(4, "1234", "#1234|1114 00 001").encode(None)])
            .await
            .contains("\"ACK\"")
    );
    assert_eq!(running(&owner, "maple-street").await["services"], json!(["fire"]), "heat is fire");
}

async fn call_off(owner: &Person, home: &str) {
    let phone = owner.phone_of(home, 0).await;
    let call = owner.get(&phone).await.1["call"]["id"].as_str().unwrap().to_owned();
    owner
        .post(&format!("{phone}/calls/{call}/cancel"), &json!({"verbal_password": "blue heron"}))
        .await;
    let is_over = async || running(owner, home).await == Value::Null;
    super::until("it is called off", || async { is_over().await.then_some(()) }).await;
}

/// D9: panels without a counter send the same number with every message.
#[tokio::test]
async fn same_number_with_another_time_is_another_press() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let police = |at: Option<u64>| {
        let at = at.map(|ms| Timestamp::from_millis(ms / 1_000 * 1_000));
        Frame { at, ..plain(1, "1234", "#1234|1120 00 001") }.encode(None)
    };
    for (first, again) in [(Some(now_ms() - 20_000), Some(now_ms())), (None, None)] {
        asks(port, &[&police(first)]).await;
        let before = running(&owner, "maple-street").await;
        asks(port, &[&police(first)]).await;
        let story = running(&owner, "maple-street").await["timeline"].to_string();
        assert!(!story.contains("again"), "a retry is no second press: {story}");
        call_off(&owner, "maple-street").await;
        assert!(asks(port, &[&police(again)]).await.contains("\"ACK\""));
        let now = running(&owner, "maple-street").await;
        assert!(
            now["id"].is_string() && now["id"] != before["id"],
            "a second press is a new request: {now}"
        );
        call_off(&owner, "maple-street").await;
    }
}

/// I24: a panel without times that numbers every message alike.
#[tokio::test]
async fn same_number_after_a_cancel_is_another_press() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let says = async |data: &str| {
        let frame = Frame { at: None, ..plain(1, "1234", data) };
        assert!(asks(port, &[&frame.encode(None)]).await.contains("\"ACK\""));
        running(&owner, "maple-street").await["timeline"].to_string().matches("again").count()
    };
    let (police, cancel) = ("#1234|1120 00 001", "#1234|1406 00 001");
    assert_eq!([says(police).await, says(police).await], [0, 0], "a retry is no second press");
    assert_eq!([says(cancel).await, says(cancel).await], [0, 0]);
    assert_eq!([says(police).await, says(police).await], [1, 1], "a press after the cancel");
}

/// Contact ID's “still present”, and SIA's old events.
#[tokio::test]
async fn alarm_that_continues_begins_nothing_after_a_call_off() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let mut number = 0;
    let mut says = async |data: &str| {
        number += 1;
        let mut frame = Frame { at: None, ..plain(number, "1234", data) };
        frame.id = if data.contains("|N") || data.contains("|O") { Id::SiaDcs } else { Id::AdmCid };
        let answer = asks(port, &[&frame.encode(None)]).await;
        assert!(answer.contains("\"ACK\""), "{data}: {answer}");
        running(&owner, "maple-street").await
    };
    let formats = [
        ["#1234|1120 00 001", "#1234|6120 00 001", "#1234|3120 00 001", "#1234|6120 00 002"],
        ["#1234|Nri1/FA003", "#1234|Ori1/FA003", "#1234|Nri1/FR003", "#1234|OFA004"],
    ];
    for [begins, continues, restores, of_another_zone] in formats {
        let first = says(begins).await;
        assert!(first["id"].is_string(), "{begins}");
        assert_eq!(says(continues).await["id"], first["id"], "while it runs it is one");
        call_off(&owner, "maple-street").await;
        assert_eq!(says(continues).await, Value::Null, "{continues}");
        // What was never acknowledged begins: the first message about it may have been lost.
        assert!(says(of_another_zone).await["id"].is_string(), "{of_another_zone}");
        call_off(&owner, "maple-street").await;
        assert_eq!(says(restores).await, Value::Null);
        assert!(says(continues).await["id"].is_string(), "it has begun again");
        call_off(&owner, "maple-street").await;
        assert!(says(begins).await["id"].is_string(), "a new alarm is always heard");
        call_off(&owner, "maple-street").await;
    }
}

/// Everything that a home can see, without the fields that only the clock or the console changes.
async fn seen_at_home(owner: &Person) -> (Value, Value, Value) {
    let mut home = owner.get("/api/v1/homes/maple-street").await.1;
    home["server_time"] = Value::Null;
    home["sos"]["ready"] = Value::Null;
    let phone = owner.phone_of("maple-street", 0).await;
    let mut history = owner.get("/api/v1/homes/maple-street/incidents").await.1;
    history
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|incident| incident["server_time"] = Value::Null);
    (home, owner.get(&phone).await.1["call"].clone(), history)
}

/// A panel's duress code: the home shows nothing of it until the incident is over.
#[tokio::test]
async fn duress_code_shows_nothing_at_home_and_the_center_sees_it() {
    let (port, key) = (free_port(), tempfile::NamedTempFile::new().unwrap());
    fs::write(key.path(), DIGITS).unwrap();
    let server = Server::with_file(&format!(
        "[center]\nmode = \"operators\"\n[center.listener]\nlisten = \"tcp://127.0.0.1:{port}\"\n\
         [center.listener.accounts.1234]\nhome = \"maple-street\"\n"
    ))
    .await;
    let (owner, operator) = (server.sign_in("owner").await, server.sign_in("operator").await);
    server
        .apply(Op::SetCenterRole(
            "operator".parse().unwrap(),
            Some(buckler::domain::access::CenterRole::Operator),
        ))
        .await;
    let queue = async || operator.get("/api/v1/center/incidents").await.1["cases"].clone();
    for (sequence, code, quiet) in [(1, "1121", "duress"), (2, "1122", "hold_up")] {
        let before = seen_at_home(&owner).await;
        assert!(
            asks(port, &[&plain(sequence, "1234", &format!("#1234|{code} 00 001")).encode(None)])
                .await
                .contains("\"ACK\"")
        );
        let case = queue().await[0].clone();
        assert_eq!(
            (&case["quiet"], &case["state"]),
            (&json!(quiet), &json!("dispatching")),
            "nobody is called first: {case}"
        );
        assert!(seen_at_home(&owner).await == before, "{code}: something at home is another");
        let id = case["id"].as_str().unwrap();
        assert_eq!(
            owner.get(&format!("/api/v1/incidents/{id}")).await.0,
            reqwest::StatusCode::NOT_FOUND
        );
        assert_eq!(
            owner.post(&format!("/api/v1/incidents/{id}/end"), &json!({})).await.0,
            reqwest::StatusCode::NOT_FOUND
        );
        let (_, loud) = owner.raise("maple-street", "medical", json!({})).await;
        assert_eq!(
            (&loud["state"], &loud["services"]),
            (&json!("counting_down"), &json!(["medical"])),
            "a loud one is an ordinary one"
        );
        owner.act(&loud, "cancel").await;
        operator.post(&format!("/api/v1/center/incidents/{id}/claim"), &json!({})).await;
        let whole = queue().await[0]["whole"].clone();
        assert!(
            whole["incident"]["timeline"][0]["text"]
                .as_str()
                .unwrap()
                .contains("unnoticed by the home"),
            "{whole}"
        );
        let closing = json!({"disposition": "help_given"});
        let closed = operator.post(&format!("/api/v1/center/incidents/{id}/close"), &closing).await;
        assert_eq!(closed.0, reqwest::StatusCode::OK, "{}", closed.1);
        let history = owner.get("/api/v1/homes/maple-street/incidents").await.1;
        assert!(
            history.as_array().unwrap().iter().any(|incident| incident["id"] == id),
            "it is told when it is over"
        );
    }
}

/// A connection from this local address.
async fn connected(port: u16, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from.parse::<IpAddr>().unwrap(), 0).into()).unwrap();
    socket.connect(([127, 0, 0, 1], port).into()).await.unwrap()
}

/// When all places are taken, the address with the most connections loses its oldest.
#[tokio::test]
async fn flood_of_one_network_keeps_no_panel_out() {
    // Both ends of each connection are in this process, so it needs more file descriptors.
    let files = getrlimit(Resource::Nofile);
    if files.maximum.is_some_and(|most| most < 10_000) {
        return eprintln!("left out: this system allows a process {:?} files", files.maximum);
    }
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }).unwrap();
    let (server, port, _key) = listening("tcp").await;
    let mut flood = Vec::new();
    for _ in 0..2_048 {
        flood.push(connected(port, "127.0.0.2").await);
    }
    assert_eq!(dial(port, "1234", "ADM-CID", "120", &[]).await["msgs queued"], 0);
    let closed = tokio::time::timeout(Duration::from_secs(10), flood[0].read_u8()).await;
    assert!(closed.expect("the oldest is closed").is_err());
    drop(server);
}

/// Sends these bytes twice a second, until the connection is closed.
async fn until_closed_while_it_sends(bytes: &[u8]) {
    let (_server, port, _key) = listening("tcp").await;
    let (mut reads, mut writes) = connected(port, "127.0.0.1").await.into_split();
    let noise = async {
        let mut pause = tokio::time::interval(Duration::from_millis(500));
        // This ends when the connection is closed.
        while writes.write_all(bytes).await.is_ok() {
            pause.tick().await;
        }
    };
    let closed = async { while reads.read_u8().await.is_ok() {} };
    let both = async {
        tokio::select! { () = noise => {}, () = closed => {} }
    };
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("it is closed");
}

/// Bytes that are not a message do not keep a connection open.
#[tokio::test]
async fn connection_without_a_message_is_closed_whatever_it_sends() {
    until_closed_while_it_sends(b"x").await;
}

/// Anybody can name an unknown account, which is answered with DUH.
#[tokio::test]
async fn messages_of_an_unknown_account_keep_no_connection_open() {
    until_closed_while_it_sends(&plain(7, "9999", "#9999|1120 00 001").encode(None)).await;
}

/// I24: another Buckler names its incident. Its cancel of an earlier one is not said of this one.
#[tokio::test]
async fn cancel_of_another_incident_of_the_home_says_so() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let [first, second] = [1, 2].map(|n| IncidentId(uuid::Uuid::from_u128(n)));
    let mut number = 0;
    let mut says = async |data: &str, extra: String| {
        number += 1;
        let frame = Frame { extra: vec![extra], ..plain(number, "1234", data) };
        let answer = asks(port, &[&frame.encode(None)]).await;
        assert!(answer.contains("\"ACK\""), "{data}: {answer}");
        let story = running(&owner, "maple-street").await["timeline"].to_string();
        ["Says that it was canceled there", "Says that another request of the home was canceled"]
            .map(|text| story.matches(text).count())
    };
    let (police, cancel) = ("#1234|1120 00 001", "#1234|1406 00 001");
    says(police, "Junk".into()).await;
    says(police, naming(first, None)).await;
    assert_eq!(says(cancel, naming(first, None)).await, [1, 0]);
    says(police, naming(second, None)).await;
    assert_eq!(says(cancel, naming(first, None)).await, [1, 1]);
    assert_eq!(says(cancel, "TM".into()).await, [2, 1], "a panel names none");
    let [restore, over] = ["#1234|3120 00 001", "Says that another request of the home is over"];
    says(restore, naming(first, None)).await;
    assert!(running(&owner, "maple-street").await["timeline"].to_string().contains(over));
}

/// R20, I24: another Buckler says an alarm again until it has the answer. Only another request of its
/// home is a repetition, whose sirens sound again.
#[tokio::test]
async fn retried_alarm_of_another_buckler_is_one_request() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let incident = IncidentId(uuid::Uuid::from_u128(1));
    let mut number = 0;
    let mut says = async |request: u128| {
        number += 1;
        let named = naming(incident, Some(uuid::Uuid::from_u128(request)));
        let frame = Frame { extra: vec![named], ..plain(number, "1234", "#1234|1120 00 001") };
        assert!(asks(port, &[&frame.encode(None)]).await.contains("\"ACK\""));
        let running = running(&owner, "maple-street").await;
        whats(&running).into_iter().filter(|what| *what == "joined").count()
    };
    assert_eq!([says(7).await, says(7).await, says(8).await, says(8).await], [0, 0, 1, 1]);
    call_off(&owner, "maple-street").await;
    let named = naming(incident, Some(uuid::Uuid::from_u128(8)));
    let frame = Frame { extra: vec![named], ..plain(9, "1234", "#1234|1120 00 001") };
    assert!(asks(port, &[&frame.encode(None)]).await.contains("\"ACK\""));
    assert_eq!(running(&owner, "maple-street").await, Value::Null, "it is over");
}

/// The server knows after a restart which alarms it has acknowledged.
#[tokio::test]
async fn alarm_that_continues_begins_nothing_after_a_restart() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let police =
        |number, event: &str| plain(number, "1234", &format!("#1234|{event}")).encode(None);
    let fire = plain(2, "1234", "#1234|1110 00 005").encode(None);
    assert!(asks(port, &[&police(1, "1120 00 001"), &fire]).await.contains("\"ACK\""));
    call_off(&owner, "maple-street").await;
    let restored = plain(3, "1234", "#1234|3110 00 005").encode(None);
    assert!(asks(port, &[&restored]).await.contains("\"ACK\""));
    let server = server.restart_with_file(async || ()).await;
    let owner = server.sign_in("owner").await;
    assert!(asks(port, &[&police(4, "6120 00 001")]).await.contains("\"ACK\""));
    assert_eq!(running(&owner, "maple-street").await, Value::Null, "it was called off");
    let restored = plain(5, "1234", "#1234|6110 00 005").encode(None);
    asks(port, &[&restored]).await;
    assert_eq!(
        running(&owner, "maple-street").await["services"],
        json!(["fire"]),
        "it begins anew"
    );
}
