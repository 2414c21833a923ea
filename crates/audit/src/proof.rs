//! The result of the verifier: what it proved, or the problems and their places.

use std::fmt;

use serde::Serialize;

/// Problems that are listed; further ones are only counted.
pub const FINDINGS_MAX: usize = 100;

/// The verdict on one log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Proof {
    /// Events read.
    pub events: u64,
    pub streams: u64,
    /// Whether the store keeps hash chains. Where it does not, a change of what it holds does not
    /// show as long as the changed events make sense.
    pub chained: bool,
    /// Hash chains recomputed, one a stream; 0 where the store keeps none.
    pub chains: u64,
    pub items: u64,
    /// Streams that are none of ours, in a log that others may write to, too.
    pub foreign_streams: u64,
    /// Events in them: their places and chains are checked, what they mean is not judged.
    pub foreign_events: u64,
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

const CHAINED: &str = "  - events stand without a gap, in the whole log and in each stream, and the hash chain of each
    stream is whole from its first event to its recorded head: nothing inside it was changed;";

const NOT_CHAINED: &str =
    "  - events stand in one order, and in each stream without a gap from its first event on;";

const PROVED: &str =
    "  - every event is of a known kind, complete, and has the id that its command gives it;
  - no unit was sold twice: after each event, in each warehouse of each item, units held plus
    units sold never exceed units allocated;
  - no order and no request counts twice; every hold ended at most once, as paid before its
    deadline, cancelled before it, or expired after it;
  - every order kept to the window, pauses, limits and price in force; every payment is exact;
  - only orders that expired came back for a late payment, and only units of paid orders went
    back, for their exact share of the total; no money that was due was settled twice;
  - the counts of demand agree with the attempts packed beside them.";

const CHAINED_UNPROVED: &str = "\
Not proved, because one file cannot show it:
  - that no process with write access rewrote the whole file consistently, or cut off the newest
    events together with their recorded heads: compare heads with a copy kept elsewhere;
  - how events of different streams stood to one another: a chain covers one stream;";

const NOT_CHAINED_UNPROVED: &str = "\
Not proved, because this store keeps no hash chain:
  - that nothing was tampered with or cut off: the proof covers the order, the form and the
    meaning of all events that the store shows, not that they are the ones it was given. A
    copy in a data directory has chains from the moment it was made: doorbuster copy;";

const UNPROVED: &str =
    "  - that refused attempts are complete: the seconds before a crash may be missing;
  - that amounts recorded as paid arrived at the payment provider.";

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, streams, items, orders, foreign_streams, foreign_events, .. } = self;
        if self.ok() {
            let (places, unproved) = if self.chained {
                (CHAINED, CHAINED_UNPROVED)
            } else {
                (NOT_CHAINED, NOT_CHAINED_UNPROVED)
            };
            return write!(
                f,
                "The log is sound: {events} events in {streams} streams, {items} items, {orders} orders.\n\
                 {}Proved, for every event from the first to the last:\n{places}\n{PROVED}\n\
                 {unproved}\n{UNPROVED}",
                Foreign { streams: *foreign_streams, events: *foreign_events },
            );
        }
        let Self { findings, more_findings, .. } = self;
        let found = findings.len() as u64 + more_findings;
        let problems = if found == 1 { "problem" } else { "problems" };
        write!(
            f,
            "The log is NOT sound: {found} {problems} in {events} events, {streams} streams, {items} items, {orders} orders."
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

/// What is said of streams that are none of ours, if there are any.
struct Foreign {
    streams: u64,
    events: u64,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { streams, events } = self;
        if *streams == 0 {
            return Ok(());
        }
        writeln!(
            f,
            "Of these, {events} events in {streams} streams are not of doorbuster: they stand where \
             they were written\nand as they were written; what they mean is not judged."
        )
    }
}
