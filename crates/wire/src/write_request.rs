//! What the requests of operators have in common.

use std::mem::take;

/// The fields that every write of an operator has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteFields<T> {
    pub request_id: T,
    /// The id of the item or sale that it is about.
    pub subject_id: T,
    pub operator: T,
    pub reason: T,
}

/// The request of an operator about one item or one sale. `generated/writes.rs` implements it for every
/// request with an id, the id of an item or a sale, an operator and a reason.
pub trait WriteRequest: Sized {
    fn write_fields(&mut self) -> WriteFields<&mut String>;

    /// The request with these fields in place of its own.
    #[must_use]
    fn with(mut self, fields: WriteFields<String>) -> Self {
        let WriteFields { request_id, subject_id, operator, reason } = self.write_fields();
        *request_id = fields.request_id;
        *subject_id = fields.subject_id;
        *operator = fields.operator;
        *reason = fields.reason;
        self
    }

    /// Its fields, which are empty afterwards.
    fn take_fields(&mut self) -> WriteFields<String> {
        let WriteFields { request_id, subject_id, operator, reason } = self.write_fields();
        WriteFields {
            request_id: take(request_id),
            subject_id: take(subject_id),
            operator: take(operator),
            reason: take(reason),
        }
    }
}
