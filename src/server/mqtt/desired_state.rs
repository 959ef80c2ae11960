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
    server::sirens::precedence::Precedence,
};
use std::time::Duration;

/// A siren that does not report its state is told so often again to sound since it was away.
const BLIND: u32 = 3;
/// It is assumed to be quiet after this many OFF messages, which take a minute: a broker may need that
/// long to notice that the link of a siren is gone.
const BLIND_OFF: u32 = 7;
/// How long a siren that was told something may take to prove that it obeys, before it is told again:
/// a radio may lose a command. The time doubles up to [`PROVES_AGAIN_MOST`], because some sirens report
/// only changes, and begins anew when the siren can be reached again.
const PROVES_AGAIN: Duration = Duration::from_secs(1);
/// The longest such time.
const PROVES_AGAIN_MOST: Duration = Duration::from_secs(32);
/// How long after its end a command to sound may still be followed by its OFF.
const OFF_COMES_WITHIN: Duration = Duration::from_secs(60);
/// How long an OFF is tried.
const OFF_IS_TRIED: Duration = Duration::from_secs(24 * 3_600);

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
    incident: IncidentId,
    seq: u32,
    taken_at: Timestamp,
    /// When its fact was decided, if that is known: before a restart of the server, perhaps.
    decided_at: Timestamp,
    key: String,
    desired: DesiredState,
    sent: u32,
    /// How often it was sent since the siren was last known to be away: an OFF to a siren that
    /// cannot confirm counts only then.
    reached: u32,
    confirmed: bool,
    /// The siren itself reported that it sounds, and can be reached since. Only then is its next
    /// report that it is quiet a stop: a siren that lost its power is quiet, too, when it is back.
    is_heard: bool,
    /// The siren reported that it is quiet while it was heard: somebody stopped it, or it stopped
    /// by itself. The stop belongs to this command; the next command starts
    /// without it.
    stopped: bool,
    /// The command was sent while it could still begin, so the siren may be sounding even if it
    /// never confirms.
    begun: bool,
    /// It may have been sent before the server stopped.
    may_have_begun: bool,
    /// When the command must be repeated, because the siren would stop by itself.
    again_at: Option<Timestamp>,
    /// When the command must be repeated, because the siren has not proved since it was last away
    /// that it obeys, or because the command found no room in the connection's queue.
    prove_at: Option<Timestamp>,
    /// How often it was told so since it was away.
    told_to_prove: u32,
    /// It was sent to a siren that cannot prove anything.
    is_blind: bool,
}

/// A siren became quiet although the incident wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The incident.
    pub incident: IncidentId,
    /// The number of the fact whose command it had obeyed.
    pub seq: u32,
}

/// What is known at the start of the server about a siren that was commanded to sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// It had confirmed that it sounds.
    Confirmed,
    /// It had confirmed, and stopped since. Only a new command sounds it.
    Stopped,
    /// It cannot confirm.
    Blind,
    /// It could confirm, and has not.
    Unconfirmed,
}

