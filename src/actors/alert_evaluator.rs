//! Evaluates the alert rules of sales on every round of pulses, and writes raised and cleared
//! alerts to the streams of alerts.
//!
//! It reads only the read models, on a low-priority thread, so no order waits for it. While the
//! store is unreachable its writes are kept in order, in memory, and written when the store is
//! back; raised alerts are counted by the node's metrics meanwhile. A further effect of a rule (an
//! incident, a lower level) is asked for by the process manager
//! [`Reactions`](super::process::Reactions), which reads the alert in the log.

mod readings;
mod watched;

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, WrapFuture};
use tokio::time::timeout;

use self::watched::{Watched, cleared};
use super::{Deadline, Directory, Fault, PulseDesk, Sales};
use crate::{
    clock::SharedClock,
    domain::{
        alert::{AlertCommand, AlertOutcome, Book},
        sale::SaleOutcome,
    },
    events::{AlertRaised, ClearedBecause, StreamName},
    metrics::{Label, Metrics, Severity},
    reports::Reports,
    threads,
    values::SaleId,
};

/// Commands sent to one book at once.
const COMMANDS_AT_ONCE: usize = 256;

/// Commands that may be unsent: nothing is judged while more are.
const UNSENT_MAX: usize = 50_000;

/// A book that takes longer than this to answer is asked again later.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Rounds between two tries to read the book of the service, which is watched meanwhile.
const LOAD_AGAIN_EVERY: u64 = 5;

/// Rounds between two checks for alerts of sales that are over and no longer followed.
const LEFT_BEHIND_EVERY: u64 = 60;

/// Sales among them that are looked at in one round.
const LEFT_BEHIND_AT_ONCE: usize = 100;

/// What the alert evaluator is run with.
pub struct AlertEvaluatorParts {
    pub desk: Arc<PulseDesk>,
    pub reports: Reports,
    pub sales: Sales,
    pub books: Arc<Directory<Book>>,
    pub metrics: Arc<Metrics>,
    pub clock: SharedClock,
}

/// The actor that goes along with the rounds of pulses.
pub struct AlertEvaluator {
    parts: Option<AlertEvaluatorParts>,
}

impl AlertEvaluator {
    /// Watches from its start on until its thread ends.
    pub fn new(parts: AlertEvaluatorParts) -> Self {
        Self { parts: Some(parts) }
    }
}

impl Actor for AlertEvaluator {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        threads::name("alerts");
        threads::patient();
        if let Some(parts) = self.parts.take() {
            ctx.spawn(Rounds::new(parts).go().into_actor(self));
        }
    }
}

/// A command and the book it is for.
type Unsent = (Option<SaleId>, AlertCommand);

struct Rounds {
    parts: AlertEvaluatorParts,
    watched: HashMap<Option<SaleId>, Watched>,
    unsent: VecDeque<Unsent>,
    /// The service is evaluated although the earlier alerts are unknown.
    service_unread: bool,
    round: u64,
    /// By how much the clock had been set in the last round.
    moved_ms: i64,
}

impl Rounds {
    fn new(parts: AlertEvaluatorParts) -> Self {
        let (watched, unsent) = (HashMap::new(), VecDeque::new());
        Self { parts, watched, unsent, service_unread: false, round: 0, moved_ms: 0 }
    }

    async fn go(mut self) {
        let mut rounds = self.parts.desk.subscribe();
        while rounds.changed().await.is_ok() {
            if self.unsent.len() < UNSENT_MAX {
                self.judge().await;
            }
            self.tell_figures();
            self.send().await;
            self.round += 1;
        }
    }

    async fn judge(&mut self) {
        let Some(node) = self.parts.desk.node() else { return };
        if std::mem::replace(&mut self.moved_ms, node.moved_ms) != node.moved_ms {
            // Times that run were begun by another clock.
            self.watched.values_mut().for_each(Watched::look_away);
        }
        let now = self.parts.clock.now();
        if self.knows(None).await
            && let Some(service) = self.watched.get_mut(&None)
        {
            let found = service.look_at_service(&node, now);
            self.unsent.extend(found.into_iter().map(|command| (None, command)));
        }
        let pulses = self.parts.desk.all();
        for pulse in &pulses {
            let sale = Some(pulse.sale.sale_id);
            if !self.knows(sale).await {
                continue;
            }
            let Some(watched) = self.watched.get_mut(&sale) else { continue };
            if Watched::is_behind(&node, pulse) {
                watched.look_away();
                continue;
            }
            let over = watched.is_over(pulse);
            let found = if over { watched.end() } else { watched.look_at_sale(&node, pulse) };
            self.unsent.extend(found.into_iter().map(|command| (sale, command)));
        }
        let mut gone = Vec::new();
        self.watched.retain(|sale, _| {
            let Some(sale) = *sale else { return true };
            let is_here = pulses.iter().any(|pulse| pulse.sale.sale_id == sale);
            gone.extend((!is_here).then_some(sale));
            is_here
        });
        if self.round.is_multiple_of(LEFT_BEHIND_EVERY) {
            gone.extend(self.left_behind().await);
        }
        for sale in gone {
            self.end_if_over(sale).await;
        }
    }

