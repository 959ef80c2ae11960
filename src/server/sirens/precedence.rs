//! Which command of a siren holds.
//!
//! Commands come late, twice and in any order: an unconfirmed ON is retried for a minute, also after
//! its incident was cancelled and another one began. Whatever comes last, the siren sounds for the
//! emergency that runs, and is quiet after it.

use crate::domain::{
    id::IncidentId,
    incident::{
        Mode,
        effect::{Effect, EffectKind},
    },
    time::Timestamp,
};
use std::collections::VecDeque;

/// The number of incidents whose last command is remembered. An incident's commands are retried for
/// a minute, in which a home rarely has more than two.
const REMEMBERED: usize = 8;

/// The order of the commands to one siren.
#[derive(Clone, Debug, Default)]
pub struct Precedence {
    /// The last command of recent incidents, the newest incident last.
    latest: VecDeque<(IncidentId, u32)>,
    holds: Option<Holding>,
}

/// The command that holds.
#[derive(Clone, Copy, Debug)]
struct Holding {
    incident: IncidentId,
    /// `None` for OFF.
    on: Option<On>,
}

#[derive(Clone, Copy, Debug)]
struct On {
    until: Timestamp,
    /// A minute after the end of the countdown. An incident begins after the one before it is over,
    /// so of two incidents the later one has the later value.
    not_after: Timestamp,
    mode: Mode,
}

impl Precedence {
    /// Accepts a command, or returns false if it must not be obeyed:
    ///
    /// - A later command of its incident came before.
    /// - The siren sounds for another incident, and the command is an OFF, an ON of an earlier
    ///   incident or of a drill, or part of a siren test.
    /// - It is an ON whose time is over, while another incident's command holds.
    ///
    /// The command that holds is accepted again.
    pub fn take(&mut self, effect: &Effect, now: Timestamp) -> bool {
        let is_latest = self.note(effect.incident, effect.seq);
        let on = match effect.kind {
            EffectKind::SirenOn { until, .. } => {
                let not_after = effect.not_after.unwrap_or(until);
                Some(On { until, not_after, mode: effect.mode })
            }
            _ => None,
        };
        let accepted = is_latest
            && self.holds.is_none_or(|holds| {
                holds.incident == effect.incident
                    || on.is_none_or(|on| on.until > now)
                        && holds.on.is_none_or(|current| {
                            current.until <= now
                                || on.is_some_and(|on| on.replaces(current, effect))
                        })
            });
        if accepted {
            self.holds = Some(Holding { incident: effect.incident, on });
        }
        accepted
    }

    /// Remembers a command. Returns false if a later one of the same incident is known.
    fn note(&mut self, incident: IncidentId, seq: u32) -> bool {
        if let Some((_, latest)) = self.latest.iter_mut().find(|(known, _)| *known == incident) {
            let is_latest = seq >= *latest;
            *latest = seq.max(*latest);
            return is_latest;
        }
        if self.latest.len() == REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back((incident, seq));
        true
    }
}

