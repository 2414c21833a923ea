//! Which events of the whole log a reader wants: by the name of their stream or by their type.

use std::sync::Arc;

use regex::Regex;
use tonic::Status;

use super::proto::streams::read_req::options::{
    FilterOptions,
    filter_options::{Expression, Filter as By, Window},
};
use crate::store::embedded::raw::Wanted;

/// Events between two checkpoints where the client leaves it to the server.
const WINDOW_USUAL: u64 = 32;

/// How some clients say "none of these": everything but what matches inside.
const EXCEPT: &str = "^(?!";

/// A filter, and how often a subscription says how far it has looked.
#[derive(Clone)]
pub(super) struct Filter {
    pub(super) wanted: Wanted,
    /// Events looked at between two checkpoints.
    pub(super) interval: u64,
}

impl Filter {
    /// Reads a filter.
    pub(super) fn read(options: FilterOptions) -> Result<Self, Status> {
        let window = match options.window {
            Some(Window::Max(max)) => max.into(),
            Some(Window::Count(_)) => WINDOW_USUAL,
            None => return Err(Status::invalid_argument("filter: window: one of max or count")),
        };
        let interval = window * u64::from(options.checkpoint_interval_multiplier);
        let wanted: Wanted = match options.filter {
            Some(By::StreamIdentifier(expression)) => {
                let matches = matcher(expression)?;
                Arc::new(move |stream: &str, _kind: &str| matches(stream))
            }
            Some(By::EventType(expression)) => {
                let matches = matcher(expression)?;
                Arc::new(move |_stream: &str, kind: &str| matches(kind))
            }
            None => {
                let problem = "filter: filter: one of stream_identifier or event_type";
                return Err(Status::invalid_argument(problem));
            }
        };
        Ok(Self { wanted, interval })
    }
}

type Matcher = Box<dyn Fn(&str) -> bool + Send + Sync>;

fn matcher(expression: Expression) -> Result<Matcher, Status> {
    let Expression { regex, prefix } = expression;
    if regex.is_empty() {
        // One prefix is the usual case, and no prefix at all matches everything.
        if prefix.is_empty() {
            return Ok(Box::new(|_| true));
        }
        return Ok(Box::new(move |text| prefix.iter().any(|prefix| text.starts_with(prefix))));
    }
    let compile = |pattern: &str| {
        Regex::new(pattern).map_err(|error| {
            Status::invalid_argument(format!("filter: regex: {pattern:?} is not one: {error}"))
        })
    };
    match excepted(&regex) {
        Some(inner) => {
            let unwanted = compile(&format!("^(?:{inner})"))?;
            Ok(Box::new(move |text| !unwanted.is_match(text)))
        }
        None => {
            let wanted = compile(&regex)?;
            Ok(Box::new(move |text| wanted.is_match(text)))
        }
    }
}

/// What stands in a look-ahead that is all of a pattern. The regular expressions here know none,
/// but official clients use this one to leave system events out.
fn excepted(pattern: &str) -> Option<&str> {
    let rest = pattern.strip_prefix(EXCEPT)?;
    let mut depth = 1;
    let mut escaped = false;
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let after = &rest[at + 1..];
            return matches!(after, "" | ".*" | ".*$").then_some(&rest[..at]);
        }
    }
    None
}
