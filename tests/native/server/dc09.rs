//! DC-09, byte by byte: frames that other implementations accept, and bytes that are no frames.

use buckler::{
    domain::{
        id::IncidentId,
        incident::{Quiet, Service},
        time::Timestamp,
    },
    server::dc09::codec::{
        Code, Cut, Format, Frame, Id, Key, MOST, NotAFrame, PAD, Qualifier, Signal, cut, naming,
    },
};
use proptest::prelude::*;

/// `0123456789ABCDEF` in hexadecimal digits, as receivers expect it.
const KEY: &str = "30313233343536373839414243444546";
const ALPHABET: &[u8; PAD] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcde";

fn key() -> Key {
    KEY.parse().unwrap()
}

fn frame(id: Id, sequence: u16, data: &str) -> Frame {
    Frame {
        id,
        sequence,
        receiver: Some("1".into()),
        line: "0".into(),
        account: Some("1234".into()),
        data: data.into(),
        extra: Vec::new(),
        at: None,
        sealed: false,
    }
}

fn help(service: Service, zone: u16) -> String {
    Code::new(Signal::Help(service), zone).encode(Format::AdmCid, "1234")
}

/// Frames that pysiaalarm 3.2.2 accepts.
fn golden() -> Vec<(&'static str, Frame)> {
    let restore =
        Code { qualifier: Qualifier::Restore, ..Code::new(Signal::Help(Service::Police), 1) };
    let at: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
    let police = frame(Id::AdmCid, 1, &help(Service::Police, 1));
    vec![
        ("\n0BED0029\"ADM-CID\"0001R1L0#1234[#1234|1120 00 001]\r", police.clone()),
        (
            "\nF65D0029\"ADM-CID\"0002R1L0#1234[#1234|1110 00 002]\r",
            frame(Id::AdmCid, 2, &help(Service::Fire, 2)),
        ),
        (
            "\nA2CD0029\"ADM-CID\"0003R1L0#1234[#1234|1100 00 003]\r",
            frame(Id::AdmCid, 3, &help(Service::Medical, 3)),
        ),
        (
            "\nABB60029\"ADM-CID\"0004R1L0#1234[#1234|1406 00 001]\r",
            frame(Id::AdmCid, 4, &Code::new(Signal::Cancel, 1).encode(Format::AdmCid, "1234")),
        ),
        (
            "\nCB140029\"ADM-CID\"0005R1L0#1234[#1234|3120 00 001]\r",
            frame(Id::AdmCid, 5, &restore.encode(Format::AdmCid, "1234")),
        ),
        ("\nE56A0015\"NULL\"0006R1L0#1234[]\r", frame(Id::Null, 6, "")),
        (
            "\n84A60028\"SIA-DCS\"0007R1L0#1234[#1234|Nri1/PA001]\r",
            frame(
                Id::SiaDcs,
                7,
                &Code::new(Signal::Help(Service::Police), 1).encode(Format::SiaDcs, "1234"),
            ),
        ),
        (
            "\n11FE0098\"*ADM-CID\"0001R1L0#1234[707641A423A7904CF44884719B8D25DF5523413BE9A70E90B3933B70A9D49ACED117A838A574EE0EBDC35E6D32B81C20A2FBE284E1D2858520DFA6FA8FE4C41E\r",
            Frame { at: Some(at), sealed: true, ..police },
        ),
        (
            "\nEE7E0075\"*NULL\"0006R1L0#1234[707641A423A7904CF44884719B8D25DF2A5A89B555C1C89A820BCFE64249E3A2FA4C65B911E9A9FF34CC3B211274121F\r",
            Frame { at: Some(at), sealed: true, ..frame(Id::Null, 6, "") },
        ),
    ]
}

#[test]
fn frames_are_written_and_read_as_others_do() {
    let key = key();
    for (bytes, frame) in golden() {
        let sealed = frame.sealed.then_some((&key, ALPHABET));
        assert_eq!(String::from_utf8(frame.encode(sealed)).unwrap(), bytes);
        assert_eq!(Frame::decode(bytes.as_bytes(), |_| Some(&key)), Ok(frame));
        assert_eq!(cut(bytes.as_bytes()), Cut::Frame(bytes.len()));
    }
}

