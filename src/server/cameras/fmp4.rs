//! The same pictures as fragmented MP4 (ISO/IEC 14496-12), for browsers that cannot decode single
//! pictures, and for files.

use super::picture::{Format, HEAD};
use data_encoding::BASE64;
use muxide::fragmented::{FragmentConfig, FragmentedMuxer};
use std::io;

/// Ticks per second.
const TIMESCALE: u32 = 90_000;

/// A fmp4 that grows by fragments.
pub struct Fmp4 {
    muxer: FragmentedMuxer,
    first_us: Option<u64>,
    waiting: usize,
}

impl Fmp4 {
    /// Creates an empty fmp4 of pictures with this format. Returns it with its initialization
    /// segment.
    ///
    /// # Errors
    /// Pictures that are not H.264, or a format without a decoder configuration.
    pub fn begin(format: &Format) -> io::Result<(Self, Vec<u8>)> {
        if !format.codec.starts_with("avc1") {
            return Err(io::Error::other("only H.264 is put into films"));
        }
        let record = BASE64.decode(format.description.as_bytes()).map_err(io::Error::other)?;
        let missing = || io::Error::other("the camera does not say how its pictures are decoded");
        let mut config = FragmentConfig::new(format.width, format.height, TIMESCALE);
        (config.sps, config.pps) = parameters(&record).ok_or_else(missing)?;
        let mut muxer = FragmentedMuxer::new(config).map_err(io::Error::other)?;
        let beginning = muxer.init_segment();
        Ok((Self { muxer, first_us: None, waiting: 0 }, beginning))
    }

    /// Adds a picture.
    ///
    /// # Errors
    /// A picture that is older than the last one.
    pub fn add(&mut self, is_key: bool, at_us: u64, unit: &[u8]) -> io::Result<()> {
        let first_us = *self.first_us.get_or_insert(at_us);
        let at = ticks(at_us.saturating_sub(first_us));
        self.muxer.write_video(at, at, unit, is_key).map_err(io::Error::other)?;
        self.waiting += 1;
        Ok(())
    }

    /// Adds a picture in the format that is sent to viewers.
    ///
    /// # Errors
    /// A picture that is older than the last one, or a message that is no picture.
    pub fn add_message(&mut self, message: &[u8]) -> io::Result<()> {
        let (head, unit) =
            message.split_at_checked(HEAD).ok_or_else(|| io::Error::other("no picture"))?;
        let at_us = head[1..].try_into().map_or(0, u64::from_be_bytes);
        self.add(head[0] & 1 == 1, at_us, unit)
    }

    /// The number of pictures that are not in a fragment yet.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Returns the pictures that were added since the last call, as a fragment.
    pub fn fragment(&mut self) -> Vec<u8> {
        self.waiting = 0;
        self.muxer.flush_segment().unwrap_or_default()
    }
}

/// A duration in ticks. Exact, and without an overflow for the years by which a clock may jump that
/// was never set.
const fn ticks(us: u64) -> u64 {
    let per_second = TIMESCALE as u64;
    us / 1_000_000 * per_second + us % 1_000_000 * per_second / 1_000_000
}

/// The first SPS and PPS of a decoder's configuration record (ISO/IEC 14496-15, 5.3.3.1).
fn parameters(record: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let part = |at: usize| {
        let size = usize::from(u16::from_be_bytes(record.get(at..at + 2)?.try_into().ok()?));
        Some((record.get(at + 2..at + 2 + size)?.to_vec(), at + 2 + size))
    };
    let (sps, after) = part(6)?;
    let (pps, _) = part(after + 1)?;
    Some((sps, pps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::cameras::{demo_stream, picture::Picture};

    #[test]
    fn a_film_says_how_it_is_decoded_and_grows_by_fragments() {
        let demo = demo_stream::of("dock").unwrap();
        let (mut fmp4, beginning) = Fmp4::begin(&demo.format).unwrap();
        assert_eq!(&beginning[4..8], b"ftyp");
        let count =
            |file: &[u8], name: &[u8]| file.windows(4).filter(|window| *window == name).count();
        assert_eq!((count(&beginning, b"moov"), count(&beginning, b"avcC")), (1, 1));
        for n in 0..3 {
            let (is_key, unit) = demo.unit(n);
            fmp4.add_message(&Picture::new(is_key, 1_000_000 + n as u64 * 83_333, unit).message)
                .unwrap();
        }
        assert_eq!(fmp4.waiting(), 3);
        assert_eq!(
            (count(&fmp4.fragment(), b"moof"), fmp4.waiting(), fmp4.fragment().len()),
            (1, 0, 0)
        );
        assert!(fmp4.add_message(b"short").is_err());
        let with = |codec: &str, description: &str| {
            Fmp4::begin(&Format {
                codec: codec.into(),
                description: description.into(),
                ..Format::clone(&demo.format)
            })
        };
        assert!(
            with("hvc1.1", &demo.format.description).is_err() && with("avc1.42e01f", "").is_err()
        );
    }
}
