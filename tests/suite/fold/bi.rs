//! Goal: the tables for analysts are what their documentation says, in both forms, and agree with the
//! read models that they come from; one that fails leaves nothing.
//!
//! Method: a scripted sale is folded into real files, exported, and read back with a CSV reader and with
//! the reader of Parquet's own library. The documentation is read as a table, too.

use std::{collections::BTreeMap, fs, path::Path};

use doorbuster::{
    events::{Position, Recorded},
    projections::view_path,
    reports::{BI_TABLES, BiFile, BiKind, CsvManner, ExportFormat, Reports},
    values::UnixMs,
    whole_file::DirectoryDraft,
};
use parquet::{
    basic::{LogicalType, Repetition, TimeUnit, Type as Physical},
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use super::{
    fold_all,
    log::{Log, cells, scripted_sale},
};

const CSV: ExportFormat = ExportFormat::Csv(CsvManner { raw: true, bom: false });

/// The next events of a log, some at once.
fn page(log: &Log, after: Position) -> Result<Vec<Recorded>, String> {
    let recorded = log.events.iter().map(|(recorded, _)| recorded);
    Ok(recorded.filter(|recorded| recorded.position > after).take(7).cloned().collect())
}

fn export(data: &Path, out: &Path, format: ExportFormat, log: &Log) -> Result<Vec<BiFile>, String> {
    let into = DirectoryDraft::of(out).map_err(|error| error.to_string())?;
    let bi = Reports::open(data).bi().map_err(|error| error.to_string())?;
    assert!(bi.is_joinable());
    let files = bi.export(&into, format, |after| page(log, after));
    let files = files.map_err(|error| error.to_string())?;
    into.publish().map_err(|error| error.to_string())?;
    Ok(files)
}

/// A scripted sale, and the directory that its tables are in.
fn scripted(format: ExportFormat) -> (TempDir, TempDir, Vec<BiFile>) {
    let (data, out, log) = (tempdir().unwrap(), tempdir().unwrap(), scripted_sale());
    fold_all(data.path(), &log.events);
    let files = export(data.path(), out.path(), format, &log).unwrap();
    (data, out, files)
}

/// Rows of an exported table as CSV, each by its columns' names.
fn rows(out: &Path, table: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(out.join(format!("{table}.csv"))).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// The given cells of all rows, joined.
fn picked(out: &Path, table: &str, columns: &[&str]) -> Vec<String> {
    let pick = |row: BTreeMap<String, String>| joined(&row, columns);
    rows(out, table).into_iter().map(pick).collect()
}

fn joined(row: &BTreeMap<String, String>, columns: &[&str]) -> String {
    columns.iter().map(|column| row[*column].as_str()).collect::<Vec<_>>().join("|")
}

/// Columns of a table as the page documents them: name, type, unit, null, meaning.
fn documented(page: &str, table: &str) -> Vec<[String; 5]> {
    let (_, section) = page.split_once(&format!("\n## {table}\n")).expect(table);
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let cells: [&str; 5] = cells.try_into().expect(line);
            cells.map(|cell| cell.trim_matches('`').to_owned())
        })
        .collect()
}

#[test]
fn every_column_is_documented_and_nothing_else() {
    let page = include_str!("../../../docs/bi.md");
    let sections = page.lines().filter_map(|line| line.strip_prefix("## "));
    let tables: Vec<_> = sections.filter(|name| name.starts_with(char::is_lowercase)).collect();
    assert_eq!(tables, BI_TABLES.map(|table| table.name));
    for table in BI_TABLES {
        let documented = documented(page, table.name);
        let written = table.columns.iter().map(|column| {
            let unit = if column.unit.is_empty() { "-" } else { column.unit };
            let null = if column.nullable { "yes" } else { "no" };
            [column.name, column.kind.name(), unit, null].map(str::to_owned)
        });
        let said = documented.iter().map(|[name, kind, unit, null, _]| {
            [name.clone(), kind.clone(), unit.clone(), null.clone()]
        });
        assert_eq!(written.collect::<Vec<_>>(), said.collect::<Vec<_>>(), "{}", table.name);
        assert!(documented.iter().all(|[.., meaning]| meaning.len() > 4), "{}", table.name);
    }
}

