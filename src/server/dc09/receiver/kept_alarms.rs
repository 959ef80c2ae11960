//! Keeps which alarms were acknowledged, so that a panel that says after a restart that one of them
//! continues begins nothing anew.
//!
//! It is written a little later than the alarm. If the server is killed meanwhile, the alarm is
//! forgotten, and begins once more rather than not at all.

use super::{Receiver, Signal, Source};
use crate::server::store::{Bookkeeping, Changes, PanelAlarms, Reads};
use std::{sync::Arc, time::Duration};

/// How often changes are written. A write for each alarm would load the store too much.
const WRITTEN_AFTER: Duration = Duration::from_millis(500);
/// The most panels in one write, because nothing else can be stored while it lasts.
const WRITTEN_AT_ONCE: usize = 64;

/// Where they are kept.
pub struct KeptAlarms {
    /// The alarms that were acknowledged before the start.
    pub reads: Arc<dyn Reads>,
    /// Stores those that were acknowledged since.
    pub changes: Changes,
}

/// Writes what changes, until the server stops.
pub(super) async fn keep(kept: &KeptAlarms, receiver: &Receiver) {
    let mut write = tokio::time::interval(WRITTEN_AFTER);
    loop {
        write.tick().await;
        receiver.write_alarms(kept).await;
    }
}

impl Receiver {
    /// Reads the alarms that were acknowledged before the start. In a database that was put back they
    /// may be over by now, and what continues begins once more (I32).
    pub(super) async fn read_alarms(&self, source: &Source, kept: &KeptAlarms) {
        if source.engine.view().put_back().is_some() {
            return;
        }
        let stored = kept.reads.panel_alarms().await.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not load the alarms of panels; those that continue begin once more"
            );
            Vec::new()
        });
        for PanelAlarms { account, alarms } in stored {
            let Some(account) = self.accounts.get(&account) else { continue };
            let known = |(name, zone): (String, u16)| Some((Signal::stored_as(&name)?, zone));
            account.heard.lock().expect("no holder panics").alarms =
                alarms.into_iter().filter_map(known).collect();
        }
    }

    /// Writes the alarms of panels that changed, of [`WRITTEN_AT_ONCE`] panels at most.
    pub(super) async fn write_alarms(&self, kept: &KeptAlarms) {
        let mut rows = Vec::new();
        for (name, account) in &self.accounts {
            let mut heard = account.heard.lock().expect("no holder panics");
            if rows.len() < WRITTEN_AT_ONCE && std::mem::take(&mut heard.is_unwritten) {
                let named = |(signal, zone): &(Signal, u16)| {
                    signal.stored_name().map(|name| (name.to_owned(), *zone))
                };
                let alarms = heard.alarms.iter().filter_map(named).collect();
                rows.push(PanelAlarms { account: name.clone(), alarms });
            }
        }
        if rows.is_empty() {
            return;
        }
        let names: Vec<String> = rows.iter().map(|row| row.account.clone()).collect();
        if let Err(error) = kept.changes.note(Bookkeeping::PanelAlarms(rows)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not store the alarms of panels"
            );
            for account in names.iter().filter_map(|name| self.accounts.get(name)) {
                account.heard.lock().expect("no holder panics").is_unwritten = true;
            }
        }
    }
}
