//! Cameras that are found by ONVIF (ipycam over GStreamer's pictures), that support only UDP, or
//! that have a smaller stream for small screens.

use super::{
    Killed, Person, Server,
    cameras::{CAMERAS, Camera, Eye, camera_at, free_port, tried},
};
use futures_util::FutureExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};
use tokio::net::TcpListener;

const SEARCH: &str = "/api/v1/homes/maple-street/camera-search";
const OFFERS: &str = "/api/v1/homes/maple-street/camera-offers";

/// Runs a program of this folder with the Python packages that scripts/setup installs.
pub fn python(program: &str) -> Command {
    let tools = std::env::var_os("BUCKLER_TOOLS");
    let tools = tools
        .map_or_else(|| std::env::home_dir().unwrap().join(".cache/buckler/tools"), PathBuf::from);
    let mut command = Command::new(tools.join("python/bin/python"));
    command.arg(format!("{}/tests/native/server/{program}", env!("CARGO_MANIFEST_DIR")));
    command
}

/// The ONVIF service of a camera.
struct Face {
    _child: Killed,
    port: u16,
}

impl Face {
    fn of(camera: &Camera, name: &str, options: &[&str]) -> Self {
        let port = free_port();
        let mut command = python("onvif.py");
        command
            .args([&port.to_string(), &camera.port().to_string(), name])
            .args(options)
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("scripts/setup test installs ipycam");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { _child: Killed(child), port }
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}/onvif/device_service", self.port)
    }
}

async fn offers(owner: &Person, address: &str, user: &str, password: &str) -> Value {
    let (status, answer) =
        owner.post(OFFERS, &json!({"address": address, "user": user, "password": password})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test]
async fn a_camera_is_found_asked_for_its_streams_and_added() {
    let server = Server::with_file("[cameras]\nsearch = [\"127.0.0.1\"]\n").await;
    let owner = server.sign_in("owner").await;
    let camera = Camera::start(&["--login", "admin:secret-7"]);
    let face = Face::of(&camera, "Backyard", &["--found", "--login", "admin:secret-7"]);
    let found = owner.post(SEARCH, &Value::Null).await.1;
    assert_eq!(
        (&found["cameras"][0]["name"], &found["cameras"][0]["address"]),
        (&json!("Backyard"), &json!(face.address()))
    );
    assert_eq!(found["cameras"].as_array().unwrap().len(), 1, "{found}");
    for (user, password) in [("", ""), ("admin", "secret-8")] {
        assert_eq!(
            offers(&owner, &face.address(), user, password).await,
            json!({"streams": [], "trouble": "wrong_login"})
        );
    }
    let offered = offers(&owner, &face.address(), "admin", "secret-7").await["streams"].clone();
    let at = |path: &str| json!(format!("rtsp://127.0.0.1:{}/{path}", camera.port()));
    assert_eq!(
        (&offered[0]["stream"], &offered[1]["stream"]),
        (&at("live"), &at("small")),
        "{offered}"
    );
    assert_eq!(
        (&offered[0]["name"], &offered[0]["width"], &offered[0]["height"]),
        (&json!("MainStream"), &json!(640), &json!(360))
    );
    let body = json!({"kind": "camera", "name": "Backyard", "sos_compatible": true, "has_siren": false, "stream": at("live"), "small": at("small")});
    assert_eq!(owner.post(CAMERAS, &body).await.0, StatusCode::OK);
    let login = json!({"user": "admin", "password": "secret-7"});
    assert_eq!(
        owner.ask(Method::PUT, &format!("{CAMERAS}/backyard/login"), &login).await.0,
        StatusCode::OK
    );
    // Small screens get the smaller stream; a client that does not state its size gets the larger
    // one.
    for (screen, width) in [("?width=390", 160), ("?width=1440", 640), ("", 640)] {
        let mut eye = Eye::open(&server, "owner", &format!("backyard/live{screen}")).await.unwrap();
        assert_eq!(eye.format().await["width"], width, "{screen}");
        assert!(eye.picture().await);
    }
}

#[tokio::test]
async fn a_camera_that_wants_digest_authentication_is_signed_in_to() {
    let server = Server::with_file("[cameras]\nsearch = [\"127.0.0.1\"]\n").await;
    let owner = server.sign_in("owner").await;
    let camera = Camera::start(&[]);
    let face = Face::of(&camera, "Gate", &["--login", "admin:secret-7", "--digest"]);
    assert_eq!(
        offers(&owner, &face.address(), "admin", "secret-7").await["streams"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        offers(&owner, &face.address(), "admin", "secret-8").await["trouble"],
        "wrong_login"
    );
    assert_eq!(offers(&owner, &face.address(), "", "").await["trouble"], "wrong_login");
}

#[tokio::test]
async fn camera_is_not_believed_and_no_host_elsewhere_is_asked() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let camera = Camera::start(&[]);
    let face = Face::of(&camera, "Liar", &["--elsewhere"]);
    assert_eq!(
        offers(&owner, &face.address(), "", "").await,
        json!({"streams": [], "trouble": "no_video"})
    );
    let troubles = [
        ("http://8.8.8.8/onvif/device_service", "not_private"),
        ("http://134744072/onvif/device_service", "not_private"),
        ("https://127.0.0.1/onvif/device_service", "encrypted"),
        ("file:///etc/passwd", "encrypted"),
        ("nothing", "no_answer"),
        ("http://no-such-name.invalid/", "no_such_name"),
    ];
    for (address, trouble) in troubles {
        assert_eq!(offers(&owner, address, "", "").await["trouble"], trouble, "{address}");
    }
    let silent = format!("http://127.0.0.1:{}/", free_port());
    assert_eq!(offers(&owner, &silent, "", "").await["trouble"], "no_answer");
    // This server answers there, and it is not a camera.
    assert_eq!(
        offers(&owner, &format!("{}/onvif", server.base), "", "").await["trouble"],
        "no_answer"
    );
}

/// Security 13: an owner let the server send requests to services that trust its machine.
#[tokio::test]
async fn server_itself_is_asked_only_if_the_configuration_allows() {
    let allow = |network: &str| format!("[cameras]\nallow = [\"{network}\"]\n");
    let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = service.local_addr().unwrap().port();
    let server = Server::with_file(&allow("127.0.0.0/8")).await;
    camera_at(&server.sign_in("owner").await, &format!("rtsp://127.0.0.1:{port}/live")).await;
    let settings = server.file().with_file_name("buckler.toml");
    let stricter = async || std::fs::write(settings, allow("203.0.113.8/32")).unwrap();
    let server = server.restart_with_file(stricter).await;
    let owner = server.sign_in("owner").await;
    // The camera from before is still there, and says why it has no picture.
    assert_eq!(tried(&owner).await["trouble"], "not_allowed");
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "169.254.169.254",
    ] {
        let address = format!("http://{host}:{port}/admin?shutdown=1");
        assert_eq!(offers(&owner, &address, "", "").await["trouble"], "not_allowed", "{host}");
    }
    let camera = json!({"kind": "camera", "name": "go2rtc", "sos_compatible": true, "has_siren": false,
                        "stream": format!("rtsp://127.0.0.1:{port}/front_door")});
    let (status, problem) = owner.post(CAMERAS, &camera).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let error = &problem["errors"][0];
    assert_eq!((&error["field"], &error["fault"]), (&json!("stream"), &json!("not_allowed")));
    assert!(error["message"].as_str().unwrap().contains("cameras.allow"), "{problem}");
    assert!(service.accept().now_or_never().is_none(), "nobody connected");
}

