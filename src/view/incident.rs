//! Texts of the incident screens. They never claim a stage that is not recorded (R14), or a siren
//! that does not exist (R9).

#[cfg(test)]
mod tests;

use super::words::{self, IncidentWord, OverviewWord, Said, Tone, Word};
use crate::{
    api::{
        heard::Heard,
        home::{Availability, Change, Changed, Check, CheckKind},
        incident::{
            Acknowledgment, Call, CallStage, CancelHow, Dispatch, Incident, Kind, SirenStage, Stage,
        },
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

/// Whether help was requested, and nobody has acknowledged it for a minute (I8).
pub fn is_unanswered(incident: &Incident) -> bool {
    matches!(incident.state, Stage::Verifying | Stage::Dispatching)
        && incident.acknowledgment == Acknowledgment::Unanswered
        && incident.mode != Mode::Drill
}

/// Whether the emergency number comes first: nobody was told, nobody has answered, or the app cannot
/// say what happens, because only a newer server knows the stage. A drill needs no number.
pub fn is_number_first(incident: &Incident) -> bool {
    is_nobody_told(incident)
        || is_unanswered(incident)
        || incident.state == Stage::Other && incident.mode != Mode::Drill
}

/// The note below the emergency number that comes first: why it does.
pub fn number_note(incident: &Incident) -> &'static str {
    match incident.state {
        Stage::Other => Word::ArrivedNote.say(),
        _ if is_unanswered(incident) && incident.connected => IncidentWord::UnansweredNote.say(),
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
        Stage::UnderReview if incident.nothing_left => Word::NothingSentYet,
        Stage::UnderReview if incident.acknowledgment == Acknowledgment::Center => {
            Word::CenterHasIt
        }
        Stage::UnderReview => Word::SentUnknown,
        Stage::SirenSounding => Word::SirensAsked,
        Stage::Other if is_number_first(incident) => Word::CannotShow,
        Stage::Other => Word::DrillNote,
        _ if is_nobody_told(incident) && incident.calls.iter().any(heard) => Word::NoRespondersTold,
        _ if is_nobody_told(incident) => Word::NobodyTold,
        _ if is_unanswered(incident) => Word::NobodyConfirmed,
        _ => return acknowledged(incident),
    };
    word.fill(&[number])
}

/// The heading of a request by who has acknowledged it. That it was sent is no acknowledgment (I27).
fn acknowledged(incident: &Incident) -> String {
    let by = incident.acknowledged_by.as_deref().unwrap_or_default();
    match incident.acknowledgment {
        Acknowledgment::Operator => Word::AcceptedBy.fill(&[by]),
        Acknowledgment::Center => Word::CenterHasIt.say().into(),
        Acknowledgment::Responders => Word::RespondersAccepted.say().into(),
        Acknowledgment::Waiting
        | Acknowledgment::Unanswered
        | Acknowledgment::Contact
        | Acknowledgment::Other => Word::HelpRequested.say().into(),
    }
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

/// The symbol beside the heading. A check stands only for what somebody has acknowledged.
pub fn running_icon(incident: &Incident) -> &'static str {
    match incident.acknowledgment {
        _ if matches!(incident.state, Stage::UnderReview | Stage::Other) => "warning",
        _ if is_nobody_told(incident) || is_unanswered(incident) => "warning",
        Acknowledgment::Waiting => "info",
        _ => "check",
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
        (address, _) => {
            let what = match address {
                Some(address) => IncidentWord::ServicesTo.fill(&[&services, &address.line1]),
                None => services,
            };
            let what = words::capital(&what);
            match incident.acknowledgment {
                Acknowledgment::Waiting if incident.kind != Kind::Siren => {
                    IncidentWord::NobodyYet.fill(&[&what])
                }
                _ => what,
            }
        }
    }
}

/// Returns the open call, if any. The incident waits for no call to a former first contact.
pub fn call_now(incident: &Incident) -> Option<&Call> {
    let open = |c: &&Call| !c.beside && matches!(c.state, CallStage::Ringing | CallStage::Answered);
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
            (IncidentWord::CalledItOff.fill(&[by, clock]), after_call_off(incident))
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
            let heading = match incident.nothing_left {
                true => IncidentWord::NothingWasSent,
                false if incident.signals => IncidentWord::CenterAskedToStop,
                false => IncidentWord::ClosedNoNeed,
            };
            (heading.say().into(), IncidentWord::LookedAtIt.fill(&[by, clock]))
        }
        (
            _,
            Some(Heard::Known(
                Disposition::ClosedByCenter | Disposition::HelpGiven | Disposition::FalseAlarm,
            )),
        ) => say(IncidentWord::ClosedByCenter, IncidentWord::AtTime),
        (_, _) if drill => say(IncidentWord::DrillComplete, IncidentWord::FinishedAt),
        (_, _) => {
            let all_came = incident.dispatches.iter().all(|d| d.came);
            let word = match all_came && !incident.dispatches.is_empty() {
                true => IncidentWord::CameAndFinished,
                false => IncidentWord::RequestClosed,
            };
            let came = word.fill(&[&help(incident)]);
            (words::capital(&came), IncidentWord::ClosedAt.fill(&[clock]))
        }
    }
}

/// What may still happen after a call-off: a center or responders may already be on the way (I27).
fn after_call_off(incident: &Incident) -> String {
    let is_moving =
        |d: &&Dispatch| d.state == DispatchState::EnRoute || d.state == DispatchState::OnScene;
    let moving: Vec<_> = incident.dispatches.iter().filter(is_moving).map(|d| d.service).collect();
    match moving.is_empty() {
        false => IncidentWord::WereOnTheWay.fill(&[&words::services(&moving)]),
        true if incident.signals => IncidentWord::CenterAskedToStopNote.say().into(),
        true => IncidentWord::HelpNotComing.say().into(),
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
        (Stage::Closed, Some(Heard::Known(Disposition::ReviewedNotSent)))
            if incident.nothing_left =>
        {
            Word::EndNotSent
        }
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
        (CheckKind::Ring, true) => Word::ContactRings.into(),
        (CheckKind::Ring, false) => Word::NoContactRings.into(),
        (CheckKind::Devices, _) => Word::DevicesNeedALook.into(),
        (CheckKind::Address, true) => Word::AddressSet.into(),
        (CheckKind::Address, false) => Word::NoAddress.into(),
    }
}

/// The icon and the text of a change, for owners.
pub fn changed(change: &Change) -> (&'static str, String) {
    let icon = match change.what {
        Changed::Address => "home",
        Changed::Contacts | Changed::Link => "people",
        Changed::Other => "gear",
    };
    (icon, who_changed(change.what, &change.who))
}

/// “Ada changed the emergency contacts”.
pub fn who_changed(what: Changed, who: &str) -> String {
    let word = match what {
        Changed::Address => OverviewWord::ChangedAddress,
        Changed::Contacts => OverviewWord::ChangedContacts,
        Changed::Link => OverviewWord::ChangedLink,
        Changed::Other => OverviewWord::ChangedSomething,
    };
    word.fill(&[who])
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
