//! SQL queries over all read models of a data directory, read-only.
//!
//! Each read model that a text names is attached under its name, at most ten at once, so `SELECT count(*) FROM orders.orders` asks the
//! file of the orders. The files are opened read-only and SQLite is told to prepare nothing but
//! questions, so that whatever is typed can change nothing, reach no other file and load no code.

use std::path::{Path, PathBuf};

use rusqlite::{
    Batch, Connection, OpenFlags,
    fallible_iterator::FallibleIterator as _,
    functions::FunctionFlags,
    hooks::{AuthAction, AuthContext, Authorization},
    types::{Value, ValueRef},
};
use uuid::Uuid;

use super::{ReportError, Reports};
use crate::projections::{self, read_checkpoint, view_path};

/// Pragmas that only tell.
const PRAGMAS: [&str; 8] = [
    "database_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Read models that SQLite attaches to one connection at most.
const ATTACHED_MAX: usize = 10;

/// Read models of a data directory, side by side.
#[derive(Debug)]
pub struct Sql {
    files: Vec<(&'static str, PathBuf)>,
}

/// Why a statement was not answered.
#[derive(Debug, thiserror::Error)]
pub enum SqlError<E> {
    /// It is no SQL, names what is not there, or does more than ask.
    #[error("{0}")]
    Refused(String),
    /// The receiver of the rows failed.
    #[error(transparent)]
    Taken(E),
}

/// One cell of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    /// Bytes that are no id: ids are text in their usual form.
    Bytes(Vec<u8>),
}

impl Reports {
    /// Opens the read models for SQL. Those that are not there, or of another version, are left out.
    pub fn sql(&self) -> Result<Sql, ReportError> {
        let all = projections::all().into_iter();
        let current = all.filter_map(|projection| {
            let name = projection.name();
            let path = view_path(self.data(), name);
            is_current(&path, name, projection.version()).then_some((name, path))
        });
        Ok(Sql { files: current.collect() })
    }
}

impl Sql {
    /// The read models that can be asked.
    pub fn attached(&self) -> Vec<&'static str> {
        self.files.iter().map(|(name, _)| *name).collect()
    }

    /// A connection to the read models that a text names, and to others as far as there is room.
    fn connection(&self, text: &str) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_in_memory_with_flags(flags)?;
        connection.execute_batch("PRAGMA busy_timeout = 5000")?;
        let text = text.to_ascii_lowercase();
        let (named, others): (Vec<_>, Vec<_>) =
            self.files.iter().partition(|(name, _)| text.contains(name));
        for (name, path) in named.into_iter().chain(others).take(ATTACHED_MAX) {
            connection.execute("ATTACH ? AS ?", [read_only(path), (*name).to_owned()])?;
        }
        add_functions(&connection)?;
        connection.authorizer(Some(|context: AuthContext<'_>| authorize(context.action)))?;
        Ok(connection)
    }

    /// Answers the statements of a text one after the other: `start` gets the columns of each,
    /// `row` each of its rows. Statements before one that is refused have been answered.
    pub fn answer<E>(
        &self,
        text: &str,
        mut start: impl FnMut(&[String]) -> Result<(), E>,
        mut row: impl FnMut(Vec<SqlValue>) -> Result<(), E>,
    ) -> Result<(), SqlError<E>> {
        let refused = |error: rusqlite::Error| SqlError::Refused(plain(&error));
        let connection = self.connection(text).map_err(refused)?;
        let mut statements = Batch::new(&connection, text);
        while let Some(mut statement) = statements.next().map_err(refused)? {
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            start(&columns).map_err(SqlError::Taken)?;
            let mut found = statement.query([]).map_err(refused)?;
            while let Some(next) = found.next().map_err(refused)? {
                let cells = (0..columns.len()).map(|column| next.get_ref(column).map(SqlValue::of));
                let cells = cells.collect::<Result<_, _>>().map_err(refused)?;
                row(cells).map_err(SqlError::Taken)?;
            }
        }
        Ok(())
    }
}

impl SqlValue {
    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) | Self::Real(_) => 32,
            Self::Text(text) => 32 + text.len(),
            Self::Bytes(bytes) => 32 + bytes.len(),
        }
    }

    pub(super) fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            // Every id here has 16 bytes, and nothing else has.
            ValueRef::Blob(bytes) => match Uuid::from_slice(bytes) {
                Ok(id) => Self::Text(id.to_string()),
                Err(_) => Self::Bytes(bytes.to_vec()),
            },
        }
    }
}

/// As it stands in tables and CSV; bytes are SQL's own `x'…'`.
impl std::fmt::Display for SqlValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Integer(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => {
                f.write_str("x'")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
        }
    }
}

fn is_current(path: &Path, name: &str, version: i64) -> bool {
    let read = || {
        let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        read_checkpoint(&file, name, version)
    };
    path.exists() && matches!(read(), Ok(Some(_)))
}

/// The address of a file that SQLite must not write. Everything but letters, digits and slashes is
/// escaped, because `?` and `#` would end the path.
pub(super) fn read_only(path: &Path) -> String {
    use std::{fmt::Write, os::unix::ffi::OsStrExt};
    let mut uri = "file:".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02x}");
        }
    }
    uri + "?mode=ro"
}

/// `uuid('…')` makes the bytes of an id, so that rows can be found by it; `uuid_text(…)` the text.
pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("uuid", 1, pure, |call| {
        let text: String = call.get(0)?;
        Uuid::try_parse(&text)
            .map(|id| id.as_bytes().to_vec())
            .map_err(|_| rusqlite::Error::UserFunctionError("uuid() takes the text of one".into()))
    })?;
    connection.create_scalar_function("uuid_text", 1, pure, |call| {
        let bytes: Option<Vec<u8>> = call.get(0)?;
        let id = bytes.map(|bytes| Uuid::from_slice(&bytes)).transpose();
        let id = id.map_err(|_| {
            rusqlite::Error::UserFunctionError("uuid_text() takes the 16 bytes of one".into())
        })?;
        Ok(id.map_or(Value::Null, |id| Value::Text(id.to_string())))
    })
}

fn authorize(action: AuthAction<'_>) -> Authorization {
    let asks = match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => {
            !function_name.eq_ignore_ascii_case("load_extension")
        }
        AuthAction::Pragma { pragma_name, .. } => {
            PRAGMAS.iter().any(|known| known.eq_ignore_ascii_case(pragma_name))
        }
        _ => false,
    };
    if asks { Authorization::Allow } else { Authorization::Deny }
}

/// What SQLite says, without its code.
fn plain(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(failure, _)
            if failure.code == rusqlite::ErrorCode::AuthorizationForStatementDenied =>
        {
            "only questions are answered: SELECT, EXPLAIN, and PRAGMA table_info and its like"
                .to_owned()
        }
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, offset, .. } if *offset >= 0 => {
            format!("{msg} (at character {})", offset + 1)
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
