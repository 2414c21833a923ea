//! `report refunds`: sums of money that is due back, by cause and age.

use crate::{
    cli::{
        Common,
        json::{shape, short},
        question::Fresh,
        rows::{
            ALL, Cell,
            Column::{self, Money, Number, Text},
        },
        whose::Filter,
    },
    grpc::proto::{
        GetRefundReportRequest, RefundCause, RefundFigures, RefundSum,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report refunds`.
#[derive(Debug, clap::Args)]
pub struct Refunds {
    #[command(flatten)]
    whose: Filter,
    #[command(flatten)]
    fresh: Fresh,
}

const COLUMNS: &[Column<RefundFigures>] = &[
    Text("CAUSE", |sums| cause(sums).into()),
    Number("DUE", |sums| dues(&sums.due)),
    Money("DUE AMOUNT", |sums| amount(&sums.due)),
    Number("SETTLED", |sums| dues(&sums.settled)),
    Money("SETTLED AMOUNT", |sums| amount(&sums.settled)),
    Number("OPEN", |sums| dues(&sums.open)),
    Money("OPEN AMOUNT", |sums| amount(&sums.open)),
    Number("BELOW 1H", |sums| dues(&sums.open_below_1_hour)),
    Money("BELOW 1H AMOUNT", |sums| amount(&sums.open_below_1_hour)),
    Number("1H TO 24H", |sums| dues(&sums.open_1_to_24_hours)),
    Money("1H TO 24H AMOUNT", |sums| amount(&sums.open_1_to_24_hours)),
    Number("OLDER", |sums| dues(&sums.open_older)),
    Money("OLDER AMOUNT", |sums| amount(&sums.open_older)),
    Text("OLDEST OPEN", |sums| (&sums.oldest_open_time).into()),
];

impl Refunds {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetRefundReportRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let found = self.fresh.server.call(async |channel| {
            ReportServiceClient::new(channel).get_refund_report(request.clone()).await
        })?;
        common.show_rows(|| shape(&found), COLUMNS, found.causes.iter().chain(&found.totals))?;
        if found.totals.is_empty() {
            common.note("no money was ever due back");
        }
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

fn cause(sums: &RefundFigures) -> &'static str {
    match sums.cause() {
        RefundCause::Unspecified => ALL,
        cause => short("REFUND_CAUSE_", cause.as_str_name()),
    }
}

fn dues(sum: &Option<RefundSum>) -> Cell {
    sum.as_ref().map(|sum| sum.dues).into()
}

fn amount(sum: &Option<RefundSum>) -> Cell {
    sum.as_ref().map_or(Cell::Empty, |sum| (&sum.amount).into())
}
