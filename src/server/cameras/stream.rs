//! One camera stream, shared by all viewers.

use super::picture::{Format, Pace, Picture, Ring};
use crate::{
    api::cameras::StreamTrouble,
    server::clock::{Clock, instant},
};
use axum::body::Bytes;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{broadcast, watch},
    time::Instant,
};

/// The most parts that are queued for a viewer: more than a second of any camera. A viewer that is
/// further behind continues with the next keyframe.
const WAITING: usize = 128;
/// How long a viewer may take to get the pictures from before it connected. Then it continues with
/// the next keyframe: pictures that the stream has dropped must not stay in memory for a slow viewer.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(10);

/// The state of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not connected yet.
    Idle,
    /// The camera is being asked for the stream.
    Connecting,
    /// Pictures arrive.
    Flows,
    /// No pictures arrive. The connection is retried.
    Failed(StreamTrouble),
}

/// A part of the stream, as it is distributed to viewers.
#[derive(Clone, Debug)]
enum StreamPart {
    Format(Arc<Format>),
    Picture(Picture),
}

/// The next message to one viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The decoder configuration for the pictures that follow.
    Format(Arc<Format>),
    /// A picture.
    Picture(Bytes),
}

/// A camera stream with its latest pictures.
pub struct Stream {
    ring: Mutex<Ring>,
    parts: broadcast::Sender<StreamPart>,
    state: watch::Sender<State>,
    clock: Arc<Clock>,
}

impl Stream {
    /// Creates a stream without pictures.
    pub fn new(clock: Arc<Clock>) -> Self {
        Self {
            ring: Mutex::default(),
            parts: broadcast::Sender::new(WAITING),
            state: watch::Sender::new(State::Idle),
            clock,
        }
    }

    fn ring<T>(&self, with: impl FnOnce(&mut Ring) -> T) -> T {
        with(&mut self.ring.lock().expect("no holder panics"))
    }

    /// Watches the state.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Sets the state. Returns whether it changed.
    pub fn tell(&self, state: State) -> bool {
        self.state.send_if_modified(|before| std::mem::replace(before, state) != state)
    }

    /// The number of viewers, recordings included.
    pub fn viewers(&self) -> usize {
        self.parts.receiver_count()
    }

    /// Sets the decoder configuration for the pictures that follow.
    pub fn reformat(&self, format: Format) {
        self.ring(|ring| {
            if ring.format().is_none_or(|known| **known != format) {
                let format = Arc::new(format);
                ring.reformat(format.clone());
                // There may be no viewer.
                let _ = self.parts.send(StreamPart::Format(format));
            }
        });
    }

    /// Adds a picture: a length-prefixed access unit.
    pub fn push(&self, is_key: bool, unit: &[u8]) {
        self.ring(|ring| {
            // Times strictly increase.
            let at_us = (self.clock.now().as_millis() * 1_000)
                .max(ring.latest().last().map_or(0, |last| last.at_us + 1));
            let picture = Picture::new(is_key, at_us, unit);
            ring.push(picture.clone());
            let _ = self.parts.send(StreamPart::Picture(picture));
        });
        self.tell(State::Flows);
    }

    /// The decoder configuration, once it is known.
    pub fn format(&self) -> Option<Arc<Format>> {
        self.ring(|ring| ring.format().cloned())
    }

    /// The last keyframe, with its decoder configuration.
    pub fn key(&self) -> Option<(Arc<Format>, Picture)> {
        self.ring(|ring| Some((ring.format()?.clone(), ring.latest().next()?.clone())))
    }

    /// Starts a recording. Returns the decoder configuration, the pictures since `at_us`, and a
    /// feed of the pictures that follow.
    pub fn record(&self, at_us: u64) -> Option<(Arc<Format>, Vec<Picture>, RecordingFeed)> {
        self.ring(|ring| {
            Some((ring.format()?.clone(), ring.since(at_us), RecordingFeed(self.parts.subscribe())))
        })
    }

