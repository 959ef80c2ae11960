//! Buttons and keypads, judged by what was pressed: a press whose message the broker has leads to a
//! request or is a repetition of one (I24), it is not acknowledged to the broker before it is stored
//! (I10), nobody else makes a request of a button, and a code ends nothing that began after it was
//! typed (I30).

use super::{Act, Ledger, Press, RECOVERS, Tap, excuses::Cause};
use crate::{
    devices::buttons::{Asks, Button},
    screens::Sight,
};
use buckler::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{Actor, Mode},
        time::Timestamp,
    },
    server::store::Batch,
};
use std::{collections::BTreeMap, time::Duration};

/// A server that hears a button has stored its request within this time.
const WITHIN: Duration = Duration::from_secs(5);
/// The same press within this time after one that counted is a repetition.
const SAME: Duration = Duration::from_secs(3);
/// A press that cannot be stored is given up after a minute, or its repetition a moment earlier.
const GIVEN_UP: Duration = Duration::from_secs(56);
/// The most messages that wait for the acknowledgment of an earlier one.
const HELD_MOST: usize = 8;
/// A message that takes longer than this was kept by somebody. A code that arrives sooner may not end
/// what was requested after it was typed, either.
const TRAVELS: Duration = Duration::from_secs(1);
/// Nobody asks any more about a request of so long ago.
const REMEMBERED: Duration = Duration::from_secs(600);
/// What keeps the server from hearing a button, or from storing its request.
const HOLDS: &[Cause] =
    &[Cause::Down, Cause::Refuses, Cause::Slow, Cause::Suspended, Cause::Buttons];

/// What a button says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Press,
    Code {
        is_right: bool,
    },
    /// Something that asks for nothing.
    Report,
}

/// Something that a button said.
struct Said {
    button: usize,
    says: Says,
    at: Timestamp,
    /// Since when it waits to be stored.
    since: Timestamp,
    /// When the server's code read it.
    read: Vec<Timestamp>,
}

/// A code that the server has read.
#[derive(Clone, Copy)]
struct Typed {
    at: Timestamp,
    read: Timestamp,
}

/// What is known of the buttons.
#[derive(Default)]
pub(super) struct Buttons {
    all: Vec<Button>,
    said: BTreeMap<usize, Said>,
    count: usize,
    /// The latest press of each button that was read.
    latest: BTreeMap<usize, (Timestamp, Timestamp)>,
    /// The requests that the server has made, each with its button and its time.
    made: BTreeMap<IncidentId, (usize, Timestamp)>,
    made_count: u128,
    /// When those of a button that are stored were made.
    stored: BTreeMap<usize, Vec<Timestamp>>,
    /// When the latest press of a button was read that was acknowledged and could not be stored.
    given_up: BTreeMap<usize, Timestamp>,
    codes: BTreeMap<HomeId, Typed>,
    checks: Vec<(Timestamp, usize)>,
}

impl Ledger {
    /// The buttons of this world.
    pub fn knows_buttons(&mut self, buttons: &[Button]) {
        self.buttons.all = buttons.to_vec();
    }

    /// When the ledger wants to look again at what buttons said.
    pub fn button_checks(&mut self) -> Vec<(Timestamp, usize)> {
        std::mem::take(&mut self.buttons.checks)
    }

    /// A button says something. Returns the number of that.
    pub fn button_says(&mut self, button: usize, says: Says, at: Timestamp) -> usize {
        let number = self.buttons.count;
        self.buttons.count += 1;
        let said = Said { button, says, at, since: at, read: Vec::new() };
        self.buttons.said.insert(number, said);
        let name = self.button_name(button);
        self.tell(at, || format!("{name} says {number}: {says:?}"));
        number
    }

    fn button_name(&self, button: usize) -> String {
        let Button { home, name, .. } = &self.buttons.all[button];
        format!("{home}/{name}")
    }

