//! `doorbuster incident`: incidents of a sale, from detection to review.

mod told;

use tonic::{Response, Status};

use self::told::{severity_name, text, whole_text};
use crate::{
    cli::{
        Common,
        decided::Decided,
        failure::{Code, Failure},
        json::shape,
        question::{moment, paged},
        rows::Column::{self, Text},
        server::Server,
        since::Since,
        whose::AnySale,
        write::{Signed, Steering},
    },
    crowd::channel::Channel,
    grpc::proto::{
        AssessIncidentRequest, GetIncidentRequest, Incident, IncidentRefusal,
        IncidentSeverity as Severity, ListIncidentsRequest, ListIncidentsResponse,
        OpenIncidentRequest, OpenIncidentResponse, RecordActionRequest, ResolveIncidentRequest,
        ReviewIncidentRequest, WriteResponse, incident_service_client,
    },
    values::{IncidentId, IncidentSeverity, Invalid, ItemId, SaleId},
};

type Client = incident_service_client::IncidentServiceClient<Channel>;

/// Arguments of `incident`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Open an incident
    #[command(before_help = "Examples:
  doorbuster incident open --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --title \"payments are slow\"
  doorbuster incident open --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --title \"wrong price\" \\
    --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --began 2026-11-11T00:00:10+08:00")]
    Open(Open),
    /// Record severity, impact and owner
    #[command(before_help = "Examples:
  doorbuster incident assess 6c3f0c6e-9a1b-5c0f-8a4e-1f2d3c4b5a69 --severity major \\
    --impact \"every second payment fails\" --owner olga")]
    Assess(Assess),
    /// Record an action
    #[command(before_help = "Examples:
  doorbuster incident act 6c3f0c6e-9a1b-5c0f-8a4e-1f2d3c4b5a69 --action \"switched the provider\"")]
    Act(Act),
    /// Record that it is resolved
    #[command(before_help = "Examples:
  doorbuster incident resolve 6c3f0c6e-9a1b-5c0f-8a4e-1f2d3c4b5a69
  doorbuster incident resolve 6c3f0c6e-9a1b-5c0f-8a4e-1f2d3c4b5a69 --ended 2026-11-11T00:03:00+08:00")]
    Resolve(Resolve),
    /// Record the review: cause and lessons
    #[command(before_help = "Examples:
  doorbuster incident review 6c3f0c6e-9a1b-5c0f-8a4e-1f2d3c4b5a69 \\
    --cause \"one provider for all payments\" --lessons \"two providers, tried before each sale\"")]
    Review(Review),
    /// Show an incident with its steps and cost
    #[command(before_help = "Examples:
  doorbuster incident show 6c3f0c6e-9a1b-5c0f-8a4e-1f2d3c4b5a69
  doorbuster incident show 6c3f0c6e-9a1b-5c0f-8a4e-1f2d3c4b5a69 --json")]
    Show(Show),
    /// List incidents, newest first
    #[command(before_help = "Examples:
  doorbuster incident list --open
  doorbuster incident list --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --json")]
    List(List),
}

/// What every step has.
#[derive(Debug, clap::Args)]
struct Step {
    /// Reason for the record, at most 500 characters
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    steering: Steering,
}

#[derive(Debug, clap::Args)]
struct Open {
    /// The sale
    #[arg(long)]
    sale: String,
    /// An affected item, repeatable; without one the whole sale is affected
    #[arg(long = "item", value_name = "ITEM")]
    items: Vec<String>,
    /// What is wrong, 1 to 200 characters
    #[arg(long)]
    title: String,
    /// When it began (RFC 3339), not in the future [default: now]
    #[arg(long, value_name = "TIME")]
    began: Option<String>,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, clap::Args)]
struct Assess {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    id: String,
    /// minor, major or critical
    #[arg(long)]
    severity: String,
    /// Impact on buyers and the sale, 1 to 2000 characters
    #[arg(long)]
    impact: String,
    /// Owner of the incident, 1 to 64 characters
    #[arg(long)]
    owner: String,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, clap::Args)]
struct Act {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    id: String,
    /// What was done, 1 to 2000 characters
    #[arg(long)]
    action: String,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, clap::Args)]
struct Resolve {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    id: String,
    /// When it ended (RFC 3339), not in the future [default: now]
    #[arg(long, value_name = "TIME")]
    ended: Option<String>,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, clap::Args)]
struct Review {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    id: String,
    /// Why it happened, 1 to 2000 characters
    #[arg(long)]
    cause: String,
    /// What will be done differently, 1 to 2000 characters
    #[arg(long)]
    lessons: String,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    id: String,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    sale: AnySale,
    /// Only those that are not resolved
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

/// Runs `incident`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Open(open) => open.run(common),
        Verb::Assess(assess) => assess.run(common),
        Verb::Act(act) => act.run(common),
        Verb::Resolve(resolve) => resolve.run(common),
        Verb::Review(review) => review.run(common),
        Verb::Show(show) => show.run(common),
        Verb::List(list) => list.run(common),
    }
}

