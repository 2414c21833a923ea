//! `doorbuster script`: the wordings of customer service, and the one for a buyer.

use crate::{
    cli::{
        Common,
        decided::Decided,
        explain::script_title,
        json::{shape, time, timestamp},
        output::facts,
        question::paged,
        rows::Column::{self, Number, Text},
        server::Server,
        since::Since,
        write::{Signed, Steering},
    },
    crowd::channel::Channel,
    domain::script::{Language, Situation, check_wording},
    grpc::proto::{
        ListScriptVersionsRequest, ListScriptVersionsResponse, ListScriptsRequest,
        PublishScriptRequest, RenderScriptRequest, Script, ScriptVersion, WithdrawScriptRequest,
        script_service_client,
    },
    values::{ItemId, OrderId, UnixMs},
};

type Client = script_service_client::ScriptServiceClient<Channel>;

/// Arguments of `script`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Put a wording in force; docs/scripts.md lists situations and variables
    #[command(before_help = "Examples:
  doorbuster script publish refusal.sold_out --lang en --reason \"restock on Friday\" \\
    --text \"{item_title} is sold out. More comes on Friday.\"")]
    Publish(Publish),
    /// Return to the built-in wording
    #[command(before_help = "Examples:
  doorbuster script withdraw refusal.sold_out --lang en --reason \"the restock is here\"")]
    Withdraw(Change),
    /// The wordings in force
    #[command(before_help = "Examples:
  doorbuster script list --lang zh
  doorbuster script list --json")]
    List(List),
    /// List the versions of a wording, newest first
    #[command(before_help = "Examples:
  doorbuster script versions refusal.sold_out --lang en
  doorbuster script versions refusal.sold_out --lang en --at 2026-11-11T00:00:05+08:00")]
    Versions(Versions),
    /// Fill a wording for an order, or for a buyer's latest order or attempt
    #[command(before_help = "Examples:
  doorbuster script say --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --buyer alice --lang zh
  doorbuster script say --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11")]
    Say(Say),
}

#[derive(Debug, clap::Args)]
struct Change {
    /// The situation, for example refusal.sold_out, order.held or incident
    situation: String,
    /// en or zh
    #[arg(long, value_name = "LANG")]
    lang: String,
    /// Why, for the record, 1 to 500 characters
    #[arg(long)]
    reason: String,
    /// Only change the wording if this version is in force
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<i64>,
    #[command(flatten)]
    steering: Steering,
}

#[derive(Debug, clap::Args)]
struct Publish {
    /// The wording, 1 to 1000 characters, with variables in braces
    #[arg(long)]
    text: String,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Of one language: en or zh
    #[arg(long, value_name = "LANG")]
    lang: Option<String>,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Versions {
    /// The situation
    situation: String,
    /// en or zh
    #[arg(long, value_name = "LANG")]
    lang: String,
    /// Only the version that was in force then (RFC 3339)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Say {
    /// The item
    #[arg(long, required_unless_present = "order", requires = "buyer")]
    item: Option<String>,
    /// The shop's own id of the buyer
    #[arg(long, requires = "item")]
    buyer: Option<String>,
    /// An order, instead of item and buyer
    #[arg(long, conflicts_with_all = ["item", "buyer"])]
    order: Option<String>,
    /// en or zh
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: String,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

/// Runs `script`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Publish(Publish { text, change }) => change.run(Some(text), common),
        Verb::Withdraw(change) => change.run(None, common),
        Verb::List(list) => list.run(common),
        Verb::Versions(versions) => versions.run(common),
        Verb::Say(say) => say.run(common),
    }
}

