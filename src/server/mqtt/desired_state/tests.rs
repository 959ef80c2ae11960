//! What a siren is told: each story of commands and reports, to the second.

use super::*;
use crate::{
    domain::{id::IncidentId, incident::Mode},
    server::mqtt::profile::known,
};

const HEARD_QUIET: DeviceReport = DeviceReport::Sounds(false, None);
const HEARD_LOUD: DeviceReport = DeviceReport::Sounds(true, None);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + seconds * 1_000)
}

fn profile(name: &str) -> Profile {
    known().remove(name).unwrap()
}

fn effect(incident: u128, seq: u32, on_until: Option<u64>) -> Effect {
    let device = "base".parse().unwrap();
    let kind = match on_until {
        Some(until) => EffectKind::SirenOn { device, until: at(until), sound: Sound::Police },
        None => EffectKind::SirenOff { device },
    };
    let incident = IncidentId(uuid::Uuid::from_u128(incident));
    let not_after = on_until.map(|_| at(60));
    Effect {
        key: format!("{incident}/{seq}"),
        incident,
        home: "maple-street".parse().unwrap(),
        seq,
        decided_at: Timestamp::default(),
        mode: Mode::Live,
        not_after,
        kind,
    }
}

/// Accepts the command and records that it is sent.
fn command(state: &mut ReportedState, effect: &Effect, now: u64, profile: &Profile) {
    assert!(state.take(effect, at(now)));
    let say = state.to_say(at(now), profile).unwrap();
    state.on_sent(&say, at(now), profile);
}

#[test]
fn a_command_counts_when_the_siren_says_so_and_not_before() {
    let (mut state, profile, on) =
        (ReportedState::default(), profile("tasmota"), effect(1, 3, Some(240)));
    state.heard(HEARD_LOUD, false, at(0));
    command(&mut state, &on, 0, &profile);
    assert!(!state.is_done(&on.key, &profile), "what it said before proves nothing");
    state.heard(HEARD_LOUD, true, at(0));
    assert!(!state.is_done(&on.key, &profile), "nor what the broker kept");
    state.heard(HEARD_QUIET, false, at(0));
    assert!(!state.is_done(&on.key, &profile));
    assert!(
        state.to_say(at(1), &profile).is_some(),
        "what was on its way already stops no further try"
    );
    state.heard(HEARD_LOUD, false, at(0));
    assert!(state.is_done(&on.key, &profile) && state.sounds);
}

#[test]
fn a_siren_that_names_the_command_must_name_this_one() {
    let (mut state, profile, on) =
        (ReportedState::default(), profile("buckler"), effect(1, 3, Some(240)));
    command(&mut state, &on, 0, &profile);
    state.heard(DeviceReport::Sounds(true, Some("another".into())), false, at(0));
    assert!(!state.is_done(&on.key, &profile));
    state.heard(DeviceReport::Sounds(true, Some(on.key.clone())), false, at(0));
    assert!(state.is_done(&on.key, &profile));
}

#[test]
fn of_two_commands_the_later_one_holds_whatever_comes_last() {
    let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
    command(&mut state, &effect(1, 7, None), 0, &profile);
    assert!(!state.take(&effect(1, 3, Some(240)), at(0)), "an ON that comes after its OFF");
    command(&mut state, &effect(2, 3, Some(240)), 1, &profile);
    assert!(!state.take(&effect(1, 9, None), at(2)), "an OFF of an emergency before");
    assert!(state.take(&effect(1, 9, None), at(241)));
}

