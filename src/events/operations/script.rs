//! Wordings of customer service: one text per situation and language.
//!
//! Each situation and language has a stream of its own, so that its versions count from 1 and the
//! log says which was in force when.

use serde::{Deserialize, Serialize};

use crate::{
    events::{act::Act, stored::stored_names},
    values::UnixMs,
};

/// Everything that can happen to a wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptEvent {
    /// This wording is in force from now on.
    Published(ScriptPublished),
    /// From now on what comes with doorbuster is said again.
    Withdrawn(ScriptWithdrawn),
}

stored_names! { ScriptEvent:
    Published => "ScriptPublished",
    Withdrawn => "ScriptWithdrawn",
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptPublished {
    pub situation: String,
    /// `en` or `zh`.
    pub language: String,
    /// 1 for the first of this situation and language; withdrawing takes a number, too.
    pub version: i64,
    /// The wording, with variables in braces.
    pub text: String,
    pub act: Act,
    pub published_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptWithdrawn {
    pub situation: String,
    pub language: String,
    pub version: i64,
    pub act: Act,
    pub withdrawn_at_ms: UnixMs,
}
