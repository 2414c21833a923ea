//! What happens in the simulation.

use doorbuster::ownership::{Became, Dispatch};

use super::world::Request;

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    AsItIs,
    /// An owner does not compare revisions.
    Trusts,
    /// What an actor has in flight is not waited for before more goes to another node.
    NeverRests,
    /// A receiver decides what comes behind a command that it turned away.
    ForgetsTurns,
}

/// Who waits for the answer to a command at an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A client, whose node owns the item.
    Client,
    /// The lane of the same node.
    Lane(u64),
    /// The lane of another node, on a call of that number.
    Node { node: usize, call: u64, number: u64 },
}

impl Asker {
    /// Whether it asks the actor of its own node.
    pub fn is_own(self) -> bool {
        match self {
            Self::Client | Self::Lane(_) => true,
            Self::Node { .. } => false,
        }
    }
}

/// A command at an actor.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    pub request: Request,
    pub asker: Asker,
    /// How often it was decided and another node wrote first.
    pub voided: u32,
}

#[derive(Debug)]
pub enum Happening {
    Asked {
        request: Request,
        node: usize,
    },
    /// Commands arrive at a node.
    Sent {
        from: usize,
        call: u64,
        to: usize,
        dispatch: Dispatch,
        request: Request,
    },
    /// An answer arrives at a node.
    Came {
        to: usize,
        life: u32,
        call: u64,
        from: usize,
        number: u64,
        became: Became,
        sold: bool,
    },
    Append {
        node: usize,
        life: u32,
        expected: usize,
        batch: Vec<Waiting>,
    },
    Appended {
        node: usize,
        life: u32,
        batch: Vec<Waiting>,
        landed: bool,
    },
    /// A link breaks, and later it is there again.
    Breaks {
        from: usize,
        to: usize,
        for_long: u64,
    },
    Heals {
        from: usize,
        to: usize,
    },
    Restarts {
        node: usize,
    },
    /// A node goes on after it was frozen.
    Thaws {
        node: usize,
    },
    /// Time to send again what came back.
    Turns {
        node: usize,
        life: u32,
    },
}
