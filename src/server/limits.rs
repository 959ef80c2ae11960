//! Limits on what one browser, one link or one network may have open at the same time.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex},
};
use tokio::sync::Notify;

/// The connections of a network. A browser opens six, and a household has a few dozen devices
/// behind one address.
const CONNECTIONS_MOST: usize = 256;
/// The streams of events of a session or a link. A browser opens one for each home, whatever the
/// number of its tabs.
const STREAMS_MOST: usize = 16;
/// The pictures that a session may watch at the same time.
const VIEWERS_MOST: usize = 16;

/// There are as many as there may be.
#[derive(Clone, Copy, Debug)]
pub struct TooMany;

/// Bounds how many of something each key has at the same time. Either one more is refused, or the
/// oldest ends.
#[derive(Debug)]
pub struct AtOnce<K: Eq + Hash> {
    most: usize,
    /// The places of each key, the oldest first.
    open: Mutex<HashMap<K, VecDeque<Arc<Notify>>>>,
}

impl<K: Eq + Hash + Clone> AtOnce<K> {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// Takes a place for one more, which is free again when the returned value is dropped.
    ///
    /// # Errors
    /// The key has as many as it may have.
    pub fn enter(self: &Arc<Self>, key: K) -> Result<Place<K>, TooMany> {
        let mut open = self.open.lock().expect("no holder panics");
        if open.get(&key).is_some_and(|places| places.len() >= self.most) {
            Err(TooMany)
        } else {
            Ok(self.take(&mut open, key))
        }
    }

    /// Takes a place for one more. If the key has as many as it may have, its oldest place ends: it
    /// may belong to a device that is gone, which no end of a connection has told of yet.
    pub fn replace_oldest(self: &Arc<Self>, key: K) -> Place<K> {
        let mut open = self.open.lock().expect("no holder panics");
        let places = open.entry(key.clone()).or_default();
        if places.len() >= self.most
            && let Some(oldest) = places.pop_front()
        {
            oldest.notify_one();
        }
        self.take(&mut open, key)
    }

    fn take(self: &Arc<Self>, open: &mut HashMap<K, VecDeque<Arc<Notify>>>, key: K) -> Place<K> {
        let ends = Arc::new(Notify::new());
        open.entry(key.clone()).or_default().push_back(ends.clone());
        Place { of: self.clone(), key, ends }
    }
}

/// A place that is taken.
#[derive(Debug)]
pub struct Place<K: Eq + Hash> {
    of: Arc<AtOnce<K>>,
    key: K,
    ends: Arc<Notify>,
}

impl<K: Eq + Hash> Place<K> {
    /// Returns when a newer place has taken this one. It can be dropped and called again.
    pub async fn replaced(&self) {
        self.ends.notified().await;
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut open = self.of.open.lock().expect("no holder panics");
        if let Some(places) = open.get_mut(&self.key) {
            places.retain(|place| !Arc::ptr_eq(place, &self.ends));
            if places.is_empty() {
                open.remove(&self.key);
            }
        }
    }
}

/// The hash of the token of a session or of a contact's link.
pub type TokenHash = [u8; 32];

/// All limits of this kind.
#[derive(Debug)]
pub struct Limits {
    /// The connections of each network.
    pub connections: Arc<AtOnce<IpAddr>>,
    /// The streams of events of each session and link.
    pub streams: Arc<AtOnce<TokenHash>>,
    /// The pictures that each session watches.
    pub viewers: Arc<AtOnce<TokenHash>>,
}

impl Default for Limits {
    fn default() -> Self {
        let (connections, streams, viewers) =
            (AtOnce::new(CONNECTIONS_MOST), AtOnce::new(STREAMS_MOST), AtOnce::new(VIEWERS_MOST));
        Self { connections, streams, viewers }
    }
}

/// Returns the network whose connections are counted together: the address itself for IPv4, its /64
/// for IPv6, because a provider assigns each household at least a whole /64 (RFC 6177).
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_so_many_at_once_and_a_place_is_free_again() {
        let places = AtOnce::new(2);
        let first = places.enter("a").unwrap();
        let _second = places.enter("a").unwrap();
        assert!(places.enter("a").is_err() && places.enter("b").is_ok());
        drop(first);
        assert!(places.enter("a").is_ok());
        assert_eq!(places.open.lock().unwrap().len(), 1, "a key without places is forgotten");
    }

    #[tokio::test]
    async fn one_more_ends_the_oldest_and_no_other() {
        let places = AtOnce::new(2);
        let (first, second, other) =
            (places.replace_oldest("a"), places.replace_oldest("a"), places.replace_oldest("b"));
        let third = places.replace_oldest("a");
        first.replaced().await;
        drop(first);
        for place in [&second, &third, &other] {
            assert!(futures_util::FutureExt::now_or_never(place.replaced()).is_none());
        }
        drop(places.replace_oldest("a"));
        second.replaced().await;
        assert_eq!(places.open.lock().unwrap()["a"].len(), 1);
    }

    #[test]
    fn a_household_is_one_network() {
        let network = |address: &str| network_of(address.parse().unwrap()).to_string();
        assert_eq!(network("203.0.113.9"), "203.0.113.9");
        assert_eq!(network("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(network("2001:db8:1:2:aaaa::1"), network("2001:db8:1:2:bbbb::2"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }
}
