//! Encoded pictures of a camera: the messages to viewers, and the buffer for viewers that come
//! later. Does no I/O.

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

/// The length of the header of a picture, bytes: flags (1) and time (8, big-endian).
pub const HEAD: usize = 9;
/// Flag: the picture is a keyframe.
const KEY: u8 = 1;
/// Flag: the picture is older than the viewer's connection. The viewer shows only the newest of
/// these.
const BEFORE: u8 = 2;

/// The decoder configuration, the first message to every viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// The codec (RFC 6381), such as `avc1.42e01f`.
    pub codec: String,
    /// The decoder's configuration record (ISO/IEC 14496-15), base64.
    pub description: String,
    /// The width, pixels.
    pub width: u32,
    /// The height, pixels.
    pub height: u32,
}

/// One encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Whether it is a keyframe.
    pub is_key: bool,
    /// When it arrived, microseconds since the epoch.
    pub at_us: u64,
    /// The message to viewers: a header of [`HEAD`] bytes, then the access unit, length-prefixed.
    pub message: Bytes,
    /// The message to viewers that connected after the picture arrived, once there is one.
    before: Arc<OnceLock<Bytes>>,
}

impl Picture {
    /// Creates a picture from an access unit, length-prefixed.
    pub fn new(is_key: bool, at_us: u64, unit: &[u8]) -> Self {
        let message = message(if is_key { KEY } else { 0 }, at_us, unit);
        Self { is_key, at_us, message, before: Arc::default() }
    }

    /// The access unit.
    pub fn unit(&self) -> &[u8] {
        &self.message[HEAD..]
    }

    /// The message to viewers that connected after the picture arrived. They share it: a camera
    /// without a recent keyframe has megabytes of them.
    pub fn as_before(&self) -> Bytes {
        let flagged = || message(self.message[0] | BEFORE, self.at_us, self.unit());
        self.before.get_or_init(flagged).clone()
    }
}

fn message(flags: u8, at_us: u64, unit: &[u8]) -> Bytes {
    let mut message = Vec::with_capacity(HEAD + unit.len());
    message.push(flags);
    message.extend(at_us.to_be_bytes());
    message.extend(unit);
    message.into()
}

/// How long pictures are kept for a clip, microseconds.
const KEPT_US: u64 = 12_000_000;
/// The most that is kept of one stream, bytes. It also bounds the pictures of a camera that never
/// sends another keyframe.
const KEPT_BYTES: usize = 32 << 20;

/// The latest pictures of a stream, starting with a keyframe.
#[derive(Debug, Default)]
pub struct Ring {
    format: Option<Arc<Format>>,
    pictures: VecDeque<Picture>,
    bytes: usize,
}

impl Ring {
    /// The decoder configuration of its pictures.
    pub fn format(&self) -> Option<&Arc<Format>> {
        self.format.as_ref()
    }

    /// Sets the decoder configuration for the pictures that follow, and drops older pictures.
    pub fn reformat(&mut self, format: Arc<Format>) {
        *self = Self { format: Some(format), ..Self::default() };
    }

    /// Adds a picture. Drops pictures before the first keyframe, because they cannot be decoded.
    pub fn push(&mut self, picture: Picture) {
        if self.pictures.is_empty() && !picture.is_key {
            return;
        }
        let oldest_us = picture.at_us.saturating_sub(KEPT_US);
        self.bytes += picture.message.len();
        self.pictures.push_back(picture);
        // Drop the oldest pictures while the next keyframe is old enough, or there is no room.
        while let Some(next_key) =
            self.pictures.iter().skip(1).position(|p| p.is_key).map(|at| at + 1)
        {
            if self.pictures[next_key].at_us > oldest_us && self.bytes <= KEPT_BYTES {
                return;
            }
            for gone in self.pictures.drain(..next_key) {
                self.bytes -= gone.message.len();
            }
        }
        if self.bytes > KEPT_BYTES {
            (self.bytes, self.pictures) = (0, VecDeque::new());
        }
    }

    /// The last keyframe and the pictures after it.
    pub fn latest(&self) -> impl Iterator<Item = &Picture> {
        let from = self.pictures.iter().rposition(|p| p.is_key).unwrap_or(self.pictures.len());
        self.pictures.iter().skip(from)
    }

