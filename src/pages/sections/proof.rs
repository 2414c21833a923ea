//! The proof that no unit was sold twice: the verifier's result, and each item's equation.

use super::Writing;
use crate::pages::{
    document::{Block, Cell, Column, Section, Table},
    numbers::group,
    post_mortem::{ItemFacts, ProofFacts, Units},
    words::{Definition, Sentence, Term, fill},
};
use crate::values::count_of;

/// The section.
pub fn section(writing: &Writing<'_>) -> Section {
    let facts = writing.facts;
    let mut blocks = Vec::new();
    let title = match &facts.proof {
        None => {
            blocks.push(Block::Note(writing.word(Term::NotVerified).to_owned()));
            Term::ProofMissingTitle
        }
        Some(proof) if proof.problems_count() > 0 || facts.unbalanced_items > 0 => {
            blocks.extend(failed(writing, proof));
            Term::ProofFailedTitle
        }
        Some(proof) => {
            blocks.extend(proved(writing, proof));
            Term::ProofTitle
        }
    };
    if facts.items_count > 0 {
        blocks.push(Block::Paragraph(writing.sentence(Sentence::ProofSplit, &[])));
        blocks.push(Block::Table(equations(writing)));
    }
    Section { anchor: "proof", title: writing.word(title), blocks }
}

fn proved(writing: &Writing<'_>, proof: &ProofFacts) -> Vec<Block> {
    let chains = if proof.chained { Sentence::ProofChained } else { Sentence::ProofNotChained };
    let lead = writing.sentence(Sentence::ProofLead, &[]);
    let mut table = Table::new(vec![
        Column::number(writing.word(Term::EventsRead), "events"),
        Column::number(writing.word(Term::ItemsChecked), "items"),
        Column::number(writing.word(Term::OrdersChecked), "orders"),
        Column::number(writing.word(Term::ChainsChecked), "chains"),
    ]);
    let counts = [proof.events, proof.items, proof.orders, proof.chains];
    let counts = counts.map(|count| Cell::count(count_of(count)));
    table.rows.push(counts.into());
    vec![Block::Paragraph(lead), Block::Table(table), Block::Note(writing.sentence(chains, &[]))]
}

fn failed(writing: &Writing<'_>, proof: &ProofFacts) -> Vec<Block> {
    let n = group(proof.problems_count());
    let mut table = Table::new(vec![Column::text(writing.word(Term::Problem), "problem")]);
    table.rows = proof.problems.iter().map(|problem| vec![Cell::text(problem)]).collect();
    if proof.more_problems > 0 {
        let more = group(count_of(proof.more_problems));
        let more = fill(writing.word(Term::RestOfProblems), &[("n", &more)]);
        table.rows.push(vec![Cell::text(more)]);
    }
    vec![
        Block::Paragraph(writing.sentence(Sentence::FoundProofFailed, &[("n", &n)])),
        Block::Table(table),
    ]
}

fn equations(writing: &Writing<'_>) -> Table {
    let facts = writing.facts;
    let word = |term: Term| writing.word(term);
    let mut table = Table::new(vec![
        Column::text(word(Term::Sku), "sku"),
        Column::number(word(Term::Allocated), "allocated_units").defined(Definition::Stock),
        Column::number(word(Term::Available), "available_units"),
        Column::number(word(Term::Held), "held_units"),
        Column::number(word(Term::Sold), "sold_units"),
        Column::text(word(Term::Balance), "balanced"),
    ]);
    let row = |name: Cell, units: Units, balanced: bool| {
        let verdict = word(if balanced { Term::BalanceYes } else { Term::BalanceNo });
        vec![
            name,
            Cell::count(units.allocated),
            Cell::count(units.available),
            Cell::count(units.held),
            Cell::count(units.sold),
            Cell::named(verdict, balanced.to_string()),
        ]
    };
    let items = facts.items.iter().map(|ItemFacts { figures, units }| {
        row(Cell::text(&figures.sku), *units, units.balanced())
    });
    table.rows = items.collect();
    let all = Cell::named(super::stock::all_items(writing), "(all)");
    table.total = Some(row(all, facts.stock, facts.unbalanced_items == 0));
    table
}
