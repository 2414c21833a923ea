//! The decider of the alerts of a sale, or of the service as a whole: the alerts that are raised.
//!
//! Several nodes evaluate the same rules. The first node to report that one fires creates the
//! event; for the others the alert exists already. The same holds for clearing, and for repeats.

use std::{collections::BTreeMap, convert::Infallible};

use uuid::Uuid;

use crate::{
    domain::{AnswerFrom, Caused, Decided, Decider, Decision, Impossible, Moment, Verdict},
    events::{
        AlertCleared, AlertEvent, AlertRaised, Category, ClearedBecause, Position, SERVICE, Signal,
    },
    values::{AlertId, AlertSeverity, ItemId, SaleId, UnixMs, kinds},
};

/// Everything that can be asked of a book.
#[derive(Debug, Clone)]
pub enum AlertCommand {
    Raise(Box<RaiseAlert>),
    Clear(Box<ClearAlert>),
    Show,
}

kinds! { AlertCommand {
    Self::Raise(_) => "raise_alert",
    Self::Clear(_) => "clear_alert",
    Self::Show => "show_alerts",
} }

/// A rule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaiseAlert {
    pub rule: String,
    pub severity: AlertSeverity,
    pub item_id: Option<ItemId>,
    pub sku: String,
    pub when: String,
    pub signals: Vec<Signal>,
    pub since: UnixMs,
}

/// A rule fires no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearAlert {
    pub rule: String,
    pub item_id: Option<ItemId>,
    pub because: ClearedBecause,
    pub signals: Vec<Signal>,
}

/// What a book answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertOutcome {
    /// The alert that is raised, now or since before.
    Raised(Box<AlertRaised>),
    /// The alert is over, now or since before.
    Cleared,
    /// What is raised.
    Open(Vec<AlertRaised>),
}

/// What an answer shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookShown {
    /// The alert of this rule and item.
    Raised(Key),
    Open,
}

/// A rule, and the item for which it fires.
type Key = (String, Option<ItemId>);

/// The alerts that are raised.
#[derive(Debug)]
pub struct Book {
    id: Uuid,
    open: BTreeMap<Key, AlertRaised>,
    /// The last alert of each rule and item, once it is over.
    over: BTreeMap<Key, AlertRaised>,
    last_at: UnixMs,
    revision: u64,
    next_revision: u64,
}

impl Decider for Book {
    type Command = AlertCommand;
    type Event = AlertEvent;
    type Outcome = AlertOutcome;
    type Refusal = Infallible;
    type Shown = BookShown;

    const CATEGORY: Category = Category::Alert;

    fn initial(id: Uuid) -> Self {
        let last_at = UnixMs::default();
        let (open, over) = (BTreeMap::new(), BTreeMap::new());
        Self { id, open, over, last_at, revision: 0, next_revision: 0 }
    }

    fn decide(&self, command: AlertCommand, now: UnixMs) -> Decided<Self> {
        let at = Moment::after(self.last_at, now);
        let decided = match command {
            AlertCommand::Raise(raise) => self.raise(*raise, at),
            AlertCommand::Clear(clear) => self.clear(*clear, at.stamp),
            AlertCommand::Show => self.decided(Vec::new(), AnswerFrom::State(BookShown::Open)),
        };
        decided.judged(at)
    }

    fn verdict(outcome: &AlertOutcome) -> Verdict<'_, Infallible> {
        match outcome {
            AlertOutcome::Raised(_) | AlertOutcome::Cleared | AlertOutcome::Open(_) => {
                Verdict::Done
            }
        }
    }

    fn show(&self, shown: BookShown, _: UnixMs) -> AlertOutcome {
        match shown {
            BookShown::Raised(key) => match self.open.get(&key) {
                Some(raised) => AlertOutcome::Raised(Box::new(raised.clone())),
                None => AlertOutcome::Cleared,
            },
            BookShown::Open => AlertOutcome::Open(self.open.values().cloned().collect()),
        }
    }

    fn try_evolve(&mut self, event: &AlertEvent, revision: u64) -> Result<(), Impossible> {
        let at = match event {
            AlertEvent::Raised(raised) => {
                self.open.insert((raised.rule.clone(), raised.item_id), raised.clone());
                raised.raised_at_ms
            }
            AlertEvent::Cleared(cleared) => {
                let key = (cleared.rule.clone(), cleared.item_id);
                if let Some(raised) = self.open.remove(&key) {
                    self.over.insert(key, raised);
                }
                cleared.cleared_at_ms
            }
        };
        self.last_at = self.last_at.max(at);
        self.revision = revision;
        self.next_revision = revision + 1;
        Ok(())
    }

    fn landed(&mut self, _: u64, _: Position) {}
}

