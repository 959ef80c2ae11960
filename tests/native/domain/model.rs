//! The invariants under random commands and time jumps. Failing seeds are kept beside this file.

use super::story::{NOON, Story, home, person};
use buckler::domain::{
    home::Home,
    incident::{
        Actor, CallOutcome, CenterMode, DispatchState, Disposition, Incident, Mode, Policy,
        Purpose, Report, Request, Service, Source, State,
        command::{CallStep, Command, NotReached, OperatorReport, Seen},
        disclosure::{Audience, disclosures},
        effect::EffectKind,
        event::{Event, Recorded},
    },
    time::Timestamp,
};
use buckler::{api::timeline::TimelineEntry, server::presenters::timeline};
use proptest::prelude::*;
use std::{collections::BTreeSet, time::Duration};

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Down(u64),
    Join(&'static str, Request),
    Give(Command),
    Moved(Service, DispatchState),
    OnCall(u8, CallStep),
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![1 => Just(Seen::All), 3 => (0u32..20).prop_map(Seen::UpTo)]
}

fn step() -> impl Strategy<Value = Step> {
    let request = prop::sample::select(Request::ALL.to_vec());
    let service = prop::sample::select(vec![Service::Police, Service::Fire, Service::Medical]);
    let progress = prop::sample::select(vec![
        DispatchState::Rejected,
        DispatchState::Accepted,
        DispatchState::EnRoute,
        DispatchState::OnScene,
        DispatchState::Closed,
    ]);
    let on_call = prop::sample::select(vec![
        CallStep::Answer,
        CallStep::Confirm,
        CallStep::Cancel { seen: Seen::All, authenticated: true },
        CallStep::Cancel { seen: Seen::UpTo(3), authenticated: true },
        CallStep::Cancel { seen: Seen::All, authenticated: false },
        CallStep::HangUp,
        CallStep::AnsweredAndHungUp,
        CallStep::NotReached(NotReached::Busy),
    ]);
    let who = prop::sample::select(vec!["ada", "ben"]);
    prop_oneof![
        4 => (0u64..40_000).prop_map(Step::Wait),
        1 => (0u64..2_000_000).prop_map(Step::Down),
        3 => (who.clone(), request).prop_map(|(w, request)| Step::Join(w, request)),
        3 => (who.clone(), seen()).prop_map(|(w, seen)| Step::Give(Command::Cancel { seen, by: person(w) })),
        1 => who.clone().prop_map(|w| Step::Give(Command::SendNow { by: person(w) })),
        1 => (who.clone(), seen()).prop_map(|(w, seen)| Step::Give(Command::Silence { seen, by: person(w) })),
        4 => (1u8..4, on_call).prop_map(|(n, s)| Step::OnCall(n, s)),
        2 => (service.clone(), progress.clone(), 0u8..6).prop_map(|(service, state, key)| {
            let report = if key == 5 { Report::Ended { disposition: Disposition::FalseAlarm } } else { Report::Moved { service, state, reference: None } };
            let by = Actor::Outside { name: "o".into() };
            Step::Give(Command::Report { by, key: key.to_string(), said_at: Timestamp::default(), report })
        }),
        2 => (service, progress).prop_map(|(service, state)| Step::Moved(service, state)),
        1 => (who.clone(), seen(), any::<bool>())
            .prop_map(|(w, seen, proceed)| Step::Give(Command::Review { seen, by: person(w), proceed, note: "n".into() })),
        1 => who.clone().prop_map(|w| Step::Give(Command::Claim { by: person(w) })),
        1 => who.clone().prop_map(|w| Step::Give(Command::Shown { by: person(w) })),
        1 => who.clone().prop_map(|w| Step::Give(Command::Release { by: person("lead"), from: person(w) })),
        1 => (who.clone(), seen()).prop_map(|(w, seen)| Step::Give(Command::Close { seen, by: person(w), disposition: Disposition::ClosedByCenter, note: None })),
        1 => (who.clone(), seen()).prop_map(|(w, seen)| {
            let report = OperatorReport::Close { seen, disposition: Disposition::ClosedByCenter, note: Some("n".into()) };
            Step::Give(Command::ByAssignee { by: person(w), report })
        }),
        1 => (who, seen()).prop_map(|(w, seen)| Step::Give(Command::End { seen, by: person(w) })),
        1 => Just(Step::Give(Command::ReplaceDrill)),
        1 => prop::sample::select(vec!["base", "keypad", "other"])
            .prop_map(|d| Step::Give(Command::SirenReported { device: d.parse().unwrap(), sounding: true })),
        1 => (prop::sample::select(vec!["base", "keypad", "other"]), 1u32..12)
            .prop_map(|(d, seq)| Step::Give(Command::SirenStopped { device: d.parse().unwrap(), seq })),
    ]
}

