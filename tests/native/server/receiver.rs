//! A receiving center over DC-09: another implementation (pysiaalarm), and receivers that are dead,
//! slow, wrong about the time or unintelligible.

use super::{
    Killed, Person, Server, cameras::free_port, finding::python, forged::relabeled, program, until,
};
use buckler::{
    domain::time::Timestamp,
    server::{
        clock::{Clock, Machine},
        dc09::codec::{Frame, Id, Key},
    },
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// `0123456789ABCDEF`: pysiaalarm expects the letters, everybody else the digits.
pub const LETTERS: &str = "0123456789ABCDEF";
pub const DIGITS: &str = "30313233343536373839414243444546";

/// A pysiaalarm process.
struct Center {
    _child: Killed,
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
        Self { _child: Killed(child), port, heard }
    }

    /// The messages that it accepted and understood, in order, without supervision.
    fn taken(&self) -> Vec<String> {
        let told = |event: &Value| {
            event["content"].as_str().filter(|content| !content.is_empty()).map(str::to_owned)
        };
        self.heard.lock().unwrap().iter().filter_map(told).collect()
    }
}

/// How a faulty receiver behaves. The test counts its messages.
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

async fn behave(
    habit: Habit,
    mut socket: TcpStream,
    asked: Arc<AtomicUsize>,
    taken: Arc<Mutex<Vec<Frame>>>,
) {
    let mut bytes = vec![0; 5_000];
    let mut late = false;
    while let Ok(length @ 1..) = socket.read(&mut bytes).await {
        let frame = Frame::decode(&bytes[..length], |_| None).unwrap();
        if frame.id != Id::Null {
            asked.fetch_add(1, SeqCst);
        }
        // One day behind.
        let theirs = Timestamp::from_millis(now_ms() - 86_400_000);
        let is_theirs = frame
            .at
            .is_some_and(|at| at.since(theirs).max(theirs.since(at)) < Duration::from_secs(20));
        let answer = match habit {
            Habit::SaysNothing => continue,
            Habit::Closes => return,
            Habit::SaysGarbage => {
                b"\n\r\n00FF0015\"ACK\"0006R1L0#1234[]\rHTTP/1.1 400\r\n".to_vec()
            }
            Habit::DoesNotUnderstand => frame.answer(Id::Duh, theirs).encode(None),
            Habit::HasAnotherTime if !is_theirs => {
                late = true;
                frame.answer(Id::Nak, theirs).encode(None)
            }
            Habit::Takes | Habit::HasAnotherTime => {
                assert!(
                    habit == Habit::Takes || late || asked.load(SeqCst) > 1 || frame.id == Id::Null
                );
                taken.lock().unwrap().push(frame.clone());
                frame.answer(Id::Ack, theirs).encode(None)
            }
        };
        if socket.write_all(&answer).await.is_err() {
            return;
        }
    }
}

pub fn now_ms() -> u64 {
    Clock::new(Machine).now().as_millis()
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

/// Raises police, and presses Send Now.
async fn sent(owner: &Person) -> String {
    let (status, incident) = owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "{incident}");
    let id = incident["id"].as_str().unwrap().to_owned();
    assert_eq!(
        owner.post(&format!("/api/v1/incidents/{id}/send-now"), &json!({})).await.0,
        StatusCode::OK
    );
    id
}

