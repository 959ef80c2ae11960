//! Real cameras: RTSP (RFC 2326), H.264 or H.265. Pictures come over TCP, or over UDP if the camera
//! supports nothing else.

use super::{
    picture::Format,
    settings::Settings,
    stream::{State, Stream},
};
use crate::{api::cameras::StreamTrouble, server::tasks::contained};
use data_encoding::BASE64;
use futures_util::StreamExt;
use retina::{
    client::{
        Credentials, Demuxed, Described, PlayOptions, Session, SessionOptions, SetupOptions,
        Transport,
    },
    codec::{CodecItem, FrameFormat, ParametersRef, VideoParameters},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use url::Url;

/// The timeout for starting a stream.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);
/// The connection to a camera that sends nothing for this long is retried.
const STALLED: Duration = Duration::from_secs(10);
/// A stream without a keyframe for this long after its start fails.
pub const KEY_WITHIN: Duration = Duration::from_secs(30);
/// The default port of RTSP.
const PORT: u16 = 554;

/// The address and login of a camera stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without user name and password.
    pub url: Url,
    /// User name and password.
    pub login: Option<(String, String)>,
    /// Which networks cameras may be in.
    pub settings: Arc<Settings>,
}

/// Fetches pictures until the stream fails. Returns the reason.
pub async fn play(address: &Address, stream: &Stream, key_within: Duration) -> StreamTrouble {
    // The parsers of descriptions panic on some malformed ones. A camera cannot be told from
    // something else that answers so.
    let host = address.url.host_str().unwrap_or_default();
    let begun = timeout(BEGINS_WITHIN, contained("camera", host, begin(address))).await;
    let (mut pictures, number) = match begun {
        Ok(Some(Ok(begun))) => begun,
        Ok(Some(Err(trouble))) => return trouble,
        Ok(None) | Err(_) => return StreamTrouble::NoAnswer,
    };
    let mut has_key = false;
    let no_key = tokio::time::sleep(key_within);
    tokio::pin!(no_key);
    // Pictures that cannot be decoded are not shown: after a loss, none until the next keyframe.
    let mut whole = false;
    loop {
        let item = tokio::select! {
            item = timeout(STALLED, pictures.next()) => item,
            () = &mut no_key, if !has_key => return StreamTrouble::NoKeyFrame,
        };
        let frame = match item {
            Ok(Some(Ok(CodecItem::VideoFrame(frame)))) => frame,
            Ok(Some(Ok(_))) => continue,
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "a camera stream failed");
                return StreamTrouble::Lost;
            }
            Ok(None) => return StreamTrouble::Lost,
            Err(_) => return StreamTrouble::Stalled,
        };
        let is_key = frame.is_random_access_point();
        whole = is_key || whole && frame.loss() == 0;
        if frame.has_new_parameters() || !has_key {
            match pictures.streams().get(number).and_then(|stream| stream.parameters()) {
                Some(ParametersRef::Video(parameters)) => stream.reformat(format(parameters)),
                _ if is_key => return StreamTrouble::NoVideo,
                _ => {}
            }
        }
        if whole {
            has_key |= is_key;
            stream.push(is_key, frame.data());
        }
    }
}

/// Returns the width and height of the pictures, or the reason why none arrives `within` that time.
pub async fn probe(
    address: &Address,
    stream: &Stream,
    within: Duration,
) -> Result<(u32, u32), StreamTrouble> {
    let mut state = stream.state();
    let flows = async {
        // The sender lives as long as this call.
        let _ = state.wait_for(|state| *state == State::Flows).await;
    };
    tokio::select! {
        trouble = play(address, stream, within.mul_f32(0.9)) => Err(trouble),
        () = tokio::time::sleep(within) => Err(StreamTrouble::NoAnswer),
        () = flows => {
            let format = stream.format().ok_or(StreamTrouble::NoVideo)?;
            Ok((format.width, format.height))
        }
    }
}

/// The status code (RFC 2326) of a camera that does not support the requested transport.
const UNSUPPORTED_TRANSPORT: u16 = 461;

/// Starts the stream over the TCP connection that is already open, because it works in every
/// network. Uses UDP only for cameras that support nothing else.
async fn begin(address: &Address) -> Result<(Demuxed, usize), StreamTrouble> {
    let (mut session, number) = describe(address).await?;
    let setup = || SetupOptions::default().frame_format(FrameFormat::MP4);
    if let Err(error) = session.setup(number, setup()).await {
        if error.status_code() != Some(UNSUPPORTED_TRANSPORT) {
            return Err(lost(&error));
        }
        // The failed setup leaves the session half set up.
        (session, _) = describe(address).await?;
        let udp = setup().transport(Transport::Udp(Default::default()));
        session.setup(number, udp).await.map_err(|error| lost(&error))?;
    }
    let playing = session.play(PlayOptions::default()).await.map_err(|error| lost(&error))?;
    Ok((playing.demuxed().map_err(|_| StreamTrouble::NoVideo)?, number))
}

/// Asks the camera for its media. Returns the session and the number of the video that is shown.
async fn describe(address: &Address) -> Result<(Session<Described>, usize), StreamTrouble> {
    let url = resolved(address).await?;
    let login =
        address.login.clone().map(|(username, password)| Credentials { username, password });
    let options = SessionOptions::default().creds(login).user_agent("Buckler".into());
    let session = Session::describe(url, options).await.map_err(|error| undescribed(&error))?;
    let is_video = |name: &str| matches!(name, "h264" | "h265");
    let videos =
        || session.streams().iter().enumerate().filter(|(_, stream)| stream.media() == "video");
    // Every browser decodes H.264.
    let number = videos()
        .find(|(_, stream)| stream.encoding_name() == "h264")
        .or_else(|| videos().find(|(_, stream)| is_video(stream.encoding_name())))
        .map(|(number, _)| number)
        .ok_or(StreamTrouble::NoVideo)?;
    Ok((session, number))
}

/// Replaces the host by its IP address, so that the name cannot resolve differently between the
/// check and the connection.
async fn resolved(Address { url, settings, .. }: &Address) -> Result<Url, StreamTrouble> {
    if url.scheme() != "rtsp" {
        return Err(StreamTrouble::Encrypted);
    }
    let (host, port) = (url.host_str().unwrap_or_default(), url.port().unwrap_or(PORT));
    let at = settings.reach.find(host, port).await?;
    let mut url = url.clone();
    url.set_ip_host(at.ip()).map_err(|()| StreamTrouble::NoSuchName)?;
    Ok(url)
}

/// The trouble of a camera that did not describe its media. Only an answer of RTSP proves that it is
/// a camera: everything else is one word.
fn undescribed(error: &retina::Error) -> StreamTrouble {
    tracing::debug!(%error, "could not start a camera stream");
    match error.status_code() {
        Some(401 | 403) => StreamTrouble::WrongLogin,
        Some(_) => StreamTrouble::NoSuchStream,
        None => StreamTrouble::NoAnswer,
    }
}

/// The trouble of a camera that described its media and then did not send them.
fn lost(error: &retina::Error) -> StreamTrouble {
    tracing::debug!(%error, "could not start a camera stream");
    match error.status_code() {
        Some(401 | 403) => StreamTrouble::WrongLogin,
        _ => StreamTrouble::Lost,
    }
}

fn format(parameters: &VideoParameters) -> Format {
    let (width, height) = parameters.coded_pixel_dimensions();
    Format {
        codec: parameters.rfc6381_codec().into(),
        description: BASE64.encode(parameters.extra_data()),
        width,
        height,
    }
}
