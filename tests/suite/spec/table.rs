//! Scripted tables: one line is one command to an item and the answer it must get.
//!
//! ```text
//! offer stock=north:2,south:1 per_buyer=2 per_order=1 open=0 close=900 pay=50 price=10
//! @100 place r1 ann 1      -> held ann 1
//!      pay p1 r1 10 ref-1  -> paid ann 1
//!      place r1 ann 1      -> held ann 1 again
//! @150 due                 -> nothing
//! = available 2 held 0 sold 1
//! = north available 1 held 0 sold 1
//! ```
//! `@` moves the clock and stays. Orders and requests are called by the name of the request that
//! made them. Counts name what is in reserve where there is any. `again` means: nothing recorded, and place in the log of the first answer. `+` names
//! events beyond the one that goes without saying. `offer` is optional: without it there is no item.

use doorbuster::{
    domain::{
        Decider, Misdirected,
        item::{
            ItemCommand, ItemOutcome, OrderAction, OrderState, PlaceMore, RecordPayment,
            SteerAction, SuppliedUnits,
        },
    },
    events::{
        Audience, Draw, ItemEvent, ItemPlan, OrderEvent, OrderShopper, Region, ReserveAct,
        ReserveStep, Stored,
    },
    values::{Currency, UnixMs},
};

use super::live::{
    self, Decided, Line, Live, act_on, cancel, due_id, order_id, pay, place_from, show_order,
    steer, units,
};

/// Runs a table and returns the item as it ends up.
pub fn check(table: &str) -> Live {
    let mut run = Run { live: Live::unknown(), now: 0 };
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run.line(line);
    }
    run.live
}

struct Run {
    live: Live,
    now: i64,
}

impl Run {
    fn line(&mut self, line: &str) {
        let (asked, expected) = line.split_once("->").unwrap_or((line, ""));
        let mut words: Vec<&str> = asked.split_whitespace().collect();
        if let Some(moment) = words[0].strip_prefix('@') {
            self.now = moment.parse().unwrap();
            words.remove(0);
        }
        let answer = match words[..] {
            ["offer", ref options @ ..] => {
                self.live.run(live::add(plan(options)), self.now);
                return;
            }
            ["=", ref counts @ ..] => {
                assert_eq!(self.counts(counts[0]), counts.join(" "), "in line: {line}");
                return;
            }
            ["due"] => self.due(usize::MAX),
            ["due", max] => self.due(max.parse().unwrap()),
            ["next_due"] => {
                self.live.item.next_due().map_or("none".to_owned(), |at| at.0.to_string())
            }
            _ => {
                let command = command(&words);
                let asks = matches!(command, ItemCommand::Show | ItemCommand::ShowOrder { .. });
                say(&self.live.run(command, self.now), asks)
            }
        };
        assert_eq!(answer, expected.trim(), "in line: {line}");
    }

    fn due(&mut self, max: usize) -> String {
        let due = self.live.due(self.now, max);
        let buyers: Vec<String> = due.iter().map(|event| self.expired(event)).collect();
        if buyers.is_empty() { "nothing".to_owned() } else { buyers.join(" ") }
    }

    /// The buyer whose order expired.
    fn expired(&self, event: &ItemEvent) -> String {
        let ItemEvent::Order(OrderEvent::Expired(expired)) = event else {
            panic!("due makes only expiries")
        };
        let placed = &self.live.log[usize::try_from(expired.placed_revision).unwrap()].0;
        let ItemEvent::Order(OrderEvent::Placed(placed)) = placed else {
            panic!("no order was placed there")
        };
        assert_eq!(placed.order_id, expired.order_id);
        assert_eq!(placed.warehouses, expired.warehouses, "units go back where they came from");
        placed.buyer.clone()
    }

    fn counts(&self, of: &str) -> String {
        let show = |prefix: String, line: Line| {
            let Line { available, held, sold, reserve, .. } = line;
            let kept = if reserve == 0 { String::new() } else { format!(" reserve {reserve}") };
            format!("{prefix}available {available} held {held} sold {sold}{kept}")
        };
        if let Some(line) = self.live.ledger.get(of) {
            return show(format!("{of} "), *line);
        }
        let total = self.live.ledger.values().fold(Line::default(), |sum, line| Line {
            allocated: sum.allocated + line.allocated,
            available: sum.available + line.available,
            held: sum.held + line.held,
            sold: sum.sold + line.sold,
            reserve: sum.reserve + line.reserve,
        });
        show(String::new(), total)
    }
}

