//! `ReplayService`: queries on the log itself. Results never come from an actor or a read model in
//! use: marks only give the start of reading, and read models only the item of an order and the
//! wordings.

pub mod answers;
mod flow;

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::Stream;
use tokio::{runtime::Handle, sync::oneshot, time::timeout};
use tonic::{Request, Response, Status, async_trait};

use self::flow::Flow;
use super::{ReadSide, convert, proto, status::CallError, verification::Verification};
use crate::{
    actors::Permits,
    clock::SharedClock,
    domain::script::Language,
    events::{Position, StreamName},
    projections::{self, RebuildError, catalog, operations, orders},
    replay::{
        Log, ReplayError, explain,
        pace::{Metronome, pace},
        speak::{Spoken, speak},
        state::{Moment, Past},
        what_if::{self, Rules},
    },
    reports::{Paging, Reports},
    store::{LogSource, ReadError, SharedStore},
    threads,
    values::{Invalid, ItemId, OrderId, SaleId},
};

/// How long a question waits for its position.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Looks back at once: each holds a thread, and reads the log.
const LOOKS_MAX: usize = 8;

/// The name of rules in complaints.
const RULES: &str = "rules";

pub(super) struct ReplayApi {
    store: SharedStore,
    data: PathBuf,
    clock: SharedClock,
    looks: Permits,
    /// Where the wordings in force are.
    reads: ReadSide,
    /// Whether long work of each kind is under way on this node.
    busy: Arc<Busy>,
    verification: Verification,
}

impl ReplayApi {
    /// Over the log in that store and the read models in that directory.
    pub(super) fn new(
        store: SharedStore,
        data: PathBuf,
        reads: ReadSide,
        clock: SharedClock,
    ) -> Self {
        let verification = Verification::of(Arc::clone(&store), data.clone());
        let looks = Permits::new(LOOKS_MAX);
        Self { store, data, clock, looks, reads, busy: Arc::default(), verification }
    }
}

/// Long work that is done once at a time.
#[derive(Debug, Default)]
pub(super) struct Busy {
    comparing: AtomicBool,
    playing: AtomicBool,
    explaining: AtomicBool,
}

/// Held while long work is under way, also when its caller has gone.
struct Turn(Arc<Busy>, fn(&Busy) -> &AtomicBool);

impl Turn {
    fn take(busy: &Arc<Busy>, of: fn(&Busy) -> &AtomicBool, what: &str) -> Result<Self, CallError> {
        if of(busy).swap(true, Ordering::AcqRel) {
            return Err(CallError::busy(what));
        }
        Ok(Self(Arc::clone(busy), of))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        (self.1)(&self.0).store(false, Ordering::Release);
    }
}

impl From<ReplayError> for CallError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Invalid(invalid) => invalid.into(),
            ReplayError::NotFound(field) => Self::not_found(field),
            ReplayError::Read(error) => error.into(),
            ReplayError::Decode(error) => Self::internal("an event cannot be read", &error),
            ReplayError::Impossible(why) => Self::internal("the log contradicts itself", &why),
            ReplayError::TooMuch(why) => Self::too_much(why),
        }
    }
}

impl ReplayApi {
    fn log(&self) -> Log {
        Log::new(LogSource::Store(Arc::clone(&self.store)), Handle::current())
    }

    /// Waits until the log has come that far.
    async fn reach(&self, min_position: u64) -> Result<(), CallError> {
        let min_position = self.reads.wanted(min_position).await?.0;
        let Some(before) = min_position.checked_sub(1) else { return Ok(()) };
        match timeout(WAIT_MAX, self.store.wait_after(Position(before))).await {
            Ok(reached) => reached.map_err(CallError::from),
            Err(_) => Err(CallError::behind(min_position, self.store.head().0)),
        }
    }

    /// Looks back from a thread that may block.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Past<'_>) -> Result<T, ReplayError> + Send + 'static,
    ) -> Result<T, CallError> {
        let place = self.looks.take(Some(WAIT_MAX)).await.ok_or_else(CallError::crowded)?;
        let (log, reports, now) = (self.log(), Reports::open(&self.data), self.clock.now());
        let looked = tokio::task::spawn_blocking(move || {
            // Also when the caller has gone.
            let _place = place;
            // Marks that are not there yet are done without.
            let marks = projections::view_path(reports.data(), projections::marks::NAME).exists();
            look(&Past { log: &log, marks: marks.then_some(&reports), now })
        });
        match looked.await {
            Ok(answer) => Ok(answer?),
            Err(error) => Err(CallError::internal("the question was not answered", &error)),
        }
    }

    /// Long work on a thread of its own with the lowest priority.
    async fn work<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&Log) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        let log = self.log();
        let (send, done) = oneshot::channel();
        let thread = std::thread::Builder::new().name("replay".to_owned()).spawn(move || {
            threads::idle();
            let answer = work(&log);
            drop(turn);
            // An error means that the caller is gone.
            let _ = send.send(answer);
        });
        thread.map_err(|error| CallError::internal("no thread could be started", &error))?;
        done.await.map_err(|error| CallError::internal("the work was not done", &error))?
    }
}

