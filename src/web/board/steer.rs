//! Steering from the board: JSON in, what came of it out.

use std::sync::Arc;

use axum::Router;

use super::Board;

/// What changes something.
pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new()
}
