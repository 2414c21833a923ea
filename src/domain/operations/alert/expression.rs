//! Conditions such as `available_units < 0.1 * allocated_units`: read once, judged every second.
//!
//! Numbers are whole millionths; what grows too large stays at the end of the range. What is wrong
//! is refused when a condition is read, with the place and the nearest known names. What depends on
//! figures that are absent, or divides by a figure that is zero just now, has no value: then the
//! condition is neither true nor false.

pub use super::figure::MILLION;
use super::figure::{Figure, Readings, Scope};
use crate::{events::Signal, values::Invalid};

/// Longest condition, in characters.
const CHARS_MAX: usize = 500;

/// Deepest nesting of parentheses and signs.
const DEPTH_MAX: usize = 32;

/// Most digits before, and after, a decimal point.
const WHOLE_DIGITS_MAX: usize = 15;
const DECIMALS_MAX: usize = 6;

/// A condition that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    node: Node,
    figures: Vec<Figure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Number(i128),
    Figure(Figure),
    Negated(Box<Node>),
    Sum(Operation, Box<Node>, Box<Node>),
    Compared(Comparison, Box<Node>, Box<Node>),
    Both(Box<Node>, Box<Node>),
    Either(Box<Node>, Box<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Plus,
    Minus,
    Times,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

impl Condition {
    /// Reads a condition; `field` is named in the error.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(field: &str, text: &str, scope: Scope) -> Result<Self, Invalid> {
        let read = || {
            if text.trim().is_empty() {
                return Err("is missing".to_owned());
            }
            if text.chars().count() > CHARS_MAX {
                return Err(format!("must have at most {CHARS_MAX} characters"));
            }
            let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0, scope };
            let node = reader.either()?;
            if let Some((token, place)) = reader.peek() {
                let token = token.shown();
                return Err(format!("has {token} at character {place}, where it should end"));
            }
            if !node.is_truth() {
                return Err("compares nothing: write for example sold_units < 100".to_owned());
            }
            let mut figures = Vec::new();
            node.figures(&mut figures);
            if figures.is_empty() {
                return Err("names no figure, so it would always or never hold".to_owned());
            }
            Ok(Self { node, figures })
        };
        read().map_err(|problem| Invalid::new(field, problem))
    }

    /// Whether it holds; `None` if that is unknown.
    pub fn holds(&self, readings: &Readings) -> Option<bool> {
        self.node.truth(readings)
    }

    /// The figures it names, each once, in the order of their first mention.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// What those figures are. Absent ones are left out.
    pub fn signals(&self, readings: &Readings) -> Vec<Signal> {
        let known = self.figures.iter().filter_map(|figure| {
            let value = readings.get(*figure)?;
            let end = if value < 0 { i64::MIN } else { i64::MAX };
            let millionths = i64::try_from(value).unwrap_or(end);
            Some(Signal { name: figure.name().to_owned(), millionths })
        });
        known.collect()
    }
}

impl Node {
    /// Whether it is true or false, rather than a number.
    fn is_truth(&self) -> bool {
        match self {
            Self::Compared(..) | Self::Both(..) | Self::Either(..) => true,
            Self::Number(_) | Self::Figure(_) | Self::Negated(_) | Self::Sum(..) => false,
        }
    }

    fn figures(&self, found: &mut Vec<Figure>) {
        match self {
            Self::Number(_) => {}
            Self::Figure(figure) => {
                if !found.contains(figure) {
                    found.push(*figure);
                }
            }
            Self::Negated(node) => node.figures(found),
            Self::Sum(_, left, right)
            | Self::Compared(_, left, right)
            | Self::Both(left, right)
            | Self::Either(left, right) => {
                left.figures(found);
                right.figures(found);
            }
        }
    }

    fn number(&self, readings: &Readings) -> Option<i128> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Figure(figure) => readings.get(*figure),
            Self::Negated(node) => Some(node.number(readings)?.saturating_neg()),
            Self::Sum(operation, left, right) => {
                let (left, right) = (left.number(readings)?, right.number(readings)?);
                match operation {
                    Operation::Plus => Some(left.saturating_add(right)),
                    Operation::Minus => Some(left.saturating_sub(right)),
                    Operation::Times => Some(left.saturating_mul(right) / MILLION),
                    Operation::Over => left.saturating_mul(MILLION).checked_div(right),
                }
            }
            Self::Compared(..) | Self::Both(..) | Self::Either(..) => None,
        }
    }

    /// With three values: what one side settles alone does not need the other.
    fn truth(&self, readings: &Readings) -> Option<bool> {
        match self {
            Self::Compared(comparison, left, right) => {
                let (left, right) = (left.number(readings)?, right.number(readings)?);
                Some(match comparison {
                    Comparison::Less => left < right,
                    Comparison::AtMost => left <= right,
                    Comparison::More => left > right,
                    Comparison::AtLeast => left >= right,
                    Comparison::Equal => left == right,
                    Comparison::Unequal => left != right,
                })
            }
            Self::Both(left, right) => match (left.truth(readings), right.truth(readings)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                (None, _) | (_, None) => None,
            },
            Self::Either(left, right) => match (left.truth(readings), right.truth(readings)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                (None, _) | (_, None) => None,
            },
            Self::Number(_) | Self::Figure(_) | Self::Negated(_) | Self::Sum(..) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Number(i128),
    Word(String),
    Mark(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Number(_) => "a number".to_owned(),
            Self::Word(word) => format!("{word:?}"),
            Self::Mark(mark) => format!("{mark:?}"),
        }
    }
}

