//! The pages of the board and the fragments they ask for.

use std::sync::Arc;

use axum::Router;

use super::Board;

/// What is answered with HTML.
pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new()
}
