//! Limits on what one browser, one person, one link or one network may have open at the same time,
//! on work that takes long, and on the lines of the log that anybody can cause.

use super::tasks::run_to_end;
use crate::domain::id::UserId;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex},
};
use tokio::sync::{Notify, Semaphore};

/// The connections of a network. A browser opens six, and a household has a few dozen devices
/// behind one address.
const CONNECTIONS_MOST: usize = 256;
/// The streams of events, and the pictures, of a session or a link. A browser opens one stream for
/// each home, whatever the number of its tabs.
const SESSION_MOST: usize = 16;
/// The streams of events, and the pictures, of an account: four devices that have all that a device
/// may have.
const HOLDER_MOST: usize = 4 * SESSION_MOST;

/// The file descriptors that no connection gets.
const RESERVED: usize = 256;
/// The lines of one kind that are logged at once, and in a minute.
const LINES_MOST: NonZeroU32 = NonZeroU32::new(60).expect("some");

/// The jobs of a kind that run at the same time. Each keeps a core busy.
const RUNNING_MOST: usize = 2;
/// The jobs of a kind that run or wait, and those of one account.
const JOBS_MOST: (usize, usize) = (64, 16);

/// There are as many as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// How many there may be at the same time.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Of each part of a key, such as a session of an account.
    pub part: usize,
    /// Of each key.
    pub key: usize,
    /// Of all keys together.
    pub total: usize,
}

/// Bounds how many of something each key has at the same time, each part of a key, and all keys
/// together. Either one more is refused, or the oldest ends.
#[derive(Debug)]
pub struct AtOnce<K: Eq + Hash, P = ()> {
    most: Most,
    open: Mutex<Open<K, P>>,
}

#[derive(Debug)]
struct Open<K, P> {
    /// The places of each key, the oldest first.
    places: HashMap<K, VecDeque<(P, Arc<Notify>)>>,
    /// The number of all places.
    count: usize,
}

impl<K: Eq + Hash + Clone> AtOnce<K> {
    /// Allows each key `key`, and all keys together `total`.
    pub fn new(key: usize, total: usize) -> Arc<Self> {
        Self::in_parts(Most { part: key, key, total })
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
        if own >= self.most.key {
            return Err(TooMany);
        }
        if open.count >= self.most.total {
            let (largest, count) = open.largest().ok_or(TooMany)?;
            if count <= own {
                return Err(TooMany);
            }
            open.end_oldest(&largest, |()| true);
        }
        Ok(self.take(&mut open, key, ()))
    }
}

impl<K: Eq + Hash + Clone, P: PartialEq> AtOnce<K, P> {
    /// Allows each key, and each of its parts, so many.
    pub fn in_parts(most: Most) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::new(Open { places: HashMap::new(), count: 0 }) })
    }

    /// Takes a place for one more. If the part of the key, the key, or all together have as many as
    /// they may have, an old one ends: of the part, or of the largest part of the key, or of the key
    /// that has the most. It may belong to a device that is gone, which no end of a connection has
    /// told of yet; and no part can end the places of smaller ones.
    pub fn replace_oldest(self: &Arc<Self>, key: K, part: P) -> Place<K, P> {
        let mut open = self.open.lock().expect("no holder panics");
        let own = open.places.get(&key);
        let of_key = own.map_or(0, VecDeque::len);
        let of_part = own.map_or(0, |places| places.iter().filter(|(of, _)| *of == part).count());
        if of_part >= self.most.part {
            open.end_oldest(&key, |of| *of == part);
        } else if of_key >= self.most.key {
            open.end_oldest_of_largest_part(&key);
        } else if open.count >= self.most.total
            && let Some((largest, _)) = open.largest()
        {
            open.end_oldest_of_largest_part(&largest);
        }
        self.take(&mut open, key, part)
    }

    fn take(self: &Arc<Self>, open: &mut Open<K, P>, key: K, part: P) -> Place<K, P> {
        let ends = Arc::new(Notify::new());
        open.places.entry(key.clone()).or_default().push_back((part, ends.clone()));
        open.count += 1;
        Place { of: self.clone(), key, ends }
    }
}

