//! Live View from real cameras (GStreamer's RTSP server) and from servers that are not cameras:
//! pictures at once, only for people who may see them, and only while they may.

use super::{
    Killed, PATIENCE, Person, Server,
    dropped::{polled, request},
    until, until_within,
};
use crate::domain::story::{home, raise};
use buckler::{
    domain::{
        incident::{Policy, Request, command, decide::start},
        time::Timestamp,
    },
    server::{
        cameras::Clips,
        http::{Assets, router},
    },
};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    pin::pin,
    process::{ChildStdin, Command, Stdio},
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};
use tower::ServiceExt;

pub const CAMERAS: &str = "/api/v1/homes/maple-street/cameras";
const PICTURE_WITHIN: Duration = Duration::from_secs(15);

/// A camera process.
pub struct Camera {
    child: Killed,
    asked: ChildStdin,
    port: u16,
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Camera {
    pub fn start(options: &[&str]) -> Self {
        Self::on(free_port(), options)
    }

    fn on(port: u16, options: &[&str]) -> Self {
        let mut command = Command::new("/usr/bin/python3");
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/native/server/camera.py"))
            .arg(port.to_string())
            .args(options);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/setup test installs GStreamer");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let asked = child.stdin.take().unwrap();
        Self { child: Killed(child), asked, port }
    }

    pub fn address(&self) -> String {
        format!("rtsp://127.0.0.1:{}/live", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Drops the connections, as a failing network does.
    fn drop_connections(&mut self) {
        self.asked.write_all(b"drop\n").unwrap();
        self.asked.flush().unwrap();
    }

    /// Kills the camera, as a pulled cable does.
    fn kill(&mut self) {
        self.child.kill();
    }
}

/// Sets the stream of Maple Street's hallway camera.
pub async fn camera_at(owner: &Person, address: &str) {
    let body = json!({"kind": "camera", "name": "Hallway", "sos_compatible": true, "has_siren": false, "stream": address});
    let (status, answer) = owner.ask(Method::PUT, &format!("{CAMERAS}/hallway"), &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

pub async fn tried(owner: &Person) -> Value {
    owner.post(&format!("{CAMERAS}/hallway/try"), &json!({})).await.1
}

/// A viewer.
pub struct Eye(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// A message to the viewer.
#[derive(Debug)]
pub enum Seen {
    Format(Value),
    Picture { key: bool, before: bool, at_us: u64, bytes: usize },
    End,
}

impl Eye {
    pub async fn open(server: &Server, name: &str, camera: &str) -> Result<Self, Error> {
        Self::with(server, &server.stranger().cookie_of(name).await, camera, None).await
    }

    async fn with(
        server: &Server,
        cookie: &str,
        camera: &str,
        origin: Option<&str>,
    ) -> Result<Self, Error> {
        let path = match camera {
            path if path.starts_with('/') => path.to_owned(),
            path if path.contains('/') => format!("/api/v1/cameras/{path}"),
            camera => format!("/api/v1/cameras/{camera}/live"),
        };
        let url = format!("{}{path}", server.base.replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        origin.map(|origin| request.headers_mut().insert("origin", origin.parse().unwrap()));
        connect_async(request).await.map(|(socket, _)| Self(socket))
    }

    pub async fn next(&mut self) -> Seen {
        loop {
            match timeout(PICTURE_WITHIN, self.0.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => {
                    return Seen::Format(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Binary(bytes))) => {
                    let at_us = u64::from_be_bytes(bytes[1..9].try_into().unwrap());
                    return Seen::Picture {
                        key: bytes[0] & 1 == 1,
                        before: bytes[0] & 2 == 2,
                        at_us,
                        bytes: bytes.len() - 9,
                    };
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Seen::End,
            }
        }
    }

    pub async fn format(&mut self) -> Value {
        match self.next().await {
            Seen::Format(format) => format,
            other => panic!("expected how it is decoded, not {other:?}"),
        }
    }

    /// Waits for the next picture. Returns whether it is a key frame.
    pub async fn picture(&mut self) -> bool {
        loop {
            match self.next().await {
                Seen::Picture { key, .. } => return key,
                Seen::Format(_) => {}
                Seen::End => panic!("the stream ended"),
            }
        }
    }
}

fn status(refused: Result<Eye, Error>) -> u16 {
    match refused {
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => 101,
    }
}

#[tokio::test]
async fn a_demos_cameras_send_real_pictures_at_once() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    for (home, camera) in [
        ("maple-street", "front-door"),
        ("maple-street", "driveway"),
        ("lake-cabin", "dock"),
        ("garden-flat", "gate"),
    ] {
        let told = owner.get(&format!("/api/v1/homes/{home}")).await.1;
        let told =
            told["cameras"].as_array().unwrap().iter().find(|c| c["id"] == camera).unwrap().clone();
        assert_eq!((&told["live"], &told["online"]), (&json!(true), &json!(true)));
        let mut eye = Eye::open(&server, "owner", camera).await.unwrap();
        let format = eye.format().await;
        assert!(
            format["codec"].as_str().unwrap().starts_with("avc1.") && format["width"] == 640,
            "{format}"
        );
        assert!(eye.picture().await, "the first stands by itself");
        let (mut last, mut keys) = (0, 0);
        for _ in 0..30 {
            if let Seen::Picture { key, at_us, bytes, .. } = eye.next().await {
                assert!(at_us > last && bytes > 0);
                (last, keys) = (at_us, keys + usize::from(key));
            }
        }
        assert!(keys >= 2, "one each second");
        let still = owner
            .client
            .get(format!("{}/api/v1/cameras/{camera}/still?home={home}", server.base))
            .send()
            .await
            .unwrap();
        assert_eq!(
            (still.status(), &still.headers()["content-type"]),
            (StatusCode::OK, &"image/jpeg".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn later_viewer_sees_a_key_frame_at_once_on_a_shared_connection() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let camera = Camera::start(&["--gop", "4"]);
    camera_at(&owner, &camera.address()).await;
    let mut first = Eye::open(&server, "owner", "hallway").await.unwrap();
    let format = first.format().await;
    assert_eq!(
        (&format["width"], &format["height"]),
        (&json!(640), &json!(368)),
        "as it is coded: whole blocks"
    );
    assert!(first.picture().await);
    for _ in 0..12 {
        first.picture().await;
    }
    let mut second = Eye::open(&server, "owner", "hallway").await.unwrap();
    second.format().await;
    let Seen::Picture { key: true, before: true, at_us, .. } = second.next().await else {
        panic!("the last key frame")
    };
    let now = server.app.clock.now().as_millis() * 1_000;
    assert!(now - at_us > 300_000, "it is from before");
    let mut caught_up = 0;
    while let Seen::Picture { before: true, .. } = second.next().await {
        caught_up += 1;
    }
    assert!(caught_up >= 10, "and what came after it");
}

#[tokio::test]
async fn a_camera_with_a_password_is_signed_in_to_and_nobody_reads_it() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let camera = Camera::start(&["--login", "admin:secret-7"]);
    camera_at(&owner, &camera.address()).await;
    assert_eq!(tried(&owner).await["trouble"], "wrong_login");
    let login = async |password: &str| {
        let body = json!({"user": "admin", "password": password});
        assert_eq!(
            owner.ask(Method::PUT, &format!("{CAMERAS}/hallway/login"), &body).await.0,
            StatusCode::OK
        );
    };
    login("wrong-7").await;
    assert_eq!(tried(&owner).await["trouble"], "wrong_login");
    login("secret-7").await;
    assert_eq!(tried(&owner).await, json!({"width": 640, "height": 368}));
    let mut eye = Eye::open(&server, "owner", "hallway").await.unwrap();
    eye.format().await;
    assert!(eye.picture().await);
    // The login is not readable anywhere: not for owners, not in the log, not on the disk.
    for path in ["", "/household", "/audit"] {
        let told = owner.get(&format!("/api/v1/homes/maple-street{path}")).await.1.to_string();
        assert!(!told.contains("secret-7") && !told.contains("login\":\""), "{told}");
    }
    assert_eq!(
        owner.get("/api/v1/homes/maple-street/household").await.1["streams"][0]["has_login"],
        true
    );
    let stored = std::fs::read(server.file()).unwrap();
    assert!(!stored.windows(8).any(|window| window == b"secret-7"));
    // The login is never sent to another camera.
    let other = Camera::start(&["--login", "admin:secret-7"]);
    camera_at(&owner, &other.address()).await;
    assert_eq!(tried(&owner).await["trouble"], "wrong_login");
}

/// In two steps, a camera was in the home for a moment without its password. An owner who tried it
/// then read that the password is wrong, and a connection lost in between left it so.
#[tokio::test]
async fn camera_is_added_with_its_password_or_not_at_all() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let camera = Camera::start(&["--login", "admin:secret-7"]);
    let add = async |user: &str| {
        let login = json!({"user": user, "password": "secret-7"});
        let body = json!({"kind": "camera", "name": "Shed", "sos_compatible": true, "has_siren": false,
                          "stream": camera.address(), "login": login});
        owner.post(CAMERAS, &body).await.0
    };
    assert_eq!(add(&"a".repeat(129)).await, StatusCode::UNPROCESSABLE_ENTITY);
    let streams =
        async || owner.get("/api/v1/homes/maple-street/household").await.1["streams"].clone();
    assert_eq!(streams().await, json!([]), "nothing is left of a refused camera");
    assert_eq!(add(" admin ").await, StatusCode::OK);
    assert_eq!(streams().await[0]["has_login"], true);
    let tried = owner.post(&format!("{CAMERAS}/shed/try"), &json!({})).await.1;
    assert_eq!(tried, json!({"width": 640, "height": 368}));
}

#[tokio::test]
async fn disconnected_camera_comes_back_and_disturbs_nothing() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut camera = Camera::start(&[]);
    camera_at(&owner, &camera.address()).await;
    let mut eye = Eye::open(&server, "owner", "hallway").await.unwrap();
    eye.format().await;
    eye.picture().await;
    camera.drop_connections();
    let online = async || {
        let home = owner.get("/api/v1/homes/maple-street").await.1;
        home["cameras"].as_array().unwrap().iter().find(|c| c["id"] == "hallway").unwrap()["online"]
            .clone()
    };
    until("it is lost", || async { (online().await == false).then_some(()) }).await;
    // The viewer stays, and pictures continue with a key frame.
    while !eye.picture().await {}
    let port = camera.port;
    camera.kill();
    until("it is gone", || async { (online().await == false).then_some(()) }).await;
    let incident = owner
        .raise(
            "maple-street",
            "medical",
            json!({"source": {"surface": "live_view", "camera": "hallway"}}),
        )
        .await;
    assert_eq!(incident.0, StatusCode::CREATED, "help needs no picture");
    let _again = Camera::on(port, &[]);
    while !eye.picture().await {}
    until("it is back", || async { (online().await == true).then_some(()) }).await;
}

#[tokio::test]
async fn a_camera_that_changes_its_size_is_decoded_anew() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let camera = Camera::start(&["--grow", "--size", "320x176"]);
    camera_at(&owner, &camera.address()).await;
    let mut eye = Eye::open(&server, "owner", "hallway").await.unwrap();
    assert_eq!(eye.format().await["width"], 320);
    let again = loop {
        if let Seen::Format(format) = eye.next().await {
            break format;
        }
    };
    assert_eq!((&again["width"], &again["height"]), (&json!(640), &json!(352)));
    assert!(eye.picture().await, "and begins with a picture that stands by itself");
}

#[tokio::test]
async fn no_picture_reaches_who_may_not_look_or_may_no_longer() {
    let server = Server::start("30s").await;
    for (name, camera, answer) in [
        ("guest", "front-door", 101),
        ("shared", "front-door", 101),
        ("operator", "front-door", 404),
        ("owner", "cellar", 404),
    ] {
        assert_eq!(status(Eye::open(&server, name, camera).await), answer, "{name} {camera}");
    }
    assert_eq!(status(Eye::with(&server, "buckler_session=forged", "front-door", None).await), 401);
    let cookie = server.stranger().cookie_of("owner").await;
    assert_eq!(
        status(Eye::with(&server, &cookie, "front-door", Some("https://evil.example")).await),
        403
    );
    assert_eq!(
        status(Eye::with(&server, &cookie, "front-door/live?home=lake-cabin", None).await),
        404
    );
    let stranger = server.stranger();
    assert_eq!(stranger.get("/api/v1/cameras/front-door/still").await.0, StatusCode::UNAUTHORIZED);
    // Streams end within five seconds after a removal, a sign-out, or the end of the camera.
    let owner = server.sign_in("owner").await;
    let people = owner.get("/api/v1/homes/maple-street/household").await.1["people"].clone();
    let guest = people.as_array().unwrap().iter().find(|p| p["role"] == "guest").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let ends = async |eye: &mut Eye| {
        timeout(Duration::from_secs(5), async { while !matches!(eye.next().await, Seen::End) {} })
            .await
            .expect("it ends");
    };
    let mut eye = Eye::open(&server, "guest", "front-door").await.unwrap();
    eye.picture().await;
    let path = format!("/api/v1/homes/maple-street/people/{guest}");
    assert_eq!(owner.ask(Method::DELETE, &path, &Value::Null).await.0, StatusCode::OK);
    ends(&mut eye).await;
    let leaving = server.stranger().cookie_of("shared").await;
    let mut eye = Eye::with(&server, &leaving, "front-door", None).await.unwrap();
    eye.picture().await;
    let out = reqwest::Client::new()
        .delete(format!("{}/api/v1/session", server.base))
        .header("cookie", &leaving)
        .send()
        .await
        .unwrap();
    assert!(out.status().is_success());
    ends(&mut eye).await;
    let mut eye = Eye::open(&server, "owner", "driveway").await.unwrap();
    eye.picture().await;
    assert_eq!(
        owner.ask(Method::DELETE, &format!("{CAMERAS}/driveway"), &Value::Null).await.0,
        StatusCode::OK
    );
    ends(&mut eye).await;
}

#[tokio::test]
async fn a_viewer_has_nothing_to_say() {
    let server = Server::start("30s").await;
    let mut eye = Eye::open(&server, "owner", "front-door").await.unwrap();
    eye.picture().await;
    eye.0.send(Message::Text("hello".into())).await.unwrap();
    eye.picture().await;
    // A viewer must not send larger messages, so this one ends the stream.
    let _ = eye.0.send(Message::Binary(vec![0; 1 << 20].into())).await;
    while !matches!(eye.next().await, Seen::End) {}
}

/// Safari plays only files that it can request in ranges (RFC 9110, 14).
async fn a_part_of_it(owner: &Person, path: &str, whole: &[u8]) {
    let part = async |range: &str| {
        owner
            .client
            .get(format!("{}{path}", owner.base))
            .header("range", range)
            .send()
            .await
            .unwrap()
    };
    let first = part("bytes=0-1").await;
    assert_eq!(first.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(first.headers()["content-range"], format!("bytes 0-1/{}", whole.len()));
    assert_eq!(
        (&first.headers()["content-type"], &first.headers()["cache-control"]),
        (&"video/mp4".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!(first.bytes().await.unwrap(), whole[..2]);
    let last = part("bytes=-100").await;
    assert_eq!(last.bytes().await.unwrap(), whole[whole.len() - 100..]);
    assert_eq!(
        part(&format!("bytes={}-", whole.len())).await.status(),
        StatusCode::RANGE_NOT_SATISFIABLE
    );
}

#[tokio::test]
async fn an_incident_from_live_view_keeps_what_the_camera_showed() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut eye = Eye::open(&server, "owner", "front-door").await.unwrap();
    for _ in 0..24 {
        eye.picture().await;
    }
    let source = json!({"source": {"surface": "live_view", "camera": "front-door"}});
    let incident = owner.raise("maple-street", "police", source).await.1;
    owner.act(&incident, "cancel").await;
    let path = format!("/api/v1/incidents/{}/clip", incident["id"].as_str().unwrap());
    assert_eq!(owner.get(&path).await.0, StatusCode::NOT_FOUND, "not before it is whole");
    // Nobody watches any more, and the clip is still recorded to its end.
    drop(eye);
    let clip = async || {
        let answer = owner.client.get(format!("{}{path}", server.base)).send().await.unwrap();
        Some(answer).filter(|answer| answer.status() == StatusCode::OK)
    };
    let file = until_within(2 * PATIENCE, "the clip", clip).await.bytes().await.unwrap();
    assert_eq!(&file[4..8], b"ftyp");
    let moofs = file.windows(4).filter(|window| *window == b"moof").count();
    assert!((31..=44).contains(&moofs), "a fragment a second: {moofs}");
    let export = owner
        .get(&format!("/api/v1/incidents/{}/export", incident["id"].as_str().unwrap()))
        .await
        .1;
    assert_eq!(
        (&export["clip"]["path"], &export["clip"]["bytes"]),
        (&json!(path), &json!(file.len()))
    );
    assert_eq!(owner.look(&incident).await["clip"], true);
    a_part_of_it(&owner, &path, &file).await;
    assert_eq!(server.sign_in("operator").await.get(&path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_real_camera_has_a_still_where_there_is_an_ffmpeg() {
    // The ffmpeg of this machine.
    let server = Server::with_file("ffmpeg = \"/usr/bin/ffmpeg\"\n").await;
    let owner = server.sign_in("owner").await;
    let camera = Camera::start(&[]);
    camera_at(&owner, &camera.address()).await;
    let still = async || {
        owner
            .client
            .get(format!("{}/api/v1/cameras/hallway/still", server.base))
            .send()
            .await
            .unwrap()
    };
    assert_eq!(still().await.status(), StatusCode::NOT_FOUND, "nobody has looked yet");
    let mut eye = Eye::open(&server, "owner", "hallway").await.unwrap();
    assert!(eye.picture().await);
    let picture = still().await;
    assert_eq!(
        (picture.status(), &picture.headers()["content-type"]),
        (StatusCode::OK, &"image/jpeg".parse().unwrap())
    );
    assert!(picture.bytes().await.unwrap().starts_with(b"\xff\xd8"));
    drop((eye, camera));
    assert_eq!(still().await.status(), StatusCode::OK, "the last one stays");
}

/// The phone from which help is requested may lose its network at once.
#[tokio::test]
async fn dropped_request_from_live_view_keeps_its_clip() {
    let server = Server::start("30s").await;
    let mut eye = Eye::open(&server, "owner", "front-door").await.unwrap();
    assert!(eye.picture().await);
    let cookie = server.stranger().cookie().await;
    let routes = router(server.app.clone(), Assets::of_last_build());
    for polls in 1..200 {
        let body = json!({
            "id": uuid::Uuid::from_u128(polls as u128),
            "request": "police",
            "mode": "live",
            "source": {"surface": "live_view", "camera": "front-door"},
            "sent_at": server.app.clock.now(),
        });
        let path = "/api/v1/homes/maple-street/incidents";
        let raise = request(&Method::POST, path, &body, Some(&cookie));
        drop(polled(pin!(routes.clone().oneshot(raise)), polls).await);
        // A request that had reached its handler before it was dropped is carried out. Once this is
        // answered, it is, or the next round finds it.
        let id = body["id"].as_str().unwrap().parse().unwrap();
        drop(server.app.engine.give(id, command::Command::Tick).await);
        let running = server.app.engine.view().running_in(&"maple-street".parse().unwrap());
        if let Some(current) = running {
            let clip = async || server.app.clips.find(&current.incident).await;
            until_within(2 * PATIENCE, "the clip", clip).await;
            return;
        }
    }
    panic!("it is never raised");
}

/// The clips of earlier versions were not in folders of homes.
#[tokio::test]
async fn clip_is_found_in_the_folder_of_its_home_and_from_before() {
    let (folder, now) = (tempfile::tempdir().unwrap(), Timestamp::from_millis(1_000_000));
    let clips = Clips::new(folder.path());
    let incident = start(raise(&home(), Request::Police, Policy::default()), now).after;
    assert!(clips.find(&incident).await.is_none() && clips.open(&incident).is_err());
    let name = format!("{}.mp4", incident.id);
    let live = format!("clips/{}/live", incident.home);
    for place in ["clips".to_owned(), live] {
        let place = folder.path().join(place);
        std::fs::create_dir_all(&place).unwrap();
        let file = place.join(&name);
        std::fs::write(&file, [0; 10]).unwrap();
        assert_eq!(clips.find(&incident).await.as_ref(), Some(&file));
        assert_eq!(clips.open(&incident).unwrap().metadata().unwrap().len(), 10);
        std::fs::remove_file(file).unwrap();
    }
}
