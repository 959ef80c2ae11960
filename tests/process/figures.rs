//! Figures, one line each, as `scripts/bench` reads them.

use std::{path::Path, time::Duration};

/// Prints a figure, its unit, and the goal that it should not exceed; `-` where there is none.
pub fn figure(what: &str, value: f64, unit: &str, goal: &str) {
    println!("{what:<66} {value:>9.2} {unit:<3} (goal {goal})");
}

/// Keeps every sample, in the order in which it was taken, milliseconds, one a line.
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

/// From the least to the most.
pub fn sorted(mut all: Vec<f64>) -> Vec<f64> {
    all.sort_by(f64::total_cmp);
    all
}

/// What `share` of them do not exceed.
pub fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
