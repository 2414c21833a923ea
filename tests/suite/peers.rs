//! Nodes among each other: what they send, and how they find one another.

/// A node that is written by hand.
mod by_hand;
/// Who may send commands to whom.
mod handshake;
/// Commands, answers and faults as JSON: every kind arrives as it was sent.
mod letters;
/// In which order commands are passed on, and that none is lost.
mod order;
/// One real node among such that are written by hand.
mod real;
/// The roll of nodes: who is on it, and what is written by hand.
mod roll;
/// Settings of a node that meets others, and its secret.
mod settings;
/// A node is not ready before it has met the others.
mod starting;
