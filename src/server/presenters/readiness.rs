//! What a drill is told of a home that is not ready for an SOS.

use crate::{api::home::Ready, domain::readiness::CheckKind};

/// The checks that do not hold. Problems of devices and contacts who cannot be rung do not count,
/// because help comes without them.
pub fn missing(ready: &Ready) -> Vec<CheckKind> {
    let counts = |what: &CheckKind| !matches!(what, CheckKind::Devices | CheckKind::Ring);
    let failed = ready.checks.iter().filter(|check| !check.ok);
    failed.filter_map(|check| check.what.known()).filter(counts).collect()
}
