//! Frames: `LF crc 0LLL "id" seq [Rrcvr] Lpref #acct [data] [x-data]… [_HH:MM:SS,MM-DD-YYYY] CR`.

use super::{
    crypt::{Key, PAD},
    stamp,
};
use crate::domain::time::Timestamp;
use crc::{CRC_16_ARC, Crc};
use std::fmt::Write;

/// The longest frame, bytes: a length of three hexadecimal digits, and the header and the end,
/// which the length does not count.
pub const MOST: usize = 0xfff + HEAD + 1;
/// The most unparsed bytes that are kept of a peer.
pub const WAITING_MOST: usize = 8 << 10;
/// The size of the line feed, the checksum and the length, bytes.
const HEAD: usize = 9;
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_ARC);
/// The most pieces of x-data that are kept.
const EXTRA_MOST: usize = 32;

/// The kind of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// Supervision of the line, without an event.
    Null,
    /// The frame is acknowledged.
    Ack,
    /// The time of the frame is wrong. Carries the receiver's time.
    Nak,
    /// The frame was received but not understood: unknown account or code.
    Duh,
    /// An event in Contact ID (DC-05).
    AdmCid,
    /// An event in SIA (DC-03).
    SiaDcs,
    /// Another kind.
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
    /// The kind.
    pub id: Id,
    /// The number, 1 to 9999. An answer repeats it, and so does a retry.
    pub sequence: u16,
    /// `R`, hexadecimal digits. Some receivers fail without it.
    pub receiver: Option<String>,
    /// `L`, hexadecimal digits.
    pub line: String,
    /// The account. A NAK has none.
    pub account: Option<String>,
    /// The content of the first brackets.
    pub data: String,
    /// The x-data: the content of each of the other brackets, with its letter.
    pub extra: Vec<String>,
    /// When it was sent, to the second.
    pub at: Option<Timestamp>,
    /// Whether it was, or is to be, encrypted.
    pub sealed: bool,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAFrame {
    /// They do not have the structure of a frame.
    #[error("it is not built like a frame")]
    Shape,
    /// The length is wrong.
    #[error("its length is wrong")]
    Length,
    /// The checksum is wrong.
    #[error("its check sum is wrong")]
    Sum,
    /// The frame is encrypted, and the key is missing or wrong.
    #[error("it is encrypted with another key")]
    Key,
}

impl Frame {
    /// Creates the answer to a frame, encrypted if the frame was. A NAK is never encrypted, and is
    /// the only unencrypted answer with a time.
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

    /// Encodes the frame. `key` is the key and the padding, if it is to be encrypted.
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
            let _ = write!(rest, "_{}", stamp::written(at));
        }
        let star = if key.is_some() { "*" } else { "" };
        let receiver = self.receiver.iter().map(|r| format!("R{r}")).collect::<String>();
        let account =
            self.account.as_ref().map_or_else(|| "A0".to_owned(), |account| format!("#{account}"));
        let rest = match key {
            Some((key, pad)) => key.seal(pad, &rest),
            None => rest,
        };
        let text = format!(
            "\"{star}{}\"{:04}{receiver}L{}{account}[{rest}",
            self.id.as_str(),
            self.sequence,
            self.line
        );
        format!("\n{:04X}0{:03X}{text}\r", CRC.checksum(text.as_bytes()), text.len()).into_bytes()
    }

    /// Decodes a frame, from its line feed to its carriage return. `key` looks up the key of an
    /// account.
    ///
    /// # Errors
    /// Why the bytes are not a frame.
    pub fn decode<'k>(
        bytes: &[u8],
        key: impl FnOnce(Option<&str>) -> Option<&'k Key>,
    ) -> Result<Self, NotAFrame> {
        let bytes = bytes
            .strip_prefix(b"\n")
            .and_then(|bytes| bytes.strip_suffix(b"\r"))
            .ok_or(NotAFrame::Shape)?;
        let (head, body) = bytes.split_at_checked(HEAD - 1).ok_or(NotAFrame::Shape)?;
        let number = |digits: &[u8]| {
            let digits = std::str::from_utf8(digits)
                .ok()
                .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
            usize::from_str_radix(digits, 16).ok()
        };
        let (sum, length) = (
            number(&head[..4]).ok_or(NotAFrame::Shape)?,
            number(&head[4..]).ok_or(NotAFrame::Shape)?,
        );
        if length != body.len() {
            return Err(NotAFrame::Length);
        }
        if sum != usize::from(CRC.checksum(body)) {
            return Err(NotAFrame::Sum);
        }
        // Some panels send text in their own character set. It is kept, byte by byte.
        let text: String = body.iter().map(|byte| char::from(*byte)).collect();
        let mut frame = header(&text).ok_or(NotAFrame::Shape)?;
        let inside = &text[text.find('[').ok_or(NotAFrame::Shape)? + 1..];
        if frame.sealed {
            let key = key(frame.account.as_deref()).ok_or(NotAFrame::Key)?;
            let clear = key.open(inside).ok_or(NotAFrame::Key)?;
            // The padding contains neither of these.
            let at = clear.find(['|', ']']).ok_or(NotAFrame::Key)?;
            let rest = if clear[at..].starts_with('|') { &clear[at + 1..] } else { &clear[at..] };
            frame.fill(rest).ok_or(NotAFrame::Key)?;
        } else {
            frame.fill(inside).ok_or(NotAFrame::Shape)?;
        }
        Ok(frame)
    }

    /// Parses what follows the first `[`.
    fn fill(&mut self, text: &str) -> Option<()> {
        let (data, mut rest) = text.split_once(']')?;
        self.data = data.into();
        while let Some((extra, after)) =
            rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        {
            if self.extra.len() < EXTRA_MOST {
                self.extra.push(extra.into());
            }
            rest = after;
        }
        self.at = match rest {
            "" => None,
            rest => Some(stamp::read(rest.strip_prefix('_')?)?),
        };
        Some(())
    }

    /// The account that the data names.
    pub fn inner_account(&self) -> Option<&str> {
        let (inner, _) = self.data.split_once('|')?;
        Some(inner.trim_start_matches('#')).filter(|inner| !inner.is_empty())
    }

    /// Returns what an encrypted frame lacks, if anything: a time, the account in the data, or the
    /// empty data of supervision. An attacker without the key could forge a frame that needs none of
    /// them from another frame.
    pub fn lacks(&self) -> Option<&'static str> {
        let is_event = matches!(self.id, Id::AdmCid | Id::SiaDcs);
        match self.id {
            _ if self.at.is_none() => Some("it has no time"),
            Id::Null if !self.data.is_empty() || !self.extra.is_empty() => Some("it has content"),
            _ if is_event && self.inner_account().is_none() => Some("it names no account inside"),
            _ => None,
        }
    }

    /// The first x-data with that letter.
    pub fn extra(&self, letter: char) -> Option<&str> {
        self.extra.iter().find_map(|extra| extra.strip_prefix(letter))
    }
}

