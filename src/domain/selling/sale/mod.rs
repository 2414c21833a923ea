//! A sale as a whole: planned once, rescheduled, paused and resumed in turns, closed once. Its items
//! are separate aggregates.

mod plan;
mod reschedule;
mod schedule;
mod steer;
mod view;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    domain::item::Refusal,
    domain::{Decided, Decider, Impossible, Misdirected, Moment, Verdict, receipts::Receipts},
    events::{
        Act, Category, Position, SaleClosed, SaleCreated, SaleEvent, SalePaused, SaleRescheduled,
        SaleResumed,
    },
    values::{Invalid, SaleId, UnixMs, kinds},
};

pub use plan::{
    ALLOCATED_UNITS_MAX, Draft, DraftItem, DraftReward, ITEMS_PER_SALE_MAX, NAME_CHARS_MAX,
    SALE_BYTES_MAX, TIME_TO_PAY_MS_MAX, TIME_TO_PAY_MS_MIN, TITLE_CHARS_MAX,
    WAREHOUSES_PER_ITEM_MAX, WORTH_MINOR_MAX, plan,
};
pub use reschedule::RescheduleSale;
pub use schedule::{Schedule, Window};
pub use steer::SteerSale;
pub use view::{Pause, SaleView};

/// Everything that can be asked of a sale.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaleCommand {
    Create(Box<CreateSale>),
    Pause(SteerSale),
    Resume(SteerSale),
    Close(SteerSale),
    Cancel(SteerSale),
    Reschedule(RescheduleSale),
    Show,
}

kinds! { SaleCommand {
    Self::Create(_) => "create_sale",
    Self::Pause(_) => "pause_sale",
    Self::Resume(_) => "resume_sale",
    Self::Close(_) => "close_sale",
    Self::Cancel(_) => "cancel_sale",
    Self::Reschedule(_) => "reschedule_sale",
    Self::Show => "show_sale",
} }

/// Puts a sale up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateSale {
    /// The plan; its `created_at_ms` is set when it is decided.
    pub plan: SaleCreated,
}

/// What a sale answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaleOutcome {
    Sale(Box<SaleView>),
    /// One of `Closed`, `Paused` and `NotPaused`, said of the sale.
    Refused(Refusal),
    Misdirected(Misdirected),
}

/// The state of one sale.
#[derive(Debug)]
pub struct Sale {
    id: SaleId,
    plan: Option<SaleCreated>,
    schedule: Option<Schedule>,
    closed: Option<SaleClosed>,
    pause: Option<Pause>,
    receipts: Receipts<()>,
    last_at: UnixMs,
}

impl Decider for Sale {
    type Command = SaleCommand;
    type Event = SaleEvent;
    type Outcome = SaleOutcome;
    type Refusal = Refusal;
    type Shown = ();

    const CATEGORY: Category = Category::Sale;

    fn initial(id: Uuid) -> Self {
        Self {
            id: SaleId(id),
            plan: None,
            schedule: None,
            closed: None,
            pause: None,
            receipts: Receipts::default(),
            last_at: UnixMs::default(),
        }
    }

    fn decide(&self, command: SaleCommand, now: UnixMs) -> Decided<Self> {
        let at = Moment::after(self.last_at, now);
        let now = at.stamp;
        let decided = match (command, &self.plan) {
            (SaleCommand::Create(create), _) => self.create(create.plan, now),
            (_, None) => self.no(Misdirected::not_found("sale_id")),
            (SaleCommand::Show, Some(_)) => self.receipts.shown(),
            (SaleCommand::Close(close), Some(_)) => self.close(close, now),
            (SaleCommand::Cancel(cancel), Some(plan)) => self.cancel(cancel, plan, at),
            (SaleCommand::Reschedule(to), Some(plan)) => self.reschedule(&to, plan, at),
            (SaleCommand::Pause(steer), Some(_)) => self.set_pause(steer, true, now),
            (SaleCommand::Resume(steer), Some(_)) => self.set_pause(steer, false, now),
        };
        decided.judged(at)
    }

    fn verdict(outcome: &SaleOutcome) -> Verdict<'_, Refusal> {
        match outcome {
            SaleOutcome::Sale(_) => Verdict::Done,
            SaleOutcome::Refused(refusal) => Verdict::Refused(refusal),
            SaleOutcome::Misdirected(why) => Verdict::Misdirected(why),
        }
    }

    fn show(&self, (): (), _: UnixMs) -> SaleOutcome {
        match &self.plan {
            Some(plan) => SaleOutcome::Sale(Box::new(self.view(plan))),
            None => SaleOutcome::Misdirected(Misdirected::not_found("sale_id")),
        }
    }

    fn try_evolve(&mut self, event: &SaleEvent, revision: u64) -> Result<(), Impossible> {
        let (act, at) = match event {
            SaleEvent::Created(created) => {
                self.plan = Some(created.clone());
                (&created.act, created.created_at_ms)
            }
            SaleEvent::Paused(SalePaused { act, paused_at_ms: at }) => {
                self.pause = Some(Pause { on: true, act: act.clone(), at: *at, revision });
                (act, *at)
            }
            SaleEvent::Resumed(SaleResumed { act, resumed_at_ms: at }) => {
                self.pause = Some(Pause { on: false, act: act.clone(), at: *at, revision });
                (act, *at)
            }
            SaleEvent::Closed(closed) => {
                self.closed = Some(closed.clone());
                (&closed.act, closed.closed_at_ms)
            }
            SaleEvent::Rescheduled(to) => {
                self.schedule = Some(Schedule::of(to, revision));
                (&to.act, to.rescheduled_at_ms)
            }
        };
        self.last_at = self.last_at.max(at);
        self.receipts.keep(act, revision, ());
        Ok(())
    }

    fn landed(&mut self, revision: u64, position: Position) {
        self.receipts.landed(revision, position);
    }
}

