//! `TrafficService`: beacons in, counts out. `domain::beacon` validates beacons.

use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming, async_trait};

use crate::{
    actors::{Fault, TrafficDesk},
    connections::Phase,
    domain::beacon::{BEACONS_PER_MESSAGE_MAX, BeaconDraft, BeaconRefusal, TrafficReceipt},
    events::TrafficAction,
    grpc::{convert, proto, status::CallError},
    values::{Invalid, count_of},
};

/// Messages of one call that are under way at a time. While there are so many the call is not read,
/// and gRPC's flow control slows its sender.
const MESSAGES_UNDER_WAY: usize = 16;

pub(in crate::grpc) struct TrafficApi {
    pub(in crate::grpc) desk: Arc<TrafficDesk>,
    /// What the server is doing: streams end when it stops.
    pub(in crate::grpc) phase: watch::Receiver<Phase>,
}

#[async_trait]
impl proto::traffic_service_server::TrafficService for TrafficApi {
    async fn record_traffic(
        &self,
        request: Request<Streaming<proto::RecordTrafficRequest>>,
    ) -> Result<Response<proto::RecordTrafficResponse>, Status> {
        let mut messages = request.into_inner();
        let mut receipt = TrafficReceipt::default();
        let mut under_way = FuturesUnordered::new();
        let mut came = 0;
        let mut more = true;
        // Nothing is read after a failure, but what came before it is taken: a message that is
        // under way may not have reached its writer yet.
        let mut failed: Option<Status> = None;
        let mut phase = self.phase.clone();
        loop {
            tokio::select! {
                // An error means that the sender is gone, which is the same as a stop.
                _ = phase.wait_for(|phase| *phase != Phase::Serving), if more && failed.is_none() => {
                    failed = Some(CallError::from(Fault::Stopping).into());
                }
                message = next_beacons(&mut messages),
                    if more && failed.is_none() && under_way.len() < MESSAGES_UNDER_WAY =>
                {
                    match message {
                        Ok(Some(beacons)) => {
                            let after = came;
                            came += beacons.len();
                            under_way.push(self.record(beacons, after));
                        }
                        Ok(None) => more = false,
                        Err(status) => failed = Some(status),
                    }
                }
                Some(recorded) = under_way.next() => match recorded {
                    Ok((recorded, after)) => receipt.add(recorded, after),
                    Err(fault) => {
                        failed.get_or_insert_with(|| CallError::from(fault).into());
                    }
                },
                else => break,
            }
        }
        match failed {
            Some(status) => Err(status),
            None => Ok(Response::new(answer(&receipt))),
        }
    }
}

impl TrafficApi {
    async fn record(
        &self,
        beacons: Vec<proto::Beacon>,
        after: usize,
    ) -> Result<(TrafficReceipt, usize), Fault> {
        let drafts = beacons.into_iter().map(draft).collect();
        Ok((self.desk.record(drafts).await?, after))
    }
}

/// The beacons of the next message; `None` when there are no more messages.
async fn next_beacons(
    messages: &mut Streaming<proto::RecordTrafficRequest>,
) -> Result<Option<Vec<proto::Beacon>>, Status> {
    let Some(message) = messages.message().await? else { return Ok(None) };
    if message.beacons.len() > BEACONS_PER_MESSAGE_MAX {
        let problem = format!("must be at most {BEACONS_PER_MESSAGE_MAX}");
        return Err(CallError::from(Invalid::new("beacons", problem)).into());
    }
    Ok(Some(message.beacons))
}

fn draft(beacon: proto::Beacon) -> Result<BeaconDraft, Invalid> {
    let action = match beacon.action() {
        proto::TrafficAction::Unspecified => None,
        proto::TrafficAction::View => Some(TrafficAction::View),
        proto::TrafficAction::Favourite => Some(TrafficAction::Favourite),
        proto::TrafficAction::Cart => Some(TrafficAction::Cart),
        proto::TrafficAction::Share => Some(TrafficAction::Share),
    };
    Ok(BeaconDraft {
        action,
        time: convert::moment("time", beacon.time)?,
        beacon_id: beacon.beacon_id,
        sale_id: beacon.sale_id,
        item_id: beacon.item_id,
        visitor: beacon.visitor,
        channel: beacon.channel,
        page: beacon.page,
        age_band: beacon.age_band,
        gender: beacon.gender,
        region: beacon.region,
        spending_tier: beacon.spending_tier,
    })
}

fn answer(receipt: &TrafficReceipt) -> proto::RecordTrafficResponse {
    let count = count_of;
    let refused = receipt.reasons().map(|(reason, refused)| {
        let reason = match reason {
            BeaconRefusal::Invalid => proto::BeaconRefusalReason::Invalid,
            BeaconRefusal::UnknownItem => proto::BeaconRefusalReason::UnknownItem,
            BeaconRefusal::UnknownSale => proto::BeaconRefusalReason::UnknownSale,
            BeaconRefusal::TimeOutOfRange => proto::BeaconRefusalReason::TimeOutOfRange,
        };
        let problem = refused.problem.clone().within(&format!("beacons[{}]", refused.first));
        proto::RefusedBeacons {
            reason: reason.into(),
            beacons: count(refused.beacons),
            message: problem.to_string(),
            field: problem.field,
        }
    });
    proto::RecordTrafficResponse {
        accepted: count(receipt.accepted),
        duplicates: count(receipt.duplicates),
        shed: count(receipt.shed),
        switched_off: count(receipt.switched_off),
        refused: refused.collect(),
    }
}
