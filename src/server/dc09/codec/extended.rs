//! The home's incident and request in x-data: `J{"incident":"7b0f7f0e-7f66-4b8e-9d53-000000000001",
//! "request":"0b7d1c7e-38a1-8f42-b9a0-5f0e6d3c2b1a"}`. `J` is the letter for JSON (DC-09-2026). A
//! receiver that does not know it ignores it.

use super::Frame;
use crate::domain::id::IncidentId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The letter of JSON in x-data.
const JSON: char = 'J';
/// The longest JSON that is read, bytes. What is written has 101.
const JSON_MOST: usize = 256;

/// The members of the JSON that are known here.
#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(default)]
    incident: Option<IncidentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Uuid>,
}

/// Writes the x-data that names the sender's incident, and what the message asks for, which is alike
/// in every retry.
pub fn naming(incident: IncidentId, request: Option<Uuid>) -> String {
    let json = serde_json::to_string(&Json { incident: Some(incident), request });
    format!("{JSON}{}", json.expect("ids are strings"))
}

/// The id that stands for these words.
pub fn named_uuid(words: &str) -> Uuid {
    let sum = Sha256::digest(words);
    let (bits, _) = sum.split_first_chunk().expect("a sum has 32 bytes");
    uuid::Builder::from_custom_bytes(*bits).into_uuid()
}

impl Frame {
    /// The sender's incident, if the frame names one. X-data that cannot be read names none.
    pub fn incident(&self) -> Option<IncidentId> {
        self.json()?.incident
    }

    /// What the sender asks for, if the frame names it: retries of the same alarm name the same.
    pub fn request(&self) -> Option<Uuid> {
        self.json()?.request
    }

    fn json(&self) -> Option<Json> {
        let json = self.extra(JSON).filter(|json| json.len() <= JSON_MOST)?;
        serde_json::from_str(json).ok()
    }
}
