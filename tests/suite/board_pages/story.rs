//! An order's story: what it says in English it says in Chinese, to the last number. Method: a story
//! with every outcome, every place in the log and every ending, and one without any.

use doorbuster::{
    domain::item::OrderState,
    events::{
        AttemptOutcome, GiftTaken, OfferApplied, OrderPart, OrderPrice, OrderReferences, Position,
    },
    pages::{
        Lang,
        board::{self, Fate},
    },
    replay::{
        Placement,
        explain::{AttemptStory, Explanation, OrderStory},
    },
    reports::OrderRecord,
    values::{Currency, ItemId, OrderId, SaleId, UnixMs},
};
use uuid::Uuid;

use super::OPENS;

/// An attempt whose every figure is another one.
fn attempt(outcome: AttemptOutcome, places: (Option<u64>, Option<u64>)) -> AttemptStory {
    AttemptStory {
        at: UnixMs(OPENS * 1_000 + 17),
        units: 2,
        outcome,
        order: None,
        after_revision: places.0,
        before_revision: places.1,
        placement: Placement::ByDecision,
        available: 31,
        held: 41,
        attempts_before: 59,
        attempts_before_in_second: 53,
    }
}

fn told_order(state: OrderState, settled_at: Option<i64>) -> OrderStory {
    OrderStory {
        order_id: OrderId(Uuid::from_u128(5)),
        units: 3,
        price: OrderPrice { unit_price_minor: 500, total_minor: 1_500, ..Default::default() },
        references: None,
        currency: Currency::parse("currency", "EUR").unwrap(),
        state,
        placed_at: UnixMs(OPENS * 1_000 + 19),
        pay_by: UnixMs(OPENS * 1_000 + 60_019),
        settled_at: settled_at.map(UnixMs),
        paid_too_late: state == OrderState::Expired,
        revision: 8,
        position: Position(9),
    }
}

/// An order on hold that costs that.
fn priced_order(units: i64, price: OrderPrice) -> OrderStory {
    OrderStory { units, price, ..told_order(OrderState::Held, None) }
}

/// Four units: one of the first step, two of the second at a time price, one after the last; an offer
/// takes 4.78 off, and a gift of two units comes with them.
fn priced() -> OrderPrice {
    let part = |step, time_price, units, unit_price_minor| OrderPart {
        step,
        time_price,
        units,
        unit_price_minor,
    };
    OrderPrice {
        coupon: None,
        unit_price_minor: 990,
        parts: vec![
            part(Some(0), None, 1, 990),
            part(Some(1), Some(0), 2, 1_100),
            part(None, None, 1, 1_590),
        ],
        offer: Some(OfferApplied { name: "ten".into(), discount_minor: 478 }),
        gift: Some(GiftTaken { offer: "strap".to_owned(), sku: "STRAP".to_owned(), units: 2 }),
        gift_gone: None,
        total_minor: 4_302,
    }
}

/// One unit after the last step, whose gift is used up.
fn without_gift() -> OrderPrice {
    OrderPrice {
        parts: priced().parts.split_off(2),
        gift_gone: Some("strap".to_owned()),
        unit_price_minor: 1_590,
        total_minor: 1_590,
        ..OrderPrice::default()
    }
}

/// Two units of an item without steps, with an offer.
fn reduced() -> OrderPrice {
    let offer = Some(OfferApplied { name: "ten".into(), discount_minor: 100_000 });
    OrderPrice { unit_price_minor: 500_000, offer, total_minor: 900_000, ..OrderPrice::default() }
}

/// A story with every outcome, place and ending, and one without any.
fn stories() -> [Explanation; 2] {
    let places = [(Some(11), Some(12)), (Some(13), None), (None, Some(14)), (None, None)];
    let all = AttemptOutcome::ALL.into_iter().zip(places.into_iter().cycle());
    let mut attempts: Vec<_> = all.map(|(outcome, places)| attempt(outcome, places)).collect();
    attempts[1].placement = Placement::Certain;
    attempts[2].placement = Placement::ByTime;
    let order = Some((OrderId(Uuid::from_u128(5)), 15));
    attempts.push(AttemptStory { order, ..attempt(AttemptOutcome::Placed, (None, None)) });
    let ended = Some(OPENS * 1_000 + 23);
    let orders = vec![
        told_order(OrderState::Held, None),
        told_order(OrderState::Paid, ended),
        told_order(OrderState::Cancelled, ended),
        told_order(OrderState::Expired, ended),
        priced_order(4, priced()),
        priced_order(1, without_gift()),
    ];
    let full = Explanation {
        item: ItemId(Uuid::from_u128(1)),
        sku: "P-1".to_owned(),
        title: "手机".to_owned(),
        attempts_in_total: attempts.len() as i64 + 7,
        attempts,
        orders,
        first_sold_out_at: Some(UnixMs(OPENS * 1_000 + 29)),
        last_sold_out_at: Some(UnixMs(OPENS * 1_000 + 31)),
        attempts_of_all: 99,
        orders_without_attempt: 37,
    };
    let empty = Explanation {
        attempts: Vec::new(),
        attempts_in_total: 0,
        orders: Vec::new(),
        last_sold_out_at: None,
        orders_without_attempt: 0,
        ..full.clone()
    };
    [full, empty]
}

