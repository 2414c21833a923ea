//! The verbs of `item` that set who may buy it, and the plan by which its reserve is released.

use std::str::FromStr;

use crate::{
    cli::{Common, selling::item_steering::Steer},
    grpc::proto::{
        Audience, ReserveAction, ReserveStep, SetAudienceRequest, SetReservePlanRequest,
    },
};

#[derive(Debug, clap::Args)]
#[group(id = "audience", required = true, multiple = true)]
struct Lists {
    /// Bands of age: under-18, 18-24, 25-34, 35-44, 45-54, 55-64, 65-plus
    #[arg(long, value_name = "BAND", value_delimiter = ',', group = "audience")]
    age_bands: Vec<String>,
    /// Genders: female, male, other
    #[arg(long, value_name = "GENDER", value_delimiter = ',', group = "audience")]
    genders: Vec<String>,
    /// The shop's own names of regions
    #[arg(long, value_name = "NAME", value_delimiter = ',', group = "audience")]
    regions: Vec<String>,
    /// Tiers of spending: low, middle, high, top
    #[arg(long, value_name = "TIER", value_delimiter = ',', group = "audience")]
    spending_tiers: Vec<String>,
    /// The shop's own names of tiers of membership
    #[arg(long, value_name = "NAME", value_delimiter = ',', group = "audience")]
    member_tiers: Vec<String>,
    /// Only buyers who never bought in the shop before
    #[arg(long, group = "audience")]
    new_buyers_only: bool,
    /// Everybody may buy
    #[arg(long, group = "audience", conflicts_with_all = [
        "age_bands", "genders", "regions", "spending_tiers", "member_tiers", "new_buyers_only",
    ])]
    everybody: bool,
}

/// Arguments of `item audience`.
#[derive(Debug, clap::Args)]
pub struct SetAudience {
    #[command(flatten)]
    lists: Lists,
    #[command(flatten)]
    steer: Steer,
}

/// Arguments of `item reserve-plan`.
#[derive(Debug, clap::Args)]
pub struct SetPlan {
    /// A step as BELOW:RELEASE[:release|propose[:WAREHOUSE,...]]; may be given more than once
    #[arg(long = "step", value_name = "STEP", required_unless_present = "none")]
    steps: Vec<Step>,
    /// End the plan
    #[arg(long, conflicts_with = "steps")]
    none: bool,
    #[command(flatten)]
    steer: Steer,
}

/// A step as it is written.
#[derive(Debug, Clone)]
struct Step(ReserveStep);

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be BELOW:RELEASE[:release|propose[:WAREHOUSE,...]]".to_owned();
        let fields: Vec<&str> = text.splitn(4, ':').collect();
        let [below, release, more @ ..] = fields.as_slice() else { return Err(wrong()) };
        let action = match more.first() {
            None | Some(&"release") => ReserveAction::Release,
            Some(&"propose") => ReserveAction::Propose,
            Some(_) => return Err(wrong()),
        };
        let from = more
            .get(1)
            .map_or_else(Vec::new, |names| names.split(',').map(str::to_owned).collect());
        Ok(Self(ReserveStep {
            below_units: below.parse().map_err(|_| wrong())?,
            release_units: release.parse().map_err(|_| wrong())?,
            from,
            action: action.into(),
        }))
    }
}

impl SetAudience {
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { lists, steer } = self;
        let Lists {
            age_bands,
            genders,
            regions,
            spending_tiers,
            member_tiers,
            new_buyers_only,
            everybody: _,
        } = lists;
        let audience = Audience {
            age_bands,
            genders,
            regions,
            spending_tiers,
            member_tiers,
            new_buyers_only,
            needs: Vec::new(),
        };
        let request = SetAudienceRequest { audience: Some(audience), ..Default::default() };
        steer.run(common, request, async |mut items, request| items.set_audience(request).await)
    }
}

impl SetPlan {
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { steps, none: _, steer } = self;
        let steps: Vec<ReserveStep> = steps.into_iter().map(|step| step.0).collect();
        let request = SetReservePlanRequest { steps, ..Default::default() };
        steer.run(common, request, async |mut items, request| items.set_reserve_plan(request).await)
    }
}
