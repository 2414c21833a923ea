//! What an order says of its buyer besides a name: a region, and attributes for items with an audience.

use std::str::FromStr;

use crate::{
    cli::failure::{Code, Failure},
    grpc::proto::Shopper,
    values::{AgeBand, Gender, Invalid, REGION_CHARS_MAX, SpendingTier, bounded_text},
};

const KEYS: [&str; 6] =
    ["age_band", "gender", "region", "spending_tier", "new_buyer", "member_tier"];

#[derive(Debug, clap::Args)]
pub struct Buyer {
    /// A region of the sale: the order draws from its warehouses first. At most 64 characters
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub region: String,
    /// What the shop knows of the buyer, which an item with an audience asks for; may be given more
    /// than once. The keys are age_band, gender, region, spending_tier, new_buyer, member_tier
    #[arg(long = "shopper", value_name = "KEY=VALUE")]
    known: Vec<Attribute>,
}

/// One attribute with its value.
#[derive(Debug, Clone)]
struct Attribute {
    key: &'static str,
    value: String,
}

impl FromStr for Attribute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(format!("must be KEY=VALUE; the keys are {}", KEYS.join(", ")));
        };
        let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
            return Err(format!("key must be one of {}, not {key:?}", KEYS.join(", ")));
        };
        let checked = match key {
            "age_band" => value.parse::<AgeBand>().map(drop),
            "gender" => value.parse::<Gender>().map(drop),
            "spending_tier" => value.parse::<SpendingTier>().map(drop),
            "new_buyer" => value
                .parse::<bool>()
                .map(drop)
                .map_err(|_| Invalid::new(key, format!("must be true or false, not {value:?}"))),
            _ => bounded_text(key, value, REGION_CHARS_MAX),
        };
        checked.map_err(|invalid| invalid.to_string())?;
        Ok(Self { key, value: value.to_owned() })
    }
}

impl Buyer {
    /// The attributes; absent where none is given.
    ///
    /// # Errors
    /// An attribute that is given twice.
    pub fn shopper(&self) -> Result<Option<Shopper>, Failure> {
        let mut shopper = Shopper::default();
        for (place, Attribute { key, value }) in self.known.iter().enumerate() {
            if let Some(earlier) = self.known[..place].iter().find(|earlier| earlier.key == *key) {
                let said = &earlier.value;
                let message =
                    format!("--shopper {key} is given twice, as {said:?} and as {value:?}");
                return Err(Failure::new(Code::Usage, message));
            }
            let value = value.clone();
            match *key {
                "age_band" => shopper.age_band = value,
                "gender" => shopper.gender = value,
                "region" => shopper.region = value,
                "spending_tier" => shopper.spending_tier = value,
                "new_buyer" => shopper.new_buyer = Some(value == "true"),
                _ => shopper.member_tier = value,
            }
        }
        Ok((!self.known.is_empty()).then_some(shopper))
    }
}
