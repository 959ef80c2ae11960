//! Which command of a siren holds.
//!
//! Commands come late, twice and in any order: an unconfirmed ON is retried for a minute, and an OFF
//! for a day, also after their incident was cancelled and another one began. Whatever comes last, the
//! siren sounds for the emergency that runs, and is quiet after it.

use crate::domain::{
    id::IncidentId,
    incident::{
        Mode,
        effect::{Effect, EffectKind},
    },
    time::Timestamp,
};
use std::collections::VecDeque;

/// The number of incidents whose last command is remembered. An ON is retried for a minute, in which
/// a home rarely has more than two.
const REMEMBERED: usize = 8;

/// The order of the commands to one siren.
#[derive(Clone, Debug, Default)]
pub struct Precedence {
    /// The last command of recent incidents, the newest incident last.
    latest: VecDeque<(IncidentId, u32)>,
    holds: Option<Holding>,
    /// When the latest fact of a live incident commanded the siren. Of two incidents, only the one
    /// with the later fact commands it (I31).
    latest_live: Timestamp,
}

/// The command that holds.
#[derive(Clone, Copy, Debug)]
struct Holding {
    incident: IncidentId,
    /// `None` for OFF.
    on: Option<On>,
    /// The stored alarm from which a request took the siren that could not be stored. It holds again
    /// if that request ends before it.
    covered: Option<(IncidentId, On)>,
}

#[derive(Clone, Copy, Debug)]
struct On {
    until: Timestamp,
    /// A minute after the end of the countdown. An incident begins after the one before it is over,
    /// so of two stored incidents the later one has the later value.
    not_after: Timestamp,
    rank: Rank,
}

/// What an ON is for. A higher rank takes a siren over from a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A test of the siren.
    Test,
    Drill,
    /// A request for sirens that could not be stored (F15). It sounds for a minute. It takes a siren
    /// from a stored alarm only at the end of that, to sound on.
    Unstored,
    Live,
}

impl Precedence {
    /// Accepts a command, or returns false if it must not be obeyed:
    ///
    /// - A later command of its incident came before.
    /// - A later fact of another live incident commanded the siren (I31).
    /// - The siren sounds for another incident (not for a test), and the command is an OFF, an ON of a
    ///   lower [`Rank`], or one of an earlier incident.
    /// - It is an ON whose time is over, while another incident's command holds.
    /// - It ends a request that could not be stored, and a stored alarm still wants the siren.
    ///
    /// The command that holds is accepted again.
    pub fn take(&mut self, effect: &Effect, now: Timestamp) -> bool {
        let on = On::of(effect);
        // Tests are many, and must not make room by what is forgotten.
        let is_latest = is_test(effect) || self.note(effect.incident, effect.seq);
        let is_in_order = is_latest && !self.is_outdated(effect, now);
        self.raise_fence(effect);
        let accepted = is_in_order
            && self.holds.is_none_or(|holds| {
                holds.incident == effect.incident
                    || on.is_none_or(|on| on.until > now)
                        && holds.on.is_none_or(|current| current.yields_to(on, now))
            });
        if !accepted {
            self.uncover(effect, on);
            return false;
        }
        let covered = self.covered_by(effect, on, now);
        if let (None, Some((incident, alarm))) = (on, covered) {
            self.holds = Some(Holding { incident, on: Some(alarm), covered: None });
            return false;
        }
        self.holds = Some(Holding { incident: effect.incident, on, covered });
        true
    }

    /// Whether a request that could not be stored has the siren. A restart forgets it, so that no stored
    /// OFF is done by it.
    pub fn is_held_by_unstored(&self, now: Timestamp) -> bool {
        let on = self.holds.and_then(|holds| holds.on);
        on.is_some_and(|on| on.rank == Rank::Unstored && on.until > now)
    }

    /// The stored alarm that still wants the siren if this command holds and ends.
    fn covered_by(
        &self,
        effect: &Effect,
        on: Option<On>,
        now: Timestamp,
    ) -> Option<(IncidentId, On)> {
        let Holding { incident, on: current, covered } = self.holds?;
        let alarm = match current {
            Some(alarm) if incident != effect.incident && alarm.rank == Rank::Live => {
                Some((incident, alarm))
            }
            _ => covered,
        };
        let is_unstored = on.is_none_or(|on| on.rank == Rank::Unstored);
        alarm.filter(|(_, alarm)| is_unstored && alarm.until > now)
    }

    /// The alarm that is covered ends.
    fn uncover(&mut self, effect: &Effect, on: Option<On>) {
        if let Some(holds) = &mut self.holds
            && on.is_none()
            && holds.covered.is_some_and(|(incident, _)| incident == effect.incident)
        {
            holds.covered = None;
        }
    }