    /// Adds a viewer. It first gets the last keyframe and the pictures after it.
    pub fn watch(&self) -> Viewer {
        self.ring(|ring| {
            let before: VecDeque<StreamPart> = ring
                .format()
                .map(|format| StreamPart::Format(format.clone()))
                .into_iter()
                .chain(ring.latest().map(|picture| StreamPart::Picture(picture.clone())))
                .collect();
            let mut pace = Pace::default();
            if before.len() > 1 {
                pace.flows();
            }
            Viewer {
                before,
                since: instant(),
                parts: self.parts.subscribe(),
                pace,
                clock: self.clock.clone(),
            }
        })
    }
}

/// Every picture as it arrives, until the decoder configuration changes.
pub struct RecordingFeed(broadcast::Receiver<StreamPart>);

impl RecordingFeed {
    /// The next picture. `None` if the stream ended, the decoder configuration changed, or a
    /// picture was missed.
    pub async fn next(&mut self) -> Option<Picture> {
        match self.0.recv().await {
            Ok(StreamPart::Picture(picture)) => Some(picture),
            Ok(StreamPart::Format(_)) | Err(_) => None,
        }
    }
}

/// A viewer.
pub struct Viewer {
    /// What arrived before it connected.
    before: VecDeque<StreamPart>,
    /// When it connected.
    since: Instant,
    parts: broadcast::Receiver<StreamPart>,
    pace: Pace,
    clock: Arc<Clock>,
}

impl Viewer {
    /// The next message. `None` if the camera was replaced or removed.
    pub async fn next(&mut self) -> Option<Sent> {
        if !self.before.is_empty() && self.since.elapsed() > CATCHES_UP_WITHIN {
            self.before.clear();
            self.pace.gap();
        }
        loop {
            if let Some(part) = self.before.pop_front() {
                return Some(match part {
                    StreamPart::Format(format) => Sent::Format(format),
                    StreamPart::Picture(picture) => Sent::Picture(picture.as_before()),
                });
            }
            match self.parts.recv().await {
                Ok(StreamPart::Format(format)) => {
                    self.pace.gap();
                    return Some(Sent::Format(format));
                }
                Ok(StreamPart::Picture(picture)) => {
                    let waited_us =
                        (self.clock.now().as_millis() * 1_000).saturating_sub(picture.at_us);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::clock::Machine;

    fn stream() -> Stream {
        let stream = Stream::new(Arc::new(Clock::new(Machine)));
        stream.reformat(Format {
            codec: String::new(),
            description: String::new(),
            width: 1,
            height: 1,
        });
        stream
    }

    async fn pictures(viewer: &mut Viewer, count: usize) -> Vec<Bytes> {
        let mut all = Vec::new();
        while all.len() < count {
            if let Some(Sent::Picture(picture)) = viewer.next().await {
                all.push(picture);
            }
        }
        all
    }

    /// Security 7: each viewer had a copy of up to 32 MB.
    #[tokio::test]
    async fn viewers_share_the_pictures_from_before() {
        let stream = stream();
        for n in 0..3 {
            stream.push(n == 0, &[n; 1_000]);
        }
        let (mut one, mut other) = (stream.watch(), stream.watch());
        let (of_one, of_other) = (pictures(&mut one, 3).await, pictures(&mut other, 3).await);
        assert_eq!(of_one, of_other);
        for (one, other) in of_one.iter().zip(&of_other) {
            assert_eq!(one.as_ptr(), other.as_ptr(), "it is the same memory");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn viewer_that_catches_up_too_slowly_goes_on_with_a_keyframe() {
        let stream = stream();
        for n in 0..3 {
            stream.push(n == 0, &[n; 10]);
        }
        let mut viewer = stream.watch();
        assert_eq!(pictures(&mut viewer, 1).await[0][9..], [0; 10]);
        tokio::time::advance(CATCHES_UP_WITHIN * 2).await;
        stream.push(false, &[3; 10]);
        stream.push(true, &[4; 10]);
        assert_eq!(pictures(&mut viewer, 1).await[0][9..], [4; 10]);
    }
}
