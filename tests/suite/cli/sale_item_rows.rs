//! Goal: items in a spreadsheet become items of the sale, by the rules of the sale file, and all that is
//! wrong in it is told at once, with the line and the column.

use doorbuster::cli::sale_file;

use super::{GOOD, NOW};

/// The beginning of every good file.
const HEADER: &str = "sku,title,unit_price_minor,time_to_pay_seconds,units.west,units.east";

fn read(csv: &str) -> Result<sale_file::SaleFile, String> {
    let rows = ("items.csv", csv);
    sale_file::parse_with_rows("sale.toml", GOOD, rows, NOW).map_err(|wrong| wrong.to_string())
}

#[test]
fn rows_become_the_items_that_the_same_tables_would_be() {
    let csv = "\u{feff}sku,title,unit_price_minor,limit_per_buyer,time_to_pay_seconds,opens_at,units.west,\
               units.北京,supplier.west,reserve.west,draw,floor_minor\n\
               \"A,1\",\"A \"\"big\"\" one\",100,,60,,5,7,acme,3,fullest,90\n\
               100,200,300,2,60,2026-11-11T01:00:00+08:00,,8,,,,\n";
    let tables = r#"
        [[items]]
        sku = "A,1"
        title = 'A "big" one'
        unit_price_minor = 100
        time_to_pay_seconds = 60
        units = { west = { units = 5, supplier = "acme" }, "北京" = 7 }
        reserve = { west = 3 }
        draw = "fullest"
        floor_minor = 90
        [[items]]
        sku = "100"
        title = "200"
        unit_price_minor = 300
        limit_per_buyer = 2
        time_to_pay_seconds = 60
        opens_at = 2026-11-11T01:00:00+08:00
        units = { "北京" = 8 }
    "#;
    let alike = sale_file::parse("sale.toml", &format!("{GOOD}{tables}"), NOW).unwrap();
    assert_eq!(read(csv), Ok(alike));
    assert_eq!(read(csv).unwrap().draft.items.len(), 3, "behind those of the sale file");
}

#[test]
fn a_sale_file_without_items_is_good_with_rows() {
    let sale = GOOD.split_once("[[items]]").unwrap().0.trim_end();
    let rows = ("items.csv", &*format!("{HEADER}\nA,A,100,60,5,\n"));
    let read = sale_file::parse_with_rows("sale.toml", sale, rows, NOW).unwrap();
    assert_eq!(read.draft.items[0].units, [("west".to_owned(), 5)]);
}

#[test]
fn all_that_is_wrong_with_rows_is_told_at_once() {
    let csv = format!(
        "{HEADER}\n\
         A,A,0,60,5,\n\
         B,\"two\nlines\",100,soon,5,\n\
         A,A again,100,60,5,6\n\
         C,,100,60,many,-1\n\
         D,D,100,60,,\n"
    );
    let said = read(&csv).unwrap_err();
    let wanted = "sale.toml has 8 problems:\n  \
        items.csv, line 2: unit_price_minor must be at least 1, not 0";
    assert!(said.starts_with(wanted), "{said}");
    for one in [
        "items.csv, line 3: title must not contain",
        "items.csv, line 3: time_to_pay_seconds must be a whole number, not a text",
        "items.csv, line 5: sku",
        "items.csv, line 6: title is missing",
        "items.csv, line 6: units.west must be a whole number, not a text",
        "items.csv, line 6: units.east must be",
        "items.csv, line 7: units",
    ] {
        assert!(said.contains(one), "{one}: {said}");
    }
}

#[test]
fn problems_of_both_files_are_told_with_their_files() {
    let sale = GOOD.replacen("CNY", "XXQ", 1);
    let rows = ("items.csv", &*format!("{HEADER}\nA,A,0,60,5,\n"));
    let said = sale_file::parse_with_rows("sale.toml", &sale, rows, NOW).unwrap_err().to_string();
    assert!(said.contains("sale.toml has 2 problems:\n  line "), "{said}");
    assert!(said.contains("items.csv, line 2: unit_price_minor"), "{said}");
}

#[test]
fn what_is_no_table_of_items_is_refused_before_anything_else() {
    for (csv, wanted) in [
        ("sku,titel\n1,2\n", "items.csv, line 1: titel is not a known column: did you mean title?"),
        ("sku,units\n1,2\n", "items.csv, line 1: units is not a known column"),
        ("sku;title\n1;2\n", "items.csv, line 1: sku;title is not a known column: known are sku,"),
        ("sku,sku\n1,2\n", "items.csv, line 1: sku is the name of two columns"),
        ("sku,units.\n1,2\n", "items.csv, line 1: units. is not a known column"),
        ("sku,title\n", "items.csv: the file has no rows"),
        ("sku,title\n,\n,\n", "items.csv: the file has no rows"),
        ("sku,,title\n1,2,3\n", "items.csv, line 1: column 2 has no name"),
        (
            "sku,title\r\nA,\"a\r\nb\"\r\n\r\n,\r\nB\r\nC,C,C\r\n",
            "items.csv has 2 problems:\n  line 6: the row has 1 cells, and the header 2\n  line 7: the row has 3",
        ),
        ("", "items.csv"),
        (
            "sku,title\nA\nB,C,D\nE,F\n",
            "items.csv has 2 problems:\n  line 2: the row has 1 cells, and the header 2\n  line 3: the row has 3",
        ),
    ] {
        let said = read(csv).unwrap_err();
        assert!(said.starts_with(wanted), "{csv:?}: {said}");
    }
    let inline = GOOD.split_once("[[items]]").unwrap().0.replacen("name", "items = []\nname", 1);
    let inline = sale_file::parse_with_rows("sale.toml", &inline, ("items.csv", "sku\n1\n"), NOW);
    let said = inline.unwrap_err().to_string();
    assert_eq!(
        said,
        "sale.toml, line 2: items must be written as [[items]] where rows follow them"
    );
    let broken = sale_file::parse_with_rows("sale.toml", "name = ", ("items.csv", "sku\n1\n"), NOW);
    assert!(broken.unwrap_err().to_string().starts_with("sale.toml, line 1: the file is not TOML"));
}