impl Step {
    fn take<T: WriteResponse<Subject = Incident, Refusal = IncidentRefusal>>(
        &self,
        common: &Common,
        call: impl AsyncFn(Client, Signed) -> Result<Response<T>, Status>,
    ) -> anyhow::Result<()> {
        show(common, Decided::of(self.send(call)?))
    }

    fn send<T>(
        &self,
        call: impl AsyncFn(Client, Signed) -> Result<Response<T>, Status>,
    ) -> Result<T, Failure> {
        self.steering.send(async |channel, signed| call(Client::new(channel), signed).await)
    }
}

impl Open {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let sale_id = SaleId::parse("--sale", &self.sale)?.to_string();
        let items = self.items.iter().map(|id| Ok(ItemId::parse("--item", id)?.to_string()));
        let item_ids = items.collect::<Result<Vec<_>, Invalid>>()?;
        let begin_time = moment("--began", self.began.as_deref())?;
        let opened = self.step.send(async |mut client, signed| {
            let Signed { request_id, operator } = signed;
            let request = OpenIncidentRequest {
                request_id,
                sale_id: sale_id.clone(),
                item_ids: item_ids.clone(),
                title: self.title.clone(),
                begin_time,
                operator,
                reason: self.step.reason.clone(),
            };
            client.open_incident(request).await
        })?;
        // An incident is always opened.
        let OpenIncidentResponse { incident, revision, position } = opened;
        show(common, Decided { outcome: incident.map(Ok), revision, position })
    }
}

impl Assess {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let incident_id = id(&self.id)?;
        let severity = match IncidentSeverity::parse("--severity", &self.severity)? {
            IncidentSeverity::Minor => Severity::Minor,
            IncidentSeverity::Major => Severity::Major,
            IncidentSeverity::Critical => Severity::Critical,
        };
        self.step.take(common, async |mut client, signed| {
            let Signed { request_id, operator } = signed;
            let request = AssessIncidentRequest {
                request_id,
                incident_id: incident_id.clone(),
                severity: severity.into(),
                impact: self.impact.clone(),
                owner: self.owner.clone(),
                operator,
                reason: self.step.reason.clone(),
            };
            client.assess_incident(request).await
        })
    }
}

impl Act {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let incident_id = id(&self.id)?;
        self.step.take(common, async |mut client, signed| {
            let Signed { request_id, operator } = signed;
            let request = RecordActionRequest {
                request_id,
                incident_id: incident_id.clone(),
                action: self.action.clone(),
                operator,
                reason: self.step.reason.clone(),
            };
            client.record_action(request).await
        })
    }
}

impl Resolve {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let incident_id = id(&self.id)?;
        let end_time = moment("--ended", self.ended.as_deref())?;
        self.step.take(common, async |mut client, signed| {
            let Signed { request_id, operator } = signed;
            let request = ResolveIncidentRequest {
                request_id,
                incident_id: incident_id.clone(),
                end_time,
                operator,
                reason: self.step.reason.clone(),
            };
            client.resolve_incident(request).await
        })
    }
}

impl Review {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let incident_id = id(&self.id)?;
        self.step.take(common, async |mut client, signed| {
            let Signed { request_id, operator } = signed;
            let request = ReviewIncidentRequest {
                request_id,
                incident_id: incident_id.clone(),
                cause: self.cause.clone(),
                lessons: self.lessons.clone(),
                operator,
                reason: self.step.reason.clone(),
            };
            client.review_incident(request).await
        })
    }
}

impl Show {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetIncidentRequest {
            incident_id: id(&self.id)?,
            min_position: self.since.min_position(),
            as_of: None,
        };
        let found = self
            .server
            .call(async |channel| Client::new(channel).get_incident(request.clone()).await)?;
        let incident = found
            .incident
            .as_ref()
            .ok_or_else(|| Failure::new(Code::Failed, "the server sent no incident"))?;
        common.show(|| shape(&found), || whole_text(incident, &found))?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

paged!(ListIncidentsRequest => Client.list_incidents, ListIncidentsResponse.incidents: Incident);

const COLUMNS: &[Column<Incident>] = &[
    Text("INCIDENT", |incident| (&incident.incident_id).into()),
    Text("BEGAN", |incident| (&incident.begin_time).into()),
    Text("ENDED", |incident| (&incident.end_time).into()),
    Text("SEVERITY", |incident| severity_name(incident).into()),
    Text("OWNER", |incident| (&incident.owner).into()),
    Text("TITLE", |incident| (&incident.title).into()),
];

impl List {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.server.pages(ListIncidentsRequest {
            sale_id: self.sale.sale_id()?,
            open: self.open,
            min_position: self.since.min_position(),
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.incidents)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

fn show(common: &Common, decided: Decided<Incident, IncidentRefusal>) -> anyhow::Result<()> {
    decided.show(common, "incident", text)
}

fn id(text: &str) -> Result<String, Invalid> {
    Ok(IncidentId::parse("INCIDENT", text)?.to_string())
}