/// F31.
#[test]
fn siren_that_comes_back_is_told_what_holds_now_and_no_old_on() {
    let (mut state, profile, on) =
        (ReportedState::default(), profile("tasmota"), effect(1, 3, Some(240)));
    state.take(&on, at(0));
    assert!(
        matches!(state.to_say(at(59), &profile).unwrap().desired, DesiredState::On { .. }),
        "in time"
    );
    assert_eq!(
        state.to_say(at(60), &profile).unwrap().desired,
        DesiredState::Off,
        "never begun in time"
    );
    let mut state = ReportedState::default();
    command(&mut state, &on, 0, &profile);
    state.heard(HEARD_LOUD, false, at(0));
    assert!(
        matches!(state.to_say(at(100), &profile).unwrap().desired, DesiredState::On { .. }),
        "it sounded already, and goes on"
    );
    assert_eq!(
        state.to_say(at(600), &profile).unwrap().desired,
        DesiredState::Off,
        "ten minutes later"
    );
    state.heard(HEARD_QUIET, false, at(0));
    assert_eq!(state.to_say(at(100), &profile), None, "F43: somebody stopped it");
}

/// F15, F43. The siren was stopped at its own button, or its command never reached it.
#[test]
fn request_that_was_not_stored_sounds_a_siren_that_is_quiet() {
    let (profile, unstored) = (profile("tasmota"), effect(2, 0, Some(150)));
    let mut state = ReportedState::default();
    command(&mut state, &effect(1, 3, Some(240)), 0, &profile);
    state.heard(HEARD_LOUD, false, at(0));
    assert!(!state.take(&unstored, at(90)), "it sounds, and for longer");
    state.heard(HEARD_QUIET, false, at(20));
    assert!(state.take(&unstored, at(90)));
    let mut state = ReportedState::default();
    assert!(state.take(&effect(1, 3, Some(240)), at(0)));
    assert!(state.take(&unstored, at(90)), "the first could begin until 60");
}

/// I22. The siren cannot be reached, and its OFF is still tried. A restart forgets the request, and
/// nobody would silence the siren.
#[test]
fn off_waits_for_a_request_that_is_not_stored() {
    let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
    command(&mut state, &effect(1, 3, Some(240)), 0, &profile);
    let off = effect(1, 9, None);
    command(&mut state, &off, 30, &profile);
    assert!(!state.is_off_still_due(&off, at(30)));
    assert!(state.take(&effect(2, 0, Some(130)), at(35)));
    assert!(!state.take(&off, at(40)) && state.is_off_still_due(&off, at(40)));
    assert!(state.take(&off, at(131)), "the request is over");
    assert_eq!(state.to_say(at(131), &profile).unwrap().desired, DesiredState::Off);
}

/// I22. The siren ends a drill's pulse a moment before the server's OFF, or somebody presses
/// its own button.
#[test]
fn siren_stop_ends_with_the_command_that_was_stopped() {
    let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
    let is_on = |state: &ReportedState, now| {
        matches!(
            state.to_say(at(now), &profile),
            Some(Say { desired: DesiredState::On { .. }, .. })
        )
    };
    command(&mut state, &effect(1, 3, Some(5)), 0, &profile);
    state.heard(HEARD_LOUD, false, at(0));
    state.heard(HEARD_QUIET, false, at(4));
    assert_eq!(state.to_say(at(4), &profile), None, "F43: the stopped command stays stopped");
    state.take(&effect(2, 3, Some(300)), at(30));
    assert!(is_on(&state, 30), "a later incident sounds, also where no OFF came between");

    let mut state = ReportedState::default();
    command(&mut state, &effect(1, 3, Some(240)), 0, &profile);
    state.heard(HEARD_LOUD, false, at(0));
    state.heard(HEARD_QUIET, false, at(20));
    let off = effect(1, 9, None);
    command(&mut state, &off, 21, &profile);
    assert!(
        state.is_done(&off.key, &profile),
        "it is quiet already, and some sirens report only changes"
    );
    state.take(&effect(2, 3, Some(300)), at(230));
    assert!(is_on(&state, 30));
    state.take(&effect(2, 7, Some(300)), at(231));
    assert!(is_on(&state, 31), "so does a second command of the same incident");
}

