//! Audiences, regions and reserve plans between protobuf and the domain.

use super::times::timestamp;
use crate::{
    domain::eligibility::DraftAudience,
    events::{Audience, Draw, Proposal, Region, ReserveAct, ReserveStep},
    grpc::proto,
    values::Invalid,
};

// ---- in ----

pub(in crate::grpc) fn draft_audience(audience: proto::Audience) -> DraftAudience {
    DraftAudience {
        age_bands: audience.age_bands,
        genders: audience.genders,
        regions: audience.regions,
        spending_tiers: audience.spending_tiers,
        member_tiers: audience.member_tiers,
        new_buyers_only: audience.new_buyers_only,
        needs: audience.needs,
    }
}

pub(in crate::grpc) fn regions(regions: Vec<proto::Region>) -> Vec<Region> {
    let region =
        |region: proto::Region| Region { name: region.name, warehouses: region.warehouses };
    regions.into_iter().map(region).collect()
}

pub(in crate::grpc) fn draw(draw: i32) -> Result<Draw, Invalid> {
    match proto::DrawOrder::try_from(draw) {
        Ok(proto::DrawOrder::Unspecified | proto::DrawOrder::Listed) => Ok(Draw::Listed),
        Ok(proto::DrawOrder::Fullest) => Ok(Draw::Fullest),
        Err(_) => Err(Invalid::new("draw", format!("must be LISTED or FULLEST, not {draw}"))),
    }
}

/// The steps of a plan, under the name that the request has for them.
pub(in crate::grpc) fn reserve_plan(
    field: &str,
    steps: Vec<proto::ReserveStep>,
) -> Result<Vec<ReserveStep>, Invalid> {
    let step = |(index, step): (usize, proto::ReserveStep)| {
        let proto::ReserveStep { below_units, release_units, from, action } = step;
        let act = match proto::ReserveAction::try_from(action) {
            Ok(proto::ReserveAction::Unspecified | proto::ReserveAction::Release) => {
                ReserveAct::Release
            }
            Ok(proto::ReserveAction::Propose) => ReserveAct::Propose,
            Err(_) => {
                let problem = format!("must be RELEASE or PROPOSE, not {action}");
                let at = format!("{field}[{index}]");
                return Err(Invalid::new("action", problem).within(&at));
            }
        };
        Ok(ReserveStep { below_units, release_units, from, act })
    };
    steps.into_iter().enumerate().map(step).collect()
}

// ---- out ----

pub(in crate::grpc) fn audience(audience: Audience) -> proto::Audience {
    proto::Audience {
        age_bands: audience.age_bands.iter().map(ToString::to_string).collect(),
        genders: audience.genders.iter().map(ToString::to_string).collect(),
        regions: audience.regions,
        spending_tiers: audience.spending_tiers.iter().map(ToString::to_string).collect(),
        member_tiers: audience.member_tiers,
        new_buyers_only: audience.new_buyers_only,
        needs: Vec::new(),
    }
}

pub(in crate::grpc) fn region(region: Region) -> proto::Region {
    proto::Region { name: region.name, warehouses: region.warehouses }
}

pub(in crate::grpc) fn draw_order(draw: Draw) -> proto::DrawOrder {
    match draw {
        Draw::Listed => proto::DrawOrder::Unspecified,
        Draw::Fullest => proto::DrawOrder::Fullest,
    }
}

pub(in crate::grpc) fn reserve_step(step: ReserveStep) -> proto::ReserveStep {
    let action = match step.act {
        ReserveAct::Release => proto::ReserveAction::Release,
        ReserveAct::Propose => proto::ReserveAction::Propose,
    };
    proto::ReserveStep {
        below_units: step.below_units,
        release_units: step.release_units,
        from: step.from,
        action: action.into(),
    }
}

pub(in crate::grpc) fn proposal(proposal: Proposal) -> proto::ReserveProposal {
    let Proposal { step, warehouse, units, below_units, proposed_at_ms } = proposal;
    let propose_time = Some(timestamp(proposed_at_ms));
    proto::ReserveProposal { step: u32::from(step), warehouse, units, propose_time, below_units }
}
