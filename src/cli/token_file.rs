//! The token with which verbs call a server, from a file that others cannot read.

use std::path::PathBuf;

use super::failure::{Code, Failure};
use crate::{
    admission::read_token,
    crowd::operator::{self, Token},
};

/// The token of the caller.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TokenFile {
    /// A file that others cannot read, with your token in its first line
    #[arg(long, value_name = "FILE", env = "DOORBUSTER_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

impl TokenFile {
    /// The operator of that name; a token determines the name.
    pub fn operator(&self, name: &str) -> Result<operator::Operator, Failure> {
        let name = if self.token_file.is_some() { "" } else { name };
        Ok(operator::Operator { name: name.to_owned(), token: self.read()? })
    }

    /// The token, if a file is named.
    pub fn read(&self) -> Result<Token, Failure> {
        let Some(file) = &self.token_file else { return Ok(Token::default()) };
        let token = read_token(file)
            .map_err(|error| Failure::new(Code::Usage, format!("--token-file {error}")))?;
        Token::bearer(&token).map_err(|_| Failure::new(Code::Usage, "--token-file holds no token"))
    }
}
