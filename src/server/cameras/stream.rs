//! One camera's pictures, shared by everybody who looks.

use super::picture::{Format, Pace, Picture, Ring};
use crate::{api::cameras::StreamTrouble, server::clock::Clock};
use axum::body::Bytes;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::sync::{broadcast, watch};

/// Parts that wait for a viewer at most: more than a second of any camera. Who is further behind goes on with the next key frame.
const WAITING: usize = 128;

/// How a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody looks.
    Idle,
    /// Asked for.
    Connecting,
    /// Pictures come.
    Flows,
    /// None do; it is asked for again and again.
    Failed(StreamTrouble),
}

/// Something that goes to viewers.
#[derive(Clone, Debug)]
enum Part {
    Format(Arc<Format>),
    Picture(Picture),
}

/// What one viewer is sent next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// How pictures are decoded from now on.
    Format(Arc<Format>),
    /// A picture.
    Picture(Bytes),
}

/// The pictures of one camera.
pub struct Stream {
    ring: Mutex<Ring>,
    parts: broadcast::Sender<Part>,
    state: watch::Sender<State>,
    clock: Arc<Clock>,
}

impl Stream {
    /// Without a picture yet.
    pub fn new(clock: Arc<Clock>) -> Self {
        Self { ring: Mutex::default(), parts: broadcast::Sender::new(WAITING), state: watch::Sender::new(State::Idle), clock }
    }

    fn ring<T>(&self, with: impl FnOnce(&mut Ring) -> T) -> T {
        with(&mut self.ring.lock().expect("no holder panics"))
    }

    /// How it is.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// It is so now; true if it was not.
    pub fn tell(&self, state: State) -> bool {
        self.state.send_if_modified(|before| std::mem::replace(before, state) != state)
    }

    /// How many look.
    pub fn viewers(&self) -> usize {
        self.parts.receiver_count()
    }

    /// From now on pictures are decoded so.
    pub fn reformat(&self, format: Format) {
        self.ring(|ring| {
            if ring.format().is_none_or(|known| **known != format) {
                let format = Arc::new(format);
                ring.reformat(format.clone());
                // Nobody may be looking.
                let _ = self.parts.send(Part::Format(format));
            }
        });
    }

    /// A picture has come, an access unit with its lengths.
    pub fn push(&self, is_key: bool, unit: &[u8]) {
        self.ring(|ring| {
            // Two pictures are never of the same moment, and none is of an earlier one.
            let at_us = (self.clock.now().as_millis() * 1_000).max(ring.latest().last().map_or(0, |last| last.at_us + 1));
            let picture = Picture::new(is_key, at_us, unit);
            ring.push(picture.clone());
            let _ = self.parts.send(Part::Picture(picture));
        });
        self.tell(State::Flows);
    }

    /// How its pictures are decoded, once one has come.
    pub fn format(&self) -> Option<Arc<Format>> {
        self.ring(|ring| ring.format().cloned())
    }

    /// The last picture that stands by itself, with how it is decoded.
    pub fn key(&self) -> Option<(Arc<Format>, Picture)> {
        self.ring(|ring| Some((ring.format()?.clone(), ring.latest().next()?.clone())))
    }

    /// What was shown since then, how it is decoded, and every picture that comes from now on.
    pub fn record(&self, at_us: u64) -> Option<(Arc<Format>, Vec<Picture>, Tape)> {
        self.ring(|ring| Some((ring.format()?.clone(), ring.since(at_us), Tape(self.parts.subscribe()))))
    }

    /// Looks from now on: at the last key frame and what came after it first.
    pub fn watch(&self) -> Viewer {
        self.ring(|ring| {
            let before: VecDeque<Sent> = ring
                .format()
                .map(|format| Sent::Format(format.clone()))
                .into_iter()
                .chain(ring.latest().map(|picture| Sent::Picture(picture.as_before())))
                .collect();
            let mut pace = Pace::default();
            if before.len() > 1 {
                pace.flows();
            }
            Viewer { waiting: before, parts: self.parts.subscribe(), pace, clock: self.clock.clone() }
        })
    }
}

/// Every picture of one way to be decoded, as it comes.
pub struct Tape(broadcast::Receiver<Part>);

impl Tape {
    /// The next; `None` where there is no other, or one was missed.
    pub async fn next(&mut self) -> Option<Picture> {
        match self.0.recv().await {
            Ok(Part::Picture(picture)) => Some(picture),
            Ok(Part::Format(_)) | Err(_) => None,
        }
    }
}

/// Somebody who looks.
pub struct Viewer {
    waiting: VecDeque<Sent>,
    parts: broadcast::Receiver<Part>,
    pace: Pace,
    clock: Arc<Clock>,
}

impl Viewer {
    /// What comes next; `None` when the camera is another now, or gone.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some(sent) = self.waiting.pop_front() {
                return Some(sent);
            }
            match self.parts.recv().await {
                Ok(Part::Format(format)) => {
                    self.pace.gap();
                    return Some(Sent::Format(format));
                }
                Ok(Part::Picture(picture)) => {
                    let waited_us = (self.clock.now().as_millis() * 1_000).saturating_sub(picture.at_us);
                    if self.pace.passes(picture.is_key, waited_us) {
                        return Some(Sent::Picture(picture.message));
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => self.pace.gap(),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
