//! Limits on what one browser, one link or one network may have open at the same time.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
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

/// The file descriptors that no connection gets.
const RESERVED: usize = 256;

/// There are as many as there may be.
#[derive(Clone, Copy, Debug)]
pub struct TooMany;

/// Bounds how many of something each key has at the same time, and all keys together. Either one
/// more is refused, or the oldest ends.
#[derive(Debug)]
pub struct AtOnce<K: Eq + Hash> {
    most: usize,
    total: usize,
    open: Mutex<Open<K>>,
}

#[derive(Debug)]
struct Open<K> {
    /// The places of each key, the oldest first.
    places: HashMap<K, VecDeque<Arc<Notify>>>,
    /// The number of all places.
    count: usize,
}

impl<K: Eq + Hash + Clone> AtOnce<K> {
    /// Allows each key `most`, and all keys together `total`.
    pub fn new(most: usize, total: usize) -> Arc<Self> {
        Arc::new(Self { most, total, open: Mutex::new(Open { places: HashMap::new(), count: 0 }) })
    }

    /// Takes a place for one more, which is free again when the returned value is dropped. If there
    /// are as many as there may be in total, the oldest place of the key that has the most ends: a
    /// flood from a few keys keeps nobody else out.
    ///
    /// # Errors
    /// The key has as many as it may have, or as many as any other while there is no place left.
    pub fn enter(self: &Arc<Self>, key: K) -> Result<Place<K>, TooMany> {
        let mut open = self.open.lock().expect("no holder panics");
        let own = open.places.get(&key).map_or(0, VecDeque::len);
        if own >= self.most {
            return Err(TooMany);
        }
        if open.count >= self.total {
            let largest = open.places.iter().max_by_key(|(_, places)| places.len());
            let largest = largest.filter(|(_, places)| places.len() > own);
            let largest = largest.map(|(key, _)| key.clone()).ok_or(TooMany)?;
            open.end_oldest(&largest);
        }
        Ok(self.take(&mut open, key))
    }

    /// Takes a place for one more. If the key has as many as it may have, its oldest place ends: it
    /// may belong to a device that is gone, which no end of a connection has told of yet.
    pub fn replace_oldest(self: &Arc<Self>, key: K) -> Place<K> {
        let mut open = self.open.lock().expect("no holder panics");
        if open.places.get(&key).is_some_and(|places| places.len() >= self.most) {
            open.end_oldest(&key);
        }
        self.take(&mut open, key)
    }

    fn take(self: &Arc<Self>, open: &mut Open<K>, key: K) -> Place<K> {
        let ends = Arc::new(Notify::new());
        open.places.entry(key.clone()).or_default().push_back(ends.clone());
        open.count += 1;
        Place { of: self.clone(), key, ends }
    }
}

impl<K: Eq + Hash> Open<K> {
    fn end_oldest(&mut self, key: &K) {
        if let Some(oldest) = self.places.get_mut(key).and_then(VecDeque::pop_front) {
            self.count -= 1;
            oldest.notify_one();
        }
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
        let Open { places: all, count } = &mut *open;
        if let Some(places) = all.get_mut(&self.key) {
            let before = places.len();
            places.retain(|place| !Arc::ptr_eq(place, &self.ends));
            *count -= before - places.len();
            if places.is_empty() {
                all.remove(&self.key);
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
    pub connections: Arc<AtOnce<Network>>,
    /// The streams of events of each session and link.
    pub streams: Arc<AtOnce<TokenHash>>,
    /// The pictures that each session watches.
    pub viewers: Arc<AtOnce<TokenHash>>,
}

impl Limits {
    /// The limits of a process that may have so many files and sockets open. The reserve is for
    /// what an incident needs: the database, the broker, the receiving center.
    pub fn new(descriptors: usize) -> Self {
        let connections = descriptors - RESERVED.min(descriptors / 4);
        Self {
            connections: AtOnce::new(CONNECTIONS_MOST, connections),
            streams: AtOnce::new(STREAMS_MOST, usize::MAX),
            viewers: AtOnce::new(VIEWERS_MOST, usize::MAX),
        }
    }
}

/// The network that an address belongs to: the address itself for IPv4, its /64 for IPv6, because a
/// provider assigns each household at least a whole /64 (RFC 6177). Limits on strangers count by
/// network. An address is no key for them, because a customer with a /64 has 2⁶⁴ addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_so_many_at_once_and_a_place_is_free_again() {
        let places = AtOnce::new(2, usize::MAX);
        let first = places.enter("a").unwrap();
        let _second = places.enter("a").unwrap();
        assert!(places.enter("a").is_err() && places.enter("b").is_ok());
        drop(first);
        assert!(places.enter("a").is_ok());
        let open = places.open.lock().unwrap();
        assert_eq!((open.places.len(), open.count), (1, 1), "a key without places is forgotten");
    }

    #[tokio::test]
    async fn one_more_ends_the_oldest_and_no_other() {
        let places = AtOnce::new(2, usize::MAX);
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
        assert_eq!(places.open.lock().unwrap().places["a"].len(), 1);
    }

    #[tokio::test]
    async fn full_server_ends_the_oldest_place_of_the_largest_network() {
        let places = AtOnce::new(3, 4);
        let flood: Vec<_> = (0..3).map(|_| places.enter("flood").unwrap()).collect();
        let _one = places.enter("one").unwrap();
        let home = places.enter("home").expect("a home gets in");
        flood[0].replaced().await;
        let now = |place: &Place<_>| futures_util::FutureExt::now_or_never(place.replaced());
        assert!(flood[1..].iter().chain([&home]).all(|place| now(place).is_none()));
        // The flood itself gets no more than it leaves to others.
        assert!(places.enter("flood").is_err());
        drop(flood);
        assert_eq!(places.open.lock().unwrap().count, 2);
        assert!(places.enter("flood").is_ok());
    }

    #[test]
    fn a_household_is_one_network() {
        let network = |address: &str| Network::of(address.parse().unwrap()).to_string();
        assert_eq!(network("203.0.113.9"), "203.0.113.9");
        assert_eq!(network("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(network("2001:db8:1:2:aaaa::1"), network("2001:db8:1:2:bbbb::2"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }
}
