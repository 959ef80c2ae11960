//! Responders: simulated ones for the demo and for every drill, and none for a server that is not
//! connected to any.

use crate::{
    domain::{
        id::IncidentId,
        incident::{
            Actor, Dispatch, DispatchState, Service,
            command::Command,
            effect::{Effect, EffectKind, Signal},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{
            Current, Engine,
            outbox::{EffectHandler, ExecuteError},
        },
        tasks::spawn_contained,
    },
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// The next state of simulated responders, and how long they take to reach it.
fn next(state: DispatchState) -> Option<(DispatchState, Duration)> {
    match state {
        DispatchState::Requested => Some((DispatchState::Accepted, Duration::from_secs(3))),
        DispatchState::Accepted => Some((DispatchState::EnRoute, Duration::from_secs(4))),
        DispatchState::EnRoute => Some((DispatchState::OnScene, Duration::from_secs(8))),
        DispatchState::OnScene => Some((DispatchState::Closed, Duration::from_secs(10))),
        DispatchState::Rejected | DispatchState::Closed => None,
    }
}

/// A dispatch of an incident, since when it has its state, and the fact that requested it.
#[derive(Debug)]
pub struct SimulatedDispatch {
    incident: IncidentId,
    service: Service,
    request: u32,
    state: DispatchState,
    at: Timestamp,
}

/// Simulated responders.
pub struct SimulatedResponders {
    clock: Arc<Clock>,
    dispatches: mpsc::UnboundedSender<SimulatedDispatch>,
}

impl SimulatedResponders {
    /// Creates responders, and the queue of dispatches for [`respond`].
    pub fn new(clock: Arc<Clock>) -> (Self, mpsc::UnboundedReceiver<SimulatedDispatch>) {
        let (dispatches, queue) = mpsc::unbounded_channel();
        (Self { clock, dispatches }, queue)
    }

    fn begin(&self, dispatch: SimulatedDispatch) {
        // The worker ends only with the server, and the next start finds it again.
        let _ = self.dispatches.send(dispatch);
    }
}

/// Works on each dispatch until it is closed or its incident is over.
pub async fn respond(
    mut dispatches: mpsc::UnboundedReceiver<SimulatedDispatch>,
    engine: Engine,
    clock: Arc<Clock>,
) {
    while let Some(dispatch) = dispatches.recv().await {
        let SimulatedDispatch { incident, service, request, mut state, mut at } = dispatch;
        let (engine, clock) = (engine.clone(), clock.clone());
        spawn_contained("simulated responder", incident, async move {
            while let Some((following, pause)) = next(state) {
                tokio::time::sleep_until(clock.instant_of(at + pause)).await;
                let reference = (following == DispatchState::Accepted)
                    .then(|| format!("SIM-{}", &incident.to_string()[..4].to_uppercase()));
                let report = Command::Dispatch { service, request, state: following, reference };
                if engine
                    .give(incident, report)
                    .await
                    .is_ok_and(|answer| answer.current.incident.is_over())
                {
                    return;
                }
                (state, at) = (following, clock.now());
            }
        });
    }
}

#[async_trait]
impl EffectHandler for SimulatedResponders {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        if let EffectKind::RequestDispatch { service } = effect.kind {
            let (request, state) = (effect.seq, DispatchState::Requested);
            let (incident, at) = (effect.incident, self.clock.now());
            self.begin(SimulatedDispatch { incident, service, request, state, at });
        }
        Ok(None)
    }

    /// Continues the dispatches from before the restart in their state.
    fn resume(&self, current: &Current) {
        let incident = current.incident.id;
        for Dispatch { service, request, state, at, .. } in current.incident.dispatches.clone() {
            self.begin(SimulatedDispatch { incident, service, request, state, at });
        }
    }
}

/// No responders: a live dispatch stays “requested” until the server is connected to a center. The
/// dashboard says so.
pub struct NoResponders;

#[async_trait]
impl EffectHandler for NoResponders {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        let text = "This server is connected to no responders. Call the emergency number";
        tracing::error!(incident = %effect.incident, home = %effect.home, "dispatch was requested, but no responders are connected");
        Ok(Some(Command::Note { by: Actor::Buckler, text: text.into() }))
    }
}

/// No receiving center, on a server that had one: what an incident from before the change of the
/// configuration has for it reaches nobody, and its record says so.
pub struct NoReceiver;

#[async_trait]
impl EffectHandler for NoReceiver {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        let text = match effect.kind {
            EffectKind::SignalReceiver { signal: Signal::Alarm, .. } => {
                "This server is no longer connected to a receiving center. The alarm did not reach it. Call the emergency number"
            }
            EffectKind::SignalReceiver { .. } => {
                "This server is no longer connected to a receiving center. It was not told; call it"
            }
            _ => return Ok(None),
        };
        tracing::error!(incident = %effect.incident, home = %effect.home, "a message to a receiving center was not sent, because none is configured any more");
        Ok(Some(Command::Note { by: Actor::Buckler, text: text.into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::Mode;

    /// I27.
    #[tokio::test]
    async fn message_to_a_center_of_before_is_not_lost_silently() {
        let effect = |signal| Effect {
            key: "1/1/signal_receiver/receiver".into(),
            incident: IncidentId(uuid::Uuid::from_u128(1)),
            home: "maple-street".parse().unwrap(),
            seq: 1,
            decided_at: Timestamp::default(),
            mode: Mode::Live,
            not_after: None,
            kind: EffectKind::SignalReceiver {
                services: vec![Service::Police],
                signal,
                quiet: None,
                site: String::new(),
                place: String::new(),
                notes: String::new(),
                changes: String::new(),
                at: Timestamp::default(),
            },
        };
        for (signal, says) in [
            (Signal::Alarm, "Call the emergency number"),
            (Signal::Cancel, "It was not told; call it"),
        ] {
            let told = NoReceiver.execute(&effect(signal)).await.unwrap();
            let Some(Command::Note { by: Actor::Buckler, text }) = told else { panic!("{told:?}") };
            assert!(text.ends_with(says), "{text}");
        }
    }
}
