//! ONVIF: searches the network for cameras (WS-Discovery), and asks a camera for its streams (ONVIF
//! Profile S).
//!
//! Cameras are not trusted: an address that a camera reports is checked like one that an owner
//! enters. Owners are not trusted with the rest of the network: every host that is not a camera gets
//! the same answer, with an open port or without.

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
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE},
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
/// The deepest nesting of elements in an answer. Cameras nest about ten. The parser frees each
/// element inside of its parent, so nesting of tens of thousands would overflow the stack of the
/// server.
const NESTING_MOST: usize = 64;
/// The longest name that is shown, characters.
const NAME_MOST: usize = 80;

/// Finds cameras and asks them.
pub struct Onvif {
    settings: Arc<Settings>,
    /// Follows no redirects, and keeps no connections, because cameras close them at any moment.
    client: Client,
    /// The addresses that the last search found. What answers there is a camera.
    found: Mutex<HashSet<String>>,
}

impl Onvif {
    /// Creates it.
    ///
    /// # Panics
    /// The TLS library cannot be initialized.
    pub fn new(settings: Arc<Settings>) -> Self {
        let client =
            Client::builder().no_proxy().redirect(Policy::none()).pool_max_idle_per_host(0);
        let client = client.build().expect("the TLS library works, as for every other client");
        Self { settings, client, found: Mutex::default() }
    }

    /// Searches the network, or only the addresses that the configuration names, for cameras.
    pub async fn search(&self) -> Vec<Found> {
        let settings = &self.settings;
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
        let found: Vec<Found> = once.take(MOST).collect();
        *self.found.lock().expect("no holder panics") =
            found.iter().map(|one| one.address.clone()).collect();
        found
    }

    /// Asks a camera for its streams, the largest first.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn offers(
        &self,
        address: &str,
        login: Option<(String, String)>,
    ) -> Result<Vec<Offer>, StreamTrouble> {
        let is_found = self.found.lock().expect("no holder panics").contains(address);
        let found = Url::parse(address).ok().filter(|_| is_found);
        let way = Arc::new(Way {
            settings: self.settings.clone(),
            client: self.client.clone(),
            login: login.clone(),
            cameras: Mutex::new(found.iter().map(|url| authority(url).to_owned()).collect()),
            trouble: Mutex::default(),
        });
        match timeout(ASK, asked(&way, address, login)).await {
            Ok(Ok(offers)) if offers.is_empty() => Err(StreamTrouble::NoVideo),
            Ok(Ok(offers)) => Ok(offers),
            Ok(Err(error)) => {
                let known = *way.trouble.lock().expect("no holder panics");
                Err(known.unwrap_or_else(|| trouble(&error)))
            }
            Err(_) => Err(StreamTrouble::NoAnswer),
        }
    }
}

/// Asks for the streams in the order in which ONVIF Profile S lists them.
async fn asked(
    way: &Arc<Way>,
    address: &str,
    login: Option<(String, String)>,
) -> Result<Vec<Offer>, OnvifError> {
    let mut session = OnvifSession::builder(address).with_clock_sync().with_transport(way.clone());
    if let Some((user, password)) = login {
        session = session.with_credentials(user, password);
    }
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
}

/// Returns what is shown of a device. `None` if it has no address that is allowed.
fn found(device: DiscoveredDevice, settings: &Settings) -> Option<Found> {
    let inside = |text: &&String| {
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "http")?;
        url.host_str()?
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .ok()
            .filter(|ip| settings.reach.judge(*ip).is_ok())
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

/// Returns a stream's address as an owner enters it, without user name and password. `None` if it
/// is not valid or not allowed.
fn written(text: &str, settings: &Settings) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let address: StreamAddress = url.as_str().parse().ok()?;
    settings.reach.judge_host(address.host_name()).is_ok().then(|| address.into())
}

/// ONVIF core specification 5.12.1: a client without permission gets the fault `ter:NotAuthorized`.
fn trouble(error: &OnvifError) -> StreamTrouble {
    tracing::debug!(%error, "a camera did not list its streams");
    let text = error.to_string().to_ascii_lowercase();
    let is_login = ["notauthorized", "not authorized", "unauthorized", "authorit"]
        .iter()
        .any(|word| text.contains(word));
    if is_login { StreamTrouble::WrongLogin } else { StreamTrouble::NoAnswer }
}

