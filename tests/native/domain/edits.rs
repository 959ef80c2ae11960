//! Which changes owners may make to a home, and which are refused.

use super::story::home;
use buckler::{
    domain::{
        camera::{CameraKind, StreamAddress},
        contact::Readiness,
        device::DeviceKind,
        home::{
            Address, Enrolment, Home,
            edit::{
                AsksPassword, ErrorCode, FieldError, FieldErrors, WrittenCamera, WrittenContact,
            },
        },
        id::ContactId,
    },
    server::{presenters::problem::sentence, reach::Reach},
    view::household::fault,
};

fn said(wrongs: Result<(), FieldErrors>) -> Vec<(String, ErrorCode)> {
    wrongs
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|FieldError { field, fault }| (field, fault))
        .collect()
}

fn contact(id: Option<&str>, name: &str, phone: Option<&str>) -> WrittenContact {
    WrittenContact {
        id: id.map(|id| id.parse().unwrap()),
        name: name.into(),
        phone: phone.map(Into::into).ok_or(ErrorCode::NotAPhoneNumber),
    }
}

#[test]
fn every_wrong_field_is_named_at_once_and_nothing_changes() {
    let (mut edited, before) = (home(), home());
    let nowhere = Address {
        line1: "  ".into(),
        line2: Some(" ".into()),
        city: "x".repeat(101),
        region: String::new(),
        postal_code: "1".into(),
        country: "USA".into(),
    };
    assert_eq!(
        said(edited.move_to(&nowhere)),
        [
            ("country".into(), ErrorCode::NotACountry),
            ("line1".into(), ErrorCode::Missing),
            ("city".into(), ErrorCode::TooLong)
        ]
    );
    assert_eq!(edited, before);
}

/// Security 15: it goes into every incident, in every country.
#[test]
fn region_has_no_control_characters_and_a_length() {
    for region in ["Be\u{1b}[2Jrlin", &"x".repeat(101)] {
        let nowhere = Address {
            line1: "1 Elm Road".into(),
            line2: None,
            city: "Berlin".into(),
            region: region.into(),
            postal_code: "10115".into(),
            country: "de".into(),
        };
        assert_eq!(said(home().move_to(&nowhere)), [("region".into(), ErrorCode::TooLong)]);
    }
}

#[test]
fn an_address_is_taken_without_what_surrounds_it() {
    let mut home = home();
    let written = Address {
        line1: " 1 Elm Road ".into(),
        line2: Some(" ".into()),
        city: "Berlin".into(),
        region: String::new(),
        postal_code: "10115".into(),
        country: "de".into(),
    };
    home.move_to(&written).unwrap();
    let address = home.address.unwrap();
    assert_eq!(
        (address.line1.as_str(), address.line2, address.country.as_str()),
        ("1 Elm Road", None, "DE")
    );
}

/// R10, R19.
#[test]
fn settings_out_of_bounds_are_refused() {
    let mut home = home();
    assert_eq!(
        said(home.settle(4, 59, true)),
        [
            ("countdown_s".into(), ErrorCode::OutOfBounds),
            ("siren_duration_s".into(), ErrorCode::OutOfBounds)
        ]
    );
    assert_eq!(said(home.settle(16, 601, true)).len(), 2);
    home.settle(15, 60, true).unwrap();
    assert_eq!((home.settings.countdown_s, home.settings.siren_duration_s), (15, 60));
}

#[test]
fn contacts_keep_their_consent_only_with_their_number() {
    let mut home = home();
    let known = home.contacts[0].clone();
    let kept = contact(Some(known.id.as_str()), "Big sister", Some(&known.phone));
    let moved = contact(Some(home.contacts[1].id.as_str()), "Neighbor", Some("+15035550199"));
    home.set_contacts(&[moved, kept, contact(None, "Zoë!", Some("+15035550142"))]).unwrap();
    let told: Vec<_> =
        home.contacts.iter().map(|c| (c.id.as_str(), c.name.as_str(), c.readiness)).collect();
    assert_eq!(told[1], (known.id.as_str(), "Big sister", Readiness::Accepted));
    assert_eq!(told[0].2, Readiness::Invited, "who has a new number is asked anew");
    assert_eq!(told[2], ("zo", "Zoë!", Readiness::Invited));
}

