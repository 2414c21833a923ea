//! Which field a JSON message gives twice: under one spelling, or under both.
//!
//! JSON does not say which of the two counts, and a proxy or a signature may take the other one.

use std::{collections::BTreeSet, fmt};

use prost_reflect::MessageDescriptor;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How the error begins.
pub(super) const TWICE: &str = "duplicate field name '";

/// Reads a value of a message, or of anything else, and keeps nothing of it.
pub(super) struct Once(pub(super) Option<MessageDescriptor>);

impl<'de> DeserializeSeed<'de> for Once {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(Self(self.0.clone()))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut given = BTreeSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            let field = self.0.as_ref().and_then(|message| {
                message.get_field_by_json_name(&key).or_else(|| message.get_field_by_name(&key))
            });
            let name = field.as_ref().map_or(key.as_str(), |field| field.name()).to_owned();
            if !given.insert(name) {
                return Err(Error::custom(format!("{TWICE}{key}'")));
            }
            let inner = field.and_then(|field| field.kind().as_message().cloned());
            fields.next_value_seed(Self(inner))?;
        }
        Ok(())
    }
}
