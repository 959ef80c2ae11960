//! Keeps streams open while they have viewers and for a short time after, or while the settings
//! keep them open. Reconnects after a failure.

use super::picture::Format;
use super::{
    Cameras, Id, Source,
    demo_stream::{self, DemoStream},
    rtsp,
    stream::{State, Stream},
};
use crate::{
    api::cameras::StreamTrouble,
    domain::{camera::Keep, id::CameraId},
    server::{
        clock::instant,
        homes::Homes,
        tasks::{backoff, contained, contained_now},
    },
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::watch;

/// How often a stream's viewers are counted.
const TICK: Duration = Duration::from_secs(1);
/// How long a stream stays open after its last viewer has left, so that a viewer who returns sees a
/// picture at once.
const WARM: Duration = Duration::from_secs(30);
/// The first backoff before a reconnect. It doubles up to [`PAUSE_MOST`].
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest backoff before a reconnect.
const PAUSE_MOST: Duration = Duration::from_secs(30);
/// The pause after a wrong password, because cameras lock out clients that try too often.
const PAUSE_LOGIN: Duration = Duration::from_secs(60);
/// An attempt that lasted longer than this resets the backoff.
const WENT_WELL: Duration = Duration::from_secs(10);

/// Opens the streams that the settings keep open without viewers, until the server stops.
pub async fn keep_what_is_wanted(
    cameras: Arc<Cameras>,
    homes: Arc<Homes>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        for home in homes
            .all()
            .iter()
            .filter(|home| home.cameras.iter().any(|camera| camera.keep != Keep::OnDemand))
        {
            contained_now("cameras", &home.id, || cameras.review(home));
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Runs a stream until it is no longer wanted, is replaced, or the server stops.
pub async fn keep(
    cameras: Weak<Cameras>,
    id: Id,
    stream: Arc<Stream>,
    source: Source,
    mut stop: watch::Receiver<bool>,
    mut ended: watch::Receiver<bool>,
) {
    let wanted = wanted(cameras, id.clone(), stream.clone());
    let going = go_on(&id, &stream, &source);
    tokio::select! {
        () = going => {}
        () = wanted => {}
        _ = stop.wait_for(|stop| *stop) => {}
        // Also when the sender is dropped, because the stream was replaced.
        _ = ended.wait_for(|ended| *ended) => {}
    }
}

/// Returns when the stream has not been wanted for [`WARM`].
async fn wanted(cameras: Weak<Cameras>, id: Id, stream: Arc<Stream>) {
    let mut alone = Duration::ZERO;
    loop {
        tokio::time::sleep(TICK).await;
        let Some(cameras) = cameras.upgrade() else { return };
        let kept = stream.viewers() > 0 || cameras.wants(&id);
        alone = if kept { Duration::ZERO } else { alone + TICK };
        if alone >= WARM && cameras.forget(&id, &stream) {
            return;
        }
    }
}

/// Fetches pictures. Reconnects after each failure, with backoff.
async fn go_on((home, camera, size): &Id, stream: &Stream, source: &Source) {
    let mut pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
    let mut told = None;
    loop {
        stream.tell(State::Connecting);
        let began = instant();
        let attempt = async {
            match source {
                Source::Rtsp(address) => rtsp::play(address, stream, rtsp::KEY_WITHIN).await,
                Source::DemoStream(id) => turn(id, stream).await,
            }
        };
        // What a camera sends must not end its stream for good, whatever a parser makes of it.
        let trouble = contained("camera", format!("{home}/{camera}"), attempt)
            .await
            .unwrap_or(StreamTrouble::Lost);
        stream.tell(State::Failed(trouble));
        if began.elapsed() > WENT_WELL {
            (pauses, told) = (backoff(PAUSE_FIRST, PAUSE_MOST), None);
        }
        // One line each time that the reason changes.
        if told.replace(trouble) != Some(trouble) {
            tracing::warn!(%home, %camera, ?size, ?trouble, "no pictures come from a camera");
            if trouble == StreamTrouble::NotAllowed {
                tracing::warn!(%home, %camera, "its address needs a network in cameras.allow of the configuration");
            }
        }
        let pause = pauses.next().unwrap_or(PAUSE_MOST);
        tokio::time::sleep(if trouble == StreamTrouble::WrongLogin { PAUSE_LOGIN } else { pause })
            .await;
    }
}

/// Plays a demo stream forever.
async fn turn(camera: &CameraId, stream: &Stream) -> StreamTrouble {
    let Some(demo) = demo_stream::of(camera.as_str()) else { return StreamTrouble::NoVideo };
    stream.reformat(Format::clone(&demo.format));
    let mut tick = tokio::time::interval(DemoStream::pause());
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    for number in 0.. {
        tick.tick().await;
        let (is_key, unit) = demo.unit(number);
        stream.push(is_key, unit);
    }
    StreamTrouble::Lost
}
