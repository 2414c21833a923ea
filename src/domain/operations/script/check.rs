//! Whether a wording that came from outside can be used in its situation.

use super::{
    Situation,
    wording::{Part, WORDING_CHARS_MAX, listed, parts},
};
use crate::values::{Invalid, bounded_prose};

/// Checks a wording that came from outside.
///
/// # Errors
/// Where it is empty, too long, has control characters, a lone brace or a variable that the
/// situation does not have; the error names what there is.
pub fn check_wording(field: &str, situation: Situation, text: &str) -> Result<(), Invalid> {
    bounded_prose(field, text, WORDING_CHARS_MAX)?;
    let known = situation.variables();
    for part in parts(text) {
        match part {
            Part::Text(_) => {}
            Part::Lone(brace) => {
                let problem = format!(
                    "has a {brace:?} without its counterpart: braces are for variables, which are {}",
                    listed(known)
                );
                return Err(Invalid::new(field, problem));
            }
            Part::Named(name) => {
                if !known.iter().any(|variable| variable.name() == name) {
                    // What was written may be long.
                    let name: String = name.chars().take(40).collect();
                    let problem = format!(
                        "names the variable {name:?}, which {} does not have; there are {}",
                        situation.name(),
                        listed(known)
                    );
                    return Err(Invalid::new(field, problem));
                }
            }
        }
    }
    Ok(())
}