#[test]
fn every_length_of_key_hides_and_another_key_opens_nothing() {
    for digits in [32, 48, 64] {
        let key: Key = "7F".repeat(digits / 2).parse().unwrap();
        let other: Key = "3C".repeat(digits / 2).parse().unwrap();
        let frame = Frame {
            sealed: true,
            at: Some("2026-11-26T09:00:00Z".parse().unwrap()),
            ..frame(Id::AdmCid, 9999, "#1234|1120 00 001")
        };
        let bytes = frame.encode(Some((&key, ALPHABET)));
        assert_eq!(Frame::decode(&bytes, |_| Some(&key)), Ok(frame.clone()));
        assert_eq!(Frame::decode(&bytes, |_| None), Err(NotAFrame::Key));
        // With another key the frame decodes to noise, or at least to another time.
        assert_ne!(Frame::decode(&bytes, |_| Some(&other)), Ok(frame));
    }
    for wrong in ["", "zz", "0123", &"0".repeat(33), "0123456789ABCDEF"] {
        assert!(wrong.parse::<Key>().is_err(), "{wrong}");
    }
    assert_eq!(format!("{:?}", key()), "Key(128 bits)");
}

#[test]
fn a_nak_is_understood_in_each_of_its_shapes_and_tells_the_time() {
    let body = |text: &str| {
        let sum = crc::Crc::<u16>::new(&crc::CRC_16_ARC).checksum(text.as_bytes());
        format!("\n{sum:04X}0{:03X}{text}\r", text.len())
    };
    for text in [
        "\"NAK\"0000R0L0A0[]_07:00:00,11-26-2026",
        "\"NAK\"0000L0R0A0[]_07:00:00,11-26-2026",
        "\"NAK\"0000R1L0#A0[]_07:00:00,11-26-2026",
        "\"NAK\"0000L0A0[]_07:00:00,11-26-2026",
    ] {
        let nak = Frame::decode(body(text).as_bytes(), |_| None)
            .unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(
            (nak.id, nak.at.map(|at| at.to_string())),
            (Id::Nak, Some("2026-11-26T07:00:00.000Z".into()))
        );
    }
    let late = golden()[7].1.answer(Id::Nak, "2026-11-26T07:00:00Z".parse().unwrap());
    assert_eq!(
        String::from_utf8(late.encode(None)).unwrap(),
        body("\"NAK\"0000R1L0A0[]_07:00:00,11-26-2026")
    );
}

#[test]
fn events_are_understood_as_panels_write_them() {
    use Qualifier::{New, Restore};
    let cid = |text| Code::decode(Format::AdmCid, text);
    let one = |qualifier, signal, zone| vec![Code { qualifier, signal, zone }];
    assert_eq!(cid("#1234|1120 00 001"), one(New, Signal::Help(Service::Police), 1));
    assert_eq!(cid("1234|112000001"), one(New, Signal::Help(Service::Police), 1));
    assert_eq!(cid("#1234|3110 01 017"), one(Restore, Signal::Help(Service::Fire), 17));
    assert_eq!(cid("#1234|1121 00 003"), one(New, Signal::Quiet(Quiet::Duress), 3));
    assert_eq!(cid("#1234|1130 00 003"), one(New, Signal::NotServed, 3));
    assert_eq!((cid("#1234|9120 00 001"), cid("#1234|1120"), cid("")), (vec![], vec![], vec![]));
    let sia = |text| Code::decode(Format::SiaDcs, text);
    assert_eq!(sia("#1234|Nri1/PA001"), one(New, Signal::Help(Service::Police), 1));
    assert_eq!(sia("#1234|NPA001"), one(New, Signal::Help(Service::Police), 1));
    assert_eq!(
        sia("#1234|Nti12:30/id17/ri1/FA002/MA003"),
        [Code::new(Signal::Help(Service::Fire), 2), Code::new(Signal::Help(Service::Medical), 3)]
    );
    assert_eq!(sia("#1234|OOC001"), one(New, Signal::Cancel, 1));
    assert_eq!(sia("#1234|Nri1/OC001"), one(New, Signal::Cancel, 1));
    assert_eq!(sia("#1234|PH001"), one(Restore, Signal::Help(Service::Police), 1));
}

/// D1: text is enclosed in `^` or follows `*`, and a word is not a code.
#[test]
fn text_of_a_zone_is_never_a_code() {
    let sia = |text: &str| {
        Code::decode(Format::SiaDcs, text).into_iter().map(|code| code.signal).collect::<Vec<_>>()
    };
    for text in [
        "#1234|Nri1/OP001^FRONT/PATIO^",
        "#1234|Nri1/CL501^KITCHEN/MAIN^",
        "#1234|Nri1/OP001^HALL/PA001^",
        "#1234|Nri1/OP001^A|PA001^",
        "#1234|Nri1/OP001^FRONT/FA 1",
        "#1234|Nri1/OP001*HALL/PA001",
        "#1234|Nri1/OP001*HALL^/PA001^",
        "#1234|Nri1/OP001 FRONT/PATIO",
        "#1234|Nri1/CL01/MAINTENANCE",
    ] {
        assert_eq!(sia(text), [Signal::NoEmergency], "{text}");
    }
    let police = [Signal::Help(Service::Police)];
    for text in [
        "#1234|Nti19:44/id1/PA0001",
        "#1234|Nri1/PA001^FRONT*DOOR^",
        "#1234|Nri1/PA001*FRONT",
        "#1234|Nri1/PA",
        "#1234|NPA",
    ] {
        assert_eq!(sia(text), police, "{text}");
    }
    assert_eq!(
        sia("#1234|Nri1/OP001^HALL^/PA002"),
        [Signal::NoEmergency, Signal::Help(Service::Police)],
        "what follows the text counts"
    );
}

