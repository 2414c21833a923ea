//! The digest of a read model: what makes "byte for byte the same" a comparison of two short texts.
//!
//! It covers rows, not files: SQLite may lay out the same rows in many ways. Tables come by name
//! and rows by primary key, so the order in which rows were written does not show.

use std::fmt::Write as _;

use rusqlite::{Connection, types::ValueRef};
use sha2::{Digest, Sha256};

/// SHA-256 over every row of every table but the one named, in hexadecimal.
pub(super) fn digest_of(rows: &Connection, without: &str) -> rusqlite::Result<String> {
    let mut hash = Sha256::new();
    let tables = texts(
        rows,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         ORDER BY name",
        "",
    )?;
    for table in tables.into_iter().filter(|table| table != without) {
        let key =
            texts(rows, "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", &table)?;
        let mut query = rows
            .prepare(&format!("SELECT * FROM \"{table}\" ORDER BY \"{}\"", key.join("\", \"")))?;
        hash_field(&mut hash, b't', table.as_bytes());
        for column in query.column_names() {
            hash_field(&mut hash, b'c', column.as_bytes());
        }
        let columns = query.column_count();
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            hash.update(b"r");
            for column in 0..columns {
                match row.get_ref(column)? {
                    ValueRef::Null => hash_field(&mut hash, b'n', &[]),
                    ValueRef::Integer(number) => hash_field(&mut hash, b'i', &number.to_be_bytes()),
                    ValueRef::Real(number) => hash_field(&mut hash, b'f', &number.to_be_bytes()),
                    ValueRef::Text(text) => hash_field(&mut hash, b's', text),
                    ValueRef::Blob(bytes) => hash_field(&mut hash, b'b', bytes),
                }
            }
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// The first column of a query that may use one parameter.
fn texts(rows: &Connection, query: &str, parameter: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = rows.prepare(query)?;
    let parameters = [parameter];
    let given = &parameters[..query.parameter_count().min(1)];
    query.query_map(rusqlite::params_from_iter(given), |row| row.get(0))?.collect()
}

/// Kind and length go first, so that no two different tables hash the same bytes.
fn hash_field(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
