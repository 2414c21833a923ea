//! An item as it is written down, and what must hold of one that is read back.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    Item, OrderState,
    orders::Orders,
    state::{ActReceipt, Told},
    stock::Stock,
    suppliers::Suppliers,
};
use crate::{
    domain::{
        price::{Ladder, Offers, Pool},
        snapshot::{BadState, Read, Reader, Writer, hold},
    },
    events::{Audience, ItemAdded, Position, ReservePlan, Warehouses},
    values::{Fingerprint, ItemId, RequestId, UnixMs},
};

/// Everything but orders and acts: little, whatever the number of orders.
#[derive(Serialize, Deserialize)]
struct Head {
    offer: Option<ItemAdded>,
    opens_at: UnixMs,
    closes_at: UnixMs,
    #[serde(skip_serializing_if = "Told::nothing", default)]
    schedule: Told,
    limit_per_buyer: Option<i64>,
    limit_per_order: Option<i64>,
    paused: bool,
    sale_paused: bool,
    closed: bool,
    ladder: Option<Box<Ladder>>,
    offers: Option<Box<Offers>>,
    audience: Option<Box<Audience>>,
    plan: Option<Box<ReservePlan>>,
    warehouses: Warehouses,
    suppliers: Suppliers,
    last_at: UnixMs,
    revision: u64,
}

impl Item {
    /// Writes down all of it; `false` where that is more than what has landed.
    pub(super) fn write_down(&self, to: &mut Writer<'_>) -> bool {
        // A field that is added must be written, too.
        let Self {
            id: _,
            offer,
            opens_at,
            closes_at,
            schedule,
            limit_per_buyer,
            limit_per_order,
            paused,
            sale_paused,
            closed,
            ladder,
            offers,
            audience,
            plan,
            stock,
            suppliers,
            orders,
            acts,
            acts_landed,
            last_at,
            revision,
            next_revision: _,
        } = self;
        to.json(&Head {
            offer: offer.clone(),
            opens_at: *opens_at,
            closes_at: *closes_at,
            schedule: *schedule,
            limit_per_buyer: *limit_per_buyer,
            limit_per_order: *limit_per_order,
            paused: *paused,
            sale_paused: *sale_paused,
            closed: *closed,
            ladder: ladder.clone(),
            offers: offers.clone(),
            audience: audience.clone(),
            plan: plan.clone(),
            warehouses: Warehouses(stock.warehouses().to_vec()),
            suppliers: suppliers.clone(),
            last_at: *last_at,
            revision: *revision,
        });
        let mut acts: Vec<(&RequestId, &ActReceipt)> = acts.iter().collect();
        acts.sort_unstable_by_key(|(request, _)| **request);
        to.count(acts.len());
        for (request, act) in &acts {
            to.id(request.0);
            to.bits(act.fingerprint.0);
            to.number(act.revision);
            to.number(act.position.unwrap_or_default().0);
        }
        *acts_landed == acts.len() && orders.write(to)
    }

    /// Reads back what was written after the event of that revision.
    pub(super) fn read_back(id: ItemId, revision: u64, from: &mut Reader<'_>) -> Read<Self> {
        let head: Head = from.json()?;
        hold(head.revision == revision, "is of another revision")?;
        let Some(next_revision) = revision.checked_add(1) else {
            return Err(BadState("has more events than there can be".to_owned()));
        };
        let mut acts = HashMap::new();
        for _ in 0..from.count()?.0 {
            let request = RequestId(from.id()?);
            let fingerprint = Fingerprint(from.bits()?);
            let act = ActReceipt {
                fingerprint,
                revision: from.number()?,
                position: Some(Position(from.number()?)),
            };
            hold(act.revision <= revision, "has an act from later")?;
            hold(acts.insert(request, act).is_none(), "has one act twice")?;
        }
        let stock = Stock::of(head.warehouses);
        let stock = stock.ok_or_else(|| BadState("has impossible stock".to_owned()))?;
        let orders = Orders::read(from, stock.warehouses().len(), revision)?;
        let acts_landed = acts.len();
        let item = Self {
            id,
            offer: head.offer,
            opens_at: head.opens_at,
            closes_at: head.closes_at,
            schedule: head.schedule,
            limit_per_buyer: head.limit_per_buyer,
            limit_per_order: head.limit_per_order,
            paused: head.paused,
            sale_paused: head.sale_paused,
            closed: head.closed,
            ladder: head.ladder,
            offers: head.offers,
            audience: head.audience,
            plan: head.plan,
            stock,
            suppliers: head.suppliers,
            orders,
            acts,
            acts_landed,
            last_at: head.last_at,
            revision,
            next_revision,
        };
        item.adds_up()?;
        Ok(item)
    }

    /// What is held and sold is what orders hold and have paid: units of the stock, of the steps of the
    /// ladder, and gifts. A rule that relied on more would decide what is impossible.
    fn adds_up(&self) -> Read<()> {
        let (mut held, mut sold) = (0_i64, 0_i64);
        let mut steps: Vec<i64> = Vec::new();
        let mut gifts: HashMap<(&str, &str), i64> = HashMap::new();
        let ladder = self.ladder.as_deref();
        for number in 0..self.orders.next_row() {
            let row = self.orders.row(number);
            let live = self.orders.live_units(number);
            if row.state != OrderState::Held {
                sold = sold.saturating_add(live);
                continue;
            }
            held = held.saturating_add(live);
            let Some(terms) = self.orders.terms(number) else { continue };
            let is_of_ladder = ladder.is_some_and(|ladder| ladder.number() == row.ladder);
            for part in terms.parts.iter().filter(|_| is_of_ladder) {
                if let Some(step) = part.step.map(usize::from) {
                    steps.resize(steps.len().max(step + 1), 0);
                    steps[step] = steps[step].saturating_add(part.units);
                }
            }
            if let Some(gift) = &terms.gift {
                let of = gifts.entry((&gift.offer, &gift.sku)).or_default();
                *of = of.saturating_add(gift.units);
            }
        }
        let total = self.stock.total();
        hold(total.held == held && total.sold == sold, "has other units than its orders")?;
        let possible = ladder.is_none_or(|ladder| ladder.is_possible(&steps));
        hold(possible, "has a ladder of other units than its orders")?;
        let pools = self.offers.as_deref().map_or(&[][..], Offers::pools);
        let of_gift = |pool: &Pool| gifts.get(&(&*pool.offer, &*pool.sku)).copied();
        let given = pools
            .iter()
            .all(|pool| pool.given >= 0 && pool.held == of_gift(pool).unwrap_or_default());
        hold(given, "has other gifts than its orders")?;
        let known = gifts.iter().all(|((offer, sku), units)| {
            *units == 0 || pools.iter().any(|pool| pool.offer == *offer && pool.sku == *sku)
        });
        hold(known, "has an order with an unknown gift")
    }
}
