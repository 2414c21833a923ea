//! Figures as pages: the post-mortem of a sale as HTML, Markdown and CSV, in English and Chinese.
//!
//! `post_mortem` asks, `findings` ranks, `sections` says it in a language, and `html`, `markdown` and
//! `files` only write down what was said. Nothing here reads the log or a clock: the same read models
//! give the same bytes, and the caller passes the time, so that a sale is assessed only once it is
//! over. It must never show a text from outside without escaping it.

mod bins;
pub mod board;
mod charts;
mod curves;
mod document;
mod escape;
mod files;
mod findings;
mod html;
mod markdown;
mod numbers;
mod paged;
mod post_mortem;
mod sections;
mod words;
mod writing;

pub use files::{CHART_FILES, PageFile, files};
pub use findings::findings;
pub use numbers::{Clock, span as spoken_span};
pub use post_mortem::{PostMortem, ProofFacts, Stage};
pub use sections::{Style, unfinished};
pub use words::{Lang, event_name};
