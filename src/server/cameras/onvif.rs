//! ONVIF: searches the network for cameras (WS-Discovery), and asks a camera for its streams (ONVIF
//! Profile S).
//!
//! Cameras are not trusted: an address that a camera reports is checked like one that an owner
//! enters.

use super::settings::Settings;
use crate::{
    api::cameras::{Found, Offer, StreamTrouble},
    domain::camera::StreamAddress,
};
use async_trait::async_trait;
use digest_auth::AuthContext;
use futures_util::future::join_all;
use oxvif::{
    OnvifError, OnvifSession,
    discovery::{self, DiscoveredDevice},
    transport::{Transport, TransportError},
};
use reqwest::{
    Client, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
    redirect::Policy,
};
use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;
use url::{Position, Url};

/// The timeout of a search.
const SEARCH: Duration = Duration::from_secs(3);
/// The timeout for listing all streams of a camera.
const ASK: Duration = Duration::from_secs(10);
/// The most cameras that are listed, and the most streams of one camera.
const MOST: usize = 64;
/// The longest answer that is read, bytes.
const ANSWER_MOST: usize = 256 << 10;
/// The longest name that is shown, characters.
const NAME_MOST: usize = 80;

/// Searches the network, or only the addresses that the configuration names, for cameras.
pub async fn search(settings: &Settings) -> Vec<Found> {
    let all = if settings.search.is_empty() {
        discovery::probe_result(SEARCH).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "could not search the network for cameras");
            Vec::new()
        })
    } else {
        join_all(settings.search.iter().map(|ip| discovery::probe_unicast(*ip, SEARCH)))
            .await
            .concat()
    };
    let mut seen = HashSet::new();
    let once = all
        .into_iter()
        .filter_map(|device| found(device, settings))
        .filter(|one| seen.insert(one.address.clone()));
    once.take(MOST).collect()
}

/// Returns what is shown of a device. `None` if it has no address that is allowed.
fn found(device: DiscoveredDevice, settings: &Settings) -> Option<Found> {
    let inside = |text: &&String| {
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "http")?;
        url.host_str()?
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .ok()
            .filter(|ip| settings.allows(*ip))
    };
    let address = device.xaddrs.iter().find(|text| inside(text).is_some())?.clone();
    let scope = |what: &str| {
        let value = device
            .scopes
            .iter()
            .find_map(|scope| scope.strip_prefix("onvif://www.onvif.org/")?.strip_prefix(what))?;
        Some(shown(&percent_encoding::percent_decode_str(value).decode_utf8_lossy()))
            .filter(|text| !text.is_empty())
    };
    let number = inside(&&address).map(|ip| ip.to_string()).unwrap_or_default();
    Some(Found {
        name: scope("name/").unwrap_or(number),
        model: scope("hardware/").unwrap_or_default(),
        address,
    })
}

/// Makes a name that a camera reports safe to show.
fn shown(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(NAME_MOST).collect()
}

/// Asks a camera for its streams, the largest first.
///
/// # Errors
/// Why there are none.
pub async fn offers(
    settings: Arc<Settings>,
    address: &str,
    login: Option<(String, String)>,
) -> Result<Vec<Offer>, StreamTrouble> {
    let way = Arc::new(Way { settings, login: login.clone(), trouble: Mutex::default() });
    let mut session = OnvifSession::builder(address).with_clock_sync().with_transport(way.clone());
    if let Some((user, password)) = login {
        session = session.with_credentials(user, password);
    }
    let asked = async {
        let session = session.build().await?;
        let mut offers = Vec::new();
        for profile in session.get_profiles().await?.into_iter().take(MOST) {
            let stream = session.get_stream_uri(&profile.token).await?.uri;
            let Some(stream) = written(&stream, &way.settings) else { continue };
            let (mut width, mut height) = (0, 0);
            if let Some(encoder) = &profile.video_encoder_token
                && let Ok(encoder) = session.get_video_encoder_configuration(encoder).await
            {
                (width, height) = (encoder.resolution.width, encoder.resolution.height);
            }
            offers.push(Offer { name: shown(&profile.name), stream, width, height });
        }
        offers.sort_by_key(|offer| std::cmp::Reverse(offer.width));
        Ok(offers)
    };
    match timeout(ASK, asked).await {
        Ok(Ok(offers)) if offers.is_empty() => Err(StreamTrouble::NoVideo),
        Ok(Ok(offers)) => Ok(offers),
        Ok(Err(error)) => {
            Err(way.trouble.lock().expect("no holder panics").unwrap_or_else(|| trouble(&error)))
        }
        Err(_) => Err(StreamTrouble::NoAnswer),
    }
}

