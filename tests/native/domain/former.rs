//! For a day after a change of the contacts, the first contact of before is asked as well.

use super::story::{NOON, Story, home, person, raise, s};
use buckler::domain::{
    contact::{Contact, Readiness},
    home::{ChangedPart, Home},
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
    let mut alike = sent(&Home { changes: Vec::new(), ..home });
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
    let former = |home: &Home, at| home.former_first(at).map(|contact| contact.name.clone());
    assert_eq!(former(&home(), NOON), None);
    assert_eq!(former(&replaced(), NOON).as_deref(), Some("Sister"));
    assert_eq!(former(&replaced(), NOON + s(23 * HOUR)), None, "a day after the change");
    type Edit = fn(&mut Home);
    let cases: [(&str, Edit, Option<&str>); 5] = [
        ("the neighbor goes", |home| drop(home.contacts.pop()), None),
        ("they change places", |home| home.contacts.reverse(), Some("Sister")),
        ("another number", |home| home.contacts[0].phone = "+15035550199".into(), Some("Sister")),
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
    change(&mut never_agreed, |home| home.contacts[0] = stranger());
    assert_eq!(former(&never_agreed, NOON).as_deref(), Some("Neighbor"), "the first who agreed");
    let mut refused = home();
    change(&mut refused, |home| home.contacts.reverse());
    refused.contacts[1].readiness = Readiness::OptedOut;
    assert_eq!(former(&refused, NOON), None, "the neighbor, who is first today");
}

/// Another link for the first contact is such a change, too.
#[test]
fn first_contact_with_another_link_is_asked_by_both() {
    let mut home = home();
    let was = home.contacts[0].clone();
    home.contacts[0].readiness = Readiness::Invited;
    home.note_link(was, &"ada".parse().unwrap(), "Ada", NOON);
    let story = sent(&home);
    assert_eq!(
        calls(&story),
        [("Sister", Purpose::Verify, false), ("Sister", Purpose::Verify, true)]
    );
    let by: Vec<bool> =
        story.incident.calls.iter().map(|call| story.incident.is_by_former_link(call)).collect();
    assert_eq!(by, [false, true]);
    let number = home.changes[0].number;
    home.undo(number, NOON + s(HOUR)).unwrap();
    assert_eq!((home.contacts[0].readiness, home.changes.len()), (Readiness::Accepted, 0));
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
    assert!(matches!(story.incident.state, State::Verifying(_)));
}
