//! What the verifier says in the end: what it proved, or what is wrong and where.

use std::fmt;

use serde::Serialize;

/// Problems that are listed; further ones are only counted.
pub const FINDINGS_MAX: usize = 100;

/// The verdict on one log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Proof {
    /// Events read.
    pub events: u64,
    /// Streams, each a hash chain.
    pub chains: u64,
    pub items: u64,
    /// Orders placed, whatever became of them.
    pub orders: u64,
    /// What is wrong, in the order of the log; at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// Problems beyond those listed.
    pub more_findings: u64,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Place in the whole log; absent where it is about no single event.
    pub position: Option<u64>,
    /// Name of the stream; empty where it is about none.
    pub stream: String,
    pub revision: Option<u64>,
    /// What is wrong, as a sentence without its full stop.
    pub problem: String,
}

impl Proof {
    /// Whether nothing wrong was found.
    pub fn ok(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn add(&mut self, finding: impl FnOnce() -> Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding());
        } else {
            self.more_findings += 1;
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(position) = self.position {
            write!(f, "position {position}")?;
            separator = ", ";
        }
        if !self.stream.is_empty() {
            write!(f, "{separator}{}", self.stream)?;
            separator = ", ";
        }
        if let Some(revision) = self.revision {
            write!(f, "{separator}revision {revision}")?;
            separator = ", ";
        }
        if separator.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, ": {}", self.problem)
        }
    }
}

const PROVED: &str = "\
Proved, for every event from the first to the last:
  - events stand without a gap, in the whole log and in each stream, and the hash chain of each
    stream is whole from its first event to its recorded head: nothing inside it was changed;
  - every event is of a known kind, complete, and has the id that its command gives it;
  - no unit was sold twice: after each event, in each warehouse of each item, units held plus
    units sold never exceed units allocated;
  - no order and no request counts twice; every order ended at most once, as paid before its
    deadline, cancelled before it, or expired after it;
  - every order kept to the window, pauses, limits and price in force; every payment is exact;
  - the counts of demand agree with the attempts packed beside them.
Not proved, because one file cannot show it:
  - that nobody with write access rewrote the whole file consistently, or cut off the newest
    events together with their recorded heads: compare heads with a copy kept elsewhere;
  - how events of different streams stood to one another: a chain covers one stream;
  - that refused attempts are complete: the seconds before a crash may be missing;
  - that amounts recorded as paid arrived at the payment provider.";

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, chains, items, orders, findings, more_findings } = self;
        if self.ok() {
            writeln!(
                f,
                "The log is sound: {events} events in {chains} streams, {items} items, {orders} orders."
            )?;
            return f.write_str(PROVED);
        }
        let found = findings.len() as u64 + more_findings;
        let problems = if found == 1 { "problem" } else { "problems" };
        write!(
            f,
            "The log is NOT sound: {found} {problems} in {events} events, {chains} streams, {items} items, {orders} orders."
        )?;
        for finding in findings {
            write!(f, "\n  - {finding}")?;
        }
        if *more_findings > 0 {
            write!(f, "\n  - and {more_findings} more")?;
        }
        Ok(())
    }
}
