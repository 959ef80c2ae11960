//! The ways out of the server, put together from what the configuration names: one set for what is real, another for practice (I18).

use super::{
    center::{
        NoReceiver,
        receiver::{DrillReceiver, Receiver, supervise, tell_what_fails},
        responders::{Case, NoResponders, SimulatedResponders, respond},
    },
    clock::Clock,
    config::Config,
    devices::{Devices, DrillDevices, outside},
    engine::{
        Engine,
        outbox::{WayOut, WaysOut},
    },
    hub::Hub,
    notify::LogNotices,
    phone::WebPhones,
    tasks::Tasks,
};
use crate::domain::{id::IncidentId, incident::CenterMode};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The ways out, and what works on them beside the loop.
pub struct Ways {
    /// Of what is real.
    pub live: WaysOut,
    /// Of practice.
    pub drill: WaysOut,
    /// The receiving center, if there is one.
    pub receiver: Option<Arc<Receiver>>,
    cases: Vec<mpsc::UnboundedReceiver<Case>>,
    failures: Option<mpsc::UnboundedReceiver<IncidentId>>,
}

impl Ways {
    /// As the configuration names them.
    ///
    /// # Errors
    /// What is wrong with the receiving center's table.
    pub fn new(config: &Config, clock: &Arc<Clock>, hub: &Arc<Hub>, devices: &Arc<dyn Devices>) -> Result<Self, String> {
        let (drill_responders, drill_cases) = SimulatedResponders::new(clock.clone());
        let mut cases = vec![drill_cases];
        // A table that the mode does not use is kept for when it does.
        let settings = config.center.receiver.clone().filter(|_| config.policy.center == CenterMode::Receiver);
        let drills = settings.as_ref().is_some_and(|settings| settings.drills);
        let (receiver, failures) = match settings {
            Some(settings) => {
                Receiver::new(settings, clock.clone(), hub.clone()).map(|(receiver, failures)| (Some(receiver), Some(failures)))?
            }
            None => (None, None),
        };
        let way = || receiver.clone().map(|receiver| receiver as Arc<dyn WayOut>).unwrap_or_else(|| Arc::new(NoReceiver));
        let practice = receiver.clone().filter(|_| drills).map(|receiver| Arc::new(DrillReceiver(receiver)) as Arc<dyn WayOut>);
        let live = WaysOut {
            devices: devices.clone(),
            phones: Arc::new(WebPhones),
            receiver: way(),
            responders: match (config.policy.center, config.demo) {
                // Help is sent by whoever has the signal, or sits at the console.
                (CenterMode::Receiver | CenterMode::Operators, _) => Arc::new(NoReceiver),
                (CenterMode::Automatic, true) => {
                    let (live_responders, live_cases) = SimulatedResponders::new(clock.clone());
                    cases.push(live_cases);
                    Arc::new(live_responders)
                }
                (CenterMode::Automatic, false) => Arc::new(NoResponders),
            },
            notices: Arc::new(LogNotices),
        };
        let drill = WaysOut {
            devices: Arc::new(DrillDevices { clock: clock.clone(), devices: devices.clone() }),
            phones: Arc::new(WebPhones),
            receiver: practice.unwrap_or_else(|| Arc::new(NoReceiver)),
            responders: Arc::new(drill_responders),
            notices: Arc::new(LogNotices),
        };
        let live = match config.demo_bench {
            Some(bench) => outside::shown(live, bench),
            None => live,
        };
        Ok(Self { live, drill, receiver, cases, failures })
    }

    /// Starts what works beside the loop, until the server stops.
    pub fn begin(self, engine: &Engine, clock: &Arc<Clock>, tasks: &Tasks) -> Option<Arc<Receiver>> {
        for cases in self.cases {
            tasks.spawn("simulated responders", respond(cases, engine.clone(), clock.clone()));
        }
        if let Some(failures) = self.failures {
            tasks.spawn("failures of the receiving center", tell_what_fails(failures, engine.clone()));
        }
        if let Some(receiver) = &self.receiver {
            supervise(receiver, tasks);
        }
        self.receiver
    }
}