async fn story(owner: &Person, incident: &str) -> Vec<String> {
    let told = owner.get(&format!("/api/v1/incidents/{incident}")).await.1;
    told["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["text"].as_str().unwrap().to_owned())
        .collect()
}

async fn says(owner: &Person, incident: &str, text: &str) {
    until(text, || async {
        story(owner, incident).await.iter().any(|line| line.contains(text)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn receiving_center_takes_alarm_join_cancel_and_supervision() {
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), DIGITS).unwrap();
    let sealed = format!("key_file = {:?}", key.path());
    const CONTACT_ID: [&str; 4] = ["1120 00 001", "1110 00 002", "1406 00 001", "1406 00 002"];
    let formats: [(&str, &[&str], String, [&str; 4]); 4] = [
        ("tcp", &[], String::new(), CONTACT_ID),
        ("udp", &["--udp"], String::new(), CONTACT_ID),
        ("tcp", &["--key", LETTERS], sealed.clone(), CONTACT_ID),
        (
            "tcp",
            &["--key", LETTERS],
            format!("{sealed}\nformat = \"sia-dcs\""),
            ["Nri1/PA001", "Nri1/FA002", "Nri1/OC001", "Nri1/OC002"],
        ),
    ];
    for (scheme, options, rest, codes) in formats {
        let center = Center::start(options);
        let (_server, owner) =
            with_receiver(&format!("{scheme}://127.0.0.1:{}", center.port), &rest).await;
        until(&format!("the center answers {scheme} {options:?} {rest}"), || async {
            (owner.check("center").await["ok"] == true).then_some(())
        })
        .await;
        // An aborted request was never sent (R11, I3).
        let (_, aborted) = owner.raise("maple-street", "police", json!({})).await;
        owner
            .post(
                &format!("/api/v1/incidents/{}/cancel", aborted["id"].as_str().unwrap()),
                &json!({}),
            )
            .await;
        let id = sent(&owner).await;
        says(&owner, &id, "The receiving center has the alarm (main)").await;
        owner.raise("maple-street", "fire", json!({})).await;
        until("both are there", || async { (center.taken().len() == 2).then_some(()) }).await;
        // The first contact cancels.
        let phone = owner.phone_of("maple-street", 0).await;
        let call = owner.get(&phone).await.1["call"]["id"].as_str().unwrap().to_owned();
        owner
            .post(
                &format!("{phone}/calls/{call}/cancel"),
                &json!({"verbal_password": "blue heron"}),
            )
            .await;
        until("that is there, too", || async { (center.taken().len() == 4).then_some(()) }).await;
        assert_eq!(center.taken(), codes, "{scheme} {options:?}");
    }
}

#[tokio::test]
async fn silent_or_garbled_receiver_delays_no_call_and_backup_is_told() {
    for habit in [Habit::SaysNothing, Habit::SaysGarbage, Habit::DoesNotUnderstand, Habit::Closes] {
        let (main, backup) = (Odd::start(habit).await, Odd::start(Habit::Takes).await);
        let rest = format!("backup = \"tcp://127.0.0.1:{}\"", backup.port);
        let (_server, owner) =
            with_receiver(&format!("tcp://127.0.0.1:{}", main.port), &rest).await;
        let asked = now_ms();
        let id = sent(&owner).await;
        says(&owner, &id, "is calling").await;
        says(&owner, &id, "Sirens asked to sound").await;
        assert!(now_ms() - asked < 1_000, "{habit:?}: a call waits for no receiver");
        says(&owner, &id, "The receiving center has the alarm (backup)").await;
        let tries = if habit == Habit::DoesNotUnderstand { 1 } else { 3 };
        assert_eq!(main.asked.load(SeqCst), tries, "{habit:?}");
        let alarms = backup
            .taken
            .lock()
            .unwrap()
            .iter()
            .filter(|frame| frame.data == "#1234|1120 00 001")
            .count();
        assert_eq!(alarms, 1, "{habit:?}");
        assert!(
            story(&owner, &id).await.iter().all(|line| !line.contains("does not answer")),
            "{habit:?}"
        );
    }
}

#[tokio::test]
async fn receiver_whose_clock_is_a_day_off_is_told_in_its_own_time() {
    let main = Odd::start(Habit::HasAnotherTime).await;
    let (_server, owner) = with_receiver(&format!("tcp://127.0.0.1:{}", main.port), "").await;
    let id = sent(&owner).await;
    says(&owner, &id, "The receiving center has the alarm (main)").await;
    let taken =
        main.taken.lock().unwrap().iter().find(|frame| frame.id == Id::AdmCid).cloned().unwrap();
    assert!(now_ms() - taken.at.unwrap().as_millis() > 86_000_000, "{taken:?}");
}

#[tokio::test]
async fn timeline_says_that_no_receiver_answers_and_when_one_does() {
    let (main, backup) = (free_port(), free_port());
    let rest = format!("backup = \"udp://127.0.0.1:{backup}\"");
    let (_server, owner) = with_receiver(&format!("tcp://127.0.0.1:{main}"), &rest).await;
    let id = sent(&owner).await;
    says(&owner, &id, "The receiving center does not answer").await;
    assert_eq!(owner.check("center").await["ok"], false);
    says(&owner, &id, "Police requested to").await;
    let center = Center::on(main, &[]);
    says(&owner, &id, "The receiving center has the alarm (main)").await;
    assert_eq!(center.taken(), ["1120 00 001"]);
    let failures =
        story(&owner, &id).await.iter().filter(|line| line.contains("does not answer")).count();
    assert_eq!(failures, 1, "it is said once");
}

/// F42.
#[tokio::test]
async fn practice_reaches_a_center_only_as_a_test_and_only_if_wanted() {
    for (rest, codes) in [("", &[][..]), ("drills = true", &["1601 00 001"][..])] {
        let center = Center::start(&[]);
        let (_server, owner) =
            with_receiver(&format!("tcp://127.0.0.1:{}", center.port), rest).await;
        let (_, drill) = owner.raise("maple-street", "police", json!({"mode": "drill"})).await;
        let id = drill["id"].as_str().unwrap();
        owner.post(&format!("/api/v1/incidents/{id}/send-now"), &json!({})).await;
        says(&owner, id, "Police: request accepted").await;
        assert_eq!(center.taken(), codes);
    }
}

#[tokio::test]
async fn check_asks_centers_and_other_servers_and_tells_them_nothing() {
    let center = Center::start(&["--key", LETTERS]);
    let (folder, hook) =
        (tempfile::tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (key, secret, file) = (
        folder.path().join("key"),
        folder.path().join("secret"),
        folder.path().join("buckler.toml"),
    );
    fs::write(&key, DIGITS).unwrap();
    fs::write(&secret, "whsec_MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=").unwrap();
    let (main, dead, url) = (center.port, free_port(), hook.local_addr().unwrap());
    fs::write(
        &file,
        format!(
            "{}\n[[webhook]]\nurl = \"http://{url}/hook\"\nsecret_file = {secret:?}\n",
            table(
                &format!("tcp://127.0.0.1:{main}"),
                &format!("backup = \"tcp://127.0.0.1:{dead}\"\nkey_file = {key:?}")
            )
            .replace("ring_timeout = \"3s\"\n", "")
        ),
    )
    .unwrap();
    let asked = tokio::spawn(async move {
        let (mut socket, _) = hook.accept().await.unwrap();
        let mut bytes = vec![0; 4_096];
        let length = socket.read(&mut bytes).await.unwrap();
        socket.write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    });
    let mut command = program(&["check"], 1, &folder.path().join("data"));
    command.arg("--config").arg(&file);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains(&format!("ok     receiving center (main): tcp://127.0.0.1:{main} answers")),
        "{said}{output_error}",
        output_error = String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains(&format!(
            "FAULT  receiving center (backup): tcp://127.0.0.1:{dead} does not answer"
        )),
        "{said}"
    );
    assert!(
        said.contains("ok     webhook: 127.0.0.1 can be reached") && !output.status.success(),
        "{said}"
    );
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("HEAD /hook ") && !asked.contains("webhook-signature"), "{asked}");
    assert_eq!(center.taken(), [] as [String; 0]);
}

/// An attacker between the server and a receiver, who takes every message and answers without the
/// key.
async fn on_the_way(answer: impl Fn(&Frame, &[u8]) -> Vec<u8> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut bytes = vec![0; 5_000];
                while let Ok(length @ 1..) = socket.read(&mut bytes).await {
                    let key: Key = DIGITS.parse().unwrap();
                    let frame = Frame::decode(&bytes[..length], |_| Some(&key)).unwrap();
                    if socket.write_all(&answer(&frame, &bytes[..length])).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// Security 5: an acknowledgment without encryption was believed although a key was set.
#[tokio::test]
async fn only_a_sealed_acknowledgment_counts_where_a_key_is_set() {
    const PAD: &[u8; 31] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE";
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), DIGITS).unwrap();
    let key = || -> Key { DIGITS.parse().unwrap() };
    let now = || Timestamp::from_millis(now_ms());
    let in_clear = on_the_way(move |frame, _| {
        Frame { sealed: false, at: None, ..frame.answer(Id::Ack, now()) }.encode(None)
    })
    .await;
    let old = move |frame: &Frame, _: &[u8]| {
        let hour_ago = Timestamp::from_millis(now_ms() - 3_600_000);
        frame.answer(Id::Ack, hour_ago).encode(Some((&key(), PAD)))
    };
    let played_back = on_the_way(old).await;
    let other = move |frame: &Frame, _: &[u8]| {
        Frame { account: Some("9999".into()), ..frame.answer(Id::Ack, now()) }
            .encode(Some((&key(), PAD)))
    };
    let of_another = on_the_way(other).await;
    let tomorrow = on_the_way(move |frame, _| {
        frame.answer(Id::Nak, Timestamp::from_millis(now_ms() + 86_400_000)).encode(None)
    })
    .await;
    let reflected = on_the_way(move |frame, bytes| relabeled(bytes, "*ACK", frame.sequence)).await;
    for port in [in_clear, played_back, of_another, tomorrow, reflected] {
        let backup = Center::start(&["--key", LETTERS]);
        let rest =
            format!("backup = \"tcp://127.0.0.1:{}\"\nkey_file = {:?}", backup.port, file.path());
        let (_server, owner) = with_receiver(&format!("tcp://127.0.0.1:{port}"), &rest).await;
        let id = sent(&owner).await;
        says(&owner, &id, "The receiving center has the alarm (backup)").await;
        assert_eq!(backup.taken(), ["1120 00 001"]);
        assert!(
            !story(&owner, &id).await.iter().any(|line| line.contains("(main)")),
            "nobody there has it"
        );
    }
}

/// A server in a separate process, which loses what it was sending when it is killed.
async fn process(data: &Path, file: &Path) -> (Killed, Person) {
    let mut command = program(&["serve", "--demo"], 0, data);
    command.arg("--config").arg(file);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().strip_prefix("Buckler serves ").unwrap_or_else(|| panic!("{line}"));
    let owner = Person::new(base.to_owned());
    owner.cookie().await;
    (Killed(child), owner)
}

/// The audit's B4: in four of five runs the receiver got CANCEL before ALARM, and would have sent
/// police for nothing. Compared as text, numbers of two digits sort before numbers of one digit.
#[tokio::test]
async fn receiver_hears_an_alarm_before_its_cancel_after_a_restart() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let file = folder.path().join("buckler.toml");
    fs::write(&file, table(&format!("tcp://127.0.0.1:{port}"), "").replace("\"3s\"", "\"30s\""))
        .unwrap();
    let data = folder.path().join("data");
    let (server, owner) = process(&data, &file).await;
    let id = sent(&owner).await;
    owner.raise("maple-street", "fire", json!({})).await;
    says(&owner, &id, "The receiving center does not answer").await;
    let phone = owner.phone_of("maple-street", 0).await;
    let call = owner.get(&phone).await.1["call"]["id"].as_str().unwrap().to_owned();
    let told =
        owner.get(&format!("/api/v1/incidents/{id}")).await.1["timeline"].as_array().unwrap().len();
    assert!(told >= 9, "the cancel's number has two digits: {told}");
    owner
        .post(&format!("{phone}/calls/{call}/cancel"), &json!({"verbal_password": "blue heron"}))
        .await;
    let is_cancelled =
        async || owner.get(&format!("/api/v1/incidents/{id}")).await.1["state"] == "cancelled";
    until("it is called off", || async { is_cancelled().await.then_some(()) }).await;
    drop(server);
    let center = Center::on(port, &[]);
    let (again, _) = process(&data, &file).await;
    until("everything is there", || async { (center.taken().len() >= 4).then_some(()) }).await;
    drop(again);
    let mut taken = center.taken();
    taken[..2].sort();
    taken[2..].sort();
    assert_eq!(taken, ["1110 00 002", "1120 00 001", "1406 00 001", "1406 00 002"]);
}

/// I24: each message of an incident names it, also those to a center that knows nothing of that.
#[tokio::test]
async fn each_message_of_an_incident_names_it() {
    for format in ["adm-cid", "sia-dcs"] {
        let main = Odd::start(Habit::Takes).await;
        let rest = format!("format = \"{format}\"");
        let (_server, owner) =
            with_receiver(&format!("tcp://127.0.0.1:{}", main.port), &rest).await;
        let id = sent(&owner).await;
        owner.raise("maple-street", "police", json!({})).await;
        let phone = owner.phone_of("maple-street", 0).await;
        let call = owner.get(&phone).await.1["call"]["id"].as_str().unwrap().to_owned();
        let password = json!({"verbal_password": "blue heron"});
        owner.post(&format!("{phone}/calls/{call}/cancel"), &password).await;
        until("the alarm, its repeat and its cancel", || async {
            (main.asked.load(SeqCst) == 3).then_some(())
        })
        .await;
        let frames = main.taken.lock().unwrap().clone();
        for frame in frames {
            let named = frame.incident().map(|id| id.to_string());
            assert_eq!(named, (frame.id != Id::Null).then(|| id.clone()), "{frame:?}");
            assert!(frame.id != Id::AdmCid || frame.extra.len() == 1, "some receivers take one");
        }
    }
}
