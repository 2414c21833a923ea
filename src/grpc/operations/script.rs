//! `ScriptService`: the wordings of customer service, and the one for a buyer.

use std::sync::Arc;

use tonic::{Extensions, Request, Response, Status, async_trait, metadata::MetadataMap};

use crate::{
    actors::{Answer, Directory},
    domain::script::{
        ChangeScript, Language, Script, ScriptCommand, ScriptOutcome, ScriptRefusal, ScriptView,
        Situation, Variable, builtin, check_wording,
    },
    events::StreamName,
    grpc::{
        ReadSide,
        authenticator::Authenticator,
        convert, proto,
        replay::{
            About, ReplayApi,
            answers::{self, spoken},
        },
        status::CallError,
    },
    projections::operations,
    reports::{Paging, ScriptVersion, ScriptVersionsQuery, Wording},
    values::{Invalid, OrderId, RequestId},
};

pub(in crate::grpc) struct ScriptApi {
    pub(in crate::grpc) scripts: Arc<Directory<Script>>,
    pub(in crate::grpc) reads: ReadSide,
    pub(in crate::grpc) replay: Arc<ReplayApi>,
    pub(in crate::grpc) authenticator: Authenticator,
}

/// A change on its way in.
struct Wanted {
    request_id: String,
    situation: String,
    language: String,
    text: Option<String>,
    expected_version: Option<i64>,
    operator: String,
    reason: String,
}

/// The answer to it.
struct Changed {
    outcome: Result<proto::Script, proto::ScriptRefusal>,
    revision: u64,
    position: u64,
}

impl ScriptApi {
    async fn change(
        &self,
        (metadata, extensions): (MetadataMap, Extensions),
        wanted: Wanted,
    ) -> Result<Changed, CallError> {
        let request_id = RequestId::parse("request_id", &wanted.request_id)?;
        let situation = Situation::parse("situation", &wanted.situation)?;
        let language = Language::parse("language", &wanted.language)?;
        if let Some(text) = &wanted.text {
            check_wording("text", situation, text)?;
        }
        if wanted.expected_version.is_some_and(|version| version < 0) {
            return Err(Invalid::new("expected_version", "must not be negative").into());
        }
        let operator = self.authenticator.operator(&metadata, wanted.operator)?;
        convert::steering(&operator, &wanted.reason)?;
        let (who, why) = (operator.clone(), wanted.reason.clone());
        let change = ChangeScript {
            request_id,
            situation,
            language,
            text: wanted.text,
            expected_version: wanted.expected_version,
            operator,
            reason: wanted.reason,
        };
        let stream = StreamName::script(&situation.name(), language.name());
        let command = ScriptCommand::Change(Box::new(change));
        let deadline = convert::deadline(&extensions);
        let answer = self.scripts.ask(stream.id, command, deadline).await?;
        let Answer { outcome, revision, position } = answer;
        let outcome = match outcome {
            ScriptOutcome::Script(view) => {
                Ok(script_of(in_force(situation, language, view, (who, why))))
            }
            ScriptOutcome::Refused(refusal) => Err(refusal_of(refusal)),
            ScriptOutcome::Misdirected(why) => return Err(why.into()),
        };
        Ok(Changed { outcome, revision, position: position.0 })
    }
}

#[async_trait]
impl proto::script_service_server::ScriptService for ScriptApi {
    async fn publish_script(
        &self,
        request: Request<proto::PublishScriptRequest>,
    ) -> Result<Response<proto::PublishScriptResponse>, Status> {
        let (metadata, extensions, r) = request.into_parts();
        let wanted = Wanted {
            request_id: r.request_id,
            situation: r.situation,
            language: r.language,
            text: Some(r.text),
            expected_version: r.expected_version,
            operator: r.operator,
            reason: r.reason,
        };
        let Changed { outcome, revision, position } =
            self.change((metadata, extensions), wanted).await?;
        let outcome = Some(match outcome {
            Ok(script) => proto::publish_script_response::Outcome::Script(script),
            Err(refusal) => proto::publish_script_response::Outcome::Refusal(refusal),
        });
        Ok(Response::new(proto::PublishScriptResponse { outcome, revision, position }))
    }

    async fn withdraw_script(
        &self,
        request: Request<proto::WithdrawScriptRequest>,
    ) -> Result<Response<proto::WithdrawScriptResponse>, Status> {
        let (metadata, extensions, r) = request.into_parts();
        let wanted = Wanted {
            request_id: r.request_id,
            situation: r.situation,
            language: r.language,
            text: None,
            expected_version: r.expected_version,
            operator: r.operator,
            reason: r.reason,
        };
        let Changed { outcome, revision, position } =
            self.change((metadata, extensions), wanted).await?;
        let outcome = Some(match outcome {
            Ok(script) => proto::withdraw_script_response::Outcome::Script(script),
            Err(refusal) => proto::withdraw_script_response::Outcome::Refusal(refusal),
        });
        Ok(Response::new(proto::WithdrawScriptResponse { outcome, revision, position }))
    }

