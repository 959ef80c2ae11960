//! I27: no sentence in the present tense about somebody who has not acknowledged. Asked, acknowledged
//! and done are three things.

use super::story::{Story, home, person, s};
use buckler::{
    api::incident::{Acknowledgment, Incident as Shown},
    domain::{
        incident::{
            Actor, CLAIM_LASTS, CallOutcome, CenterMode, DispatchState, Disposition, Mode, Policy,
            Purpose, Report, Request, Service,
            command::{CallStep, Command, Seen},
            disclosure::Audience,
            effect::{EffectKind, Notice, Signal},
            event::Event,
        },
        time::Timestamp,
    },
    server::presenters::{incident, timeline},
    view::incident::{
        banner, ended, is_number_first, running_detail, running_icon, running_title, summary,
    },
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
    story.moved(Service::Police, DispatchState::Rejected).unwrap();
    assert_eq!(running_title(&shown(&story), "911"), "Help has been requested", "rejected");
    story.moved(Service::Police, DispatchState::Accepted).unwrap();
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
        early.wait(CLAIM_LASTS - s(1));
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

fn reports(story: &mut Story, key: &str, report: Report) {
    let by = Actor::Outside { name: "Center".into() };
    story.give(Command::Report { by, key: key.into(), said_at: story.now, report }).unwrap();
}

fn moved(state: DispatchState) -> Report {
    Report::Moved { service: Service::Police, state, reference: None }
}

fn call_off(story: &mut Story) {
    let step = CallStep::Cancel { seen: Seen::All, authenticated: true };
    story.on_call(1, step).unwrap();
    assert_eq!(story.state(), "cancelled");
}

/// I9.
#[test]
fn call_off_says_who_was_on_the_way() {
    let mut story = story(CenterMode::Receiver);
    story.wait(s(6));
    reports(&mut story, "1", moved(DispatchState::EnRoute));
    assert_eq!(shown(&story).dispatches.len(), 1, "the home sees the patrol");
    call_off(&mut story);
    let below = |story: &Story| ended(&shown(story), "14:03").1;
    assert_eq!(
        below(&story),
        "They were asked to stop, and were on the way: police. They may still come."
    );
    assert!(says(&story, "The receiving center is asked to stop"), "{:#?}", told(&story));
    reports(&mut story, "2", moved(DispatchState::OnScene));
    assert_eq!(story.state(), "cancelled", "a note");
    assert!(says(&story, "Police: on scene"), "the home is told");
    let facts = story.facts.len();
    reports(&mut story, "2", moved(DispatchState::OnScene));
    assert_eq!(story.facts.len(), facts, "F28");
}

#[test]
fn call_off_claims_no_stop_that_nobody_confirmed() {
    for acknowledged in [false, true] {
        let mut story = story(CenterMode::Receiver);
        story.wait(s(6));
        if acknowledged {
            story.give(Command::Signaled { receiver: Some("main".into()) }).unwrap();
        }
        call_off(&mut story);
        let below = ended(&shown(&story), "14:03").1;
        assert!(below.starts_with("The monitoring center was asked to stop."), "{below}");
    }
    let mut alone = story(CenterMode::Automatic);
    alone.wait(s(6));
    call_off(&mut alone);
    assert!(ended(&shown(&alone), "14:03").1.starts_with("Help is not coming."));
}

#[test]
fn help_came_only_where_somebody_was_on_scene() {
    for came in [false, true] {
        let mut story = story(CenterMode::Automatic);
        story.wait(s(6));
        story.on_call(1, CallStep::Confirm).unwrap();
        if came {
            story.moved(Service::Police, DispatchState::OnScene).unwrap();
        }
        story.moved(Service::Police, DispatchState::Closed).unwrap();
        story.wait(s(600));
        assert_eq!(story.incident.disposition, Some(Disposition::ServicesClosed));
        let (heading, _) = ended(&shown(&story), "14:03");
        let expected =
            if came { "Police came and finished." } else { "The request was closed: police." };
        assert_eq!(heading, expected);
        assert_eq!(says(&story, "every service has finished"), came);
        assert_eq!(says(&story, "Police: done"), came);
    }
}

#[test]
fn announcement_is_only_asked_for() {
    let mut story = Story::live(Request::Medical);
    story.wait(s(5));
    assert!(says(&story, "was asked to announce"), "{:#?}", told(&story));
    assert!(!says(&story, "announces"));
}

#[test]
fn alarm_without_an_account_is_not_asked_again() {
    let mut story = story(CenterMode::Receiver);
    story.wait(s(5));
    story.give(Command::NoAccount).unwrap();
    story.give(Command::NoAccount).unwrap();
    assert!(says(&story, "no account at the receiving center"), "{:#?}", told(&story));
    assert!(!says(&story, "asked again"));
    let old: Event = serde_json::from_str(r#"{"what": "signal_failed"}"#).unwrap();
    assert_eq!(old, Event::SignalFailed { no_account: false });
}

/// R17.
#[test]
fn first_contact_who_was_not_reached_is_told_last() {
    let purposes = |story: &Story| -> Vec<(String, Purpose)> {
        let calls = story.incident.calls.iter();
        calls.map(|call| (call.contact.to_string(), call.purpose)).collect()
    };
    let mut story = story(CenterMode::Automatic);
    story.wait(s(300));
    let [sister, neighbor] = ["sister", "neighbor"].map(str::to_owned);
    let first = (sister.clone(), Purpose::Verify);
    assert_eq!(
        purposes(&story),
        [first.clone(), (neighbor.clone(), Purpose::Inform), (sister, Purpose::Inform)]
    );
    let mut hung_up = Story::live(Request::Police);
    hung_up.wait(s(6));
    hung_up.on_call(1, CallStep::AnsweredAndHungUp).unwrap();
    hung_up.wait(s(300));
    assert_eq!(purposes(&hung_up), [first, (neighbor, Purpose::Inform)], "she knows");
    let mut only = home();
    only.contacts.truncate(1);
    let mut only = Story::with_policy(&only, Request::Police, Mode::Live, false, Policy::default());
    only.wait(s(300));
    assert_eq!(only.incident.calls.len(), 2, "an only contact is told, too");
}

#[test]
fn lapsed_lease_is_offered_to_operators_again() {
    let offers = |story: &Story| {
        let is_offer = |kind: &EffectKind| {
            matches!(kind, EffectKind::Notify { reason: Notice::WaitsForOperator })
        };
        story.effects.iter().filter(|effect| is_offer(&effect.kind)).count()
    };
    let mut story = story(CenterMode::Operators);
    story.wait(s(5));
    assert_eq!(offers(&story), 1);
    story.give(Command::Claim { by: person("op") }).unwrap();
    story.give(Command::Release { by: Actor::Center, from: person("op") }).unwrap();
    assert_eq!(offers(&story), 2);
}

fn review(story: &mut Story, proceed: bool) {
    let (by, seen, note) = (person("ada"), Seen::All, String::new());
    story.give(Command::Review { by, seen, proceed, note }).unwrap();
}

fn signals(story: &Story) -> Vec<Signal> {
    let signal = |kind: &EffectKind| match kind {
        EffectKind::SignalReceiver { signal, .. } => Some(*signal),
        _ => None,
    };
    story.effects.iter().filter_map(|effect| signal(&effect.kind)).collect()
}

/// In receiver mode, found late after the alarm left.
fn late(acknowledged: bool) -> Story {
    let mut story = story(CenterMode::Receiver);
    story.wait(s(6));
    if acknowledged {
        story.give(Command::Signaled { receiver: Some("main".into()) }).unwrap();
    }
    story.sleep(s(1_200));
    assert_eq!(story.state(), "under_review");
    story
}

/// R22.
#[test]
fn review_knows_what_left() {
    let title = |story: &Story| running_title(&shown(story), "911");
    let mut nothing = Story::live(Request::Police);
    nothing.sleep(s(3_600));
    assert_eq!(title(&nothing), "Nothing was sent yet");
    assert!(says(&nothing, "before anything is sent"));
    assert_eq!(title(&late(false)), "It is not known what was sent");
    assert_eq!(title(&late(true)), "The monitoring center has your request");
    assert!(says(&late(true), "before anything more is sent"));
    review(&mut nothing, false);
    assert_eq!(ended(&shown(&nothing), "14:03").0, "Nothing was sent.");
    assert_eq!(summary(&shown(&nothing)), "Police, not sent");
}

/// R22.
#[test]
fn closed_review_stops_what_the_center_acknowledged() {
    let mut acknowledged = late(true);
    review(&mut acknowledged, false);
    assert_eq!(signals(&acknowledged), [Signal::Alarm, Signal::Cancel]);
    let (heading, _) = ended(&shown(&acknowledged), "14:03");
    assert_eq!(heading, "The monitoring center was asked to stop.");
    assert!(!says(&acknowledged, "nothing was sent"), "{:#?}", told(&acknowledged));
    assert_eq!(summary(&shown(&acknowledged)), "Police, finished");
}

/// R22. The server was killed before it knew whether the alarm had arrived.
#[test]
fn closed_review_cancels_an_alarm_without_an_answer() {
    let mut silent = late(false);
    review(&mut silent, false);
    assert_eq!(signals(&silent), [Signal::Alarm, Signal::Cancel]);
    assert!(says(&silent, "The receiving center is asked to stop"), "{:#?}", told(&silent));
}

/// R22. A server whose disk fails acts from memory, and nobody knows after a loss of power what it did.
#[test]
fn closed_review_asks_the_center_to_stop_in_any_case() {
    let mut nothing_left = story(CenterMode::Receiver);
    nothing_left.sleep(s(3_600));
    review(&mut nothing_left, false);
    assert_eq!(signals(&nothing_left), [Signal::Cancel]);
    assert!(says(&nothing_left, "in case it has an alarm"), "{:#?}", told(&nothing_left));
    assert_eq!(ended(&shown(&nothing_left), "14:03").0, "Nothing was sent.");
    // What was requested after the copy was made, nobody knows.
    let mut put_back = story(CenterMode::Receiver);
    put_back.put_back(&[]);
    review(&mut put_back, false);
    let services = put_back.effects.iter().find_map(|effect| match &effect.kind {
        EffectKind::SignalReceiver { signal: Signal::Cancel, services, .. } => Some(services.len()),
        _ => None,
    });
    assert_eq!(services, Some(3));
    for mode in [CenterMode::Automatic, CenterMode::Operators] {
        let mut alone = story(mode);
        alone.sleep(s(3_600));
        review(&mut alone, false);
        assert_eq!(signals(&alone), []);
    }
}

/// R22.
#[test]
fn review_that_proceeds_dispatches_at_once_and_repeats_nothing() {
    for acknowledged in [false, true] {
        let mut story = late(acknowledged);
        review(&mut story, true);
        assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 1));
        let alarms = if acknowledged { 1 } else { 2 };
        assert_eq!(signals(&story).len(), alarms, "what was acknowledged is not said again");
        assert!(!story.whats().contains(&"unclaimed"));
    }
}
