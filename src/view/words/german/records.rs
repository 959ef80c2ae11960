//! The words of the history and of drills, in German.

use crate::view::words::RecordWord as W;

/// In German.
pub(super) const fn german(word: W) -> &'static str {
    match word {
        W::History => "Verlauf",
        W::FilterAll => "Alle",
        W::FilterReal => "Ernstfälle",
        W::FilterDrills => "Übungen",
        W::Filter => "Anzeigen",
        W::Older => "Ältere anzeigen",
        W::Nothing => "Hier ist noch nichts passiert",
        W::NothingOfThat => "Keine davon",
        W::NotFound => "Diesen Vorfall gibt es nicht.",
        W::StartedBy => "Ausgelöst von {0}",
        W::From => "Von {0}",
        W::FromDashboard => "Von der Übersicht",
        W::WentTo => "An {0}",
        W::Began => "Beginn {0}",
        W::Took => "Dauer {0}",
        W::Story => "Was geschah",
        W::Responders => "Einsatzkräfte",
        W::CallsMade => "Anrufe",
        W::CenterNote => {
            "Diese wurden lange nach ihrer Zeit gefunden, und nichts wurde gesendet. Erst anrufen, dann entscheiden."
        }
        W::Stopped => "Stehen geblieben: {0}",
        W::StoppedNote => {
            "Seit {0} kann der Server diesen Vorfall nicht bearbeiten. Darin geschieht nichts mehr. Anrufen, und Hilfe per Telefon anfordern."
        }
        W::StoppedQuiet => "Das Zuhause darf es nicht bemerken. Nicht dort anrufen.",
        W::StoppedDone => "Erledigt",
        W::CenterEmpty => "Nichts wartet auf Sie",
        W::CenterNotYours => "Sie arbeiten nicht in der Leitstelle.",
        W::CallFirst => "Zuerst anrufen",
        W::Queue => "Was wartet",
        W::AtConsole => "An der Konsole: {0}",
        W::Shortcuts => {
            "Pfeiltasten wählen, T nimmt, G gibt zurück, Ziffern drücken die nummerierten Knöpfe."
        }
        W::Waits => "wartet seit {0}",
        W::AssignedTo => "{0} arbeitet daran",
        W::AssignedToYou => "Sie arbeiten daran",
        W::NobodyTook => "Niemand hat es rechtzeitig genommen",
        W::Again => "Dieselbe Hilfe wurde noch {0}-mal angefordert",
        W::AgainOnce => "Dieselbe Hilfe wurde noch einmal angefordert",
        W::Duress => "Nötigungscode",
        W::HoldUp => "Stiller Überfallalarm",
        W::Silent => "Stiller Alarm",
        W::SilentNote => {
            "Stiller Alarm: Wer dort ist, darf nichts merken. Rufen Sie nicht dort an. Fordern Sie Hilfe an."
        }
        W::ScriptNew => "Laden Sie neu, um zu sehen, was als Nächstes zu tun ist.",
        W::ResultNew => "Neu laden, um zu sehen, wie es lief",
        W::DuressNote => {
            "Nötigung: Jemand muss so tun, als wäre alles in Ordnung. Rufen Sie nicht dort an. Fordern Sie Hilfe an."
        }
        W::HoldUpNote => {
            "Stiller Überfallalarm: Wer dort ist, darf nichts merken. Rufen Sie nicht dort an. Fordern Sie Hilfe an."
        }
        W::Take => "Übernehmen",
        W::GiveBack => "Zurückgeben",
        W::Relieve => "{0} ablösen",
        W::HandTo => "An {0} übergeben",
        W::Figures => "Die letzten 30 Tage",
        W::FiguresNone => "Kein Vorfall erreichte die Zentrale.",
        W::FigureCount => "Vorfälle",
        W::FigureFalse => "Niemand brauchte Hilfe",
        W::FigureClaim => "Bis ihn jemand übernahm",
        W::FigureCall => "Bis der erste Anruf vorbei war",
        W::FigureDispatch => "Bis Hilfe angefordert war",
        W::FigureAccepted => "Bis eine Stelle annahm",
        W::FigureTimes => "die Hälfte in {0}, neun von zehn in {1}, alle in {2}",
        W::FiguresCsv => "Tabelle herunterladen",
        W::Panels => "Anlagen, die hier melden",
        W::PanelHeard => "gehört {0}",
        W::PanelSilent => "seit dem Start des Servers nicht gehört",
        W::Choose => "Wählen Sie einen Vorfall.",
        W::OnMap => "Auf einer Karte zeigen",
        W::ThereNow => "Dort ist es {0}.",
        W::ToldGate => "Hineinkommen: {0}",
        W::ToldPets => "Tiere: {0}",
        W::ToldMedical => "Medizinisch: {0}",
        W::ToldPermit => "Alarmgenehmigung {0}",
        W::ToldPermitUntil => "Alarmgenehmigung {0}, gültig bis {1}",
        W::ToldPermitOver => "Alarmgenehmigung {0}, abgelaufen am {1}",
        W::ScriptCall => {
            "Rufen Sie {0} an. Sagen Sie: „Hier ist die Leitstelle. Für {1} wurde Hilfe angefordert: {2}. Bestätigen Sie das?“"
        }
        W::ScriptPassword => {
            "Wer es abbestellt, sagt das Kennwort. Sagen Sie es nie selbst, und nie, ob es richtig war."
        }
        W::ScriptNobody => {
            "Es gibt niemanden, der zuerst anzurufen ist. Hilfe wird von selbst angefordert."
        }
        W::ScriptDispatch => {
            "Fordern Sie Hilfe an diese Adresse an, Dienst für Dienst, und notieren Sie deren Nummer."
        }
        W::ScriptFollow => {
            "Verfolgen Sie jeden Dienst, bis er fertig ist. Schließen Sie dann den Vorfall."
        }
        W::CallConfirmed => "Bestätigt",
        W::CallNoAnswer => "Keine Antwort",
        W::CallVoicemail => "Anrufbeantworter",
        W::CallBusy => "Besetzt oder abgelehnt",
        W::CallFailed => "Nicht anrufbar",
        W::CallHungUp => "Ohne Entscheidung aufgelegt",
        W::CallAnswered => "Abgehoben, wir sprechen",
        W::CallAnsweredNote => {
            "Notiert. Sie haben zwei Minuten für eine Entscheidung; danach wird Hilfe geschickt."
        }
        W::SaidPassword => "Das Kennwort, wie es gesagt wurde",
        W::CalledOff => "Abbestellt",
        W::Accepted => {
            "Angenommen: Es wird keine Hilfe geschickt. Sagen Sie, dass es abbestellt ist."
        }
        W::CarryOn => "Machen Sie weiter: Hilfe wird geschickt. Sagen Sie nicht, warum.",
        W::Agency => "Nummer der Einsatzstelle",
        W::MoveAccepted => "{0}: angenommen",
        W::MoveRejected => "{0}: abgelehnt",
        W::MoveEnRoute => "{0}: unterwegs",
        W::MoveOnScene => "{0}: am Einsatzort",
        W::MoveClosed => "{0}: fertig",
        W::NoteField => "Für das Protokoll",
        W::AddNote => "Ins Protokoll",
        W::CloseHelp => "Schließen: Hilfe wurde geleistet",
        W::CloseFalse => "Schließen: Niemand brauchte Hilfe",
        W::CloseOther => "Schließen: etwas anderes",
        W::CloseSure => "Noch einmal drücken: Es ist geschlossen",
        W::Clip => "Was die Kamera zeigte",
        W::Evidence => "Nachweis",
        W::EvidenceNote => {
            "Jeder Schritt mit seiner Zeit und wer ihn tat, jeder mit einem Hash über alle davor versiegelt, von diesem Server signiert."
        }
        W::ExportJson => "JSON herunterladen",
        W::ExportCsv => "CSV herunterladen",
        W::Print => "Drucken",
        W::Placed => "angerufen {0}",
        W::FormerFirst => "erster Kontakt vor einer Änderung",
        W::Drill => "Übung",
        W::DrillNote => {
            "Alles läuft wie im Notfall, als Übung gekennzeichnet. Nichts erreicht echte Einsatzkräfte."
        }
        W::WhichHelp => "Welche Hilfe?",
        W::WhichPlace => "Von wo?",
        W::Dashboard => "Übersicht",
        W::CallContacts => "Meine Kontakte anrufen",
        W::CallContactsNote => "Sie erfahren, dass es eine Übung ist.",
        W::SoundSirens => "Sirenen 5 Sekunden lang ertönen lassen",
        W::Start => "Übung beginnen",
        W::NoSos => "Noch gibt es nichts zu üben: Dieses Zuhause hat keinen SOS-Knopf.",
        W::Last => "Letzte Übung",
        W::Passed => "Die Übung ist bestanden",
        W::PassedIn => "Bestanden in {0}",
        W::Failed => "Etwas wäre schiefgegangen",
        W::PassedUnanswered => "Hilfe wäre gekommen, aber niemand nahm an",
        W::NothingTried => "Nichts wurde erprobt: keine Sirene sollte heulen",
        W::Replaced => "Eine echte Anforderung hat die Übung beendet",
        W::Lacked => "Als die Übung begann: {0}",
        W::Unfinished => "Die Übung läuft noch",
        W::Aborted => "Die Übung wurde im Countdown abgebrochen",
        W::StepSent => "Anforderung gesendet",
        W::StepSiren => "Erste Sirene bestätigt",
        W::StepCall => "Erster Kontakt angerufen",
        W::StepAnswer => "Erster Kontakt nahm an",
        W::StepDispatch => "Simulierte Einsatzkräfte angefordert",
        W::StepAccepted => "Simulierte Einsatzkräfte nahmen an",
        W::StepEnd => "Ende",
        W::Never => "geschah nicht",
        W::After => "nach {0}",
        W::SecondsShort => "{0} s",
        W::MinutesShort => "{0} min {1} s",
        W::WhoAnswered => "{0} nahm an.",
        W::NobodyAnswered => "Niemand nahm an; Hilfe wurde geschickt, als das Klingeln endete.",
        W::ContactsSpared => "Kontakte wurden nicht angerufen.",
        W::NoContacts => "Kein Kontakt ist eingetragen: Hilfe würde ohne Rückfrage geschickt.",
        W::NotAccepted => "Einsatzkräfte nahmen nicht an.",
        W::SirenSilent => "Eine Sirene hat nicht bestätigt, dass sie ertönte.",
        W::NoPassword => "Falsches Kennwort.",
    }
}
