//! Texts of the incident screens. They never claim a stage that is not recorded (R14), or a siren
//! that does not exist (R9).

use super::words::{self, IncidentWord, OverviewWord, Said, Word};
use crate::{
    api::{
        home::{Change, Changed, Check, CheckKind},
        incident::{Call, CallStage, CancelHow, Incident, Kind, SirenStage, Stage},
        timeline::What,
    },
    domain::incident::{CallOutcome, DispatchState, Disposition, Mode, Purpose},
};

/// The screen of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// The countdown.
    Countdown,
    /// What is happening.
    Running,
    /// The same, as a bar at the top of every page.
    Banner,
    /// How it ended.
    Ended,
}

/// Returns the screen to show, if any. The screen of a running incident can be left for a bar. Only
/// a countdown covers the monitoring center's console, whatever happens at the operator's own home.
pub fn shown(state: Stage, left: bool, at_center: bool) -> Option<Screen> {
    match screen(state) {
        Screen::Running if left || at_center => Some(Screen::Banner),
        Screen::Ended if at_center => None,
        screen => Some(screen),
    }
}

/// The screen for a stage.
pub fn screen(state: Stage) -> Screen {
    match state {
        Stage::CountingDown => Screen::Countdown,
        Stage::SirenSounding | Stage::Verifying | Stage::Dispatching | Stage::UnderReview => {
            Screen::Running
        }
        Stage::Aborted | Stage::Cancelled | Stage::Closed => Screen::Ended,
    }
}

/// “Requesting police”, “Sounding the siren”.
pub fn countdown_title(incident: &Incident) -> String {
    match incident.kind {
        Kind::Sos => Word::Requesting.fill(&[&words::services(&incident.services)]),
        Kind::Siren => Word::SoundingSiren.say().into(),
    }
}

/// The countdown as it is spoken: “Requesting police in 5 seconds”.
pub fn countdown_name(incident: &Incident, seconds: u32) -> String {
    one_or_many(seconds, Word::InSecond, Word::InSeconds)
        .fill(&[&countdown_title(incident), &seconds.to_string()])
}

/// The line below the title.
pub fn countdown_detail(incident: &Incident, seconds: u32) -> String {
    match (&incident.address, incident.kind) {
        (Some(address), Kind::Sos) => {
            one_or_many(seconds, Word::ToPlaceInSecond, Word::ToPlaceInSeconds)
                .fill(&[&address.line1, &seconds.to_string()])
        }
        _ => {
            one_or_many(seconds, Word::BareSecond, Word::BareSeconds).fill(&[&seconds.to_string()])
        }
    }
}

fn one_or_many(count: u32, one: Word, many: Word) -> Word {
    if count == 1 { one } else { many }
}

/// Whether the incident asks for help, nobody who could send it is connected to the server, and no
/// dispatch has progressed beyond the request (R14).
pub fn is_nobody_told(incident: &Incident) -> bool {
    let asks = matches!(incident.state, Stage::Verifying | Stage::Dispatching)
        && incident.kind == Kind::Sos;
    asks && !incident.connected
        && incident.dispatches.iter().all(|d| d.state == DispatchState::Requested)
}

/// The heading of a running incident; `number` is the emergency number at the home.
pub fn running_title(incident: &Incident, number: &str) -> String {
    let heard = |c: &Call| {
        matches!(c.outcome, Some(CallOutcome::Confirmed | CallOutcome::Told))
            || c.state == CallStage::Answered
    };
    let word = match incident.state {
        Stage::UnderReview => Word::NothingSentYet,
        Stage::SirenSounding => Word::SirensAsked,
        _ if !is_nobody_told(incident) => Word::HelpRequested,
        _ if incident.calls.iter().any(heard) => Word::NoRespondersTold,
        _ => Word::NobodyTold,
    };
    word.fill(&[number])
}

/// The text and the style modifier of the bar of an incident whose screen was left; `number` is the
/// emergency number at the home.
pub fn banner(incident: &Incident, number: &str) -> (String, &'static str) {
    let title = running_title(incident, number);
    match (incident.mode, is_nobody_told(incident)) {
        (Mode::Drill, _) => (Word::DrillPrefix.fill(&[&title]), "drill"),
        (Mode::Live, true) => (title, "alone"),
        (Mode::Live, false) => (title, "told"),
    }
}

