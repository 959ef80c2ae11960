//! One exchange with a receiver: a frame and its answer.

use crate::{
    domain::time::Timestamp,
    server::{
        clock::{Clock, instant},
        dc09::{
            codec::{Cut, Frame, Id, Key, PAD, WAITING_MOST, cut},
            line::Lines,
            reuse::Reuse,
            settings::Peer,
        },
    },
};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The most that the time of an encrypted answer may differ from that of the frame sent. Receivers
/// accept frames that are 40 s off.
pub(super) const ANSWER_AGE_MOST: Duration = Duration::from_secs(60);

/// The lines, the key and the timeout of exchanges with receivers.
pub(super) struct Exchange<'e> {
    /// Opens the line to a receiver.
    pub lines: &'e dyn Lines,
    /// The key, if messages are encrypted.
    pub key: Option<&'e Key>,
    /// What was encrypted with the key lately.
    pub reuse: &'e Reuse,
    /// The clock.
    pub clock: &'e Clock,
    /// The timeout for an answer.
    pub within: Duration,
}

impl Exchange<'_> {
    /// Sends a frame, and waits for its answer.
    pub async fn ask(&self, peer: &Peer, frame: &Frame, until: Instant) -> Result<Frame, Silence> {
        let opened =
            timeout_at(until, self.lines.open(peer)).await.map_err(|_| Silence::Nothing)?;
        let mut line = opened.map_err(|_| Silence::Refused)?;
        let talk = async {
            let encoded = self.encode(frame);
            if self.key.is_some() {
                self.reuse.sends(&encoded, self.clock.uptime());
            }
            line.write(&encoded).await?;
            let mut bytes = Vec::new();
            loop {
                let (done, answer) = self.answer(frame, &bytes);
                if answer.is_some() {
                    return Ok::<_, std::io::Error>(answer);
                }
                // A frame is never in two datagrams.
                bytes.drain(..if peer.udp { bytes.len() } else { done });
                let is_over = line.read(&mut bytes).await? == 0 && !peer.udp;
                if is_over || bytes.len() > WAITING_MOST {
                    return Ok(None);
                }
            }
        };
        match timeout_at(until, talk).await {
            Ok(Ok(Some(answer))) => Ok(answer),
            // Nobody listens there.
            Ok(Err(_)) if peer.udp => Err(Silence::Refused),
            _ => {
                // A receiver that closes the connection at once is retried only after a pause.
                tokio::time::sleep_until(until.min(instant() + self.within / 5)).await;
                Err(Silence::Nothing)
            }
        }
    }

    fn encode(&self, frame: &Frame) -> Vec<u8> {
        let pad = pad();
        frame.encode(self.key.map(|key| (key, &pad)))
    }

    /// Returns how many bytes are consumed, and the first frame in them that answers `asked`.
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
            let answer = &bytes[done..done + length];
            let frame = Frame::decode(answer, |_| self.key);
            done += length;
            match frame {
                Ok(frame) if self.is_answer(asked, &frame) && self.is_fresh(&frame, answer) => {
                    return (done, Some(frame));
                }
                // Some receivers answer a wrong checksum with an empty line, which is no answer.
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Whether an encrypted answer is made neither of a message of this server nor of an earlier
    /// answer.
    fn is_fresh(&self, frame: &Frame, bytes: &[u8]) -> bool {
        !frame.sealed || self.reuse.accepts(bytes, self.clock.uptime())
    }

    /// Whether a frame answers `asked`.
    ///
    /// A NAK answers a frame that could not be read, so it repeats no number and is never encrypted
    /// (DC-09, 5.5.4). With a key, any other answer must be encrypted and have the account and a
    /// current time, because anybody on the network path could forge or replay one.
    fn is_answer(&self, asked: &Frame, frame: &Frame) -> bool {
        if frame.id == Id::Nak {
            return true;
        }
        let same = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            _ => false,
        };
        let is_now = |at: Timestamp| {
            asked.at.is_some_and(|asked| at.since(asked).max(asked.since(at)) <= ANSWER_AGE_MOST)
        };
        let is_proved =
            || frame.sealed && same(&frame.account, &asked.account) && frame.at.is_some_and(is_now);
        frame.sequence == asked.sequence && (self.key.is_none() || is_proved())
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The connection failed.
    Refused,
    /// No answer came in time.
    Nothing,
}

/// Random padding of letters, because some receivers fail with other bytes.
fn pad() -> [u8; PAD] {
    let mut bytes = [0; PAD];
    // Without random numbers the padding hides less, but the message is sent all the same.
    let _ = getrandom::fill(&mut bytes);
    bytes.map(|byte| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[usize::from(byte % 32)])
}
