//! Files and folders that are private to the server's user, and the lock that keeps a second server
//! out of a data folder.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The name of the lock file in the data folder.
const LOCK: &str = "lock";

/// Creates a folder that is private to this user. An existing folder keeps its mode, because it may
/// be somebody's home.
///
/// # Errors
/// The folder cannot be created.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

/// Creates a file that is private to this user. It overwrites nothing and follows no link.
///
/// # Errors
/// Something exists at that path, or the file cannot be created.
pub fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Replaces a file by one that is private to this user, or creates it. It has all of the new content
/// or is as it was, and is on the disk when this returns.
///
/// # Errors
/// The file cannot be written.
pub fn replace(path: &Path, content: &str) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    // An earlier attempt that was interrupted left this file.
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = new_file(&part)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    sync_folder_of(path)
}

/// Flushes the folder of a file, so that its name is on the disk.
///
/// # Errors
/// The folder cannot be flushed.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Removes the permissions of other users from a file that an older version made, or from a copy. A
/// failure is only logged, because a server that does not start would help nobody.
pub fn tighten(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(metadata) = std::fs::metadata(path) else { return };
        let mode = metadata.permissions().mode();
        if mode & 0o077 != 0 {
            let file = path.display();
            match std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & !0o077)) {
                Ok(()) => {
                    tracing::warn!(%file, "other users could read a file of the server; their permissions were removed")
                }
                Err(error) => {
                    tracing::warn!(%file, %error, "other users can read a file of the server; could not change its permissions")
                }
            }
        }
    }
}

/// Whether other users have any permission on a file.
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    false
}

/// The database file, and the files of SQLite beside it.
pub fn database_files(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}

/// A lock on the data folder. While it exists, no other server starts on the folder (I32). The
/// system releases it when the process ends in any way.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock. `None` if another server has it.
    ///
    /// # Errors
    /// The lock file cannot be created or locked.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join(LOCK);
        let file = match new_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(&path)?
            }
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
        let (file, link, elsewhere) = (
            parent.path().join("file"),
            parent.path().join("link"),
            parent.path().join("elsewhere"),
        );
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
    fn replaced_file_is_private_and_whole() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        std::fs::write(parent.path().join("file.part"), "of an attempt that was cut").unwrap();
        for content in ["longer than the next", "next"] {
            replace(&file, content).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
        }
        assert_eq!((mode(&file), std::fs::read_dir(parent.path()).unwrap().count()), (0o600, 1));
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

/// The free space for this user on the folder's disk, bytes.
pub fn free_space(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail * disk.f_frsize)
}