    /// The pictures from the last keyframe at or before `at_us` on, or all if there is none.
    pub fn since(&self, at_us: u64) -> Vec<Picture> {
        let from = self.pictures.iter().rposition(|p| p.is_key && p.at_us <= at_us).unwrap_or(0);
        self.pictures.iter().skip(from).cloned().collect()
    }
}

/// The oldest picture that is sent to a viewer that is slower than the stream, microseconds.
const OLDEST_US: u64 = 1_000_000;

/// Selects the pictures for one viewer: it starts with a keyframe, and after a gap continues with
/// the next one.
#[derive(Debug, Default)]
pub struct Pace {
    flows: bool,
}

impl Pace {
    /// All pictures up to now were sent.
    pub fn flows(&mut self) {
        self.flows = true;
    }

    /// A picture was left out.
    pub fn gap(&mut self) {
        self.flows = false;
    }

    /// Whether to send this picture. `waited_us` is how long it has waited, microseconds.
    pub fn passes(&mut self, is_key: bool, waited_us: u64) -> bool {
        let late = waited_us > OLDEST_US;
        self.flows = !late && (self.flows || is_key);
        self.flows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    fn picture(is_key: bool, at_us: u64) -> Picture {
        Picture::new(is_key, at_us, &[at_us as u8; 10])
    }

    fn times<'a>(pictures: impl IntoIterator<Item = &'a Picture>) -> Vec<u64> {
        pictures.into_iter().map(|p| p.at_us / S).collect()
    }

    #[test]
    fn a_viewer_that_comes_later_starts_with_the_last_key_frame() {
        let mut ring = Ring::default();
        ring.push(picture(false, 0));
        assert_eq!(ring.latest().count(), 0, "nothing can be decoded from it");
        for second in 1..=9 {
            ring.push(picture(second % 4 == 1, second * S));
        }
        assert_eq!(times(ring.latest()), [9]);
        ring.push(picture(false, 10 * S));
        assert_eq!(times(ring.latest()), [9, 10]);
        assert_eq!(ring.latest().next().unwrap().as_before()[0], KEY | BEFORE);
    }

    #[test]
    fn what_a_clip_needs_is_kept_and_no_more() {
        let mut ring = Ring::default();
        for second in 0..60 {
            ring.push(picture(second % 4 == 0, second * S));
        }
        assert_eq!(
            times(&ring.since(49 * S)),
            (48..60).collect::<Vec<_>>(),
            "from the key frame before"
        );
        assert_eq!(ring.since(0)[0].at_us, 44 * S, "12 s and a group of pictures at most");
        ring.reformat(Arc::new(Format {
            codec: String::new(),
            description: String::new(),
            width: 1,
            height: 1,
        }));
        assert_eq!(ring.since(0), []);
    }

    #[test]
    fn a_camera_that_sends_no_second_key_frame_fills_no_memory() {
        let mut ring = Ring::default();
        for n in 0..100 {
            ring.push(Picture::new(n == 0, n, &vec![0; 1 << 20]));
            assert!(ring.bytes <= KEPT_BYTES);
        }
    }

    #[test]
    fn slow_viewer_skips_to_a_key_frame_and_is_never_a_second_late() {
        let mut pace = Pace::default();
        assert!(!pace.passes(false, 0));
        assert!(pace.passes(true, 0) && pace.passes(false, S));
        assert!(!pace.passes(false, S + 1));
        assert!(!pace.passes(false, 0), "it misses what came before");
        assert!(!pace.passes(true, 2 * S), "a key frame that is old, too");
        assert!(pace.passes(true, 0));
        pace.gap();
        assert!(!pace.passes(false, 0));
    }

    #[test]
    fn a_picture_is_sent_as_the_player_reads_it() {
        let key = Picture::new(true, 0x0102_0304_0506_0708, b"unit");
        assert_eq!(&key.message[..], b"\x01\x01\x02\x03\x04\x05\x06\x07\x08unit");
        assert_eq!(key.unit(), b"unit");
    }
}
