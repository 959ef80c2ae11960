//! I23: every live incident can be ended by a member or an operator.

use super::story::{Story, home, person, s};
use buckler::domain::incident::{
    ANSWER_WITHIN, Acknowledgment, Actor, CLAIM_LASTS, CallOutcome, CenterMode, DispatchState,
    Disposition, Mode, Policy, Report, Request, Service, Siren, UNATTENDED,
    command::{CallStep, Command, Seen},
    decide::Refusal,
    disclosure::Audience,
};

fn alone() -> Policy {
    Policy { connected: false, ..Policy::default() }
}

fn end(story: &mut Story) -> Result<(), Refusal> {
    story.give(Command::End { seen: Seen::All, by: person("ada") })
}

fn call_through(story: &mut Story) {
    story.wait(s(5 + 30 + 30 + 30));
    assert!(story.incident.open_call().is_none());
}

#[test]
fn household_ends_an_incident_once_the_calls_are_over() {
    let mut story = Story::live(Request::Police);
    assert_eq!(end(&mut story), Err(Refusal::NotWaiting), "Cancel Help does that");
    story.wait(s(6));
    assert_eq!(
        end(&mut story),
        Err(Refusal::CallsUnderWay),
        "I5: only the answer to the first call prevents dispatch"
    );
    story.wait(s(30));
    assert_eq!((story.state(), end(&mut story)), ("dispatching", Err(Refusal::CallsUnderWay)));
    story.wait(s(60));
    assert!(story.incident.may_be_ended_by_home());
    end(&mut story).unwrap();
    assert_eq!(
        (story.state(), story.incident.disposition),
        ("closed", Some(Disposition::EndedByHome))
    );
    assert!(!story.incident.siren.is_sounding(), "R19");
    assert_eq!(end(&mut story), Err(Refusal::IncidentOver), "I9");
}

#[test]
fn close_and_its_note_are_one_decision() {
    let mut story = Story::live(Request::Police);
    let close = || Command::Close {
        seen: Seen::All,
        by: person("op"),
        disposition: Disposition::HelpGiven,
        note: Some("Two officers".into()),
    };
    assert_eq!(story.give(close()), Err(Refusal::NotWaiting), "I5");
    assert!(!story.whats().contains(&"noted"), "a refused close leaves no note");
    story.wait(s(36));
    let before = story.facts.len();
    story.give(close()).unwrap();
    let whats = &story.whats()[before..];
    assert_eq!((whats[0], whats[whats.len() - 1]), ("noted", "closed"));
}

#[test]
fn household_does_not_end_what_a_center_works_on() {
    let operators = Policy { center: CenterMode::Operators, ..Policy::default() };
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, operators);
    story.wait(s(95));
    story.give(Command::Claim { by: person("op") }).unwrap();
    story.wait(s(60));
    assert_eq!((story.state(), end(&mut story)), ("dispatching", Err(Refusal::AssignedToAnother)));
    story.give(Command::Release { by: person("op"), from: person("op") }).unwrap();
    end(&mut story).unwrap();

    let receiver = Policy { center: CenterMode::Receiver, ..Policy::default() };
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, receiver);
    call_through(&mut story);
    let mut reported = |key: &str, report| {
        let by = Actor::Outside { name: "Center".into() };
        story.give(Command::Report { by, key: key.into(), said_at: story.now, report }).unwrap();
        end(&mut story)
    };
    assert_eq!(reported("1", Report::Claimed), Err(Refusal::AssignedToAnother));
    assert_eq!(reported("2", Report::Released), Ok(()), "nobody there works on it any more");
    assert_eq!(story.made("signal_receiver"), 2, "the receiver is told that it is over");
}

#[test]
fn incident_that_nobody_hears_closes_itself() {
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, alone());
    call_through(&mut story);
    story.wait(s(3_600));
    assert_eq!(
        (story.state(), story.incident.disposition),
        ("closed", Some(Disposition::NobodyConnected))
    );
    let siren_over = story.facts.iter().find(|fact| fact.event.name() == "siren_over").unwrap().at;
    assert_eq!(siren_over, super::story::NOON + s(605), "R19: the sirens had their whole time");
    assert_eq!(story.facts.last().unwrap().at, siren_over + UNATTENDED);

    let mut no_contacts = home();
    no_contacts.contacts.clear();
    let mut story = Story::with_policy(&no_contacts, Request::Medical, Mode::Live, false, alone());
    story.wait(s(6));
    assert_eq!(
        story.state(),
        "dispatching",
        "also without contacts the screen stays, with the number to call"
    );
    story.wait(ANSWER_WITHIN + UNATTENDED);
    assert_eq!(story.state(), "closed");
}

