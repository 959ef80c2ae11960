//! Every word that a screen says, in American English. Another language is another file like this one.

use crate::domain::{
    eligibility::Reason,
    incident::{Request, Service},
};

/// What a gesture asks for: how it looks and what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// The symbol's id in the sprite.
    pub icon: &'static str,
    /// The modifier of the CSS class.
    pub class: &'static str,
    /// As it stands alone: “Police”.
    pub name: &'static str,
    /// Within a sentence: “police”.
    pub noun: &'static str,
}

/// How a request looks and what it is called.
pub const fn tone(request: Request) -> Tone {
    match request {
        Request::Police => Tone { icon: "police", class: "police", name: "Police", noun: "police" },
        Request::Fire => Tone { icon: "fire", class: "fire", name: "Fire department", noun: "fire department" },
        Request::Medical => Tone { icon: "medical", class: "medical", name: "Medical help", noun: "medical help" },
        Request::Siren => Tone { icon: "siren", class: "siren", name: "Siren only", noun: "the siren" },
    }
}

/// The request for a service.
pub const fn request_for(service: Service) -> Request {
    match service {
        Service::Police => Request::Police,
        Service::Fire => Request::Fire,
        Service::Medical => Request::Medical,
    }
}

/// “police”, “police and medical help”, “police, fire department and medical help”; nothing for sirens only.
pub fn services(all: &[Service]) -> String {
    let nouns: Vec<&str> = all.iter().map(|s| tone(request_for(*s)).noun).collect();
    match nouns.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).into(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// A sentence with its first letter large. The words here begin with plain letters, which need no table of all alphabets.
pub fn capital(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// The accessible name of a slider.
pub fn slide_name(request: Request) -> String {
    format!("Slide to request {}", tone(request).noun)
}

/// The button beside a slider: before and after the first tap.
pub fn tap_name(request: Request, armed: bool) -> String {
    let noun = tone(request).noun;
    if armed { format!("Tap again to request {noun}") } else { format!("Request {noun} without sliding") }
}

/// Why there is no SOS, and what to do about it: one sentence (R3).
pub const fn why_not(reason: Reason) -> &'static str {
    match reason {
        Reason::NoBaseStationOrEnrolledCamera => "SOS needs a monitored alarm or a compatible camera; add one to this home to get it.",
        Reason::PlanRequired => "SOS is part of the Home Premium plan; change the plan of this home to get it.",
        Reason::ProfessionalMonitoringRequired => {
            "This alarm is self-monitored, so nobody would answer; add professional monitoring to get an SOS button."
        }
        Reason::EnrolmentRequired => "SOS for cameras is not set up for this home yet; its owner can enroll the cameras to get it.",
        Reason::CameraNotCompatible => "This camera cannot raise an SOS; use the dashboard or a compatible camera.",
        Reason::NotPermitted => "You are a guest here, and guests cannot request help for this home; ask its owner to share it with you.",
        Reason::NoAddress => "This home has no address, so nobody would know where to go; its owner can add one.",
    }
}

/// The emergency number as a person reads it.
pub fn call_number(number: &str) -> String {
    format!("Call {number}")
}

pub const WHY_TITLE: &str = "SOS is not available";
pub const WHY_BUTTON: &str = "Why SOS is not available";
pub const WHY_SHORT: &str = "Not available";
pub const SOS: &str = "SOS";
pub const SHEET: &str = "Request help";
pub const PRACTICE: &str = "Practice";
pub const PRACTICE_INSTEAD: &str = "Practice instead";
pub const PRACTICE_END: &str = "Back to the real thing";
pub const PRACTICE_NOTE: &str = "Contacts are called and told that this is a drill. Nothing reaches real responders.";
pub const PRACTICE_SIRENS: &str = "Let the sirens sound for 5 seconds";
pub const DRILL: &str = "DRILL";
pub const DRILL_NOTE: &str = "Practice. No responders are involved";
pub const SLIDE: &str = "Slide to request";
// Both are part of the button's name, so that who speaks to the screen can say what is read (WCAG 2.5.3).
pub const TAP_FIRST: &str = "Request";
pub const TAP_AGAIN: &str = "Tap again";
pub const SIREN_ONLY: &str = "Sound Siren Only";
pub const CANCEL_HELP: &str = "Cancel Help";
pub const SEND_NOW: &str = "Send Now";
pub const SILENCE: &str = "Silence Siren";
pub const CLOSE: &str = "Close";
pub const BACK: &str = "Back";
pub const DONE: &str = "Done";
pub const MORE_HELP: &str = "Request more help";
pub const NOT_SENT: &str = "NOT SENT — trying again";
pub const NOT_SENT_NOTE: &str = "Your request has not reached the server. If you are in danger, call now.";
pub const SENDING: &str = "Sending…";
pub const STOP_TRYING: &str = "Stop trying";
pub const STILL_NEED: &str = "Still need help?";
pub const STILL_NEED_NOTE: &str = "Your request could not be sent for a minute. Nothing was requested.";
pub const YES_SEND: &str = "Yes, request help";
pub const NO_LONGER: &str = "No, it is over";
pub const REFUSED: &str = "Not sent";
pub const OFFLINE: &str = "Not connected. What you see may be old";
pub const COUNTDOWN_OFFLINE: &str = "Connection lost. Help will still be requested unless you cancelled in time";
pub const NOT_REACHED: &str = "That has not reached the server yet. Trying again";
pub const COUNTDOWN_OVER: &str = "Time is up. Waiting for the server to say what happened";
pub const ONLY_FIRST_CALL: &str = "Only answering the call from the monitoring center cancels this request.";
pub const CANNOT_CANCEL: &str = "This request can no longer be cancelled. Tell the responders what you know.";

pub const SIGN_IN: &str = "Sign in";
pub const SIGN_OUT: &str = "Sign out";
pub const SIGNING_IN: &str = "Signing in…";
pub const EMAIL: &str = "E-mail address";
pub const PASSWORD: &str = "Password";
pub const TAGLINE: &str = "The SOS button of your home";
pub const UNREACHABLE: &str = "The server cannot be reached. In an emergency call 911 or 112.";
pub const TRY_AGAIN: &str = "Try again";
pub const LOADING: &str = "Loading…";
pub const NO_HOME: &str = "No home is shared with this account yet.";

pub const READY: &str = "Help is one slide away";
pub const NOT_READY: &str = "SOS needs your attention";
pub const HOMES: &str = "Choose a home";
pub const CAMERAS: &str = "Cameras";
pub const LIVE_VIEW: &str = "Live View";
pub const SIRENS: &str = "Sirens";
pub const CONTACTS: &str = "Emergency contacts";
pub const LATEST: &str = "Latest";
pub const NO_CONTACTS: &str = "Nobody yet. Without a contact help is sent without asking anybody first.";
pub const NO_INCIDENTS: &str = "Nothing has happened here";
pub const NO_CAMERAS: &str = "No cameras in this home";
pub const NO_PICTURE: &str = "No picture yet";
pub const OPEN_PHONE: &str = "Open phone";
pub const ONLINE_QUIET: &str = "Online, quiet";
pub const SOUNDING: &str = "Sounding";
pub const DEVICE_OFFLINE: &str = "Offline";

pub const PHONE_IDLE: &str = "No call right now";
pub const PHONE_IDLE_NOTE: &str = "Keep this page open. It rings when the monitoring center calls you.";
pub const PHONE_UNKNOWN: &str = "This link does not work any more";
pub const PHONE_UNKNOWN_NOTE: &str = "Ask the person who sent it for a new one.";
pub const PHONE_CALLER: &str = "Monitoring center";
pub const ANSWER: &str = "Answer";
pub const DECLINE: &str = "Decline";
pub const HANG_UP: &str = "Hang up";
pub const CONFIRM: &str = "Yes, send help";
pub const CALL_OFF: &str = "No, call it off";
pub const HEARD: &str = "I have heard";
pub const VERBAL_PASSWORD: &str = "Verbal password";
pub const SAY_PASSWORD: &str = "Call it off";
pub const PHONE_RECEIVED: &str = "Thank you. We have received it";
pub const PHONE_RECEIVED_NOTE: &str = "You may close this page.";
pub const PHONE_NOT_REACHED: &str = "That did not reach us. Try again.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_read_as_a_sentence() {
        assert_eq!(services(&[]), "");
        assert_eq!(services(&[Service::Police]), "police");
        assert_eq!(services(&[Service::Police, Service::Fire, Service::Medical]), "police, fire department and medical help");
        assert_eq!(capital("police"), "Police");
    }

    #[test]
    fn r3_every_reason_has_one_sentence_with_the_way_out() {
        let all = [
            Reason::NoBaseStationOrEnrolledCamera,
            Reason::PlanRequired,
            Reason::ProfessionalMonitoringRequired,
            Reason::EnrolmentRequired,
            Reason::CameraNotCompatible,
            Reason::NotPermitted,
            Reason::NoAddress,
        ];
        for reason in all {
            assert_eq!(why_not(reason).matches('.').count(), 1, "{reason:?}");
        }
    }

    #[test]
    fn names_are_those_that_screen_readers_are_promised() {
        assert_eq!(slide_name(Request::Medical), "Slide to request medical help");
        assert_eq!(tap_name(Request::Police, false), "Request police without sliding");
        assert_eq!(tap_name(Request::Police, true), "Tap again to request police");
    }
}
