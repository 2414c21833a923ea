//! What orders wait for, and what came of it: 72 bytes for each such order, beside its row, and a code
//! for as long as it is not decided. Entries stand in blocks that never move, in the order of the rows.

use crate::{
    domain::snapshot::{Read, Reader, Writer, coded, hold},
    events::{
        Await, CancelCause, CouponAsked, CouponNamed, CouponReason, CouponTaken, IfDenied,
        OrderPlaced,
    },
    values::{BatchId, CouponId},
};

/// Entries in one block.
const BLOCK: usize = 2048;

/// What an order waits for, and what came of it.
#[derive(Debug, Clone)]
pub struct Awaited {
    asked: Option<Asked>,
    row: u32,
    limit_open: bool,
    coupon_open: bool,
    pub denied: Option<CouponReason>,
    /// Why it was cancelled.
    pub cancelled: Option<CancelCause>,
}

/// The coupon that an order asked for; the one that it has once that is decided.
#[derive(Debug, Clone)]
struct Asked {
    batch_id: BatchId,
    named: Named,
    /// 0 where it may cost anything.
    max_total_minor: i64,
    /// 0 until the order has the coupon.
    discount_minor: i64,
    if_denied: IfDenied,
    skip_offers: bool,
}

#[derive(Debug, Clone)]
enum Named {
    Id(CouponId),
    Code(Box<str>),
}

impl Awaited {
    /// What an order waits for; `None` where nothing is.
    fn of(placed: &OrderPlaced, row: u32) -> Option<Self> {
        let OrderPlaced { awaits, coupon, .. } = placed;
        let asked = coupon.as_ref().map(|asked| Asked {
            batch_id: asked.batch_id,
            named: match &asked.named {
                CouponNamed::Id(id) => Named::Id(*id),
                CouponNamed::Code(code) => Named::Code(code.as_str().into()),
            },
            max_total_minor: asked.max_total_minor.unwrap_or(0),
            discount_minor: 0,
            if_denied: asked.if_denied,
            skip_offers: asked.skip_offers,
        });
        (!awaits.is_empty()).then(|| Self {
            asked,
            row,
            limit_open: awaits.contains(&Await::SaleLimit),
            coupon_open: awaits.contains(&Await::Coupon),
            denied: None,
            cancelled: None,
        })
    }

    /// What is not decided yet, in the order in which it is settled.
    pub fn open(&self) -> impl Iterator<Item = Await> {
        let limit = self.limit_open.then_some(Await::SaleLimit);
        limit.into_iter().chain(self.coupon_open.then_some(Await::Coupon))
    }

    /// What it waits for first is decided; whether that is what it waited for.
    pub fn close(&mut self, what: Await) -> bool {
        if self.open().next() != Some(what) {
            return false;
        }
        match what {
            Await::SaleLimit => self.limit_open = false,
            Await::Coupon => self.coupon_open = false,
        }
        true
    }

    /// The coupon that it asked for. Once it has one, that one is named.
    pub fn asked(&self) -> Option<CouponAsked> {
        let asked = self.asked.as_ref()?;
        Some(CouponAsked {
            batch_id: asked.batch_id,
            named: match &asked.named {
                Named::Id(id) => CouponNamed::Id(*id),
                Named::Code(code) => CouponNamed::Code(code.to_string()),
            },
            if_denied: asked.if_denied,
            skip_offers: asked.skip_offers,
            max_total_minor: Some(asked.max_total_minor).filter(|&most| most > 0),
        })
    }

    /// The batch of the coupon that it asked for.
    pub fn batch_id(&self) -> Option<BatchId> {
        self.asked.as_ref().map(|asked| asked.batch_id)
    }

    /// It has that coupon from now on.
    pub fn take(&mut self, taken: CouponTaken) {
        if let Some(asked) = &mut self.asked {
            let CouponTaken { batch_id, coupon_id, discount_minor } = taken;
            (asked.batch_id, asked.named) = (batch_id, Named::Id(coupon_id));
            asked.discount_minor = discount_minor;
        }
    }

    /// The coupon that it has.
    pub fn taken(&self) -> Option<CouponTaken> {
        let asked = self.asked.as_ref().filter(|asked| asked.discount_minor != 0)?;
        let Named::Id(coupon_id) = asked.named else { return None };
        let (batch_id, discount_minor) = (asked.batch_id, asked.discount_minor);
        Some(CouponTaken { batch_id, coupon_id, discount_minor })
    }
}

