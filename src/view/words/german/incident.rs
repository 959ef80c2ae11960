//! The words of an incident's screens after the countdown, in German.

use crate::view::words::IncidentWord as W;

/// In German.
pub(super) const fn german(word: W) -> &'static str {
    match word {
        W::MoreHelp => "Weitere Hilfe anfordern",
        W::Silence => "Sirene stumm schalten",
        W::SirensSound => "Sirenen, die ertönen: {0} von {1}.",
        W::NoSirenConfirmed => "Keine Sirene hat bestätigt, dass sie ertönt.",
        W::HowItWent => "Wie es lief",
        W::OnlyFirstCall => {
            "Nur wer den ersten Anruf annimmt, kann diese Anforderung noch zurücknehmen."
        }
        W::CannotCancel => {
            "Diese Anforderung lässt sich nicht mehr zurücknehmen. Sagen Sie den Einsatzkräften, was Sie wissen."
        }
        W::ReviewNote => {
            "Der Server war zu lange ausgefallen, um selbst zu handeln. Brauchen Sie noch Hilfe?"
        }
        W::SendAfterAll => "Ja, jetzt Hilfe schicken",
        W::NobodyNeedsHelp => "Niemand braucht mehr Hilfe",
        W::NobodySure => "Noch einmal tippen: nichts wird gesendet",
        W::NotDecided => "Der Server hat nicht geantwortet. Wenn Sie Hilfe brauchen, rufen Sie an.",
        W::NoCallNoDispatch => "Kein Anruf und kein Einsatz",
        W::Calling => "{0} wird angerufen",
        W::TalkingTo => "Gespräch mit {0}",
        W::AnsweredFor => "Angenommen.",
        W::RingingFor => "Klingelt seit {0} s.",
        W::CallToSay => "Um zu sagen, dass Hilfe angefordert wurde.",
        W::DispatchRequested => "Angefordert",
        W::DispatchAccepted => "Angenommen",
        W::DispatchRejected => "Abgelehnt",
        W::DispatchEnRoute => "Unterwegs",
        W::DispatchOnScene => "Vor Ort",
        W::DispatchClosed => "Beendet",
        W::CancelledInTime => "Abgebrochen. Nichts wurde gesendet.",
        W::ByAt => "Von {0} um {1}",
        W::CalledItOff => "{0} hat um {1} abgesagt.",
        W::HelpNotComing => "Es kommt keine Hilfe. Wenn Sie sie noch brauchen, fordern Sie neu an.",
        W::WereOnTheWay => {
            "Um Abbruch wurde gebeten; unterwegs waren: {0}. Sie können noch kommen."
        }
        W::CenterAskedToStopNote => {
            "Die Notrufzentrale wurde gebeten abzubrechen. Wenn Sie noch Hilfe brauchen, fordern Sie neu an."
        }
        W::CenterAskedToStop => "Die Notrufzentrale wurde gebeten abzubrechen.",
        W::ClosedNoNeed => "Geschlossen: Niemand brauchte mehr Hilfe.",
        W::RequestClosed => "Die Anforderung wurde geschlossen: {0}.",
        W::SirensStopped => "Die Sirenen sind verstummt.",
        W::AtTime => "Um {0}",
        W::NoSirenSounded => "Keine Sirene ertönte.",
        W::ServerWasDown => "Der Server war zu der Zeit ausgefallen.",
        W::DrillEnded => "Die Übung wurde beendet.",
        W::RealTookOver => "Eine echte Anforderung ging vor.",
        W::NothingWasSent => "Nichts wurde gesendet.",
        W::LookedAtIt => "{0} hat es um {1} geprüft",
        W::ClosedByCenter => "Von der Notrufzentrale geschlossen.",
        W::DrillComplete => "Die Übung ist abgeschlossen.",
        W::FinishedAt => "Beendet um {0}",
        W::CameAndFinished => "{0}: Einsatz beendet.",
        W::ClosedAt => "Geschlossen um {0}",
        W::CallNext => "Als Nächstes",
        W::CallRinging => "Klingelt",
        W::CallTalking => "Im Gespräch",
        W::CallConfirmed => "Bestätigt",
        W::CallCalledOff => "Hat abgesagt",
        W::CallTold => "Informiert",
        W::CallWrongPassword => "Falsches Passwort",
        W::CallNoAnswer => "Keine Antwort",
        W::CallNotReached => "Nicht erreicht",
        W::Reference => "Aktenzeichen {0}",
        W::Responders => "Einsatzkräfte",
        W::ServicesTo => "{0}, an {1}",
        W::WhatHappened => "Was geschehen ist",
        W::SayThis => "Sagen Sie: {0}, {1}.",
        W::NobodyConnected => {
            "Dieser Server ist mit niemandem verbunden, der Hilfe schicken könnte."
        }
        W::NobodyCame => "Über diese Taste wurde niemand verständigt.",
        W::NobodyCameNote => {
            "Dieser Server ist mit niemandem verbunden, der Hilfe schicken könnte. Beendet um {0}"
        }
        W::UnansweredNote => {
            "Hilfe wurde vor mehr als einer Minute angefordert. Keine Zentrale und kein Kontakt hat geantwortet."
        }
        W::NobodyYet => "{0}. Noch hat es niemand bestätigt.",
        W::LeaveScreen => "Diesen Bildschirm verlassen",
        W::LeaveNote => "Er bleibt als Leiste oben auf jeder Seite.",
        W::ItIsOver => "Es ist vorbei",
        W::ItIsOverSure => "Nochmals tippen: Es ist vorbei",
        W::EndedByHome => "{0} hat gesagt, dass es vorbei ist.",
        W::SilentPracticeOver => "Die Übung ist vorbei. Es sollte keine Sirene ertönen.",
        W::CallOver => "Beendet",
        W::ClosedSomehow => "Das wurde beendet. Laden Sie neu, um zu sehen, wie.",
    }
}