/// A shopper's story, and what to say to them.
type Told = (explain::Explanation, Vec<Spoken>);

/// What is told of.
pub(super) enum About {
    /// What a buyer did on an item.
    Buyer(ItemId, String),
    /// One order, whatever its buyer did since.
    Order(OrderId),
}

impl About {
    pub(super) fn buyer(item_id: &str, buyer: String) -> Result<Self, CallError> {
        Ok(Self::Buyer(ItemId::parse("item_id", item_id)?, convert::buyer(buyer)?))
    }
}

impl ReplayApi {
    /// Tells a shopper's story and finds the words for it, and how far the log had come.
    pub(super) async fn told(
        &self,
        about: About,
        language: &str,
        min_position: u64,
    ) -> Result<(Told, Position), CallError> {
        let language = match language {
            "" => Language::default(),
            text => Language::parse("language", text)?,
        };
        self.reach(min_position).await?;
        // What waits for a read model must not hold the turn of what is told from the log.
        let item = match about {
            About::Buyer(item, _) => item,
            About::Order(order) => {
                let found =
                    self.reads.ask(orders::NAME, min_position, move |reports| reports.order(order));
                found.await?.item_id
            }
        };
        let turn = Turn::take(&self.busy, |busy| &busy.explaining, "explanation")?;
        let head = self.store.head();
        let (story, added) = self
            .work(turn, move |log| {
                let added =
                    log.read_stream(StreamName::item(item), 0, 1).map_err(CallError::from)?;
                let story = match about {
                    About::Buyer(item, buyer) => explain::explain(log, item, &buyer)?,
                    About::Order(order) => explain::explain_order(log, item, order)?,
                };
                Ok((story, added.first().map(|first| first.position)))
            })
            .await?;
        // The log knows the item, so the catalog will: it is waited for.
        let wanted = min_position.max(added.map_or(0, |added| added.0));
        self.reads.reach_also(&[catalog::NAME], wanted, &None).await?;
        let told = self.reads.ask(operations::NAME, wanted, move |reports| {
            let spoken = speak(reports, &story, language)?;
            Ok((story, spoken))
        });
        Ok((told.await?, head))
    }
}

#[async_trait]
impl proto::replay_service_server::ReplayService for ReplayApi {
    async fn get_state_at(
        &self,
        request: Request<proto::GetStateAtRequest>,
    ) -> Result<Response<proto::GetStateAtResponse>, Status> {
        let request = request.into_inner();
        let of = subject(&request.item_id, &request.sale_id)?;
        let moment = point("at", request.at)?.unwrap_or(Moment::End);
        self.reach(request.min_position).await?;
        let freshness = answers::freshness(self.store.head());
        let paging = Paging { page_size: request.page_size, page_token: request.page_token };
        let answer = self.look(move |past| match of {
            Subject::Item(item) => Ok(proto::GetStateAtResponse {
                sale: None,
                items: vec![answers::item_state(past.item(item, moment)?)],
                next_page_token: String::new(),
                freshness: Some(freshness),
            }),
            Subject::Sale(sale) => {
                Ok(answers::sale_state(sale, past.sale(sale, moment, &paging)?, freshness))
            }
        });
        Ok(Response::new(answer.await?))
    }

    type ReplayItemStream =
        Pin<Box<dyn Stream<Item = Result<proto::ReplayItemResponse, Status>> + Send>>;

    async fn replay_item(
        &self,
        request: Request<proto::ReplayItemRequest>,
    ) -> Result<Response<Self::ReplayItemStream>, Status> {
        let request = request.into_inner();
        let item = ItemId::parse("item_id", &request.item_id).map_err(CallError::from)?;
        let pace = pace("speed", request.speed, request.unpaced).map_err(CallError::from)?;
        let pause_max =
            convert::span_ms("pause_max", request.pause_max).map_err(CallError::from)?;
        let (from, to) = (point("from", request.from)?, point("to", request.to)?);
        in_order(from, to)?;
        let stream = StreamName::item(item);
        let last = self.store.last_revision(stream).await.map_err(CallError::from)?;
        let last_revision = last.ok_or_else(|| CallError::not_found("item_id"))?;
        for (field, point) in [("from", from), ("to", to)] {
            within_the_log(field, point, self.store.head(), last_revision)?;
        }
        let flow = Flow {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            item,
            from,
            to,
            last_revision,
            metronome: Metronome::new(pace, pause_max),
            next_revision: match from {
                Some(Moment::Revision(revision)) => revision,
                Some(Moment::Position(_) | Moment::Time(_) | Moment::End) | None => 0,
            },
            at: Default::default(),
            page: Default::default(),
        };
        Ok(Response::new(Box::pin(flow.stream())))
    }

