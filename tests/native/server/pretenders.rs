//! Cameras that are broken, and servers that are not cameras: each gets a named trouble, is not
//! contacted endlessly, and disturbs nothing else.

use super::{
    Server,
    cameras::{CAMERAS, Camera, Eye, Seen, camera_at, free_port, tried},
    until, wait,
};
use data_encoding::BASE64;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// How a server fails as a camera.
#[derive(Clone, Copy)]
enum Pretends {
    /// Sends invalid packets.
    Broken,
    /// Never sends a key frame.
    NoKey,
    /// Sends endless headers.
    Endless,
    /// Serves web pages.
    Web,
}

async fn pretender(how: Pretends) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("rtsp://{}/live", listener.local_addr().unwrap());
    let asked: Arc<AtomicUsize> = Arc::default();
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            // The client may disconnect at any moment.
            tokio::spawn(async move { drop(pretend(socket, how).await) });
        }
    });
    (address, asked)
}

/// SPS and PPS of a real stream, in the form of SDP (RFC 6184, 8.1).
fn parameter_sets() -> String {
    let stream = include_bytes!("../../../assets/cameras/street.h264");
    let part = |kind: u8| {
        let from =
            stream.windows(4).position(|w| w[..3] == [0, 0, 1] && w[3] & 31 == kind).unwrap() + 3;
        let to = stream[from..].windows(3).position(|w| w == [0, 0, 0] || w == [0, 0, 1]).unwrap();
        BASE64.encode(&stream[from..from + to])
    };
    format!("{},{}", part(7), part(8))
}

async fn pretend(mut socket: TcpStream, how: Pretends) -> std::io::Result<()> {
    let mut number = 0;
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(socket.read_u8().await?);
        }
        match how {
            Pretends::Web => {
                return socket
                    .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                    .await;
            }
            Pretends::Endless => {
                socket.write_all(b"RTSP/1.0 200 OK\r\n").await?;
                loop {
                    socket
                        .write_all(format!("X-{number}: {}\r\n", "a".repeat(1_000)).as_bytes())
                        .await?;
                    number += 1;
                }
            }
            Pretends::Broken | Pretends::NoKey => {}
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let sequence =
            request.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap_or("1").to_owned();
        let more = match request.split(' ').next().unwrap_or_default() {
            "DESCRIBE" => {
                let sdp = format!(
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
                     a=fmtp:96 packetization-mode=1;sprop-parameter-sets={}\r\na=control:track\r\n",
                    parameter_sets()
                );
                format!(
                    "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
                    sdp.len()
                )
            }
            "SETUP" => {
                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000001\r\nSession: 1\r\n\r\n"
                    .into()
            }
            _ => "Session: 1\r\nRTP-Info: url=track;seq=1;rtptime=0\r\n\r\n".to_owned(),
        };
        socket
            .write_all(format!("RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{more}").as_bytes())
            .await?;
        if !request.starts_with("PLAY") {
            continue;
        }
        for number in 1_u16.. {
            let mut packet = vec![0x80, 0x80 | 96];
            packet.extend(number.to_be_bytes());
            packet.extend((u32::from(number) * 3_600).to_be_bytes());
            packet.extend(1_u32.to_be_bytes());
            // A slice that depends on others.
            packet.extend([0x41, 0x9a, 0x12, 0x34, 0x56]);
            if matches!(how, Pretends::Broken) {
                packet = (0..number).map(|n| (n * 37) as u8).collect();
            }
            socket
                .write_all(
                    &[&[b'$', 0][..], &(packet.len() as u16).to_be_bytes(), &packet].concat(),
                )
                .await?;
            wait(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn pretended_camera_is_named_in_a_word_and_not_asked_forever() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    for (how, words) in [
        (Pretends::Web, &["no_answer"][..]),
        (Pretends::Endless, &["no_answer"]),
        (Pretends::NoKey, &["no_key_frame"]),
        (Pretends::Broken, &["lost", "no_key_frame"]),
    ] {
        let (address, asked) = pretender(how).await;
        camera_at(&owner, &address).await;
        let trouble = tried(&owner).await["trouble"].clone();
        assert!(words.contains(&trouble.as_str().unwrap()), "{trouble} is none of {words:?}");
        let mut eye = Eye::open(&server, "owner", "hallway").await.unwrap();
        let before = asked.load(Ordering::Relaxed);
        let looked = timeout(Duration::from_secs(4), async {
            while !matches!(eye.next().await, Seen::End) {}
        })
        .await;
        assert!(looked.is_err(), "the viewer waits");
        assert!(asked.load(Ordering::Relaxed) - before <= 4, "it is not asked all the time");
    }
    let nobody = free_port();
    for (address, word) in [
        (format!("rtsp://127.0.0.1:{nobody}/live"), "no_answer"),
        ("rtsp://no-such-camera.local/live".into(), "no_such_name"),
    ] {
        camera_at(&owner, &address).await;
        assert_eq!(tried(&owner).await["trouble"], word, "{address}");
    }
    let real = Camera::start(&[]);
    camera_at(&owner, &real.address().replace("/live", "/other")).await;
    assert_eq!(tried(&owner).await["trouble"], "no_such_stream");
    // None of that disturbed anything else.
    assert!(Eye::open(&server, "owner", "front-door").await.unwrap().picture().await);
    assert_eq!(owner.raise("maple-street", "police", json!({})).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_camera_can_be_kept_warm() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let (address, asked) = pretender(Pretends::NoKey).await;
    let (other, other_asked) = pretender(Pretends::NoKey).await;
    let kept = async |camera: &str, address: &str, keep: &str| {
        let body = json!({"kind": "camera", "name": camera, "sos_compatible": true, "has_siren": false, "stream": address, "keep": keep});
        assert_eq!(
            owner.ask(Method::PUT, &format!("{CAMERAS}/{camera}"), &body).await.0,
            StatusCode::OK
        );
    };
    kept("hallway", &address, "on_demand").await;
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nobody looks");
    kept("hallway", &address, "while_home_is_open").await;
    // A camera that is set up later and is always kept gets a request. The first one would have got
    // one earlier.
    kept("driveway", &other, "always").await;
    until("the other is asked", || async {
        (other_asked.load(Ordering::Relaxed) > 0).then_some(())
    })
    .await;
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nobody has the home open");
    let _open = owner
        .client
        .get(format!("{}/api/v1/homes/maple-street/events", server.base))
        .send()
        .await
        .unwrap();
    until("it is asked", || async { (asked.load(Ordering::Relaxed) > 0).then_some(()) }).await;
}
