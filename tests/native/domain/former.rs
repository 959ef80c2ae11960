//! For a day after a change of the contacts, the first contact of before is asked as well.

use super::story::{NOON, Story, home, person, raise, s};
use buckler::domain::{
    contact::{Contact, Readiness},
    home::{ChangedPart, Home, RecentChange, edit::WrittenContact, undo::one_line},
    incident::{
        CallOutcome, CenterMode, DispatchState, Mode, Policy, Purpose, Quiet, Request, Service,
        State,
        command::{CallStep, Command, Seen},
        effect::{EffectKind, Signal},
        event::Event,
    },
    time::Timestamp,
};

const HOUR: u64 = 3_600;
const CALL_OFF: CallStep = CallStep::Cancel { seen: Seen::All, authenticated: true };

/// Mallory took the sister's place an hour ago.
fn replaced() -> Home {
    let mut home = home();
    change(&mut home, |home| {
        home.contacts[0] = stranger();
    });
    home
}

fn stranger() -> Contact {
    let mut mallory =
        Contact::new("mallory".parse().unwrap(), "Mallory".into(), "+15035550666".into());
    mallory.readiness = Readiness::Accepted;
    mallory
}

fn change(home: &mut Home, edit: impl FnOnce(&mut Home)) {
    let before = home.clone();
    edit(home);
    let at = Timestamp::from_millis(NOON.as_millis() - HOUR * 1_000);
    home.note_changes(&before, &"ada".parse().unwrap(), "Ada", at);
}

fn sent(home: &Home) -> Story {
    let mut story = Story::begin(home, Request::Police, Mode::Live, false);
    story.give(Command::SendNow { by: person("ada") }).unwrap();
    story
}

fn calls(story: &Story) -> Vec<(&str, Purpose, bool)> {
    let named =
        |call| (story.incident.called(call).unwrap().name.as_str(), call.purpose, call.beside);
    story.incident.calls.iter().map(named).collect()
}

/// R15: both ring in the same moment.
#[test]
fn former_first_contact_is_asked_beside_the_new_one() {
    let mut story = sent(&replaced());
    assert_eq!(
        calls(&story),
        [("Mallory", Purpose::Verify, false), ("Sister", Purpose::Verify, true)]
    );
    assert!(story.incident.calls.iter().all(|call| call.placed_at == NOON));
    story.on_call(2, CALL_OFF).unwrap();
    assert_eq!(story.state(), "cancelled");
    assert_eq!(story.outcome(0), Some(CallOutcome::Withdrawn));
    let by = story.facts.iter().find_map(|fact| match &fact.event {
        Event::Cancelled { by } => Some(by.name().to_owned()),
        _ => None,
    });
    assert_eq!(by.as_deref(), Some("Sister"));

    let mut story = sent(&replaced());
    story.on_call(1, CALL_OFF).unwrap();
    assert_eq!((story.state(), story.outcome(1)), ("cancelled", Some(CallOutcome::Withdrawn)));
}

/// R15: a wrong verbal password of either ends that call alone.
#[test]
fn former_first_contact_needs_the_verbal_password() {
    let mut story = sent(&replaced());
    story.on_call(2, CallStep::Cancel { seen: Seen::All, authenticated: false }).unwrap();
    assert_eq!(story.outcome(1), Some(CallOutcome::WrongPassword));
    assert_eq!((story.state(), story.made("request_dispatch")), ("verifying", 0));
}

/// R15: help and the other calls wait for the new first contact alone.
#[test]
fn nothing_waits_for_the_former_first_contact() {
    let home = replaced();
    let mut story = sent(&home);
    let mut alike = sent(&Home { former: Vec::new(), ..home });
    story.on_call(2, CallStep::Answer).unwrap();
    for story in [&mut story, &mut alike] {
        story.wait(s(30));
        assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 1));
        let neighbor = story.incident.calls.iter().find(|call| call.contact.as_str() == "neighbor");
        assert_eq!(neighbor.unwrap().placed_at, NOON + s(30), "told at once");
    }
    assert!(story.incident.calls[1].is_open());
    story.moved(Service::Police, DispatchState::Accepted).unwrap();
    story.wait(s(300));
    story.moved(Service::Police, DispatchState::Closed).unwrap();
    assert_eq!(story.state(), "closed");
}

