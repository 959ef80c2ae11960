//! The wanted state of a siren, and whether it is confirmed. Decides what to send; does no I/O.

use super::profile::{DeviceReport, Profile};
use crate::{
    domain::{
        device::Health,
        incident::{
            SIREN_NOT_AFTER,
            effect::{Effect, EffectKind, Sound},
        },
        time::Timestamp,
    },
    server::sirens::precedence::Precedence,
};

/// A siren that does not report its state is assumed to be quiet after this many OFF messages.
const BLIND: u32 = 3;

/// The wanted state of a siren.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredState {
    /// Sound.
    On {
        /// When it stops.
        until: Timestamp,
        /// The time after which it must not begin.
        not_after: Timestamp,
        /// The sound.
        sound: Sound,
    },
    /// Be quiet.
    Off,
}

/// The latest command to a siren, and its outcome so far.
#[derive(Clone, Debug)]
struct SirenCommand {
    key: String,
    desired: DesiredState,
    sent: u32,
    confirmed: bool,
    /// The siren reported that it is quiet after it had confirmed that it sounds: somebody stopped
    /// it, or it stopped by itself. The stop belongs to this command; the next command starts
    /// without it.
    stopped: bool,
    /// The command was sent while it could still begin, so the siren may be sounding even if it
    /// never confirms.
    begun: bool,
    /// When the command must be repeated, because the siren would stop by itself.
    again_at: Option<Timestamp>,
}

/// The state of a siren, as far as it is known.
#[derive(Debug, Default)]
pub struct ReportedState {
    precedence: Precedence,
    command: Option<SirenCommand>,
    /// Whether it sounds, by its last report.
    pub sounds: bool,
    /// The health that it, or its bridge, reported last.
    pub health: Health,
    /// Whether a message that cannot be parsed was logged.
    pub complained: bool,
}

/// A command to send to a siren.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// The wanted state.
    pub desired: DesiredState,
    /// The key of the command.
    pub key: String,
    /// When the message expires (I13). `None` if a late delivery is still useful.
    pub expires: Option<Timestamp>,
}

impl ReportedState {
    /// Accepts a command. Returns false if the current command takes precedence.
    pub fn take(&mut self, effect: &Effect, now: Timestamp) -> bool {
        let desired = match &effect.kind {
            EffectKind::SirenOn { until, sound, .. } => DesiredState::On {
                until: *until,
                not_after: effect.not_after.unwrap_or(*until),
                sound: *sound,
            },
            _ => DesiredState::Off,
        };
        if self.command.as_ref().is_some_and(|command| command.key == effect.key) {
            return true;
        }
        let is_quiet = |command: &SirenCommand| match command.desired {
            DesiredState::On { not_after, .. } => {
                command.stopped || !command.begun && now >= not_after
            }
            DesiredState::Off => false,
        };
        if self.command.as_ref().is_some_and(is_quiet) {
            self.precedence.is_quiet();
        }
        if !self.precedence.take(effect, now) {
            return false;
        }
        // An OFF inherits that the siren is already quiet, because sirens that report only changes
        // would never confirm it. An ON does not.
        let stopped = desired == DesiredState::Off
            && self.command.as_ref().is_some_and(|command| command.stopped);
        self.command = Some(SirenCommand {
            key: effect.key.clone(),
            desired,
            sent: 0,
            confirmed: false,
            stopped,
            begun: false,
            again_at: None,
        });
        true
    }

    /// Continues with a siren that was commanded to sound before the server stopped. `confirmed`:
    /// it had confirmed that it sounds.
    pub fn resume(&mut self, effect: &Effect, confirmed: bool, now: Timestamp) {
        if !self.take(effect, now) {
            return;
        }
        if let Some(command) = &mut self.command {
            if let DesiredState::On { until, not_after, .. } = &mut command.desired {
                *not_after = if confirmed { *until } else { Timestamp::default() };
            }
            (command.sent, command.confirmed, command.begun) = (1, confirmed, true);
        }
    }

    /// Whether the command with that key is current, and is done as far as can be known.
    pub fn is_done(&self, key: &str, profile: &Profile) -> bool {
        self.command
            .as_ref()
            .is_some_and(|command| command.key == key && Self::holds(command, profile))
    }

    fn holds(command: &SirenCommand, profile: &Profile) -> bool {
        let quiet = command.desired == DesiredState::Off && command.sent > 0 && command.stopped;
        command.confirmed || quiet || is_believed(command, profile)
    }

    /// The command to send now, when a command has arrived or the siren can be reached again.
    /// `None` if there is nothing to send.
    ///
    /// A command that has not begun in time, or is over, becomes OFF (F31). A siren that was
    /// commanded in time may be sounding, so it does not get OFF while the incident wants it to
    /// sound: a siren that cannot confirm gets ON with the remaining time, and one that could
    /// confirm and has not gets nothing.
    pub fn to_say(&self, now: Timestamp, profile: &Profile) -> Option<Say> {
        let command = self.command.as_ref()?;
        if command.stopped && command.desired != DesiredState::Off {
            return None;
        }
        let blind = profile.state.is_none();
        let desired = match &command.desired {
            DesiredState::On { until, not_after, .. } if *until > now => {
                match (now < *not_after || command.confirmed, command.begun) {
                    (true, _) => &command.desired,
                    (false, true) if blind => &command.desired,
                    (false, true) => return None,
                    (false, false) => &DesiredState::Off,
                }
            }
            DesiredState::On { .. } => &DesiredState::Off,
            DesiredState::Off if Self::holds(command, profile) => return None,
            DesiredState::Off => &DesiredState::Off,
        };
        Some(command.say(desired, now))
    }