/// The state of a siren, as far as it is known.
#[derive(Debug, Default)]
pub struct ReportedState {
    precedence: Precedence,
    command: Option<SirenCommand>,
    /// The incident whose commands until then may have been sent before the server stopped.
    sent_before: Option<(IncidentId, Timestamp)>,
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
                let may_sound = command.begun || command.may_have_begun;
                command.stopped || !may_sound && now >= not_after
            }
            DesiredState::Off => false,
        };
        if self.command.as_ref().is_some_and(is_quiet) {
            self.precedence.is_quiet();
        }
        if !self.precedence.take(effect, now) {
            return false;
        }
        let may_have_begun = self.sent_before.is_some_and(|(incident, until)| {
            incident == effect.incident && effect.decided_at <= until
        });
        // An OFF inherits that the siren is already quiet, because sirens that report only changes
        // would never confirm it. An ON does not.
        let stopped = desired == DesiredState::Off
            && self.command.as_ref().is_some_and(|command| command.stopped);
        self.command = Some(SirenCommand {
            incident: effect.incident,
            seq: effect.seq,
            taken_at: now,
            decided_at: match effect.decided_at {
                unknown if unknown == Timestamp::default() => now,
                known => known.min(now),
            },
            key: effect.key.clone(),
            desired,
            sent: 0,
            reached: 0,
            confirmed: false,
            is_heard: false,
            stopped,
            begun: false,
            may_have_begun,
            again_at: None,
            prove_at: None,
            told_to_prove: 0,
            is_blind: false,
        });
        true
    }

    /// Whether an OFF that was not accepted must be tried again (I22): the request that has the siren
    /// instead is not stored, and nobody would silence it after a restart.
    pub fn is_off_still_due(&self, effect: &Effect, now: Timestamp) -> bool {
        let is_off = matches!(effect.kind, EffectKind::SirenOff { .. });
        is_off && effect.seq > 0 && self.precedence.is_held_by_unstored(now)
    }

    /// A fact commanded the siren. From now on no command of an earlier fact holds, in whatever
    /// order they arrive (I31).
    pub fn expect(&mut self, effect: &Effect) {
        self.precedence.expect(effect);
    }

    /// Continues with a siren that was commanded to sound before the server stopped.
    pub fn resume(&mut self, effect: &Effect, was: Resumed, now: Timestamp) {
        self.sent_before = Some((effect.incident, now));
        if was == Resumed::Unconfirmed {
            // The outbox repeats its command.
            return self.precedence.expect(effect);
        }
        if !self.take(effect, now) {
            return;
        }
        let confirmed = was != Resumed::Blind;
        if let Some(command) = &mut self.command {
            if let DesiredState::On { until, not_after, .. } = &mut command.desired {
                *not_after = if confirmed { *until } else { Timestamp::default() };
            }
            (command.sent, command.confirmed, command.begun) = (1, confirmed, true);
            command.stopped = was == Resumed::Stopped;
        }
    }

    /// The siren, or the broker, cannot be reached, perhaps for a while before that was noticed. The
    /// siren must prove again that it sounds, and what it was sent may not have arrived.
    pub fn is_away(&mut self) {
        if let Some(command) = &mut self.command {
            (command.is_heard, command.prove_at, command.told_to_prove) = (false, None, 0);
            command.reached = 0;
        }
    }

    /// Whether the siren has proved that it sounds, and was not away since.
    pub fn is_heard(&self) -> bool {
        self.command.as_ref().is_some_and(|command| command.is_heard)
    }

    /// Whether it is wanted to sound for another incident than this one.
    pub fn sounds_for_another(&self, incident: IncidentId, now: Timestamp) -> bool {
        self.command.as_ref().is_some_and(|command| {
            let is_on = matches!(command.desired, DesiredState::On { until, .. } if until > now);
            is_on && command.incident != incident
        })
    }

    /// The incident of the current command.
    pub fn incident(&self) -> Option<IncidentId> {
        self.command.as_ref().map(|command| command.incident)
    }

    /// Whether nothing more is to be sent to the siren, and no OFF can follow.
    pub fn is_over(&self, now: Timestamp, profile: &Profile) -> bool {
        self.command.as_ref().is_none_or(|command| match command.desired {
            DesiredState::On { until, .. } => now.since(until) > OFF_COMES_WITHIN,
            DesiredState::Off => {
                Self::holds(command, profile) || now.since(command.taken_at) > OFF_IS_TRIED
            }
        })
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
                let has_begun = command.begun || command.may_have_begun;
                match (now < *not_after || command.confirmed, has_begun) {
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

    /// The command to repeat now: because the siren would stop too early, whether it has confirmed
    /// or not, or because it does not prove that it obeys (I22).
    pub fn to_repeat(&self, now: Timestamp) -> Option<Say> {
        self.next_repeat(now).filter(|at| *at <= now)?;
        self.command.as_ref().map(|command| command.say(&command.desired, now))
    }

    /// When [`Self::to_repeat`] has something to say, unless the siren is told or heard before.
    pub fn next_repeat(&self, now: Timestamp) -> Option<Timestamp> {
        let command = self.command.as_ref()?;
        let proves_at = command.prove_at.filter(|_| self.health.online != Some(false));
        match command.desired {
            DesiredState::On { until, .. } if until <= now || command.stopped => None,
            DesiredState::On { not_after, .. } => {
                // One that has not proved that it has begun may not begin any more.
                let has_begun = command.confirmed || command.is_blind;
                let proves_at = proves_at.filter(|at| has_begun || now.max(*at) < not_after);
                command.again_at.into_iter().chain(proves_at).min()
            }
            DesiredState::Off => proves_at.filter(|at| at.since(command.taken_at) < OFF_IS_TRIED),
        }
    }

    /// Records that the command is sent. Called before sending, because the siren's report may
    /// arrive before the sender continues.
    pub fn on_sent(&mut self, say: &Say, now: Timestamp, profile: &Profile) {
        let is_away = self.health.online == Some(false);
        let Some(command) = self.command.as_mut().filter(|command| command.key == say.key) else {
            return;
        };
        command.sent += 1;
        command.reached += u32::from(!is_away);
        (command.again_at, command.prove_at) = (None, None);
        let has_proved = match command.desired {
            DesiredState::On { .. } => command.is_heard,
            DesiredState::Off => Self::holds(command, profile),
        };
        command.is_blind = profile.state.is_none();
        let enough = match command.desired {
            DesiredState::On { .. } => BLIND,
            DesiredState::Off => BLIND_OFF,
        };
        let is_told_enough = command.is_blind && command.told_to_prove >= enough;
        if !has_proved && !is_told_enough {
            let pause = PROVES_AGAIN.saturating_mul(1 << command.told_to_prove.min(16));
            command.prove_at = Some(now + pause.min(PROVES_AGAIN_MOST));
            command.told_to_prove += 1;
        }
        if let DesiredState::On { until, .. } = say.desired {
            let whole = until.since(command.decided_at);
            command.again_at = profile.again_after(whole).map(|after| now + after);
            command.begun = true;
        }
    }

    /// Records that the command could not be sent after all. It is sent again soon.
    pub fn on_send_failed(&mut self, say: &Say, now: Timestamp) {
        if let Some(command) = self.command.as_mut().filter(|command| command.key == say.key) {
            command.sent -= 1;
            command.reached = command.reached.saturating_sub(1);
            command.begun &= command.sent > 0;
            command.prove_at = Some(now + PROVES_AGAIN);
        }
    }

    /// Handles a report. A retained report (`kept`) shows the state of the siren, but confirms no
    /// command. Returns the stop if it is one.
    pub fn heard(&mut self, heard: DeviceReport, kept: bool, now: Timestamp) -> Option<Stop> {
        // The report that it cannot be reached comes from others.
        if !kept && heard != DeviceReport::Online(false) {
            self.health.seen_at = Some(now);
            self.health.online = Some(true);
        }
        match heard {
            DeviceReport::Online(online) => {
                self.health.online = Some(online);
                if !online {
                    self.is_away();
                }
            }
            DeviceReport::Battery(left) => self.health.battery = Some(left),
            DeviceReport::Tampered(tampered) => self.health.tampered = Some(tampered),
            DeviceReport::Alive => {}
            DeviceReport::Sounds(sounds, key) => {
                self.sounds = sounds;
                if !kept {
                    return self.command.as_mut()?.heard(sounds, key.as_deref(), now);
                }
            }
        }
        None
    }
}

impl SirenCommand {
    /// A report of quiet before the siren was heard may have been sent before the command arrived,
    /// or by a siren that is back after it lost its power: nobody stopped it.
    fn heard(&mut self, sounds: bool, key: Option<&str>, now: Timestamp) -> Option<Stop> {
        let wanted_until = match self.desired {
            DesiredState::On { until, .. } => Some(until),
            DesiredState::Off => None,
        };
        let stops = wanted_until.is_some() && !sounds && self.is_heard;
        self.stopped = !sounds && (self.stopped || stops);
        let proves = self.sent > 0
            && wanted_until.is_some() == sounds
            && key.is_none_or(|key| key == self.key);
        self.confirmed |= proves;
        self.is_heard = sounds && (self.is_heard || proves);
        if self.is_heard || proves {
            self.prove_at = None;
        }
        (stops && wanted_until.is_some_and(|until| until > now))
            .then_some(Stop { incident: self.incident, seq: self.seq })
    }

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

/// A siren that does not report its state is assumed to be quiet after [`BLIND_OFF`] OFF messages, if
/// it could be reached. It is never assumed to sound.
fn is_believed(command: &SirenCommand, profile: &Profile) -> bool {
    profile.state.is_none() && command.desired == DesiredState::Off && command.reached >= BLIND_OFF
}

#[cfg(test)]
mod tests;
