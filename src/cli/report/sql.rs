//! `report sql`: SQL over the read models of a data directory, one statement or a prompt.

use std::io::{self, BufRead, IsTerminal, Write};

use serde_json::{Map, Value};

use crate::{
    cli::{
        Common, asked,
        failure::{Code, Failure},
        output::{answer, wide_table},
        source::Data,
    },
    reports::{Cell, Reports, Sql, SqlError, spreadsheet_safe},
};

/// Arguments of `report sql`.
#[derive(Debug, clap::Args)]
pub struct SqlArgs {
    /// One statement; without it statements are read from stdin, each up to its semicolon
    #[arg(value_name = "STATEMENT")]
    statement: Option<String>,
    #[command(flatten)]
    data: Data,
}

impl SqlArgs {
    /// Runs the statement, or all that come.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let log = self.data.open()?;
        asked::bring_up(&log, &self.data.dir)?;
        let reports = Reports::open(&self.data.dir);
        let sql = reports.sql().map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
        match &self.statement {
            Some(statement) => run_one(&sql, statement, common),
            None => prompt(&sql, common),
        }
    }
}

/// Reads statements until there are no more. On a terminal a mistake is said and the next one read;
/// elsewhere it ends everything.
fn prompt(sql: &Sql, common: &Common) -> anyhow::Result<()> {
    let stdin = io::stdin().lock();
    let asking = stdin.is_terminal() && io::stderr().is_terminal();
    let mut statement = String::new();
    if asking {
        common.note("tables are READ-MODEL.TABLE, for example orders.orders; end with Ctrl-D");
    }
    let ask = |more: bool| {
        if asking {
            // A closed stderr is no reason to fail.
            let _ = write!(io::stderr(), "{}", if more { "   ...> " } else { "sql> " });
        }
    };
    ask(false);
    for line in stdin.lines() {
        statement.push_str(&line?);
        statement.push('\n');
        while let Some(end) = statement_end(&statement) {
            let rest = statement.split_off(end);
            let ran = run_one(sql, statement.trim(), common);
            statement = rest;
            match ran {
                Err(error) if asking => common.note(format_args!("error: {error}")),
                ran => ran?,
            }
        }
        ask(!statement.trim().is_empty());
    }
    match statement.trim() {
        "" => Ok(()),
        // The last one may go without its semicolon.
        last => run_one(sql, last, common),
    }
}

/// Where the first statement ends: behind a semicolon that is not in a text, a name or a comment.
fn statement_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let skip = match bytes[at] {
            b';' => return Some(at + 1),
            quote @ (b'\'' | b'"' | b'`') => 1 + end_of(&rest[1..], char::from(quote).into())?,
            b'[' => 1 + end_of(&rest[1..], "]".to_owned())?,
            b'-' if rest.starts_with("--") => end_of(rest, "\n".to_owned())?,
            b'/' if rest.starts_with("/*") => end_of(rest, "*/".to_owned())?,
            _ => 1,
        };
        at += skip;
    }
    None
}

/// How many bytes there are up to and with that mark.
fn end_of(text: &str, mark: String) -> Option<usize> {
    text.find(&mark).map(|at| at + mark.len())
}

fn run_one(sql: &Sql, statement: &str, common: &Common) -> anyhow::Result<()> {
    let mut header: Vec<String> = Vec::new();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    if common.csv {
        return run_csv(sql, statement);
    }
    sql.run::<Broken>(
        statement,
        |names| {
            header = names;
            Ok(())
        },
        |row| {
            rows.push(row);
            Ok(())
        },
    )?;
    if common.json {
        let objects = rows.into_iter().map(|row| {
            let fields = header.iter().cloned().zip(row.into_iter().map(json_of));
            Value::Object(fields.collect::<Map<_, _>>())
        });
        return Ok(answer(objects.collect::<Value>())?);
    }
    if header.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(|row| row.into_iter().map(Cell::into_text).collect());
    Ok(answer(wide_table(&header, rows.collect()))?)
}

/// Row by row, so that an answer of any size can be written.
fn run_csv(sql: &Sql, statement: &str) -> anyhow::Result<()> {
    let csv = std::cell::RefCell::new(csv::Writer::from_writer(io::stdout().lock()));
    sql.run::<Broken>(
        statement,
        |names| Ok(csv.borrow_mut().write_record(names)?),
        |row| {
            let cells = row.into_iter().map(|cell| {
                let text = cell.into_text();
                spreadsheet_safe(&text).into_owned()
            });
            Ok(csv.borrow_mut().write_record(cells)?)
        },
    )?;
    csv.into_inner().flush()?;
    Ok(())
}

fn json_of(cell: Cell) -> Value {
    match cell {
        Cell::Nothing => Value::Null,
        Cell::Whole(number) => number.into(),
        Cell::Real(number) => number.into(),
        Cell::Text(text) => text.into(),
    }
}

/// Why a statement did not end well.
struct Broken(anyhow::Error);

impl From<SqlError> for Broken {
    fn from(error: SqlError) -> Self {
        let code = match &error {
            SqlError::Report(_) => Code::Failed,
            SqlError::Refused(_) | SqlError::Statement(_) => Code::Usage,
        };
        Self(Failure::new(code, error.to_string()).into())
    }
}

impl From<csv::Error> for Broken {
    fn from(error: csv::Error) -> Self {
        // As what it is, so that a reader who went away is no failure.
        Self(io::Error::from(error).into())
    }
}

impl From<Broken> for anyhow::Error {
    fn from(broken: Broken) -> Self {
        broken.0
    }
}
