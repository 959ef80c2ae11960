//! Files and folders that are for the user of the server alone, and the lock that keeps a second server out of a folder.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// The file in the data folder that the running server holds locked.
const LOCK: &str = "lock";

/// Makes a folder for this user alone. One that exists keeps its mode: it may be somebody's home.
///
/// # Errors
/// Why it cannot be made.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

/// Makes a file for this user alone. It overwrites nothing and follows no link.
///
/// # Errors
/// There is something at that path, or it cannot be made.
pub fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes the rights of everybody else away from a file that an older version made, or a copy that was put there. Where that fails the
/// log says so: a server that does not start would help nobody.
pub fn tighten(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(metadata) = std::fs::metadata(path) else { return };
        let mode = metadata.permissions().mode();
        if mode & 0o077 != 0 {
            let file = path.display();
            match std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & !0o077)) {
                Ok(()) => tracing::warn!(%file, "others could read a file of the server; they cannot any more"),
                Err(error) => tracing::warn!(%file, %error, "others can read a file of the server"),
            }
        }
    }
}

/// Whether others than this user have any right to a file.
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    false
}

/// The database and what SQLite keeps beside it.
pub fn database_files(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}

/// Holds the data folder for one server: while it lives, no other server starts on it (I32). The system lets it go with the process,
/// however that ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder; `None` if another server has it.
    ///
    /// # Errors
    /// The lock cannot be made.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join(LOCK);
        let file = match new_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(&path)?,
            file => file?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_for_this_user_alone() {
        let parent = tempfile::tempdir().unwrap();
        let made = parent.path().join("a/b");
        folder(&made).unwrap();
        folder(&made).expect("one that is there stays");
        assert_eq!(mode(&made), 0o700);
    }

    #[test]
    fn new_file_is_private_and_follows_no_link() {
        let parent = tempfile::tempdir().unwrap();
        let (file, link, elsewhere) = (parent.path().join("file"), parent.path().join("link"), parent.path().join("elsewhere"));
        new_file(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        assert_eq!(new_file(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!elsewhere.exists());
    }

    #[test]
    fn loose_file_is_tightened() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("buckler.db");
        tighten(&file);
        std::fs::write(&file, b"x").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(is_open_to_others(&file));
        tighten(&file);
        assert_eq!((mode(&file), is_open_to_others(&file)), (0o600, false));
    }

    #[test]
    fn folder_has_one_server() {
        let parent = tempfile::tempdir().unwrap();
        let first = FolderLock::take(parent.path()).unwrap().expect("nobody has it");
        assert!(FolderLock::take(parent.path()).unwrap().is_none());
        drop(first);
        assert!(FolderLock::take(parent.path()).unwrap().is_some());
    }
}
