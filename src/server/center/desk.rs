//! Who sits at the console. Whoever is silent for too long gives back what they worked on, so that it is not forgotten.

use crate::{
    api::center::OnDuty,
    domain::{
        id::UserId,
        incident::{Actor, CenterMode, command::Command},
        time::Timestamp,
    },
    server::{App, hub::Hub, stopped, store::Account},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A console asks every few seconds; one that was not heard for so long is gone.
const LEASE: Duration = Duration::from_secs(45);
/// How often it is looked whose lease is over.
const LOOK: Duration = Duration::from_secs(1);

/// Everybody at the console.
pub struct Desk {
    people: Mutex<HashMap<UserId, (String, Timestamp)>>,
    hub: Arc<Hub>,
}

impl Desk {
    /// Nobody yet.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { people: Mutex::default(), hub }
    }

    /// Somebody's console asks.
    pub fn sees(&self, account: &Account, now: Timestamp) {
        self.hears(&account.id, &account.name, now);
    }

    fn hears(&self, id: &UserId, name: &str, now: Timestamp) {
        let mut people = self.people.lock().expect("no holder panics");
        if people.insert(id.clone(), (name.into(), now)).is_none() {
            drop(people);
            self.hub.center_changed();
        }
    }

    /// Who is there, in the order of their names.
    pub fn on_duty(&self, now: Timestamp) -> Vec<OnDuty> {
        let people = self.people.lock().expect("no holder panics");
        let there = people.iter().filter(|(_, (_, at))| now.since(*at) < LEASE);
        let mut all: Vec<_> = there.map(|(id, (name, _))| OnDuty { id: id.clone(), name: name.clone() }).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// As if nobody had been heard for longer than a lease.
    pub fn fall_silent(&self) {
        self.people.lock().expect("no holder panics").values_mut().for_each(|(_, at)| *at = Timestamp::default());
    }

    /// Forgets who is gone. Says who is still there, and whether anybody went.
    fn sweep(&self, now: Timestamp) -> (Vec<UserId>, bool) {
        let mut people = self.people.lock().expect("no holder panics");
        let before = people.len();
        people.retain(|_, (_, at)| now.since(*at) < LEASE);
        (people.keys().cloned().collect(), people.len() < before)
    }
}

/// Gives back what nobody works on any more, until the server stops. After a restart everybody has one lease to come back.
pub async fn watch_leases(app: Arc<App>) {
    let mut stop = app.stop.clone();
    for current in app.engine.view().running() {
        if let Some(Actor::Operator { id, name }) = &current.incident.holder {
            app.desk.hears(id, name, app.clock.now());
        }
    }
    let mut was_manned = false;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = app.clock.now();
        let (here, went) = app.desk.sweep(now);
        for current in app.engine.view().running() {
            let Some(from @ Actor::Operator { id, .. }) = &current.incident.holder else { continue };
            if !here.contains(id) {
                tracing::warn!(incident = %current.incident.id, operator = %id, "nobody was heard at the console: the incident is given back");
                let release = Command::Release { by: Actor::Center, from: from.clone() };
                if let Err(denied) = app.engine.give(current.incident.id, release).await {
                    tracing::warn!(?denied, "an incident could not be given back");
                }
            }
        }
        if went {
            app.hub.center_changed();
        }
        // R23: each home shows whether anybody is there.
        let is_manned = !here.is_empty();
        if is_manned != was_manned && app.policy.center == CenterMode::Operators {
            app.homes.all().iter().for_each(|home| app.hub.home_changed(home.id.clone()));
        }
        was_manned = is_manned;
    }
}
