//! The command line: reads what is asked, starts it, and says in a sentence why it does not start.

use super::{
    config::{Config, Options},
    http::Assets,
    run,
    store::sqlite::{DATABASE, backup},
};
use clap::{Parser, Subcommand};
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// The open SOS button of a home
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
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
    /// Copies everything that is kept into a new file, also while a server runs
    Backup {
        /// The new file; to restore it, stop the server and put it into the data folder as buckler.db
        file: PathBuf,
        /// The server's data folder
        #[arg(long, env = "BUCKLER_DATA", default_value = "data")]
        data: PathBuf,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BUCKLER_LOG").unwrap_or_else(|_| "info,sqlx=warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done = match Arguments::parse().command {
        Command::Serve { options, print_config } => serve(options, print_config),
        Command::Backup { file, data } => copy(&data, &file),
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
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(options: Options, print_config: bool) -> Result<(), Box<dyn Error>> {
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
async fn copy(data: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    backup(&data.join(DATABASE), file).await?;
    println!("Everything is in {}.", file.display());
    Ok(())
}
