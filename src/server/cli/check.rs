//! `buckler check`: checks everything that a server needs without changing anything, and prints its findings, one line each.

use crate::server::{
    Finding, cameras,
    config::Config,
    dc09::transmitter,
    mqtt, private,
    store::sqlite::{self, DATABASE},
    webhooks,
};
use std::{path::Path, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The timeout of a request to a running server.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Less free space than this is a fault, bytes.
const SPACE_LEAST: u64 = 64 << 20;

/// Checks everything and prints the findings. Returns whether all of them are good.
pub async fn check(config: &Config) -> bool {
    let mut findings = folder(&config.data);
    findings.extend(database(&config.data.join(DATABASE)).await);
    if let Some(settings) = &config.mqtt {
        findings.extend(mqtt::probe(settings).await);
    }
    if let Some(settings) = &config.center.receiver {
        findings.extend(transmitter::probe(settings).await);
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
    findings.extend(private::free_space(folder).map(|free| (free >= SPACE_LEAST, format!("disk: {} MB free", free >> 20))));
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

/// A server that does not run is no fault, because it may be about to start.
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