/// I22. A siren that lost its power reports that it is quiet when it returns, in some cases
/// before it reports that it is online.
#[test]
fn siren_that_returns_quiet_is_told_to_sound_again() {
    let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
    command(&mut state, &effect(1, 3, Some(240)), 0, &profile);
    state.heard(HEARD_LOUD, false, at(0));
    state.heard(DeviceReport::Online(false), false, at(60));
    state.heard(HEARD_QUIET, false, at(90));
    assert!(matches!(state.to_say(at(90), &profile).unwrap().desired, DesiredState::On { .. }));
}

/// M13. Sirens that never confirm, and sirens that could and have not, may be sounding.
#[test]
fn siren_is_not_silenced_by_a_reconnect() {
    for (name, confirms) in [
        ("zigbee2mqtt-emergency", false),
        ("zigbee2mqtt", false),
        ("tasmota", true),
        ("shelly", true),
    ] {
        let (mut state, profile) = (ReportedState::default(), profile(name));
        command(&mut state, &effect(1, 3, Some(600)), 0, &profile);
        let say = state.to_say(at(95), &profile);
        match say {
            Some(say) if !confirms => {
                assert!(
                    matches!(say.desired, DesiredState::On { until, .. } if until == at(600)),
                    "{name}: ON with the time that is left"
                );
                assert_eq!(
                    say.expires,
                    Some(at(155)),
                    "{name}: the broker must not deliver it much later (I13)"
                );
            }
            None if confirms => {}
            say => panic!("{name}: {say:?}"),
        }
        assert_eq!(
            state.to_say(at(600), &profile).unwrap().desired,
            DesiredState::Off,
            "{name}: when it is over"
        );
    }
    let (mut state, profile) = (ReportedState::default(), profile("zigbee2mqtt"));
    state.take(&effect(1, 3, Some(600)), at(0));
    let say = state.to_say(at(59), &profile).unwrap();
    state.on_sent(&say, at(59), &profile);
    state.on_send_failed(&say, at(59));
    assert_eq!(
        state.to_say(at(95), &profile).unwrap().desired,
        DesiredState::Off,
        "a siren that was never told does not begin late (R22)"
    );
    let mut state = ReportedState::default();
    state.resume(&effect(1, 0, Some(600)), Resumed::Blind, at(95));
    assert!(
        matches!(state.to_say(at(95), &profile).unwrap().desired, DesiredState::On { .. }),
        "nor does a restart of the server silence it"
    );
}

/// M4. With and without confirmation. A HEIMAN HS2WD-E stops after 240 s.
#[test]
fn siren_is_told_again_before_it_stops_by_itself() {
    let own = Profile { state: None, max_seconds: Some(120), ..profile("tasmota") };
    let confirms = profile("zigbee2mqtt-alarm");
    for (profile, again) in [(profile("zigbee2mqtt-emergency"), 96), (own, 48), (confirms, 72)] {
        let mut state = ReportedState::default();
        // It may not begin any more when it would have to prove that it has.
        let on = Effect { not_after: Some(at(1)), ..effect(1, 3, Some(600)) };
        command(&mut state, &on, 0, &profile);
        let mut told = 0;
        // One that cannot prove anything is told a few times at first.
        for soon in 1..20 {
            if let Some(say) = state.to_repeat(at(soon)) {
                state.on_sent(&say, at(soon), &profile);
                told = soon;
            }
        }
        for _ in 0..2 {
            assert_eq!(state.to_repeat(at(told + again - 1)), None);
            told += again;
            let say = state.to_repeat(at(told)).unwrap();
            assert!(matches!(say.desired, DesiredState::On { .. }), "{profile:?}");
            state.on_sent(&say, at(told), &profile);
        }
    }
}

#[test]
fn siren_that_stops_early_is_told_again_until_its_time_is_over() {
    let (mut state, profile, on) =
        (ReportedState::default(), profile("zigbee2mqtt-alarm"), effect(1, 3, Some(240)));
    command(&mut state, &on, 0, &profile);
    state.heard(HEARD_LOUD, false, at(0));
    // Each may be lost, also the last one that it needs.
    for seconds in [72, 144, 216] {
        assert_eq!(state.to_repeat(at(seconds - 1)), None);
        let again = state.to_repeat(at(seconds)).unwrap();
        state.on_sent(&again, at(seconds), &profile);
    }
    assert_eq!(state.to_repeat(at(239)), None);
    state.take(&effect(1, 9, None), at(239));
    assert_eq!(state.to_repeat(at(239)), None);
}

