//! Steering from the board: JSON in, what came of it out.
//!
//! Writes are calls of the services of the contract, in this process and with the token that the write
//! came with. The services check fields and decide; the board checks what only it has: origin, size and
//! form of a body. Every write names its request, its reason and a token; the operator on the record is
//! whose token it is. A server without tokens cannot be steered from here, because clients would be
//! unauthenticated. The token of an act is in its header, never in a cookie, so no other page can make a
//! browser send one.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};
use tonic::{Code, Request, Status, metadata::AsciiMetadataValue};
use tonic_types::StatusExt as _;
use wire::doorbuster::v1::{
    self as proto, AllocateStockRequest, CloseItemRequest, CloseSaleRequest, GetItemRequest,
    IncidentRefusal, Item, PauseItemRequest, PauseSaleRequest, Refusal, ReleaseReserveRequest,
    ResumeItemRequest, ResumeSaleRequest, SetLevelRequest, SetPurchaseLimitRequest,
    SetReserveRequest, WriteFields, WriteRequest, WriteResponse,
    degradation_service_client::DegradationServiceClient, item_service_client::ItemServiceClient,
    sale_service_client::SaleServiceClient,
};

use super::{form::Fields, state::Board};
use crate::{
    values::{Invalid, ServiceLevel},
    web::json::say,
};

/// Bytes of a body.
const BODY_BYTES_MAX: usize = 16 * 1024;

const READ_ONLY: &str =
    "this board is read-only: its server has no tokens; doorbuster token new makes the first";

const ITEM_ACTIONS: &str = "must be one of pause, resume, close, allocate, set_reserve, \
                            release_reserve, set_limit";

/// What changes something.
pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new()
        .route("/whoami", get(whoami))
        .route("/sales/{sale_id}/steer", post(steer_sale))
        .route("/items/{item_id}/steer", post(steer_item))
        .route("/items/{item_id}/warehouses", get(warehouses))
        .route("/level", post(set_level))
}

/// Why nothing was done, as it is answered.
type Refused = Box<Response>;

/// What every write says.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) request_id: String,
    /// Empty: the token says who it is.
    pub(super) operator: String,
    pub(super) reason: String,
    token: Option<AsciiMetadataValue>,
}

/// Sends a request with the token of the write, if the write has no fields that it does not know.
macro_rules! send {
    ($fields:ident, $written:ident, $client:ident.$call:ident, $request:expr) => {{
        $fields.done()?;
        $client.$call($written.signed($request)).await?.into_inner()
    }};
}
pub(super) use send;

/// Whose token it is.
async fn whoami(State(board): State<Arc<Board>>, headers: HeaderMap) -> Response {
    match operator(&board, &headers) {
        Ok(operator) => say(StatusCode::OK, &json!({ "operator": operator })),
        Err(refused) => *refused,
    }
}