/// Letters that a slip of the finger changes.
const SLIP_LETTERS_MAX: usize = 2;

/// Longer ones first, so that `<=` is not taken for `<`.
const MARKS: [&str; 12] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")"];

/// Tokens with their places, counted in characters from 1.
fn tokens(text: &str) -> Result<Vec<(Token, usize)>, String> {
    let mut found = Vec::new();
    let (mut rest, mut place) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let length = if first == ' ' {
            1
        } else if first.is_ascii_digit() {
            let length = span(rest, |c| c.is_ascii_digit() || c == '.');
            found.push((Token::Number(number(&rest[..length], place)?), place));
            length
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = span(rest, |c| c.is_ascii_alphanumeric() || c == '_');
            found.push((Token::Word(rest[..length].to_owned()), place));
            length
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            found.push((Token::Mark(mark), place));
            mark.len()
        } else {
            return Err(format!("has {first:?} at character {place}, which means nothing here"));
        };
        // Everything that got here is ASCII.
        rest = &rest[length..];
        place += length;
    }
    Ok(found)
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn number(text: &str, place: usize) -> Result<i128, String> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if decimals.is_empty() || decimals.contains('.') {
        return Err(format!("has {text:?} at character {place}, which is not a number"));
    }
    if whole.len() > WHOLE_DIGITS_MAX || decimals.len() > DECIMALS_MAX {
        return Err(format!(
            "has a number at character {place} with more than {WHOLE_DIGITS_MAX} digits before, or \
             {DECIMALS_MAX} after, the point"
        ));
    }
    let digits = format!("{whole}{decimals:0<DECIMALS_MAX$}");
    digits.parse().map_err(|_| format!("has {text:?} at character {place}, which is not a number"))
}

/// Reads by descent: `or`, `and`, a comparison, sums, products, signs, parentheses.
struct Reader {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
    scope: Scope,
}

impl Reader {
    fn peek(&self) -> Option<(&Token, usize)> {
        self.tokens.get(self.at).map(|(token, place)| (token, *place))
    }

    fn takes_word(&mut self, word: &str) -> Option<usize> {
        let (token, place) = self.peek()?;
        if !matches!(token, Token::Word(found) if found == word) {
            return None;
        }
        self.at += 1;
        Some(place)
    }

    fn takes_mark<T: Copy>(&mut self, marks: &[(&str, T)]) -> Option<(T, usize)> {
        let (token, place) = self.peek()?;
        let Token::Mark(found) = token else { return None };
        let (_, meaning) = marks.iter().find(|(mark, _)| mark == found)?;
        let meaning = *meaning;
        self.at += 1;
        Some((meaning, place))
    }

    fn either(&mut self) -> Result<Node, String> {
        let mut node = self.both()?;
        while let Some(place) = self.takes_word("or") {
            let right = self.both()?;
            node = joined("or", place, Node::Either, node, right)?;
        }
        Ok(node)
    }

