//! Where the broker is, and which device of which home is spoken to how.

use super::profile::{Profile, known};
use crate::domain::{
    id::{DeviceId, HomeId},
    incident::Request,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};
use webauthn_rs::prelude::Url;

/// The table `mqtt` of the configuration file. Secrets are in files of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `mqtt://host:1883`, or `mqtts://host:8883` with TLS.
    pub broker: String,
    /// The name of this server at the broker; two with one name put each other out.
    #[serde(default = "client_id")]
    pub client_id: String,
    /// Who it is to the broker.
    pub username: Option<String>,
    /// The file with the password, in its first line.
    pub password_file: Option<PathBuf>,
    /// Who vouches for the broker's certificate, PEM; without it the machine's own list.
    pub ca: Option<PathBuf>,
    /// This server's certificate for the broker, PEM.
    pub cert: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
    /// The sirens.
    #[serde(default, rename = "siren")]
    pub sirens: Vec<SirenSettings>,
    /// Panic buttons and keypads.
    #[serde(default, rename = "button")]
    pub buttons: Vec<ButtonSettings>,
    /// Kinds of sirens beside those that come along.
    #[serde(default, rename = "profile")]
    pub profiles: BTreeMap<String, Profile>,
}

/// A siren: a base station, a keypad or a camera of a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SirenSettings {
    /// The home's short name.
    pub home: HomeId,
    /// The short name of the device or camera.
    pub device: DeviceId,
    /// Its kind.
    pub profile: String,
    /// What its topics call it.
    pub name: String,
}

/// A panic button or a keypad: what it says, and which request that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ButtonSettings {
    /// The home's short name.
    pub home: HomeId,
    /// What the incident calls it, such as `Bedside button`.
    pub name: String,
    /// Where it speaks.
    pub topic: String,
    /// A JSON pointer to what was pressed; empty is the whole payload, as it is.
    #[serde(default = "action")]
    pub at: String,
    /// What is there, and what that asks for.
    pub press: BTreeMap<String, Request>,
}

/// A siren and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// Of which home.
    pub home: HomeId,
    /// Which device or camera.
    pub device: DeviceId,
    /// What its topics call it.
    pub name: String,
    /// Its kind.
    pub profile: Arc<Profile>,
}

fn client_id() -> String {
    "buckler".into()
}

/// Where Zigbee2MQTT says what was pressed.
fn action() -> String {
    "/action".into()
}

/// The longest name of a button, characters.
const NAME_MOST: usize = 60;

/// The port without TLS, and with it.
const PORTS: (u16, u16) = (1883, 8883);

