//! The data folder belongs to one server and one user.

use super::{Killed, Server, until};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

/// The program, with the umask of most systems.
fn buckler(words: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("umask 022; exec {} {words}", env!("CARGO_BIN_EXE_buckler")));
    command
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Everything in a folder that is open to others, with its mode.
fn open_to_others(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if mode(&path) & 0o077 != 0 {
            found.push(format!("{} {:o}", path.display(), mode(&path)));
        }
    }
    found
}

/// I32.
#[tokio::test]
async fn second_server_on_a_folder_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display();
    let serve = || buckler(&format!("serve --listen 127.0.0.1:0 --data {data}"));
    let started = || {
        let process = serve().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut process, mut line) = (Killed(process), String::new());
        BufReader::new(process.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (process, line)
    };
    let (first, line) = started();
    assert!(line.starts_with("Buckler serves"), "{line}");
    let second = serve().output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        !second.status.success() && said.contains("another server uses the data folder"),
        "{said}"
    );
    assert!(open_to_others(folder.path()).is_empty(), "{:?}", open_to_others(folder.path()));
    drop(first);
    let (_third, line) = started();
    assert!(line.starts_with("Buckler serves"), "a server that was killed holds nothing: {line}");
}

/// Security 15a: these files contain addresses, password hashes and gate codes.
#[tokio::test]
async fn backup_export_and_database_are_private() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", serde_json::json!({})).await.1;
    owner.act(&incident, "cancel").await;
    let data = server.file().parent().unwrap().to_owned();
    assert!(open_to_others(&data).is_empty(), "{:?}", open_to_others(&data));
    // The mode that an older version left.
    fs::set_permissions(server.file(), PermissionsExt::from_mode(0o644)).unwrap();
    let checked =
        buckler(&format!("check --listen 127.0.0.1:1 --data {}", data.display())).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(!checked.status.success() && said.contains("others can read"), "{said}");
    let elsewhere = tempfile::tempdir().unwrap();
    let (copy, evidence) = (elsewhere.path().join("copy.db"), elsewhere.path().join("evidence"));
    // A link that somebody planted is not followed.
    let victim = elsewhere.path().join("victim");
    std::os::unix::fs::symlink(&victim, elsewhere.path().join("copy.db.part")).unwrap();
    for words in [
        format!("backup {} --data {}", copy.display(), data.display()),
        format!("export {} --data {}", evidence.display(), data.display()),
    ] {
        let output = buckler(&words).output().unwrap();
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!((mode(&copy), mode(&evidence), victim.exists()), (0o600, 0o700, false));
    assert!(open_to_others(&evidence).is_empty());
    let again = server.restart_after(std::time::Duration::ZERO).await;
    until("the server mends it", || async { (mode(&again.file()) == 0o600).then_some(()) }).await;
    let mut bytes = [0; 16];
    fs::File::open(&copy).unwrap().read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"SQLite format 3\0");
}

/// A copy of a key may be cut, or have other permissions.
#[tokio::test]
async fn check_names_keys_that_are_damaged_or_open_to_others() {
    let server = Server::start("30s").await;
    let data = server.file().parent().unwrap().to_owned();
    let keys = ["key", "evidence-key"].map(|name| data.join(name));
    let checked = || {
        let words = format!("check --listen 127.0.0.1:1 --data {}", data.display());
        String::from_utf8(buckler(&words).output().unwrap().stdout).unwrap()
    };
    assert!(!checked().contains("FAULT"), "keys are made when they are needed: {}", checked());
    for key in &keys {
        let name = key.display().to_string();
        fs::write(key, [7; 31]).unwrap();
        fs::set_permissions(key, PermissionsExt::from_mode(0o600)).unwrap();
        let said = checked();
        assert!(said.contains(&format!("{name} is no key of 32 bytes")), "{said}");
        fs::write(key, [7; 32]).unwrap();
        assert!(!checked().contains(&name), "{}", checked());
        fs::set_permissions(key, PermissionsExt::from_mode(0o644)).unwrap();
        let said = checked();
        assert!(said.contains(&format!("others can read {name}")), "{said}");
    }
    let _server = server.restart_after(std::time::Duration::ZERO).await;
    assert_eq!(keys.map(|key| mode(&key)), [0o600; 2], "the server mends that");
}
