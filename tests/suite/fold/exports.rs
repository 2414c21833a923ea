//! Goal: SQL queries and exports work on all rows and change nothing.
//!
//! Method: a scripted sale is folded into real files and asked in SQL, and exported and read back:
//! CSV with a CSV reader, Parquet with the reader of the format's own library.

use std::{cell::RefCell, convert::Infallible, fs, path::Path};

use doorbuster::{
    reports::{CsvManner, ExportFormat, Reports, SqlError, SqlValue},
    values::SaleId,
};
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::{
    fold_all,
    log::{Log, scripted_sale},
};
fn scripted() -> TempDir {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    data
}

/// All rows that a text of SQL brings, columns first, cells joined.
fn ask(data: &Path, text: &str) -> Result<Vec<String>, String> {
    let models = Reports::open(data).sql().unwrap();
    let lines = RefCell::new(Vec::new());
    let answered = models.answer(
        text,
        |columns| {
            lines.borrow_mut().push(columns.join("|"));
            Ok::<_, Infallible>(())
        },
        |row: Vec<SqlValue>| {
            let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
            lines.borrow_mut().push(cells.join("|"));
            Ok(())
        },
    );
    match answered {
        Ok(()) => Ok(lines.into_inner()),
        Err(SqlError::Refused(why)) => Err(why),
        Err(SqlError::Taken(never)) => match never {},
    }
}

#[test]
fn a_question_in_sql_may_join_read_models() {
    let data = scripted();
    let answer = ask(
        data.path(),
        "SELECT i.sku, sum(o.units) AS units FROM orders.orders o
         JOIN orders.items n ON n.number = o.key >> 36
         JOIN stock.items i ON i.item_id = n.item_id
         GROUP BY i.sku ORDER BY i.sku;
         SELECT count(*) FROM catalog.sales",
    );
    let answer = answer.unwrap();
    assert_eq!(answer[0], "sku|units");
    assert!(answer[1].starts_with("lamp|"), "{answer:?}");
    assert_eq!(answer[answer.len() - 2..], ["count(*)", "1"]);
}

#[test]
fn ids_are_text_outside_and_can_be_searched_for() {
    let data = scripted();
    let id = &ask(data.path(), "SELECT item_id FROM stock.items LIMIT 1").unwrap()[1];
    assert!(Uuid::try_parse(id).is_ok(), "{id}");
    let found =
        ask(data.path(), &format!("SELECT sku FROM stock.items WHERE item_id = uuid('{id}')"));
    assert_eq!(found.unwrap().len(), 2);
    let text = ask(data.path(), "SELECT uuid_text(item_id) FROM stock.items LIMIT 1");
    assert_eq!(&text.unwrap()[1], id);
    let wrong = ask(data.path(), "SELECT uuid('five')").unwrap_err();
    assert!(wrong.contains("uuid() takes the text of one"), "{wrong}");
}

#[test]
fn sql_that_does_more_than_ask_is_refused_and_changes_nothing() {
    let data = scripted();
    let before = ask(data.path(), "SELECT * FROM stock.items").unwrap();
    let other = data.path().join("other.db");
    let attach = format!("ATTACH '{}' AS other", other.display());
    for text in [
        "DELETE FROM stock.items",
        "UPDATE orders.orders SET state = 2",
        "INSERT INTO catalog.sales SELECT * FROM catalog.sales",
        "DROP TABLE stock.items",
        "CREATE TABLE stock.mine (a)",
        "CREATE TEMP TABLE mine (a)",
        "CREATE VIEW mine AS SELECT 1",
        "PRAGMA stock.journal_mode = DELETE",
        "PRAGMA query_only = 0",
        "VACUUM",
        "DETACH stock",
        "BEGIN",
        "SELECT load_extension('x')",
        &attach,
    ] {
        let refused = ask(data.path(), text).unwrap_err();
        let said = ["only questions are answered", "not authorized to use function"];
        assert!(said.iter().any(|said| refused.contains(said)), "{text}: {refused}");
    }
    assert!(!other.exists());
    assert_eq!(ask(data.path(), "SELECT * FROM stock.items").unwrap(), before);
}