impl Settings {
    /// Host, port, and whether it is TLS.
    ///
    /// # Errors
    /// An address that is none, in a sentence.
    pub fn address(&self) -> Result<(String, u16, bool), String> {
        let wrong = || format!("mqtt.broker must be mqtt:// or mqtts:// and a host, such as mqtt://127.0.0.1:1883, not “{}”", self.broker);
        let url = Url::parse(&self.broker).map_err(|_| wrong())?;
        let tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(wrong()),
        };
        let plain = matches!(url.path(), "" | "/") && url.username().is_empty() && url.password().is_none() && url.query().is_none();
        let host = url.host_str().filter(|host| !host.is_empty() && plain).ok_or_else(wrong)?;
        let port = url.port().unwrap_or(if tls { PORTS.1 } else { PORTS.0 });
        Ok((host.trim_matches(['[', ']']).to_owned(), port, tls))
    }

    /// Every siren with its kind.
    ///
    /// # Errors
    /// A kind that there is not, a name that cannot be in a topic, or two devices on one topic: one could then act for the other.
    pub fn sirens(&self) -> Result<Vec<Spoken>, String> {
        if self.cert.is_some() != self.key.is_some() {
            return Err("mqtt.cert and mqtt.key belong together".into());
        }
        self.address()?;
        let mut kinds: BTreeMap<_, _> = known().into_iter().map(|(name, profile)| (name, Arc::new(profile))).collect();
        kinds.extend(self.profiles.iter().map(|(name, profile)| (name.clone(), Arc::new(profile.clone()))));
        let mut taken: HashMap<String, String> = HashMap::new();
        let mut all: Vec<Spoken> = Vec::new();
        for SirenSettings { home, device, profile, name } in &self.sirens {
            let whose = format!("{home}/{device}");
            if all.iter().any(|other| other.home == *home && other.device == *device) {
                return Err(format!("mqtt.siren: {whose} is there twice"));
            }
            if name.trim().is_empty() || name.contains(['+', '#', '{', '}', '\0', '"', '\\']) {
                return Err(format!("mqtt.siren: {whose} needs the name that its topics have, not “{name}”"));
            }
            let kind = kinds.get(profile).ok_or_else(|| {
                let all: Vec<_> = kinds.keys().map(String::as_str).collect();
                format!("mqtt.siren: {whose}: there is no profile “{profile}”; there are {}", all.join(", "))
            })?;
            for topic in kind.topics(name).into_iter().chain(kind.spoken_to(name)) {
                if let Some(other) = taken.insert(topic.clone(), whose.clone()).filter(|other| *other != whose) {
                    return Err(format!("mqtt.siren: {other} and {whose} share the topic “{topic}”"));
                }
            }
            all.push(Spoken { home: home.clone(), device: device.clone(), name: name.clone(), profile: kind.clone() });
        }
        self.buttons(&mut taken)?;
        Ok(all)
    }

    /// A button is known by its topic alone: no other device may speak there.
    fn buttons(&self, taken: &mut HashMap<String, String>) -> Result<(), String> {
        for ButtonSettings { home, name, topic, press, .. } in &self.buttons {
            let whose = format!("{home}/{name}");
            if name.trim().is_empty() || name.chars().count() > NAME_MOST {
                return Err(format!("mqtt.button: {whose}: a name has 1 to {NAME_MOST} characters"));
            }
            if topic.is_empty() || topic.contains(['+', '#', '\0']) {
                return Err(format!("mqtt.button: {whose} needs one topic, not “{topic}”"));
            }
            if press.is_empty() {
                return Err(format!(
                    "mqtt.button: {whose} asks for nothing: give press = {{ single = \"police\" }}, or fire, medical, siren"
                ));
            }
            if let Some(other) = taken.insert(topic.clone(), whose.clone()) {
                return Err(format!("mqtt: {other} and {whose} share the topic “{topic}”"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str =
        "[profile.mine]\non = { topic = \"mine/{name}\", payload = \"1 {seconds}\" }\noff = { topic = \"mine/{name}\", payload = \"0\" }\n";

    fn settings(text: &str) -> Settings {
        toml::from_str(&format!("broker = \"mqtt://127.0.0.1\"\n{text}")).unwrap()
    }

    fn siren(device: &str, profile: &str, name: &str) -> String {
        format!("[[siren]]\nhome = \"maple-street\"\ndevice = \"{device}\"\nprofile = \"{profile}\"\nname = \"{name}\"\n")
    }

    #[test]
    fn a_broker_is_an_address_without_secrets() {
        let address = |broker: &str| Settings { broker: broker.into(), ..settings("") }.address();
        assert_eq!(address("mqtt://127.0.0.1"), Ok(("127.0.0.1".into(), 1883, false)));
        assert_eq!(address("mqtts://broker.home:18883"), Ok(("broker.home".into(), 18883, true)));
        assert_eq!(address("mqtts://[::1]"), Ok(("::1".into(), 8883, true)));
        for wrong in ["127.0.0.1:1883", "http://a", "mqtt://", "mqtt://me:secret@a", "mqtt://a/b"] {
            assert!(address(wrong).unwrap_err().contains("mqtt.broker"), "{wrong}");
        }
    }

    #[test]
    fn a_device_never_acts_for_another() {
        let two = |a: String, b: String| settings(&(a + &b)).sirens();
        assert_eq!(two(siren("base", "buckler", "base"), siren("hall", "tasmota", "hall")).unwrap().len(), 2);
        let shared = two(siren("base", "buckler", "base"), siren("hall", "buckler", "base")).unwrap_err();
        assert!(shared.contains("maple-street/base and maple-street/hall share the topic"), "{shared}");
        assert!(two(siren("base", "buckler", "a"), siren("base", "buckler", "b")).unwrap_err().contains("twice"));
        let unknown = settings(&siren("base", "zigbee", "base")).sirens().unwrap_err();
        assert!(unknown.contains("“zigbee”") && unknown.contains("zigbee2mqtt-alarm"), "{unknown}");
        for name in ["", "#", "a/+", "{name}"] {
            assert!(settings(&siren("base", "buckler", name)).sirens().unwrap_err().contains("maple-street/base"), "{name}");
        }
    }

    #[test]
    fn own_kinds_can_be_added() {
        let all = settings(&(siren("base", "mine", "base") + OWN)).sirens().unwrap();
        assert_eq!(all[0].profile.off("base", "k").topic, "mine/base");
    }
    #[test]
    fn a_button_has_a_topic_and_a_request_of_its_own() {
        let button = |name: &str, topic: &str, press: &str| {
            settings(&format!("[[button]]\nhome = \"maple-street\"\nname = \"{name}\"\ntopic = \"{topic}\"\npress = {{ {press} }}\n"))
                .sirens()
        };
        assert!(button("Bedside", "z/bedside", "single = \"police\", hold = \"medical\"").is_ok());
        for (name, topic, press) in [("", "z/a", "a = \"fire\""), ("Bedside", "z/+", "a = \"fire\""), ("Bedside", "z/a", "")] {
            assert!(button(name, topic, press).unwrap_err().contains("mqtt.button: maple-street/"), "{name} {topic} {press}");
        }
        let shared = siren("base", "buckler", "b")
            + "[[button]]\nhome = \"lake-cabin\"\nname = \"Stolen\"\ntopic = \"buckler/b/siren/state\"\npress = { ON = \"police\" }\n";
        assert!(settings(&shared).sirens().unwrap_err().contains("share the topic"));
        let unknown = toml::from_str::<ButtonSettings>("home = \"a\"\nname = \"b\"\ntopic = \"c\"\npress = { a = \"army\" }").unwrap_err();
        assert!(unknown.to_string().contains("police"), "{unknown}");
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let all = settings(&("username = \"me\"\n".to_owned() + &siren("base", "mine", "base") + OWN));
        assert_eq!(toml::from_str::<Settings>(&toml::to_string(&all).unwrap()).unwrap(), all);
    }
}
