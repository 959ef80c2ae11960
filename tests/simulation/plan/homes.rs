//! The homes of a simulated world.

use crate::dice::Dice;
use buckler::domain::{
    contact::{Contact, Readiness},
    device::{Device, DeviceKind},
    home::{Address, Enrolment, Home, Settings, Subscription},
};

/// The home with that number.
pub fn home(n: usize, dice: &mut Dice) -> Home {
    let devices = match dice.chance(75) {
        true => vec![device("base", DeviceKind::BaseStation), device("hall", DeviceKind::Keypad)],
        false => Vec::new(),
    };
    let new = Home::new(format!("home-{n}").parse().unwrap(), format!("Home {n}"), "UTC".into());
    Home {
        address: Some(Address {
            line1: "1 Elm Road".into(),
            line2: None,
            city: "Springfield".into(),
            region: "OR".into(),
            postal_code: "97477".into(),
            country: "US".into(),
        }),
        subscription: Subscription { sos_for_cameras: Enrolment::Enrolled, ..new.subscription },
        settings: Settings {
            countdown_s: dice.pick(&[5, 5, 5, 8, 15]),
            siren_duration_s: dice.pick(&[600, 60, 120]),
            ..Settings::default()
        },
        devices,
        contacts: (0..dice.below(4) as u8).map(|c| contact(c, dice.chance(10))).collect(),
        ..new
    }
}

fn device(id: &str, kind: DeviceKind) -> Device {
    Device { id: id.parse().unwrap(), kind, model: "alarm".into(), name: id.into() }
}

/// A home with everything that an incident can use.
pub fn full() -> Home {
    let home = home(0, &mut Dice::new(0, "full"));
    let devices = vec![device("base", DeviceKind::BaseStation)];
    Home { devices, contacts: (0..3).map(|n| contact(n, false)).collect(), ..home }
}

/// The contact with that number.
pub fn contact(number: u8, opted_out: bool) -> Contact {
    Contact {
        readiness: if opted_out { Readiness::OptedOut } else { Readiness::Accepted },
        ..Contact::new(
            format!("contact-{number}").parse().unwrap(),
            format!("Contact {number}"),
            format!("+150355501{number:02}"),
        )
    }
}
