//! SQL over all read models at once, for questions that nobody thought of.
//!
//! Each file is attached under the name of its read model, so a table is `orders.orders` or
//! `journeys.touches`. The files are opened read-only and, beside that, SQLite asks us about every
//! step of a statement: whatever would change anything, here or in a file, is refused with its name.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{
    Connection, OpenFlags,
    hooks::{AuthAction, AuthContext, Authorization},
    types::ValueRef,
};
use uuid::Uuid;

use super::{ReportError, Reports};
use crate::projections::{self, view_path};

/// PRAGMAs that only look.
const LOOKING: &[&str] = &[
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "database_list",
    "collation_list",
    "function_list",
    "compile_options",
];

/// Why a statement was not answered.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    #[error(transparent)]
    Report(#[from] ReportError),
    /// It would have changed something, or left these files.
    #[error("{0} is refused: read models are only read here")]
    Refused(String),
    /// SQLite's own words.
    #[error("{0}")]
    Statement(String),
}

/// One cell of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Nothing,
    Whole(i64),
    Real(f64),
    /// Texts, and blobs: 16 bytes as the UUID they are, others in hexadecimal.
    Text(String),
}

/// Read models, open for SQL.
pub struct Sql {
    connection: Connection,
    refused: Arc<Mutex<Option<String>>>,
}

impl std::fmt::Debug for Sql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sql")
    }
}

impl Cell {
    /// A value as SQLite has it.
    pub fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Nothing,
            ValueRef::Integer(number) => Self::Whole(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Text(blob_text(bytes)),
        }
    }

    /// The cell for people and for CSV.
    pub fn into_text(self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

/// A blob as text: an id where it can be one.
pub(super) fn blob_text(bytes: &[u8]) -> String {
    match <[u8; 16]>::try_from(bytes) {
        Ok(id) => Uuid::from_bytes(id).to_string(),
        Err(_) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

impl Reports {
    /// Opens all read models that are there and of this version for SQL.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn sql(&self) -> Result<Sql, ReportError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(":memory:", flags)?;
        connection.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;")?;
        for projection in projections::all() {
            let name = projection.name();
            match self.checkpoint(name, projection.version()) {
                Ok(_) => {}
                Err(ReportError::NotReady(_)) => continue,
                Err(error) => return Err(error),
            }
            let path = view_path(&self.data, name);
            let uri = format!("file:{}?mode=ro", escaped(&path.display().to_string()));
            connection.execute(&format!("ATTACH ? AS \"{name}\""), [uri])?;
        }
        let refused = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&refused);
        connection.authorizer(Some(move |asked: AuthContext<'_>| match refusal(asked.action) {
            None => Authorization::Allow,
            Some(what) => {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
                Authorization::Deny
            }
        }))?;
        Ok(Sql { connection, refused })
    }
}

impl Sql {
    /// Runs one statement: `header` gets the names of its columns, then `row` each row. Either may
    /// end it with an error of its own.
    ///
    /// # Errors
    /// What is wrong with the statement, or the error of `header` or `row`.
    pub fn run<E: From<SqlError>>(
        &self,
        statement: &str,
        header: impl FnOnce(Vec<String>) -> Result<(), E>,
        mut row: impl FnMut(Vec<Cell>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut prepared = self.connection.prepare(statement).map_err(|error| self.why(&error))?;
        let columns = prepared.column_count();
        let names = prepared.column_names();
        header(names.map(str::to_owned).collect())?;
        let mut found = prepared.query([]).map_err(|error| self.why(&error))?;
        while let Some(line) = found.next().map_err(|error| self.why(&error))? {
            let cells = (0..columns).map(|column| line.get_ref(column).map(Cell::of));
            let cells = cells.collect::<Result<_, _>>().map_err(|error| self.why(&error))?;
            row(cells)?;
        }
        Ok(())
    }

    fn why(&self, error: &rusqlite::Error) -> SqlError {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        match refused {
            Some(what) => SqlError::Refused(what),
            None => SqlError::Statement(error.to_string()),
        }
    }
}

/// What a step of a statement would do that nobody may; nothing for a step that only reads.
fn refusal(action: AuthAction<'_>) -> Option<String> {
    let what = match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => return None,
        AuthAction::Function { function_name } if function_name != "load_extension" => return None,
        AuthAction::Pragma { pragma_name, .. } if LOOKING.contains(&pragma_name) => return None,
        AuthAction::Pragma { pragma_name, .. } => format!("PRAGMA {pragma_name}"),
        AuthAction::Function { function_name } => format!("{function_name}()"),
        AuthAction::Insert { table_name } => format!("INSERT or CREATE in {table_name}"),
        AuthAction::Update { table_name, .. } => format!("UPDATE of {table_name}"),
        AuthAction::Delete { table_name } => format!("DELETE or DROP in {table_name}"),
        AuthAction::Attach { .. } => "ATTACH".to_owned(),
        AuthAction::Detach { .. } => "DETACH".to_owned(),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => "a transaction".to_owned(),
        other => {
            let name = format!("{other:?}");
            let end = name.find([' ', '{']).unwrap_or(name.len());
            format!("a statement that does {}", &name[..end])
        }
    };
    Some(what)
}

/// A path inside a URI.
fn escaped(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}
