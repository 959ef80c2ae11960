//! Reports sirens that stopped by themselves, or at their own button, to their incidents (I22).

use super::{MqttDevices, desired_state::Stop, registry::Siren};
use crate::{
    domain::{
        id::{DeviceId, HomeId},
        incident::command::Command,
    },
    server::{
        clock::Clock,
        engine::{Denied, Engine},
        tasks::handle_each,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

/// A stop that could not be stored is retried for this long.
const STALE: Duration = Duration::from_secs(60);
/// The pause between these retries.
const PAUSE: Duration = Duration::from_secs(1);

/// A siren that stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    home: HomeId,
    device: DeviceId,
    stop: Stop,
}

impl MqttDevices {
    pub(super) fn siren_stopped(&self, siren: &Siren, stop: Stop) {
        let (home, device) = (siren.binding.home.clone(), siren.binding.device.clone());
        tracing::warn!(%home, %device, incident = %stop.incident, "a siren stopped although it is wanted to sound");
        if let Err(error) = self.stops.try_send(Stopped { home, device, stop }) {
            tracing::error!(%error, "could not queue the stop of a siren; its incident still calls it sounding");
        }
    }
}

/// Gives stops of sirens to their incidents, until the server stops.
pub async fn report_stops(
    engine: Engine,
    clock: Arc<Clock>,
    stops: mpsc::Receiver<Stopped>,
    stop: watch::Receiver<bool>,
) {
    let of = |stopped: &Stopped| format!("{}/{}", stopped.home, stopped.device);
    handle_each("stop of a siren", stops, stop, of, |stopped, stop| {
        let (engine, clock) = (engine.clone(), clock.clone());
        async move { report(&engine, &clock, stopped, stop).await }
    })
    .await;
}

async fn report(
    engine: &Engine,
    clock: &Clock,
    Stopped { home, device, stop: Stop { incident, seq } }: Stopped,
    mut stop: watch::Receiver<bool>,
) {
    let at = clock.uptime();
    loop {
        let command = Command::SirenStopped { device: device.clone(), seq };
        match engine.give(incident, command).await {
            Err(Denied::StorageUnavailable | Denied::Busy)
                if clock.uptime().saturating_sub(at) < STALE && !*stop.borrow() =>
            {
                let _ = timeout(PAUSE, stop.wait_for(|stop| *stop)).await;
            }
            Err(Denied::StorageUnavailable | Denied::Busy) => {
                return tracing::error!(%home, %device, %incident, "could not store that a siren stopped");
            }
            // A test of a siren, or sirens that could not be stored, have no incident.
            Ok(_) | Err(_) => return,
        }
    }
}
