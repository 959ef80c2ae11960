//! Commands: the closed set of inputs of an incident.

use super::{
    Actor, CallOutcome, DispatchState, Disposition, Mode, Quiet, Report, Request, Service,
    Snapshot, Source,
};
use crate::domain::{
    id::{CallId, DeviceId, HomeId, IncidentId},
    time::Timestamp,
};
use std::time::Duration;

/// A request older than this is not carried out: the app asks the person again (F5).
pub const STALE: Duration = Duration::from_secs(60);

/// A request that begins an incident, if none runs that it joins.
#[derive(Clone, Debug)]
pub struct Raise {
    /// The id of the incident, made by the client.
    pub id: IncidentId,
    /// The home.
    pub home: HomeId,
    /// The request.
    pub request: Request,
    /// Live or drill.
    pub mode: Mode,
    /// In a drill: whether sirens sound (R21).
    pub drill_sirens: bool,
    /// The source of the request.
    pub source: Source,
    /// The actor.
    pub by: Actor,
    /// The request that this one renews because it was never acknowledged (I28). If it has not
    /// arrived, it begins nothing any more.
    pub after: Option<IncidentId>,
    /// When the person asked, as their device says; `None` if the server heard it at once.
    pub sent_at: Option<Timestamp>,
    /// When the restriction of the device ends that it came from, if that is restricted (I33).
    pub restricted_until: Option<Timestamp>,
    /// Why the home must not notice the incident, if it must not.
    pub quiet: Option<Quiet>,
    /// The incident of the home's own server, if another Buckler signals it to this one.
    pub home_incident: Option<IncidentId>,
    /// The snapshot of the home.
    pub snapshot: Snapshot,
}

impl Raise {
    /// Whether the request is too old to begin an incident or to join one (F5). A request from the
    /// future is not, because a device with a fast clock must not be kept from calling for help.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.sent_at.is_some_and(|sent_at| now.since(sent_at) > STALE)
    }

    /// Whether it comes from a device that is restricted now.
    pub fn is_from_restricted(&self, now: Timestamp) -> bool {
        self.restricted_until.is_some_and(|until| now < until)
    }

    /// Whether the device may not make this request now (I33).
    pub fn is_refused(&self, now: Timestamp) -> bool {
        self.is_from_restricted(now) && !self.request.is_open_to_restricted(self.mode)
    }

    /// The command with which it joins a running incident.
    pub fn join(&self) -> Command {
        let Self { request, source, by, restricted_until, home_incident, .. } = self;
        let join = Command::Join { request: *request, source: source.clone(), by: by.clone() };
        match *home_incident {
            Some(incident) => Command::FromHome { incident, command: Box::new(join) },
            None => Command::of_device(*restricted_until, join),
        }
    }
}

/// What the author of a command had been shown. A command ends only requests that its author has
/// seen (I30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Everything, because the author has no screen that could be behind: a keypad, or Buckler.
    All,
    /// The facts up to this sequence number, which the author's screen showed.
    UpTo(u32),
    /// What was older than this and the author's own requests, because the author's client does not
    /// say what it showed.
    Before(Timestamp),
    /// Only the author's own request of this sequence number, which the author withdraws (I28).
    Only(u32),
}

