//! I24: every acknowledged press adds a fact that the people working on the incident see.

use super::story::{Story, home, person, s};
use buckler::domain::incident::{
    Actor, CenterMode, Disposition, Mode, Policy, REPEATS_MOST, Report, Request, Source,
    command::{Command, Seen},
    disclosure::disclosures,
    event::Event,
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
