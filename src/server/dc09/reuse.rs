//! Refuses reused ciphertext. DC-09 encrypts with AES-CBC and has no MAC, so an attacker without the
//! key can alter a captured frame, reflect it, or give it another number. The last two blocks contain
//! the time that a frame needs, so a forgery has the same last two blocks as the captured frame.

use super::codec::Ending;
use sha2::{Digest, Sha256};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a message of a panel is remembered. Its time is accepted for a minute.
const REMEMBERED: Duration = Duration::from_secs(90);
/// The most messages of a panel that are remembered. Genuine ones are forgotten last, because
/// anybody who reaches the port can send others.
const KNOWN_MOST: usize = 1_024;
/// Receivers that always pad alike encrypt the answers of the same second alike.
const SAME_SECOND: Duration = Duration::from_secs(1);

/// The encrypted messages of the last moments, of both directions of one key.
#[derive(Debug)]
pub struct Reuse {
    remembered: Duration,
    most: usize,
    known: Mutex<VecDeque<Known>>,
}

impl Default for Reuse {
    /// For the messages of a panel.
    fn default() -> Self {
        Self::remembering(REMEMBERED, KNOWN_MOST)
    }
}

#[derive(Clone, Copy, Debug)]
struct Known {
    ending: Ending,
    /// The hash of the whole frame. `None` for one that this server has sent.
    frame: Option<[u8; 32]>,
    /// Whether the key was used to make it.
    is_genuine: bool,
    /// By [`crate::server::clock::Clock::uptime`].
    at: Duration,
}

impl Reuse {
    /// Remembers messages for that long, and `most` of them. That long must be at least as long as
    /// the time of a message is accepted.
    pub fn remembering(remembered: Duration, most: usize) -> Self {
        Self { remembered, most, known: Mutex::default() }
    }

    /// A message came. Whether it is a new one, or the same again, byte by byte. It is remembered before
    /// anything in it is judged, because what happens then tells something to the sender.
    pub fn takes(&self, bytes: &[u8], now: Duration) -> bool {
        let Some(ending) = Ending::of(bytes) else { return false };
        let frame = Some(Sha256::digest(bytes).into());
        let mut known = self.remembered(now);
        match known.iter().find(|known| known.ending == ending) {
            Some(known) => known.frame == frame,
            None => {
                known.push_back(Known { ending, frame, is_genuine: false, at: now });
                true
            }
        }
    }

    /// A message that was taken was decrypted to one that only the key can make.
    pub fn note_genuine(&self, bytes: &[u8], now: Duration) {
        let ending = Ending::of(bytes);
        let mut known = self.remembered(now);
        let it = known.iter_mut().find(|known| Some(known.ending) == ending);
        it.into_iter().for_each(|known| known.is_genuine = true);
    }

    /// Whether an answer to a message may be accepted: it is made neither of what this server has sent,
    /// nor of an answer that it has accepted before. It is remembered.
    pub fn accepts(&self, bytes: &[u8], now: Duration) -> bool {
        let Some(ending) = Ending::of(bytes) else { return false };
        let frame = Some(Sha256::digest(bytes).into());
        let mut known = self.remembered(now);
        let is_used =
            |known: &Known| known.frame.is_none() || now.saturating_sub(known.at) > SAME_SECOND;
        if known.iter().any(|known| known.ending == ending && is_used(known)) {
            return false;
        }
        known.push_back(Known { ending, frame, is_genuine: true, at: now });
        true
    }

    /// This server sends a message.
    pub fn sends(&self, bytes: &[u8], now: Duration) {
        if let Some(ending) = Ending::of(bytes) {
            let sent = Known { ending, frame: None, is_genuine: true, at: now };
            self.remembered(now).push_back(sent);
        }
    }

    /// What is remembered, with room for one more.
    fn remembered(&self, now: Duration) -> MutexGuard<'_, VecDeque<Known>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while known.front().is_some_and(|first| now.saturating_sub(first.at) > self.remembered) {
            known.pop_front();
        }
        if known.len() >= self.most {
            let other = known.iter().position(|known| !known.is_genuine);
            known.remove(other.unwrap_or_default());
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::dc09::codec::{Frame, Id, Key};

    fn frame(sequence: u16, pad: u8) -> Vec<u8> {
        let key: Key = "0123456789ABCDEF0123456789ABCDEF".parse().unwrap();
        let frame = Frame {
            id: Id::Null,
            sequence,
            receiver: None,
            line: "0".into(),
            account: Some("ABCD".into()),
            data: String::new(),
            extra: Vec::new(),
            at: Some(crate::domain::time::Timestamp::from_millis(1_795_435_200_000)),
            sealed: true,
        };
        frame.encode(Some((&key, &[pad; super::super::codec::PAD])))
    }

    #[test]
    fn encrypted_text_is_taken_once_and_the_same_frame_again() {
        let (reuse, s) = (Reuse::default(), Duration::from_secs);
        assert!(reuse.takes(&frame(1, b'A'), s(1)) && reuse.takes(&frame(1, b'A'), s(2)));
        assert!(!reuse.takes(&frame(2, b'A'), s(2)), "the same text with another number");
        assert!(reuse.takes(&frame(2, b'B'), s(2)), "another message");
        let mut changed = frame(2, b'B');
        let first_digit = changed.iter().position(|byte| *byte == b'[').unwrap() + 1;
        changed[first_digit] ^= 1;
        assert!(!reuse.takes(&changed, s(3)), "its end is known");
        assert!(reuse.takes(&frame(2, b'A'), s(120)), "its time is over by then");
        assert!(!reuse.takes(b"\n0000\"*NULL\"0001L0#ABCD[00]\r", s(3)), "no two blocks");
    }

    #[test]
    fn own_message_is_no_answer_and_an_answer_counts_once() {
        let (reuse, ms) = (Reuse::default(), Duration::from_millis);
        reuse.sends(&frame(1, b'A'), ms(0));
        assert!(!reuse.accepts(&frame(1, b'A'), ms(100)), "it is reflected");
        assert!(reuse.accepts(&frame(1, b'B'), ms(100)));
        assert!(reuse.accepts(&frame(2, b'B'), ms(900)), "a receiver that always pads alike");
        assert!(!reuse.accepts(&frame(3, b'B'), ms(1_200)));
    }

    /// Otherwise a flood would make room for a replay.
    #[test]
    fn flood_of_garbage_displaces_no_genuine_message() {
        let (reuse, s) = (Reuse::default(), Duration::from_secs);
        assert!(reuse.takes(&frame(1, b'A'), s(1)));
        reuse.note_genuine(&frame(1, b'A'), s(1));
        for number in 0..2 * KNOWN_MOST {
            let garbage = format!("\n00000000\"*NULL\"0001L0#ABCD[{number:064X}\r");
            assert!(reuse.takes(garbage.as_bytes(), s(2)));
        }
        assert!(!reuse.takes(&frame(2, b'A'), s(3)), "the same text with another number");
        assert!(reuse.takes(&frame(1, b'A'), s(3)), "an honest retry");
    }

    #[test]
    fn memory_is_bounded() {
        let reuse = Reuse::default();
        for number in 0..u16::try_from(KNOWN_MOST * 2).unwrap() {
            reuse.sends(&frame(number % 9_999, b'A'), Duration::ZERO);
        }
        assert!(reuse.known.lock().unwrap().len() <= KNOWN_MOST);
    }
}
