//! The tokens of a node, read at its start and whenever their file changes.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    admission::{Changes, TokenRecord, Tokens},
    clock::SharedClock,
    config::Config,
    metrics::Metrics,
};

/// How often the file is looked at. A revocation counts within this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who may call, and what reads their file again whenever it changes.
pub(super) fn start(
    config: &Config,
    metrics: &Arc<Metrics>,
    clock: &SharedClock,
) -> anyhow::Result<(Arc<Tokens>, JoinHandle<()>)> {
    let (file, required) = config.tokens();
    let tokens = Tokens::of(&file, required).context("tokens_file is refused")?;
    let away = [Some(config.listen), config.http, config.web, config.board];
    if tokens.is_open() && away.iter().flatten().any(|address| !address.ip().is_loopback()) {
        let file = file.display();
        tracing::warn!(
            "there are no tokens: everybody who reaches this server may call everything; \
             doorbuster token new --tokens-file {file} closes it"
        );
    }
    let tokens = Arc::new(tokens);
    let watching = watch(Arc::clone(&tokens), Arc::clone(metrics), Arc::clone(clock));
    Ok((tokens, tokio::spawn(watching)))
}

async fn watch(tokens: Arc<Tokens>, metrics: Arc<Metrics>, clock: SharedClock) {
    let mut said = None;
    loop {
        sleep(LOOK_EVERY).await;
        let reading = Arc::clone(&tokens);
        // A file may be on a disk that is slow.
        let Ok(read) = tokio::task::spawn_blocking(move || reading.reload()).await else { return };
        match read {
            Ok(None) => {}
            Ok(Some(changes)) => {
                metrics.tokens_file_is_bad(false);
                said = None;
                tell(&changes, &clock);
            }
            Err(error) => {
                metrics.tokens_file_is_bad(true);
                if said.as_ref() != Some(&error) {
                    tracing::error!(%error, "the tokens file is refused; the last good tokens stay");
                    said = Some(error);
                }
            }
        }
    }
}

/// Tokens that come and go are on the record of the node.
fn tell(changes: &Changes, clock: &SharedClock) {
    if changes.closed {
        tracing::warn!(tokens = changes.all, "from now on every call but health takes a token");
    }
    let now = clock.now();
    let say = |token: &TokenRecord, what: &str| {
        let TokenRecord { id, role, name, expires, revoked, .. } = token;
        let over = token.is_over(now).map(|why| why.reason());
        tracing::info!(%id, role = role.name(), %name, %expires, ?revoked, over, "token {what}");
    };
    changes.added.iter().for_each(|token| say(token, "added"));
    changes.changed.iter().for_each(|token| say(token, "changed"));
}
