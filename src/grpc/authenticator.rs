//! Who calls: the token of a call, before anything of its message is read. The token itself is not
//! passed on.
//!
//! A call is judged once, by the node that it comes to. What that node passes on to another goes over
//! their own port, which takes nobody but nodes.

use std::sync::Arc;

use tonic::{
    codegen::http::{HeaderMap, Uri, header},
    metadata::MetadataMap,
};

use super::{bodies::End, status::CallError};
use crate::{
    admission::{Pseudonyms, Role, Roles, TokenRecord, TokenRefused, Tokens, is_in_url},
    clock::SharedClock,
    metrics::{Metrics, TokenFault},
};

/// The recorded operator of a call with a token and without a name, on a server without tokens.
const UNKNOWN: &str = "unknown";

/// Asked before anything is read of a call.
#[derive(Clone)]
pub(super) struct Authenticator {
    tokens: Arc<Tokens>,
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

/// Names of buyers in the answer are replaced by these. It goes with the calls of analysts.
#[derive(Clone)]
pub(super) struct Hidden(Arc<Pseudonyms>);

impl Hidden {
    /// What the caller of a request may not see.
    pub(super) fn from(extensions: &tonic::Extensions) -> Option<Self> {
        extensions.get::<Self>().cloned()
    }

    /// The pseudonym of a buyer.
    pub(super) fn name(&self, buyer: &str) -> String {
        self.0.of(buyer)
    }
}

impl Authenticator {
    pub(super) fn new(tokens: Arc<Tokens>, clock: SharedClock, metrics: Arc<Metrics>) -> Self {
        Self { tokens, clock, metrics }
    }

    /// Lets a call in whose token has one of these roles; where the server has no tokens, every call.
    ///
    /// # Errors
    /// What is wrong with the token.
    pub(super) fn admit(
        &self,
        called: &Uri,
        headers: &HeaderMap,
        roles: Roles,
    ) -> Result<Option<Arc<TokenRecord>>, CallError> {
        let authorization = headers.get(header::AUTHORIZATION);
        let found = match called.query() {
            Some(query) if is_in_url(Some(query)) && !self.tokens.is_open() => {
                Err(TokenRefused::InUrl)
            }
            _ => self.tokens.check(authorization.map(|value| value.as_bytes()), self.clock.now()),
        };
        match found {
            Ok(Some(token)) if !roles.has(token.role) => {
                self.count(TokenFault::Role);
                Err(CallError::role_forbidden(token.role, roles))
            }
            Ok(token) => Ok(token),
            Err(why) => {
                self.count(why.into());
                Err(CallError::token_refused(why, roles))
            }
        }
    }

    /// Wrong tokens are logged at a bounded rate, so that guessing does not fill the disk.
    fn count(&self, why: TokenFault) {
        self.metrics.token_refused(why);
        if let Some(count) = self.tokens.refused(self.clock.now()) {
            tracing::warn!(count, ?why, "calls were refused because of their tokens");
        }
    }

    /// What the holder of a token may not see.
    pub(super) fn hides(&self, token: &TokenRecord) -> Option<Hidden> {
        let hides = token.role == Role::Analyst;
        hides.then(|| self.tokens.pseudonyms()).flatten().map(Hidden)
    }

    /// Ends what goes on under a token, when the token does.
    pub(super) fn end_of(&self, token: &TokenRecord) -> End {
        let clock = Arc::clone(&self.clock);
        let end = self.tokens.end_of(token, move || clock.now());
        Box::pin(async move { CallError::token_refused(end.await, Roles::ANY) })
    }

    /// The recorded operator: the owner of the call's token. If no tokens are required, the one
    /// named in the request.
    pub(super) fn operator(
        &self,
        metadata: &MetadataMap,
        named: String,
    ) -> Result<String, CallError> {
        let authorization = metadata.get("authorization");
        let bytes = authorization.map(|value| value.as_encoded_bytes());
        let token = self.tokens.check(bytes, self.clock.now());
        match token.map_err(|why| CallError::token_refused(why, Roles::STEERING))? {
            // A call with a token needs no name, and without tokens its owner is unknown.
            None if named.is_empty() && authorization.is_some() => Ok(UNKNOWN.to_owned()),
            None => Ok(named),
            Some(token) if named.is_empty() || named == token.name => Ok(token.name.clone()),
            Some(token) => Err(CallError::operator_mismatch(&token.name)),
        }
    }
}
