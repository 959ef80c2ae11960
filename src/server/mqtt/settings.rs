//! The table `mqtt` of the configuration: the broker, and the bindings of devices.

use super::{
    BindingError, SettingsError, SirenError,
    home_assistant::HomeAssistant,
    keypad::{ButtonAction, ButtonSettings},
    profile::{Profile, known, silence},
};
use crate::domain::{
    device::SirenBinding,
    id::{DeviceId, HomeId},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use url::Url;

/// The table `mqtt` of the configuration file. Secrets are in files of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `mqtt://host:1883`, or `mqtts://host:8883` with TLS.
    pub broker: String,
    /// The client id of this server at the broker. Two clients with the same id disconnect each
    /// other.
    #[serde(default = "client_id")]
    pub client_id: String,
    /// The user name at the broker.
    pub username: Option<String>,
    /// The file with the password, in its first line.
    pub password_file: Option<PathBuf>,
    /// The CA certificate that the broker's certificate is checked against, PEM; absent: the
    /// machine's own list.
    pub ca: Option<PathBuf>,
    /// This server's client certificate, PEM.
    pub cert: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
    /// The sirens.
    #[serde(default, rename = "siren")]
    pub sirens: Vec<SirenSettings>,
    /// Panic buttons and keypads.
    #[serde(default, rename = "button")]
    pub buttons: Vec<ButtonSettings>,
    /// The homes whose owners choose the bindings of their sirens in the app, with the prefix that
    /// each home's device names must have. It keeps a home from reaching the devices of another.
    #[serde(default)]
    pub topic_prefix: BTreeMap<HomeId, String>,
    /// Home Assistant, if it is used.
    pub home_assistant: Option<HomeAssistant>,
    /// Profiles in addition to the built-in ones.
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
    /// The name of its profile.
    pub profile: String,
    /// Its name in topics.
    pub name: String,
    /// Its longest normal silence, such as `25h`, if the profile's value is not right for it.
    #[serde(default, with = "silence")]
    pub heartbeat_timeout: Option<Duration>,
}

/// A siren and its binding.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundSiren {
    /// The home.
    pub home: HomeId,
    /// The device or camera.
    pub device: DeviceId,
    /// Its name in topics.
    pub name: String,
    /// The name of its profile.
    pub kind: String,
    /// Its profile.
    pub profile: Arc<Profile>,
    /// Its longest normal silence, if known.
    pub silent_after: Option<Duration>,
    /// Whether an owner chose it in the app.
    pub chosen: bool,
}

fn client_id() -> String {
    "buckler".into()
}

/// The longest name of a button, characters.
const NAME_MOST: usize = 60;
/// The longest name of a siren in its topics, bytes.
const TOPIC_MOST: usize = 200;

/// The default ports without and with TLS.
const PORTS: (u16, u16) = (1883, 8883);

