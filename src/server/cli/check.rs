//! `buckler check`: checks everything that a server needs without changing anything, and prints its
//! findings, one line each.

use crate::server::{
    Finding, cameras,
    clock::{Machine, TimeSource},
    config::Config,
    dc09::transmitter,
    evidence_key, mqtt, private,
    store::sqlite::{self, DATABASE},
    webhooks,
};
use reqwest::Client;
use std::{io, net::SocketAddr, path::Path, time::Duration};

/// The timeout of a request to a running server.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Less free space than this is a fault, bytes.
const SPACE_LEAST: u64 = 64 << 20;
/// The length of each of the server's own keys.
const KEY_BYTES: usize = 32;

/// Checks everything and prints the findings. Returns whether all of them are good.
pub async fn check(config: &Config) -> bool {
    let mut findings = folder(&config.data);
    findings.push(clock().await);
    findings.extend(database(&config.data.join(DATABASE)).await);
    if let Some(settings) = &config.mqtt {
        findings.extend(mqtt::probe(settings).await);
    }
    if let Some(settings) = &config.center.receiver {
        findings.extend(transmitter::probe(settings).await);
    }
    findings.extend(webhooks::probe(&config.webhooks).await);
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
    let keys = [cameras::KEY, evidence_key::FILE].map(|name| folder.join(name));
    findings.extend(keys.iter().filter_map(|file| key(file)));
    let names = private::database_files(&folder.join(DATABASE)).into_iter().chain(keys);
    findings.extend(names.filter(|file| private::is_open_to_others(file)).map(|file| {
        (
            false,
            format!(
                "folder: others can read {}; starting the server mends that, or chmod 600",
                file.display()
            ),
        )
    }));
    findings.extend(
        private::free_space(folder)
            .map(|free| (free >= SPACE_LEAST, format!("disk: {} MB free", free >> 20))),
    );
    findings
}

/// A clock that nobody can judge is no fault, because a container cannot ask.
async fn clock() -> Finding {
    match Machine.is_synchronized().await {
        Some(true) => (true, "clock: synchronized with a time server".into()),
        Some(false) => (
            false,
            "clock: not synchronized with a time server; after a power cut nobody knows how late an emergency is".into(),
        ),
        None => (true, "clock: nobody can tell whether it is synchronized".into()),
    }
}

/// The fault of a key file, if it has one. A key that is missing is made when it is needed.
fn key(file: &Path) -> Option<Finding> {
    let name = file.display();
    match std::fs::read(file) {
        Ok(key) if key.len() == KEY_BYTES => None,
        Ok(_) => Some((
            false,
            format!("folder: {name} is no key of {KEY_BYTES} bytes; restore it from a backup"),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some((false, format!("folder: {name} cannot be read: {error}"))),
    }
}

async fn database(file: &Path) -> Vec<Finding> {
    if !file.exists() {
        return vec![(true, "database: none yet; the first start makes it".into())];
    }
    match sqlite::inspect(file).await {
        Ok(found) => {
            found.into_iter().map(|(good, text)| (good, format!("database: {text}"))).collect()
        }
        Err(error) => {
            let because = std::error::Error::source(&error)
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            vec![(false, format!("database: {error}{because}"))]
        }
    }
}

/// A server that does not run is no fault, because it may be about to start.
async fn server(config: &Config) -> Finding {
    let listen = config.listen;
    match ask(config).await {
        Ok(answer) => (
            answer.starts_with("ready"),
            format!("server: {}", answer.trim_end().replace('\n', "; ")),
        ),
        Err(error) if error.is_connect() && !error.is_timeout() => {
            (true, format!("server: nobody serves {listen}"))
        }
        Err(_) => (false, format!("server: {listen} does not answer")),
    }
}

/// Asks whether the server is ready: where it gives names, or else where the app is.
async fn ask(config: &Config) -> reqwest::Result<String> {
    if let Some(address) = config.metrics_listen
        && let Ok(answer) = readyz("http", address).await
    {
        return Ok(answer);
    }
    readyz(if config.tls.is_some() { "https" } else { "http" }, config.listen).await
}

async fn readyz(scheme: &str, address: SocketAddr) -> reqwest::Result<String> {
    // The certificate is for the public name, not for this address, and the answer is no secret.
    let client = Client::builder()
        .no_proxy()
        .timeout(ANSWER_WITHIN)
        .tls_danger_accept_invalid_certs(true)
        .build()?;
    client.get(format!("{scheme}://{address}/readyz")).send().await?.text().await
}
