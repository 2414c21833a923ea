//! Observation: the pulses that are taken once a second, and the board that shows them.

use std::sync::Arc;

use tokio::net::TcpListener;

use crate::{
    actors::{NodeParts, PulseDesk, PulseThread},
    clock::SharedClock,
    connections::Security,
    reports::Reports,
    web::board::{BoardParts, BoardServer},
};

/// The threads of pulses and board.
pub(super) struct LookingOn {
    pulses: PulseThread,
    board: Option<BoardServer>,
}

/// Takes pulses from the read models.
pub(super) fn take_pulses(
    reports: &Reports,
    clock: &SharedClock,
    node: NodeParts,
) -> std::io::Result<(Arc<PulseDesk>, PulseThread)> {
    let desk = PulseDesk::new(reports.clone(), Arc::clone(clock));
    let pulses = desk.start(node)?;
    Ok((desk, pulses))
}

impl LookingOn {
    /// Serves the board, if it is to be served.
    pub(super) fn start(
        pulses: PulseThread,
        listener: Option<(TcpListener, Security)>,
        parts: BoardParts,
    ) -> std::io::Result<Self> {
        let board = listener.map(|listener| BoardServer::start(listener, parts)).transpose()?;
        Ok(Self { pulses, board })
    }

    /// Ends both. Blocks until they have.
    pub(super) fn stop(self) {
        if let Some(board) = self.board {
            board.stop();
        }
        self.pulses.stop();
    }
}
