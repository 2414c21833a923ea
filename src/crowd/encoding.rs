//! How the bytes of a recording stand for text: UTF-8, or UTF-16 which is read as such, each with or
//! without a byte order mark. Other encodings cannot be told apart for sure, so they are not guessed:
//! what is not text is an error that says how to convert the file.

use std::{
    io::{self, BufRead, BufReader, Read},
    str,
};

use crate::values::Invalid;

/// The order of the two bytes of a unit of UTF-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// What a file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16(Order),
    Utf32,
}

/// The text of a file as UTF-8, without its mark; `None` for an encoding that is not read.
pub(super) fn as_utf8(mut file: Box<dyn BufRead>) -> io::Result<Option<Box<dyn BufRead>>> {
    let (encoding, mark) = recognized(file.fill_buf()?);
    file.consume(mark);
    Ok(match encoding {
        Encoding::Utf8 => Some(file),
        Encoding::Utf16(order) => Some(Box::new(BufReader::new(Utf16::new(file, order)))),
        Encoding::Utf32 => None,
    })
}

/// The encoding of a file that begins so, and the length of its mark. A recording begins with a letter
/// or a digit, so without a mark a zero beside it tells UTF-16.
fn recognized(start: &[u8]) -> (Encoding, usize) {
    match start {
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => (Encoding::Utf32, 4),
        [0xff, 0xfe, ..] => (Encoding::Utf16(Order::Little), 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16(Order::Big), 2),
        [1..=0x7f, 0, 0, 0, ..] | [0, 0, 0, 1..=0x7f, ..] => (Encoding::Utf32, 0),
        [1..=0x7f, 0, ..] => (Encoding::Utf16(Order::Little), 0),
        [0, 1..=0x7f, ..] => (Encoding::Utf16(Order::Big), 0),
        _ => (Encoding::Utf8, 0),
    }
}

/// The text of a line.
pub(super) fn text(line: &[u8]) -> Result<&str, Invalid> {
    str::from_utf8(line).map_err(|_| Invalid::new("row", not_text(line)))
}

fn not_text(line: &[u8]) -> &'static str {
    if line.windows(2).any(|pair| matches!(pair, [0xed, 0xa0..=0xbf])) {
        "holds half a character: one of the two surrogates of UTF-16 is missing"
    } else if may_be_gb18030(line) {
        "is not UTF-8 but may be GB18030 (GBK), which Chinese spreadsheets write: \
         convert the file with iconv -f GB18030 -t UTF-8 FILE > NEW_FILE"
    } else {
        "is not UTF-8: convert the file with iconv -f ENCODING -t UTF-8 FILE > NEW_FILE"
    }
}

/// Whether all bytes have a place in GB18030, which holds GBK and GB2312.
fn may_be_gb18030(line: &[u8]) -> bool {
    let mut rest = line;
    loop {
        rest = match rest {
            [] => return true,
            [0..=0x7f, rest @ ..]
            | [0x81..=0xfe, 0x40..=0x7e | 0x80..=0xfe, rest @ ..]
            | [0x81..=0xfe, 0x30..=0x39, 0x81..=0xfe, 0x30..=0x39, rest @ ..] => rest,
            _ => return false,
        }
    }
}

/// UTF-16 read as UTF-8. What is half a character stays so in its bytes, and [`text`] refuses it, so
/// that only its row is bad.
struct Utf16<R> {
    from: R,
    order: Order,
    /// The first byte of a unit.
    odd: Option<u8>,
    /// The first half of a character.
    high: Option<u16>,
    read: Vec<u8>,
    taken: usize,
}

impl<R: BufRead> Utf16<R> {
    fn new(from: R, order: Order) -> Self {
        Self { from, order, odd: None, high: None, read: Vec::new(), taken: 0 }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.read.clear();
        self.taken = 0;
        let bytes = self.from.fill_buf()?;
        let count = bytes.len();
        for byte in bytes {
            let Some(first) = self.odd.take() else {
                self.odd = Some(*byte);
                continue;
            };
            let unit = match self.order {
                Order::Little => u16::from_le_bytes([first, *byte]),
                Order::Big => u16::from_be_bytes([first, *byte]),
            };
            add(&mut self.read, &mut self.high, unit);
        }
        if count == 0 {
            self.high.take().into_iter().for_each(|half| add_half(&mut self.read, half));
            // No text ends with half a unit.
            self.read.extend(self.odd.take().map(|_| 0xff));
        }
        self.from.consume(count);
        Ok(())
    }
}

fn add(read: &mut Vec<u8>, high: &mut Option<u16>, unit: u16) {
    let before = high.take();
    if let (Some(first), 0xdc00..=0xdfff) = (before, unit) {
        let decoded = char::decode_utf16([first, unit]).filter_map(Result::ok);
        return decoded.for_each(|letter| add_char(read, letter));
    }
    before.into_iter().for_each(|half| add_half(read, half));
    match unit {
        0xd800..=0xdbff => *high = Some(unit),
        unit => match char::from_u32(unit.into()) {
            Some(letter) => add_char(read, letter),
            None => add_half(read, unit),
        },
    }
}

fn add_char(read: &mut Vec<u8>, letter: char) {
    read.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

/// As UTF-8 would have it if it were a character.
fn add_half(read: &mut Vec<u8>, half: u16) {
    let [high, low] = half.to_be_bytes();
    read.extend([0xe0 | high >> 4, 0x80 | (high & 0x0f) << 2 | low >> 6, 0x80 | low & 0x3f]);
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.read.len() {
            let at_end = self.from.fill_buf()?.is_empty();
            self.fill()?;
            if at_end && self.read.is_empty() {
                return Ok(0);
            }
        }
        let rest = &self.read[self.taken..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}
