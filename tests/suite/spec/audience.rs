//! Goal: only the audience of an item may buy it, and the refusals come in their order. Method: tables,
//! and each attribute against an audience that asks for it.

use doorbuster::{
    domain::eligibility::{DraftAudience, admits},
    events::OrderShopper,
    values::{AgeBand, Gender, ShopperAttributes, SpendingTier},
};

use super::table::check;

#[test]
fn only_members_of_the_audience_buy() {
    check(
        "offer members=gold+silver
         place r1 ann 1 tier=gold      -> held ann 1
         place r2 bob 1 tier=bronze    -> refused not_eligible
         place r3 cat 1                -> refused not_eligible
         audience a1 everybody         -> item_open + AudienceSet
         place r3 cat 1                -> held cat 1
         place r1 ann 1 tier=gold      -> held ann 1 again
         place r1 ann 1                -> reused
         audience a2 bronze            -> item_open + AudienceSet
         place r4 dan 1 tier=gold      -> refused not_eligible
         pay p1 r1 10 ref              -> paid ann 1
         audience a2 bronze            -> item_open again
         audience a2 gold              -> reused",
    );
}

#[test]
fn eligibility_is_judged_after_window_and_pauses_and_before_limits() {
    check(
        "offer stock=north:1 members=gold open=10 close=100 per_order=2 per_buyer=1
         place r1 ann 3               -> refused not_open_yet
         @10 pause s1                 -> item_paused + ItemPaused
         place r1 ann 3               -> refused paused
         resume s2                    -> item_open + ItemResumed
         place r1 ann 3               -> refused not_eligible
         place r1 ann 3 tier=gold     -> refused over_order_limit
         place r1 ann 2 tier=gold     -> refused over_buyer_limit
         place r1 ann 1 tier=gold     -> held ann 1
         place r2 bob 1               -> refused not_eligible
         place r2 bob 1 tier=gold     -> refused sold_out
         @100 place r3 cat 1          -> refused closed",
    );
}

#[test]
fn each_attribute_must_be_known_and_in_its_list() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let knows = |attributes| OrderShopper { attributes, ..OrderShopper::default() };
    let unknown = ShopperAttributes::default();
    let cases: [(DraftAudience, OrderShopper, OrderShopper); 6] = [
        (
            DraftAudience { age_bands: names(&["18-24", "25-34"]), ..DraftAudience::default() },
            knows(ShopperAttributes { age_band: Some(AgeBand::From25), ..unknown.clone() }),
            knows(ShopperAttributes { age_band: Some(AgeBand::From35), ..unknown.clone() }),
        ),
        (
            DraftAudience { genders: names(&["female"]), ..DraftAudience::default() },
            knows(ShopperAttributes { gender: Some(Gender::Female), ..unknown.clone() }),
            knows(ShopperAttributes { gender: Some(Gender::Male), ..unknown.clone() }),
        ),
        (
            DraftAudience { regions: names(&["east"]), ..DraftAudience::default() },
            knows(ShopperAttributes { region: "east".to_owned(), ..unknown.clone() }),
            knows(ShopperAttributes { region: "west".to_owned(), ..unknown.clone() }),
        ),
        (
            DraftAudience { spending_tiers: names(&["top"]), ..DraftAudience::default() },
            knows(ShopperAttributes { spending_tier: Some(SpendingTier::Top), ..unknown.clone() }),
            knows(ShopperAttributes { spending_tier: Some(SpendingTier::Low), ..unknown.clone() }),
        ),
        (
            DraftAudience { member_tiers: names(&["gold"]), ..DraftAudience::default() },
            OrderShopper { member_tier: "gold".to_owned(), ..OrderShopper::default() },
            OrderShopper { member_tier: "Gold".to_owned(), ..OrderShopper::default() },
        ),
        (
            DraftAudience { new_buyers_only: true, ..DraftAudience::default() },
            OrderShopper { new_buyer: Some(true), ..OrderShopper::default() },
            OrderShopper { new_buyer: Some(false), ..OrderShopper::default() },
        ),
    ];
    for (draft, inside, outside) in cases {
        let audience = draft.check().unwrap();
        assert!(admits(&audience, Some(&inside)), "{audience:?}");
        assert!(!admits(&audience, Some(&outside)), "{audience:?}");
        assert!(!admits(&audience, Some(&OrderShopper::default())), "{audience:?}");
        assert!(!admits(&audience, None), "{audience:?}");
    }
    assert!(admits(&DraftAudience::default().check().unwrap(), None));
}

#[test]
fn an_audience_of_names_that_do_not_exist_is_refused_by_field_and_value() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let none = DraftAudience::default;
    for (draft, field, says) in [
        (DraftAudience { age_bands: names(&["18-24", "19"]), ..none() }, "age_bands[1]", "\"19\""),
        (DraftAudience { genders: names(&["woman"]), ..none() }, "genders[0]", "\"woman\""),
        (DraftAudience { spending_tiers: names(&["gold"]), ..none() }, "spending_tiers[0]", "high"),
        (DraftAudience { regions: names(&["east", "east"]), ..none() }, "regions[1]", "regions[0]"),
        (DraftAudience { member_tiers: names(&[""]), ..none() }, "member_tiers[0]", ""),
    ] {
        let wrong = draft.check().unwrap_err();
        assert_eq!(wrong.field, field);
        assert!(wrong.problem.contains(says), "{}", wrong.problem);
    }
}
