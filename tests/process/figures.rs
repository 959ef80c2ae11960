//! Prints figures, one per line, in the format that `scripts/bench` reads.

use std::{path::Path, time::Duration};

/// Prints a figure, its unit, and the goal that it should not exceed; `-` means no goal.
pub fn figure(what: &str, value: f64, unit: &str, goal: &str) {
    println!("{what:<66} {value:>9.2} {unit:<3} (goal {goal})");
}

/// Saves every sample in the order of measurement, in milliseconds, one per line.
pub fn keep(what: &str, samples: &[f64]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let text = samples.iter().fold(String::new(), |text, sample| text + &format!("{sample:.3}\n"));
    let kept = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join(format!("{what}.csv")), text));
    kept.expect("samples are kept");
}

/// In milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Sorts in ascending order.
pub fn sorted(mut all: Vec<f64>) -> Vec<f64> {
    all.sort_by(f64::total_cmp);
    all
}

/// The quantile at `share`.
pub fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
