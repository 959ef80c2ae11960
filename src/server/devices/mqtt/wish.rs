//! What a siren should do, and how far that is known to be so. Decides; sends nothing.

use super::profile::{Heard, Profile};
use crate::domain::{
    device::Health,
    id::IncidentId,
    incident::effect::{Effect, EffectKind, Sound},
    time::Timestamp,
};

/// What is sent to a siren that never says what it does: so often, and then it is believed to be quiet.
const BLIND: u32 = 3;

/// What a siren should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// Sound.
    On {
        /// Until then.
        until: Timestamp,
        /// Not to be begun after.
        not_after: Timestamp,
        /// For what.
        sound: Sound,
    },
    /// Be quiet.
    Off,
}

/// The latest command to a siren, and what came of it.
#[derive(Clone, Debug)]
struct Wish {
    order: (IncidentId, u32),
    key: String,
    want: Want,
    sent: u32,
    confirmed: bool,
    /// When it must be sent again, because the siren would stop by itself.
    again_at: Option<Timestamp>,
}

/// What is known of a siren.
#[derive(Debug, Default)]
pub struct Known {
    wish: Option<Wish>,
    /// It said so.
    pub sounds: bool,
    /// How it is, as it or its bridge said.
    pub health: Health,
    /// It said that it is quiet, after it had proved that it sounds: somebody stopped it, or it stopped by itself.
    stopped: bool,
    /// That it says what cannot be understood was told.
    pub complained: bool,
}

/// What to tell a siren.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// What it should do.
    pub want: Want,
    /// The key of the command.
    pub key: String,
    /// When the message is worth nothing any more (I13); `None` where late is better than never.
    pub expires: Option<Timestamp>,
}

impl Known {
    /// Takes in a command; false if one that holds over it came before.
    pub fn take(&mut self, effect: &Effect, now: Timestamp) -> bool {
        let want = match &effect.kind {
            EffectKind::SirenOn { until, sound, .. } => {
                Want::On { until: *until, not_after: effect.not_after.unwrap_or(*until), sound: *sound }
            }
            _ => Want::Off,
        };
        if let Some(wish) = &self.wish {
            if wish.key == effect.key {
                return true;
            }
            let later = wish.order.0 == effect.incident && wish.order.1 > effect.seq;
            // The end of an earlier emergency, that the siren never heard, must not silence a later one.
            let other = wish.order.0 != effect.incident && want == Want::Off && matches!(wish.want, Want::On { until, .. } if until > now);
            if later || other {
                return false;
            }
        }
        self.wish =
            Some(Wish { order: (effect.incident, effect.seq), key: effect.key.clone(), want, sent: 0, confirmed: false, again_at: None });
        true
    }

    /// Goes on with a siren that sounded when the server ended.
    pub fn resume(&mut self, incident: IncidentId, until: Timestamp, sound: Sound) {
        let want = Want::On { until, not_after: until, sound };
        self.wish = Some(Wish { order: (incident, 0), key: format!("{incident}/resumed"), want, sent: 0, confirmed: true, again_at: None });
    }

    /// Whether the command of that key is known to be carried out.
    pub fn is_done(&self, key: &str, profile: &Profile) -> bool {
        self.wish.as_ref().is_some_and(|wish| wish.key == key && self.holds(wish, profile))
    }

    fn holds(&self, wish: &Wish, profile: &Profile) -> bool {
        let quiet = wish.want == Want::Off && wish.sent > 0 && self.stopped;
        wish.confirmed || quiet || is_believed(wish, profile)
    }

