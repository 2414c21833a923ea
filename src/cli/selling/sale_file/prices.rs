//! `[[items.steps]]`, `[[items.time_prices]]` and `[[items.offers]]` of the sale file.

use super::{Reader, ppm_of};
use crate::{
    config::document::Section,
    domain::{price::DraftOffer, sale::DraftItem},
    events::{PriceStep, ReturnedUnits, TimePrice, WhenGone},
    values::{Invalid, UnixMs},
};

const STEP_KEYS: &[&str] = &["units", "unit_price_minor"];

const TIME_PRICE_KEYS: &[&str] = &["from", "until", "unit_price_minor"];

const OFFER_KEYS: &[&str] = &[
    "name",
    "from_units",
    "from_minor",
    "amount_minor",
    "each",
    "times_max",
    "percent",
    "at_most_minor",
    "gift_sku",
    "gift_units",
    "gift_each",
    "when_gone",
    "from",
    "until",
];

impl Reader {
    /// Reads what an item costs besides its base price.
    pub(super) fn prices(&mut self, section: &Section<'_>, item: &mut DraftItem) {
        item.floor_minor = self.integer(section, "floor_minor");
        item.returned_units = self
            .one_of(
                section,
                "returned_units",
                [ReturnedUnits::SamePrice, ReturnedUnits::NextPrice],
                ReturnedUnits::name,
            )
            .unwrap_or_default();
        item.steps = self.tables(section, "steps").iter().map(|step| self.step(step)).collect();
        let time_prices = self.tables(section, "time_prices");
        item.time_prices = time_prices.iter().map(|price| self.time_price(price)).collect();
        item.offers = self.offers(section);
    }

    /// Reads the offers of an item, or of a file of their own.
    pub(super) fn offers(&mut self, section: &Section<'_>) -> Vec<DraftOffer> {
        let offers = self.tables(section, "offers");
        offers.iter().map(|offer| self.offer(offer)).collect()
    }

    fn step(&mut self, section: &Section<'_>) -> PriceStep {
        self.only(section, STEP_KEYS);
        PriceStep {
            units: self.required_integer(section, "units").unwrap_or(0),
            unit_price_minor: self.required_integer(section, "unit_price_minor").unwrap_or(0),
        }
    }

    fn time_price(&mut self, section: &Section<'_>) -> TimePrice {
        self.only(section, TIME_PRICE_KEYS);
        TimePrice {
            from_ms: self.required_time(section, "from").unwrap_or_default(),
            until_ms: self.required_time(section, "until").unwrap_or(UnixMs::LATEST),
            unit_price_minor: self.required_integer(section, "unit_price_minor").unwrap_or(0),
        }
    }

    fn offer(&mut self, section: &Section<'_>) -> DraftOffer {
        self.only(section, OFFER_KEYS);
        DraftOffer {
            name: self.text(section, "name"),
            from_units: self.integer(section, "from_units"),
            from_minor: self.integer(section, "from_minor"),
            amount_minor: self.integer(section, "amount_minor"),
            each: self.flag(section, "each"),
            times_max: self.integer(section, "times_max"),
            percent_ppm: self.percent(section),
            at_most_minor: self.integer(section, "at_most_minor"),
            gift_sku: self.optional_text(section, "gift_sku").unwrap_or_default().to_owned(),
            gift_units: self.integer(section, "gift_units"),
            gift_each: self.integer(section, "gift_each"),
            when_gone: self.one_of(
                section,
                "when_gone",
                [WhenGone::Without, WhenGone::Refuse],
                WhenGone::name,
            ),
            from: self.time(section, "from"),
            until: self.time(section, "until"),
        }
    }

    /// What `percent` says, in parts per million.
    pub(super) fn percent(&mut self, section: &Section<'_>) -> Option<i64> {
        let text = self.optional_text(section, "percent")?;
        let wrong = || {
            let problem = "must be a percentage such as \"12.5%\", with at most four decimals";
            Invalid::new(section.path("percent"), problem)
        };
        // Something was given, whatever it means.
        Some(self.problems.take(ppm_of(text).ok_or_else(wrong)).unwrap_or(0))
    }

    /// One of the names of a closed set; `None` where it is absent or wrong.
    pub(super) fn one_of<T: Copy, const N: usize>(
        &mut self,
        section: &Section<'_>,
        key: &str,
        all: [T; N],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.optional_text(section, key)?;
        let wrong = || {
            let names = all.map(name).join(" or ");
            Invalid::new(section.path(key), format!("must be {names}, not {text:?}"))
        };
        let found = all.into_iter().find(|known| name(*known) == text);
        self.problems.take(found.ok_or_else(wrong))
    }
}