/// Returns a stream's address as an owner enters it, without user name and password. `None` if it
/// is not valid or not allowed.
fn written(text: &str, settings: &Settings) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let address: StreamAddress = url.as_str().parse().ok()?;
    address.is_inside(&|ip| settings.allows(ip)).then(|| address.into())
}

/// ONVIF core specification 5.12.1: a client without permission gets the fault `ter:NotAuthorized`.
fn trouble(error: &OnvifError) -> StreamTrouble {
    tracing::debug!(%error, "a camera did not list its streams");
    let text = error.to_string().to_ascii_lowercase();
    let is_login = ["notauthorized", "not authorized", "unauthorized", "authorit"]
        .iter()
        .any(|word| text.contains(word));
    if is_login { StreamTrouble::WrongLogin } else { StreamTrouble::NotACamera }
}

/// An HTTP transport that reaches only cameras: no other host, no redirects, no long answers.
struct Way {
    settings: Arc<Settings>,
    login: Option<(String, String)>,
    /// The last failure, if it is more specific than the error's text.
    trouble: Mutex<Option<StreamTrouble>>,
}

impl Way {
    async fn post(
        &self,
        url: &Url,
        action: &str,
        body: &str,
        proof: Option<String>,
    ) -> Result<Response, StreamTrouble> {
        let (host, port) =
            (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
        if url.scheme() != "http" {
            return Err(StreamTrouble::Encrypted);
        }
        let at = self.settings.find(host, port).await?;
        // The client of a request connects to the address that was checked, whatever the name
        // stands for a moment later.
        let client =
            Client::builder().no_proxy().redirect(Policy::none()).resolve(host, at).build();
        let mut plain = url.clone();
        // A password in the address would be sent unencrypted.
        plain
            .set_username("")
            .and_then(|()| plain.set_password(None))
            .map_err(|()| StreamTrouble::NotACamera)?;
        let mut request = client
            .map_err(|_| StreamTrouble::NoAnswer)?
            .post(plain)
            .header(
                CONTENT_TYPE,
                format!("application/soap+xml; charset=utf-8; action=\"{action}\""),
            )
            .body(body.to_owned());
        if let Some(proof) = proof {
            request = request.header(AUTHORIZATION, proof);
        }
        request.send().await.map_err(|error| {
            if error.is_connect() { StreamTrouble::NoAnswer } else { StreamTrouble::NotACamera }
        })
    }

    /// Sends a request, with digest authentication if the camera requires it in HTTP (RFC 7616;
    /// ONVIF Profile T, 7.1).
    async fn ask(
        &self,
        url: &str,
        action: &str,
        body: &str,
    ) -> Result<(StatusCode, String), StreamTrouble> {
        let url = Url::parse(url).map_err(|_| StreamTrouble::NotACamera)?;
        let mut answer = self.post(&url, action, body, None).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            let wanted = answer
                .headers()
                .get(WWW_AUTHENTICATE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            let (user, password) = self.login.as_ref().ok_or(StreamTrouble::WrongLogin)?;
            let path = &url[Position::BeforePath..];
            let context = AuthContext::new_post(user, password, path, Some(body.as_bytes()));
            let proof = digest_auth::parse(wanted)
                .and_then(|mut wanted| wanted.respond(&context))
                .map_err(|_| StreamTrouble::WrongLogin)?;
            answer = self.post(&url, action, body, Some(proof.to_header_string())).await?;
        }
        let status = answer.status();
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|_| StreamTrouble::NotACamera)? {
            text.extend_from_slice(&piece);
            if text.len() > ANSWER_MOST {
                return Err(StreamTrouble::NotACamera);
            }
        }
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(StreamTrouble::WrongLogin),
            _ => Ok((status, String::from_utf8_lossy(&text).into_owned())),
        }
    }
}

#[async_trait]
impl Transport for Way {
    async fn soap_post(
        &self,
        url: &str,
        action: &str,
        body: String,
    ) -> Result<String, TransportError> {
        match self.ask(url, action, &body).await {
            // SOAP 1.2 part 2, 7.5.2.2: a fault has the status of a server or client error.
            Ok((status, text)) if status.is_success() || text.contains("Fault") => Ok(text),
            Ok((status, body)) => Err(TransportError::HttpStatus { status: status.as_u16(), body }),
            Err(trouble) => {
                *self.trouble.lock().expect("no holder panics") = Some(trouble);
                Err(TransportError::HttpStatus { status: 0, body: format!("{trouble:?}") })
            }
        }
    }
}