async fn steer_item(
    State(board): State<Arc<Board>>,
    Path(item_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let steered = async {
        let (written, fields) = read(&board, &headers, body).await?;
        act_on_item(&board, item_id, &written, fields).await
    };
    steered.await.unwrap_or_else(NotDone::answer)
}

async fn act_on_item(
    board: &Board,
    item_id: String,
    written: &Written,
    mut fields: Fields,
) -> Result<Response, NotDone> {
    let action = fields.text("action")?;
    let new_warehouse = fields.flag("new_warehouse")?;
    let mut items = ItemServiceClient::new(board.parts.services.clone());
    Ok(match action.as_str() {
        "pause" => {
            let request = written.about(item_id, PauseItemRequest::default());
            told(send!(fields, written, items.pause_item, request))
        }
        "resume" => {
            let request = written.about(item_id, ResumeItemRequest::default());
            told(send!(fields, written, items.resume_item, request))
        }
        "close" => {
            let request = written.about(item_id, CloseItemRequest::default());
            told(send!(fields, written, items.close_item, request))
        }
        "allocate" => {
            let (warehouse, units) = fields.units()?;
            let request =
                AllocateStockRequest { warehouse, units, new_warehouse, ..Default::default() };
            let request = written.about(item_id, request);
            told(send!(fields, written, items.allocate_stock, request))
        }
        "set_reserve" => {
            let (warehouse, units) = fields.units()?;
            let request =
                SetReserveRequest { warehouse, units, new_warehouse, ..Default::default() };
            let request = written.about(item_id, request);
            told(send!(fields, written, items.set_reserve, request))
        }
        "release_reserve" => {
            let (warehouse, units) = fields.units()?;
            let request = ReleaseReserveRequest { warehouse, units, ..Default::default() };
            let request = written.about(item_id, request);
            told(send!(fields, written, items.release_reserve, request))
        }
        "set_limit" => return set_limit(board, item_id, written, fields).await,
        _ => return Err(Invalid::new("action", ITEM_ACTIONS).into()),
    })
}

async fn set_limit(
    board: &Board,
    item_id: String,
    written: &Written,
    mut fields: Fields,
) -> Result<Response, NotDone> {
    let mut items = ItemServiceClient::new(board.parts.services.clone());
    let request = SetPurchaseLimitRequest {
        limit_per_buyer: fields.whole("per_buyer")?,
        limit_per_order: fields.whole("per_order")?,
        ..Default::default()
    };
    let request = written.about(item_id, request);
    let set = async { Ok(send!(fields, written, items.set_purchase_limit, request)) };
    Ok(told(set.await.map_err(|wrong: NotDone| wrong.without_prefix("limit_"))?))
}

/// The warehouses that an act can name, as the item knows them now. To ask wakes the item, so it
/// takes a token.
async fn warehouses(
    State(board): State<Arc<Board>>,
    Path(item_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = async {
        operator(&board, &headers).map_err(NotDone::Refused)?;
        let mut items = ItemServiceClient::new(board.parts.services.clone());
        let found =
            items.get_item(signed(&headers, GetItemRequest { item_id })).await?.into_inner();
        Ok(say(StatusCode::OK, &places(&found.item.unwrap_or_default())))
    };
    asked.await.unwrap_or_else(NotDone::answer)
}

/// Name, available units and reserve of each warehouse, in the order in which orders draw from them.
fn places(item: &Item) -> Value {
    let reserve = |warehouse: &str| {
        let found = item.reserve_by_warehouse.iter().find(|at| at.warehouse == warehouse);
        found.map_or(0, |at| at.units)
    };
    let proposed = |warehouse: &str| {
        let here = item.reserve_proposals.iter().filter(|of| of.warehouse == warehouse);
        here.map(|of| of.units).fold(0, i64::saturating_add)
    };
    let places = item.available_by_warehouse.iter().map(|at| {
        let mut place = json!({
            "warehouse": at.warehouse,
            "available": at.units,
            "reserve": reserve(&at.warehouse),
        });
        // The reserve plan asks for so many to be released.
        if proposed(&at.warehouse) > 0 {
            place["proposed"] = json!(proposed(&at.warehouse));
        }
        place
    });
    json!({ "warehouses": places.collect::<Value>() })
}

async fn steer_sale(
    State(board): State<Arc<Board>>,
    Path(sale_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let steered = async {
        let (written, mut fields) = read(&board, &headers, body).await?;
        let action = fields.text("action")?;
        let mut sales = SaleServiceClient::new(board.parts.services.clone());
        Ok(match action.as_str() {
            "pause" => {
                let request = written.about(sale_id, PauseSaleRequest::default());
                told(send!(fields, written, sales.pause_sale, request))
            }
            "resume" => {
                let request = written.about(sale_id, ResumeSaleRequest::default());
                told(send!(fields, written, sales.resume_sale, request))
            }
            "close" => {
                let request = written.about(sale_id, CloseSaleRequest::default());
                let closed = send!(fields, written, sales.close_sale, request);
                done(closed.revision, closed.position)
            }
            _ => {
                return Err(Invalid::new("action", "must be one of pause, resume, close").into());
            }
        })
    };
    steered.await.unwrap_or_else(NotDone::answer)
}

async fn set_level(State(board): State<Arc<Board>>, headers: HeaderMap, body: Body) -> Response {
    let set = async {
        let (written, mut fields) = read(&board, &headers, body).await?;
        let level = ServiceLevel::parse("level", &fields.text("level")?)?;
        let name = format!("SERVICE_LEVEL_{}", level.name().to_uppercase());
        let Written { request_id, operator, reason, .. } = written.clone();
        let request = SetLevelRequest {
            request_id,
            level: proto::ServiceLevel::from_str_name(&name).unwrap_or_default().into(),
            operator,
            reason,
            ..Default::default()
        };
        let mut levels = DegradationServiceClient::new(board.parts.services.clone());
        let set = send!(fields, written, levels.set_level, request);
        Ok(done(set.revision, set.position))
    };
    set.await.unwrap_or_else(NotDone::answer)
}

/// Reads a write: who, why, under which request, and what else it says.
pub(super) async fn read(
    board: &Board,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Written, Fields), NotDone> {
    comes_from_here(headers).map_err(NotDone::Refused)?;
    operator(board, headers).map_err(NotDone::Refused)?;
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        let why = format!("the body must have at most {BODY_BYTES_MAX} bytes");
        let answer = say(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": why }));
        return Err(NotDone::Refused(Box::new(answer)));
    };
    let mut fields = Fields::parse(&bytes)?;
    let (request_id, reason) = (fields.text("request_id")?, fields.text("reason")?);
    let token = token_of(headers);
    Ok((Written { request_id, operator: String::new(), reason, token }, fields))
}

/// The token that a request came with, for the services.
fn token_of(headers: &HeaderMap) -> Option<AsciiMetadataValue> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.parse().ok()
}

/// That message, with the token that the request came with.
fn signed<T>(headers: &HeaderMap, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token_of(headers) {
        request.metadata_mut().insert("authorization", token);
    }
    request
}

impl Written {
    /// That message about an item or a sale, with what the write says.
    fn about<T: WriteRequest>(&self, subject_id: String, message: T) -> T {
        let Self { request_id, operator, reason, .. } = self.clone();
        message.with(WriteFields { request_id, subject_id, operator, reason })
    }

    /// That message, with the token that the write came with.
    pub(super) fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        request
    }
}

/// Whose token a request carries.
fn operator(board: &Board, headers: &HeaderMap) -> Result<String, Refused> {
    let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    match board.parts.tokens.check(authorization, board.parts.clock.now()) {
        Ok(Some(token)) => Ok(token.name.clone()),
        Ok(None) => Err(unknown(READ_ONLY)),
        Err(why) => Err(unknown(why.message())),
    }
}

fn unknown(why: &str) -> Refused {
    let mut answer = say(StatusCode::UNAUTHORIZED, &json!({ "error": why }));
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Box::new(answer)
}

/// Refuses what another page makes a browser send, and what is not JSON.
pub(super) fn comes_from_here(headers: &HeaderMap) -> Result<(), Refused> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(origin) = headers.get(header::ORIGIN) {
        // A proxy may terminate TLS; name and port are the same nevertheless.
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let same = origin.zip(text(header::HOST)).is_some_and(|((_, origin), host)| origin == host);
        if !same {
            let why = "a page of another origin cannot steer";
            return Err(Box::new(say(StatusCode::FORBIDDEN, &json!({ "error": why }))));
        }
    }
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let why = json!({ "error": "content-type must be application/json" });
    Err(Box::new(say(StatusCode::UNSUPPORTED_MEDIA_TYPE, &why)))
}

