//! Kinds: the closed set of names into which the values of a type fall, for example what a command
//! asks for. Metrics count by them, so every series is there from the start.

use std::convert::Infallible;

/// A type whose values fall into kinds with names.
pub trait Kinds {
    /// The names of all kinds.
    const NAMES: &'static [&'static str];

    /// The kind of this value: a place in [`Self::NAMES`].
    fn kind(&self) -> usize;

    /// The name of its kind.
    fn kind_name(&self) -> &'static str {
        Self::NAMES[self.kind()]
    }
}

impl Kinds for Infallible {
    const NAMES: &'static [&'static str] = &[];

    fn kind(&self) -> usize {
        match *self {}
    }
}

/// The place of a name, at compile time.
pub(crate) const fn place_of(names: &[&str], name: &str) -> usize {
    let mut place = 0;
    while !are_equal(names[place].as_bytes(), name.as_bytes()) {
        place += 1;
    }
    place
}

const fn are_equal(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Gives a type its kinds: one line for each, a pattern and a name. The patterns are complete. They
/// match the value, or what `of` makes of a reference to it.
macro_rules! kinds {
    ($type:ty { $($lines:tt)+ }) => {
        $crate::values::kinds! { $type, of (std::convert::identity) { $($lines)+ } }
    };
    ($type:ty, of ($of:path) { $($pattern:pat $(if $guard:expr)? => $name:literal,)+ }) => {
        impl $crate::values::Kinds for $type {
            const NAMES: &'static [&'static str] = &[$($name,)+];

            fn kind(&self) -> usize {
                match $of(self) {
                    $($pattern $(if $guard)? => const {
                        $crate::values::place_of(
                            <$type as $crate::values::Kinds>::NAMES,
                            $name,
                        )
                    },)+
                }
            }
        }
    };
}

pub(crate) use kinds;
