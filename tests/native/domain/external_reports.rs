//! What other systems are told of an incident, and what their reports change.

use super::story::{NOON, Story, home, person, raise, s};
use buckler::{
    domain::{
        id::IncidentId,
        incident::{
            Actor, ByHome, CallOutcome, CenterMode, DispatchState, Disposition, Mode, Policy,
            Quiet, REPORTED_FOR, Report, Request, Service, Source,
            command::{CallStep, Command, Raise, Seen},
            decide::Refusal,
            disclosure::{Audience, disclosures},
        },
    },
    server::presenters::statistics::Handled,
};
use std::time::Duration;

fn told(story: &Story) -> Vec<&'static str> {
    disclosures(&story.incident, &story.facts)
        .into_iter()
        .map(|(n, _)| story.facts[n].event.name())
        .collect()
}

fn report(story: &mut Story, key: &str, report: Report) -> Result<(), Refusal> {
    let by = Actor::Outside { name: "Harbor".into() };
    let said_at = story.now;
    story.give(Command::Report { by, key: key.into(), said_at, report })
}

fn moved(state: DispatchState) -> Report {
    Report::Moved { service: Service::Police, state, reference: None }
}

fn with_receiver(request: Request) -> Story {
    let receiver = Policy { center: CenterMode::Receiver, ..Policy::default() };
    let mut story = Story::with_policy(&home(), request, Mode::Live, false, receiver);
    story.wait(s(5));
    story
}

/// I3.
#[test]
fn nothing_is_told_before_d_and_nothing_of_what_was_aborted() {
    let mut story = Story::live(Request::Police);
    story.wait(s(4));
    assert_eq!(told(&story), [""; 0]);
    story.join(Request::Fire);
    assert_eq!(told(&story), [""; 0], "nor of what joins");
    story.wait(s(1));
    assert_eq!(told(&story)[..3], ["started", "joined", "countdown_over"]);
    let mut aborted = Story::live(Request::Police);
    aborted.give(Command::Cancel { seen: Seen::All, by: person("ada") }).unwrap();
    aborted.wait(s(60));
    assert_eq!(told(&aborted), [""; 0]);
}

/// I3.
#[test]
fn aborted_sos_beside_sirens_is_not_told_but_the_sirens_are() {
    let mut story = Story::live(Request::Siren);
    story.wait(s(6));
    story.join(Request::Police);
    story.give(Command::SirenReported { device: "base".parse().unwrap(), sounding: true }).unwrap();
    assert_eq!(
        told(&story).last(),
        Some(&"siren_on"),
        "what happens meanwhile waits, so that the order stays"
    );
    story.give(Command::Cancel { seen: Seen::All, by: person("ada") }).unwrap();
    assert_eq!(told(&story), ["started", "countdown_over", "siren_on", "siren_confirmed"]);
    story.wait(s(600));
    assert_eq!(told(&story).last(), Some(&"closed"));
}

/// R22.
#[test]
fn late_incident_is_told_only_if_somebody_sends_it() {
    for (proceed, expected) in [(true, "started"), (false, "")] {
        let mut story = Story::live(Request::Police);
        story.sleep(s(3_600));
        assert_eq!(told(&story), [""; 0]);
        story
            .give(Command::Review {
                seen: Seen::All,
                by: person("op"),
                proceed,
                note: String::new(),
            })
            .unwrap();
        assert_eq!(told(&story).first().copied().unwrap_or_default(), expected);
    }
}

/// I5.
#[test]
fn report_ends_no_first_call_and_counts_once_help_is_requested() {
    let mut story = with_receiver(Request::Police);
    report(&mut story, "1", Report::Claimed).unwrap();
    report(
        &mut story,
        "2",
        Report::Called { name: "Sister".into(), outcome: CallOutcome::Confirmed },
    )
    .unwrap();
    report(&mut story, "3", moved(DispatchState::Accepted)).unwrap();
    report(&mut story, "4", moved(DispatchState::EnRoute)).unwrap();
    assert_eq!((story.state(), story.incident.dispatches.len()), ("verifying", 0));
    let facts = story.facts.len();
    report(&mut story, "3", moved(DispatchState::Accepted)).unwrap();
    report(&mut story, "9", moved(DispatchState::Rejected)).unwrap();
    assert_eq!(story.facts.len(), facts, "F28: nothing counts twice, and nothing goes back");
    story.wait(s(30));
    assert_eq!(
        (story.state(), story.incident.dispatches[0].state),
        ("dispatching", DispatchState::EnRoute)
    );
    report(&mut story, "5", moved(DispatchState::OnScene)).unwrap();
    assert_eq!(story.incident.dispatches[0].state, DispatchState::OnScene);
    report(&mut story, "6", Report::Ended { disposition: Disposition::HelpGiven }).unwrap();
    assert_eq!(
        (story.state(), story.incident.disposition),
        ("closed", Some(Disposition::HelpGiven))
    );
    assert_eq!(
        report(&mut story, "7", moved(DispatchState::Closed)),
        Err(Refusal::IncidentOver),
        "I9"
    );
}