/// The symbol beside the heading.
pub fn running_icon(incident: &Incident) -> &'static str {
    if incident.state == Stage::UnderReview || is_nobody_told(incident) {
        "warning"
    } else {
        "check"
    }
}

/// The line below the heading.
pub fn running_detail(incident: &Incident) -> String {
    if incident.state == Stage::UnderReview {
        return IncidentWord::ReviewNote.say().into();
    }
    let services = words::services(&incident.services);
    match (&incident.address, incident.kind) {
        (Some(address), Kind::Sos) if is_nobody_told(incident) => IncidentWord::SayThis
            .fill(&[&services, &format!("{}, {}", address.line1, address.city)]),
        (Some(address), Kind::Sos) => {
            words::capital(&IncidentWord::ServicesTo.fill(&[&services, &address.line1]))
        }
        (None, Kind::Sos) => words::capital(&services),
        (_, Kind::Siren) => IncidentWord::NoCallNoDispatch.say().into(),
    }
}

/// Returns the open call, if any.
pub fn call_now(incident: &Incident) -> Option<&Call> {
    let open = |c: &&Call| matches!(c.state, CallStage::Ringing | CallStage::Answered);
    incident.calls.iter().find(open)
}

/// “Calling Sister”, “Talking to Sister”.
pub fn call_title(call: &Call) -> String {
    match call.state {
        CallStage::Answered => IncidentWord::TalkingTo.fill(&[&call.name]),
        _ => IncidentWord::Calling.fill(&[&call.name]),
    }
}

/// The line below a call, `seconds` after it was placed.
pub fn call_detail(call: &Call, seconds: u64) -> String {
    let progress = match call.state {
        CallStage::Answered => IncidentWord::AnsweredFor.say().to_owned(),
        _ => IncidentWord::RingingFor.fill(&[&seconds.to_string()]),
    };
    match call.purpose {
        Purpose::Verify => format!("{progress} {}", IncidentWord::OnlyFirstCall.say()),
        Purpose::Inform => format!("{progress} {}", IncidentWord::CallToSay.say()),
    }
}

/// The note about how the incident can be canceled, if any.
pub fn cancel_note(incident: &Incident) -> Option<IncidentWord> {
    match incident.cancel.how {
        CancelHow::CancelHelp => None,
        CancelHow::AnswerFirstCall => Some(IncidentWord::OnlyFirstCall),
        CancelHow::Nothing if incident.state == Stage::Dispatching => {
            Some(IncidentWord::CannotCancel)
        }
        CancelHow::Nothing => None,
    }
}

/// How many sirens sound, while they are asked to. Only a siren that confirmed it, and has not
/// stopped since, is said to sound (I27).
pub fn sirens_now(incident: &Incident) -> Option<String> {
    let siren = &incident.siren;
    (siren.state == SirenStage::Sounding).then(|| match siren.confirmed.len() {
        0 => IncidentWord::NoSirenConfirmed.say().into(),
        sounding => IncidentWord::SirensSound
            .fill(&[&sounding.to_string(), &siren.devices.len().to_string()]),
    })
}

/// Whether Silence Siren is offered.
pub fn can_silence(incident: &Incident) -> bool {
    incident.siren.state == SirenStage::Sounding
}

/// A responder's state in a word or two.
pub fn dispatch_word(state: DispatchState) -> IncidentWord {
    match state {
        DispatchState::Requested => IncidentWord::DispatchRequested,
        DispatchState::Accepted => IncidentWord::DispatchAccepted,
        DispatchState::Rejected => IncidentWord::DispatchRejected,
        DispatchState::EnRoute => IncidentWord::DispatchEnRoute,
        DispatchState::OnScene => IncidentWord::DispatchOnScene,
        DispatchState::Closed => IncidentWord::DispatchClosed,
    }
}