impl Settings {
    /// The broker's host and port, and whether to use TLS.
    ///
    /// # Errors
    /// An address that is not valid.
    pub fn address(&self) -> Result<(String, u16, bool), SettingsError> {
        let wrong = || SettingsError::Broker { broker: self.broker.clone() };
        let url = Url::parse(&self.broker).map_err(|_| wrong())?;
        let tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(wrong()),
        };
        let plain = matches!(url.path(), "" | "/")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none();
        let host = url.host_str().filter(|host| !host.is_empty() && plain).ok_or_else(wrong)?;
        let port = url.port().unwrap_or(if tls { PORTS.1 } else { PORTS.0 });
        Ok((host.trim_matches(['[', ']']).to_owned(), port, tls))
    }

    /// All profiles, by name. A profile of the settings replaces a built-in one of the same name.
    pub fn kinds(&self) -> BTreeMap<String, Arc<Profile>> {
        let own = self.profiles.iter().map(|(name, profile)| (name.clone(), profile.clone()));
        known().into_iter().chain(own).map(|(name, profile)| (name, Arc::new(profile))).collect()
    }

    /// Every siren of the settings, with its profile.
    ///
    /// # Errors
    /// An invalid table: for example an unknown profile, a name that cannot be in a topic, or two
    /// devices that share a topic, because one could then act for the other.
    pub fn sirens(&self) -> Result<Vec<BoundSiren>, SettingsError> {
        if self.cert.is_some() != self.key.is_some() {
            return Err(SettingsError::CertWithoutKey);
        }
        self.address()?;
        let mut registry = Registry { kinds: self.kinds(), all: Vec::new(), taken: HashMap::new() };
        for siren in &self.sirens {
            registry
                .take(siren, false)
                .map_err(|source| SettingsError::Siren(siren.wrong(source)))?;
        }
        self.buttons(&mut registry.taken)?;
        self.prefixes()?;
        Ok(registry.all)
    }

    /// Every siren of the settings, and those that owners chose. An invalid choice is left out and
    /// does not affect others.
    ///
    /// # Errors
    /// The same as [`Settings::sirens`]. Invalid choices are returned beside the sirens; the
    /// sentence of each cause is for the owner.
    pub fn with_chosen(
        &self,
        chosen: &[(HomeId, SirenBinding)],
    ) -> Result<(Vec<BoundSiren>, Vec<BindingError>), SettingsError> {
        let all = self.sirens()?;
        let mut registry = Registry { kinds: self.kinds(), taken: HashMap::new(), all };
        for binding in &registry.all {
            let whose = format!("{}/{}", binding.home, binding.device);
            registry.taken.extend(binding.topics().map(|topic| (topic, whose.clone())));
        }
        self.buttons(&mut registry.taken)?;
        let mut wrongs = Vec::new();
        for (home, SirenBinding { device, profile, name }) in chosen {
            let (home, device) = (home.clone(), device.clone());
            let siren = SirenSettings {
                home,
                device,
                profile: profile.clone(),
                name: name.clone(),
                heartbeat_timeout: None,
            };
            let taken = match self.topic_prefix.get(&siren.home) {
                None => Err(SirenError::NotAllowed),
                Some(prefix) if !name.starts_with(prefix.as_str()) => {
                    Err(SirenError::Prefix { prefix: prefix.clone() })
                }
                Some(_) => registry.take(&siren, true),
            };
            wrongs.extend(taken.err().map(|source| siren.wrong(source)));
        }
        Ok((registry.all, wrongs))
    }

    /// Checks that no home's prefix begins with another's, because that home could then control the
    /// other's devices.
    fn prefixes(&self) -> Result<(), SettingsError> {
        let begins = |one: &String, other: &String| other.starts_with(one.as_str());
        let pairs = self
            .topic_prefix
            .iter()
            .flat_map(|one| self.topic_prefix.iter().map(move |other| (one, other)));
        match pairs
            .filter(|((home, _), (other, _))| home != other)
            .find(|((_, one), (_, other))| begins(one, other))
        {
            Some(((home, one), (other, _))) => Err(SettingsError::Prefixes {
                home: home.clone(),
                prefix: one.clone(),
                other: other.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Checks the buttons. A button is identified by its topic alone, so no other device may use
    /// that topic.
    fn buttons(&self, taken: &mut HashMap<String, String>) -> Result<(), SettingsError> {
        for ButtonSettings { home, name, topic, press, codes_file, .. } in &self.buttons {
            let button = format!("{home}/{name}");
            if name.trim().is_empty() || name.chars().count() > NAME_MOST {
                return Err(SettingsError::ButtonName { button, most: NAME_MOST });
            }
            if topic.is_empty() || topic.contains(['+', '#', '\0']) {
                return Err(SettingsError::ButtonTopic { button, topic: topic.clone() });
            }
            if press.is_empty() {
                return Err(SettingsError::ButtonWithoutPress { button });
            }
            if press.values().any(|action| *action == ButtonAction::Cancel) != codes_file.is_some()
            {
                return Err(SettingsError::CancelWithoutCodes { button });
            }
            if let Some(other) = taken.insert(topic.clone(), button.clone()) {
                return Err(SettingsError::SharedTopic { other, button, topic: topic.clone() });
            }
        }
        Ok(())
    }
}

impl SirenSettings {
    fn wrong(&self, source: SirenError) -> BindingError {
        BindingError { home: self.home.clone(), device: self.device.clone(), source }
    }
}

/// Collects sirens, and checks that no two share a topic.
struct Registry {
    kinds: BTreeMap<String, Arc<Profile>>,
    all: Vec<BoundSiren>,
    taken: HashMap<String, String>,
}

impl Registry {
    /// Adds a siren.
    fn take(&mut self, siren: &SirenSettings, chosen: bool) -> Result<(), SirenError> {
        let SirenSettings { home, device, profile, name, heartbeat_timeout } = siren;
        let whose = format!("{home}/{device}");
        if self.all.iter().any(|other| other.home == *home && other.device == *device) {
            return Err(if chosen { SirenError::InSettings } else { SirenError::Twice });
        }
        if name.trim().is_empty()
            || name.len() > TOPIC_MOST
            || name.contains(['+', '#', '{', '}', '\0', '"', '\\'])
        {
            return Err(SirenError::Name { name: name.clone() });
        }
        let unknown = || SirenError::Profile {
            profile: profile.clone(),
            known: self.kinds.keys().cloned().collect(),
        };
        let known = self.kinds.get(profile).ok_or_else(unknown)?;
        let silent_after = heartbeat_timeout.or(known.heartbeat_timeout);
        let (home, device, name, kind) =
            (home.clone(), device.clone(), name.clone(), profile.clone());
        let binding =
            BoundSiren { home, device, name, kind, profile: known.clone(), silent_after, chosen };
        if let Some((topic, other)) =
            binding.topics().find_map(|topic| self.taken.get_key_value(&topic))
        {
            // Do not reveal the other device, which may be in another home.
            let shared = || SirenError::SharedTopic { topic: topic.clone(), other: other.clone() };
            return Err(if chosen { SirenError::NameTaken } else { shared() });
        }
        self.taken.extend(binding.topics().map(|topic| (topic, whose.clone())));
        self.all.push(binding);
        Ok(())
    }
}

impl BoundSiren {
    /// All of its topics.
    pub(super) fn topics(&self) -> impl Iterator<Item = String> {
        self.profile.topics(&self.name).into_iter().chain(self.profile.command_topics(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "[profile.mine]\non = { topic = \"mine/{name}\", payload = \"1 {seconds}\" }\noff = { topic = \"mine/{name}\", payload = \"0\" }\n";

    fn settings(text: &str) -> Settings {
        toml::from_str(&format!("broker = \"mqtt://127.0.0.1\"\n{text}")).unwrap()
    }

    fn siren(device: &str, profile: &str, name: &str) -> String {
        format!(
            "[[siren]]\nhome = \"maple-street\"\ndevice = \"{device}\"\nprofile = \"{profile}\"\nname = \"{name}\"\n"
        )
    }

    #[test]
    fn a_broker_is_an_address_without_secrets() {
        let address = |broker: &str| Settings { broker: broker.into(), ..settings("") }.address();
        assert_eq!(address("mqtt://127.0.0.1"), Ok(("127.0.0.1".into(), 1883, false)));
        assert_eq!(address("mqtts://broker.home:18883"), Ok(("broker.home".into(), 18883, true)));
        assert_eq!(address("mqtts://[::1]"), Ok(("::1".into(), 8883, true)));
        for wrong in ["127.0.0.1:1883", "http://a", "mqtt://", "mqtt://me:secret@a", "mqtt://a/b"] {
            assert_eq!(address(wrong), Err(SettingsError::Broker { broker: wrong.into() }));
        }
    }

    #[test]
    fn a_device_never_acts_for_another() {
        let two =
            |a: String, b: String| settings(&(a + &b)).sirens().map_err(|error| error.to_string());
        assert_eq!(
            two(siren("base", "buckler", "base"), siren("hall", "tasmota", "hall")).unwrap().len(),
            2
        );
        let shared =
            two(siren("base", "buckler", "base"), siren("hall", "buckler", "base")).unwrap_err();
        assert!(shared.contains("maple-street/hall: it shares the topic “buckler/base/availability” with maple-street/base"), "{shared}");
        assert!(
            two(siren("base", "buckler", "a"), siren("base", "buckler", "b"))
                .unwrap_err()
                .contains("twice")
        );
        let unknown = settings(&siren("base", "zigbee", "base")).sirens().unwrap_err().to_string();
        assert!(unknown.contains("“zigbee”") && unknown.contains("zigbee2mqtt-alarm"), "{unknown}");
        for name in ["", "#", "a/+", "{name}"] {
            let error = settings(&siren("base", "buckler", name)).sirens().unwrap_err().to_string();
            assert!(error.contains("maple-street/base"), "{error}");
        }
    }

    #[test]
    fn owners_wiring_stays_in_their_home_and_a_fault_stops_no_other() {
        let settings = settings(
            &(siren("base", "buckler", "maple/base")
                + "[topic_prefix]\nmaple-street = \"maple/\"\nlake-cabin = \"lake/\"\n"),
        );
        let home = |id: &str| id.parse::<HomeId>().unwrap();
        let binding = |whose: &str, device: &str, name: &str| {
            (
                home(whose),
                SirenBinding {
                    device: device.parse().unwrap(),
                    profile: "buckler".into(),
                    name: name.into(),
                },
            )
        };
        let chosen = [
            binding("maple-street", "hall", "maple/hall"),
            binding("maple-street", "base", "maple/other"),
            binding("lake-cabin", "dock", "maple/dock"),
            binding("lake-cabin", "porch", "lake/porch"),
            binding("lake-cabin", "shed", "lake/porch"),
            binding("harbor-loft", "base", "loft"),
        ];
        let (all, wrongs) = settings.with_chosen(&chosen).unwrap();
        let devices = |of: Vec<DeviceId>| {
            of.iter().map(|device| device.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            devices(all.into_iter().map(|binding| binding.device).collect()),
            ["base", "hall", "porch"]
        );
        assert_eq!(
            devices(wrongs.into_iter().map(|wrong| wrong.device).collect()),
            ["base", "dock", "shed", "base"]
        );
    }

    #[test]
    fn no_home_begins_its_names_as_another_does() {
        let both = |one: &str, other: &str| {
            settings(&format!(
                "[topic_prefix]\nmaple-street = \"{one}\"\nlake-cabin = \"{other}\"\n"
            ))
            .sirens()
            .map(drop)
        };
        assert_eq!(both("maple/", "lake/"), Ok(()));
        for (one, other) in [("", "lake/"), ("a/", "a/b/"), ("a", "a")] {
            assert!(
                both(one, other).unwrap_err().to_string().contains("begin with"),
                "{one} {other}"
            );
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
                .map_err(|error| error.to_string())
        };
        assert!(button("Bedside", "z/bedside", "single = \"police\", hold = \"medical\"").is_ok());
        assert!(
            button("Keypad", "z/keypad", "disarm = \"cancel\"")
                .unwrap_err()
                .contains("without a code")
        );
        for (name, topic, press) in [
            ("", "z/a", "a = \"fire\""),
            ("Bedside", "z/+", "a = \"fire\""),
            ("Bedside", "z/a", ""),
        ] {
            assert!(
                button(name, topic, press).unwrap_err().contains("mqtt.button: maple-street/"),
                "{name} {topic} {press}"
            );
        }
        let shared = siren("base", "buckler", "b")
            + "[[button]]\nhome = \"lake-cabin\"\nname = \"Stolen\"\ntopic = \"buckler/b/siren/state\"\npress = { ON = \"police\" }\n";
        assert!(matches!(settings(&shared).sirens(), Err(SettingsError::SharedTopic { .. })));
        let unknown = toml::from_str::<ButtonSettings>(
            "home = \"a\"\nname = \"b\"\ntopic = \"c\"\npress = { a = \"army\" }",
        )
        .unwrap_err();
        assert!(unknown.to_string().contains("police"), "{unknown}");
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let all =
            settings(&("username = \"me\"\n".to_owned() + &siren("base", "mine", "base") + OWN));
        assert_eq!(toml::from_str::<Settings>(&toml::to_string(&all).unwrap()).unwrap(), all);
    }
}