#[test]
fn parquet_files_have_the_documented_types() {
    let (_data, out, files) = scripted(ExportFormat::Parquet);
    assert_eq!(files.len(), BI_TABLES.len());
    for (table, file) in BI_TABLES.iter().zip(files) {
        let reader = SerializedFileReader::try_from(out.path().join(file.file).as_path()).unwrap();
        let schema = reader.metadata().file_metadata().schema_descr();
        assert_eq!(schema.num_columns(), table.columns.len());
        for (column, found) in table.columns.iter().zip(schema.columns()) {
            assert_eq!(found.name(), column.name);
            let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
            let expected = match column.kind {
                BiKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                BiKind::Integer => (Physical::INT64, None),
                BiKind::Time => (Physical::INT64, Some(time)),
                BiKind::Flag => (Physical::BOOLEAN, None),
            };
            let logical = found.self_type().get_basic_info().logical_type_ref().cloned();
            assert_eq!((found.physical_type(), logical), expected, "{}", column.name);
            let optional = found.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
            assert_eq!(optional, column.nullable, "{}.{}", table.name, column.name);
        }
    }
}

#[test]
fn csv_and_parquet_have_the_same_rows() {
    let (_, csv, told) = scripted(CSV);
    let (_, parquet, told_of_parquet) = scripted(ExportFormat::Parquet);
    for ((table, csv_file), file) in BI_TABLES.iter().zip(told).zip(told_of_parquet) {
        assert_eq!((csv_file.rows, csv_file.position), (file.rows, file.position));
        let mut reader = csv::Reader::from_path(csv.path().join(csv_file.file)).unwrap();
        let of_csv: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        let reader = SerializedFileReader::try_from(parquet.path().join(file.file).as_path());
        let of_parquet: Vec<Vec<String>> = reader
            .unwrap()
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().get_column_iter().map(|(_, field)| cell(field)).collect())
            .collect();
        assert_eq!(of_csv, of_parquet, "{}", table.name);
        assert_eq!(of_csv.len() as u64, file.rows, "{}", table.name);
    }
}

fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Long(number) => number.to_string(),
        Field::Str(text) => text.clone(),
        Field::Bool(flag) => flag.to_string(),
        Field::TimestampMillis(ms) => UnixMs(*ms).to_string(),
        other => panic!("no column is exported as {other:?}"),
    }
}

#[test]
fn orders_and_their_events_are_told_in_words() {
    let (_data, out, _) = scripted(CSV);
    let orders = picked(
        out.path(),
        "orders",
        &["buyer", "sku", "state", "is_paid", "placed_second_of_sale", "cancelled_at", "is_split"],
    );
    let expected = [
        "ann|lamp|paid|true|1||false",
        "bob|lamp|cancelled|false|1|1970-01-01T00:16:42.300Z|true",
        "cat|lamp|expired|false|1||false",
        "dan|lamp|held|false|5||true",
    ];
    assert_eq!(orders, expected);
    let events = picked(
        out.path(),
        "order_events",
        &["kind", "buyer", "sku", "event_at", "units", "amount_minor", "cause", "reference"],
    );
    let expected = [
        "placed|ann|lamp|1970-01-01T00:16:40.100Z|1|500||",
        "placed|bob|lamp|1970-01-01T00:16:40.200Z|3|1500||",
        "placed|cat|lamp|1970-01-01T00:16:40.900Z|1|500||",
        "paid|ann|lamp|1970-01-01T00:16:41.200Z|1|500||pay-ann",
        "cancelled|bob|lamp|1970-01-01T00:16:42.300Z|3||buyer|",
        "expired|cat|lamp|1970-01-01T00:16:43.000Z|1|||",
        "refund_due|cat|lamp|1970-01-01T00:16:43.500Z|0|500|order_expired|late",
        "placed|dan|lamp|1970-01-01T00:16:44.000Z|4|2000||",
    ];
    assert_eq!(events, expected);
}

