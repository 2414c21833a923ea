//! Pipelined load: `PlaceOrders` streams, each with a bounded number of commands unanswered.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, task::AtomicWaker};
use tokio::{task::JoinSet, time::Instant};

use super::load::{Counting, Measured, Target, finish};
use crate::crowd::channel::Channel;
use crate::grpc::{
    AboutItem,
    proto::{
        PlaceOrdersRequest, PlaceOrdersResponse, place_orders_response,
        purchase_service_client::PurchaseServiceClient,
    },
    routed,
};

/// The sender is woken when this share of its window is free, not for each answer.
const WAKE_AT_FREE_SHARE: usize = 4;

/// Streams, each on a connection of its own, each with at most `outstanding` unanswered commands.
pub async fn streams(
    target: &Arc<Target>,
    streams: usize,
    outstanding: usize,
    duration: Duration,
) -> anyhow::Result<Measured> {
    let clients = target.clients(streams).await?;
    let counting = Counting::new(duration)?;
    let mut callers = JoinSet::new();
    for (stream, client) in (0..).zip(clients) {
        let window = Arc::new(Window::new(outstanding));
        let target = (stream, Arc::clone(target));
        callers.spawn(one_stream(client, target, Arc::clone(&counting), window));
    }
    finish(callers).await?;
    Ok(counting.measured())
}

async fn one_stream(
    mut client: PurchaseServiceClient<Channel>,
    (stream, target): (u64, Arc<Target>),
    counting: Arc<Counting>,
    window: Arc<Window>,
) {
    let (until, window_of_sender) = (counting.until, Arc::clone(&window));
    let commands = Commands { stream, target, until, window: window_of_sender, next_tag: 0 };
    let mut answers = match client.place_orders(routed(commands)).await {
        Ok(answers) => answers.into_inner(),
        Err(status) => return counting.failed(|| status.to_string()),
    };
    loop {
        match answers.message().await {
            Ok(Some(answer)) => count(&counting, &window, answer),
            Ok(None) => return,
            Err(status) => return counting.failed(|| status.to_string()),
        }
    }
}

fn count(counting: &Counting, window: &Window, answer: PlaceOrdersResponse) {
    let sent = window.answered(answer.tag);
    match answer.result {
        Some(place_orders_response::Result::Answer(answer)) => {
            counting.answered(sent, Instant::now(), &answer);
        }
        Some(place_orders_response::Result::Fault(fault)) => {
            counting.failed(|| format!("{} {}", fault.code, fault.message));
        }
        None => counting.failed(|| "an empty answer".to_owned()),
    }
}

/// The commands of a stream that are not answered yet.
struct Window {
    unanswered: AtomicUsize,
    max: usize,
    sender: AtomicWaker,
    /// When each unanswered command was sent, at its tag modulo the window. Answers for one item
    /// come in the order of the commands, so no two share a place.
    sent: Mutex<Vec<Instant>>,
}

impl Window {
    fn new(max: usize) -> Self {
        Self {
            unanswered: AtomicUsize::new(0),
            max,
            sender: AtomicWaker::new(),
            sent: Mutex::new(vec![Instant::now(); max]),
        }
    }

    fn is_full(&self) -> bool {
        self.unanswered.load(Ordering::Acquire) >= self.max
    }

    fn sending(&self, tag: u64) {
        self.unanswered.fetch_add(1, Ordering::AcqRel);
        let place = self.place(tag);
        self.sent()[place] = Instant::now();
    }

    fn answered(&self, tag: u64) -> Instant {
        let sent = self.sent()[self.place(tag)];
        let left = self.unanswered.fetch_sub(1, Ordering::AcqRel).saturating_sub(1);
        if left <= self.max - self.max.div_ceil(WAKE_AT_FREE_SHARE) {
            self.sender.wake();
        }
        sent
    }

    fn place(&self, tag: u64) -> usize {
        // The remainder is below `max`, so it fits.
        usize::try_from(tag % self.max as u64).unwrap_or(0)
    }

    fn sent(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the next command whenever the transport asks for one and the window has room.
struct Commands {
    stream: u64,
    target: Arc<Target>,
    until: Instant,
    window: Arc<Window>,
    next_tag: u64,
}

impl AboutItem for Commands {
    fn item_id(&self) -> &str {
        self.target.item(self.stream)
    }
}

impl Stream for Commands {
    type Item = PlaceOrdersRequest;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if Instant::now() >= self.until {
            return Poll::Ready(None);
        }
        if self.window.is_full() {
            self.window.sender.register(context.waker());
            // Room may have come up between the look and the registration.
            if self.window.is_full() {
                return Poll::Pending;
            }
        }
        let tag = self.next_tag;
        self.next_tag += 1;
        self.window.sending(tag);
        Poll::Ready(Some(PlaceOrdersRequest {
            tag,
            command: Some(self.target.command_of_stream(self.stream)),
        }))
    }
}
