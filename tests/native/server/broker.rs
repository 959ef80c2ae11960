//! A real broker (mosquitto) on a free port, with passwords, rights for each device, and TLS as an
//! option, and devices behind it.

use super::{Killed, cameras::free_port, until, wait};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedKey, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, generate_simple_self_signed,
};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, Publish, PublishOptions, QoS};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

/// The users of the broker: this server, and each device under its name.
const USERS: [&str; 7] = ["buckler", "base", "hall", "bedroom", "door", "drive", "cabin"];
/// Further users: this server with fewer rights, the bridge of Zigbee devices, Home Assistant, and
/// a user who may read everything.
const OTHERS: [&str; 4] = ["mute", "zigbee2mqtt", "homeassistant", "watcher"];

/// A mosquitto process.
pub struct Broker {
    child: Option<Killed>,
    /// The port without TLS.
    pub port: u16,
    /// The port with TLS.
    pub tls_port: u16,
    /// The port with TLS that requires a client certificate.
    pub mutual_port: u16,
    folder: TempDir,
}

impl Broker {
    /// Starts a broker.
    pub async fn start() -> Self {
        let folder = Self::folder();
        let rights = USERS[1..].iter().fold("user buckler\ntopic readwrite #\ntopic read $SYS/broker/version\n".to_owned(), |all, name| {
            all + &format!("user {name}\ntopic read buckler/{name}/siren/set\ntopic write buckler/{name}/#\n")
        });
        let rights = rights + "user mute\ntopic read #\n";
        Self::on(folder, &rights).await
    }

    /// A folder with certificates.
    fn folder() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("cert.pem"), cert.pem()).unwrap();
        issue_client(folder.path());
        fs::write(file("key.pem"), signing_key.serialize_pem()).unwrap();
        folder
    }

    /// Starts a broker with the rights of the example in the documentation, and with a user who may
    /// read everything.
    pub async fn of_the_example() -> Self {
        Self::on(
            Self::folder(),
            &(include_str!("../../../docs/mqtt/rights").to_owned()
                + "user watcher\ntopic read #\n"),
        )
        .await
    }

    async fn on(folder: TempDir, rights: &str) -> Self {
        let file = |name: &str| folder.path().join(name);
        fs::write(file("rights"), rights).unwrap();
        fs::write(file("password"), "open sesame\n").unwrap();
        for (n, name) in USERS.iter().chain(&OTHERS).enumerate() {
            let mut command = Command::new("mosquitto_passwd");
            command
                .args(if n == 0 { &["-b", "-c"][..] } else { &["-b"] })
                .arg(file("users"))
                .args([name, "open sesame"]);
            assert!(
                command
                    .stderr(Stdio::null())
                    .status()
                    .expect("scripts/setup test installs mosquitto")
                    .success()
            );
        }
        let mut broker = Self {
            child: None,
            port: free_port(),
            tls_port: free_port(),
            mutual_port: free_port(),
            folder,
        };
        broker.write_settings();
        broker.begin().await;
        broker
    }

    fn write_settings(&self) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let settings = format!(
            "per_listener_settings false\nallow_anonymous false\npassword_file {}\nacl_file {}\npersistence false\nuser root\n\
             listener {} 127.0.0.1\nlistener {} 127.0.0.1\ncertfile {cert}\nkeyfile {key}\n\
             listener {} 127.0.0.1\ncertfile {cert}\nkeyfile {key}\ncafile {ca}\nrequire_certificate true\nuse_identity_as_username true\n",
            path("users"),
            path("rights"),
            self.port,
            self.tls_port,
            self.mutual_port,
            cert = path("cert.pem"),
            key = path("key.pem"),
            ca = path("client-ca.pem"),
        );
        fs::write(path("mosquitto.conf"), settings).unwrap();
    }

    /// Starts the process on the same ports.
    pub async fn begin(&mut self) {
        let settings = self.folder.path().join("mosquitto.conf");
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(Killed(child.expect("scripts/setup test installs mosquitto")));
        let port = self.port;
        until("the broker", || async move {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
    }

    /// Kills the process, as a power cut would.
    pub fn kill(&mut self) {
        self.child = None;
    }

    /// The path of a file of this broker.
    pub fn path(&self, name: &str) -> String {
        Path::join(self.folder.path(), name).display().to_string()
    }

    /// The `mqtt` table of a server whose devices are behind this broker: (device, name).
    pub fn settings(&self, sirens: &[(&str, &str)]) -> String {
        let siren = |(device, name): &(&str, &str)| {
            format!(
                "[[mqtt.siren]]\nhome = \"maple-street\"\ndevice = \"{device}\"\nprofile = \"buckler\"\nname = \"{name}\"\n"
            )
        };
        format!(
            "[mqtt]\nbroker = \"mqtt://127.0.0.1:{}\"\nusername = \"buckler\"\npassword_file = {:?}\n{}",
            self.port,
            self.path("password"),
            sirens.iter().map(siren).collect::<String>()
        )
    }

    /// A client of the broker with that user name.
    pub fn client(&self, name: &str) -> (AsyncClient, rumqttc::EventLoop) {
        AsyncClient::builder(self.options(name)).capacity(1_000).build()
    }

    /// The options of such a client.
    pub fn options(&self, name: &str) -> MqttOptions {
        let mut options =
            MqttOptions::new(format!("{name}-{}", free_port()), ("127.0.0.1", self.port));
        options.set_credentials(name, "open sesame");
        options.set_keep_alive(5);
        options.set_max_packet_size(Some(4 << 20));
        options
    }

    /// A siren of that name that obeys and confirms.
    pub async fn device(&self, name: &str) -> Device {
        let (client, events) = self.client(name);
        let device = Device {
            client,
            name: name.into(),
            heard: Arc::default(),
            obeys: Arc::new(AtomicBool::new(true)),
            connected: Arc::default(),
        };
        tokio::spawn(device.clone().live(events));
        until("the device", || async { device.connected.load(Ordering::Acquire).then_some(()) })
            .await;
        device
    }
}

/// A certificate for this server from its own authority. Its name identifies it to the broker.
fn issue_client(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "authority");
    let authority_key = KeyPair::generate().unwrap();
    let by = authority.self_signed(&authority_key).unwrap();
    let mut client = CertificateParams::new(Vec::new()).unwrap();
    client.distinguished_name = DistinguishedName::new();
    client.distinguished_name.push(DnType::CommonName, "buckler");
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let cert = client.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("client-ca.pem"), by.pem()).unwrap();
    fs::write(folder.join("client.pem"), cert.pem()).unwrap();
    fs::write(folder.join("client-key.pem"), key.serialize_pem()).unwrap();
}

