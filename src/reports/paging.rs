//! Pages: how many rows, and where the next ones start.
//!
//! A page token names the last row of its page, so pages neither shift nor overlap while rows are
//! added. It also carries a fingerprint of the question, so that a token given to another question
//! is refused rather than misread. A token is not a secret: a forged one gives another page of an
//! answer that the caller may read anyway.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Page;
use crate::{
    projections::Checkpoint,
    values::{Fingerprint, Invalid, narrow, number_of},
};

/// Which rows of an answer are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paging {
    /// Rows wanted at most; 0 means the question's default, more than its maximum means that.
    pub page_size: i32,
    /// `next_page_token` of the page before; empty for the first page.
    pub page_token: String,
}

/// How many rows a question returns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub default: i64,
    pub max: i64,
}

/// Paging that was checked. `N` numbers say where a page ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut<const N: usize> {
    pub size: i64,
    /// Where the page before ended; `None` for the first page.
    pub after: Option<[i64; N]>,
    question: Fingerprint,
}

impl Paging {
    /// Checks size and token for the question that `fields` identify: its name first, then every
    /// filter, in a fixed order.
    pub(super) fn cut<'a, const N: usize>(
        &self,
        sizes: Sizes,
        fields: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Cut<N>, Invalid> {
        let size = match i64::from(self.page_size) {
            0 => sizes.default,
            size if size < 0 => return Err(Invalid::new("page_size", "must not be negative")),
            size => size.min(sizes.max),
        };
        let question = Fingerprint::of(fields);
        let after = match self.page_token.as_str() {
            "" => None,
            token => Some(read_token(token, question)?),
        };
        Ok(Cut { size, after, question })
    }
}

impl Paging {
    /// Cuts a list of `rows` rows that is at hand: which of them are on the page, and the token of
    /// the next one. `default` and `max` bound the page; `fields` identify the question.
    pub fn of_list<'a>(
        &self,
        (default, max): (i64, i64),
        fields: impl IntoIterator<Item = &'a [u8]>,
        rows: usize,
    ) -> Result<(std::ops::Range<usize>, String), Invalid> {
        let cut: Cut<1> = self.cut(Sizes { default, max }, fields)?;
        // A token is not a secret: one that names a row beyond the list starts at its end.
        let after = cut.after.map_or(0, |[end]| end);
        let start = usize::try_from(after).map_or(rows, |start| start.min(rows));
        let end = rows.min(start + cut.rows() - 1);
        let next =
            if end < rows { write_token(cut.question, [number_of(end)]) } else { String::new() };
        Ok((start..end, next))
    }
}

impl<const N: usize> Cut<N> {
    /// Rows to ask for: one more than wanted says whether there is a next page.
    pub fn limit(&self) -> i64 {
        self.size + 1
    }

    /// The same, for rows that are cut in memory.
    pub fn rows(&self) -> usize {
        narrow(self.limit().cast_unsigned())
    }

    /// Makes a page of at most `limit` rows, each with where it stands.
    pub fn page<T>(&self, mut rows: Vec<([i64; N], T)>, checkpoint: Checkpoint) -> Page<T> {
        let size = self.rows() - 1;
        let more = rows.len() > size;
        rows.truncate(size);
        let next_page_token = match rows.last() {
            Some((end, _)) if more => write_token(self.question, *end),
            Some(_) | None => String::new(),
        };
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Page { rows, next_page_token, checkpoint }
    }
}

fn write_token<const N: usize>(question: Fingerprint, end: [i64; N]) -> String {
    let mut bytes = Vec::with_capacity(8 + 8 * N);
    bytes.extend_from_slice(&question.0.to_be_bytes());
    for number in end {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_token<const N: usize>(token: &str, question: Fingerprint) -> Result<[i64; N], Invalid> {
    let foreign = || Invalid::new("page_token", "does not belong to this question");
    // The decoder takes one spelling only of the same bytes.
    let bytes = URL_SAFE_NO_PAD
        .decode(token)
        .map_err(|_| Invalid::new("page_token", "is not a token that an answer gave"))?;
    let (numbers, rest) = bytes.as_chunks::<8>();
    match numbers {
        [head, numbers @ ..]
            if rest.is_empty() && numbers.len() == N && *head == question.0.to_be_bytes() =>
        {
            let mut end = [0; N];
            for (number, bytes) in end.iter_mut().zip(numbers) {
                *number = i64::from_be_bytes(*bytes);
            }
            Ok(end)
        }
        _ => Err(foreign()),
    }
}
