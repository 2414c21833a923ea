//! The live display on stderr while the crowd runs: the stock.
//!
//! On a terminal a bar for each item, redrawn in place; elsewhere, such as in a build log, one line
//! for each tenth of the units.

use std::io::{IsTerminal, Write, stderr};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::{crowd::sale::Offer, grpc::proto::StockLevel};

/// More items than this share one bar.
pub const BARS_MAX: usize = 8;

// With the longest message that there is, a line fits 80 columns.
const ITEM: &str = "{prefix:<16!} [{bar:14.green/red}] {msg}";
const TOTAL: &str = "{prefix:<16!} [{bar:14.cyan/blue}] {msg}";

/// Counts of the moment, as the shoppers know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub attempts: u64,
    pub units_paid: u64,
    pub seconds: u64,
}

/// The live display.
#[derive(Debug)]
pub struct Screen {
    bars: Option<Bars>,
    quiet: bool,
    units: u64,
    tenths_shown: u64,
}

#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    items: Vec<(String, ProgressBar)>,
}

impl Screen {
    /// A display for these items; their ids stand in the same order. A quiet one shows nothing.
    pub fn new(offers: &[Offer], item_ids: &[&str], quiet: bool) -> Self {
        let units = offers.iter().map(|offer| offer.units).sum();
        let bars = (!quiet && stderr().is_terminal()).then(|| Bars::new(offers, item_ids, units));
        Self { bars, quiet, units, tenths_shown: 0 }
    }

    /// Whether [`Screen::stock`] would show anything; saves a query to the server otherwise.
    pub fn shows_stock(&self) -> bool {
        self.bars.as_ref().is_some_and(|bars| !bars.items.is_empty())
    }

    /// Whether a line stands beside a bar, where there is little room.
    pub fn has_bars(&self) -> bool {
        self.bars.is_some()
    }

    /// Shows the stock of the items.
    pub fn stock(&self, levels: &[StockLevel]) {
        for (item_id, bar) in self.bars.iter().flat_map(|bars| &bars.items) {
            let Some(level) = levels.iter().find(|level| level.item_id == *item_id) else {
                continue;
            };
            bar.set_position(u64::try_from(level.available_units).unwrap_or(0));
            bar.set_message(format!(
                "{} left · {} held · {} sold",
                level.available_units, level.held_units, level.sold_units
            ));
        }
    }

    /// Shows how far it all is.
    pub fn progress(&mut self, now: Moment) {
        let line = format!(
            "{}/{} paid · {} attempts · {} s",
            now.units_paid, self.units, now.attempts, now.seconds
        );
        self.say(now.units_paid, line);
    }

    /// Shows how many units are paid for, with a line beside it.
    pub fn say(&mut self, units_paid: u64, line: String) {
        if let Some(bars) = &self.bars {
            bars.total.set_position(units_paid);
            bars.total.set_message(line);
            return;
        }
        let tenths = units_paid * 10 / self.units.max(1);
        if tenths > self.tenths_shown && !self.quiet {
            self.tenths_shown = tenths;
            // A closed stderr is no reason to fail.
            let _ = writeln!(stderr(), "{:>3} % · {line}", tenths * 10);
        }
    }

    /// Leaves the bars as they are and frees the terminal.
    pub fn finish(&self) {
        if let Some(bars) = &self.bars {
            for (_, bar) in &bars.items {
                bar.abandon();
            }
            bars.total.abandon();
        }
    }
}

impl Drop for Screen {
    /// After Ctrl-C the cursor must be below the bars.
    fn drop(&mut self) {
        if let Some(bars) = &self.bars
            && !bars.total.is_finished()
        {
            // If clearing fails, some bars stay on the screen.
            let _ = bars.all.clear();
        }
    }
}

impl Bars {
    fn new(offers: &[Offer], item_ids: &[&str], units: u64) -> Self {
        let all = MultiProgress::new();
        let style = |template| {
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ")
        };
        let items = if offers.len() <= BARS_MAX {
            let bar = |offer: &Offer| {
                let bar = all.add(ProgressBar::new(offer.units).with_style(style(ITEM)));
                bar.set_prefix(offer.title.clone());
                bar
            };
            item_ids.iter().map(|id| (*id).to_owned()).zip(offers.iter().map(bar)).collect()
        } else {
            Vec::new()
        };
        let total = all.add(ProgressBar::new(units).with_style(style(TOTAL)));
        total.set_prefix("Units paid");
        Self { all, total, items }
    }
}
