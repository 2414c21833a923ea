//! Who may do what, before it reaches a mailbox. State that is read, never a queue: whoever asks is
//! answered at once.

mod operators;

pub use operators::{BadOperators, Operators, read_token};
