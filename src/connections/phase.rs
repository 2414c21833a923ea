//! What a server is doing: it serves, it leaves, or it is over.

/// What a server that takes calls is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Serving,
    /// No new calls; those under way are answered.
    Leaving,
    /// What is still under way is dropped.
    Over,
}
