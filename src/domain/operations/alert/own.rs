//! Rules that a sale brings along: which are good beside those that come with doorbuster.

use super::{
    defaults::{of_sale, of_service},
    figure::Scope,
    rule::{RuleSource, check, named},
};
use crate::{events::AlertRule, values::Invalid};

/// Most rules that a sale can bring along.
const RULES_MAX: usize = 100;

/// Checks the rules that a sale brings along.
///
/// # Errors
/// The first field that is wrong, by its path.
pub(in crate::domain) fn check_all(rules: &[AlertRule]) -> Result<(), Invalid> {
    if rules.len() > RULES_MAX {
        return Err(Invalid::new("alerts", format!("must have at most {RULES_MAX} rules")));
    }
    for (index, rule) in rules.iter().enumerate() {
        let earlier = &rules[..index];
        judged(rule, earlier).map_err(|invalid| invalid.within(&format!("alerts[{index}]")))?;
    }
    Ok(())
}

fn judged(rule: &AlertRule, earlier: &[AlertRule]) -> Result<(), Invalid> {
    named(&rule.name)?;
    if earlier.iter().any(|earlier| earlier.name == rule.name) {
        return Err(Invalid::new("name", format!("is {:?}, as for an earlier rule", rule.name)));
    }
    if of_service().iter().any(|known| known.name == rule.name) {
        let problem = format!("is {:?}, which is a rule of the service as a whole", rule.name);
        return Err(Invalid::new("name", problem));
    }
    if rule.off {
        if of_sale().iter().any(|known| known.name == rule.name) {
            return Ok(());
        }
        let known: Vec<String> = of_sale().into_iter().map(|known| known.name).collect();
        let problem = format!(
            "is {:?}, which is not a rule to turn off: those of a sale are {}",
            rule.name,
            known.join(", ")
        );
        return Err(Invalid::new("name", problem));
    }
    let scope = if rule.each_item { Scope::Item } else { Scope::Sale };
    check(rule, scope, RuleSource::Sale).map(drop)
}
