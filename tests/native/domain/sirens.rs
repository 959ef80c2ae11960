//! R12, R13, R19 and R21: which sirens sound, when, and that none sounds for medical help.

use super::story::{Story, home, person, s};
use buckler::domain::incident::{
    Actor, Mode, REPEATS_MOST, Request, Siren,
    command::{Command, Seen},
    effect::{EffectKind, Sound},
    event::Event,
};
use std::time::Duration;

/// R12.
#[test]
fn police_fire_and_siren_sound_base_keypads_and_wanted_cameras() {
    for request in [Request::Police, Request::Fire, Request::Siren] {
        let mut story = Story::live(request);
        story.wait(s(5));
        assert_eq!(story.sirens(), ["base", "keypad", "door"]);
    }
    let mut quiet_cameras = home();
    quiet_cameras.settings.cameras_sound_with_base_station = false;
    let mut story = Story::begin(&quiet_cameras, Request::Police, Mode::Live, false);
    story.wait(s(5));
    assert_eq!(story.sirens(), ["base", "keypad"]);
}

/// I1, F34.
#[test]
fn medical_help_never_sounds_and_is_announced() {
    let mut story = Story::live(Request::Medical);
    story.wait(s(3_600));
    assert_eq!((story.made("siren_on"), story.made("announce")), (0, 1));
}

/// I1.
#[test]
fn siren_requested_by_a_person_sounds_in_a_medical_incident() {
    let mut story = Story::live(Request::Medical);
    story.wait(s(6));
    story.join(Request::Siren);
    assert_eq!(story.sirens(), ["base", "keypad", "door"]);
}

/// R13, F35.
#[test]
fn camera_only_home_has_no_siren() {
    let mut cameras_only = home();
    cameras_only.devices.clear();
    let mut story = Story::begin(&cameras_only, Request::Police, Mode::Live, false);
    story.wait(s(36));
    assert_eq!(
        (story.made("siren_on"), story.made("announce"), story.made("request_dispatch")),
        (0, 0, 1)
    );
    assert_eq!(story.incident.siren, Siren::Silent);
}

/// R18.
#[test]
fn silencing_changes_nothing_else() {
    let mut story = Story::live(Request::Police);
    story.wait(s(6));
    let before = (story.incident.state.clone(), story.incident.calls.clone());
    story.give(Command::Silence { seen: Seen::All, by: person("ben") }).unwrap();
    assert_eq!((story.incident.state.clone(), story.incident.calls.clone()), before);
    assert_eq!(story.incident.siren, Siren::Silenced { by: person("ben") });
    assert_eq!(story.made("siren_off"), 3);
    story.give(Command::Silence { seen: Seen::All, by: person("ben") }).unwrap();
    assert_eq!(story.made("siren_off"), 3, "again changes nothing");
}

/// R19, F43.
#[test]
fn sirens_stop_by_themselves_and_the_dispatch_goes_on() {
    let mut short = home();
    short.settings.siren_duration_s = 60;
    let mut story = Story::begin(&short, Request::Police, Mode::Live, false);
    story.wait(s(65));
    assert_eq!(
        (story.state(), story.incident.siren.clone(), story.made("siren_off")),
        ("dispatching", Siren::Ended, 3)
    );
}

/// I13.
#[test]
fn every_siren_command_is_bounded_and_expires() {
    let mut story = Story::live(Request::Police);
    story.wait(s(5));
    for effect in story.effects.iter().filter(|e| matches!(e.kind, EffectKind::SirenOn { .. })) {
        let EffectKind::SirenOn { until, .. } = effect.kind else { unreachable!() };
        assert_eq!(until.since(story.incident.deadline), s(600));
        assert_eq!(effect.not_after, Some(story.incident.deadline + s(60)));
    }
}

/// I14.
#[test]
fn siren_that_fails_delays_nothing() {
    let mut story = Story::live(Request::Police);
    story.wait(s(5));
    for device in ["base", "keypad", "door", "base"] {
        story
            .give(Command::SirenReported { device: device.parse().unwrap(), sounding: false })
            .unwrap();
    }
    assert_eq!(story.made("call_contact"), 1);
    story.wait(s(30));
    assert_eq!(story.made("request_dispatch"), 1);
}

#[test]
fn a_siren_is_confirmed_once_and_only_if_it_was_asked() {
    let mut story = Story::live(Request::Police);
    story.wait(s(5));
    for device in ["base", "base", "stranger"] {
        story
            .give(Command::SirenReported { device: device.parse().unwrap(), sounding: true })
            .unwrap();
    }
    let confirmed =
        story.facts.iter().filter(|f| matches!(f.event, Event::SirenConfirmed { .. })).count();
    assert_eq!(confirmed, 1);
}

fn confirm(story: &mut Story, devices: &[&str]) {
    for device in devices {
        let device = device.parse().unwrap();
        story.give(Command::SirenReported { device, sounding: true }).unwrap();
    }
}

/// The number of the fact that commanded the sirens.
fn command(story: &Story) -> u32 {
    let Siren::Sounding { seq, .. } = story.incident.siren else { panic!("they should sound") };
    seq
}

fn stop(story: &mut Story, device: &str, seq: u32) {
    story.give(Command::SirenStopped { device: device.parse().unwrap(), seq }).unwrap();
}

fn count(story: &Story, what: &str) -> usize {
    story.whats().iter().filter(|name| **name == what).count()
}

const ALL: [&str; 3] = ["base", "keypad", "door"];

/// Police was requested, and its three sirens have confirmed.
fn sounding() -> Story {
    let mut story = Story::live(Request::Police);
    story.wait(s(5));
    confirm(&mut story, &ALL);
    story
}

