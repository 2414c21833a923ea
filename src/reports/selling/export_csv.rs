//! An export of paid orders as CSV.
//!
//! Its digest stands in the log for as long as the log lives, and an export that is asked for again has
//! to have the same bytes. So nothing here may ever change: not the columns, not how text is quoted or
//! guarded. Another form would be another digest beside this one.

use sha2::{Digest as _, Sha256};

use super::{ExportLine, Returned};
use crate::{events::WarehouseUnits, reports::CsvManner};

/// The first line, without the columns of references.
const HEADER: &str = "line,number,order_id,item_id,sku,buyer,units_paid,units_refunded,units_to_ship,\
                      warehouses,total_minor,refunded_minor,currency,paid_time,payment_reference,\
                      refunded_time,restocked";

/// More columns of an export in which the shop gave references of any order.
const REFERENCES: &str = ",shop_order_id,labels";

/// Which columns an export has.
#[derive(Debug, Clone, Copy)]
pub struct ExportColumns {
    references: bool,
}

impl ExportColumns {
    /// Those of an export with these lines, which are all of its lines. Exports of orders without
    /// references have none for them, as before there were references.
    pub fn of(lines: &[ExportLine]) -> Self {
        Self { references: lines.iter().any(|line| !line.references.is_empty()) }
    }

    /// The bytes of some of the lines; the header comes before the first ones.
    pub fn csv(self, lines: &[ExportLine], first: bool) -> String {
        let mut csv = String::new();
        if first {
            csv.push_str(HEADER);
            csv.push_str(if self.references { REFERENCES } else { "" });
            csv.push('\n');
        }
        for line in lines {
            csv.push_str(&row(line));
            if self.references {
                let (id, labels) = (&line.references.shop_order_id, line.references.label_text());
                csv.push_str(&format!(",{},{}", cell(id), cell(&labels)));
            }
            csv.push('\n');
        }
        csv
    }
}

/// SHA-256 of an export with these lines, in hexadecimal.
pub fn export_digest(lines: &[ExportLine]) -> String {
    let digest = Sha256::digest(ExportColumns::of(lines).csv(lines, true));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn row(line: &ExportLine) -> String {
    let (kind, time, restocked) = match line.returned {
        None => ("order", String::new(), ""),
        Some(Returned { at, restocked }) => {
            ("refund", at.to_string(), if restocked { "yes" } else { "no" })
        }
    };
    [
        kind.to_owned(),
        line.number.to_string(),
        line.order_id.to_string(),
        line.item_id.to_string(),
        cell(&line.sku),
        cell(&line.buyer),
        line.units_paid.to_string(),
        line.units_refunded.to_string(),
        line.units_to_ship.to_string(),
        cell(&warehouses(&line.warehouses)),
        line.total_minor.to_string(),
        line.refunded_minor.to_string(),
        line.currency.clone(),
        line.paid_at.to_string(),
        cell(&line.payment_reference),
        time,
        restocked.to_owned(),
    ]
    .join(",")
}

fn warehouses(units: &[WarehouseUnits]) -> String {
    let each = units.iter().map(|at| format!("{} {}", at.warehouse, at.units));
    each.collect::<Vec<_>>().join("; ")
}

/// Text as RFC 4180 has it, and so that no spreadsheet takes it for a formula.
fn cell(text: &str) -> String {
    let text = CsvManner::default().text(text);
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into_owned()
    }
}