#[test]
fn an_incident_keeps_so_many_reports_and_no_more() {
    let mut story = with_receiver(Request::Police);
    for n in 0..600 {
        report(&mut story, &n.to_string(), Report::Released).unwrap();
    }
    assert_eq!(story.whats().iter().filter(|what| **what == "reported").count(), 500);
    story.wait(s(30));
    assert_eq!(story.state(), "dispatching", "and goes on by itself");
}

/// I5.
#[test]
fn end_elsewhere_waits_for_the_first_call() {
    let mut story = with_receiver(Request::Police);
    report(&mut story, "1", Report::Ended { disposition: Disposition::FalseAlarm }).unwrap();
    assert_eq!(story.state(), "verifying");
    story.wait(s(30));
    assert_eq!(
        (story.state(), story.incident.disposition),
        ("closed", Some(Disposition::FalseAlarm))
    );
    assert_eq!(story.made("call_contact"), 1, "nobody is told that help comes");
    let mut called_off = with_receiver(Request::Police);
    report(&mut called_off, "1", Report::Ended { disposition: Disposition::HelpGiven }).unwrap();
    called_off.on_call(1, CallStep::Cancel { seen: Seen::All, authenticated: true }).unwrap();
    assert_eq!(called_off.state(), "cancelled");
}

/// I3, I18.
#[test]
fn report_counts_only_for_a_requested_live_service_after_d() {
    let mut early = Story::live(Request::Police);
    assert_eq!(report(&mut early, "1", Report::Claimed), Err(Refusal::NotWaiting));
    let mut sirens = Story::live(Request::Siren);
    sirens.wait(s(5));
    assert_eq!(report(&mut sirens, "1", Report::Claimed), Err(Refusal::NotWaiting));
    let mut drill = Story::begin(&home(), Request::Police, Mode::Drill, false);
    drill.wait(s(5));
    assert_eq!(report(&mut drill, "1", moved(DispatchState::Accepted)), Err(Refusal::NotWaiting));
    let mut medical = with_receiver(Request::Medical);
    assert_eq!(report(&mut medical, "1", moved(DispatchState::Accepted)), Err(Refusal::NotWaiting));
}

#[test]
fn the_time_of_a_report_is_the_one_at_which_it_happened() {
    let mut story = with_receiver(Request::Police);
    story.now = story.now + s(10);
    let by = Actor::Outside { name: "Olive, Harbor".into() };
    let command = |key: &str, said_at| Command::Report {
        by: by.clone(),
        key: key.into(),
        said_at,
        report: Report::Claimed,
    };
    story.give(command("1", NOON + s(9))).unwrap();
    story.give(command("2", NOON + s(3_600))).unwrap();
    let lines =
        buckler::server::presenters::timeline::lines(&story.incident, &story.facts, Audience::Home);
    let at = |n: usize| lines[lines.len() - n].at;
    assert_eq!((at(2), at(1)), (NOON + s(9), story.now), "and never one that has not come yet");
}

#[test]
fn agency_that_accepts_by_a_report_counts_in_the_statistics() {
    let mut story = with_receiver(Request::Police);
    let accepted = |story: &Story| {
        Handled::of(&story.incident, &story.facts).and_then(|handled| handled.accepted_ms)
    };
    assert_eq!(accepted(&story), None);
    story.wait(s(2));
    report(&mut story, "1", moved(DispatchState::Accepted)).unwrap();
    assert_eq!(accepted(&story), Some(2_000));
}

/// I24.
#[test]
fn report_that_may_mean_another_incident_is_a_note() {
    let mut story = with_receiver(Request::Police);
    story.wait(s(30));
    let unnamed = |said: Report| Report::Unnamed { said: Box::new(said) };
    for (key, said) in [
        ("1", Report::Claimed),
        ("2", moved(DispatchState::Accepted)),
        ("3", Report::Ended { disposition: Disposition::HelpGiven }),
    ] {
        let before = story.incident.clone();
        report(&mut story, key, unnamed(said.clone())).unwrap();
        report(&mut story, key, unnamed(said)).unwrap();
        let after = &story.incident;
        assert_eq!(after.seq, before.seq + 1, "F28: it is recorded once");
        assert_eq!(
            (&after.state, &after.dispatches, after.acknowledgment()),
            (&before.state, &before.dispatches, before.acknowledgment())
        );
    }
}

