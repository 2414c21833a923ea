//! JSON from outside, read field by field, so that an error names its field.
//!
//! A page that truncates a text in the middle of an emoji sends half a character, which JSON can
//! express but a string cannot hold. A document is therefore first split into its fields, and each
//! value is decoded separately.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::values::Invalid;

/// The fields of an object that were not read yet.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The fields of what must be an object. Errors name it `whole`.
    pub(super) fn of(object: &'a RawValue, whole: &str) -> Result<Self, Invalid> {
        if !object.get().starts_with('{') {
            return Err(Invalid::new(whole, "must be an object"));
        }
        let fields: Self = serde_json::from_str(object.get())
            .map_err(|_| Invalid::new(whole, "has a field whose name is no text"))?;
        for (place, (name, _)) in fields.0.iter().enumerate() {
            if fields.0[..place].iter().any(|(other, _)| other == name) {
                return Err(Invalid::new(shown(name), "stands there twice"));
            }
        }
        Ok(fields)
    }

    /// A field as it was sent.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(place).1)
    }

    /// A field's value.
    pub(super) fn value(&mut self, name: &str) -> Result<Option<Value>, Invalid> {
        let Some(sent) = self.take(name) else { return Ok(None) };
        serde_json::from_str(sent.get()).map(Some).map_err(|error| {
            if sent.get().contains("\\u") {
                Invalid::new(name, "is no text: a character in it was cut")
            } else {
                Invalid::new(name, format!("cannot be read: {error}"))
            }
        })
    }

    /// A text; empty where there is none.
    pub(super) fn text(&mut self, name: &str) -> Result<String, Invalid> {
        match self.value(name)? {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Invalid::new(name, "must be a text"))
            }
        }
    }

    /// Refuses fields that were not read.
    pub(super) fn end(self) -> Result<(), Invalid> {
        match self.0.first() {
            Some((unknown, _)) => Err(Invalid::new(shown(unknown), "is not a known field")),
            None => Ok(()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        from.deserialize_map(Each).map(Self)
    }
}

/// Bytes as text in which those that are none stand as half a character, so that only the value is
/// refused that they are in. Two of them, because a backslash before would make text of the first.
pub(super) fn readable(bytes: &[u8]) -> Cow<'_, str> {
    const HALVES: &str = "\\ud800\\ud800";
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let chunks = bytes.utf8_chunks();
            let parts = chunks.map(|chunk| {
                [chunk.valid(), if chunk.invalid().is_empty() { "" } else { HALVES }].concat()
            });
            Cow::Owned(parts.collect())
        }
    }
}

/// A name that came from outside, as far as it can be shown.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(64).collect()
}
