//! The streams of live events of all homes. Each event is encoded once for all listeners, and no
//! listener can delay it.

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

/// The events kept for listeners that reconnect, and the most that a slow listener may lag before
/// it starts over with a snapshot.
const KEPT: usize = 256;

/// An encoded live event.
#[derive(Debug)]
pub struct LiveEvent {
    /// Grows within a home, also across restarts.
    pub id: u64,
    /// The event as bytes on the wire.
    pub frame: Bytes,
}

/// Formats a server-sent event: its id for resuming, its name, and JSON without line breaks.
pub fn frame(id: Option<u64>, name: &str, data: &str) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n").into()
}

/// A change of a home that is not encoded yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The home's incident.
    Incident(HomeId),
    /// A device or camera.
    Device(HomeId, DeviceId),
    /// The setup of the home.
    Home(HomeId),
}

impl Change {
    /// The home that changed.
    pub fn home(&self) -> &HomeId {
        match self {
            Self::Incident(home) | Self::Device(home, _) | Self::Home(home) => home,
        }
    }
}

#[derive(Debug)]
struct Channel {
    sender: broadcast::Sender<Arc<LiveEvent>>,
    kept: VecDeque<Arc<LiveEvent>>,
    /// The id of the event after which all events are kept.
    kept_since: u64,
    last_id: u64,
}

/// All listeners.
#[derive(Debug, Default)]
pub struct LiveEvents {
    channels: Mutex<HashMap<HomeId, Channel>>,
    changes: Mutex<BTreeSet<Change>>,
    changed: Notify,
    /// The version of what the monitoring center sees. It grows even if nobody listens to the home.
    center: watch::Sender<u64>,
    /// The channel for the steps of incidents, if it has a receiver.
    told: OnceLock<mpsc::UnboundedSender<IncidentId>>,
    /// The homes that members have opened. Each open stream holds a clone of its home's value.
    open: Mutex<HashMap<HomeId, Arc<()>>>,
}

/// A subscription to the events of a home: the missed events, if they are known, and the events to
/// come.
#[derive(Debug)]
pub struct Subscription {
    /// The events since the last one seen. `None` if the listener needs a snapshot.
    pub missed: Option<Vec<Arc<LiveEvent>>>,
    /// The id that belongs to a snapshot of now.
    pub last_id: u64,
    /// The events to come.
    pub events: broadcast::Receiver<Arc<LiveEvent>>,
}

impl LiveEvents {
    /// The incident of a home changed. Several changes before the next encoding become one event.
    /// If the incident is hidden from the home, its listeners get no event at all.
    pub fn incident_changed(&self, home: HomeId, id: IncidentId, quiet: bool) {
        self.center_changed();
        if let Some(told) = self.told.get() {
            // The receiver ends only with the server.
            let _ = told.send(id);
        }
        if !quiet {
            self.note(Change::Incident(home));
        }
    }

    /// A device or camera of a home changed.
    pub fn device_changed(&self, home: HomeId, device: DeviceId) {
        self.note(Change::Device(home, device));
    }

    /// The setup of a home changed.
    pub fn home_changed(&self, home: HomeId) {
        self.note(Change::Home(home));
    }

    /// What the monitoring center sees changed.
    pub fn center_changed(&self) {
        self.center.send_modify(|version| *version += 1);
    }

    /// The version of what the monitoring center sees.
    pub fn center_version(&self) -> watch::Receiver<u64> {
        self.center.subscribe()
    }

    /// A channel that gets the id of the incident for each of its steps. It has one receiver.
    pub fn steps(&self) -> mpsc::UnboundedReceiver<IncidentId> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let _ = self.told.set(sender);
        receiver
    }

    fn note(&self, change: Change) {
        self.changes.lock().expect("no holder panics").insert(change);
        self.changed.notify_one();
    }

    /// A member has the home open for as long as the returned value exists.
    pub fn open(&self, home: &HomeId) -> Arc<()> {
        self.open.lock().expect("no holder panics").entry(home.clone()).or_default().clone()
    }

    /// Whether any member has the home open.
    pub fn is_open(&self, home: &HomeId) -> bool {
        self.open
            .lock()
            .expect("no holder panics")
            .get(home)
            .is_some_and(|open| Arc::strong_count(open) > 1)
    }

    /// Waits for changes, and takes those of homes that have had listeners.
    pub async fn changes(&self) -> Vec<Change> {
        loop {
            let taken = std::mem::take(&mut *self.changes.lock().expect("no holder panics"));
            let channels = self
                .channels
                .lock()
                .expect("no holder panics")
                .keys()
                .cloned()
                .collect::<BTreeSet<_>>();
            let heard: Vec<Change> =
                taken.into_iter().filter(|change| channels.contains(change.home())).collect();
            if !heard.is_empty() {
                return heard;
            }
            self.changed.notified().await;
        }
    }

    /// Sends an encoded event to every listener of a home.
    pub fn publish(&self, home: &HomeId, name: &str, data: &str, now: Timestamp) {
        let mut channels = self.channels.lock().expect("no holder panics");
        let Some(channel) = channels.get_mut(home) else { return };
        channel.last_id = (channel.last_id + 1).max(now.as_millis());
        let event = Arc::new(LiveEvent {
            id: channel.last_id,
            frame: frame(Some(channel.last_id), name, data),
        });
        if channel.kept.len() == KEPT
            && let Some(forgotten) = channel.kept.pop_front()
        {
            channel.kept_since = forgotten.id;
        }
        channel.kept.push_back(event.clone());
        // Without listeners, the event is only kept for those that reconnect.
        let _ = channel.sender.send(event);
    }

    /// Subscribes to a home from now on. `last_seen` is the last event that the listener has.
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
