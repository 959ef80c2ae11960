//! The real binary, a receiving center and panels, over DC-09: how soon a signal is acknowledged,
//! and five hundred a second in and out. Invariants are asserted. Durations are only printed,
//! because a test machine may be busy.

use super::{
    figures::{at, figure, keep, ms, sorted},
    load::instant,
    receiver::{Taken, account, receiving},
    server::{Server, client, fill, free_port, look, option, raise, send_now, sign_in},
};
use buckler::{
    domain::time::Timestamp,
    server::dc09::codec::{Frame, Id},
};
use reqwest::Client;
use std::{collections::HashMap, fmt::Write, fs, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc::UnboundedReceiver,
    task::JoinSet,
    time::sleep,
};

async fn next(taken: &mut UnboundedReceiver<Taken>) -> Taken {
    tokio::time::timeout(Duration::from_secs(60), taken.recv())
        .await
        .expect("it comes")
        .expect("the receiver lives")
}

/// Sends `--samples` signals one by one, then `--panels` within a second, out and in.
pub async fn center() {
    let (samples, panels) = (option("--samples", 200), option("--panels", 500));
    signals_out(samples, panels).await;
    signals_in(panels).await;
}

async fn signals_out(samples: usize, panels: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (client, serve) = (client(), free_port());
    fill(folder.path(), serve, samples + panels).await;
    let (settings, mut taken) = receiving(samples + panels, Duration::ZERO).await;
    let file = folder.path().join("buckler.toml");
    fs::write(&file, settings).expect("written");
    let mut server = Server::start_with(folder.path(), serve, &client, |command| {
        command.arg("--config").arg(&file);
    })
    .await;
    let base = server.base();
    sign_in(&client, &base).await;
    one_by_one(&client, &base, samples, &mut taken).await;
    within_a_second(&client, &base, samples..samples + panels, &mut taken).await;
    server.kill();
}

/// Measures the time from Send Now until the receiver has the signal.
async fn one_by_one(
    client: &Client,
    base: &str,
    samples: usize,
    taken: &mut UnboundedReceiver<Taken>,
) {
    let mut took = Vec::new();
    for home in 0..samples {
        let id = raise(client, base, home, "medical").await;
        let (pressed, asks, to) = (instant(), client.clone(), base.to_owned());
        let sent = tokio::spawn(async move { send_now(&asks, &to, &id).await });
        let signal = next(taken).await;
        assert_eq!(signal.account, account(home));
        took.push(ms(signal.at - pressed));
        sent.await.expect("answered");
    }
    keep("center-send-now", &took);
    let took = sorted(took);
    figure("Send Now until a receiving center has it: p50", at(&took, 0.5), "ms", "-");
    figure("Send Now until a receiving center has it: p99", at(&took, 0.99), "ms", "20");
}

/// The countdowns of all homes end within a second: each signal arrives once, and none early.
async fn within_a_second(
    client: &Client,
    base: &str,
    homes: std::ops::Range<usize>,
    taken: &mut UnboundedReceiver<Taken>,
) {
    let panels = homes.len();
    let mut asked = JoinSet::new();
    for (n, home) in homes.enumerate() {
        let (client, base) = (client.clone(), base.to_owned());
        asked.spawn(async move {
            sleep(Duration::from_secs(1).mul_f64(n as f64 / panels as f64)).await;
            let id = raise(&client, &base, home, "medical").await;
            let deadline = look(&client, &base, &id).await["deadline"]
                .as_str()
                .expect("it counts down")
                .parse::<Timestamp>();
            (account(home), deadline.expect("a moment"))
        });
    }
    let due: HashMap<_, _> = asked.join_all().await.into_iter().collect();
    let (mut late, mut early) = (HashMap::new(), 0);
    while late.len() < due.len() {
        let signal = next(taken).await;
        early += usize::from(signal.clock < due[&signal.account]);
        assert!(
            late.insert(signal.account.clone(), ms(signal.clock.since(due[&signal.account])))
                .is_none(),
            "I12: {} once",
            signal.account
        );
    }
    assert_eq!(early, 0, "I3: none before D");
    let late = sorted(late.into_values().collect());
    figure(&format!("{panels} within a second: heard after D, p99"), at(&late, 0.99), "ms", "20");
    figure(&format!("{panels} within a second: heard after D, last"), at(&late, 1.0), "ms", "-");
}

async fn signals_in(panels: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (client, serve, port) = (client(), free_port(), free_port());
    fill(folder.path(), serve, panels).await;
    let mut settings = format!("[center.listener]\nlisten = \"tcp://127.0.0.1:{port}\"\n");
    (0..panels)
        .try_for_each(|n| {
            writeln!(settings, "[center.listener.accounts.{}]\nhome = \"home-{n}\"", account(n))
        })
        .expect("a text");
    let file = folder.path().join("buckler.toml");
    fs::write(&file, settings).expect("written");
    let mut server = Server::start_with(folder.path(), serve, &client, |command| {
        command.arg("--config").arg(&file);
    })
    .await;
    let mut asked = JoinSet::new();
    for n in 0..panels {
        asked.spawn(async move {
            sleep(Duration::from_secs(1).mul_f64(n as f64 / panels as f64)).await;
            let frame = Frame {
                id: Id::AdmCid,
                sequence: 1,
                receiver: Some("1".into()),
                line: "0".into(),
                account: Some(account(n)),
                data: format!("#{}|1100 00 001", account(n)),
                extra: Vec::new(),
                at: None,
                sealed: false,
            };
            let began = instant();
            let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
            socket.write_all(&frame.encode(None)).await.expect("sent");
            let mut bytes = vec![0; 256];
            let length = socket.read(&mut bytes).await.expect("answered");
            let answer = Frame::decode(&bytes[..length], |_| None).expect("a frame");
            assert_eq!((answer.id, answer.sequence), (Id::Ack, 1));
            ms(began.elapsed())
        });
    }
    let took = sorted(asked.join_all().await);
    figure(
        &format!("{panels} panels within a second: stored and acknowledged, p99"),
        at(&took, 0.99),
        "ms",
        "20",
    );
    sign_in(&client, &server.base()).await;
    for n in [0, panels / 2, panels - 1] {
        let answer = client
            .get(format!("{}/api/v1/homes/home-{n}", server.base()))
            .send()
            .await
            .expect("answered");
        let home: serde_json::Value = answer.json().await.expect("a home");
        assert_eq!(home["incident"]["services"][0], "medical");
    }
    server.kill();
}
