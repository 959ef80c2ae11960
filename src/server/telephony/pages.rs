//! The open pages of emergency contacts. A page is the only telephone that rings so far, so that a
//! contact without one cannot be reached.

use crate::{
    domain::{
        id::{ContactId, HomeId},
        incident::Call,
        time::Timestamp,
    },
    server::{clock::Clock, live_events::LiveEvents},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

/// How long a page may be away that lost its connection, or that has not come back since the start
/// of the server. It connects again within a few seconds.
const RETURN: Duration = Duration::from_secs(10);
/// The most links that are remembered before those without a request for an hour are forgotten.
const LINKS_MOST: usize = 4_096;
/// See [`LINKS_MOST`].
const LINK_FORGOTTEN: Duration = Duration::from_secs(3_600);

type Whose = (HomeId, ContactId);

#[derive(Clone, Copy, Debug, Default)]
struct Page {
    open: usize,
    seen: Timestamp,
}

#[derive(Debug, Default)]
struct Known {
    pages: HashMap<Whose, Page>,
    /// Whose link a token was, and when it last was one.
    links: HashMap<[u8; 32], (Whose, Timestamp)>,
    /// Until when every page may come back.
    return_until: Timestamp,
}

/// The open pages of emergency contacts.
pub struct ContactPages {
    known: Mutex<Known>,
    clock: Arc<Clock>,
    live_events: Arc<LiveEvents>,
}

impl ContactPages {
    /// Creates it without pages, at the start of the server.
    pub fn new(clock: Arc<Clock>, live_events: Arc<LiveEvents>) -> Arc<Self> {
        let known = Known { return_until: clock.now() + RETURN, ..Known::default() };
        Arc::new(Self { known: Mutex::new(known), clock, live_events })
    }

    /// The contact's page asked for something, with this token of a link that is valid now.
    pub fn sees(&self, token: [u8; 32], home: &HomeId, contact: &ContactId) {
        let (now, whose) = (self.clock.now(), (home.clone(), contact.clone()));
        let mut known = self.known.lock().expect("no holder panics");
        if known.links.len() >= LINKS_MOST {
            known.links.retain(|_, (_, at)| now.since(*at) < LINK_FORGOTTEN);
        }
        known.links.insert(token, (whose.clone(), now));
        known.pages.entry(whose).or_default().seen = now;
    }

    /// Opens a page, until the result is dropped. The home shows whether a contact can be rung (R23).
    pub fn open(self: &Arc<Self>, home: &HomeId, contact: &ContactId) -> OpenPage {
        let whose = (home.clone(), contact.clone());
        let mut known = self.known.lock().expect("no holder panics");
        let page = known.pages.entry(whose.clone()).or_default();
        page.open += 1;
        let is_first = page.open == 1;
        drop(known);
        if is_first {
            self.live_events.home_changed(home.clone());
        }
        OpenPage { pages: self.clone(), whose }
    }

    fn close(&self, whose: &Whose) {
        let now = self.clock.now();
        let mut known = self.known.lock().expect("no holder panics");
        let mut is_last = false;
        if let Some(page) = known.pages.get_mut(whose) {
            page.open = page.open.saturating_sub(1);
            page.seen = now;
            is_last = page.open == 0;
        }
        drop(known);
        if is_last {
            self.live_events.home_changed(whose.0.clone());
        }
    }

    /// Whether a contact's page is open, so that it rings at once.
    pub fn is_open(&self, home: &HomeId, contact: &ContactId) -> bool {
        let known = self.known.lock().expect("no holder panics");
        known.pages.get(&(home.clone(), contact.clone())).is_some_and(|page| page.open > 0)
    }

    /// Whether a call to a contact can ring: the page is open, or may come back within seconds (F25).
    pub fn may_ring(&self, home: &HomeId, contact: &ContactId) -> bool {
        let now = self.clock.now();
        let known = self.known.lock().expect("no holder panics");
        let page = known.pages.get(&(home.clone(), contact.clone())).copied().unwrap_or_default();
        page.open > 0 || now < known.return_until || now < page.seen + RETURN
    }

    /// Lets every page come back until then, as after the start of the server. For tests.
    pub fn may_return_until(&self, at: Timestamp) {
        self.known.lock().expect("no holder panics").return_until = at;
    }

    /// The contact whose link this was when `call` was placed, if that was the contact who is called.
    /// The call goes on for them, whatever an owner changed since (I19).
    pub fn had_link(&self, token: [u8; 32], home: &HomeId, call: &Call) -> bool {
        let known = self.known.lock().expect("no holder panics");
        known.links.get(&token).is_some_and(|((of, contact), at)| {
            (of, contact) == (home, &call.contact) && *at >= call.placed_at
        })
    }

    /// The home of a link that is no longer valid.
    pub fn home_of(&self, token: [u8; 32]) -> Option<HomeId> {
        let known = self.known.lock().expect("no holder panics");
        known.links.get(&token).map(|((home, _), _)| home.clone())
    }
}

/// A page that is open.
pub struct OpenPage {
    pages: Arc<ContactPages>,
    whose: Whose,
}

impl Drop for OpenPage {
    fn drop(&mut self) {
        self.pages.close(&self.whose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::clock::Machine;

    #[test]
    fn page_rings_while_it_is_open_or_may_come_back() {
        let clock = Arc::new(Clock::new(Machine));
        let pages = ContactPages::new(clock, Arc::new(LiveEvents::default()));
        let home: HomeId = "elm-road".parse().unwrap();
        let [sister, neighbor]: [ContactId; 2] =
            ["sister", "neighbor"].map(|id| id.parse().unwrap());
        assert!(pages.may_ring(&home, &sister), "it may come back after the start");
        pages.may_return_until(Timestamp::default());
        assert!(!pages.may_ring(&home, &sister));
        let (first, second) = (pages.open(&home, &sister), pages.open(&home, &sister));
        drop(first);
        assert!(pages.is_open(&home, &sister) && !pages.may_ring(&home, &neighbor));
        drop(second);
        assert!(!pages.is_open(&home, &sister));
        assert!(pages.may_ring(&home, &sister), "it may have lost its connection for a moment");
    }
}