#[test]
fn figures_are_those_of_the_read_models() {
    let (data, out, _) = scripted(CSV);
    let figures = "sku, orders_placed, orders_paid, orders_expired, units_sold, revenue_minor";
    let columns: Vec<&str> = figures.split(", ").collect();
    let view = view_path(data.path(), "sales");
    let expected = cells(&view, &format!("SELECT {figures} FROM items ORDER BY number"));
    assert_eq!(picked(out.path(), "items", &columns), expected);
    let sum = |table: &str, column: &str| -> i64 {
        rows(out.path(), table).iter().map(|row| row[column].parse::<i64>().unwrap()).sum()
    };
    for figure in ["orders_placed", "orders_paid", "orders_expired", "revenue_minor"] {
        assert_eq!(sum("sales", figure), sum("items", figure), "{figure}");
        assert_eq!(sum("attempts_by_second", figure), sum("items", figure), "{figure}");
    }
    assert_eq!(sum("orders", "revenue_minor"), sum("items", "revenue_minor"));
    assert_eq!(sum("refunds", "amount_minor"), sum("items", "refunds_due_minor"));
    let attempts = "SELECT sum(attempts) FROM seconds";
    let attempts = cells(&view_path(data.path(), "timeline"), attempts);
    assert_eq!([sum("attempts_by_second", "attempts").to_string()], attempts[..]);
    let held = "SELECT sum(held_units) FROM warehouses";
    let held = cells(&view_path(data.path(), "stock"), held);
    assert_eq!([sum("items", "held_units").to_string()], held[..]);
    assert!(sum("orders", "revenue_minor") > 0 && sum("items", "held_units") > 0);
}

#[test]
fn what_grows_is_read_along_a_key_and_never_sorted() {
    let (data, ..) = scripted(CSV);
    let plans = Reports::open(data.path()).bi().unwrap().plans().unwrap();
    for table in ["orders", "refunds", "attempts_by_second", "traffic_by_minute"] {
        let steps: Vec<_> = plans.iter().filter(|(of, _)| *of == table).map(|(_, s)| s).collect();
        let scans = steps.iter().filter(|step| step.starts_with("SCAN"));
        assert_eq!(scans.count(), 1, "{table} reads one table as a whole: {steps:?}");
        let held = |step: &&&String| step.contains("TEMP B-TREE") || step.contains("AUTOMATIC");
        assert_eq!(steps.iter().find(held), None, "{table}");
    }
}

#[test]
fn a_table_that_cannot_be_read_is_named_and_nothing_is_left() {
    let (data, out, log) = (tempdir().unwrap(), tempdir().unwrap(), scripted_sale());
    fold_all(data.path(), &log.events);
    let left = || fs::read_dir(out.path()).unwrap().count();
    let to = out.path().join("deep/tables");
    // The log ends before the read models do.
    let mut shorter = scripted_sale();
    shorter.events.truncate(20);
    let failed = export(data.path(), &to, CSV, &shorter).unwrap_err();
    let expected = "table order_events, order_events.csv: the log: it ends at position 60, and";
    assert!(failed.starts_with(expected), "{failed}");
    assert_eq!(left(), 0);
    // It holds what this version does not know.
    let mut strange = scripted_sale();
    let placed = strange.events.iter_mut().find(|(recorded, _)| recorded.kind == "OrderPlaced");
    "OrderPraised".clone_into(&mut placed.unwrap().0.kind);
    let failed = export(data.path(), &to, CSV, &strange).unwrap_err();
    assert!(failed.contains("order_events.csv") && failed.contains("OrderPraised"), "{failed}");
    assert_eq!(left(), 0);
    // An item has no name.
    let catalog = Connection::open(view_path(data.path(), "catalog")).unwrap();
    catalog.execute("DELETE FROM items", []).unwrap();
    let failed = export(data.path(), &to, ExportFormat::Parquet, &log).unwrap_err();
    let expected = "table orders, orders.parquet: column sale_name of row 1 has no value";
    assert_eq!(failed, expected);
    assert_eq!(left(), 0);
    // A read model is not there at all.
    fs::remove_file(view_path(data.path(), "timeline")).unwrap();
    let failed = export(data.path(), &to, CSV, &log).unwrap_err();
    assert_eq!(failed, "the read model timeline is not ready");
    assert_eq!(left(), 0);
}

#[test]
fn a_read_model_behind_the_one_it_is_joined_to_is_noticed() {
    let (data, ..) = scripted(CSV);
    let joinable = || Reports::open(data.path()).bi().unwrap().is_joinable();
    assert!(joinable());
    for (name, fits) in [("orders", false), ("refunds", true), ("catalog", false)] {
        let view = Connection::open(view_path(data.path(), name)).unwrap();
        view.execute("UPDATE checkpoint SET position = position - 1", []).unwrap();
        assert_eq!(joinable(), fits, "{name}");
    }
}
