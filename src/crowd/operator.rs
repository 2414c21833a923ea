//! The operator of a client: a name for the record, and a token if the server requires one.
//!
//! It is here because the crowd creates its own sales; the verbs of the command line, which are
//! above it, steer as the same operator.

use tonic::{
    IntoRequest, Request,
    metadata::{Ascii, MetadataValue, errors::InvalidMetadataValue},
};

/// The token of a call, if there is one.
#[derive(Debug, Clone, Default)]
pub struct Token(Option<MetadataValue<Ascii>>);

impl Token {
    /// A token as calls carry it.
    ///
    /// # Errors
    /// When it holds what a call cannot carry.
    pub fn bearer(token: &str) -> Result<Self, InvalidMetadataValue> {
        let mut bearer = MetadataValue::try_from(format!("Bearer {token}"))?;
        // Not to be shown by whatever prints headers.
        bearer.set_sensitive(true);
        Ok(Self(Some(bearer)))
    }

    /// The request with the token in its metadata.
    pub fn on<T>(&self, request: impl IntoRequest<T>) -> Request<T> {
        let mut request = request.into_request();
        if let Some(bearer) = &self.0 {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        request
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

    /// The call as it is sent by this operator.
    pub fn sends<T>(&self, message: impl IntoRequest<T>) -> Request<T> {
        self.token.on(message)
    }
}