/// The heading and the line below it for an incident that ended. `clock` is the local time at which
/// it ended.
pub fn ended(incident: &Incident, clock: &str) -> (String, String) {
    let outcome = incident.outcome.as_ref();
    let by = outcome.map_or("", |o| o.by.name.as_str());
    let drill = incident.mode == Mode::Drill;
    let say = |heading: IncidentWord, below: IncidentWord| {
        (heading.say().to_owned(), below.fill(&[clock]))
    };
    match (incident.state, outcome.and_then(|o| o.disposition)) {
        (Stage::Aborted, _) => {
            (IncidentWord::CancelledInTime.say().into(), IncidentWord::ByAt.fill(&[by, clock]))
        }
        (Stage::Cancelled, _) => {
            (IncidentWord::CalledItOff.fill(&[by, clock]), IncidentWord::HelpNotComing.say().into())
        }
        (_, Some(Disposition::SirenOver)) => say(IncidentWord::SirensStopped, IncidentWord::AtTime),
        (_, Some(Disposition::SirenTooLate)) => {
            say(IncidentWord::NoSirenSounded, IncidentWord::ServerWasDown)
        }
        (_, Some(Disposition::ReplacedByLive)) => {
            say(IncidentWord::DrillEnded, IncidentWord::RealTookOver)
        }
        (_, Some(Disposition::SilentPractice)) => {
            say(IncidentWord::SilentPracticeOver, IncidentWord::AtTime)
        }
        (_, Some(Disposition::NobodyConnected)) => {
            say(IncidentWord::NobodyCame, IncidentWord::NobodyCameNote)
        }
        (_, Some(Disposition::EndedByHome)) => {
            (IncidentWord::EndedByHome.fill(&[by]), IncidentWord::AtTime.fill(&[clock]))
        }
        (_, Some(Disposition::ReviewedNotSent)) => {
            (IncidentWord::NothingWasSent.say().into(), IncidentWord::LookedAtIt.fill(&[by, clock]))
        }
        (
            _,
            Some(Disposition::ClosedByCenter | Disposition::HelpGiven | Disposition::FalseAlarm),
        ) => say(IncidentWord::ClosedByCenter, IncidentWord::AtTime),
        (_, _) if drill => say(IncidentWord::DrillComplete, IncidentWord::FinishedAt),
        (_, _) => {
            let came = IncidentWord::CameAndFinished.fill(&[&words::services(&incident.services)]);
            (words::capital(&came), IncidentWord::ClosedAt.fill(&[clock]))
        }
    }
}

/// The symbol for how it ended.
pub fn ended_icon(incident: &Incident) -> &'static str {
    match (incident.state, incident.outcome.as_ref().and_then(|o| o.disposition)) {
        (Stage::Aborted, _) => "undo",
        (_, Some(Disposition::NobodyConnected | Disposition::SirenTooLate)) => "warning",
        _ => "check",
    }
}

/// The heading of a screen whose details are not loaded yet; `number` is the emergency number at
/// the home.
pub fn bare_title(incident: &Incident, number: &str) -> String {
    match screen(incident.state) {
        Screen::Ended => summary(incident),
        Screen::Countdown | Screen::Running | Screen::Banner => running_title(incident, number),
    }
}

/// One line about a past incident.
pub fn summary(incident: &Incident) -> String {
    let what = match incident.kind {
        Kind::Siren => Word::Siren.say().into(),
        Kind::Sos => words::capital(&words::services(&incident.services)),
    };
    let end = match (incident.state, incident.outcome.as_ref().and_then(|o| o.disposition)) {
        (Stage::Aborted, _) => Word::EndInTime,
        (Stage::Cancelled, _) => Word::EndCalledOff,
        (Stage::Closed, Some(Disposition::SirenOver)) => Word::EndSirens,
        (Stage::Closed, Some(Disposition::ReplacedByLive)) => Word::EndReplaced,
        (Stage::Closed, Some(Disposition::ReviewedNotSent)) => Word::EndNotSent,
        (Stage::Closed, Some(Disposition::EndedByHome)) => Word::EndByHome,
        (Stage::Closed, Some(Disposition::NobodyConnected)) => Word::EndNobody,
        (Stage::Closed, _) => Word::EndFinished,
        _ => Word::EndRunning,
    };
    let line = Word::SummaryLine.fill(&[&what, end.say()]);
    if incident.mode == Mode::Drill { Word::DrillPrefix.fill(&[&line]) } else { line }
}

