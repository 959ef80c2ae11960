//! Metrics for Prometheus: the event loop, the store and the outbox. Names and units are fixed
//! here, so that dashboards can rely on them.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{sync::OnceLock, time::Duration};

/// How late the end of a countdown (D) was decided, in seconds.
const LATENESS: &str = "buckler_deadline_lateness_seconds";
/// How long a commit took, flush included, in seconds.
const COMMIT: &str = "buckler_store_commit_seconds";
/// Effects that are stored and not completed.
const OUTBOX: &str = "buckler_outbox_depth";
/// How long the server has known of the oldest of them, in seconds.
const OLDEST: &str = "buckler_outbox_oldest_seconds";
/// Attempts to execute an effect, by kind and result.
const ATTEMPTS: &str = "buckler_effect_attempts_total";
/// Commits that failed.
const FAILURES: &str = "buckler_store_failures_total";
/// Panics of contained tasks, by task.
const PANICS: &str = "buckler_task_panics_total";
/// Open streams of live events.
const STREAMS: &str = "buckler_streams";
/// Incidents that are not over, by state.
const INCIDENTS: &str = "buckler_incidents";

/// Changes that wait to be written.
const CHANGES: &str = "buckler_changes_waiting";
/// Requests, commands and results of effects that wait for the event loop.
const REQUESTS: &str = "buckler_requests_waiting";
/// Incidents and homes that cannot be read or decided.
const QUARANTINED: &str = "buckler_quarantined";

/// Bounds of the histograms, seconds: from good to noticeable by a person.
const SECONDS: [f64; 12] =
    [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 10.0, 60.0];

/// How often samples are aggregated.
const SUM_UP: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Starts to record. Further calls in the process do nothing.
pub fn record() {
    RECORDER.get_or_init(|| {
        let handle =
            PrometheusBuilder::new().set_buckets(&SECONDS).ok()?.install_recorder().ok()?;
        describe_histogram!(LATENESS, "How late the end of a countdown was decided");
        describe_histogram!(COMMIT, "How long a commit took, flush included");
        describe_gauge!(OUTBOX, "Effects that are stored and not done");
        describe_gauge!(OLDEST, "How long the oldest effect that is not done has been under way");
        describe_gauge!(STREAMS, "Open streams of live events");
        describe_gauge!(INCIDENTS, "Incidents that are not over");
        describe_gauge!(CHANGES, "Changes that wait to be written");
        describe_gauge!(REQUESTS, "Requests, commands and results of effects that wait");
        describe_gauge!(QUARANTINED, "Incidents and homes that cannot be read or decided");
        describe_counter!(ATTEMPTS, "Attempts to carry an effect out");
        describe_counter!(FAILURES, "Commits that failed");
        describe_counter!(PANICS, "Panics of tasks that were contained");
        counter!(FAILURES).increment(0);
        gauge!(STREAMS).set(0.0);
        Some(handle)
    });
}

/// Aggregates the samples repeatedly. Otherwise, without a scrape, every sample would be kept
/// forever.
pub(super) async fn sum_up() {
    loop {
        tokio::time::sleep(SUM_UP).await;
        RECORDER.get().and_then(Option::as_ref).inspect(|handle| handle.run_upkeep());
    }
}

/// Values that are counted at each scrape.
pub struct Counts {
    /// The states of incidents that are not over.
    pub running: Vec<&'static str>,
    /// The number of effects that are not completed, and the age of the oldest.
    pub under_way: (usize, Duration),
    /// The number of changes that wait to be written.
    pub changes: usize,
    /// The number of jobs that wait for the engine.
    pub requests: usize,
    /// The number of incidents and homes that are quarantined.
    pub quarantined: usize,
}

/// Formats all metrics as Prometheus text.
pub fn render(counts: &Counts) -> String {
    gauge!(OUTBOX).set(counts.under_way.0 as f64);
    gauge!(OLDEST).set(counts.under_way.1.as_secs_f64());
    gauge!(CHANGES).set(counts.changes as f64);
    gauge!(REQUESTS).set(counts.requests as f64);
    gauge!(QUARANTINED).set(counts.quarantined as f64);
    for state in ["counting_down", "siren_sounding", "verifying", "dispatching", "under_review"] {
        gauge!(INCIDENTS, "state" => state)
            .set(counts.running.iter().filter(|s| **s == state).count() as f64);
    }
    RECORDER.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

pub(super) fn countdown_over(late: Duration) {
    histogram!(LATENESS).record(late.as_secs_f64());
}

pub(super) fn committed(took: Duration) {
    histogram!(COMMIT).record(took.as_secs_f64());
}

pub(super) fn commit_failed() {
    counter!(FAILURES).increment(1);
}

pub(super) fn tried(kind: &'static str, result: &'static str) {
    counter!(ATTEMPTS, "kind" => kind, "result" => result).increment(1);
}

/// Counts a panic of a contained task.
pub(super) fn panicked(task: &'static str) {
    counter!(PANICS, "task" => task).increment(1);
}

/// Counts an open stream for as long as it exists.
pub(super) struct OpenStream(());

impl OpenStream {
    pub(super) fn new() -> Self {
        gauge!(STREAMS).increment(1.0);
        Self(())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        gauge!(STREAMS).decrement(1.0);
    }
}
