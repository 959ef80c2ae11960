//! The command line: reads what is asked, starts it, and says in a sentence why it does not start.

use super::{
    config::{Config, Options},
    http::Assets,
    run,
};
use clap::{Parser, Subcommand};
use std::{error::Error, process::ExitCode};
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
}

/// Runs the program.
pub fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BUCKLER_LOG").unwrap_or_else(|_| "info,sqlx=warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let Command::Serve { options, print_config } = Arguments::parse().command;
    match serve(options, print_config) {
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