fn a_home() -> impl Strategy<Value = Home> {
    (any::<bool>(), 0usize..3, any::<bool>()).prop_map(|(alarm, contacts, replaced)| {
        let mut made = home();
        if replaced {
            let mut before = made.clone();
            before.contacts[0].phone = "+15035550199".into();
            made.note_changes(&before, &"ben".parse().unwrap(), "Ben", NOON);
        }
        if !alarm {
            made.devices.clear();
        }
        made.contacts.truncate(contacts);
        made
    })
}

/// The requests of people, as the facts record them.
fn asked(story: &Story) -> BTreeSet<Request> {
    story
        .facts
        .iter()
        .filter_map(|f| match f.event {
            Event::Started { request, .. } | Event::Joined { request, .. } => Some(request),
            _ => None,
        })
        .collect()
}

fn check(story: &Story, before: &Incident, was_up: bool) {
    let incident = &story.incident;
    let asked = asked(story);
    if !asked.iter().any(|r| r.sounds_sirens()) {
        assert_eq!(story.made("siren_on"), 0, "I1");
    }
    let mut requested = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for effect in &story.effects {
        assert!(keys.insert(&effect.key), "I12: keys are unique for ever");
        assert_eq!(effect.mode, incident.mode, "I18");
        match effect.kind {
            EffectKind::RequestDispatch { service } => {
                assert!(requested.insert((service, effect.seq)), "I2: once by each fact");
                assert!(
                    asked.iter().any(|r| r.service() == Some(service)),
                    "only what was asked for"
                );
            }
            EffectKind::SirenOn { until, .. } => {
                assert!(effect.not_after.is_some() && until > story.facts[0].at, "I13")
            }
            _ => {}
        }
    }
    let left_countdown =
        story.whats().iter().any(|w| matches!(*w, "countdown_over" | "sent_now" | "found_late"));
    assert!(left_countdown || story.effects.is_empty(), "I3: nothing leaves before D");
    check_calls(story);
    if before.is_over() {
        assert_eq!(incident.state, before.state, "I9: terminal states absorb");
    }
    assert_eq!(
        Incident::replay(incident.id, incident.home.clone(), &story.facts).as_ref(),
        Some(incident),
        "I15: replay equals what stands"
    );
    if was_up && let State::Verifying(_) = incident.state {
        let left =
            |f: &&Recorded| matches!(f.event, Event::CountdownOver { .. } | Event::SentNow { .. });
        let since = story.facts.iter().rev().find(left).unwrap().at;
        // An operator who makes the call by hand has twice the time.
        let most = match incident.snapshot.policy.center {
            CenterMode::Operators => 90 + 2 * (30 + 60) + 2,
            CenterMode::Automatic | CenterMode::Receiver => 30 + 60 + 2,
        };
        assert!(story.now.since(since) <= Duration::from_secs(most), "I8");
    }
    if let Some(next) = incident.next_deadline() {
        assert!(next > story.now, "what is due has been done");
    }
}

/// Who gives a command that ends something, and what they had been shown.
fn author(command: &Command) -> Option<(Actor, Seen)> {
    match command {
        Command::Cancel { by, seen }
        | Command::Review { by, seen, proceed: false, .. }
        | Command::Close { by, seen, .. }
        | Command::ByAssignee { by, report: OperatorReport::Close { seen, .. } }
        | Command::End { by, seen } => Some((by.clone(), *seen)),
        _ => None,
    }
}

/// I30: the facts since `before` end no request that `author` had not been shown.
fn ends_only_what_was_seen(story: &Story, before: usize, author: &Actor, seen: Seen) {
    let Seen::UpTo(shown) = seen else { return };
    let (earlier, made) = story.facts.split_at(before);
    // What was withdrawn is not ended a second time.
    let mut unseen = BTreeSet::new();
    for (number, fact) in (1..).zip(earlier) {
        match &fact.event {
            Event::Started { request, .. }
            | Event::Joined { request, .. }
            | Event::Repeated { request, .. }
                if number > shown =>
            {
                unseen.insert(*request);
            }
            Event::Withdrawn { requests, .. } => {
                unseen.retain(|request| !requests.contains(request));
            }
            Event::Aborted { .. } => unseen.clear(),
            _ => {}
        }
    }
    for fact in made {
        match &fact.event {
            Event::Withdrawn { requests, .. } => {
                assert!(
                    requests.iter().all(|request| !unseen.contains(request)),
                    "I30: {requests:?}"
                );
            }
            // An abort leaves what was in effect before the countdown.
            Event::Aborted { .. } => {
                let goes_on = |request: &Request| story.incident.requests.contains(*request);
                assert!(unseen.iter().all(goes_on), "I30: {unseen:?} is aborted unseen");
            }
            Event::Cancelled { .. } => {
                assert!(unseen.is_empty(), "I30: {unseen:?} is called off unseen");
            }
            Event::Closed { by, .. } if by == author => {
                assert!(unseen.is_empty(), "I30: {unseen:?} is closed unseen");
            }
            _ => {}
        }
    }
}

