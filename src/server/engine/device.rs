//! Requests of devices: panic buttons, keypads and alarm panels.

use crate::domain::{
    home::Home,
    id::IncidentId,
    incident::{Actor, Mode, Policy, Request, Snapshot, Source, command::Raise},
    time::Timestamp,
};
use std::sync::Arc;

/// The fingerprint of a request whose id the server made itself. It can be constant, because no
/// other request has that id.
pub const ONE_ID_ONE_REQUEST: [u8; 32] = [0; 32];

/// Where a request comes from, as far as its countdown and its first call depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person or a button: it counts down.
    Home,
    /// An alarm panel, whose own countdown is over.
    Panel,
    /// An alarm panel whose message may be forged: it counts down, so that the home can cancel it.
    UnprovenPanel,
}

/// Makes an id for what came from there, or takes the one that the sender repeats.
type MakeId =
    dyn Fn(&str, Option<IncidentId>) -> Result<IncidentId, getrandom::Error> + Send + Sync;

/// Makes the ids of requests, each for the topic or the account that it came from. Tests put ids of
/// their own in its place, so that a history can be repeated.
#[derive(Clone)]
pub struct Ids(Arc<MakeId>);

impl Ids {
    /// Makes ids in this way.
    pub fn new(
        make: impl Fn(&str, Option<IncidentId>) -> Result<IncidentId, getrandom::Error>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }

    /// Makes random ids.
    pub fn random() -> Self {
        Self::new(|_, repeated| repeated.map_or_else(new_id, Ok))
    }

    /// Makes the id of a request that came from there.
    ///
    /// # Errors
    /// A system without random numbers.
    pub fn next(&self, from: &str) -> Result<IncidentId, getrandom::Error> {
        (self.0)(from, None)
    }

    /// The id of a request that came from there, whose sender names it alike in every retry.
    ///
    /// # Errors
    /// A system without random numbers.
    pub fn repeated(&self, from: &str, id: IncidentId) -> Result<IncidentId, getrandom::Error> {
        (self.0)(from, Some(id))
    }
}

/// Makes the id of a request.
///
/// # Errors
/// A system without random numbers.
pub fn new_id() -> Result<IncidentId, getrandom::Error> {
    let mut bits = [0u8; 16];
    getrandom::fill(&mut bits)?;
    Ok(IncidentId(uuid::Builder::from_random_bytes(bits).into_uuid()))
}

/// Builds the request of a device in a home.
///
/// # Errors
/// A system without random numbers.
pub fn request(
    policy: Policy,
    home: &Home,
    name: &str,
    (request, mode): (Request, Mode),
    now: Timestamp,
) -> Result<Raise, getrandom::Error> {
    Ok(Raise {
        id: new_id()?,
        home: home.id.clone(),
        request,
        mode,
        drill_sirens: false,
        source: Source::Device,
        by: Actor::Device { name: name.into() },
        after: None,
        sent_at: None,
        restricted_until: None,
        quiet: None,
        home_incident: None,
        snapshot: Snapshot::of(home, policy, now),
    })
}