/// R18: after dispatch was requested, both are heard, and neither cancels.
#[test]
fn call_off_after_a_confirmation_is_advice() {
    for (confirms, calls_off) in [(1, 2), (2, 1)] {
        let mut story = sent(&replaced());
        story.on_call(confirms, CallStep::Confirm).unwrap();
        assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 1));
        story.on_call(calls_off, CALL_OFF).unwrap();
        assert_eq!(story.state(), "dispatching");
        assert_eq!(story.outcome(calls_off as usize - 1), Some(CallOutcome::Told));
        let noted =
            |fact: &Event| matches!(fact, Event::Noted { text, .. } if text.contains("not needed"));
        assert!(story.facts.iter().any(|fact| noted(&fact.event)));
    }
}

/// R16: without a contact to ask, help is dispatched at once, and the former one is told.
#[test]
fn former_first_contact_is_told_where_nobody_is_asked() {
    let mut home = replaced();
    home.contacts.iter_mut().for_each(|contact| contact.readiness = Readiness::OptedOut);
    let mut story = sent(&home);
    assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 1));
    assert_eq!(calls(&story), [("Sister", Purpose::Inform, true)]);
    story.on_call(1, CALL_OFF).unwrap();
    assert_eq!(story.state(), "dispatching");
}

/// R15, R21: a drill and a quiet incident call nobody who is not a contact.
#[test]
fn drill_and_quiet_incident_call_no_former_contact() {
    let mut drill = Story::begin(&replaced(), Request::Police, Mode::Drill, false);
    drill.wait(s(6));
    assert_eq!(calls(&drill), [("Mallory", Purpose::Verify, false)]);
    let quiet = Some(Quiet::Duress);
    let mut story = Story::raised(buckler::domain::incident::command::Raise {
        quiet,
        ..raise(&replaced(), Request::Police, Policy::default())
    });
    story.give(Command::SendNow { by: person("ada") }).unwrap();
    assert_eq!(calls(&story), []);
}

/// The person has to be somebody else, or to be reached by another link, and must have agreed.
#[test]
fn first_contact_of_before_is_known_for_a_day() {
    let former = |home: &Home, at| home.former_first(at).map(|former| former.contact.name.clone());
    assert_eq!(former(&home(), NOON), None);
    assert_eq!(former(&replaced(), NOON).as_deref(), Some("Sister"));
    assert_eq!(former(&replaced(), NOON + s(23 * HOUR)), None, "a day after the change");
    type Edit = fn(&mut Home);
    let cases: [(&str, Edit, Option<&str>); 5] = [
        ("the neighbor goes", |home| drop(home.contacts.pop()), None),
        ("they change places", |home| home.contacts.reverse(), Some("Sister")),
        (
            "another number",
            |home| {
                set(
                    home,
                    &[
                        ("sister", "Sister", "+15035550199"),
                        ("neighbor", "Neighbor", "+15035550102"),
                    ],
                );
            },
            Some("Sister"),
        ),
        (
            "another address",
            |home| home.address.as_mut().unwrap().line1 = "9 Elm Road".into(),
            None,
        ),
        ("another name", |home| home.contacts[0].name = "Sis".into(), None),
    ];
    for (what, edit, expected) in cases {
        let mut home = home();
        change(&mut home, edit);
        assert_eq!(former(&home, NOON).as_deref(), expected, "{what}");
    }
    let mut never_agreed = home();
    never_agreed.contacts[0].readiness = Readiness::Invited;
    assert_eq!(former(&never_agreed, NOON), None, "nothing was changed");
    renew(&mut never_agreed, "sister");
    assert_eq!(former(&never_agreed, NOON), None, "the first person is the same");
    change(&mut never_agreed, |home| home.contacts[0] = stranger());
    assert_eq!(former(&never_agreed, NOON).as_deref(), Some("Neighbor"), "the first who agreed");
}

/// As an owner writes the contacts: id, name and number.
fn set(home: &mut Home, contacts: &[(&str, &str, &str)]) {
    let written = |(id, name, phone): &(&str, &str, &str)| WrittenContact {
        id: id.parse().ok().filter(|id| home.contacts.iter().any(|c| c.id == *id)),
        name: (*name).into(),
        phone: Ok((*phone).into()),
    };
    home.set_contacts(&contacts.iter().map(written).collect::<Vec<_>>()).unwrap();
}

