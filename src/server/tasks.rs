//! Tasks, by name. There are two kinds:
//!
//! - A task that everything depends on, such as the event loop. If it panics, or returns while the
//!   server runs, the process exits: a server without its engine must not keep answering requests.
//!   systemd restarts it, and the incidents continue. See [`Tasks`].
//! - A task for one camera, incident or press. If it panics, the others continue:
//!   one camera that sends what a parser does not expect must not restart a server whose sirens
//!   sound. See [`contained`].
//!
//! A task of the first kind that does the same for many homes contains each of them
//! ([`contained_now`], [`contained`]).

use super::metrics;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::FutureExt;
use std::{
    any::Any,
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// The pause before a contained task that panicked starts again. A panic at every start then costs
/// little.
const RESTARTED_AFTER: Duration = Duration::from_secs(5);
/// When the tasks of each stage must have ended, from the moment when no request is open any more.
/// A disk that does not answer must not keep the server from ending.
const ENDED_WITHIN: [Duration; 3] =
    [Duration::from_millis(1_000), Duration::from_millis(1_500), Duration::from_millis(2_000)];

/// Why the server cannot continue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task “{task}” {how}")]
pub struct TaskFailed {
    /// The name of the task.
    pub task: &'static str,
    /// What happened to it, as a phrase that follows the name.
    pub how: String,
}

/// When a task ends after the server was told to stop. What a task has accepted is done by tasks of
/// later stages, so each stage ends after the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// At once. It may still ask the engine and the writer for something.
    Outside,
    /// When no request is open and the tasks outside have ended: the engine, and the first tries of
    /// its effects.
    Engine,
    /// When nothing is left that could ask for a change or send a message: the writer, and the
    /// connections that effects use.
    Writer,
}

/// The tasks of a stage.
#[derive(Debug)]
struct Group {
    open: TaskTracker,
    names: Mutex<Vec<&'static str>>,
    ends: watch::Sender<bool>,
}

impl Group {
    fn new() -> Self {
        Self { open: TaskTracker::new(), names: Mutex::default(), ends: watch::Sender::new(false) }
    }

    fn began(&self, task: &'static str) {
        self.names.lock().expect("no holder panics").push(task);
    }

    fn ended(&self, task: &'static str) {
        let mut names = self.names.lock().expect("no holder panics");
        if let Some(at) = names.iter().position(|name| *name == task) {
            names.swap_remove(at);
        }
    }
}

/// Starts long-lived tasks, reports the first failure, and waits for their end.
#[derive(Clone, Debug)]
pub struct Tasks {
    failed: Arc<watch::Sender<Option<TaskFailed>>>,
    stop: watch::Receiver<bool>,
    /// By [`Stage`].
    groups: Arc<[Group; 3]>,
}

impl Tasks {
    /// Creates it. Tasks may return once `stop` is true.
    pub fn new(stop: watch::Receiver<bool>) -> Self {
        Self {
            failed: Arc::new(watch::Sender::new(None)),
            stop,
            groups: Arc::new(std::array::from_fn(|_| Group::new())),
        }
    }

    /// Starts a task that lives until the server stops.
    pub fn spawn(&self, task: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.spawn_in(Stage::Outside, task, work);
    }

    /// Starts a task that lives until that stage of the end.
    pub fn spawn_in(
        &self,
        stage: Stage,
        task: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let tasks = self.clone();
        self.group(stage).began(task);
        self.group(stage).open.spawn(async move {
            let done = AssertUnwindSafe(work).catch_unwind().await;
            tasks.group(stage).ended(task);
            let how = match done {
                Err(panic) => format!("panicked: {}", message(&*panic)),
                Ok(()) if tasks.is_stopping() => return,
                Ok(()) => "ended while the server runs".to_owned(),
            };
            tracing::error!(task, how, "a task failed: the server exits");
            // The first failure is the cause of the later ones.
            tasks.failed.send_if_modified(|failed| {
                let is_first = failed.is_none();
                failed.get_or_insert(TaskFailed { task, how });
                is_first
            });
        });
    }

    /// Starts a task that has nothing to complete: when its stage ends, it is dropped where it waits.
    pub fn spawn_until(
        &self,
        stage: Stage,
        task: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut end = self.end_of(stage);
        self.spawn_in(stage, task, async move {
            tokio::select! { _ = end.wait_for(|ends| *ends) => {}, () = work => {} }
        });
    }

    /// Becomes true when the server stops.
    pub fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// Becomes true when the tasks of that stage must end.
    pub fn end_of(&self, stage: Stage) -> watch::Receiver<bool> {
        match stage {
            Stage::Outside => self.stop(),
            Stage::Engine | Stage::Writer => self.group(stage).ends.subscribe(),
        }
    }

    fn group(&self, stage: Stage) -> &Group {
        &self.groups[stage as usize]
    }

