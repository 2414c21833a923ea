//! A TOML file read key by key, so that each complaint names the file, the line and the key.
//!
//! Settings and sale files are both read with it. It checks shapes (which keys, which types); what
//! the values mean is checked by the caller. It never guesses: an unknown key is refused.

use std::{collections::BTreeMap, fmt};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::values::Invalid;

/// What is wrong in a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Complaint {
    /// The file as its user named it.
    pub file: String,
    /// Counted from 1; the line of the surrounding table where the key itself is missing.
    pub line: Option<usize>,
    /// The path of the key, for example `items[1].sku`, and what is wrong with it.
    pub invalid: Invalid,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.invalid),
            None => write!(f, "{}: {}", self.file, self.invalid),
        }
    }
}

/// A parsed file.
#[derive(Debug)]
pub struct Document<'a> {
    file: &'a str,
    text: &'a str,
    root: Spanned<DeTable<'a>>,
    /// Where each path begins, in bytes: lines are counted for the one that is complained about.
    places: BTreeMap<String, usize>,
}

/// One table of a document.
#[derive(Debug, Clone)]
pub struct Section<'a> {
    path: String,
    table: &'a DeTable<'a>,
}

impl<'a> Document<'a> {
    /// Parses a file's text.
    pub fn parse(file: &'a str, text: &'a str) -> Result<Self, Complaint> {
        let root = DeTable::parse(text).map_err(|error| Complaint {
            file: file.to_owned(),
            line: error.span().map(|span| line_at(text, span.start)),
            invalid: Invalid::new("the file", format!("is not TOML: {}", one_line(&error))),
        })?;
        let mut places = BTreeMap::new();
        note_places("", root.get_ref(), &mut places);
        Ok(Self { file, text, root, places })
    }

    /// The table that holds everything.
    pub fn root(&self) -> Section<'_> {
        Section { path: String::new(), table: self.root.get_ref() }
    }

    /// Says where in this file a problem lies.
    pub fn complaint(&self, invalid: Invalid) -> Complaint {
        let mut path = invalid.field.as_str();
        let line = loop {
            if let Some(place) = self.places.get(path) {
                break Some(line_at(self.text, *place));
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => break None,
            }
        };
        Complaint { file: self.file.to_owned(), line, invalid }
    }
}

impl<'a> Section<'a> {
    /// The full path of a key of this table.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Refuses keys that are not among the known ones.
    pub fn only(&self, known: &[&str]) -> Result<(), Invalid> {
        match self.unknown(known).first() {
            None => Ok(()),
            Some(key) => Err(Invalid::new(self.path(key), unknown_key(key, known))),
        }
    }

    /// The keys that are not among the known ones.
    pub fn unknown(&self, known: &[&str]) -> Vec<&'a str> {
        let keys = self.table.keys().map(|key| key.get_ref().as_ref());
        keys.filter(|key| !known.contains(key)).collect()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a DeValue<'a>> {
        self.table.get(key).map(Spanned::get_ref)
    }

    /// A text in quotes, if the key is there.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>, Invalid> {
        match self.get(key) {
            None => Ok(None),
            Some(DeValue::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(key, "a text in quotes", other)),
        }
    }

    /// A whole number, if the key is there.
    pub fn integer(&self, key: &str) -> Result<Option<i64>, Invalid> {
        match self.get(key) {
            None => Ok(None),
            Some(DeValue::Integer(number)) => i64::from_str_radix(number.as_str(), number.radix())
                .map(Some)
                .map_err(|_| Invalid::new(self.path(key), "is too large a number")),
            Some(other) => Err(self.wrong_type(key, "a whole number", other)),
        }
    }

    /// A table, if the key is there.
    pub fn section(&self, key: &str) -> Result<Option<Section<'a>>, Invalid> {
        match self.get(key) {
            None => Ok(None),
            Some(DeValue::Table(table)) => Ok(Some(Section { path: self.path(key), table })),
            Some(other) => Err(self.wrong_type(key, "a table", other)),
        }
    }

    /// The tables written as `[[key]]`; none where there is none.
    pub fn sections(&self, key: &str) -> Result<Vec<Section<'a>>, Invalid> {
        let array = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(DeValue::Array(array)) => array,
            Some(other) => return Err(self.wrong_type(key, "a list of tables", other)),
        };
        let each = array.iter().enumerate().map(|(index, value)| {
            let path = format!("{}[{index}]", self.path(key));
            match value.get_ref() {
                DeValue::Table(table) => Ok(Section { path, table }),
                other => Err(Invalid::new(path, must_be("a table", other))),
            }
        });
        each.collect()
    }

    /// The keys in the order in which they stand in the file.
    pub fn keys(&self) -> Vec<&'a str> {
        let mut keys: Vec<_> = self.table.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        keys.into_iter().map(|key| key.get_ref().as_ref()).collect()
    }

    /// The complaint that a value is of another type than it must be.
    pub fn wrong_type(&self, key: &str, wanted: &str, found: &DeValue<'_>) -> Invalid {
        Invalid::new(self.path(key), must_be(wanted, found))
    }
}

/// The message about an unknown key, with the likely intended one if there is one.
pub fn unknown_key(key: &str, known: &[&str]) -> String {
    match meant(key, known) {
        Some(known) => format!("is not a known key: did you mean {known}?"),
        None => format!("is not a known key: known are {}", known.join(", ")),
    }
}

/// The known key that was likely meant.
pub fn meant<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let nearest = known.iter().map(|known| (distance(key, known), *known)).min();
    let nearest = nearest.filter(|(distance, known)| *distance <= 2 || known.starts_with(key));
    nearest.map(|(_, known)| known)
}

fn must_be(wanted: &str, found: &DeValue<'_>) -> String {
    let found = match found {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    format!("must be {wanted}, not {found}")
}

fn note_places(path: &str, table: &DeTable<'_>, places: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let name = key.get_ref();
        let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        places.entry(path.clone()).or_insert_with(|| key.span().start);
        match value.get_ref() {
            DeValue::Table(table) => note_places(&path, table, places),
            DeValue::Array(array) => {
                for (index, value) in array.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    places.insert(path.clone(), value.span().start);
                    if let DeValue::Table(table) = value.get_ref() {
                        note_places(&path, table, places);
                    }
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().lines().collect::<Vec<_>>().join(", ")
}

/// How many letters must be put in, taken out or changed to turn one word into the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
