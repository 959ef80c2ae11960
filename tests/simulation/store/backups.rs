//! Copies of the database that are made at planned times and put back later (I32): with the backup
//! of the server, or of its files.

use super::{Database, FAULT, KINDS, LOG, alone, copy};
use crate::{
    plan::{BEGINNING, Plan, What, When},
    world::World,
};
use buckler::{
    domain::time::Timestamp,
    server::store::{
        StoreError,
        sqlite::{self, DATABASE, epoch},
    },
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[derive(Debug, Default)]
pub(super) struct Copies {
    /// When the next ones are to be made.
    planned: BTreeSet<Timestamp>,
    made: BTreeMap<Timestamp, Copy>,
}

/// A copy in a folder of its own.
#[derive(Clone, Debug)]
struct Copy {
    folder: PathBuf,
    /// Whether it is a backup and not the files as they were.
    is_backup: bool,
}

/// When a copy of that time is made: there is nothing to copy before the beginning.
fn at(then: Timestamp) -> Timestamp {
    then.max(BEGINNING)
}

impl Copies {
    pub(super) fn planned(plan: &Plan) -> Self {
        let then = plan.entries.iter().filter_map(|entry| match &entry.what {
            What::Kill { when: When::Now, death } => {
                let died = BEGINNING + entry.at;
                death.restores.map(|age| at(died - age))
            }
            _ => None,
        });
        Self { planned: then.collect(), made: BTreeMap::new() }
    }

    pub(super) fn are_planned(&self) -> bool {
        !self.planned.is_empty()
    }

    pub(super) fn are_due(&self, now: Timestamp) -> bool {
        self.planned.first().is_some_and(|then| *then < now)
    }
}

impl Database {
    /// Makes the copies that were due before now. Nothing was written since then.
    pub(super) fn copy_if_due(&self, world: &World, now: Timestamp) {
        if !self.state().copies.are_due(now) {
            return;
        }
        let (copies, is_unsure, at) = {
            let mut state = self.state();
            let later = state.copies.planned.split_off(&now);
            let due = std::mem::replace(&mut state.copies.planned, later);
            (due, !state.unsure.is_empty(), state.life)
        };
        let Some(then) = copies.first() else { return };
        let folder = self.folder.path().join(format!("copy-{at}-{}", then.as_millis()));
        // The files of a write that failed may hold it.
        let is_backup = is_unsure || self.dice(&format!("copy/{}", then.as_millis())).chance(30);
        if !is_backup {
            copy(&self.data(), &folder);
        } else if let Err(error) = self.back_up(&folder) {
            world.ledger().broken(format!("I32: no backup: {error}"));
            return;
        }
        let all = copies.into_iter().map(|then| (then, Copy { folder: folder.clone(), is_backup }));
        self.state().copies.made.extend(all);
    }

    fn back_up(&self, folder: &Path) -> Result<(), StoreError> {
        fs::create_dir_all(folder).expect("a folder");
        backup(&self.file(), &folder.join(DATABASE))
    }

    pub fn has_copy(&self, then: Timestamp) -> bool {
        self.state().copies.made.contains_key(&at(then))
    }

    /// Puts the copy of that time back. Nothing runs.
    pub fn put_back(&self, world: &World, then: Timestamp) -> &'static str {
        let Copy { mut folder, mut is_backup } = self.state().copies.made[&at(then)].clone();
        let data = self.data();
        let mut dice = self.dice(&format!("put back/{}", then.as_millis()));
        // A file that was copied since the last start, while the server ran, looks like the one that was
        // written last if the server was killed: a known gap.
        let epoch = |folder: &Path| fs::read(folder.join(epoch::FILE)).ok();
        if !is_backup && epoch(&folder) == epoch(&data) {
            let backed_up = data.join("backup");
            fs::create_dir_all(&backed_up).expect("a folder");
            let made = backup(&folder.join(DATABASE), &backed_up.join(DATABASE));
            made.unwrap_or_else(|error| world.ledger().broken(format!("I32: no backup: {error}")));
            (folder, is_backup) = (backed_up, true);
        }
        if is_backup && dice.chance(50) {
            // The disk works for as long as that takes.
            let fault = fs::read(data.join(FAULT));
            let _ = fs::remove_file(data.join(FAULT));
            let (from, to, now) = (folder.join(DATABASE), data.clone(), world.truth());
            let restored = alone(|| async move { sqlite::restore(&from, &to, now).await });
            if let Err(error) = restored {
                world.ledger().broken(format!("I32: no restore: {error}"));
            }
            if let Ok(said) = fault {
                fs::write(data.join(FAULT), said).expect("a fault");
            }
            return KINDS[7];
        }
        let keeps_log = !is_backup && dice.chance(50);
        if !is_backup && !keeps_log {
            fold(&folder.join(DATABASE)).expect("a copy whose log can be written back");
        }
        let forgets_log = !keeps_log && data.join(LOG).exists() && dice.chance(50);
        if !forgets_log {
            let _ = fs::remove_file(data.join(LOG));
        }
        fs::copy(folder.join(DATABASE), data.join(DATABASE)).expect("a copy");
        if keeps_log && folder.join(LOG).exists() {
            fs::copy(folder.join(LOG), data.join(LOG)).expect("a copy");
        }
        match (keeps_log, forgets_log) {
            (true, _) => KINDS[6],
            (_, true) => KINDS[8],
            _ => KINDS[7],
        }
    }
}

fn backup(file: &Path, to: &Path) -> Result<(), StoreError> {
    alone(|| async { sqlite::backup(file, to).await })
}

/// Writes the log of a database back into its file.
fn fold(file: &Path) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(file);
    alone(|| async move {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
        connection.close().await
    })
}
