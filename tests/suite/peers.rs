//! Nodes among each other: what they send, and how they find one another.

/// Commands, answers and faults as JSON: every kind arrives as it was sent.
mod letters;
/// The roll of nodes: who is on it, and what is written by hand.
mod roll;
/// Settings of a node that meets others, and its secret.
mod settings;
