//! Two hot items that are measured in turns: on two stores, or with two ways to price their orders.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    arguments::Args,
    figures::{CaseFigures, Rounds},
    server::HotItem,
};
use crate::cli::Common;

/// A hot item, and where it is, for messages.
pub(super) type Side<'a> = (&'a mut HotItem, &'static str);

/// Measures the cases on both; the first one stands in the place of the echo.
pub(super) async fn measure(
    arguments: &Args,
    mut sides: [Side<'_>; 2],
    common: &Common,
) -> anyhow::Result<Vec<CaseFigures>> {
    let duration = Duration::from_secs(arguments.seconds.into());
    let outstanding = usize::try_from(arguments.outstanding)?;
    let mut cases = Vec::new();
    for case in &arguments.orders() {
        let mut rounds = [Rounds::default(), Rounds::default()];
        for round in 0..arguments.rounds {
            let name = case.name();
            common.note(format_args!("{name} round {} of {}", round + 1, arguments.rounds));
            // The order alternates, so that neither always runs on a warm machine.
            for second in [round % 2 == 1, round % 2 == 0].map(usize::from) {
                let (hot, place) = &mut sides[second];
                let target = Arc::clone(&hot.target);
                let load = (*case, &target, *place);
                rounds[second].measure(load, Some(hot), outstanding, duration).await?;
            }
        }
        cases.push(CaseFigures::of(case.name(), &rounds[0], &rounds[1]));
    }
    common.note(sides[1].0.lag);
    Ok(cases)
}

/// The cases for programs, with the baseline under its name. The names are an interface: scripts read
/// them.
pub(super) fn json_cases(baseline: &str, cases: &[CaseFigures]) -> Value {
    let case = |case: &CaseFigures| {
        let of_baseline = [
            ("per_second", case.echo_per_second),
            ("p50_ms", case.echo_p50_ms),
            ("p99_ms", case.echo_p99_ms),
        ];
        let mut figures = Map::new();
        figures.insert("case".to_owned(), json!(case.case));
        for (name, figure) in [
            ("orders_per_second", case.orders_per_second),
            ("ratio", case.ratio),
            ("ratio_min", case.ratio_min),
            ("ratio_max", case.ratio_max),
            ("p50_ms", case.p50_ms),
            ("p99_ms", case.p99_ms),
        ] {
            figures.insert(name.to_owned(), json!(figure));
        }
        for (name, figure) in of_baseline {
            figures.insert(format!("{baseline}_{name}"), json!(figure));
        }
        figures.insert("processor_us".to_owned(), json!(case.processor_us));
        figures.insert(format!("{baseline}_processor_us"), json!(case.baseline_processor_us));
        Value::Object(figures)
    };
    cases.iter().map(case).collect()
}