/// I22.
#[test]
fn siren_stop_is_one_fact_and_belongs_to_its_command() {
    let mut story = sounding();
    let first = command(&story);
    stop(&mut story, "stranger", first);
    stop(&mut story, "base", first - 1);
    assert_eq!(count(&story, "siren_stopped"), 0);
    stop(&mut story, "base", first);
    stop(&mut story, "base", first);
    confirm(&mut story, &["base"]);
    let Siren::Sounding { confirmed, stopped, .. } = &story.incident.siren else { panic!() };
    assert_eq!((confirmed.len(), stopped.len(), stopped[0].as_str()), (2, 1, "base"));
    assert_eq!((count(&story, "siren_stopped"), count(&story, "siren_confirmed")), (1, 3));
    story.join(Request::Police);
    stop(&mut story, "base", first);
    assert_eq!(count(&story, "siren_stopped"), 1, "the end of an earlier command");
    // Its report may come before the one that it sounds.
    let second = command(&story);
    stop(&mut story, "base", second);
    confirm(&mut story, &["base"]);
    let Siren::Sounding { confirmed, .. } = &story.incident.siren else { panic!() };
    assert!(confirmed.is_empty());
    story.give(Command::Silence { seen: Seen::All, by: person("ada") }).unwrap();
    stop(&mut story, "door", second);
    assert_eq!(count(&story, "siren_stopped"), 2, "somebody silenced it");
}

/// I22.
#[test]
fn repeated_request_sounds_sirens_that_do_not_prove_it() {
    let mut story = sounding();
    story.wait(s(20));
    story.join(Request::Police);
    assert_eq!(story.made("siren_on"), 3, "each of them sounds for long enough");
    let first = command(&story);
    stop(&mut story, "keypad", first);
    story.join(Request::Police);
    assert_eq!(story.made("siren_on"), 6, "at once");
    story.wait(s(5) - Duration::from_millis(1));
    confirm(&mut story, &["base", "door"]);
    story.join(Request::Police);
    assert_eq!(story.made("siren_on"), 6, "it may be about to confirm");
    story.wait(Duration::from_millis(1));
    story.join(Request::Police);
    assert_eq!(story.made("siren_on"), 9);
}

/// I22.
#[test]
fn repeated_request_sounds_sirens_that_end_within_a_minute() {
    let mut story = sounding();
    story.wait(s(540) - Duration::from_millis(1));
    story.join(Request::Police);
    assert_eq!(story.made("siren_on"), 3);
    story.wait(Duration::from_millis(1));
    story.join(Request::Police);
    assert_eq!(story.made("siren_on"), 6);
    let Siren::Sounding { until, .. } = story.incident.siren else { panic!() };
    assert_eq!(until, story.now + s(600));
}

/// I22. Sirens alone: the incident runs, and so a second request is no new one.
#[test]
fn siren_only_again_sounds_a_siren_that_stopped() {
    let mut story = Story::live(Request::Siren);
    story.wait(s(5));
    confirm(&mut story, &ALL);
    let first = command(&story);
    stop(&mut story, "base", first);
    assert_eq!(story.state(), "siren_sounding");
    story.join(Request::Siren);
    assert_eq!(story.made("siren_on"), 6);
}

/// I22, I3.
#[test]
fn silenced_siren_only_sounds_again_while_police_count_down() {
    let mut story = Story::live(Request::Siren);
    story.wait(s(6));
    story.join(Request::Police);
    story.give(Command::Silence { seen: Seen::All, by: person("ada") }).unwrap();
    story.join(Request::Police);
    assert_eq!(story.made("siren_on"), 3, "police still count down");
    story.join(Request::Siren);
    assert_eq!((story.state(), story.made("siren_on")), ("counting_down", 6));
    let last = story.effects.last().unwrap();
    assert!(
        matches!(last.kind, EffectKind::SirenOn { sound: Sound::Alarm, .. }),
        "I3: nothing of police leaves before D: {last:?}"
    );
    story.give(Command::Cancel { seen: Seen::All, by: person("ada") }).unwrap();
    assert_eq!(story.state(), "siren_sounding", "the request for police was all that ended");
}

/// I24. Sirens that never confirm.
#[test]
fn repeats_beyond_the_limit_command_sirens_once_a_minute() {
    let mut story = Story::live(Request::Police);
    (0..REPEATS_MOST).for_each(|_| story.join(Request::Police));
    story.wait(s(5));
    for _ in 0..59 {
        story.wait(s(1));
        story.join(Request::Police);
    }
    assert_eq!(count(&story, "siren_on"), 1);
    story.wait(s(1));
    story.join(Request::Police);
    story.join(Request::Police);
    assert_eq!(count(&story, "siren_on"), 2);
}

/// R21.
#[test]
fn drill_sounds_only_if_its_starter_wants_and_for_five_seconds() {
    let mut silent = Story::begin(&home(), Request::Police, Mode::Drill, false);
    silent.wait(s(60));
    assert_eq!(silent.made("siren_on"), 0);
    let mut loud = Story::begin(&home(), Request::Police, Mode::Drill, true);
    loud.wait(s(5));
    loud.join(Request::Fire);
    let Siren::Sounding { until, .. } = loud.incident.siren else { panic!("it should sound") };
    assert_eq!(until, loud.now + s(5));
    assert!(loud.effects.iter().all(|e| e.mode == Mode::Drill), "I18");
}

/// I18.
#[test]
fn live_incident_cannot_be_given_drill_sirens() {
    let story = Story::begin(&home(), Request::Police, Mode::Live, true);
    assert!(!story.incident.drill_sirens);
    assert_eq!(story.incident.started_by, person("ada"));
    assert_ne!(story.incident.started_by, Actor::Buckler);
}
