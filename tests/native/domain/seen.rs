//! I30: a command ends only requests that its author had been shown.

use super::story::{Story, home, person, s};
use buckler::domain::incident::{
    Actor, CallOutcome, CenterMode, Disposition, Mode, Policy, Report, Request, Service, Source,
    State,
    command::{CallStep, Command, OperatorReport, Seen},
    decide::Refusal,
    disclosure::disclosures,
    event::Event,
};
use buckler::server::presenters::webhooks::messages;

fn join(story: &mut Story, who: &str, request: Request) {
    story.give(Command::Join { request, source: Source::Dashboard, by: person(who) }).unwrap();
}

fn cancel(story: &mut Story, who: &str, seen: Seen) -> Result<(), Refusal> {
    story.give(Command::Cancel { by: person(who), seen })
}

fn pending(story: &Story) -> Vec<Request> {
    match story.incident.state {
        State::CountingDown { pending, .. } => pending.iter().collect(),
        _ => Vec::new(),
    }
}

fn receiver() -> Policy {
    Policy { center: CenterMode::Receiver, ..Policy::default() }
}

/// Ada asks for police, Ben for medical 2 s later. Ada cancels before her screen shows that.
#[test]
fn cancel_leaves_a_request_that_its_author_had_not_seen() {
    let mut story = Story::live(Request::Police);
    let shown = story.incident.seq;
    story.wait(s(2));
    join(&mut story, "ben", Request::Medical);
    assert_eq!(cancel(&mut story, "ada", Seen::UpTo(shown)), Ok(()));
    assert_eq!(pending(&story), [Request::Medical], "Ben’s request counts down on");
    story.wait(s(3));
    assert_eq!((story.state(), story.incident.services()), ("verifying", vec![Service::Medical]));
    assert_eq!(story.made("siren_on"), 0, "I1: nobody asks for police any more");
    story.wait(s(30));
    assert_eq!(story.made("request_dispatch"), 1);
}

#[test]
fn cancel_by_an_author_who_saw_all_aborts_all() {
    let mut story = Story::live(Request::Police);
    join(&mut story, "ben", Request::Medical);
    let shown = story.incident.seq;
    assert_eq!(cancel(&mut story, "ada", Seen::UpTo(shown)), Ok(()));
    assert_eq!(story.state(), "aborted");
}

/// The same request again, by somebody else, is a request of their own.
#[test]
fn cancel_leaves_a_repetition_that_its_author_had_not_seen() {
    let mut story = Story::live(Request::Police);
    let shown = story.incident.seq;
    join(&mut story, "ben", Request::Police);
    assert_eq!(cancel(&mut story, "ada", Seen::UpTo(shown)), Err(Refusal::AskedSince));
    assert_eq!(pending(&story), [Request::Police]);
    assert_eq!(cancel(&mut story, "ada", Seen::UpTo(shown + 1)), Ok(()));
    assert_eq!(story.state(), "aborted");
}

/// A family may share one account: the other phone has asked for fire.
#[test]
fn cancel_leaves_a_request_of_the_same_account_on_another_phone() {
    let mut story = Story::live(Request::Police);
    join(&mut story, "ada", Request::Fire);
    assert_eq!(cancel(&mut story, "ada", Seen::UpTo(1)), Ok(()));
    assert_eq!(pending(&story), [Request::Fire]);
    let mut story = Story::live(Request::Police);
    join(&mut story, "ada", Request::Fire);
    let a_second_ago = Seen::Before(story.now - s(1));
    assert_eq!(cancel(&mut story, "ada", a_second_ago), Ok(()), "an older app names nothing");
    assert_eq!(story.state(), "aborted");
}

/// I28: a withdrawal by the number of the request.
#[test]
fn withdrawal_takes_one_request_of_its_author() {
    let mut story = Story::live(Request::Police);
    assert_eq!(cancel(&mut story, "ben", Seen::Only(1)), Err(Refusal::AskedSince), "Ada’s");
    join(&mut story, "ada", Request::Fire);
    let fire = story.incident.seq;
    join(&mut story, "ben", Request::Medical);
    assert_eq!(cancel(&mut story, "ada", Seen::Only(fire)), Ok(()));
    assert_eq!(pending(&story), [Request::Police, Request::Medical]);
    join(&mut story, "ben", Request::Police);
    assert_eq!(cancel(&mut story, "ada", Seen::Only(1)), Err(Refusal::AskedSince), "Ben’s, too");
    assert_eq!(cancel(&mut story, "ben", Seen::Only(fire + 1)), Ok(()));
    assert_eq!(pending(&story), [Request::Police]);
    story.wait(s(6));
    assert_eq!(cancel(&mut story, "ada", Seen::Only(1)), Err(Refusal::CancelWindowClosed));
}

