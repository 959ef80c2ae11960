//! One frame: `LF crc 0LLL "id" seq [Rrcvr] Lpref #acct [data] [x-data]… [_HH:MM:SS,MM-DD-YYYY] CR`.

use super::crypt::{Key, PAD};
use crate::domain::time::Timestamp;
use crc::{CRC_16_ARC, Crc};
use std::fmt::Write;

/// The longest frame, bytes: its length is written with three hexadecimal digits; beginning and end come to it.
pub const MOST: usize = 0xfff + HEAD + 1;
/// Bytes of a peer that wait to be understood, at most.
pub const WAITING_MOST: usize = 8 << 10;
/// Line feed, check sum, and length.
const HEAD: usize = 9;
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_ARC);
/// The most pieces of x-data that are looked at.
const EXTRA_MOST: usize = 32;

/// What a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// Nothing has happened: supervision of the line.
    Null,
    /// Received.
    Ack,
    /// Its time is wrong; carries the receiver's own.
    Nak,
    /// Received, and not understood: unknown account or code.
    Duh,
    /// An event in Contact ID (DC-05).
    AdmCid,
    /// An event in SIA (DC-03).
    SiaDcs,
    /// Something else.
    Other(String),
}

impl Id {
    fn as_str(&self) -> &str {
        match self {
            Self::Null => "NULL",
            Self::Ack => "ACK",
            Self::Nak => "NAK",
            Self::Duh => "DUH",
            Self::AdmCid => "ADM-CID",
            Self::SiaDcs => "SIA-DCS",
            Self::Other(id) => id,
        }
    }

    fn of(text: &str) -> Self {
        let known = [Self::Null, Self::Ack, Self::Nak, Self::Duh, Self::AdmCid, Self::SiaDcs];
        known.into_iter().find(|id| id.as_str() == text).unwrap_or_else(|| Self::Other(text.into()))
    }
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub id: Id,
    /// 1 to 9999; an answer repeats it, and so does the same frame again.
    pub sequence: u16,
    /// `R`, hexadecimal digits; some receivers fail without.
    pub receiver: Option<String>,
    /// `L`, hexadecimal digits.
    pub line: String,
    /// Whose it is; a NAK has none.
    pub account: Option<String>,
    /// What stands in the first brackets.
    pub data: String,
    /// What stands in each of the others, with its letter.
    pub extra: Vec<String>,
    /// When it was sent, to the second.
    pub at: Option<Timestamp>,
    /// Whether it was, or is to be, encrypted.
    pub sealed: bool,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAFrame {
    /// It is not built like one.
    #[error("it is not built like a frame")]
    Shape,
    /// Its length is not the one that it says.
    #[error("its length is wrong")]
    Length,
    /// Its check sum is not that of its bytes.
    #[error("its check sum is wrong")]
    Sum,
    /// It is encrypted, and there is no key, or another one.
    #[error("it is encrypted with another key")]
    Key,
}

impl Frame {
    /// The answer to a frame, encrypted where that was. Only a NAK tells the time in clear: it is never encrypted, and says how late it is.
    pub fn answer(&self, id: Id, now: Timestamp) -> Self {
        let is_nak = id == Id::Nak;
        let sealed = self.sealed && !is_nak;
        Self {
            id,
            sequence: if is_nak { 0 } else { self.sequence },
            receiver: self.receiver.clone(),
            line: self.line.clone(),
            account: self.account.clone().filter(|_| !is_nak),
            data: String::new(),
            extra: Vec::new(),
            at: (sealed || is_nak).then_some(now),
            sealed,
        }
    }

    /// The bytes of it. `key` with a random beginning where it is encrypted.
    pub fn encode(&self, key: Option<(&Key, &[u8; PAD])>) -> Vec<u8> {
        let mut rest = String::new();
        if key.is_some() && !self.data.is_empty() {
            rest.push('|');
        }
        rest.push_str(&self.data);
        rest.push(']');
        for extra in &self.extra {
            let _ = write!(rest, "[{}]", extra.replace(['[', ']', '|', '\r', '\n'], " "));
        }
        if let Some(at) = self.at {
            rest.push_str(&written(at));
        }
        let star = if key.is_some() { "*" } else { "" };
        let receiver = self.receiver.iter().map(|r| format!("R{r}")).collect::<String>();
        let account = self.account.as_ref().map_or_else(|| "A0".to_owned(), |account| format!("#{account}"));
        let rest = match key {
            Some((key, pad)) => key.seal(pad, &rest),
            None => rest,
        };
        let text = format!("\"{star}{}\"{:04}{receiver}L{}{account}[{rest}", self.id.as_str(), self.sequence, self.line);
        format!("\n{:04X}0{:03X}{text}\r", CRC.checksum(text.as_bytes()), text.len()).into_bytes()
    }

