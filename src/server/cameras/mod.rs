//! Cameras: one connection to each that anybody looks at, shared by all who look. A camera that is down disturbs nothing else.

mod clip;
mod film;
mod picture;
mod reel;
mod rtsp;
mod seal;
mod still;
mod stream;

pub use clip::Clips;
pub use film::Film;
pub use picture::Format;
use seal::Seal;
pub use stream::{Sent, State, Viewer};

use crate::{
    api::cameras::{StreamTrouble, Tried},
    domain::{
        camera::{Camera, Keep},
        home::Home,
        id::{CameraId, HomeId},
    },
    server::{
        App,
        clock::{Clock, instant},
        config::Config,
        hub::Hub,
    },
};
use axum::body::Bytes;
use reel::Reel;
use rtsp::Address;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use stream::Stream;
use tokio::sync::watch;
use webauthn_rs::prelude::Url;

/// How long pictures still come after the last viewer has gone: whoever comes back sees one at once.
const WARM: Duration = Duration::from_secs(30);
/// How often it is looked whether anybody still looks.
const TICK: Duration = Duration::from_secs(1);
/// The first pause before a camera is asked again; it doubles up to [`PAUSE_MOST`].
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest pause before a camera is asked again.
const PAUSE_MOST: Duration = Duration::from_secs(30);
/// The pause after a wrong password: cameras lock out who tries too often.
const PAUSE_LOGIN: Duration = Duration::from_secs(60);
/// Pictures that came for so long make the next pause the first again.
const WENT_WELL: Duration = Duration::from_secs(10);
/// A still that is younger is not made anew, microseconds.
const STILL_US: u64 = 10_000_000;
/// How long an owner waits for a camera that is tried.
const TRY_WITHIN: Duration = Duration::from_millis(4_500);

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Rtsp(Address),
    /// A demo's camera.
    Reel(CameraId),
}

/// A stream with where it comes from, and the end of whoever keeps it.
struct Kept {
    source: Source,
    keep: Keep,
    stream: Arc<Stream>,
    end: watch::Sender<bool>,
}

/// All cameras that anybody looks at.
pub struct Cameras {
    clock: Arc<Clock>,
    hub: Arc<Hub>,
    seal: Seal,
    demo: bool,
    ffmpeg: Option<PathBuf>,
    stop: watch::Receiver<bool>,
    kept: Mutex<HashMap<(HomeId, CameraId), Kept>>,
    /// The latest still of each camera, and when it was taken.
    stills: Mutex<HashMap<(HomeId, CameraId), (u64, Bytes)>>,
    /// One is made at a time.
    making: tokio::sync::Mutex<()>,
}

impl Cameras {
    /// None yet.
    pub fn new(config: &Config, clock: Arc<Clock>, hub: Arc<Hub>, stop: watch::Receiver<bool>) -> Arc<Self> {
        let seal = Seal::new(&config.data);
        let (demo, ffmpeg, making) = (config.demo, config.ffmpeg.clone(), tokio::sync::Mutex::default());
        Arc::new(Self { clock, hub, seal, demo, ffmpeg, stop, kept: Mutex::default(), stills: Mutex::default(), making })
    }

    /// Whether there is a stream of a camera.
    pub fn has_stream(&self, camera: &Camera) -> bool {
        camera.stream.is_some() || self.reel(camera)
    }

    fn reel(&self, camera: &Camera) -> bool {
        self.demo && camera.stream.is_none() && reel::still(camera.id.as_str()).is_some()
    }

    fn source(&self, home: &HomeId, camera: &Camera) -> Option<Source> {
        let Some(address) = &camera.stream else { return self.reel(camera).then(|| Source::Reel(camera.id.clone())) };
        let url = Url::parse(address.as_str()).ok()?;
        let login = camera.login.as_ref().and_then(|sealed| {
            let login = self.seal.unseal(&place(home, &camera.id), sealed)?;
            login.split_once('\n').map(|(user, password)| (user.to_owned(), password.to_owned()))
        });
        Some(Source::Rtsp(Address { url, login }))
    }

    /// Seals how one signs in to a camera.
    ///
    /// # Errors
    /// A key that cannot be read or made.
    pub fn seal(&self, home: &HomeId, camera: &CameraId, user: &str, password: &str) -> std::io::Result<String> {
        self.seal.seal(&place(home, camera), &format!("{user}\n{password}"))
    }

    /// Looks at a camera from now on; `None` where it has no stream.
    pub fn watch(self: &Arc<Self>, home: &HomeId, camera: &Camera) -> Option<Viewer> {
        let source = self.source(home, camera)?;
        Some(self.stream(home, camera, source).watch())
    }

    /// The stream of a camera; it is begun where there is none, or where it comes from elsewhere now.
    fn stream(self: &Arc<Self>, home: &HomeId, camera: &Camera, source: Source) -> Arc<Stream> {
        let id = (home.clone(), camera.id.clone());
        let mut kept = self.kept.lock().expect("no holder panics");
        if let Some(known) = kept.get_mut(&id).filter(|known| known.source == source) {
            known.keep = camera.keep;
            return known.stream.clone();
        }
        let stream = Arc::new(Stream::new(self.clock.clone()));
        let (end, ended) = watch::channel(false);
        tokio::spawn(keep(Arc::downgrade(self), id.clone(), stream.clone(), source.clone(), self.stop.clone(), ended));
        // What was kept before ends with its sender, and whoever looked comes back.
        kept.insert(id, Kept { source, keep: camera.keep, stream: stream.clone(), end });
        stream
    }

