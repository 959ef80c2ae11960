//! Takes every declared arrow of an incident: a story, a command, and the state that follows.

use super::story::{Story, WALKED, home, person, s};
use buckler::domain::incident::{
    Actor, CallOutcome, CenterMode, DispatchState, Disposition, Mode, Policy, Request, Service,
    Source,
    arrows::ARROWS,
    command::{CallStep, Command, NotReached, Seen},
    decide::Refusal,
};

/// Makes each story a test, and lists all of them for the coverage test below.
macro_rules! stories {
    ($($(#[$doc:meta])* fn $name:ident() $body:block)*) => {
        $($(#[$doc])* #[test] fn $name() $body)*
        const STORIES: &[fn()] = &[$($name),*];
    };
}

#[test]
fn every_declared_arrow_is_walked() {
    WALKED.with_borrow_mut(|w| w.clear());
    STORIES.iter().for_each(|story| story());
    let walked = WALKED.with_borrow(Clone::clone);
    let missing: Vec<_> = ARROWS.iter().filter(|a| !walked.contains(*a)).collect();
    assert!(missing.is_empty(), "declared but never walked: {missing:#?}");
}

fn cancel(story: &mut Story) -> Result<(), Refusal> {
    story.give(Command::Cancel { seen: Seen::All, by: person("ada") })
}

fn close_services(story: &mut Story) {
    for service in story.incident.dispatches.iter().map(|d| d.service).collect::<Vec<_>>() {
        story.moved(service, DispatchState::Closed).unwrap();
    }
}

stories! {
    /// R11.
    fn abort_before_d_leaves_no_trace_outside() {
        let mut story = Story::live(Request::Police);
        story.wait(std::time::Duration::from_millis(4_999));
        cancel(&mut story).unwrap();
        story.wait(s(3_600));
        assert_eq!((story.state(), story.effects.len()), ("aborted", 0));
        assert_eq!(cancel(&mut story), Ok(()), "the same cancel again changes nothing");
    }

    /// I4, F6.
    fn cancel_at_d_is_too_late_and_decided_once() {
        for late_ms in [0, 1, 500] {
            let mut story = Story::live(Request::Police);
            story.now = story.now + s(5) + std::time::Duration::from_millis(late_ms);
            assert_eq!(cancel(&mut story), Err(Refusal::CancelWindowClosed));
            assert_eq!(cancel(&mut story), Err(Refusal::CancelWindowClosed));
            assert_eq!(story.state(), "verifying");
            assert_eq!(story.whats().iter().filter(|w| **w == "cancel_refused").count(), 1, "R18: the wish is recorded, once a person");
            assert_eq!(story.lateness_ms(), Some(late_ms), "I16");
        }
    }

    /// R16.
    fn unanswered_call_leads_to_dispatch_and_the_others_are_told() {
        let mut story = Story::live(Request::Police);
        story.wait(s(5));
        assert_eq!((story.state(), story.made("call_contact"), story.made("request_dispatch")), ("verifying", 1, 0));
        story.wait(s(30));
        assert_eq!((story.state(), story.outcome(0)), ("dispatching", Some(CallOutcome::NoAnswer)));
        assert_eq!((story.made("call_contact"), story.made("request_dispatch")), (2, 1), "R17, I7");
        story.on_call(2, CallStep::Answer).unwrap();
        story.on_call(2, CallStep::Confirm).unwrap();
        assert_eq!(story.outcome(1), Some(CallOutcome::Told));
        story.on_call(3, CallStep::Confirm).unwrap();
        assert_eq!(story.incident.calls[2].contact, story.incident.calls[0].contact, "who did not answer is told last");
        close_services(&mut story);
        assert_eq!(story.incident.disposition, Some(Disposition::ServicesClosed));
    }

    /// F21.
    fn confirmed_call_dispatches_at_once() {
        let mut story = Story::live(Request::Fire);
        story.wait(s(7));
        story.on_call(1, CallStep::Answer).unwrap();
        assert_eq!(story.state(), "verifying");
        story.on_call(1, CallStep::Confirm).unwrap();
        assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 1));
        assert_eq!(story.on_call(1, CallStep::Confirm), Ok(()), "the same word again changes nothing");
        assert_eq!(story.made("request_dispatch"), 1);
    }

    /// I5.
    fn authenticated_cancel_in_the_first_call_prevents_dispatch() {
        let mut story = Story::live(Request::Police);
        story.wait(s(7));
        story.on_call(1, CallStep::Answer).unwrap();
        story.on_call(1, CallStep::Cancel { seen: Seen::All, authenticated: true }).unwrap();
        story.wait(s(3_600));
        assert_eq!((story.state(), story.made("request_dispatch"), story.made("siren_off")), ("cancelled", 0, 3));
        assert_eq!(cancel(&mut story), Err(Refusal::IncidentOver), "I9");
    }

    /// R16, I17.
    fn wrong_password_dispatches_and_answers_alike() {
        let mut story = Story::live(Request::Police);
        story.wait(s(7));
        story.on_call(1, CallStep::Answer).unwrap();
        assert_eq!(story.on_call(1, CallStep::Cancel { seen: Seen::All, authenticated: false }), Ok(()));
        assert_eq!((story.state(), story.outcome(0)), ("dispatching", Some(CallOutcome::WrongPassword)));
        assert_eq!(story.on_call(1, CallStep::Cancel { seen: Seen::All, authenticated: true }), Ok(()), "I6: the right one afterwards changes nothing");
        assert_eq!(story.state(), "dispatching");
        assert_eq!(story.on_call(1, CallStep::Confirm), Err(Refusal::CallOver));
    }

    /// F22.
    fn call_without_a_decision_dispatches_however_it_ends() {
        let steps: [(&[CallStep], CallOutcome); 6] = [
            (&[CallStep::Answer, CallStep::HangUp], CallOutcome::HungUp),
            (&[CallStep::AnsweredAndHungUp], CallOutcome::HungUp),
            (&[CallStep::NotReached(NotReached::Busy)], CallOutcome::Busy),
            (&[CallStep::NotReached(NotReached::Voicemail)], CallOutcome::Voicemail),
            (&[CallStep::NotReached(NotReached::Failed)], CallOutcome::Failed),
            (&[CallStep::Answer], CallOutcome::NoDecision),
        ];
        for (steps, outcome) in steps {
            let mut story = Story::live(Request::Police);
            story.wait(s(6));
            for step in steps {
                story.on_call(1, *step).unwrap();
            }
            story.wait(s(60));
            assert_eq!((story.state(), story.outcome(0)), ("dispatching", Some(outcome)));
        }
    }

    /// F23.
    fn answer_as_the_ring_timeout_fires_has_one_winner() {
        let mut story = Story::live(Request::Police);
        story.wait(s(5));
        story.now = story.now + s(30);
        assert_eq!(story.on_call(1, CallStep::Answer), Err(Refusal::CallOver));
        assert_eq!(story.state(), "dispatching");
    }

    /// F25.
    fn help_is_requested_at_d_without_contacts() {
        let mut empty = home();
        empty.contacts.clear();
        let mut story = Story::begin(&empty, Request::Medical, Mode::Live, false);
        story.wait(s(5));
        assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 1));
    }

    /// F26.
    fn only_the_first_call_cancels() {
        let mut story = Story::live(Request::Police);
        story.wait(s(35));
        story.on_call(2, CallStep::Cancel { seen: Seen::All, authenticated: true }).unwrap();
        assert_eq!((story.state(), story.outcome(1)), ("dispatching", Some(CallOutcome::Told)));
        assert!(story.whats().contains(&"noted"), "passed on as advice");
    }

    /// R10.
    fn send_now_skips_the_countdown() {
        let mut story = Story::live(Request::Police);
        story.give(Command::SendNow { by: person("ben") }).unwrap();
        assert_eq!((story.state(), story.made("siren_on"), story.made("call_contact")), ("verifying", 3, 1));
        assert_eq!(story.give(Command::SendNow { by: person("ben") }), Ok(()), "again changes nothing");
        assert_eq!(story.made("siren_on"), 3);
    }

    /// R12.
    fn siren_only_sounds_calls_nobody_and_ends_by_itself() {
        let mut story = Story::live(Request::Siren);
        story.wait(s(5));
        assert_eq!((story.state(), story.made("siren_on")), ("siren_sounding", 3));
        story.wait(s(600));
        assert_eq!((story.state(), story.made("siren_off")), ("closed", 3));
        assert_eq!((story.made("call_contact"), story.made("request_dispatch")), (0, 0));
    }

    fn siren_only_sent_now_and_silenced_is_over() {
        let mut story = Story::live(Request::Siren);
        story.give(Command::SendNow { by: person("ada") }).unwrap();
        story.give(Command::Silence { seen: Seen::All, by: person("ben") }).unwrap();
        assert_eq!((story.state(), story.incident.disposition), ("closed", Some(Disposition::SirenOver)));
    }

    /// R20.
    fn sos_takes_a_siren_over_with_its_own_countdown() {
        let mut story = Story::live(Request::Siren);
        story.wait(s(20));
        story.join(Request::Police);
        assert_eq!(story.state(), "counting_down");
        assert!(story.incident.siren.is_sounding(), "the sirens go on");
        cancel(&mut story).unwrap();
        assert_eq!(story.state(), "siren_sounding", "an abort returns to sirens only");
        story.join(Request::Medical);
        story.wait(s(5));
        assert_eq!((story.state(), story.incident.services()), ("verifying", vec![Service::Medical]), "what was aborted is not sent");
    }

    /// R20, F9.
    fn second_service_joins_and_each_is_dispatched_once() {
        let mut story = Story::live(Request::Medical);
        story.join(Request::Fire);
        story.join(Request::Fire);
        assert_eq!(story.incident.next_deadline(), Some(super::story::NOON + s(5)), "the deadline stays");
        story.wait(s(5));
        story.join(Request::Police);
        story.wait(s(30));
        story.join(Request::Police);
        story.join(Request::Medical);
        assert_eq!(story.made("request_dispatch"), 3, "I2");
        story.join(Request::Siren);
        assert_eq!(story.state(), "dispatching");
    }

    /// R20.
    fn service_that_joins_after_dispatch_is_dispatched_at_once() {
        let mut story = Story::live(Request::Medical);
        story.wait(s(36));
        assert_eq!((story.made("request_dispatch"), story.made("siren_on")), (1, 0));
        story.join(Request::Police);
        assert_eq!((story.made("request_dispatch"), story.made("siren_on")), (2, 3));
    }

    fn responders_only_move_forward() {
        let mut story = Story::live(Request::Police);
        story.wait(s(36));
        let mut report = |state| story.moved(Service::Police, state);
        report(DispatchState::Rejected).unwrap();
        report(DispatchState::Accepted).unwrap();
        report(DispatchState::OnScene).unwrap();
        report(DispatchState::EnRoute).unwrap();
        report(DispatchState::Rejected).unwrap();
        assert_eq!(report(DispatchState::OnScene), Ok(()));
        assert_eq!(story.incident.dispatches[0].state, DispatchState::OnScene);
        assert_eq!(story.moved(Service::Fire, DispatchState::Accepted), Err(Refusal::NotWaiting));
    }

    /// I5.
    fn center_can_close_only_what_was_dispatched() {
        let mut story = Story::live(Request::Police);
        assert_eq!(story.give(Command::Close { seen: Seen::All, by: person("op"), disposition: Disposition::HelpGiven, note: None }), Err(Refusal::NotWaiting));
        story.wait(s(6));
        assert_eq!(story.give(Command::Close { seen: Seen::All, by: person("op"), disposition: Disposition::HelpGiven, note: None }), Err(Refusal::NotWaiting));
        story.wait(s(30));
        story.give(Command::Close { seen: Seen::All, by: person("op"), disposition: Disposition::HelpGiven, note: None }).unwrap();
        assert_eq!((story.state(), story.made("siren_off")), ("closed", 3), "R19");
        assert!(story.incident.calls.iter().all(|c| !c.is_open()));
        assert_eq!(story.give(Command::SendNow { by: person("ada") }), Err(Refusal::IncidentOver), "I9");
    }

    /// R21.
    fn drill_is_replaced_by_the_real_thing_wherever_it_stands() {
        for wait in [0, 6, 40] {
            let mut story = Story::begin(&home(), Request::Police, Mode::Drill, true);
            story.wait(s(wait));
            story.give(Command::ReplaceDrill).unwrap();
            assert_eq!((story.state(), story.incident.disposition), ("closed", Some(Disposition::ReplacedByLive)));
            assert!(!story.incident.siren.is_sounding());
        }
        let mut live = Story::live(Request::Police);
        assert_eq!(live.give(Command::ReplaceDrill), Err(Refusal::NotWaiting), "I18");
    }

    fn unclaimed_goes_to_the_automatic_center() {
        let policy = Policy { center: CenterMode::Operators, ..Policy::default() };
        let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, policy);
        story.wait(s(64));
        assert_eq!((story.state(), story.made("notify"), story.made("call_contact")), ("verifying", 1, 0));
        story.wait(s(1));
        assert_eq!((story.made("notify"), story.made("call_contact")), (3, 1), "supervisors are told, and it goes on by itself");
        let policy = Policy { unclaimed_after_ms: 30_000, ..policy };
        let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, policy);
        story.wait(s(35));
        assert_eq!((story.made("notify"), story.made("call_contact")), (2, 1), "the center chose less");
        let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, policy);
        story.wait(s(5));
        story.give(Command::Claim { by: person("op") }).unwrap();
        assert_eq!((story.made("call_contact"), story.give(Command::Claim { by: person("op") })), (1, Ok(())), "the same person again");
        assert_eq!(story.give(Command::Claim { by: person("ed") }), Err(Refusal::AssignedToAnother), "two never work on one");
        story.give(Command::Release { by: person("op"), from: person("op") }).unwrap();
        story.give(Command::Claim { by: person("ed") }).unwrap();
        assert_eq!((story.incident.assignee.clone(), story.made("call_contact")), (Some(person("ed")), 1));
        // Release and assignment name the assignee that they expect, who may have changed by now.
        assert_eq!(story.give(Command::Release { by: Actor::Center, from: person("op") }), Err(Refusal::AssignedToAnother));
        let assign = |to: &str, from: Option<&str>| Command::Assign { by: person("lead"), to: person(to), from: from.map(person) };
        assert_eq!(story.give(assign("cy", Some("op"))), Err(Refusal::AssignedToAnother));
        assert_eq!(story.give(assign("cy", None)), Err(Refusal::AssignedToAnother));
        assert_eq!(story.incident.assignee, Some(person("ed")));
        story.give(assign("cy", Some("ed"))).unwrap();
        let last: Vec<_> = story.facts.iter().rev().take(2).map(|fact| fact.event.name()).collect();
        assert_eq!((last, story.incident.assignee.clone()), (vec!["claimed", "released"], Some(person("cy"))));
        let before = story.facts.len();
        story.give(assign("cy", Some("ed"))).unwrap();
        assert_eq!(story.facts.len(), before, "it is theirs already");
    }

    fn a_receiving_center_is_told_and_delays_nothing() {
        let receiver = Policy { center: CenterMode::Receiver, ..Policy::default() };
        let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, receiver);
        assert_eq!(story.made("signal_receiver"), 0, "I3");
        story.wait(s(5));
        assert_eq!((story.made("signal_receiver"), story.made("call_contact"), story.made("siren_on") > 0), (1, 1, true));
        for receiver in [None, None, Some("main"), Some("main"), None] {
            story.give(Command::Signaled { receiver: receiver.map(Into::into) }).unwrap();
        }
        assert_eq!(story.incident.signaled, Some(false));
        let told = story.facts.iter().filter(|fact| fact.event.name().starts_with("signal_")).count();
        assert_eq!((told, story.state()), (3, "verifying"), "each change once, and nothing else changes");
        story.give(Command::Join { request: Request::Fire, source: Source::Dashboard, by: person("ada") }).unwrap();
        assert_eq!(story.made("signal_receiver"), 2, "R20: what joins is told, too");
        cancel(&mut story).unwrap_err();
        assert_eq!(story.made("signal_receiver"), 2, "R18: a wish to cancel is none of the receiver's");
        let call = story.incident.calls[0].id;
        story.give(Command::Call { call, step: CallStep::Cancel { seen: Seen::All, authenticated: true } }).unwrap();
        assert_eq!((story.state(), story.made("signal_receiver")), ("cancelled", 3), "called off by the first contact");
        let mut aborted = Story::with_policy(&home(), Request::Police, Mode::Live, false, receiver);
        cancel(&mut aborted).unwrap();
        aborted.wait(s(60));
        assert_eq!(aborted.made("signal_receiver"), 0, "I3: nothing was sent");
    }

    /// R22.
    fn late_incident_is_reviewed_first() {
        let mut story = Story::live(Request::Police);
        story.sleep(s(5 + 15 * 60 + 1));
        assert_eq!((story.state(), story.effects.len(), story.made("notify")), ("under_review", 1, 1), "nothing is sent by itself");
        assert_eq!(cancel(&mut story), Err(Refusal::CancelWindowClosed));
        story.give(Command::Review { seen: Seen::All, by: person("op"), proceed: true, note: "still there".into() }).unwrap();
        assert_eq!((story.state(), story.made("request_dispatch"), story.made("call_contact")), ("dispatching", 1, 1), "a person decided: nobody else is asked first");
    }

    /// R22.
    fn review_can_end_a_late_incident() {
        let mut story = Story::live(Request::Siren);
        story.sleep(s(3_600));
        let review = |proceed| Command::Review { seen: Seen::All, by: person("ada"), proceed, note: String::new() };
        story.give(review(true)).unwrap();
        assert_eq!((story.state(), story.incident.disposition), ("closed", Some(Disposition::ReviewedNotSent)), "there is nothing to send");
        assert_eq!(story.give(review(true)), Err(Refusal::IncidentOver));
        let mut running = Story::live(Request::Police);
        assert_eq!(running.give(review(true)), Err(Refusal::NotWaiting));
    }

    /// R22.
    fn incident_cut_in_the_first_call_is_reviewed_then_dispatched() {
        let mut story = Story::live(Request::Police);
        story.wait(s(6));
        story.sleep(s(3 * 3_600));
        assert_eq!((story.state(), story.made("request_dispatch")), ("under_review", 0));
        story.give(Command::Review { seen: Seen::All, by: person("op"), proceed: true, note: String::new() }).unwrap();
        assert_eq!((story.state(), story.made("call_contact")), ("dispatching", 2), "the first call is made once; the others are told");
    }

    /// R20.
    fn sos_during_a_review_has_its_own_countdown() {
        let mut story = Story::live(Request::Police);
        story.sleep(s(3_600));
        story.join(Request::Medical);
        cancel(&mut story).unwrap();
        assert_eq!(story.state(), "under_review");
        story.join(Request::Siren);
        story.wait(s(5));
        assert_eq!((story.state(), story.made("siren_on")), ("under_review", 3));
        story.join(Request::Siren);
        story.give(Command::SendNow { by: person("ada") }).unwrap();
        assert_eq!(story.state(), "under_review");
        story.join(Request::Police);
        story.wait(s(5));
        assert_eq!(story.state(), "verifying");
    }
}