fn renew(home: &mut Home, contact: &str) {
    home.renew_link(&contact.parse().unwrap(), (&"ada".parse().unwrap(), "Ada"), NOON).unwrap();
}

fn former_first(home: &Home) -> Option<(&str, u64)> {
    home.former_first(NOON).map(|former| (former.contact.name.as_str(), former.contact.link))
}

fn undo(home: &mut Home, by: &str) {
    let (before, number) = (home.clone(), home.changes.last().unwrap().number);
    home.undo(number, NOON).unwrap();
    home.note_changes(&before, &by.parse().unwrap(), by, NOON);
}

/// Another link for the first contact is such a change, too.
#[test]
fn first_contact_with_another_link_is_asked_by_both() {
    let mut home = home();
    renew(&mut home, "sister");
    let story = sent(&home);
    assert_eq!(
        calls(&story),
        [("Sister", Purpose::Verify, false), ("Sister", Purpose::Verify, true)]
    );
    let links: Vec<u64> =
        story.incident.calls.iter().map(|call| story.incident.called(call).unwrap().link).collect();
    assert_eq!(links, [1, 0]);
    undo(&mut home, "ada");
    assert_eq!((home.contacts[0].readiness, home.changes.len()), (Readiness::Accepted, 0));
    assert_eq!((home.contacts[0].link, former_first(&home)), (0, None));
}

/// The person who was put in the first place by the change that is undone is not asked, and neither
/// is anybody who came after the first change.
#[test]
fn undo_leaves_nobody_who_came_with_the_change() {
    for by in ["ada", "ben"] {
        let mut home = replaced();
        undo(&mut home, by);
        assert_eq!((home.contacts[0].name.as_str(), former_first(&home)), ("Sister", None), "{by}");
    }
    let mut home = replaced();
    change(&mut home, |home| home.contacts[0].readiness = Readiness::Invited);
    home.contacts[0].agree(NOON);
    change(&mut home, |home| drop(home.contacts.remove(0)));
    assert_eq!(former_first(&home), Some(("Sister", 0)));
    assert_eq!(home.former.len(), 1, "Mallory is not listed: {:?}", home.former);
}

/// A contact in second place whom a later change removes is asked once the earlier one is too old.
#[test]
fn each_change_of_the_last_day_counts() {
    let (mut home, hours) = (home(), |hours| NOON + s(hours * HOUR));
    let edit = |home: &mut Home, at, edit: fn(&mut Home)| {
        let before = home.clone();
        edit(home);
        home.note_changes(&before, &"ada".parse().unwrap(), "Ada", at);
    };
    edit(&mut home, NOON, |home| home.contacts.reverse());
    edit(&mut home, hours(23), |home| home.contacts[0] = stranger());
    let asked = |at| home.former_first(at).map(|former| former.contact.name.as_str());
    assert_eq!(
        [hours(23), hours(25), hours(48)].map(asked),
        [Some("Sister"), Some("Neighbor"), None]
    );
}

/// The link of before belongs to the person, however the list is written.
#[test]
fn former_contact_keeps_the_link_of_before() {
    let mut home = home();
    change(&mut home, |home| home.contacts.insert(0, stranger()));
    renew(&mut home, "sister");
    assert_eq!(
        former_first(&home),
        Some(("Sister", 0)),
        "the link that Sister has, not the new one"
    );
    // By the new link, anybody may refuse in her name.
    home.contacts[1].readiness = Readiness::OptedOut;
    assert_eq!(former_first(&home), Some(("Sister", 0)));
    let story = sent(&home);
    let beside = story.incident.calls.iter().find(|call| call.beside).unwrap();
    assert_eq!(story.incident.called(beside).unwrap().link, 0);
    for link in [0, 1] {
        assert!(home.linked(&"sister".parse().unwrap(), link, NOON).is_some(), "{link}");
    }

    let mut home = super::story::home();
    change(&mut home, |home| {
        set(
            home,
            &[("sister", "Sister", "+15035550666"), ("neighbor", "Neighbor", "+15035550102")],
        );
    });
    let number = home.contacts[0].link;
    renew(&mut home, "sister");
    let story = sent(&home);
    let beside = story.incident.calls.iter().find(|call| call.beside).unwrap();
    assert_eq!(story.incident.called(beside).unwrap().link, 0, "not the thief's first link");
    assert_ne!(number, 0);
}

