//! Evidence from the command line: a file for each incident. Works while a server runs, too.

use crate::domain::{
    id::{HomeId, IncidentId},
    incident::disclosure::Audience,
    time::Timestamp,
};
use crate::server::{
    cameras::Clips,
    clock::{Machine, TimeSource},
    engine::Current,
    evidence::{Clip, Evidence},
    evidence_key::EvidenceKey,
    private,
    store::{
        StoreError, Stored,
        sqlite::{DATABASE, Wanted, each},
    },
};
use clap::{Args, ValueEnum};
use std::{
    error::Error,
    io::{self, Seek},
    path::{Path, PathBuf},
};

/// The arguments of `buckler export`.
#[derive(Args, Debug)]
pub struct ExportOptions {
    /// The folder for the files; created if needed. No file in it is overwritten
    folder: PathBuf,
    /// Only this incident
    #[arg(long)]
    incident: Option<IncidentId>,
    /// Only incidents of this home, by its short name
    #[arg(long)]
    home: Option<HomeId>,
    /// Only incidents that began on this day or later, such as 2026-11-26
    #[arg(long, value_parser = day)]
    since: Option<Timestamp>,
    /// The format of the files
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// Everything, with each fact and its seal
    Json,
    /// A table
    Csv,
    /// A page to print
    Html,
}

/// Why incidents are not exported.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("give a day as 2026-11-26")]
    NotADay,
    #[error("cannot make {}: {source}", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", file.display())]
    Write { file: PathBuf, source: io::Error },
}

fn day(text: &str) -> Result<Timestamp, ExportError> {
    format!("{text}T00:00:00Z").parse().map_err(|_| ExportError::NotADay)
}

/// What was exported.
pub struct Exported {
    /// The last hash of each incident, and their number.
    pub text: String,
    /// The incidents that cannot be read, each with the reason.
    pub unreadable: Vec<String>,
}

/// Writes the files. An incident that cannot be read keeps no other from being exported.
///
/// # Errors
/// The incidents cannot be listed, or a file exists already or cannot be written.
pub async fn run(asked: &ExportOptions, data: &Path) -> Result<Exported, Box<dyn Error>> {
    let ExportOptions { folder, incident, home, since, format } = asked;
    private::folder(folder)
        .map_err(|source| ExportError::Folder { folder: folder.clone(), source })?;
    let key = EvidenceKey::of(data)
        .inspect_err(|error| {
            eprintln!(
                "The files are not signed: cannot use the key for evidence in {}: {error}",
                data.display()
            )
        })
        .ok();
    let (clips, now) = (Clips::new(data), Machine.wall());
    let wanted = Wanted { incident: *incident, home: home.clone(), since: *since };
    let (mut text, mut count, mut unreadable) = (String::new(), 0, Vec::new());
    let write = |id: &str, stored: Result<Stored, StoreError>| -> Result<(), Box<dyn Error>> {
        let current = match stored.and_then(Current::load) {
            Ok(current) => current,
            Err(error) => {
                unreadable.push(format!("{id}: {error}"));
                return Ok(());
            }
        };
        let id = current.incident.id;
        // Opened once, because a running server may delete a clip that is too old.
        let mut film = clips.open(&current.incident).ok();
        let clip = film.as_ref().map(|film| Clip::read(id, film)).transpose()?;
        let evidence = Evidence::of(&current, now, None, clip, Audience::Center);
        let evidence = if let Some(key) = &key { evidence.signed(key) } else { evidence };
        let (ending, document) = match format {
            Form::Json => ("json", evidence.json()),
            Form::Csv => ("csv", evidence.csv()),
            Form::Html => ("html", evidence.html(true)),
        };
        new_file(&folder.join(format!("buckler-{id}.{ending}")), &mut document.as_bytes())?;
        if let Some(film) = &mut film {
            film.rewind()?;
            new_file(&folder.join(format!("buckler-{id}.mp4")), film)?;
        }
        count += 1;
        text += &format!(
            "{id} {}\n",
            evidence.events.last().map(|fact| fact.hash.as_str()).unwrap_or_default()
        );
        Ok(())
    };
    each(&data.join(DATABASE), &wanted, write).await?;
    text += &format!("{count} incidents are in {}.\n", folder.display());
    Ok(Exported { text, unreadable })
}

fn new_file(path: &Path, from: &mut impl io::Read) -> Result<(), ExportError> {
    let failed = |source| ExportError::Write { file: path.into(), source };
    let mut file = private::new_file(path).map_err(failed)?;
    io::copy(from, &mut file).and_then(|_| file.sync_all()).map_err(failed)
}
