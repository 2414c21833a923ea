//! Names by number, in little memory: the text of all of them lies in one buffer.

use std::hash::{BuildHasher, RandomState};

use super::item::index::Index;
use crate::values::short;

/// Names that were given, each once. The first has number 0.
#[derive(Debug, Default)]
pub(super) struct Names {
    hasher: RandomState,
    /// Where each name starts in `text`; it ends where the next one starts.
    starts: Vec<usize>,
    text: String,
    by_name: Index,
}

impl Names {
    /// The number of a name that was given.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.by_name.find(self.hasher.hash_one(name), |number| self.name(number) == name)
    }

    /// The number of a name, which is a new one where it was not given before.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.find(name) {
            return number;
        }
        let number = short(self.starts.len());
        self.starts.push(self.text.len());
        self.text.push_str(name);
        let Self { hasher, starts, text, by_name } = self;
        by_name.insert(hasher.hash_one(name), number, |number| {
            hasher.hash_one(name_of(starts, text, number))
        });
        number
    }

    /// The name with that number.
    pub(super) fn name(&self, number: u32) -> &str {
        name_of(&self.starts, &self.text, number)
    }
}

fn name_of<'a>(starts: &[usize], text: &'a str, number: u32) -> &'a str {
    let number = number as usize;
    let end = starts.get(number + 1).copied().unwrap_or(text.len());
    &text[starts[number]..end]
}