    /// If the sender is gone, the server is gone.
    fn is_stopping(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    /// Ends all tasks, stage by stage, and waits for them: what was accepted is stored, and what is
    /// asked later is refused. To be called after the server was told to stop and has answered its
    /// last request. Takes two seconds at most.
    pub async fn finish(&self) {
        let limits = ENDED_WITHIN.map(tokio::time::sleep);
        for (group, limit) in self.groups.iter().zip(limits) {
            group.ends.send_replace(true);
            group.open.close();
            tokio::select! {
                biased;
                () = group.open.wait() => {}
                () = limit => {
                    let tasks = group.names.lock().expect("no holder panics").join(", ");
                    tracing::warn!(tasks, "some tasks did not end in time; the server ends without them");
                }
            }
        }
    }

    /// Waits for the first failure.
    pub async fn failed(&self) -> TaskFailed {
        let mut failed = self.failed.subscribe();
        let first = failed.wait_for(Option::is_some).await.ok().and_then(|failed| failed.clone());
        match first {
            Some(failed) => failed,
            // This value holds a sender, so the channel cannot be closed.
            None => std::future::pending().await,
        }
    }
}

/// Runs work that must not end other work. If it panics, this logs the panic with the name of the
/// task and what it worked on, counts it, and returns `None`.
pub async fn contained<T>(
    task: &'static str,
    of: impl Display,
    work: impl Future<Output = T>,
) -> Option<T> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.inspect_err(|panic| report(task, &of, &**panic)).ok()
}

/// Like [`contained`], for work that waits for nothing.
pub fn contained_now<T>(
    task: &'static str,
    of: impl Display,
    work: impl FnOnce() -> T,
) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.inspect_err(|panic| report(task, &of, &**panic)).ok()
}

fn report(task: &'static str, of: &dyn Display, panic: &(dyn Any + Send)) {
    metrics::panicked(task);
    tracing::error!(task, %of, panic = message(panic), "a task panicked; others continue");
}

/// Starts a contained task that runs once.
pub fn spawn_contained(
    task: &'static str,
    of: impl Display + Send + 'static,
    work: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move { contained(task, of, work).await.unwrap_or_default() })
}

/// Handles each message in a contained task of its own, so that one that waits for the disk delays no
/// other, until the server stops. Messages that are in the queue by then are still handled.
pub async fn handle_each<T, F>(
    task: &'static str,
    mut messages: mpsc::Receiver<T>,
    mut stop: watch::Receiver<bool>,
    of: impl Fn(&T) -> String,
    work: impl Fn(T, watch::Receiver<bool>) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let open = TaskTracker::new();
    loop {
        let message = tokio::select! {
            // The sender has handed these over, and will not send them again.
            biased;
            message = messages.recv() => message,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let Some(message) = message else { break };
        let of = of(&message);
        open.spawn(contained(task, of, work(message, stop.clone())));
    }
    open.close();
    open.wait().await;
}

/// Runs work to its end, even if the returned future is dropped: a client that goes away must not
/// cut in two what belongs together. Returns `None` if the work panicked.
pub async fn run_to_end<T: Send + 'static>(
    task: &'static str,
    of: impl Display + Send + 'static,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    tokio::spawn(contained(task, of, work).in_current_span()).await.ok().flatten()
}

/// Computes what takes more than about a millisecond, beside the threads of the runtime: deadlines
/// and other requests do not wait for it. Returns `None` if it panicked. It blocks a thread of a
/// large pool, so callers limit how many there are.
pub async fn compute<T: Send + 'static>(
    task: &'static str,
    of: impl Display + Send + 'static,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let span = tracing::Span::current();
    let contained = move || span.in_scope(|| contained_now(task, of, work));
    tokio::task::spawn_blocking(contained).await.ok().flatten()
}

/// Starts a contained task that starts again after a panic, until it returns.
pub fn spawn_restarted<W: Future<Output = ()> + Send>(
    task: &'static str,
    of: impl Display + Send + Sync + 'static,
    work: impl Fn() -> W + Send + Sync + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        while contained(task, &of, async { work().await }).await.is_none() {
            tokio::time::sleep(RESTARTED_AFTER).await;
        }
    })
}

/// The pauses before reconnects: half of the backoff to all of it, at random, so that many servers,
/// or cameras behind one switch, do not reconnect at the same moment. The backoff doubles from
/// `first` up to `most`.
pub fn backoff(first: Duration, most: Duration) -> impl Iterator<Item = Duration> {
    // The jitter adds up to as much again.
    let half = ExponentialBuilder::new().with_min_delay(first / 2).with_max_delay(most / 2);
    half.with_jitter().without_max_times().build()
}