fn plan(options: &[&str]) -> ItemPlan {
    let mut plan = live::plan();
    for option in options {
        let (key, value) = option.split_once('=').unwrap();
        let number = || value.parse::<i64>().unwrap();
        let part = |part: &str| {
            let (warehouse, count) = part.split_once(':').unwrap();
            units(warehouse, count.parse().unwrap())
        };
        match key {
            "stock" => plan.units = value.split(',').map(part).collect(),
            "reserve" => plan.reserve = value.split(',').map(part).collect(),
            "per_buyer" => plan.limit_per_buyer = Some(number()),
            "reinstate" => plan.reinstate_within_ms = Some(number()),
            "per_order" => plan.limit_per_order = Some(number()),
            "open" => plan.opens_at_ms = UnixMs(number()),
            "close" => plan.closes_at_ms = UnixMs(number()),
            "pay" => plan.time_to_pay_ms = number(),
            "price" => plan.unit_price_minor = number(),
            "plan" => plan.reserve_plan = value.split(',').map(reserve_step).collect(),
            "draw" => plan.draw = if value == "fullest" { Draw::Fullest } else { Draw::Listed },
            // `east:south+north`
            "region" => {
                let (name, warehouses) = value.split_once(':').unwrap();
                let warehouses = warehouses.split('+').map(str::to_owned).collect();
                plan.regions.push(Region { name: name.to_owned(), warehouses });
            }
            "members" => {
                let member_tiers = value.split('+').map(str::to_owned).collect();
                plan.audience = Some(Audience { member_tiers, ..Audience::default() });
            }
            _ => panic!("no option is called {key}"),
        }
    }
    plan
}

fn command(words: &[&str]) -> ItemCommand {
    let number = |word: &str| word.parse::<i64>().unwrap();
    match *words {
        ["place", request, buyer, units] => place_from(request, buyer, number(units), ""),
        ["place", request, buyer, units, more] if more.contains('=') => {
            place_with(request, buyer, number(units), more)
        }
        ["place", request, buyer, units, channel] => {
            place_from(request, buyer, number(units), channel)
        }
        ["audience", request, tiers] => {
            let tiers = if tiers == "everybody" { "" } else { tiers };
            let member_tiers = tiers.split(',').filter(|tier| !tier.is_empty()).map(str::to_owned);
            let audience = Audience { member_tiers: member_tiers.collect(), ..Audience::default() };
            steer(request, SteerAction::SetAudience(Box::new(audience)))
        }
        ["plan", request, ref steps @ ..] => steer(
            request,
            SteerAction::SetReservePlan(steps.iter().map(|step| reserve_step(step)).collect()),
        ),
        ["pay", request, order, amount, reference] => {
            pay(request, order, number(amount), reference)
        }
        ["pay", request, order, amount, reference, currency] => {
            let ItemCommand::RecordPayment(payment) =
                pay(request, order, number(amount), reference)
            else {
                unreachable!()
            };
            let currency = Currency::parse("currency", currency).unwrap();
            ItemCommand::RecordPayment(RecordPayment { currency, ..payment })
        }
        ["cancel", request, order, buyer] => cancel(request, order, buyer),
        ["fail", request, order, reference, code] => {
            live::payment_failed(request, order, reference, code)
        }
        ["kill", request, order] => act_on(request, OrderAction::Cancel(order_id(order))),
        ["extend", request, order, until] => {
            let (order_id, until) = (order_id(order), UnixMs(number(until)));
            act_on(request, OrderAction::ExtendHold { order_id, until })
        }
        ["refund", request, order, units] => {
            act_on(request, OrderAction::refund(order_id(order), number(units), true).unwrap())
        }
        ["write_off", request, order, units] => {
            act_on(request, OrderAction::refund(order_id(order), number(units), false).unwrap())
        }
        ["settle", request, due, reference] => {
            act_on(request, OrderAction::settle(due_id(due), reference.to_owned()).unwrap())
        }
        ["order", order] => ItemCommand::ShowOrder { order_id: order_id(order), buyer: None },
        ["pause", request] => steer(request, SteerAction::Pause),
        ["resume", request] => steer(request, SteerAction::Resume),
        ["close", request] => steer(request, SteerAction::Close),
        ["allocate", request, warehouse, count] => {
            steer(request, SteerAction::Allocate(units(warehouse, number(count)).into()))
        }
        ["allocate", request, warehouse, count, supplier] => {
            steer(request, SteerAction::Allocate(supplied(warehouse, number(count), supplier)))
        }
        ["withdraw", request, warehouse, count] => {
            steer(request, SteerAction::Withdraw(units(warehouse, number(count)).into()))
        }
        ["withdraw", request, warehouse, count, supplier] => {
            steer(request, SteerAction::Withdraw(supplied(warehouse, number(count), supplier)))
        }
        ["move", request, from, to, count] => {
            let (from, to) = (from.to_owned(), to.to_owned());
            steer(request, SteerAction::Move { from, to, units: number(count) })
        }
        ["reserve", request, warehouse, count] => {
            steer(request, SteerAction::SetReserve(units(warehouse, number(count))))
        }
        ["release", request, warehouse, count] => {
            steer(request, SteerAction::ReleaseReserve(units(warehouse, number(count))))
        }
        ["limit", request, per_buyer, per_order] => {
            let most = |word: &str| (word != "none").then(|| number(word));
            let (per_buyer, per_order) = (most(per_buyer), most(per_order));
            steer(request, SteerAction::SetPurchaseLimit { per_buyer, per_order })
        }
        ["sale_pause", request] => steer(request, SteerAction::PauseWithSale),
        ["sale_resume", request] => steer(request, SteerAction::ResumeWithSale),
        ["add"] => live::add(live::plan()),
        ["show"] => ItemCommand::Show,
        ["order", order, buyer] => show_order(order, buyer),
        _ => panic!("no command looks like {words:?}"),
    }
}

