//! A sample of each event of the limit over a sale, and the members that it adds to others.

use doorbuster::{
    events::{
        Event, ItemEvent, OrderEvent, QuotaEvent, QuotaReturned, QuotaTaken, Reward, SaleCreated,
        SaleEvent, SaleLimit, Stored, decode,
    },
    values::SaleId,
};

use super::{AT, ITEM, ORDER, SALE, items, recorded, sale_samples};

pub fn samples() -> Vec<QuotaEvent> {
    vec![
        QuotaEvent::Taken(QuotaTaken {
            order_id: ORDER,
            item_id: ITEM,
            buyer: "buyer-000042".to_owned(),
            units: 2,
            buyer_units: 3,
            limit_per_buyer: 3,
            taken_at_ms: AT,
        }),
        QuotaEvent::Returned(QuotaReturned { order_id: ORDER, units_left: 1, returned_at_ms: AT }),
    ]
}

#[test]
fn ids_of_the_limit_are_the_same_in_every_process_and_version() {
    // Computed outside of this program, as for orders.
    assert_eq!(SALE.taken_id(ORDER).to_string(), "18269ea8-128e-542b-afc3-8a4df556f3eb");
    assert_eq!(SALE.given_back_id(ORDER, 1).to_string(), "0ff85de5-83e4-5ef2-a000-2a23520cea49");
    let batch = SALE.batch_id("save20");
    assert_eq!(
        SALE.earned_request(batch, "buyer-000042").to_string(),
        "e60a8950-996e-51d6-ad1a-0ad5ac44a629"
    );
}

#[test]
fn orders_say_of_a_limit_only_where_there_is_one() {
    let with = |event: &OrderEvent, by: Option<SaleId>| match event.clone() {
        OrderEvent::Placed(mut e) => {
            e.sale_limit = by.map(|sale_id| Box::new(SaleLimit { sale_id, per_buyer: 3 }));
            Some(OrderEvent::Placed(e))
        }
        OrderEvent::Cancelled(mut e) => {
            e.limited_by = by;
            Some(OrderEvent::Cancelled(e))
        }
        OrderEvent::Expired(mut e) => {
            e.limited_by = by;
            Some(OrderEvent::Expired(e))
        }
        OrderEvent::Refunded(mut e) => {
            e.limited_by = by;
            Some(OrderEvent::Refunded(e))
        }
        _ => None,
    };
    let mut seen = 0;
    for event in items::samples() {
        let ItemEvent::Order(event) = event else { continue };
        let Some(limited) = with(&event, Some(SALE)) else { continue };
        let text = |event: &OrderEvent| String::from_utf8(event.json()).unwrap();
        let sale = SALE.to_string();
        let more = [
            format!("\"sale_limit\":{{\"sale_id\":\"{sale}\",\"per_buyer\":3}},"),
            format!("\"limited_by\":\"{sale}\","),
        ];
        let plain = more.iter().fold(text(&limited), |text, more| text.replace(more, ""));
        assert_eq!(plain, text(&event));
        assert_ne!(plain, text(&limited));
        let read = decode(&recorded(limited.kind(), &limited.json()));
        assert_eq!(read, Ok(Event::Item(ItemEvent::Order(limited))));
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn a_sale_with_a_limit_and_rewards_is_read_as_it_was_written() {
    let created = sale_samples().into_iter().find_map(|event| match event {
        SaleEvent::Created(created) => Some(created),
        _ => None,
    });
    let rewards = vec![Reward { spend_minor: 30_000, batch_id: SALE.batch_id("save20") }];
    let created = SaleCreated { limit_per_buyer: Some(3), rewards, ..created.unwrap() };
    let event = SaleEvent::Created(created);
    let text = String::from_utf8(event.json()).unwrap();
    let batch = SALE.batch_id("save20");
    let more = format!(
        "\"limit_per_buyer\":3,\"rewards\":[{{\"spend_minor\":30000,\"batch_id\":\"{batch}\"}}],\"act\""
    );
    assert!(text.contains(&more), "{text}");
    assert_eq!(decode(&recorded(event.kind(), text.as_bytes())), Ok(Event::Sale(event)));
}
