//! Responders: simulated ones, for the demo and for every drill, and none, for a server that is connected to nobody.

use crate::{
    domain::{
        id::IncidentId,
        incident::{
            DispatchState, Service,
            command::Command,
            effect::{Effect, EffectKind},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{
            Current, Engine,
            outbox::{NotCarried, WayOut},
        },
    },
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// What comes after a state, and how long simulated responders take to it.
fn next(state: DispatchState) -> Option<(DispatchState, Duration)> {
    match state {
        DispatchState::Requested => Some((DispatchState::Accepted, Duration::from_secs(3))),
        DispatchState::Accepted => Some((DispatchState::EnRoute, Duration::from_secs(4))),
        DispatchState::EnRoute => Some((DispatchState::OnScene, Duration::from_secs(8))),
        DispatchState::OnScene => Some((DispatchState::Closed, Duration::from_secs(10))),
        DispatchState::Rejected | DispatchState::Closed => None,
    }
}

/// A service of an incident, where it stands, and since when.
pub type Case = (IncidentId, Service, DispatchState, Timestamp);

/// Responders that come on paper.
pub struct SimulatedResponders {
    clock: Arc<Clock>,
    cases: mpsc::UnboundedSender<Case>,
}

impl SimulatedResponders {
    /// Responders, and the cases for [`respond`] to work on.
    pub fn new(clock: Arc<Clock>) -> (Self, mpsc::UnboundedReceiver<Case>) {
        let (cases, queue) = mpsc::unbounded_channel();
        (Self { clock, cases }, queue)
    }

    fn begin(&self, incident: IncidentId, service: Service, state: DispatchState, at: Timestamp) {
        // The worker ends only with the server; the next start finds the case again.
        let _ = self.cases.send((incident, service, state, at));
    }
}

/// Works on every case until it is closed.
pub async fn respond(mut cases: mpsc::UnboundedReceiver<Case>, engine: Engine, clock: Arc<Clock>) {
    while let Some((incident, service, mut state, mut at)) = cases.recv().await {
        let (engine, clock) = (engine.clone(), clock.clone());
        tokio::spawn(async move {
            while let Some((following, pause)) = next(state) {
                tokio::time::sleep_until(clock.instant_of(at + pause)).await;
                let reference =
                    (following == DispatchState::Accepted).then(|| format!("SIM-{}", &incident.to_string()[..4].to_uppercase()));
                let report = Command::Dispatch { service, state: following, reference };
                if engine.give(incident, report).await.is_ok_and(|answer| answer.current.incident.is_over()) {
                    return;
                }
                (state, at) = (following, clock.now());
            }
        });
    }
}

#[async_trait]
impl WayOut for SimulatedResponders {
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        if let EffectKind::RequestDispatch { service } = effect.kind {
            self.begin(effect.incident, service, DispatchState::Requested, self.clock.now());
        }
        Ok(None)
    }

    /// What had been asked for before the restart goes on from where it stood.
    fn resume(&self, current: &Current) {
        for dispatch in &current.incident.dispatches {
            self.begin(current.incident.id, dispatch.service, dispatch.state, dispatch.at);
        }
    }
}

/// No responders: a live request stays “requested” until somebody connects the server to a center. The dashboard says so.
pub struct NoResponders;

#[async_trait]
impl WayOut for NoResponders {
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        let text = "This server is connected to no responders. Call the emergency number";
        tracing::error!(incident = %effect.incident, home = %effect.home, "help was requested, and this server is connected to no responders");
        Ok(Some(Command::Note { by: crate::domain::incident::Actor::Buckler, text: text.into() }))
    }
}
