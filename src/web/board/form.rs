//! The fields of a write: a JSON object that names each field once, and no other fields than those
//! that are read.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{
    domain::sale::NAME_CHARS_MAX,
    values::{Invalid, known_text},
};

/// The fields of a write that are not taken yet.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads an object that names each field once: of two values one would be lost unseen.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| Invalid::new("body", format!("is not JSON: {error}")))?;
        let Value::Object(fields) = value else {
            return Err(Invalid::new("body", "must be an object"));
        };
        let Keys(mut keys) = serde_json::from_slice(bytes)
            .map_err(|error| Invalid::new("body", format!("is not JSON: {error}")))?;
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(Self(fields)),
            Some(pair) => Err(Invalid::new(shown_key(&pair[0]), "is given twice")),
        }
    }

    /// A text, which may be absent: then it is empty.
    pub(super) fn text(&mut self, name: &str) -> Result<String, Invalid> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Invalid::new(name, "must be a text"))
            }
        }
    }

    /// A whole number, which may be absent.
    pub(super) fn whole(&mut self, name: &str) -> Result<Option<i64>, Invalid> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
            Some(
                Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_),
            ) => Err(Invalid::new(name, "must be a whole number")),
        }
    }

    /// A warehouse and a number of units, in the order in which a form asks for them.
    pub(super) fn units(&mut self) -> Result<(String, i64), Invalid> {
        let warehouse = self.text("warehouse")?;
        known_text("warehouse", &warehouse, NAME_CHARS_MAX)?;
        let units = self.whole("units")?.ok_or_else(|| Invalid::new("units", "is missing"))?;
        Ok((warehouse, units))
    }

    /// Whether something is so; it is not where nothing is said.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Invalid> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Invalid::new(name, "must be true or false"))
            }
        }
    }

    /// Refuses fields that were not read.
    pub(super) fn done(&self) -> Result<(), Invalid> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(unknown) => Err(Invalid::new(shown_key(unknown), "is not a known field")),
        }
    }
}

/// An unknown key, shortened for display.
fn shown_key(key: &str) -> String {
    key.chars().filter(|letter| !letter.is_control()).take(64).collect()
}

/// The keys of an object, each as often as it stands there.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = object.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        object.deserialize_map(Reader)
    }
}
