//! The other nodes as this one reaches them: a call to each that is announced, and what is known of it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{join_all, ready};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    time::sleep,
};

use super::{
    handshake::Identity,
    link::{Around, Link},
};
use crate::{
    actors::{
        NotReady, OtherNodes, Parcel, Passed, PassedFuture, Readiness, SeesNodes, State,
        TakesParcels, WarmFuture,
    },
    admission::PeerSecret,
    events::StreamName,
    ownership::{Member, OwnNode, Owners, Route, SeenNode, SeenNodes, Standing, Views},
    values::{NodeId, UnixMs, millis},
};

/// How often a node that starts looks whether it has met the others.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The other nodes of the service, as this one reaches them.
pub struct PeerNetwork {
    own: Identity,
    address: String,
    readiness: Readiness,
    runtime: Handle,
    owners: RwLock<Owners>,
    links: RwLock<HashMap<NodeId, Arc<Link>>>,
    changes: watch::Sender<u64>,
    /// Those that called this one, and of which it has read what is owned here once they know that it is
    /// there.
    met: Mutex<HashSet<NodeId>>,
    /// What is decided on this node; its directories hold this network.
    aggregates: OnceLock<Weak<dyn TakesParcels>>,
    /// Those that proved who they are when they called this one, and how many deliveries each sent.
    callers: Mutex<HashMap<NodeId, Arc<AtomicU64>>>,
    /// For operators.
    views: Mutex<Views>,
    began: Instant,
    /// One called that was not announced when the roll was last read.
    unknown_caller: Arc<Notify>,
    was_told: AtomicBool,
}

impl PeerNetwork {
    /// A node that knows of no other yet.
    pub fn new(
        own: NodeId,
        address: &str,
        secret: PeerSecret,
        readiness: Readiness,
        runtime: Handle,
    ) -> Arc<Self> {
        Arc::new(Self {
            own: Identity { node_id: own, secret },
            address: address.to_owned(),
            readiness,
            runtime,
            owners: RwLock::new(Owners::new(own, address)),
            links: RwLock::default(),
            changes: watch::channel(0).0,
            met: Mutex::default(),
            aggregates: OnceLock::new(),
            callers: Mutex::default(),
            views: Mutex::default(),
            began: Instant::now(),
            unknown_caller: Arc::default(),
            was_told: AtomicBool::new(false),
        })
    }

    /// Calls these nodes, and none that is not among them.
    pub fn announced(self: &Arc<Self>, members: Vec<Member>) {
        let called: Vec<&Member> =
            members.iter().filter(|m| m.node_id != self.own.node_id && !m.is_older).collect();
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        links.retain(|node, link| {
            let stays = called.iter().any(|m| m.node_id == *node && m.address == link.address());
            if !stays {
                link.end();
            }
            stays
        });
        for member in called {
            let begin = || {
                let link = Arc::new(Link::new(member.node_id, member.address.clone()));
                let around: Weak<dyn Around> = Arc::<Self>::downgrade(self);
                self.runtime.spawn(Arc::clone(&link).run(around));
                link
            };
            links.entry(member.node_id).or_insert_with(begin);
        }
        drop(links);
        self.change(|owners| owners.announced(members));
        self.was_told.store(true, Ordering::Relaxed);
    }

    /// Told when a node calls that is not announced yet, as far as this one has read.
    pub fn unknown_callers(&self) -> Arc<Notify> {
        Arc::clone(&self.unknown_caller)
    }

