//! Which sale of a log is meant.

use crate::{
    cli::{
        failure::{Code, Failure},
        source::OpenLog,
    },
    values::SaleId,
};

/// The sale that was named, or the only one there is.
pub(super) fn the_sale(log: &OpenLog, named: Option<SaleId>) -> Result<SaleId, Failure> {
    if let Some(sale) = named {
        return Ok(sale);
    }
    let past = log.past();
    let sales = past.sales().map_err(|error| log.not_replayed(error))?;
    match sales.as_slice() {
        [only] => Ok(*only),
        [] => Err(Failure::new(Code::Failed, "there is no sale in this log")),
        several => {
            let mut message = "there are several sales in this log, name one of them:".to_owned();
            for sale in several.iter().take(20) {
                let name = past.plan(*sale).map_or_else(|_| String::new(), |(_, plan)| plan.name);
                message.push_str(&format!("\n  {sale}  {name}"));
            }
            Err(Failure::new(Code::Usage, message))
        }
    }
}
