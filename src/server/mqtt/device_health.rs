//! Monitors the devices behind the broker: low batteries, devices that were not heard for too long,
//! tampering. A new problem gets an audit record in the home's log, and every member of the home
//! sees it.

use super::{Diagnostics, MqttDevices};
use crate::{
    api::audit::AuditAction,
    domain::{device::DeviceFault, home::Home, id::HomeId},
    server::{
        clock::Clock,
        homes::Homes,
        live_events::LiveEvents,
        store::{AuditEntry, Change, ChangeError, Changes},
        tasks::contained,
    },
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How often devices are checked. Nothing here is urgent: an emergency itself reports at once that
/// a siren does not answer.
const EVERY: Duration = Duration::from_secs(5);

/// The reported problems of each device, by home and name.
type ReportedFaults = BTreeMap<(HomeId, String), Vec<DeviceFault>>;

/// What the check of devices uses.
pub struct Monitor {
    /// The devices.
    pub broker: Arc<MqttDevices>,
    /// The homes.
    pub homes: Arc<Homes>,
    /// Records new problems.
    pub changes: Changes,
    /// The clock.
    pub clock: Arc<Clock>,
    /// Is told of new problems.
    pub live_events: Arc<LiveEvents>,
}

/// Checks all devices repeatedly, until the server stops.
pub async fn monitor(monitor: Monitor, mut stop: watch::Receiver<bool>) {
    let mut reported = ReportedFaults::new();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        for id in monitor.broker.homes() {
            contained("health of devices", &id, check(&monitor, &id, &mut reported)).await;
        }
    }
}

/// Checks the devices of a home.
async fn check(monitor: &Monitor, id: &HomeId, reported: &mut ReportedFaults) {
    let Some(home) = monitor.homes.get(id) else { return };
    for diagnostics in monitor.broker.diagnostics(id) {
        // A record that could not be stored is tried again at the next check.
        if let Err(error) = record(monitor, &home, diagnostics, reported).await {
            tracing::error!(home = %id, %error, "could not store the problems of a device");
        }
    }
}

async fn record(
    monitor: &Monitor,
    home: &Home,
    Diagnostics { who, faults, .. }: Diagnostics,
    reported: &mut ReportedFaults,
) -> Result<(), ChangeError> {
    let name = match &who {
        Ok(device) => home.name_of(device).unwrap_or(device.as_str()).to_owned(),
        Err(button) => button.clone(),
    };
    let key = (home.id.clone(), name.clone());
    let before = reported.get(&key).cloned().unwrap_or_default();
    if before == faults {
        return Ok(());
    }
    let new: Vec<DeviceFault> =
        faults.iter().copied().filter(|fault| !before.contains(fault)).collect();
    if !new.is_empty() {
        tracing::warn!(home = %home.id, device = name, troubles = ?new, "a device has new problems");
        let entry =
            AuditEntry::new(AuditAction::DeviceFault, monitor.clock.now(), json!({name: new}));
        monitor
            .changes
            .apply(Change::new(AuditEntry { home: Some(home.id.clone()), ..entry }))
            .await?;
    }
    reported.insert(key, faults);
    monitor.live_events.home_changed(home.id.clone());
    Ok(())
}