/// An order with `region=east` or `tier=gold`, or both, separated by commas.
fn place_with(request: &str, buyer: &str, units: i64, more: &str) -> ItemCommand {
    let ItemCommand::PlaceOrder(place) = place_from(request, buyer, units, "") else {
        unreachable!()
    };
    let mut told = PlaceMore::default();
    for field in more.split(',') {
        match field.split_once('=').unwrap() {
            ("region", region) => region.clone_into(&mut told.region),
            ("tier", tier) => {
                let member_tier = tier.to_owned();
                told.shopper = Some(OrderShopper { member_tier, ..OrderShopper::default() });
            }
            (field, _) => panic!("no order says {field}"),
        }
    }
    ItemCommand::PlaceOrder(place.with(told))
}

/// `5:2`, `5:2:propose`, `5:2:release:north+south`.
pub fn reserve_step(text: &str) -> ReserveStep {
    let fields: Vec<&str> = text.split(':').collect();
    let from = fields.get(3).map_or("", |from| from);
    ReserveStep {
        below_units: fields[0].parse().unwrap(),
        release_units: fields[1].parse().unwrap(),
        from: from.split('+').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        act: match fields.get(2) {
            Some(&"propose") => ReserveAct::Propose,
            _ => ReserveAct::Release,
        },
    }
}

fn supplied(warehouse: &str, count: i64, supplier: &str) -> SuppliedUnits {
    SuppliedUnits { at: units(warehouse, count), supplier: Some(supplier.to_owned()) }
}

/// An answer in words; a question's answer has no place in the log to be told.
fn say(decided: &Decided, asks: bool) -> String {
    let (mut said, natural) = match &decided.outcome {
        ItemOutcome::Order(order) => {
            let (state, natural) = match order.state {
                OrderState::Held => ("held", "OrderPlaced"),
                OrderState::Paid => ("paid", "OrderPaid"),
                OrderState::Cancelled => ("cancelled", "OrderCancelled"),
                OrderState::Expired => ("expired", "no event"),
                OrderState::Refunded => ("refunded", "OrderRefunded"),
            };
            let back = match (order.refunded_units, order.refunded_minor) {
                (0, _) => String::new(),
                (units, minor) => format!(" back {units} for {minor}"),
            };
            (format!("{state} {} {}{back}", order.buyer, order.units), natural)
        }
        ItemOutcome::Quote { quote, .. } => (format!("quote {}", quote.quote.total_minor), ""),
        ItemOutcome::Item(view) => (snake(&format!("Item{:?}", view.phase)), ""),
        ItemOutcome::Refused { refusal, .. } => {
            (format!("refused {}", snake(&format!("{refusal:?}"))), "")
        }
        ItemOutcome::Misdirected(Misdirected::NotFound(what)) => (format!("not_found {what}"), ""),
        ItemOutcome::Misdirected(Misdirected::RequestIdReused(_)) => ("reused".to_owned(), ""),
        ItemOutcome::Misdirected(Misdirected::Invalid(wrong)) => {
            (format!("wrong {}", wrong.field), "")
        }
    };
    let kinds: Vec<&str> = decided.events.iter().map(|caused| caused.event.kind()).collect();
    if decided.position.is_some() {
        assert!(kinds.is_empty(), "an answer that stands in the log already records nothing");
        said.push_str(" again");
    } else if asks {
        assert!(kinds.is_empty(), "a question records nothing");
    } else if kinds.is_empty() && !natural.is_empty() {
        said.push_str(" without an event");
    } else if !kinds.is_empty() && kinds != [natural] {
        said = format!("{said} + {}", kinds.join(" "));
    }
    said
}

/// `OverBuyerLimit` becomes `over_buyer_limit`.
pub fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
