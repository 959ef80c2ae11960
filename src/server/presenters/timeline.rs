//! The timeline of an incident in sentences. The app and the evidence use the same.
//!
//! A line depends on its fact and on the incident at that moment, not on later events. The
//! exception is a wrong password, which the home sees only after the end ([`Audience::outcome`]).

use crate::{
    api::timeline::{TimelineEntry, What},
    domain::{
        id::{CallId, DeviceId},
        incident::{
            self as core, Actor, Call, CallOutcome, CenterMode, DispatchState, Disposition, Mode,
            Purpose, Quiet, Report, Request, Service, SirenFault, Source,
            disclosure::Audience,
            event::{Event, Recorded},
        },
    },
};

/// The whole timeline, as this audience may see it.
pub fn lines(
    incident: &core::Incident,
    history: &[Recorded],
    audience: Audience,
) -> Vec<TimelineEntry> {
    let story = Story { incident, audience };
    let mut then: Option<core::Incident> = None;
    let line = |(seq, fact): (u32, &Recorded)| {
        match &mut then {
            Some(then) => then.apply(fact),
            None => {
                then = core::Incident::replay(
                    incident.id,
                    incident.home.clone(),
                    std::slice::from_ref(fact),
                )
            }
        }
        // A history begins with a start. If one does not, the current state is used.
        story.line(seq, fact, then.as_ref().unwrap_or(incident))
    };
    (1u32..).zip(history).map(line).collect()
}

/// The name of a service, for the beginning of a sentence.
pub fn service_name(service: Service) -> &'static str {
    match service {
        Service::Police => "Police",
        Service::Fire => "Fire department",
        Service::Medical => "Medical help",
    }
}

struct Story<'a> {
    incident: &'a core::Incident,
    audience: Audience,
}