    /// What the siren should be told now, if it must be told anything: because a command has come, or the way to it is open again.
    /// Never an old one: what was not begun in time, or is over, is silence (F31).
    pub fn to_say(&self, now: Timestamp, profile: &Profile) -> Option<Say> {
        let wish = self.wish.as_ref()?;
        let want = match &wish.want {
            Want::On { until, not_after, .. } if *until > now && (wish.confirmed || now < *not_after) => {
                (!self.stopped).then_some(&wish.want)?
            }
            Want::On { .. } => (!self.stopped).then_some(&Want::Off)?,
            Want::Off => (!self.holds(wish, profile)).then_some(&Want::Off)?,
        };
        let expires = match want {
            // What sounds may go on to its end; what does not yet must begin in time.
            Want::On { until, not_after, .. } => Some(if wish.confirmed { *until } else { (*not_after).min(*until) }),
            Want::Off => None,
        };
        Some(Say { want: want.clone(), key: wish.key.clone(), expires })
    }

    /// What the siren must be told again now, because it would stop before its time.
    pub fn to_repeat(&self, now: Timestamp, profile: &Profile) -> Option<Say> {
        let due = self.wish.as_ref()?.again_at.is_some_and(|at| at <= now);
        self.to_say(now, profile).filter(|say| due && say.want != Want::Off)
    }

    /// It is told. Noted before the message leaves: its answer may be here before whoever sends goes on.
    pub fn told(&mut self, say: &Say, now: Timestamp, profile: &Profile) {
        let Some(wish) = self.wish.as_mut().filter(|wish| wish.key == say.key) else { return };
        wish.sent += 1;
        wish.again_at = None;
        if let Want::On { until, .. } = say.want {
            wish.again_at = profile.again_after(until.since(now)).map(|after| now + after);
            self.stopped = false;
        }
    }

    /// It could not be told after all.
    pub fn not_told(&mut self, say: &Say) {
        if let Some(wish) = self.wish.as_mut().filter(|wish| wish.key == say.key) {
            wish.sent -= 1;
        }
    }

    /// It says something. What a broker kept from before shows how things are, and proves nothing of a command.
    pub fn heard(&mut self, heard: Heard, kept: bool, now: Timestamp) {
        // That it cannot be reached is said by others.
        if !kept && heard != Heard::Online(false) {
            self.health.seen_at = Some(now);
            self.health.online = Some(true);
        }
        match heard {
            Heard::Online(online) => self.health.online = Some(online),
            Heard::Battery(left) => self.health.battery = Some(left),
            Heard::Tampered(tampered) => self.health.tampered = Some(tampered),
            Heard::Alive => {}
            Heard::Sounds(sounds, key) => {
                self.sounds = sounds;
                if kept {
                    return;
                }
                let Some(wish) = &mut self.wish else { return };
                let on = matches!(wish.want, Want::On { .. });
                // What it says while it has not begun yet may have been on its way when it was told to.
                self.stopped = !sounds && (self.stopped || on && wish.confirmed);
                wish.confirmed |= wish.sent > 0 && on == sounds && key.is_none_or(|key| key == wish.key);
            }
        }
    }
}

