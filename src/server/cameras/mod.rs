//! Cameras. Each camera stream has one connection, shared by all viewers. A camera that is down
//! affects nothing else.

mod credentials;
mod demo_stream;
mod fmp4;
mod onvif;
mod picture;
mod recording;
mod rtsp;
mod session;
mod settings;
mod still;
mod stream;

use credentials::Credentials;
pub use credentials::FILE as KEY;
pub use fmp4::Fmp4;
use onvif::Onvif;
pub use picture::Format;
pub use recording::Clips;
pub use session::keep_what_is_wanted;
pub use settings::Settings;
pub use stream::{Sent, State, Viewer};

use crate::{
    api::cameras::{AskOffers, Found, Offers, StreamTrouble, Tried},
    domain::{
        camera::{Camera, Keep},
        home::{Home, edit::ErrorCode},
        id::{CameraId, HomeId},
    },
    server::{
        clock::Clock,
        live_events::LiveEvents,
        tasks::{contained, spawn_restarted},
    },
};
use axum::body::Bytes;
use rtsp::Address;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use stream::Stream;
use tokio::sync::watch;
use url::Url;

/// A new still is made only from a picture that is newer than the last still by more than this,
/// microseconds.
const STILL_US: u64 = 10_000_000;
/// The timeout when an owner tests a camera.
const TRY_WITHIN: Duration = Duration::from_millis(4_500);

/// The source of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Rtsp(Address),
    /// A camera of the demo.
    DemoStream(CameraId),
}

/// One of a camera's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Size {
    Whole,
    /// Smaller pictures, for small screens.
    Small,
}

/// The widest screen that gets the small stream, CSS pixels.
const SMALL_MOST: u16 = 640;

/// Identifies a stream.
type Id = (HomeId, CameraId, Size);

/// An open stream with its source, and the sender that ends its task.
struct Kept {
    source: Source,
    keep: Keep,
    stream: Arc<Stream>,
    end: watch::Sender<bool>,
}

/// All open camera streams.
pub struct Cameras {
    clock: Arc<Clock>,
    live_events: Arc<LiveEvents>,
    credentials: Credentials,
    settings: Arc<Settings>,
    onvif: Onvif,
    demo: bool,
    ffmpeg: Option<PathBuf>,
    stop: watch::Receiver<bool>,
    kept: Mutex<HashMap<Id, Kept>>,
    /// The latest still of each camera, and when it was taken.
    stills: Mutex<HashMap<(HomeId, CameraId), (u64, Bytes)>>,
    /// Held while a still is made: one at a time.
    making: tokio::sync::Mutex<()>,
    /// Held during a search of the network: one at a time.
    searching: tokio::sync::Mutex<()>,
}

/// What cameras use of the rest of the configuration.
pub struct CameraOptions {
    /// Whether the demo's streams play.
    pub demo: bool,
    /// The program that makes stills, if there is one.
    pub ffmpeg: Option<PathBuf>,
    /// The data folder.
    pub data: PathBuf,
}

