//! Every word of the pages, in English and in Chinese, side by side.
//!
//! Each text stands once, both languages next to each other, so that neither can be forgotten. Texts
//! with gaps are filled in one pass: what fills a gap is never looked at again.

mod definitions;
mod events;
mod sentences;
mod terms;

pub use definitions::Definition;
pub use events::event_name;
pub use sentences::Sentence;
pub use terms::Term;

use crate::values::Invalid;

/// A language that pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    English,
    Chinese,
}

impl Lang {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// Its name in HTML.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// Reads its name.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.into_iter().find(|lang| lang.name() == text);
        known.ok_or_else(|| Invalid::new(field, "must be en or zh"))
    }
}

/// A text with its gaps filled: `{name}` becomes the value of that name.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, opened)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = opened.split_once('}') else {
            text.push('{');
            rest = opened;
            continue;
        };
        let value = values.iter().find(|(known, _)| *known == name);
        text.push_str(value.map_or(name, |(_, value)| value));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Texts in both languages.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident: $($variant:ident => $english:expr, $chinese:expr;)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($variant),+
        }

        impl $name {
            /// All of them.
            #[allow(dead_code, reason = "not every list of texts is walked")]
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text.
            pub fn text(self, lang: $crate::pages::words::Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$variant, $crate::pages::words::Lang::English) => $english,
                    (Self::$variant, $crate::pages::words::Lang::Chinese) => $chinese),+
                }
            }
        }
    };
}

pub(in crate::pages) use texts;
