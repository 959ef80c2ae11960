//! The open pages of emergency contacts. A page is the only telephone that rings so far, so that a
//! contact without one cannot be reached.

use crate::{
    domain::{
        contact::Contact,
        home::Home,
        id::{ContactId, HomeId},
        incident::{Call, Incident},
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

/// A page, by the link that leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    /// The home.
    pub home: HomeId,
    /// The contact.
    pub contact: ContactId,
    /// The number of the link.
    pub link: u64,
}

impl Page {
    /// The page of a contact.
    pub fn of(home: &Home, contact: &Contact) -> Self {
        Self { home: home.id.clone(), contact: contact.id.clone(), link: contact.link }
    }

    /// Whether it rings for this call of an incident.
    pub fn is_of(&self, incident: &Incident, call: &Call) -> bool {
        self.home == incident.home
            && self.contact == call.contact
            && incident.called(call).is_some_and(|contact| contact.link == self.link)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    open: usize,
    seen: Timestamp,
}

#[derive(Debug, Default)]
struct Known {
    pages: HashMap<Page, State>,
    /// The page that a token led to, and when it last did.
    links: HashMap<[u8; 32], (Page, Timestamp)>,
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
    pub fn sees(&self, token: [u8; 32], page: Page) {
        let now = self.clock.now();
        let mut known = self.known.lock().expect("no holder panics");
        if known.links.len() >= LINKS_MOST {
            known.links.retain(|_, (_, at)| now.since(*at) < LINK_FORGOTTEN);
        }
        known.links.insert(token, (page.clone(), now));
        known.pages.entry(page).or_default().seen = now;
    }

    /// Opens a page, until the result is dropped. The home shows whether a contact can be rung (R23).
    pub fn open(self: &Arc<Self>, page: Page) -> OpenPage {
        let mut known = self.known.lock().expect("no holder panics");
        let state = known.pages.entry(page.clone()).or_default();
        state.open += 1;
        let is_first = state.open == 1;
        drop(known);
        if is_first {
            self.live_events.home_changed(page.home.clone());
        }
        OpenPage { pages: self.clone(), page }
    }

    fn close(&self, page: &Page) {
        let now = self.clock.now();
        let mut known = self.known.lock().expect("no holder panics");
        let mut is_last = false;
        if let Some(state) = known.pages.get_mut(page) {
            state.open = state.open.saturating_sub(1);
            state.seen = now;
            is_last = state.open == 0;
        }
        drop(known);
        if is_last {
            self.live_events.home_changed(page.home.clone());
        }
    }

    /// Whether a contact's page is open, so that it rings at once.
    pub fn is_open(&self, page: &Page) -> bool {
        let known = self.known.lock().expect("no holder panics");
        known.pages.get(page).is_some_and(|state| state.open > 0)
    }

    /// Whether a call to a contact can ring: the page is open, or may come back within seconds (F25).
    pub fn may_ring(&self, page: &Page) -> bool {
        let now = self.clock.now();
        let known = self.known.lock().expect("no holder panics");
        let state = known.pages.get(page).copied().unwrap_or_default();
        state.open > 0 || now < known.return_until || now < state.seen + RETURN
    }

    /// Lets every page come back until then, as after the start of the server. For tests.
    pub fn may_return_until(&self, at: Timestamp) {
        self.known.lock().expect("no holder panics").return_until = at;
    }

    /// The contact whose link this was when `call` was placed, if that was the contact who is called.
    /// The call goes on for them, whatever an owner changed since (I19).
    pub fn had_link(&self, token: [u8; 32], incident: &Incident, call: &Call) -> bool {
        let known = self.known.lock().expect("no holder panics");
        let link = known.links.get(&token);
        link.is_some_and(|(page, at)| page.is_of(incident, call) && *at >= call.placed_at)
    }

    /// The home of a link that is no longer valid.
    pub fn home_of(&self, token: [u8; 32]) -> Option<HomeId> {
        let known = self.known.lock().expect("no holder panics");
        known.links.get(&token).map(|(page, _)| page.home.clone())
    }
}

/// A page that is open.
pub struct OpenPage {
    pages: Arc<ContactPages>,
    page: Page,
}

impl Drop for OpenPage {
    fn drop(&mut self) {
        self.pages.close(&self.page);
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
        let [sister, neighbor] = ["sister", "neighbor"].map(|id| Page {
            home: home.clone(),
            contact: id.parse().unwrap(),
            link: 1,
        });
        let former = Page { link: 0, ..sister.clone() };
        assert!(pages.may_ring(&sister), "it may come back after the start");
        pages.may_return_until(Timestamp::default());
        assert!(!pages.may_ring(&sister));
        let (first, second) = (pages.open(sister.clone()), pages.open(sister.clone()));
        drop(first);
        assert!(pages.is_open(&sister) && !pages.may_ring(&neighbor) && !pages.may_ring(&former));
        drop(second);
        assert!(!pages.is_open(&sister));
        assert!(pages.may_ring(&sister), "it may have lost its connection for a moment");
    }
}