impl Book {
    fn raise(&self, raise: RaiseAlert, at: Moment) -> Decided<Self> {
        let key = (raise.rule.clone(), raise.item_id);
        // A repeat after a lost answer can concern an alert that is over by now. To fire again, the
        // condition must have begun to hold again. The time of clearing is not sufficient: the
        // condition may have begun before an unreachable store recorded the clearing. A beginning
        // in the future is from before the clock was set back, and is ignored.
        let told_before = self.over.get(&key).filter(|raised| {
            raise.since <= raised.since_ms && (raised.since_ms <= at.now || raise.since > at.now)
        });
        if let Some(raised) = self.open.get(&key).or(told_before) {
            let raised = AlertOutcome::Raised(Box::new(raised.clone()));
            return self.decided(Vec::new(), AnswerFrom::Decision(raised));
        }
        // The revision tells this time from all earlier ones.
        let item = raise.item_id.map_or_else(String::new, |item| item.to_string());
        let name = format!("{}/{item}/{}", raise.rule, self.next_revision);
        let raised = AlertRaised {
            alert_id: AlertId(Uuid::new_v5(&self.id, name.as_bytes())),
            rule: raise.rule,
            severity: raise.severity,
            sale_id: (self.id != SERVICE).then_some(SaleId(self.id)),
            item_id: raise.item_id,
            sku: raise.sku,
            when: raise.when,
            signals: raise.signals,
            since_ms: raise.since.min(at.stamp),
            raised_at_ms: at.stamp,
        };
        let id = raised.alert_id.0;
        let event = AlertEvent::Raised(raised);
        let (correlation, causation) = (self.id, id);
        let caused = Caused { event, id, correlation, causation, judged_at: at.judged_at() };
        self.decided(vec![caused], AnswerFrom::State(BookShown::Raised(key)))
    }

    fn clear(&self, clear: ClearAlert, now: UnixMs) -> Decided<Self> {
        let raised = self.open.get(&(clear.rule, clear.item_id));
        let cleared = raised.map(|raised| self.cleared(raised, clear.because, clear.signals, now));
        let outcome = AnswerFrom::Decision(AlertOutcome::Cleared);
        self.decided(cleared.into_iter().collect(), outcome)
    }

    fn cleared(
        &self,
        raised: &AlertRaised,
        because: ClearedBecause,
        signals: Vec<Signal>,
        now: UnixMs,
    ) -> Caused<AlertEvent> {
        let alert_id = raised.alert_id;
        let cleared = AlertCleared {
            alert_id,
            rule: raised.rule.clone(),
            sale_id: raised.sale_id,
            item_id: raised.item_id,
            because,
            signals,
            cleared_at_ms: now,
        };
        Caused {
            event: AlertEvent::Cleared(cleared),
            id: Uuid::new_v5(&alert_id.0, b"cleared"),
            correlation: self.id,
            causation: alert_id.0,
            // `decide` knows the moment.
            judged_at: None,
        }
    }

    fn decided(
        &self,
        events: Vec<Caused<AlertEvent>>,
        outcome: AnswerFrom<AlertOutcome, BookShown>,
    ) -> Decided<Self> {
        let revision = match events.len() as u64 {
            0 => self.revision,
            count => self.next_revision + count - 1,
        };
        Decision { events, outcome, revision, position: None, attempt: None }
    }
}
