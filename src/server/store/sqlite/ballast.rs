//! A file that keeps disk space for incidents (I25). When the disk is full, it is deleted, and what
//! an incident does is stored in its place. Other changes are refused until there is room for it
//! again.

use crate::server::private::{free_space, new_file};
use rustix::fs::{FallocateFlags, fallocate};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The name of the file in the data folder.
const FILE: &str = "ballast";
/// The size of the file, bytes. An incident takes about 10 kB of the database, and a few hundred of
/// its log.
pub const SIZE: u64 = 32 << 20;

/// Whether the data folder has its ballast.
pub fn is_kept(folder: &Path) -> bool {
    fs::metadata(folder.join(FILE)).is_ok_and(|file| file.len() >= SIZE)
}

/// The ballast of a data folder.
#[derive(Debug)]
pub(super) struct Ballast {
    folder: PathBuf,
    /// Whether it was deleted for incidents, and is not back.
    is_dropped: bool,
}

impl Ballast {
    /// The ballast beside a database. It is created if there is room for it twice.
    pub(super) fn beside(database: &Path) -> Self {
        let folder = database.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut ballast = Self { folder, is_dropped: false };
        ballast.take();
        ballast
    }

    /// Deletes the file. Returns whether that made room.
    pub(super) fn drop(&mut self) -> bool {
        self.is_dropped = true;
        let dropped = fs::remove_file(self.folder.join(FILE)).is_ok();
        if dropped {
            tracing::error!(
                folder = %self.folder.display(),
                "the disk is full; the {} MB that were kept for incidents are used now: make room",
                SIZE >> 20
            );
        }
        dropped
    }

    /// Creates the file again if there is room. Returns whether other changes may be stored.
    pub(super) fn take_again(&mut self) -> bool {
        if self.is_dropped {
            self.take();
        }
        !self.is_dropped
    }

    fn take(&mut self) {
        match self.create() {
            Ok(()) => self.is_dropped = false,
            Err(error) => tracing::warn!(
                folder = %self.folder.display(),
                %error,
                "cannot keep {} MB of the disk for incidents",
                SIZE >> 20
            ),
        }
    }

    fn create(&self) -> io::Result<()> {
        if is_kept(&self.folder) {
            return Ok(());
        }
        if free_space(&self.folder).is_some_and(|free| free < 2 * SIZE) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let path = self.folder.join(FILE);
        // What a crash left of an earlier attempt.
        let _ = fs::remove_file(&path);
        let file = new_file(&path)?;
        fallocate(&file, FallocateFlags::empty(), 0, SIZE).inspect_err(|_| {
            let _ = fs::remove_file(&path);
        })?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ballast_takes_its_space_and_gives_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut ballast = Ballast::beside(&folder.path().join("buckler.db"));
        let file = folder.path().join(FILE);
        assert!(is_kept(folder.path()));
        let taken = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&file).unwrap()) * 512;
        assert!(taken >= SIZE, "{taken} bytes of the disk are taken");
        assert!(ballast.drop(), "there is room now");
        assert!(!file.exists() && !is_kept(folder.path()));
        assert!(!ballast.drop(), "once");
        assert!(ballast.take_again() && is_kept(folder.path()), "as soon as there is room");
    }
}
