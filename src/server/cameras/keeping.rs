//! Keeps streams going: while somebody looks and a moment longer, or while they are wanted; and begins again what ended.

use super::picture::Format;
use super::{
    Cameras, Id, Source,
    reel::{self, Reel},
    rtsp,
    stream::{State, Stream},
};
use crate::{
    api::cameras::StreamTrouble,
    domain::{camera::Keep, id::CameraId},
    server::{App, clock::instant},
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::watch;

/// How often it is looked whether anybody still looks.
const TICK: Duration = Duration::from_secs(1);
/// How long pictures still come after the last viewer has gone: whoever comes back sees one at once.
const WARM: Duration = Duration::from_secs(30);
/// The first pause before a camera is asked again; it doubles up to [`PAUSE_MOST`].
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest pause before a camera is asked again.
const PAUSE_MOST: Duration = Duration::from_secs(30);
/// The pause after a wrong password: cameras lock out who tries too often.
const PAUSE_LOGIN: Duration = Duration::from_secs(60);
/// Pictures that came for so long make the next pause the first again.
const WENT_WELL: Duration = Duration::from_secs(10);

/// Begins streams that are wanted though nobody looks, until the server stops.
pub async fn keep_what_is_wanted(app: Arc<App>) {
    let mut stop = app.stop.clone();
    loop {
        for home in app.homes.all().iter().filter(|home| home.cameras.iter().any(|camera| camera.keep != Keep::OnDemand)) {
            app.cameras.review(home);
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Keeps a stream going for as long as anybody looks, and a moment longer.
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
        // Also when what was kept was replaced.
        _ = ended.wait_for(|ended| *ended) => {}
    }
}

/// Comes back when nobody has looked for a while.
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

/// Fetches pictures, again and again.
async fn go_on((home, camera, size): &Id, stream: &Stream, source: &Source) {
    let mut pause = PAUSE_FIRST;
    let mut told = None;
    loop {
        stream.tell(State::Connecting);
        let began = instant();
        let trouble = match source {
            Source::Rtsp(address) => rtsp::play(address, stream, rtsp::KEY_WITHIN).await,
            Source::Reel(id) => turn(id, stream).await,
        };
        stream.tell(State::Failed(trouble));
        if began.elapsed() > WENT_WELL {
            (pause, told) = (PAUSE_FIRST, None);
        }
        // One line each time that it is another one.
        if told.replace(trouble) != Some(trouble) {
            tracing::warn!(%home, %camera, ?size, ?trouble, "no pictures come from a camera");
        }
        let wait = if trouble == StreamTrouble::WrongLogin { PAUSE_LOGIN } else { jittered(pause) };
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(PAUSE_MOST);
    }
}

/// Half of the pause and up to all of it: many cameras behind one switch do not come back at the same moment.
fn jittered(pause: Duration) -> Duration {
    let share = getrandom::u32().unwrap_or_default();
    pause / 2 + (pause / 2).mul_f64(f64::from(share) / f64::from(u32::MAX))
}

/// Turns a reel for ever.
async fn turn(camera: &CameraId, stream: &Stream) -> StreamTrouble {
    let Some(reel) = reel::of(camera.as_str()) else { return StreamTrouble::NoVideo };
    stream.reformat(Format::clone(&reel.format));
    let mut tick = tokio::time::interval(Reel::pause());
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    for number in 0.. {
        tick.tick().await;
        let (is_key, unit) = reel.unit(number);
        stream.push(is_key, unit);
    }
    StreamTrouble::Lost
}
