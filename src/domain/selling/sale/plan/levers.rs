//! Who may buy an item that is planned, and where its units come from: audience, regions, suppliers
//! and the reserve plan.

use std::collections::HashSet;

use super::{
    draft::{Draft, DraftItem},
    fields::Fields,
};
use crate::{
    domain::{
        eligibility::DraftAudience,
        item::{check_plan, check_within_reserve},
        limits::{NAME_CHARS_MAX, WAREHOUSES_PER_ITEM_MAX},
    },
    events::{Audience, ItemPlan, Region, ReserveStep, WarehouseSupplier, WarehouseUnits},
    values::{Invalid, bounded_text},
};

/// Most regions of a sale.
const REGIONS_MAX: usize = 100;

/// The audience of an item; `None` where everybody may buy.
pub(super) fn audience(draft: Option<DraftAudience>) -> Result<Option<Audience>, Invalid> {
    let audience = draft.map(DraftAudience::check).transpose();
    let audience = audience.map_err(|invalid| invalid.within("audience"))?;
    Ok(audience.filter(|audience| *audience != Audience::default()))
}

/// Each names a warehouse that has units on offer, and no warehouse has two.
pub(super) fn suppliers(
    suppliers: Vec<(String, String)>,
    units: &[WarehouseUnits],
) -> Result<Vec<WarehouseSupplier>, Invalid> {
    let mut checked: Vec<WarehouseSupplier> = Vec::with_capacity(suppliers.len());
    for (index, (warehouse, supplier)) in suppliers.into_iter().enumerate() {
        let at = format!("suppliers[{index}]");
        bounded_text("supplier", &supplier, NAME_CHARS_MAX)
            .map_err(|invalid| invalid.within(&at))?;
        if !units.iter().any(|on_offer| on_offer.warehouse == warehouse) {
            let named: Vec<_> = units.iter().map(|at| format!("{:?}", at.warehouse)).collect();
            let problem =
                format!("is {warehouse:?}, and the item has units in {}", named.join(", "));
            return Err(Invalid::new("warehouse", problem).within(&at));
        }
        if let Some(earlier) = checked.iter().find(|earlier| earlier.warehouse == warehouse) {
            let problem = format!(
                "is {supplier:?}, and the units of {warehouse:?} come from {:?} already",
                earlier.supplier
            );
            return Err(Invalid::new("supplier", problem).within(&at));
        }
        checked.push(WarehouseSupplier { warehouse, supplier });
    }
    Ok(checked)
}

/// Steps within the reserve that is planned.
pub(super) fn reserve_plan(
    steps: Vec<ReserveStep>,
    units: &[WarehouseUnits],
    reserve: &[WarehouseUnits],
) -> Result<Vec<ReserveStep>, Invalid> {
    check_plan("reserve_plan", &steps)?;
    let all: HashSet<&str> = units.iter().chain(reserve).map(|at| &*at.warehouse).collect();
    let all: Vec<&str> = all.into_iter().collect();
    let kept = |name: &str| reserve.iter().find(|at| at.warehouse == name).map_or(0, |at| at.units);
    check_within_reserve("reserve_plan", &steps, &all, kept)?;
    Ok(steps)
}

/// Gives all items the regions of the sale. Each has a name of its own and warehouses of at least one
/// item.
pub(super) fn put_regions(regions: &[Region], items: &mut [ItemPlan]) -> Result<(), Invalid> {
    if regions.len() > REGIONS_MAX {
        let problem = format!("has {} regions, more than {REGIONS_MAX}", regions.len());
        return Err(Invalid::new("regions", problem));
    }
    if regions.is_empty() {
        return Ok(());
    }
    let places = items.iter().flat_map(|item| item.units.iter().chain(&item.reserve));
    let known: HashSet<&str> = places.map(|at| &*at.warehouse).collect();
    for (index, region) in regions.iter().enumerate() {
        let at = format!("regions[{index}]");
        check_region(region, &known).map_err(|invalid| invalid.within(&at))?;
        if let Some(earlier) = regions[..index].iter().position(|one| one.name == region.name) {
            let problem = format!("is {:?}, and so is that of regions[{earlier}]", region.name);
            return Err(Invalid::new("name", problem).within(&at));
        }
    }
    for item in items {
        item.regions = regions.to_vec();
    }
    Ok(())
}

fn check_region(region: &Region, known: &HashSet<&str>) -> Result<(), Invalid> {
    bounded_text("name", &region.name, NAME_CHARS_MAX)?;
    let count = region.warehouses.len();
    if !(1..=WAREHOUSES_PER_ITEM_MAX).contains(&count) {
        let problem = format!("must name 1 to {WAREHOUSES_PER_ITEM_MAX} warehouses, not {count}");
        return Err(Invalid::new("warehouses", problem));
    }
    for (place, warehouse) in region.warehouses.iter().enumerate() {
        let field = format!("warehouses[{place}]");
        if !known.contains(&**warehouse) {
            let problem = format!("is {warehouse:?}, and no item has such a warehouse");
            return Err(Invalid::new(field, problem));
        }
        if region.warehouses[..place].contains(warehouse) {
            let problem = format!("is {warehouse:?}, which was named before");
            return Err(Invalid::new(field, problem));
        }
    }
    Ok(())
}

/// Nothing where nothing is said: sales of earlier versions keep their fingerprints.
pub(super) fn fingerprint(fields: &mut Fields, draft: &Draft) {
    for (index, item) in draft.items.iter().enumerate() {
        of_item(fields, index, item);
    }
    if let Some(audience) = &draft.audience {
        fields.text("audience");
        of_audience(fields, audience);
    }
    if !draft.regions.is_empty() {
        fields.text("regions");
        fields.length(draft.regions.len());
        for Region { name, warehouses } in &draft.regions {
            fields.text(name);
            texts(fields, warehouses);
        }
    }
}

fn of_item(fields: &mut Fields, index: usize, item: &DraftItem) {
    if !item.suppliers.is_empty() {
        fields.text("suppliers");
        fields.length(index);
        fields.length(item.suppliers.len());
        for (warehouse, supplier) in &item.suppliers {
            fields.text(warehouse);
            fields.text(supplier);
        }
    }
    if let Some(audience) = &item.audience {
        fields.text("item audience");
        fields.length(index);
        of_audience(fields, audience);
    }
    if item.draw != crate::events::Draw::default() {
        fields.text("draw");
        fields.length(index);
        fields.text(item.draw.name());
    }
    if item.reinstate_within_ms.is_some() {
        fields.text("reinstate_within");
        fields.length(index);
        fields.number(item.reinstate_within_ms);
    }
    if !item.reserve_plan.is_empty() {
        fields.text("reserve_plan");
        fields.length(index);
        fields.length(item.reserve_plan.len());
        for ReserveStep { below_units, release_units, from, act } in &item.reserve_plan {
            fields.number(Some(*below_units));
            fields.number(Some(*release_units));
            texts(fields, from);
            fields.text(act.name());
        }
    }
}

fn of_audience(fields: &mut Fields, audience: &DraftAudience) {
    for (name, list) in audience.lists() {
        fields.text(name);
        texts(fields, list);
    }
    fields.number(Some(i64::from(audience.new_buyers_only)));
}

fn texts(fields: &mut Fields, texts: &[String]) {
    fields.length(texts.len());
    for text in texts {
        fields.text(text);
    }
}
