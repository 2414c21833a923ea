//! Money that is due back: the list and its sums.

use super::{buyer, item_id, order_id, paging, rows::money, sale_id, shown};
use crate::{
    grpc::{ReadSide, authenticator::Hidden, convert, proto, status::CallError},
    projections::{
        orders,
        refunds::{self, DueCause},
    },
    reports::{DueRecord, DueState, DueSum, RefundFigures, RefundReportQuery, RefundsDueQuery},
    values::{Invalid, UnixMs},
};

impl ReadSide {
    pub(in crate::grpc) async fn refunds_due(
        &self,
        request: proto::ListRefundsDueRequest,
        hidden: Option<Hidden>,
    ) -> Result<proto::ListRefundsDueResponse, CallError> {
        let query = RefundsDueQuery {
            sale_id: sale_id(&request.sale_id)?,
            item_id: item_id(&request.item_id)?,
            order_id: order_id(&request.order_id)?,
            buyer: buyer(request.buyer, hidden.as_ref())?,
            state: state(request.state)?,
            paging: paging(request.page_size, request.page_token),
        };
        self.reach_also(&[orders::NAME], request.min_position, &request.as_of).await?;
        let page = self
            .ask_as_of(refunds::NAME, request.min_position, request.as_of, move |reports| {
                reports.refunds_due(&query)
            })
            .await?;
        let now = page.checkpoint.moment(self.now());
        Ok(proto::ListRefundsDueResponse {
            refunds: page
                .rows
                .into_iter()
                .map(|mut due| {
                    due.buyer = shown(due.buyer, hidden.as_ref());
                    refund_due(due, now)
                })
                .collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.freshness(refunds::NAME, page.checkpoint)),
        })
    }

    pub(in crate::grpc) async fn refund_report(
        &self,
        request: proto::GetRefundReportRequest,
    ) -> Result<proto::GetRefundReportResponse, CallError> {
        let query = RefundReportQuery {
            sale_id: sale_id(&request.sale_id)?,
            item_id: item_id(&request.item_id)?,
            now: self.now(),
        };
        let report = self
            .ask_as_of(refunds::NAME, request.min_position, request.as_of, move |reports| {
                reports.refund_report(&query)
            })
            .await?;
        let now = report.checkpoint.moment(query.now);
        let figures = |of: Vec<RefundFigures>| of.iter().map(|sums| figures(sums, now)).collect();
        Ok(proto::GetRefundReportResponse {
            totals: figures(report.totals),
            causes: figures(report.causes),
            freshness: Some(self.freshness(refunds::NAME, report.checkpoint)),
        })
    }
}

fn state(state: i32) -> Result<DueState, CallError> {
    match proto::RefundState::try_from(state) {
        Ok(proto::RefundState::Unspecified | proto::RefundState::Open) => Ok(DueState::Open),
        Ok(proto::RefundState::Settled) => Ok(DueState::Settled),
        Ok(proto::RefundState::All) => Ok(DueState::All),
        Err(_) => Err(Invalid::new("state", "is not a state of money due back").into()),
    }
}

fn cause(cause: DueCause) -> proto::RefundCause {
    match cause {
        DueCause::OrderExpired => proto::RefundCause::OrderExpired,
        DueCause::OrderCancelled => proto::RefundCause::OrderCancelled,
        DueCause::AlreadyPaid => proto::RefundCause::AlreadyPaid,
        DueCause::Refunded => proto::RefundCause::Refunded,
    }
}

fn refund_due(due: DueRecord, now: UnixMs) -> proto::RefundDue {
    let age_ms = due.age_ms(now);
    let settled = due.settled;
    proto::RefundDue {
        due_id: due.due_id.to_string(),
        item_id: due.item_id.to_string(),
        sale_id: due.sale_id.to_string(),
        sku: due.sku,
        order_id: due.order_id.to_string(),
        buyer: due.buyer,
        cause: cause(due.cause).into(),
        units: due.units,
        amount: Some(money(&due.currency, due.amount_minor)),
        payment_reference: due.payment_reference,
        due_time: Some(convert::timestamp(due.due_at)),
        age_ms,
        settle_time: settled.as_ref().map(|settled| convert::timestamp(settled.at)),
        settle_operator: settled.as_ref().map_or_else(String::new, |by| by.operator.clone()),
        settle_reference: settled.map(|settled| settled.reference).unwrap_or_default(),
    }
}

fn figures(figures: &RefundFigures, now: UnixMs) -> proto::RefundFigures {
    let sum = |sum: DueSum| {
        let amount = Some(money(&figures.currency, sum.amount_minor));
        Some(proto::RefundSum { dues: sum.dues, amount })
    };
    let [below_1_hour, below_24_hours, older] = figures.open_by_age;
    proto::RefundFigures {
        cause: figures.cause.map_or(proto::RefundCause::Unspecified, cause).into(),
        due: sum(figures.due),
        settled: sum(figures.settled),
        open: sum(figures.open),
        open_below_1_hour: sum(below_1_hour),
        open_1_to_24_hours: sum(below_24_hours),
        open_older: sum(older),
        oldest_open_time: figures.oldest_open.map(convert::timestamp),
        oldest_open_age_ms: figures.oldest_open.map_or(0, |oldest| now.since(oldest).max(0)),
    }
}
