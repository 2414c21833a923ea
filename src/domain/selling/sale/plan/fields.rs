//! The fields of a draft, collected for its fingerprint.

use crate::values::Fingerprint;

/// The fields, in their order.
#[derive(Default)]
pub(super) struct Fields(Vec<Vec<u8>>);

impl Fields {
    pub(super) fn text(&mut self, text: &str) {
        self.0.push(text.as_bytes().to_vec());
    }

    pub(super) fn number(&mut self, number: Option<i64>) {
        self.0.push(number.map_or_else(Vec::new, |number| number.to_be_bytes().to_vec()));
    }

    pub(super) fn length(&mut self, length: usize) {
        self.0.push((length as u64).to_be_bytes().to_vec());
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.0.iter().map(Vec::as_slice))
    }
}
