//! `buckler check`: looks at everything that a server needs, changes nothing, and says what it found, one line each.

use super::{
    cameras,
    center::receiver,
    config::Config,
    devices::mqtt,
    notify::webhooks,
    private,
    store::sqlite::{self, DATABASE},
};
use std::{path::Path, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a server may take to say how it is.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Less free space than this is a fault, bytes.
const SPACE_LEAST: u64 = 64 << 20;

/// What was found, and whether it is good.
pub type Finding = (bool, String);

/// Looks, and prints. Whether all is well.
pub async fn check(config: &Config) -> bool {
    let mut findings = folder(&config.data);
    findings.extend(database(&config.data.join(DATABASE)).await);
    if let Some(settings) = &config.mqtt {
        findings.extend(mqtt::look(settings).await);
    }
    if let Some(settings) = &config.center.receiver {
        findings.extend(receiver::look(settings).await);
    }
    findings.extend(webhooks::look(&config.webhooks).await);
    findings.push(server(config).await);
    for (good, text) in &findings {
        println!("{}  {text}", if *good { "ok   " } else { "FAULT" });
    }
    findings.iter().all(|(good, _)| *good)
}

fn folder(folder: &Path) -> Vec<Finding> {
    let name = folder.display();
    if !folder.exists() {
        return vec![(true, format!("folder: {name} is not there yet; the first start makes it"))];
    }
    use rustix::fs::{Access, access};
    let may = access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK);
    let mut findings = vec![match may {
        Ok(()) => (true, format!("folder: {name} can be read and written")),
        Err(error) => (false, format!("folder: {name} cannot be used by this user: {error}")),
    }];
    let names = private::database_files(&folder.join(DATABASE)).into_iter().chain([folder.join(cameras::KEY)]);
    findings.extend(
        names
            .filter(|file| private::is_open_to_others(file))
            .map(|file| (false, format!("folder: others can read {}; starting the server mends that, or chmod 600", file.display()))),
    );
    findings.extend(free_space(folder).map(|free| (free >= SPACE_LEAST, format!("disk: {} MB free", free >> 20))));
    findings
}

async fn database(file: &Path) -> Vec<Finding> {
    if !file.exists() {
        return vec![(true, "database: none yet; the first start makes it".into())];
    }
    match sqlite::inspect(file).await {
        Ok(found) => found.into_iter().map(|(good, text)| (good, format!("database: {text}"))).collect(),
        Err(error) => {
            let because = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            vec![(false, format!("database: {error}{because}"))]
        }
    }
}

/// A server that does not run is no fault: it may be about to be started.
async fn server(config: &Config) -> Finding {
    match timeout(ANSWER_WITHIN, ask(config)).await {
        Ok(Ok(answer)) => (answer.starts_with("ready"), format!("server: {}", answer.trim_end().replace('\n', "; "))),
        Ok(Err(_)) => (true, format!("server: nobody serves {}", config.listen)),
        Err(_) => (false, format!("server: {} does not answer", config.listen)),
    }
}

async fn ask(config: &Config) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(config.listen).await?;
    socket.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or(answer))
}

/// What the folder's disk has left for this user, bytes.
pub(super) fn free_space(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail * disk.f_frsize)
}
