//! Where two files of one read model differ first: the table, the primary key, both rows.
//!
//! Both are read side by side in the order of names and primary keys, so the first difference is
//! deterministic, and memory holds one row of each.

use std::cmp::Ordering;

use rusqlite::{Connection, Row, Rows, Statement, types::Value};

/// The first difference between a read model in use and its rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub table: String,
    /// For example `item=2 second=1000`; empty where a whole table is on one side only.
    pub key: String,
    /// The row as `column=value …`; `None` where this side has none.
    pub in_use: Option<String>,
    pub rebuilt: Option<String>,
}

/// Two rows side by side, the one in use first.
type Pair = (Option<String>, Option<String>);

/// The first difference, if there is one.
pub(super) fn first_difference(
    in_use: &Connection,
    rebuilt: &Connection,
) -> rusqlite::Result<Option<Difference>> {
    let (left, right) = (tables(in_use)?, tables(rebuilt)?);
    let mut names: Vec<&String> = left.iter().chain(&right).collect();
    names.sort();
    names.dedup();
    for table in names {
        let sides = (left.contains(table), right.contains(table));
        if sides != (true, true) {
            let there = |is: bool| is.then(|| "the table is there".to_owned());
            let pair = (there(sides.0), there(sides.1));
            return Ok(Some(difference(table, String::new(), pair)));
        }
        if let Some((key, pair)) = in_table(in_use, rebuilt, table)? {
            return Ok(Some(difference(table, key, pair)));
        }
    }
    Ok(None)
}

fn difference(table: &str, key: String, (in_use, rebuilt): Pair) -> Difference {
    Difference { table: table.to_owned(), key, in_use, rebuilt }
}

fn in_table(
    in_use: &Connection,
    rebuilt: &Connection,
    table: &str,
) -> rusqlite::Result<Option<(String, Pair)>> {
    let key = key_columns(rebuilt, table)?;
    let query = format!("SELECT * FROM \"{table}\" ORDER BY \"{}\"", key.join("\", \""));
    let (mut left, mut right) = (in_use.prepare(&query)?, rebuilt.prepare(&query)?);
    let columns = names(&right);
    if names(&left) != columns {
        let pair = (Some(names(&left).join(" ")), Some(columns.join(" ")));
        return Ok(Some((String::new(), pair)));
    }
    let places: Vec<usize> =
        key.iter().filter_map(|name| columns.iter().position(|known| known == name)).collect();
    let text = |row: &[Value], places: &mut dyn Iterator<Item = usize>| {
        let cells = places.map(|place| format!("{}={}", columns[place], shown(&row[place])));
        cells.collect::<Vec<_>>().join(" ")
    };
    let whole =
        |row: &Option<Vec<Value>>| row.as_ref().map(|row| text(row, &mut (0..columns.len())));
    let (mut left, mut right) = (left.query([])?, right.query([])?);
    let (mut one, mut other) = (next(&mut left)?, next(&mut right)?);
    loop {
        let order = match (&one, &other) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => by_key(one, other, &places),
        };
        let (shown_row, pair) = match order {
            Ordering::Equal if one == other => {
                (one, other) = (next(&mut left)?, next(&mut right)?);
                continue;
            }
            Ordering::Equal => (&one, (whole(&one), whole(&other))),
            Ordering::Less => (&one, (whole(&one), None)),
            Ordering::Greater => (&other, (None, whole(&other))),
        };
        let key = shown_row.as_ref().map(|row| text(row, &mut places.iter().copied()));
        return Ok(Some((key.unwrap_or_default(), pair)));
    }
}

fn tables(rows: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = rows.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         ORDER BY name",
    )?;
    query.query_map([], |row| row.get(0))?.collect()
}

fn key_columns(rows: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut query =
        rows.prepare("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk")?;
    query.query_map([table], |row| row.get(0))?.collect()
}

fn names(query: &Statement<'_>) -> Vec<String> {
    query.column_names().map(str::to_owned).collect()
}

fn next(rows: &mut Rows<'_>) -> rusqlite::Result<Option<Vec<Value>>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    values(row).map(Some)
}

fn values(row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    (0..row.as_ref().column_count()).map(|column| row.get(column)).collect()
}

/// As SQLite orders primary keys: nothing, numbers, texts, bytes.
fn by_key(one: &[Value], other: &[Value], places: &[usize]) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    };
    for &place in places {
        let order = match (&one[place], &other[place]) {
            (Value::Integer(one), Value::Integer(other)) => one.cmp(other),
            (Value::Text(one), Value::Text(other)) => one.cmp(other),
            (Value::Blob(one), Value::Blob(other)) => one.cmp(other),
            (Value::Real(one), Value::Real(other)) => one.total_cmp(other),
            (one, other) => rank(one).cmp(&rank(other)),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        // Escaped: it may hold what a terminal would obey.
        Value::Text(text) => format!("{text:?}"),
        Value::Blob(bytes) => {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
            format!("x'{}'", hex.collect::<String>())
        }
    }
}