#[tokio::test]
async fn a_demo_searches_this_machine_alone() {
    let server = Server::start("30s").await;
    assert_eq!(
        server.app.cameras.settings().search,
        ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]
    );
}

#[tokio::test]
async fn a_camera_that_knows_only_udp_is_seen_too() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let camera = Camera::start(&["--udp"]);
    camera_at(&owner, &camera.address()).await;
    assert_eq!(tried(&owner).await["width"], 640);
    let mut eye = Eye::open(&server, "owner", "hallway/live").await.unwrap();
    eye.format().await;
    for _ in 0..30 {
        eye.picture().await;
    }
}

#[tokio::test]
async fn a_smaller_stream_comes_from_the_same_camera() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let body = |small: &str| json!({"kind": "camera", "name": "Hallway", "sos_compatible": true, "has_siren": false, "stream": "rtsp://10.0.0.7/1", "small": small});
    for (small, fault) in [
        ("rtsp://10.0.0.8/2", "another_camera"),
        ("rtsp://8.8.8.8/2", "not_private"),
        ("http://10.0.0.7/2", "not_a_stream"),
    ] {
        let (status, problem) =
            owner.ask(Method::PUT, &format!("{CAMERAS}/hallway"), &body(small)).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("small")),
            "{problem}"
        );
        assert_eq!(problem["errors"][0]["fault"], fault);
    }
    assert_eq!(
        owner.ask(Method::PUT, &format!("{CAMERAS}/hallway"), &body("rtsp://10.0.0.7/2")).await.0,
        StatusCode::OK
    );
    let kept = owner.get("/api/v1/homes/maple-street/household").await.1["streams"][0].clone();
    assert_eq!(
        (&kept["address"], &kept["small"]),
        (&json!("rtsp://10.0.0.7/1"), &json!("rtsp://10.0.0.7/2"))
    );
}
