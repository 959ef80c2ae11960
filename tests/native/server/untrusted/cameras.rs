//! Cameras: what answers in RTSP, with SDP and pictures (RTP), and in ONVIF, with SOAP.

use super::{Fixed, draw::Draw, fmp4::boxes};
use buckler::{
    api::cameras::{AskOffers, Offers},
    domain::{
        camera::{Camera, CameraKind, StreamAddress},
        id::{CameraId, HomeId},
    },
    server::{
        cameras::{CameraOptions, Cameras, Fmp4, Sent, Settings, State, Viewer},
        clock::Clock,
        live_events::LiveEvents,
        reach::Reach,
    },
};
use data_encoding::BASE64;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

/// How long a camera that has hung up may keep the server busy, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest request that the server sends, bytes.
const REQUEST_MOST: usize = 64 << 10;
/// The most packets of one stream.
const PACKETS_MOST: usize = 64;
/// The length of the header of a picture for viewers, bytes.
const HEAD: usize = 9;

const H264: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Door\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=control:*\r\n\
    m=audio 0 RTP/AVP 96\r\na=rtpmap:96 mpeg4-generic/12000/2\r\n\
    a=fmtp:96 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1490\r\n\
    a=control:trackID=1\r\nm=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n\
    a=fmtp:97 packetization-mode=1;profile-level-id=42C01E;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==\r\n\
    a=framerate:24.0\r\na=control:trackID=2\r\n";
const H265: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Door\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 98\r\n\
    a=control:trackID=0\r\na=rtpmap:98 H265/90000\r\n\
    a=fmtp:98 profile-id=1;sprop-sps=QgEBAWAAAAMAsAAAAwAAAwBaoAWCAeFja5JFL83BQYFBAAADAAEAAAMADKE=;sprop-pps=RAHA8saNA7NA;\
    sprop-vps=QAEMAf//AWAAAAMAsAAAAwAAAwBarAwAAAMABAAAAwAyqA==\r\na=recvonly\r\n";

/// The parameter sets of [`H264`], as in its RTP packets.
const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x03, 0xc5, 0x68, 0x40, 0, 0, 3, 0, 0x40, 0, 0, 0x0c, 3, 0xc5,
    0x8b, 0x92,
];
const PPS: &[u8] = &[0x68, 0xcb, 0x8c, 0xb2];

fn settings() -> Settings {
    let reach = Reach(vec!["127.0.0.0/8".parse().expect("a network")]);
    Settings { reach, ..Settings::default() }
}

/// The service, and a place where a camera listens.
struct Place {
    cameras: Arc<Cameras>,
    listener: TcpListener,
    port: u16,
    _stopper: watch::Sender<bool>,
}

impl Place {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (stopper, stop) = watch::channel(false);
        let (clock, live_events) = (Arc::new(Clock::new(Fixed)), Arc::new(LiveEvents::default()));
        let options = CameraOptions { demo: false, ffmpeg: None, data: "of-no-login".into() };
        let cameras = Cameras::new(settings(), options, clock, live_events, stop);
        Self { cameras, listener, port, _stopper: stopper }
    }
}

/// Runs to the end, on the time of the machine, because sockets are used.
fn on_real_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let work = async { timeout(PATIENCE, work).await.expect("it ends with the connection") };
    runtime.expect("a runtime").block_on(work)
}

/// One request with its body, as text. `None` at the end of the connection.
async fn request(socket: &mut TcpStream) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = field(head, "content-length").and_then(|text| text.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok(Some(text));
            }
        }
        if bytes.len() > REQUEST_MOST || socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let is_it = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
    head.lines().find(is_it)?.split_once(':').map(|(_, value)| value.trim())
}

/// Speaks RTSP on one connection, and hangs up. Counts what it sends.
async fn speaks(mut socket: TcpStream, draw: &mut Draw, sent: &mut usize) -> io::Result<()> {
    while let Some(request) = request(&mut socket).await? {
        let method = request.split(' ').next().unwrap_or_default();
        let number = field(&request, "cseq").unwrap_or("0");
        let (fields, body) = match method {
            "DESCRIBE" => ("Content-Type: application/sdp\r\n", description(draw)),
            "SETUP" => (
                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 7;timeout=60\r\n",
                Vec::new(),
            ),
            "PLAY" => ("Session: 7\r\nRTP-Info: url=trackID=2;seq=1;rtptime=0\r\n", Vec::new()),
            _ => ("Public: DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n", Vec::new()),
        };
        let length = body.len();
        let head = format!(
            "RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{fields}Content-Length: {length}\r\n\r\n"
        );
        let (head, is_last) = match draw.below(16) {
            14 => (draw.damaged(head.as_bytes()), true),
            15 => (draw.bytes(), true),
            _ => (head.into_bytes(), method == "PLAY"),
        };
        let mut answer = [head, body].concat();
        if method == "PLAY" {
            answer.extend(packets(draw));
        }
        *sent += answer.len();
        socket.write_all(&answer).await?;
        if is_last {
            return Ok(());
        }
    }
    Ok(())
}

