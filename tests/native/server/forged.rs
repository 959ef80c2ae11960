//! Encrypted messages of DC-09 that a party on the way, which has no key, changes, reflects or says again.

use super::{
    Server,
    cameras::free_port,
    panels::{asks, listening, plain, running},
    receiver::{DIGITS, now_ms},
    webhooks::called_off,
};
use buckler::{
    domain::{incident::State, time::Timestamp},
    server::dc09::codec::{Frame, Id, Key},
};
use crc::{CRC_16_ARC, Crc};
use data_encoding::HEXUPPER;
use serde_json::Value;
use std::fs;

const PAD: &[u8; 31] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE";
const BLOCK: usize = 16;

/// The frame with another kind and number, which are not encrypted, and its checksum.
pub fn relabeled(frame: &[u8], id: &str, number: u16) -> Vec<u8> {
    let text = std::str::from_utf8(&frame[9..frame.len() - 1]).unwrap();
    let rest = &text[text[1..].find('"').unwrap() + 2 + 4..];
    let text = format!("\"{id}\"{number:04}{rest}");
    let sum = Crc::<u16>::new(&CRC_16_ARC).checksum(text.as_bytes());
    format!("\n{sum:04X}0{:03X}{text}\r", text.len()).into_bytes()
}

/// Writes over the second block of a frame whose text is known, and leaves the rest as it is. What
/// becomes of the first block is padding.
fn overwritten(frame: &[u8], was: &[u8; BLOCK], is: &[u8; BLOCK]) -> Vec<u8> {
    let begin = frame.iter().position(|byte| *byte == b'[').unwrap() + 1;
    let mut sealed = HEXUPPER.decode(&frame[begin..frame.len() - 1]).unwrap();
    sealed.iter_mut().zip(was.iter().zip(is)).for_each(|(byte, (was, is))| *byte ^= was ^ is);
    [&frame[..begin], HEXUPPER.encode(&sealed).as_bytes(), b"\r"].concat()
}

fn sealed(frame: Frame) -> Vec<u8> {
    let key: Key = DIGITS.parse().unwrap();
    let at = frame.at.or_else(|| Some(Timestamp::from_millis(now_ms())));
    Frame { sealed: true, at, ..frame }.encode(Some((&key, PAD)))
}

/// The message, a supervision message of that time, with police in the place of its padding. Its second
/// block is padding, the end of the content and the hour.
fn police_made_of(overheard: &[u8], at: Timestamp, pad: &[u8; 31]) -> Vec<u8> {
    let clear = Frame { at: Some(at), ..plain(1, "1", "") }.encode(None);
    let ends = clear.iter().position(|byte| *byte == b']').unwrap();
    let [mut was, mut is] = [[0; BLOCK]; 2];
    was[..11].copy_from_slice(&pad[16..27]);
    is[..11].copy_from_slice(b"A|112000001");
    for block in [&mut was, &mut is] {
        block[11..].copy_from_slice(&clear[ends..ends + 5]);
    }
    overwritten(&relabeled(overheard, "*ADM-CID", 7), &was, &is)
}

/// Security 4: police were sent without the key, after one supervision message was overheard.
#[tokio::test]
async fn message_made_of_an_overheard_one_is_not_answered() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let (key, at): (Key, _) = (DIGITS.parse().unwrap(), Timestamp::from_millis(now_ms()));
    let overheard = |pad: &[u8; 31]| {
        let frame = Frame { id: Id::Null, at: Some(at), sealed: true, ..plain(1, "ABCD", "") };
        frame.encode(Some((&key, pad)))
    };
    assert!(asks(port, &[&overheard(PAD)]).await.contains("\"*ACK\"0001"));
    assert_eq!(asks(port, &[&police_made_of(&overheard(PAD), at, PAD)]).await, "");
    // Neither is it if the message that it is made of never arrived: nothing in it names the account.
    let other = &[b'x'; 31];
    let forged = police_made_of(&overheard(other), at, other);
    let read = Frame::decode(&relabeled(&forged, "*ADM-CID", 7), |_| Some(&key)).unwrap();
    assert_eq!(read.data, "112000001", "it would be police");
    for number in 4..8 {
        assert_eq!(asks(port, &[&relabeled(&forged, "*ADM-CID", number)]).await, "");
    }
    assert_eq!(running(&owner, "lake-cabin").await, Value::Null);
}

