//! Audit records: who did what to an account, a home or the monitoring center.

use super::heard::Heard;
pub use crate::domain::audit::AuditAction;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An audit record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// The number of the record. The numbers of all records of the server have no gaps.
    pub number: u64,
    /// When the action happened.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// The action.
    #[schema(value_type = AuditAction)]
    pub what: Heard<AuditAction>,
    /// The name of the person who did it; `null` if unknown.
    pub who: Option<String>,
    /// The network address that the request came from; `null` if unknown.
    pub address: Option<String>,
    /// What the record concerns, such as the fields that changed: the keys of `detail`.
    pub about: Vec<String>,
    /// The details as JSON, such as the values before and after a change. They contain no secrets.
    pub detail: String,
}
