//! The nodes as one of them sees them, for operators, and how its view changed within the last minute.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{Member, Owners, Route, Standing};
use crate::values::{NodeId, UnixMs};

/// How far back changes of owners are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Views that are kept, whatever happens: five a second for almost a minute.
const VIEWS_MAX: usize = 256;

/// The node that looks, and the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenNodes {
    pub own: OwnNode,
    /// By address.
    pub others: Vec<SeenNode>,
}

/// The node that looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNode {
    pub node_id: NodeId,
    /// How the others reach it.
    pub address: String,
    pub started_at: UnixMs,
    /// It is being stopped and owns nothing any more.
    pub leaves: bool,
    /// Items of the sales that are followed, of which it is the owner.
    pub items: u64,
}

/// Another node, as this one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenNode {
    pub member: Member,
    pub standing: Standing,
    /// When that standing began.
    pub since: UnixMs,
    /// Why it is suspected, as far as this node knows.
    pub why: Option<String>,
    /// Items of the sales that are followed, of which it is the owner.
    pub items: u64,
    /// Deliveries of commands that were sent to it, and that came from it.
    pub forwarded: u64,
    pub received: u64,
    /// How often it was suspected after it had answered.
    pub suspected: u64,
}

impl SeenNodes {
    /// Others that do not answer, though they did not say that they leave. One that was not called yet, or
    /// reads what it is to own, is not among them.
    pub fn suspected(&self) -> usize {
        let is_missed =
            |other: &&SeenNode| other.standing == Standing::Suspected && other.why.is_some();
        self.others.iter().filter(is_missed).count()
    }

    /// Deliveries of commands that were sent to the others.
    pub fn forwarded(&self) -> u64 {
        self.others.iter().map(|other| other.forwarded).sum()
    }

    /// Counts an item of a sale that is followed at the node that owns it.
    pub fn count_item(&mut self, route: Route) {
        match route {
            Route::Here => self.own.items += 1,
            Route::Node(node) => {
                let owner = self.others.iter_mut().find(|other| other.member.node_id == node);
                owner.into_iter().for_each(|owner| owner.items += 1);
            }
        }
    }
}

/// What a node saw of all nodes, now and within the last minute.
///
/// An owner changes when the view of this node says so: what another node sees may differ for a moment,
/// and a conflict in the log tells nothing of owners. So each node counts for itself, exactly, and
/// without keeping anything for an item: the views are few, and the owner of an item follows from each.
#[derive(Debug, Clone, Default)]
pub struct Views {
    /// Each with its beginning; the last is the one of now.
    seen: VecDeque<(Instant, Owners)>,
    standings: HashMap<NodeId, (Standing, Instant)>,
}

impl Views {
    /// The view is this now.
    pub fn saw(&mut self, now: Instant, owners: &Owners) {
        self.standings.retain(|node, _| owners.others().any(|(member, _)| member.node_id == *node));
        for (member, standing) in owners.others() {
            let known = self.standings.entry(member.node_id).or_insert((standing, now));
            if known.0 != standing {
                *known = (standing, now);
            }
        }
        if self.seen.back().is_some_and(|(_, last)| last.version() == owners.version()) {
            return;
        }
        // The one before the window is where the first change in it comes from.
        while self.seen.get(1).is_some_and(|(begun, _)| now.duration_since(*begun) > WINDOW)
            || self.seen.len() >= VIEWS_MAX
        {
            self.seen.pop_front();
        }
        self.seen.push_back((now, owners.clone()));
    }

    /// Only the view of now counts: before, this node was meeting the others.
    pub fn forget_earlier(&mut self) {
        let last = self.seen.pop_back();
        self.seen.clear();
        self.seen.extend(last);
    }

    /// When the standing of a node began.
    pub fn since(&self, node: NodeId) -> Option<Instant> {
        self.standings.get(&node).map(|(_, since)| *since)
    }

    /// The owner of an aggregate, where there is a view.
    pub fn owner(&self, id: Uuid) -> Route {
        self.seen.back().map_or(Route::Here, |(_, owners)| owners.route(id))
    }

    /// How often the owner of an aggregate changed within the last minute.
    pub fn changes(&self, id: Uuid, now: Instant) -> usize {
        let routes = self.seen.iter().map(|(begun, owners)| (*begun, owners.route(id)));
        let pairs = routes.clone().zip(routes.skip(1));
        let changed = pairs.filter(|((_, before), (at, after))| {
            before != after && now.duration_since(*at) <= WINDOW
        });
        changed.count()
    }
}
