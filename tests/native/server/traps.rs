//! Mistakes on which other receivers and panels fail, one test each. The tests check the frames on
//! the wire.

use super::{
    Person, Server,
    panels::{asks, listening, plain},
    receiver::{DIGITS, LETTERS, now_ms},
    until,
};
use aes::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::NoPadding};
use buckler::{
    domain::time::Timestamp,
    server::dc09::codec::{Cut, Frame, Id, Key, cut},
};
use data_encoding::HEXUPPER;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A receiver that records each read, and answers as it is told.
#[derive(Clone)]
struct Recorder {
    port: u16,
    reads: Arc<Mutex<Vec<Vec<u8>>>>,
}

type Answers = fn(usize, &Frame) -> Vec<u8>;

fn ack(_: usize, frame: &Frame) -> Vec<u8> {
    frame.answer(Id::Ack, Timestamp::from_millis(now_ms())).encode(None)
}

impl Recorder {
    /// `answers` gets the number of earlier alarms, and the frame. Encrypted frames are
    /// acknowledged without encryption, which is not checked here.
    async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let recorder = Self { port: listener.local_addr().unwrap().port(), reads: Arc::default() };
        let kept = recorder.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    let (mut bytes, key) = (vec![0; 8_192], DIGITS.parse::<Key>().unwrap());
                    while let Ok(length @ 1..) = socket.read(&mut bytes).await {
                        let frame = Frame::decode(&bytes[..length], |_| Some(&key))
                            .expect("one frame, whole");
                        let before = kept.alarms().len();
                        if frame.id != Id::Null {
                            kept.reads.lock().unwrap().push(bytes[..length].to_vec());
                        }
                        let answer = if frame.id == Id::Null {
                            ack(0, &frame)
                        } else {
                            answers(before, &frame)
                        };
                        if socket.write_all(&answer).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        recorder
    }

    /// The alarms in the order of arrival.
    fn alarms(&self) -> Vec<String> {
        self.reads
            .lock()
            .unwrap()
            .iter()
            .map(|bytes| String::from_utf8(bytes.clone()).unwrap())
            .collect()
    }

    async fn until(&self, count: usize) -> Vec<String> {
        until("so many alarms", || async { Some(self.alarms()).filter(|all| all.len() >= count) })
            .await
    }

    /// A server that signals to this receiver, with police and fire requested at once.
    async fn told(&self, rest: &str) -> (Server, Person) {
        let port = self.port;
        let server = Server::with_file(&format!(
            "[center]\nmode = \"receiver\"\n[center.receiver]\nmain = \"tcp://127.0.0.1:{port}\"\nacknowledged_within = \"1s\"\n{rest}\n\
             [center.receiver.accounts]\nmaple-street = \"1234\"\n"
        ))
        .await;
        let owner = server.sign_in("owner").await;
        let notes = json!({"gate": "under the stone", "pets": "Two dogs"});
        owner.ask(reqwest::Method::PUT, "/api/v1/homes/maple-street/notes", &notes).await;
        let incident = owner.raise("maple-street", "police", json!({})).await.1;
        owner.raise("maple-street", "fire", json!({})).await;
        owner.act(&incident, "send-now").await;
        (server, owner)
    }
}

/// Every frame has the receiver's number: pysiaalarm answers “None” to a frame without one.
#[tokio::test]
async fn trap_1_every_frame_has_a_receiver_number() {
    let recorder = Recorder::start(ack).await;
    let _kept = recorder.told("format = \"adm-cid\"").await;
    for frame in recorder.until(2).await {
        assert!(frame.contains("R1L0#1234["), "{frame:?}");
    }
    let body = "\"ACK\"0001NoneL0#1234[]";
    let none = format!(
        "\n{:04X}0{:03X}{body}\r",
        crc::Crc::<u16>::new(&crc::CRC_16_ARC).checksum(body.as_bytes()),
        body.len()
    );
    assert!(Frame::decode(none.as_bytes(), |_| None).is_err(), "such an answer is none");
}

/// Contact ID has one piece of x-data, because pysiaalarm refuses more. SIA may have several.
#[tokio::test]
async fn trap_2_contact_id_carries_one_piece_of_x_data() {
    for (format, least, most) in [("adm-cid", 1, 1), ("sia-dcs", 4, 8)] {
        let recorder = Recorder::start(ack).await;
        let _kept = recorder.told(&format!("format = \"{format}\"")).await;
        for frame in recorder.until(2).await {
            let pieces = frame.matches("][").count();
            assert!((least..=most).contains(&pieces), "{format}: {frame:?}");
            assert!(
                !frame.contains("under the stone"),
                "what is for responders alone goes encrypted or not at all"
            );
        }
    }
}

