//! Exports of paid orders: made, read again, listed.

use futures_util::{Stream, stream};
use tonic::{Request, Status};

use super::order::OrderApi;
use crate::{
    actors::Answer,
    domain::fulfilment::{
        Contents, ExportOrders, ExportOutcome, ExportRefusal, ExportView, FulfilmentCommand,
    },
    events::{Position, WarehouseUnits},
    grpc::{
        AT_HEAD, convert,
        proto::{self, WriteResponse as _},
        status::CallError,
    },
    projections::{fulfilment, orders},
    reports::{ExportColumns, ExportLine, ExportsQuery, Paging, Returned, export_digest},
    values::{RequestId, SaleId, number_of},
};

/// How often another export may come first.
const TRIES: usize = 10;

/// Lines in one message.
const PART_LINES: usize = 100;

impl OrderApi {
    pub(super) async fn export(
        &self,
        request: Request<proto::ExportOrdersRequest>,
    ) -> Result<proto::ExportOrdersResponse, CallError> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, request) = request.into_parts();
        let operator = self.authenticator.operator(&metadata, request.operator)?;
        let request_id = RequestId::parse("request_id", &request.request_id)?;
        let sale = SaleId::parse("sale_id", &request.sale_id)?;
        convert::steering(&operator, &request.reason)?;
        let by = ExportOrders { request_id, operator, reason: request.reason };
        let ask = async |command| self.exports.ask(sale.0, command, deadline.clone()).await;
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let mut answer = ask(FulfilmentCommand::Begin(by.clone())).await?;
            if let ExportOutcome::Begins { after } = answer.outcome {
                let contents = self.contents(sale, after).await?;
                answer = ask(FulfilmentCommand::Record(by.clone(), contents)).await?;
            }
            let Answer { outcome, revision, position } = answer;
            let outcome = match outcome {
                ExportOutcome::Exported(export) => Ok(export_of(sale, export)),
                ExportOutcome::Refused(ExportRefusal::ExportedMeanwhile { .. }) if tries > 0 => {
                    continue;
                }
                ExportOutcome::Refused(refusal) => Err(refusal_of(refusal)),
                ExportOutcome::Misdirected(why) => return Err(why.into()),
                ExportOutcome::Begins { after } => {
                    return Err(CallError::internal("an export was not recorded", &after));
                }
            };
            return Ok(proto::ExportOrdersResponse::new(outcome, revision, position.0));
        }
    }

    /// What is in no export yet, as far as one export goes.
    async fn contents(&self, sale: SaleId, after: i64) -> Result<Contents, CallError> {
        let end = self
            .reads
            .ask(fulfilment::NAME, AT_HEAD, move |reports| reports.export_end(sale, after));
        let (upto, reached) = end.await?;
        let lines = self.lines(sale, (after, upto), reached).await?;
        let orders = lines.iter().filter(|line| line.returned.is_none()).count();
        Ok(Contents { after, upto, orders: number_of(orders), sha256: export_digest(&lines) })
    }

    /// The lines between two numbers, in a read model of exports that had come that far.
    async fn lines(
        &self,
        sale: SaleId,
        ends: (i64, i64),
        reached: Position,
    ) -> Result<Vec<ExportLine>, CallError> {
        self.reads.reach_also(&[orders::NAME], reached.0, &None).await?;
        let lines = self
            .reads
            .ask(fulfilment::NAME, reached.0, move |reports| reports.export_lines(sale, ends));
        lines.await
    }

    /// An export in parts, once it was compared with its digest.
    pub(super) async fn fetched(
        &self,
        request: proto::FetchExportRequest,
    ) -> Result<impl Stream<Item = Result<proto::FetchExportResponse, Status>> + use<>, CallError>
    {
        let (sale, number) = (SaleId::parse("sale_id", &request.sale_id)?, request.number);
        let found = self.reads.ask(fulfilment::NAME, request.min_position, move |reports| {
            reports.export_of(sale, number)
        });
        let (export, reached) = found.await?;
        let Contents { after, upto, sha256, .. } = &export.contents;
        let lines = self.lines(sale, (*after, *upto), reached).await?;
        let digest = export_digest(&lines);
        if digest != *sha256 {
            return Err(CallError::export_differs(number, sha256, &digest));
        }
        let mut export = Some(export_of(sale, export));
        let columns = ExportColumns::of(&lines);
        let mut lines = lines.into_iter();
        Ok(stream::iter(std::iter::from_fn(move || {
            let part: Vec<ExportLine> = lines.by_ref().take(PART_LINES).collect();
            let export = export.take();
            if part.is_empty() && export.is_none() {
                return None;
            }
            let csv = columns.csv(&part, export.is_some());
            let lines = part.into_iter().map(line_of).collect();
            Some(Ok(proto::FetchExportResponse { export, lines, csv }))
        })))
    }

    pub(super) async fn listed_exports(
        &self,
        request: proto::ListExportsRequest,
    ) -> Result<proto::ListExportsResponse, CallError> {
        let sale_id = SaleId::parse("sale_id", &request.sale_id)?;
        let paging = Paging { page_size: request.page_size, page_token: request.page_token };
        let query = ExportsQuery { sale_id, paging };
        let asked = self
            .reads
            .ask(fulfilment::NAME, request.min_position, move |reports| reports.exports(&query));
        let page = asked.await?;
        Ok(proto::ListExportsResponse {
            exports: page.rows.into_iter().map(|export| export_of(sale_id, export)).collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.reads.freshness(fulfilment::NAME, page.checkpoint)),
        })
    }
}

