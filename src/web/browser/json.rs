//! JSON, parsed by the browser and converted to Rust from there.
//!
//! serde_json's reader and serde-wasm-bindgen's add 20 kB and 16 kB to the first load, most of it
//! for messages about where an error is. The app only needs to know whether an answer can be read,
//! so this reader has no messages.

use js_sys::{Array, JSON, Object, Reflect};
use serde::{
    Serialize,
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess,
        SeqAccess, Unexpected, Visitor,
    },
    forward_to_deserialize_any,
};
use std::fmt;
use wasm_bindgen::{JsCast, JsValue};

/// Parses a text; `None` if it is not JSON, or not of that type.
pub fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    T::deserialize(Value(JSON::parse(text).ok()?)).ok()
}

/// Writes a value as JSON.
pub fn text(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// The text is not of that type.
#[derive(Debug)]
struct NotThat;

impl fmt::Display for NotThat {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for NotThat {}

impl serde::de::Error for NotThat {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self
    }
    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self
    }
    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self
    }
    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }
    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }
    fn missing_field(_: &'static str) -> Self {
        Self
    }
    fn duplicate_field(_: &'static str) -> Self {
        Self
    }
}

/// A parsed value.
struct Value(JsValue);

impl Value {
    fn text(&self) -> Result<String, NotThat> {
        self.0.as_string().ok_or(NotThat)
    }

    fn number<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, NotThat> {
        let number = self.0.as_f64().ok_or(NotThat)?;
        if number < 0.0 {
            visitor.visit_i64(number as i64)
        } else {
            visitor.visit_u64(number as u64)
        }
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = NotThat;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        match () {
            () if self.0.is_null() => visitor.visit_unit(),
            () if self.0.is_string() => self.deserialize_str(visitor),
            () if self.0.as_bool().is_some() => self.deserialize_bool(visitor),
            () if Array::is_array(&self.0) => self.deserialize_seq(visitor),
            () if self.0.is_object() => self.deserialize_map(visitor),
            () => self.number(visitor),
        }
    }
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        visitor.visit_bool(self.0.as_bool().ok_or(NotThat)?)
    }
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        self.number(visitor)
    }
    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        self.number(visitor)
    }
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        self.number(visitor)
    }
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        self.number(visitor)
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        visitor.visit_string(self.text()?)
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        self.deserialize_str(visitor)
    }
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        self.deserialize_str(visitor)
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        let all = self.0.dyn_into::<Array>().map_err(|_| NotThat)?;
        visitor.visit_seq(Items { all, at: 0 })
    }
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        let object = self.0.dyn_into::<Object>().map_err(|_| NotThat)?;
        visitor.visit_map(Fields { keys: Object::keys(&object), object, at: 0 })
    }
    /// Reads a struct as a sequence in the order of its fields, which takes a third of the code
    /// that a lookup by key takes.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotThat> {
        visitor.visit_seq(InOrder { object: self.0, fields: fields.iter() })
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NotThat> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotThat> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThat> {
        visitor.visit_unit()
    }
    forward_to_deserialize_any! { i8 i16 i32 i64 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct }
}

struct Items {
    all: Array,
    at: u32,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = NotThat;
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, NotThat> {
        if self.at == self.all.length() {
            return Ok(None);
        }
        self.at += 1;
        seed.deserialize(Value(self.all.get(self.at - 1))).map(Some)
    }
    /// Says that the next item can be read even if this one cannot.
    fn size_hint(&self) -> Option<usize> {
        Some((self.all.length() - self.at) as usize)
    }
}

struct InOrder {
    object: JsValue,
    fields: std::slice::Iter<'static, &'static str>,
}

impl<'de> SeqAccess<'de> for InOrder {
    type Error = NotThat;
    /// A missing field is reported as the end of the sequence, so that serde takes its default, or
    /// refuses the struct if it has none.
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, NotThat> {
        let name = self.fields.next().ok_or(NotThat)?;
        let value = Reflect::get(&self.object, &JsValue::from_str(name)).map_err(|_| NotThat)?;
        if value.is_undefined() { Ok(None) } else { seed.deserialize(Value(value)).map(Some) }
    }
}

struct Fields {
    object: Object,
    keys: Array,
    at: u32,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = NotThat;
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NotThat> {
        if self.at == self.keys.length() {
            return Ok(None);
        }
        self.at += 1;
        seed.deserialize(Value(self.keys.get(self.at - 1))).map(Some)
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, NotThat> {
        let value = Reflect::get(&self.object, &self.keys.get(self.at - 1)).map_err(|_| NotThat)?;
        seed.deserialize(Value(value))
    }
}
