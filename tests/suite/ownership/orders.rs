//! In which order the simulated nodes were asked, and that they sent and decided it in that order.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::world::Request;

/// A node from its start to its end.
pub type Life = (usize, u32);

/// What each node was asked, and which of it may be decided at another place in the order.
#[derive(Default)]
pub struct Orders {
    asked: HashMap<Life, Vec<Request>>,
    all: HashSet<Request>,
    excused: HashSet<Request>,
    /// What each node has on its lane.
    lanes: HashMap<usize, OnLane>,
    /// Pairs that were compared.
    pub compared: usize,
}

/// Commands by their numbers: under way, and back to be sent again.
#[derive(Default)]
struct OnLane {
    under_way: HashSet<u64>,
    back: BTreeSet<u64>,
}

impl Orders {
    /// A command goes from the lane of a node to an actor.
    pub fn sent(&mut self, node: usize, number: u64) {
        let lane = self.lanes.entry(node).or_default();
        assert!(lane.under_way.insert(number), "{number} is sent while it is under way");
        lane.back.remove(&number);
        let before = lane.back.range(..number).next();
        assert_eq!(before, None, "{number} is sent before one that came back");
    }

    /// It is back, and to be sent again or not.
    pub fn came_back(&mut self, node: usize, number: u64, again: bool) {
        let lane = self.lanes.entry(node).or_default();
        lane.under_way.remove(&number);
        if again {
            lane.back.insert(number);
        } else {
            lane.back.remove(&number);
        }
    }

    /// The lane of a node ends.
    pub fn forget_lane(&mut self, node: usize) {
        self.lanes.remove(&node);
    }

    /// A client asks. One that asks again may have been answered before.
    pub fn asked(&mut self, life: Life, request: Request) {
        if !self.all.insert(request) {
            self.excuse(request);
        }
        self.asked.entry(life).or_default().push(request);
    }

    /// A copy of it may have been decided, or it lost against other nodes until it was given up.
    pub fn excuse(&mut self, request: Request) {
        self.excused.insert(request);
    }

    /// Looks whether the log has what each node was asked in the order in which it was asked.
    pub fn check(&mut self, log: &[Request]) {
        self.compared = 0;
        let places: HashMap<Request, usize> = log.iter().copied().zip(0..).collect();
        for (life, asked) in &self.asked {
            let plain = asked.iter().filter(|request| !self.excused.contains(request));
            let found: Vec<_> =
                plain.filter_map(|request| Some((places.get(request)?, request))).collect();
            for pair in found.windows(2) {
                assert!(pair[0].0 < pair[1].0, "{life:?}: {:?} was overtaken", pair[0].1);
                self.compared += 1;
            }
        }
    }
}