    /// The broker has it.
    pub fn button_is_at_broker(&mut self, number: usize, now: Timestamp) {
        let Some(said) = self.buttons.said.get_mut(&number) else { return };
        said.since = now;
        if said.says == Says::Press {
            self.buttons.checks.push((now + WITHIN, number));
        }
    }

    /// The broker does not keep these for the server.
    pub fn buttons_are_dropped(&mut self, numbers: &[usize], now: Timestamp) {
        for number in numbers {
            if self.buttons.said.remove(number).is_some() {
                self.occurs("press that the broker dropped");
                self.tell(now, || format!("the broker drops {number}"));
            }
        }
    }

    /// The server's code reads it.
    pub fn button_is_read(&mut self, number: usize, now: Timestamp) {
        let Some(said) = self.buttons.said.get_mut(&number) else { return };
        said.read.push(now);
        let (button, at, says) = (said.button, said.at, said.says);
        self.tell(now, || format!("the server reads {number}, of {at}"));
        match says {
            Says::Press => _ = self.buttons.latest.insert(button, (at, now)),
            Says::Code { is_right: true } => {
                let typed = Typed { at, read: now };
                let latest = self
                    .buttons
                    .codes
                    .entry(self.buttons.all[button].home.clone())
                    .or_insert(typed);
                if latest.at < at {
                    *latest = typed;
                }
            }
            Says::Code { is_right: false } | Says::Report => {}
        }
    }

    /// The server makes a request of the button with this topic. Returns its id.
    pub fn makes_request(&mut self, topic: &str, seed: u64, now: Timestamp) -> IncidentId {
        self.buttons.made_count += 1;
        let count = self.buttons.made_count;
        let id = IncidentId(uuid::Uuid::from_u128(u128::from(seed) << 64 | 1 << 62 | count));
        let Some(button) = self.buttons.all.iter().position(|button| button.topic == topic) else {
            self.broken(format!("I24/device: a request of {topic}, which is no button"));
            return id;
        };
        let name = self.button_name(button);
        let latest = self.buttons.latest.get(&button).copied();
        let is_pressed = latest.is_some_and(|(_, read)| read <= now);
        self.demand(is_pressed, || format!("I24/device: nobody has pressed {name}"));
        let Button { name, asks, may, .. } = self.buttons.all[button].clone();
        let Asks::Help(request) = asks else {
            self.broken(format!("I24/device: {name} requests something"));
            return id;
        };
        // It may join what runs (R5).
        let home = self.buttons.all[button].home.clone();
        let joins = self
            .running
            .iter()
            .filter_map(|id| self.cases.get(id))
            .any(|case| case.incident.home == home && case.incident.mode == Mode::Live);
        self.demand(may || joins, || {
            format!("R9: {name} requests {request:?}, which its home may not")
        });
        self.buttons.made.insert(id, (button, now));
        let at = latest.map_or(now, |(at, _)| at);
        self.taps.insert(id, Tap { at, request, by: Actor::Device { name } });
        id
    }

    /// Whether the server has made the request with this id for a button.
    pub(super) fn is_of_button(&self, id: IncidentId) -> bool {
        self.buttons.made.contains_key(&id)
    }

    /// Requests of buttons are stored.
    pub(super) fn button_requests_are_stored(&mut self, batch: &Batch) {
        for row in batch.requests.iter().filter(|row| row.incident().is_some()) {
            if let Some((button, made)) = self.buttons.made.get(&row.id).copied() {
                self.buttons.stored.entry(button).or_default().push(made);
            }
        }
    }

    /// Whether a press is stored, or is a repetition of one that is.
    fn is_heard(&self, said: &Said) -> bool {
        let stored = self.buttons.stored.get(&said.button).map_or(&[][..], Vec::as_slice);
        let is_of = |read: Timestamp, made: Timestamp| {
            read < made + SAME
                && (made <= read + TRAVELS
                    || self.excuses.hold_between(read, made, &[Cause::Suspended]))
        };
        !self.buttons.all[said.button].may
            || said.read.iter().any(|read| stored.iter().any(|made| is_of(*read, *made)))
    }

