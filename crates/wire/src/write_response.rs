//! What the responses to all writes have in common.

/// The response to a write that is decided: its subject or a refusal. `generated/writes.rs`
/// implements it for every response with a oneof `outcome` of those two, a revision and a position.
pub trait WriteResponse {
    type Subject;
    type Refusal;

    fn new(outcome: Result<Self::Subject, Self::Refusal>, revision: u64, position: u64) -> Self;

    /// The outcome, which another server may have left out, the revision and the position.
    fn into_parts(self) -> (Option<Result<Self::Subject, Self::Refusal>>, u64, u64);
}