/// The message of a panic.
pub fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// The first failure. A test that waits in vain fails instead of hanging.
    async fn failure(tasks: &Tasks) -> TaskFailed {
        tokio::time::timeout(Duration::from_secs(30), tasks.failed()).await.expect("a task fails")
    }

    #[tokio::test]
    async fn task_that_panics_is_named_with_what_it_said() {
        let (_stopper, stop) = watch::channel(false);
        let tasks = Tasks::new(stop);
        tasks.spawn("goes on", std::future::pending());
        tasks.spawn("planted", async { panic!("number {}", 7) });
        assert_eq!(
            failure(&tasks).await,
            TaskFailed { task: "planted", how: "panicked: number 7".into() }
        );
    }

    #[tokio::test]
    async fn task_that_returns_has_failed_unless_the_server_stops() {
        let (stopper, stop) = watch::channel(false);
        let tasks = Tasks::new(stop);
        tasks.spawn("returns", async {});
        assert_eq!(
            failure(&tasks).await.to_string(),
            "the task “returns” ended while the server runs"
        );

        let tasks = Tasks::new(stopper.subscribe());
        stopper.send(true).unwrap();
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("stops", async { drop(tell) });
        told.await.unwrap_err();
        tokio::task::yield_now().await;
        assert!(tasks.failed().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_end_stage_by_stage_and_each_completes_its_work() {
        let (stopper, stop) = watch::channel(false);
        let (tasks, told) = (Tasks::new(stop), Arc::new(Mutex::new(Vec::new())));
        for stage in [Stage::Writer, Stage::Engine, Stage::Outside] {
            let (mut end, told) = (tasks.end_of(stage), told.clone());
            tasks.spawn_in(stage, "worker", async move {
                end.wait_for(|ends| *ends).await.expect("the sender lives as long as the tasks");
                tokio::time::sleep(Duration::from_millis(400)).await;
                told.lock().expect("no holder panics").push(stage);
            });
        }
        tasks.spawn_until(Stage::Engine, "cut", std::future::pending());
        stopper.send(true).unwrap();
        tasks.finish().await;
        let order = told.lock().expect("no holder panics").clone();
        assert_eq!(order, [Stage::Outside, Stage::Engine, Stage::Writer]);
        assert!(tasks.failed().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_never_end_keep_the_server_for_two_seconds() {
        let (stopper, stop) = watch::channel(false);
        let tasks = Tasks::new(stop);
        for stage in [Stage::Outside, Stage::Engine, Stage::Writer] {
            tasks.spawn_in(stage, "stuck", std::future::pending());
        }
        stopper.send(true).unwrap();
        let most = Duration::from_secs(2);
        assert!(tokio::time::timeout(most / 2, tasks.finish()).await.is_err());
        tokio::time::timeout(most + Duration::from_millis(1), tasks.finish()).await.unwrap();
    }

    #[test]
    fn pauses_are_half_to_all_of_a_backoff_that_doubles() {
        let (first, last) = (Duration::from_secs(1), Duration::from_secs(30));
        let expected = [1, 2, 4, 8, 16, 30, 30, 30].map(Duration::from_secs);
        for (pause, most) in backoff(first, last).zip(expected) {
            assert!(most / 2 <= pause && pause <= most, "{pause:?} of {most:?}");
        }
        let much_later = backoff(first, last).nth(10_000);
        assert!(much_later.is_some_and(|pause| pause >= last / 2), "it does not end");
    }

    #[test]
    fn panic_of_one_home_is_contained_and_the_next_is_served() {
        let served: Vec<_> = ["lake-cabin", "maple-street"]
            .map(|home| contained_now("planted", home, || assert_ne!(home, "lake-cabin")))
            .into();
        assert_eq!(served, [None, Some(())]);
    }

    #[tokio::test(start_paused = true)]
    async fn contained_task_that_panics_starts_again_until_it_returns() {
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = starts.clone();
        let task = spawn_restarted("planted", "camera", move || {
            let start = counted.fetch_add(1, Ordering::Relaxed);
            async move { assert!(start >= 2, "start {start}") }
        });
        task.await.expect("the panics are contained");
        assert_eq!(starts.load(Ordering::Relaxed), 3);
        assert_eq!(contained("planted", "camera", async { panic!("once") }).await, None::<()>);
    }

    #[tokio::test]
    async fn work_that_runs_to_its_end_outlives_who_waits_for_it() {
        let (begin, began) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = tokio::sync::oneshot::channel();
        let work = async move {
            began.await.expect("it begins");
            tell.send("done").expect("the test waits");
        };
        let mut waiting = Box::pin(run_to_end("planted", "call", work));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        begin.send(()).expect("the work still waits");
        assert_eq!(told.await, Ok("done"));
        assert_eq!(run_to_end("planted", "call", async { 7 }).await, Some(7));
        assert_eq!(run_to_end("planted", "call", async { panic!("once") }).await, None::<()>);
    }

    #[tokio::test]
    async fn what_is_computed_blocks_no_thread_of_the_runtime() {
        let (tell, told) = std::sync::mpsc::channel();
        let computed = compute("planted", "call", move || told.recv());
        let ((), computed) = tokio::join!(async { tell.send(7).unwrap() }, computed);
        assert_eq!(computed, Some(Ok(7)), "the only thread of this runtime went on");
        assert_eq!(compute("planted", "call", || panic!("once")).await, None::<()>);
    }
}
