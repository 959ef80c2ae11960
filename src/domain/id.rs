//! Identifiers. Each is parsed once, where it enters the program, and trusted from then on.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// The text is not a valid identifier of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadId;

impl std::error::Error for BadId {}

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected 1 to 64 lower-case letters, digits or hyphens")
    }
}

/// A short name made of lower-case letters, digits and hyphens, 1 to 64 characters.
macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                is_slug(text).then(|| Self(text.into())).ok_or(BadId)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_slug(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

slug!(
    /// A home, that is, one location.
    HomeId
);
slug!(
    /// A base station or keypad of a home; unique within the home, together with its cameras.
    DeviceId
);
slug!(
    /// A camera or doorbell; unique within the home.
    CameraId
);
slug!(
    /// An emergency contact; unique within the home.
    ContactId
);
slug!(
    /// A person with an account.
    UserId
);

/// An incident. The client makes the id, so that a repeated request leads to the same incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub Uuid);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IncidentId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        Uuid::parse_str(text).map(Self).map_err(|_| BadId)
    }
}

/// A telephone call of an incident. The id includes the incident, so that an answer can never reach
/// a call of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallId {
    /// The incident that the call belongs to.
    pub incident: IncidentId,
    /// The number of the call within the incident, from 1.
    pub number: u8,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incident, self.number)
    }
}

impl FromStr for CallId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let (incident, number) = text.split_once('.').ok_or(BadId)?;
        Ok(Self { incident: incident.parse()?, number: number.parse().map_err(|_| BadId)? })
    }
}

impl TryFrom<String> for CallId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<CallId> for String {
    fn from(id: CallId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_short_names_are_identifiers() {
        assert!("maple-street".parse::<HomeId>().is_ok());
        for bad in ["", "Maple", "a b", "a\0", "é", "../x", "\u{202e}x", &"x".repeat(65)] {
            assert_eq!(bad.parse::<HomeId>(), Err(BadId), "{bad:?}");
        }
    }

    #[test]
    fn a_call_names_its_incident() {
        let id = CallId { incident: IncidentId(Uuid::from_u128(7)), number: 2 };
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("7.2".parse::<CallId>(), Err(BadId));
    }
}
