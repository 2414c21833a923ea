//! The exports of a sale. Each begins where the one before ended, so that no paid order is in two of
//! them and none in no export.
//!
//! What is in an export is read from the log by others; this decides only where it begins, and keeps
//! its digest.

use std::fmt;

use uuid::Uuid;

use crate::{
    domain::{Decided, Decider, Impossible, Misdirected, Moment, Verdict, receipts::Receipts},
    events::{Act, Category, OrdersExported, Position},
    values::{Fingerprint, RequestId, UnixMs, kinds},
};

/// Everything that can be asked of the exports of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FulfilmentCommand {
    /// Where the next export begins, or what this request exported.
    Begin(ExportOrders),
    /// Records an export whose contents are known.
    Record(ExportOrders, Contents),
}

kinds! { FulfilmentCommand {
    Self::Begin(_) => "begin_export",
    Self::Record(..) => "record_export",
} }

/// An operator's request for an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOrders {
    pub request_id: RequestId,
    pub operator: String,
    pub reason: String,
}

/// What is in an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Numbers of payments and refunds of the sale: the export begins after the one and ends with
    /// the other.
    pub after: i64,
    pub upto: i64,
    /// Paid orders.
    pub orders: i64,
    /// SHA-256 of it as CSV, in hexadecimal.
    pub sha256: String,
}

/// Why nothing was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportRefusal {
    /// No order was paid or refunded since.
    NothingToExport { upto: i64 },
    /// Another export came first.
    ExportedMeanwhile { upto: i64 },
}

kinds! { ExportRefusal {
    Self::NothingToExport { .. } => "NOTHING_TO_EXPORT",
    Self::ExportedMeanwhile { .. } => "EXPORTED_MEANWHILE",
} }

impl fmt::Display for ExportRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToExport { upto: 0 } => {
                f.write_str("No order of this sale is paid, so there is nothing to export.")
            }
            Self::NothingToExport { upto } => write!(
                f,
                "The exports hold all {upto} payments and refunds of this sale: there is nothing new."
            ),
            Self::ExportedMeanwhile { upto } => {
                write!(f, "Another export came first and goes up to {upto}.")
            }
        }
    }
}

/// What the exports of a sale answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportOutcome {
    /// The next export begins after this number.
    Begins {
        after: i64,
    },
    Exported(ExportView),
    Refused(ExportRefusal),
    Misdirected(Misdirected),
}

/// An export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportView {
    /// 1 for the first of the sale.
    pub number: i64,
    pub contents: Contents,
    pub operator: String,
    pub reason: String,
    pub exported_at: UnixMs,
}

/// The exports of a sale so far.
#[derive(Debug)]
pub struct Fulfilment {
    id: Uuid,
    last: Option<ExportView>,
    receipts: Receipts<ExportView>,
}

impl Decider for Fulfilment {
    type Command = FulfilmentCommand;
    type Event = OrdersExported;
    type Outcome = ExportOutcome;
    type Refusal = ExportRefusal;
    type Shown = ();

    const CATEGORY: Category = Category::Fulfilment;

    fn initial(id: Uuid) -> Self {
        Self { id, last: None, receipts: Receipts::default() }
    }

    fn decide(&self, command: FulfilmentCommand, now: UnixMs) -> Decided<Self> {
        let (by, contents) = match command {
            FulfilmentCommand::Begin(by) => (by, None),
            FulfilmentCommand::Record(by, contents) => (by, Some(contents)),
        };
        match self.receipts.of(by.request_id, by.fingerprint()) {
            Ok(None) => {}
            Ok(Some(receipt)) => {
                return receipt.repeated(ExportOutcome::Exported(receipt.shown.clone()));
            }
            Err(reused) => return self.receipts.unchanged(ExportOutcome::Misdirected(reused)),
        }
        match contents {
            None => self.receipts.unchanged(ExportOutcome::Begins { after: self.ended() }),
            Some(contents) => self.record(by, contents, now),
        }
    }

    fn verdict(outcome: &ExportOutcome) -> Verdict<'_, ExportRefusal> {
        match outcome {
            ExportOutcome::Begins { .. } | ExportOutcome::Exported(_) => Verdict::Done,
            ExportOutcome::Refused(refusal) => Verdict::Refused(refusal),
            ExportOutcome::Misdirected(why) => Verdict::Misdirected(why),
        }
    }

    fn show(&self, (): (), _: UnixMs) -> ExportOutcome {
        match &self.last {
            Some(last) => ExportOutcome::Exported(last.clone()),
            None => ExportOutcome::Begins { after: 0 },
        }
    }

    fn try_evolve(&mut self, event: &OrdersExported, revision: u64) -> Result<(), Impossible> {
        let OrdersExported { after, upto, orders, ref sha256, ref act, exported_at_ms } = *event;
        let ended = self.ended();
        if after != ended || upto <= after {
            return Err(Impossible::Export { after, upto, ended });
        }
        let export = ExportView {
            number: self.last.as_ref().map_or(0, |last| last.number) + 1,
            contents: Contents { after, upto, orders, sha256: sha256.clone() },
            operator: act.operator.clone(),
            reason: act.reason.clone(),
            exported_at: exported_at_ms,
        };
        self.receipts.keep(act, revision, export.clone());
        self.last = Some(export);
        Ok(())
    }

    fn landed(&mut self, revision: u64, position: Position) {
        self.receipts.landed(revision, position);
    }
}

impl Fulfilment {
    /// Number of the last payment or refund that was exported.
    fn ended(&self) -> i64 {
        self.last.as_ref().map_or(0, |last| last.contents.upto)
    }

    fn record(&self, by: ExportOrders, contents: Contents, now: UnixMs) -> Decided<Self> {
        let upto = self.ended();
        if contents.after != upto {
            return self.refused(ExportRefusal::ExportedMeanwhile { upto });
        }
        if contents.upto <= upto {
            return self.refused(ExportRefusal::NothingToExport { upto });
        }
        let moment = Moment::after(self.last.as_ref().map_or(now, |last| last.exported_at), now);
        let fingerprint = by.fingerprint();
        let ExportOrders { request_id, operator, reason } = by;
        let Contents { after, upto, orders, sha256 } = contents;
        let act = Act { request_id, fingerprint, operator, reason };
        let exported_at_ms = moment.stamp;
        let event = OrdersExported { after, upto, orders, sha256, act, exported_at_ms };
        self.receipts.happens(self.id, request_id, event).judged(moment)
    }

    fn refused(&self, refusal: ExportRefusal) -> Decided<Self> {
        self.receipts.unchanged(ExportOutcome::Refused(refusal))
    }
}

impl ExportOrders {
    /// What is in the export is no part of it: a repeated request finds other orders.
    fn fingerprint(&self) -> Fingerprint {
        let fields = ["export", &self.operator, &self.reason];
        Fingerprint::of(fields.map(str::as_bytes))
    }
}
