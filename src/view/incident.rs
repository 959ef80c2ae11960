//! What the screens of an incident say. They never claim a stage that is not recorded (R14), nor a siren that there is not (R9).

use super::words;
use crate::{
    api::{
        incident::{Call, CallStage, CancelHow, Incident, Kind, SirenStage, Stage},
        timeline::What,
    },
    domain::incident::{CallOutcome, DispatchState, Disposition, Mode, Purpose},
};

/// Which screen an incident has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// The countdown.
    Countdown,
    /// What is happening.
    Running,
    /// How it ended.
    Ended,
}

/// Which screen an incident has now.
pub fn screen(state: Stage) -> Screen {
    match state {
        Stage::CountingDown => Screen::Countdown,
        Stage::SirenSounding | Stage::Verifying | Stage::Dispatching | Stage::UnderReview => Screen::Running,
        Stage::Aborted | Stage::Cancelled | Stage::Closed => Screen::Ended,
    }
}

/// “Requesting police”, “Sounding the siren”.
pub fn countdown_title(incident: &Incident) -> String {
    match incident.kind {
        Kind::Sos => format!("Requesting {}", words::services(&incident.services)),
        Kind::Siren => "Sounding the siren".into(),
    }
}

/// The countdown as it is spoken: “Requesting police in 5 seconds”.
pub fn countdown_name(incident: &Incident, seconds: u32) -> String {
    format!("{} in {seconds} {}", countdown_title(incident), plural(seconds))
}

/// The line below the title.
pub fn countdown_detail(incident: &Incident, seconds: u32) -> String {
    match (&incident.address, incident.kind) {
        (Some(address), Kind::Sos) => format!("To {} in {seconds} {}", address.line1, plural(seconds)),
        _ => format!("In {seconds} {}", plural(seconds)),
    }
}

fn plural(seconds: u32) -> &'static str {
    if seconds == 1 { "second" } else { "seconds" }
}

/// The heading while it runs.
pub fn running_title(incident: &Incident) -> &'static str {
    match incident.state {
        Stage::UnderReview => "Nothing was sent yet",
        Stage::SirenSounding => "Sirens were asked to sound",
        _ => "Help has been requested",
    }
}

/// The line below the heading.
pub fn running_detail(incident: &Incident) -> String {
    if incident.state == Stage::UnderReview {
        return "The server was down for too long to act by itself. If you need help now, call or ask again.".into();
    }
    match (&incident.address, incident.kind) {
        (Some(address), Kind::Sos) => words::capital(&format!("{}, to {}", words::services(&incident.services), address.line1)),
        (None, Kind::Sos) => words::capital(&words::services(&incident.services)),
        (_, Kind::Siren) => "No call and no dispatch".into(),
    }
}

/// The call that matters now: the one that is open, or else the last.
pub fn call_now(incident: &Incident) -> Option<&Call> {
    let open = |c: &&Call| matches!(c.state, CallStage::Ringing | CallStage::Answered);
    incident.calls.iter().find(open)
}

/// “Calling Sister”, “Talking to Sister”.
pub fn call_title(call: &Call) -> String {
    match call.state {
        CallStage::Answered => format!("Talking to {}", call.name),
        _ => format!("Calling {}", call.name),
    }
}

/// The line below a call, `seconds` after it was placed.
pub fn call_detail(call: &Call, seconds: u64) -> String {
    let progress = match call.state {
        CallStage::Answered => "Answered.".into(),
        _ => format!("Ringing for {seconds} s."),
    };
    match call.purpose {
        Purpose::Verify => format!("{progress} {}", words::ONLY_FIRST_CALL),
        Purpose::Inform => format!("{progress} To say that help was requested."),
    }
}

/// What the app says about calling it off.
pub fn cancel_note(incident: &Incident) -> Option<&'static str> {
    match incident.cancel.how {
        CancelHow::CancelHelp => None,
        CancelHow::AnswerFirstCall => Some(words::ONLY_FIRST_CALL),
        CancelHow::Nothing if incident.state == Stage::Dispatching => Some(words::CANNOT_CANCEL),
        CancelHow::Nothing => None,
    }
}

/// Whether Silence Siren is offered.
pub fn can_silence(incident: &Incident) -> bool {
    incident.siren.state == SirenStage::Sounding
}

/// A responder's state in a word or two.
pub fn dispatch_word(state: DispatchState) -> &'static str {
    match state {
        DispatchState::Requested => "Requested",
        DispatchState::Accepted => "Accepted",
        DispatchState::Rejected => "Rejected",
        DispatchState::EnRoute => "On the way",
        DispatchState::OnScene => "On scene",
        DispatchState::Closed => "Done",
    }
}

