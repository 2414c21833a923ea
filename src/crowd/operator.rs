//! Whoever puts a crowd's sale up and steers it: a name for the record, and a token where the server
//! asks for one.

use tonic::{
    IntoRequest, Request,
    metadata::{Ascii, MetadataValue, errors::InvalidMetadataValue},
};

/// An operator of a sale.
#[derive(Debug, Clone)]
pub struct Operator {
    pub name: String,
    bearer: Option<MetadataValue<Ascii>>,
}

impl Operator {
    /// One who shows no token.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), bearer: None }
    }

    /// The same one with a token.
    ///
    /// # Errors
    /// When the token holds what a call cannot carry.
    pub fn with_token(self, token: &str) -> Result<Self, InvalidMetadataValue> {
        let mut bearer = MetadataValue::try_from(format!("Bearer {token}"))?;
        // Not to be shown by whatever prints headers.
        bearer.set_sensitive(true);
        Ok(Self { bearer: Some(bearer), ..self })
    }

    /// The call as it is sent by this operator.
    pub fn sends<T>(&self, message: impl IntoRequest<T>) -> Request<T> {
        let mut request = message.into_request();
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        request
    }
}