#[test]
fn contacts_are_two_to_ten_people_with_a_telephone_each() {
    let mut home = home();
    let one = contact(None, "", None);
    assert_eq!(
        said(home.set_contacts(std::slice::from_ref(&one))),
        [
            ("contacts".into(), ErrorCode::TooFew),
            ("contacts[0].name".into(), ErrorCode::Missing),
            ("contacts[0].phone".into(), ErrorCode::NotAPhoneNumber)
        ]
    );
    let same: Vec<_> =
        (0..11).map(|n| contact(None, &format!("Same {n}"), Some("+15035550142"))).collect();
    let faults = said(home.set_contacts(&same));
    assert_eq!(
        (faults.len(), &faults[0].1, &faults[1]),
        (11, &ErrorCode::TooMany, &("contacts[1].phone".to_owned(), ErrorCode::Twice))
    );
}

#[test]
fn contact_that_is_given_twice_is_refused() {
    let (mut edited, before) = (home(), home());
    let id = Some(before.contacts[0].id.as_str());
    let twice = [
        contact(id, "Sister", Some("+15035550141")),
        contact(id, "Sister at work", Some("+15035550142")),
    ];
    assert_eq!(said(edited.set_contacts(&twice)), [("contacts[1].id".into(), ErrorCode::Twice)]);
    assert_eq!(edited, before);
}

#[test]
fn two_new_contacts_of_one_name_are_two() {
    let mut home = home();
    home.set_contacts(&[
        contact(None, "Ann", Some("+15035550141")),
        contact(None, "Ann", Some("+15035550142")),
    ])
    .unwrap();
    let ids: Vec<&ContactId> = home.contacts.iter().map(|c| &c.id).collect();
    assert_eq!(ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["ann", "ann-2"]);
}

/// R2, R15.
#[test]
fn enrolling_needs_all_that_it_promises() {
    let mut home = home();
    home.end_enrolment();
    home.cameras.iter_mut().for_each(|c| c.sos_compatible = false);
    (home.address, home.verbal_password) = (None, None);
    home.contacts.truncate(1);
    let fields: Vec<String> =
        said(home.enroll(AsksPassword::Yes)).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["cameras", "address", "contacts", "verbal_password"]);
    assert_eq!(home.subscription.sos_for_cameras, Enrolment::NotEnrolled);
}

/// R15: a thief of an owner's account switched it off, and called help off as a contact.
#[test]
fn need_for_the_verbal_password_ends_only_with_it() {
    let (given, not_given) = (AsksPassword::No { given: true }, AsksPassword::No { given: false });
    let refused = [("verbal_password".to_owned(), ErrorCode::NotRight)];
    let mut home = Home { verbal_password: Some("a hash".into()), ..home() };
    home.enroll(not_given).unwrap();
    assert!(home.verbal_password_required(), "the base station needs it");
    home.remove_device(&"keypad".parse().unwrap());
    assert!(!home.settings.verbal_password_required, "which the choice for cameras survives");
    home.remove_device(&"base".parse().unwrap());
    assert!(home.verbal_password_required(), "nor does it end with the base station");
    let before = home.clone();
    assert_eq!(said(home.enroll(not_given)), refused);
    assert_eq!(home, before);
    home.enroll(given).unwrap();
    assert!(!home.verbal_password_required());
    home.enroll(not_given).unwrap();
    let mut free = Home { verbal_password: None, ..before };
    free.enroll(not_given).unwrap();
    assert!(!free.verbal_password_required(), "where none is set, there is nothing to give");
}

