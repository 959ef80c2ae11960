//! What the history and a drill's result say. A result claims only what the incident's record holds (R14, R21).

use super::words::{RecordWord as W, Said};
use crate::{
    api::{
        incident::{CallStage, Incident, Stage},
        timeline::What,
    },
    domain::incident::{CallOutcome, Mode, Purpose},
};
use std::time::Duration;

/// Which incidents are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    All,
    /// Real ones.
    Real,
    /// Drills.
    Drills,
}

impl Filter {
    /// All filters, in their order.
    pub const ALL: [Self; 3] = [Self::All, Self::Real, Self::Drills];

    /// Whether an incident passes.
    pub fn lets(self, incident: &Incident) -> bool {
        match self {
            Self::All => true,
            Self::Real => incident.mode == Mode::Live,
            Self::Drills => incident.mode == Mode::Drill,
        }
    }

    /// What it is called.
    pub const fn word(self) -> W {
        match self {
            Self::All => W::FilterAll,
            Self::Real => W::FilterReal,
            Self::Drills => W::FilterDrills,
        }
    }
}

/// “41.2 s”, and “31 min 40 s” where it is a minute or more.
pub fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole >= 60 {
        return W::MinutesShort.fill(&[&(whole / 60).to_string(), &(whole % 60).to_string()]);
    }
    let tenths = time.as_millis().div_ceil(100);
    W::SecondsShort.fill(&[&format!("{}.{}", tenths / 10, tenths % 10)])
}

/// How long an incident took, if it is over.
pub fn took(incident: &Incident) -> Option<Duration> {
    incident.outcome.as_ref().map(|o| o.at.since(incident.started_at))
}

/// One step of a drill: what, and how long after the start; `None` where it did not happen.
pub type Step = (W, Option<Duration>);