fn export_of(sale: SaleId, export: ExportView) -> proto::Export {
    let Contents { after, upto, orders, sha256 } = export.contents;
    proto::Export {
        sale_id: sale.to_string(),
        number: export.number,
        after,
        upto,
        orders,
        sha256,
        operator: export.operator,
        reason: export.reason,
        export_time: Some(convert::timestamp(export.exported_at)),
    }
}

fn refusal_of(refusal: ExportRefusal) -> proto::ExportRefusal {
    let (reason, upto) = match refusal {
        ExportRefusal::NothingToExport { upto } => {
            (proto::ExportRefusalReason::NothingToExport, upto)
        }
        ExportRefusal::ExportedMeanwhile { upto } => {
            (proto::ExportRefusalReason::ExportedMeanwhile, upto)
        }
    };
    proto::ExportRefusal { reason: reason.into(), message: refusal.to_string(), upto }
}

fn line_of(line: ExportLine) -> proto::ExportLine {
    let money =
        |amount_minor| Some(proto::Money { currency_code: line.currency.clone(), amount_minor });
    let kind = match line.returned {
        None => proto::ExportLineKind::Order,
        Some(Returned { .. }) => proto::ExportLineKind::Refund,
    };
    let (shop_order_id, labels) = convert::shown_references(line.references);
    let units = |WarehouseUnits { warehouse, units }| proto::WarehouseUnits { warehouse, units };
    proto::ExportLine {
        kind: kind.into(),
        number: line.number,
        order_id: line.order_id.to_string(),
        item_id: line.item_id.to_string(),
        units_paid: line.units_paid,
        units_refunded: line.units_refunded,
        units_to_ship: line.units_to_ship,
        total: money(line.total_minor),
        refunded: money(line.refunded_minor),
        pay_time: Some(convert::timestamp(line.paid_at)),
        refund_time: line.returned.map(|returned| convert::timestamp(returned.at)),
        restocked: line.returned.is_some_and(|returned| returned.restocked),
        sku: line.sku,
        buyer: line.buyer,
        warehouses: line.warehouses.into_iter().map(units).collect(),
        payment_reference: line.payment_reference,
        shop_order_id,
        labels,
    }
}
