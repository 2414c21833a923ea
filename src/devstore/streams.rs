//! The service of streams: single appends and deletions, and the doors to sessions and reads.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::{
    batch, convert,
    faults::Rpc,
    line::Line,
    node::{Caller, Node, Outcome},
    proto::{
        Nothing,
        streams::{
            AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp,
            DeletionOptions, ReadReq, ReadResp, TombstoneReq, TombstoneResp, append_req,
            append_resp::{
                self, Success, WrongExpectedVersion,
                success::{CurrentRevisionOption, PositionOption},
                wrong_expected_version as wrong,
            },
            delete_resp,
            streams_server::Streams,
            tombstone_resp,
        },
    },
    read,
    request::{Ask, Of},
    status::{self, BadAppend},
    subscription::{self, Following},
};
use crate::{
    events::Position,
    store::embedded::raw::{RawChange, RawExpected, RawRefusal, RawWrite, RawWritten},
};

/// Serves streams on one node.
pub(super) struct StreamsApi {
    pub(super) node: Arc<Node>,
}

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Streams for StreamsApi {
    type ReadStream = Boxed<ReadResp>;
    type BatchAppendStream = Boxed<BatchAppendResp>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Self::ReadStream>, Status> {
        let (headers, line) = (request.metadata().clone(), Line::of(&request));
        let ask = Ask::read(request.into_inner())?;
        let node = Arc::clone(&self.node);
        let rpc = if ask.count.is_some() { Rpc::Read } else { Rpc::Subscribe };
        let fault = node.faults.call(rpc);
        node.check_leader(&headers)?;
        node.refuse_read(fault.clone(), &line)?;
        let following = || {
            let call = node.faults.calls(Rpc::Subscribe);
            let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, &call.to_be_bytes());
            Following::new(Arc::clone(&node), line.clone(), fault.clone(), id)
        };
        let messages: Self::ReadStream = match (ask.of, ask.count) {
            (Of::Stream(of), Some(count)) => {
                Box::pin(read::flatten(read::stream_pages(Arc::clone(&node), of, count)))
            }
            (Of::Stream(of), None) => {
                Box::pin(read::flatten(subscription::to_stream(following(), of)))
            }
            (Of::All(of), count) => {
                of.check(node.head())?;
                match count {
                    Some(count) => {
                        Box::pin(read::flatten(read::all_pages(Arc::clone(&node), of, count)))
                    }
                    None => Box::pin(read::flatten(subscription::to_all(following(), of))),
                }
            }
        };
        Ok(Response::new(messages))
    }

    async fn append(
        &self,
        request: Request<Streaming<AppendReq>>,
    ) -> Result<Response<AppendResp>, Status> {
        self.node.check_leader(request.metadata())?;
        let line = Line::of(&request);
        let write = self.collect(request.into_inner()).await?;
        let (stream, expected) = (write.stream.clone(), write.expected);
        let result = match self.write(Rpc::Append, write, &line).await? {
            Ok(written) => append_resp::Result::Success(success(written)),
            Err(RawRefusal::WrongVersion { current }) => {
                append_resp::Result::WrongExpectedVersion(wrong_version(expected, current))
            }
            Err(refusal) => return Err(status::refused(&stream, &refusal)),
        };
        Ok(Response::new(AppendResp { result: Some(result) }))
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        let (headers, line) = (request.metadata().clone(), Line::of(&request));
        self.node.check_leader(&headers)?;
        let options = request.into_inner().options;
        let position = self.erase(Rpc::Delete, options, RawChange::Delete, &line).await?;
        let position = match position {
            Some(position) => delete_resp::PositionOption::Position(convert::position(position)),
            None => delete_resp::PositionOption::NoPosition(Nothing {}),
        };
        Ok(Response::new(DeleteResp { position_option: Some(position) }))
    }

    async fn tombstone(
        &self,
        request: Request<TombstoneReq>,
    ) -> Result<Response<TombstoneResp>, Status> {
        let (headers, line) = (request.metadata().clone(), Line::of(&request));
        self.node.check_leader(&headers)?;
        let options = request.into_inner().options;
        let position = self.erase(Rpc::Tombstone, options, RawChange::Tombstone, &line).await?;
        let position = match position {
            Some(position) => tombstone_resp::PositionOption::Position(convert::position(position)),
            None => tombstone_resp::PositionOption::NoPosition(Nothing {}),
        };
        Ok(Response::new(TombstoneResp { position_option: Some(position) }))
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        let (headers, line) = (request.metadata().clone(), Line::of(&request));
        let answers = batch::serve(Arc::clone(&self.node), headers, line, request.into_inner());
        Ok(Response::new(Box::pin(answers)))
    }
}

