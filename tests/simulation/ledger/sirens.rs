//! Sirens, judged by their own state and by what is stored: they sound while an incident wants them
//! (I22), in the order of the facts (I31), and not for longer than they were commanded to (I13).

use super::{Case, Ledger, RECOVERS, excuses::UNDECIDED};
use crate::devices::{IMPRECISE, Siren};
use buckler::domain::{
    id::{DeviceId, HomeId, IncidentId},
    incident::{
        Siren as Wanted,
        event::{Event, Recorded},
    },
    time::Timestamp,
};
use std::{collections::BTreeMap, time::Duration};

/// A siren that can be reached does what is wanted within this time.
const WITHIN: Duration = Duration::from_secs(2);
/// A siren ends by itself so much before the end that it was told, at most: it is imprecise, and the
/// command takes a while.
const EARLY: Duration = Duration::from_millis(IMPRECISE.as_millis() as u64 + 500);
/// A siren that has not begun when its command expires does not begin.
const EXPIRES: Duration = Duration::from_secs(5);
/// The longest that a home lets its sirens sound (I13).
const LONGEST: Duration = Duration::from_secs(600);
/// The fact that commanded a siren: its incident, and its number.
type Fact = (IncidentId, u32);

/// What is known of the sirens.
#[derive(Default)]
pub(super) struct Sirens {
    all: Vec<Known>,
    wants: BTreeMap<HomeId, Want>,
    checks: Vec<(Timestamp, usize)>,
    is_connected: bool,
}

/// One siren, by the truth.
struct Known {
    home: HomeId,
    device: DeviceId,
    is_blind: bool,
    can_be_reached: bool,
    sounds: bool,
    /// It sounds by a command that is not on the disk, until its own end.
    is_unstored: bool,
    /// The command for which it sounded.
    begun: Option<Fact>,
    /// When somebody stopped it: it needs to sound only for what was decided later.
    stopped: Option<Timestamp>,
    /// The latest fact whose command it obeyed, and when that was stored.
    latest: Option<(Timestamp, Fact)>,
    /// Since when it does not do what is wanted, although it can be told.
    wrong_since: Option<Timestamp>,
}

/// The sirens that an incident wants, by what is stored, in true time.
struct Want {
    by: Fact,
    decided: Timestamp,
    until: Timestamp,
    not_after: Timestamp,
    devices: Vec<DeviceId>,
    confirmed: Vec<DeviceId>,
    stopped: Vec<DeviceId>,
}

impl Known {
    fn new(siren: &Siren) -> Self {
        Self {
            home: siren.home.clone(),
            device: siren.device.clone(),
            is_blind: siren.kind.is_blind(),
            can_be_reached: true,
            sounds: false,
            is_unstored: false,
            begun: None,
            stopped: None,
            latest: None,
            wrong_since: None,
        }
    }

    /// Whether it must sound, or must be quiet; `None` if it may do either.
    fn must_sound(&self, want: Option<&Want>, now: Timestamp) -> Option<bool> {
        let Some(want) = want.filter(|want| want.devices.contains(&self.device)) else {
            return (!self.is_unstored).then_some(false);
        };
        let is_stopped = want.stopped.contains(&self.device)
            || self.stopped.is_some_and(|stopped| want.decided <= stopped);
        // Who never proved in time that it sounds is not told any more (F31).
        let is_told = now + EXPIRES < want.not_after
            || want.confirmed.contains(&self.device)
            || self.is_blind && self.begun == Some(want.by);
        (!is_stopped && is_told && now + EARLY < want.until).then_some(true)
    }
}

impl Ledger {
    /// The sirens of this world.
    pub fn knows_sirens(&mut self, sirens: &[Siren]) {
        self.sirens.all = sirens.iter().map(Known::new).collect();
    }

    /// When the ledger wants to look at sirens again.
    pub fn siren_checks(&mut self) -> Vec<(Timestamp, usize)> {
        std::mem::take(&mut self.sirens.checks)
    }

    /// A fact is stored, which was decided at `at`.
    pub(super) fn wants_sirens(&mut self, case: &Case, fact: &Recorded, at: Timestamp) {
        let incident = &case.incident;
        let Wanted::Sounding { seq, devices, confirmed, stopped, .. } = &incident.siren else {
            if self.sirens.wants.get(&incident.home).is_some_and(|want| want.by.0 == incident.id) {
                self.sirens.wants.remove(&incident.home);
                self.judge_sirens(&incident.home, at);
            }
            return;
        };
        match (&fact.event, self.sirens.wants.get_mut(&incident.home)) {
            (Event::SirenOn { devices, until, not_after }, _) => {
                let want = Want {
                    by: (incident.id, *seq),
                    decided: at,
                    until: at + until.since(fact.at),
                    not_after: at + not_after.since(fact.at),
                    devices: devices.clone(),
                    confirmed: Vec::new(),
                    stopped: Vec::new(),
                };
                self.sirens.wants.insert(incident.home.clone(), want);
            }
            (Event::SirenConfirmed { .. } | Event::SirenStopped { .. }, Some(want)) => {
                debug_assert_eq!(*devices, want.devices);
                (want.confirmed, want.stopped) = (confirmed.clone(), stopped.clone());
            }
            _ => return,
        }
        self.judge_sirens(&incident.home, at);
    }