/// The sentences of a fragment, as they are read.
fn told(story: &Explanation, lang: Lang) -> Vec<String> {
    let fates = story.orders.iter().map(|order| match order.state {
        OrderState::Held => Fate::Held,
        OrderState::Paid | OrderState::Refunded => Fate::Paid,
        OrderState::Cancelled => Fate::Cancelled,
        OrderState::Expired => Fate::Expired,
    });
    let fates: Vec<Fate> = fates.collect();
    let html = board::story(story, &fates, lang).replace("&#39;", "'");
    let sentences = html.split("<p>").skip(1);
    sentences.map(|sentence| sentence.trim_end_matches("</p>").to_owned()).collect()
}

#[test]
fn a_chinese_story_says_what_became_of_each_attempt_and_order() {
    let [full, _] = stories();
    let told = told(&full, Lang::Chinese);
    for (outcome, says) in [
        (AttemptOutcome::Placed, "已下单"),
        (AttemptOutcome::Repeated, "重复"),
        (AttemptOutcome::SoldOut, "已无可售库存"),
        (AttemptOutcome::NotEnoughUnits, "可售库存不足"),
        (AttemptOutcome::NotOpenYet, "尚未开售"),
        (AttemptOutcome::Closed, "已结束销售"),
        (AttemptOutcome::Paused, "已暂停"),
        (AttemptOutcome::OverBuyerLimit, "超过每人限购"),
        (AttemptOutcome::OverOrderLimit, "超过每单限购"),
        (AttemptOutcome::NotEligible, "不在购买对象之内"),
        (AttemptOutcome::GiftGone, "赠品已送完"),
        (AttemptOutcome::PriceChanged, "价格超过所能接受的上限"),
    ] {
        let place = full.attempts.iter().position(|one| one.outcome == outcome).unwrap();
        assert!(told[place].contains(says), "{outcome:?}: {}", told[place]);
        assert!(told[place].contains("可售 31 件，锁定 41 件"), "{}", told[place]);
    }
    let first = told.iter().position(|sentence| sentence.starts_with("订单")).unwrap();
    let fates = ["锁定中，可在", "支付。", "取消。", "到期。付款到达时锁定已结束"];
    for (sentence, says) in told[first..].iter().zip(fates) {
        assert!(sentence.contains(says), "{says}: {sentence}");
    }
}

/// What an order costs and why, in each language: as a sentence, and as the list of its page.
fn why(price: OrderPrice, units: i64) -> [(String, Vec<String>); 2] {
    [Lang::English, Lang::Chinese].map(|lang| {
        let [mut story, _] = stories();
        story.orders = vec![priced_order(units, price.clone())];
        let mut told = told(&story, lang);
        let sentence = told.remove(story.attempts.len() + 1);
        let ends = match lang {
            Lang::English => "08:01:00.019Z.",
            Lang::Chinese => "之前支付。",
        };
        let (_, why) = sentence.split_once(ends).unwrap_or_else(|| panic!("{sentence}"));
        let record = OrderRecord {
            order_id: story.orders[0].order_id,
            item_id: story.item,
            sale_id: SaleId(Uuid::from_u128(7)),
            buyer: "ann".to_owned(),
            units,
            price: price.clone(),
            currency: "EUR".to_owned(),
            state: OrderState::Held,
            placed_at: UnixMs(OPENS * 1_000),
            pay_by: UnixMs(OPENS * 1_000 + 60_000),
            channel: String::new(),
            warehouses: Vec::new(),
            settled_at: None,
            payment_reference: String::new(),
            failed_payments: 0,
            reinstated_at: None,
            refunded_units: 0,
            refunded_minor: 0,
            references: OrderReferences::default(),
        };
        let page = board::order_page(&record, &[], Fate::Held, lang, ("/board.js", "/board.css"));
        let list = page.split_once("<ul id=\"price\">").map_or("", |(_, rest)| rest);
        let list = list.split_once("</ul>").map_or("", |(list, _)| list);
        let listed =
            list.split("<li>").skip(1).map(|line| line.trim_end_matches("</li>").to_owned());
        (why.trim().to_owned(), listed.collect())
    })
}

