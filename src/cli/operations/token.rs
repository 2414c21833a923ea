//! `doorbuster token`: makes and ends tokens, in the file that the servers read.
//!
//! It needs no server: whoever may write the file decides who may call. Servers notice a change within
//! a second. A token is shown once, when it is made.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::{
    admission::{LIFE_DAYS_MAX, Role, TokenId, TokenRecord, TokenRefused, TokensFile, check_name},
    cli::{
        Common,
        failure::{Code, Failure},
        output::{answer, table_of},
        rows::Column::{self, Text},
    },
    clock::{Clock as _, WallClock},
    private,
    values::{Invalid, UnixMs},
    whole_file,
};

const DAY_MS: i64 = 24 * 3_600 * 1_000;
const HOUR_MS: i64 = 3_600 * 1_000;

/// Arguments of `token`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: TokenVerb,
}

#[derive(Debug, Subcommand)]
enum TokenVerb {
    /// Make a token and show it, once
    #[command(before_help = "Examples:
  doorbuster token new --role operator --name olga
  doorbuster token new --role shop --name web-shop --out /etc/doorbuster/shop.token")]
    New(New),
    /// Show all tokens that there were, without their secrets
    #[command(before_help = "Examples:
  doorbuster token list
  doorbuster token list --tokens-file /etc/doorbuster/tokens --json")]
    List(Place),
    /// Make the next token of the same owner and role, and let the old one expire
    #[command(before_help = "Examples:
  doorbuster token rotate 4f2a9c01d3e8 --overlap-hours 24")]
    Rotate(Rotate),
    /// End a token at once
    #[command(before_help = "Examples:
  doorbuster token revoke 4f2a9c01d3e8")]
    Revoke(Revoke),
}

/// Where the tokens are.
#[derive(Debug, clap::Args)]
struct Place {
    /// The file of tokens [default: tokens in --data]
    #[arg(long, value_name = "FILE", env = "DOORBUSTER_TOKENS_FILE")]
    tokens_file: Option<PathBuf>,
    /// The data directory of the server
    #[arg(long, value_name = "DIR", env = "DOORBUSTER_DATA", default_value = "doorbuster-data")]
    data: PathBuf,
}

/// What becomes of a new token.
#[derive(Debug, clap::Args)]
struct Made {
    /// Days until it expires, 1 to 366
    #[arg(long, value_name = "N", default_value_t = 90,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(LIFE_DAYS_MAX)))]
    days: u32,
    /// Write it into this new file, which only you can read, instead of showing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct New {
    /// shop, buyer_gateway, operator, analyst, auditor or admin
    #[arg(long)]
    role: String,
    /// Whose it is, 1 to 64 characters without white space; on the record of what is done with it
    #[arg(long)]
    name: String,
    #[command(flatten)]
    made: Made,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    /// The id of the old token
    id: String,
    /// Hours for which the old token stays valid, 0 to 720
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(0..=720))]
    overlap_hours: u32,
    #[command(flatten)]
    made: Made,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The id of the token
    id: String,
    #[command(flatten)]
    place: Place,
}

/// Runs `token`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let now = WallClock.now();
    match args.verb {
        TokenVerb::New(new) => {
            let role = Role::parse("--role", &new.role)?;
            check_name(&new.name).map_err(|problem| usage(format!("--name: {problem}")))?;
            let make = |tokens: &mut TokensFile| {
                Ok(tokens.add(role, &new.name, (now, life(&new.made, now)))?)
            };
            let out = Out::open(new.made.out.as_deref())?;
            show(new.place.change(make)?, out, common)
        }
        TokenVerb::List(place) => list(&place, now, common),
        TokenVerb::Rotate(rotate) => {
            let next = |tokens: &mut TokensFile| {
                let old = named(tokens, &rotate.id)?;
                if let Some(why) = old.is_over(now) {
                    return Err(usage(format!("ID {}: {}", old.id, why.message())).into());
                }
                let overlap = i64::from(rotate.overlap_hours) * HOUR_MS;
                old.expires = old.expires.min(now.plus(overlap));
                let (role, name) = (old.role, old.name.clone());
                Ok(tokens.add(role, &name, (now, life(&rotate.made, now)))?)
            };
            let out = Out::open(rotate.made.out.as_deref())?;
            show(rotate.place.change(next)?, out, common)
        }
        TokenVerb::Revoke(revoke) => {
            let end = |tokens: &mut TokensFile| {
                let token = named(tokens, &revoke.id)?;
                token.revoked.get_or_insert(now);
                Ok(token.clone())
            };
            let token = revoke.place.change(end)?;
            let said = || format!("{} of {} is revoked", token.id, token.name);
            common.show(|| shape(&token, now), said)?;
            Ok(())
        }
    }
}

fn life(made: &Made, now: UnixMs) -> UnixMs {
    now.plus(i64::from(made.days) * DAY_MS)
}

