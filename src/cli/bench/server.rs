//! The server that is measured, and the hot items on it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use tokio::time::Instant;
use tonic::Code;

use super::{arguments::Args, child::ServerChild, load::Target};
use crate::{
    cli::{Common, demo::directory},
    clock::{Clock, WallClock, new_request_id},
    crowd::{
        caller::connect,
        figures::{Figures, passing},
        operator::{Operator, Token},
        sale::{Offer, Plan, Terms, put_up},
    },
};

/// Names the store of a server: in its environment, where no list of processes shows secrets.
pub(super) const STORE: &str = "DOORBUSTER_STORE";
/// More units than any run can order.
pub(super) const UNITS: u64 = 1_000_000_000;
pub(super) const TIME_TO_PAY_MS: i64 = 30 * 24 * 3_600_000;
/// How long the read models may take to catch up with a load.
pub(super) const CATCH_UP_MAX: Duration = Duration::from_secs(120);
const CATCH_UP_POLL: Duration = Duration::from_millis(20);

/// The server that is measured when none is named, with its data.
pub(super) struct OwnServer {
    pub(super) server: ServerChild,
    data: PathBuf,
    keep: bool,
}

impl OwnServer {
    /// Starts one with these variables in its environment, on the embedded log unless they say
    /// otherwise.
    pub(super) fn start(
        data: Option<&Path>,
        variables: &[(&str, &str)],
        common: &Common,
    ) -> anyhow::Result<Self> {
        Self::start_on(data, variables, common, |_| Ok(())).map(|(own, ())| own)
    }

    /// The same; `write` puts something into its new data directory first.
    pub(super) fn start_on<T>(
        data: Option<&Path>,
        variables: &[(&str, &str)],
        common: &Common,
        write: impl FnOnce(&Path) -> anyhow::Result<T>,
    ) -> anyhow::Result<(Self, T)> {
        let keep = data.is_some();
        let data = directory::fresh(data, "doorbuster-bench")?;
        let fate = if keep { "" } else { ", removed afterwards" };
        common.note(format_args!("data in {}{fate}", data.display()));
        let Some(path) = data.to_str() else { bail!("--data must be UTF-8") };
        let written = write(&data)?;
        let arguments = [
            "serve",
            "--data",
            path,
            "--listen",
            "127.0.0.1:0",
            "--http",
            "off",
            "--web",
            "off",
            "--board",
            "off",
            "--json",
            "--quiet",
        ];
        let variables = [&[(STORE, "embedded")], variables].concat();
        let server = ServerChild::start_with(&arguments, &variables).context("the server")?;
        Ok((Self { server, data, keep }, written))
    }

    /// Puts up a hot item on it.
    pub(super) async fn put_up(&self, arguments: &Args) -> anyhow::Result<HotItem> {
        let process = Some(self.server.process());
        HotItem::put_up(self.server.url(), process, arguments.operator()?).await
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.server.stop();
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.data)
        {
            eprintln!("{} cannot be removed: {error}", self.data.display());
        }
    }
}

/// The hot item, or several under one target, and the lag of the read models.
pub(super) struct HotItem {
    pub(super) target: Arc<Target>,
    sale_id: String,
    figures: Figures,
    pub(super) lag: Lag,
}

/// The worst that was seen over all rounds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lag {
    events: u64,
    lag_ms: i64,
    catch_up: Duration,
}

impl std::fmt::Display for Lag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "read models at the end of a load: at most {} positions and {} ms behind, caught up \
             within {:.2} s",
            self.events,
            self.lag_ms,
            self.catch_up.as_secs_f64()
        )
    }
}

impl HotItem {
    pub(super) async fn put_up(
        url: &str,
        process: Option<u32>,
        operator: Operator,
    ) -> anyhow::Result<Self> {
        Self::put_up_several(url, process, operator, 1).await
    }

    /// Puts up so many items.
    pub(super) async fn put_up_several(
        url: &str,
        process: Option<u32>,
        operator: Operator,
        items: u32,
    ) -> anyhow::Result<Self> {
        let channel = connect(url, &operator.token)
            .await
            .with_context(|| format!("no server answers at {url}"))?;
        let run = new_request_id();
        let now = WallClock.now();
        let offer = |number| Offer {
            sku: format!("HOT-{number}"),
            title: "Hot item".to_owned(),
            units: UNITS,
        };
        let offers: Vec<_> = (1..=items).map(offer).collect();
        let token = operator.token.clone();
        let terms = Terms {
            name: "Doorbuster bench".to_owned(),
            opens_at: now,
            closes_at: now.plus(TIME_TO_PAY_MS),
            limit_per_buyer: None,
            time_to_pay_ms: TIME_TO_PAY_MS,
            deals: false,
            operator,
            plan: Plan::default(),
        };
        let mut sales = put_up(channel.clone(), &offers, &terms, |_| run.to_string())
            .await
            .context("the sale cannot be put up")?;
        let mut items = sales.items.into_iter().map(|item| item.item_id);
        let item = items.next().ok_or_else(|| anyhow!("the sale has no item"))?;
        let sale_id = sales.sale_ids.pop().ok_or_else(|| anyhow!("there is no sale"))?;
        let target = Target::new(url, item, run.0.as_u64_pair().0).with_token(&token);
        let target = target.in_process(process);
        let target = Arc::new(target.and(items));
        Ok(Self { target, sale_id, figures: Figures::new(channel), lag: Lag::default() })
    }

    /// The item with these ids of item and sale, which is in the log that the server started on.
    pub(super) async fn already_up(
        own: &OwnServer,
        (item_id, sale_id): (String, String),
    ) -> anyhow::Result<Self> {
        let url = own.server.url();
        let figures = Figures::new(connect(url, &Token::default()).await?);
        let run = new_request_id().0.as_u64_pair().0;
        let target = Target::new(url, item_id, run).in_process(Some(own.server.process()));
        Ok(Self { target: Arc::new(target), sale_id, figures, lag: Lag::default() })
    }

    /// Waits until the read models have come to the end of the log.
    pub(super) async fn catch_up(&mut self) -> anyhow::Result<()> {
        self.catch_up_within(CATCH_UP_MAX).await
    }

    /// The same, for so long.
    pub(super) async fn catch_up_within(&mut self, most: Duration) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            match self.figures.freshness(&self.sale_id).await {
                Ok(fresh) => {
                    let behind = fresh.head_position.saturating_sub(fresh.position);
                    self.lag.events = self.lag.events.max(behind);
                    self.lag.lag_ms = self.lag.lag_ms.max(fresh.lag_ms);
                    if behind == 0 {
                        self.lag.catch_up = self.lag.catch_up.max(start.elapsed());
                        return Ok(());
                    }
                }
                // The read models of a log with a history are being built: they do not have the sale that
                // was just put up.
                Err(status) if passing(&status) || status.code() == Code::NotFound => {}
                Err(status) => return Err(status).context("the lag"),
            }
            if start.elapsed() >= most {
                bail!("the read models did not catch up within {} s", most.as_secs());
            }
            tokio::time::sleep(CATCH_UP_POLL).await;
        }
    }
}
