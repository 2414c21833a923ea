//! What can be done to the nodes of a running server, as a person at a terminal says it.
//!
//! A node that leads and is killed, frozen or told to resign leaves a gap without a leader, as long as an
//! election is set to take. Then the next node that answers leads, if a majority does.

use std::time::Duration;

use super::{cluster::Role, server::Devstore};

/// Something that happens to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It ends at once, for good.
    Kill(usize),
    /// It keeps its connections and says nothing.
    Freeze(usize),
    /// It goes on.
    Thaw(usize),
    /// The node that leads gives that up.
    Resign,
}

/// What is said to someone who wrote something else.
const ACTS: &str = "kill N, freeze N, thaw N or resign, with a node's number or leader for N";

impl Act {
    /// Reads a line, for a server with so many nodes of which that one leads. Nodes are counted from 1.
    ///
    /// # Errors
    /// A sentence that says what was wrong.
    pub fn parse(line: &str, nodes: usize, leader: Option<usize>) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let node = |text: &str| match text {
            "leader" => leader.ok_or_else(|| "no node leads".to_owned()),
            text => match text.parse::<usize>() {
                Ok(number) if (1..=nodes).contains(&number) => Ok(number - 1),
                Ok(_) | Err(_) => Err(format!("node {text:?} is not one of 1 to {nodes}")),
            },
        };
        match words[..] {
            ["kill", name] => node(name).map(Self::Kill),
            ["freeze", name] => node(name).map(Self::Freeze),
            ["thaw", name] => node(name).map(Self::Thaw),
            ["resign"] => leader.map(|_| Self::Resign).ok_or_else(|| "no node leads".to_owned()),
            _ => Err(format!("{line:?} is not an act: {ACTS}")),
        }
    }
}

impl Devstore {
    /// Does it, and waits for the election that follows. Gives the node that leads then, if one does.
    pub fn act(&self, act: Act, election: Duration) -> Option<usize> {
        let before = self.leader();
        match act {
            Act::Kill(node) => self.kill_node(node),
            Act::Freeze(node) => self.freeze_node(node, true),
            Act::Thaw(node) => self.freeze_node(node, false),
            Act::Resign => {}
        }
        let nodes = self.members().len();
        let able: Vec<usize> = (0..nodes).filter(|node| self.answers(*node)).collect();
        let is_majority = able.len() > nodes / 2;
        let stays = before.filter(|leader| is_majority && able.contains(leader));
        if stays.is_some() && act != Act::Resign {
            return stays;
        }
        self.elect(None);
        std::thread::sleep(election);
        // The one that was the leader is the last that would be again.
        let after = before.map_or(0, |leader| leader + 1);
        let next = able.into_iter().min_by_key(|node| (node + nodes - after) % nodes);
        let elected = next.filter(|_| is_majority);
        self.elect(elected);
        elected
    }

    /// The node that leads, if one does.
    pub fn leader(&self) -> Option<usize> {
        self.members().iter().position(|member| member.role == Role::Leader)
    }

    fn answers(&self, node: usize) -> bool {
        self.members()[node].alive && !self.is_frozen(node)
    }
}
