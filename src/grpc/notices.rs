//! Notices about a new sale: possible mistakes that are not refused, because they may be intended.

use super::{ReadSide, proto};
use crate::{
    events::SaleCreated,
    projections::catalog,
    reports::{Offered, SoldElsewhere},
    values::{SaleId, UnixMs},
};

/// Most notices of one answer.
const NOTICES_MAX: usize = 20;

/// What a plan says that may be a mistake.
pub(super) struct Suspicions {
    closes_at: UnixMs,
    offered: Vec<Offered>,
}

impl Suspicions {
    /// Keeps of a plan what it is judged by.
    pub(super) fn of(plan: &SaleCreated) -> Self {
        let offered = plan.items.iter().map(|item| Offered {
            sku: item.sku.clone(),
            opens_at: item.opens_at_ms,
            closes_at: item.closes_at_ms,
        });
        Self { closes_at: plan.on_sale().1, offered: offered.collect() }
    }

    /// Notices for the sale that was made of it. Other sales are those that the catalog knows by now:
    /// the answer never waits for it.
    pub(super) async fn told(
        self,
        reads: &ReadSide,
        sale_id: SaleId,
        now: UnixMs,
    ) -> Vec<proto::SaleNotice> {
        let mut notices = Vec::new();
        if self.closes_at <= now {
            notices.push(over_already(self.closes_at));
        }
        let offered = self.offered;
        let max = NOTICES_MAX - notices.len();
        let question =
            move |reports: &crate::reports::Reports| reports.sold_elsewhere(sale_id, &offered, max);
        match reads.ask(catalog::NAME, 0, question).await {
            Ok(elsewhere) => notices.extend(elsewhere.into_iter().map(in_another_sale)),
            Err(failure) => tracing::debug!(?failure, "a sale was not compared with the others"),
        }
        notices
    }
}

fn over_already(closes_at: UnixMs) -> proto::SaleNotice {
    proto::SaleNotice {
        kind: proto::SaleNoticeKind::OverAlready.into(),
        message: format!(
            "the sale is over already: its last window closed {closes_at}, and its items are closed \
             for good"
        ),
        ..Default::default()
    }
}

fn in_another_sale(SoldElsewhere { sku, sale_id, sale_name }: SoldElsewhere) -> proto::SaleNotice {
    proto::SaleNotice {
        kind: proto::SaleNoticeKind::SkuInAnotherSale.into(),
        message: format!(
            "{sku} is on sale in {sale_name:?} ({sale_id}), too, and the windows overlap: each sale has \
             units and limits of its own"
        ),
        sku,
        sale_id: sale_id.to_string(),
    }
}