impl Cameras {
    /// Creates the service, without an open stream.
    pub fn new(
        mut settings: Settings,
        options: CameraOptions,
        clock: Arc<Clock>,
        live_events: Arc<LiveEvents>,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let CameraOptions { demo, ffmpeg, data } = options;
        let credentials = Credentials::new(&data);
        if demo && settings.search.is_empty() {
            // The demo searches only this machine.
            settings.search.push(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let settings = Arc::new(settings);
        let (making, searching) = Default::default();
        Arc::new(Self {
            clock,
            live_events,
            credentials,
            onvif: Onvif::new(settings.clone()),
            settings,
            demo,
            ffmpeg,
            stop,
            kept: Mutex::default(),
            stills: Mutex::default(),
            making,
            searching,
        })
    }

    /// Whether a camera has a stream.
    pub fn has_stream(&self, camera: &Camera) -> bool {
        camera.stream.is_some() || self.has_demo_stream(camera)
    }

    fn has_demo_stream(&self, camera: &Camera) -> bool {
        self.demo && camera.stream.is_none() && demo_stream::still(camera.id.as_str()).is_some()
    }

    /// The camera settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Searches the network and returns the cameras that answer.
    pub async fn search(&self) -> Vec<Found> {
        let _alone = self.searching.lock().await;
        self.onvif.search().await
    }

    /// Whether cameras may belong to a host.
    ///
    /// # Errors
    /// Why not.
    pub fn judge_host(&self, host: &str) -> Result<(), ErrorCode> {
        Ok(self.settings.reach.judge_host(host)?)
    }

    /// Asks a camera for its streams.
    pub async fn offers(&self, AskOffers { address, user, password }: AskOffers) -> Offers {
        let login = (!user.trim().is_empty()).then(|| (user.trim().to_owned(), password));
        match self.onvif.offers(&address, login).await {
            Ok(streams) => Offers { streams, trouble: None },
            Err(trouble) => Offers { streams: Vec::new(), trouble: Some(trouble) },
        }
    }

    fn source(&self, home: &HomeId, camera: &Camera, size: Size) -> Option<Source> {
        let address = match size {
            Size::Whole if self.has_demo_stream(camera) => {
                return Some(Source::DemoStream(camera.id.clone()));
            }
            Size::Whole => camera.stream.as_ref()?,
            Size::Small => camera.small.as_ref()?,
        };
        let url = Url::parse(address.as_str()).ok()?;
        let login = camera.login.as_ref().and_then(|sealed| {
            let login = self.credentials.unseal(&place(home, &camera.id), sealed)?;
            login.split_once('\n').map(|(user, password)| (user.to_owned(), password.to_owned()))
        });
        Some(Source::Rtsp(Address { url, login, settings: self.settings.clone() }))
    }

    /// Seals the user name and password of a camera.
    ///
    /// # Errors
    /// A key that cannot be read or made.
    pub fn seal(
        &self,
        home: &HomeId,
        camera: &CameraId,
        user: &str,
        password: &str,
    ) -> std::io::Result<String> {
        self.credentials.seal(&place(home, camera), &format!("{user}\n{password}"))
    }

    /// Adds a viewer whose screen is `width` CSS pixels wide. Returns `None` if the camera has no
    /// stream.
    pub fn watch(self: &Arc<Self>, home: &HomeId, camera: &Camera, width: u16) -> Option<Viewer> {
        let size =
            if camera.small.is_some() && width <= SMALL_MOST { Size::Small } else { Size::Whole };
        let source = self.source(home, camera, size)?;
        Some(self.stream(home, camera, size, source).watch())
    }

    /// Returns a camera's stream. Opens it if it is not open, or if its source has changed.
    fn stream(
        self: &Arc<Self>,
        home: &HomeId,
        camera: &Camera,
        size: Size,
        source: Source,
    ) -> Arc<Stream> {
        let id = (home.clone(), camera.id.clone(), size);
        let mut kept = self.kept.lock().expect("no holder panics");
        if let Some(known) = kept.get_mut(&id).filter(|known| known.source == source) {
            known.keep = camera.keep;
            return known.stream.clone();
        }
        let stream = Arc::new(Stream::new(self.clock.clone()));
        let (end, ended) = watch::channel(false);
        let (cameras, of, kept_stream, from, stop) =
            (Arc::downgrade(self), id.clone(), stream.clone(), source.clone(), self.stop.clone());
        spawn_restarted("camera", format!("{}/{}", id.0, id.1), move || {
            let (cameras, of, stream) = (cameras.clone(), of.clone(), kept_stream.clone());
            session::keep(cameras, of, stream, from.clone(), stop.clone(), ended.clone())
        });
        // This drops the sender of the old stream. The old stream ends, and its viewers reconnect.
        kept.insert(id, Kept { source, keep: camera.keep, stream: stream.clone(), end });
        stream
    }

    /// Applies the current settings of a home: ends the streams of cameras that are gone or have
    /// another source, and opens the streams that are kept open.
    pub fn review(self: &Arc<Self>, home: &Home) {
        let ended: Vec<_> = {
            let mut kept = self.kept.lock().expect("no holder panics");
            let holds = |id: &CameraId, size: Size, kept: &Kept| {
                home.camera(id).and_then(|camera| self.source(&home.id, camera, size)).as_ref()
                    == Some(&kept.source)
            };
            let others = kept
                .iter()
                .filter(|((of, id, size), one)| *of == home.id && !holds(id, *size, one));
            let gone: Vec<_> = others.map(|(id, _)| id.clone()).collect();
            gone.iter().filter_map(|id| kept.remove(id)).collect()
        };
        // A still of a removed or replaced camera must not be shown for the current one.
        let is_there =
            |id: &CameraId| home.camera(id).is_some_and(|camera| camera.stream.is_some());
        self.stills
            .lock()
            .expect("no holder panics")
            .retain(|(of, id), _| *of != home.id || is_there(id) && ended.is_empty());
        for kept in ended {
            // The task may have ended by itself.
            let _ = kept.end.send(true);
        }
        for camera in home.cameras.iter().filter(|camera| self.is_kept(&home.id, camera.keep)) {
            for size in [Size::Whole, Size::Small] {
                if let Some(source) = self.source(&home.id, camera, size) {
                    self.stream(&home.id, camera, size, source);
                }
            }
        }
    }

    /// Whether a stream stays open without viewers.
    fn wants(&self, id: &Id) -> bool {
        let kept = self.kept.lock().expect("no holder panics");
        kept.get(id).is_some_and(|kept| self.is_kept(&id.0, kept.keep))
    }

    fn is_kept(&self, home: &HomeId, keep: Keep) -> bool {
        match keep {
            Keep::OnDemand => false,
            Keep::WhileHomeIsOpen => self.live_events.is_open(home),
            Keep::Always => true,
        }
    }

    /// The state of a camera's stream. `None` if no stream is open, or only a small one without
    /// pictures.
    pub fn state(&self, home: &HomeId, camera: &CameraId) -> Option<State> {
        self.open(home, camera).map(|stream| *stream.state().borrow())
    }

    /// Tests a camera's streams, on connections that no viewer shares. Returns `None` if the camera
    /// has no stream.
    pub async fn try_out(&self, home: &HomeId, camera: &Camera) -> Option<Tried> {
        let whole = self.source(home, camera, Size::Whole)?;
        let small = self.source(home, camera, Size::Small);
        let place = place(home, &camera.id);
        let (whole, small) = tokio::join!(self.probe(&place, &whole), async {
            Some(self.probe(&place, small.as_ref()?).await)
        });
        Some(match (whole, small) {
            (Err(trouble), _) | (_, Some(Err(trouble))) => {
                Tried { trouble: Some(trouble), ..Tried::default() }
            }
            (Ok((width, height)), _) => Tried { width, height, trouble: None },
        })
    }

    async fn probe(&self, place: &str, source: &Source) -> Result<(u32, u32), StreamTrouble> {
        match source {
            Source::Rtsp(address) => {
                let stream = Stream::new(self.clock.clone());
                // Whatever a parser makes of the pictures, the owner gets an answer.
                contained("camera", place, rtsp::probe(address, &stream, TRY_WITHIN))
                    .await
                    .unwrap_or(Err(StreamTrouble::Lost))
            }
            Source::DemoStream(id) => {
                let format = &demo_stream::of(id.as_str()).ok_or(StreamTrouble::NoVideo)?.format;
                Ok((format.width, format.height))
            }
        }
    }

    /// The latest still of a camera, JPEG. A real camera has one only if ffmpeg is configured and
    /// its stream was open.
    pub async fn still(&self, home: &HomeId, camera: &Camera) -> Option<Bytes> {
        if self.has_demo_stream(camera) {
            return demo_stream::still(camera.id.as_str()).map(Bytes::from_static);
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
                    self.stills
                        .lock()
                        .expect("no holder panics")
                        .insert(id, (picture.at_us, still.clone()));
                    return Some(still);
                }
                Err(error) => {
                    tracing::warn!(%home, camera = %camera.id, %error, "a still could not be made")
                }
            }
        }
        known.map(|(_, still)| still)
    }

