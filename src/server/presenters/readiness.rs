//! What a drill is told of a home that is not ready for an SOS.

use crate::{api::home::Ready, domain::readiness::CheckKind};

/// The checks that do not hold. Problems of devices do not count, because help comes without those
/// devices.
pub fn missing(ready: &Ready) -> Vec<CheckKind> {
    let counts = |what: &CheckKind| *what != CheckKind::Devices;
    let failed = ready.checks.iter().filter(|check| !check.ok);
    failed.filter_map(|check| check.what.known()).filter(counts).collect()
}
