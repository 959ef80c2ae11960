//! R12, R13, R19 and R21: which sirens sound, when, and that none sounds for medical help.

use super::story::{Story, home, person, s};
use buckler::domain::incident::{
    Actor, Mode, Request, Siren,
    command::{Command, Seen},
    effect::EffectKind,
    event::Event,
};

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
