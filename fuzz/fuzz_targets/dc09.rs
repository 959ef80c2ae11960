//! Any bytes of a panel or a receiving center: cut into frames as they come, taken apart, answered,
//! and put together again. Nothing of it may panic, and what was understood must be understood
//! again.

#![no_main]

use buckler::{
    domain::time::Timestamp,
    server::dc09::codec::{Code, Cut, Format, Frame, Id, Key, MOST, WAITING_MOST, cut},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let key: Key = "30313233343536373839414243444546".parse().unwrap();
    let bytes = &bytes[..bytes.len().min(WAITING_MOST)];
    let mut at = 0;
    loop {
        match cut(&bytes[at..]) {
            Cut::More => break assert!(bytes.len() - at <= MOST),
            Cut::Noise(length) => {
                assert!(length > 0, "noise is never nothing");
                at += length;
            }
            Cut::Frame(length) => {
                look(&bytes[at..at + length], &key);
                at += length;
            }
        }
    }
});

fn look(bytes: &[u8], key: &Key) {
    let Ok(frame) = Frame::decode(bytes, |_| Some(key)) else { return };
    for format in [Format::AdmCid, Format::SiaDcs] {
        let _ = Code::decode(format, &frame.data);
    }
    let now = Timestamp::from_millis(1_795_435_200_000);
    for id in [Id::Ack, Id::Nak, Id::Duh] {
        let answer = frame.answer(id, now);
        let sealed = answer.sealed.then_some((key, b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE"));
        let again = Frame::decode(&answer.encode(sealed), |_| Some(key)).expect("an answer is a frame");
        assert_eq!(again.id, answer.id);
    }
}
