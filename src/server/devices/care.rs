//! Watches over what is behind the broker: a battery that is nearly empty, a device that has fallen silent, one that was torn off.
//! What is wrong stands in the home's log from when it began, and everybody of the home sees it.

use super::mqtt::{Look, MqttDevices};
use crate::{
    api::audit::Deed,
    domain::{device::Trouble, home::Home, id::HomeId},
    server::{
        App,
        store::{Change, ChangeError, Entry},
    },
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How often devices are looked at. Nothing here is a matter of seconds: a siren that does not answer in an emergency is told at once.
const EVERY: Duration = Duration::from_secs(5);

/// What was told of each device, by home and name.
type Told = BTreeMap<(HomeId, String), Vec<Trouble>>;

/// Looks again and again, until the server stops.
pub async fn watch_over(app: Arc<App>, broker: Arc<MqttDevices>) {
    let (mut stop, mut told) = (app.stop.clone(), Told::new());
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        for id in broker.homes() {
            let Some(home) = app.homes.get(&id) else { continue };
            for look in broker.looks(&id) {
                // What could not be stored is told again the next time.
                if let Err(error) = tell(&app, &home, look, &mut told).await {
                    tracing::error!(home = %id, %error, "what is wrong with a device could not be stored");
                }
            }
        }
    }
}

async fn tell(app: &App, home: &Home, Look { who, troubles, .. }: Look, told: &mut Told) -> Result<(), ChangeError> {
    let name = match &who {
        Ok(device) => home.name_of(device).unwrap_or(device.as_str()).to_owned(),
        Err(button) => button.clone(),
    };
    let key = (home.id.clone(), name.clone());
    let before = told.get(&key).cloned().unwrap_or_default();
    if before == troubles {
        return Ok(());
    }
    let new: Vec<Trouble> = troubles.iter().copied().filter(|trouble| !before.contains(trouble)).collect();
    if !new.is_empty() {
        tracing::warn!(home = %home.id, device = name, troubles = ?new, "a device is not well");
        let entry = Entry::new(Deed::DeviceTrouble, app.clock.now(), json!({name: new}));
        app.changes.apply(Change::new(Entry { home: Some(home.id.clone()), ..entry })).await?;
    }
    told.insert(key, troubles);
    app.hub.home_changed(home.id.clone());
    Ok(())
}