    /// Makes sure that a stream of alerts is followed. Not while its raised alerts are unknown.
    async fn knows(&mut self, sale: Option<SaleId>) -> bool {
        let is_unread = sale.is_none() && self.service_unread;
        let is_due = is_unread && self.round.is_multiple_of(LOAD_AGAIN_EVERY);
        if self.watched.contains_key(&sale) && !is_due {
            return true;
        }
        match timeout(ANSWER_WITHIN, self.opened(sale)).await.unwrap_or(Err(Fault::Stopping)) {
            Ok((watched, open)) => {
                match self.watched.entry(sale) {
                    // What was found meanwhile is not forgotten.
                    Entry::Occupied(mut known) => known.get_mut().are_raised(&open),
                    Entry::Vacant(place) => {
                        place.insert(watched);
                    }
                }
                self.service_unread &= sale.is_some();
                true
            }
            Err(fault) => {
                tracing::debug!(%fault, "a book of alerts cannot be opened yet");
                // The service can be judged all the same: its book matters most while it is away.
                if sale.is_none() {
                    self.service_unread = true;
                    self.watched.entry(None).or_insert_with(|| Watched::new(None, &[]));
                }
                sale.is_none()
            }
        }
    }

    async fn opened(&self, sale: Option<SaleId>) -> Result<(Watched, Vec<AlertRaised>), Fault> {
        let open = self.open(sale).await?;
        let plan = match sale {
            None => None,
            Some(sale) => match self.parts.sales.show(sale).await?.outcome {
                SaleOutcome::Sale(view) => Some(view.plan),
                SaleOutcome::Misdirected(why) => return Err(Fault::Unreadable(why.to_string())),
                SaleOutcome::Refused(why) => return Err(Fault::Unreadable(why.sentence().into())),
            },
        };
        Ok((Watched::new(plan, &open), open))
    }

    /// What is raised in a book.
    async fn open(&self, sale: Option<SaleId>) -> Result<Vec<AlertRaised>, Fault> {
        let id = StreamName::alerts(sale).id;
        match self.parts.books.ask(id, AlertCommand::Show, None).await?.outcome {
            AlertOutcome::Open(open) => Ok(open),
            AlertOutcome::Raised(_) | AlertOutcome::Cleared => Ok(Vec::new()),
        }
    }

    /// Sales that ended while no node ran, and whose alerts are raised still.
    async fn left_behind(&self) -> Vec<SaleId> {
        let (reports, now) = (self.parts.reports.clone(), self.parts.clock.now());
        let asked = tokio::task::spawn_blocking(move || reports.alerts_left_behind(now)).await;
        let Ok(Ok(mut sales)) = asked else { return Vec::new() };
        sales.retain(|sale| !self.watched.contains_key(&Some(*sale)));
        sales.truncate(LEFT_BEHIND_AT_ONCE);
        sales
    }

    /// Clears the alerts of a sale that is no longer followed. A sale that is not over is left
    /// unchanged: it is followed again with its next pulse.
    async fn end_if_over(&mut self, sale: SaleId) {
        let asked = async {
            let SaleOutcome::Sale(view) = self.parts.sales.show(sale).await?.outcome else {
                return Ok(Vec::new());
            };
            let over = view.closed.is_some() || self.parts.clock.now() >= view.closes_at();
            if over { self.open(Some(sale)).await } else { Ok(Vec::new()) }
        };
        let open: Result<Vec<AlertRaised>, Fault> =
            timeout(ANSWER_WITHIN, asked).await.unwrap_or(Err(Fault::Stopping));
        // Those that are not reached are found again by the next check.
        let over = open.unwrap_or_default();
        let over = over.iter().map(|alert| {
            (Some(sale), cleared(&alert.rule, alert.item_id, ClearedBecause::SaleOver))
        });
        self.unsent.extend(over);
    }

    /// Writes what is unsent, in its order, until a book does not take it.
    async fn send(&mut self) {
        while let Some(sale) = self.unsent.front().map(|(sale, _)| *sale) {
            let alike = self.unsent.iter().take(COMMANDS_AT_ONCE);
            let commands: Vec<AlertCommand> = alike
                .take_while(|(of, _)| *of == sale)
                .map(|(_, command)| command.clone())
                .collect();
            let count = commands.len();
            let id = StreamName::alerts(sale).id;
            // Writes that waited beyond the bound must not be written after later ones.
            let deadline = Deadline::at(Instant::now() + ANSWER_WITHIN);
            let asked = match self.parts.books.ask_all(id, commands, Some(deadline)) {
                Ok(answers) => timeout(ANSWER_WITHIN, answers).await,
                Err(fault) => Ok(Err(fault)),
            };
            match asked {
                Ok(Ok(_)) => {}
                // Sent again they change nothing that was written: the next round tries.
                Ok(Err(fault)) => {
                    tracing::debug!(%fault, unsent = self.unsent.len(), "alerts are not written yet");
                    return;
                }
                Err(_) => return,
            }
            self.unsent.drain(..count);
        }
    }

    fn tell_figures(&self) {
        let mut counts = [0; Severity::ALL.len()];
        for watched in self.watched.values() {
            watched.count_firing(&mut counts);
        }
        for severity in Severity::ALL {
            self.parts.metrics.alerts_firing(*severity, counts[severity.place()]);
        }
    }
}