impl Story<'_> {
    fn line(&self, seq: u32, fact: &Recorded, then: &core::Incident) -> TimelineEntry {
        let (what, by, text) = self.words(&fact.event, then);
        // A report from outside keeps its own time, limited to the time between the start and its
        // arrival, because clocks differ.
        let at = match &fact.event {
            Event::Reported { said_at, .. } => {
                (*said_at).clamp(self.incident.started_at.min(fact.at), fact.at)
            }
            _ => fact.at,
        };
        TimelineEntry { seq, at, what, by: by.map(|b| b.name().into()), text }
    }

    /// The words of a fact. `then` is the incident after the fact.
    fn words<'e>(
        &self,
        event: &'e Event,
        then: &core::Incident,
    ) -> (What, Option<&'e core::Actor>, String) {
        match event {
            Event::Started { .. }
            | Event::Joined { .. }
            | Event::Repeated { .. }
            | Event::Aborted { .. }
            | Event::Withdrawn { .. } => self.of_requests(event),
            Event::CountdownOver { late_ms } => (What::CountdownOver, None, self.sent(*late_ms, then)),
            Event::SentNow { by } => (What::SentNow, Some(by), "Sent without waiting for the countdown".into()),
            Event::FoundLate { late_ms, put_back } => (What::Note, None, found_late(*late_ms, *put_back, then)),
            Event::SirenOn { .. }
            | Event::SirenConfirmed { .. }
            | Event::SirenFailed { .. }
            | Event::SirenStopped { .. }
            | Event::SirenSilenced { .. }
            | Event::SirenOver
            | Event::Announced { .. } => self.of_sirens(event),
            Event::Claimed { by } => (What::Note, Some(by), CLAIMED.into()),
            Event::Released { by } => (What::Note, Some(by), RELEASED.into()),
            Event::Reported { by, report, .. } => {
                let (what, text) = self.reported(report, then);
                (what, Some(by), text)
            }
            Event::ClaimLapsed => (What::Note, None, CLAIM_LAPSED.into()),
            Event::Unclaimed { nobody_on_duty: true } => {
                (What::Note, None, "Nobody is on duty at the monitoring center. Buckler goes on by itself".into())
            }
            Event::Unclaimed { .. } => (What::Note, None, "Nobody at the center took it in time. Buckler goes on by itself".into()),
            Event::Unanswered => (What::Note, None, UNANSWERED.into()),
            Event::SignalAccepted { receiver } => (What::Note, None, format!("The receiving center has the alarm ({receiver})")),
            Event::SignalFailed { no_account: true } => (What::Note, None, NO_ACCOUNT.into()),
            Event::SignalFailed { .. } => {
                (What::Note, None, "The receiving center does not answer. It is asked again; call the emergency number as well".into())
            }
            Event::CallPlaced { call, purpose, beside, .. } => (What::CallPlaced, None, self.call_placed(*call, (*purpose, *beside), then)),
            Event::CallAnswered { call, .. } => (What::CallAnswered, None, format!("{} answered", self.caller(*call))),
            Event::CallEnded { call, outcome } => (What::CallEnded, None, self.call_ended(*call, *outcome)),
            Event::CancelRefused { by } => {
                (What::CancelRefused, Some(by), "Wanted to cancel, after the countdown. Only answering the first call cancels".into())
            }
            Event::DispatchRequested { service } => (What::DispatchRequested, None, self.dispatch_requested(*service, then)),
            Event::DispatchMoved { service, state, reference } => {
                let (what, text) = dispatch_moved(*service, *state, reference.as_deref(), then);
                let simulated = if self.incident.mode == Mode::Drill { " (simulated)" } else { "" };
                (what, None, text + simulated)
            }
            Event::Cancelled { by } => (What::Cancelled, Some(by), self.called_off(by)),
            Event::Reviewed { by, proceed, note } => {
                let decision = if *proceed { "Looked at it: send help" } else { "Looked at it: send nothing" };
                (What::Reviewed, Some(by), with_note(decision, note))
            }
            Event::Noted { by, text, .. } => (What::Note, Some(by), text.clone()),
            Event::Unknown => (What::Note, None, "Something that only a newer version of Buckler can show".into()),
            Event::Closed { by, disposition } => (What::Closed, Some(by), closed(*disposition, then).into()),
        }
    }

    /// The words of a fact about what people ask for, and take back in time.
    fn of_requests<'e>(&self, event: &'e Event) -> (What, Option<&'e core::Actor>, String) {
        match event {
            Event::Started { request, source, by, mode, quiet, .. } => {
                let manner = match (mode, quiet) {
                    (Mode::Drill, _) => "Practice: ",
                    (_, Some(Quiet::Duress)) => "Duress, unnoticed by the home: ",
                    (_, Some(Quiet::HoldUp)) => "Silent hold-up, unnoticed by the home: ",
                    (Mode::Live, None) => "",
                };
                (
                    What::Started,
                    Some(by),
                    format!("{manner}{} from {}", asked(*request), self.place(source, by)),
                )
            }
            Event::Repeated { request, source, by, .. } => (
                What::Joined,
                Some(by),
                format!("{} again, from {}", asked(*request), self.place(source, by)),
            ),
            Event::Joined { request, source, by, .. } => (
                What::Joined,
                Some(by),
                format!("{} too, from {}", asked(*request), self.place(source, by)),
            ),
            Event::Aborted { by } => {
                (What::Aborted, Some(by), "Cancelled in time. Nothing was sent".into())
            }
            Event::Withdrawn { by, requests } => {
                let names: Vec<&str> = requests.iter().map(|request| withdrawn(*request)).collect();
                let text = format!(
                    "Cancelled in time: {}. What others asked for goes on",
                    names.join(", ")
                );
                (What::Note, Some(by), text)
            }
            _ => (What::Other, None, String::new()),
        }
    }

    /// The words of a fact about sirens or announcements.
    fn of_sirens<'e>(&self, event: &'e Event) -> (What, Option<&'e core::Actor>, String) {
        match event {
            Event::SirenOn { devices, .. } => {
                (What::SirenOn, None, format!("Sirens asked to sound: {}", self.devices(devices)))
            }
            Event::SirenConfirmed { device } => {
                (What::SirenConfirmed, None, format!("{} is sounding", self.device(device)))
            }
            Event::SirenStopped { device } => (
                What::SirenStopped,
                None,
                format!("{} stopped too early, or at its own button", self.device(device)),
            ),
            Event::SirenFailed { devices, fault: SirenFault::NotConfirmed } => {
                (What::SirenFailed, None, format!("Siren not confirmed: {}", self.devices(devices)))
            }
            Event::SirenFailed { fault: SirenFault::TooLate, .. } => (
                What::SirenFailed,
                None,
                "The server was down for too long; sirens were left silent".into(),
            ),
            Event::SirenSilenced { by } => {
                (What::SirenSilenced, Some(by), "Sirens silenced. Nothing else has changed".into())
            }
            Event::SirenOver => (What::SirenOver, None, "Sirens stopped".into()),
            Event::Announced { device } => (
                What::Announced,
                None,
                format!(
                    "{} was asked to announce that medical help was requested. Nothing confirms that it did",
                    self.device(device)
                ),
            ),
            _ => (What::Other, None, String::new()),
        }
    }

    /// The words of the end of a countdown. `then` is the incident after it.
    fn sent(&self, late_ms: u64, then: &core::Incident) -> String {
        let late = match late_ms {
            0..1_000 => String::new(),
            // A server that is up acts within that time, also on a disk that fails (I25).
            1_000..2_000 => ", 1 s late".into(),
            _ => format!(", {} s late because the server was down", late_ms / 1_000),
        };
        let is_sent = matches!(then.state, core::State::Verifying(_) | core::State::Dispatching);
        match is_sent && !self.is_nobody_connected() {
            true => format!("Request sent to the monitoring center{late}"),
            false => format!("Countdown over{late}"),
        }
    }

    /// Whether no party was connected that could have been asked for help.
    fn is_nobody_connected(&self) -> bool {
        self.incident.mode == Mode::Live && !self.incident.snapshot.policy.connected
    }

    fn dispatch_requested(&self, service: Service, then: &core::Incident) -> String {
        let is_again = then.dispatches.iter().any(|d| d.service == service && d.again.is_some());
        match self.is_nobody_connected() {
            true => format!(
                "{}: nobody is connected who could send help. Call the emergency number",
                service_name(service)
            ),
            false if is_again => {
                format!("{} requested again{}", service_name(service), self.to_address())
            }
            false if self.incident.asks_first() => {
                format!("{} requested{}", service_name(service), self.to_address())
            }
            false => format!(
                "{} requested{}. Nobody was asked first, because the last request was called off a short time ago",
                service_name(service),
                self.to_address()
            ),
        }
    }

    /// The words of a call-off. A receiving center is told as well, and may have sent somebody (I27).
    fn called_off(&self, by: &Actor) -> String {
        let is_signaled = self.incident.mode == Mode::Live
            && self.incident.snapshot.policy.center == CenterMode::Receiver;
        match is_signaled {
            true => format!("{} called it off. The receiving center is asked to stop", by.name()),
            false => format!("{} called it off", by.name()),
        }
    }

    fn place(&self, source: &Source, by: &Actor) -> String {
        match source {
            Source::Dashboard => "the dashboard".into(),
            Source::Device => by.name().into(),
            Source::LiveView { camera } => {
                let named = self
                    .incident
                    .snapshot
                    .camera_names
                    .iter()
                    .find(|c| c.id.as_str() == camera.as_str());
                named.map_or_else(|| camera.to_string(), |c| c.name.clone())
            }
        }
    }

    fn device(&self, id: &DeviceId) -> String {
        let snapshot = &self.incident.snapshot;
        let named = snapshot.sounders.iter().chain(&snapshot.announcer).find(|s| s.id == *id);
        named.map_or_else(|| id.to_string(), |s| s.name.clone())
    }

    fn devices(&self, ids: &[DeviceId]) -> String {
        ids.iter().map(|id| self.device(id)).collect::<Vec<_>>().join(", ")
    }

    fn caller(&self, call: CallId) -> String {
        let placed = self.incident.calls.iter().find(|placed| placed.id == call);
        let name = |call: &Call| match self.incident.contact(call) {
            Some(contact) => contact.name().to_owned(),
            None => call.contact.to_string(),
        };
        placed.map_or_else(String::new, name)
    }

    /// The words of a call. Operators make the first call by hand once one of them took the incident;
    /// every other call is Buckler's own, beside the operators or the receiving center.
    fn call_placed(
        &self,
        call: CallId,
        (purpose, beside): (Purpose, bool),
        then: &core::Incident,
    ) -> String {
        let by_operator = purpose == Purpose::Verify && !beside && then.assignee.is_some();
        let who = match self.incident.snapshot.policy.center {
            CenterMode::Operators if by_operator => "An operator",
            CenterMode::Automatic if !self.is_nobody_connected() => "The monitoring center",
            _ => "Buckler",
        };
        let name = self.caller(call);
        match purpose {
            _ if beside => format!(
                "{who} is calling {name} as well, who was the first contact until a change of the last day"
            ),
            Purpose::Inform if !self.is_nobody_connected() => {
                format!("{who} is calling {name} to say that help was requested")
            }
            Purpose::Verify | Purpose::Inform => format!("{who} is calling {name}"),
        }
    }

    fn call_ended(&self, call: CallId, outcome: CallOutcome) -> String {
        self.ended(&self.caller(call), outcome)
    }

    fn ended(&self, name: &str, outcome: CallOutcome) -> String {
        match self.audience.outcome(self.incident, outcome) {
            Some(outcome) => call_ended(name, outcome),
            None => format!("The call to {name} ended"),
        }
    }

    fn reported(&self, report: &Report, then: &core::Incident) -> (What, String) {
        match report {
            Report::Claimed => (What::Note, CLAIMED.into()),
            Report::Released => (What::Note, RELEASED.into()),
            Report::Called { name, outcome } => (What::Note, self.ended(name, *outcome)),
            Report::Moved { service, state, reference } => {
                dispatch_moved(*service, *state, reference.as_deref(), then)
            }
            Report::Ended { .. } => (What::Note, "The monitoring center has finished".into()),
            Report::Unnamed { said } => {
                let (_, said) = self.reported(said, then);
                (
                    What::Note,
                    format!(
                        "{said}. It was said of this home, not of this incident: nothing changes here"
                    ),
                )
            }
        }
    }

    fn to_address(&self) -> String {
        self.incident
            .snapshot
            .address
            .as_ref()
            .map_or_else(String::new, |a| format!(" to {}, {}", a.line1, a.city))
    }
}

