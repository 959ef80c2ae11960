//! The home's incident in x-data: `J{"incident":"7b0f7f0e-7f66-4b8e-9d53-000000000001"}`. `J` is the
//! letter for JSON (DC-09-2026). A receiver that does not know it ignores it.

use super::Frame;
use crate::domain::id::IncidentId;
use serde::{Deserialize, Serialize};

/// The letter of JSON in x-data.
const JSON: char = 'J';
/// The longest JSON that is read, bytes. What is written has 51.
const JSON_MOST: usize = 256;

/// The members of the JSON that are known here.
#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(default)]
    incident: Option<IncidentId>,
}

/// Writes the x-data that names the sender's incident.
pub fn naming(incident: IncidentId) -> String {
    let json = serde_json::to_string(&Json { incident: Some(incident) });
    format!("{JSON}{}", json.expect("an id is a string"))
}

impl Frame {
    /// The sender's incident, if the frame names one. X-data that cannot be read names none.
    pub fn incident(&self) -> Option<IncidentId> {
        let json = self.extra(JSON).filter(|json| json.len() <= JSON_MOST)?;
        serde_json::from_str::<Json>(json).ok()?.incident
    }
}