#[test]
fn an_order_says_in_both_languages_what_its_units_cost_and_what_an_offer_and_a_gift_did() {
    let [english, chinese] = why(priced(), 4);
    assert_eq!(
        english.0,
        "It costs 43.02 EUR: 1 at 9.90 EUR (step 1), 2 at 11.00 EUR (time price), 1 at 15.90 EUR (base \
         price); offer ten takes 4.78 EUR off; offer strap adds 2 STRAP."
    );
    assert_eq!(
        chinese.0,
        "应付 43.02 EUR：1 件，单价 9.90 EUR（第 1 档）；2 件，单价 11.00 EUR（限时价）；1 件，单价 15.90 \
         EUR（基准价）；优惠 ten 减 4.78 EUR；优惠 strap 赠送 2 件 STRAP。"
    );
    assert_eq!(
        english.1,
        [
            "1 at 9.90 EUR (step 1)",
            "2 at 11.00 EUR (time price)",
            "1 at 15.90 EUR (base price)",
            "offer ten takes 4.78 EUR off",
            "offer strap adds 2 STRAP",
        ]
    );
    assert_eq!(
        chinese.1,
        [
            "1 件，单价 9.90 EUR（第 1 档）",
            "2 件，单价 11.00 EUR（限时价）",
            "1 件，单价 15.90 EUR（基准价）",
            "优惠 ten 减 4.78 EUR",
            "优惠 strap 赠送 2 件 STRAP",
        ]
    );
}

#[test]
fn an_order_without_its_gift_or_steps_says_so_in_both_languages_and_a_plain_one_says_nothing() {
    let [english, chinese] = why(without_gift(), 1).map(|(sentence, _)| sentence);
    let gone =
        "It costs 15.90 EUR: 1 at 15.90 EUR (base price); the gift of offer strap is used up.";
    assert_eq!(english, gone);
    assert_eq!(
        chinese,
        "应付 15.90 EUR：1 件，单价 15.90 EUR（基准价）；优惠 strap 的赠品已赠完。"
    );
    let [english, chinese] = why(reduced(), 2);
    assert_eq!(
        english.0,
        "It costs 9000.00 EUR: 2 at 5000.00 EUR (base price); offer ten takes 1000.00 EUR off."
    );
    assert_eq!(
        chinese.0,
        "应付 9,000.00 EUR：2 件，单价 5,000.00 EUR（基准价）；优惠 ten 减 1,000.00 EUR。"
    );
    assert_eq!(english.1, ["2 at 5,000.00 EUR (base price)", "offer ten takes 1,000.00 EUR off"]);
    let plain = OrderPrice { unit_price_minor: 500, total_minor: 1_500, ..OrderPrice::default() };
    assert_eq!(why(plain, 3), [(String::new(), vec![]), (String::new(), vec![])]);
}

#[test]
fn an_order_that_ended_at_an_unknown_moment_ended_later() {
    let [mut story, _] = stories();
    story.orders = vec![told_order(OrderState::Paid, None)];
    let said = story.sentences().into_iter().find(|one| one.starts_with("Order")).unwrap();
    assert!(said.ends_with(", was paid later."), "{said}");
}

#[test]
fn an_orders_story_tells_the_same_in_chinese() {
    for story in stories() {
        let (english, chinese) = (told(&story, Lang::English), told(&story, Lang::Chinese));
        assert_eq!(english.len(), chinese.len(), "{chinese:?}");
        for (english, chinese) in english.iter().zip(&chinese) {
            let numbers = |text: &str| {
                let mut found: Vec<String> = text
                    .split(|letter: char| !letter.is_ascii_digit())
                    .filter(|digits| !digits.is_empty())
                    .map(str::to_owned)
                    .collect();
                found.sort();
                found
            };
            assert_eq!(numbers(english), numbers(chinese), "{english}\n{chinese}");
            // Of Latin letters only those of a moment, a currency and the operator's own names are left.
            let names = ["EUR", "ten", "strap", "STRAP"];
            let word = |text: &str| text.len() > 1 && text.is_ascii() && !names.contains(&text);
            let mut words = chinese.split(|letter: char| !letter.is_ascii_alphabetic());
            assert!(!words.any(word), "{chinese}");
        }
    }
}
