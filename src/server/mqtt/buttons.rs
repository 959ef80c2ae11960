//! Panic buttons, keypads and Home Assistant. A press is a request like one in the app, with the
//! same countdown.

use super::codes::owner_of;
use super::unacknowledged::Taken;
use super::{
    MqttDevices, Readiness,
    keypad::{ButtonAction, ButtonSettings},
};
use crate::{
    domain::{
        access::{Membership, Role},
        eligibility,
        home::Home,
        id::HomeId,
        incident::{
            Actor, Mode, Policy, Request, Source,
            command::{Command, Raise, Seen},
        },
    },
    server::{
        clock::Clock,
        engine::{
            Current, Denied, Engine,
            device::{self, Ids, ONE_ID_ONE_REQUEST},
        },
        homes::Homes,
        identity::attempts::{Attempts, Guess},
        limits::LogLimit,
        presenters::readiness::missing,
        tasks::handle_each,
    },
};
use futures_util::future::{BoxFuture, FutureExt};
use std::{
    io,
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

/// A press of a button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Press {
    /// The home.
    pub home: HomeId,
    /// The name of the button in the configuration.
    pub name: String,
    /// The topic of the button.
    pub button: String,
    /// The value that the button sent.
    pub said: String,
    /// The requested action.
    pub action: ButtonAction,
    /// The code that was entered.
    pub code: Option<String>,
    /// The keypad's own id of this press.
    pub transaction: Option<String>,
    /// Whether the broker may have kept it while this server was not connected.
    pub queued: bool,
}

/// A press that the server has taken from the broker, which keeps it until it is done.
#[derive(Debug)]
pub struct TakenPress {
    /// The press.
    pub press: Press,
    /// Says that it is done.
    pub taken: Taken,
}

/// The rights of a button: those of an owner, because the server's administrator has set it up for
/// this home.
const MAY: Membership = Membership { role: Role::Owner, sos_withdrawn: false };

/// A press that could not be stored is retried for this long.
const STALE: Duration = Duration::from_secs(60);
/// The pause between these retries.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a press or a code takes to arrive, at most, on a connection that works. A button has no
/// screen, and its user does not know of a request that is newer (I30).
const ARRIVES_WITHIN: Duration = Duration::from_secs(1);

/// A client of the broker that may write to the topic of a button can press it without end.
static WITHOUT_EFFECT: LazyLock<LogLimit> = LazyLock::new(LogLimit::new);

/// What button presses act on.
pub struct Buttons {
    /// The buttons.
    pub broker: Arc<MqttDevices>,
    /// Limits guesses of codes.
    pub attempts: Arc<Attempts>,
    /// Takes requests.
    pub engine: Engine,
    /// The homes.
    pub homes: Arc<Homes>,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The timers of new incidents.
    pub policy: Policy,
    /// Whether an SOS would work, for drills.
    pub readiness: Readiness,
    /// Makes the ids of requests.
    pub ids: Ids,
    /// Reads the codes of keypads.
    pub read_codes: ReadCodes,
}

/// Reads a file with the codes of a keypad. The simulator has none, because a thread that reads one
/// would not repeat.
pub type ReadCodes = Arc<dyn Fn(PathBuf) -> BoxFuture<'static, io::Result<String>> + Send + Sync>;

/// Reads files with codes from the disk.
pub fn codes_on_disk() -> ReadCodes {
    Arc::new(|file| tokio::fs::read_to_string(file).boxed())
}

impl Buttons {
    fn requested(
        &self,
        home: &Home,
        press: &Press,
        request: Request,
        mode: Mode,
    ) -> Result<Raise, getrandom::Error> {
        let mut raise = Raise {
            id: self.ids.next(&press.button)?,
            ..device::request(self.policy, home, &press.name, (request, mode), self.clock.now())?
        };
        if mode == Mode::Drill {
            raise.snapshot.unready = missing(&(self.readiness)(home));
        }
        Ok(raise)
    }
}

/// Carries out button presses, until the server stops.
pub async fn raise_what_is_pressed(
    buttons: Buttons,
    presses: mpsc::Receiver<TakenPress>,
    stop: watch::Receiver<bool>,
) {
    let buttons = Arc::new(buttons);
    let of = |TakenPress { press, .. }: &TakenPress| format!("{}/{}", press.home, press.name);
    handle_each("button", presses, stop, of, |TakenPress { press, taken }, stop| {
        let buttons = buttons.clone();
        async move {
            match pressed(&buttons, press, stop).await {
                Outcome::Done => taken.done(),
                Outcome::Unstored => taken.left(),
            }
        }
    })
    .await;
}

/// What became of a press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is stored, refused or given up.
    Done,
    /// The server ends, and it could not be stored until then.
    Unstored,
}

async fn pressed(buttons: &Buttons, press: Press, stop: watch::Receiver<bool>) -> Outcome {
    let by = || Actor::Device { name: press.name.clone() };
    let seen = Seen::Before(buttons.clock.now() - ARRIVES_WITHIN);
    let ends = matches!(press.action, ButtonAction::Silence | ButtonAction::Cancel);
    if press.queued && ends {
        // Who pressed it may not have known of the incident that runs now (I30).
        tracing::warn!(home = %press.home, button = press.name, asks = ?press.action, "a button was pressed while the broker could not be reached; only a new request would count");
        buttons.broker.answer(&press, false);
        return Outcome::Done;
    }
    let (request, mode) = match press.action {
        ButtonAction::Police => (Request::Police, Mode::Live),
        ButtonAction::Fire => (Request::Fire, Mode::Live),
        ButtonAction::Medical => (Request::Medical, Mode::Live),
        ButtonAction::Siren => (Request::Siren, Mode::Live),
        ButtonAction::Drill => (Request::Police, Mode::Drill),
        ButtonAction::Silence => {
            steer(buttons, &press, Command::Silence { by: by(), seen }).await;
            return Outcome::Done;
        }
        ButtonAction::Cancel => {
            cancel(buttons, &press, seen).await;
            return Outcome::Done;
        }
    };
    raise(buttons, &press, request, mode, stop).await
}

