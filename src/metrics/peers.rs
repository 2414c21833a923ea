//! Metrics of a node among others: what it sees of each, by address, and what it owns.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError, atomic::Ordering},
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{reading::Reading, register::gauge};
use crate::{ownership::Standing, values::number_of};

/// The address of a peer. There are as many as nodes are announced, and those that are gone are not shown.
type OfPeer = [(&'static str, String); 1];

/// The address of a peer, and a standing.
type OfStanding = [(&'static str, String); 2];

/// Read off, like the rest of a [`Reading`].
pub(super) struct PeerFigures {
    items_owned: Gauge,
    owner_changes: Gauge,
    standing: Family<OfStanding, Gauge>,
    forwarded: Family<OfPeer, Counter>,
    received: Family<OfPeer, Counter>,
    suspected: Family<OfPeer, Counter>,
    /// The peers that are shown. Held while they are set.
    shown: Mutex<BTreeSet<String>>,
}

impl PeerFigures {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let items_owned = gauge(
            registry,
            "doorbuster_items_owned",
            "Items with their state in memory whose owner is this node",
        );
        let owner_changes = gauge(
            registry,
            "doorbuster_item_owner_changes",
            "How often the owner changed within the last minute, of the item in memory where it did most",
        );
        let standing = Family::default();
        registry.register(
            "doorbuster_peer_standing",
            "1 for what this node thinks of another one, else 0",
            standing.clone(),
        );
        let mut counters = |name: &str, about: &str| {
            let family = Family::<OfPeer, Counter>::default();
            registry.register(name, about, family.clone());
            family
        };
        Self {
            items_owned,
            owner_changes,
            standing,
            forwarded: counters(
                "doorbuster_peer_forwarded",
                "Deliveries of commands that were sent to another node",
            ),
            received: counters(
                "doorbuster_peer_received",
                "Deliveries of commands that came from another node",
            ),
            suspected: counters(
                "doorbuster_peer_suspected",
                "How often another node was suspected after it had answered",
            ),
            shown: Mutex::default(),
        }
    }

    pub(super) fn set(&self, reading: &Reading) {
        self.items_owned.set(number_of(reading.items_owned));
        self.owner_changes.set(number_of(reading.owner_changes_max));
        let others = reading.nodes.iter().flat_map(|nodes| &nodes.others);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = std::mem::take(&mut *shown);
        for other in others {
            let peer = || other.member.address.clone();
            for standing in Standing::ALL {
                let labels = [("peer", peer()), ("standing", standing.name().to_owned())];
                let is_this = other.standing == *standing;
                self.standing.get_or_create_owned(&labels).set(is_this.into());
            }
            for (family, count) in [
                (&self.forwarded, other.forwarded),
                (&self.received, other.received),
                (&self.suspected, other.suspected),
            ] {
                // Counted by the network itself, from when it knew the node.
                let counter = family.get_or_create_owned(&[("peer", peer())]);
                counter.inner().store(count, Ordering::Relaxed);
            }
            shown.insert(peer());
        }
        for peer in gone.difference(&shown) {
            for standing in Standing::ALL {
                let standing = ("standing", standing.name().to_owned());
                self.standing.remove(&[("peer", peer.clone()), standing]);
            }
            for family in [&self.forwarded, &self.received, &self.suspected] {
                family.remove(&[("peer", peer.clone())]);
            }
        }
    }
}
