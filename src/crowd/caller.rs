//! How a client should call: a few connections, a deadline on every call, and the same request id
//! again when the outcome is unknown.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{channel::Channel, endpoint::endpoint, operator::Token, sale::ANSWER_BYTES_MAX};
use crate::grpc::{
    proto::{
        PlaceOrderRequest, PlaceOrderResponse, RecordPaymentRequest, RecordPaymentResponse,
        RecordTrafficRequest, RecordTrafficResponse,
        purchase_service_client::PurchaseServiceClient,
        traffic_service_client::TrafficServiceClient,
    },
    routed,
};

/// Deadline of one try in milliseconds.
pub const CALL_MS_MAX: u64 = 10_000;
/// Tries of one call, the first included.
pub const TRIES_MAX: u32 = 12;

const BACKOFF_MS_MIN: u64 = 20;
const BACKOFF_MS_MAX: u64 = 2_000;

/// Opens a connection. `address` is a URL as of [`endpoint`].
pub async fn connect(address: &str, token: &Token) -> Result<Channel, tonic::transport::Error> {
    let channel = endpoint(address)?
        .timeout(Duration::from_millis(CALL_MS_MAX))
        .connect_timeout(Duration::from_millis(CALL_MS_MAX))
        .tcp_nodelay(true)
        .connect()
        .await?;
    Ok(Channel::new(channel, token.clone()))
}

/// Calls to the purchase service over a few connections, and to the traffic service over one.
#[derive(Debug, Clone)]
pub struct Caller {
    clients: Vec<PurchaseServiceClient<Channel>>,
    traffic: TrafficServiceClient<Channel>,
    tried_again: Arc<AtomicU64>,
}

impl Caller {
    /// Opens that many connections, at least one.
    pub async fn connect(
        address: &str,
        token: &Token,
        connections: usize,
    ) -> Result<Self, tonic::transport::Error> {
        let mut clients = Vec::with_capacity(connections.max(1));
        let first = connect(address, token).await?;
        let traffic = TrafficServiceClient::new(first.clone());
        for number in 0..connections.max(1) {
            let channel = if number == 0 { first.clone() } else { connect(address, token).await? };
            clients.push(
                PurchaseServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX),
            );
        }
        Ok(Self { clients, traffic, tried_again: Arc::default() })
    }

    /// Places an order. `lane` picks the connection; the next try takes the next one.
    pub async fn place(
        &self,
        lane: usize,
        request: &PlaceOrderRequest,
    ) -> Result<PlaceOrderResponse, Status> {
        let mut tries = Tries::new(lane);
        loop {
            let mut client = self.client(tries.lane());
            match client.place_order(routed(request.clone())).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => self.try_again(&mut tries, status).await?,
            }
        }
    }

    /// Records a payment.
    pub async fn pay(
        &self,
        lane: usize,
        request: &RecordPaymentRequest,
    ) -> Result<RecordPaymentResponse, Status> {
        let mut tries = Tries::new(lane);
        loop {
            let mut client = self.client(tries.lane());
            match client.record_payment(routed(request.clone())).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => self.try_again(&mut tries, status).await?,
            }
        }
    }

    /// Sends beacons. What was taken of a call that failed counts once all the same.
    pub async fn record(
        &self,
        messages: &[RecordTrafficRequest],
    ) -> Result<RecordTrafficResponse, Status> {
        let mut tries = Tries::new(0);
        loop {
            let call = futures_util::stream::iter(messages.to_vec());
            match self.traffic.clone().record_traffic(call).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => self.try_again(&mut tries, status).await?,
            }
        }
    }

    /// Calls that were sent again because a fault came back.
    pub fn tried_again(&self) -> u64 {
        self.tried_again.load(Ordering::Relaxed)
    }

    async fn try_again(&self, tries: &mut Tries, status: Status) -> Result<(), Status> {
        tries.wait_or_give_up(status).await?;
        self.tried_again.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A client is a handle: cloning it opens nothing.
    fn client(&self, lane: usize) -> PurchaseServiceClient<Channel> {
        self.clients[lane % self.clients.len()].clone()
    }
}

struct Tries {
    first_lane: usize,
    failed: u32,
}

impl Tries {
    fn new(lane: usize) -> Self {
        Self { first_lane: lane, failed: 0 }
    }

    fn lane(&self) -> usize {
        self.first_lane.wrapping_add(usize::try_from(self.failed).unwrap_or(0))
    }

    async fn wait_or_give_up(&mut self, status: Status) -> Result<(), Status> {
        self.failed += 1;
        if self.failed >= TRIES_MAX || !worth_another_try(status.code()) {
            return Err(status);
        }
        let doubled = BACKOFF_MS_MIN << self.failed.min(10);
        // Callers that failed together must not come back together.
        let spread = super::plan::scatter(self.first_lane as u64 ^ u64::from(self.failed));
        let backoff_ms = doubled.min(BACKOFF_MS_MAX) / 2 + spread % BACKOFF_MS_MIN;
        let backoff = Duration::from_millis(backoff_ms);
        let asked = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
        tokio::time::sleep(backoff.max(asked.unwrap_or_default())).await;
        Ok(())
    }
}

/// Faults that pass by themselves. A command that was decided after all is recognised by its
/// request id, so trying again is always safe.
fn worth_another_try(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Aborted
    )
}