#[test]
fn a_home_has_one_base_station_and_names_that_differ() {
    let mut home = home();
    let again = home.add_device(DeviceKind::BaseStation, "alarm", "Another").map(drop);
    assert_eq!(said(again), [("kind".into(), ErrorCode::OnlyOne)]);
    let first = home.add_device(DeviceKind::Keypad, "keypad", "Front door").unwrap();
    let written = WrittenCamera {
        name: "Front Door".into(),
        sos_compatible: true,
        has_siren: false,
        stream: String::new(),
        small: String::new(),
        keep: Default::default(),
    };
    let second = home.add_camera(CameraKind::Camera, &written, &|_| Ok(())).unwrap();
    assert_ne!(first.as_str(), second.as_str(), "devices and cameras share their names");
}

fn read(text: &str) -> Result<StreamAddress, ErrorCode> {
    let address: StreamAddress = text.parse()?;
    Reach::default().judge_host(address.host_name())?;
    Ok(address)
}

#[test]
fn what_was_kept_is_read_whatever_is_thought_of_it_since() {
    let kept: StreamAddress = serde_json::from_str("\"rtsps://8.8.8.8/a\"").unwrap();
    assert_eq!(kept.host(), "8.8.8.8");
}

#[test]
fn a_stream_is_in_the_house_and_shows_no_password() {
    let good = [
        "rtsp://front-door:322/h264?channel=1",
        "rtsp://front-door.local:554/a",
        "rtsp://camera/1",
    ];
    for address in good {
        assert_eq!(read(address).as_ref().map(StreamAddress::as_str), Ok(address));
    }
    let bad = [
        ("http://192.168.1.20/", ErrorCode::NotAStream),
        ("rtsps://10.0.0.7:322/h264", ErrorCode::NotAStream),
        ("rtsp://", ErrorCode::NotAStream),
        ("rtsp://:554/a", ErrorCode::NotAStream),
        ("rtsp://camera:port/a", ErrorCode::NotAStream),
        ("rtsp://ca mera/a", ErrorCode::NotAStream),
        ("rtsp://admin:secret@192.168.1.20/", ErrorCode::HasCredentials),
        ("rtsp://8.8.8.8/a", ErrorCode::NotPrivate),
        ("rtsp://169.254.169.254.example.org/a", ErrorCode::NotPrivate),
        ("rtsp://0x08080808/a", ErrorCode::NotPrivate),
        ("rtsp://134744072/a", ErrorCode::NotPrivate),
        ("rtsp://[2001:4860:4860::8888]/a", ErrorCode::NotPrivate),
        ("rtsp://127.0.0.1:8554/a", ErrorCode::NotAllowed),
        ("rtsp://[::1]:8554/a", ErrorCode::NotAllowed),
        ("rtsp://localhost:8554/a", ErrorCode::NotAllowed),
        ("rtsp://169.254.169.254/a", ErrorCode::NotAllowed),
        ("rtsp://example.org/a", ErrorCode::NotPrivate),
    ];
    for (address, fault) in bad {
        assert_eq!(read(address), Err(fault), "{address}");
    }
}

#[test]
fn every_fault_says_in_the_app_what_the_server_says() {
    let all = [
        ErrorCode::Missing,
        ErrorCode::TooLong,
        ErrorCode::NotACountry,
        ErrorCode::NotAPhoneNumber,
        ErrorCode::HasExtension,
        ErrorCode::Twice,
        ErrorCode::TooFew,
        ErrorCode::TooMany,
        ErrorCode::OutOfBounds,
        ErrorCode::NotRight,
        ErrorCode::TooShort,
        ErrorCode::EasilyGuessed,
        ErrorCode::AnotherCamera,
        ErrorCode::NotAStream,
        ErrorCode::NotPrivate,
        ErrorCode::NotAllowed,
        ErrorCode::HasCredentials,
        ErrorCode::NotAnEmail,
        ErrorCode::NotAccepted,
        ErrorCode::Known,
        ErrorCode::LastOwner,
        ErrorCode::OnlyOne,
        ErrorCode::NoCompatibleCamera,
        ErrorCode::PlanRequired,
    ];
    for one in all {
        assert_eq!(fault(one).english(), sentence(one));
    }
}