impl On {
    /// Whether this ON takes a siren over that sounds for another incident.
    fn replaces(self, current: Self, effect: &Effect) -> bool {
        let is_test = effect.key == super::test_key(effect.incident, effect.seq);
        let is_drill = self.mode == Mode::Drill && current.mode == Mode::Live;
        !is_test && !is_drill && self.not_after >= current.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{id::DeviceId, incident::effect::Sound};

    const A: u128 = 1;
    const B: u128 = 2;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + seconds * 1_000)
    }

    /// A command; an ON may begin within the minute after `d`, and ends at `until`.
    fn command(incident: u128, seq: u32, mode: Mode, on: Option<(u64, u64)>) -> Effect {
        let device: DeviceId = "base".parse().unwrap();
        let kind = match on {
            Some((_, until)) => {
                EffectKind::SirenOn { device, until: at(until), sound: Sound::Alarm }
            }
            None => EffectKind::SirenOff { device },
        };
        let (incident, home) =
            (IncidentId(uuid::Uuid::from_u128(incident)), "maple-street".parse().unwrap());
        let not_after = on.map(|(d, _)| at(d + 60));
        let key = format!("{incident}/{seq}/siren/base");
        Effect { key, incident, home, seq, mode, not_after, kind }
    }

    fn live(incident: u128, seq: u32, on: Option<(u64, u64)>) -> Effect {
        command(incident, seq, Mode::Live, on)
    }

    fn test(seq: u32, on: Option<(u64, u64)>) -> Effect {
        let effect = live(9, seq, on);
        Effect { key: super::super::test_key(effect.incident, seq), ..effect }
    }

    /// Gives the commands in order, and says which were accepted.
    fn accepted(commands: &[(u64, Effect)]) -> Vec<bool> {
        let mut precedence = Precedence::default();
        commands.iter().map(|(now, effect)| precedence.take(effect, at(*now))).collect()
    }

    #[test]
    fn later_command_of_an_incident_wins_whatever_comes_last() {
        let (on, off) = (live(A, 3, Some((0, 240))), live(A, 9, None));
        assert_eq!(accepted(&[(0, on.clone()), (1, on.clone()), (9, off.clone())]), [true; 3]);
        assert_eq!(accepted(&[(9, off), (10, on)]), [true, false]);
    }

    /// I22.
    #[test]
    fn siren_test_neither_shortens_nor_ends_an_alarm() {
        let alarm = live(A, 3, Some((0, 240)));
        let late =
            [(1, test(2, Some((1, 2)))), (2, test(4, None)), (100, test(5, Some((100, 101))))];
        let all = [vec![(0, alarm)], late.to_vec()].concat();
        assert_eq!(accepted(&all), [true, false, false, false]);
        assert_eq!(accepted(&[(0, test(1, Some((0, 1)))), (1, test(4, None))]), [true; 2]);
    }

    /// I22.
    #[test]
    fn retried_on_of_a_drill_that_is_over_ends_no_alarm() {
        let drill = |seq, on| command(A, seq, Mode::Drill, on);
        let alarm = live(B, 3, Some((8, 240)));
        let on = drill(3, Some((0, 5)));
        let story = [
            (0, on.clone()),
            (6, drill(9, None)),
            (8, alarm.clone()),
            (9, on.clone()),
            (10, drill(9, None)),
        ];
        assert_eq!(accepted(&story), [true, true, true, false, false]);
        // Also where its OFF never came, and while it would still sound.
        assert_eq!(accepted(&[(8, alarm.clone()), (9, on)]), [true, false]);
        assert_eq!(accepted(&[(8, alarm), (9, drill(3, Some((8, 13))))]), [true, false]);
    }

    /// I22.
    #[test]
    fn retried_on_of_a_cancelled_emergency_takes_no_siren() {
        let (on, off) = (live(A, 3, Some((0, 240))), live(A, 9, None));
        let (next, end) = (live(B, 3, Some((20, 260))), live(B, 9, None));
        // Its OFF came before, or not yet; the next emergency runs, or is over.
        let story = [
            (0, on.clone()),
            (10, off.clone()),
            (20, next.clone()),
            (30, on.clone()),
            (40, end.clone()),
            (50, on.clone()),
        ];
        assert_eq!(accepted(&story), [true, true, true, false, true, false]);
        let story = [(0, on.clone()), (20, next.clone()), (30, on), (31, off), (40, end)];
        assert_eq!(accepted(&story), [true, true, false, false, true]);
    }

    #[test]
    fn off_of_an_emergency_silences_a_siren_that_no_other_sounds() {
        let (on, off) = (live(A, 3, Some((0, 240))), live(A, 9, None));
        let next = live(B, 3, Some((20, 30)));
        assert_eq!(accepted(&[(0, on), (20, next), (31, off)]), [true; 3]);
    }
}
