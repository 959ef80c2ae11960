//! I33: a restricted device controls only what it asked for, and holds up nobody else. Decided on the
//! incident as it is when the command is decided, whatever it was when the command was sent.

use super::story::{NOON, Story, home, person, raise, s};
use buckler::domain::{
    incident::{
        Disposition, Mode, Policy, REPEATS_MOST, RESTRICTED_REPEATS_MOST, Report, Request, Source,
        State,
        command::{CallStep, Command, Raise, Seen},
        decide::Refusal,
        event::Event,
    },
    time::Timestamp,
};

const UNTIL: Timestamp = Timestamp::from_millis(NOON.as_millis() + 24 * 3_600_000);

/// A command of Ada's restricted device.
fn restricted(command: Command) -> Command {
    Command::of_device(Some(UNTIL), command)
}

fn siren() -> Command {
    Command::Join { request: Request::Siren, source: Source::Dashboard, by: person("ada") }
}

/// Everything that Ada could end or hurry with.
fn controls() -> [Command; 5] {
    let (by, seen) = (person("ada"), Seen::All);
    [
        Command::Cancel { by: by.clone(), seen },
        Command::SendNow { by: by.clone() },
        Command::Silence { by: by.clone(), seen },
        Command::End { by: by.clone(), seen },
        Command::Review { by, seen, proceed: false, note: String::new() },
    ]
}

/// An incident that Ada's restricted device began.
fn begun(request: Request, mode: Mode) -> Story {
    let plain = raise(&home(), request, Policy::default());
    Story::raised(Raise { mode, drill_sirens: true, restricted_until: Some(UNTIL), ..plain })
}

fn refuses_all(story: &mut Story, why: &str) {
    for command in controls() {
        let facts = story.facts.len();
        let told = format!("{why}: {command:?}");
        assert_eq!(story.give(restricted(command)), Err(Refusal::DeviceRestricted), "{told}");
        assert_eq!(story.facts.len(), facts, "{told}");
    }
}

#[test]
fn restricted_device_controls_what_it_began() {
    let [cancel, send_now, silence, _, review] = controls().map(restricted);
    for (request, mode) in [(Request::Siren, Mode::Live), (Request::Police, Mode::Drill)] {
        let mut story = begun(request, mode);
        assert_eq!(story.give(cancel.clone()), Ok(()));
        assert_eq!(story.state(), "aborted");
    }
    let mut story = begun(Request::Siren, Mode::Live);
    assert_eq!(story.give(send_now), Ok(()));
    assert_eq!(story.give(silence), Ok(()));
    assert_eq!(story.state(), "closed");
    let mut late = begun(Request::Siren, Mode::Live);
    late.sleep(s(3_600));
    assert_eq!(late.give(review), Ok(()));
    assert_eq!(late.incident.disposition, Some(Disposition::ReviewedNotSent));
}

/// The thief uses Ada's account, so that her name says nothing about who began it.
#[test]
fn restricted_device_ends_nothing_that_others_began() {
    for mode in [Mode::Live, Mode::Drill] {
        for request in Request::ALL {
            let mut story = Story::begin(&home(), request, mode, true);
            refuses_all(&mut story, "counting down");
            story.wait(s(6));
            let state = story.state();
            refuses_all(&mut story, state);
        }
    }
    let mut late = Story::live(Request::Siren);
    late.sleep(s(3_600));
    refuses_all(&mut late, "under review");
}

/// The command was sent when nothing but its own sirens ran.
#[test]
fn request_that_joins_takes_control_from_a_restricted_device() {
    let mut counting = begun(Request::Siren, Mode::Live);
    counting.join(Request::Police);
    refuses_all(&mut counting, "police counts down as well");
    let mut sounding = begun(Request::Siren, Mode::Live);
    sounding.wait(s(6));
    sounding.join(Request::Siren);
    refuses_all(&mut sounding, "Ben wants the sirens, too");
    assert!(sounding.incident.siren.is_sounding());
    let mut own = begun(Request::Siren, Mode::Live);
    own.wait(s(6));
    let by = person("ada");
    own.give(Command::Join { request: Request::Siren, source: Source::Dashboard, by }).unwrap();
    refuses_all(&mut own, "another device of hers wants them");
}

#[test]
fn restricted_device_of_another_person_controls_nothing() {
    let mut story = begun(Request::Siren, Mode::Live);
    let by = person("ben");
    let cancel = Command::of_device(Some(UNTIL), Command::Cancel { by, seen: Seen::All });
    assert_eq!(story.give(cancel), Err(Refusal::DeviceRestricted));
}

#[test]
fn restricted_device_asks_for_no_help_by_joining() {
    for request in [Request::Police, Request::Fire, Request::Medical] {
        let join = || Command::Join { request, source: Source::Dashboard, by: person("ada") };
        let mut story = begun(Request::Siren, Mode::Live);
        assert_eq!(story.give(restricted(join())), Err(Refusal::DeviceRestricted));
        let mut drill = begun(Request::Siren, Mode::Drill);
        assert_eq!(drill.give(restricted(join())), Ok(()), "a drill reaches nobody");
    }
}

#[test]
fn restriction_ends_at_its_time_also_for_what_is_on_its_way() {
    let [cancel, ..] = controls();
    let mut story = Story::live(Request::Police);
    let before = Command::of_device(Some(story.now + s(1)), cancel.clone());
    assert_eq!(story.give(before), Err(Refusal::DeviceRestricted));
    let over = Command::of_device(Some(story.now), cancel);
    assert_eq!(story.give(over), Ok(()));
    let raised = raise(&home(), Request::Police, Policy::default());
    let raised = Raise { restricted_until: Some(UNTIL), ..raised };
    assert!(raised.is_refused(NOON) && !raised.is_refused(UNTIL));
}

