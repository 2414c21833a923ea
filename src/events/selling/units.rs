//! The units of an item: where they lie, what events do to them, and the counts that follow.
//!
//! In each warehouse and in total, after every event: allocated = available + held + sold, and none
//! of them is negative. An event that would break this contradicts the events before it.

use serde::{Deserialize, Serialize};

/// Units that lie in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarehouseUnits {
    pub warehouse: String,
    pub units: i64,
}

/// Which way units go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    /// On offer.
    Allocate,
    /// So many lie in reserve from now on, whatever it was before.
    SetReserve,
    /// Out of the reserve, on offer.
    ReleaseReserve,
    /// Off the offer: available units leave the warehouse.
    Withdraw,
    /// To a buyer who has not paid yet.
    Hold,
    /// To the buyer for good.
    Sell,
    /// Back from a buyer who has not paid.
    Release,
    /// Back from a buyer who has paid, available again.
    Restock,
    /// Back from a buyer who has paid, and of no use.
    WriteOff,
}

/// Units of one warehouse that go one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockMove<'a> {
    pub kind: MoveKind,
    pub warehouse: &'a str,
    pub units: i64,
}

/// A move that contradicts the moves before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?} of {units} units in {warehouse} cannot follow {counts:?}")]
pub struct ImpossibleMove {
    pub kind: MoveKind,
    pub units: i64,
    pub warehouse: String,
    /// What the warehouse had before.
    pub counts: Counts,
}

/// Units of one warehouse, or the sum over all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub allocated: i64,
    pub available: i64,
    pub held: i64,
    pub sold: i64,
    /// Beside the allocated ones: not on offer before they are released.
    pub reserve: i64,
}

impl StockMove<'_> {
    /// What it adds to each count, negative where it takes units away. `reserve` is what lies in
    /// reserve before it.
    pub fn adds(&self, reserve: i64) -> Counts {
        let (more, less) = (self.units, 0_i64.saturating_sub(self.units));
        let none = Counts::default();
        match self.kind {
            MoveKind::Allocate => Counts { allocated: more, available: more, ..none },
            MoveKind::SetReserve => Counts { reserve: more.saturating_sub(reserve), ..none },
            MoveKind::ReleaseReserve => {
                Counts { reserve: less, allocated: more, available: more, ..none }
            }
            MoveKind::Withdraw => Counts { allocated: less, available: less, ..none },
            MoveKind::Hold => Counts { available: less, held: more, ..none },
            MoveKind::Sell => Counts { held: less, sold: more, ..none },
            MoveKind::Release => Counts { held: less, available: more, ..none },
            MoveKind::Restock => Counts { sold: less, available: more, ..none },
            MoveKind::WriteOff => Counts { sold: less, allocated: less, ..none },
        }
    }

    /// How many of its units can go that way from there.
    pub fn possible_units(&self, from: &Counts) -> i64 {
        let there = match self.kind {
            MoveKind::Allocate | MoveKind::SetReserve => return self.units,
            MoveKind::ReleaseReserve => from.reserve,
            MoveKind::Withdraw | MoveKind::Hold => from.available,
            MoveKind::Sell | MoveKind::Release => from.held,
            MoveKind::Restock | MoveKind::WriteOff => from.sold,
        };
        self.units.min(there)
    }

    /// That it cannot follow these counts.
    pub fn impossible(&self, counts: Counts) -> ImpossibleMove {
        let Self { kind, units, warehouse } = *self;
        ImpossibleMove { kind, units, warehouse: warehouse.to_owned(), counts }
    }
}

impl Counts {
    /// What moves add over all warehouses, but for reserves: one that is set replaces the one
    /// before it.
    pub fn added_by<'a>(moves: impl Iterator<Item = StockMove<'a>>) -> Self {
        let sum = moves.fold(Self::default(), |sum, moved| sum.saturating_with(moved.adds(0)));
        Self { reserve: 0, ..sum }
    }

    /// The counts with others added; `None` where no number can hold one of them.
    pub fn with(self, more: Self) -> Option<Self> {
        Some(Self {
            allocated: self.allocated.checked_add(more.allocated)?,
            available: self.available.checked_add(more.available)?,
            held: self.held.checked_add(more.held)?,
            sold: self.sold.checked_add(more.sold)?,
            reserve: self.reserve.checked_add(more.reserve)?,
        })
    }

    /// The counts with others added, each at most the largest number.
    #[must_use]
    pub fn saturating_with(self, more: Self) -> Self {
        Self {
            allocated: self.allocated.saturating_add(more.allocated),
            available: self.available.saturating_add(more.available),
            held: self.held.saturating_add(more.held),
            sold: self.sold.saturating_add(more.sold),
            reserve: self.reserve.saturating_add(more.reserve),
        }
    }

    /// Every unit is somewhere.
    pub fn is_possible(&self) -> bool {
        self.allocated >= 0
            && self.available >= 0
            && self.held >= 0
            && self.sold >= 0
            && self.reserve >= 0
    }
}

/// Counts of one warehouse. The order of the fields is that of stored states.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WarehouseCounts {
    pub warehouse: String,
    #[serde(flatten)]
    pub counts: Counts,
}

/// Counts by warehouse, in the order in which warehouses were first named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Warehouses(pub Vec<WarehouseCounts>);

impl Warehouses {
    /// Applies moves in their order. A warehouse not named before starts empty.
    ///
    /// # Errors
    /// When units are not there to be moved; moves before that one stay applied.
    pub fn apply<'a>(
        &mut self,
        moves: impl Iterator<Item = StockMove<'a>>,
    ) -> Result<(), ImpossibleMove> {
        for moved in moves {
            self.shift(&moved)?;
        }
        Ok(())
    }

    /// Applies one move and gives what it added.
    ///
    /// # Errors
    /// When units are not there to be moved.
    pub fn shift(&mut self, moved: &StockMove<'_>) -> Result<Counts, ImpossibleMove> {
        let counts = self.at(moved.warehouse);
        let adds = moved.adds(counts.reserve);
        let after = counts.with(adds).filter(|after| moved.units >= 0 && after.is_possible());
        *counts = after.ok_or_else(|| moved.impossible(*counts))?;
        Ok(adds)
    }

    fn at(&mut self, warehouse: &str) -> &mut Counts {
        let place = self.index(warehouse).unwrap_or_else(|| {
            let counts = Counts::default();
            self.0.push(WarehouseCounts { warehouse: warehouse.to_owned(), counts });
            self.0.len() - 1
        });
        &mut self.0[place].counts
    }

    /// Place of a warehouse that has been named.
    pub fn index(&self, warehouse: &str) -> Option<usize> {
        self.0.iter().position(|at| at.warehouse == warehouse)
    }

    /// The counts over all warehouses.
    pub fn total(&self) -> Counts {
        self.0.iter().fold(Counts::default(), |sum, at| sum.saturating_with(at.counts))
    }
}
