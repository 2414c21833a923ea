//! The commands of this node to one aggregate that is owned elsewhere, in their order.
//!
//! They go by one route. When it has to change, because the owner changed, refused or was lost, nothing
//! more is sent until everything under way came back; then all that is unanswered goes first by the new
//! route, in its order and with the same request ids, and what came meanwhile behind it. So the commands
//! of a node are decided in their order, whatever happens between nodes, except that a command whose
//! answer was lost may already have been decided when it is sent again: then its request id tells. Later
//! ones may also be decided before one that this node decides anew after a conflict while they go to the
//! next owner, and before one that was given up.
//!
//! All that is sent by one route until it changes is a turn. The receiver that turned a command away
//! decides nothing more of that turn.

use std::collections::BTreeMap;

use super::Route;

/// How often commands are sent before a conflict or a node that cannot take them is their answer.
pub const TRIES_MAX: u32 = 10;

/// Commands on their way. `P` is what has to be kept to send them again and to answer them.
#[derive(Debug)]
pub struct Lane<P> {
    /// Where the owner is, by this node's view.
    view: Route,
    /// Where commands are sent: there, or where a node said that the owner is.
    route: Route,
    /// Under which commands are sent there.
    turn: u64,
    /// The receiver was named by another node, so it must decide.
    is_hint: bool,
    hint: Option<Route>,
    parcels: BTreeMap<u64, Entry<P>>,
    next: u64,
    under_way: usize,
    /// Nothing is sent until everything under way came back.
    is_held: bool,
}

#[derive(Debug)]
struct Entry<P> {
    parcel: P,
    tries: u32,
    /// It may have been decided.
    in_doubt: bool,
}

/// What is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispatch {
    /// Under which its outcome is told.
    pub number: u64,
    pub route: Route,
    pub turn: u64,
    /// The receiver decides, whoever it thinks the owner is.
    pub must_decide: bool,
}

/// What became of something that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It was answered.
    Answered,
    /// The receiver decided nothing; it named the owner, if it knows one, which may be the sender.
    NotMine(Option<Route>),
    /// Certainly nothing was decided: there was no way, or another node wrote first.
    Nothing,
    /// Whether it was decided is not known.
    Unknown,
}

impl<P> Lane<P> {
    /// An empty lane.
    pub fn new(view: Route) -> Self {
        Self {
            view,
            route: view,
            turn: 0,
            is_hint: false,
            hint: None,
            parcels: BTreeMap::new(),
            next: 0,
            under_way: 0,
            is_held: false,
        }
    }

    /// Whether new commands have to wait.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Whether nothing is unanswered.
    pub fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// Where commands are sent now.
    pub fn route(&self) -> Route {
        self.route
    }

    /// Takes in new commands behind the others. Asked only while it is not held.
    pub fn push(&mut self, parcel: P) -> Dispatch {
        let number = self.next;
        self.next += 1;
        self.parcels.insert(number, Entry { parcel, tries: 0, in_doubt: false });
        self.dispatch(number)
    }

    /// The parcel of that number, as long as it is unanswered.
    pub fn parcel(&self, number: u64) -> Option<&P> {
        self.parcels.get(&number).map(|entry| &entry.parcel)
    }

    /// Whether a copy of it may have been decided.
    pub fn is_in_doubt(&self, number: u64) -> bool {
        self.parcels.get(&number).is_some_and(|entry| entry.in_doubt)
    }

    /// The node sees the owner there.
    pub fn owner_is(&mut self, view: Route) {
        if self.view != view {
            self.view = view;
            self.hint = None;
            self.is_held = self.is_held || view != self.route;
        }
    }

    /// Tells what became of something under way. Gives it back if it needs no further try.
    pub fn became(&mut self, number: u64, became: Became) -> Option<P> {
        self.under_way -= 1;
        let entry = self.parcels.get_mut(&number)?;
        let may_try = entry.tries < TRIES_MAX;
        match became {
            Became::Answered => return self.parcels.remove(&number).map(|entry| entry.parcel),
            Became::NotMine(owner) => {
                // One hint is followed; whoever it names has to decide.
                if !self.is_hint {
                    self.hint = owner;
                }
            }
            Became::Nothing => {}
            Became::Unknown => entry.in_doubt = true,
        }
        self.is_held = true;
        // What may have been decided is sent until that is known, or it is given up.
        let ends = !may_try && !entry.in_doubt;
        ends.then(|| self.parcels.remove(&number).map(|entry| entry.parcel)).flatten()
    }

    /// Takes out what is not to be sent again, of which is told whether it may have been decided. Asked
    /// only while nothing is under way.
    pub fn give_up(&mut self, is_given_up: impl Fn(&P, bool) -> bool) -> Vec<(P, bool)> {
        let given_up = |_: &u64, entry: &mut Entry<P>| is_given_up(&entry.parcel, entry.in_doubt);
        let taken = self.parcels.extract_if(.., given_up);
        taken.map(|(_, entry)| (entry.parcel, entry.in_doubt)).collect()
    }

    /// Whether everything unanswered has to be sent again, and can be.
    pub fn has_to_resend(&self) -> bool {
        self.is_held && self.under_way == 0
    }

    /// How often what is tried most was sent: who sends again pauses accordingly.
    pub fn tries(&self) -> u32 {
        self.parcels.values().map(|entry| entry.tries).max().unwrap_or(0)
    }

    /// Where everything unanswered goes next, under a number above those of all turns of this node before.
    pub fn turn(&mut self, number: u64) -> Route {
        self.is_held = false;
        self.turn = number;
        let hint = self.hint.take();
        self.is_hint = hint.is_some();
        self.route = hint.unwrap_or(self.view);
        self.route
    }

    /// Sends all that is unanswered, in its order.
    pub fn resend(&mut self) -> Vec<Dispatch> {
        let numbers: Vec<u64> = self.parcels.keys().copied().collect();
        numbers.into_iter().map(|number| self.dispatch(number)).collect()
    }

    fn dispatch(&mut self, number: u64) -> Dispatch {
        self.under_way += 1;
        let (route, turn) = (self.route, self.turn);
        let mut tries = 0;
        if let Some(entry) = self.parcels.get_mut(&number) {
            entry.tries += 1;
            tries = entry.tries;
        }
        // Nodes whose views differ for long must not send commands around forever. A node that joins is
        // met by all within some 200 ms; one that is told to decide before that folds the item for nothing.
        let must_decide = self.is_hint || tries + 1 >= TRIES_MAX;
        Dispatch { number, route, turn, must_decide }
    }
}