impl<K: Eq + Hash + Clone, P: PartialEq> Open<K, P> {
    fn end_oldest_of_largest_part(&mut self, key: &K) {
        let Some(places) = self.places.get(key) else { return };
        let size = |part: &P| places.iter().filter(|(of, _)| of == part).count();
        let largest = places.iter().map(|(part, _)| size(part)).max();
        let at = places.iter().position(|(part, _)| Some(size(part)) == largest);
        self.end_at(key, at);
    }
}

impl<K: Eq + Hash + Clone, P> Open<K, P> {
    /// The key that has the most places, and how many.
    fn largest(&self) -> Option<(K, usize)> {
        let all = self.places.iter().map(|(key, places)| (key, places.len()));
        all.max_by_key(|(_, count)| *count).map(|(key, count)| (key.clone(), count))
    }

    fn end_oldest(&mut self, key: &K, which: impl Fn(&P) -> bool) {
        let places = self.places.get(key);
        let at = places.and_then(|places| places.iter().position(|(part, _)| which(part)));
        self.end_at(key, at);
    }

    fn end_at(&mut self, key: &K, at: Option<usize>) {
        let Some(places) = self.places.get_mut(key) else { return };
        if let Some((_, oldest)) = at.and_then(|at| places.remove(at)) {
            self.count -= 1;
            oldest.notify_one();
        }
    }
}

/// A place that is taken.
#[derive(Debug)]
pub struct Place<K: Eq + Hash, P = ()> {
    of: Arc<AtOnce<K, P>>,
    key: K,
    ends: Arc<Notify>,
}

impl<K: Eq + Hash, P> Place<K, P> {
    /// Returns when a newer place has taken this one. It can be dropped and called again.
    pub async fn replaced(&self) {
        self.ends.notified().await;
    }
}

impl<K: Eq + Hash, P> Drop for Place<K, P> {
    fn drop(&mut self) {
        let mut open = self.of.open.lock().expect("no holder panics");
        let Open { places: all, count } = &mut *open;
        if let Some(places) = all.get_mut(&self.key) {
            let before = places.len();
            places.retain(|(_, ends)| !Arc::ptr_eq(ends, &self.ends));
            *count -= before - places.len();
            if places.is_empty() {
                all.remove(&self.key);
            }
        }
    }
}

/// Runs jobs that keep a core busy, a few at the same time. The others wait in a line with a limit,
/// in which each account has a part.
#[derive(Debug)]
pub struct Jobs {
    line: Arc<AtOnce<UserId>>,
    turns: Arc<Semaphore>,
}

impl Jobs {
    /// Runs so many at the same time.
    fn new(running: usize, (total, each): (usize, usize)) -> Self {
        Self { line: AtOnce::new(each, total), turns: Arc::new(Semaphore::new(running)) }
    }

    /// Does a job of an account when its turn comes. From then on it runs to its end, so that
    /// clients that go away do not make room for more than may run. `None` if it panicked.
    ///
    /// # Errors
    /// The account has as many jobs in the line as it may, or the line is full and this account, which
    /// has the most in it, gives way.
    pub async fn run<T: Send + 'static>(
        &self,
        account: &UserId,
        task: &'static str,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Result<Option<T>, TooMany> {
        let place = self.line.enter(account.clone())?;
        let turn = tokio::select! {
            biased;
            () = place.replaced() => return Err(TooMany),
            turn = self.turns.clone().acquire_owned() => turn.map_err(|_| TooMany)?,
        };
        Ok(run_to_end(task, account.clone(), async move {
            let _turn = (place, turn);
            job.await
        })
        .await)
    }
}

