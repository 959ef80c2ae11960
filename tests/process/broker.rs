//! A real broker and obedient devices behind it. They run outside the server's process, so they
//! still know what they were told after the server is killed.

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, PublishOptions, QoS};
use serde_json::Value;
use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::{net::TcpStream, time::sleep};

pub async fn begin_broker(folder: &Path, port: u16) -> Child {
    let settings = folder.join("mosquitto.conf");
    fs::write(&settings, format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\nmax_queued_messages 0\n"))
        .expect("written");
    let broker = Command::new("mosquitto")
        .arg("-c")
        .arg(settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let broker = broker.expect("scripts/setup test installs mosquitto");
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        sleep(Duration::from_millis(5)).await;
    }
    broker
}

/// A client that receives every command, and reconnects when the broker returns.
pub fn hearing(
    port: u16,
    id: &str,
    topic: &'static str,
    mut hear: impl FnMut(&AsyncClient, &rumqttc::Publish) + Send + 'static,
) -> AsyncClient {
    let mut options = MqttOptions::new(id, ("127.0.0.1", port));
    options.set_keep_alive(5);
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let (client, mut events) = AsyncClient::builder(options).capacity(20_000).build();
    let speaks = client.clone();
    tokio::spawn(async move {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    speaks.try_subscribe(topic, QoS::AtLeastOnce).expect("room")
                }
                Ok(Event::Incoming(Packet::Publish(message))) => hear(&speaks, &message),
                Ok(_) => {}
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    });
    client
}

pub fn name_in(topic: &[u8]) -> String {
    String::from_utf8_lossy(topic).split('/').nth(1).unwrap_or_default().to_owned()
}

/// The settings of a server with one siren behind the broker in each home.
pub fn sirens_of(homes: usize, port: u16) -> String {
    let mut settings = format!("[mqtt]\nbroker = \"mqtt://127.0.0.1:{port}\"\n");
    for n in 0..homes {
        writeln!(settings, "[[mqtt.siren]]\nhome = \"home-{n}\"\ndevice = \"base\"\nprofile = \"buckler\"\nname = \"h{n}\"")
            .expect("a text");
    }
    settings
}

/// Devices that confirm each command.
pub fn obedient_devices(port: u16) {
    hearing(port, "devices", "buckler/+/siren/set", |devices, message| {
        let order: Value = serde_json::from_slice(&message.payload).expect("JSON");
        let state = serde_json::json!({"state": order["state"], "key": order["key"]}).to_string();
        let topic = format!("buckler/{}/siren/state", name_in(&message.topic));
        devices
            .try_publish(topic, state.into_bytes(), PublishOptions::at_least_once())
            .expect("room");
    });
}
