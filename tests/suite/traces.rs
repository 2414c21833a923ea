//! Goal: a log line or a fault leads to its call, and to no other. Method:
//! headers that are and are not what the standard says; lines caught in memory; faults over gRPC.

use std::{
    io,
    sync::{Arc, Mutex},
};

use doorbuster::{
    cli::log_lines::{FieldsAndTrace, JsonLines},
    grpc::proto,
    trace::{self, Trace, TraceId, TraceParent, within},
};
use tonic::{Request, Status};
use tonic_types::StatusExt;
use tracing_subscriber::{
    fmt::{MakeWriter, format::DefaultFields},
    layer::SubscriberExt,
};

use crate::{
    levels::set,
    support::{Node, place, request_id},
};

const BROUGHT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const BROUGHT_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn a_header_is_read_as_the_standard_says_or_not_at_all() {
    let read = TraceParent::parse(BROUGHT).unwrap();
    assert_eq!(read.trace_id.to_string(), BROUGHT_ID);
    assert_eq!((read.parent_id, read.sampled), (0x00f0_67aa_0ba9_02b7, true));
    let zeros = "00-00000000000000000000000000000001-0000000000000001-00";
    let read = TraceParent::parse(zeros).unwrap();
    assert_eq!((read.trace_id, read.parent_id, read.sampled), (TraceId(1), 1, false));
    let later = format!("cc{}-what-the-future-holds", &BROUGHT[2..]);
    assert_eq!(TraceParent::parse(&later).unwrap().trace_id.to_string(), BROUGHT_ID);
    let wrong = [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        // Version 00 ends where it ends; ff is none.
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        // Zeros stand for nothing, capitals are not allowed.
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "永永永永永永永永永永永永永永永永永永永",
    ];
    for header in wrong {
        assert_eq!(TraceParent::parse(header), None, "{header}");
    }
}

/// What was written, to be read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

/// Says something once within a call that brought that header, and once outside of it.
async fn say(traceparent: Option<&str>) {
    let trace = Trace::of(traceparent.map(str::as_bytes));
    let work = async {
        tracing::warn!(units = 3, why = "a \"quote\"\nand a line", "stock is low");
        tokio::task::yield_now().await;
        trace::current().expect("the work of a call").to_string()
    };
    let id = within(trace, Box::pin(work)).await;
    if traceparent.is_some() {
        assert_eq!(id, BROUGHT_ID);
    }
    assert_eq!(trace::current(), None);
    tracing::info!("nobody's");
}

#[tokio::test]
async fn lines_for_programs_are_json_and_name_the_call() {
    let lines = Lines::default();
    let layer = tracing_subscriber::fmt::layer();
    let layer = layer.with_writer(lines.clone()).with_ansi(false).event_format(JsonLines);
    let _set = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    say(Some(BROUGHT)).await;
    let said = lines.take();
    let ours: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ours.len(), 2, "{said}");
    assert_eq!(ours[0]["level"], "WARN");
    assert_eq!(ours[0]["message"], "stock is low");
    assert_eq!(ours[0]["trace_id"], BROUGHT_ID);
    assert_eq!(ours[0]["fields"]["units"], 3);
    assert_eq!(ours[0]["fields"]["why"], "a \"quote\"\nand a line");
    assert!(ours[0]["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(ours[1].get("trace_id"), None);
}

#[tokio::test]
async fn lines_for_people_end_with_the_call_they_are_about() {
    let lines = Lines::default();
    let layer = tracing_subscriber::fmt::layer().with_writer(lines.clone()).with_ansi(false);
    let layer = layer.fmt_fields(FieldsAndTrace(DefaultFields::new()));
    let _set = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    say(Some(BROUGHT)).await;
    let said = lines.take();
    let (first, second) = said.split_once(&format!(" trace_id={BROUGHT_ID}\n")).unwrap();
    assert!(first.contains("stock is low"), "{said}");
    assert!(second.trim_end().ends_with("nobody's"), "{said}");
    say(None).await;
    assert_eq!(lines.take().matches(" trace_id=").count(), 1);
}

#[tokio::test]
async fn calls_that_take_turns_on_one_thread_keep_their_own_ids() {
    let other = BROUGHT.replace("4736", "4737");
    let call = |header: String| {
        let trace = Trace::of(Some(header.as_bytes()));
        within(
            trace,
            Box::pin(async {
                let mut seen = Vec::new();
                for _ in 0..3 {
                    seen.push(trace::current().unwrap().to_string());
                    tokio::task::yield_now().await;
                }
                seen
            }),
        )
    };
    let (one, two) = tokio::join!(call(BROUGHT.to_owned()), call(other.clone()));
    assert_eq!(one, vec![BROUGHT_ID.to_owned(); 3]);
    assert_eq!(two, vec![other[3..35].to_owned(); 3]);
}

fn trace_id(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().metadata["trace_id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_names_the_trace_that_the_caller_brought_or_one_of_its_own() {
    let node = Node::start().await;
    let mistake = node.place(&request_id(), "ann", 1).await.unwrap_err();
    let details = mistake.get_error_details();
    assert!(!details.error_info().unwrap().metadata.contains_key("trace_id"), "a mistake is none");
    set(&node, proto::ServiceLevel::Closed).await;
    let ask = async |header: Option<&str>| {
        let mut request = Request::new(place(&request_id(), "ann", 1));
        if let Some(header) = header {
            request.metadata_mut().insert("traceparent", header.parse().unwrap());
        }
        trace_id(&node.purchases().place_order(request).await.unwrap_err())
    };
    assert_eq!(ask(Some(BROUGHT)).await, BROUGHT_ID);
    let made = [ask(None).await, ask(None).await, ask(Some("00-what-is-this-01")).await];
    for id in &made {
        assert!(id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
        assert_ne!(id, BROUGHT_ID);
    }
    assert_ne!(made[0], made[1]);
}