/// A siren behind the broker.
#[derive(Clone)]
pub struct Device {
    pub client: AsyncClient,
    name: String,
    heard: Arc<Mutex<Vec<Publish>>>,
    obeys: Arc<AtomicBool>,
    connected: Arc<AtomicBool>,
}

impl Device {
    async fn live(self, mut events: rumqttc::EventLoop) {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    self.client
                        .try_subscribe(format!("buckler/{}/siren/set", self.name), QoS::AtLeastOnce)
                        .unwrap();
                    self.say("availability", "online", true);
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => {
                    self.connected.store(true, Ordering::Release)
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let order: Value = serde_json::from_slice(&message.payload).unwrap();
                    // A message that commands nothing.
                    if order["state"].is_null() {
                        continue;
                    }
                    self.heard.lock().unwrap().push(message);
                    if self.obeys.load(Ordering::Acquire) {
                        self.say(
                            "siren/state",
                            &json!({"state": order["state"], "key": order["key"]}).to_string(),
                            false,
                        );
                    }
                }
                Ok(_) => {}
                Err(_) => wait(Duration::from_millis(50)).await,
            }
        }
    }

    /// Publishes on one of the device's topics.
    pub fn say(&self, topic: &str, payload: &str, retain: bool) {
        let options = PublishOptions::at_least_once().retain(retain);
        self.client
            .try_publish(
                format!("buckler/{}/{topic}", self.name),
                payload.as_bytes().to_vec(),
                options,
            )
            .unwrap();
    }

    /// Publishes a message, and waits until the broker has it.
    pub async fn said(&self, topic: &str, payload: &str) {
        let topic = format!("buckler/{}/{topic}", self.name);
        let (payload, options) = (payload.as_bytes().to_vec(), PublishOptions::at_least_once());
        let sent = self.client.try_publish_tracked(topic, payload, options).unwrap();
        sent.wait_async().await.unwrap();
    }

    /// Sets whether it obeys from now on.
    pub fn obey(&self, obeys: bool) {
        self.obeys.store(obeys, Ordering::Release);
    }

    /// Every command that it has received.
    pub fn heard(&self) -> Vec<Publish> {
        self.heard.lock().unwrap().clone()
    }

    /// The states that were commanded, such as `ON`; a device obeys each key once (I12).
    pub fn orders(&self) -> Vec<String> {
        let mut orders: Vec<Value> = self
            .heard()
            .iter()
            .map(|message| serde_json::from_slice(&message.payload).unwrap())
            .collect();
        orders.dedup_by_key(|order| order["key"].clone());
        orders.iter().map(|order| order["state"].as_str().unwrap().to_owned()).collect()
    }
}