/// I22. The rest would fit into one command, which a radio may lose.
#[test]
fn siren_that_continues_after_a_restart_is_told_twice() {
    let (mut state, profile, on) =
        (ReportedState::default(), profile("zigbee2mqtt-alarm"), effect(1, 3, Some(240)));
    state.resume(&Effect { decided_at: at(0), ..on }, Resumed::Confirmed, at(100));
    let say = state.to_say(at(100), &profile).unwrap();
    state.on_sent(&say, at(100), &profile);
    state.heard(HEARD_LOUD, false, at(100));
    assert!(state.to_repeat(at(171)).is_none() && state.to_repeat(at(172)).is_some());
}

/// I22. It sounded before the restart and had not confirmed, and it is reached too late to begin.
#[test]
fn restart_does_not_silence_a_siren_that_may_sound() {
    let (profile, on) = (profile("tasmota"), effect(1, 3, Some(240)));
    let on = Effect { not_after: Some(at(60)), decided_at: at(0), ..on };
    let told = |resumed: bool| {
        let mut state = ReportedState::default();
        if resumed {
            state.resume(&Effect { seq: 0, ..on.clone() }, Resumed::Unconfirmed, at(59));
        }
        assert!(state.take(&on, at(59)));
        state.to_say(at(61), &profile).map(|say| say.desired)
    };
    assert_eq!((told(true), told(false)), (None, Some(DesiredState::Off)));
}

#[test]
fn blind_siren_is_never_heard_and_is_silenced_for_a_minute() {
    let (mut state, profile, on) =
        (ReportedState::default(), profile("zigbee2mqtt"), effect(1, 3, Some(240)));
    command(&mut state, &on, 0, &profile);
    assert!(!state.is_done(&on.key, &profile));
    let off = effect(1, 9, None);
    for _ in 0..BLIND_OFF {
        command(&mut state, &off, 9, &profile);
    }
    assert!(state.is_done(&off.key, &profile) && state.to_say(at(9), &profile).is_none());
}

/// I22. Its bridge says late that it was away.
#[test]
fn blind_siren_that_was_away_is_silenced_when_it_is_back() {
    let (mut state, profile, on) =
        (ReportedState::default(), profile("zigbee2mqtt"), effect(1, 3, Some(600)));
    command(&mut state, &on, 0, &profile);
    let off = effect(1, 9, None);
    for _ in 0..BLIND_OFF {
        command(&mut state, &off, 9, &profile);
    }
    state.heard(DeviceReport::Online(false), false, at(20));
    for _ in 0..BLIND_OFF {
        command(&mut state, &off, 30, &profile);
    }
    assert!(!state.is_done(&off.key, &profile), "nobody heard it");
    state.heard(DeviceReport::Online(true), false, at(60));
    for _ in 0..BLIND_OFF {
        command(&mut state, &off, 60, &profile);
    }
    assert!(state.is_done(&off.key, &profile));
}

/// I22. A connection may be dead for a while before anybody notices.
#[test]
fn off_that_a_dead_link_swallowed_is_sent_again() {
    let (mut state, profile) = (ReportedState::default(), profile("zigbee2mqtt"));
    command(&mut state, &effect(1, 3, Some(600)), 0, &profile);
    let off = effect(1, 9, None);
    for _ in 0..BLIND_OFF {
        command(&mut state, &off, 9, &profile);
    }
    assert!(state.is_done(&off.key, &profile));
    state.is_away();
    for second in [20, 21, 23, 27, 35, 51, 83] {
        let say = state.to_say(at(second), &profile).unwrap();
        assert_eq!(say.desired, DesiredState::Off);
        state.on_sent(&say, at(second), &profile);
    }
    assert_eq!((state.to_say(at(84), &profile), state.to_repeat(at(200))), (None, None));
}

