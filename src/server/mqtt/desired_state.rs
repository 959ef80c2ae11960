//! The wanted state of a siren, and whether it is confirmed. Decides what to send; does no I/O.

use super::profile::{DeviceReport, Profile};
use crate::{
    domain::{
        device::Health,
        id::IncidentId,
        incident::{
            SIREN_NOT_AFTER,
            effect::{Effect, EffectKind, Sound},
        },
        time::Timestamp,
    },
    server::sirens::takes_precedence,
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
    order: (IncidentId, u32),
    key: String,
    want: DesiredState,
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
    wish: Option<SirenCommand>,
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
    pub want: DesiredState,
    /// The key of the command.
    pub key: String,
    /// When the message expires (I13). `None` if a late delivery is still useful.
    pub expires: Option<Timestamp>,
}

impl ReportedState {
    /// Accepts a command. Returns false if the current command takes precedence.
    pub fn take(&mut self, effect: &Effect, now: Timestamp) -> bool {
        let want = match &effect.kind {
            EffectKind::SirenOn { until, sound, .. } => DesiredState::On {
                until: *until,
                not_after: effect.not_after.unwrap_or(*until),
                sound: *sound,
            },
            _ => DesiredState::Off,
        };
        if let Some(wish) = &self.wish {
            if wish.key == effect.key {
                return true;
            }
            let sounds_until = match wish.want {
                DesiredState::On { until, .. } => Some(until),
                DesiredState::Off => None,
            };
            if !takes_precedence(effect, wish.order, sounds_until, now) {
                return false;
            }
        }
        // An OFF inherits that the siren is already quiet, because sirens that report only changes
        // would never confirm it. An ON does not.
        let stopped =
            want == DesiredState::Off && self.wish.as_ref().is_some_and(|wish| wish.stopped);
        let order = (effect.incident, effect.seq);
        self.wish = Some(SirenCommand {
            order,
            key: effect.key.clone(),
            want,
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
    pub fn resume(
        &mut self,
        incident: IncidentId,
        until: Timestamp,
        sound: Sound,
        confirmed: bool,
    ) {
        let not_after = if confirmed { until } else { Timestamp::default() };
        let want = DesiredState::On { until, not_after, sound };
        let key = format!("{incident}/resumed");
        self.wish = Some(SirenCommand {
            order: (incident, 0),
            key,
            want,
            sent: 1,
            confirmed,
            stopped: false,
            begun: true,
            again_at: None,
        });
    }

    /// Whether the command with that key is current, and is done as far as can be known.
    pub fn is_done(&self, key: &str, profile: &Profile) -> bool {
        self.wish.as_ref().is_some_and(|wish| wish.key == key && Self::holds(wish, profile))
    }

    fn holds(wish: &SirenCommand, profile: &Profile) -> bool {
        let quiet = wish.want == DesiredState::Off && wish.sent > 0 && wish.stopped;
        wish.confirmed || quiet || is_believed(wish, profile)
    }

    /// The command to send now, when a command has arrived or the siren can be reached again.
    /// `None` if there is nothing to send.
    ///
    /// A command that has not begun in time, or is over, becomes OFF (F31). A siren that was
    /// commanded in time may be sounding, so it does not get OFF while the incident wants it to
    /// sound: a siren that cannot confirm gets ON with the remaining time, and one that could
    /// confirm and has not gets nothing.
    pub fn to_say(&self, now: Timestamp, profile: &Profile) -> Option<Say> {
        let wish = self.wish.as_ref()?;
        if wish.stopped && wish.want != DesiredState::Off {
            return None;
        }
        let blind = profile.state.is_none();
        let want = match &wish.want {
            DesiredState::On { until, not_after, .. } if *until > now => {
                match (now < *not_after || wish.confirmed, wish.begun) {
                    (true, _) => &wish.want,
                    (false, true) if blind => &wish.want,
                    (false, true) => return None,
                    (false, false) => &DesiredState::Off,
                }
            }
            DesiredState::On { .. } => &DesiredState::Off,
            DesiredState::Off if Self::holds(wish, profile) => return None,
            DesiredState::Off => &DesiredState::Off,
        };
        Some(wish.say(want, now))
    }

    /// The command to repeat now, because the siren would stop too early, whether it has confirmed
    /// or not.
    pub fn to_repeat(&self, now: Timestamp) -> Option<Say> {
        let wish = self.wish.as_ref().filter(|wish| !wish.stopped)?;
        let due = wish.again_at.is_some_and(|at| at <= now);
        matches!(wish.want, DesiredState::On { until, .. } if due && until > now)
            .then(|| wish.say(&wish.want, now))
    }

    /// Records that the command is sent. Called before sending, because the siren's report may
    /// arrive before the sender continues.
    pub fn told(&mut self, say: &Say, now: Timestamp, profile: &Profile) {
        let Some(wish) = self.wish.as_mut().filter(|wish| wish.key == say.key) else { return };
        wish.sent += 1;
        wish.again_at = None;
        if let DesiredState::On { until, .. } = say.want {
            wish.again_at = profile.again_after(until.since(now)).map(|after| now + after);
            wish.begun = true;
        }
    }

    /// Records that the command could not be sent after all.
    pub fn not_told(&mut self, say: &Say) {
        if let Some(wish) = self.wish.as_mut().filter(|wish| wish.key == say.key) {
            wish.sent -= 1;
            wish.begun &= wish.sent > 0;
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
                let Some(wish) = &mut self.wish else { return };
                let on = matches!(wish.want, DesiredState::On { .. });
                // A report of quiet before the confirmation may have been sent before the command
                // arrived. A siren that is quiet when it comes back has lost its power: nobody
                // stopped it.
                wish.stopped = !sounds && !was_away && (wish.stopped || on && wish.confirmed);
                wish.confirmed |=
                    wish.sent > 0 && on == sounds && key.is_none_or(|key| key == wish.key);
            }
        }
    }
}

impl SirenCommand {
    /// The message that commands `want` now.
    fn say(&self, want: &DesiredState, now: Timestamp) -> Say {
        let expires = match want {
            // A siren that has confirmed that it sounds may get the command until the end. Any
            // other must begin soon or not at all.
            DesiredState::On { until, .. } if self.confirmed => Some(*until),
            DesiredState::On { until, not_after, .. } if now < *not_after => {
                Some((*not_after).min(*until))
            }
            DesiredState::On { until, .. } => Some((now + SIREN_NOT_AFTER).min(*until)),
            DesiredState::Off => None,
        };
        Say { want: want.clone(), key: self.key.clone(), expires }
    }
}

/// A siren that does not report its state is assumed to be quiet after [`BLIND`] OFF messages. It
/// is never assumed to sound.
fn is_believed(wish: &SirenCommand, profile: &Profile) -> bool {
    profile.state.is_none() && wish.want == DesiredState::Off && wish.sent >= BLIND
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::incident::Mode, server::mqtt::profile::known};

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
            mode: Mode::Live,
            not_after,
            kind,
        }
    }

    /// Accepts the command and records that it is sent.
    fn command(known: &mut ReportedState, effect: &Effect, now: u64, profile: &Profile) {
        assert!(known.take(effect, at(now)));
        let say = known.to_say(at(now), profile).unwrap();
        known.told(&say, at(now), profile);
    }

    #[test]
    fn a_command_counts_when_the_siren_says_so_and_not_before() {
        let (mut known, profile, on) =
            (ReportedState::default(), profile("tasmota"), effect(1, 3, Some(240)));
        known.heard(HEARD_LOUD, false, at(0));
        command(&mut known, &on, 0, &profile);
        assert!(!known.is_done(&on.key, &profile), "what it said before proves nothing");
        known.heard(HEARD_LOUD, true, at(0));
        assert!(!known.is_done(&on.key, &profile), "nor what the broker kept");
        known.heard(HEARD_QUIET, false, at(0));
        assert!(!known.is_done(&on.key, &profile));
        assert!(
            known.to_say(at(1), &profile).is_some(),
            "what was on its way already stops no further try"
        );
        known.heard(HEARD_LOUD, false, at(0));
        assert!(known.is_done(&on.key, &profile) && known.sounds);
    }

    #[test]
    fn a_siren_that_names_the_command_must_name_this_one() {
        let (mut known, profile, on) =
            (ReportedState::default(), profile("buckler"), effect(1, 3, Some(240)));
        command(&mut known, &on, 0, &profile);
        known.heard(DeviceReport::Sounds(true, Some("another".into())), false, at(0));
        assert!(!known.is_done(&on.key, &profile));
        known.heard(DeviceReport::Sounds(true, Some(on.key.clone())), false, at(0));
        assert!(known.is_done(&on.key, &profile));
    }

    #[test]
    fn of_two_commands_the_later_one_holds_whatever_comes_last() {
        let (mut known, profile) = (ReportedState::default(), profile("tasmota"));
        command(&mut known, &effect(1, 7, None), 0, &profile);
        assert!(!known.take(&effect(1, 3, Some(240)), at(0)), "an ON that comes after its OFF");
        command(&mut known, &effect(2, 3, Some(240)), 1, &profile);
        assert!(!known.take(&effect(1, 9, None), at(2)), "an OFF of an emergency before");
        assert!(known.take(&effect(1, 9, None), at(241)));
    }

    /// F31.
    #[test]
    fn siren_that_comes_back_is_told_what_holds_now_and_no_old_on() {
        let (mut known, profile, on) =
            (ReportedState::default(), profile("tasmota"), effect(1, 3, Some(240)));
        known.take(&on, at(0));
        assert!(
            matches!(known.to_say(at(59), &profile).unwrap().want, DesiredState::On { .. }),
            "in time"
        );
        assert_eq!(
            known.to_say(at(60), &profile).unwrap().want,
            DesiredState::Off,
            "never begun in time"
        );
        let mut known = ReportedState::default();
        command(&mut known, &on, 0, &profile);
        known.heard(HEARD_LOUD, false, at(0));
        assert!(
            matches!(known.to_say(at(100), &profile).unwrap().want, DesiredState::On { .. }),
            "it sounded already, and goes on"
        );
        assert_eq!(
            known.to_say(at(600), &profile).unwrap().want,
            DesiredState::Off,
            "ten minutes later"
        );
        known.heard(HEARD_QUIET, false, at(0));
        assert_eq!(known.to_say(at(100), &profile), None, "F43: somebody stopped it");
    }

    /// I22. The siren ends a drill's pulse a moment before the server's OFF, or somebody presses
    /// its own button.
    #[test]
    fn siren_stop_ends_with_the_command_that_was_stopped() {
        let (mut known, profile) = (ReportedState::default(), profile("tasmota"));
        let is_on = |known: &ReportedState, now| {
            matches!(
                known.to_say(at(now), &profile),
                Some(Say { want: DesiredState::On { .. }, .. })
            )
        };
        command(&mut known, &effect(1, 3, Some(5)), 0, &profile);
        known.heard(HEARD_LOUD, false, at(0));
        known.heard(HEARD_QUIET, false, at(4));
        assert_eq!(known.to_say(at(4), &profile), None, "F43: the stopped command stays stopped");
        known.take(&effect(2, 3, Some(300)), at(30));
        assert!(is_on(&known, 30), "a later incident sounds, also where no OFF came between");

        let mut known = ReportedState::default();
        command(&mut known, &effect(1, 3, Some(240)), 0, &profile);
        known.heard(HEARD_LOUD, false, at(0));
        known.heard(HEARD_QUIET, false, at(20));
        let off = effect(1, 9, None);
        command(&mut known, &off, 21, &profile);
        assert!(
            known.is_done(&off.key, &profile),
            "it is quiet already, and some sirens report only changes"
        );
        known.take(&effect(2, 3, Some(300)), at(230));
        assert!(is_on(&known, 30));
        known.take(&effect(2, 7, Some(300)), at(231));
        assert!(is_on(&known, 31), "so does a second command of the same incident");
    }

    /// I22. A siren that lost its power reports that it is quiet when it returns, in some cases
    /// before it reports that it is online.
    #[test]
    fn siren_that_returns_quiet_is_told_to_sound_again() {
        let (mut known, profile) = (ReportedState::default(), profile("tasmota"));
        command(&mut known, &effect(1, 3, Some(240)), 0, &profile);
        known.heard(HEARD_LOUD, false, at(0));
        known.heard(DeviceReport::Online(false), false, at(60));
        known.heard(HEARD_QUIET, false, at(90));
        assert!(matches!(known.to_say(at(90), &profile).unwrap().want, DesiredState::On { .. }));
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
            let (mut known, profile) = (ReportedState::default(), profile(name));
            command(&mut known, &effect(1, 3, Some(600)), 0, &profile);
            let say = known.to_say(at(95), &profile);
            match say {
                Some(say) if !confirms => {
                    assert!(
                        matches!(say.want, DesiredState::On { until, .. } if until == at(600)),
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
                known.to_say(at(600), &profile).unwrap().want,
                DesiredState::Off,
                "{name}: when it is over"
            );
        }
        let (mut known, profile) = (ReportedState::default(), profile("zigbee2mqtt"));
        known.take(&effect(1, 3, Some(600)), at(0));
        let say = known.to_say(at(59), &profile).unwrap();
        known.told(&say, at(59), &profile);
        known.not_told(&say);
        assert_eq!(
            known.to_say(at(95), &profile).unwrap().want,
            DesiredState::Off,
            "a siren that was never told does not begin late (R22)"
        );
        known.resume(IncidentId(uuid::Uuid::from_u128(1)), at(600), Sound::Police, false);
        assert!(
            matches!(known.to_say(at(95), &profile).unwrap().want, DesiredState::On { .. }),
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
            let mut known = ReportedState::default();
            command(&mut known, &effect(1, 3, Some(600)), 0, &profile);
            for at_s in again {
                assert_eq!(known.to_repeat(at(at_s - 1)), None);
                let say = known.to_repeat(at(at_s)).unwrap();
                assert!(matches!(say.want, DesiredState::On { .. }), "{profile:?}");
                known.told(&say, at(at_s), &profile);
            }
        }
    }

    #[test]
    fn siren_that_stops_early_is_told_again_until_its_time_is_over() {
        let (mut known, profile, on) =
            (ReportedState::default(), profile("zigbee2mqtt-alarm"), effect(1, 3, Some(240)));
        command(&mut known, &on, 0, &profile);
        known.heard(HEARD_LOUD, false, at(0));
        assert_eq!(known.to_repeat(at(143)), None);
        let again = known.to_repeat(at(144)).unwrap();
        known.told(&again, at(144), &profile);
        assert_eq!(known.to_repeat(at(239)), None, "the rest fits into one command");
        known.take(&effect(1, 9, None), at(150));
        assert_eq!(known.to_repeat(at(239)), None);
    }

    #[test]
    fn blind_siren_never_counts_as_sounding_and_is_silenced_thrice() {
        let (mut known, profile, on) =
            (ReportedState::default(), profile("zigbee2mqtt"), effect(1, 3, Some(240)));
        command(&mut known, &on, 0, &profile);
        assert!(!known.is_done(&on.key, &profile));
        let off = effect(1, 9, None);
        for _ in 0..BLIND {
            command(&mut known, &off, 9, &profile);
        }
        assert!(known.is_done(&off.key, &profile) && known.to_say(at(9), &profile).is_none());
    }
}
