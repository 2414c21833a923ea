//! Checks of a JSON message that prost-reflect does not make.
//!
//! No field is given twice, under one spelling or under both: JSON does not say which of the two
//! counts, and a proxy or a signature may take the other one. A whole number is within 64 bits and
//! comes to exactly what is written: serde_json reads a number beyond 64 bits, and one with a point or
//! an exponent, as floating-point, and prost-reflect cuts that to the nearest whole number.

use std::{collections::BTreeSet, fmt};

use prost_reflect::{Kind, MessageDescriptor};
use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

/// How the error begins.
pub(super) const TWICE: &str = "duplicate field name '";

/// The error of a number that is too large, too small or not whole.
pub(super) const BEYOND: &str = "must be a whole number within 64 bits";

/// The error of a number that floating-point cannot hold.
pub(super) const INEXACT: &str =
    "must be written without a point or an exponent: it would not be read exactly";

/// Checks a value of that kind, or of any, and keeps nothing of it. The value has been read before.
pub(super) struct Strict {
    kind: Option<Kind>,
    is_list: bool,
}

impl Strict {
    pub(super) fn message(message: MessageDescriptor) -> Self {
        Self { kind: Some(Kind::Message(message)), is_list: false }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let exact: fn(&str) -> Result<(), &'static str> = match &self.kind {
            _ if self.is_list => return deserializer.deserialize_any(self),
            Some(Kind::Uint64 | Kind::Fixed64) => exact_u64,
            Some(
                Kind::Int64
                | Kind::Sint64
                | Kind::Sfixed64
                | Kind::Int32
                | Kind::Sint32
                | Kind::Sfixed32
                | Kind::Uint32
                | Kind::Fixed32,
            ) => exact_i64,
            Some(
                Kind::Double
                | Kind::Float
                | Kind::Bool
                | Kind::String
                | Kind::Bytes
                | Kind::Message(_)
                | Kind::Enum(_),
            )
            | None => return deserializer.deserialize_any(self),
        };
        exact(<&RawValue>::deserialize(deserializer)?.get()).map_err(Error::custom)
    }
}

impl<'de> Visitor<'de> for Strict {
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
        let each = || Self { kind: self.kind.clone(), is_list: false };
        while values.next_element_seed(each())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let message = self.kind.as_ref().and_then(Kind::as_message);
        let mut given = BTreeSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            let field = message.and_then(|message| {
                message.get_field_by_json_name(&key).or_else(|| message.get_field_by_name(&key))
            });
            let name = field.as_ref().map_or(key.as_str(), |field| field.name()).to_owned();
            if !given.insert(name) {
                return Err(Error::custom(format!("{TWICE}{key}'")));
            }
            let is_list = field.as_ref().is_some_and(|field| field.is_list());
            fields.next_value_seed(Self { kind: field.map(|field| field.kind()), is_list })?;
        }
        Ok(())
    }
}

fn exact_i64(text: &str) -> Result<(), &'static str> {
    exact(text, |number| i64::try_from(number).is_ok(), |read| i128::from(read as i64))
}

fn exact_u64(text: &str) -> Result<(), &'static str> {
    exact(text, |number| u64::try_from(number).is_ok(), |read| i128::from(read as u64))
}

/// Checks a number. Numbers in texts are read exactly.
fn exact(
    text: &str,
    is_within: fn(i128) -> bool,
    as_read: fn(f64) -> i128,
) -> Result<(), &'static str> {
    if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Ok(());
    }
    let number = whole(text).filter(|number| is_within(*number)).ok_or(BEYOND)?;
    let is_plain = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let read = text.parse().map_err(|_| BEYOND)?;
    if is_plain || as_read(read) == number { Ok(()) } else { Err(INEXACT) }
}

/// The number that a JSON number is, if that is whole and not far beyond 64 bits.
fn whole(text: &str) -> Option<i128> {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (units, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{units}{fraction}");
    let places = i64::try_from(fraction.len()).ok()?;
    let zeros = exponent.parse::<i64>().ok()?.checked_sub(places)?;
    let mut number: i128 = digits.parse().ok()?;
    // More zeros are only those of 0.
    for _ in 0..zeros.unsigned_abs().min(64) {
        if zeros > 0 {
            number = number.checked_mul(10)?;
        } else if number % 10 == 0 {
            number /= 10;
        } else {
            return None;
        }
    }
    Some(number)
}
