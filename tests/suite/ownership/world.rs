//! Three nodes, an item and a network, in which everything that happens has a moment drawn from a seed.
//!
//! The views of owners and the lanes are the real ones; the log, the item and the network are models of
//! a few lines.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use doorbuster::ownership::{Became, Dispatch, Lane, Route, Standing};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    happening::{Asker, Build, Happening, Waiting},
    node::{NODES, Node, id, index, item},
    orders::Orders,
};

pub const STOCK: usize = 40;
pub const COMMANDS: u64 = 60;
const FAULTS_END: u64 = 3_000;

/// How often an actor decides anew what another node was before.
const VOIDED_MAX: u32 = 2;

pub type Request = u64;

pub struct World {
    rng: StdRng,
    now: u64,
    order: u64,
    happenings: BinaryHeap<Reverse<(u64, u64)>>,
    what: HashMap<u64, Happening>,
    nodes: Vec<Node>,
    pub log: Vec<Request>,
    pub answered: HashMap<Request, bool>,
    next_call: u64,
    turns: u64,
    build: Build,
    pub orders: Orders,
    pub conflicts: usize,
    pub aborted: usize,
}

impl World {
    pub fn new(seed: u64, build: Build) -> Self {
        let mut world = Self {
            rng: StdRng::seed_from_u64(seed),
            now: 0,
            order: 0,
            happenings: BinaryHeap::new(),
            what: HashMap::new(),
            nodes: (0..NODES).map(|node| Node::new(node, 0, 0)).collect(),
            log: Vec::new(),
            answered: HashMap::new(),
            next_call: 0,
            turns: 0,
            build,
            orders: Orders::default(),
            conflicts: 0,
            aborted: 0,
        };
        for from in 0..NODES {
            for to in (0..NODES).filter(|to| *to != from) {
                world.at(1, 20, Happening::Heals { from, to });
            }
        }
        // Some alone, some close behind the one before it at the same node.
        let (mut node, mut at) = (0, 0);
        for request in 0..COMMANDS {
            if world.rng.random_bool(0.3) {
                node = world.rng.random_range(0..NODES);
                at = world.rng.random_range(0..FAULTS_END);
            }
            at += world.rng.random_range(0..12);
            world.at(at, at, Happening::Asked { request, node });
        }
        for _ in 0..world.rng.random_range(0..6) {
            let from = world.rng.random_range(0..NODES);
            let to = (from + world.rng.random_range(1..NODES)) % NODES;
            let for_long = world.rng.random_range(1..800);
            let fault = match world.rng.random_range(0..4) {
                0 => Happening::Restarts { node: from },
                1 => Happening::Thaws { node: from },
                _ => Happening::Breaks { from, to, for_long },
            };
            world.at(50, FAULTS_END, fault);
        }
        world
    }

    /// Something happens at some moment between these from now.
    fn at(&mut self, from: u64, to: u64, what: Happening) {
        self.order += 1;
        let at = self.now + self.rng.random_range(from..to.max(from + 1));
        self.what.insert(self.order, what);
        self.happenings.push(Reverse((at, self.order)));
    }

    pub fn run(&mut self) {
        for _ in 0..200_000 {
            let Some(Reverse((at, order))) = self.happenings.pop() else {
                return self.orders.check(&self.log);
            };
            self.now = self.now.max(at);
            let what = self.what.remove(&order).unwrap();
            // A frozen node takes nothing in until it goes on; then all of it, in its order.
            if let Some(until) = self.frozen(&what) {
                self.what.insert(order, what);
                self.happenings.push(Reverse((until, order)));
                continue;
            }
            self.happens(what);
            self.check();
        }
        panic!("it goes on forever");
    }

