//! `report sql`: SQL queries over the read models of a data directory.

use std::{
    fmt::Write as _,
    io::{self, BufRead, IsTerminal, Read, Write},
};

use serde_json::{Value, json};

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        models::{Models, Scratch},
        output::{answer, any_table},
        source::Data,
    },
    reports::{CsvManner, Reports, Sql as ReadModels, SqlError, SqlValue},
};

/// Rows that a table shows: more do not help a person, and a table is laid out in memory.
const TABLE_ROWS_MAX: usize = 10_000;

const PROMPT: &str = "sql> ";
const MORE: &str = "...> ";

/// Arguments of `report sql`.
#[derive(Debug, clap::Args)]
pub struct Sql {
    /// One or more statements; without any they are read from standard input
    #[arg(value_name = "SQL")]
    statements: Option<String>,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    scratch: Scratch,
}

impl Sql {
    /// Answers one text, or one statement after the other from standard input.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let log = self.data.open()?;
        let models = Models::of(&log, &self.data.dir, &self.scratch, common)?;
        let models = Reports::open(models.directory())
            .sql()
            .map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
        match &self.statements {
            Some(text) => ask(&models, text, common),
            None => converse(&models, common),
        }
    }
}

/// On a terminal each statement is answered as it is typed, and a wrong one is told and forgotten;
/// from a file or another program all come as one text.
fn converse(models: &ReadModels, common: &Common) -> anyhow::Result<()> {
    let mut text = String::new();
    let mut typed = io::stdin().lock();
    if !(typed.is_terminal() && io::stderr().is_terminal()) {
        typed.read_to_string(&mut text)?;
        if text.trim().is_empty() {
            let message = "no SQL was given: write it as an argument, such as \"SELECT count(*) FROM \
                           orders.orders\", or to standard input";
            return Err(Failure::new(Code::Usage, message).into());
        }
        return ask(models, &text, common);
    }
    let names = models.attached().join(", ");
    common.note(format_args!("Read models: {names}. PRAGMA table_list shows their tables."));
    common.note("Statements end with a semicolon; Ctrl-D ends.");
    loop {
        // A prompt that cannot be shown is no reason to fail.
        let _ = write!(io::stderr(), "{}", if text.is_empty() { PROMPT } else { MORE });
        let _ = io::stderr().flush();
        if typed.read_line(&mut text)? == 0 {
            return Ok(());
        }
        if text.trim_end().ends_with(';') {
            if let Err(error) = ask(models, &text, common) {
                common.note(format_args!("error: {error}"));
            }
            text.clear();
        }
    }
}

fn ask(models: &ReadModels, text: &str, common: &Common) -> anyhow::Result<()> {
    let answered = if common.json {
        answer_json(models, text)
    } else if let Some(manner) = common.csv {
        answer_csv(models, text, manner)
    } else {
        answer_tables(models, text, common)
    };
    answered.map_err(|error| match error {
        SqlError::Refused(why) => Failure::new(Code::Usage, why).into(),
        SqlError::Taken(error) => error.into(),
    })
}

/// Each row as an object on a line of its own, so that no answer is too long.
fn answer_json(models: &ReadModels, text: &str) -> Result<(), SqlError<io::Error>> {
    let names = std::cell::RefCell::new(Vec::new());
    models.answer(
        text,
        |columns| {
            *names.borrow_mut() = columns.to_vec();
            Ok(())
        },
        |row| {
            let cells = names.borrow().iter().cloned().zip(row.into_iter().map(value)).collect();
            answer(Value::Object(cells))
        },
    )
}

fn value(cell: SqlValue) -> Value {
    match cell {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(number) => json!(number),
        SqlValue::Real(number) => json!(number),
        SqlValue::Text(text) => Value::String(text),
        SqlValue::Bytes(_) => Value::String(cell.to_string()),
    }
}

fn answer_csv(
    models: &ReadModels,
    text: &str,
    manner: CsvManner,
) -> Result<(), SqlError<io::Error>> {
    io::stdout().lock().write_all(manner.mark().as_bytes()).map_err(SqlError::Taken)?;
    let csv = std::cell::RefCell::new(csv::Writer::from_writer(io::stdout().lock()));
    models.answer(
        text,
        |columns| {
            // Each statement has columns of its own.
            let mut csv = csv.borrow_mut();
            csv.flush()?;
            *csv = csv::Writer::from_writer(io::stdout().lock());
            Ok(csv.write_record(columns)?)
        },
        |row| {
            let cells = row.iter().map(|cell| match cell {
                SqlValue::Text(text) => manner.text(text).into_owned(),
                other => other.to_string(),
            });
            Ok(csv.borrow_mut().write_record(cells)?)
        },
    )?;
    csv.into_inner().flush().map_err(SqlError::Taken)
}

fn answer_tables(
    models: &ReadModels,
    text: &str,
    common: &Common,
) -> Result<(), SqlError<io::Error>> {
    let shown = std::cell::RefCell::new(Answer::default());
    models.answer(
        text,
        |columns| {
            shown.borrow_mut().show(common)?;
            shown.borrow_mut().columns = columns.to_vec();
            Ok(())
        },
        |row| {
            let mut shown = shown.borrow_mut();
            shown.count += 1;
            if shown.rows.len() < TABLE_ROWS_MAX {
                shown.rows.push(row);
            }
            Ok(())
        },
    )?;
    shown.into_inner().show(common).map_err(SqlError::Taken)
}

/// The answer to one statement, as far as a table shows it.
#[derive(Debug, Default)]
struct Answer {
    columns: Vec<String>,
    rows: Vec<Vec<SqlValue>>,
    count: usize,
}

impl Answer {
    fn show(&mut self, common: &Common) -> io::Result<()> {
        let Self { columns, rows, count } = std::mem::take(self);
        if columns.is_empty() {
            return Ok(());
        }
        let numbers = rows.first().map_or_else(Vec::new, |row| {
            row.iter()
                .map(|cell| matches!(cell, SqlValue::Integer(_) | SqlValue::Real(_)))
                .collect()
        });
        let left_out = count - rows.len();
        let cells = rows.into_iter().map(|row| row.iter().map(visible).collect()).collect();
        answer(any_table(&columns, &numbers, cells))?;
        if left_out > 0 {
            common.warn(format_args!("{left_out} more rows: --csv and --json show all"));
        }
        Ok(())
    }
}

/// A cell for a terminal, which must not take text for commands.
fn visible(cell: &SqlValue) -> String {
    let mut text = String::new();
    for c in cell.to_string().chars() {
        if c.is_control() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}", c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}
