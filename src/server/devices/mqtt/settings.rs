//! Where the broker is, and which device of which home is spoken to how.

use super::{
    home_assistant::HomeAssistant,
    keys::{Asks, ButtonSettings},
    profile::{Profile, known},
};
use crate::domain::{
    device::Wire,
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
    /// Homes whose owners choose in the app how their sirens are spoken to, and how the names there begin: no home reaches the devices of
    /// another.
    #[serde(default)]
    pub chosen: BTreeMap<HomeId, String>,
    /// Home Assistant, where it is told.
    pub home_assistant: Option<HomeAssistant>,
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
    /// The longest that it is ever silent, seconds, where its kind does not say it right.
    pub silent_seconds: Option<u64>,
}

/// A siren and how it is spoken to.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// Of which home.
    pub home: HomeId,
    /// Which device or camera.
    pub device: DeviceId,
    /// What its topics call it.
    pub name: String,
    /// What its kind is called.
    pub kind: String,
    /// Its kind.
    pub profile: Arc<Profile>,
    /// The longest that it is ever silent, where that is known.
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

    /// Every kind of siren, by name.
    pub fn kinds(&self) -> BTreeMap<String, Arc<Profile>> {
        let own = self.profiles.iter().map(|(name, profile)| (name.clone(), profile.clone()));
        known().into_iter().chain(own).map(|(name, profile)| (name, Arc::new(profile))).collect()
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
        let mut fleet = Fleet { kinds: self.kinds(), all: Vec::new(), taken: HashMap::new() };
        for siren in &self.sirens {
            fleet.take(siren, false).map_err(|wrong| format!("mqtt.siren: {}/{}: {wrong}", siren.home, siren.device))?;
        }
        self.buttons(&mut fleet.taken)?;
        self.prefixes()?;
        Ok(fleet.all)
    }

    /// Every siren, with those that owners chose: what is wrong with theirs leaves it out, and keeps no other from being there.
    ///
    /// # Errors
    /// As [`Settings::sirens`]; and for each choice that cannot be, why, in a sentence for its owner.
    pub fn with_chosen(&self, chosen: &[(HomeId, Wire)]) -> Result<(Vec<Spoken>, Vec<Wrong>), String> {
        let all = self.sirens()?;
        let mut fleet = Fleet { kinds: self.kinds(), taken: HashMap::new(), all };
        for spoken in &fleet.all {
            let whose = format!("{}/{}", spoken.home, spoken.device);
            fleet.taken.extend(spoken.topics().map(|topic| (topic, whose.clone())));
        }
        self.buttons(&mut fleet.taken)?;
        let mut wrongs = Vec::new();
        for (home, Wire { device, profile, name }) in chosen {
            let (home, device) = (home.clone(), device.clone());
            let siren = SirenSettings { home, device, profile: profile.clone(), name: name.clone(), silent_seconds: None };
            let because = match self.chosen.get(&siren.home) {
                None => Err("This server's settings do not let owners choose how sirens are spoken to.".to_owned()),
                Some(begin) if !name.starts_with(begin.as_str()) => Err(format!("The name must begin with “{begin}”.")),
                Some(_) => fleet.take(&siren, true),
            };
            wrongs.extend(because.err().map(|because| Wrong { home: siren.home, device: siren.device, because }));
        }
        Ok((fleet.all, wrongs))
    }

    /// Where one home's names may begin as another's do, one could speak to the other's devices.
    fn prefixes(&self) -> Result<(), String> {
        let begins = |one: &String, other: &String| other.starts_with(one.as_str());
        let pairs = self.chosen.iter().flat_map(|one| self.chosen.iter().map(move |other| (one, other)));
        match pairs.filter(|((home, _), (other, _))| home != other).find(|((_, one), (_, other))| begins(one, other)) {
            Some(((home, one), (other, _))) => Err(format!("mqtt.chosen: names of {home} begin with “{one}”, and so do those of {other}")),
            None => Ok(()),
        }
    }

    /// A button is known by its topic alone: no other device may speak there.
    fn buttons(&self, taken: &mut HashMap<String, String>) -> Result<(), String> {
        for ButtonSettings { home, name, topic, press, codes_file, .. } in &self.buttons {
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
            if press.values().any(|asks| *asks == Asks::Cancel) != codes_file.is_some() {
                return Err(format!("mqtt.button: {whose}: “cancel” and codes_file belong together: nobody cancels without a code"));
            }
            if let Some(other) = taken.insert(topic.clone(), whose.clone()) {
                return Err(format!("mqtt: {other} and {whose} share the topic “{topic}”"));
            }
        }
        Ok(())
    }
}

/// A choice of an owner that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Of which home.
    pub home: HomeId,
    /// For which device or camera.
    pub device: DeviceId,
    /// Why not.
    pub because: String,
}