/// A command to an incident.
#[derive(Clone, Debug)]
pub enum Command {
    /// Time has passed.
    Tick,
    /// A second request joins (R20).
    Join {
        /// The request.
        request: Request,
        /// The source of the request.
        source: Source,
        /// The actor.
        by: Actor,
    },
    /// Cancel Help. Withdraws the requests that the actor had been shown; aborts the countdown if no
    /// other is left.
    Cancel {
        /// The actor.
        by: Actor,
        /// What the actor had been shown.
        seen: Seen,
    },
    /// Send Now.
    SendNow {
        /// The actor.
        by: Actor,
    },
    /// Silence Siren.
    Silence {
        /// The actor.
        by: Actor,
        /// What the actor had been shown.
        seen: Seen,
    },
    /// A contact's phone, or the party that placed the call, reports a step of a call.
    Call {
        /// The call.
        call: CallId,
        /// The step.
        step: CallStep,
    },
    /// A siren reports its state.
    SirenReported {
        /// The device or camera of the siren.
        device: DeviceId,
        /// Whether it sounds.
        sounding: bool,
    },
    /// A siren that had confirmed that it sounds became quiet, and nobody told it to.
    SirenStopped {
        /// The device or camera of the siren.
        device: DeviceId,
        /// The number of the fact whose command it had obeyed. A stop belongs to the command that
        /// was stopped (I22).
        seq: u32,
    },
    /// Responders report progress.
    Dispatch {
        /// The service.
        service: Service,
        /// The sequence number of the fact that requested it.
        request: u32,
        /// Its new state.
        state: DispatchState,
        /// The agency's reference number.
        reference: Option<String>,
    },
    /// A center or a dispatch service that works on the incident elsewhere reports.
    Report {
        /// The reporting party.
        by: Actor,
        /// The idempotency key: a report with a known key changes nothing.
        key: String,
        /// When they said so, by their clock.
        said_at: Timestamp,
        /// The report.
        report: Report,
    },
    /// The connection to the receiving center reports.
    Signaled {
        /// The receiver that has the alarm; `None` if none answers.
        receiver: Option<String>,
    },
    /// The receiving center does not know the home, so that it cannot be signaled.
    NoAccount,
    /// No operator is on duty whom the incident could be offered to.
    NobodyOnDuty,
    /// An operator claims the incident, exclusively.
    Claim {
        /// The operator.
        by: Actor,
    },
    /// An operator's claim ends. Refused if another operator holds the incident by now.
    Release {
        /// The actor who ends it.
        by: Actor,
        /// The operator whose claim ends.
        from: Actor,
    },
    /// A supervisor assigns the incident to an operator. Refused if a third operator holds it by
    /// now.
    Assign {
        /// The supervisor.
        by: Actor,
        /// The operator who gets it.
        to: Actor,
        /// The operator who held it, if any.
        from: Option<Actor>,
    },
    /// A person reviewed an incident that was found late (R22).
    Review {
        /// The reviewer.
        by: Actor,
        /// What the reviewer had been shown.
        seen: Seen,
        /// Whether to send help after all.
        proceed: bool,
        /// The reason.
        note: String,
    },
    /// A person at the center is shown the details of the home, and does not work on the incident.
    Shown {
        /// The person.
        by: Actor,
    },
    /// Adds a note to the record.
    Note {
        /// The author.
        by: Actor,
        /// The text.
        text: String,
    },
    /// The center closes the incident.
    Close {
        /// The actor.
        by: Actor,
        /// What the actor had been shown.
        seen: Seen,
        /// How it ended.
        disposition: Disposition,
        /// A note for the record, if any.
        note: Option<String>,
    },
    /// The operator who works on the incident reports. Refused if the operator does not work on it
    /// any more.
    ByAssignee {
        /// The operator.
        by: Actor,
        /// The report.
        report: OperatorReport,
    },
    /// The household ends the incident: only after the calls are over, and only while no center
    /// works on it (I23).
    End {
        /// The actor.
        by: Actor,
        /// What the actor had been shown.
        seen: Seen,
    },
    /// A command from a device that is restricted until then (I33).
    FromRestricted {
        /// When the restriction ends.
        until: Timestamp,
        /// The command.
        command: Box<Self>,
    },
    /// A request that the home's own server signals to this one.
    FromHome {
        /// The incident there.
        incident: IncidentId,
        /// The request.
        command: Box<Self>,
    },
    /// A real request ends the drill.
    ReplaceDrill,
}

impl Command {
    /// The command as it comes from a device, which may be restricted.
    #[must_use]
    pub fn of_device(restricted_until: Option<Timestamp>, command: Self) -> Self {
        match restricted_until {
            Some(until) => Self::FromRestricted { until, command: Box::new(command) },
            None => command,
        }
    }

    /// The actor, if the command names one.
    pub fn by(&self) -> Option<&Actor> {
        match self {
            Self::Join { by, .. }
            | Self::Cancel { by, .. }
            | Self::SendNow { by }
            | Self::Silence { by, .. }
            | Self::Report { by, .. }
            | Self::Claim { by }
            | Self::Release { by, .. }
            | Self::Assign { by, .. }
            | Self::Review { by, .. }
            | Self::Shown { by }
            | Self::Note { by, .. }
            | Self::Close { by, .. }
            | Self::ByAssignee { by, .. }
            | Self::End { by, .. } => Some(by),
            Self::FromRestricted { command, .. } | Self::FromHome { command, .. } => command.by(),
            Self::Tick
            | Self::Call { .. }
            | Self::SirenReported { .. }
            | Self::SirenStopped { .. }
            | Self::Dispatch { .. }
            | Self::Signaled { .. }
            | Self::NoAccount
            | Self::NobodyOnDuty
            | Self::ReplaceDrill => None,
        }
    }
}

/// A report of the operator who works on an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorReport {
    /// A step of a call.
    Call {
        /// The call.
        call: CallId,
        /// The step.
        step: CallStep,
    },
    /// Responders made progress.
    Dispatch {
        /// What the operator had been shown.
        seen: Seen,
        /// The service.
        service: Service,
        /// Its new state.
        state: DispatchState,
        /// The agency's reference number.
        reference: Option<String>,
    },
    /// A note for the record.
    Note {
        /// The text.
        text: String,
    },
    /// The incident is closed.
    Close {
        /// What the operator had been shown.
        seen: Seen,
        /// How it ended.
        disposition: Disposition,
        /// A note for the record, if any.
        note: Option<String>,
    },
}

/// A step of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallStep {
    /// Somebody answers.
    Answer,
    /// The contact confirms the emergency, or that they were informed.
    Confirm,
    /// The contact cancels the emergency.
    Cancel {
        /// Whether the verbal password was right, or none was required.
        authenticated: bool,
        /// What the contact had been told, or the operator who talks to them had been shown.
        seen: Seen,
    },
    /// The contact hangs up.
    HangUp,
    /// The contact answered and hung up, as somebody else reports it afterward.
    AnsweredAndHungUp,
    /// Nothing rings: the contact has neither an open page nor a telephone that can be called (F25).
    CannotRing,
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