    async fn compare_replay(
        &self,
        request: Request<proto::CompareReplayRequest>,
    ) -> Result<Response<proto::CompareReplayResponse>, Status> {
        self.reach(request.into_inner().min_position).await?;
        let turn = Turn::take(&self.busy, |busy| &busy.comparing, "comparison of read models")?;
        let (data, head) = (self.data.clone(), self.store.head());
        let compared = self.work(turn, move |log| {
            let verdicts = projections::compare_rows(&data, |after| log.read_all(after), |_| {});
            Ok(answers::comparison(verdicts.map_err(not_compared)?, head))
        });
        Ok(Response::new(compared.await?))
    }

    async fn run_what_if(
        &self,
        request: Request<proto::RunWhatIfRequest>,
    ) -> Result<Response<proto::RunWhatIfResponse>, Status> {
        let request = request.into_inner();
        let of = subject(&request.item_id, &request.sale_id)?;
        let rules = Rules::parse(RULES, request.rules.iter().map(String::as_str));
        let rules = rules.map_err(CallError::from)?;
        self.reach(request.min_position).await?;
        let turn = Turn::take(&self.busy, |busy| &busy.playing, "what-if")?;
        let head = self.store.head();
        let played = self.work(turn, move |log| {
            let items = match of {
                Subject::Item(item) => vec![item],
                Subject::Sale(sale) => log.items_of(sale)?.1,
            };
            Ok(answers::what_if(what_if::run(log, &items, rules, RULES)?, head))
        });
        Ok(Response::new(played.await?))
    }

    async fn explain_purchase(
        &self,
        request: Request<proto::ExplainPurchaseRequest>,
    ) -> Result<Response<proto::ExplainPurchaseResponse>, Status> {
        let request = request.into_inner();
        let about = About::buyer(&request.item_id, request.buyer)?;
        let told = self.told(about, &request.language, request.min_position);
        let ((story, scripts), head) = told.await?;
        Ok(Response::new(answers::explanation(story, scripts, head)))
    }

    async fn verify_sale(
        &self,
        request: Request<proto::VerifySaleRequest>,
    ) -> Result<Response<proto::VerifySaleResponse>, Status> {
        Ok(Response::new(self.verification.verify_sale(request.into_inner()).await?))
    }
}

/// What a question is about.
#[derive(Clone, Copy)]
enum Subject {
    Item(ItemId),
    Sale(SaleId),
}

fn subject(item_id: &str, sale_id: &str) -> Result<Subject, CallError> {
    match (item_id, sale_id) {
        ("", "") => Err(Invalid::new("sale_id", "or item_id is needed").into()),
        (item, "") => Ok(Subject::Item(ItemId::parse("item_id", item)?)),
        ("", sale) => Ok(Subject::Sale(SaleId::parse("sale_id", sale)?)),
        (_, _) => Err(Invalid::new("sale_id", "must not be given together with item_id").into()),
    }
}

fn point(field: &str, point: Option<proto::LogPoint>) -> Result<Option<Moment>, CallError> {
    use proto::log_point::Point;
    match point.and_then(|point| point.point) {
        None => Ok(None),
        Some(Point::Position(position)) => Ok(Some(Moment::Position(Position(position)))),
        Some(Point::Revision(revision)) => Ok(Some(Moment::Revision(revision))),
        Some(Point::Time(time)) => {
            Ok(convert::moment(&format!("{field}.time"), Some(time))?.map(Moment::Time))
        }
    }
}

/// A range that ends before it starts is a mistake, not an empty answer. Ends of different kinds are
/// not compared: the events decide.
fn in_order(from: Option<Moment>, to: Option<Moment>) -> Result<(), CallError> {
    let inverted = match (from, to) {
        (Some(Moment::Revision(from)), Some(Moment::Revision(to))) => to < from,
        (Some(Moment::Position(from)), Some(Moment::Position(to))) => to < from,
        (Some(Moment::Time(from)), Some(Moment::Time(to))) => to < from,
        (_, _) => false,
    };
    if inverted { Err(Invalid::new("to", "must not be before from").into()) } else { Ok(()) }
}

fn within_the_log(
    field: &str,
    point: Option<Moment>,
    head: Position,
    last_revision: u64,
) -> Result<(), CallError> {
    let problem = match point {
        Some(Moment::Position(position)) if position > head => {
            format!("must be at most {head}, where the log ends")
        }
        Some(Moment::Position(Position::START)) => "must be at least 1".to_owned(),
        Some(Moment::Revision(revision)) if revision > last_revision => {
            format!("must be at most {last_revision}, the item's last revision")
        }
        Some(Moment::Revision(_) | Moment::Position(_) | Moment::Time(_) | Moment::End) | None => {
            return Ok(());
        }
    };
    Err(Invalid::new(field, problem).into())
}

fn not_compared(error: RebuildError<ReadError>) -> CallError {
    match error {
        RebuildError::Log(error) => error.into(),
        RebuildError::Decode(error) => CallError::internal("an event cannot be read", &error),
        RebuildError::Projection(error) => CallError::internal("a read model", &error),
        RebuildError::Files(error) => CallError::internal("read models", &error),
    }
}