    /// Whether a camera has a still, or can have one at once.
    pub fn has_still(&self, home: &HomeId, camera: &Camera) -> bool {
        let makes = || self.ffmpeg.is_some() && self.state(home, &camera.id) == Some(State::Flows);
        self.has_demo_stream(camera)
            || self.known_still(&(home.clone(), camera.id.clone())).is_some()
            || makes()
    }

    fn known_still(&self, id: &(HomeId, CameraId)) -> Option<(u64, Bytes)> {
        self.stills.lock().expect("no holder panics").get(id).cloned()
    }

    /// The open stream of a camera: the whole one if it flows, else the small one if it flows, else
    /// the whole one.
    fn open(&self, home: &HomeId, camera: &CameraId) -> Option<Arc<Stream>> {
        let kept = self.kept.lock().expect("no holder panics");
        let of =
            |size| kept.get(&(home.clone(), camera.clone(), size)).map(|kept| kept.stream.clone());
        let flows = |stream: &Arc<Stream>| *stream.state().borrow() == State::Flows;
        let (whole, small) = (of(Size::Whole), of(Size::Small));
        if whole.as_ref().is_some_and(flows) { whole } else { small.filter(flows).or(whole) }
    }

    /// Removes a stream without viewers. Returns false if it has viewers.
    fn forget(&self, id: &Id, stream: &Arc<Stream>) -> bool {
        let mut kept = self.kept.lock().expect("no holder panics");
        let idle = stream.viewers() == 0;
        if idle && kept.get(id).is_some_and(|kept| Arc::ptr_eq(&kept.stream, stream)) {
            kept.remove(id);
        }
        idle
    }
}

/// The place that a sealed login is bound to.
fn place(home: &HomeId, camera: &CameraId) -> String {
    format!("{home}/{camera}")
}
