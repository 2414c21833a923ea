//! The events: facts in the past tense, stored permanently.
//!
//! One family a file. An event carries everything a reader needs to fold it without looking
//! anything else up, and says itself what it does to units, orders and money. Nothing here decides,
//! reads a clock or does I/O. Stored names are pinned beside the variants; changing one is a
//! migration, not a rename.

mod act;
mod audience;
mod codec;
mod envelope;
mod operations;
mod selling;
mod stored;
mod stream;

pub use act::{Act, OWN_OPERATOR};
pub use audience::*;
pub use codec::{DecodeError, Event, decode, decode_shown, encode, metadata};
pub use envelope::{NewEvent, Position, Recorded, Shown};
pub use operations::*;
pub use selling::*;
pub use stored::{Family, Stored};
pub use stream::{Category, SERVICE, StreamName};