    /// Notes a command before it is tried, in the order of the facts.
    pub fn expect(&mut self, effect: &Effect) {
        if !is_test(effect) {
            self.note(effect.incident, effect.seq);
            self.raise_fence(effect);
        }
    }

    /// Whether a later fact of another live incident commanded the siren. What was not stored has
    /// no place in that order, and neither has a test.
    fn is_outdated(&mut self, effect: &Effect, now: Timestamp) -> bool {
        // The clock was set back since. That happens only while no command is under way.
        if self.latest_live > now {
            self.latest_live = Timestamp::default();
        }
        let holds = self.holds.is_some_and(|holds| holds.incident == effect.incident);
        !holds && is_of_a_fact(effect) && effect.decided_at < self.latest_live
    }

    fn raise_fence(&mut self, effect: &Effect) {
        if effect.mode == Mode::Live && is_of_a_fact(effect) {
            self.latest_live = self.latest_live.max(effect.decided_at);
        }
    }

    /// Records that the siren is quiet although an ON holds: somebody stopped it, or it never began.
    pub fn is_quiet(&mut self) {
        if let Some(holds) = &mut self.holds {
            holds.on = None;
            holds.covered = None;
        }
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

fn is_test(effect: &Effect) -> bool {
    effect.key == super::test_key(effect.incident, effect.seq)
}

/// Whether the time of its fact is known. It is not for what was not stored, for a test, and for
/// what an earlier version stored.
fn is_of_a_fact(effect: &Effect) -> bool {
    effect.seq > 0 && !is_test(effect) && effect.decided_at > Timestamp::default()
}

impl On {
    fn of(effect: &Effect) -> Option<Self> {
        let EffectKind::SirenOn { until, .. } = effect.kind else { return None };
        let rank = match effect.mode {
            _ if is_test(effect) => Rank::Test,
            Mode::Drill => Rank::Drill,
            // The number 0 is that of what was not stored; a siren that continues has it too.
            Mode::Live if effect.seq == 0 && effect.key != super::resumed_key(effect.incident) => {
                Rank::Unstored
            }
            Mode::Live => Rank::Live,
        };
        Some(Self { until, not_after: effect.not_after.unwrap_or(until), rank })
    }

    /// Whether a siren that sounds by this ON obeys a command of another incident.
    fn yields_to(self, other: Option<Self>, now: Timestamp) -> bool {
        let sounds_for_an_incident = self.until > now && self.rank > Rank::Test;
        !sounds_for_an_incident
            || other.is_some_and(|other| {
                let outlasts = other.rank == Rank::Unstored && other.until > self.until;
                outlasts || (other.rank, other.not_after) >= (self.rank, self.not_after)
            })
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
        // As an earlier version stored it.
        let decided_at = Timestamp::default();
        Effect { key, incident, home, seq, decided_at, mode, not_after, kind }
    }

    fn live(incident: u128, seq: u32, on: Option<(u64, u64)>) -> Effect {
        command(incident, seq, Mode::Live, on)
    }

    /// The ON of a request that could not be stored at that second.
    fn unstored(incident: u128, second: u64) -> Effect {
        live(incident, 0, Some((second, second + 60)))
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

    /// F15. The countdown of the running emergency ended while nothing could be stored.
    #[test]
    fn request_that_was_not_stored_takes_no_siren_from_a_stored_one() {
        let (alarm, off) = (live(A, 3, Some((10, 250))), live(A, 9, None));
        let story = [(11, unstored(B, 11)), (12, alarm.clone()), (20, off.clone())];
        assert_eq!(accepted(&story), [true; 3]);
        assert_eq!(
            accepted(&[(10, alarm), (11, unstored(B, 11)), (20, off.clone())]),
            [true, false, true]
        );
        // In the last minute of the alarm, the request sounds on after it.
        let end = [(0, live(A, 3, Some((0, 50)))), (20, unstored(B, 20)), (50, off.clone())];
        assert_eq!(accepted(&end), [true, true, false]);
        let late_off = live(A, 9, None);
        assert_eq!(accepted(&[(11, unstored(B, 11)), (12, late_off)]), [true, false]);
    }

    /// F15, I22. The disk works again, and the request is a repeat of the alarm that runs.
    #[test]
    fn request_stored_after_all_leaves_the_siren_to_the_alarm() {
        let (alarm, off) = (live(A, 3, Some((0, 60))), live(A, 9, None));
        let ends = |request: u128| live(request, 0, None);
        let story = [
            (0, alarm.clone()),
            (2, unstored(B, 2)),
            (3, ends(B)),
            (4, unstored(B, 4)),
            (5, ends(B)),
        ];
        assert_eq!(accepted(&story), [true, true, false, true, false], "it sounds on");
        let then = [(3, ends(B)), (60, off.clone())];
        assert_eq!(accepted(&[&story[..2], &then].concat()), [true, true, false, true]);
        // Two of them, one on top of the other.
        let both = [(0, alarm.clone()), (2, unstored(B, 2)), (3, unstored(9, 3)), (4, ends(B))];
        let then = [(5, ends(9)), (60, off.clone())];
        assert_eq!(accepted(&[&both[..], &then].concat()), [true, true, true, false, false, true]);
        // The alarm is over first, or the siren was stopped by hand.
        let story = [(0, alarm.clone()), (2, unstored(B, 2)), (3, off), (4, ends(B))];
        assert_eq!(accepted(&story), [true, true, false, true]);
        let mut precedence = Precedence::default();
        assert!(precedence.take(&alarm, at(0)) && precedence.take(&unstored(B, 2), at(2)));
        precedence.is_quiet();
        assert!(precedence.take(&ends(B), at(3)));
    }

    #[test]
    fn drill_takes_a_siren_from_a_test_and_tests_forget_no_incident() {
        let drill = command(A, 3, Mode::Drill, Some((5, 10)));
        assert_eq!(accepted(&[(5, test(1, Some((5, 6)))), (5, drill)]), [true; 2]);
        let (on, off) = (live(A, 3, Some((0, 240))), live(A, 9, None));
        let mut story = vec![(0, on.clone()), (1, off)];
        for n in 0..20 {
            let mut test = test(1, Some((2, 3)));
            test.incident = IncidentId(uuid::Uuid::from_u128(100 + n));
            test.key = super::super::test_key(test.incident, 1);
            story.push((2, test));
        }
        story.push((9, on));
        assert_eq!(accepted(&story).last(), Some(&false));
    }

    /// A command that is stored with the second of its fact.
    fn decided(second: u64, effect: Effect) -> Effect {
        Effect { decided_at: at(second), ..effect }
    }

    /// I31. The first try of each was held up, and the commands of the later emergency came first.
    #[test]
    fn command_of_an_earlier_fact_never_replaces_a_live_one() {
        let old = decided(5, live(A, 3, Some((5, 605))));
        let drill = decided(4, command(A, 3, Mode::Drill, Some((4, 605))));
        let (on, off) = (decided(20, live(B, 3, Some((20, 620)))), decided(30, live(B, 9, None)));
        for old in [old, drill, decided(19, live(A, 9, None))] {
            let story = [(21, on.clone()), (22, old.clone()), (31, off.clone()), (32, old.clone())];
            assert_eq!(accepted(&story), [true, false, true, false], "{old:?}");
        }
        // A drill after the emergency is a later fact.
        let next = decided(50, command(9, 3, Mode::Drill, Some((50, 55))));
        assert_eq!(accepted(&[(21, on), (31, off), (50, next)]), [true; 3]);
    }

    /// I31. The facts are known in their order, though the commands are tried in another.
    #[test]
    fn expected_command_rules_out_those_of_earlier_facts() {
        let mut precedence = Precedence::default();
        let (off, on) = (decided(9, live(A, 9, None)), decided(20, live(B, 3, Some((20, 240)))));
        let again = decided(25, live(B, 7, Some((25, 245))));
        [&off, &on, &again].into_iter().for_each(|effect| precedence.expect(effect));
        assert!(!precedence.take(&off, at(26)), "the siren would be silenced for a moment");
        assert!(!precedence.take(&on, at(26)), "there is a later one of the same incident");
        assert!(precedence.take(&again, at(26)));
    }

    /// I31. A clock that is set back makes new facts look old.
    #[test]
    fn clock_that_is_set_back_mutes_no_siren() {
        let (on, off) =
            (decided(3_600, live(A, 3, Some((3_600, 4_000)))), decided(3_700, live(A, 9, None)));
        let next = decided(100, live(B, 3, Some((100, 700))));
        assert_eq!(accepted(&[(3_600, on), (3_700, off), (100, next)]), [true; 3]);
    }

    /// F15, I31. What was not stored has no place in the order of the facts.
    #[test]
    fn request_that_was_not_stored_rules_out_no_stored_one() {
        let alarm = decided(10, live(A, 3, Some((10, 250))));
        let late = Effect { decided_at: at(11), ..unstored(B, 11) };
        assert_eq!(accepted(&[(11, late), (12, alarm)]), [true; 2]);
    }

    #[test]
    fn off_of_an_emergency_silences_a_siren_that_no_other_sounds() {
        let (on, off) = (live(A, 3, Some((0, 240))), live(A, 9, None));
        let next = live(B, 3, Some((20, 30)));
        assert_eq!(accepted(&[(0, on), (20, next), (31, off)]), [true; 3]);
    }
}