/// An installed app that is older than the server names no sequence number.
#[test]
fn cancel_without_a_number_ends_what_is_older() {
    let mut story = Story::live(Request::Police);
    story.wait(s(2));
    join(&mut story, "ben", Request::Medical);
    let second = |story: &Story| Seen::Before(story.now - s(1));
    let seen = second(&story);
    assert_eq!(cancel(&mut story, "ada", seen), Ok(()));
    assert_eq!(pending(&story), [Request::Medical]);
    story.wait(s(2));
    let seen = second(&story);
    assert_eq!(cancel(&mut story, "ada", seen), Ok(()));
    assert_eq!(story.state(), "aborted");
}

#[test]
fn withdrawn_request_leaves_no_trace_if_the_rest_is_aborted() {
    let mut story = Story::live(Request::Police);
    join(&mut story, "ben", Request::Medical);
    cancel(&mut story, "ada", Seen::UpTo(1)).unwrap();
    cancel(&mut story, "ben", Seen::UpTo(2)).unwrap();
    assert_eq!(story.state(), "aborted");
    assert!(disclosures(&story.incident, &story.facts).is_empty(), "R11");
    assert!(story.effects.is_empty(), "I3");
}

/// R11.
#[test]
fn withdrawn_request_leaves_no_trace_beside_the_rest() {
    for (first, joined, by, shown) in [
        (Request::Police, Request::Medical, "ada", Seen::UpTo(1)),
        (Request::Medical, Request::Police, "ben", Seen::Only(2)),
    ] {
        let mut story = Story::live(first);
        join(&mut story, "ben", joined);
        cancel(&mut story, by, shown).unwrap();
        story.wait(s(6));
        let told = messages(&story.incident, &story.facts, None, 1);
        let text = serde_json::to_string(&told).unwrap().to_lowercase();
        assert!(text.contains("medical") && !text.contains("police"), "{text}");
    }
}

#[test]
fn withdrawn_request_can_be_made_again() {
    let mut story = Story::live(Request::Police);
    join(&mut story, "ben", Request::Medical);
    cancel(&mut story, "ada", Seen::UpTo(1)).unwrap();
    join(&mut story, "ada", Request::Police);
    assert_eq!(pending(&story), [Request::Police, Request::Medical]);
    assert!(matches!(story.facts.last().unwrap().event, Event::Joined { .. }), "it is a new one");
}

/// Sirens sound alone, police count down: a cancel of police leaves what else was asked for.
#[test]
fn cancel_of_a_second_countdown_leaves_unseen_requests() {
    let mut story = Story::live(Request::Siren);
    story.wait(s(6));
    join(&mut story, "ada", Request::Police);
    let shown = story.incident.seq;
    join(&mut story, "ben", Request::Fire);
    cancel(&mut story, "ada", Seen::UpTo(shown)).unwrap();
    assert_eq!(pending(&story), [Request::Fire]);
    cancel(&mut story, "ben", Seen::UpTo(shown + 1)).unwrap();
    assert_eq!(story.state(), "siren_sounding", "what was asked for before the countdown goes on");
}

#[test]
fn silence_is_refused_after_an_unseen_request_with_sirens() {
    let mut story = Story::live(Request::Police);
    story.wait(s(6));
    let shown = story.incident.seq;
    let silence = |seen| Command::Silence { by: person("ada"), seen: Seen::UpTo(seen) };
    join(&mut story, "ben", Request::Fire);
    assert_eq!(story.give(silence(shown)), Err(Refusal::AskedSince));
    assert!(story.incident.siren.is_sounding());
    assert_eq!(story.give(silence(story.incident.seq)), Ok(()));
    let shown = story.incident.seq;
    join(&mut story, "ben", Request::Police);
    assert!(story.incident.siren.is_sounding());
    join(&mut story, "ben", Request::Medical);
    let seen = story.incident.seq - 1;
    assert_eq!(story.give(silence(shown)), Err(Refusal::AskedSince));
    assert_eq!(story.give(silence(seen)), Ok(()), "medical sounds nothing");
}

/// The contact was told “police”, and Ben asked for medical while they talked.
#[test]
fn call_off_of_a_request_the_contact_was_not_told_is_refused() {
    for authenticated in [true, false] {
        let mut story = Story::live(Request::Police);
        story.wait(s(7));
        story.on_call(1, CallStep::Answer).unwrap();
        let told = story.incident.seq;
        join(&mut story, "ben", Request::Medical);
        let call_off = |seen| CallStep::Cancel { authenticated, seen: Seen::UpTo(seen) };
        assert_eq!(
            story.on_call(1, call_off(told)),
            Err(Refusal::AskedSince),
            "I17: with any password"
        );
        assert_eq!(story.state(), "verifying", "the call goes on");
        let told = story.incident.seq;
        assert_eq!(story.on_call(1, call_off(told)), Ok(()));
        assert_eq!(story.state(), if authenticated { "cancelled" } else { "dispatching" });
    }
}

