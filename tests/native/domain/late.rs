//! What comes late. R22: a server that was down across D acts as soon as it is back, if it is not
//! too late. F5: a request that is too old begins nothing.

use super::story::{NOON, Story, home, raise, s};
use buckler::domain::incident::{
    CenterMode, Disposition, Mode, Policy, Request, command::Raise, decide::put_back,
    effect::EffectKind, event::Event,
};

/// F19.
#[test]
fn server_down_for_20_s_across_d_sounds_and_calls_at_once() {
    let mut story = Story::live(Request::Police);
    story.sleep(s(20));
    assert_eq!(
        (story.state(), story.made("siren_on"), story.made("call_contact")),
        ("verifying", 3, 1)
    );
    assert_eq!(story.lateness_ms(), Some(15_000), "I16: the lateness is recorded");
}

/// R22.
#[test]
fn incident_a_minute_late_calls_but_does_not_sound() {
    let mut story = Story::live(Request::Police);
    story.sleep(s(65));
    assert_eq!((story.made("siren_on"), story.made("call_contact")), (0, 1));
    assert!(story.whats().contains(&"siren_failed"));
}

/// R22.
#[test]
fn sirens_alone_that_come_too_late_are_dropped() {
    let mut story = Story::live(Request::Siren);
    story.sleep(s(120));
    assert_eq!((story.state(), story.effects.len()), ("closed", 0));
    assert_eq!(story.incident.disposition, Some(Disposition::SirenTooLate));
}

/// R22.
#[test]
fn review_begins_at_fifteen_minutes_to_the_millisecond() {
    let at = |ms: u64| {
        let mut story = Story::live(Request::Police);
        story.sleep(s(5 + 15 * 60) + std::time::Duration::from_millis(ms));
        story.state()
    };
    assert_eq!((at(0), at(1)), ("verifying", "under_review"));
}

/// F20.
#[test]
fn server_down_for_three_hours_sends_nothing_by_itself() {
    let mut story = Story::live(Request::Police);
    story.sleep(s(3 * 3_600));
    story.wait(s(24 * 3_600));
    assert_eq!((story.state(), story.made("notify"), story.effects.len()), ("under_review", 1, 1));
}

/// I16, R22. A server that does not know how late it is continues there.
#[test]
fn countdown_of_unknown_lateness_calls_without_sirens() {
    let mut story = Story::live(Request::Police);
    story.now = story.incident.too_late_for_sirens_at().unwrap();
    story.wait(s(0));
    assert_eq!((story.state(), story.made("siren_on")), ("verifying", 0));
    assert_eq!((story.made("call_contact"), story.lateness_ms()), (1, Some(60_000)));
    assert_eq!(story.incident.too_late_for_sirens_at(), None, "a call goes on where it was");
}

/// I16.
#[test]
fn nothing_fires_early() {
    let mut story = Story::live(Request::Police);
    story.sleep(std::time::Duration::from_millis(4_999));
    assert_eq!((story.state(), story.facts.len()), ("counting_down", 1));
}

/// I19.
#[test]
fn later_edits_touch_no_running_incident() {
    let mut edited = home();
    let mut story = Story::begin(&edited, Request::Police, Mode::Live, false);
    edited.contacts.clear();
    edited.address = None;
    story.wait(s(5));
    assert_eq!(story.made("call_contact"), 1);
    assert!(story.incident.snapshot.address.is_some());
}

/// F5, F18.
#[test]
fn request_is_stale_more_than_a_minute_after_its_tap() {
    let sent = |sent_at| Raise { sent_at, ..raise(&home(), Request::Police, Policy::default()) };
    assert!(!sent(Some(NOON - s(60))).is_stale(NOON));
    assert!(sent(Some(NOON - s(61))).is_stale(NOON));
    assert!(!sent(Some(NOON + s(90))).is_stale(NOON), "a fast clock keeps nobody from asking");
    assert!(!sent(None).is_stale(NOON), "a button says no time");
}

/// I32: the receiving center may not have the alarm, and nobody must believe that it has.
#[test]
fn alarm_that_a_copy_had_still_to_send_is_said() {
    let policy = Policy { center: CenterMode::Receiver, ..Policy::default() };
    let mut story = Story::with_policy(&home(), Request::Fire, Mode::Live, false, policy);
    story.wait(s(6));
    let is_alarm = |kind: &EffectKind| matches!(kind, EffectKind::SignalReceiver { .. });
    let left: Vec<_> = story.effects.iter().filter(|effect| is_alarm(&effect.kind)).collect();
    assert_eq!(left.len(), 1);
    let says = |left: &[_]| {
        let facts = put_back(&story.incident, left, story.now).facts;
        facts.iter().any(|fact| match &fact.event {
            Event::Noted { text, .. } => {
                text.contains("the fire service had still to be requested")
            }
            _ => false,
        })
    };
    assert!(says(&left));
    assert!(!says(&[]));
}