/// I22.
#[test]
fn stop_names_the_command_that_was_stopped() {
    let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
    let on = effect(1, 3, Some(240));
    command(&mut state, &on, 0, &profile);
    assert_eq!(state.heard(HEARD_QUIET, false, at(0)), None, "it may not have arrived yet");
    state.heard(HEARD_LOUD, false, at(1));
    assert_eq!(state.heard(HEARD_QUIET, true, at(2)), None, "what the broker kept is old");
    let stop = Stop { incident: on.incident, seq: 3 };
    assert_eq!(state.heard(HEARD_QUIET, false, at(20)), Some(stop.clone()));
    assert_eq!(state.heard(HEARD_QUIET, false, at(21)), None, "once");
    state.take(&effect(1, 7, Some(300)), at(30));
    assert_eq!(state.heard(HEARD_QUIET, false, at(30)), None, "it has not obeyed the new one yet");
    let mut at_its_end = ReportedState::default();
    command(&mut at_its_end, &on, 0, &profile);
    at_its_end.heard(HEARD_LOUD, false, at(1));
    assert_eq!(at_its_end.heard(HEARD_QUIET, false, at(240)), None, "its time is over");
    let mut silenced = ReportedState::default();
    command(&mut silenced, &on, 0, &profile);
    silenced.heard(HEARD_LOUD, false, at(1));
    command(&mut silenced, &effect(1, 9, None), 9, &profile);
    assert_eq!(silenced.heard(HEARD_QUIET, false, at(9)), None, "somebody told it to be quiet");
}

/// I22. A power cut takes the broker and the siren. The siren says that it is quiet before or after
/// it says that it can be reached, and the broker may have kept that it can be.
#[test]
fn siren_that_lost_its_power_was_not_stopped() {
    let online = || (DeviceReport::Online(true), false);
    let (quiet, kept) = ((HEARD_QUIET, false), (DeviceReport::Online(true), true));
    for story in [
        vec![quiet.clone()],
        vec![quiet.clone(), online()],
        vec![online(), quiet.clone()],
        vec![kept, quiet],
    ] {
        let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
        command(&mut state, &effect(1, 3, Some(240)), 0, &profile);
        state.heard(HEARD_LOUD, false, at(1));
        // The connection is lost.
        state.is_away();
        state.health.online = None;
        for (report, kept) in story.clone() {
            assert_eq!(state.heard(report, kept, at(90)), None, "{story:?}");
        }
        let say = state.to_say(at(90), &profile).unwrap();
        assert!(matches!(say.desired, DesiredState::On { .. }), "{story:?}");
    }
}

/// I22. Its first command may come before it listens again.
#[test]
fn siren_that_is_back_is_told_until_it_proves_that_it_sounds() {
    let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
    command(&mut state, &effect(1, 3, Some(240)), 0, &profile);
    state.heard(HEARD_LOUD, false, at(1));
    assert_eq!(state.to_repeat(at(50)), None);
    state.heard(DeviceReport::Online(false), false, at(60));
    state.heard(DeviceReport::Online(true), false, at(90));
    let mut say = state.to_say(at(90), &profile).unwrap();
    for (now, pause) in [(90, 1), (91, 2), (93, 4), (97, 8), (105, 16), (121, 32), (153, 32)] {
        state.on_sent(&say, at(now), &profile);
        assert_eq!(state.to_repeat(at(now + pause - 1)), None);
        say = state.to_repeat(at(now + pause)).unwrap();
    }
    state.heard(HEARD_LOUD, false, at(186));
    assert_eq!(state.to_repeat(at(200)), None);
    assert!(state.heard(HEARD_QUIET, false, at(201)).is_some(), "now somebody stopped it");
    assert_eq!(state.to_repeat(at(210)), None);
}

