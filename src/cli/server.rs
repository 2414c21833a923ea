//! Calling a running server: address, timeout, and safe repeats of writes.

use std::{error::Error as _, time::Duration};

use tokio::runtime::Runtime;
use tonic::{Response, Status};

use super::{
    failure::{Code, Failure, innermost},
    token_file::TokenFile,
};
use crate::{
    crowd::{channel::Channel, endpoint::endpoint},
    values::RequestId,
};

/// How long to wait for a connection.
const CONNECT_SECONDS: u64 = 5;

/// How long to wait for an answer.
const ANSWER_SECONDS: u64 = 30;

/// Lost races with other nodes that are not worth a word, and the pause after each.
const RACES_MAX: u32 = 20;
const RACE_PAUSE: Duration = Duration::from_millis(50);

/// Which server to call.
#[derive(Debug, Clone, clap::Args)]
pub struct Server {
    /// Server to call
    #[arg(
        long = "server",
        value_name = "URL",
        env = "DOORBUSTER_SERVER",
        default_value = "http://127.0.0.1:7420"
    )]
    pub url: String,
    #[command(flatten)]
    pub token: TokenFile,
}

impl Server {
    /// Makes one call and waits for its answer.
    pub fn call<T>(
        &self,
        call: impl AsyncFn(Channel) -> Result<Response<T>, Status>,
    ) -> Result<T, Failure> {
        runtime()?.block_on(async {
            let channel = self.connect().await?;
            let answer = Duration::from_secs(ANSWER_SECONDS);
            match tokio::time::timeout(answer, until_decided(channel, call)).await {
                Ok(Ok(response)) => Ok(response.into_inner()),
                Ok(Err(status)) => Err(Failure::status(&status)),
                Err(_) => {
                    let message = format!("{} did not answer within {ANSWER_SECONDS} s", self.url);
                    Err(Failure::new(Code::Unreachable, message))
                }
            }
        })
    }

    /// Does something that takes more than one answer.
    pub fn with_channel<T>(
        &self,
        work: impl AsyncFnOnce(Channel) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        runtime()?.block_on(async { work(self.connect().await?).await })
    }

    /// Makes one write. If its outcome stays unknown, the failure says how to repeat it.
    pub fn write<T>(
        &self,
        request_id: RequestId,
        call: impl AsyncFn(Channel) -> Result<Response<T>, Status>,
    ) -> Result<T, Failure> {
        self.call(call).map_err(|failure| failure.with_retry(request_id))
    }

    /// Opens a connection.
    pub async fn connect(&self) -> Result<Channel, Failure> {
        let bad = || {
            let message =
                format!("--server must be a URL such as http://127.0.0.1:7420, not {:?}", self.url);
            Failure::new(Code::Usage, message)
        };
        let url = match self.url.rsplit_once(':') {
            _ if self.url.starts_with("http://") => self.url.clone(),
            _ if self.url.starts_with("https://") => self.url.clone(),
            // As `--listen` writes it.
            Some((_, port)) if port.parse::<u16>().is_ok() => format!("http://{}", self.url),
            Some(_) | None => return Err(bad()),
        };
        let token = self.token.read()?;
        let endpoint = endpoint(&url).map_err(|error| match error.source() {
            Some(cause) if url.starts_with("https://") => {
                Failure::new(Code::Usage, format!("--ca or --client-certificate: {cause}"))
            }
            _ => bad(),
        })?;
        let endpoint = endpoint.connect_timeout(Duration::from_secs(CONNECT_SECONDS));
        let channel = endpoint.connect().await.map_err(|error| {
            let message = format!(
                "no server answers at {}: {}\nstart one with: doorbuster serve, or name another \
                 with --server (DOORBUSTER_SERVER)",
                self.url,
                innermost(&error)
            );
            Failure::new(Code::Unreachable, message)
        })?;
        Ok(Channel::new(channel, token))
    }
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Code::Failed, error.to_string()))
}

/// Sends the same request again while it only met another node that was first: nothing was decided.
async fn until_decided<T>(
    channel: Channel,
    call: impl AsyncFn(Channel) -> Result<Response<T>, Status>,
) -> Result<Response<T>, Status> {
    let mut tries = 1;
    loop {
        match call(channel.clone()).await {
            Err(status) if status.code() == tonic::Code::Aborted && tries < RACES_MAX => {
                tries += 1;
                tokio::time::sleep(RACE_PAUSE).await;
            }
            answer => return answer,
        }
    }
}