/// An HTTP transport that reaches only cameras: no other host, no redirects, no long answers.
struct Way {
    settings: Arc<Settings>,
    client: Client,
    login: Option<(String, String)>,
    /// The hosts and ports that proved to be cameras: they answered the search, or in SOAP. Without
    /// that, every answer is the same as none.
    cameras: Mutex<HashSet<String>>,
    /// The trouble of the last request, if it is more specific than the error's text.
    trouble: Mutex<Option<StreamTrouble>>,
}

/// The host and port of an address, as HTTP names them.
fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// Whether an answer is a message of SOAP, by its root element (SOAP 1.2 part 1, 5.1).
fn is_soap(text: &str) -> bool {
    text.contains("Envelope") && is_shallow(text)
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
        let at = self.settings.reach.find(host, port).await?;
        let mut plain = url.clone();
        // The request goes to the address that was checked, even if the name resolves differently a
        // moment later. A password in the address would be sent unencrypted.
        plain
            .set_ip_host(at.ip())
            .and_then(|()| plain.set_username(""))
            .and_then(|()| plain.set_password(None))
            .map_err(|()| StreamTrouble::NoAnswer)?;
        let mut request = self
            .client
            .post(plain)
            .header(HOST, authority(url))
            .header(
                CONTENT_TYPE,
                format!("application/soap+xml; charset=utf-8; action=\"{action}\""),
            )
            .body(body.to_owned());
        if let Some(proof) = proof {
            request = request.header(AUTHORIZATION, proof);
        }
        request.send().await.map_err(|_| StreamTrouble::NoAnswer)
    }

    /// Sends a request, with digest authentication if the camera requires it in HTTP (RFC 7616;
    /// ONVIF Profile T, 7.1).
    async fn ask(
        &self,
        url: &str,
        action: &str,
        body: &str,
    ) -> Result<(StatusCode, String), StreamTrouble> {
        let url = Url::parse(url).map_err(|_| StreamTrouble::NoAnswer)?;
        let mut answer = self.post(&url, action, body, None).await?;
        if answer.status() == StatusCode::UNAUTHORIZED
            && let Some(proof) = self.digest(&url, body, &answer)
        {
            answer = self.post(&url, action, body, Some(proof)).await?;
        }
        let status = answer.status();
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|_| StreamTrouble::NoAnswer)? {
            text.extend_from_slice(&piece);
            if text.len() > ANSWER_MOST {
                return Err(StreamTrouble::NoAnswer);
            }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut cameras = self.cameras.lock().expect("no holder panics");
        if is_soap(&text) {
            cameras.insert(authority(&url).to_owned());
        }
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
                if cameras.contains(authority(&url)) =>
            {
                Err(StreamTrouble::WrongLogin)
            }
            _ if is_soap(&text) => Ok((status, text)),
            _ => Err(StreamTrouble::NoAnswer),
        }
    }

    /// The proof of the password that a refusal asks for, if there is a password.
    fn digest(&self, url: &Url, body: &str, refusal: &Response) -> Option<String> {
        let (user, password) = self.login.as_ref()?;
        let wanted = refusal.headers().get(WWW_AUTHENTICATE)?.to_str().ok()?;
        let path = &url[Position::BeforePath..];
        let context = AuthContext::new_post(user, password, path, Some(body.as_bytes()));
        let proof = digest_auth::parse(wanted).and_then(|mut wanted| wanted.respond(&context));
        Some(proof.ok()?.to_header_string())
    }
}

/// Whether the elements of an XML text nest no deeper than [`NESTING_MOST`]. False as well for what
/// parsers may read differently: a document type, which SOAP forbids (SOAP 1.2 part 1, 5), and a
/// tag with a bracket inside of quotes.
fn is_shallow(xml: &str) -> bool {
    let (mut depth, mut rest) = (0_usize, xml);
    while let Some((_, tag)) = rest.split_once('<') {
        let hidden = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")];
        if let Some((begin, end)) = hidden.into_iter().find(|(begin, _)| tag.starts_with(begin)) {
            let Some((_, after)) = tag[begin.len()..].split_once(end) else { return false };
            rest = after;
            continue;
        }
        let Some((inside, after)) = tag.split_once('>') else { return false };
        let is_quoted = |quote: char| inside.matches(quote).count() % 2 == 1;
        if inside.contains('<') || inside.starts_with('!') || is_quoted('"') || is_quoted('\'') {
            return false;
        }
        match (inside.starts_with('/'), inside.ends_with('/')) {
            (true, _) => depth = depth.saturating_sub(1),
            (false, true) => {}
            (false, false) => depth += 1,
        }
        if depth > NESTING_MOST {
            return false;
        }
        rest = after;
    }
    true
}