    fn both(&mut self) -> Result<Node, String> {
        let mut node = self.comparison()?;
        while let Some(place) = self.takes_word("and") {
            let right = self.comparison()?;
            node = joined("and", place, Node::Both, node, right)?;
        }
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node, String> {
        const MARKS: [(&str, Comparison); 6] = [
            ("<", Comparison::Less),
            ("<=", Comparison::AtMost),
            (">", Comparison::More),
            (">=", Comparison::AtLeast),
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
        ];
        let left = self.sum()?;
        let Some((comparison, place)) = self.takes_mark(&MARKS) else { return Ok(left) };
        let right = self.sum()?;
        if left.is_truth() || right.is_truth() {
            return Err(format!("compares a comparison at character {place}"));
        }
        if let Some((_, place)) = self.takes_mark(&MARKS) {
            return Err(format!("compares twice at character {place}: join two with and"));
        }
        Ok(Node::Compared(comparison, Box::new(left), Box::new(right)))
    }

    fn sum(&mut self) -> Result<Node, String> {
        let mut node = self.product()?;
        let marks = [("+", Operation::Plus), ("-", Operation::Minus)];
        while let Some((operation, place)) = self.takes_mark(&marks) {
            let right = self.product()?;
            node = calculated(operation, place, node, right)?;
        }
        Ok(node)
    }

    fn product(&mut self) -> Result<Node, String> {
        let mut node = self.signed()?;
        let marks = [("*", Operation::Times), ("/", Operation::Over)];
        while let Some((operation, place)) = self.takes_mark(&marks) {
            let right = self.signed()?;
            node = calculated(operation, place, node, right)?;
        }
        Ok(node)
    }

    fn signed(&mut self) -> Result<Node, String> {
        let Some(((), place)) = self.takes_mark(&[("-", ())]) else { return self.atom() };
        self.deeper(place)?;
        let node = self.signed()?;
        self.depth -= 1;
        if node.is_truth() {
            return Err(format!("negates a comparison at character {place}"));
        }
        Ok(Node::Negated(Box::new(node)))
    }

    fn atom(&mut self) -> Result<Node, String> {
        let Some((token, place)) = self.peek() else {
            return Err("ends where a number or a figure should stand".to_owned());
        };
        let token = token.clone();
        self.at += 1;
        match token {
            Token::Number(number) => Ok(Node::Number(number)),
            Token::Mark("(") => {
                self.deeper(place)?;
                let node = self.either()?;
                self.depth -= 1;
                match self.takes_mark(&[(")", ())]) {
                    Some(_) => Ok(node),
                    None => {
                        Err(format!("opens a parenthesis at character {place} and never ends it"))
                    }
                }
            }
            Token::Word(word) if word != "and" && word != "or" => self.figure(&word, place),
            Token::Word(_) | Token::Mark(_) => Err(format!(
                "has {} at character {place}, where a number or a figure should stand",
                token.shown()
            )),
        }
    }

    fn figure(&self, word: &str, place: usize) -> Result<Node, String> {
        let known: Vec<&str> = Figure::ALL
            .iter()
            .filter(|figure| figure.is_known_in(self.scope))
            .map(|figure| figure.name())
            .collect();
        match Figure::named(word) {
            Some(figure) if figure.is_known_in(self.scope) => Ok(Node::Figure(figure)),
            Some(figure) => {
                let whose = match self.scope {
                    Scope::Service => "the service as a whole",
                    Scope::Sale => "a sale as a whole, only of each item (each_item)",
                    Scope::Item if figure.is_known_in(Scope::Sale) => {
                        "each item, only of a sale as a whole"
                    }
                    Scope::Item => "each item",
                };
                Err(format!("names {word} at character {place}, which is not known of {whose}"))
            }
            None => Err(format!(
                "names {word} at character {place}, which is not a figure; {}",
                suggestion(word, &known)
            )),
        }
    }

    fn deeper(&mut self, place: usize) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("nests more than {DEPTH_MAX} deep at character {place}"));
        }
        Ok(())
    }
}

fn joined(
    word: &str,
    place: usize,
    join: fn(Box<Node>, Box<Node>) -> Node,
    left: Node,
    right: Node,
) -> Result<Node, String> {
    if left.is_truth() && right.is_truth() {
        return Ok(join(Box::new(left), Box::new(right)));
    }
    Err(format!("joins what is not a comparison by {word} at character {place}"))
}

fn calculated(operation: Operation, place: usize, left: Node, right: Node) -> Result<Node, String> {
    if left.is_truth() || right.is_truth() {
        return Err(format!("calculates with a comparison at character {place}"));
    }
    let mut figures = Vec::new();
    right.figures(&mut figures);
    // Whatever the figures are, this divisor is what it is.
    let constant = figures.is_empty().then(|| right.number(&Readings::default()));
    if operation == Operation::Over && constant.is_some_and(|value| value.unwrap_or(0) == 0) {
        return Err(format!("divides by zero at character {place}"));
    }
    Ok(Node::Sum(operation, Box::new(left), Box::new(right)))
}

/// The figure that was likely meant, or the three that come nearest.
fn suggestion(word: &str, known: &[&str]) -> String {
    let word = word.to_ascii_lowercase();
    let ranked = known.iter().map(|name| ((strangers(&word, name), changes(&word, name)), *name));
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_unstable();
    match ranked.as_slice() {
        // Nothing else has all of its parts, or a slip of the finger away.
        [((strangers, changes), first), rest @ ..]
            if *strangers == 0 && rest.first().is_none_or(|((others, _), _)| *others > 0)
                || *changes <= SLIP_LETTERS_MAX =>
        {
            format!("did you mean {first}?")
        }
        ranked => {
            let nearest: Vec<_> = ranked.iter().take(3).map(|(_, name)| *name).collect();
            format!("the nearest are {}", nearest.join(", "))
        }
    }
}

/// How many parts of a word, such as `units` and `sold`, a name has nothing like.
fn strangers(word: &str, name: &str) -> usize {
    let known = |part: &str| {
        name.split('_').any(|of_name| {
            of_name.starts_with(part) || changes(part, of_name) <= usize::from(part.len() > 3)
        })
    };
    word.split('_').filter(|part| !part.is_empty() && !known(part)).count()
}

/// Letters to insert, remove or replace until one word is the other.
fn changes(from: &str, to: &str) -> usize {
    let to = to.as_bytes();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
