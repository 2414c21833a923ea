//! The wording for one situation in one language: what customer service says, in versions.
//!
//! The built-in wording is version 0 and is in [`builtin`]; a published one takes precedence, and
//! withdrawing it restores the built-in one. The situations and their variables are in
//! [`situation`].

mod builtin;
mod check;
mod situation;
mod wording;

use std::fmt;

use uuid::Uuid;

use crate::{
    domain::{Decided, Decider, Impossible, Misdirected, Moment, Verdict, receipts::Receipts},
    events::{Act, Category, Position, ScriptEvent, ScriptPublished, ScriptWithdrawn},
    values::{Fingerprint, RequestId, UnixMs, kinds},
};

pub use builtin::builtin;
pub use check::check_wording;
pub use situation::{Language, Situation};
pub use wording::{Variable, WORDING_CHARS_MAX, fill_wording};

/// Everything that can be asked of a wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptCommand {
    Change(Box<ChangeScript>),
    Show,
}

kinds! { ScriptCommand {
    Self::Change(change) if change.text.is_some() => "publish_script",
    Self::Change(_) => "withdraw_script",
    Self::Show => "show_script",
} }

/// Publishes or withdraws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeScript {
    pub request_id: RequestId,
    pub situation: Situation,
    pub language: Language,
    /// The checked wording; absent to withdraw the published one.
    pub text: Option<String>,
    /// Nothing changes unless this version is in force.
    pub expected_version: Option<i64>,
    pub operator: String,
    pub reason: String,
}

/// Why a wording was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptRefusal {
    /// Another version than was expected is in force.
    VersionNotExpected { in_force: i64 },
    /// What comes with doorbuster is said already.
    NotPublished,
}

kinds! { ScriptRefusal {
    Self::VersionNotExpected { .. } => "SCRIPT_VERSION",
    Self::NotPublished => "SCRIPT_NOT_PUBLISHED",
} }

impl fmt::Display for ScriptRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VersionNotExpected { in_force } => {
                write!(f, "Version {in_force} is in force, not the one that was expected.")
            }
            Self::NotPublished => f.write_str("No wording is published: the built-in one is said."),
        }
    }
}

/// What a wording answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptOutcome {
    Script(ScriptView),
    Refused(ScriptRefusal),
    Misdirected(Misdirected),
}

/// A wording as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScriptView {
    /// 0 before anything was published.
    pub version: i64,
    /// Absent where the built-in one is said.
    pub text: Option<String>,
    /// Since when; absent before anything was published.
    pub since: Option<UnixMs>,
}

/// The state of the wording for one situation in one language.
#[derive(Debug)]
pub struct Script {
    id: Uuid,
    view: ScriptView,
    receipts: Receipts<ScriptView>,
}

impl Decider for Script {
    type Command = ScriptCommand;
    type Event = ScriptEvent;
    type Outcome = ScriptOutcome;
    type Refusal = ScriptRefusal;
    type Shown = ();

    const CATEGORY: Category = Category::Script;

    fn initial(id: Uuid) -> Self {
        Self { id, view: ScriptView::default(), receipts: Receipts::default() }
    }

    fn decide(&self, command: ScriptCommand, now: UnixMs) -> Decided<Self> {
        match command {
            ScriptCommand::Show => self.receipts.shown(),
            ScriptCommand::Change(change) => self.change(*change, now),
        }
    }

    fn verdict(outcome: &ScriptOutcome) -> Verdict<'_, ScriptRefusal> {
        match outcome {
            ScriptOutcome::Script(_) => Verdict::Done,
            ScriptOutcome::Refused(refusal) => Verdict::Refused(refusal),
            ScriptOutcome::Misdirected(why) => Verdict::Misdirected(why),
        }
    }

    fn show(&self, (): (), _: UnixMs) -> ScriptOutcome {
        ScriptOutcome::Script(self.view.clone())
    }

    fn try_evolve(&mut self, event: &ScriptEvent, revision: u64) -> Result<(), Impossible> {
        let (view, act) = match event {
            ScriptEvent::Published(e) => {
                let (text, since) = (Some(e.text.clone()), Some(e.published_at_ms));
                (ScriptView { version: e.version, text, since }, &e.act)
            }
            ScriptEvent::Withdrawn(e) => {
                let since = Some(e.withdrawn_at_ms);
                (ScriptView { version: e.version, text: None, since }, &e.act)
            }
        };
        self.receipts.keep(act, revision, view.clone());
        self.view = view;
        Ok(())
    }

    fn landed(&mut self, revision: u64, position: Position) {
        self.receipts.landed(revision, position);
    }
}

impl Script {
    fn change(&self, change: ChangeScript, now: UnixMs) -> Decided<Self> {
        let fingerprint = change.fingerprint();
        let ChangeScript { request_id, situation, language, text, operator, reason, .. } = change;
        match self.receipts.of(request_id, fingerprint) {
            Ok(None) => {}
            Ok(Some(receipt)) => {
                return receipt.repeated(ScriptOutcome::Script(receipt.shown.clone()));
            }
            Err(reused) => return self.receipts.unchanged(ScriptOutcome::Misdirected(reused)),
        }
        let in_force = self.view.version;
        if change.expected_version.is_some_and(|expected| expected != in_force) {
            let refusal = ScriptRefusal::VersionNotExpected { in_force };
            return self.refused(refusal);
        }
        if text.is_none() && self.view.text.is_none() {
            return self.refused(ScriptRefusal::NotPublished);
        }
        let moment = Moment::after(self.view.since.unwrap_or(now), now);
        let at = moment.stamp;
        let act = Act { request_id, fingerprint, operator, reason };
        let (situation, language) = (situation.name(), language.name().to_owned());
        let version = in_force + 1;
        let event = match text {
            Some(text) => ScriptEvent::Published(ScriptPublished {
                situation,
                language,
                version,
                text,
                act,
                published_at_ms: at,
            }),
            None => ScriptEvent::Withdrawn(ScriptWithdrawn {
                situation,
                language,
                version,
                act,
                withdrawn_at_ms: at,
            }),
        };
        self.receipts.happens(self.id, request_id, event).judged(moment)
    }

    fn refused(&self, refusal: ScriptRefusal) -> Decided<Self> {
        self.receipts.unchanged(ScriptOutcome::Refused(refusal))
    }
}

impl ChangeScript {
    fn fingerprint(&self) -> Fingerprint {
        let expected = self.expected_version.map(|version| version.to_string());
        let verb = if self.text.is_some() { "publish" } else { "withdraw" };
        let fields = [
            verb,
            &self.situation.name(),
            self.language.name(),
            self.text.as_deref().unwrap_or_default(),
            &expected.unwrap_or_default(),
            &self.operator,
            &self.reason,
        ];
        Fingerprint::of(fields.map(str::as_bytes))
    }
}
