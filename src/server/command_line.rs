//! The command line: reads what is asked, starts it, and says in a sentence why it does not start.

use super::{
    StartError,
    check::check,
    config::{Config, Options},
    export::{self, ExportOptions},
    http::Assets,
    run,
    store::sqlite::{self, DATABASE, backup},
    user::{self, User},
};
use clap::{Parser, Subcommand, ValueEnum};
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

/// Blocking threads get this long to finish when the server exits: a hung one must not prevent its restart.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// The open SOS button of a home
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// What log lines look like
    #[arg(long, global = true, env = "BUCKLER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the app and keeps the incidents
    Serve {
        #[command(flatten)]
        options: Options,
        /// Print the effective configuration and stop
        #[arg(long)]
        print_config: bool,
    },
    /// Looks at configuration, folder, database and server, and changes nothing; fails if something is wrong
    Check {
        #[command(flatten)]
        options: Options,
    },
    /// Accounts: who may sign in, with which password, and what they are to which home
    User {
        #[command(subcommand)]
        user: User,
        /// The server's data folder
        #[arg(long, global = true, env = "BUCKLER_DATA", default_value = "data")]
        data: PathBuf,
    },
    /// The audit: who did what
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
    /// Copies everything that is kept into a new file, also while a server runs
    Backup {
        /// The new file; to restore it, stop the server and put it into the data folder as buckler.db
        file: PathBuf,
        /// The server's data folder
        #[arg(long, env = "BUCKLER_DATA", default_value = "data")]
        data: PathBuf,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Looks whether every record is as it was written, also while a server runs; fails if one is not
    Verify {
        /// The hash that the last record had at an earlier time: fails if no record has it any more
        #[arg(long)]
        expect: Option<String>,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    // Whatever this program writes is for its user alone: addresses, hashes of passwords, gate codes.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let Arguments { command, log_format } = Arguments::parse();
    let _last_lines = log(log_format);
    let done = match command {
        Command::Serve { options, print_config } => serve(options, print_config),
        Command::Check { options } => match look(options) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Audit { audit: Audit::Verify { expect }, data } => verify(&data, expect.as_deref()),
        Command::Backup { file, data } => copy(&data, &file),
        Command::Export { asked, data } => write_evidence(&asked, &data),
        Command::User { user, data } => people(user, &data),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("buckler: {error}");
            let mut cause = error.source();
            while let Some(because) = cause {
                eprintln!("  because: {because}");
                cause = because.source();
            }
            exit_code(&*error)
        }
    }
}

/// `EX_SOFTWARE` of sysexits.h where a part of the server failed while it ran: a supervisor such as systemd starts it again.
fn exit_code(error: &(dyn Error + 'static)) -> ExitCode {
    match error.downcast_ref() {
        Some(StartError::Task(_)) => ExitCode::from(70),
        _ => ExitCode::FAILURE,
    }
}

/// Log lines are written by a thread of their own: whoever reads them slowly must not hold the loop up. Lines that find no room are
/// left out. The guard writes the last ones when it is dropped.
fn log(format: LogFormat) -> WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let filter = tracing_subscriber::EnvFilter::try_from_env("BUCKLER_LOG").unwrap_or_else(|_| "info,sqlx=warn".into());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    guard
}

#[tokio::main]
async fn look(options: Options) -> Result<bool, Box<dyn Error>> {
    Ok(check(&Config::new(options)?).await)
}

fn serve(options: Options, print_config: bool) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve_until_stopped(options, print_config));
    runtime.shutdown_timeout(LAST_MOMENT);
    served
}

async fn serve_until_stopped(options: Options, print_config: bool) -> Result<(), Box<dyn Error>> {
    let config = Config::new(options)?;
    if print_config {
        print!("{config}");
        return Ok(());
    }
    let (stopper, stop) = watch::channel(false);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        let _ = stopper.send(true);
        // Kept, so that whoever waits sees the stop and not a sender that is gone.
        std::future::pending::<()>().await;
    });
    run(config, Assets::of_this_build(), stop).await?;
    Ok(())
}

#[tokio::main]
async fn people(asked: User, data: &Path) -> Result<(), Box<dyn Error>> {
    print!("{}", user::run(asked, data, new_password).await?);
    Ok(())
}

/// One line of standard input; what is typed on a terminal is not shown.
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
    print!("{}", export::run(asked, data).await?);
    Ok(())
}

/// Whether there is a database in a folder.
fn is_there(data: &Path) -> Result<PathBuf, String> {
    let file = data.join(DATABASE);
    let missing = || format!("there is no database in {}: give the server's folder with --data", data.display());
    file.exists().then_some(file).ok_or_else(missing)
}

#[tokio::main]
async fn copy(data: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    backup(&data.join(DATABASE), file).await?;
    println!("Everything is in {}.", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tasks::TaskFailed;

    #[test]
    fn failed_task_ends_the_process_with_70() {
        let failed = StartError::Task(TaskFailed { task: "engine", how: "panicked: planted".into() });
        assert_eq!(exit_code(&failed), ExitCode::from(70));
        assert_eq!(exit_code(&StartError::InUse { folder: "data".into() }), ExitCode::FAILURE);
    }
}
