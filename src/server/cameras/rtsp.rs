//! A real camera: RTSP (RFC 2326) over TCP, H.264 or H.265.

use super::{
    picture::Format,
    settings::Settings,
    stream::{State, Stream},
};
use crate::api::cameras::StreamTrouble;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use retina::{
    client::{Credentials, Demuxed, Described, PlayOptions, Session, SessionOptions, SetupOptions, Transport},
    codec::{CodecItem, FrameFormat, ParametersRef, VideoParameters},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use url::Url;

/// How long a camera may take until its pictures begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);
/// A camera that sends nothing for so long is asked anew.
const STALLED: Duration = Duration::from_secs(10);
/// A camera that sends pictures, and none that stands by itself, shows nothing.
pub const KEY_WITHIN: Duration = Duration::from_secs(30);
/// The port of RTSP.
const PORT: u16 = 554;

/// Where a camera is, and how one signs in to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without user name and password.
    pub url: Url,
    /// User name and password.
    pub login: Option<(String, String)>,
    /// Where cameras may be.
    pub settings: Arc<Settings>,
}

/// Fetches pictures until they end, and says why.
pub async fn play(address: &Address, stream: &Stream, key_within: Duration) -> StreamTrouble {
    let (mut pictures, number) = match timeout(BEGINS_WITHIN, begin(address)).await {
        Ok(Ok(begun)) => begun,
        Ok(Err(trouble)) => return trouble,
        Err(_) => return StreamTrouble::NoAnswer,
    };
    let mut has_key = false;
    let no_key = tokio::time::sleep(key_within);
    tokio::pin!(no_key);
    // What cannot be decoded is not shown: after a loss nothing until the next key frame.
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
                tracing::debug!(%error, "a camera's stream broke");
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

/// Whether pictures come, and of which size; `within` that time.
pub async fn look(address: &Address, stream: &Stream, within: Duration) -> Result<(u32, u32), StreamTrouble> {
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

/// What a camera answers (RFC 2326) that sends pictures in another way than the one that was asked for.
const UNSUPPORTED_TRANSPORT: u16 = 461;

/// Over TCP, in the connection that was opened: it passes through everything. Over UDP only with cameras that know no other way.
async fn begin(address: &Address) -> Result<(Demuxed, usize), StreamTrouble> {
    let (mut session, number) = describe(address).await?;
    let setup = || SetupOptions::default().frame_format(FrameFormat::MP4);
    if let Err(error) = session.setup(number, setup()).await {
        if error.status_code() != Some(UNSUPPORTED_TRANSPORT) {
            return Err(trouble(&error));
        }
        // That session is half begun.
        (session, _) = describe(address).await?;
        let udp = setup().transport(Transport::Udp(Default::default()));
        session.setup(number, udp).await.map_err(|error| trouble(&error))?;
    }
    let playing = session.play(PlayOptions::default()).await.map_err(|error| trouble(&error))?;
    Ok((playing.demuxed().map_err(|_| StreamTrouble::NoVideo)?, number))
}

/// What the camera sends, and which of it is shown.
async fn describe(address: &Address) -> Result<(Session<Described>, usize), StreamTrouble> {
    let url = resolved(address).await?;
    let login = address.login.clone().map(|(username, password)| Credentials { username, password });
    let options = SessionOptions::default().creds(login).user_agent("Buckler".into());
    let session = Session::describe(url, options).await.map_err(|error| trouble(&error))?;
    let is_video = |name: &str| matches!(name, "h264" | "h265");
    let videos = || session.streams().iter().enumerate().filter(|(_, stream)| stream.media() == "video");
    // Every browser decodes H.264.
    let number = videos()
        .find(|(_, stream)| stream.encoding_name() == "h264")
        .or_else(|| videos().find(|(_, stream)| is_video(stream.encoding_name())))
        .map(|(number, _)| number)
        .ok_or(StreamTrouble::NoVideo)?;
    Ok((session, number))
}

/// The same address with the host as a number, so that nobody changes what the name means in between.
async fn resolved(Address { url, settings, .. }: &Address) -> Result<Url, StreamTrouble> {
    if url.scheme() != "rtsp" {
        return Err(StreamTrouble::Encrypted);
    }
    let at = settings.find(url.host_str().unwrap_or_default(), url.port().unwrap_or(PORT)).await?;
    let mut url = url.clone();
    url.set_ip_host(at.ip()).map_err(|()| StreamTrouble::NoSuchName)?;
    Ok(url)
}

fn trouble(error: &retina::Error) -> StreamTrouble {
    tracing::debug!(%error, "a camera does not begin");
    match error.status_code() {
        Some(401 | 403) => StreamTrouble::WrongLogin,
        Some(404) => StreamTrouble::NoSuchStream,
        Some(_) => StreamTrouble::NotACamera,
        // What cannot be connected to says so in no other way.
        None if error.to_string().contains("Unable to connect") => StreamTrouble::NoAnswer,
        None => StreamTrouble::NotACamera,
    }
}

fn format(parameters: &VideoParameters) -> Format {
    let (width, height) = parameters.coded_pixel_dimensions();
    Format { codec: parameters.rfc6381_codec().into(), description: STANDARD.encode(parameters.extra_data()), width, height }
}
