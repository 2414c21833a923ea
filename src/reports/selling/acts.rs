//! Acts of operators, oldest first.

use crate::{
    projections::acts,
    reports::{Page, Paging, ReportError, Reports, Whose, filter::Filter, id_at, paging::Sizes},
    values::{ItemId, SaleId, UnixMs},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// Which acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActsQuery {
    pub whose: Whose,
    /// Also those that carried out what was planned with the sale: items added, windows, limits and
    /// units as in the sale file.
    pub planned: bool,
    /// Acts in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActLine {
    pub sale_id: SaleId,
    /// Absent where it was about the whole sale.
    pub item_id: Option<ItemId>,
    /// Empty where it was about the whole sale.
    pub sku: String,
    /// Stored name of the event, for example `ItemPaused`.
    pub kind: String,
    pub at: UnixMs,
    pub operator: String,
    pub reason: String,
    pub planned: bool,
    /// What changed, as a JSON object.
    pub change: String,
    /// Of the event in the sale's or the item's stream.
    pub revision: i64,
}

impl Reports {
    /// Acts in the order of the log.
    pub fn acts(&self, query: &ActsQuery) -> Result<Page<ActLine>, ReportError> {
        let whose = query.whose;
        let question =
            [b"acts".as_slice(), whose.items().as_bytes(), &whose.key(), &[query.planned.into()]];
        let cut = query.paging.cut(SIZES, question)?;
        self.ask(acts::NAME, acts::VERSION, |rows, checkpoint| {
            let [after] = cut.after.unwrap_or([0]);
            let mut filter = Filter::default();
            filter.and(whose.items(), whose.key());
            filter.and("number > ?", after);
            filter.and("planned <= ?", i64::from(query.planned));
            let mut found = rows.prepare(&format!(
                "SELECT number, sale_id, item_id, coalesce(sku, ''), kind, at_ms, operator, reason,
                 planned, change, revision FROM acts WHERE {} ORDER BY number LIMIT {}",
                filter.condition(),
                cut.limit()
            ))?;
            let acts = found.query_map(filter.parameters(), |row| {
                let item: Option<[u8; 16]> = row.get(2)?;
                let act = ActLine {
                    sale_id: SaleId(id_at(row, 1)?),
                    item_id: item.map(|id| ItemId(uuid::Uuid::from_bytes(id))),
                    sku: row.get(3)?,
                    kind: row.get(4)?,
                    at: UnixMs(row.get(5)?),
                    operator: row.get(6)?,
                    reason: row.get(7)?,
                    planned: row.get(8)?,
                    change: row.get(9)?,
                    revision: row.get(10)?,
                };
                Ok(([row.get(0)?], act))
            })?;
            Ok(cut.page(acts.collect::<Result<_, _>>()?, checkpoint))
        })
    }
}