    /// A node proved who it is. Its deliveries are to be counted there.
    pub(super) fn called_by(&self, node: NodeId) -> Arc<AtomicU64> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let received = Arc::clone(callers.entry(node).or_default());
        drop(callers);
        // It is there: one that was frozen is not to be left alone for the rest of a pause.
        if let Some(link) = self.links.read().unwrap_or_else(PoisonError::into_inner).get(&node) {
            link.call_again();
        }
        if !self.owners().others().any(|(member, _)| member.node_id == node) {
            self.unknown_caller.notify_one();
        }
        received
    }

    /// What that node owns only until this one was there is read.
    pub(super) fn was_warmed_by(&self, node: NodeId) {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(node);
    }

    /// The aggregates that this network passes commands on for.
    pub fn passes_on_for(&self, aggregates: &Arc<dyn TakesParcels>) {
        // An error means that it knows them.
        let _ = self.aggregates.set(Arc::downgrade(aggregates));
    }

    fn in_use(&self) -> Vec<StreamName> {
        let aggregates = self.aggregates.get().and_then(Weak::upgrade);
        aggregates.map(|aggregates| aggregates.in_use()).unwrap_or_default()
    }

    /// Has the nodes that would go on here read what this one owns, except what `told` has; done when
    /// all have, or cannot.
    pub async fn warm_heirs(&self, told: &mut HashMap<StreamName, NodeId>) {
        let mut heirs = HashMap::<NodeId, Vec<StreamName>>::new();
        for stream in self.in_use() {
            if let Some(heir) = self.owners().heir(stream.id)
                && told.get(&stream) != Some(&heir)
            {
                heirs.entry(heir).or_default().push(stream);
            }
        }
        join_all(self.ask_to_read(heirs, told)).await;
    }

    fn ask_to_read(
        &self,
        heirs: HashMap<NodeId, Vec<StreamName>>,
        told: &mut HashMap<StreamName, NodeId>,
    ) -> Vec<WarmFuture> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        let mut asked = Vec::new();
        for (heir, streams) in heirs {
            if let Some(read) = links.get(&heir).and_then(|link| link.warm(&streams)) {
                asked.push(read);
                told.extend(streams.into_iter().map(|stream| (stream, heir)));
            }
        }
        asked
    }

    /// Waits until each other node was called once, and those that answer have called this one.
    pub async fn has_met_others(&self) {
        while !self.knows_others() {
            sleep(LOOK_EVERY).await;
        }
    }

    fn knows_others(&self) -> bool {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        self.was_told.load(Ordering::Relaxed)
            && links.values().all(|link| link.was_tried())
            && self.owners().others().all(|(member, standing)| {
                standing != Standing::Answers || met.contains(&member.node_id)
            })
    }

    /// This node is being stopped: it owns nothing any more, and says so to the others.
    pub fn leave(&self) {
        self.change(Owners::leave);
    }

    /// Whether it is being stopped.
    pub fn is_leaving(&self) -> bool {
        self.owners().leaves()
    }

    /// From here on changes of owners are counted: this node has met the others, or need not wait.
    pub fn serves(&self) {
        self.views.lock().unwrap_or_else(PoisonError::into_inner).forget_earlier();
    }

    /// How the others reach it.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn change(&self, change: impl FnOnce(&mut Owners)) {
        let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut owners);
        let version = owners.version();
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        views.saw(Instant::now(), &owners);
        drop((views, owners));
        self.changes.send_if_modified(|told| std::mem::replace(told, version) != version);
    }

    fn owners(&self) -> RwLockReadGuard<'_, Owners> {
        self.owners.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Around for PeerNetwork {
    fn own(&self) -> &Identity {
        &self.own
    }

    fn heard(&self, node: NodeId, standing: Standing) {
        self.change(|owners| owners.heard(node, standing));
    }

    fn waits_for(&self, node: NodeId) -> Vec<StreamName> {
        let mut streams = self.in_use();
        let owners = self.owners();
        streams.retain(|stream| owners.waits_for(node, stream.id));
        streams
    }

    fn may_suspect(&self) -> bool {
        match self.readiness.state() {
            State::Ready | State::NotReady(NotReady::Draining | NotReady::MeetsOthers) => true,
            State::NotReady(_) => false,
        }
    }
}

impl SeesNodes for PeerNetwork {
    fn seen(&self, now: UnixMs) -> SeenNodes {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        let callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let owners = self.owners();
        let views = self.views();
        let ago = |since: Instant| now.plus(-millis(since.elapsed()));
        let own = OwnNode {
            node_id: self.own.node_id,
            address: self.address.clone(),
            started_at: ago(self.began),
            leaves: owners.leaves(),
            items: 0,
        };
        let others = owners.others().map(|(member, standing)| {
            let link = links.get(&member.node_id);
            let (forwarded, suspected) = link.map_or((0, 0), |link| link.counts());
            let received = callers.get(&member.node_id);
            SeenNode {
                member: member.clone(),
                standing,
                since: views.since(member.node_id).map_or(now, ago),
                why: link.and_then(|link| link.why()),
                items: 0,
                forwarded,
                received: received.map_or(0, |received| received.load(Ordering::Relaxed)),
                suspected,
            }
        });
        let mut others: Vec<SeenNode> = others.collect();
        others.sort_by(|one, other| one.member.address.cmp(&other.member.address));
        SeenNodes { own, others }
    }

    fn views(&self) -> Views {
        self.views.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl OtherNodes for PeerNetwork {
    fn node_id(&self) -> NodeId {
        self.own.node_id
    }

    fn route(&self, stream: StreamName) -> Route {
        self.owners().route(stream.id)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn pass(&self, to: NodeId, parcel: Parcel) -> PassedFuture {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        match links.get(&to) {
            Some(link) => link.pass(parcel),
            None => Box::pin(ready(Passed::NotSent)),
        }
    }
}
