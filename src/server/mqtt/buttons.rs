//! Panic buttons, keypads and Home Assistant. A press is a request like one in the app, with the
//! same countdown.

use super::codes::owner_of;
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
            Denied, Engine,
            device::{self, Ids, ONE_ID_ONE_REQUEST},
        },
        homes::Homes,
        identity::attempts::{Attempts, Guess},
        presenters::readiness::missing,
        tasks::handle_each,
    },
};
use futures_util::future::{BoxFuture, FutureExt};
use std::{io, path::PathBuf, sync::Arc, time::Duration};
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

/// The rights of a button: those of an owner, because the server's administrator has set it up for
/// this home.
const MAY: Membership = Membership { role: Role::Owner, sos_withdrawn: false };

/// A press that could not be stored is retried for this long.
const STALE: Duration = Duration::from_secs(60);
/// The pause between these retries.
const PAUSE: Duration = Duration::from_secs(1);

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
            ..device::request(self.policy, home, &press.name, request, mode)?
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
    presses: mpsc::Receiver<Press>,
    stop: watch::Receiver<bool>,
) {
    let buttons = Arc::new(buttons);
    let of = |press: &Press| format!("{}/{}", press.home, press.name);
    handle_each("button", presses, stop, of, |press, stop| {
        let buttons = buttons.clone();
        async move { pressed(&buttons, press, stop).await }
    })
    .await;
}

async fn pressed(buttons: &Buttons, press: Press, stop: watch::Receiver<bool>) {
    let by = || Actor::Device { name: press.name.clone() };
    let ends = matches!(press.action, ButtonAction::Silence | ButtonAction::Cancel);
    if press.queued && ends {
        // Who pressed it may not have known of the incident that runs now (I30).
        tracing::warn!(home = %press.home, button = press.name, asks = ?press.action, "a button was pressed while the broker could not be reached; only a new request would count");
        buttons.broker.answer(&press, false);
        return;
    }
    match press.action {
        ButtonAction::Police => raise(buttons, &press, Request::Police, Mode::Live, stop).await,
        ButtonAction::Fire => raise(buttons, &press, Request::Fire, Mode::Live, stop).await,
        ButtonAction::Medical => raise(buttons, &press, Request::Medical, Mode::Live, stop).await,
        ButtonAction::Siren => raise(buttons, &press, Request::Siren, Mode::Live, stop).await,
        ButtonAction::Drill => raise(buttons, &press, Request::Police, Mode::Drill, stop).await,
        ButtonAction::Silence => {
            _ = steer(buttons, &press, Command::Silence { by: by(), seen: Seen::All }).await
        }
        ButtonAction::Cancel => cancel(buttons, &press).await,
    }
}

/// Cancels the countdown that is running, if the code is right. A code has the same effect as
/// Cancel Help in the app.
async fn cancel(buttons: &Buttons, press: &Press) {
    let Press { home, name, .. } = press;
    let guess = Guess::Keypad(press.button.clone());
    let who = match &press.code {
        Some(code) if buttons.attempts.take(&guess, buttons.clock.now()) => {
            whose(buttons, press, code).await
        }
        Some(_) => {
            tracing::warn!(%home, button = name, "too many wrong codes; the code was not checked");
            None
        }
        None => None,
    };
    let accepted = match who {
        Some(who) => {
            buttons.attempts.succeeded(&guess);
            steer(
                buttons,
                press,
                Command::Cancel {
                    by: Actor::Device { name: format!("{who}, {name}") },
                    seen: Seen::All,
                },
            )
            .await
        }
        None => {
            tracing::warn!(%home, button = name, "a cancel without a valid code was rejected");
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

/// Gives a command to the running incident. Returns whether it was accepted.
async fn steer(buttons: &Buttons, press: &Press, command: Command) -> bool {
    let Press { home, name, action, .. } = press;
    let Some(running) = buttons.engine.view().running_in(home) else {
        tracing::info!(%home, button = name, asks = ?action, "a button was pressed, but no incident is running");
        return false;
    };
    match buttons.engine.give(running.incident.id, command).await {
        Ok(answer) if answer.refusal.is_none() => {
            tracing::warn!(%home, button = name, asks = ?action, incident = %answer.current.incident.id, "a button was pressed");
            true
        }
        Ok(answer) => {
            tracing::warn!(%home, button = name, asks = ?action, refusal = ?answer.refusal, "a button press was refused");
            false
        }
        Err(denied) => {
            tracing::error!(%home, button = name, asks = ?action, ?denied, "could not apply a button press");
            false
        }
    }
}

async fn raise(
    buttons: &Buttons,
    press: &Press,
    request: Request,
    mode: Mode,
    mut stop: watch::Receiver<bool>,
) {
    let Press { home, name, .. } = press;
    let Some(found) = buttons.homes.get(home) else {
        return tracing::error!(%home, button = name, "a button was pressed for an unknown home");
    };
    if let Err(reason) = eligibility::request(&found, &Source::Device, request, MAY) {
        return tracing::error!(%home, button = name, ?request, ?reason, "a button press was refused: the home is not eligible");
    }
    let mut raise = match buttons.requested(&found, press, request, mode) {
        Ok(raise) => raise,
        Err(error) => {
            return tracing::error!(%error, "could not get random numbers; the button press is lost");
        }
    };
    let pressed = buttons.clock.now();
    loop {
        match buttons.engine.raise(raise.clone(), ONE_ID_ONE_REQUEST).await {
            Ok(answer) => {
                return tracing::warn!(%home, button = name, ?request, ?mode, incident = %answer.current.incident.id, "a button was pressed");
            }
            // A button cannot show that the request failed. Retry, as the app does, until the
            // request is too old (F5) or the server stops.
            Err(Denied::StorageUnavailable | Denied::Busy)
                if buttons.clock.now().since(pressed) < STALE && !*stop.borrow() =>
            {
                let _ = timeout(PAUSE, stop.wait_for(|stop| *stop)).await;
            }
            // The incident that the press began is quarantined.
            Err(Denied::IdReused) if buttons.clock.now().since(pressed) < STALE => {
                match buttons.ids.next(&press.button) {
                    Ok(id) => raise.id = id,
                    Err(error) => {
                        return tracing::error!(%error, "could not get random numbers; the button press is lost");
                    }
                }
            }
            Err(denied) => {
                return tracing::error!(%home, button = name, ?request, ?denied, "could not raise the request of a button press");
            }
        }
    }
}
