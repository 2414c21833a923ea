//! What a column of these tables is: its name, type, unit, and whether it may be absent.

use crate::reports::table_file::{Column, Kind};

/// A column as `docs/bi.md` documents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BiColumn {
    pub name: &'static str,
    pub kind: BiKind,
    /// What its numbers count; empty for text and flags.
    pub unit: &'static str,
    pub nullable: bool,
    /// Where it comes from in the read models; empty in rows that are made of events.
    pub(super) sql: &'static str,
}

/// The types of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BiKind {
    Text,
    Integer,
    Time,
    Flag,
}

impl BiKind {
    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "BIGINT",
            Self::Time => "TIMESTAMP",
            Self::Flag => "BOOLEAN",
        }
    }
}

impl BiColumn {
    const fn new(name: &'static str, kind: BiKind, unit: &'static str, sql: &'static str) -> Self {
        Self { name, kind, unit, nullable: false, sql }
    }

    pub(super) const fn text(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, BiKind::Text, "", sql)
    }

    pub(super) const fn flag(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, BiKind::Flag, "", sql)
    }

    pub(super) const fn time(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, BiKind::Time, "UTC, ms", sql)
    }

    /// Of the currency in the column `currency`.
    pub(super) const fn money(name: &'static str, sql: &'static str) -> Self {
        Self::new(name, BiKind::Integer, "minor units", sql)
    }

    pub(super) const fn count(name: &'static str, unit: &'static str, sql: &'static str) -> Self {
        Self::new(name, BiKind::Integer, unit, sql)
    }

    /// May be absent.
    #[must_use]
    pub(super) const fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }

    pub(super) fn of_file(&self) -> Column {
        let kind = match self.kind {
            BiKind::Text => Kind::Text,
            BiKind::Integer => Kind::Integer,
            BiKind::Time => Kind::Time,
            BiKind::Flag => Kind::Flag,
        };
        Column { name: self.name.into(), kind, required: !self.nullable }
    }
}
