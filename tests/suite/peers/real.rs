//! One real node among such that are written by hand.

use std::sync::Arc;

use doorbuster::{
    clock::ManualClock,
    config::Config,
    events::{Position, Recorded},
    grpc::proto::{NodeStanding, PlaceOrderResponse},
    ownership::{Member, Owners, Route, Standing},
    store::{EventStore as _, embedded::EmbeddedStore},
    values::NodeId,
};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tonic::Status;
use uuid::Uuid;

use super::by_hand::ByHand;
use crate::{
    nodes::store::NodeStore,
    ownership::pair::{among, sale_of, seen, sees},
    support::{Node, OPENS_AT, place},
};

pub struct Real {
    pub log: Arc<EmbeddedStore>,
    pub store: Arc<NodeStore>,
    pub node: Node,
    pub id: NodeId,
    pub address: String,
    /// Of a sale that it put up while it was alone.
    pub items: Vec<String>,
    _dirs: [TempDir; 2],
}

/// Orders that are not answered yet.
pub type Crowd = JoinSet<Result<PlaceOrderResponse, Status>>;

impl Real {
    pub async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let clock = ManualClock::at(OPENS_AT);
        let log = EmbeddedStore::open(dirs[0].path(), Arc::new(clock.clone())).unwrap();
        let store = NodeStore::new(&log, true);
        let peer = among(&dirs[1], "secret");
        let all = |config: &mut Config| {
            peer(config);
            change(config);
        };
        let node = Node::start_on(store.clone(), clock, all).await;
        let own = seen(&node).await.own.unwrap();
        let id = NodeId(own.node_id.parse().unwrap());
        let items = sale_of(&node, 40, 30).await;
        Self { log, store, node, id, address: own.address, items, _dirs: dirs }
    }

    /// Meets others, until commands go to them.
    pub async fn meets(&self, others: &[&ByHand]) {
        for other in others {
            other.announce(&self.log).await;
        }
        sees(&self.node, others.len(), NodeStanding::Answers).await;
    }

    /// An item for which the nodes come in this order, and this node behind them.
    pub fn item_of(&self, owners: &[&ByHand]) -> Option<String> {
        let is_so = |item: Uuid| {
            let mut view = self.view(owners);
            owners.iter().all(|other| {
                let owns = view.route(item) == Route::Node(other.node_id);
                view.heard(other.node_id, Standing::Suspected);
                owns
            })
        };
        self.items.iter().find(|item| is_so(item.parse().unwrap())).cloned()
    }

    /// Another item of that node.
    pub fn item_beside(&self, item: &str, owner: &ByHand) -> Option<String> {
        let view = self.view(&[owner]);
        let is_so = |beside: &&String| {
            let route = view.route(beside.parse().unwrap());
            *beside != item && route == Route::Node(owner.node_id)
        };
        self.items.iter().find(is_so).cloned()
    }

    /// An item that it owns beside that node.
    pub fn own_item(&self, other: &ByHand) -> Option<String> {
        let view = self.view(&[other]);
        let is_own = |item: &&String| view.route(item.parse().unwrap()) == Route::Here;
        self.items.iter().find(is_own).cloned()
    }

    /// What it sees where all of these answer.
    fn view(&self, others: &[&ByHand]) -> Owners {
        let mut view = Owners::new(self.id, &self.address);
        view.announced(others.iter().map(|other| member(other)).collect());
        others.iter().for_each(|other| view.heard(other.node_id, Standing::Answers));
        view
    }

    /// Asks it for a unit of an item.
    pub fn ask(&self, crowd: &mut Crowd, item: &str, buyer: &str) {
        let (mut purchases, request) = (self.node.purchases(), place(item, buyer, 1));
        crowd.spawn(async move { Ok(purchases.place_order(request).await?.into_inner()) });
    }

    /// Who has bought, in the order of the log.
    pub async fn buyers(&self) -> Vec<String> {
        let all: Vec<Recorded> = self.log.read_all(Position::START, 10_000).await.unwrap();
        let placed = all.iter().filter(|event| event.kind == "OrderPlaced");
        let body = |event: &Recorded| serde_json::from_slice(&event.data).unwrap();
        let buyer = |body: serde_json::Value| body["buyer"].as_str().unwrap().to_owned();
        placed.map(|event| buyer(body(event))).collect()
    }
}

fn member(other: &ByHand) -> Member {
    let (node_id, address) = (other.node_id, other.address.clone());
    Member { node_id, address, version: "by hand".to_owned(), is_older: false }
}
