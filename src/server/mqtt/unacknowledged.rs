//! The messages of buttons that the broker has delivered and that are not acknowledged to it. A press
//! is acknowledged once its request is stored: until then the broker keeps it, and delivers it again
//! to a server that was killed (I10).

use super::broker::Receipt;
use crate::server::clock::{instant, sleep_until};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::{sync::oneshot, time::Instant};

/// The most messages that wait for an earlier one, whose request is not stored yet. A broker sends no
/// more than about ten or twenty unacknowledged messages, and a code must not wait behind presses that
/// a full disk holds up. Beyond that, the earliest is acknowledged although a loss of power loses it.
const HELD_MOST: usize = 8;

/// How long so many may wait before the earliest is acknowledged: a disk that works stores all that
/// come at once after a reconnect in less.
const STORED_WITHIN: Duration = Duration::from_secs(1);

/// Says what became of a press. A press that is dropped without a word is done.
#[derive(Debug)]
pub struct Taken(oneshot::Sender<Became>);

/// What became of a press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    /// It is stored, or given up: the broker may forget it.
    Done,
    /// The server ends, and the broker keeps it for the next one.
    Left,
}

impl Taken {
    /// A press that is taken now, and what waits until it is done.
    pub(super) fn new() -> (Self, Undone) {
        let (done, undone) = oneshot::channel();
        (Self(done), Undone(undone))
    }

    /// The press is stored, or given up.
    pub fn done(self) {
        // If nobody waits, it is not from a connection that acknowledges.
        let _ = self.0.send(Became::Done);
    }

    /// The server ends before the press is stored.
    pub fn left(self) {
        let _ = self.0.send(Became::Left);
    }
}

/// Waits until a press is done.
#[derive(Debug)]
pub(super) struct Undone(oneshot::Receiver<Became>);

/// The messages that are not acknowledged.
#[derive(Default)]
pub(super) struct Unacknowledged {
    /// Those of this connection, in the order in which they came: MQTT wants them to be acknowledged
    /// in that order. `None` for a message that is no press.
    open: VecDeque<(Receipt, Option<Undone>)>,
    /// Since when there are more than [`HELD_MOST`].
    full_since: Option<Instant>,
    /// Presses of earlier connections in the same session, by the id that the broker uses until they
    /// are acknowledged.
    earlier: BTreeMap<u16, Undone>,
}

impl Unacknowledged {
    /// The connection has ended. What it has not acknowledged comes again on the next one.
    pub fn disconnected(&mut self) {
        let open = self.open.drain(..);
        let presses =
            open.filter_map(|(receipt, undone)| undone.map(|undone| (receipt.id, undone)));
        self.earlier.extend(presses);
        self.full_since = None;
    }

    /// A connection is open in a new session, in which nothing comes again.
    pub fn forget(&mut self) {
        self.earlier.clear();
    }

    /// Whether this press was taken on an earlier connection. It is then acknowledged when that is
    /// done, and must not be taken again.
    pub fn was_taken(&mut self, receipt: Receipt) -> bool {
        let earlier = self.earlier.remove(&receipt.id).filter(|_| receipt.is_again);
        let is_taken = earlier.is_some();
        if is_taken {
            self.push(receipt, earlier);
        }
        is_taken
    }

    /// A message was handled, or its press was taken.
    pub fn push(&mut self, receipt: Receipt, undone: Option<Undone>) {
        self.open.push_back((receipt, undone));
        if self.open.len() > HELD_MOST {
            self.full_since.get_or_insert_with(instant);
        }
    }

    /// Whether nothing waits to be acknowledged.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Waits for the next message to acknowledge: forever, if there is none. `None` if the server leaves
    /// the rest to the next one. Nothing is lost if this is dropped where it waits.
    pub async fn next(&mut self) -> Option<Receipt> {
        let too_long = self.full_since.map(|since| since + STORED_WITHIN);
        match self.open.front_mut() {
            Some((_, Some(undone))) => tokio::select! {
                biased;
                became = &mut undone.0 => if became == Ok(Became::Left) {
                    self.open.clear();
                    return None;
                },
                () = sleep_until(too_long) => {}
            },
            Some(_) => {}
            None => return std::future::pending().await,
        }
        let earliest = self.open.pop_front();
        if self.open.len() <= HELD_MOST {
            self.full_since = None;
        }
        earliest.map(|(receipt, _)| receipt)
    }
}