const NO_ACCOUNT: &str = "This home has no account at the receiving center. Nobody was told there: call the emergency number";
const UNANSWERED: &str =
    "No center and no contact has answered for a minute. Call the emergency number";
const CLAIMED: &str = "An operator took the incident";
const CLAIM_LAPSED: &str =
    "The center has reported nothing for 15 minutes. It is not known whether it still works on it";
const RELEASED: &str = "Nobody at the center works on it now";

fn call_ended(name: &str, outcome: CallOutcome) -> String {
    match outcome {
        CallOutcome::Confirmed => format!("{name} confirmed the emergency"),
        CallOutcome::Cancelled => format!("{name} said that help is not needed"),
        CallOutcome::NoAnswer => format!("{name} did not answer"),
        CallOutcome::Voicemail => format!("Voicemail answered for {name}"),
        CallOutcome::Busy => format!("{name} was busy or declined"),
        CallOutcome::Failed => format!("The call to {name} could not be made"),
        CallOutcome::HungUp => format!("{name} hung up without deciding"),
        CallOutcome::NoDecision => format!("{name} did not decide in time"),
        CallOutcome::WrongPassword => format!("{name} tried to call it off with a wrong password"),
        CallOutcome::Told => format!("{name} was told"),
        CallOutcome::Withdrawn => format!("The call to {name} ended with the incident"),
    }
}