fn check_calls(story: &Story) {
    let incident = &story.incident;
    let first_dispatch =
        story.facts.iter().position(|f| matches!(f.event, Event::DispatchRequested { .. }));
    let mut placed = 0;
    for (at, fact) in story.facts.iter().enumerate() {
        match &fact.event {
            Event::CallPlaced { beside: true, contact, .. } => {
                let former = incident.snapshot.former_first.as_ref();
                assert_eq!(Some(contact), former.map(|c| &c.id), "R15");
                assert_eq!(incident.calls.iter().filter(|c| c.beside).count(), 1, "R15: once");
            }
            Event::CallPlaced { contact, .. } => {
                placed += 1;
                if placed == 1 && first_dispatch.is_none_or(|d| at < d) {
                    assert_eq!(
                        *contact, incident.snapshot.contacts[0].id,
                        "I7: the first contact first"
                    );
                } else {
                    assert!(
                        first_dispatch.is_some_and(|d| d < at),
                        "I7: others only after dispatch was requested"
                    );
                }
            }
            Event::Cancelled { .. } => {
                let called_off = incident.calls.iter().filter(|call| {
                    call.outcome() == Some(CallOutcome::Cancelled)
                        && call.purpose == Purpose::Verify
                });
                assert_eq!(called_off.count(), 1, "I5");
                assert_eq!(first_dispatch, None, "I6");
            }
            _ => {}
        }
    }
    let wrong =
        incident.calls.first().is_some_and(|c| c.outcome() == Some(CallOutcome::WrongPassword));
    assert!(!wrong || incident.state != State::Cancelled, "I17");
    let in_turn = incident.open_calls().filter(|call| !call.beside);
    assert!(in_turn.count() <= 1, "one call at a time");
    assert!(!incident.is_over() || incident.open_calls().count() == 0, "no call after the end");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000,
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::Direct("tests/native/domain/model.seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn invariants_hold_under_random_commands_and_time_jumps(
        home in a_home(),
        first in prop::sample::select(Request::ALL.to_vec()),
        drill in any::<bool>(),
        drill_sirens in any::<bool>(),
        operators in any::<bool>(),
        connected in any::<bool>(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mode = if drill { Mode::Drill } else { Mode::Live };
        let center = if operators { CenterMode::Operators } else { CenterMode::Automatic };
        let mut story = Story::with_policy(&home, first, mode, drill_sirens, Policy { center, connected, ..Policy::default() });
        let mut was_up = true;
        for step in steps {
            let (before, facts) = (story.incident.clone(), story.facts.len());
            let told = disclosures(&before, &story.facts);
            let lines = timeline::lines(&before, &story.facts, Audience::Center);
            match step {
                Step::Wait(ms) => story.wait(Duration::from_millis(ms)),
                Step::Down(ms) => {
                    was_up = false;
                    story.sleep(Duration::from_millis(ms));
                }
                Step::Join(who, request) => _ = story.give(Command::Join { request, source: Source::Dashboard, by: person(who) }),
                Step::Give(command) => {
                    let author = author(&command);
                    _ = story.give(command);
                    author.iter().for_each(|(by, seen)| ends_only_what_was_seen(&story, facts, by, *seen));
                }
                Step::Moved(service, state) => _ = story.moved(service, state),
                Step::OnCall(number, step) => {
                    _ = story.on_call(number, step);
                    if let CallStep::Cancel { seen, .. } = step {
                        ends_only_what_was_seen(&story, facts, &Actor::Center, seen);
                    }
                }
            }
            check(&story, &before, was_up);
            let tells = disclosures(&story.incident, &story.facts);
            let left = story.whats().iter().any(|what| matches!(*what, "countdown_over" | "sent_now" | "reviewed"));
            prop_assert!(left || tells.is_empty(), "I3: nothing is told before D");
            prop_assert!(tells.starts_with(&told), "what is told follows what was told");
            let now = timeline::lines(&story.incident, &story.facts, Audience::Center);
            prop_assert!(now.starts_with(&lines), "a line of the timeline never changes: {lines:#?} became {now:#?}");
            // The home learns of a wrong password only at the end (R16).
            let (at_home, is_over) = (timeline::lines(&story.incident, &story.facts, Audience::Home), story.incident.is_over());
            let differs = |(line, fact): (&TimelineEntry, &Recorded)| {
                let hidden = matches!(fact.event, Event::CallEnded { outcome: CallOutcome::WrongPassword, .. });
                (!hidden || is_over) && !now.contains(line)
            };
            prop_assert!(!at_home.iter().zip(&story.facts).any(differs), "the home is told the same, but for a wrong password");
            prop_assert!(tells.is_sorted_by_key(|(n, _)| *n), "in order");
        }
    }
}