coded! { CouponReason {
    CouponReason::Expired => 0,
    CouponReason::Unknown => 1,
    CouponReason::Used => 2,
    CouponReason::OtherItem => 3,
    CouponReason::BelowMinimum => 4,
    CouponReason::BudgetSpent => 5,
    CouponReason::AllClaimed => 6,
    CouponReason::OverBuyerLimit => 7,
} }

coded! { CancelCause {
    CancelCause::Buyer => 0,
    CancelCause::Operator => 1,
    CancelCause::OverSaleLimit => 2,
    CancelCause::Coupon => 3,
    CancelCause::Price => 4,
} }

coded! { IfDenied {
    IfDenied::Cancel => 0,
    IfDenied::Keep => 1,
} }

/// Of the orders that wait or waited.
#[derive(Debug, Clone, Default)]
pub(super) struct AwaitedOrders(Vec<Vec<Awaited>>);

impl AwaitedOrders {
    /// Remembers what the order in a new row waits for, if it waits.
    pub(super) fn add(&mut self, placed: &OrderPlaced, row: u32) {
        if let Some(awaited) = Awaited::of(placed, row) {
            self.push(awaited);
        }
    }

    /// Remembers an entry whose row comes after those of all others.
    fn push(&mut self, awaited: Awaited) {
        match self.0.last_mut().filter(|block| block.len() < BLOCK) {
            Some(block) => block.push(awaited),
            None => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(awaited);
                self.0.push(block);
            }
        }
    }

    pub(super) fn of(&self, row: u32) -> Option<&Awaited> {
        let (block, place) = self.place(row)?;
        self.0.get(block)?.get(place)
    }

    pub(super) fn of_mut(&mut self, row: u32) -> Option<&mut Awaited> {
        let (block, place) = self.place(row)?;
        self.0.get_mut(block)?.get_mut(place)
    }

    fn place(&self, row: u32) -> Option<(usize, usize)> {
        let after = self.0.partition_point(|block| block.first().is_some_and(|of| of.row <= row));
        let block = after.checked_sub(1)?;
        let place = self.0[block].binary_search_by_key(&row, |of| of.row).ok()?;
        Some((block, place))
    }
}

impl AwaitedOrders {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.count(self.0.iter().map(Vec::len).sum());
        for awaited in self.0.iter().flatten() {
            let Awaited { asked, row, limit_open, coupon_open, denied, cancelled } = awaited;
            to.number((*row).into());
            to.flag(*limit_open);
            to.flag(*coupon_open);
            write_some(to, *denied, |to, reason| to.coded(reason));
            write_some(to, *cancelled, |to, cause| to.coded(cause));
            write_some(to, asked.as_ref(), |to, asked| {
                to.id(asked.batch_id.0);
                to.flag(matches!(asked.named, Named::Id(_)));
                match &asked.named {
                    Named::Id(id) => to.id(id.0),
                    Named::Code(code) => to.text(code),
                }
                to.signed(asked.max_total_minor);
                to.signed(asked.discount_minor);
                to.coded(asked.if_denied);
                to.flag(asked.skip_offers);
            });
        }
    }

    /// Reads back what was written, of an item with so many orders.
    pub(super) fn read(from: &mut Reader<'_>, rows: u32) -> Read<Self> {
        let mut all = Self::default();
        let mut least = 0;
        for _ in 0..from.count()?.0 {
            let row: u32 = from.small()?;
            hold((least..rows).contains(&row), "has an order that waits out of sequence")?;
            least = row + 1;
            let (limit_open, coupon_open) = (from.flag()?, from.flag()?);
            let denied = read_some(from, |from| from.coded())?;
            let cancelled = read_some(from, |from| from.coded())?;
            let asked = read_some(from, |from| {
                Ok(Asked {
                    batch_id: BatchId(from.id()?),
                    named: match from.flag()? {
                        true => Named::Id(CouponId(from.id()?)),
                        false => Named::Code(from.text()?.into()),
                    },
                    max_total_minor: from.signed()?,
                    discount_minor: from.signed()?,
                    if_denied: from.coded()?,
                    skip_offers: from.flag()?,
                })
            })?;
            all.push(Awaited { asked, row, limit_open, coupon_open, denied, cancelled });
        }
        Ok(all)
    }
}

fn write_some<T>(to: &mut Writer<'_>, some: Option<T>, write: impl FnOnce(&mut Writer<'_>, T)) {
    to.flag(some.is_some());
    if let Some(some) = some {
        write(to, some);
    }
}

fn read_some<T>(
    from: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Read<T>,
) -> Read<Option<T>> {
    if from.flag()? { read(from).map(Some) } else { Ok(None) }
}