    /// Takes a frame apart, from its line feed to its carriage return. `key` has the key of an account.
    ///
    /// # Errors
    /// Why it is none.
    pub fn decode<'k>(bytes: &[u8], key: impl FnOnce(Option<&str>) -> Option<&'k Key>) -> Result<Self, NotAFrame> {
        let bytes = bytes.strip_prefix(b"\n").and_then(|bytes| bytes.strip_suffix(b"\r")).ok_or(NotAFrame::Shape)?;
        let (head, body) = bytes.split_at_checked(HEAD - 1).ok_or(NotAFrame::Shape)?;
        let number = |digits: &[u8]| {
            let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
            usize::from_str_radix(digits, 16).ok()
        };
        let (sum, length) = (number(&head[..4]).ok_or(NotAFrame::Shape)?, number(&head[4..]).ok_or(NotAFrame::Shape)?);
        if length != body.len() {
            return Err(NotAFrame::Length);
        }
        if sum != usize::from(CRC.checksum(body)) {
            return Err(NotAFrame::Sum);
        }
        // What some panels write in their own alphabet is kept, letter by letter.
        let text: String = body.iter().map(|byte| char::from(*byte)).collect();
        let mut frame = header(&text).ok_or(NotAFrame::Shape)?;
        let inside = &text[text.find('[').ok_or(NotAFrame::Shape)? + 1..];
        if frame.sealed {
            let key = key(frame.account.as_deref()).ok_or(NotAFrame::Key)?;
            let clear = key.open(inside).ok_or(NotAFrame::Key)?;
            // The random beginning has none of these.
            let at = clear.find(['|', ']']).ok_or(NotAFrame::Key)?;
            let rest = if clear[at..].starts_with('|') { &clear[at + 1..] } else { &clear[at..] };
            frame.fill(rest).ok_or(NotAFrame::Key)?;
        } else {
            frame.fill(inside).ok_or(NotAFrame::Shape)?;
        }
        Ok(frame)
    }

    /// Takes in what follows the first `[`.
    fn fill(&mut self, text: &str) -> Option<()> {
        let (data, mut rest) = text.split_once(']')?;
        self.data = data.into();
        while let Some((extra, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            if self.extra.len() < EXTRA_MOST {
                self.extra.push(extra.into());
            }
            rest = after;
        }
        self.at = match rest {
            "" => None,
            stamp => Some(read(stamp)?),
        };
        Some(())
    }

    /// The x-data that begins with a letter.
    pub fn extra(&self, letter: char) -> Option<&str> {
        self.extra.iter().find_map(|extra| extra.strip_prefix(letter))
    }
}

/// Everything before the first `[`. Receivers write `R`, `L` and the account in any order, and some leave out `R`.
fn header(text: &str) -> Option<Frame> {
    let (id, rest) = text.strip_prefix('"')?.split_once('"')?;
    let (sealed, id) = id.strip_prefix('*').map_or((false, id), |id| (true, id));
    let (sequence, rest) = rest.split_at_checked(4)?;
    let sequence = sequence.bytes().all(|b| b.is_ascii_digit()).then(|| sequence.parse().ok())??;
    let (mut receiver, mut line, mut account) = (None, None, None);
    let mut rest = rest.split('[').next()?;
    while let Some(mark) = rest.chars().next() {
        let value: String = rest[mark.len_utf8()..].chars().take_while(|c| c.is_ascii_hexdigit()).take(16).collect();
        match mark {
            'R' => receiver = Some(value.clone()),
            'L' => line = Some(value.clone()),
            '#' => account = Some(value.clone()).filter(|value| !value.is_empty()),
            // A NAK's account: it answers what could not be read.
            'A' => {}
            _ => return None,
        }
        rest = &rest[mark.len_utf8() + value.len()..];
    }
    let id = Id::of(id);
    Some(Frame { id, sequence, receiver, line: line?, account, data: String::new(), extra: Vec::new(), at: None, sealed })
}

/// `_HH:MM:SS,MM-DD-YYYY`, in UTC.
fn written(at: Timestamp) -> String {
    let text = at.to_string();
    format!("_{},{}-{}", &text[11..19], &text[5..10], &text[..4])
}

fn read(text: &str) -> Option<Timestamp> {
    let (time, date) = text.strip_prefix('_')?.split_once(',')?;
    let (day, year) = date.rsplit_once('-')?;
    let plain = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'-'));
    let whole = plain(time, 8) && plain(day, 5) && plain(year, 4);
    whole.then(|| format!("{year}-{day}T{time}Z").parse().ok())?
}

/// What stands at the beginning of bytes that came from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A frame, so long; perhaps with something after it.
    Frame(usize),
    /// So many bytes that belong to none.
    Noise(usize),
    /// The beginning of one, perhaps.
    More,
}

/// Finds the first frame in bytes that arrive in any pieces.
pub fn cut(bytes: &[u8]) -> Cut {
    let Some(begin) = bytes.iter().position(|byte| *byte == b'\n') else {
        return if bytes.is_empty() { Cut::More } else { Cut::Noise(bytes.len()) };
    };
    if begin > 0 {
        return Cut::Noise(begin);
    }
    match bytes.iter().skip(1).position(|byte| matches!(byte, b'\r' | b'\n')) {
        Some(end) if bytes[end + 1] == b'\r' => Cut::Frame(end + 2),
        Some(again) => Cut::Noise(again + 1),
        None if bytes.len() > MOST => Cut::Noise(bytes.len()),
        None => Cut::More,
    }
}