/// Sirens as they are gathered: no two on one topic.
struct Fleet {
    kinds: BTreeMap<String, Arc<Profile>>,
    all: Vec<Spoken>,
    taken: HashMap<String, String>,
}

impl Fleet {
    /// Takes one in.
    fn take(&mut self, siren: &SirenSettings, chosen: bool) -> Result<(), String> {
        let SirenSettings { home, device, profile, name, silent_seconds } = siren;
        let whose = format!("{home}/{device}");
        if self.all.iter().any(|other| other.home == *home && other.device == *device) {
            return Err(if chosen { "This server's settings say how it is spoken to." } else { "it is there twice" }.into());
        }
        if name.trim().is_empty() || name.len() > TOPIC_MOST || name.contains(['+', '#', '{', '}', '\0', '"', '\\']) {
            return Err(format!("Give the name that its topics have, not “{name}”."));
        }
        let known = self.kinds.get(profile).ok_or_else(|| {
            let all: Vec<_> = self.kinds.keys().map(String::as_str).collect();
            format!("There is no profile “{profile}”; there are {}.", all.join(", "))
        })?;
        let silent_after = silent_seconds.or(known.silent_seconds).map(Duration::from_secs);
        let (home, device, name, kind) = (home.clone(), device.clone(), name.clone(), profile.clone());
        let spoken = Spoken { home, device, name, kind, profile: known.clone(), silent_after, chosen };
        if let Some((topic, other)) = spoken.topics().find_map(|topic| self.taken.get_key_value(&topic)) {
            // Whose it is, is nobody's business in another home.
            return Err(if chosen {
                "Another device has that name.".into()
            } else {
                format!("it shares the topic “{topic}” with {other}")
            });
        }
        self.taken.extend(spoken.topics().map(|topic| (topic, whose.clone())));
        self.all.push(spoken);
        Ok(())
    }
}

impl Spoken {
    /// Where it speaks and is spoken to.
    fn topics(&self) -> impl Iterator<Item = String> {
        self.profile.topics(&self.name).into_iter().chain(self.profile.spoken_to(&self.name))
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
        assert!(shared.contains("maple-street/hall: it shares the topic “buckler/base/availability” with maple-street/base"), "{shared}");
        assert!(two(siren("base", "buckler", "a"), siren("base", "buckler", "b")).unwrap_err().contains("twice"));
        let unknown = settings(&siren("base", "zigbee", "base")).sirens().unwrap_err();
        assert!(unknown.contains("“zigbee”") && unknown.contains("zigbee2mqtt-alarm"), "{unknown}");
        for name in ["", "#", "a/+", "{name}"] {
            assert!(settings(&siren("base", "buckler", name)).sirens().unwrap_err().contains("maple-street/base"), "{name}");
        }
    }

    #[test]
    fn what_owners_choose_ends_at_their_own_names_and_what_is_wrong_keeps_no_other_siren_away() {
        let settings =
            settings(&(siren("base", "buckler", "maple/base") + "[chosen]\nmaple-street = \"maple/\"\nlake-cabin = \"lake/\"\n"));
        let home = |id: &str| id.parse::<HomeId>().unwrap();
        let wire = |whose: &str, device: &str, name: &str| {
            (home(whose), Wire { device: device.parse().unwrap(), profile: "buckler".into(), name: name.into() })
        };
        let chosen = [
            wire("maple-street", "hall", "maple/hall"),
            wire("maple-street", "base", "maple/other"),
            wire("lake-cabin", "dock", "maple/dock"),
            wire("lake-cabin", "porch", "lake/porch"),
            wire("lake-cabin", "shed", "lake/porch"),
            wire("harbor-loft", "base", "loft"),
        ];
        let (all, wrongs) = settings.with_chosen(&chosen).unwrap();
        let devices = |of: Vec<DeviceId>| of.iter().map(|device| device.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(devices(all.into_iter().map(|spoken| spoken.device).collect()), ["base", "hall", "porch"]);
        assert_eq!(devices(wrongs.into_iter().map(|wrong| wrong.device).collect()), ["base", "dock", "shed", "base"]);
    }

    #[test]
    fn no_home_begins_its_names_as_another_does() {
        let both = |one: &str, other: &str| {
            settings(&format!("[chosen]\nmaple-street = \"{one}\"\nlake-cabin = \"{other}\"\n")).sirens().map(drop)
        };
        assert_eq!(both("maple/", "lake/"), Ok(()));
        for (one, other) in [("", "lake/"), ("a/", "a/b/"), ("a", "a")] {
            assert!(both(one, other).unwrap_err().contains("begin with"), "{one} {other}");
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
        assert!(button("Keypad", "z/keypad", "disarm = \"cancel\"").unwrap_err().contains("without a code"));
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
