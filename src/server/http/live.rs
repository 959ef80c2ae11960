//! Live View: the pictures of a camera, for as long as the viewer may see them.

use super::{
    console,
    errors::{ApiError, Problems},
    extract::{OfIncident, Operator, SignedIn},
    host::SameOrigin,
};
use crate::{
    domain::{
        access::Action,
        camera::Camera,
        home::Home,
        id::{CameraId, HomeId, IncidentId, UserId},
    },
    server::{
        access::{Access, AccessOf},
        cameras::{Cameras, Clips, Fmp4, Sent, Viewer},
        clock::Clock,
        engine::Engine,
        homes::Homes,
        limits::{Holder, Limits, StreamPlace},
        state::{AppState, handles},
        stopped,
        store::Reads,
        tasks::contained,
    },
};
use axum::{
    body::Body,
    extract::{
        Path, Query, Request, State,
        rejection::QueryRejection,
        ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use std::{io, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};
use tower::ServiceExt;
use tower_http::services::ServeFile;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A viewer that accepts nothing for this long is disconnected. The app reconnects by itself.
const TAKES_NOTHING: Duration = Duration::from_secs(10);
/// The largest message of a viewer, bytes. Viewers have nothing to send.
const SAYS_MOST: usize = 1_024;

/// The routes of Live View and of clips.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(watch))
        .routes(routes!(watch_at_center))
        .routes(routes!(still))
        .routes(routes!(clip))
}

handles! {
    /// The handles that Live View uses.
    pub struct Pictures {
        cameras: Arc<Cameras>,
        engine: Engine,
        reads: Arc<dyn Reads>,
        homes: Arc<Homes>,
        access: Access,
        limits: Arc<Limits>,
        clock: Arc<Clock>,
        stop: watch::Receiver<bool>,
    }
}

/// Selects the home and the kind of picture.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Of {
    /// The home's id, for a camera id that several homes have.
    #[param(value_type = Option<String>)]
    home: Option<HomeId>,
    /// The width of the picture on the screen, CSS pixels. If it is small, the camera's smaller
    /// pictures are sent, if there are any.
    #[serde(default = "wide")]
    width: u16,
    /// Fragments of MP4 instead of single pictures.
    #[serde(default, rename = "film")]
    fmp4: bool,
}

/// The width of a viewer that does not state one.
const fn wide() -> u16 {
    u16::MAX
}

/// Pictures in a fragment of MP4. The last one is shown as long as each one before it.
const FRAGMENT: usize = 3;

/// How fragmented MP4 is played: the first message of such a stream.
#[derive(Serialize)]
struct Kind {
    /// For `MediaSource.addSourceBuffer`.
    mime: String,
}

/// Finds a camera of a home that the account may view.
async fn seen(
    pictures: &Pictures,
    signed_in: &SignedIn,
    camera: &str,
    of: Result<Query<Of>, QueryRejection>,
) -> Result<(Arc<Home>, Camera), ApiError> {
    let Query(Of { home: wanted, .. }) = of.map_err(|_| ApiError::not_found())?;
    let camera: CameraId = camera.parse().map_err(|_| ApiError::not_found())?;
    for (id, membership) in pictures.reads.memberships(&signed_in.account.id).await? {
        if wanted.as_ref().is_some_and(|wanted| *wanted != id) || !membership.may(Action::Look) {
            continue;
        }
        if let Some(home) = pictures.homes.get(&id)
            && let Some(camera) = home.camera(&camera).cloned()
        {
            return Ok((home, camera));
        }
    }
    Err(ApiError::not_found())
}

/// Streams the pictures of a camera over a WebSocket: first the format, then each picture.
#[utoipa::path(get, path = "/api/v1/cameras/{camera}/live", tag = "camera", params(("camera" = String, Path), Of), responses(
    (status = 101, description = "A text message with `codec`, `description`, `width`, `height`; then a binary one for each picture"),
    Problems,
))]
pub async fn watch(
    State(pictures): State<Pictures>,
    signed_in: SignedIn,
    _: SameOrigin,
    Path(camera): Path<String>,
    of: Result<Query<Of>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let (as_fmp4, width) = of.as_ref().map_or((false, u16::MAX), |of| (of.fmp4, of.width));
    let (home, camera) = seen(&pictures, &signed_in, &camera, of).await?;
    let viewer =
        pictures.cameras.watch(&home.id, &camera, width).ok_or_else(ApiError::not_found)?;
    let right = Right::Member(home.id.clone());
    ViewerConnection::new(pictures, &signed_in, right).begin(upgrade, viewer, as_fmp4)
}