    /// Whether the server may give a press up: the disk has refused it for a minute, so many later
    /// messages wait that the broker would send no more, or the press repeats one that was given up.
    fn is_given_up(&self, said: &Said, later: usize, now: Timestamp) -> bool {
        // What an earlier life of the server read, it has forgotten.
        let is_known = |read: &&Timestamp| **read >= self.alive_since;
        let Some(read) = said.read.iter().find(is_known) else { return false };
        let given_up = self.buttons.given_up.get(&said.button);
        let is_repetition = given_up.is_some_and(|first| *read < *first + SAME);
        (is_repetition || *read + GIVEN_UP <= now || later >= HELD_MOST)
            && self.excuses.hold_between(*read, now, &[Cause::Refuses, Cause::Slow])
    }

    /// The broker has the server's acknowledgment: it does not send this again. So many later messages
    /// wait for theirs.
    pub fn button_is_acknowledged(&mut self, number: usize, later: usize, now: Timestamp) {
        let Some(said) = self.buttons.said.remove(&number) else { return };
        self.tell(now, || format!("{number} is acknowledged"));
        if said.says != Says::Press {
            return;
        }
        // Even one that an earlier life of the server has stored may be given up by this one.
        let is_given_up = self.is_given_up(&said, later, now);
        let is_done = self.is_heard(&said) || is_given_up;
        if let (true, Some(read)) = (is_given_up || !is_done, said.read.last()) {
            self.buttons.given_up.insert(said.button, *read);
        }
        let (name, at) = (self.button_name(said.button), said.at);
        self.demand(is_done, || {
            format!("I10/button: the press of {name} of {at} was acknowledged and is not stored")
        });
    }

    /// Looks whether a press that the broker has led to something (I24).
    pub fn check_button(&mut self, number: usize, now: Timestamp) {
        let Some(said) = self.buttons.said.get(&number) else { return };
        if self.is_heard(said) {
            return;
        }
        let is_held = self.excuses.hold_between(said.since, now, HOLDS)
            || self.alive_since + RECOVERS > said.since;
        let (name, at) = (self.button_name(said.button), said.at);
        if is_held {
            if let Some(said) = self.buttons.said.get_mut(&number) {
                said.since = now;
            }
            return self.buttons.checks.push((now + WITHIN, number));
        }
        self.broken(format!("I24/device: the press of {name} of {at} led to nothing until {now}"));
    }

    /// The link of the buttons is cut.
    pub fn buttons_are_cut(&mut self, now: Timestamp) {
        self.excuses.begins(Cause::Buttons, now);
    }

    /// The server hears its buttons, or could do so since a while.
    pub fn buttons_are_connected(&mut self, now: Timestamp) {
        self.excuses.ends(Cause::Buttons, now);
        self.tell(now, || "the server's buttons are connected".into());
    }

    /// What the author of a code knew of an incident: at most what was requested before it was typed.
    pub(super) fn typed(
        &self,
        home: &HomeId,
        by: Option<&Actor>,
        presses: &[Press],
    ) -> Option<Act> {
        let Some(Actor::Device { .. }) = by else { return None };
        let Typed { at, read } = *self.buttons.codes.get(home)?;
        let known = presses.iter().filter(|press| press.at <= at);
        let facts = known.map(|press| press.fact).max().unwrap_or_default();
        let part = if read.since(at) > TRAVELS { "I30/kept" } else { "I30/keypad" };
        Some(Act::of_code(by.cloned(), Sight { at, facts, open: Some(part) }))
    }

    /// Forgets what no question is about any more.
    pub(super) fn forgets_buttons(&mut self, now: Timestamp) {
        let long_ago = now - REMEMBERED;
        self.buttons.made.retain(|_, (_, made)| *made >= long_ago);
        for stored in self.buttons.stored.values_mut() {
            stored.retain(|made| *made >= long_ago);
        }
    }
}