/// Whether an SOS would work now (R23): a heading, a symbol, and whether it would. Without a
/// connection the current state is unknown.
pub fn readiness(available: bool, ready: bool, connected: bool) -> (Word, &'static str, bool) {
    match (available, ready, connected) {
        (false, _, _) => (Word::WhyTitle, "info", false),
        (true, _, false) => (Word::NotConnected, "warning", false),
        (true, true, true) => (Word::Ready, "check", true),
        (true, false, true) => (Word::NotReady, "warning", false),
    }
}

/// The text of one readiness check (R23).
pub fn check(check: &Check) -> String {
    match (check.what, check.ok) {
        (CheckKind::Center, true) => Word::CenterReady.into(),
        (CheckKind::Center, false) => Word::CenterNotReady.into(),
        (CheckKind::BaseStation, true) => Word::BaseOnline.into(),
        (CheckKind::BaseStation, false) => Word::BaseOffline.into(),
        (CheckKind::Contacts, _) => match check.count {
            Some(0) | None => Word::NoContactReady.into(),
            Some(1) => Word::ContactReady.into(),
            Some(count) => Word::ContactsReady.fill(&[&count.to_string()]),
        },
        (CheckKind::Devices, _) => Word::DevicesNeedALook.into(),
        (CheckKind::Address, true) => Word::AddressSet.into(),
        (CheckKind::Address, false) => Word::NoAddress.into(),
    }
}

/// The icon and the text of a change, for owners.
pub fn changed(change: &Change) -> (&'static str, String) {
    match change.what {
        Changed::Address => ("home", OverviewWord::ChangedAddress.fill(&[&change.who])),
        Changed::Contacts => ("people", OverviewWord::ChangedContacts.fill(&[&change.who])),
    }
}

/// The style modifier of a line in the timeline.
pub fn mark(what: What) -> &'static str {
    match what {
        What::CountdownOver | What::SentNow | What::SirenOn | What::DispatchRequested => "sent",
        What::SirenFailed | What::SirenStopped | What::DispatchRejected | What::CancelRefused => {
            "bad"
        }
        What::SirenConfirmed
        | What::DispatchAccepted
        | What::EnRoute
        | What::OnScene
        | What::Aborted
        | What::Cancelled => "good",
        _ => "plain",
    }
}