/// The hash of the token of a session or of a contact's link.
pub type TokenHash = [u8; 32];

/// Who has streams open: a person, on all devices together, or a contact by their link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// An account.
    Account(UserId),
    /// A contact's link.
    Link(TokenHash),
}

/// What a holder has open in each session.
pub type OpenStreams = AtOnce<Holder, TokenHash>;
/// A place for a stream.
pub type StreamPlace = Place<Holder, TokenHash>;

/// All limits of this kind.
#[derive(Debug)]
pub struct Limits {
    /// The connections of each network.
    pub connections: Arc<AtOnce<Network>>,
    /// The streams of events.
    pub streams: Arc<OpenStreams>,
    /// The pictures that people watch.
    pub viewers: Arc<OpenStreams>,
    /// The lists of incidents and of audit records, and statistics.
    pub histories: Jobs,
    /// The exports of evidence.
    pub exports: Jobs,
}

impl Limits {
    /// The limits of a process that may have so many files and sockets open. The reserve is for
    /// what an incident needs: the database, the broker, the receiving center. A quarter of the rest
    /// is for pictures, whose WebSockets are no connections of the first kind any more. Streams get
    /// half of the rest, so that what proxies open, which has no limit, leaves room for requests.
    pub fn new(descriptors: usize) -> Self {
        let rest = descriptors - RESERVED.min(descriptors / 4);
        let (viewers, streams) = (rest / 4, rest / 2);
        let of_holders =
            |total| AtOnce::in_parts(Most { part: SESSION_MOST, key: HOLDER_MOST, total });
        Self {
            connections: AtOnce::new(CONNECTIONS_MOST, rest - viewers),
            streams: of_holders(streams),
            viewers: of_holders(viewers),
            histories: Jobs::new(RUNNING_MOST, JOBS_MOST),
            exports: Jobs::new(RUNNING_MOST, JOBS_MOST),
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

/// Bounds the lines of the log that anybody can cause. A flood of them would push the steps of
/// incidents out of a log that is rotated, and systemd's journal would drop those steps, too.
#[derive(Debug)]
pub struct LogLimit(DefaultDirectRateLimiter);

impl LogLimit {
    /// A limit for lines of one kind.
    pub fn new() -> Self {
        Self(RateLimiter::direct(Quota::per_minute(LINES_MOST)))
    }

    /// Whether one more line may be logged now.
    pub fn allows(&self) -> bool {
        self.0.check().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_of_lines_is_logged_sixty_times_and_not_more() {
        let limit = LogLimit::new();
        let logged = (0..10_000).filter(|_| limit.allows()).count();
        // The minute goes on meanwhile.
        assert!((60..120).contains(&logged), "{logged}");
    }

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

    fn is_replaced<K: Eq + Hash, P>(place: &Place<K, P>) -> bool {
        futures_util::FutureExt::now_or_never(place.replaced()).is_some()
    }

    #[tokio::test]
    async fn one_more_ends_the_oldest_and_no_other() {
        let places = AtOnce::in_parts(Most { part: 2, key: 4, total: usize::MAX });
        let (first, second, other) = (
            places.replace_oldest("a", 1),
            places.replace_oldest("a", 1),
            places.replace_oldest("b", 1),
        );
        let third = places.replace_oldest("a", 1);
        first.replaced().await;
        drop(first);
        assert!([&second, &third, &other].iter().all(|place| !is_replaced(place)));
        drop(places.replace_oldest("a", 1));
        second.replaced().await;
        assert_eq!(places.open.lock().unwrap().places["a"].len(), 1);
    }

    /// Security 7: a guest who signed in two hundred times had 3,200 streams.
    #[tokio::test]
    async fn account_with_many_sessions_has_no_more_streams() {
        let places = AtOnce::in_parts(Most { part: 2, key: 4, total: usize::MAX });
        let home = places.replace_oldest("owner", 0);
        let open: Vec<_> = (0..200).map(|n| places.replace_oldest("guest", n / 2)).collect();
        let stay = open.iter().filter(|place| !is_replaced(*place));
        assert_eq!(stay.count(), 4);
        assert!(!is_replaced(&home));
        assert_eq!(places.open.lock().unwrap().count, 5);
    }

    /// A thief's sessions, whatever their number, end none of the wall tablet's streams.
    #[tokio::test]
    async fn session_with_many_streams_ends_its_own() {
        let places = AtOnce::in_parts(Most { part: 2, key: 5, total: 6 });
        let tablet = places.replace_oldest("owner", 0);
        let open: Vec<_> = (0..40).map(|n| places.replace_oldest("owner", 1 + n % 2)).collect();
        assert!(!is_replaced(&tablet));
        let _others = [places.replace_oldest("guest", 0), places.replace_oldest("guest", 1)];
        assert!(!is_replaced(&tablet), "the server is full");
        assert_eq!(open.iter().filter(|place| !is_replaced(*place)).count(), 4 - 1);
    }

    #[tokio::test]
    async fn full_server_ends_the_oldest_stream_of_the_largest_holder() {
        let places = AtOnce::in_parts(Most { part: 4, key: 4, total: 5 });
        let home = places.replace_oldest("home", 0);
        let flood: Vec<_> = (0..4).map(|_| places.replace_oldest("flood", 0)).collect();
        let other = places.replace_oldest("other", 0);
        assert!(is_replaced(&flood[0]));
        assert!(flood[1..].iter().chain([&home, &other]).all(|place| !is_replaced(place)));
        assert_eq!(places.open.lock().unwrap().count, 5);
    }

    #[test]
    fn streams_and_pictures_leave_a_reserve_of_descriptors() {
        for descriptors in [16, 1_024, 524_288] {
            let limits = Limits::new(descriptors);
            let [connections, viewers, streams] =
                [limits.connections.most, limits.viewers.most, limits.streams.most];
            let reserve = descriptors - connections.total - viewers.total;
            assert_eq!(reserve, RESERVED.min(descriptors / 4));
            assert!(streams.total < connections.total, "also if every one is of a proxy");
        }
    }

    #[tokio::test]
    async fn jobs_wait_for_their_turn_and_no_account_fills_the_line() {
        let jobs = Arc::new(Jobs::new(1, (4, 3)));
        let (end, ended) = tokio::sync::watch::channel(false);
        let ask = |account: &str| {
            let (jobs, account) = (jobs.clone(), account.parse::<UserId>().unwrap());
            let mut ended = ended.clone();
            let job = async move { ended.wait_for(|ends| *ends).await.is_ok() };
            Box::pin(async move { jobs.run(&account, "planted", job).await })
        };
        let mut guest = ask("guest");
        assert!(futures_util::poll!(&mut guest).is_pending());
        // A client that goes away makes no room for another job that runs.
        drop(guest);
        let mut all: Vec<_> = ["ada", "ada", "ada", "ben"].map(ask).into();
        for job in &mut all {
            assert!(futures_util::poll!(job).is_pending());
        }
        assert_eq!(all.remove(0).await, Err(TooMany), "the account with the most gives way");
        assert_eq!(ask("ada").await, Err(TooMany), "and gets no more than it leaves");
        end.send(true).unwrap();
        for job in all {
            assert_eq!(job.await, Ok(Some(true)));
        }
    }

    #[tokio::test]
    async fn full_server_ends_the_oldest_place_of_the_largest_network() {
        let places = AtOnce::new(3, 4);
        let flood: Vec<_> = (0..3).map(|_| places.enter("flood").unwrap()).collect();
        let _one = places.enter("one").unwrap();
        let home = places.enter("home").expect("a home gets in");
        flood[0].replaced().await;
        assert!(flood[1..].iter().chain([&home]).all(|place| !is_replaced(place)));
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