#[async_trait]
impl Transport for Way {
    async fn soap_post(
        &self,
        url: &str,
        action: &str,
        body: String,
    ) -> Result<String, TransportError> {
        let answer = self.ask(url, action, &body).await;
        *self.trouble.lock().expect("no holder panics") = answer.as_ref().err().copied();
        match answer {
            // SOAP 1.2 part 2, 7.5.2.2: a fault has the status of a server or client error.
            Ok((status, text)) if status.is_success() || text.contains("Fault") => Ok(text),
            Ok((status, body)) => Err(TransportError::HttpStatus { status: status.as_u16(), body }),
            Err(trouble) => {
                Err(TransportError::HttpStatus { status: 0, body: format!("{trouble:?}") })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::reach::Reach;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, copy, sink},
        net::TcpListener,
    };

    const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";

    fn onvif() -> Onvif {
        let reach = Reach(vec!["127.0.0.0/8".parse().unwrap()]);
        Onvif::new(Arc::new(Settings { reach, search: Vec::new() }))
    }

    /// A host that gives every request this answer, and the number of its connections.
    async fn host(answer: String) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/onvif/device_service", listener.local_addr().unwrap());
        let count = Arc::<AtomicUsize>::default();
        let counted = count.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = answer.clone();
                tokio::spawn(async move {
                    let _ = socket.read_u8().await;
                    let _ = socket.write_all(answer.as_bytes()).await;
                    let _ = copy(&mut socket, &mut sink()).await;
                });
            }
        });
        (address, count)
    }

    fn soap(status: &str, body: &str) -> String {
        let body = format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>{body}</s:Body></s:Envelope>"
        );
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/soap+xml\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    /// Security 13: open and closed ports were told apart.
    #[tokio::test]
    async fn what_is_no_camera_gets_the_word_of_a_closed_port() {
        let onvif = onvif();
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let mut all = vec![format!("http://{nobody}/")];
        for answer in [
            REFUSED,
            "HTTP/1.1 404 Not Found\r\ncontent-length: 12\r\n\r\nunauthorized",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "SSH-2.0-OpenSSH_9.9\r\n",
        ] {
            all.push(host(answer.into()).await.0);
        }
        for address in all {
            let login = Some(("admin".into(), "secret-7".into()));
            let offers = onvif.offers(&address, login).await;
            assert_eq!(offers, Err(StreamTrouble::NoAnswer), "{address}");
        }
    }

    #[tokio::test]
    async fn camera_that_proved_to_be_one_refuses_a_password() {
        let fault =
            "<s:Fault><s:Reason><s:Text>Sender not authorized</s:Text></s:Reason></s:Fault>";
        for status in ["401 Unauthorized", "400 Bad Request"] {
            let (address, _) = host(soap(status, fault)).await;
            let offers = onvif().offers(&address, None).await;
            assert_eq!(offers, Err(StreamTrouble::WrongLogin), "it speaks SOAP: {status}");
        }
        let (address, _) = host(REFUSED.into()).await;
        let onvif = onvif();
        onvif.found.lock().unwrap().insert(address.clone());
        let offers = onvif.offers(&address, None).await;
        assert_eq!(offers, Err(StreamTrouble::WrongLogin), "it answered the search");
    }

    #[tokio::test]
    async fn redirect_of_a_camera_is_not_followed() {
        let (elsewhere, asked) = host(REFUSED.into()).await;
        let redirect =
            format!("HTTP/1.1 307 Moved\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
        let (address, _) = host(redirect).await;
        assert_eq!(onvif().offers(&address, None).await, Err(StreamTrouble::NoAnswer));
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn answer_that_nests_without_end_is_not_parsed() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(is_shallow(&nested(NESTING_MOST)) && !is_shallow(&nested(NESTING_MOST + 1)));
        let hidden = ["<!--</a>-->", "<![CDATA[</a>]]>", "<?x </a>?>", "<b x=\"</a>\"/>", "</a '>"];
        for end in hidden {
            let text = format!("<a>{end}").repeat(NESTING_MOST + 1);
            assert!(!is_shallow(&text), "{end} ends no element");
        }
        assert!(!is_shallow("<!DOCTYPE a [<!ENTITY b \"c\">]><a/>"));
        let usual =
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s='x'><!-- 1 --><s:Body><a/></s:Body>";
        assert!(is_shallow(&format!("{usual}</s:Envelope>")));
        assert!(is_shallow(&"<a x=\"1\"></a>".repeat(1_000)), "one after the other");
    }
}
