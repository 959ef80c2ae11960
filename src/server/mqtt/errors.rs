//! Why settings, the binding of a siren, or the connection to the broker cannot be used.

use super::codes::CodesError;
use crate::domain::id::{DeviceId, HomeId};
use std::{io, path::PathBuf};

/// Why a siren cannot be bound as the settings, or an owner, say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SirenError {
    /// The settings do not let the owners of this home choose.
    #[error("This server's settings do not let owners choose how sirens are spoken to.")]
    NotAllowed,
    /// The name does not have the prefix of the home.
    #[error("The name must begin with “{prefix}”.")]
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// The settings have the siren, so an owner cannot choose.
    #[error("This server's settings say how it is spoken to.")]
    InSettings,
    /// The settings have the siren twice.
    #[error("it is there twice")]
    Twice,
    /// The name is empty, too long, or cannot be in a topic.
    #[error("Give the name that its topics have, not “{name}”.")]
    Name {
        /// The name.
        name: String,
    },
    /// The profile is unknown.
    #[error("There is no profile “{profile}”; there are {}.", known.join(", "))]
    Profile {
        /// The name of the profile.
        profile: String,
        /// The names of all profiles.
        known: Vec<String>,
    },
    /// An owner chose the name of another device. Does not reveal which, because it may be in
    /// another home.
    #[error("Another device has that name.")]
    NameTaken,
    /// Another device of the settings has the same topic.
    #[error("it shares the topic “{topic}” with {other}")]
    SharedTopic {
        /// The topic.
        topic: String,
        /// The home and the name of the other device.
        other: String,
    },
}

/// The binding of a siren that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{home}/{device}: {source}")]
pub struct BindingError {
    /// The home.
    pub home: HomeId,
    /// The device or camera.
    pub device: DeviceId,
    /// The cause.
    pub source: SirenError,
}

/// Why the table `mqtt` of the configuration cannot be used. A button is named by its home and its
/// name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The address of the broker is not valid.
    #[error(
        "mqtt.broker must be mqtt:// or mqtts:// and a host, such as mqtt://127.0.0.1:1883, not “{broker}”"
    )]
    Broker {
        /// The address.
        broker: String,
    },
    /// There is a client certificate without its key, or a key without its certificate.
    #[error("mqtt.cert and mqtt.key belong together")]
    CertWithoutKey,
    /// A siren cannot be bound as the settings say.
    #[error("mqtt.siren: {0}")]
    Siren(#[source] BindingError),
    /// The prefix of a home begins with that of another.
    #[error("mqtt.topic_prefix: names of {home} begin with “{prefix}”, and so do those of {other}")]
    Prefixes {
        /// The home with the shorter prefix.
        home: HomeId,
        /// Its prefix.
        prefix: String,
        /// The other home.
        other: HomeId,
    },
    /// The name of a button is empty or too long.
    #[error("mqtt.button: {button}: a name has 1 to {most} characters")]
    ButtonName {
        /// The button.
        button: String,
        /// The longest name, characters.
        most: usize,
    },
    /// The topic of a button is empty, or a filter for several topics.
    #[error("mqtt.button: {button} needs one topic, not “{topic}”")]
    ButtonTopic {
        /// The button.
        button: String,
        /// The topic.
        topic: String,
    },
    /// A button requests nothing.
    #[error(
        "mqtt.button: {button} asks for nothing: give press = {{ single = \"police\" }}, or fire, medical, siren"
    )]
    ButtonWithoutPress {
        /// The button.
        button: String,
    },
    /// A button cancels without codes, or has codes and does not cancel.
    #[error(
        "mqtt.button: {button}: “cancel” and codes_file belong together: nobody cancels without a code"
    )]
    CancelWithoutCodes {
        /// The button.
        button: String,
    },
    /// A button has the topic of another device.
    #[error("mqtt: {other} and {button} share the topic “{topic}”")]
    SharedTopic {
        /// The home and the name of the other device.
        other: String,
        /// The button.
        button: String,
        /// The topic.
        topic: String,
    },
}

/// Why the devices behind the broker cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The codes of a keypad cannot be used.
    #[error(transparent)]
    Codes(#[from] CodesError),
    /// A file that the settings name cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// There is a client certificate, but no CA certificate.
    #[error("mqtt.cert needs mqtt.ca")]
    CertWithoutCa,
    /// The machine's list of CA certificates cannot be used.
    #[error("the machine's certificates cannot be read: {0}")]
    MachineCertificates(#[source] rumqttc::TlsError),
}