/// Selects the kind of picture.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AtCenter {
    /// The width of the picture on the screen, CSS pixels.
    #[serde(default = "wide")]
    width: u16,
    /// Fragments of MP4 instead of single pictures.
    #[serde(default, rename = "film")]
    fmp4: bool,
}

/// Streams the pictures of a camera to the operator who works on an open incident of its home, and
/// only for that long. The camera must be one that may raise an SOS.
#[utoipa::path(get, path = "/api/v1/center/incidents/{id}/cameras/{camera}/live", tag = "center", params(("id" = String, Path), ("camera" = String, Path), AtCenter), responses(
    (status = 101, description = "As `/api/v1/cameras/{camera}/live`"),
    Problems,
))]
pub async fn watch_at_center(
    State(pictures): State<Pictures>,
    Operator(signed_in): Operator,
    _: SameOrigin,
    Path((incident, camera)): Path<(String, String)>,
    of: Result<Query<AtCenter>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let Query(AtCenter { width, fmp4 }) = of.map_err(|_| ApiError::not_found())?;
    let (incident, camera): (IncidentId, CameraId) = (
        incident.parse().map_err(|_| ApiError::not_found())?,
        camera.parse().map_err(|_| ApiError::not_found())?,
    );
    let current = console::holds(&pictures.engine, &signed_in.account.id, incident)
        .ok_or_else(ApiError::not_found)?;
    let home = pictures.homes.get(&current.incident.home).ok_or_else(ApiError::not_found)?;
    let camera = home
        .camera(&camera)
        .filter(|camera| camera.sos_compatible)
        .ok_or_else(ApiError::not_found)?;
    let viewer = pictures.cameras.watch(&home.id, camera, width).ok_or_else(ApiError::not_found)?;
    let right = Right::Assignee(incident);
    ViewerConnection::new(pictures, &signed_in, right).begin(upgrade, viewer, fmp4)
}

/// Why a viewer may see the pictures.
enum Right {
    /// The viewer is a member of the home.
    Member(HomeId),
    /// The viewer works on the incident.
    Assignee(IncidentId),
}

/// A viewer's connection.
struct ViewerConnection {
    pictures: Pictures,
    right: Right,
    account: UserId,
    token: [u8; 32],
    access: AccessOf,
    place: StreamPlace,
}

impl ViewerConnection {
    fn new(pictures: Pictures, signed_in: &SignedIn, right: Right) -> Self {
        let (access, token) = (pictures.access.of(&signed_in.account.id), signed_in.session.token);
        let account = signed_in.account.id.clone();
        let place = pictures.limits.viewers.replace_oldest(Holder::Account(account.clone()), token);
        Self { access, right, account, token, pictures, place }
    }

    fn begin(
        self,
        upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
        viewer: Viewer,
        as_fmp4: bool,
    ) -> Result<Response, ApiError> {
        let upgrade =
            upgrade.map_err(|_| ApiError::field("upgrade", "Pictures come over a WebSocket."))?;
        Ok(upgrade.max_message_size(SAYS_MOST).max_frame_size(SAYS_MOST).on_upgrade(
            move |socket| async move {
                let of = self.account.clone();
                contained("viewer", of, self.go_on(socket, viewer, as_fmp4))
                    .await
                    .unwrap_or_default()
            },
        ))
    }