    fn frozen(&self, what: &Happening) -> Option<u64> {
        let node = match what {
            Happening::Asked { node, .. }
            | Happening::Appended { node, .. }
            | Happening::Turns { node, .. } => *node,
            Happening::Sent { to, .. } | Happening::Came { to, .. } => *to,
            _ => return None,
        };
        let until = self.nodes[node].frozen_until;
        (until > self.now).then_some(until)
    }

    fn happens(&mut self, what: Happening) {
        match what {
            Happening::Asked { request, node } => self.asked(node, request),
            Happening::Sent { from, call, to, dispatch, request } => {
                let asker = Asker::Node { node: from, call, number: dispatch.number };
                let route = self.nodes[to].owners.route(item());
                let turn = if self.build == Build::ForgetsTurns { 0 } else { dispatch.turn };
                let calls = &mut self.nodes[to].turned_away;
                let turned_away = calls.entry((from, call)).or_default();
                match turned_away.judge(item(), turn, dispatch.must_decide, route) {
                    Some(owner) => {
                        let own = self.nodes[from].owners.own();
                        let route =
                            |node| if node == own { Route::Here } else { Route::Node(node) };
                        let became = Became::NotMine(owner.map(route));
                        self.answer(to, asker, request, became, false);
                    }
                    None => self.take(to, request, asker),
                }
            }
            Happening::Came { to, life, call, from, number, became, sold } => {
                let node = &mut self.nodes[to];
                // The call ended meanwhile: what was on it came back already.
                let counts = node.life == life
                    && node.calls[from] == call
                    && node.on_call.remove(&(from, number));
                if counts {
                    self.became(to, number, became, sold);
                }
            }
            Happening::Append { node, life, expected, batch } => {
                let landed = self.build == Build::Trusts || self.log.len() == expected;
                if landed {
                    let mut known: HashSet<Request> =
                        self.log[..expected].iter().copied().collect();
                    for Waiting { request, .. } in &batch {
                        if known.len() < STOCK && known.insert(*request) {
                            self.log.push(*request);
                        }
                    }
                }
                self.conflicts += usize::from(!landed);
                self.at(1, 10, Happening::Appended { node, life, batch, landed });
            }
            Happening::Appended { node, life, batch, landed } => {
                if self.nodes[node].life == life {
                    self.appended(node, batch, landed);
                }
            }
            Happening::Breaks { from, to, for_long } => self.breaks(from, to, for_long),
            Happening::Heals { from, to } => {
                self.next_call += 1;
                self.nodes[from].calls[to] = self.next_call;
                self.heard(from, to, Standing::Answers);
            }
            Happening::Restarts { node } => self.restarts(node),
            Happening::Thaws { node } => {
                let for_long = self.rng.random_range(1..1_500);
                self.nodes[node].frozen_until = self.now + for_long;
                // The others notice after a while, and it does when it goes on.
                for other in (0..NODES).filter(|other| *other != node) {
                    self.at(50, 200, Happening::Breaks { from: other, to: node, for_long });
                }
            }
            Happening::Turns { node, life } => {
                if self.nodes[node].life == life {
                    self.turn(node);
                }
            }
        }
    }

    fn asked(&mut self, node: usize, request: Request) {
        if self.answered.contains_key(&request) {
            return;
        }
        // A client whose node is silent asks another one, under the same request id.
        let other = self.rng.random_range(0..NODES);
        self.at(1_500, 2_500, Happening::Asked { request, node: other });
        let here = &mut self.nodes[node];
        self.orders.asked((node, here.life), request);
        let route = here.owners.route(item());
        if here.lane.is_none() && route == Route::Here {
            return self.take(node, request, Asker::Client);
        }
        if here.lane.is_none() {
            self.turns += 1;
            let mut lane = Lane::new(route);
            lane.turn(self.turns);
            here.lane = Some(lane);
            here.rests = true;
        }
        here.inbox.push_back(request);
        self.goes_on(node);
    }