fn description(draw: &mut Draw) -> Vec<u8> {
    let usual = draw.one_of(&[H264, H264, H265]);
    match draw.below(4) {
        0 => draw.damaged(usual.as_bytes()),
        1 => {
            let mut lines: Vec<&str> = usual.lines().collect();
            let (one, other) = (draw.below(lines.len()), draw.below(lines.len()));
            lines.swap(one, other);
            if draw.yes() {
                lines.remove(one);
            }
            lines.join("\r\n").into_bytes()
        }
        _ => usual.into(),
    }
}

/// Interleaved packets (RFC 2326, 10.12) with RTP (RFC 3550) and H.264 (RFC 6184).
fn packets(draw: &mut Draw) -> Vec<u8> {
    let (mut all, mut sequence, mut ticks) = (Vec::new(), 1_u16, 0_u32);
    for _ in 0..PACKETS_MOST {
        if draw.is_over() {
            break;
        }
        let unit = match draw.below(9) {
            0 => draw.bytes(),
            1 => SPS.to_vec(),
            2 => draw.damaged(SPS),
            3 => PPS.to_vec(),
            4 => [&[0x41][..], &draw.bytes()].concat(),
            // Several units in one packet, and one unit in several.
            5 => [&[0x78, 0, 21][..], SPS, &[0, 4], PPS, &draw.bytes()].concat(),
            6 => [&[0x7c, draw.one_of(&[0x85, 0x05, 0x45])][..], &draw.bytes()].concat(),
            _ => [&[0x65, 0x88][..], &draw.bytes()].concat(),
        };
        let is_end = draw.below(4) != 0;
        let step = if draw.below(16) == 15 { draw.byte() } else { 1 };
        sequence = sequence.wrapping_add(step.into());
        let mut packet = vec![0x80, 97 | u8::from(is_end) << 7];
        packet.extend(sequence.to_be_bytes());
        packet.extend(ticks.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(unit);
        if is_end {
            let far = if draw.below(16) == 15 { draw.number() as u32 } else { 3_600 };
            ticks = ticks.wrapping_add(far);
        }
        let channel = draw.one_of(&[0, 0, 0, 0, 0, 0, 1, 2]);
        all.extend([b'$', channel]);
        all.extend((packet.len() as u16).to_be_bytes());
        all.extend(packet);
    }
    all.extend(draw.bytes());
    all
}

/// Everything that a viewer gets until the camera has hung up.
async fn views(
    cameras: &Cameras,
    (home, camera): (&HomeId, &CameraId),
    mut viewer: Viewer,
) -> Vec<Sent> {
    let mut got = Vec::new();
    let failed = async {
        while !matches!(cameras.state(home, camera), Some(State::Failed(_))) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::pin!(failed);
    loop {
        tokio::select! {
            biased;
            Some(sent) = viewer.next() => got.push(sent),
            () = &mut failed => return got,
        }
    }
}

/// A camera says anything, and hangs up. What reaches viewers is pictures that a player can read.
pub fn streams(bytes: &[u8]) {
    let (got, sent) = stream(bytes);
    are_pictures(&got, sent);
}

fn camera(port: u16) -> Camera {
    let stream = format!("rtsp://127.0.0.1:{port}/live").parse();
    Camera {
        id: "door".parse().expect("an id"),
        kind: CameraKind::Doorbell,
        name: "Door".into(),
        sos_compatible: false,
        has_siren: false,
        stream: Some(stream.expect("an address")),
        small: None,
        login: None,
        keep: Default::default(),
    }
}

/// What a viewer gets of a camera, and how many bytes the camera sent.
fn stream(bytes: &[u8]) -> (Vec<Sent>, usize) {
    let mut draw = Draw::new(bytes);
    on_real_time(async {
        let place = Place::new().await;
        let camera = camera(place.port);
        let home: HomeId = "elm-road".parse().expect("an id");
        let viewer = place.cameras.watch(&home, &camera, 1_000).expect("it has a stream");
        let mut sent = 0;
        let serve = async {
            while let Ok((socket, _)) = place.listener.accept().await {
                // The server may hang up first.
                let _ = speaks(socket, &mut draw, &mut sent).await;
            }
        };
        let got = tokio::select! {
            got = views(&place.cameras, (&home, &camera.id), viewer) => got,
            () = serve => panic!("the listener is open"),
        };
        (got, sent)
    })
}

fn are_pictures(got: &[Sent], sent: usize) {
    let (mut film, mut needs_key, mut length) = (None, true, 0);
    for message in got {
        match message {
            Sent::Format(format) => {
                assert!(format.codec.len() <= 64 && format.codec.is_ascii());
                BASE64.decode(format.description.as_bytes()).expect("base64");
                needs_key = true;
                film = Fmp4::begin(format).ok().map(|(film, beginning)| {
                    boxes(&beginning);
                    film
                });
            }
            Sent::Picture(message) => {
                length += message.len() - HEAD;
                let is_key = message[0] & 1 == 1;
                assert!(is_key || !needs_key, "nothing can be decoded before a key frame");
                needs_key = false;
                are_units(&message[HEAD..]);
                if let Some(film) = &mut film {
                    film.add_message(message).expect("times increase");
                    boxes(&film.fragment());
                }
            }
        }
    }
    // A unit of one byte has three in a packet, and five here.
    assert!(length <= 2 * sent, "{length} bytes of pictures from {sent}");
}

/// Units with their lengths in front of them (ISO/IEC 14496-15, 5.3.2).
fn are_units(mut bytes: &[u8]) {
    assert!(!bytes.is_empty(), "a picture is something");
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        assert!((1..=rest.len()).contains(&length), "{length} of {}", rest.len());
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty());
}

/// The answer to one ONVIF request.
fn soap(draw: &mut Draw, request: &str, port: u16) -> Vec<u8> {
    let fields = field(request, "content-type").unwrap_or_default();
    let action = fields.rsplit('/').next().unwrap_or_default().trim_end_matches('"');
    let uri = match draw.below(8) {
        0 => draw.text(),
        1 => "rtsp://8.8.8.8/live".into(),
        2 => "rtsp://admin:secret@127.0.0.1/live".into(),
        3 => "http://127.0.0.1/live".into(),
        _ => "rtsp://127.0.0.1:554/live?a=1&amp;b=2".into(),
    };
    let number = if draw.below(4) == 3 { draw.number().to_string() } else { "640".into() };
    let name = if draw.yes() { draw.text() } else { "Main".into() };
    let inside = match action {
        "GetSystemDateAndTime" => format!(
            "<SystemDateAndTime><UTCDateTime><Time><Hour>1</Hour><Minute>2</Minute><Second>3</Second></Time>\
             <Date><Year>{number}</Year><Month>1</Month><Day>2</Day></Date></UTCDateTime></SystemDateAndTime>"
        ),
        "GetCapabilities" => format!(
            "<Capabilities><Media><XAddr>http://127.0.0.1:{port}/onvif/media</XAddr></Media></Capabilities>"
        ),
        "GetProfiles" => format!(
            "<Profiles token=\"p\" fixed=\"true\"><Name>{name}</Name>\
             <VideoEncoderConfiguration token=\"v\"><Name>v</Name></VideoEncoderConfiguration></Profiles>"
        )
        .repeat(1 + draw.below(3)),
        "GetStreamUri" => format!("<MediaUri><Uri>{uri}</Uri></MediaUri>"),
        "GetVideoEncoderConfiguration" => format!(
            "<Configuration token=\"v\"><Name>v</Name><UseCount>1</UseCount><Encoding>H264</Encoding>\
             <Resolution><Width>{number}</Width><Height>360</Height></Resolution></Configuration>"
        ),
        _ => String::new(),
    };
    let (begin, end) = ("<s:Envelope><s:Body>", "</s:Body></s:Envelope>");
    let body = format!("{begin}<{action}Response>{inside}</{action}Response>{end}");
    let body = match draw.below(16) {
        12 => draw.damaged(body.as_bytes()),
        13 => draw.bytes(),
        14 => {
            let depth = draw.below(40_000);
            format!("{begin}{}{}{end}", "<a>".repeat(depth), "</a>".repeat(depth)).into_bytes()
        }
        15 => format!("{begin}<s:Fault><Reason><Text>{uri}</Text></Reason></s:Fault>{end}").into(),
        _ => body.into_bytes(),
    };
    let status =
        draw.one_of(&["200 OK", "200 OK", "200 OK", "200 OK", "500 No", "401 No", "302 No"]);
    let asks = match draw.below(4) {
        0 => draw.text().replace(char::is_control, " "),
        _ => "Digest realm=\"cameras\", nonce=\"once\", qop=\"auth\", algorithm=MD5".into(),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nLocation: {uri}\r\nWWW-Authenticate: {asks}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.into_bytes(), body].concat()
}

/// A host answers anything to the question for its streams. Only streams inside the house are
/// offered.
pub fn offers(bytes: &[u8]) {
    are_inside(&offered(bytes));
}

fn offered(bytes: &[u8]) -> Offers {
    let mut draw = Draw::new(bytes);
    let user = if draw.yes() { "admin" } else { "" }.to_owned();
    on_real_time(async {
        let place = Place::new().await;
        let address = format!("http://127.0.0.1:{}/onvif/device_service", place.port);
        let serve = async {
            while let Ok((mut socket, _)) = place.listener.accept().await {
                if let Ok(Some(request)) = request(&mut socket).await {
                    // The server may hang up first.
                    let _ = socket.write_all(&soap(&mut draw, &request, place.port)).await;
                }
            }
        };
        let asked = AskOffers { address, user, password: "secret".into() };
        tokio::select! {
            offers = place.cameras.offers(asked) => offers,
            () = serve => panic!("the listener is open"),
        }
    })
}

fn are_inside(Offers { streams, trouble }: &Offers) {
    assert_eq!(streams.is_empty(), trouble.is_some());
    assert!(
        streams.len() <= 64 && streams.is_sorted_by_key(|offer| std::cmp::Reverse(offer.width))
    );
    for offer in streams {
        assert!(offer.name.chars().count() <= 80 && !offer.name.contains(char::is_control));
        let address: StreamAddress = offer.stream.parse().expect("an address without a password");
        assert!(settings().reach.judge_host(address.host_name()).is_ok(), "{}", offer.stream);
        assert!(!offer.stream.contains("secret"), "a password is shown");
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{bytes, cases},
        *,
    };
    use buckler::api::cameras::StreamTrouble;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(150))]

        #[test]
        fn camera_that_says_anything_sends_pictures_or_none(bytes in bytes(1_500)) {
            streams(&bytes);
        }

        #[test]
        fn host_that_answers_anything_offers_streams_of_the_house(bytes in bytes(600)) {
            offers(&bytes);
        }
    }

    /// The properties are not about refusals alone.
    #[test]
    fn camera_of_these_tests_sends_pictures() {
        let key_frame = [7, 3, 1, 2, 3, 1, 0, 0, 0];
        let (got, sent) = stream(&[&[0, 2, 0, 0, 0][..], &key_frame, &key_frame].concat());
        assert!(matches!(got[..], [Sent::Format(_), Sent::Picture(_), ..]), "{got:?}");
        are_pictures(&got, sent);
    }

    /// Found by fuzzing: the parsers of descriptions panic on these.
    #[test]
    fn malformed_description_is_that_of_no_camera() {
        for description in ["v=0\r\nm=video 0 RTP/AVP \r\n", "v=0\r\nno field\r\ns=Door\r\n"] {
            let tried = on_real_time(async {
                let place = Place::new().await;
                let (home, camera) = ("elm-road".parse().expect("an id"), camera(place.port));
                let serve = async {
                    loop {
                        let (mut socket, _) = place.listener.accept().await.expect("it listens");
                        while let Ok(Some(request)) = request(&mut socket).await {
                            let number = field(&request, "cseq").unwrap_or("0");
                            let length = description.len();
                            let answer = format!(
                                "RTSP/1.0 200 OK\r\nCSeq: {number}\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{description}"
                            );
                            socket.write_all(answer.as_bytes()).await.expect("it reads");
                        }
                    }
                };
                tokio::select! {
                    tried = place.cameras.try_out(&home, &camera) => tried,
                    () = serve => unreachable!("it serves for ever"),
                }
            });
            let tried = tried.expect("it has a stream");
            assert_eq!(tried.trouble, Some(StreamTrouble::NoAnswer), "{description:?}");
        }
    }

    #[test]
    fn camera_of_these_tests_offers_streams() {
        let offers = offered(&[22; 256]);
        assert!(!offers.streams.is_empty(), "{:?}", offers.trouble);
        are_inside(&offers);
    }
}
