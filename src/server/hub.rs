//! Who listens to a home. Each live event is encoded once and handed to every listener; nobody can make it wait.

use crate::domain::{
    id::{DeviceId, HomeId, IncidentId},
    time::Timestamp,
};
use axum::body::Bytes;
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, OnceLock},
};
use tokio::sync::{Notify, broadcast, mpsc, watch};

/// Events kept for whoever comes back, and the most that a slow listener may lag before it starts over with a snapshot.
const KEPT: usize = 256;

/// An encoded live event.
#[derive(Debug)]
pub struct LiveEvent {
    /// Only grows, per home, also across restarts.
    pub id: u64,
    /// As it goes over the wire.
    pub frame: Bytes,
}

/// A server-sent event: an id to come back with, its name, and JSON, which has no line breaks.
pub fn frame(id: Option<u64>, name: &str, data: &str) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n").into()
}

/// What has changed in a home and is not encoded yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Its incident.
    Incident(HomeId),
    /// A device or camera.
    Device(HomeId, DeviceId),
    /// How it is set up.
    Home(HomeId),
}

#[derive(Debug)]
struct Channel {
    sender: broadcast::Sender<Arc<LiveEvent>>,
    kept: VecDeque<Arc<LiveEvent>>,
    /// Everything after this event is kept.
    kept_since: u64,
    last_id: u64,
}

/// All listeners.
#[derive(Debug, Default)]
pub struct Hub {
    channels: Mutex<HashMap<HomeId, Channel>>,
    changes: Mutex<BTreeSet<Change>>,
    changed: Notify,
    /// Counts what the monitoring center may have to look at anew, whether or not anybody listens to that home.
    center: watch::Sender<u64>,
    /// Where every step of an incident is told, if anybody wants to know.
    told: OnceLock<mpsc::UnboundedSender<IncidentId>>,
    /// Homes that members have had open, each held by everybody who has.
    open: Mutex<HashMap<HomeId, Arc<()>>>,
}

/// A listener's way in: what was missed, if it can be told, and what comes.
#[derive(Debug)]
pub struct Subscription {
    /// The events since the last one seen; `None` where only a snapshot helps.
    pub missed: Option<Vec<Arc<LiveEvent>>>,
    /// The id that a snapshot stands for.
    pub last_id: u64,
    /// What comes.
    pub events: broadcast::Receiver<Arc<LiveEvent>>,
}

impl Hub {
    /// The incident of a home has changed. Several changes before the next encoding become one. Of a quiet one the home's listeners
    /// learn nothing, not even that something happened.
    pub fn incident_changed(&self, home: HomeId, id: IncidentId, quiet: bool) {
        self.center_changed();
        if let Some(told) = self.told.get() {
            // Whoever reads it ends only with the server.
            let _ = told.send(id);
        }
        if !quiet {
            self.note(Change::Incident(home));
        }
    }

    /// A device or camera of a home has changed.
    pub fn device_changed(&self, home: HomeId, device: DeviceId) {
        self.note(Change::Device(home, device));
    }

    /// A home is set up in another way now.
    pub fn home_changed(&self, home: HomeId) {
        self.note(Change::Home(home));
    }

    /// What the monitoring center sees is another now.
    pub fn center_changed(&self) {
        self.center.send_modify(|version| *version += 1);
    }

    /// Counts that.
    pub fn center_version(&self) -> watch::Receiver<u64> {
        self.center.subscribe()
    }

    /// The incidents that go on, one word for each step. For one listener.
    pub fn steps(&self) -> mpsc::UnboundedReceiver<IncidentId> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let _ = self.told.set(sender);
        receiver
    }

    fn note(&self, change: Change) {
        self.changes.lock().expect("no holder panics").insert(change);
        self.changed.notify_one();
    }

    /// A member has the home open for as long as what this gives is kept.
    pub fn open(&self, home: &HomeId) -> Arc<()> {
        self.open.lock().expect("no holder panics").entry(home.clone()).or_default().clone()
    }

    /// Whether any member has the home open.
    pub fn is_open(&self, home: &HomeId) -> bool {
        self.open.lock().expect("no holder panics").get(home).is_some_and(|open| Arc::strong_count(open) > 1)
    }

    /// Waits for changes, and takes those of homes that somebody listens to.
    pub async fn changes(&self) -> Vec<Change> {
        loop {
            let taken = std::mem::take(&mut *self.changes.lock().expect("no holder panics"));
            let channels = self.channels.lock().expect("no holder panics").keys().cloned().collect::<BTreeSet<_>>();
            let heard: Vec<Change> = taken
                .into_iter()
                .filter(|c| match c {
                    Change::Incident(home) | Change::Device(home, _) | Change::Home(home) => channels.contains(home),
                })
                .collect();
            if !heard.is_empty() {
                return heard;
            }
            self.changed.notified().await;
        }
    }

    /// Hands an encoded event to every listener of a home.
    pub fn publish(&self, home: &HomeId, name: &str, data: &str, now: Timestamp) {
        let mut channels = self.channels.lock().expect("no holder panics");
        let Some(channel) = channels.get_mut(home) else { return };
        channel.last_id = (channel.last_id + 1).max(now.as_millis());
        let event = Arc::new(LiveEvent { id: channel.last_id, frame: frame(Some(channel.last_id), name, data) });
        if channel.kept.len() == KEPT
            && let Some(forgotten) = channel.kept.pop_front()
        {
            channel.kept_since = forgotten.id;
        }
        channel.kept.push_back(event.clone());
        // Without listeners it is only kept, for whoever comes back.
        let _ = channel.sender.send(event);
    }

    /// Listens to a home from now on, having seen the event `last_seen`.
    pub fn subscribe(&self, home: &HomeId, last_seen: Option<u64>, now: Timestamp) -> Subscription {
        let mut channels = self.channels.lock().expect("no holder panics");
        let channel = channels.entry(home.clone()).or_insert_with(|| Channel {
            sender: broadcast::channel(KEPT).0,
            kept: VecDeque::new(),
            kept_since: now.as_millis(),
            last_id: now.as_millis(),
        });
        let missed = last_seen
            .filter(|seen| (channel.kept_since..=channel.last_id).contains(seen))
            .map(|seen| channel.kept.iter().filter(|e| e.id > seen).cloned().collect::<Vec<_>>());
        Subscription { missed, last_id: channel.last_id, events: channel.sender.subscribe() }
    }
}
