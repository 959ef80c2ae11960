//! Makes single parts of the server from the configuration and the parts that they use.

use super::StartError;
use crate::server::{
    cameras::{CameraOptions, Cameras},
    clock::Clock,
    config::Config,
    dc09::{
        receiver::{self, Receiver},
        transmitter::Transmitter,
    },
    effect_handlers::Reached,
    engine::Engine,
    homes::Homes,
    identity::passkeys::Passkeys,
    live_events::LiveEvents,
    mqtt::{
        self, BindingError, MqttDevices, buttons::TakenPress, codes::check_codes, stops::Stopped,
    },
    sirens::{Devices, NoDevices, simulated::SimulatedDevices},
    snapshots::Snapshots,
    store::{Changes, Reads},
    tasks::Tasks,
    webhooks::{self, AccountOf, Webhooks, incoming::Reporter},
};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// The most button presses that wait to be raised.
const PRESSES: usize = 1_024;
/// The most stops of sirens that wait to be stored. A power cut stops no siren.
const STOPS: usize = 8_192;

/// The sirens, and the buttons that are behind the same broker.
pub(super) struct Sirens {
    /// All sirens: those behind the broker, and in a demo the simulated ones.
    pub(super) devices: Arc<dyn Devices>,
    /// The MQTT broker, if there is one.
    pub(super) broker: Option<Arc<MqttDevices>>,
    /// The simulated sirens of a demo.
    pub(super) simulated: Option<Arc<SimulatedDevices>>,
    /// What is pressed on the buttons.
    pub(super) presses: mpsc::Receiver<TakenPress>,
    /// The sirens that stopped on their own.
    pub(super) stops: mpsc::Receiver<Stopped>,
}

impl Sirens {
    /// Connects to the broker, if one is configured.
    ///
    /// # Errors
    /// The settings of the broker, or a file that they name, cannot be used.
    pub(super) fn new(
        config: &Config,
        clock: &Arc<Clock>,
        live_events: &Arc<LiveEvents>,
        homes: &Homes,
        tasks: &Tasks,
    ) -> Result<Self, StartError> {
        let simulated = config
            .demo
            .then(|| Arc::new(SimulatedDevices::new(clock.clone(), live_events.clone())));
        let fallback: Arc<dyn Devices> = match &simulated {
            Some(simulated) => simulated.clone(),
            None => Arc::new(NoDevices),
        };
        let (pressed, presses) = mpsc::channel(PRESSES);
        let (stopped, stops) = mpsc::channel(STOPS);
        let behind = |settings| {
            let broker = MqttDevices::new(
                settings,
                clock.clone(),
                live_events.clone(),
                fallback.clone(),
                pressed,
                stopped,
            )?;
            begin_behind(&broker, homes, tasks).map(|()| broker)
        };
        let broker = config.mqtt.as_ref().map(behind).transpose()?;
        let devices: Arc<dyn Devices> = broker.clone().map_or(fallback, |broker| broker);
        Ok(Self { devices, broker, simulated, presses, stops })
    }
}

/// Connects to the MQTT broker, with the sirens that owners chose. Invalid choices are left out,
/// and the owner sees that such a siren is missing.
fn begin_behind(
    broker: &Arc<MqttDevices>,
    homes: &Homes,
    tasks: &Tasks,
) -> Result<(), mqtt::ConnectError> {
    if let Err(wrongs) =
        broker.rebind(homes.all().iter().map(|home| (home.id.clone(), home.siren_bindings.clone())))
    {
        tracing::error!(wrongs = ?sentences(&wrongs), "some sirens that owners chose cannot be used");
    }
    for file in broker.settings().buttons.iter().filter_map(|button| button.codes_file.as_deref()) {
        check_codes(file)?;
    }
    mqtt::connect(broker.clone(), broker.settings(), tasks)
}

pub(super) fn sentences(wrongs: &[BindingError]) -> Vec<String> {
    wrongs.iter().map(ToString::to_string).collect()
}

/// Opens the address for alarm panels, if one is configured.
pub(super) async fn open_to_panels(
    config: &Config,
) -> Result<Option<(Arc<Receiver>, receiver::Socket)>, StartError> {
    let Some(settings) = &config.center.listener else { return Ok(None) };
    let receiver = Receiver::new(settings)?;
    let failed = |source| StartError::Panels { address: settings.listen.clone(), source };
    Ok(Some((receiver, receiver::open(settings).await.map_err(failed)?)))
}

/// What webhooks and snapshots tell of.
pub(super) struct IncidentSources<'a> {
    pub(super) engine: &'a Engine,
    pub(super) reads: &'a Arc<dyn Reads>,
    pub(super) changes: &'a Changes,
    pub(super) clock: &'a Arc<Clock>,
}

pub(super) fn webhooks_of(
    config: &Config,
    sources: &IncidentSources,
    receiver: Option<Arc<Receiver>>,
    stop: watch::Receiver<bool>,
) -> Result<Arc<Webhooks>, StartError> {
    let (engine, reads) = (sources.engine.clone(), sources.reads.clone());
    let (changes, clock, account_of) =
        (sources.changes.clone(), sources.clock.clone(), account_of(receiver));
    let source = webhooks::Source { engine, reads, changes, clock, account_of, stop };
    Ok(Arc::new(Webhooks::new(&config.webhooks, source)?))
}

pub(super) fn snapshots_of(
    config: &Config,
    sources: &IncidentSources,
    devices: &Arc<dyn Devices>,
    cameras: &Arc<Cameras>,
    broker: &Option<Arc<MqttDevices>>,
    transmitter: &Option<Arc<Transmitter>>,
    reached: &Reached,
) -> Arc<Snapshots> {
    Arc::new(Snapshots {
        engine: sources.engine.clone(),
        reads: sources.reads.clone(),
        clock: sources.clock.clone(),
        devices: devices.clone(),
        cameras: cameras.clone(),
        broker: broker.clone(),
        transmitter: transmitter.clone(),
        operators: reached.operators.clone(),
        pages: reached.pages.clone(),
        center: config.policy.center,
        center_phone: config.center.phone.clone(),
        demo: config.demo,
    })
}

pub(super) fn reporters(config: &Config) -> Result<Arc<[Reporter]>, StartError> {
    config
        .reporters
        .iter()
        .map(Reporter::new)
        .collect::<Result<_, _>>()
        .map_err(|error| StartError::Webhook(error.into()))
}

pub(super) fn passkeys(config: &Config) -> Result<Arc<Passkeys>, StartError> {
    Passkeys::new(config.public_url.as_ref(), config.local_site())
        .map(Arc::new)
        .map_err(StartError::PublicUrl)
}

pub(super) fn cameras_of(
    config: &Config,
    clock: &Arc<Clock>,
    live_events: &Arc<LiveEvents>,
    stop: &watch::Receiver<bool>,
) -> Arc<Cameras> {
    let options = CameraOptions {
        demo: config.demo,
        ffmpeg: config.ffmpeg.clone(),
        data: config.data.clone(),
    };
    let (clock, live_events) = (clock.clone(), live_events.clone());
    Cameras::new(config.cameras.clone(), options, clock, live_events, stop.clone())
}

/// The account numbers of homes, where panels signal to this server.
fn account_of(receiver: Option<Arc<Receiver>>) -> AccountOf {
    Arc::new(move |home| receiver.as_ref()?.account_of(home).map(str::to_owned))
}
