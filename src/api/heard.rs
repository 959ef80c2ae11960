//! Lenient deserialization of answers. An installed app can be older than its server for days. An
//! unknown value costs the app that value, and never the whole answer.
//!
//! Enums that exist only in the API end in a variant `Other` for unknown values. Domain enums have no
//! such variant, because the store must reject unknown values; answers wrap them in [`Heard`].

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IntoDeserializer, SeqAccess, Visitor, value::StringDeserializer},
    ser::Error,
};
use std::{fmt, marker::PhantomData};

/// A word of the domain in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<T> {
    /// This word.
    Known(T),
    /// A word that only a newer server knows.
    Unknown,
}

impl<T> Heard<T> {
    /// The words of an answer that its server writes.
    pub fn all(words: impl IntoIterator<Item = T>) -> Vec<Self> {
        words.into_iter().map(Self::Known).collect()
    }

    /// The word, if it is known.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(word) => Some(word),
            Self::Unknown => None,
        }
    }

    const fn as_ref(&self) -> Heard<&T> {
        match self {
            Self::Known(word) => Heard::Known(word),
            Self::Unknown => Heard::Unknown,
        }
    }
}

impl<T> From<T> for Heard<T> {
    fn from(word: T) -> Self {
        Self::Known(word)
    }
}

/// An unknown word equals none.
impl<T: PartialEq> PartialEq<T> for Heard<T> {
    fn eq(&self, word: &T) -> bool {
        self.as_ref().known() == Some(word)
    }
}

impl<T: Serialize> Serialize for Heard<T> {
    /// # Errors
    /// The word is unknown, so it cannot be written.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(word) => word.serialize(serializer),
            Self::Unknown => Err(S::Error::custom("an unknown word")),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Heard<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word: StringDeserializer<D::Error> =
            String::deserialize(deserializer)?.into_deserializer();
        Ok(T::deserialize(word).map_or(Self::Unknown, Self::Known))
    }
}

/// Reads a word without which the answer says the same; an unknown one is left out.
///
/// # Errors
/// It is not a word.
pub fn known<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Heard<T>>::deserialize(deserializer)?.and_then(Heard::known))
}

/// Reads a list, and leaves out what cannot be read, where the rest is worth showing.
///
/// # Errors
/// It is not a list, or the reader cannot go on after an item that it cannot read.
pub fn readable<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Items<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let Some(left) = items.size_hint() else {
                // A reader that does not know how many are left reads text as it comes, and loses
                // its place where it cannot read.
                return std::iter::from_fn(|| items.next_element().transpose()).collect();
            };
            Ok((0..left).flat_map(|_| items.next_element().ok().flatten()).collect())
        }
    }
    deserializer.deserialize_seq(Items(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::Service;
    use serde_json::json;

    #[test]
    fn word_of_a_newer_server_is_unknown_and_equals_none() {
        let heard: Vec<Heard<Service>> = serde_json::from_value(json!(["fire", "coast"])).unwrap();
        assert_eq!(heard, [Heard::Known(Service::Fire), Heard::Unknown]);
        assert!(heard[0] == Service::Fire);
        assert!(heard[1] != Service::Fire);
        assert!(serde_json::to_value(heard[1]).is_err(), "nobody repeats it");
        assert!(serde_json::from_value::<Heard<Service>>(json!(1)).is_err());
    }

    #[test]
    fn list_is_read_without_what_cannot_be_read() {
        let numbers =
            |value| readable::<_, u8>(value).map_err(|error: serde_json::Error| error.to_string());
        assert_eq!(numbers(json!(["a", 1, {}, 2, "b"])), Ok(vec![1, 2]));
        assert_eq!(numbers(json!([])), Ok(vec![]));
        assert!(numbers(json!("a")).is_err());
        let text = &mut serde_json::Deserializer::from_str("[{\"a\": 1}, 2]");
        assert!(readable::<_, u8>(text).is_err(), "a reader of text ends");
    }
}