/// The state or the outcome of a call, for the list of calls.
pub fn call_word(call: &Call) -> IncidentWord {
    match (call.state, call.outcome) {
        (CallStage::Queued, _) => IncidentWord::CallNext,
        (CallStage::Ringing, _) => IncidentWord::CallRinging,
        (CallStage::Answered, _) => IncidentWord::CallTalking,
        (CallStage::Ended, Some(CallOutcome::Confirmed)) => IncidentWord::CallConfirmed,
        (CallStage::Ended, Some(CallOutcome::Cancelled)) => IncidentWord::CallCalledOff,
        (CallStage::Ended, Some(CallOutcome::Told)) => IncidentWord::CallTold,
        (CallStage::Ended, Some(CallOutcome::WrongPassword)) => IncidentWord::CallWrongPassword,
        (CallStage::Ended, Some(CallOutcome::NoAnswer)) => IncidentWord::CallNoAnswer,
        // The outcome is not told while the incident runs (R16).
        (CallStage::Ended, None) => IncidentWord::CallOver,
        (CallStage::Ended, _) => IncidentWord::CallNotReached,
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
        assert_eq!(
            countdown_name(&incident("counting_down", &[]), 5),
            "Sounding the siren in 5 seconds"
        );
    }

    /// R14.
    #[test]
    fn heading_claims_only_what_is_recorded() {
        let title = |state, services: &[&str]| running_title(&incident(state, services), "911");
        assert_eq!(title("verifying", &["police"]), "Help has been requested");
        assert_eq!(title("under_review", &["police"]), "Nothing was sent yet");
        assert_eq!(title("siren_sounding", &[]), "Sirens were asked to sound");
    }

    /// R14, I27: a server that is connected to nobody.
    #[test]
    fn heading_says_that_nobody_has_been_told() {
        let alone =
            |state, services: &[&str]| Incident { connected: false, ..incident(state, services) };
        for state in ["verifying", "dispatching"] {
            let told = alone(state, &["police"]);
            assert_eq!(running_title(&told, "911"), "Nobody has been told. Call 911");
            assert_eq!(
                (running_icon(&told), running_detail(&told).as_str()),
                ("warning", "Say: police, 14 Maple Street, c.")
            );
            assert_eq!(bare_title(&told, "112"), "Nobody has been told. Call 112");
        }
        assert_eq!(
            running_title(&alone("siren_sounding", &[]), "911"),
            "Sirens were asked to sound",
            "sirens need nobody"
        );
        let mut heard = alone("dispatching", &["police"]);
        heard.calls = serde_json::from_value(serde_json::json!([{
            "id": null, "contact": "sister", "name": "Sister", "order": 1, "purpose": "verify", "state": "ended", "placed_at": null, "outcome": "confirmed"
        }]))
        .unwrap();
        assert_eq!(
            running_title(&heard, "911"),
            "No responders have been told. Call 911",
            "somebody knows, and can send nobody"
        );
        heard.dispatches = serde_json::from_value(serde_json::json!([{
            "service": "police", "state": "accepted", "reference": null, "at": Timestamp::default()
        }]))
        .unwrap();
        assert_eq!(
            running_title(&heard, "911"),
            "Help has been requested",
            "what was accepted was told"
        );
        let mut closed = alone("closed", &["police"]);
        closed.outcome = serde_json::from_value(serde_json::json!({
            "state": "closed", "disposition": "nobody_connected", "by": {"id": "", "name": "Buckler"}, "at": Timestamp::default()
        }))
        .unwrap();
        assert_eq!(ended(&closed, "14:03").0, "Nobody was told by this button.");
        assert_eq!(
            (ended_icon(&closed), summary(&closed).as_str()),
            ("warning", "Police, nobody was told")
        );
    }

    #[test]
    fn screen_that_runs_can_be_left_and_covers_no_console() {
        let all = [Stage::CountingDown, Stage::Verifying, Stage::UnderReview, Stage::Closed];
        let of = |left, at_center| all.map(|state| shown(state, left, at_center));
        let [countdown, running, banner, ended] =
            [Screen::Countdown, Screen::Running, Screen::Banner, Screen::Ended].map(Some);
        assert_eq!(of(false, false), [countdown, running, running, ended]);
        assert_eq!(of(true, false), [countdown, banner, banner, ended]);
        assert_eq!(of(false, true), [countdown, banner, banner, None]);
    }

    /// R23.
    #[test]
    fn dashboard_claims_nothing_of_now_without_a_connection() {
        assert_eq!(readiness(true, true, true).0, Word::Ready);
        assert_eq!(readiness(true, true, false), (Word::NotConnected, "warning", false));
        assert_eq!(readiness(false, true, false).0, Word::WhyTitle);
    }

    /// R9.
    #[test]
    fn silence_is_not_offered_without_sirens() {
        assert!(!can_silence(&incident("verifying", &["police"])));
    }

    /// I22, I27. A siren that stopped is not among those that confirmed.
    #[test]
    fn siren_is_said_to_sound_only_while_it_has_confirmed() {
        let mut asked = incident("dispatching", &["police"]);
        assert_eq!(sirens_now(&asked), None);
        let said = |incident: &mut Incident, confirmed: &[&str]| {
            incident.siren = serde_json::from_value(serde_json::json!({
                "state": "sounding", "until": null, "devices": ["base", "hall"], "confirmed": confirmed
            }))
            .unwrap();
            sirens_now(incident).unwrap()
        };
        assert_eq!(said(&mut asked, &[]), "No siren has confirmed that it sounds.");
        assert_eq!(said(&mut asked, &["base"]), "Sirens that sound: 1 of 2.");
    }

    /// R11.
    #[test]
    fn abort_says_that_nothing_was_sent() {
        assert_eq!(
            ended(&incident("aborted", &["fire"]), "14:03").0,
            "Cancelled. Nothing was sent."
        );
        assert_eq!(screen(Stage::Aborted), Screen::Ended);
    }

    #[test]
    fn without_its_details_a_screen_claims_no_more() {
        assert_eq!(
            bare_title(&incident("verifying", &["police"]), "911"),
            "Help has been requested"
        );
        assert_eq!(
            bare_title(&incident("aborted", &["police"]), "911"),
            "Police, cancelled in time"
        );
    }
}
