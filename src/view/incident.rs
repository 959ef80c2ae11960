//! Texts of the incident screens. They never claim a stage that is not recorded (R14), or a siren
//! that does not exist (R9).

use super::words::{self, IncidentWord, OverviewWord, Said, Tone, Word};
use crate::{
    api::{
        heard::Heard,
        home::{Availability, Change, Changed, Check, CheckKind},
        incident::{Call, CallStage, CancelHow, Incident, Kind, SirenStage, Stage},
        timeline::What,
    },
    domain::{
        eligibility::Reason,
        incident::{CallOutcome, DispatchState, Disposition, Mode, Purpose, Request},
    },
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

/// Why there is no shield, if there is none.
pub fn no_shield(answer: &Availability) -> Option<Heard<Reason>> {
    (!answer.available).then_some(answer.reason.unwrap_or(Heard::Unknown))
}

/// Returns the screen to show, if any. The screen of a running incident can be left for a bar. Only
/// a countdown covers the monitoring center's console, whatever happens at the operator's own home.
pub fn shown(incident: &Incident, left: bool, at_center: bool) -> Option<Screen> {
    match screen(incident) {
        Screen::Running if left || at_center => Some(Screen::Banner),
        Screen::Ended if at_center => None,
        screen => Some(screen),
    }
}

/// The screen of an incident. One at a stage that only a newer server knows runs, because that may
/// be so. If Cancel Help still cancels it, it counts down.
pub fn screen(incident: &Incident) -> Screen {
    match incident.state {
        Stage::CountingDown => Screen::Countdown,
        Stage::Other if incident.cancel.allowed && incident.cancel.how == CancelHow::CancelHelp => {
            Screen::Countdown
        }
        Stage::SirenSounding
        | Stage::Verifying
        | Stage::Dispatching
        | Stage::UnderReview
        | Stage::Other => Screen::Running,
        Stage::Aborted | Stage::Cancelled | Stage::Closed => Screen::Ended,
    }
}

/// “Requesting police”, “Sounding the siren”.
pub fn countdown_title(incident: &Incident) -> String {
    match incident.kind {
        Kind::Sos | Kind::Other => Word::Requesting.fill(&[&help(incident)]),
        Kind::Siren => Word::SoundingSiren.say().into(),
    }
}

/// What was requested, within a sentence.
fn help(incident: &Incident) -> String {
    match incident.services.is_empty() {
        true => Word::OtherHelpNoun.say().into(),
        false => words::services(&incident.services),
    }
}

/// How an incident looks in a list.
pub fn tone(incident: &Incident) -> Tone {
    match (incident.services.first(), incident.kind) {
        (Some(service), _) => words::tone_of(*service),
        (None, Kind::Siren) => words::tone(Request::Siren),
        (None, Kind::Sos | Kind::Other) => words::tone_of(Heard::Unknown),
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
        (Some(address), Kind::Sos | Kind::Other) => {
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
        && incident.kind != Kind::Siren;
    asks && !incident.connected
        && incident.dispatches.iter().all(|d| d.state == DispatchState::Requested)
}

/// Whether the emergency number comes first: nobody was told, or the app cannot say what happens,
/// because only a newer server knows the stage. A drill needs no number.
pub fn is_number_first(incident: &Incident) -> bool {
    is_nobody_told(incident) || incident.state == Stage::Other && incident.mode != Mode::Drill
}

/// The note below the emergency number that comes first: why it does.
pub fn number_note(incident: &Incident) -> &'static str {
    match incident.state {
        Stage::Other => Word::ArrivedNote.say(),
        _ => IncidentWord::NobodyConnected.say(),
    }
}

/// The heading of a running incident; `number` is the emergency number at the home.
pub fn running_title(incident: &Incident, number: &str) -> String {
    let heard = |c: &Call| {
        matches!(c.outcome, Some(Heard::Known(CallOutcome::Confirmed | CallOutcome::Told)))
            || c.state == CallStage::Answered
    };
    let word = match incident.state {
        Stage::UnderReview => Word::NothingSentYet,
        Stage::SirenSounding => Word::SirensAsked,
        Stage::Other if is_number_first(incident) => Word::CannotShow,
        Stage::Other => Word::DrillNote,
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
    match is_number_first(incident) {
        _ if incident.mode == Mode::Drill => (Word::DrillPrefix.fill(&[&title]), "drill"),
        true => (title, "alone"),
        false => (title, "told"),
    }
}

/// The symbol beside the heading.
pub fn running_icon(incident: &Incident) -> &'static str {
    if matches!(incident.state, Stage::UnderReview | Stage::Other) || is_nobody_told(incident) {
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
    let services = help(incident);
    match (&incident.address, incident.kind) {
        (_, Kind::Siren) => IncidentWord::NoCallNoDispatch.say().into(),
        (Some(address), _) if is_number_first(incident) => IncidentWord::SayThis
            .fill(&[&services, &format!("{}, {}", address.line1, address.city)]),
        (Some(address), _) => {
            words::capital(&IncidentWord::ServicesTo.fill(&[&services, &address.line1]))
        }
        (None, _) => words::capital(&services),
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
        Heard::Known(Purpose::Verify) => {
            format!("{progress} {}", IncidentWord::OnlyFirstCall.say())
        }
        Heard::Known(Purpose::Inform) => format!("{progress} {}", IncidentWord::CallToSay.say()),
        Heard::Unknown => progress,
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
        CancelHow::Nothing | CancelHow::Other => None,
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

/// A responder's state in a word or two.
pub fn dispatch_word(state: Heard<DispatchState>) -> &'static str {
    let Some(state) = state.known() else { return Word::New.say() };
    let word = match state {
        DispatchState::Requested => IncidentWord::DispatchRequested,
        DispatchState::Accepted => IncidentWord::DispatchAccepted,
        DispatchState::Rejected => IncidentWord::DispatchRejected,
        DispatchState::EnRoute => IncidentWord::DispatchEnRoute,
        DispatchState::OnScene => IncidentWord::DispatchOnScene,
        DispatchState::Closed => IncidentWord::DispatchClosed,
    };
    word.say()
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
        (_, Some(Heard::Unknown)) if drill => say(IncidentWord::DrillEnded, IncidentWord::ClosedAt),
        (_, Some(Heard::Unknown)) => say(IncidentWord::ClosedSomehow, IncidentWord::ClosedAt),
        (_, Some(Heard::Known(Disposition::SirenOver))) => {
            say(IncidentWord::SirensStopped, IncidentWord::AtTime)
        }
        (_, Some(Heard::Known(Disposition::SirenTooLate))) => {
            say(IncidentWord::NoSirenSounded, IncidentWord::ServerWasDown)
        }
        (_, Some(Heard::Known(Disposition::ReplacedByLive))) => {
            say(IncidentWord::DrillEnded, IncidentWord::RealTookOver)
        }
        (_, Some(Heard::Known(Disposition::SilentPractice))) => {
            say(IncidentWord::SilentPracticeOver, IncidentWord::AtTime)
        }
        (_, Some(Heard::Known(Disposition::NobodyConnected))) => {
            say(IncidentWord::NobodyCame, IncidentWord::NobodyCameNote)
        }
        (_, Some(Heard::Known(Disposition::EndedByHome))) => {
            (IncidentWord::EndedByHome.fill(&[by]), IncidentWord::AtTime.fill(&[clock]))
        }
        (_, Some(Heard::Known(Disposition::ReviewedNotSent))) => {
            (IncidentWord::NothingWasSent.say().into(), IncidentWord::LookedAtIt.fill(&[by, clock]))
        }
        (
            _,
            Some(Heard::Known(
                Disposition::ClosedByCenter | Disposition::HelpGiven | Disposition::FalseAlarm,
            )),
        ) => say(IncidentWord::ClosedByCenter, IncidentWord::AtTime),
        (_, _) if drill => say(IncidentWord::DrillComplete, IncidentWord::FinishedAt),
        (_, _) => {
            let came = IncidentWord::CameAndFinished.fill(&[&help(incident)]);
            (words::capital(&came), IncidentWord::ClosedAt.fill(&[clock]))
        }
    }
}

/// The symbol for how it ended. With a warning the screen has the emergency number.
pub fn ended_icon(incident: &Incident) -> &'static str {
    match (incident.state, incident.outcome.as_ref().and_then(|o| o.disposition)) {
        (Stage::Aborted, _) => "undo",
        (_, Some(Heard::Known(Disposition::NobodyConnected | Disposition::SirenTooLate))) => {
            "warning"
        }
        (_, Some(Heard::Unknown)) if incident.mode != Mode::Drill => "warning",
        _ => "check",
    }
}

/// The heading of a screen whose details are not loaded yet; `number` is the emergency number at
/// the home.
pub fn bare_title(incident: &Incident, number: &str) -> String {
    match screen(incident) {
        Screen::Ended => summary(incident),
        Screen::Countdown | Screen::Running | Screen::Banner => running_title(incident, number),
    }
}

/// One line about a past incident.
pub fn summary(incident: &Incident) -> String {
    let what = match incident.kind {
        Kind::Siren => Word::Siren.say().into(),
        Kind::Sos | Kind::Other => words::capital(&help(incident)),
    };
    let end = match (incident.state, incident.outcome.as_ref().and_then(|o| o.disposition)) {
        (Stage::Aborted, _) => Word::EndInTime,
        (Stage::Cancelled, _) => Word::EndCalledOff,
        (Stage::Other, _) | (Stage::Closed, Some(Heard::Unknown)) => Word::EndNew,
        (Stage::Closed, Some(Heard::Known(Disposition::SirenOver))) => Word::EndSirens,
        (Stage::Closed, Some(Heard::Known(Disposition::ReplacedByLive))) => Word::EndReplaced,
        (Stage::Closed, Some(Heard::Known(Disposition::ReviewedNotSent))) => Word::EndNotSent,
        (Stage::Closed, Some(Heard::Known(Disposition::EndedByHome))) => Word::EndByHome,
        (Stage::Closed, Some(Heard::Known(Disposition::NobodyConnected))) => Word::EndNobody,
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

/// The text of one readiness check (R23). What only a newer server checks is said in its words.
pub fn check(check: &Check) -> String {
    let Some(what) = check.what.known() else {
        return match check.detail.is_empty() {
            true => Word::SomethingNeedsALook.into(),
            false => check.detail.clone(),
        };
    };
    match (what, check.ok) {
        (CheckKind::Center, true) => Word::CenterReady.into(),
        (CheckKind::Center, false) => Word::CenterNotReady.into(),
        (CheckKind::BaseStation, true) => Word::BaseOnline.into(),
        (CheckKind::BaseStation, false) => Word::BaseOffline.into(),
        (CheckKind::Contacts, ok) => match check.count {
            Some(count) if count > 0 && !ok => Word::NoVerbalPassword.into(),
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
        Changed::Other => ("gear", OverviewWord::ChangedSomething.fill(&[&change.who])),
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
pub fn call_word(call: &Call) -> &'static str {
    let word = match (call.state, call.outcome) {
        (CallStage::Other, _) => return Word::New.say(),
        (CallStage::Queued, _) => IncidentWord::CallNext,
        (CallStage::Ringing, _) => IncidentWord::CallRinging,
        (CallStage::Answered, _) => IncidentWord::CallTalking,
        (CallStage::Ended, Some(Heard::Known(CallOutcome::Confirmed))) => {
            IncidentWord::CallConfirmed
        }
        (CallStage::Ended, Some(Heard::Known(CallOutcome::Cancelled))) => {
            IncidentWord::CallCalledOff
        }
        (CallStage::Ended, Some(Heard::Known(CallOutcome::Told))) => IncidentWord::CallTold,
        (CallStage::Ended, Some(Heard::Known(CallOutcome::WrongPassword))) => {
            IncidentWord::CallWrongPassword
        }
        (CallStage::Ended, Some(Heard::Known(CallOutcome::NoAnswer))) => IncidentWord::CallNoAnswer,
        // The outcome is not told while the incident runs (R16), and one that only a newer server
        // knows cannot be.
        (CallStage::Ended, None | Some(Heard::Unknown)) => IncidentWord::CallOver,
        (CallStage::Ended, _) => IncidentWord::CallNotReached,
    };
    word.say()
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
        let all = ["counting_down", "verifying", "under_review", "closed"];
        let of = |left, at_center| {
            all.map(|state| shown(&incident(state, &["police"]), left, at_center))
        };
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
        assert_eq!(screen(&incident("aborted", &["fire"])), Screen::Ended);
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
