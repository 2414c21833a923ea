//! Whether the shopper of an order is one of those who may buy.

use super::bodies::{Audience, OrderShopper};

/// What keeps a shopper from buying: the name of the attribute, what is expected, what was found.
pub(super) fn check(audience: &Audience, shopper: &OrderShopper<'_>) -> Result<(), String> {
    let known = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
    let lists = [
        ("age_band", &audience.age_bands, shopper.age_band.as_deref().and_then(known)),
        ("gender", &audience.genders, shopper.gender.as_deref().and_then(known)),
        ("region", &audience.regions, known(&shopper.region)),
        (
            "spending_tier",
            &audience.spending_tiers,
            shopper.spending_tier.as_deref().and_then(known),
        ),
        ("member_tier", &audience.member_tiers, known(&shopper.member_tier)),
    ];
    for (name, allowed, found) in lists {
        let within = found.as_ref().is_some_and(|found| allowed.contains(found));
        if !allowed.is_empty() && !within {
            let found = found.unwrap_or_else(|| "none".to_owned());
            return Err(format!("expected {name} of {}, found {found}", allowed.join(", ")));
        }
    }
    if audience.new_buyers_only && shopper.new_buyer != Some(true) {
        let found = shopper.new_buyer.map_or("unknown", |_| "false");
        return Err(format!("expected new_buyer true, found {found}"));
    }
    Ok(())
}
