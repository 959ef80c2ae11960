//! R15: a contact who calls off every time does not keep help away.

use super::story::{NOON, Story, home, raise, s};
use buckler::{
    api::incident::CancelHow,
    domain::incident::{
        CALL_OFF_REMEMBERED, Mode, Policy, Purpose, Request, State, Verification,
        command::{CallStep, Raise, Seen},
        disclosure::Audience,
    },
    server::presenters::incident::present,
};

fn called_off() -> Story {
    let mut story = Story::live(Request::Police);
    story.wait(s(7));
    story.on_call(1, CallStep::Answer).unwrap();
    story.on_call(1, CallStep::Cancel { authenticated: true, seen: Seen::All }).unwrap();
    assert_eq!(story.state(), "cancelled");
    story
}

/// The next incident of the home, which the engine begins so soon after `before`.
fn next(before: &Story, after: std::time::Duration, mode: Mode) -> Story {
    let mut raise = Raise { mode, ..raise(&home(), Request::Police, Policy::default()) };
    raise.snapshot.called_off_at = before.incident.remembered_call_off(before.now + after);
    raise.snapshot.asked_again = raise.snapshot.called_off_at.is_some() && mode == Mode::Live;
    Story::raised(raise)
}

#[test]
fn request_soon_after_a_call_off_is_dispatched_without_asking() {
    let mut again = next(&called_off(), s(60), Mode::Live);
    let claims_a_call = |story: &Story| {
        let shown = present(&story.incident, &story.facts, story.now, None, Audience::Home);
        shown.cancel.how == CancelHow::AnswerFirstCall
    };
    again.incident.state = State::Verifying(Verification::Offered { until: again.now + s(90) });
    assert!(!claims_a_call(&again), "no call will come that cancels");
    again = next(&called_off(), s(60), Mode::Live);
    again.wait(s(5));
    assert_eq!((again.state(), again.made("request_dispatch")), ("dispatching", 1));
    let told: Vec<_> =
        again.incident.calls.iter().map(|c| (c.contact.as_str(), c.purpose)).collect();
    assert_eq!(told, [("sister", Purpose::Inform)], "who called it off is told, and not asked");
    assert_eq!(again.incident.waiting_contacts().count(), 1);
    again.on_call(1, CallStep::Answer).unwrap();
    again.on_call(1, CallStep::Cancel { authenticated: true, seen: Seen::All }).unwrap();
    assert_eq!(again.state(), "dispatching", "that call cancels nothing");
    again.wait(s(60));
    assert_eq!(again.incident.calls.len(), 2);
}

#[test]
fn call_off_is_remembered_for_half_an_hour() {
    let before = called_off();
    let late = next(&before, CALL_OFF_REMEMBERED, Mode::Live);
    assert!(late.incident.asks_first());
    let soon = next(&before, CALL_OFF_REMEMBERED - s(1), Mode::Live);
    assert!(!soon.incident.asks_first());
}

/// An abort or a drill in between does not forget it.
#[test]
fn call_off_is_remembered_over_an_abort_and_a_drill() {
    let before = called_off();
    let mut aborted = next(&before, s(10), Mode::Live);
    aborted
        .give(buckler::domain::incident::command::Command::Cancel {
            by: super::story::person("ada"),
            seen: Seen::All,
        })
        .unwrap();
    let drill = next(&aborted, s(10), Mode::Drill);
    assert!(drill.incident.asks_first(), "a drill goes through every step");
    assert!(!next(&drill, s(10), Mode::Live).incident.asks_first());
    assert_eq!(drill.incident.snapshot.called_off_at, Some(NOON + s(7)));
}