    /// Sends what waits for the lane.
    fn pump(&mut self, node: usize) {
        if self.nodes[node].rests {
            return;
        }
        while let Some(lane) = self.nodes[node].lane.as_mut()
            && !lane.is_held()
            && let Some(request) = self.nodes[node].inbox.pop_front()
        {
            let Some(lane) = self.nodes[node].lane.as_mut() else { return };
            let dispatch = lane.push(request);
            self.send(node, dispatch);
        }
        let here = &mut self.nodes[node];
        let is_done = |lane: &Lane<_>| lane.is_empty() && lane.route() == Route::Here;
        if here.inbox.is_empty() && here.lane.as_ref().is_some_and(is_done) {
            here.lane = None;
            self.orders.forget_lane(node);
        } else if here.lane.as_ref().is_some_and(Lane::has_to_resend) {
            let life = here.life;
            self.at(1, 30, Happening::Turns { node, life });
        }
    }

    fn turn(&mut self, node: usize) {
        let view = self.nodes[node].owners.route(item());
        let Some(lane) = self.nodes[node].lane.as_mut().filter(|lane| lane.has_to_resend()) else {
            return;
        };
        lane.owner_is(view);
        self.turns += 1;
        lane.turn(self.turns);
        self.nodes[node].rests = true;
        self.goes_on(node);
    }

    /// Sends what is unanswered and what waits, once the actor of this node has done what it has of it.
    fn goes_on(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        if here.rests
            && let Some(lane) = here.lane.as_mut()
        {
            let is_left = lane.route() != Route::Here && self.build != Build::NeverRests;
            if is_left && here.own > 0 {
                return;
            }
            here.rests = false;
            for dispatch in lane.resend() {
                self.send(node, dispatch);
            }
        }
        self.pump(node);
    }

    fn send(&mut self, node: usize, dispatch: Dispatch) {
        let lane = self.nodes[node].lane.as_ref().unwrap();
        let request = *lane.parcel(dispatch.number).unwrap();
        match dispatch.route {
            Route::Here => {
                self.orders.sent(node, dispatch.number);
                self.take(node, request, Asker::Lane(dispatch.number));
            }
            Route::Node(owner) => {
                let (to, call) = (index(owner), self.nodes[node].calls[index(owner)]);
                if call == 0 {
                    return self.became(node, dispatch.number, Became::Nothing, false);
                }
                self.orders.sent(node, dispatch.number);
                self.nodes[node].on_call.insert((to, dispatch.number));
                // Messages of a call do not overtake each other: each takes equally long.
                let sent = Happening::Sent { from: node, call, to, dispatch, request };
                self.at(2, 3, sent);
            }
        }
    }

    /// Commands come to the actor of a node.
    fn take(&mut self, node: usize, request: Request, asker: Asker) {
        let here = &mut self.nodes[node];
        here.own += usize::from(asker.is_own());
        here.waiting.push_back(Waiting { request, asker, voided: 0 });
        self.decide(node);
    }

    fn decide(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        if here.is_flying || here.waiting.is_empty() {
            return;
        }
        here.is_flying = true;
        let batch = here.waiting.drain(..).collect();
        let (life, expected) = (here.life, here.known);
        self.at(1, 10, Happening::Append { node, life, expected, batch });
    }

    fn appended(&mut self, node: usize, batch: Vec<Waiting>, landed: bool) {
        self.nodes[node].is_flying = false;
        // What was decided is told; who lost reads on first.
        self.nodes[node].known = self.log.len();
        let sold: HashSet<Request> = self.log.iter().copied().collect();
        // What another node was before is decided anew, before what came behind it.
        let (back, done): (Vec<Waiting>, Vec<Waiting>) =
            batch.into_iter().partition(|waiting| !landed && waiting.voided < VOIDED_MAX);
        for waiting in back.into_iter().rev() {
            let voided = waiting.voided + 1;
            self.nodes[node].waiting.push_front(Waiting { voided, ..waiting });
        }
        for Waiting { request, asker, .. } in done {
            let became = if landed { Became::Answered } else { Became::Nothing };
            if !landed {
                self.orders.excuse(request);
            }
            self.answer(node, asker, request, became, sold.contains(&request));
        }
        self.decide(node);
        self.goes_on(node);
    }

