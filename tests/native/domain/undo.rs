//! Changes of the address and contacts can be undone for a day.

use super::story::{NOON, home, s};
use buckler::domain::{
    contact::Readiness,
    home::{
        Address, Home,
        edit::WrittenContact,
        undo::{NotUndone, Was},
    },
    id::UserId,
    time::Timestamp,
};

const HOUR: u64 = 3_600;

fn elm(number: u32) -> Address {
    Address {
        line1: format!("{number} Elm Road"),
        line2: None,
        city: "Salem".into(),
        region: "OR".into(),
        postal_code: "97301".into(),
        country: "US".into(),
    }
}

fn change(home: &mut Home, who: &str, now: Timestamp, edit: impl FnOnce(&mut Home)) {
    let before = home.clone();
    edit(home);
    home.note_changes(&before, &who.parse::<UserId>().unwrap(), who, now);
}

fn moves(home: &mut Home, who: &str, now: Timestamp, to: u32) {
    change(home, who, now, |home| home.move_to(&elm(to)).unwrap());
}

#[test]
fn a_change_can_be_undone_for_a_day_and_not_after() {
    let mut home = home();
    let was = home.address.clone();
    moves(&mut home, "anna", NOON, 1);
    let number = home.changes[0].number;
    assert_eq!(home.clone().undo(number, NOON + s(24 * HOUR)), Err(NotUndone), "a day is over");
    assert_eq!(home.clone().undo(number + 1, NOON), Err(NotUndone), "there is no such change");
    let last = NOON + s(24 * HOUR - 1);
    change(&mut home, "anna", last, |home| home.undo(number, last).unwrap());
    assert_eq!((home.address.clone(), home.changes.len()), (was, 0));
    assert_eq!(home.undo(number, NOON), Err(NotUndone), "once");
}

#[test]
fn first_value_and_restored_value_are_no_change() {
    let mut home = home();
    let was = home.address.take().unwrap();
    moves(&mut home, "anna", NOON, 1);
    assert!(home.changes.is_empty(), "there was no address");
    home.address = Some(was.clone());
    moves(&mut home, "anna", NOON, 2);
    change(&mut home, "anna", NOON, |home| home.move_to(&was).unwrap());
    assert!(home.changes.is_empty(), "and back again");
    change(&mut home, "anna", NOON, |home| home.contacts[0].readiness = Readiness::OptedOut);
    assert!(home.changes.is_empty(), "what a contact says is no change of an owner's");
}

#[test]
fn nobody_hides_a_change_behind_more_changes() {
    let mut home = home();
    let was = home.address.clone();
    for n in 0..500 {
        moves(&mut home, "anna", NOON + s(n), n as u32 + 1);
    }
    assert_eq!(home.changes.len(), 1, "several by one person are one");
    let bob = NOON + s(HOUR);
    moves(&mut home, "bob", bob, 1000);
    assert_eq!(home.changes.len(), 2);
    let number = home.changes[0].number;
    change(&mut home, "bob", bob, |home| home.undo(number, bob).unwrap());
    assert_eq!(home.address, was, "as it was before the first of them");
    // Undoing is also a change: everybody sees it, and it can be undone.
    let Was::Address(left) = &home.changes.last().unwrap().was else { panic!("an address") };
    assert_eq!((home.changes.len(), left.line1.as_str()), (1, "500 Elm Road"));
}

#[test]
fn undo_brings_contacts_back_in_order() {
    let mut home = home();
    let was = home.contacts.clone();
    let (second, first) = (was[1].clone(), was[0].clone());
    change(&mut home, "anna", NOON, |home| {
        let kept = WrittenContact {
            id: Some(second.id.clone()),
            name: second.name.clone(),
            phone: Ok(second.phone.clone()),
        };
        let new =
            WrittenContact { id: None, name: "Mallory".into(), phone: Ok("+15035550666".into()) };
        home.set_contacts(&[new, kept]).unwrap();
    });
    home.contacts[1].readiness = Readiness::OptedOut;
    let number = home.changes[0].number;
    home.undo(number, NOON).unwrap();
    let named: Vec<_> = home.contacts.iter().map(|c| &c.id).collect();
    assert_eq!(named, was.iter().map(|c| &c.id).collect::<Vec<_>>());
    // Their links come back with them.
    assert_eq!(first.readiness, Readiness::Accepted);
    assert_eq!(
        (home.contacts[0].readiness, home.contacts[1].readiness),
        (Readiness::Accepted, Readiness::OptedOut)
    );
}
