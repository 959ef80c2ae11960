//! Every word that a screen says. English is part of the app; another language is a match over the
//! same words, and is loaded on demand. The compiler sees to it that no language lacks a word, a
//! test that none loses what is filled in.

mod account;
mod core;
pub mod german;
mod household;
mod incident;
mod language;
mod overview;
mod phone;
mod records;

pub use self::core::Word;
pub use account::AccountWord;
pub use household::HouseholdWord;
pub use incident::IncidentWord;
pub use language::{Language, Said, listed, speak, spoken_tag};
pub use overview::OverviewWord;
pub use phone::PhoneWord;
pub use records::RecordWord;

use crate::{
    api::heard::Heard,
    domain::{
        eligibility::Reason,
        incident::{Request, Service},
    },
};

/// What a gesture asks for: how it looks and what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// The symbol's id in the sprite.
    pub icon: &'static str,
    /// The modifier of the CSS class.
    pub class: &'static str,
    /// As it stands alone: “Police”.
    pub name: Word,
    /// Within a sentence: “police”.
    pub noun: Word,
}

/// How a request looks and what it is called.
pub const fn tone(request: Request) -> Tone {
    match request {
        Request::Police => {
            Tone { icon: "police", class: "police", name: Word::Police, noun: Word::PoliceNoun }
        }
        Request::Fire => {
            Tone { icon: "fire", class: "fire", name: Word::Fire, noun: Word::FireNoun }
        }
        Request::Medical => {
            Tone { icon: "medical", class: "medical", name: Word::Medical, noun: Word::MedicalNoun }
        }
        Request::Siren => {
            Tone { icon: "siren", class: "siren", name: Word::Siren, noun: Word::SirenNoun }
        }
    }
}

/// How a requested service looks and what it is called.
pub const fn tone_of(service: Heard<Service>) -> Tone {
    match service {
        Heard::Known(Service::Police) => tone(Request::Police),
        Heard::Known(Service::Fire) => tone(Request::Fire),
        Heard::Known(Service::Medical) => tone(Request::Medical),
        Heard::Unknown => Tone {
            icon: "shield",
            class: "other",
            name: Word::OtherHelp,
            noun: Word::OtherHelpNoun,
        },
    }
}

/// “police”, “police and medical help”, “police, fire department and medical help”; nothing for
/// sirens only.
pub fn services(all: &[Heard<Service>]) -> String {
    let nouns: Vec<&str> = all.iter().map(|s| tone_of(*s).noun.say()).collect();
    listed(&nouns)
}

/// A sentence with its first letter large. The words here begin with plain letters, which need no
/// table of all alphabets.
pub fn capital(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// The accessible name of a slider.
pub fn slide_name(request: Request) -> String {
    Word::SlideTo.fill(&[tone(request).noun.say()])
}

/// The button beside a slider: before and after the first tap.
pub fn tap_name(request: Request, armed: bool) -> String {
    let word = if armed { Word::TapAgainTo } else { Word::TapTo };
    word.fill(&[tone(request).noun.say()])
}

/// Why there is no SOS, and what to do about it: one sentence (R3).
pub const fn why_not(reason: Heard<Reason>) -> Word {
    let Heard::Known(reason) = reason else { return Word::WhyNew };
    match reason {
        Reason::NoBaseStationOrEnrolledCamera => Word::WhyNoDevice,
        Reason::PlanRequired => Word::WhyPlan,
        Reason::ProfessionalMonitoringRequired => Word::WhySelfMonitored,
        Reason::EnrolmentRequired => Word::WhyNotEnrolled,
        Reason::CameraNotCompatible => Word::WhyCamera,
        Reason::NotPermitted => Word::WhyNotPermitted,
        Reason::NoAddress => Word::WhyNoAddress,
        Reason::DeviceRestricted => Word::WhyRestricted,
    }
}

/// The emergency number as a person reads it.
pub fn call_number(number: &str) -> String {
    Word::CallNumber.fill(&[number])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_read_as_a_sentence() {
        assert_eq!(services(&[]), "");
        assert_eq!(services(&[Service::Police.into()]), "police");
        assert_eq!(
            services(&Heard::all([Service::Police, Service::Fire, Service::Medical])),
            "police, fire department and medical help"
        );
        assert_eq!(
            services(&[Service::Police.into(), Heard::Unknown]),
            "police and other help",
            "a newer server has more services"
        );
        assert_eq!(capital("police"), "Police");
    }

    /// R3.
    #[test]
    fn every_reason_has_one_sentence_with_the_way_out() {
        let all = [
            Reason::NoBaseStationOrEnrolledCamera,
            Reason::PlanRequired,
            Reason::ProfessionalMonitoringRequired,
            Reason::EnrolmentRequired,
            Reason::CameraNotCompatible,
            Reason::NotPermitted,
            Reason::NoAddress,
            Reason::DeviceRestricted,
        ];
        for reason in all.map(Heard::Known).into_iter().chain([Heard::Unknown]) {
            assert_eq!(why_not(reason).english().matches('.').count(), 1, "{reason:?}");
        }
    }

    #[test]
    fn names_are_those_that_screen_readers_are_promised() {
        assert_eq!(slide_name(Request::Medical), "Slide to request medical help");
        assert_eq!(tap_name(Request::Police, false), "Request police without sliding");
        assert_eq!(tap_name(Request::Police, true), "Tap again to request police");
    }
}
