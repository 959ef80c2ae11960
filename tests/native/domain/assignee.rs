//! The reports of operators: only the operator who works on an incident reports on it.

use super::story::{Story, home, person, s};
use buckler::domain::incident::{
    CallOutcome, CallState, CenterMode, DispatchState, Disposition, Mode, Policy, Request, Service,
    command::{CallStep, Command, OperatorReport, Seen},
    decide::Refusal,
    event::{Event, Recorded},
};

/// An incident that Ed works on, whose first call rings.
fn claimed() -> Story {
    let operators = Policy { center: CenterMode::Operators, ..Policy::default() };
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, operators);
    story.wait(s(6));
    story.give(Command::Claim { by: person("ed") }).unwrap();
    story
}

fn call(story: &Story, step: CallStep) -> OperatorReport {
    OperatorReport::Call { call: story.incident.calls[0].id, step }
}

fn accepted() -> OperatorReport {
    OperatorReport::Dispatch {
        seen: Seen::All,
        service: Service::Police,
        state: DispatchState::Accepted,
        reference: Some("P-1".into()),
    }
}

fn closed() -> OperatorReport {
    OperatorReport::Close {
        seen: Seen::All,
        disposition: Disposition::HelpGiven,
        note: Some("Two officers".into()),
    }
}

fn report(story: &mut Story, by: &str, report: OperatorReport) -> Result<(), Refusal> {
    story.give(Command::ByAssignee { by: person(by), report })
}

#[test]
fn relieved_operator_reports_nothing() {
    let note = || OperatorReport::Note { text: "Gate is open".into() };
    for relieved_by in [None, Some("cy")] {
        let mut story = claimed();
        let (by, from) = (person("lead"), person("ed"));
        story
            .give(match relieved_by {
                None => Command::Release { by, from },
                Some(to) => Command::Assign { by, to: person(to), from: Some(from) },
            })
            .unwrap();
        let refused = |story: &mut Story, what: OperatorReport| {
            let before = story.facts.len();
            assert_eq!(report(story, "ed", what), Err(Refusal::AssignedToAnother));
            assert_eq!(story.facts.len(), before, "nothing is recorded");
        };
        let cancel = call(&story, CallStep::Cancel { seen: Seen::All, authenticated: true });
        refused(&mut story, cancel);
        let confirm = call(&story, CallStep::Confirm);
        refused(&mut story, confirm.clone());
        refused(&mut story, note());
        story.give(Command::Claim { by: person("cy") }).unwrap();
        report(&mut story, "cy", confirm).unwrap();
        for what in [accepted(), note(), closed()] {
            refused(&mut story, what.clone());
            report(&mut story, "cy", what).unwrap();
        }
        assert_eq!(story.state(), "closed");
    }
}

#[test]
fn report_of_the_assignee_stores_the_facts_of_its_command() {
    let told = |step: CallStep| -> Vec<Recorded> {
        let mut story = claimed();
        let first = call(&story, step);
        report(&mut story, "ed", first).unwrap();
        report(&mut story, "ed", accepted()).unwrap();
        report(&mut story, "ed", OperatorReport::Note { text: "Gate is open".into() }).unwrap();
        report(&mut story, "ed", closed()).unwrap();
        story.facts
    };
    let given = |step: CallStep| -> Vec<Recorded> {
        let mut story = claimed();
        let (service, state, reference) =
            (Service::Police, DispatchState::Accepted, Some("P-1".into()));
        let (by, disposition, note) =
            (person("ed"), Disposition::HelpGiven, Some("Two officers".into()));
        story.on_call(1, step).unwrap();
        let request = story.incident.dispatches[0].request;
        story.give(Command::Dispatch { service, request, state, reference }).unwrap();
        story.give(Command::Note { by: by.clone(), text: "Gate is open".into() }).unwrap();
        story.give(Command::Close { seen: Seen::All, by, disposition, note }).unwrap();
        story.facts
    };
    for step in [CallStep::Confirm, CallStep::AnsweredAndHungUp] {
        assert_eq!(told(step), given(step));
    }
}

/// An operator looks up the number, dials, asks and types.
#[test]
fn operator_has_twice_the_time_for_the_first_call() {
    let operators = Policy { center: CenterMode::Operators, ..Policy::default() };
    let begin = || {
        let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, operators);
        story.wait(s(6));
        story.give(Command::Claim { by: person("op") }).unwrap();
        story
    };
    let mut silent = begin();
    silent.wait(s(59));
    assert_eq!(silent.state(), "verifying");
    silent.wait(s(1));
    assert_eq!((silent.state(), silent.outcome(0)), ("dispatching", Some(CallOutcome::NoAnswer)));

    let mut talks = begin();
    talks.wait(s(50));
    talks.on_call(1, CallStep::Answer).unwrap();
    talks.wait(s(119));
    let step = CallStep::Cancel { seen: Seen::All, authenticated: true };
    assert_eq!(talks.on_call(1, step), Ok(()));
    assert_eq!(talks.state(), "cancelled", "the right password after 169 s");

    let mut undecided = begin();
    undecided.on_call(1, CallStep::Answer).unwrap();
    undecided.wait(s(120));
    assert_eq!(
        (undecided.state(), undecided.outcome(0)),
        ("dispatching", Some(CallOutcome::NoDecision))
    );
    let other = undecided.incident.calls.last().unwrap();
    let CallState::Ringing { until } = other.state else { panic!("the next contact is called") };
    assert_eq!(until, other.placed_at + s(30), "calls that Buckler makes take as long as ever");
}

/// I21.
#[test]
fn person_who_is_shown_a_home_is_recorded_once() {
    let mut story = claimed();
    let before = story.facts.len();
    for who in ["lead", "ed", "cy", "lead", "cy"] {
        story.give(Command::Shown { by: person(who) }).unwrap();
    }
    let is_by = |fact: &Recorded, who| matches!(&fact.event, Event::Noted { by, shown: true, .. } if *by == person(who));
    let recorded = &story.facts[before..];
    assert_eq!(recorded.len(), 2, "who claimed it is in the record already: {recorded:?}");
    assert!(is_by(&recorded[0], "lead") && is_by(&recorded[1], "cy"));
    story.give(Command::Release { by: person("ed"), from: person("ed") }).unwrap();
    let before = story.facts.len();
    story.give(Command::Shown { by: person("ed") }).unwrap();
    assert_eq!(story.facts.len(), before);
    let event = Event::Noted { by: person("ed"), text: "x".into(), shown: false };
    let note = Recorded { at: story.now, event };
    let stored = serde_json::to_value(&note).unwrap();
    assert!(stored.get("shown").is_none(), "as an earlier version stored it: {stored}");
    assert_eq!(serde_json::from_value::<Recorded>(stored).unwrap(), note);
}