/// A NAK contains `A0`, `#A0`, or its parts in another order, and the receiver's time. The server
/// repeats the message in that time.
#[tokio::test]
async fn trap_3_a_nak_is_heard_in_every_shape() {
    fn nak(shape: &str) -> Vec<u8> {
        let at = Timestamp::from_millis(now_ms() - 3_600_000).to_string();
        let body = format!("{shape}[]_{},{}-{}", &at[11..19], &at[5..10], &at[..4]);
        format!(
            "\n{:04X}0{:03X}{body}\r",
            crc::Crc::<u16>::new(&crc::CRC_16_ARC).checksum(body.as_bytes()),
            body.len()
        )
        .into_bytes()
    }
    let shapes: [Answers; 4] = [
        |n, frame| if n == 0 { nak("\"NAK\"0000R1L0A0") } else { ack(n, frame) },
        |n, frame| if n == 0 { nak("\"NAK\"0000L0R1A0") } else { ack(n, frame) },
        |n, frame| if n == 0 { nak("\"NAK\"0000R1L0#A0") } else { ack(n, frame) },
        |n, frame| if n == 0 { nak("\"NAK\"0000L0A0") } else { ack(n, frame) },
    ];
    for answers in shapes {
        let recorder = Recorder::start(answers).await;
        let _kept = recorder.told("").await;
        let frames = recorder.until(2).await;
        let read = |text: &str| Frame::decode(text.as_bytes(), |_| None).unwrap();
        let (first, again) = (read(&frames[0]), read(&frames[1]));
        assert_eq!(
            (first.sequence, &first.data),
            (again.sequence, &again.data),
            "the same message"
        );
        let moved = first.at.unwrap().since(again.at.unwrap()).as_secs();
        assert!((3_590..=3_610).contains(&moved), "an hour back: {moved}");
    }
}

/// One frame at a time: pysiaalarm answers two frames in one read, like a wrong checksum, with an
/// empty line, which is not an answer.
#[tokio::test]
async fn trap_4_one_frame_waits_and_an_empty_line_is_no_answer() {
    let recorder =
        Recorder::start(|n, frame| if n == 0 { b"\n\r".to_vec() } else { ack(n, frame) }).await;
    let _kept = recorder.told("").await;
    let frames = recorder.until(3).await;
    for frame in &frames {
        assert_eq!(cut(frame.as_bytes()), Cut::Frame(frame.len()), "one, and nothing else");
    }
    let sequence = |text: &str| Frame::decode(text.as_bytes(), |_| None).unwrap().sequence;
    assert_eq!(sequence(&frames[0]), sequence(&frames[1]), "asked again with the same number");
    assert_ne!(sequence(&frames[1]), sequence(&frames[2]), "then the next");
}

/// The random beginning has 16 to 31 printable characters without `| [ ]`: other bytes break
/// receivers that expect text.
#[tokio::test]
async fn trap_5_the_random_beginning_is_printable() {
    let recorder = Recorder::start(ack).await;
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), DIGITS).unwrap();
    let _kept = recorder
        .told(&format!("format = \"sia-dcs\"\nkey_file = \"{}\"", key.path().display()))
        .await;
    let mut pads = Vec::new();
    for frame in recorder.until(2).await {
        let sealed = frame.split_once('[').unwrap().1.trim_end();
        let bytes = HEXUPPER.decode(sealed.as_bytes()).unwrap();
        let cipher =
            cbc::Decryptor::<aes::Aes128>::new_from_slices(LETTERS.as_bytes(), &[0; 16]).unwrap();
        let clear =
            String::from_utf8(cipher.decrypt_padded_vec::<NoPadding>(&bytes).unwrap()).unwrap();
        assert!(clear.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{clear:?}");
        let (pad, rest) = clear.split_once('|').unwrap();
        assert!((16..=31).contains(&pad.len()) && !pad.contains(['[', ']']), "{pad:?}");
        assert!(
            rest.starts_with("#1234|") && rest.contains("[IGate: under the stone; Pets: Two dogs]"),
            "{rest:?}"
        );
        pads.push(pad.to_owned());
    }
    assert_ne!(pads[0], pads[1], "another one each time");
}

/// The file of a key contains hexadecimal digits, in whatever form the other side wants the key. A
/// phrase is not a key.
#[test]
fn trap_6_a_key_is_hexadecimal_digits_and_no_phrase() {
    let key: Key = DIGITS.parse().unwrap();
    for same in [format!("{DIGITS}\n"), format!("  {}", DIGITS.to_lowercase())] {
        assert!(same.parse::<Key>().unwrap() == key, "{same:?}");
    }
    for phrase in [LETTERS, "correct horse battery staple!!!!", ""] {
        assert!(phrase.parse::<Key>().is_err(), "{phrase:?}");
    }
}

/// The account appears twice, with the same value: pysiaalarm checks only the outer one; here both
/// count.
#[tokio::test]
async fn trap_7_the_inner_account_is_the_outer_one() {
    let recorder = Recorder::start(ack).await;
    let _kept = recorder.told("format = \"adm-cid\"").await;
    assert!(recorder.until(2).await.iter().all(|frame| frame.contains("#1234[#1234|")));
    let (_server, port, _key) = listening("tcp").await;
    assert!(
        asks(port, &[&plain(1, "1234", "#ABCD|1120 00 001").encode(None)])
            .await
            .contains("\"DUH\"")
    );
    assert!(
        asks(port, &[&plain(2, "1234", "#1234|1120 00 001").encode(None)])
            .await
            .contains("\"ACK\"")
    );
}