/// How it ended: a heading, and a line below. `clock` is the local time at which it ended.
pub fn ended(incident: &Incident, clock: &str) -> (String, String) {
    let outcome = incident.outcome.as_ref();
    let by = outcome.map_or("", |o| o.by.name.as_str());
    let drill = incident.mode == Mode::Drill;
    match (incident.state, outcome.and_then(|o| o.disposition)) {
        (Stage::Aborted, _) => ("Cancelled. Nothing was sent.".into(), format!("By {by} at {clock}")),
        (Stage::Cancelled, _) => (format!("{by} called it off at {clock}."), "Help is not coming. If you still need it, ask again.".into()),
        (_, Some(Disposition::SirenOver)) => ("The sirens have stopped.".into(), format!("At {clock}")),
        (_, Some(Disposition::SirenTooLate)) => ("No siren sounded.".into(), "The server was down when it should have.".into()),
        (_, Some(Disposition::ReplacedByLive)) => ("The drill was ended.".into(), "A real request took over.".into()),
        (_, Some(Disposition::ReviewedNotSent)) => ("Nothing was sent.".into(), format!("{by} looked at it at {clock}")),
        (_, Some(Disposition::ClosedByCenter)) => ("Closed by the monitoring center.".into(), format!("At {clock}")),
        (_, _) if drill => ("The drill is complete.".into(), format!("Finished at {clock}")),
        (_, _) => (words::capital(&format!("{} came and finished.", words::services(&incident.services))), format!("Closed at {clock}")),
    }
}

/// One line about a past incident.
pub fn summary(incident: &Incident) -> String {
    let what = match incident.kind {
        Kind::Siren => "Siren only".into(),
        Kind::Sos => words::capital(&words::services(&incident.services)),
    };
    let drill = if incident.mode == Mode::Drill { "Drill: " } else { "" };
    let end = match (incident.state, incident.outcome.as_ref().and_then(|o| o.disposition)) {
        (Stage::Aborted, _) => "cancelled in time",
        (Stage::Cancelled, _) => "called off",
        (Stage::Closed, Some(Disposition::SirenOver)) => "sirens stopped",
        (Stage::Closed, Some(Disposition::ReplacedByLive)) => "ended by a real request",
        (Stage::Closed, Some(Disposition::ReviewedNotSent)) => "not sent",
        (Stage::Closed, _) => "finished",
        _ => "running",
    };
    format!("{drill}{what}, {end}")
}

/// How a line of the timeline is marked.
pub fn mark(what: What) -> &'static str {
    match what {
        What::CountdownOver | What::SentNow | What::SirenOn | What::DispatchRequested => "sent",
        What::SirenFailed | What::DispatchRejected | What::CancelRefused => "bad",
        What::SirenConfirmed | What::DispatchAccepted | What::EnRoute | What::OnScene | What::Aborted | What::Cancelled => "good",
        _ => "plain",
    }
}

/// How a call ended, for the list of calls.
pub fn call_word(call: &Call) -> &'static str {
    match (call.state, call.outcome) {
        (CallStage::Queued, _) => "Next",
        (CallStage::Ringing, _) => "Ringing",
        (CallStage::Answered, _) => "Talking",
        (CallStage::Ended, Some(CallOutcome::Confirmed)) => "Confirmed",
        (CallStage::Ended, Some(CallOutcome::Cancelled)) => "Called it off",
        (CallStage::Ended, Some(CallOutcome::Told)) => "Told",
        (CallStage::Ended, Some(CallOutcome::WrongPassword)) => "Wrong password",
        (CallStage::Ended, Some(CallOutcome::NoAnswer)) => "No answer",
        (CallStage::Ended, _) => "Not reached",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn incident(state: &str, services: &[&str]) -> Incident {
        let json = serde_json::json!({
            "id": "00000000-0000-0000-0000-000000000001", "home": "h", "kind": if services.is_empty() { "siren" } else { "sos" },
            "services": services, "mode": "live", "state": state, "joined": false, "source": {"surface": "dashboard"},
            "started_by": {"id": "a", "name": "Ada"}, "started_at": Timestamp::default(), "deadline": Timestamp::default(),
            "countdown_ms": 5000, "server_time": Timestamp::default(),
            "address": {"line1": "14 Maple Street", "line2": null, "city": "c", "region": "r", "postal_code": "p", "country": "US"},
            "siren": {"state": "silent", "until": null, "devices": [], "confirmed": []}, "calls": [], "dispatches": [],
            "cancel": {"allowed": false, "how": "nothing", "center_phone": null}, "timeline": [], "outcome": null
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_countdown_says_what_where_and_when() {
        let one = incident("counting_down", &["police", "medical"]);
        assert_eq!(countdown_name(&one, 5), "Requesting police and medical help in 5 seconds");
        assert_eq!(countdown_detail(&one, 1), "To 14 Maple Street in 1 second");
        assert_eq!(countdown_name(&incident("counting_down", &[]), 5), "Sounding the siren in 5 seconds");
    }

    #[test]
    fn r14_the_heading_claims_only_what_is_recorded() {
        assert_eq!(running_title(&incident("verifying", &["police"])), "Help has been requested");
        assert_eq!(running_title(&incident("under_review", &["police"])), "Nothing was sent yet");
        assert_eq!(running_title(&incident("siren_sounding", &[])), "Sirens were asked to sound");
    }

    #[test]
    fn r9_without_sirens_silence_is_not_offered() {
        assert!(!can_silence(&incident("verifying", &["police"])));
    }

    #[test]
    fn r11_an_abort_says_that_nothing_was_sent() {
        assert_eq!(ended(&incident("aborted", &["fire"]), "14:03").0, "Cancelled. Nothing was sent.");
        assert_eq!(screen(Stage::Aborted), Screen::Ended);
    }
}