/// Parses everything before the first `[`. Receivers send `R`, `L` and the account in any order,
/// and some omit `R`.
fn header(text: &str) -> Option<Frame> {
    let (id, rest) = text.strip_prefix('"')?.split_once('"')?;
    // The data begins at the first bracket, which must be that behind the header.
    let id = Some(id).filter(|id| !id.contains('['))?;
    let (sealed, id) = id.strip_prefix('*').map_or((false, id), |id| (true, id));
    let (sequence, rest) = rest.split_at_checked(4)?;
    let sequence =
        sequence.bytes().all(|b| b.is_ascii_digit()).then(|| sequence.parse().ok())??;
    let (mut receiver, mut line, mut account) = (None, None, None);
    let mut rest = rest.split('[').next()?;
    while let Some(mark) = rest.chars().next() {
        let value: String = rest[mark.len_utf8()..]
            .chars()
            .take_while(|c| c.is_ascii_hexdigit())
            .take(16)
            .collect();
        match mark {
            'R' => receiver = Some(value.clone()),
            'L' => line = Some(value.clone()),
            '#' => account = Some(value.clone()).filter(|value| !value.is_empty()),
            // The account of a NAK, which answers a frame that could not be read.
            'A' => {}
            _ => return None,
        }
        rest = &rest[mark.len_utf8() + value.len()..];
    }
    let id = Id::of(id);
    Some(Frame {
        id,
        sequence,
        receiver,
        line: line?,
        account,
        data: String::new(),
        extra: Vec::new(),
        at: None,
        sealed,
    })
}

/// What the first bytes from a peer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A frame of this length. More bytes may follow.
    Frame(usize),
    /// This many bytes that belong to no frame.
    Noise(usize),
    /// Possibly the beginning of a frame: more bytes are needed.
    More,
}

/// Finds the first frame in bytes that arrive in pieces of any size. All noise before a frame is one
/// piece, so that line feeds in a row do not make many.
pub fn cut(bytes: &[u8]) -> Cut {
    let Some(begin) = bytes.iter().position(|byte| *byte == b'\n') else {
        return if bytes.is_empty() { Cut::More } else { Cut::Noise(bytes.len()) };
    };
    if begin > 0 {
        return Cut::Noise(begin);
    }
    let end = bytes.iter().position(|byte| *byte == b'\r');
    let before = &bytes[..end.unwrap_or(bytes.len())];
    match (before.iter().rposition(|byte| *byte == b'\n'), end) {
        (Some(again @ 1..), _) => Cut::Noise(again),
        (_, Some(end)) => Cut::Frame(end + 1),
        (_, None) if bytes.len() > MOST => Cut::Noise(bytes.len()),
        (_, None) => Cut::More,
    }
}
