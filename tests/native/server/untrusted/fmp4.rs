//! Fragmented MP4 of what a camera sends: its decoder configuration and its pictures.

use super::draw::Draw;
use buckler::server::cameras::{Fmp4, Format};
use data_encoding::BASE64;

/// A decoder configuration record (ISO/IEC 14496-15) of 240 × 160 pixels.
pub(super) const RECORD: &str = "AULAHv/hABVnQsAe2QPFaEAAAAMAQAAADAPFi5IBAARoy4yy";
/// The bytes of an initialization segment, and of a fragment, beside what the camera sent.
const SEGMENT_MOST: usize = 2_048;
/// The bytes of a fragment for each picture, beside the picture.
const PICTURE_MOST: usize = 64;

/// The boxes of a file (ISO/IEC 14496-12, 4.2), which fill it exactly.
pub(super) fn boxes(mut file: &[u8]) -> Vec<(String, &[u8])> {
    let mut boxes = Vec::new();
    while !file.is_empty() {
        let size = file.first_chunk().map_or(0, |size| u32::from_be_bytes(*size) as usize);
        assert!((8..=file.len()).contains(&size), "a box of {size} bytes in {}", file.len());
        let (one, rest) = file.split_at(size);
        boxes.push((String::from_utf8_lossy(&one[4..8]).into_owned(), &one[8..]));
        file = rest;
    }
    boxes
}

fn names(file: &[u8]) -> Vec<String> {
    boxes(file).into_iter().map(|(name, _)| name).collect()
}

/// Any configuration and any pictures make a file whose boxes fit, or an error.
pub fn film(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let usual = BASE64.decode(RECORD.as_bytes()).expect("base64");
    let record = if draw.yes() { draw.damaged(&usual) } else { usual };
    let codec = if draw.below(8) == 7 { draw.text() } else { "avc1.42c01e".into() };
    let description = if draw.below(8) == 7 { draw.text() } else { BASE64.encode(&record) };
    let (width, height) = match draw.below(4) {
        0 => (draw.number() as u32, draw.number() as u32),
        _ => (240, 160),
    };
    let length = record.len().max(description.len());
    let Ok((mut fmp4, beginning)) = Fmp4::begin(&Format { codec, description, width, height })
    else {
        return;
    };
    assert_eq!(names(&beginning), ["ftyp", "moov"]);
    assert!(beginning.len() <= length * 2 + SEGMENT_MOST);
    let (mut at_us, mut pictures) = (draw.number(), Vec::new());
    while !draw.is_over() {
        at_us = match draw.below(4) {
            0 => draw.number(),
            _ => at_us.saturating_add(40_000),
        };
        let mut message = vec![draw.byte()];
        message.extend(at_us.to_be_bytes());
        message.extend(draw.bytes());
        if draw.below(16) == 15 {
            message.truncate(draw.below(10));
        }
        if fmp4.add_message(&message).is_ok() {
            pictures.push(message[9..].to_vec());
        }
        assert_eq!(fmp4.waiting(), pictures.len(), "a picture that was refused waits for nothing");
        if draw.yes() {
            fragment(&mut fmp4, &mut pictures);
        }
    }
    fragment(&mut fmp4, &mut pictures);
}

/// A fragment has exactly the pictures that were added, in their order.
fn fragment(fmp4: &mut Fmp4, pictures: &mut Vec<Vec<u8>>) {
    let fragment = fmp4.fragment();
    let all = pictures.concat();
    assert!(fragment.len() <= all.len() + SEGMENT_MOST + PICTURE_MOST * pictures.len());
    if pictures.is_empty() {
        assert!(fragment.is_empty());
    } else {
        let boxes = boxes(&fragment);
        assert_eq!(names(&fragment), ["moof", "mdat"]);
        assert_eq!(boxes[1].1, all);
    }
    pictures.clear();
    assert_eq!((fmp4.waiting(), fmp4.fragment().len()), (0, 0));
}

#[cfg(test)]
mod tests {
    use super::{
        super::{bytes, cases},
        *,
    };
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(2_000))]

        #[test]
        fn film_of_any_pictures_has_boxes_that_fit(bytes in bytes(1_000)) {
            film(&bytes);
        }
    }

    fn begin() -> Fmp4 {
        let (width, height) = (240, 160);
        let (codec, description) = ("avc1.42c01e".into(), RECORD.into());
        Fmp4::begin(&Format { codec, description, width, height }).unwrap().0
    }

    #[test]
    fn refused_picture_waits_for_no_fragment() {
        let mut fmp4 = begin();
        fmp4.add(true, 1, b"0").unwrap();
        fmp4.add(false, 2_000_000, b"1").unwrap();
        assert!(fmp4.add(false, 1_000_000, b"2").is_err());
        assert_eq!(fmp4.waiting(), 2);
    }

    /// The clock of a machine without a battery begins in 1970.
    #[test]
    fn clock_that_is_set_late_does_not_stop_a_film() {
        let mut fmp4 = begin();
        for at_us in [0, 40_000, 1_795_435_200_000_000, u64::MAX] {
            fmp4.add(true, at_us, b"unit").unwrap();
        }
        assert_eq!(names(&fmp4.fragment()), ["moof", "mdat"]);
    }
}