/// A siren that never says what it does is believed to be quiet when it was told so several times. That it sounds is never believed.
fn is_believed(wish: &Wish, profile: &Profile) -> bool {
    profile.state.is_none() && wish.want == Want::Off && wish.sent >= BLIND
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::incident::Mode, server::devices::mqtt::profile::known};

    const HEARD_QUIET: Heard = Heard::Sounds(false, None);
    const HEARD_LOUD: Heard = Heard::Sounds(true, None);

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
        Effect { key: format!("{incident}/{seq}"), incident, home: "maple-street".parse().unwrap(), seq, mode: Mode::Live, not_after, kind }
    }

    /// Takes it in and tells the siren.
    fn command(known: &mut Known, effect: &Effect, now: u64, profile: &Profile) {
        assert!(known.take(effect, at(now)));
        let say = known.to_say(at(now), profile).unwrap();
        known.told(&say, at(now), profile);
    }

    #[test]
    fn a_command_counts_when_the_siren_says_so_and_not_before() {
        let (mut known, profile, on) = (Known::default(), profile("tasmota"), effect(1, 3, Some(240)));
        known.heard(HEARD_LOUD, false, at(0));
        command(&mut known, &on, 0, &profile);
        assert!(!known.is_done(&on.key, &profile), "what it said before proves nothing");
        known.heard(HEARD_LOUD, true, at(0));
        assert!(!known.is_done(&on.key, &profile), "nor what the broker kept");
        known.heard(HEARD_QUIET, false, at(0));
        assert!(!known.is_done(&on.key, &profile));
        assert!(known.to_say(at(1), &profile).is_some(), "what was on its way already stops no further try");
        known.heard(HEARD_LOUD, false, at(0));
        assert!(known.is_done(&on.key, &profile) && known.sounds);
    }

    #[test]
    fn a_siren_that_names_the_command_must_name_this_one() {
        let (mut known, profile, on) = (Known::default(), profile("buckler"), effect(1, 3, Some(240)));
        command(&mut known, &on, 0, &profile);
        known.heard(Heard::Sounds(true, Some("another".into())), false, at(0));
        assert!(!known.is_done(&on.key, &profile));
        known.heard(Heard::Sounds(true, Some(on.key.clone())), false, at(0));
        assert!(known.is_done(&on.key, &profile));
    }

    #[test]
    fn of_two_commands_the_later_one_holds_whatever_comes_last() {
        let (mut known, profile) = (Known::default(), profile("tasmota"));
        command(&mut known, &effect(1, 7, None), 0, &profile);
        assert!(!known.take(&effect(1, 3, Some(240)), at(0)), "an ON that comes after its OFF");
        command(&mut known, &effect(2, 3, Some(240)), 1, &profile);
        assert!(!known.take(&effect(1, 9, None), at(2)), "an OFF of an emergency before");
        assert!(known.take(&effect(1, 9, None), at(241)));
    }

    #[test]
    fn f31_a_siren_that_comes_back_is_told_what_holds_now_and_never_an_old_on() {
        let (mut known, profile, on) = (Known::default(), profile("tasmota"), effect(1, 3, Some(240)));
        known.take(&on, at(0));
        assert!(matches!(known.to_say(at(59), &profile).unwrap().want, Want::On { .. }), "in time");
        assert_eq!(known.to_say(at(60), &profile).unwrap().want, Want::Off, "never begun in time");
        let mut known = Known::default();
        command(&mut known, &on, 0, &profile);
        known.heard(HEARD_LOUD, false, at(0));
        assert!(matches!(known.to_say(at(100), &profile).unwrap().want, Want::On { .. }), "it sounded already, and goes on");
        assert_eq!(known.to_say(at(600), &profile).unwrap().want, Want::Off, "ten minutes later");
        known.heard(HEARD_QUIET, false, at(0));
        assert_eq!(known.to_say(at(100), &profile), None, "F43: somebody stopped it");
    }

    #[test]
    fn a_siren_that_stops_early_is_told_again_until_the_end_of_its_time() {
        let (mut known, profile, on) = (Known::default(), profile("zigbee2mqtt-alarm"), effect(1, 3, Some(240)));
        command(&mut known, &on, 0, &profile);
        known.heard(HEARD_LOUD, false, at(0));
        assert_eq!(known.to_repeat(at(143), &profile), None);
        let again = known.to_repeat(at(144), &profile).unwrap();
        known.told(&again, at(144), &profile);
        assert_eq!(known.to_repeat(at(239), &profile), None, "the rest fits into one command");
        known.take(&effect(1, 9, None), at(150));
        assert_eq!(known.to_repeat(at(239), &profile), None);
    }

    #[test]
    fn a_blind_siren_is_never_believed_to_sound_and_silenced_three_times() {
        let (mut known, profile, on) = (Known::default(), profile("zigbee2mqtt"), effect(1, 3, Some(240)));
        command(&mut known, &on, 0, &profile);
        assert!(!known.is_done(&on.key, &profile));
        let off = effect(1, 9, None);
        for _ in 0..BLIND {
            command(&mut known, &off, 9, &profile);
        }
        assert!(known.is_done(&off.key, &profile) && known.to_say(at(9), &profile).is_none());
    }
}