/// The steps of a drill, with the time of each since it was started. Steps that this drill could not have are left out.
pub fn steps(drill: &Incident) -> Vec<Step> {
    let first = |wanted: &[What]| {
        let line = drill.timeline.iter().find(|line| wanted.contains(&line.what))?;
        Some(line.at.since(drill.started_at))
    };
    let has_sirens = drill.timeline.iter().any(|line| line.what == What::SirenOn);
    let has_calls = !drill.calls.is_empty();
    let over = drill.state.is_over().then(|| took(drill)).flatten();
    [
        Some((W::StepSent, first(&[What::CountdownOver, What::SentNow]))),
        has_sirens.then(|| (W::StepSiren, first(&[What::SirenConfirmed]))),
        has_calls.then(|| (W::StepCall, first(&[What::CallPlaced]))),
        has_calls.then(|| (W::StepAnswer, first(&[What::CallAnswered]))),
        Some((W::StepDispatch, first(&[What::DispatchRequested]))),
        Some((W::StepAccepted, first(&[What::DispatchAccepted]))),
        Some((W::StepEnd, over)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How a drill went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillResult {
    /// In a heading.
    pub title: String,
    /// Whether nothing would have gone wrong.
    pub passed: bool,
    /// Who answered, in a sentence.
    pub answered: String,
    /// What would have gone wrong, or is worth knowing.
    pub notes: Vec<W>,
}

/// How a drill went. Nobody answering is no failure: then help is sent, as it should be.
pub fn result(drill: &Incident) -> DrillResult {
    let has = |what: What| drill.timeline.iter().any(|line| line.what == what);
    let call = drill.calls.iter().find(|c| c.purpose == Purpose::Verify);
    let reached = call.filter(|c| c.state == CallStage::Answered || has(What::CallAnswered));
    let called_off = drill.state == Stage::Cancelled;
    let mut notes = Vec::new();
    if has(What::SirenFailed) {
        notes.push(W::SirenSilent);
    }
    let over = drill.state.is_over();
    if over && !called_off && drill.state != Stage::Aborted && !has(What::DispatchAccepted) {
        notes.push(W::NotAccepted);
    }
    if call.is_some_and(|c| c.outcome == Some(CallOutcome::WrongPassword)) {
        notes.push(W::NoPassword);
    }
    let answered = match (call, reached) {
        (None, _) => W::ContactsSpared.say().into(),
        (Some(_), Some(call)) => W::WhoAnswered.fill(&[&call.name]),
        (Some(_), None) => W::NobodyAnswered.say().into(),
    };
    let passed = over && drill.state != Stage::Aborted && notes.is_empty();
    let title = match drill.state {
        Stage::Aborted => W::Aborted.into(),
        _ if !over => W::Unfinished.into(),
        _ if !passed => W::Failed.into(),
        _ => took(drill).map_or_else(|| W::Passed.into(), |took| W::PassedIn.fill(&[&seconds(took)])),
    };
    DrillResult { title, passed, answered, notes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use serde_json::{Value, json};

    fn drill(state: &str, calls: Value, lines: &[(&str, u64)]) -> Incident {
        let at = |ms: u64| Timestamp::from_millis(1_000_000 + ms);
        let lines: Vec<Value> =
            (1..).zip(lines).map(|(seq, (what, ms))| json!({"seq": seq, "at": at(*ms), "what": what, "by": null, "text": ""})).collect();
        let end = lines.last().map(|line| line["at"].clone());
        let over = ["closed", "aborted", "cancelled"].contains(&state);
        let outcome = over.then(|| json!({"state": state, "disposition": null, "by": {"id": "", "name": "Buckler"}, "at": end}));
        serde_json::from_value(json!({
            "id": "00000000-0000-0000-0000-000000000001", "home": "h", "kind": "sos", "services": ["police"], "mode": "drill", "state": state,
            "joined": false, "source": {"surface": "dashboard"}, "started_by": {"id": "a", "name": "Ada"}, "started_at": at(0),
            "deadline": at(5_000), "countdown_ms": 5000, "server_time": at(0), "address": null,
            "siren": {"state": "silent", "until": null, "devices": [], "confirmed": []}, "calls": calls, "dispatches": [],
            "cancel": {"allowed": false, "how": "nothing", "center_phone": null}, "timeline": lines, "outcome": outcome
        }))
        .unwrap()
    }

    fn sister(outcome: &str) -> Value {
        json!([{"id": null, "contact": "sister", "name": "Sister", "order": 1, "purpose": "verify", "state": "ended", "placed_at": null, "outcome": outcome}])
    }

    #[test]
    fn r21_a_drill_tells_the_time_of_each_step_and_who_answered() {
        let lines = [
            ("started", 0),
            ("countdown_over", 5_000),
            ("call_placed", 5_020),
            ("call_answered", 8_000),
            ("dispatch_requested", 9_000),
            ("dispatch_accepted", 10_000),
            ("closed", 41_150),
        ];
        let drill = drill("closed", sister("confirmed"), &lines);
        let told = result(&drill);
        assert_eq!((told.title.as_str(), told.passed, told.answered.as_str()), ("Passed in 41.2 s", true, "Sister answered."));
        let times: Vec<_> = steps(&drill).into_iter().map(|(word, at)| (word, at.map(|d| d.as_millis()))).collect();
        assert_eq!(times[0], (W::StepSent, Some(5_000)));
        assert_eq!(times.last(), Some(&(W::StepEnd, Some(41_150))));
        assert!(!times.iter().any(|(word, _)| *word == W::StepSiren), "a drill without sirens has no step for them");
    }

    #[test]
    fn r21_what_would_have_failed_is_said() {
        let failed = result(&drill(
            "closed",
            sister("no_answer"),
            &[("started", 0), ("sent_now", 100), ("siren_on", 100), ("siren_failed", 200), ("closed", 300)],
        ));
        assert_eq!((failed.passed, failed.notes), (false, vec![W::SirenSilent, W::NotAccepted]));
        let called_off = result(&drill("cancelled", sister("cancelled"), &[("started", 0), ("call_answered", 100), ("cancelled", 300)]));
        assert!(called_off.passed, "calling it off is what a first contact may do");
        let aborted = result(&drill("aborted", json!([]), &[("started", 0), ("aborted", 300)]));
        assert_eq!((aborted.passed, aborted.answered.as_str()), (false, "Contacts were not called."));
        assert!(!result(&drill("verifying", sister("no_answer"), &[("started", 0)])).passed, "a drill that runs has not passed");
    }

    #[test]
    fn drills_and_real_incidents_are_told_apart() {
        let one = drill("closed", json!([]), &[("started", 0)]);
        assert_eq!(Filter::ALL.map(|f| f.lets(&one)), [true, false, true]);
    }
}