    fn judge_sirens(&mut self, home: &HomeId, now: Timestamp) {
        let all = 0..self.sirens.all.len();
        let of_home: Vec<_> = all.filter(|n| self.sirens.all[*n].home == *home).collect();
        of_home.into_iter().for_each(|n| self.judge_siren(n, now));
    }

    fn judge_siren(&mut self, n: usize, now: Timestamp) {
        let Sirens { all, wants, checks, is_connected } = &mut self.sirens;
        let known = &mut all[n];
        let is_wrong = *is_connected
            && known.can_be_reached
            && known.must_sound(wants.get(&known.home), now) == Some(!known.sounds);
        match (is_wrong, known.wrong_since) {
            (true, None) => {
                known.wrong_since = Some(now);
                checks.push((now + WITHIN + Duration::from_millis(1), n));
            }
            (false, _) => known.wrong_since = None,
            (true, Some(_)) => {}
        }
    }

    /// Looks whether a siren does now what is wanted (I22).
    pub fn check_siren(&mut self, n: usize, now: Timestamp) {
        self.judge_siren(n, now);
        let Some(since) = self.sirens.all[n].wrong_since else { return };
        let is_excused =
            self.excuses.hold_between(since, now, UNDECIDED) || self.alive_since + RECOVERS > since;
        if is_excused {
            self.sirens.all[n].wrong_since = Some(now);
            return self.sirens.checks.push((now + WITHIN + Duration::from_millis(1), n));
        }
        let Known { home, device, sounds, .. } = &self.sirens.all[n];
        let what = match sounds {
            true => format!("I22: {home}/{device} sounds since {since}, and no incident wants it"),
            false => {
                // A command that is tried counts as a minute older then.
                let part = if self.is_time_unknown { "I16/unsynchronized" } else { "I22" };
                format!("{part}: {home}/{device} is wanted since {since}, and does not sound")
            }
        };
        self.demand(now <= since + WITHIN, || what);
    }

    /// Whether a siren can be reached, and whether it sounds.
    pub fn siren_is(&mut self, n: usize, can_be_reached: bool, sounds: bool, now: Timestamp) {
        let known = &mut self.sirens.all[n];
        let is_new = known.can_be_reached != can_be_reached || known.sounds != sounds;
        (known.can_be_reached, known.sounds) = (can_be_reached, sounds);
        known.is_unstored &= sounds;
        if is_new && self.tells {
            let name = format!("{}/{}", known.home, known.device);
            let word = if sounds { "sounds" } else { "is quiet" };
            let link = if can_be_reached { "" } else { ", and cannot be reached" };
            self.tell(now, || format!("{name} {word}{link}"));
        }
        self.judge_siren(n, now);
    }

    pub fn siren_stopped_by_hand(&mut self, n: usize, can_be_reached: bool, now: Timestamp) {
        let known = &mut self.sirens.all[n];
        if known.sounds {
            known.stopped = Some(now);
        }
        self.siren_is(n, can_be_reached, false, now);
    }

    /// Whether the server is connected to the broker.
    pub fn broker_is(&mut self, connected: bool, now: Timestamp) {
        self.sirens.is_connected = connected;
        self.tell(now, || format!("the broker is connected: {connected}"));
        (0..self.sirens.all.len()).for_each(|n| self.judge_siren(n, now));
    }

    /// A siren obeys the command with that key, and sounds until then, or is quiet (I13, I31).
    pub fn siren_obeys(
        &mut self,
        n: usize,
        key: Option<&str>,
        ends_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        let key = key.unwrap_or_default();
        let lasts = ends_at.map_or(Duration::ZERO, |ends_at| ends_at.since(now));
        self.demand(lasts <= LONGEST + IMPRECISE, || format!("I13: {key} sounds for {lasts:?}"));
        let stored = self.effects.get(key).cloned();
        let want = self.sirens.wants.get(&self.sirens.all[n].home).map(|want| want.by);
        let of = match &stored {
            Some((effect, _)) => Some((effect.incident, effect.seq)),
            None => want.filter(|by| key == format!("{}/resumed", by.0)),
        };
        let known = &mut self.sirens.all[n];
        // A restart forgets a request that is not stored, and with it that its sirens sound.
        let ends_unstored = known.is_unstored && ends_at.is_none();
        known.is_unstored = of.is_none() && ends_at.is_some();
        if ends_at.is_some() {
            known.begun = of;
        }
        let (latest, changes) = (known.latest, known.sounds || ends_at.is_some());
        if let Some((effect, at)) = stored {
            let by = (effect.incident, effect.seq);
            let is_later =
                |(then, (of, seq)): (Timestamp, Fact)| then > at || of == by.0 && seq > by.1;
            let is_outdated = latest.is_some_and(is_later);
            if !is_outdated {
                known.latest = Some((at, by));
            }
            self.demand(!is_outdated || !changes || ends_unstored, || {
                format!("I31: {key}, stored at {at}, is obeyed after a command of a later fact")
            });
        }
        let can_be_reached = self.sirens.all[n].can_be_reached;
        self.tell(now, || format!("{key} is obeyed"));
        self.siren_is(n, can_be_reached, ends_at.is_some(), now);
    }

    /// The database is a copy, which may not know why a siren sounds.
    pub(super) fn sirens_are_put_back(&mut self) {
        self.sirens.wants.clear();
        for known in &mut self.sirens.all {
            (known.is_unstored, known.latest) = (known.sounds, None);
            (known.begun, known.stopped, known.wrong_since) = (None, None, None);
        }
    }
}
