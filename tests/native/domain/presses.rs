//! I24: every acknowledged press adds a fact that the people working on the incident see.

use super::story::{Story, home, person, s};
use buckler::{
    domain::incident::{
        Actor, CenterMode, DispatchState, Disposition, Mode, Policy, REPEATS_MOST,
        REQUESTED_AGAIN_AFTER, Report, Request, Service, Source,
        command::{CallStep, Command, OperatorReport, Seen},
        decide::Refusal,
        disclosure::{Audience, disclosures},
        event::Event,
    },
    server::presenters::timeline,
};

fn repeats(story: &Story) -> usize {
    story.whats().iter().filter(|what| **what == "repeated").count()
}

fn receiver() -> Policy {
    Policy { center: CenterMode::Receiver, ..Policy::default() }
}

#[test]
fn repeated_press_is_recorded_and_signaled_again() {
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, receiver());
    story.join(Request::Police);
    assert_eq!(
        (repeats(&story), story.made("signal_receiver")),
        (1, 0),
        "I3: in the countdown nothing leaves"
    );
    story.wait(s(5));
    assert_eq!(story.made("signal_receiver"), 1);
    story
        .give(Command::Join { request: Request::Police, source: Source::Device, by: person("ben") })
        .unwrap();
    assert_eq!((repeats(&story), story.made("signal_receiver")), (2, 2));
    let last = story.facts.last().unwrap();
    assert!(
        matches!(&last.event, Event::Repeated { by, source: Source::Device, .. } if *by == person("ben")),
        "{last:?}"
    );
    story.wait(s(30));
    story.join(Request::Police);
    assert_eq!(
        (repeats(&story), story.made("signal_receiver"), story.made("request_dispatch")),
        (3, 3, 1),
        "I2"
    );
}

#[test]
fn repeated_press_sounds_sirens_that_were_silenced() {
    let mut story = Story::live(Request::Police);
    story.wait(s(6));
    story.join(Request::Police);
    assert_eq!(story.made("siren_on"), 3, "they sound already");
    story.give(Command::Silence { seen: Seen::All, by: person("ada") }).unwrap();
    story.join(Request::Police);
    assert_eq!((story.made("siren_on"), story.incident.siren.is_sounding()), (6, true));
    let mut medical = Story::live(Request::Medical);
    medical.wait(s(6));
    medical.join(Request::Medical);
    assert_eq!(medical.made("siren_on"), 0, "I1");
}

#[test]
fn repeated_press_keeps_an_incident_that_is_over_elsewhere() {
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, receiver());
    story.wait(s(6));
    let ended = Report::Ended { disposition: Disposition::FalseAlarm };
    let by = Actor::Outside { name: "Center".into() };
    story.give(Command::Report { by, key: "1".into(), said_at: story.now, report: ended }).unwrap();
    story.join(Request::Police);
    story.wait(s(31));
    assert_eq!(story.state(), "dispatching", "the report that it is over came before this press");
}

#[test]
fn aborted_press_leaves_no_trace_outside_however_often() {
    let mut story = Story::live(Request::Police);
    story.join(Request::Police);
    story.give(Command::Cancel { seen: Seen::All, by: person("ada") }).unwrap();
    assert!(disclosures(&story.incident, &story.facts).is_empty());
    assert_eq!(story.effects.len(), 0, "R11");
}

#[test]
fn repeated_presses_are_bounded() {
    let mut story = Story::live(Request::Police);
    (0..REPEATS_MOST + 50).for_each(|_| story.join(Request::Police));
    assert_eq!(repeats(&story), REPEATS_MOST);
    // The center still sees that somebody keeps pressing.
    for minute in 1..=3 {
        story.wait(s(60));
        (0..5).for_each(|_| story.join(Request::Police));
        assert_eq!(repeats(&story), REPEATS_MOST + minute);
    }
}

/// A panel that restores each second.
#[test]
fn notes_of_devices_are_kept_up_to_a_limit() {
    let mut story = Story::live(Request::Police);
    story.wait(s(6));
    for _ in 0..3_000 {
        story.wait(s(1));
        let by = Actor::Device { name: "Alarm panel".into() };
        story.give(Command::Note { by, text: "Says that it is over".into() }).unwrap();
    }
    let facts = story.facts.len();
    assert!((1_000..1_100).contains(&facts), "{facts}: one a minute is still kept");
    story.give(Command::Note { by: person("op"), text: "Gate is open".into() }).unwrap();
    assert_eq!(story.facts.len(), facts + 1, "people are always heard");
}