/// Cancels the countdown that is running, if the code is right. A code has the same effect as
/// Cancel Help in the app. It is accepted only if nothing counts down on.
async fn cancel(buttons: &Buttons, press: &Press, seen: Seen) {
    let Press { home, name, .. } = press;
    let guess = Guess::Keypad(press.button.clone());
    let who = match &press.code {
        Some(code) if buttons.attempts.take(&guess, buttons.clock.now()) => {
            whose(buttons, press, code).await
        }
        Some(_) => {
            if WITHOUT_EFFECT.allows() {
                tracing::warn!(%home, button = name, "too many wrong codes; the code was not checked");
            }
            None
        }
        None => None,
    };
    let accepted = match who {
        Some(who) => {
            buttons.attempts.succeeded(&guess);
            let by = Actor::Device { name: format!("{who}, {name}") };
            let steered = steer(buttons, press, Command::Cancel { by, seen }).await;
            steered.is_some_and(|current| current.incident.is_over())
        }
        None => {
            if WITHOUT_EFFECT.allows() {
                tracing::warn!(%home, button = name, "a cancel without a valid code was rejected");
            }
            false
        }
    };
    buttons.broker.answer(press, accepted);
}

/// Returns the name of a code's owner.
async fn whose(buttons: &Buttons, press: &Press, code: &str) -> Option<String> {
    let ButtonSettings { codes_file, .. } = buttons.broker.button(&press.button)?;
    let file = codes_file.as_deref()?;
    match (buttons.read_codes)(file.to_owned()).await {
        Ok(codes) => owner_of(&codes, code).map(str::to_owned),
        Err(error) => {
            tracing::error!(file = %file.display(), %error, "the codes of a keypad cannot be read");
            None
        }
    }
}

/// Gives a command to the running incident. Returns that, if it accepts the command.
async fn steer(buttons: &Buttons, press: &Press, command: Command) -> Option<Arc<Current>> {
    let Press { home, name, action, .. } = press;
    let Some(running) = buttons.engine.view().running_in(home) else {
        if WITHOUT_EFFECT.allows() {
            tracing::info!(%home, button = name, asks = ?action, "a button was pressed, but no incident is running");
        }
        return None;
    };
    match buttons.engine.give(running.incident.id, command).await {
        Ok(answer) if answer.refusal.is_none() => {
            tracing::warn!(%home, button = name, asks = ?action, incident = %answer.current.incident.id, "a button was pressed");
            Some(answer.current)
        }
        Ok(answer) => {
            if WITHOUT_EFFECT.allows() {
                tracing::warn!(%home, button = name, asks = ?action, refusal = ?answer.refusal, "a button press was refused");
            }
            None
        }
        Err(denied) => {
            tracing::error!(%home, button = name, asks = ?action, ?denied, "could not apply a button press");
            None
        }
    }
}

async fn raise(
    buttons: &Buttons,
    press: &Press,
    request: Request,
    mode: Mode,
    mut stop: watch::Receiver<bool>,
) -> Outcome {
    let Press { home, name, .. } = press;
    let Some(found) = buttons.homes.get(home) else {
        tracing::error!(%home, button = name, "a button was pressed for an unknown home");
        return Outcome::Done;
    };
    let running = buttons.engine.view().running_in(home);
    let running = running.as_ref().filter(|_| mode == Mode::Live).map(|c| &c.incident);
    let eligible = eligibility::request_beside(&found, &Source::Device, request, MAY, running);
    if let Err(reason) = eligible {
        tracing::error!(%home, button = name, ?request, ?reason, "a button press was refused: the home is not eligible");
        return Outcome::Done;
    }
    let lost = |error| {
        tracing::error!(%error, "could not get random numbers; the button press is lost");
        Outcome::Done
    };
    let mut raise = match buttons.requested(&found, press, request, mode) {
        Ok(raise) => raise,
        Err(error) => return lost(error),
    };
    let pressed = buttons.clock.uptime();
    // A button cannot show that the request failed. Retry, as the app does, until the request is too
    // old (F5), which it also is after the machine has slept.
    while buttons.clock.uptime().saturating_sub(pressed) < STALE {
        match buttons.engine.raise(raise.clone(), ONE_ID_ONE_REQUEST).await {
            Ok(answer) => {
                tracing::warn!(%home, button = name, ?request, ?mode, incident = %answer.current.incident.id, "a button was pressed");
                return Outcome::Done;
            }
            // The broker keeps it for the server that starts next.
            Err(Denied::StorageUnavailable | Denied::Busy) if *stop.borrow() => {
                tracing::error!(%home, button = name, ?request, "a button press could not be stored before the server ended");
                return Outcome::Unstored;
            }
            Err(Denied::StorageUnavailable | Denied::Busy) => {
                let _ = timeout(PAUSE, stop.wait_for(|stop| *stop)).await;
            }
            // The incident that the press began is quarantined.
            Err(Denied::IdReused) => match buttons.ids.next(&press.button) {
                Ok(id) => raise.id = id,
                Err(error) => return lost(error),
            },
            Err(denied) => {
                tracing::error!(%home, button = name, ?request, ?denied, "could not raise the request of a button press");
                return Outcome::Done;
            }
        }
    }
    tracing::error!(%home, button = name, ?request, "a button press was given up: it could not be stored for a minute");
    Outcome::Done
}
