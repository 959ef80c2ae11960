//! The words of the first load, in German.

use crate::view::words::Word as W;

/// In German.
pub(super) const fn german(word: W) -> &'static str {
    match word {
        W::Blank => "",
        W::WhyTitle => "SOS ist nicht verfügbar",
        W::WhyButton => "Warum SOS nicht verfügbar ist",
        W::WhyShort => "Nicht verfügbar",
        W::Sos => "SOS",
        W::Sheet => "Hilfe anfordern",
        W::AtHome => "{0}: {1}",
        W::Practice => "Übung",
        W::PracticeInstead => "Stattdessen üben",
        W::PracticeEnd => "Zurück zum Ernstfall",
        W::PracticeNote => {
            "Kontakte werden angerufen und erfahren, dass es eine Übung ist. Nichts erreicht echte Einsatzkräfte."
        }
        W::PracticeSirens => "Sirenen 5 Sekunden lang ertönen lassen",
        W::Drill => "ÜBUNG",
        W::DrillNote => "Übung. Keine Einsatzkräfte beteiligt",
        W::Slide => "Zum Anfordern schieben",
        W::TapFirst => "Rufen",
        W::TapAgain => "Nochmals tippen",
        W::SirenOnly => "Nur Sirene auslösen",
        W::CancelHelp => "Hilfe abbrechen",
        W::SendNow => "Jetzt senden",
        W::Close => "Schließen",
        W::Back => "Zurück",
        W::Done => "Fertig",
        W::NotSent => "NICHT GESENDET – neuer Versuch läuft",
        W::NotSentNote => {
            "Dieses Gerät hat keine Verbindung. Wenn Sie in Gefahr sind, rufen Sie jetzt an."
        }
        W::Unanswered => "NICHT BESTÄTIGT – neuer Versuch läuft",
        W::UnansweredNote => {
            "Wir wissen nicht, ob Ihre Anforderung angekommen ist. Wenn Sie in Gefahr sind, rufen Sie jetzt an."
        }
        W::Sending => "Wird gesendet …",
        W::StopTrying => "Nicht weiter versuchen",
        W::StillNeed => "Brauchen Sie noch Hilfe?",
        W::StillNeedNote => {
            "Ihre Anforderung konnte eine Minute lang nicht gesendet werden. Nichts wurde angefordert."
        }
        W::StillNeedUnknown => {
            "Wir wissen nicht, ob Ihre Anforderung von vor einer Minute angekommen ist."
        }
        W::Withdrawing => "Wird zurückgenommen …",
        W::WithdrawingNote => {
            "Der Server hat das noch nicht bestätigt. Bis dahin kann Ihre Anforderung noch Hilfe auslösen."
        }
        W::WithdrawingBar => {
            "Ihre Anforderung wird zurückgenommen. Der Server hat das noch nicht bestätigt"
        }
        W::Withdrawn => "Nichts wurde angefordert",
        W::WithdrawnNote => "Der Server hat bestätigt, dass Ihre Anforderung zurückgenommen ist.",
        W::YesSend => "Ja, Hilfe anfordern",
        W::NoLonger => "Nein, es ist vorbei",
        W::Arrived => "Ihre Anforderung ist angekommen",
        W::ArrivedNote => {
            "Der Server hat sie. Diese Seite kann gerade nicht zeigen, was geschieht. Laden Sie sie neu."
        }
        W::Refused => "Nicht gesendet",
        W::HomeGone => {
            "Der Server hat abgelehnt: Dieses Zuhause ist für Sie nicht mehr freigegeben. Bei Gefahr jetzt anrufen."
        }
        W::ArrivedElsewhere => "{0}: Ihre Anforderung ist doch noch angekommen",
        W::Show => "Zeigen",
        W::Answered => "Der Server hat geantwortet",
        W::HeldUp => "NICHT GESENDET: Sie sind abgemeldet",
        W::HeldUpNote => {
            "Melden Sie sich an, dann geht es sofort hinaus. Bei Gefahr jetzt anrufen."
        }
        W::HeldUpUnknown => "NICHT BESTÄTIGT: Sie sind abgemeldet",
        W::Offline => "Nicht verbunden. Was Sie sehen, kann alt sein",
        W::CountdownOffline => {
            "Verbindung verloren. Hilfe wird trotzdem angefordert, außer Sie haben rechtzeitig abgebrochen"
        }
        W::AlsoAsked => "{0} bittet auch um Hilfe",
        W::AlsoAskedTimes => "{0} bittet auch um Hilfe: {1} weitere Anfragen",
        W::OthersGoOn => "Jemand anderes hat auch um Hilfe gebeten. Das läuft weiter",
        W::NotReached => "Der Server hat das noch nicht bestätigt. Neuer Versuch läuft",
        W::NotConfirmed => "Nicht bestätigt, dass Hilfe angefordert wurde",
        W::NotConfirmedNote => {
            "Der Server hat Ihre Anfrage. Was er seitdem getan hat, ist hier nicht angekommen. Rufen Sie jetzt an und sagen Sie, was passiert ist"
        }
        W::CountdownOver => "Die Zeit ist um. Warten auf die Antwort des Servers",
        W::SignIn => "Anmelden",
        W::SignOut => "Abmelden",
        W::SigningIn => "Anmeldung läuft …",
        W::Email => "E-Mail-Adresse",
        W::Password => "Passwort",
        W::Tagline => "Der SOS-Knopf Ihres Zuhauses",
        W::Unreachable => "Der Server ist nicht erreichbar. Im Notfall wählen Sie 112 oder 911.",
        W::TryAgain => "Erneut versuchen",
        W::Loading => "Wird geladen …",
        W::NoHome => "Für dieses Konto ist noch kein Zuhause freigegeben",
        W::HomeLost => "Dieses Zuhause ist für Sie nicht mehr freigegeben",
        W::HomeLostNote => {
            "Wählen Sie oben ein anderes Zuhause, oder lassen Sie sich wieder einladen. Im Notfall 110 oder 112 anrufen."
        }
        W::NotStored => "Nicht verbunden",
        W::NotStoredNote => {
            "Dieses Gerät hat noch nichts über dieses Zuhause gespeichert. Sie können SOS drücken: Es versucht es, bis der Server antwortet. Im Notfall 110 oder 112 anrufen."
        }
        W::HomeUnreadable => "Der Server kann dieses Zuhause nicht lesen",
        W::HomeUnreadableNote => {
            "Hier kann kein Notruf gesendet werden, bis der Betreiber des Servers das behoben hat. Im Notfall 110 oder 112 anrufen."
        }
        W::Center => "Leitstelle",
        W::NoHomeNote => {
            "Bitten Sie jemanden, dem das Zuhause gehört, Sie einzuladen. Im Notfall 110 oder 112 anrufen."
        }
        W::NotConnected => "SOS kommt vielleicht nicht an",
        W::Ready => "Hilfe ist einen Wisch entfernt",
        W::NotReady => "SOS braucht Ihre Aufmerksamkeit",
        W::Homes => "Zuhause wählen",
        W::Cameras => "Kameras",
        W::LiveView => "Live-Ansicht",
        W::Sirens => "Sirenen",
        W::Contacts => "Notfallkontakte",
        W::NoCameras => "Keine Kameras in diesem Zuhause",
        W::NoPicture => "Noch kein Bild",
        W::PictureConnecting => "Verbindung wird aufgebaut …",
        W::PictureLive => "LIVE",
        W::PictureStalled => "Das Bild steht",
        W::PictureOffline => "Keine Verbindung zur Kamera. Neuer Versuch läuft",
        W::PictureUnsupported => "Dieser Browser kann das Bild nicht zeigen. SOS geht trotzdem",
        W::Sounding => "Ertönt",
        W::Police => "Polizei",
        W::PoliceNoun => "Polizei",
        W::Fire => "Feuerwehr",
        W::FireNoun => "Feuerwehr",
        W::Medical => "Rettungsdienst",
        W::MedicalNoun => "Rettungsdienst",
        W::OtherHelp => "Andere Hilfe",
        W::OtherHelpNoun => "andere Hilfe",
        W::Siren => "Nur Sirene",
        W::SirenNoun => "Sirene",
        W::And => "{0} und {1}",
        W::SlideTo => "Schieben und anfordern: {0}",
        W::TapTo => "Ohne Schieben anfordern: {0}",
        W::TapAgainTo => "Nochmals tippen und anfordern: {0}",
        W::CallNumber => "{0} anrufen",
        W::WhyNoDevice => {
            "SOS braucht eine überwachte Alarmanlage oder eine geeignete Kamera; fügen Sie diesem Zuhause eine hinzu."
        }
        W::WhyPlan => "SOS gehört zum Tarif Home Premium; wechseln Sie den Tarif dieses Zuhauses.",
        W::WhySelfMonitored => {
            "Diese Anlage überwachen Sie selbst, also würde niemand antworten; buchen Sie die Überwachung durch eine Zentrale hinzu."
        }
        W::WhyNotEnrolled => {
            "SOS für Kameras ist hier noch nicht eingerichtet; wem dieses Zuhause gehört, kann die Kameras anmelden."
        }
        W::WhyCamera => {
            "Diese Kamera kann kein SOS auslösen; nehmen Sie die Übersicht oder eine geeignete Kamera."
        }
        W::WhyNotPermitted => {
            "Sie dürfen für dieses Zuhause keine Hilfe anfordern; bitten Sie darum, dass es für Sie freigegeben wird."
        }
        W::WhyRestricted => {
            "Dieses Gerät wurde ohne Ihren Passkey angemeldet: Es kann keine Hilfe rufen, bis es in Einstellungen, Anmeldung und Geräte erlaubt wird."
        }
        W::OnlyLooks => {
            "Dieses Gerät wurde ohne Ihren Passkey angemeldet und kann hier nur zusehen. Benutzen Sie ein anderes Gerät, oder erlauben Sie dieses in den Einstellungen."
        }
        W::WhyNew => "SOS ist hier nicht verfügbar; laden Sie neu, um zu sehen, warum.",
        W::WhyNoAddress => {
            "Dieses Zuhause hat keine Adresse, also wüsste niemand, wohin; wem es gehört, kann sie eintragen."
        }
        W::Requesting => "{0} wird angefordert",
        W::SoundingSiren => "Sirene ertönt",
        W::InSecond => "{0} in {1} Sekunde",
        W::InSeconds => "{0} in {1} Sekunden",
        W::ToPlaceInSecond => "An {0} in {1} Sekunde",
        W::ToPlaceInSeconds => "An {0} in {1} Sekunden",
        W::BareSecond => "In {0} Sekunde",
        W::BareSeconds => "In {0} Sekunden",
        W::NothingSentYet => "Noch wurde nichts gesendet",
        W::SentUnknown => "Es ist nicht bekannt, was gesendet wurde",
        W::SirensAsked => "Sirenen wurden ausgelöst",
        W::NobodyTold => "Niemand wurde verständigt. Rufen Sie {0}",
        W::NoRespondersTold => "Keine Einsatzkräfte wurden verständigt. Rufen Sie {0}",
        W::NobodyConfirmed => "Niemand hat es bestätigt. Rufen Sie {0}",
        W::HelpRequested => "Hilfe wurde angefordert",
        W::AcceptedBy => "Angenommen von {0}",
        W::CenterHasIt => "Die Notrufzentrale hat Ihre Anforderung",
        W::RespondersAccepted => "Die Anforderung wurde angenommen",
        W::CannotShow => "Diese Seite kann gerade nicht zeigen, was geschieht. Rufen Sie {0}",
        W::DrillPrefix => "Übung: {0}",
        W::SummaryLine => "{0}, {1}",
        W::EndInTime => "rechtzeitig abgebrochen",
        W::EndCalledOff => "abgesagt",
        W::EndSirens => "Sirenen verstummt",
        W::EndReplaced => "durch echte Anforderung beendet",
        W::EndNotSent => "nicht gesendet",
        W::EndByHome => "von den Bewohnern beendet",
        W::EndNobody => "niemand wurde verständigt",
        W::EndFinished => "beendet",
        W::EndRunning => "läuft",
        W::EndNew => "neu laden, um mehr zu sehen",
        W::ToAddress => "An {0}, {1}, {2} {3}",
        W::Settings => "Einstellungen",
        W::History => "Verlauf",
        W::CheckedAgo => "Geprüft {0}",
        W::CenterReady => "Notrufzentrale",
        W::CenterNotReady => "Nicht mit Einsatzkräften verbunden",
        W::BaseOnline => "Basisstation online",
        W::BaseOffline => "Basisstation offline",
        W::ContactReady => "1 Kontakt bereit",
        W::ContactsReady => "{0} Kontakte bereit",
        W::NoVerbalPassword => "Kein Kennwort für den Anruf: Niemand könnte den Alarm zurücknehmen",
        W::NoContactReady => "Kein Kontakt ist bereit",
        W::ContactRings => "Bei einem Kontakt klingelt es",
        W::NoContactRings => "Bei keinem Kontakt klingelt es: niemand hat die Seite offen",
        W::AddressSet => "Adresse eingetragen",
        W::NoAddress => "Keine Adresse",
        W::DevicesNeedALook => "Geräte prüfen",
        W::SomethingNeedsALook => "Noch etwas ist zu prüfen",
        W::CameraOffline => "Offline",
        W::OfflineSince => "Nicht verbunden. Stand vom {0}",
        W::PageMissing => "Diese Seite konnte nicht geladen werden",
        W::PageMissingNote => {
            "Buckler wurde vielleicht inzwischen erneuert, oder die Verbindung ist weg."
        }
        W::Reload => "Neu laden",
        W::New => "Neu laden, um das zu sehen",
        W::DetailsComing => "Was geschehen ist, wird geladen.",
    }
}
