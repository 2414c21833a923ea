//! `VerifySale`: the verifier over the log of this node, at a low priority and one at a time.
//!
//! It reads the whole log, so it must never delay an order: its thread has a low priority, and a
//! second call is refused instead of queued.

use std::{path::PathBuf, sync::Arc};

use audit::{Finding, ItemTotals, Judged, OrderCounts, ShownEvent, Units, Verifier};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot},
};

use super::{proto, status::CallError};
use crate::{
    actors::Fault,
    events::{Position, Recorded},
    store::{ReadError, SharedStore, embedded::LOG_FILE},
    threads,
    values::SaleId,
};

/// Events read at once.
const PAGE_EVENTS: usize = 1_000;

/// Where the log is that is verified.
#[derive(Clone)]
pub(super) struct Verification {
    store: SharedStore,
    data: PathBuf,
    turn: Arc<Semaphore>,
}

impl Verification {
    /// Of the log in that store, which lies in that directory where it is one of our own files.
    pub(super) fn of(store: SharedStore, data: PathBuf) -> Self {
        Self { store, data, turn: Arc::new(Semaphore::new(1)) }
    }

    pub(super) async fn verify_sale(
        &self,
        request: proto::VerifySaleRequest,
    ) -> Result<proto::VerifySaleResponse, CallError> {
        let sale_id = SaleId::parse("sale_id", &request.sale_id)?;
        let turn = Arc::clone(&self.turn).try_acquire_owned();
        let turn = turn.map_err(|_| CallError::busy("verification"))?;
        let (answer, answered) = oneshot::channel();
        let (log, runtime) = (self.clone(), Handle::current());
        // A thread of its own: its priority is not given back.
        let started = std::thread::Builder::new().name("verify".to_owned()).spawn(move || {
            // Patient, not idle: a walk that gets no turn keeps its snapshot of the log, and the log's
            // file cannot be tidied meanwhile.
            threads::patient();
            let verified = log.verify(&runtime, sale_id);
            drop(turn);
            // The caller may have gone.
            let _ = answer.send(verified);
        });
        started.map_err(|error| CallError::internal("no thread could be started", &error))?;
        answered.await.map_err(|error| CallError::internal("the verification ended", &error))?
    }

    fn verify(
        &self,
        runtime: &Handle,
        sale_id: SaleId,
    ) -> Result<proto::VerifySaleResponse, CallError> {
        // The directory of a node on a shared store holds read models, and perhaps a log that was
        // copied there earlier and has diverged since.
        let own = !self.store.is_shared() && self.data.join(LOG_FILE).exists();
        let judged = if own {
            audit::verify_to_certify(&self.data, None, &mut |_, _| {})
                .map_err(|error| CallError::log_unreadable(&error.to_string()))?
        } else {
            runtime.block_on(self.shown()).map_err(unread)?
        };
        answer(sale_id, &judged)
    }

    /// A verifier that was shown the log of the store.
    async fn shown(&self) -> Result<Judged, ReadError> {
        let mut verifier = Verifier::for_certificate(None);
        // What is written meanwhile is not waited for: that might never end.
        let (mut after, end) = (Position::START, self.store.head());
        while after < end {
            let mut page = self.store.read_all(after, PAGE_EVENTS).await?;
            page.retain(|event| event.position <= end);
            let Some(last) = page.last() else { break };
            after = last.position;
            page.iter().for_each(|event| show(&mut verifier, event));
        }
        Ok(verifier.judged())
    }
}

fn show(verifier: &mut Verifier, event: &Recorded) {
    verifier.see(&ShownEvent {
        position: event.position.0,
        stream: &event.stream.to_string(),
        revision: event.revision,
        id: event.id.as_bytes(),
        kind: &event.kind,
        data: &event.data,
        metadata: &event.metadata,
        recorded_at_ms: event.recorded_at_ms,
    });
}

fn unread(error: ReadError) -> CallError {
    match error {
        ReadError::Unavailable(why) => Fault::StoreUnavailable(why).into(),
        ReadError::Damaged(_) => CallError::log_unreadable(&error.to_string()),
    }
}

fn answer(sale_id: SaleId, judged: &Judged) -> Result<proto::VerifySaleResponse, CallError> {
    let items: Vec<ItemTotals<'_>> =
        judged.items().filter(|item| item.sale_id == sale_id.0).collect();
    let proof = &judged.proof;
    if items.is_empty() && proof.ok() {
        return Err(CallError::not_found("sale_id"));
    }
    let root = judged.root().map_err(|error| CallError::internal("no certificate", &error))?;
    let units = items.iter().fold(Units::default(), |sum, item| sum.plus(&item.units));
    let orders = items.iter().fold(OrderCounts::default(), |sum, item| sum.plus(&item.orders));
    Ok(proto::VerifySaleResponse {
        sale_id: sale_id.to_string(),
        sound: proof.ok(),
        position: judged.position(),
        events: proof.events,
        chained: proof.chained,
        units: Some(verified_units(&units)),
        orders: Some(verified_orders(&orders)),
        items: items.iter().map(item).collect(),
        findings: proof.findings.iter().map(finding).collect(),
        more_findings: proof.more_findings,
        certificate_root: root.unwrap_or_default(),
    })
}

fn item(item: &ItemTotals<'_>) -> proto::VerifiedItem {
    proto::VerifiedItem {
        item_id: item.item_id.to_string(),
        sku: item.sku.to_owned(),
        title: item.title.to_owned(),
        closed: item.closed,
        units: Some(verified_units(&item.units)),
        orders: Some(verified_orders(&item.orders)),
    }
}

fn verified_units(units: &Units) -> proto::VerifiedUnits {
    // What does not fit stands in no sound log.
    let bounded =
        |units: i128| i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX });
    proto::VerifiedUnits {
        allocated_units: bounded(units.allocated),
        available_units: bounded(units.available),
        held_units: bounded(units.held),
        sold_units: bounded(units.sold),
    }
}

fn verified_orders(orders: &OrderCounts) -> proto::VerifiedOrders {
    let OrderCounts { held, paid, cancelled, expired, refunded } = *orders;
    proto::VerifiedOrders { held, paid, cancelled, expired, refunded }
}

fn finding(finding: &Finding) -> proto::VerifyFinding {
    proto::VerifyFinding {
        position: finding.position.unwrap_or(0),
        stream: finding.stream.clone(),
        revision: finding.revision,
        problem: finding.problem.clone(),
    }
}