fn usage(problem: String) -> Failure {
    Failure::new(Code::Usage, problem)
}

fn named<'a>(tokens: &'a mut TokensFile, id: &str) -> anyhow::Result<&'a mut TokenRecord> {
    let id = TokenId::parse(id)
        .ok_or_else(|| Invalid::new("ID", "must be 12 hexadecimal digits, as token list shows"))?;
    tokens.find(id).ok_or_else(|| usage(format!("ID {id} is no token in this file")).into())
}

/// Where a new token is shown.
enum Out<'a> {
    Answer,
    File(&'a Path, File),
}

impl<'a> Out<'a> {
    /// Before the token is made, so that none is made that nobody sees.
    fn open(file: Option<&'a Path>) -> anyhow::Result<Self> {
        let Some(path) = file else { return Ok(Self::Answer) };
        let file = private::file().create_new(true).open(path);
        Ok(Self::File(
            path,
            file.map_err(|error| usage(format!("--out {}: {error}", path.display())))?,
        ))
    }
}

fn show((token, text): (TokenRecord, String), out: Out<'_>, common: &Common) -> anyhow::Result<()> {
    let TokenRecord { id, role, name, expires, created, .. } = &token;
    let mut said = shape(&token, *created);
    match out {
        Out::Answer => {
            said["token"] = text.as_str().into();
            common.show(|| said, || text.clone())?;
            common.note("this is shown only now: keep it where others cannot read it");
        }
        Out::File(path, mut file) => {
            let path = path.display();
            writeln!(file, "{text}").and_then(|()| file.sync_all()).with_context(|| {
                format!("{path} could not be written: revoke the token {id} and make another")
            })?;
            said["file"] = path.to_string().into();
            common.show(|| said, || format!("the token is in {path}"))?;
        }
    }
    common.note(format_args!("{id}: {name}, {}, until {expires}", role.name()));
    Ok(())
}

fn list(place: &Place, now: UnixMs, common: &Common) -> anyhow::Result<()> {
    let file = place.file();
    let tokens = TokensFile::read(&file).map_err(|error| usage(error.to_string()))?.tokens;
    if common.json {
        let tokens: Value = tokens.iter().map(|token| shape(token, now)).collect();
        answer(json!({ "tokens": tokens }))?;
        return Ok(());
    }
    answer(table_of(COLUMNS, tokens.iter().map(|token| (token.clone(), now))))?;
    Ok(())
}

const COLUMNS: &[Column<(TokenRecord, UnixMs)>] = &[
    Text("ID", |(token, _)| token.id.to_string().into()),
    Text("ROLE", |(token, _)| token.role.name().into()),
    Text("NAME", |(token, _)| token.name.clone().into()),
    Text("STATE", |(token, now)| state(token, *now).into()),
    Text("CREATED", |(token, _)| token.created.to_string().into()),
    Text("EXPIRES", |(token, _)| token.expires.to_string().into()),
    Text("REVOKED", |(token, _)| token.revoked.map(|at| at.to_string()).unwrap_or_default().into()),
];

fn state(token: &TokenRecord, now: UnixMs) -> &'static str {
    match token.is_over(now) {
        None => "valid",
        Some(TokenRefused::Revoked) => "revoked",
        Some(_) => "expired",
    }
}

fn shape(token: &TokenRecord, now: UnixMs) -> Value {
    let mut said = json!({
        "id": token.id.to_string(),
        "role": token.role.name(),
        "name": token.name,
        "state": state(token, now),
        "created": token.created.to_string(),
        "expires": token.expires.to_string(),
    });
    if let Some(at) = token.revoked {
        said["revoked"] = at.to_string().into();
    }
    said
}

impl Place {
    fn file(&self) -> PathBuf {
        self.tokens_file.clone().unwrap_or_else(|| self.data.join("tokens"))
    }

    /// Changes the file: whole or not at all, and one change after the other.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut TokensFile) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let file = self.file();
        if self.tokens_file.is_none() {
            private::make_directory(&self.data)
                .with_context(|| format!("{} cannot be made", self.data.display()))?;
        }
        let mut lock = file.clone().into_os_string();
        lock.push(".lock");
        let lock = private::make_file(Path::new(&lock))
            .map_err(|error| usage(format!("{} cannot be changed: {error}", file.display())))?;
        lock.lock().context("the lock of the tokens cannot be taken")?;
        let is_new = matches!(fs::symlink_metadata(&file), Err(error) if error.kind() == io::ErrorKind::NotFound);
        let mut tokens = match is_new {
            true => TokensFile::new().context("the system gives no random bytes")?,
            false => TokensFile::read(&file).map_err(|error| usage(error.to_string()))?,
        };
        let changed = change(&mut tokens)?;
        whole_file::write_private(&file, |to| to.write_all(tokens.text().as_bytes()))
            .with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(changed)
    }
}