    /// The command to repeat now, because the siren would stop too early, whether it has confirmed
    /// or not.
    pub fn to_repeat(&self, now: Timestamp) -> Option<Say> {
        let command = self.command.as_ref().filter(|command| !command.stopped)?;
        let due = command.again_at.is_some_and(|at| at <= now);
        matches!(command.desired, DesiredState::On { until, .. } if due && until > now)
            .then(|| command.say(&command.desired, now))
    }

    /// Records that the command is sent. Called before sending, because the siren's report may
    /// arrive before the sender continues.
    pub fn on_sent(&mut self, say: &Say, now: Timestamp, profile: &Profile) {
        let Some(command) = self.command.as_mut().filter(|command| command.key == say.key) else {
            return;
        };
        command.sent += 1;
        command.again_at = None;
        if let DesiredState::On { until, .. } = say.desired {
            command.again_at = profile.again_after(until.since(now)).map(|after| now + after);
            command.begun = true;
        }
    }

    /// Records that the command could not be sent after all.
    pub fn on_send_failed(&mut self, say: &Say) {
        if let Some(command) = self.command.as_mut().filter(|command| command.key == say.key) {
            command.sent -= 1;
            command.begun &= command.sent > 0;
        }
    }

    /// Handles a report. A retained report (`kept`) shows the state of the siren, but confirms no
    /// command.
    pub fn heard(&mut self, heard: DeviceReport, kept: bool, now: Timestamp) {
        let was_away = self.health.online == Some(false);
        // The report that it cannot be reached comes from others.
        if !kept && heard != DeviceReport::Online(false) {
            self.health.seen_at = Some(now);
            self.health.online = Some(true);
        }
        match heard {
            DeviceReport::Online(online) => self.health.online = Some(online),
            DeviceReport::Battery(left) => self.health.battery = Some(left),
            DeviceReport::Tampered(tampered) => self.health.tampered = Some(tampered),
            DeviceReport::Alive => {}
            DeviceReport::Sounds(sounds, key) => {
                self.sounds = sounds;
                if kept {
                    return;
                }
                let Some(command) = &mut self.command else { return };
                let on = matches!(command.desired, DesiredState::On { .. });
                // A report of quiet before the confirmation may have been sent before the command
                // arrived. A siren that is quiet when it comes back has lost its power: nobody
                // stopped it.
                command.stopped =
                    !sounds && !was_away && (command.stopped || on && command.confirmed);
                command.confirmed |=
                    command.sent > 0 && on == sounds && key.is_none_or(|key| key == command.key);
            }
        }
    }
}

impl SirenCommand {
    /// The message that commands this state now.
    fn say(&self, desired: &DesiredState, now: Timestamp) -> Say {
        let expires = match desired {
            // A siren that has confirmed that it sounds may get the command until the end. Any
            // other must begin soon or not at all.
            DesiredState::On { until, .. } if self.confirmed => Some(*until),
            DesiredState::On { until, not_after, .. } if now < *not_after => {
                Some((*not_after).min(*until))
            }
            DesiredState::On { until, .. } => Some((now + SIREN_NOT_AFTER).min(*until)),
            DesiredState::Off => None,
        };
        Say { desired: desired.clone(), key: self.key.clone(), expires }
    }
}

/// A siren that does not report its state is assumed to be quiet after [`BLIND`] OFF messages. It
/// is never assumed to sound.
fn is_believed(command: &SirenCommand, profile: &Profile) -> bool {
    profile.state.is_none() && command.desired == DesiredState::Off && command.sent >= BLIND
}

#[cfg(test)]
mod tests {
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
        state.on_send_failed(&say);
        assert_eq!(
            state.to_say(at(95), &profile).unwrap().desired,
            DesiredState::Off,
            "a siren that was never told does not begin late (R22)"
        );
        let mut state = ReportedState::default();
        state.resume(&effect(1, 0, Some(600)), false, at(95));
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
        for (profile, again) in [
            (profile("zigbee2mqtt-emergency"), [192, 384]),
            (own, [96, 192]),
            (confirms, [144, 288]),
        ] {
            let mut state = ReportedState::default();
            command(&mut state, &effect(1, 3, Some(600)), 0, &profile);
            for at_s in again {
                assert_eq!(state.to_repeat(at(at_s - 1)), None);
                let say = state.to_repeat(at(at_s)).unwrap();
                assert!(matches!(say.desired, DesiredState::On { .. }), "{profile:?}");
                state.on_sent(&say, at(at_s), &profile);
            }
        }
    }

    #[test]
    fn siren_that_stops_early_is_told_again_until_its_time_is_over() {
        let (mut state, profile, on) =
            (ReportedState::default(), profile("zigbee2mqtt-alarm"), effect(1, 3, Some(240)));
        command(&mut state, &on, 0, &profile);
        state.heard(HEARD_LOUD, false, at(0));
        assert_eq!(state.to_repeat(at(143)), None);
        let again = state.to_repeat(at(144)).unwrap();
        state.on_sent(&again, at(144), &profile);
        assert_eq!(state.to_repeat(at(239)), None, "the rest fits into one command");
        state.take(&effect(1, 9, None), at(150));
        assert_eq!(state.to_repeat(at(239)), None);
    }

    #[test]
    fn blind_siren_never_counts_as_sounding_and_is_silenced_thrice() {
        let (mut state, profile, on) =
            (ReportedState::default(), profile("zigbee2mqtt"), effect(1, 3, Some(240)));
        command(&mut state, &on, 0, &profile);
        assert!(!state.is_done(&on.key, &profile));
        let off = effect(1, 9, None);
        for _ in 0..BLIND {
            command(&mut state, &off, 9, &profile);
        }
        assert!(state.is_done(&off.key, &profile) && state.to_say(at(9), &profile).is_none());
    }
}
