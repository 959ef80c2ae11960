//! One question to a receiver, over TCP or UDP, and the frame that answers it.

use crate::{
    domain::time::Timestamp,
    server::{
        center::{
            dc09::{Cut, Frame, Id, Key, MOST, PAD, WAITING_MOST, cut},
            settings::Peer,
        },
        clock::instant,
    },
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout_at},
};

/// How far the time of a sealed answer may be from that of the question: receivers take questions that are 40 s off.
const ANSWER_AGE_MOST: Duration = Duration::from_secs(60);

/// How receivers are spoken to.
pub(super) struct Line<'l> {
    /// With this key, if there is one.
    pub key: Option<&'l Key>,
    /// How long they have to answer.
    pub within: Duration,
}

impl Line<'_> {
    /// Sends a frame, and waits for the one that answers it.
    pub async fn ask(&self, peer: &Peer, frame: &Frame, until: Instant) -> Result<Frame, Silence> {
        match peer {
            Peer { udp: false, at } => self.over_tcp(at, frame, until).await,
            Peer { udp: true, at } => self.over_udp(at, frame, until).await,
        }
    }

    fn encode(&self, frame: &Frame) -> Vec<u8> {
        let pad = pad();
        frame.encode(self.key.map(|key| (key, &pad)))
    }

    /// The first frame of these bytes that answers `asked`, and how many bytes are done with.
    fn answer(&self, asked: &Frame, bytes: &[u8]) -> (usize, Option<Frame>) {
        let mut done = 0;
        loop {
            let length = match cut(&bytes[done..]) {
                Cut::More => return (done, None),
                Cut::Noise(length) => {
                    done += length;
                    continue;
                }
                Cut::Frame(length) => length,
            };
            let frame = Frame::decode(&bytes[done..done + length], |_| self.key);
            done += length;
            match frame {
                Ok(frame) if self.is_answer(asked, &frame) => return (done, Some(frame)),
                // An empty line is what some answer to a wrong check sum: no answer.
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Whether a frame answers the one that was asked.
    ///
    /// A NAK answers what could not be read, so it repeats no number and is never sealed (DC-09, 5.5.4). With a key nothing else counts
    /// that is not sealed, with the account and a time of now: whoever stands on the way could write it, or play an old one back.
    fn is_answer(&self, asked: &Frame, frame: &Frame) -> bool {
        if frame.id == Id::Nak {
            return true;
        }
        let same = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            _ => false,
        };
        let is_now = |at: Timestamp| asked.at.is_some_and(|asked| at.since(asked).max(asked.since(at)) <= ANSWER_AGE_MOST);
        let is_proved = || frame.sealed && same(&frame.account, &asked.account) && frame.at.is_some_and(is_now);
        frame.sequence == asked.sequence && (self.key.is_none() || is_proved())
    }

    async fn over_tcp(&self, at: &str, frame: &Frame, until: Instant) -> Result<Frame, Silence> {
        let connected = timeout_at(until, TcpStream::connect(at)).await.map_err(|_| Silence::Nothing)?;
        let mut socket = connected.map_err(|_| Silence::Refused)?;
        let talk = async {
            // One message must not wait for the acknowledgment of the one before.
            socket.set_nodelay(true)?;
            socket.write_all(&self.encode(frame)).await?;
            let mut bytes = Vec::new();
            let mut piece = [0; 1_024];
            loop {
                let (done, answer) = self.answer(frame, &bytes);
                if answer.is_some() {
                    return Ok::<_, std::io::Error>(answer);
                }
                bytes.drain(..done);
                let length = socket.read(&mut piece).await?;
                if length == 0 || bytes.len() + length > WAITING_MOST {
                    return Ok(None);
                }
                bytes.extend_from_slice(&piece[..length]);
            }
        };
        match timeout_at(until, talk).await {
            Ok(Ok(Some(answer))) => Ok(answer),
            _ => {
                // Whoever closes at once is asked again, and not at once.
                tokio::time::sleep_until(until.min(instant() + self.within / 5)).await;
                Err(Silence::Nothing)
            }
        }
    }

    async fn over_udp(&self, at: &str, frame: &Frame, until: Instant) -> Result<Frame, Silence> {
        let talk = async {
            let target = tokio::net::lookup_host(at).await?.next().ok_or(std::io::ErrorKind::NotFound)?;
            let socket = UdpSocket::bind(if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
            socket.connect(target).await?;
            socket.send(&self.encode(frame)).await?;
            let mut bytes = vec![0; MOST];
            loop {
                let length = socket.recv(&mut bytes).await?;
                if let (_, Some(answer)) = self.answer(frame, &bytes[..length]) {
                    return Ok::<_, std::io::Error>(answer);
                }
            }
        };
        match timeout_at(until, talk).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Silence::Refused),
            Err(_) => Err(Silence::Nothing),
        }
    }
}

/// No answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nobody is there.
    Refused,
    /// Nothing that answers came in time.
    Nothing,
}

/// A random beginning of printable letters: some receivers break at others.
fn pad() -> [u8; PAD] {
    let mut bytes = [0; PAD];
    // Where there is no randomness it hides less, and help is asked for all the same.
    let _ = getrandom::fill(&mut bytes);
    bytes.map(|byte| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[usize::from(byte % 32)])
}
