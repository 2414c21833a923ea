//! The JSON of exports.

use std::borrow::Cow;

use serde::Deserialize;

use super::Act;

#[derive(Deserialize)]
pub(crate) struct OrdersExported<'a> {
    pub after: i64,
    pub upto: i64,
    pub orders: i64,
    #[serde(borrow)]
    pub sha256: Cow<'a, str>,
    pub act: Act,
    pub exported_at_ms: i64,
}
