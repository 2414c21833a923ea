//! The small file with the position of the webhook.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use crate::{events::Position, private};

/// Its name.
const FILE: &str = "webhook.position";

/// A note that cannot be gone on from. To begin elsewhere would leave deliveries out, or repeat all.
#[derive(Debug, thiserror::Error)]
#[error(
    "{file} {problem}: write the position of the last event that was delivered into it, or remove it \
     to begin with what happens from now on"
)]
pub struct BadNote {
    file: String,
    problem: String,
}

/// How far the webhook was told; `None` where there never was one.
///
/// # Errors
/// When that is noted but cannot be read.
pub fn noted_position(data: &Path) -> Result<Option<Position>, BadNote> {
    let file = data.join(FILE);
    let bad = |problem: String| BadNote { file: file.display().to_string(), problem };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad(format!("cannot be read: {error}"))),
    };
    let position = text.trim().parse().map_err(|_| bad("holds no position".to_owned()))?;
    Ok(Some(Position(position)))
}

/// Notes it so that the file holds the old position or the new one, also after a power failure.
pub(super) fn note_position(data: &Path, position: Position) -> io::Result<()> {
    let draft = data.join(format!("{FILE}.new"));
    let mut file = private::file().truncate(true).open(&draft)?;
    file.write_all(format!("{position}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, data.join(FILE))?;
    File::open(data)?.sync_all()
}