    async fn go_on(mut self, mut socket: WebSocket, mut viewer: Viewer, as_fmp4: bool) {
        let mut fmp4 = None;
        let mut again = tokio::time::interval(super::events::MAY_STILL);
        loop {
            let sent = tokio::select! {
                biased;
                () = stopped(&mut self.pictures.stop) => break,
                () = self.place.replaced() => break,
                changed = self.access.changed() => {
                    if changed.is_none() || !self.may_still_look().await { break }
                    continue;
                }
                _ = again.tick() => {
                    if !self.may_still_look().await { break }
                    continue;
                }
                heard = socket.recv() => match heard {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                },
                sent = viewer.next() => sent,
            };
            let Some(sent) = sent else { break };
            let Ok(messages) = (if as_fmp4 { fragments(&mut fmp4, sent) } else { pictures(sent) })
            else {
                break;
            };
            for message in messages {
                match timeout(TAKES_NOTHING, socket.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return,
                }
            }
        }
        let _ = timeout(TAKES_NOTHING, socket.send(Message::Close(None))).await;
    }

    /// Whether the session and the right are still valid.
    async fn may_still_look(&self) -> bool {
        let session = self.pictures.reads.session(self.token, self.pictures.clock.now()).await;
        let may = match &self.right {
            Right::Member(home) => {
                let membership = self.pictures.reads.membership(home, &self.account).await;
                membership.is_ok_and(|membership| membership.is_some_and(|m| m.may(Action::Look)))
            }
            Right::Assignee(incident) => {
                let role = self.pictures.reads.center_role(&self.account).await;
                role.is_ok_and(|role| role.is_some())
                    && console::holds(&self.pictures.engine, &self.account, *incident).is_some()
            }
        };
        matches!(session, Ok(Some(_))) && may
    }
}

/// The messages to a viewer that decodes single pictures.
fn pictures(sent: Sent) -> io::Result<Vec<Message>> {
    Ok(vec![match sent {
        Sent::Format(format) => Message::Text(serde_json::to_string(&*format)?.into()),
        Sent::Picture(picture) => Message::Binary(picture),
    }])
}

/// The messages to a viewer that plays MP4.
fn fragments(fmp4: &mut Option<Fmp4>, sent: Sent) -> io::Result<Vec<Message>> {
    match (sent, fmp4) {
        (Sent::Format(format), fmp4) => {
            let (begun, beginning) = Fmp4::begin(&format)?;
            *fmp4 = Some(begun);
            let kind = Kind { mime: format!("video/mp4; codecs=\"{}\"", format.codec) };
            Ok(vec![
                Message::Text(serde_json::to_string(&kind)?.into()),
                Message::Binary(beginning.into()),
            ])
        }
        (Sent::Picture(picture), Some(fmp4)) => {
            fmp4.add_message(&picture)?;
            Ok(if fmp4.waiting() < FRAGMENT {
                Vec::new()
            } else {
                vec![Message::Binary(fmp4.fragment().into())]
            })
        }
        (Sent::Picture(_), None) => Ok(Vec::new()),
    }
}

/// The latest still of a camera, if there is one.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/still",
    tag = "camera",
    params(("camera" = String, Path), Of),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), Problems),
)]
pub async fn still(
    State(pictures): State<Pictures>,
    signed_in: SignedIn,
    Path(camera): Path<String>,
    of: Result<Query<Of>, QueryRejection>,
) -> Result<Response, ApiError> {
    let (home, camera) = seen(&pictures, &signed_in, &camera, of).await?;
    let still = pictures.cameras.still(&home.id, &camera).await.ok_or_else(ApiError::not_found)?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], still).into_response())
}

/// The clip of an incident: what the camera showed when help was requested from its Live View.
/// Parts of it can be requested (RFC 9110, 14).
#[utoipa::path(get, path = "/api/v1/incidents/{id}/clip", tag = "incident", params(("id" = String, Path)), responses(
    (status = 200, content_type = "video/mp4", body = Vec<u8>),
    (status = 206, description = "The part that the request's `Range` names", content_type = "video/mp4", body = Vec<u8>),
    (status = 416, description = "The clip has no such part"),
    Problems,
))]
pub async fn clip(
    State(clips): State<Arc<Clips>>,
    of: OfIncident,
    request: Request,
) -> Result<Response, ApiError> {
    let file = clips.find(&of.current.incident).await.ok_or_else(ApiError::not_found)?;
    let response =
        ServeFile::new(file).oneshot(request).await.unwrap_or_else(|never| match never {});
    if response.status() == StatusCode::NOT_FOUND {
        return Err(ApiError::not_found());
    }
    Ok(response.map(Body::new))
}
