//! The cameras of the demo: short loops of H.264, embedded in the binary, whose pictures take the
//! path of a real camera's.

use super::picture::Format;
use data_encoding::{BASE64, HEXLOWER};
use std::{sync::Arc, time::Duration};

/// Pictures per second.
const RATE: u32 = 12;
const SIZE: (u32, u32) = (640, 360);

/// A loop.
pub struct DemoStream {
    /// The format of its pictures.
    pub format: Arc<Format>,
    units: Vec<(bool, Vec<u8>)>,
}

const STREET: &[u8] = include_bytes!("../../../assets/cameras/street.h264");
const DOOR: &[u8] = include_bytes!("../../../assets/cameras/door.h264");
const LAKE: &[u8] = include_bytes!("../../../assets/cameras/lake.h264");

/// The loop of the demo's camera of that name.
pub fn of(camera: &str) -> Option<DemoStream> {
    read(annex_b(camera)?)
}

/// A still of that camera, JPEG.
pub fn still(camera: &str) -> Option<&'static [u8]> {
    Some(match camera {
        "driveway" | "gate" => include_bytes!("../../../assets/cameras/street.jpg"),
        "front-door" | "hallway" | "porch" => include_bytes!("../../../assets/cameras/door.jpg"),
        "dock" => include_bytes!("../../../assets/cameras/lake.jpg"),
        _ => return None,
    })
}

fn annex_b(camera: &str) -> Option<&'static [u8]> {
    match camera {
        "driveway" | "gate" => Some(STREET),
        "front-door" | "hallway" | "porch" => Some(DOOR),
        "dock" => Some(LAKE),
        _ => None,
    }
}

impl DemoStream {
    /// The time between two pictures.
    pub const fn pause() -> Duration {
        Duration::from_nanos(1_000_000_000 / RATE as u64)
    }

    /// The picture with that number, which wraps around: whether it is a keyframe, and its access
    /// unit.
    pub fn unit(&self, number: usize) -> (bool, &[u8]) {
        let (is_key, unit) = &self.units[number % self.units.len()];
        (*is_key, unit)
    }
}

// Types of NAL units (ITU-T H.264, table 7-1).
const SLICE: u8 = 1;
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;

/// Reads a stream that has one slice per picture. Returns `None` if it is not one.
fn read(stream: &[u8]) -> Option<DemoStream> {
    let parts: Vec<&[u8]> = parts(stream);
    let kind = |part: &&[u8]| part.first().map(|head| head & 31);
    let find = |wanted| parts.iter().copied().find(|part| kind(part) == Some(wanted));
    let (sps, pps) = (find(SPS)?, find(PPS)?);
    let units = parts.iter().filter(|part| matches!(kind(part), Some(SLICE | IDR)));
    let units: Vec<_> = units.map(|part| (kind(part) == Some(IDR), sized::<4>(part))).collect();
    // ISO/IEC 14496-15, 5.3.3.1: lengths of four bytes, one SPS, one PPS.
    let mut record = vec![1, *sps.get(1)?, *sps.get(2)?, *sps.get(3)?, 0xff, 0xe1];
    record.extend(sized::<2>(sps));
    record.push(1);
    record.extend(sized::<2>(pps));
    let codec = format!("avc1.{}", HEXLOWER.encode(&record[1..4]));
    let format =
        Format { codec, description: BASE64.encode(&record), width: SIZE.0, height: SIZE.1 };
    (!units.is_empty()).then(|| DemoStream { format: Arc::new(format), units })
}

/// The NAL units between the start codes (ITU-T H.264, annex B).
fn parts(stream: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        stream.windows(3).enumerate().filter(|(_, w)| *w == [0, 0, 1]).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let part = &stream[start + 3..end];
            &part[..part.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)]
        })
        .collect()
}

fn sized<const BYTES: usize>(part: &[u8]) -> Vec<u8> {
    let size = (part.len() as u32).to_be_bytes();
    size[4 - BYTES..].iter().chain(part).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demo_loops_are_small_with_a_key_frame_first_and_each_second() {
        for camera in ["driveway", "front-door", "dock"] {
            let demo = of(camera).unwrap();
            let keys: Vec<usize> = (0..demo.units.len()).filter(|n| demo.unit(*n).0).collect();
            assert!(
                keys[0] == 0 && keys.windows(2).all(|pair| pair[1] - pair[0] <= RATE as usize),
                "{camera}: {keys:?}"
            );
            assert!(demo.units.len() >= 6 * RATE as usize, "{camera}");
            assert!(
                annex_b(camera).unwrap().len() <= 400_000
                    && still(camera).unwrap().starts_with(b"\xff\xd8"),
                "{camera}"
            );
            assert!(demo.format.codec.starts_with("avc1."), "{:?}", demo.format);
        }
        assert!(of("cellar").is_none());
    }

    #[test]
    fn start_codes_of_three_and_of_four_bytes_are_found() {
        assert_eq!(
            parts(&[0, 0, 0, 1, 7, 1, 0, 0, 1, 8, 2, 0, 0, 0, 1, 5]),
            [&[7, 1][..], &[8, 2], &[5]]
        );
        assert_eq!(sized::<2>(&[7, 8]), [0, 2, 7, 8]);
    }
}
