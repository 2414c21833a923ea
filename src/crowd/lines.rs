//! The lines of a file, plain or gzipped, in UTF-8 or UTF-16, one at a time and each of a bounded
//! length, so that a file of any size is read in little memory.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use super::{encoding, traffic_error::TrafficError};
use crate::values::Invalid;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads lines in the order of the file.
pub(super) struct Lines {
    lines: Box<dyn BufRead>,
    line: u64,
    line_bytes_max: usize,
    /// A read failed: there is no next line.
    broken: bool,
}

impl Lines {
    /// Opens a file. Whether it is gzipped is seen from its first bytes, not from its name; so is its
    /// encoding. A byte order mark is passed over.
    pub(super) fn open(path: &Path, line_bytes_max: usize) -> Result<Self, TrafficError> {
        let failed = |error| TrafficError::Open { path: path.to_owned(), error };
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
        let gzipped = file.fill_buf().map_err(failed)?.starts_with(&GZIP_MAGIC);
        let file: Box<dyn BufRead> = if gzipped {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        let lines = encoding::as_utf8(file);
        let lines = lines.map_err(|error| TrafficError::Read { line: 1, error })?;
        let lines = lines.ok_or_else(|| {
            let how = "iconv -f UTF-32 -t UTF-8 FILE > NEW_FILE";
            TrafficError::Nothing(format!("the file is UTF-32: convert it with {how}"))
        })?;
        Ok(Self { lines, line: 0, line_bytes_max, broken: false })
    }

    /// The next line that is not empty, with its number and without its end. After an over-long
    /// line there is a next one; after a failed read there is none.
    pub(super) fn next_full(&mut self) -> Option<Result<(u64, Vec<u8>), TrafficError>> {
        while !self.broken {
            match self.next_line() {
                Ok(None) => break,
                Ok(Some(line)) if line.is_empty() => {}
                Ok(Some(line)) => return Some(Ok((self.line, line))),
                Err(error) => {
                    self.broken = matches!(error, TrafficError::Read { .. });
                    return Some(Err(error));
                }
            }
        }
        None
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, TrafficError> {
        self.line += 1;
        let line = self.line;
        let max = self.line_bytes_max;
        let failed = |error| TrafficError::Read { line, error };
        let mut bytes = Vec::new();
        let bound = (max + 2) as u64;
        if (&mut self.lines).take(bound).read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            return Ok(None);
        }
        let ended = bytes.last() == Some(&b'\n');
        if ended {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.len() > max {
            if !ended {
                self.lines.skip_until(b'\n').map_err(failed)?;
            }
            let problem = Invalid::new("row", format!("is longer than {max} bytes"));
            return Err(TrafficError::Row { line, problem });
        }
        Ok(Some(bytes))
    }
}