/// The words of a request, for the beginning of a sentence.
fn asked(request: Request) -> &'static str {
    match request {
        Request::Police => "Police requested",
        Request::Fire => "Fire department requested",
        Request::Medical => "Medical help requested",
        Request::Siren => "Siren only requested",
    }
}

fn withdrawn(request: Request) -> &'static str {
    match request.service() {
        Some(service) => service_name(service),
        None => "sirens only",
    }
}

fn dispatch_moved(
    service: Service,
    state: DispatchState,
    reference: Option<&str>,
    then: &core::Incident,
) -> (What, String) {
    let name = service_name(service);
    let (what, text) = match state {
        DispatchState::Requested => (What::DispatchRequested, format!("{name} requested")),
        DispatchState::Accepted => (What::DispatchAccepted, format!("{name}: request accepted")),
        DispatchState::Rejected => {
            (What::DispatchRejected, format!("{name}: request rejected. The center must act"))
        }
        DispatchState::EnRoute => (What::EnRoute, format!("{name}: on the way")),
        DispatchState::OnScene => (What::OnScene, format!("{name}: on scene")),
        DispatchState::Closed if came(service, then) => (What::Note, format!("{name}: done")),
        DispatchState::Closed => (What::Note, format!("{name}: the request was closed")),
    };
    (what, reference.map_or(text.clone(), |r| format!("{text} ({r})")))
}