/// D5: DC-05's fire family is 110 to 118; DC-03 has fire, heat, sprinkler and gas.
#[test]
fn rare_fire_codes_are_fire() {
    let fire = [Signal::Help(Service::Fire)];
    let signals = |format, text: &str| {
        Code::decode(format, text).into_iter().map(|code| code.signal).collect::<Vec<_>>()
    };
    for code in (110..=118).chain([151, 162]) {
        assert_eq!(signals(Format::AdmCid, &format!("#1234|1{code} 00 001")), fire, "{code}");
    }
    for code in ["FA", "KA", "SA", "GA"] {
        assert_eq!(signals(Format::SiaDcs, &format!("#1234|Nri1/{code}001")), fire, "{code}");
    }
    for restore in ["FH", "KH", "SH", "GH"] {
        assert_eq!(
            Code::decode(Format::SiaDcs, &format!("#1234|Nri1/{restore}001"))[0].qualifier,
            Qualifier::Restore,
            "{restore}"
        );
    }
}

/// D6: codes that are not alarms are told apart from alarms to which nobody can be sent.
#[test]
fn codes_that_are_no_emergency_are_told_apart() {
    let signals = |format, text: &str| {
        Code::decode(format, text).into_iter().map(|code| code.signal).collect::<Vec<_>>()
    };
    for code in ["1401", "3401", "1302", "1301", "1570", "1627", "1305", "3144"] {
        let expected = if code == "3144" { Signal::NotServed } else { Signal::NoEmergency };
        assert_eq!(signals(Format::AdmCid, &format!("#1234|{code} 00 001")), [expected], "{code}");
    }
    for code in ["CL501", "OP001", "OA001", "CA001", "RP", "YT000", "BB002"] {
        let expected = if code == "RP" { Signal::Test } else { Signal::NoEmergency };
        assert_eq!(signals(Format::SiaDcs, &format!("#1234|Nri1/{code}")), [expected], "{code}");
    }
    for code in ["BA001", "TA001", "WA001"] {
        assert_eq!(
            signals(Format::SiaDcs, &format!("#1234|Nri1/{code}")),
            [Signal::NotServed],
            "{code}"
        );
    }
}

#[test]
fn duress_and_silent_hold_up_are_quiet() {
    let signal = |format, text: &str| Code::decode(format, text)[0].signal;
    for code in ["1121", "1124", "1125"] {
        assert_eq!(
            signal(Format::AdmCid, &format!("#1234|{code} 00 001")),
            Signal::Quiet(Quiet::Duress)
        );
    }
    assert_eq!(signal(Format::AdmCid, "#1234|1122 00 001"), Signal::Quiet(Quiet::HoldUp));
    assert_eq!(signal(Format::SiaDcs, "#1234|Nri1/HA001"), Signal::Quiet(Quiet::HoldUp));
    for (quiet, cid) in [(Quiet::Duress, "#1234|1121 00 001"), (Quiet::HoldUp, "#1234|1122 00 001")]
    {
        assert_eq!(Code::new(Signal::Quiet(quiet), 1).encode(Format::AdmCid, "1234"), cid);
        assert_eq!(
            Code::new(Signal::Quiet(quiet), 1).encode(Format::SiaDcs, "1234"),
            "#1234|Nri1/HA001"
        );
    }
}

/// Code 607 begins a walk test, which may take the account out of service.
#[test]
fn practice_is_a_manual_test() {
    assert_eq!(Code::new(Signal::Test, 1).encode(Format::AdmCid, "1234"), "#1234|1601 00 001");
    assert_eq!(Code::new(Signal::Test, 1).encode(Format::SiaDcs, "1234"), "#1234|Nri1/RX001");
}

#[test]
fn frames_are_found_in_pieces_and_beside_noise() {
    let two = format!("{}{}", golden()[0].0, golden()[5].0);
    let first = golden()[0].0.len();
    assert_eq!(cut(two.as_bytes()), Cut::Frame(first), "one frame an answer");
    for end in 1..first {
        assert_eq!(cut(&two.as_bytes()[..end]), Cut::More, "{end}");
    }
    assert_eq!(cut(format!("GET / HTTP/1.1{two}").as_bytes()), Cut::Noise(14));
    assert_eq!(
        cut(format!("\n0BED00{two}").as_bytes()),
        Cut::Noise(7),
        "half of one, and then another"
    );
    assert_eq!(cut(b"\n\r"), Cut::Frame(2), "what some answer to a wrong check sum");
    assert_eq!(Frame::decode(b"\n\r", |_| None), Err(NotAFrame::Shape));
    assert_eq!((cut(b""), cut(&[b'\n'; 3])), (Cut::More, Cut::Noise(2)));
    let endless = [b"\n".as_slice(), &vec![b'A'; MOST]].concat();
    assert_eq!(cut(&endless), Cut::Noise(endless.len()));
}

