//! A summary as text: names on the left, values beside them, within the width of a terminal.

use std::fmt::Write;

/// Columns that every terminal has.
pub const COLUMNS: usize = 80;
/// Columns before the values.
const INDENT: usize = 19;

/// The lines of an account.
#[derive(Debug, Default)]
pub struct Lines(String);

impl Lines {
    /// Adds a value under its name; an empty name goes on with the one before. A value that is too
    /// long is broken between its words. What has no blank, such as a path, is never broken.
    pub fn entry(&mut self, name: &str, value: impl AsRef<str>) {
        let (mut name, mut line) = (name, String::new());
        for word in value.as_ref().split(' ') {
            let width = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && INDENT + width > COLUMNS {
                self.line(std::mem::take(&mut name), &line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(name, &line);
    }

    /// All of them.
    pub fn into_text(self) -> String {
        self.0
    }

    fn line(&mut self, name: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "  {name:<16} {value}");
    }
}
