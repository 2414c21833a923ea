//! When holds end, in little memory: nearly all orders of an item are held for the same time, so their
//! holds end in the sequence of their rows. Of these a bit says that the row is held.

use std::collections::BTreeSet;

use crate::values::UnixMs;

/// The held orders of an item that have a deadline.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    /// A bit for each row: it is held, and its hold ends no sooner than those of all rows before it that
    /// have a bit.
    in_line: Vec<u64>,
    /// No word before this one has a bit.
    first_word: usize,
    /// How many bits there are.
    count: u32,
    /// No hold of a row in line ends later. Without a meaning where there is none.
    line_ends: UnixMs,
    /// Deadline and row of the others.
    aside: BTreeSet<(UnixMs, u32)>,
}

impl Holds {
    /// A row after all those in line is held until then; or any row, where `out_of_line`.
    pub(super) fn add(&mut self, until: UnixMs, row: u32, out_of_line: bool) {
        if out_of_line || (self.count > 0 && until < self.line_ends) {
            self.aside.insert((until, row));
            return;
        }
        let word = row as usize / 64;
        if word >= self.in_line.len() {
            self.in_line.resize(word + 1, 0);
        }
        if self.count == 0 {
            self.first_word = word;
        }
        self.in_line[word] |= bit(row);
        self.count += 1;
        self.line_ends = until;
    }

    /// The hold of a row that ends then has no end any more.
    pub(super) fn remove(&mut self, until: UnixMs, row: u32) {
        let Some(word) = self.in_line.get_mut(row as usize / 64) else {
            self.aside.remove(&(until, row));
            return;
        };
        if *word & bit(row) == 0 {
            self.aside.remove(&(until, row));
            return;
        }
        *word &= !bit(row);
        self.count -= 1;
        while self.count > 0 && self.in_line[self.first_word] == 0 {
            self.first_word += 1;
        }
    }

    /// All holds end so much later.
    pub(super) fn shift(&mut self, by_ms: i64) {
        self.line_ends = self.line_ends.plus(by_ms);
        let aside = std::mem::take(&mut self.aside);
        self.aside = aside.into_iter().map(|(at, row)| (at.plus(by_ms), row)).collect();
    }

    /// The deadline and the row of the hold that ends first. `ends` gives the deadline of a row.
    pub(super) fn first(&self, ends: impl Fn(u32) -> UnixMs) -> Option<(UnixMs, u32)> {
        self.in_sequence(ends).next()
    }

    /// Those of all holds, the one that ends first before the others; of equal ones, in the sequence of
    /// their rows.
    pub(super) fn in_sequence(
        &self,
        ends: impl Fn(u32) -> UnixMs,
    ) -> impl Iterator<Item = (UnixMs, u32)> {
        let mut line = self.line().map(move |row| (ends(row), row)).peekable();
        let mut aside = self.aside.iter().copied().peekable();
        std::iter::from_fn(move || match (line.peek(), aside.peek()) {
            (Some(one), Some(other)) if other < one => aside.next(),
            (Some(_), _) => line.next(),
            (None, _) => aside.next(),
        })
    }

    fn line(&self) -> impl Iterator<Item = u32> {
        let words = self.in_line.iter().enumerate().skip(self.first_word);
        words.flat_map(|(number, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let next = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(crate::values::short(number * 64) + next)
            })
        })
    }
}

fn bit(row: u32) -> u64 {
    1 << (row % 64)
}