/// I24: what others press is recorded, however often a restricted device pressed.
#[test]
fn repeats_of_a_restricted_device_use_up_no_limit_of_others() {
    let recorded = |story: &Story| story.whats().iter().filter(|w| **w == "repeated").count();
    let mut story = Story::live(Request::Siren);
    for _ in 0..REPEATS_MOST {
        story.give(restricted(siren())).unwrap();
    }
    assert_eq!(recorded(&story), RESTRICTED_REPEATS_MOST, "it has a limit of its own");
    for _ in 0..REPEATS_MOST {
        story.join(Request::Siren);
    }
    assert_eq!(recorded(&story), RESTRICTED_REPEATS_MOST + REPEATS_MOST);
    assert_eq!(story.incident.repeats, REPEATS_MOST, "the console counts what others press");
    // Beyond both limits, each has a minute of its own.
    story.wait(s(60));
    story.give(restricted(siren())).unwrap();
    story.join(Request::Siren);
    assert_eq!(recorded(&story), RESTRICTED_REPEATS_MOST + REPEATS_MOST + 2);
}

/// R22: the decision stays where people look for it.
#[test]
fn sirens_of_a_restricted_device_leave_a_review_open() {
    let mut story = Story::live(Request::Police);
    story.sleep(s(3_600));
    for press in 0..3 {
        assert_eq!(story.give(restricted(siren())), Ok(()));
        assert_eq!(story.state(), "under_review", "press {press}");
        assert!(story.incident.siren.is_sounding(), "it may sound sirens");
        story.wait(s(10));
    }
    assert_eq!(
        story.sirens().len(),
        story.incident.snapshot.sounders.len() * 3,
        "until they prove"
    );
    let by = person("ben");
    let proceed = Command::Review { by, seen: Seen::UpTo(1), proceed: true, note: String::new() };
    assert_eq!(story.give(proceed), Ok(()));
    assert_eq!(story.state(), "dispatching");
}

/// I30 keeps what others asked for. A restricted device cannot use that against them.
#[test]
fn sirens_of_a_restricted_device_hold_up_no_decision() {
    let seen = Seen::UpTo(1);
    let mut called = Story::live(Request::Police);
    called.wait(s(6));
    called.on_call(1, CallStep::Answer).unwrap();
    called.give(restricted(siren())).unwrap();
    assert_eq!(called.on_call(1, CallStep::Cancel { authenticated: true, seen }), Ok(()));
    assert_eq!(called.state(), "cancelled");

    let mut loud = Story::live(Request::Police);
    loud.wait(s(6));
    loud.give(restricted(siren())).unwrap();
    assert_eq!(loud.give(Command::Silence { by: person("ben"), seen }), Ok(()));
    assert!(!loud.incident.siren.is_sounding());

    let mut late = Story::live(Request::Police);
    late.sleep(s(3_600));
    late.give(restricted(siren())).unwrap();
    let by = person("ben");
    let no = Command::Review { by, seen, proceed: false, note: String::new() };
    assert_eq!(late.give(no), Ok(()));
    assert_eq!(late.incident.disposition, Some(Disposition::ReviewedNotSent));

    // A request for sirens that a restricted device began is seen before it is ended.
    let mut own = begun(Request::Siren, Mode::Live);
    own.wait(s(6));
    own.give(restricted(siren())).unwrap();
    let silence = Command::Silence { by: person("ben"), seen };
    assert_eq!(own.give(silence), Err(Refusal::AskedSince));
}

/// An end that a center reported stands.
#[test]
fn sirens_of_a_restricted_device_revive_nothing() {
    let mut story = Story::live(Request::Police);
    story.wait(s(6));
    let (by, key) = (person("center"), "1".to_owned());
    let report = Report::Ended { disposition: Disposition::FalseAlarm };
    let said_at = story.now;
    story.give(Command::Report { by, key, said_at, report }).unwrap();
    story.give(restricted(siren())).unwrap();
    story.on_call(1, CallStep::Confirm).unwrap();
    assert!(matches!(story.incident.state, State::Closed), "{:?}", story.incident.state);

    let mut later = Story::live(Request::Police);
    later.wait(s(6));
    later.give(restricted(siren())).unwrap();
    let (by, key, said_at) = (person("center"), "1".to_owned(), later.now - s(1));
    let report = Report::Ended { disposition: Disposition::FalseAlarm };
    later.give(Command::Report { by, key, said_at, report }).unwrap();
    later.on_call(1, CallStep::Confirm).unwrap();
    assert!(matches!(later.incident.state, State::Closed), "its sender knew of the request");
}

/// Stored facts of earlier versions have no mark: they were made by devices that were free.
#[test]
fn fact_without_a_mark_is_of_a_free_device() {
    let story = begun(Request::Siren, Mode::Live);
    let mut stored = serde_json::to_value(&story.facts[0]).unwrap();
    assert_eq!(stored["restricted"], true);
    stored.as_object_mut().unwrap().remove("restricted");
    let Event::Started { restricted, .. } = serde_json::from_value(stored).unwrap() else {
        panic!()
    };
    assert!(!restricted);
    let free = serde_json::to_value(&Story::live(Request::Siren).facts[0]).unwrap();
    assert_eq!(free.get("restricted"), None);
}