    fn answer(&mut self, node: usize, asker: Asker, request: Request, became: Became, sold: bool) {
        self.nodes[node].own -= usize::from(asker.is_own());
        match asker {
            Asker::Client if became == Became::Answered => self.told(request, sold),
            // ABORTED: it asks again.
            Asker::Client => {
                self.aborted += 1;
                self.at(1, 50, Happening::Asked { request, node });
            }
            Asker::Lane(number) => self.became(node, number, became, sold),
            Asker::Node { node: to, call, number } => {
                let life = self.nodes[to].life;
                let came = Happening::Came { to, life, call, from: node, number, became, sold };
                self.at(1, 20, came);
            }
        }
    }

    fn became(&mut self, node: usize, number: u64, became: Became, sold: bool) {
        let Some(lane) = self.nodes[node].lane.as_mut() else { return };
        if became == Became::Unknown
            && let Some(request) = lane.parcel(number)
        {
            self.orders.excuse(*request);
        }
        let done = lane.became(number, became);
        self.orders.came_back(node, number, done.is_none());
        if let Some(request) = done {
            if became == Became::Answered {
                self.told(request, sold);
            } else {
                self.aborted += 1;
                self.at(1, 50, Happening::Asked { request, node });
            }
        }
        self.pump(node);
    }

    fn told(&mut self, request: Request, sold: bool) {
        let before = self.answered.insert(request, sold);
        assert!(before.is_none_or(|before| before == sold), "{request} was answered differently");
    }

    fn breaks(&mut self, from: usize, to: usize, for_long: u64) {
        if self.nodes[from].calls[to] == 0 {
            return;
        }
        self.nodes[from].calls[to] = 0;
        let here = &mut self.nodes[from];
        let mut lost: Vec<u64> =
            here.on_call.iter().filter(|(on, _)| *on == to).map(|(_, number)| *number).collect();
        lost.sort_unstable();
        here.on_call.retain(|(on, _)| *on != to);
        // What is on its way arrives all the same, up to some message.
        let whole = self.rng.random_range(0..=lost.len());
        self.forget_sent(from, to, &lost[whole..]);
        self.heard(from, to, Standing::Suspected);
        for number in lost {
            self.became(from, number, Became::Unknown, false);
        }
        self.at(for_long, for_long + 50, Happening::Heals { from, to });
    }

    fn forget_sent(&mut self, node: usize, other: usize, numbers: &[u64]) {
        self.what.iter_mut().for_each(|(_, what)| {
            if let Happening::Sent { from, to, dispatch, .. } = what
                && (*from, *to) == (node, other)
                && numbers.contains(&dispatch.number)
            {
                *what = Happening::Turns { node, life: u32::MAX };
            }
        });
    }

    fn heard(&mut self, node: usize, other: usize, standing: Standing) {
        let here = &mut self.nodes[node];
        here.owners.heard(id(other), standing);
        let view = here.owners.route(item());
        if let Some(lane) = here.lane.as_mut() {
            lane.owner_is(view);
        }
        self.pump(node);
    }

    fn restarts(&mut self, node: usize) {
        let life = self.nodes[node].life + 1;
        self.nodes[node] = Node::new(node, life, self.log.len());
        self.orders.forget_lane(node);
        for other in (0..NODES).filter(|other| *other != node) {
            self.breaks(other, node, 20);
            self.at(20, 200, Happening::Heals { from: node, to: other });
        }
    }

    fn check(&self) {
        assert!(self.log.len() <= STOCK, "oversold");
        let requests: HashSet<Request> = self.log.iter().copied().collect();
        assert_eq!(requests.len(), self.log.len(), "a request was carried out twice");
    }
}
