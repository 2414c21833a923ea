//! The operator of a client: a name for the record, and the token of its calls.
//!
//! It is here because the crowd creates its own sales; the verbs of the command line, which are
//! above it, steer as the same operator.

use tonic::codegen::http::{HeaderMap, HeaderValue, header, header::InvalidHeaderValue};

/// The token of a client, if it has one.
#[derive(Debug, Clone, Default)]
pub struct Token(Option<HeaderValue>);

impl Token {
    /// A token as calls carry it.
    ///
    /// # Errors
    /// When it holds what a call cannot carry.
    pub fn bearer(token: &str) -> Result<Self, InvalidHeaderValue> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
        // Not to be shown by whatever prints headers.
        bearer.set_sensitive(true);
        Ok(Self(Some(bearer)))
    }

    /// Puts it where a server looks for it, unless the call has one of its own.
    pub(super) fn put_on(&self, headers: &mut HeaderMap) {
        if let Some(bearer) = &self.0 {
            headers.entry(header::AUTHORIZATION).or_insert_with(|| bearer.clone());
        }
    }
}

/// An operator of a sale.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Empty where the token says it.
    pub name: String,
    pub token: Token,
}

impl Operator {
    /// An operator without a token.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), token: Token::default() }
    }
}
