//! I27: no sentence in the present tense about somebody who has not acknowledged. Asked, acknowledged
//! and done are three things.

use super::story::{Story, home, person, s};
use buckler::{
    api::incident::{Acknowledgment, Incident as Shown},
    domain::{
        incident::{
            Actor, CallOutcome, CenterMode, DispatchState, Mode, Policy, Report, Request, Service,
            command::{CallStep, Command, Seen},
            disclosure::Audience,
            event::Event,
        },
        time::Timestamp,
    },
    server::presenters::{incident, timeline},
    view::incident::{banner, is_number_first, running_detail, running_icon, running_title},
};

fn story(center: CenterMode) -> Story {
    let policy = Policy { center, ..Policy::default() };
    Story::with_policy(&home(), Request::Police, Mode::Live, false, policy)
}

fn shown(story: &Story) -> Shown {
    let (incident, facts) = (&story.incident, &story.facts);
    incident::present(incident, facts, Timestamp::default(), None, Audience::Home)
}

fn told(story: &Story) -> Vec<String> {
    let lines = timeline::lines(&story.incident, &story.facts, Audience::Home);
    lines.into_iter().map(|line| line.text).collect()
}

fn says(story: &Story, text: &str) -> bool {
    told(story).iter().any(|line| line.contains(text))
}

fn dispatch(state: DispatchState) -> Command {
    Command::Dispatch { service: Service::Police, state, reference: None }
}

/// I8.
#[test]
fn nobody_on_duty_delays_nothing_and_is_called_nobody() {
    let mut story = story(CenterMode::Operators);
    story.wait(s(5));
    assert_eq!((story.state(), story.made("call_contact")), ("verifying", 0), "it is offered");
    story.give(Command::NobodyOnDuty).unwrap();
    assert_eq!(story.made("call_contact"), 1, "the next step follows at once");
    assert!(says(&story, "Nobody is on duty at the monitoring center"), "{:#?}", told(&story));
    assert!(says(&story, "Buckler is calling Sister"), "{:#?}", told(&story));
    assert!(!says(&story, "operator"), "nobody took it: {:#?}", told(&story));
    let facts = story.facts.len();
    story.give(Command::NobodyOnDuty).unwrap();
    assert_eq!(story.facts.len(), facts, "it is not offered any more");
}

#[test]
fn operator_calls_only_once_one_took_the_incident() {
    let mut story = story(CenterMode::Operators);
    story.wait(s(5));
    story.give(Command::Claim { by: person("op") }).unwrap();
    assert!(says(&story, "An operator is calling Sister"), "{:#?}", told(&story));
    story.on_call(1, CallStep::Confirm).unwrap();
    assert!(says(&story, "Buckler is calling Neighbor"), "{:#?}", told(&story));
}

#[test]
fn heading_follows_the_acknowledgment() {
    let mut story = story(CenterMode::Operators);
    story.wait(s(5));
    let asked = shown(&story);
    assert_eq!(asked.acknowledgment, Acknowledgment::Waiting);
    assert_eq!(running_title(&asked, "911"), "Help has been requested");
    assert_eq!(running_icon(&asked), "info", "a check is for what was acknowledged");
    assert_eq!(running_detail(&asked), "Police, to 1 Elm Road. Nobody has confirmed yet.");
    story.give(Command::Claim { by: person("op") }).unwrap();
    let taken = shown(&story);
    assert_eq!(running_title(&taken, "911"), "Accepted by op");
    assert_eq!(
        (running_icon(&taken), running_detail(&taken).as_str()),
        ("check", "Police, to 1 Elm Road")
    );
    story.give(Command::Release { by: Actor::Center, from: person("op") }).unwrap();
    assert_eq!(
        running_title(&shown(&story), "911"),
        "Help has been requested",
        "nobody has it now"
    );
    story.on_call(1, CallStep::Answer).unwrap();
    assert_eq!(shown(&story).acknowledged_by.as_deref(), Some("Sister"));
    story.on_call(1, CallStep::Confirm).unwrap();
    story.give(dispatch(DispatchState::Rejected)).unwrap();
    assert_eq!(running_title(&shown(&story), "911"), "Help has been requested", "rejected");
    story.give(dispatch(DispatchState::Accepted)).unwrap();
    assert_eq!(running_title(&shown(&story), "911"), "The request was accepted");
}

#[test]
fn receiving_center_has_the_request_once_it_acknowledged() {
    let mut story = story(CenterMode::Receiver);
    story.wait(s(5));
    assert_eq!(shown(&story).acknowledgment, Acknowledgment::Waiting);
    story.give(Command::Signaled { receiver: None }).unwrap();
    assert_eq!(running_title(&shown(&story), "911"), "Help has been requested");
    story.give(Command::Signaled { receiver: Some("main".into()) }).unwrap();
    assert_eq!(running_title(&shown(&story), "911"), "The monitoring center has your request");
}

