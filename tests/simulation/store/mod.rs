//! The real database under a simulated world: SQLite in a folder of its own, on a disk that fails
//! by `tests/native/server/disk.c`. The simulation waits on its only thread while the database works
//! on its own threads, so no simulated time passes meanwhile, and a history repeats.

mod backups;
mod journal;
pub mod plan;
mod preloaded;
mod writes;

pub use preloaded::{is_preloaded, start_preloaded};

use crate::{
    dice::Dice,
    disk::Kept,
    plan::{DiskFault, Plan},
    world::World,
};
use backups::Copies;
use buckler::{
    api::audit::AuditAction,
    domain::{home::Home, time::Timestamp},
    server::{
        clock::Clock,
        store::{
            AuditEntry, Batch, Change, Changes, Feed, Journal, Op, Reads, StoreError,
            sqlite::{self, DATABASE, epoch},
            writer,
        },
        tasks::Tasks,
    },
};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, mpsc},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
};

/// The file that says what is wrong with the disk.
const FAULT: &str = "fault";
/// The log beside the database.
const LOG: &str = "buckler.db-wal";
/// A folder in memory, where a flush costs nothing.
const MEMORY: &str = "/dev/shm";
/// The free space that a folder in memory must have. The database keeps 32 MB for incidents.
const ENOUGH: u64 = 1 << 30;
/// The most that a file of a full disk still grows.
const ROOM_MOST: u64 = 60_000;
/// The homes of probes, which the world does not know, begin with this.
const PROBED: &str = "probed-";

/// The kinds of faults of a real disk. A run fails if one of them does not occur.
pub const KINDS: [&str; 9] = [
    "database: full disk",
    "database: disk that fills up",
    "database: full disk with a reserve",
    "database: write that fails",
    "database: flush that fails",
    "database: flush that hangs",
    "database: copy with its log put back",
    "database: copy without its log put back",
    "database: copy put back beside the log of another",
];

/// A real database, which outlives the server.
#[derive(Debug)]
pub struct Database {
    seed: u64,
    homes: Vec<Home>,
    state: Mutex<State>,
    under_way: Arc<UnderWay>,
    /// The folders of all lives, and all copies.
    folder: TempDir,
}

#[derive(Debug, Default)]
struct State {
    /// What the server of this life has opened.
    opened: Option<Arc<Opened>>,
    /// The number of the data folder: a new one for each life.
    life: u32,
    is_held: bool,
    /// The disk has failed, and not every kind of write was probed since.
    is_suspect: bool,
    faults: u64,
    /// What was not stored, as far as the server knows, since the last write that was.
    unsure: Vec<Unsure>,
    probes: u64,
    copies: Copies,
}

/// A batch, the true time and the server's time when it was decided.
type Unsure = (Arc<Batch>, Timestamp, Timestamp);

struct Opened {
    runtime: Runtime,
    journal: Arc<dyn Journal>,
    changes: Changes,
    reads: Arc<dyn Reads>,
    _stopper: watch::Sender<bool>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an opened database")
    }
}

/// How much the database does while time passes.
#[derive(Debug, Default)]
struct UnderWay(Mutex<usize>, Condvar);

impl UnderWay {
    fn begins(self: &Arc<Self>) -> impl Drop + Send + 'static + use<> {
        struct Ends(Arc<UnderWay>);
        impl Drop for Ends {
            fn drop(&mut self) {
                *self.0.0.lock().expect("no holder panics") -= 1;
                self.0.1.notify_all();
            }
        }
        *self.0.lock().expect("no holder panics") += 1;
        Ends(self.clone())
    }

    fn until_over(&self) {
        let number = self.0.lock().expect("no holder panics");
        drop(self.1.wait_while(number, |number| *number > 0).expect("no holder panics"));
    }
}

fn parallel() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

