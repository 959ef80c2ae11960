//! The command line: parses the arguments, runs the command, and prints why it failed.

mod check;
mod export;
pub mod user;

use super::{
    StartError,
    clock::{Machine, TimeSource},
    config::{Config, Options},
    evidence_key::EvidenceKey,
    http::{Assets, Bundle},
    run::{lock, run},
    store::sqlite::{self, DATABASE, backup},
    tasks::spawn_contained,
};
use check::check;
use clap::{Parser, Subcommand, ValueEnum};
use export::{ExportOptions, Exported};
use rustix::termios::{LocalModes, OptionalActions};
use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing_appender::non_blocking::WorkerGuard;
use user::User;

/// How long blocking threads may take to finish when the server exits. A hung thread must not
/// prevent a restart.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// The open SOS button of a home
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// What log lines look like
    #[arg(
        long,
        global = true,
        env = "BUCKLER_LOG_FORMAT",
        value_enum,
        default_value_t = LogFormat::Text,
    )]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the app and keeps the incidents
    Serve {
        #[command(flatten)]
        options: Options,
        /// Print the effective configuration and exit
        #[arg(long)]
        print_config: bool,
    },
    /// Checks configuration, folder, database and server without changing anything; fails if
    /// something is wrong
    Check {
        #[command(flatten)]
        options: Options,
    },
    /// Manages accounts: who may sign in, with which password, and with which role in which home
    User {
        #[command(subcommand)]
        user: User,
        /// The server's data folder
        #[arg(long, global = true, env = "BUCKLER_DATA", default_value = "data")]
        data: PathBuf,
    },
    /// Audit records: who did what
    Audit {
        #[command(subcommand)]
        audit: Audit,
        /// The server's data folder
        #[arg(long, global = true, env = "BUCKLER_DATA", default_value = "data")]
        data: PathBuf,
    },
    /// Writes incidents as evidence, one file each, also while a server runs
    Export {
        #[command(flatten)]
        asked: ExportOptions,
        /// The server's data folder
        #[arg(long, env = "BUCKLER_DATA", default_value = "data")]
        data: PathBuf,
    },
    /// Evidence: the key that signs it
    Evidence {
        #[command(subcommand)]
        evidence: Evidence,
        /// The server's data folder
        #[arg(long, global = true, env = "BUCKLER_DATA", default_value = "data")]
        data: PathBuf,
    },
    /// Copies the database into a new file, also while a server runs
    Backup {
        /// The new file; `buckler restore` puts it back
        file: PathBuf,
        /// The server's data folder
        #[arg(long, env = "BUCKLER_DATA", default_value = "data")]
        data: PathBuf,
    },
    /// Puts a backup back in the place of the database, which is kept under another name. Fails
    /// while a server runs. Incidents that ran in the backup wait for a person
    Restore {
        /// A file that `buckler backup` made
        backup: PathBuf,
        /// The server's data folder
        #[arg(long, env = "BUCKLER_DATA", default_value = "data")]
        data: PathBuf,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Verifies that every record is as it was written, also while a server runs; fails if one is
    /// not
    Verify {
        /// The hash of the last record at an earlier time: fails if no record has it any more
        #[arg(long)]
        expect: Option<String>,
    },
}

#[derive(Subcommand)]
enum Evidence {
    /// Prints the public key, base64; keep it elsewhere, so that a file can be checked against it
    Key,
}

/// Runs the command line. `bundle`: the files of the app, if the binary carries them.
pub fn main(bundle: Option<Bundle>) -> ExitCode {
    // The files that this program writes are private to its user, because they contain addresses,
    // password hashes and gate codes.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let Arguments { command, log_format } = Arguments::parse();
    let _last_lines = log(log_format);
    let done = match command {
        Command::Serve { options, print_config } => {
            serve(options, print_config, bundle.map_or_else(Assets::of_last_build, Assets::Bundled))
        }
        Command::Check { options } => match check_config(options) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Audit { audit: Audit::Verify { expect }, data } => {
            verify(&data, expect.as_deref())
        }
        Command::Evidence { evidence: Evidence::Key, data } => print_key(&data),
        Command::Backup { file, data } => copy(&data, &file),
        Command::Restore { backup, data } => put_back(&data, &backup),
        Command::Export { asked, data } => write_evidence(&asked, &data),
        Command::User { user, data } => people(user, &data),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("buckler: {}", explained(&*error));
            exit_code(&*error)
        }
    }
}

/// The error, with a line for each cause that the line above does not say already.
fn explained(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut text = line.clone();
    let mut next = error.source();
    while let Some(cause) = next {
        let because = cause.to_string();
        if !line.ends_with(&because) {
            text += &format!("\n  because: {because}");
            line = because;
        }
        next = cause.source();
    }
    text
}

