//! An attack on the port for panels. The attacker overhears a panel and has no key.

use super::{
    super::{
        load::instant,
        server::{chance, now},
    },
    attack::{Plan, Tally},
    place::{KEY, PANEL},
};
use buckler::server::dc09::codec::{Frame, Id, Key, PAD};
use crc::{CRC_16_ARC, Crc};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Connections that send messages, and the pause between two messages of each.
const CONNECTIONS: usize = 16;
const PAUSE: Duration = Duration::from_millis(20);
/// Connections that send half a message.
const HALF_OPEN: usize = 400;
/// How long the attacker waits for an answer. Most messages get none.
const ANSWERED_WITHIN: Duration = Duration::from_millis(20);

pub fn attack(plan: &Plan, tally: &Tally) -> JoinSet<()> {
    let mut all = JoinSet::new();
    let port = plan.panels;
    for _ in 0..HALF_OPEN {
        let tally = tally.clone();
        all.spawn(async move {
            loop {
                let half = half_open(port).await;
                tally.count("half a message", if half.is_ok() { "ended" } else { "lost" });
                sleep(Duration::from_millis(500)).await;
            }
        });
    }
    for _ in 0..CONNECTIONS {
        let tally = tally.clone();
        all.spawn(async move {
            loop {
                // The server may end it at any time.
                let _ = talk(port, &tally).await;
                sleep(PAUSE).await;
            }
        });
    }
    all
}

async fn half_open(port: u16) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.write_all(b"\n0000\"*ADM-CID\"00").await?;
    socket.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// Sends forged messages on one connection for a few seconds.
async fn talk(port: u16, tally: &Tally) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let began = instant();
    for n in 0.. {
        if began.elapsed() > Duration::from_secs(5) {
            break;
        }
        let (what, message) = forged(n);
        socket.write_all(&message).await?;
        let mut answer = vec![0; 1_024];
        let answer = match timeout(ANSWERED_WITHIN, socket.read(&mut answer)).await {
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(length)) => String::from_utf8_lossy(&answer[..length]).into_owned(),
            Ok(Err(error)) => return Err(error),
            Err(_) => String::new(),
        };
        let kinds = ["ACK\"", "NAK\"", "DUH\""];
        let kind = kinds.into_iter().find(|kind| answer.contains(kind));
        tally.count(what, kind.map_or("none", |kind| kind.trim_end_matches('"')));
        sleep(PAUSE).await;
    }
    Ok(())
}

/// The n-th message, and what it is.
fn forged(n: usize) -> (&'static str, Vec<u8>) {
    let sequence = u16::try_from(1 + n % 9_999).expect("small");
    match n % 8 {
        0 => ("noise", (0..200).map(|_| chance(256) as u8).collect()),
        1 => ("message of an unknown account", police(sequence, "0000").encode(None)),
        2 => ("message in clear", police(sequence, PANEL).encode(None)),
        3 => {
            let other: Key = "FEDCBA9876543210FEDCBA9876543210".parse().expect("a key");
            let frame = Frame { sealed: true, at: Some(now()), ..police(sequence, PANEL) };
            ("message with another key", frame.encode(Some((&other, &pad()))))
        }
        4 => ("overheard message with another number", renumbered(&overheard(), sequence)),
        5 => ("overheard message as an alarm", relabeled(&overheard(), sequence)),
        6 => ("overheard message with a flipped pad", flipped(&overheard(), n)),
        _ => ("encrypted noise", encrypted_noise(sequence)),
    }
}

fn police(sequence: u16, account: &str) -> Frame {
    Frame {
        id: Id::AdmCid,
        sequence,
        receiver: Some("1".into()),
        line: "0".into(),
        account: Some(account.into()),
        data: format!("#{account}|1120 00 001"),
        extra: Vec::new(),
        at: None,
        sealed: false,
    }
}

/// A supervision message of the panel. The attacker swallows it, so that it never arrived.
fn overheard() -> Vec<u8> {
    let key: Key = KEY.parse().expect("a key");
    let quiet = Frame { id: Id::Null, data: String::new(), ..police(1, PANEL) };
    Frame { sealed: true, at: Some(now()), ..quiet }.encode(Some((&key, &pad())))
}

fn pad() -> [u8; PAD] {
    std::array::from_fn(|_| b'A' + chance(26) as u8)
}

/// A frame of this text, with its checksum and its length.
fn framed(text: &str) -> Vec<u8> {
    let sum = Crc::<u16>::new(&CRC_16_ARC).checksum(text.as_bytes());
    format!("\n{sum:04X}0{:03X}{text}\r", text.len()).into_bytes()
}

/// The text of a frame: what its checksum is of.
fn text_of(frame: &[u8]) -> &str {
    std::str::from_utf8(&frame[9..frame.len() - 1]).expect("a text")
}

fn renumbered(frame: &[u8], sequence: u16) -> Vec<u8> {
    framed(&text_of(frame).replacen("\"0001", &format!("\"{sequence:04}"), 1))
}

fn relabeled(frame: &[u8], sequence: u16) -> Vec<u8> {
    let renumbered = renumbered(frame, sequence);
    framed(&text_of(&renumbered).replacen("*NULL", "*ADM-CID", 1))
}

/// One digit of the encrypted text is another one.
fn flipped(frame: &[u8], n: usize) -> Vec<u8> {
    let mut text = text_of(frame).to_owned();
    let begin = text.find('[').expect("it is encrypted") + 1;
    let at = begin + n % (text.len() - begin).min(64);
    let other = if &text[at..=at] == "0" { "1" } else { "0" };
    text.replace_range(at..=at, other);
    framed(&text)
}

fn encrypted_noise(sequence: u16) -> Vec<u8> {
    let noise: String = (0..96).map(|_| format!("{:02X}", chance(256))).collect();
    framed(&format!("\"*ADM-CID\"{sequence:04}R1L0#{PANEL}[{noise}"))
}