/// Security 4.
#[tokio::test]
async fn encrypted_text_with_another_number_requests_nothing() {
    let (server, port, _key) = listening("tcp").await;
    let owner = server.sign_in("owner").await;
    let police = sealed(plain(21, "ABCD", "#ABCD|1120 00 001"));
    let answer = asks(port, &[&police]).await;
    assert!(answer.contains("\"*ACK\"0021"), "{answer}");
    let before = running(&owner, "lake-cabin").await["timeline"].as_array().unwrap().len();
    assert!(asks(port, &[&police]).await.contains("\"*ACK\"0021"), "an honest retry");
    assert_eq!(asks(port, &[&relabeled(&police, "*ADM-CID", 22)]).await, "");
    // Nor does the answer prove that the panel lives.
    assert_eq!(asks(port, &[&relabeled(answer.as_bytes(), "*NULL", 23)]).await, "");
    let after = running(&owner, "lake-cabin").await["timeline"].as_array().unwrap().len();
    assert_eq!(after, before);
}

/// Security 4: an encrypted message says when it was sent, in whose name, and nothing in a test.
#[tokio::test]
async fn encrypted_message_without_its_proofs_is_not_answered() {
    let (_server, port, _key) = listening("tcp").await;
    let key: Key = DIGITS.parse().unwrap();
    let timeless = Frame { sealed: true, ..plain(1, "ABCD", "#ABCD|1120 00 001") };
    for unproven in [
        timeless.encode(Some((&key, PAD))),
        sealed(plain(2, "ABCD", "1120 00 001")),
        sealed(plain(3, "ABCD", "|1120 00 001")),
        sealed(Frame { id: Id::Null, ..plain(4, "ABCD", "#ABCD|1120 00 001") }),
        sealed(Frame { id: Id::Null, extra: vec!["TM".into()], ..plain(5, "ABCD", "") }),
    ] {
        assert_eq!(asks(port, &[&unproven]).await, "", "{}", String::from_utf8_lossy(&unproven));
    }
}

/// Security 4: where messages may be forged, a countdown and the first call come before dispatch. Nobody
/// is called who is forced to be quiet.
#[tokio::test]
async fn alarm_that_may_be_forged_counts_down_and_calls_first() {
    let (port, key) = (free_port(), tempfile::NamedTempFile::new().unwrap());
    fs::write(key.path(), DIGITS).unwrap();
    let server = Server::with_file(&format!(
        "[center.listener]\nlisten = \"tcp://127.0.0.1:{port}\"\n[center.listener.accounts.ABCD]\n\
         home = \"maple-street\"\nkey_file = {:?}\nunproven = \"call-first\"\n",
        key.path()
    ))
    .await;
    let owner = server.sign_in("owner").await;
    let alarm = async |number| {
        // The padding is always the same, so the time must not be.
        let at = Timestamp::from_millis(now_ms() - u64::from(number) * 1_000);
        let frame = Frame { at: Some(at), ..plain(number, "ABCD", "#ABCD|1120 00 001") };
        let police = sealed(frame);
        assert!(asks(port, &[&police]).await.contains("\"*ACK\""), "it is stored");
        running(&owner, "maple-street").await
    };
    let incident = alarm(1).await;
    assert_eq!(incident["state"], "counting_down");
    owner.act(&incident, "cancel").await;
    assert_eq!(running(&owner, "maple-street").await, Value::Null);
    let incident = alarm(2).await;
    owner.act(&incident, "send-now").await;
    assert_eq!(owner.look(&incident).await["state"], "verifying");
    called_off(&server, &owner, &incident).await;
    let incident = alarm(3).await;
    owner.act(&incident, "send-now").await;
    assert_eq!(
        owner.look(&incident).await["state"],
        "verifying",
        "a panel that repeats its alarm is not a person who asks again"
    );
    called_off(&server, &owner, &incident).await;
    let duress = sealed(plain(4, "ABCD", "#ABCD|1121 00 001"));
    assert!(asks(port, &[&duress]).await.contains("\"*ACK\""));
    let quiet = server.app.engine.view().quiet_in(&"maple-street".parse().unwrap()).unwrap();
    assert_eq!(quiet.incident.state, State::Dispatching);
}
