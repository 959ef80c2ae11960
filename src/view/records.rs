//! Texts of the history and of drill results. A result claims only what the incident's record holds
//! (R14, R21).

use super::words::{RecordWord as W, Said, Word};
use crate::{
    api::{
        heard::Heard,
        home::CheckKind,
        incident::{CallStage, Incident, Kind, Stage},
        timeline::What,
    },
    domain::incident::{CallOutcome, Disposition, Mode, Purpose},
};
use std::time::Duration;

/// A filter of the history.
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

    /// Whether an incident passes the filter.
    pub fn lets(self, incident: &Incident) -> bool {
        match self {
            Self::All => true,
            Self::Real => incident.mode != Mode::Drill,
            Self::Drills => incident.mode == Mode::Drill,
        }
    }

    /// The name of the filter.
    pub const fn word(self) -> W {
        match self {
            Self::All => W::FilterAll,
            Self::Real => W::FilterReal,
            Self::Drills => W::FilterDrills,
        }
    }
}

/// Formats a duration: “41.2 s”, or “31 min 40 s” if it is a minute or more.
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

/// A step of a drill: its name, and the time since the start; `None` if it did not happen.
pub type Step = (W, Option<Duration>);

/// Returns the steps of a drill, each with the time since the start. Steps that this drill could
/// not have are left out.
pub fn steps(drill: &Incident) -> Vec<Step> {
    let first = |wanted: &[What]| {
        let line = drill.timeline.iter().find(|line| wanted.contains(&line.what))?;
        Some(line.at.since(drill.started_at))
    };
    let has_sirens = drill.timeline.iter().any(|line| line.what == What::SirenOn);
    let has_calls = !drill.calls.is_empty();
    let asks = drill.kind != Kind::Siren;
    let over = drill.state.is_over().then(|| took(drill)).flatten();
    [
        Some((W::StepSent, first(&[What::CountdownOver, What::SentNow]))),
        has_sirens.then(|| (W::StepSiren, first(&[What::SirenConfirmed]))),
        has_calls.then(|| (W::StepCall, first(&[What::CallPlaced]))),
        has_calls.then(|| (W::StepAnswer, first(&[What::CallAnswered]))),
        asks.then(|| (W::StepDispatch, first(&[What::DispatchRequested]))),
        asks.then(|| (W::StepAccepted, first(&[What::DispatchAccepted]))),
        Some((W::StepEnd, over)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a drill shows about a real request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would have worked.
    Passed,
    /// Help would have come, but something was not tried or was not as it should be; or the app is
    /// too old to say.
    Doubtful,
    /// Something would have gone wrong, or the drill has not come to its end.
    Failed,
}

impl Verdict {
    /// The symbol, and the CSS classes of its mark.
    pub const fn look(self) -> (&'static str, &'static str) {
        match self {
            Self::Passed => ("check", "mark"),
            Self::Doubtful => ("info", "mark mark--doubt"),
            Self::Failed => ("warning", "mark mark--bad"),
        }
    }
}

/// The result of a drill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillResult {
    /// The heading.
    pub title: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Who answered, in a sentence.
    pub answered: String,
    /// What would have gone wrong.
    pub notes: Vec<String>,
}

/// Evaluates a drill. It passes only if an SOS would have worked; each requirement that was not met
/// when it began fails it and is named.
pub fn result(drill: &Incident) -> DrillResult {
    let has = |what: What| drill.timeline.iter().any(|line| line.what == what);
    let disposition = drill.outcome.as_ref().and_then(|o| o.disposition);
    let call = drill.calls.iter().find(|c| c.purpose == Purpose::Verify);
    let reached = call.filter(|c| c.state == CallStage::Answered || has(What::CallAnswered));
    let answered = match (call, reached) {
        (None, _) => W::ContactsSpared.say().into(),
        (Some(_), Some(call)) => W::WhoAnswered.fill(&[&call.name]),
        (Some(_), None) => W::NobodyAnswered.say().into(),
    };
    let mut wrong = Vec::new();
    if drill.kind != Kind::Siren && !drill.unready.is_empty() {
        let named: Vec<_> = drill.unready.iter().map(|check| lacked(*check).say()).collect();
        wrong.push(W::Lacked.fill(&[&named.join(" · ")]));
    }
    if has(What::SirenFailed) {
        wrong.push(W::SirenSilent.into());
    }
    let ran = drill.state == Stage::Cancelled
        || drill.state == Stage::Closed && disposition != Some(Disposition::ReplacedByLive.into());
    let is_new = drill.state == Stage::Other || disposition == Some(Heard::Unknown);
    if ran
        && drill.state != Stage::Cancelled
        && drill.kind != Kind::Siren
        && !is_new
        && !has(What::DispatchAccepted)
    {
        wrong.push(W::NotAccepted.into());
    }
    if call.is_some_and(|c| c.outcome == Some(CallOutcome::WrongPassword.into())) {
        wrong.push(W::NoPassword.into());
    }
    let silent = disposition == Some(Disposition::SilentPractice.into());
    let title = match drill.state {
        Stage::Aborted => W::Aborted.into(),
        Stage::Closed if disposition == Some(Disposition::ReplacedByLive.into()) => {
            W::Replaced.into()
        }
        _ if is_new && wrong.is_empty() => W::ResultNew.into(),
        _ if !ran && !is_new => W::Unfinished.into(),
        _ if !wrong.is_empty() => W::Failed.into(),
        _ if silent => W::NothingTried.into(),
        _ if call.is_some() && reached.is_none() => W::PassedUnanswered.into(),
        _ => {
            took(drill).map_or_else(|| W::Passed.into(), |took| W::PassedIn.fill(&[&seconds(took)]))
        }
    };
    let verdict = match () {
        () if !ran && !is_new || !wrong.is_empty() => Verdict::Failed,
        () if is_new || silent || call.is_some() && reached.is_none() => Verdict::Doubtful,
        () => Verdict::Passed,
    };
    DrillResult { title, verdict, answered, notes: wrong }
}

/// The text of a requirement that was not met.
const fn lacked(check: Heard<CheckKind>) -> Word {
    match check {
        Heard::Known(CheckKind::Center) => Word::CenterNotReady,
        Heard::Known(CheckKind::BaseStation) => Word::BaseOffline,
        Heard::Known(CheckKind::Contacts) => Word::NoContactReady,
        Heard::Known(CheckKind::Ring) => Word::NoContactRings,
        Heard::Known(CheckKind::Address) => Word::NoAddress,
        Heard::Known(CheckKind::Devices) => Word::DevicesNeedALook,
        Heard::Unknown => Word::SomethingNeedsALook,
    }
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

    /// R21.
    #[test]
    fn drill_tells_the_time_of_each_step_and_who_answered() {
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
        assert_eq!(
            (told.title.as_str(), told.verdict, told.answered.as_str()),
            ("Passed in 41.2 s", Verdict::Passed, "Sister answered.")
        );
        let times: Vec<_> =
            steps(&drill).into_iter().map(|(word, at)| (word, at.map(|d| d.as_millis()))).collect();
        assert_eq!(times[0], (W::StepSent, Some(5_000)));
        assert_eq!(times.last(), Some(&(W::StepEnd, Some(41_150))));
        assert!(
            !times.iter().any(|(word, _)| *word == W::StepSiren),
            "a drill without sirens has no step for them"
        );
    }

    /// R21.
    #[test]
    fn drill_says_what_would_have_failed() {
        let failed = result(&drill(
            "closed",
            sister("no_answer"),
            &[
                ("started", 0),
                ("sent_now", 100),
                ("siren_on", 100),
                ("siren_failed", 200),
                ("closed", 300),
            ],
        ));
        assert_eq!(
            (failed.verdict, failed.notes),
            (Verdict::Failed, [W::SirenSilent, W::NotAccepted].map(String::from).to_vec())
        );
        let called_off = result(&drill(
            "cancelled",
            sister("cancelled"),
            &[("started", 0), ("call_answered", 100), ("cancelled", 300)],
        ));
        assert_eq!(
            called_off.verdict,
            Verdict::Passed,
            "calling it off is what a first contact may do"
        );
        let aborted = result(&drill("aborted", json!([]), &[("started", 0), ("aborted", 300)]));
        assert_eq!(
            (aborted.verdict, aborted.answered.as_str()),
            (Verdict::Failed, "Contacts were not called.")
        );
        let running = result(&drill("verifying", sister("no_answer"), &[("started", 0)]));
        assert_eq!(
            (running.verdict, running.title.as_str()),
            (Verdict::Failed, "The drill is still running")
        );
    }

    /// R21, R23: a server that is connected to nobody, a base station that is away, contacts who
    /// cannot be called.
    #[test]
    fn drill_passes_only_what_would_have_worked() {
        let lines = [
            ("started", 0),
            ("call_placed", 100),
            ("call_answered", 150),
            ("dispatch_accepted", 200),
            ("closed", 300),
        ];
        let mut lacking = drill("closed", sister("confirmed"), &lines);
        lacking.unready =
            Heard::all([CheckKind::Center, CheckKind::BaseStation, CheckKind::Contacts]);
        let told = result(&lacking);
        assert_eq!(
            (told.verdict, told.title.as_str()),
            (Verdict::Failed, "Something would have gone wrong")
        );
        assert_eq!(
            told.notes,
            [
                "When the drill began: Not connected to responders · Base station offline · No contact is ready"
            ]
        );
        let unanswered =
            [("started", 0), ("call_placed", 100), ("dispatch_accepted", 200), ("closed", 300)];
        let told = result(&drill("closed", sister("no_answer"), &unanswered));
        assert_eq!(
            (told.verdict, told.title.as_str()),
            (Verdict::Doubtful, "Help would have come, but nobody answered")
        );
        let told = result(&drill(
            "closed",
            json!([]),
            &[("started", 0), ("dispatch_accepted", 200), ("closed", 300)],
        ));
        assert_eq!(told.verdict, Verdict::Passed, "contacts who were to be spared are not missed");
    }

    /// R21: a drill of the sirens alone asks nobody for help.
    #[test]
    fn drill_of_sirens_is_judged_by_sirens() {
        let of_sirens = |disposition: &str, lines: &[(&str, u64)]| {
            let mut drill = drill("closed", json!([]), lines);
            (drill.kind, drill.services, drill.unready) =
                (Kind::Siren, Vec::new(), Heard::all([CheckKind::Contacts]));
            drill.outcome.as_mut().unwrap().disposition =
                Some(serde_json::from_value(json!(disposition)).unwrap());
            drill
        };
        let sounded = of_sirens(
            "siren_over",
            &[("started", 0), ("siren_on", 100), ("siren_confirmed", 150), ("siren_over", 5_100)],
        );
        assert_eq!(result(&sounded).verdict, Verdict::Passed);
        assert!(
            steps(&sounded)
                .iter()
                .all(|(word, _)| ![W::StepDispatch, W::StepAccepted].contains(word))
        );
        let silent = result(&of_sirens("silent_practice", &[("started", 0), ("closed", 5_000)]));
        assert_eq!(
            (silent.verdict, silent.title.as_str()),
            (Verdict::Doubtful, "Nothing was tried: no siren was to sound")
        );
        let replaced = result(&of_sirens("replaced_by_live", &[("started", 0), ("closed", 5_000)]));
        assert_eq!(
            (replaced.verdict, replaced.title.as_str()),
            (Verdict::Failed, "A real request ended the drill")
        );
    }

    #[test]
    fn drills_and_real_incidents_are_told_apart() {
        let one = drill("closed", json!([]), &[("started", 0)]);
        assert_eq!(Filter::ALL.map(|f| f.lets(&one)), [true, false, true]);
    }
}
