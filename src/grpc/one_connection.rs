//! The services as one connection calls them.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::body::Incoming;
use tonic::{
    body::Body,
    codegen::{Service, http},
    server::NamedService as _,
    service::Routes,
};

use super::{
    counted_service::{Call, CountedService},
    proto::purchase_service_server::PurchaseServiceServer,
    purchase::PurchaseApi,
    share::{ConnectionLimits, Share},
};

/// The one method of that service whose calls last.
const STREAM_OF_ORDERS: &str = "/PlaceOrders";

/// The service that orders go to.
pub(super) type Purchases = CountedService<PurchaseServiceServer<PurchaseApi>>;

/// The services, as one connection calls them. Orders do not pass the router of all services, which
/// boxes the request's service and the body of its answer once more.
pub(super) struct OneConnection {
    purchases: Arc<Purchases>,
    routes: Routes,
    share: Arc<Share>,
}

impl OneConnection {
    pub(super) fn new(purchases: Arc<Purchases>, routes: Routes, limits: ConnectionLimits) -> Self {
        Self { purchases, routes, share: Share::new(limits) }
    }
}

impl hyper::service::Service<http::Request<Incoming>> for OneConnection {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Calling;

    fn call(&self, mut request: http::Request<Incoming>) -> Calling {
        request.extensions_mut().insert(Arc::clone(&self.share));
        if is_of(request.uri().path(), PurchaseServiceServer::<PurchaseApi>::NAME) {
            return Calling::Purchase(self.purchases.answer(request.map(Body::new)));
        }
        Calling::Routed(self.routes.clone().call(request))
    }
}

/// Whether a call asks an item for something small and only waits for the answer.
pub(super) fn is_short(request: &http::Request<Incoming>) -> bool {
    let path = request.uri().path();
    is_of(path, PurchaseServiceServer::<PurchaseApi>::NAME) && !path.ends_with(STREAM_OF_ORDERS)
}

/// Whether a path names a method of that service.
fn is_of(path: &str, service: &str) -> bool {
    let method = path.strip_prefix('/').and_then(|path| path.strip_prefix(service));
    method.is_some_and(|method| method.starts_with('/'))
}

/// A call that is not answered yet.
pub(super) enum Calling {
    Purchase(Call),
    Routed(<Routes as Service<http::Request<Incoming>>>::Future),
}

impl Future for Calling {
    type Output = Result<http::Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Purchase(call) => Pin::new(call).poll(context),
            Self::Routed(call) => Pin::new(call).poll(context),
        }
    }
}