impl StreamsApi {
    /// Takes the messages of one append in.
    async fn collect(&self, mut messages: Streaming<AppendReq>) -> Result<RawWrite, Status> {
        let first = messages.message().await?.and_then(|message| message.content);
        let Some(append_req::Content::Options(options)) = first else {
            return Err(Status::invalid_argument(
                "options: the first message of an append has them",
            ));
        };
        let bad = |bad: BadAppend| bad.status();
        let stream = convert::stream_name(options.stream_identifier).map_err(bad)?;
        let expected =
            convert::expected_by_append(options.expected_stream_revision).map_err(bad)?;
        let bytes_max = self.node.append_bytes_max;
        let (mut events, mut total) = (Vec::new(), 0);
        while let Some(message) = messages.message().await? {
            let Some(append_req::Content::ProposedMessage(message)) = message.content else {
                return Err(Status::invalid_argument("proposed_message: it is missing"));
            };
            let (event, bytes) = convert::event(message).map_err(bad)?;
            total += bytes;
            if total > bytes_max {
                return Err(BadAppend::TooLarge(bytes_max).status());
            }
            events.push(event);
        }
        Ok(RawWrite { stream, expected, change: RawChange::Append(events) })
    }

    async fn erase(
        &self,
        rpc: Rpc,
        options: Option<DeletionOptions>,
        change: RawChange,
        line: &Line,
    ) -> Result<Option<Position>, Status> {
        let options = options.ok_or_else(|| Status::invalid_argument("options: it is missing"))?;
        let bad = |bad: BadAppend| bad.status();
        let stream = convert::stream_name(options.stream_identifier).map_err(bad)?;
        let expected =
            convert::expected_by_deletion(options.expected_stream_revision).map_err(bad)?;
        let write = RawWrite { stream: stream.clone(), expected, change };
        match self.write(rpc, write, line).await? {
            Ok(written) => Ok(written.position),
            Err(RawRefusal::WrongVersion { current }) => {
                Err(status::wrong_version(&stream, expected, current))
            }
            Err(refusal) => Err(status::refused(&stream, &refusal)),
        }
    }

    async fn write(
        &self,
        rpc: Rpc,
        write: RawWrite,
        line: &Line,
    ) -> Result<Result<RawWritten, RawRefusal>, Status> {
        let caller = Caller { line: line.clone(), session: None };
        let pending = self.node.begin(rpc, write, self.node.write_timeout, &caller).await?;
        match pending.outcome().await {
            Outcome::Answer(answer) => Ok(answer),
            Outcome::TimedOut => Err(status::timed_out()),
            Outcome::NotHandled(why) => Err(why.status()),
            Outcome::Silence => {
                // Until the client gives up or the node ends. An error is the same as a stop.
                _ = self.node.stopping.clone().wait_for(|stopping| *stopping).await;
                Err(status::stopping())
            }
        }
    }
}

fn success(written: RawWritten) -> Success {
    let revision = match written.last_revision {
        Some(revision) => CurrentRevisionOption::CurrentRevision(revision),
        None => CurrentRevisionOption::NoStream(Nothing {}),
    };
    let position = match written.position {
        Some(position) => PositionOption::Position(convert::position(position)),
        None => PositionOption::NoPosition(Nothing {}),
    };
    Success { current_revision_option: Some(revision), position_option: Some(position) }
}

/// A wrong version is an answer here, said in the words of new clients and of old ones.
fn wrong_version(expected: RawExpected, current: Option<u64>) -> WrongExpectedVersion {
    use wrong::{
        CurrentRevisionOption as Current, CurrentRevisionOption2060 as OldCurrent,
        ExpectedRevisionOption as Expected, ExpectedRevisionOption2060 as OldExpected,
    };
    let (current, old_current) = match current {
        Some(revision) => {
            (Current::CurrentRevision(revision), OldCurrent::CurrentRevision2060(revision))
        }
        None => (Current::CurrentNoStream(Nothing {}), OldCurrent::NoStream2060(Nothing {})),
    };
    let (expected, old_expected) = match expected {
        RawExpected::Any => (Expected::ExpectedAny(Nothing {}), OldExpected::Any2060(Nothing {})),
        RawExpected::StreamExists => {
            (Expected::ExpectedStreamExists(Nothing {}), OldExpected::StreamExists2060(Nothing {}))
        }
        RawExpected::NoStream => {
            (Expected::ExpectedNoStream(Nothing {}), OldExpected::ExpectedRevision2060(u64::MAX))
        }
        RawExpected::Exact(revision) => {
            (Expected::ExpectedRevision(revision), OldExpected::ExpectedRevision2060(revision))
        }
    };
    WrongExpectedVersion {
        current_revision_option_20_6_0: Some(old_current),
        expected_revision_option_20_6_0: Some(old_expected),
        current_revision_option: Some(current),
        expected_revision_option: Some(expected),
    }
}
