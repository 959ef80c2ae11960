//! What may be asked of an incident: the closed set of its inputs.

use super::{Actor, CallOutcome, DispatchState, Disposition, Mode, Quiet, Report, Request, Service, Snapshot, Source};
use crate::domain::{
    id::{CallId, DeviceId, HomeId, IncidentId},
    time::Timestamp,
};
use std::time::Duration;

/// A tap older than this is not acted on: the app asks again (F5).
const STALE: Duration = Duration::from_secs(60);

/// Whether a request that was sent then is too old to act on.
pub fn is_stale(sent_at: Timestamp, now: Timestamp) -> bool {
    now.since(sent_at) > STALE
}

/// A person slides or taps where no incident runs.
#[derive(Clone, Debug)]
pub struct Raise {
    /// Made by the client.
    pub id: IncidentId,
    /// Whose home.
    pub home: HomeId,
    /// What is asked.
    pub request: Request,
    /// Real or practice.
    pub mode: Mode,
    /// In a drill: whether sirens sound (R21).
    pub drill_sirens: bool,
    /// Where the shield was.
    pub source: Source,
    /// Who.
    pub by: Actor,
    /// Whether the home must not notice it, and why.
    pub quiet: Option<Quiet>,
    /// The home at this moment.
    pub snapshot: Snapshot,
}

/// What may be asked of an incident that runs.
#[derive(Clone, Debug)]
pub enum Command {
    /// Time has passed.
    Tick,
    /// A second request joins (R20).
    Join {
        /// What is asked.
        request: Request,
        /// Where the shield was.
        source: Source,
        /// Who.
        by: Actor,
    },
    /// Cancel Help.
    Cancel {
        /// Who.
        by: Actor,
    },
    /// Send Now.
    SendNow {
        /// Who.
        by: Actor,
    },
    /// Silence Siren.
    Silence {
        /// Who.
        by: Actor,
    },
    /// A contact's telephone, or who placed the call, reports.
    Call {
        /// Which call.
        call: CallId,
        /// What happened on it.
        step: CallStep,
    },
    /// A siren reports.
    SirenReported {
        /// Which.
        device: DeviceId,
        /// Whether it sounds.
        sounding: bool,
    },
    /// Responders report.
    Dispatch {
        /// Which service.
        service: Service,
        /// How far it has come.
        state: DispatchState,
        /// The agency's own number.
        reference: Option<String>,
    },
    /// Whoever works on it elsewhere says how far it has come.
    Report {
        /// Who says so.
        by: Actor,
        /// Names what is said: the same again changes nothing.
        key: String,
        /// When, by their clock.
        said_at: Timestamp,
        /// What.
        report: Report,
    },
    /// The way to the receiving center reports.
    Signaled {
        /// The receiver that has the alarm; nothing where none answers.
        receiver: Option<String>,
    },
    /// An operator takes the incident: nobody else works on it then.
    Claim {
        /// Who.
        by: Actor,
    },
    /// An operator does not work on it any more. Nothing changes if somebody else does by now.
    Release {
        /// Who says so.
        by: Actor,
        /// Who worked on it.
        from: Actor,
    },
    /// A supervisor gives it to an operator. Nothing changes if somebody else works on it by now.
    Assign {
        /// Who says so.
        by: Actor,
        /// Who works on it from now on.
        to: Actor,
        /// Who worked on it, if anybody did.
        from: Option<Actor>,
    },
    /// Somebody looked at an incident that was found late (R22).
    Review {
        /// Who.
        by: Actor,
        /// Send after all, or not.
        proceed: bool,
        /// Why.
        note: String,
    },
    /// Somebody adds to the record.
    Note {
        /// Who.
        by: Actor,
        /// What.
        text: String,
    },
    /// The center closes it.
    Close {
        /// Who.
        by: Actor,
        /// How it ended.
        disposition: Disposition,
    },
    /// The household says that it is over: once the calls are over, and where no center works on it (I23).
    End {
        /// Who.
        by: Actor,
    },
    /// A real request ends the drill.
    ReplaceDrill,
}

/// What happens on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallStep {
    /// Somebody answers.
    Answer,
    /// The contact confirms the emergency, or has heard.
    Confirm,
    /// The contact calls it off.
    Cancel {
        /// Whether the verbal password was right, or none was required.
        authenticated: bool,
    },
    /// The contact hangs up.
    HangUp,
    /// Nobody was reached: declined, busy, voicemail, could not be placed.
    NotReached(NotReached),
}

/// Why a call reached nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReached {
    /// It rang, and nobody answered.
    NoAnswer,
    /// Busy, or declined.
    Busy,
    /// A machine answered.
    Voicemail,
    /// It could not be placed.
    Failed,
}

impl From<NotReached> for CallOutcome {
    fn from(why: NotReached) -> Self {
        match why {
            NotReached::NoAnswer => Self::NoAnswer,
            NotReached::Busy => Self::Busy,
            NotReached::Voicemail => Self::Voicemail,
            NotReached::Failed => Self::Failed,
        }
    }
}
