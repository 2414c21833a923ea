//! Audiences, regions and reserve plans of a sale file as the API takes them.

use crate::{
    domain::eligibility::DraftAudience,
    events::{self, Draw, ReserveAct},
    grpc::proto,
};

pub(super) fn audience(draft: DraftAudience) -> proto::Audience {
    proto::Audience {
        age_bands: draft.age_bands,
        genders: draft.genders,
        regions: draft.regions,
        spending_tiers: draft.spending_tiers,
        member_tiers: draft.member_tiers,
        new_buyers_only: draft.new_buyers_only,
        needs: draft.needs,
    }
}

pub(super) fn region(region: events::Region) -> proto::Region {
    proto::Region { name: region.name, warehouses: region.warehouses }
}

pub(super) fn draw(draw: Draw) -> proto::DrawOrder {
    match draw {
        Draw::Listed => proto::DrawOrder::Unspecified,
        Draw::Fullest => proto::DrawOrder::Fullest,
    }
}

pub(super) fn reserve_step(step: events::ReserveStep) -> proto::ReserveStep {
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