impl Change {
    /// Publishes that text, or withdraws.
    fn run(self, text: Option<String>, common: &Common) -> anyhow::Result<()> {
        let situation = Situation::parse("SITUATION", &self.situation)?;
        let language = Language::parse("--lang", &self.lang)?.name();
        if let Some(text) = &text {
            check_wording("--text", situation, text)?;
        }
        let expected_version = self.expected_version;
        let changed: Decided<_, _> = self.steering.send(async |channel, signed| {
            let mut client = Client::new(channel);
            let Signed { request_id, operator } = signed;
            let (situation, language) = (situation.name(), language.to_owned());
            let reason = self.reason.clone();
            Ok(match text.clone() {
                Some(text) => {
                    let request = PublishScriptRequest {
                        request_id,
                        situation,
                        language,
                        text,
                        expected_version,
                        operator,
                        reason,
                    };
                    client.publish_script(request).await?.map(Decided::of)
                }
                None => {
                    let request = WithdrawScriptRequest {
                        request_id,
                        situation,
                        language,
                        expected_version,
                        operator,
                        reason,
                    };
                    client.withdraw_script(request).await?.map(Decided::of)
                }
            })
        })?;
        changed.show(common, "script", text_of)
    }
}

const SCRIPTS: &[Column<Script>] = &[
    Text("SITUATION", |script| (&script.situation).into()),
    Text("LANG", |script| (&script.language).into()),
    Number("VERSION", |script| version(script).into()),
    Text("TEXT", |script| (&script.text).into()),
];

impl List {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let language = match &self.lang {
            Some(text) => Language::parse("--lang", text)?.name().to_owned(),
            None => String::new(),
        };
        let request =
            ListScriptsRequest { language, min_position: self.since.min_position(), as_of: None };
        let found = self
            .server
            .call(async |channel| Client::new(channel).list_scripts(request.clone()).await)?;
        common.show_rows(|| shape(&found), SCRIPTS, &found.scripts)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

paged!(ListScriptVersionsRequest => Client.list_script_versions,
    ListScriptVersionsResponse.versions: ScriptVersion);

const VERSIONS: &[Column<ScriptVersion>] = &[
    Number("VERSION", |version| script(version).version.into()),
    Text("FROM", |version| (&script(version).publish_time).into()),
    Text("UNTIL", |version| (&version.until_time).into()),
    Text("OPERATOR", |version| script(version).operator.into()),
    Text("REASON", |version| script(version).reason.into()),
    Text("TEXT", |version| {
        let script = script(version);
        if script.builtin { "(built in)".into() } else { script.text.into() }
    }),
];

impl Versions {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let at = self.at.as_deref().map(|text| UnixMs::parse("--at", text)).transpose()?;
        let found = self.server.pages(ListScriptVersionsRequest {
            situation: Situation::parse("SITUATION", &self.situation)?.name(),
            language: Language::parse("--lang", &self.lang)?.name().to_owned(),
            at_time: at.map(timestamp),
            min_position: self.since.min_position(),
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), VERSIONS, &found.versions)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

impl Say {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let item = self.item.map(|id| ItemId::parse("--item", &id)).transpose()?;
        let order = self.order.map(|id| OrderId::parse("--order", &id)).transpose()?;
        let request = RenderScriptRequest {
            item_id: item.map(|id| id.to_string()).unwrap_or_default(),
            buyer: self.buyer.unwrap_or_default(),
            order_id: order.map(|id| id.to_string()).unwrap_or_default(),
            language: Language::parse("--lang", &self.lang)?.name().to_owned(),
            min_position: self.since.min_position(),
        };
        let found = self
            .server
            .call(async |channel| Client::new(channel).render_script(request.clone()).await)?;
        common.show(
            || shape(&found),
            || {
                let said = found.scripts.iter();
                let said = said.map(|script| format!("{}\n{}", script_title(script), script.text));
                said.collect::<Vec<_>>().join("\n\n")
            },
        )?;
        if found.scripts.is_empty() {
            common.note("no order or attempt of this buyer is recorded, so no wording applies");
        }
        Ok(())
    }
}

fn version(script: &Script) -> String {
    if script.builtin { "built in".to_owned() } else { script.version.to_string() }
}

fn script(version: &ScriptVersion) -> Script {
    version.script.clone().unwrap_or_default()
}

fn text_of(script: &Script) -> String {
    facts(&[
        ("situation", script.situation.clone()),
        ("language", script.language.clone()),
        ("version", script.version.to_string()),
        ("built in", if script.builtin { "yes" } else { "no" }.to_owned()),
        ("text", script.text.clone()),
        ("since", time(script.publish_time.as_ref())),
        ("operator", script.operator.clone()),
        ("reason", script.reason.clone()),
    ])
}