/// `EX_SOFTWARE` of sysexits.h if a part of the server failed while it ran, so that a supervisor
/// such as systemd restarts it.
fn exit_code(error: &(dyn Error + 'static)) -> ExitCode {
    match error.downcast_ref() {
        Some(StartError::Task(_)) => ExitCode::from(70),
        _ => ExitCode::FAILURE,
    }
}

fn print_key(data: &Path) -> Result<(), Box<dyn Error>> {
    if !data.join(DATABASE).exists() {
        return Err(format!("there is no server's data in {}", data.display()).into());
    }
    let key = EvidenceKey::of(data).map_err(|error| {
        format!("cannot use the key for evidence in {}: {error}", data.display())
    })?;
    println!("{}", key.public());
    Ok(())
}

/// A separate thread writes log lines, so that a slow reader of the log does not block the event
/// loop. Lines are dropped when its queue is full. The guard writes the last lines when it is
/// dropped.
fn log(format: LogFormat) -> WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let filter = tracing_subscriber::EnvFilter::try_from_env("BUCKLER_LOG")
        .unwrap_or_else(|_| "info,sqlx=warn".into());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    guard
}

#[tokio::main]
async fn check_config(options: Options) -> Result<bool, Box<dyn Error>> {
    Ok(check(&Config::new(options)?).await)
}

fn serve(options: Options, print_config: bool, assets: Assets) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve_until_stopped(options, print_config, assets));
    runtime.shutdown_timeout(LAST_MOMENT);
    served
}

async fn serve_until_stopped(
    options: Options,
    print_config: bool,
    assets: Assets,
) -> Result<(), Box<dyn Error>> {
    let config = Config::new(options)?;
    if print_config {
        print!("{}", config.to_toml()?);
        return Ok(());
    }
    let (stopper, stop) = watch::channel(false);
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    spawn_contained("signals", "stop", async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        let _ = stopper.send(true);
        // Keeps the sender alive, so that receivers see the stop and not a closed channel.
        std::future::pending::<()>().await;
    });
    run(config, assets, stop).await?;
    Ok(())
}

#[tokio::main]
async fn people(asked: User, data: &Path) -> Result<(), Box<dyn Error>> {
    print!("{}", user::run(asked, data, new_password).await?);
    Ok(())
}

/// Reads one line from standard input, without echo on a terminal.
fn new_password() -> io::Result<String> {
    let input = io::stdin();
    let shown = rustix::termios::tcgetattr(&input).ok();
    if let Some(shown) = &shown {
        eprint!("New password: ");
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        rustix::termios::tcsetattr(&input, OptionalActions::Flush, &hidden)?;
    }
    let mut line = String::new();
    let read = input.read_line(&mut line);
    if let Some(shown) = &shown {
        rustix::termios::tcsetattr(&input, OptionalActions::Flush, shown)?;
        eprintln!();
    }
    read.map(|_| line.trim_end_matches(['\r', '\n']).to_owned())
}

#[tokio::main]
async fn verify(data: &Path, expect: Option<&str>) -> Result<(), Box<dyn Error>> {
    let file = is_there(data)?;
    match sqlite::verify(&file, expect).await? {
        sqlite::Verdict::Broken(what) => Err(format!("the audit was tampered with: {what}").into()),
        whole @ sqlite::Verdict::Whole { .. } => {
            println!("{whole}");
            Ok(())
        }
    }
}

#[tokio::main]
async fn write_evidence(asked: &ExportOptions, data: &Path) -> Result<(), Box<dyn Error>> {
    is_there(data)?;
    let Exported { text, unreadable } = export::run(asked, data).await?;
    print!("{text}");
    if unreadable.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} more cannot be read, and are not there:\n{}",
        unreadable.len(),
        unreadable.join("\n")
    )
    .into())
}

/// The folder has no database.
#[derive(Debug, thiserror::Error)]
#[error("there is no database in {}: give the server's folder with --data", folder.display())]
struct NoDatabase {
    folder: PathBuf,
}

/// Returns the database file in a folder, if it exists.
fn is_there(data: &Path) -> Result<PathBuf, NoDatabase> {
    let file = data.join(DATABASE);
    file.exists().then_some(file).ok_or_else(|| NoDatabase { folder: data.into() })
}

#[tokio::main]
async fn copy(data: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    backup(&data.join(DATABASE), file).await?;
    println!("The database is in {}.", file.display());
    Ok(())
}

#[tokio::main]
async fn put_back(data: &Path, backup: &Path) -> Result<(), Box<dyn Error>> {
    let _lock = lock(data)?;
    let before = sqlite::restore(backup, data, Machine.wall()).await?;
    println!("The backup is the database of {} now.", data.display());
    if let Some(before) = before {
        println!("The database before is in {}.", before.display());
    }
    println!(
        "The next start carries out nothing that was left, and incidents that ran wait for a person."
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{store::StoreError, tasks::TaskFailed};
    use std::sync::Arc;

    #[test]
    fn cause_is_said_once() {
        let source = || io::Error::other("planted");
        let said = explained(&StartError::Folder { folder: "data".into(), source: source() });
        assert_eq!(said, "cannot use the data folder data: planted");
        let source = Arc::new(sqlx::Error::Io(source()));
        let said = explained(&StoreError::Database { operation: "read", source: source.clone() });
        assert_eq!(said, format!("cannot read\n  because: {source}"));
    }

    #[test]
    fn failed_task_ends_the_process_with_70() {
        let failed =
            StartError::Task(TaskFailed { task: "engine", how: "panicked: planted".into() });
        assert_eq!(exit_code(&failed), ExitCode::from(70));
        assert_eq!(exit_code(&StartError::InUse { folder: "data".into() }), ExitCode::FAILURE);
    }
}
