//! The effect handlers that the configuration selects: one set for live incidents, another for
//! drills (I18).

use super::{
    clock::Clock,
    config::Config,
    dc09::{
        settings::SettingsError,
        transmitter::{DrillTransmitter, Transmitter, record_failures, supervise},
    },
    engine::{
        Engine,
        outbox::{EffectHandler, EffectHandlers},
    },
    live_events::LiveEvents,
    monitoring::{
        NoTransmitter,
        presence::{OperatorNotices, OperatorPresence},
        responders::{NoReceiver, NoResponders, SimulatedDispatch, SimulatedResponders, respond},
    },
    notify::LogNotices,
    sirens::{Devices, DrillDevices},
    tasks::{Stage, Tasks},
    telephony::{WebPhones, pages::ContactPages},
};
use crate::domain::{id::IncidentId, incident::CenterMode};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Who is there to be reached.
#[derive(Clone)]
pub struct Reached {
    /// The operators at the console.
    pub operators: Arc<OperatorPresence>,
    /// The open pages of contacts, which ring.
    pub pages: Arc<ContactPages>,
}

/// The effect handlers, and their tasks outside the event loop.
pub struct Handlers {
    /// For live incidents.
    pub live: EffectHandlers,
    /// For drills.
    pub drill: EffectHandlers,
    /// The people whom incidents reach.
    pub reached: Reached,
    /// The transmitter to the receiving center, if there is one.
    pub transmitter: Option<Arc<Transmitter>>,
    dispatches: Vec<mpsc::UnboundedReceiver<SimulatedDispatch>>,
    failures: Option<mpsc::UnboundedReceiver<IncidentId>>,
}

impl Handlers {
    /// Creates the handlers that the configuration selects.
    ///
    /// # Errors
    /// What is wrong with the receiving center's table.
    pub fn new(
        config: &Config,
        clock: &Arc<Clock>,
        live_events: &Arc<LiveEvents>,
        devices: &Arc<dyn Devices>,
    ) -> Result<Self, SettingsError> {
        let (drill_responders, drill_dispatches) = SimulatedResponders::new(clock.clone());
        let mut dispatches = vec![drill_dispatches];
        // The table has no effect in other modes, so that it can stay in the file.
        let settings =
            config.center.receiver.clone().filter(|_| config.policy.center == CenterMode::Receiver);
        let drills = settings.as_ref().is_some_and(|settings| settings.drills);
        let (transmitter, failures) = match settings {
            Some(settings) => Transmitter::new(settings, clock.clone(), live_events.clone())
                .map(|(transmitter, failures)| (Some(transmitter), Some(failures)))?,
            None => (None, None),
        };
        let way = || {
            transmitter
                .clone()
                .map(|transmitter| transmitter as Arc<dyn EffectHandler>)
                .unwrap_or_else(|| Arc::new(NoReceiver))
        };
        let practice = transmitter
            .clone()
            .filter(|_| drills)
            .map(|transmitter| Arc::new(DrillTransmitter(transmitter)) as Arc<dyn EffectHandler>);
        let operators = Arc::new(OperatorPresence::new(live_events.clone(), clock.now()));
        let pages = ContactPages::new(clock.clone(), live_events.clone());
        let live = EffectHandlers {
            devices: devices.clone(),
            phones: Arc::new(WebPhones(pages.clone())),
            receiver: way(),
            responders: match (config.policy.center, config.demo) {
                // The receiving center or the operator at the console sends help.
                (CenterMode::Receiver | CenterMode::Operators, _) => Arc::new(NoTransmitter),
                (CenterMode::Automatic, true) => {
                    let (live_responders, live_dispatches) =
                        SimulatedResponders::new(clock.clone());
                    dispatches.push(live_dispatches);
                    Arc::new(live_responders)
                }
                (CenterMode::Automatic, false) => Arc::new(NoResponders),
            },
            notices: match config.policy.center {
                CenterMode::Operators => {
                    Arc::new(OperatorNotices { operators: operators.clone(), clock: clock.clone() })
                }
                CenterMode::Automatic | CenterMode::Receiver => Arc::new(LogNotices),
            },
        };
        let drill = EffectHandlers {
            devices: Arc::new(DrillDevices { clock: clock.clone(), devices: devices.clone() }),
            phones: Arc::new(WebPhones(pages.clone())),
            receiver: practice.unwrap_or_else(|| Arc::new(NoTransmitter)),
            responders: Arc::new(drill_responders),
            notices: Arc::new(LogNotices),
        };
        let reached = Reached { operators, pages };
        Ok(Self { live, drill, reached, transmitter, dispatches, failures })
    }

    /// Starts the tasks outside the event loop, which run until the server stops.
    pub fn begin(
        self,
        engine: &Engine,
        clock: &Arc<Clock>,
        tasks: &Tasks,
    ) -> Option<Arc<Transmitter>> {
        for dispatches in self.dispatches {
            let work = respond(dispatches, engine.clone(), clock.clone());
            tasks.spawn_until(Stage::Engine, "simulated responders", work);
        }
        if let Some(failures) = self.failures {
            let work = record_failures(failures, engine.clone());
            tasks.spawn_until(Stage::Outside, "failures of the receiving center", work);
        }
        if let Some(transmitter) = &self.transmitter {
            supervise(transmitter, tasks);
        }
        self.transmitter
    }
}