impl Sale {
    fn create(&self, mut plan: SaleCreated, now: UnixMs) -> Decided<Self> {
        if let Some(repeated) = self.repeated(&plan.act) {
            return repeated;
        }
        // A sale's id comes from the request that created it, so a second creation is a repeat.
        if self.plan.is_some() {
            return self.no(Misdirected::RequestIdReused(plan.act.request_id));
        }
        plan.created_at_ms = now;
        self.yes(SaleEvent::Created(plan))
    }

    fn close(&self, close: SteerSale, now: UnixMs) -> Decided<Self> {
        let act = close.act("close");
        if let Some(repeated) = self.repeated(&act) {
            return repeated;
        }
        self.end(act, now)
    }

    /// Closes it before anything of it opens.
    fn cancel(&self, cancel: SteerSale, plan: &SaleCreated, at: Moment) -> Decided<Self> {
        let act = cancel.act("cancel");
        if let Some(repeated) = self.repeated(&act) {
            return repeated;
        }
        let view = self.view(plan);
        let opens_at = view.opens_at();
        if opens_at <= at.now && !view.is_cancelled() {
            let problem = format!(
                "is that of a sale that opened at {opens_at}, and it is {}: close it to end it",
                at.now
            );
            return self.no(Misdirected::Invalid(Invalid::new("sale_id", problem)));
        }
        self.end(act, at.stamp)
    }

    fn end(&self, act: Act, now: UnixMs) -> Decided<Self> {
        // Closing twice changes nothing, so it is no event.
        if self.closed.is_some() {
            return self.receipts.shown();
        }
        self.yes(SaleEvent::Closed(SaleClosed { act, closed_at_ms: now }))
    }

    /// What is over stays over: buyers were told so.
    fn reschedule(&self, to: &RescheduleSale, plan: &SaleCreated, at: Moment) -> Decided<Self> {
        let act = to.act();
        if let Some(repeated) = self.repeated(&act) {
            return repeated;
        }
        let view = self.view(plan);
        if self.closed.is_some() || view.closes_at() <= at.now {
            return self.refused(Refusal::Closed);
        }
        let before = view.window();
        let window = match to.window(&view, at.now) {
            Ok(window) => window,
            Err(invalid) => return self.no(Misdirected::Invalid(invalid)),
        };
        if window == before {
            return self.receipts.shown();
        }
        self.yes(SaleEvent::Rescheduled(SaleRescheduled {
            opens_at_ms_before: before.opens_at,
            closes_at_ms_before: before.closes_at,
            opens_at_ms: window.opens_at,
            closes_at_ms: window.closes_at,
            act,
            rescheduled_at_ms: at.stamp,
        }))
    }

    /// Pausing and resuming go in turns, as at an item.
    fn set_pause(&self, steer: SteerSale, on: bool, now: UnixMs) -> Decided<Self> {
        let act = steer.act(if on { "pause" } else { "resume" });
        if let Some(repeated) = self.repeated(&act) {
            return repeated;
        }
        let paused = self.pause.as_ref().is_some_and(|pause| pause.on);
        match (on, paused) {
            _ if self.closed.is_some() => return self.refused(Refusal::Closed),
            (true, true) => return self.refused(Refusal::Paused),
            (false, false) => return self.refused(Refusal::NotPaused),
            (true, false) | (false, true) => {}
        }
        self.yes(if on {
            SaleEvent::Paused(SalePaused { act, paused_at_ms: now })
        } else {
            SaleEvent::Resumed(SaleResumed { act, resumed_at_ms: now })
        })
    }

    fn repeated(&self, act: &Act) -> Option<Decided<Self>> {
        let receipt = match self.receipts.of(act.request_id, act.fingerprint) {
            Ok(receipt) => receipt?,
            Err(reused) => return Some(self.no(reused)),
        };
        let plan = self.plan.as_ref()?;
        let mut view = self.view(plan);
        // What the first answer showed: a sale just created is neither moved, paused nor closed yet. Who
        // steered is shown the sale as it is, so that an old pause that is repeated pauses nothing.
        if plan.act.request_id == act.request_id {
            (view.closed, view.pause, view.schedule) = (None, None, None);
        }
        Some(receipt.repeated(SaleOutcome::Sale(Box::new(view))))
    }

    fn view(&self, plan: &SaleCreated) -> SaleView {
        SaleView {
            sale_id: self.id,
            plan: plan.clone(),
            schedule: self.schedule.clone(),
            closed: self.closed.clone(),
            pause: self.pause.clone(),
        }
    }

    fn refused(&self, refusal: Refusal) -> Decided<Self> {
        self.receipts.unchanged(SaleOutcome::Refused(refusal))
    }

    fn yes(&self, event: SaleEvent) -> Decided<Self> {
        let request_id = event.act().request_id;
        self.receipts.happens(self.id.0, request_id, event)
    }

    fn no(&self, why: Misdirected) -> Decided<Self> {
        self.receipts.unchanged(SaleOutcome::Misdirected(why))
    }
}