    async fn list_scripts(
        &self,
        request: Request<proto::ListScriptsRequest>,
    ) -> Result<Response<proto::ListScriptsResponse>, Status> {
        let request = request.into_inner();
        let language = match request.language.as_str() {
            "" => None,
            text => Some(Language::parse("language", text).map_err(CallError::from)?),
        };
        let asked = self.reads.ask_as_of(
            operations::NAME,
            request.min_position,
            request.as_of,
            move |reports| reports.scripts(language),
        );
        let (scripts, checkpoint) = asked.await?;
        Ok(Response::new(proto::ListScriptsResponse {
            scripts: scripts.into_iter().map(script_of).collect(),
            freshness: Some(self.reads.freshness(operations::NAME, checkpoint)),
        }))
    }

    async fn list_script_versions(
        &self,
        request: Request<proto::ListScriptVersionsRequest>,
    ) -> Result<Response<proto::ListScriptVersionsResponse>, Status> {
        let request = request.into_inner();
        let query = ScriptVersionsQuery {
            situation: Situation::parse("situation", &request.situation)
                .map_err(CallError::from)?,
            language: Language::parse("language", &request.language).map_err(CallError::from)?,
            at: convert::moment("at_time", request.at_time).map_err(CallError::from)?,
            paging: Paging { page_size: request.page_size, page_token: request.page_token },
        };
        let asked = self
            .reads
            .ask(operations::NAME, request.min_position, move |reports| {
                reports.script_versions(&query)
            })
            .await?;
        Ok(Response::new(proto::ListScriptVersionsResponse {
            versions: asked.rows.into_iter().map(version_of).collect(),
            next_page_token: asked.next_page_token,
            freshness: Some(self.reads.freshness(operations::NAME, asked.checkpoint)),
        }))
    }

    async fn render_script(
        &self,
        request: Request<proto::RenderScriptRequest>,
    ) -> Result<Response<proto::RenderScriptResponse>, Status> {
        let request = request.into_inner();
        let about = match request.order_id.as_str() {
            "" => About::buyer(&request.item_id, request.buyer)?,
            id if request.item_id.is_empty() && request.buyer.is_empty() => {
                About::Order(OrderId::parse("order_id", id).map_err(CallError::from)?)
            }
            _ => {
                let problem = "must not be given together with item_id or buyer";
                return Err(CallError::from(Invalid::new("order_id", problem)).into());
            }
        };
        let told = self.replay.told(about, &request.language, request.min_position);
        let (told, head) = told.await?;
        Ok(Response::new(proto::RenderScriptResponse {
            scripts: told.1.into_iter().map(spoken).collect(),
            freshness: Some(answers::freshness(head)),
        }))
    }
}

fn refusal_of(refusal: ScriptRefusal) -> proto::ScriptRefusal {
    let (reason, version) = match refusal {
        ScriptRefusal::VersionNotExpected { in_force } => {
            (proto::ScriptRefusalReason::VersionNotExpected, in_force)
        }
        ScriptRefusal::NotPublished => (proto::ScriptRefusalReason::NotPublished, 0),
    };
    proto::ScriptRefusal { reason: reason.into(), message: refusal.to_string(), version }
}

fn in_force(
    situation: Situation,
    language: Language,
    view: ScriptView,
    (operator, reason): (String, String),
) -> Wording {
    Wording {
        situation,
        language,
        version: view.version,
        builtin: view.text.is_none(),
        text: view.text.unwrap_or_else(|| builtin(situation, language).to_owned()),
        since: view.since,
        operator,
        reason,
    }
}

fn script_of(wording: Wording) -> proto::Script {
    let variables = wording.situation.variables().iter();
    proto::Script {
        situation: wording.situation.name(),
        language: wording.language.name().to_owned(),
        version: wording.version,
        builtin: wording.builtin,
        text: wording.text,
        publish_time: wording.since.map(convert::timestamp),
        operator: wording.operator,
        reason: wording.reason,
        variables: variables.copied().map(Variable::name).map(str::to_owned).collect(),
    }
}

fn version_of(version: ScriptVersion) -> proto::ScriptVersion {
    proto::ScriptVersion {
        script: Some(script_of(version.wording)),
        until_time: version.until.map(convert::timestamp),
        revision: u64::try_from(version.revision).unwrap_or(0),
        position: u64::try_from(version.position).unwrap_or(0),
    }
}
