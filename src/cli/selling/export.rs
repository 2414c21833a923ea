//! Exports of paid orders: `order export`, `order exports`.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    cli::{
        Common,
        decided::Decided,
        failure::{Code, Failure},
        json::{shape, time},
        output::facts,
        question::paged,
        rows::Column::{self, Number, Text},
        server::Server,
        signals,
        since::Since,
        whose::TheSale,
        write::{Signed, Steering},
    },
    crowd::channel::Channel,
    grpc::{
        AT_HEAD,
        proto::{
            Export, ExportLine, ExportOrdersRequest, FetchExportRequest, ListExportsRequest,
            ListExportsResponse, order_service_client,
        },
    },
    reports::EXPORTED_MAX,
    whole_file,
};

type Client = order_service_client::OrderServiceClient<Channel>;

/// Arguments of `order export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    #[command(flatten)]
    sale: TheSale,
    /// Write the CSV to a file, whole or not at all
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Why, for the record, 1 to 500 characters
    #[arg(long, required_unless_present = "again")]
    reason: Option<String>,
    /// Read the export with this number once more; nothing is exported
    #[arg(long, value_name = "NUMBER", conflicts_with = "reason",
        value_parser = clap::value_parser!(i64).range(1..))]
    again: Option<i64>,
    #[command(flatten)]
    steering: Steering,
}

/// Arguments of `order exports`.
#[derive(Debug, clap::Args)]
pub struct ExportsArgs {
    #[command(flatten)]
    sale: TheSale,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

/// An export with its lines, compared with its digest.
#[derive(Default)]
struct Fetched {
    export: Export,
    lines: Vec<ExportLine>,
    csv: String,
}

impl ExportArgs {
    /// Runs `order export`.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let sale_id = self.sale.id()?.to_string();
        let number = match (self.again, &self.reason) {
            (Some(number), _) => number,
            (None, reason) => {
                let reason = reason.clone().unwrap_or_default();
                self.made(&sale_id, &reason)?.subject(common)?.number
            }
        };
        let request = FetchExportRequest { sale_id, number, min_position: AT_HEAD };
        let fetched = fetch(self.steering.server(), request).map_err(|mut failure| {
            failure.message = format!(
                "export {number} cannot be read: {}\nread it with: doorbuster order export --again \
                 {number}",
                failure.message
            );
            failure
        })?;
        show(common, &fetched, self.file.as_deref())?;
        if self.again.is_none() && fetched.export.upto - fetched.export.after == EXPORTED_MAX {
            common.warn(format_args!(
                "an export takes {EXPORTED_MAX} payments and refunds; there may be more: export again"
            ));
        }
        Ok(())
    }

    fn made(
        &self,
        sale_id: &str,
        reason: &str,
    ) -> Result<Decided<Export, crate::grpc::proto::ExportRefusal>, Failure> {
        let answer = self.steering.send(async |channel, signed| {
            let Signed { request_id, operator } = signed;
            let (sale_id, reason) = (sale_id.to_owned(), reason.to_owned());
            let request = ExportOrdersRequest { request_id, sale_id, operator, reason };
            Client::new(channel).export_orders(request).await
        })?;
        Ok(Decided::of(answer))
    }
}

fn fetch(server: &Server, request: FetchExportRequest) -> Result<Fetched, Failure> {
    server.with_channel(async |channel| {
        let failed = |status| Failure::status(&status);
        let parts = Client::new(channel).fetch_export(request).await.map_err(failed)?;
        let mut parts = parts.into_inner();
        let mut fetched = Fetched::default();
        while let Some(part) = parts.message().await.map_err(failed)? {
            fetched.export = part.export.unwrap_or(fetched.export);
            fetched.lines.extend(part.lines);
            fetched.csv.push_str(&part.csv);
        }
        let digest = Sha256::digest(&fetched.csv);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if digest == fetched.export.sha256 {
            return Ok(fetched);
        }
        let logged = &fetched.export.sha256;
        let message = format!("what arrived has the digest {digest}, not {logged}");
        Err(Failure::new(Code::Integrity, message))
    })
}

fn show(common: &Common, fetched: &Fetched, file: Option<&Path>) -> anyhow::Result<()> {
    let Fetched { export, lines, csv } = fetched;
    let Some(file) = file else {
        if common.json {
            let lines = lines.iter().map(shape).collect::<Value>();
            return Ok(
                common.show(|| json!({ "export": shape(export), "lines": lines }), String::new)?
            );
        }
        return Ok(io::stdout().lock().write_all(csv.as_bytes())?);
    };
    signals::leave_no_parts()?;
    whole_file::write(file, |to| to.write_all(csv.as_bytes())).map_err(|error| {
        Failure::new(Code::Failed, format!("{} cannot be written: {error}", file.display()))
    })?;
    let name = file.display().to_string();
    common.show(
        || json!({ "export": shape(export), "file": name }),
        || {
            facts(&[
                ("export", export.number.to_string()),
                ("orders", export.orders.to_string()),
                ("after", export.after.to_string()),
                ("up to", export.upto.to_string()),
                ("sha256", export.sha256.clone()),
                ("time", time(export.export_time.as_ref())),
                ("file", name.clone()),
            ])
        },
    )?;
    Ok(())
}

paged!(ListExportsRequest => Client.list_exports, ListExportsResponse.exports: Export);

const COLUMNS: &[Column<Export>] = &[
    Number("EXPORT", |export| export.number.into()),
    Text("TIME", |export| (&export.export_time).into()),
    Number("ORDERS", |export| export.orders.into()),
    Number("AFTER", |export| export.after.into()),
    Number("UP TO", |export| export.upto.into()),
    Text("OPERATOR", |export| (&export.operator).into()),
    Text("REASON", |export| (&export.reason).into()),
    Text("SHA256", |export| (&export.sha256).into()),
];

impl ExportsArgs {
    /// Runs `order exports`.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.server.pages(ListExportsRequest {
            sale_id: self.sale.id()?.to_string(),
            min_position: self.since.min_position(),
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.exports)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
