//! The evidence of an incident: every fact with its time and actor, and with a hash over itself and
//! all facts before it, so that a fact cannot be removed or changed without changing every hash
//! after it. It contains no password and nothing that is for responders alone.

use super::{engine::Current, evidence_key::EvidenceKey, presenters::incident};
use crate::{
    api::{
        incident::Incident,
        path,
        timeline::{TimelineEntry, What},
    },
    domain::{
        id::IncidentId,
        incident::{
            self as core, CallOutcome, Report,
            disclosure::Audience,
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
};
use data_encoding::HEXLOWER;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};
use utoipa::ToSchema;

/// The size of the pieces in which a clip is read, bytes.
const PIECE: usize = 64 * 1024;
/// The style of the printed page.
const STYLE: &str = include_str!("../../style/evidence.css");

/// An incident as evidence.
#[derive(Debug, Serialize, ToSchema)]
pub struct Evidence {
    /// When the evidence was exported.
    #[schema(value_type = String)]
    pub exported_at: Timestamp,
    /// The incident at that time.
    pub incident: Incident,
    /// Everything that happened, in order.
    pub events: Vec<Fact>,
    /// The clip of the camera from whose Live View help was requested, if one is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
    /// The server's signature; absent if its key cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// The signature of a server on its evidence. It proves that the file is as this server wrote it,
/// to everybody who knows the server's public key from elsewhere. It proves neither that the
/// server's clock was right, nor that its administrator changed nothing before.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signature {
    /// `Ed25519` (RFC 8032).
    pub algorithm: &'static str,
    /// The public key, base64. `buckler evidence key` prints it, too.
    pub public_key: String,
    /// The signature, base64: over `buckler-evidence-1`, a line feed, and this evidence without
    /// `signature` as JSON, with sorted keys and without spaces.
    pub value: String,
}

/// The clip of a camera: from ten seconds before the press to thirty seconds after it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Clip {
    /// Its path: an MP4 file.
    pub path: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// A fact: one thing that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fact {
    /// Its number, from 1.
    pub seq: u32,
    /// When it happened, by the server's clock.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// The kind of event.
    pub what: What,
    /// Who did it.
    pub by: Option<String>,
    /// The event as a sentence.
    pub text: String,
    /// The fact as it is stored, without the hash of the verbal password and without what is for
    /// responders alone.
    #[schema(value_type = Object)]
    pub fact: serde_json::Value,
    /// SHA-256, in hex, over the hash of the fact before (64 zeros for the first) and the fact as
    /// JSON.
    pub hash: String,
}

impl Clip {
    /// Reads an incident's clip, in pieces. It blocks.
    ///
    /// # Errors
    /// The clip cannot be read.
    pub fn read(incident: IncidentId, file: &File) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(PIECE, file);
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        loop {
            let piece = reader.fill_buf()?;
            if piece.is_empty() {
                break;
            }
            hash.update(piece);
            let length = piece.len();
            bytes += length as u64;
            reader.consume(length);
        }
        Ok(Self {
            path: path::incident(incident, "clip"),
            bytes,
            sha256: HEXLOWER.encode(&hash.finalize()),
        })
    }
}

impl Evidence {
    /// Creates the evidence of an incident, as this audience may see it.
    pub fn of(
        current: &Current,
        now: Timestamp,
        center_phone: Option<&str>,
        clip: Option<Clip>,
        audience: Audience,
    ) -> Self {
        let incident =
            incident::present(&current.incident, &current.history, now, center_phone, audience);
        let events = facts(current, &incident.timeline, audience);
        Self { exported_at: now, incident, events, clip, signature: None }
    }

    /// Signs the evidence.
    pub fn signed(mut self, key: &EvidenceKey) -> Self {
        self.signature = None;
        let document = serde_json::to_value(&self).unwrap_or_default().to_string();
        let value = key.sign(document.as_bytes());
        self.signature = Some(Signature { algorithm: "Ed25519", public_key: key.public(), value });
        self
    }

    /// Formats JSON, for programs.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Formats a table (RFC 4180).
    pub fn csv(&self) -> String {
        let mut text = row(&["seq", "at", "what", "by", "text", "hash"]);
        for Fact { seq, at, what, by, text: said, hash, .. } in &self.events {
            text.push_str(&row(&[
                &seq.to_string(),
                &at.to_string(),
                &word(what),
                by.as_deref().unwrap_or_default(),
                said,
                hash,
            ]));
        }
        text
    }