#[test]
fn what_is_damaged_is_no_frame() {
    let good = golden()[0].0;
    let decode = |text: &str| Frame::decode(text.as_bytes(), |_| None).map(drop);
    assert_eq!(decode(&good.replace("001]", "002]")), Err(NotAFrame::Sum));
    assert_eq!(decode(&good.replace("001]", "01]")), Err(NotAFrame::Length));
    assert_eq!(decode(&good.replace('\r', "")), Err(NotAFrame::Shape));
    assert_eq!(decode(golden()[7].0), Err(NotAFrame::Key));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_cut_and_read_without_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200), good in 0..9_usize, at in 0..150_usize) {
        let key = key();
        let golden = golden();
        let damaged = {
            let mut text = golden[good].0.as_bytes().to_vec();
            for (n, byte) in bytes.iter().enumerate().take(4) {
                let place = (at + n * 37) % text.len();
                text[place] = *byte;
            }
            text
        };
        for bytes in [&bytes, &damaged] {
            let mut rest = &bytes[..];
            loop {
                match cut(rest) {
                    Cut::Frame(length) => {
                        let _ = Frame::decode(&rest[..length], |_| Some(&key)).map(|frame| {
                            (Code::decode(Format::AdmCid, &frame.data), Code::decode(Format::SiaDcs, &frame.data))
                        });
                        rest = &rest[length..];
                    }
                    Cut::Noise(length) => {
                        prop_assert!(length > 0);
                        rest = &rest[length..];
                    }
                    Cut::More => break,
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read(sequence in 1..=9_999_u16, account in "[0-9A-F]{3,16}", zone in 0..999_u16, extra in prop::collection::vec("[A-Z][ -Z]{0,40}", 0..4), seconds in 0..4_000_000_000_u64, sealed: bool, pad in "[A-Za-z0-9]{31}") {
        let key = key();
        let frame = Frame {
            id: Id::SiaDcs,
            sequence,
            receiver: Some("A1".into()),
            line: "0".into(),
            data: Code::new(Signal::Help(Service::Fire), zone).encode(Format::SiaDcs, &account),
            account: Some(account),
            extra,
            at: Some(Timestamp::from_millis(seconds * 1_000)),
            sealed,
        };
        let pad: [u8; PAD] = pad.as_bytes().try_into().unwrap();
        let bytes = frame.encode(sealed.then_some((&key, &pad)));
        prop_assert_eq!(Frame::decode(&bytes, |_| Some(&key)), Ok(frame));
    }
}

/// I24: the x-data that names the sender's incident has its letter and its length, and what cannot be
/// read names none.
#[test]
fn incident_of_a_frame_is_read_and_anything_else_is_ignored() {
    let id: IncidentId = "7b0f7f0e-7f66-4b8e-9d53-000000000001".parse().unwrap();
    let with = |extra: &[&str]| Frame {
        extra: extra.iter().map(|&text| text.into()).collect(),
        ..frame(Id::AdmCid, 1, &help(Service::Police, 1))
    };
    let named = naming(id, None);
    assert_eq!(named, "J{\"incident\":\"7b0f7f0e-7f66-4b8e-9d53-000000000001\"}");
    assert_eq!(named.len(), 52);
    let sent = with(&["TM", &named]);
    let again = Frame::decode(&sent.encode(None), |_| None).unwrap();
    assert_eq!((again.incident(), &again), (Some(id), &sent));
    let request = uuid::Uuid::from_u128(7);
    let named = naming(id, Some(request));
    assert_eq!((named.len(), with(&[&named]).request()), (101, Some(request)));
    assert_eq!(with(&[&named]).incident(), Some(id));
    let spaced =
        "J{\"incident\": \"7b0f7f0e-7f66-4b8e-9d53-000000000001\", \"city\": \"New York\"}";
    assert_eq!(with(&[spaced]).incident(), Some(id), "as others write it");
    let long = format!("J{{\"more\":\"{}\",{}", "x".repeat(300), &named[2..]);
    for none in
        ["TM", "J", "J{}", "J[1]", "J{\"incident\":7}", "J{\"incident\":\"seven\"}", "Junk", &long]
    {
        assert_eq!(with(&[none]).incident(), None, "{none}");
    }
}