#[test]
fn call_off_of_an_informed_contact_stays_advice() {
    let mut story = Story::live(Request::Police);
    story.wait(s(36));
    story.on_call(2, CallStep::Answer).unwrap();
    join(&mut story, "ben", Request::Medical);
    let step = CallStep::Cancel { authenticated: true, seen: Seen::UpTo(1) };
    assert_eq!(story.on_call(2, step), Ok(()), "it ends nothing");
    assert_eq!(story.outcome(1), Some(CallOutcome::Told));
}

#[test]
fn operator_does_not_close_what_was_asked_for_unseen() {
    let operators = Policy { center: CenterMode::Operators, ..Policy::default() };
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, operators);
    story.wait(s(6));
    story.give(Command::Claim { by: person("op") }).unwrap();
    story.wait(s(60));
    let shown = story.incident.seq;
    join(&mut story, "ben", Request::Fire);
    let close = |seen| Command::ByAssignee {
        by: person("op"),
        report: OperatorReport::Close {
            seen: Seen::UpTo(seen),
            disposition: Disposition::FalseAlarm,
            note: None,
        },
    };
    assert_eq!(story.give(close(shown)), Err(Refusal::AskedSince));
    assert_eq!(story.state(), "dispatching");
    assert_eq!(story.give(close(story.incident.seq)), Ok(()));
}

#[test]
fn household_does_not_end_what_was_asked_for_unseen() {
    let mut story = Story::live(Request::Police);
    story.wait(s(95));
    let shown = story.incident.seq;
    join(&mut story, "ben", Request::Police);
    let end = |seen| Command::End { by: person("ada"), seen: Seen::UpTo(seen) };
    assert_eq!(story.give(end(shown)), Err(Refusal::AskedSince), "he has pressed again");
    assert_eq!(story.give(end(story.incident.seq)), Ok(()));
}

#[test]
fn review_ends_nothing_that_was_asked_for_unseen() {
    let mut story = Story::live(Request::Police);
    let shown = story.incident.seq;
    join(&mut story, "ben", Request::Fire);
    story.sleep(s(3_600));
    assert_eq!(story.state(), "under_review");
    let review = |proceed, seen| Command::Review {
        by: person("ada"),
        seen: Seen::UpTo(seen),
        proceed,
        note: String::new(),
    };
    assert_eq!(story.give(review(false, shown)), Err(Refusal::AskedSince));
    assert_eq!(story.give(review(true, shown)), Ok(()), "sending ends nothing");
}

/// Where only sirens were asked for, sending after all ends the incident as well.
#[test]
fn review_of_sirens_alone_ends_nothing_unseen() {
    let mut story = Story::live(Request::Siren);
    let shown = story.incident.seq;
    story.sleep(s(3_600));
    join(&mut story, "ben", Request::Siren);
    story.wait(s(5));
    assert_eq!(story.state(), "under_review");
    let send = |seen| Command::Review {
        by: person("ada"),
        seen: Seen::UpTo(seen),
        proceed: true,
        note: String::new(),
    };
    assert_eq!(story.give(send(shown)), Err(Refusal::AskedSince));
    assert_eq!(story.give(send(story.incident.seq)), Ok(()));
    assert_eq!(story.state(), "closed");
}

/// Closed elsewhere, then Ben asks for fire while the first call rings. Before, fire was requested
/// and closed in one decision.
#[test]
fn request_after_an_end_elsewhere_goes_on() {
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, receiver());
    story.wait(s(6));
    let by = || Actor::Outside { name: "Center".into() };
    let report = || Report::Ended { disposition: Disposition::FalseAlarm };
    let said_at = story.now;
    story.give(Command::Report { by: by(), key: "1".into(), said_at, report: report() }).unwrap();
    story.wait(s(1));
    join(&mut story, "ben", Request::Fire);
    story.wait(s(31));
    assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 2));
    // The same end, on its way while Ben asked.
    story.give(Command::Report { by: by(), key: "2".into(), said_at, report: report() }).unwrap();
    assert_eq!(story.state(), "dispatching", "it was said before the request");
    let said_at = story.now;
    story.give(Command::Report { by: by(), key: "3".into(), said_at, report: report() }).unwrap();
    assert_eq!(story.state(), "closed");
}

/// A home may have many members, devices and contacts; the incident remembers each only once for a
/// request.
#[test]
fn requests_are_remembered_once_for_each_person() {
    let mut story = Story::live(Request::Police);
    for _ in 0..50 {
        join(&mut story, "ben", Request::Police);
    }
    assert_eq!(story.incident.asked.len(), 2);
}