impl Database {
    pub fn new(plan: &Plan) -> Arc<Self> {
        let is_roomy = rustix::fs::statvfs(MEMORY)
            .is_ok_and(|memory| memory.f_bavail.saturating_mul(memory.f_frsize) > ENOUGH);
        let folder = if is_roomy { tempfile::tempdir_in(MEMORY) } else { tempfile::tempdir() };
        let state = State { copies: Copies::planned(plan), ..State::default() };
        let this = Self {
            seed: plan.seed,
            homes: plan.homes.clone(),
            state: Mutex::new(state),
            under_way: Arc::default(),
            folder: folder.expect("a folder"),
        };
        fs::create_dir(this.data()).expect("a folder");
        Arc::new(this)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// The data folder of the present life.
    fn data(&self) -> PathBuf {
        self.folder.path().join(format!("life-{}", self.state().life))
    }

    fn file(&self) -> PathBuf {
        self.data().join(DATABASE)
    }

    fn dice(&self, occasion: &str) -> Dice {
        Dice::new(self.seed, &format!("database/{occasion}"))
    }

    fn opened(&self) -> Option<Arc<Opened>> {
        self.state().opened.clone()
    }

    /// Opens the database as the start of the server does, and on its first day brings the homes into
    /// it.
    pub async fn open(
        self: &Arc<Self>,
        world: &Arc<World>,
        clock: &Arc<Clock>,
    ) -> Result<Arc<dyn Kept>, StoreError> {
        self.copy_if_due(world, world.truth());
        let runtime = parallel();
        let (file, homes) = (self.file(), self.homes.clone());
        let ((stopper, stop), now) = (watch::channel(false), world.truth());
        let opened: Result<_, StoreError> = on_thread(&runtime, || async move {
            epoch::set_foreign_log_aside(&file, now).await?;
            let mut database = sqlite::open(&file).await?;
            if database.reads.homes().await?.0.is_empty() {
                let put = |home| Op::PutHome { home: Arc::new(home), revision: 0 };
                let change = recorded().ops(homes.into_iter().map(put));
                let done = database.apply(change).await;
                done.map_err(|error| StoreError::Unusable(error.to_string()))?;
            }
            let reads = database.reads.clone();
            let (changes, journal) =
                writer::start(database, Arc::new(Feed::default()), &Tasks::new(stop));
            Ok((changes, journal, reads))
        });
        match opened {
            Ok((changes, journal, reads)) => {
                let (kept, _stopper) = (journal.clone(), stopper);
                let opened = Opened { runtime, journal: kept, changes, reads, _stopper };
                self.state().opened = Some(Arc::new(opened));
                Ok(Arc::new(journal::Handle::new(self, world, clock, journal)))
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// The disk breaks. What hangs has ended by then.
    pub fn break_with(&self, fault: DiskFault) -> &'static str {
        self.say("");
        self.under_way.until_over();
        self.state().is_suspect = true;
        self.state().faults += 1;
        let mut dice = self.dice(&format!("fault/{}", self.state().faults));
        let log = fs::metadata(self.data().join(LOG)).map_or(0, |log| log.len());
        let (said, kind) = match (fault, dice.below(3)) {
            (DiskFault::Full, 0) => ("full".into(), KINDS[0]),
            (DiskFault::Full, 1) => (format!("room {}", log + dice.below(ROOM_MOST)), KINDS[1]),
            (DiskFault::Full, _) => ("kept".into(), KINDS[2]),
            (DiskFault::Flush, 0) => ("failing".into(), KINDS[3]),
            (DiskFault::Flush, _) => ("broken".into(), KINDS[4]),
            // A start would wait for a disk that hangs, and so would a copy that is due.
            (DiskFault::Slow, 0) => (String::new(), "slow disk"),
            (DiskFault::Slow, _)
                if self.opened().is_none() || self.state().copies.are_planned() =>
            {
                (String::new(), "slow disk")
            }
            (DiskFault::Slow, _) => ("held".into(), KINDS[5]),
        };
        self.state().is_held = said == "held";
        self.say(&said);
        kind
    }

    /// The disk works again. Each kind of write that was tried and failed meanwhile succeeds now.
    pub fn heals(&self, world: &World) {
        if !std::mem::take(&mut self.state().is_held) {
            self.tries_some_kinds(world);
        }
        self.say("");
        self.under_way.until_over();
        self.every_kind_succeeds(world);
    }

    /// The server tries to store a batch, which was decided at these times.
    fn may_be_stored(&self, batch: &Arc<Batch>, [truth, server]: [Timestamp; 2]) {
        self.state().unsure.push((batch.clone(), truth, server));
    }

    /// A write was stored: SQLite's log ends at the last one, so it overwrites what was not.
    fn was_stored(&self) {
        self.state().unsure.clear();
    }

    /// Whether a flush waits until the disk works again.
    fn is_held(&self) -> bool {
        self.state().is_held
    }

    fn say(&self, fault: &str) {
        // A fault that is half written must not be read.
        let [new, file] = ["fault.new", FAULT].map(|name| self.data().join(name));
        fs::write(&new, fault).and_then(|()| fs::rename(&new, &file)).expect("a fault");
    }

    /// The server was killed, and its connections go with it. What it had written is in the files;
    /// what it had not flushed may be there.
    pub fn power_off(&self, world: &World) {
        // What was written and not flushed is in no copy that the server makes.
        self.copy_if_due(world, world.truth() + Duration::from_millis(1));
        let before = self.data();
        self.state().life += 1;
        let after = self.data();
        copy(&before, &after);
        // It is 32 MB large.
        let ballast = |folder: &Path| folder.join("ballast");
        let _ = fs::rename(ballast(&before), ballast(&after));
        let is_held = std::mem::take(&mut self.state().is_held);
        if !is_held && let Ok(said) = fs::read(before.join(FAULT)) {
            fs::write(after.join(FAULT), said).expect("a fault");
        }
        // Whatever hangs ends, in the folder that nobody uses any more.
        fs::write(before.join(FAULT), "").expect("a fault");
        let opened = self.state().opened.take();
        drop(opened);
        self.under_way.until_over();
        // A server that cannot start is started again and again.
        let _ = fs::remove_dir_all(&before);
        let unsure = std::mem::take(&mut self.state().unsure);
        if unsure.is_empty() {
            return;
        }
        // A start on the files would change them.
        let look = self.folder.path().join("look");
        copy(&after, &look);
        let file = look.join(DATABASE);
        let survived = alone(|| async move {
            let journal = sqlite::open(&file).await?.journal;
            for (batch, truth, server) in unsure.into_iter().rev() {
                if journal::is_there(&*journal, &batch).await? {
                    return Ok(Some((batch, truth, server)));
                }
            }
            Ok::<_, StoreError>(None)
        });
        let _ = fs::remove_dir_all(&look);
        match survived {
            Ok(Some((batch, truth, server))) => {
                let stored = world.disk.store(world, [truth, server], &batch);
                stored.unwrap_or_else(|error| world.ledger().broken(format!("I15: {error}")));
            }
            Ok(None) => {}
            Err(error) => {
                world.ledger().broken(format!("I10: the files of a kill cannot be read: {error}"))
            }
        }
    }

    /// Does it on the threads of the database. The simulation waits for it, so no time passes.
    fn does<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        on(&self.opened().expect("the server runs").runtime, work)
    }

    /// Does it on the threads of the database, while time passes.
    async fn hangs<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (done, answer) = oneshot::channel();
        let under_way = self.under_way.begins();
        self.opened().expect("the server runs").runtime.spawn(async move {
            // A killed server does not wait for it.
            let _ = done.send(work.await);
            drop(under_way);
        });
        answer.await.expect("the threads of the database")
    }
}

/// Does it on a runtime, and waits.
fn on<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> T {
    let (done, answer) = mpsc::channel();
    runtime.spawn(async move {
        let _ = done.send(work.await);
    });
    answer.recv().expect("the threads of the database")
}

/// Does on a runtime what must stay on one thread, and waits.
fn on_thread<T: Send, F: Future<Output = T>>(
    runtime: &Runtime,
    work: impl FnOnce() -> F + Send,
) -> T {
    std::thread::scope(|scope| {
        scope.spawn(|| runtime.block_on(work())).join().expect("the threads of the database")
    })
}

/// Does it on a runtime of its own, and waits.
fn alone<T: Send, F: Future<Output = T>>(work: impl FnOnce() -> F + Send) -> T {
    let runtime = parallel();
    let done = on_thread(&runtime, work);
    runtime.shutdown_background();
    done
}

/// Copies what a start finds: the database, its log, and what tells it from a copy.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for name in [DATABASE, LOG, epoch::FILE] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).expect("a copy");
        }
    }
}

fn recorded() -> Change {
    let entry =
        AuditEntry::new(AuditAction::HomeChanged, Timestamp::default(), json!({"by": "a probe"}));
    Change::new(entry)
}