/// Whether responders of the service were at the scene.
fn came(service: Service, then: &core::Incident) -> bool {
    let mut known = then.dispatches.iter().chain(&then.external.early);
    known.any(|d| d.service == service && d.came)
}

fn closed(disposition: Disposition, then: &core::Incident) -> &'static str {
    match disposition {
        Disposition::ServicesClosed if then.dispatches.iter().all(|d| d.came) => {
            "Closed: every service has finished"
        }
        Disposition::ServicesClosed => "Closed: every request was closed",
        Disposition::SirenOver => "Closed: the sirens have stopped",
        Disposition::SirenTooLate => "Closed: it was too late for sirens",
        Disposition::SilentPractice => "Practice over: no siren was to sound",
        Disposition::EndedByHome => "Ended by the household",
        Disposition::NobodyConnected => {
            "Closed by itself: this server is connected to nobody who could send help"
        }
        Disposition::ReplacedByLive => "Practice ended: a real request took over",
        Disposition::ReviewedNotSent => {
            let may_have_left = then.may_have_left || then.signaled == Some(true);
            match (may_have_left, then.alarms_at_center().is_empty()) {
                (true, true) => "Closed: nobody needs help",
                (true, false) => "Closed: nobody needs help. The receiving center is asked to stop",
                (false, true) => "Closed: nothing was sent",
                (false, false) => {
                    "Closed: nothing was sent. The receiving center is asked to stop, in case it has an alarm"
                }
            }
        }
        Disposition::ClosedByCenter => "Closed by the monitoring center",
        Disposition::HelpGiven => "Closed by the monitoring center: help was given",
        Disposition::FalseAlarm => "Closed by the monitoring center: nobody had needed help",
    }
}

fn found_late(late_ms: u64, put_back: bool, then: &core::Incident) -> String {
    let cause = match put_back {
        true => "The server's database was put back from a copy".into(),
        false => format!("The server was down. Found {} min late", late_ms / 60_000),
    };
    match then.state {
        core::State::Dispatching => format!("{cause}: nobody else is called by itself"),
        _ if then.may_have_left => {
            format!("{cause}: somebody must look at it before anything more is sent")
        }
        _ => format!("{cause}: somebody must look at it before anything is sent"),
    }
}

fn with_note(decision: &str, note: &str) -> String {
    if note.is_empty() { decision.into() } else { format!("{decision}. {note}") }
}
