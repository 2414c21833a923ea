//! Notices about a new or rescheduled sale: possible mistakes that are not refused, because they may be
//! intended.

use super::{ReadSide, proto};
use crate::{
    domain::sale::{SaleView, Window},
    projections::catalog,
    reports::{Offered, Reports, SoldElsewhere},
    values::UnixMs,
};

/// Most notices of one answer.
const NOTICES_MAX: usize = 20;

/// What of a sale may be a mistake. Other sales are those that the catalog knows by now: the answer never
/// waits for it.
pub(super) async fn of_sale(
    sale: &SaleView,
    reads: &ReadSide,
    now: UnixMs,
) -> Vec<proto::SaleNotice> {
    let (sale_id, closes_at) = (sale.sale_id, sale.closes_at());
    let mut notices = Vec::new();
    if closes_at <= now {
        notices.push(over_already(closes_at));
    }
    let offered = sale.plan.items.iter().map(|item| {
        let Window { opens_at, closes_at } = sale.item_window(item);
        Offered { sku: item.sku.clone(), opens_at, closes_at }
    });
    let (offered, max): (Vec<_>, _) = (offered.collect(), NOTICES_MAX - notices.len());
    let question = move |reports: &Reports| reports.sold_elsewhere(sale_id, &offered, max);
    match reads.ask(catalog::NAME, 0, question).await {
        Ok(elsewhere) => notices.extend(elsewhere.into_iter().map(in_another_sale)),
        Err(failure) => tracing::debug!(?failure, "a sale was not compared with the others"),
    }
    notices
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
