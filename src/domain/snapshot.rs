//! How a state is written down: plain values in parts of bounded size, without names and without gaps.
//!
//! Numbers are written in as few bytes as they need, least significant seven bits first. What is
//! written by one version of the sources is read by the same version only, so nothing says what
//! follows. A reader trusts nothing: it ends with [`BadState`] at the first byte that cannot be.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// Size of a part from which on the next value begins another one.
const PART_BYTES: usize = 256 << 10;

/// Room that is made before it is known that as much follows: a count may be damaged.
const ROOM_MAX: usize = 1 << 16;

/// What the sources look like that fold events into states and write those down. Another value means
/// that a state written by them may be another one.
pub const STATE_SOURCES: &str = env!("DOORBUSTER_STATE_SOURCES");

/// Why what was read is no state. Only a damaged file, or an error in this program, gives one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadState(pub String);

/// A result of reading.
pub type Read<T> = Result<T, BadState>;

/// That something cannot be.
pub fn bad<T>(what: impl Into<String>) -> Read<T> {
    Err(BadState(what.into()))
}

/// That something cannot be, unless it is so.
pub fn hold(so: bool, what: &str) -> Read<()> {
    if so { Ok(()) } else { bad(what) }
}

/// Takes values and hands them on in parts.
pub struct Writer<'a> {
    part: Vec<u8>,
    /// Takes a part; says whether it wants more.
    sink: &'a mut dyn FnMut(&[u8]) -> bool,
    wanted: bool,
}

/// Gives the values back in the sequence in which they were written.
pub struct Reader<'a> {
    part: Vec<u8>,
    at: usize,
    /// Gives the next part; none at the end.
    source: &'a mut dyn FnMut() -> Option<Vec<u8>>,
}

impl<'a> Writer<'a> {
    /// Hands parts to that sink until it says that it wants no more.
    pub fn new(sink: &'a mut dyn FnMut(&[u8]) -> bool) -> Self {
        Self { part: Vec::with_capacity(PART_BYTES), sink, wanted: true }
    }

    /// Hands on what is left; whether all was taken.
    pub fn finish(mut self) -> bool {
        self.hand_on();
        self.wanted
    }

    fn hand_on(&mut self) {
        if self.wanted && !self.part.is_empty() {
            self.wanted = (self.sink)(&self.part);
        }
        self.part.clear();
    }

    /// A value begins: it is never in two parts.
    fn begin(&mut self) -> &mut Vec<u8> {
        if self.part.len() >= PART_BYTES {
            self.hand_on();
        }
        &mut self.part
    }

    pub fn byte(&mut self, value: u8) {
        self.begin().push(value);
    }

    pub fn flag(&mut self, value: bool) {
        self.byte(u8::from(value));
    }

    /// A number that is mostly small.
    pub fn number(&mut self, mut value: u64) {
        let part = self.begin();
        while value >= 0x80 {
            part.push(value as u8 | 0x80);
            value >>= 7;
        }
        part.push(value as u8);
    }

    /// How many follow.
    pub fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    /// A number that is mostly near zero, on either side.
    pub fn signed(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    /// A number of which every bit counts.
    pub fn bits(&mut self, value: u64) {
        self.begin().extend_from_slice(&value.to_le_bytes());
    }

    pub fn id(&mut self, id: Uuid) {
        self.begin().extend_from_slice(id.as_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.count(text.len());
        self.begin().extend_from_slice(text.as_bytes());
    }

    /// One of a few variants.
    pub fn coded(&mut self, value: impl Coded) {
        self.byte(value.code());
    }

    /// Something small of which there are few, in its own stored form.
    pub fn json(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.text(&text),
            // Nothing is handed on any more: such a state is not written.
            Err(_) => self.wanted = false,
        }
    }
}

impl<'a> Reader<'a> {
    /// Reads parts from there.
    pub fn new(source: &'a mut dyn FnMut() -> Option<Vec<u8>>) -> Self {
        Self { part: Vec::new(), at: 0, source }
    }

    /// Nothing is left.
    pub fn finish(self) -> Read<()> {
        let left = self.at < self.part.len() || (self.source)().is_some();
        hold(!left, "goes on after its end")
    }

    fn take(&mut self, bytes: usize) -> Read<&[u8]> {
        if self.at == self.part.len() {
            self.part = (self.source)().ok_or_else(|| BadState("ends too early".to_owned()))?;
            self.at = 0;
        }
        let end = self.at.checked_add(bytes).filter(|&end| end <= self.part.len());
        let end = end.ok_or_else(|| BadState("ends within a value".to_owned()))?;
        let taken = &self.part[self.at..end];
        self.at = end;
        Ok(taken)
    }

    pub fn byte(&mut self) -> Read<u8> {
        Ok(self.take(1)?[0])
    }

    pub fn flag(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => bad(format!("says {other} where it is yes or no")),
        }
    }

    pub fn number(&mut self) -> Read<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        bad("holds a number that is too large")
    }

    /// A number that a smaller type holds.
    pub fn small<T: TryFrom<u64>>(&mut self) -> Read<T> {
        let value = self.number()?;
        T::try_from(value).map_err(|_| BadState(format!("holds {value}, which is too large")))
    }

    /// How many follow, and how much room to make for them now.
    pub fn count(&mut self) -> Read<(usize, usize)> {
        let count: usize = self.small()?;
        Ok((count, count.min(ROOM_MAX)))
    }

    pub fn signed(&mut self) -> Read<i64> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub fn bits(&mut self) -> Read<u64> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(u64::from_le_bytes(bytes))
    }

    pub fn id(&mut self) -> Read<Uuid> {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(self.take(16)?);
        Ok(Uuid::from_bytes(bytes))
    }

    pub fn text(&mut self) -> Read<&str> {
        let length: usize = self.small()?;
        if length == 0 {
            return Ok("");
        }
        let taken = self.take(length)?;
        std::str::from_utf8(taken).map_err(|error| BadState(format!("holds no text: {error}")))
    }

    pub fn coded<T: Coded>(&mut self) -> Read<T> {
        let code = self.byte()?;
        T::of(code).ok_or_else(|| BadState(format!("holds {code} where nothing is called so")))
    }

    pub fn json<T: DeserializeOwned>(&mut self) -> Read<T> {
        serde_json::from_str(self.text()?).map_err(|error| BadState(error.to_string()))
    }
}

/// The bytes that stand for the variants of a kind.
macro_rules! coded {
    ($kind:ty { $($variant:path => $code:literal),+ $(,)? }) => {
        impl $crate::domain::snapshot::Coded for $kind {
            fn code(self) -> u8 {
                match self { $($variant => $code,)+ }
            }

            fn of(code: u8) -> Option<Self> {
                match code { $($code => Some($variant),)+ _ => None }
            }
        }
    };
}

pub(in crate::domain) use coded;

/// What one byte stands for.
pub trait Coded: Sized {
    fn code(self) -> u8;
    fn of(code: u8) -> Option<Self>;
}