/// I8, R14.
#[test]
fn unanswered_request_is_said_on_every_screen() {
    for center in [CenterMode::Operators, CenterMode::Receiver, CenterMode::Automatic] {
        let mut story = story(center);
        story.wait(s(64));
        assert!(!story.whats().contains(&"unanswered"), "{center:?}");
        assert!(!is_number_first(&shown(&story)));
        story.wait(s(1));
        assert!(story.whats().contains(&"unanswered"), "{center:?}: a minute after D");
        let unanswered = shown(&story);
        assert!(is_number_first(&unanswered), "{center:?}");
        assert_eq!(running_title(&unanswered, "911"), "Nobody has confirmed. Call 911");
        assert_eq!(banner(&unanswered, "911").1, "alone");
        assert_eq!(running_icon(&unanswered), "warning");
        assert!(story.made("call_contact") > 0, "{center:?}: it goes on to the contacts");
        story.wait(s(3_600));
        let times = story.whats().iter().filter(|what| **what == "unanswered").count();
        assert_eq!(times, 1, "{center:?}");
    }
}

/// I8.
#[test]
fn acknowledgment_ends_what_is_unanswered() {
    let acknowledges: [&dyn Fn(&mut Story); 4] = [
        &|story| story.give(Command::Claim { by: person("op") }).unwrap(),
        &|story| story.give(Command::Signaled { receiver: Some("main".into()) }).unwrap(),
        &|story| {
            let by = Actor::Outside { name: "Center".into() };
            let (key, said_at) = ("1".into(), story.now);
            story.give(Command::Report { by, key, said_at, report: Report::Claimed }).unwrap();
        },
        &|story| {
            let call = story.incident.open_call().unwrap().id;
            story.give(Command::Call { call, step: CallStep::Confirm }).unwrap();
        },
    ];
    for (n, acknowledge) in acknowledges.into_iter().enumerate() {
        let mut early = story(CenterMode::Operators);
        early.wait(s(5));
        early.give(Command::NobodyOnDuty).unwrap();
        acknowledge(&mut early);
        early.wait(s(3_600));
        assert!(!early.whats().contains(&"unanswered"), "{n}");
        let mut late = story(CenterMode::Operators);
        late.wait(s(66));
        assert!(is_number_first(&shown(&late)), "{n}");
        acknowledge(&mut late);
        assert!(!is_number_first(&shown(&late)), "{n}: somebody has answered");
    }
}

/// I8.
#[test]
fn released_incident_waits_for_an_answer_again() {
    let mut story = story(CenterMode::Operators);
    story.wait(s(5));
    story.give(Command::Claim { by: person("op") }).unwrap();
    story.wait(s(300));
    assert!(!story.whats().contains(&"unanswered"));
    story.give(Command::Release { by: Actor::Center, from: person("op") }).unwrap();
    story.wait(s(59));
    assert!(!is_number_first(&shown(&story)));
    story.wait(s(1));
    assert!(is_number_first(&shown(&story)), "its operator is gone for a minute");
}

#[test]
fn drill_and_sirens_alone_wait_for_no_answer() {
    let mut drill = Story::begin(&home(), Request::Police, Mode::Drill, false);
    drill.wait(s(300));
    assert!(!drill.whats().contains(&"unanswered"));
    let mut sirens = Story::live(Request::Siren);
    sirens.wait(s(300));
    assert!(!sirens.whats().contains(&"unanswered"));
    let mut cancelled = Story::live(Request::Police);
    cancelled.wait(s(6));
    let cancel = CallStep::Cancel { seen: Seen::All, authenticated: true };
    cancelled.on_call(1, cancel).unwrap();
    cancelled.wait(s(300));
    assert!(!cancelled.whats().contains(&"unanswered"));
}

/// An earlier version wrote it without the field.
#[test]
fn old_fact_of_an_unclaimed_incident_is_read() {
    let old: Event = serde_json::from_str(r#"{"what": "unclaimed"}"#).unwrap();
    assert_eq!(old, Event::Unclaimed { nobody_on_duty: false });
    assert_eq!(serde_json::to_string(&old).unwrap(), r#"{"what":"unclaimed"}"#);
}

/// F25, R16.
#[test]
fn call_that_cannot_ring_is_over_at_once() {
    let mut story = story(CenterMode::Automatic);
    story.wait(s(5));
    story.on_call(1, CallStep::CannotRing).unwrap();
    assert_eq!(story.outcome(0), Some(CallOutcome::Failed));
    assert_eq!(story.state(), "dispatching", "D plus nothing");
    story.on_call(2, CallStep::CannotRing).unwrap();
    assert_eq!(story.outcome(1), Some(CallOutcome::Failed));
    story.on_call(1, CallStep::CannotRing).unwrap();
    assert_eq!(story.outcome(0), Some(CallOutcome::Failed), "said twice");
}

/// An operator dials by hand, whatever page is open.
#[test]
fn call_of_an_operator_needs_no_open_page() {
    let mut story = story(CenterMode::Operators);
    story.wait(s(5));
    story.give(Command::Claim { by: person("op") }).unwrap();
    story.on_call(1, CallStep::CannotRing).unwrap();
    assert_eq!((story.outcome(0), story.state()), (None, "verifying"));
    story.on_call(1, CallStep::Answer).unwrap();
    story.on_call(1, CallStep::CannotRing).unwrap();
    assert_eq!(story.outcome(0), None, "what was answered did ring");
}