    /// Formats a page to print. `alone` includes the style, for pages that no server serves.
    pub fn html(&self, alone: bool) -> String {
        let incident = &self.incident;
        let services: Vec<String> = incident.services.iter().map(word).collect();
        let facts = [
            ("Home", incident.home.to_string()),
            (
                "Address",
                incident.address.as_ref().map(|address| address.one_line()).unwrap_or_default(),
            ),
            ("Asked for", if services.is_empty() { "siren".into() } else { services.join(", ") }),
            ("Mode", word(&incident.mode)),
            ("State", word(&incident.state)),
            ("Begun by", incident.started_by.name.clone()),
            ("Countdown until", incident.deadline.to_string()),
            (
                "Camera’s clip",
                self.clip
                    .as_ref()
                    .map(|clip| format!("{} bytes, SHA-256 {}", clip.bytes, clip.sha256))
                    .unwrap_or_default(),
            ),
            ("Written", self.exported_at.to_string()),
        ];
        let facts = facts.iter().filter(|(_, value)| !value.is_empty());
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { "Incident " (incident.id) }
                    @if alone { style { (PreEscaped(STYLE)) } } @else { link rel="stylesheet" href="/evidence.css"; }
                }
                body {
                    main {
                        h1 { "Incident " (incident.id) }
                        dl { @for (name, value) in facts { dt { (name) } dd { (value) } } }
                        (self.table())
                        p {
                            "Each seal is the SHA-256 of the seal before it (64 zeros for the first) and the fact as JSON, as it stands in \
                             the JSON of this evidence: a line that is left out or changed changes every seal after it."
                        }
                        @if let Some(signature) = &self.signature {
                            p {
                                "The JSON of this evidence is signed by this server (Ed25519, public key " code { (signature.public_key) }
                                "). The signature proves that the file is as this server wrote it. It does not prove that the server’s \
                                 clock was right, or that nobody with access to the server changed anything before."
                            }
                        }
                    }
                }
            }
        };
        page.into_string()
    }

    /// The facts as a table of the page to print.
    fn table(&self) -> Markup {
        html! {
            table {
                thead { tr { th { "No." } th { "Time (UTC)" } th { "What happened" } th { "By" } th { "Seal" } } }
                tbody {
                    @for Fact { seq, at, by, text, hash, .. } in &self.events {
                        @let by = by.as_deref().unwrap_or_default();
                        tr { td { (seq) } td { time { (at) } } td { (text) } td { (by) } td { code { (hash) } } }
                    }
                }
            }
        }
    }
}

/// The outcome of the call, if the fact is the end of a call.
fn outcome(event: &Event) -> Option<CallOutcome> {
    match event {
        Event::CallEnded { outcome, .. } => Some(*outcome),
        Event::Reported { report, .. } => match report {
            Report::Called { outcome, .. } => Some(*outcome),
            Report::Unnamed { said } => match **said {
                Report::Called { outcome, .. } => Some(outcome),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The fact as JSON, without what this audience may not see.
fn shown(incident: &core::Incident, recorded: &Recorded, audience: Audience) -> serde_json::Value {
    let mut fact = serde_json::to_value(recorded).unwrap_or_default();
    if let Some(snapshot) = fact.get_mut("snapshot").and_then(serde_json::Value::as_object_mut) {
        snapshot.remove("verbal_password");
        snapshot.remove("notes");
    }
    if outcome(&recorded.event).is_some_and(|outcome| audience.outcome(incident, outcome).is_none())
    {
        for place in ["", "/report", "/report/said"] {
            fact.pointer_mut(place)
                .and_then(serde_json::Value::as_object_mut)
                .and_then(|fields| fields.remove("outcome"));
        }
    }
    fact
}

fn facts(
    Current { incident, history }: &Current,
    told: &[TimelineEntry],
    audience: Audience,
) -> Vec<Fact> {
    let mut before = "0".repeat(64);
    let fact = |(recorded, line): (&Recorded, &TimelineEntry)| {
        let fact = shown(incident, recorded, audience);
        let mut hash = Sha256::new();
        hash.update(&before);
        hash.update(fact.to_string());
        before = HEXLOWER.encode(&hash.finalize());
        let TimelineEntry { seq, at, what, by, text } = line.clone();
        Fact { seq, at, what, by, text, fact, hash: before.clone() }
    };
    history.iter().zip(told).map(fact).collect()
}

/// A value as the API writes it.
pub fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// A row of a table (RFC 4180). A cell that a spreadsheet would read as a formula gets a quote
/// before it.
pub fn row(cells: &[&str]) -> String {
    let quoted = |cell: &&str| {
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        assert_eq!(row(&["=1+1", "a \"b\""]), "\"'=1+1\",\"a \"\"b\"\"\"\r\n");
    }
}