#[test]
fn incident_closes_itself_only_while_nobody_acts_on_it() {
    let mut connected = Story::live(Request::Police);
    call_through(&mut connected);
    connected.wait(s(86_400));
    assert_eq!(connected.state(), "dispatching");

    let mut pressed = Story::with_policy(&home(), Request::Medical, Mode::Live, false, alone());
    call_through(&mut pressed);
    for _ in 0..10 {
        pressed.wait(UNATTENDED / 2);
        pressed.join(Request::Medical);
    }
    assert_eq!(pressed.state(), "dispatching", "somebody still presses");

    let mut accepted = Story::with_policy(&home(), Request::Medical, Mode::Live, false, alone());
    call_through(&mut accepted);
    accepted.moved(Service::Medical, DispatchState::Accepted).unwrap();
    accepted.wait(s(86_400));
    assert_eq!(accepted.state(), "dispatching", "help was accepted, by whomever");

    let mut drill = Story::with_policy(&home(), Request::Medical, Mode::Drill, false, alone());
    call_through(&mut drill);
    drill.wait(s(86_400));
    assert_eq!(drill.state(), "dispatching", "a drill has responders of its own");
}

#[test]
fn answered_call_is_over_before_an_incident_closes_itself() {
    let mut story = Story::with_policy(&home(), Request::Medical, Mode::Live, false, alone());
    story.wait(s(36));
    story.on_call(2, CallStep::Answer).unwrap();
    story.on_call(2, CallStep::Confirm).unwrap();
    assert_eq!(story.outcome(1), Some(CallOutcome::Told));
    story.wait(s(30) + UNATTENDED);
    assert_eq!(story.state(), "closed");
}

/// The audit's B16: reachable by three taps, with the defaults.
#[test]
fn silent_practice_says_nothing_of_a_server_that_was_down() {
    let mut drill = Story::begin(&home(), Request::Siren, Mode::Drill, false);
    drill.wait(s(5));
    assert_eq!((drill.state(), drill.incident.siren.clone()), ("closed", Siren::Silent));
    assert_eq!(drill.incident.disposition, Some(Disposition::SilentPractice));
    let mut loud = Story::begin(&home(), Request::Siren, Mode::Drill, true);
    loud.wait(s(20));
    assert_eq!(loud.incident.disposition, Some(Disposition::SirenOver));
    let mut late = Story::live(Request::Siren);
    late.sleep(s(120));
    assert_eq!(late.incident.disposition, Some(Disposition::SirenTooLate), "there it is true");
}

/// I23: a center elsewhere that falls silent holds nobody.
#[test]
fn claim_by_a_report_lapses_and_the_household_can_end_it() {
    let receiver = Policy { center: CenterMode::Receiver, ..Policy::default() };
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, receiver);
    call_through(&mut story);
    let report = |story: &mut Story, key: &str, report| {
        let by = Actor::Outside { name: "Center".into() };
        story.give(Command::Report { by, key: key.into(), said_at: story.now, report }).unwrap();
    };
    let state = DispatchState::EnRoute;
    let moved = Report::Moved { service: Service::Police, state, reference: None };
    report(&mut story, "1", Report::Claimed);
    story.wait(CLAIM_LASTS - s(1));
    assert_eq!(end(&mut story), Err(Refusal::AssignedToAnother));
    report(&mut story, "2", moved.clone());
    report(&mut story, "3", Report::Unnamed { said: Box::new(Report::Claimed) });
    story.wait(CLAIM_LASTS - s(1));
    assert_eq!(end(&mut story), Err(Refusal::AssignedToAnother), "any report renews it");
    story.wait(s(1));
    assert_eq!(story.whats().last(), Some(&"claim_lapsed"), "it is a fact");
    let lines =
        buckler::server::presenters::timeline::lines(&story.incident, &story.facts, Audience::Home);
    assert!(lines.last().unwrap().text.contains("reported nothing for 15 minutes"), "{lines:?}");
    report(
        &mut story,
        "4",
        Report::Called { name: "Sister".into(), outcome: CallOutcome::NoAnswer },
    );
    assert_eq!(end(&mut story), Err(Refusal::AssignedToAnother), "somebody is there after all");
    story.wait(CLAIM_LASTS);
    assert_eq!(story.incident.acknowledgment(), Some(Acknowledgment::Responders(Service::Police)));
    end(&mut story).unwrap();
    assert_eq!(story.whats().iter().filter(|what| **what == "claim_lapsed").count(), 2);
}

/// I8: the one that had acknowledged it has let go.
#[test]
fn request_whose_claim_lapsed_is_unanswered_after_a_minute() {
    let receiver = Policy { center: CenterMode::Receiver, ..Policy::default() };
    let mut nobody = home();
    nobody.contacts.clear();
    let mut story = Story::with_policy(&nobody, Request::Police, Mode::Live, false, receiver);
    story.wait(s(6));
    let by = Actor::Outside { name: "Center".into() };
    let (key, said_at) = ("1".into(), story.now);
    story.give(Command::Report { by, key, said_at, report: Report::Claimed }).unwrap();
    story.wait(CLAIM_LASTS);
    assert_eq!(story.incident.acknowledgment(), None);
    story.wait(ANSWER_WITHIN);
    assert!(story.incident.is_unanswered);
}