/// I24: what the sender of a report by account can speak of.
#[test]
fn report_by_account_is_about_the_only_incident_that_was_sent() {
    let told = |id: u128| {
        let policy = Policy { center: CenterMode::Receiver, ..Policy::default() };
        let raised = raise(&home(), Request::Police, policy);
        let mut story =
            Story::raised(Raise { id: IncidentId(uuid::Uuid::from_u128(id)), ..raised });
        story.wait(s(5));
        story
    };
    let call_off = |story: &mut Story| {
        story.on_call(1, CallStep::Cancel { seen: Seen::All, authenticated: true }).unwrap();
    };
    let running = told(1);
    let id = running.incident.id;
    let find = |running: &[&Story], before: &[&Story], now| {
        let of =
            |stories: &[&Story]| stories.iter().map(|s| s.incident.clone()).collect::<Vec<_>>();
        ByHome::find(&of(running), &of(before), now, now)
            .map(|found| (found.incident, found.is_sure))
    };
    let now = running.now;
    assert_eq!(find(&[], &[&running], now), None, "nothing runs");
    assert_eq!(find(&[&running], &[&running], now), Some((id, true)), "it is in the store, too");
    let said = |ago| ByHome::find([&running.incident], [], running.incident.deadline - ago, now);
    let is_sure = |ago| said(ago).map(|found| found.is_sure);
    let countdown = Duration::from_millis(running.incident.snapshot.countdown_ms);
    assert_eq!(is_sure(countdown), Some(true), "since it began");
    assert_eq!(is_sure(countdown + Duration::from_millis(1)), Some(false), "it did not run yet");
    assert_eq!(is_sure(s(119)), Some(false), "the other clock may be a little behind");
    assert_eq!(said(s(3_600)), None, "it was said of an earlier alarm");
    let mut before = told(2);
    call_off(&mut before);
    assert_eq!(find(&[&running], &[&before], now), Some((id, false)));
    let over = before.incident.touched_at;
    assert_eq!(find(&[&running], &[&before], over + REPORTED_FOR - s(1)), Some((id, false)));
    assert_eq!(find(&[&running], &[&before], over + REPORTED_FOR), Some((id, true)), "a day ago");
    let mut aborted = Story::live(Request::Police);
    aborted.give(Command::Cancel { seen: Seen::All, by: person("ada") }).unwrap();
    let mut drill = Story::begin(&home(), Request::Police, Mode::Drill, false);
    drill.wait(s(5));
    let mut sirens = Story::live(Request::Siren);
    sirens.wait(s(3_600));
    for (n, story) in [&mut aborted, &mut drill, &mut sirens].into_iter().enumerate() {
        story.incident.id = IncidentId(uuid::Uuid::from_u128(10 + n as u128));
    }
    assert_eq!(find(&[&running], &[&drill], now), Some((id, false)), "it may be sent as a test");
    for untold in [&aborted, &sirens] {
        assert_eq!(find(&[&running], &[untold], now), Some((id, true)), "nobody was told of it");
    }
    let counting = Story::live(Request::Police);
    let mut quiet =
        Story::quiet(Quiet::Duress, Policy { center: CenterMode::Receiver, ..Policy::default() });
    quiet.incident.id = IncidentId(uuid::Uuid::from_u128(3));
    quiet.wait(s(5));
    assert_eq!(find(&[&running, &quiet], &[], now), Some((id, false)), "it may be the quiet one");
    assert_eq!(find(&[&counting, &quiet], &[], now), Some((quiet.incident.id, true)));
}

/// I24: a center's incident remembers the latest incident of the home that it was signaled.
#[test]
fn incident_remembers_what_the_home_calls_it() {
    let named = |id: u128| Some(IncidentId(uuid::Uuid::from_u128(id)));
    let signaled = |home_incident| Raise {
        home_incident,
        source: Source::Device,
        ..raise(&home(), Request::Police, Policy::default())
    };
    let mut story = Story::raised(signaled(named(7)));
    assert_eq!(story.incident.home_incident, named(7));
    story.give(signaled(None).join()).unwrap();
    assert_eq!(story.incident.home_incident, named(7), "another panel names none");
    story.give(signaled(named(8)).join()).unwrap();
    assert_eq!((story.incident.home_incident, story.whats().last()), (named(8), Some(&"repeated")));
    let fire = Raise { request: Request::Fire, ..signaled(named(9)) };
    story.give(fire.join()).unwrap();
    assert_eq!((story.incident.home_incident, story.whats().last()), (named(9), Some(&"joined")));
}