#[test]
fn sql_that_is_none_says_what_is_wrong() {
    let data = scripted();
    assert!(ask(data.path(), "SELEKT 1").unwrap_err().contains("syntax error"));
    assert!(
        ask(data.path(), "SELECT x FROM stock.items").unwrap_err().contains("no such column: x")
    );
    assert!(ask(data.path(), "SELECT * FROM stok.items").unwrap_err().contains("no such table"));
    assert_eq!(ask(data.path(), " -- nothing\n ;").unwrap(), Vec::<String>::new());
    assert_eq!(
        ask(data.path(), "PRAGMA stock.table_info(items)").unwrap()[0],
        "cid|name|type|notnull|dflt_value|pk"
    );
}

#[test]
fn read_models_that_are_not_there_are_left_out_of_sql() {
    let data = scripted();
    fs::remove_file(data.path().join("views/stock.db")).unwrap();
    let models = Reports::open(data.path()).sql().unwrap();
    assert!(!models.attached().contains(&"stock"));
    assert!(models.attached().contains(&"orders"));
}

#[test]
fn every_row_is_exported_as_csv_and_as_parquet() {
    let data = scripted();
    let out = tempdir().unwrap();
    let reports = Reports::open(data.path());
    let csv = reports.export(out.path(), ExportFormat::Csv(CsvManner::default())).unwrap();
    let parquet = reports.export(out.path(), ExportFormat::Parquet).unwrap();
    assert_eq!(csv.len(), parquet.len());
    assert!(
        csv.iter()
            .any(|file| file.read_model == "orders" && file.table == "orders" && file.rows > 0)
    );
    for (csv, parquet) in csv.iter().zip(&parquet) {
        assert!(csv.table != "checkpoint" && csv.table != "streams");
        let question = format!("SELECT * FROM {}.{}", csv.read_model, csv.table);
        let mut rows = ask(data.path(), &question).unwrap();
        let header = rows.remove(0);
        rows.sort();
        assert_eq!((csv.rows, parquet.rows), (rows.len() as u64, rows.len() as u64));

        let mut reader = csv::Reader::from_path(&csv.path).unwrap();
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>().join("|"), header);
        let mut read: Vec<String> = reader
            .records()
            .map(|record| record.unwrap().iter().collect::<Vec<_>>().join("|"))
            .collect();
        read.sort();
        assert_eq!(read, rows, "{}", csv.path.display());

        let file = SerializedFileReader::try_from(parquet.path.as_path()).unwrap();
        let mut read: Vec<String> = file
            .get_row_iter(None)
            .unwrap()
            .map(|row| {
                let row = row.unwrap();
                let cells = row.get_column_iter().map(|(_, field)| cell(field));
                cells.collect::<Vec<_>>().join("|")
            })
            .collect();
        read.sort();
        assert_eq!(read, rows, "{}", parquet.path.display());
    }
}

fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Long(number) => number.to_string(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => SqlValue::Bytes(bytes.data().to_vec()).to_string(),
        other => panic!("no column is exported as {other:?}"),
    }
}

#[test]
fn text_that_a_spreadsheet_would_run_is_exported_as_text() {
    let sale = SaleId(Uuid::from_u128(1));
    let item = sale.item_id("lamp");
    let mut log = Log::default();
    log.create_sale(sale, "=HYPERLINK(\"http://evil\")", &[item]);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let out = tempdir().unwrap();
    Reports::open(data.path()).export(out.path(), ExportFormat::Csv(CsvManner::default())).unwrap();
    let sales = fs::read_to_string(out.path().join("catalog.sales.csv")).unwrap();
    assert!(sales.contains("\"'=HYPERLINK(\"\"http://evil\"\")\""), "{sales}");
}

#[test]
fn read_models_that_are_not_there_cannot_be_exported() {
    let data = scripted();
    fs::remove_file(data.path().join("views/stock.db")).unwrap();
    let out = tempdir().unwrap();
    assert!(
        Reports::open(data.path())
            .export(out.path(), ExportFormat::Csv(CsvManner::default()))
            .is_err()
    );
}
