//! `doorbuster order explain`: explains the results of a buyer, from a server or from the log
//! itself.

use crate::{
    cli::{
        Common,
        failure::Failure,
        json::shape,
        models::{Models, Scratch},
        server::Server,
        since::Since,
        source::Data,
        token_file::TokenFile,
    },
    domain::script::Language,
    grpc::{
        proto::{
            ExplainPurchaseRequest, ExplainPurchaseResponse, SpokenScript,
            replay_service_client::ReplayServiceClient,
        },
        replay::answers,
    },
    replay::{explain::explain, speak::speak},
    reports::Reports,
    values::{ItemId, known_text},
};

/// Longest buyer id, in characters.
const BUYER_CHARS_MAX: usize = 128;

/// Arguments of `order explain`.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// The shop's own id of the buyer
    #[arg(long)]
    buyer: String,
    /// The item
    #[arg(long)]
    item: String,
    /// Language of the wording for the buyer: en or zh
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: String,
    /// Ask this server instead of reading a log
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    #[command(flatten)]
    token: TokenFile,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    scratch: Scratch,
}

impl Explain {
    /// Asks and tells.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let item = ItemId::parse("--item", &self.item)?;
        known_text("--buyer", &self.buyer, BUYER_CHARS_MAX)?;
        let language = Language::parse("--lang", &self.lang)?;
        let found = self.ask(item, language, common)?;
        common.show(|| shape(&found), || text(&found))?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }

    fn ask(
        self,
        item: ItemId,
        language: Language,
        common: &Common,
    ) -> Result<ExplainPurchaseResponse, Failure> {
        if let Some(url) = self.server {
            let request = ExplainPurchaseRequest {
                buyer: self.buyer,
                item_id: item.to_string(),
                min_position: self.since.min_position(),
                language: language.name().to_owned(),
            };
            return Server { url, token: self.token }.call(async |channel| {
                ReplayServiceClient::new(channel).explain_purchase(request.clone()).await
            });
        }
        let log = self.data.open()?;
        let past = log.past();
        let told = past.head().and_then(|head| Ok((explain(&past, item, &self.buyer)?, head)));
        let (told, head) = told.map_err(|error| log.not_replayed(error))?;
        // What is published stands in the read models.
        let models = Models::of(&log, &self.data.dir, &self.scratch, common);
        let spoken = models
            .map_err(anyhow::Error::from)
            .and_then(|models| Ok(speak(&Reports::open(models.directory()), &told, language)?));
        let scripts = match spoken {
            Ok(scripts) => scripts,
            Err(error) => {
                common.note(format_args!("no wording for the buyer: {error}"));
                Vec::new()
            }
        };
        Ok(answers::explanation(told, scripts, head))
    }
}

fn text(found: &ExplainPurchaseResponse) -> String {
    let mut text = format!("{} ({})\n{}", found.title, found.sku, found.sentences.join("\n"));
    for script in &found.scripts {
        text.push_str(&format!("\n\n{}\n{}", script_title(script), script.text));
    }
    text
}

/// What a wording is, before it.
pub fn script_title(script: &SpokenScript) -> String {
    let version = if script.builtin { "built in".to_owned() } else { script.version.to_string() };
    format!("To say ({}, {}, version {version}):", script.situation, script.language)
}
