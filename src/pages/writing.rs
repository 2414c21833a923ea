//! How a page is written: its language, its clock, and the facts it tells of.

use super::{
    charts::Mark,
    numbers::{Clock, amount, span},
    post_mortem::PostMortem,
    words::{Lang, Sentence, Term, fill},
};

/// How a page is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub lang: Lang,
    pub clock: Clock,
}

/// Facts and the way to say them.
pub struct Writing<'a> {
    pub facts: &'a PostMortem,
    pub lang: Lang,
    pub clock: Clock,
    /// Acts in charts, numbered as in the timeline.
    pub marks: Vec<Mark>,
}

impl Writing<'_> {
    /// A word.
    pub fn word(&self, term: Term) -> &'static str {
        term.text(self.lang)
    }

    /// A sentence with its gaps filled.
    pub fn sentence(&self, sentence: Sentence, values: &[(&str, &str)]) -> String {
        fill(sentence.text(self.lang), values)
    }

    /// An amount in the sale's currency.
    pub fn money(&self, minor: i64) -> String {
        amount(minor, &self.facts.sale.currency)
    }

    /// A span of time.
    pub fn span(&self, ms: i64) -> String {
        span(ms, self.lang)
    }
}
