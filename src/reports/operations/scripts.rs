//! Wordings of customer service: those in force, and which was in force when.
//!
//! The rows contain only published wordings; the built-in ones are in the domain and are in force
//! otherwise.

use std::collections::HashMap;

use rusqlite::OptionalExtension;

use crate::{
    domain::script::{Language, Situation, builtin},
    projections::{Checkpoint, operations},
    reports::{Page, Paging, ReportError, Reports, filter::Filter, paging::Sizes},
    values::UnixMs,
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// A wording in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    pub situation: Situation,
    pub language: Language,
    /// 0 before anything was published.
    pub version: i64,
    /// It comes with doorbuster.
    pub builtin: bool,
    pub text: String,
    /// Since when; absent before anything was published.
    pub since: Option<UnixMs>,
    /// Whose act it is; empty before anything was published.
    pub operator: String,
    pub reason: String,
}

/// Which versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptVersionsQuery {
    pub situation: Situation,
    pub language: Language,
    /// Only the one that was in force then.
    pub at: Option<UnixMs>,
    /// Versions in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// One version of a wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptVersion {
    pub wording: Wording,
    /// Absent while it is in force.
    pub until: Option<UnixMs>,
    pub position: i64,
    pub revision: i64,
}

impl Reports {
    /// The wordings in force for all situations, those of one language or of both.
    pub fn scripts(
        &self,
        language: Option<Language>,
    ) -> Result<(Vec<Wording>, Checkpoint), ReportError> {
        self.ask(operations::NAME, operations::VERSION, |rows, checkpoint| {
            let mut found = rows.prepare(
                "SELECT situation, language, version, text, from_ms, operator, reason
                 FROM scripts WHERE until_ms IS NULL",
            )?;
            let found = found.query_map([], |row| {
                let key: (String, String) = (row.get(0)?, row.get(1)?);
                Ok((key, published(row, 2)?))
            })?;
            let mut known: HashMap<(String, String), Published> =
                found.collect::<Result<_, _>>()?;
            let mut wordings = Vec::new();
            for situation in Situation::all() {
                let languages = Language::ALL.into_iter();
                for spoken in languages.filter(|known| language.is_none_or(|one| one == *known)) {
                    let key = (situation.name(), spoken.name().to_owned());
                    wordings.push(wording(situation, spoken, known.remove(&key)));
                }
            }
            Ok((wordings, checkpoint))
        })
    }

    /// The wording in force for one situation.
    pub fn script(
        &self,
        situation: Situation,
        language: Language,
    ) -> Result<(Wording, Checkpoint), ReportError> {
        self.ask(operations::NAME, operations::VERSION, |rows, checkpoint| {
            let found = rows
                .query_row(
                    "SELECT version, text, from_ms, operator, reason FROM scripts
                     WHERE situation = ? AND language = ? AND until_ms IS NULL",
                    [situation.name().as_str(), language.name()],
                    |row| published(row, 0),
                )
                .optional()?;
            Ok((wording(situation, language, found), checkpoint))
        })
    }

    /// The versions of a wording, newest first.
    pub fn script_versions(
        &self,
        query: &ScriptVersionsQuery,
    ) -> Result<Page<ScriptVersion>, ReportError> {
        let ScriptVersionsQuery { situation, language, at, paging } = query;
        let name = situation.name();
        let moment = at.map_or(i64::MIN, |at| at.0).to_be_bytes();
        let question =
            [b"scripts".as_slice(), name.as_bytes(), language.name().as_bytes(), &moment];
        let cut = paging.cut(SIZES, question)?;
        self.ask(operations::NAME, operations::VERSION, |rows, checkpoint| {
            let mut filter = Filter::default();
            filter.and("situation = ?", name.clone());
            filter.and("language = ?", language.name().to_owned());
            filter.and_given("from_ms <= ?", at.map(|at| at.0));
            filter.and_given("(until_ms IS NULL OR until_ms > ?)", at.map(|at| at.0));
            filter.and_given("version < ?", cut.after.map(|[version]| version));
            let mut found = rows.prepare(&format!(
                "SELECT version, text, from_ms, operator, reason, until_ms, position, revision
                 FROM scripts WHERE {} ORDER BY version DESC LIMIT {}",
                filter.condition(),
                cut.limit()
            ))?;
            let versions = found.query_map(filter.parameters(), |row| {
                let version = ScriptVersion {
                    wording: wording(*situation, *language, Some(published(row, 0)?)),
                    until: row.get::<_, Option<i64>>(5)?.map(UnixMs),
                    position: row.get(6)?,
                    revision: row.get(7)?,
                };
                Ok(([version.wording.version], version))
            })?;
            Ok(cut.page(versions.collect::<Result<_, _>>()?, checkpoint))
        })
    }
}

/// What a row says.
struct Published {
    version: i64,
    text: Option<String>,
    since: UnixMs,
    operator: String,
    reason: String,
}

fn published(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Published> {
    Ok(Published {
        version: row.get(first)?,
        text: row.get(first + 1)?,
        since: UnixMs(row.get(first + 2)?),
        operator: row.get(first + 3)?,
        reason: row.get(first + 4)?,
    })
}

fn wording(situation: Situation, language: Language, found: Option<Published>) -> Wording {
    let (version, text, since, operator, reason) = match found {
        Some(row) => (row.version, row.text, Some(row.since), row.operator, row.reason),
        None => (0, None, None, String::new(), String::new()),
    };
    Wording {
        situation,
        language,
        version,
        builtin: text.is_none(),
        text: text.unwrap_or_else(|| builtin(situation, language).to_owned()),
        since,
        operator,
        reason,
    }
}
