//! The stored form of an event: its name and its JSON. Each family has its table of names beside its
//! variants; the macros make both directions of it.

use serde::{Serialize, de::DeserializeOwned};

/// What can stand in the log.
pub trait Stored: Sized {
    /// The name it is stored under.
    fn kind(&self) -> &'static str;

    /// Its stored form.
    fn json(&self) -> Vec<u8>;

    /// Every name that can stand in the log.
    fn kinds() -> Vec<&'static str>;

    /// Reads a stored form, or says what is wrong with it. `None` for a name of another family.
    fn read(kind: &str, data: &[u8]) -> Option<Result<Self, String>>;
}

/// A family of events inside a union of families.
pub trait Family<Union>: Sized {
    /// The event, if it is of this family.
    fn pick(event: Union) -> Option<Self>;
}

/// A family from its table of stored names. A form that is written for every order may be written by a
/// function of its own, with the same bytes.
macro_rules! stored_names {
    (@json $body:ident) => { $crate::events::stored::to_json($body) };
    (@json $body:ident $write:path) => { $write($body) };
    ($family:ident: $($variant:ident => $name:literal $(by $write:path)?),+ $(,)?) => {
        impl $crate::events::Stored for $family {
            fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            fn json(&self) -> Vec<u8> {
                match self {
                    $(Self::$variant(body) => {
                        $crate::events::stored::stored_names!(@json body $($write)?)
                    })+
                }
            }

            fn kinds() -> Vec<&'static str> {
                vec![$($name),+]
            }

            fn read(kind: &str, data: &[u8]) -> Option<Result<Self, String>> {
                match kind {
                    $($name => {
                        Some($crate::events::stored::from_json(data).map(Self::$variant))
                    })+
                    _ => None,
                }
            }
        }
    };
}

/// A family of one event, which is its own body.
macro_rules! stored_alone {
    ($family:ident => $name:literal) => {
        impl $family {
            /// The name it is stored under.
            pub const KIND: &'static str = $name;
        }

        impl $crate::events::Stored for $family {
            fn kind(&self) -> &'static str {
                Self::KIND
            }

            fn json(&self) -> Vec<u8> {
                $crate::events::stored::to_json(self)
            }

            fn kinds() -> Vec<&'static str> {
                vec![Self::KIND]
            }

            fn read(kind: &str, data: &[u8]) -> Option<Result<Self, String>> {
                (kind == Self::KIND).then(|| $crate::events::stored::from_json(data))
            }
        }
    };
}

/// A union of families, each under a variant of its own.
macro_rules! stored_union {
    ($union:ident: $($variant:ident($family:ident)),+ $(,)?) => {
        impl $crate::events::Stored for $union {
            fn kind(&self) -> &'static str {
                match self { $(Self::$variant(event) => event.kind(),)+ }
            }

            fn json(&self) -> Vec<u8> {
                match self { $(Self::$variant(event) => event.json(),)+ }
            }

            fn kinds() -> Vec<&'static str> {
                let mut kinds = Vec::new();
                $(kinds.extend($family::kinds());)+
                kinds
            }

            fn read(kind: &str, data: &[u8]) -> Option<Result<Self, String>> {
                $(if let Some(read) = $family::read(kind, data) {
                    return Some(read.map(Self::$variant));
                })+
                None
            }
        }

        $(impl From<$family> for $union {
            fn from(event: $family) -> Self {
                Self::$variant(event)
            }
        }

        impl $crate::events::Family<$union> for $family {
            fn pick(event: $union) -> Option<Self> {
                if let $union::$variant(event) = event { Some(event) } else { None }
            }
        })+
    };
}

pub(super) use {stored_alone, stored_names, stored_union};

pub(super) fn to_json(body: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(512);
    // The bodies are plain structs with string keys: there is nothing serde_json could refuse.
    #[expect(clippy::expect_used, reason = "see above; losing an event silently would be worse")]
    serde_json::to_writer(&mut json, body).expect("an event body is always JSON");
    json
}

pub(super) fn from_json<T: DeserializeOwned>(data: &[u8]) -> Result<T, String> {
    // serde would read a struct from an array as well, and one of defaults from an empty array.
    if !data.trim_ascii_start().starts_with(b"{") {
        return Err("the body is not a JSON object".to_owned());
    }
    serde_json::from_slice(data).map_err(|error| error.to_string())
}