/// I22. A radio may lose the one command that a siren gets when it can be reached again.
#[test]
fn lost_command_is_told_again_within_a_second() {
    for name in ["tasmota", "zigbee2mqtt", "zigbee2mqtt-emergency", "shelly"] {
        for until in [Some(240), None] {
            let (mut state, profile) = (ReportedState::default(), profile(name));
            command(&mut state, &effect(1, 3, until), 0, &profile);
            state.is_away();
            assert_eq!(state.to_repeat(at(20)), None, "{name}: nothing reaches it");
            let say = state.to_say(at(30), &profile).unwrap();
            state.on_sent(&say, at(30), &profile);
            assert_eq!(state.to_repeat(at(31)).as_ref(), Some(&say), "{name}");
        }
    }
}

/// I22. Nobody knows when it was told before the restart, and a radio may lose a command.
#[test]
fn blind_siren_is_told_again_soon_after_a_restart() {
    let (mut state, profile) = (ReportedState::default(), profile("zigbee2mqtt"));
    state.resume(&effect(1, 0, Some(600)), Resumed::Blind, at(95));
    let mut say = state.to_say(at(95), &profile).unwrap();
    for (now, pause) in [(95, 1), (96, 2), (98, 4)] {
        state.on_sent(&say, at(now), &profile);
        assert_eq!(state.to_repeat(at(now + pause - 1)), None);
        say = state.to_repeat(at(now + pause)).unwrap();
        assert!(matches!(say.desired, DesiredState::On { .. }));
    }
    state.on_sent(&say, at(102), &profile);
    assert_eq!(state.next_repeat(at(102)), None, "that is enough");
}

/// F31, I13. What has never begun to sound, as far as is known, does not begin late.
#[test]
fn unproven_on_is_not_told_again_after_its_time() {
    let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
    command(&mut state, &effect(1, 3, Some(240)), 58, &profile);
    assert!(state.to_repeat(at(59)).is_some());
    assert_eq!(state.to_repeat(at(60)), None, "the machine slept meanwhile");
}

/// I22. A connection without room for a message gets it again.
#[test]
fn repetition_without_room_is_sent_again() {
    let (mut state, profile) = (ReportedState::default(), profile("zigbee2mqtt-alarm"));
    command(&mut state, &effect(1, 3, Some(600)), 0, &profile);
    state.heard(HEARD_LOUD, false, at(1));
    let say = state.to_repeat(at(72)).unwrap();
    state.on_sent(&say, at(72), &profile);
    state.on_send_failed(&say, at(72));
    assert_eq!(state.to_repeat(at(73)), Some(say));
}

/// I22, F43.
#[test]
fn restart_does_not_sound_a_siren_that_was_stopped() {
    let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
    state.resume(&effect(1, 3, Some(240)), Resumed::Stopped, at(100));
    assert_eq!((state.to_say(at(100), &profile), state.to_repeat(at(200))), (None, None));
    let mut again = ReportedState::default();
    again.resume(&effect(1, 3, Some(240)), Resumed::Stopped, at(30));
    again.take(&effect(1, 7, Some(300)), at(40));
    let say = again.to_say(at(40), &profile).unwrap();
    assert!(matches!(say.desired, DesiredState::On { .. }), "a new request sounds it");
    let off = effect(1, 9, None);
    command(&mut state, &off, 240, &profile);
    assert!(state.is_done(&off.key, &profile), "it is quiet already");
}

#[test]
fn command_is_over_when_no_off_can_follow() {
    let (mut state, profile) = (ReportedState::default(), profile("tasmota"));
    let second = |seconds, ms| at(seconds) + std::time::Duration::from_millis(ms);
    assert!(state.is_over(at(0), &profile));
    command(&mut state, &effect(1, 3, Some(240)), 0, &profile);
    assert!(!state.is_over(second(300, 0), &profile) && state.is_over(second(300, 1), &profile));
    command(&mut state, &effect(1, 9, None), 100, &profile);
    let day = 100 + 24 * 3_600;
    assert!(!state.is_over(second(day, 0), &profile) && state.is_over(second(day, 1), &profile));
    state.heard(HEARD_QUIET, false, at(101));
    assert!(state.is_over(at(101), &profile));
}
