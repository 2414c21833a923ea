//! The baseline: a bare tonic server with the same messages that answers at once.
//!
//! It stores, decides and writes nothing, so it measures the cost of gRPC itself on this machine.
//! For a fair comparison it must answer with a message of the same shape as a successful order, and
//! use the same transport settings as the real server.

use std::{
    io::{Read, stdin},
    net::SocketAddr,
    pin::Pin,
    thread,
};

use futures_util::{Stream, StreamExt};
use prost_types::Timestamp;
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::TcpIncoming},
};

use super::{super::output::answer as answer_line, child::Started};
use crate::grpc::proto::{
    CancelOrderRequest, CancelOrderResponse, GetOrderRequest, GetOrderResponse, GetOutcomeRequest,
    GetOutcomeResponse, Money, Order, OrderState, PlaceOrderRequest, PlaceOrderResponse,
    PlaceOrdersRequest, PlaceOrdersResponse, QuotePriceRequest, QuotePriceResponse,
    RecordPaymentFailureRequest, RecordPaymentFailureResponse, RecordPaymentRequest,
    RecordPaymentResponse, place_order_response, place_orders_response,
    purchase_service_server::{PurchaseService, PurchaseServiceServer},
};

const CURRENCY: &str = "CNY";
const UNIT_PRICE_MINOR: i64 = 9_900;
const PLACED: Timestamp = Timestamp { seconds: 1_793_000_000, nanos: 123_000_000 };
const PAY_BY: Timestamp = Timestamp { seconds: 1_795_592_000, nanos: 123_000_000 };

/// Serves on a free port of the loopback until stdin ends.
pub fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (gone, stop) = oneshot::channel::<()>();
    thread::spawn(move || {
        // The end of stdin or an error: in both cases the parent process is gone.
        let _ = stdin().read_to_end(&mut Vec::new());
        drop(gone);
    });
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let started = Started { url: format!("http://{}", listener.local_addr()?) };
        answer_line(serde_json::to_string(&started)?)?;
        let serving = Server::builder()
            .max_concurrent_streams(1_024)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .add_service(PurchaseServiceServer::new(Echo).max_decoding_message_size(64 * 1_024))
            .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
        tokio::select! {
            served = serving => served.map_err(Into::into),
            _ = stop => Ok(()),
        }
    })
}

#[derive(Debug, Clone, Copy)]
struct Echo;

#[tonic::async_trait]
impl PurchaseService for Echo {
    type PlaceOrdersStream =
        Pin<Box<dyn Stream<Item = Result<PlaceOrdersResponse, Status>> + Send + 'static>>;

    async fn place_order(
        &self,
        request: Request<PlaceOrderRequest>,
    ) -> Result<Response<PlaceOrderResponse>, Status> {
        Ok(Response::new(answer(request.into_inner())))
    }

    async fn place_orders(
        &self,
        request: Request<Streaming<PlaceOrdersRequest>>,
    ) -> Result<Response<Self::PlaceOrdersStream>, Status> {
        let answers = request.into_inner().map(|message| {
            let PlaceOrdersRequest { tag, command } = message?;
            let answer = answer(command.unwrap_or_default());
            Ok(PlaceOrdersResponse {
                tag,
                result: Some(place_orders_response::Result::Answer(answer)),
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_outcome(
        &self,
        _: Request<GetOutcomeRequest>,
    ) -> Result<Response<GetOutcomeResponse>, Status> {
        Err(only_orders())
    }

    async fn record_payment(
        &self,
        _: Request<RecordPaymentRequest>,
    ) -> Result<Response<RecordPaymentResponse>, Status> {
        Err(only_orders())
    }

    async fn record_payment_failure(
        &self,
        _: Request<RecordPaymentFailureRequest>,
    ) -> Result<Response<RecordPaymentFailureResponse>, Status> {
        Err(only_orders())
    }

    async fn cancel_order(
        &self,
        _: Request<CancelOrderRequest>,
    ) -> Result<Response<CancelOrderResponse>, Status> {
        Err(only_orders())
    }

    async fn get_order(
        &self,
        _: Request<GetOrderRequest>,
    ) -> Result<Response<GetOrderResponse>, Status> {
        Err(only_orders())
    }

    async fn quote_price(
        &self,
        _: Request<QuotePriceRequest>,
    ) -> Result<Response<QuotePriceResponse>, Status> {
        Err(only_orders())
    }
}

fn only_orders() -> Status {
    Status::unimplemented("the echo answers PlaceOrder and PlaceOrders only")
}

fn answer(command: PlaceOrderRequest) -> PlaceOrderResponse {
    let money = |amount_minor| Money { currency_code: CURRENCY.to_owned(), amount_minor };
    let order = Order {
        // An order id is a UUID like the request id, so this is a message of the same size.
        order_id: command.request_id,
        item_id: command.item_id,
        buyer: command.buyer,
        units: command.units,
        unit_price: Some(money(UNIT_PRICE_MINOR)),
        total: Some(money(UNIT_PRICE_MINOR.saturating_mul(command.units))),
        state: OrderState::Held.into(),
        place_time: Some(PLACED),
        pay_by_time: Some(PAY_BY),
        ..Default::default()
    };
    PlaceOrderResponse {
        outcome: Some(place_order_response::Outcome::Order(order)),
        revision: 1_000_000,
        position: 1_000_000,
    }
}
