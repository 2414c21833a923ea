//! Closed sets used by operators: service levels, severities of alerts and of incidents.
//!
//! Their names are stored, sent and shown, and never change.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// An enum whose variants have one stored name each, and reading it from outside.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident: $($(#[$about:meta])* $variant:ident => $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name, wherever people and programs read it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Reads a name that came from outside; `field` is named in the error.
            pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
                let known = Self::ALL.iter().copied().find(|known| known.name() == text);
                known.ok_or_else(|| {
                    let names: Vec<&str> = Self::ALL.iter().map(|known| known.name()).collect();
                    Invalid::new(field, format!("must be one of {}", names.join(", ")))
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// How much of the service runs. Each level leaves out what the one before it did, and more.
    ServiceLevel:
    /// Everything.
    Full => "full",
    /// No beacons of traffic are taken.
    NoTraffic => "no_traffic",
    /// The board shows what is sold and nothing that is dear to find out.
    NoBoardDetail => "no_board_detail",
    /// Orders, payments and steering; no board, no reports, no replays.
    CoreOnly => "core_only",
    /// No new orders. Held orders can be paid and cancelled, and still expire.
    Closed => "closed",
}

named! {
    /// How urgent an alert is.
    AlertSeverity:
    /// Worth knowing.
    Info => "info",
    /// Needs attention.
    Warning => "warning",
    /// Needs immediate action.
    Critical => "critical",
}

named! {
    /// How bad an incident is.
    IncidentSeverity:
    /// Buyers hardly notice.
    Minor => "minor",
    /// Many buyers notice, or a goal is in danger.
    Major => "major",
    /// The sale stands still, or something was promised that cannot be kept.
    Critical => "critical",
}

#[expect(clippy::derivable_impls, reason = "the macro derives the same for every set")]
impl Default for ServiceLevel {
    fn default() -> Self {
        Self::Full
    }
}