    /// A home is set up in another way now: cameras that are gone, or elsewhere, end; those that are wanted begin.
    pub fn review(self: &Arc<Self>, home: &Home) {
        let ended: Vec<_> = {
            let mut kept = self.kept.lock().expect("no holder panics");
            let holds = |id: &CameraId, kept: &Kept| {
                home.camera(id).and_then(|camera| self.source(&home.id, camera)).as_ref() == Some(&kept.source)
            };
            let gone: Vec<_> = kept.iter().filter(|((of, id), one)| *of == home.id && !holds(id, one)).map(|(id, _)| id.clone()).collect();
            gone.iter().filter_map(|id| kept.remove(id)).collect()
        };
        // What a camera showed that is gone, or is another one now, is not shown for the one that is there.
        let is_there = |id: &CameraId| home.camera(id).is_some_and(|camera| camera.stream.is_some());
        self.stills.lock().expect("no holder panics").retain(|(of, id), _| *of != home.id || is_there(id) && ended.is_empty());
        for kept in ended {
            // Whoever keeps it may have ended by itself.
            let _ = kept.end.send(true);
        }
        for camera in home.cameras.iter().filter(|camera| self.is_kept(&home.id, camera.keep)) {
            if let Some(source) = self.source(&home.id, camera) {
                self.stream(&home.id, camera, source);
            }
        }
    }

    /// Whether pictures of a stream are fetched though nobody looks.
    fn wants(&self, id: &(HomeId, CameraId)) -> bool {
        let kept = self.kept.lock().expect("no holder panics");
        kept.get(id).is_some_and(|kept| self.is_kept(&id.0, kept.keep))
    }

    fn is_kept(&self, home: &HomeId, keep: Keep) -> bool {
        match keep {
            Keep::OnDemand => false,
            Keep::WhileHomeIsOpen => self.hub.is_open(home),
            Keep::Always => true,
        }
    }

    /// How a camera's stream is; nothing where nobody looks.
    pub fn state(&self, home: &HomeId, camera: &CameraId) -> Option<State> {
        let kept = self.kept.lock().expect("no holder panics");
        kept.get(&(home.clone(), camera.clone())).map(|kept| *kept.stream.state().borrow())
    }

    /// Asks a camera for a picture, apart from everybody who looks.
    pub async fn try_out(&self, home: &HomeId, camera: &Camera) -> Option<Tried> {
        let address = match self.source(home, camera)? {
            Source::Rtsp(address) => address,
            Source::Reel(id) => {
                let Format { width, height, .. } = *reel::of(id.as_str())?.format;
                return Some(Tried { width, height, trouble: None });
            }
        };
        let stream = Stream::new(self.clock.clone());
        Some(match rtsp::look(&address, &stream, TRY_WITHIN).await {
            Ok((width, height)) => Tried { width, height, trouble: None },
            Err(trouble) => Tried { trouble: Some(trouble), ..Tried::default() },
        })
    }

    /// The latest still of a camera, JPEG: of a real one where there is an ffmpeg, and where somebody has looked at it.
    pub async fn still(&self, home: &HomeId, camera: &Camera) -> Option<Bytes> {
        if self.reel(camera) {
            return reel::still(camera.id.as_str()).map(Bytes::from_static);
        }
        let (ffmpeg, id) = (self.ffmpeg.as_ref()?, (home.clone(), camera.id.clone()));
        let _alone = self.making.lock().await;
        let known = self.known_still(&id);
        let newest = self.open(home, &camera.id).and_then(|stream| stream.key());
        if let Some((format, picture)) = newest
            && known.as_ref().is_none_or(|(at_us, _)| picture.at_us > at_us + STILL_US)
        {
            match still::jpeg(ffmpeg, &format, &picture).await {
                Ok(still) => {
                    self.stills.lock().expect("no holder panics").insert(id, (picture.at_us, still.clone()));
                    return Some(still);
                }
                Err(error) => tracing::warn!(%home, camera = %camera.id, %error, "a still could not be made"),
            }
        }
        known.map(|(_, still)| still)
    }

    /// Whether there is a still of a camera, or can be at once.
    pub fn has_still(&self, home: &HomeId, camera: &Camera) -> bool {
        let makes = || self.ffmpeg.is_some() && self.state(home, &camera.id) == Some(State::Flows);
        self.reel(camera) || self.known_still(&(home.clone(), camera.id.clone())).is_some() || makes()
    }

    fn known_still(&self, id: &(HomeId, CameraId)) -> Option<(u64, Bytes)> {
        self.stills.lock().expect("no holder panics").get(id).cloned()
    }

    /// The stream, if anybody looks.
    fn open(&self, home: &HomeId, camera: &CameraId) -> Option<Arc<Stream>> {
        let kept = self.kept.lock().expect("no holder panics");
        kept.get(&(home.clone(), camera.clone())).map(|kept| kept.stream.clone())
    }

    /// Forgets a stream that nobody looks at; false if somebody does.
    fn forget(&self, id: &(HomeId, CameraId), stream: &Arc<Stream>) -> bool {
        let mut kept = self.kept.lock().expect("no holder panics");
        let idle = stream.viewers() == 0;
        if idle && kept.get(id).is_some_and(|kept| Arc::ptr_eq(&kept.stream, stream)) {
            kept.remove(id);
        }
        idle
    }
}

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

/// For which place a login is sealed.
fn place(home: &HomeId, camera: &CameraId) -> String {
    format!("{home}/{camera}")
}

/// Keeps a stream going for as long as anybody looks, and a moment longer.
async fn keep(
    cameras: std::sync::Weak<Cameras>,
    id: (HomeId, CameraId),
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
async fn wanted(cameras: std::sync::Weak<Cameras>, id: (HomeId, CameraId), stream: Arc<Stream>) {
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
async fn go_on((home, camera): &(HomeId, CameraId), stream: &Stream, source: &Source) {
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
            tracing::warn!(%home, %camera, ?trouble, "no pictures come from a camera");
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