/// A story in which police were requested, in which the other contacts still ring.
fn dispatched(policy: Policy) -> Story {
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, policy);
    story.wait(s(5));
    story.on_call(1, CallStep::Confirm).unwrap();
    assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 1));
    story
}

/// R20.
#[test]
fn press_requests_again_where_help_is_over() {
    let mut story = dispatched(Policy { connected: true, ..Policy::default() });
    for state in [DispatchState::Accepted, DispatchState::OnScene] {
        story.moved(Service::Police, state).unwrap();
        story.join(Request::Police);
        assert_eq!(story.made("request_dispatch"), 1, "police are on their way or there: I2");
    }
    story.moved(Service::Police, DispatchState::Closed).unwrap();
    story.join(Request::Police);
    assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 2));
    let police = &story.incident.dispatches[0];
    assert_eq!((police.state, police.came), (DispatchState::Requested, false));
    story.join(Request::Police);
    assert_eq!(story.made("request_dispatch"), 2, "it has just been requested");
    let lines = timeline::lines(&story.incident, &story.facts, Audience::Home);
    assert!(lines.iter().any(|line| line.text.contains("Police requested again to")));
}

/// R20, I8.
#[test]
fn press_requests_again_what_nobody_accepted() {
    let mut story = Story::live(Request::Police);
    story.wait(s(5 + 4 * 30));
    let mut presses_after = |seconds, requested, why: &str| {
        story.wait(seconds);
        story.join(Request::Police);
        assert_eq!(story.made("request_dispatch"), requested, "{why}");
    };
    presses_after(s(60), 1, "somebody may still accept it");
    presses_after(REQUESTED_AGAIN_AFTER, 2, "nobody has");
    presses_after(s(60), 2, "it is asked for again");
    presses_after(REQUESTED_AGAIN_AFTER, 3, "nobody has again");
    story.give(Command::Claim { by: person("op") }).unwrap();
    story.wait(REQUESTED_AGAIN_AFTER);
    story.join(Request::Police);
    assert_eq!(story.made("request_dispatch"), 3, "an operator has it");
}

/// I9: the first patrol reports its end after the second was requested.
#[test]
fn report_of_an_earlier_request_moves_no_later_one() {
    let mut story = dispatched(receiver());
    let first = story.incident.dispatches[0].request;
    let said = |at, key: &str, state| {
        let report = Report::Moved { service: Service::Police, state, reference: None };
        let by = Actor::Outside { name: "Center".into() };
        Command::Report { by, key: key.into(), said_at: at, report }
    };
    story.moved(Service::Police, DispatchState::Closed).unwrap();
    let before = story.now;
    story.wait(s(1));
    story.join(Request::Police);
    let (service, reference, state) = (Service::Police, None, DispatchState::Closed);
    story.give(Command::Dispatch { service, request: first, state, reference }).unwrap();
    story.give(said(before, "1", DispatchState::OnScene)).unwrap();
    assert_eq!(story.incident.dispatches[0].state, DispatchState::Requested);
    story.give(said(story.now, "2", DispatchState::EnRoute)).unwrap();
    assert_eq!(story.incident.dispatches[0].state, DispatchState::EnRoute);
}

/// I30.
#[test]
fn operator_closes_only_the_request_that_was_shown() {
    let mut story = dispatched(Policy::default());
    let by = person("op");
    story.give(Command::Claim { by: by.clone() }).unwrap();
    let says = |story: &mut Story, seen, state| {
        let (service, reference) = (Service::Police, None);
        let report = OperatorReport::Dispatch { seen, service, state, reference };
        story.give(Command::ByAssignee { by: person("op"), report })
    };
    let shown = Seen::UpTo(story.incident.latest_request());
    says(&mut story, shown, DispatchState::Accepted).unwrap();
    story.join(Request::Police);
    says(&mut story, shown, DispatchState::OnScene).unwrap();
    assert_eq!(says(&mut story, shown, DispatchState::Closed), Err(Refusal::AskedSince));
    let shown = Seen::UpTo(story.incident.latest_request());
    says(&mut story, shown, DispatchState::Closed).unwrap();
    story.join(Request::Police);
    assert_eq!(says(&mut story, shown, DispatchState::EnRoute), Err(Refusal::AskedSince));
    assert_eq!(story.incident.dispatches[0].state, DispatchState::Requested);
    let shown = Seen::UpTo(story.incident.latest_request());
    assert_eq!(says(&mut story, shown, DispatchState::EnRoute), Ok(()));
}