/// A link that was replaced long ago never leads to anybody again.
#[test]
fn link_of_long_ago_does_not_come_back() {
    let mut home = home();
    renew(&mut home, "sister");
    home.contacts[0].agree(NOON);
    let spring = NOON + s(100 * 24 * HOUR);
    let before = home.clone();
    home.contacts = vec![stranger()];
    home.note_changes(&before, &"ben".parse().unwrap(), "Ben", spring);
    let sister = "sister".parse().unwrap();
    assert!(home.linked(&sister, 0, spring).is_none());
    assert!(home.linked(&sister, 1, spring).is_some());
    let (before, number) = (home.clone(), home.changes.last().unwrap().number);
    home.undo(number, spring).unwrap();
    home.note_changes(&before, &"ben".parse().unwrap(), "Ben", spring);
    assert_eq!(home.contacts[0].link, 1);
}

/// On the day of set-up: the contacts had not agreed when the first of them was corrected.
#[test]
fn contact_who_agreed_after_an_earlier_change_is_known() {
    let mut home = home();
    for contact in &mut home.contacts {
        contact.readiness = Readiness::Invited;
    }
    change(&mut home, |home| home.contacts[1].name = "Neighbor Joe".into());
    home.contacts.iter_mut().for_each(|contact| contact.agree(NOON));
    change(&mut home, |home| home.contacts = vec![stranger()]);
    assert_eq!(former_first(&home), Some(("Sister", 0)));
    undo(&mut home, "ada");
    assert_eq!(home.contacts[0].readiness, Readiness::Accepted);
}

/// Buckler calls a former first contact itself, also while an operator calls the first one.
#[test]
fn call_beside_an_operator_fails_where_no_page_rings() {
    let policy = Policy { center: CenterMode::Operators, ..Policy::default() };
    let mut story = Story::with_policy(&replaced(), Request::Police, Mode::Live, false, policy);
    story.wait(s(6));
    story.give(Command::Claim { by: person("ed") }).unwrap();
    let beside = story.incident.calls.iter().position(|call| call.beside).unwrap();
    story.on_call(u8::try_from(beside + 1).unwrap(), CallStep::CannotRing).unwrap();
    assert_eq!(story.outcome(beside), Some(CallOutcome::Failed));
    story.on_call(u8::try_from(2 - beside).unwrap(), CallStep::CannotRing).unwrap();
    assert_eq!(story.outcome(1 - beside), None, "an operator dials by hand");
}

/// What was changed is known to the people who decide, and to a receiving center.
#[test]
fn incident_knows_what_was_changed_in_the_last_day() {
    let mut home = replaced();
    change(&mut home, |home| home.address.as_mut().unwrap().line1 = "9 Elm Road".into());
    let policy = Policy { center: CenterMode::Receiver, ..Policy::default() };
    let mut story = Story::with_policy(&home, Request::Police, Mode::Live, false, policy);
    let parts: Vec<_> =
        story.incident.snapshot.recent_changes.iter().map(|c| (c.what, c.by.as_str())).collect();
    assert_eq!(parts, [(ChangedPart::Contacts, "Ada"), (ChangedPart::Address, "Ada")]);
    story.give(Command::SendNow { by: person("ada") }).unwrap();
    let said = story.effects.iter().find_map(|effect| match &effect.kind {
        EffectKind::SignalReceiver { signal: Signal::Alarm, changes, .. } => Some(changes.clone()),
        _ => None,
    });
    let said = said.expect("an alarm");
    assert!(said.starts_with("Changed: contacts at ") && said.contains(", address at "), "{said}");
    assert!(!said.contains("Ada"), "no names: {said}");
    let change = |at| RecentChange { what: ChangedPart::Link, at, by: "Ada".into() };
    let line = one_line(&[change(NOON), change(NOON + s(60)), change(NOON + s(120))]);
    assert_eq!(line, format!("Changed: contact's link at {}", NOON + s(120)), "the latest");
    assert!(matches!(story.incident.state, State::Verifying(_)));
}