/// What came of a write that may be refused.
pub(super) fn told<R: WriteResponse<Refusal: Sentence>>(answer: R) -> Response {
    let (outcome, revision, position) = answer.into_parts();
    match outcome {
        Some(Err(no)) => say(StatusCode::CONFLICT, &json!({ "error": no.sentence() })),
        Some(Ok(_)) | None => done(revision, position),
    }
}

/// A business "no" of any kind.
pub(super) trait Sentence {
    /// What it means, for people.
    fn sentence(self) -> String;
}

impl Sentence for Refusal {
    fn sentence(self) -> String {
        self.message
    }
}

impl Sentence for IncidentRefusal {
    fn sentence(self) -> String {
        self.message
    }
}

pub(super) fn done(revision: u64, position: u64) -> Response {
    say(StatusCode::OK, &json!({ "revision": revision, "position": position }))
}

/// Why a write came to nothing.
pub(super) enum NotDone {
    Invalid(Invalid),
    /// What a service answered instead of doing it.
    Failed(Box<Status>),
    Refused(Refused),
}

impl NotDone {
    /// The same of a field whose name in the contract begins like that, and in the form does not.
    fn without_prefix(self, prefix: &str) -> Self {
        let Self::Failed(status) = &self else { return self };
        let renamed = status.message().strip_prefix(prefix).and_then(|why| why.split_once(' '));
        match renamed.filter(|_| status.code() == Code::InvalidArgument) {
            Some((field, problem)) => Self::Invalid(Invalid::new(field, problem)),
            None => self,
        }
    }

    pub(super) fn answer(self) -> Response {
        match self {
            Self::Invalid(invalid) => {
                let why = json!({ "error": invalid.to_string(), "field": invalid.field });
                say(StatusCode::BAD_REQUEST, &why)
            }
            Self::Failed(status) => failed(&status),
            Self::Refused(answer) => *answer,
        }
    }
}

/// A failure as it is answered, with the field that is wrong.
fn failed(failed: &Status) -> Response {
    let status = match failed.code() {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists => StatusCode::CONFLICT,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Aborted | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Unavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let details = failed.get_error_details();
    let field = details.error_info().and_then(|info| match info.reason.as_str() {
        "REQUEST_ID_REUSED" => Some("request_id"),
        _ => info.metadata.get("field").map(String::as_str),
    });
    let mut why = json!({ "error": failed.message() });
    if let Some(field) = field {
        why["field"] = field.into();
    }
    let mut answer = say(status, &why);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

impl From<Invalid> for NotDone {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<Status> for NotDone {
    fn from(status: Status) -> Self {
        Self::Failed(Box::new(status))
    }
}
