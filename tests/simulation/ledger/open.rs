//! The invariants that the code does not hold yet. A run counts them and does not fail. A mend
//! removes the line here and the gap in `docs/known-gaps.md`, and adds a deliberate fault.

use std::collections::BTreeMap;

/// An invariant, or a part of it, and words of its gap in `docs/known-gaps.md`.
const OPEN: &[(&str, &str)] = &[
    ("I16/unsynchronized", "a countdown counts as a minute late, however late it really is"),
    ("I30/clock", "An end from elsewhere is compared with the requests by its sender's clock"),
    ("I30/untold", "So can an end that was said after a press that the line had not delivered yet"),
    ("I30/older", "An app that is older than the server names no request"),
];

/// The code of a broken invariant, with its part: what stands before the colon.
pub fn code(what: &str) -> &str {
    what.split(':').next().unwrap_or_default()
}

/// Whether the code is known not to hold the invariant.
pub fn is_open(code: &str) -> bool {
    OPEN.iter().any(|(open, _)| *open == code)
}

/// What a run found of them: in how many histories, and the first.
#[derive(Debug, Default)]
pub struct Found(BTreeMap<String, (usize, u64)>);

impl Found {
    /// These were broken in the history of this seed.
    pub fn add<'a>(&mut self, codes: impl IntoIterator<Item = &'a String>, seed: u64) {
        for code in codes {
            let (count, first) = self.0.entry(code.clone()).or_insert((0, seed));
            *count += 1;
            *first = seed.min(*first);
        }
    }

    pub fn print(&self) {
        for (code, gap) in OPEN {
            let Some((count, first)) = self.0.get(*code) else { continue };
            println!("open: {code} in {count} histories, first seed {first} ({gap})");
        }
    }

    /// Lines that are not needed any more: no history breaks them, or the gap is not known.
    pub fn outdated(&self) -> Vec<String> {
        let known =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/known-gaps.md"))
                .unwrap_or_default();
        let mut all = Vec::new();
        for (code, gap) in OPEN {
            if !self.0.contains_key(*code) {
                all.push(format!("{code} holds now: remove it from ledger/open.rs"));
            }
            if !known.contains(gap) {
                all.push(format!("docs/known-gaps.md does not say “{gap}”, which {code} names"));
            }
        }
        all
    }
}
