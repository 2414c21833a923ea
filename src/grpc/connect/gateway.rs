//! What answers on the port: finds the method of a path, and refuses what is no call.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, Response, StatusCode, header},
};
use bytes::Bytes;
use hyper::body::Incoming;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::{Code, Status, service::Routes};

use super::{bodies::Room, failure, guard, openapi};
use crate::{
    admission::Roles,
    grpc::{
        authenticator::Authenticator, foreign::method_unknown, methods::Methods, proto, rpcs::Size,
        share::Share, status::CallError,
    },
};

/// Where the description of the port is.
const DOCUMENT: &str = "/openapi.json";

/// What answers on this port.
pub(in crate::grpc) struct Gateway {
    methods: HashMap<String, Called>,
    pub(super) routes: Routes,
    /// Where calls that end here are counted.
    pub(super) counted: Methods,
    authenticator: Authenticator,
    pub(super) room: Room,
    /// Only names of this machine are answered to.
    on_loopback: bool,
    /// Made when it is first asked for.
    document: OnceLock<Bytes>,
    descriptors: DescriptorPool,
}

/// One method of the contract.
pub(super) struct Called {
    pub(super) descriptor: MethodDescriptor,
    pub(super) bytes_max: usize,
    roles: Roles,
}

impl Gateway {
    /// # Errors
    /// When the descriptors in this program cannot be read.
    pub(in crate::grpc) fn new(
        routes: Routes,
        (counted, authenticator): (Methods, Authenticator),
        body_lasts: Duration,
        on_loopback: bool,
    ) -> anyhow::Result<Self> {
        let descriptors = DescriptorPool::decode(proto::DESCRIPTORS)
            .context("the descriptors of the contract cannot be read")?;
        let mut methods = HashMap::new();
        for service in descriptors.services() {
            let bytes_max = Size::of_service(service.full_name()).bytes();
            for descriptor in service.methods() {
                let path = format!("/{}/{}", service.full_name(), descriptor.name());
                let roles = counted.at(&path).roles.unwrap_or(Roles::NONE);
                methods.insert(path, Called { descriptor, bytes_max, roles });
            }
        }
        let (room, document) = (Room::new(body_lasts), OnceLock::new());
        Ok(Self {
            methods,
            routes,
            counted,
            authenticator,
            room,
            on_loopback,
            document,
            descriptors,
        })
    }

    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        share: Arc<Share>,
    ) -> Response<Body> {
        if let Some(refused) = guard::refused(request.headers(), self.on_loopback) {
            return refused;
        }
        let path = request.uri().path();
        let method = self.methods.get(path);
        let roles = method.map_or(Roles::ANY, |method| method.roles);
        // Before the body is read. A call is asked for its token again where every call is, because a
        // gRPC call comes another way.
        if let Err(refused) = self.authenticator.admit(request.uri(), request.headers(), roles) {
            return self.turned_away(path, refused);
        }
        if path == DOCUMENT {
            return match *request.method() {
                Method::GET | Method::HEAD => self.document(),
                _ => wrong_method("GET, HEAD"),
            };
        }
        let Some(method) = method else {
            let unknown = method_unknown(path.trim_start_matches('/'));
            return failure::with_status(StatusCode::NOT_FOUND, &Status::from(unknown));
        };
        if request.method() != Method::POST {
            return wrong_method("POST");
        }
        self.call(method, request, share).await
    }

    /// Also of a stream, whose failures are told in it otherwise: a status of HTTP is seen by everybody.
    fn turned_away(&self, path: &str, refused: CallError) -> Response<Body> {
        let status = Status::from(refused);
        self.counted.at(path).answered(status.code());
        let mut answer = failure::answer(&status);
        if status.code() == Code::Unauthenticated {
            let bearer = HeaderValue::from_static("Bearer");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        answer
    }

    fn document(&self) -> Response<Body> {
        let document = self.document.get_or_init(|| {
            let document = openapi::document(&self.descriptors);
            Bytes::from(document.to_string())
        });
        let mut answer = Response::new(Body::from(document.clone()));
        let kind = HeaderValue::from_static("application/json");
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        answer
    }
}

fn wrong_method(allowed: &'static str) -> Response<Body> {
    let why = format!("the HTTP method must be {allowed}");
    let failure = CallError::foreign(Code::Unimplemented, "HTTP_METHOD", why);
    let mut answer = failure::with_status(StatusCode::METHOD_NOT_ALLOWED, &Status::from(failure));
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    answer
}
