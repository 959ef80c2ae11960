//! The words of settings and of the first run, in German.

use crate::view::words::HouseholdWord as W;

/// In German.
pub(super) const fn german(word: W) -> &'static str {
    match word {
        W::Settings => "Einstellungen",
        W::Save => "Speichern",
        W::Saving => "Wird gespeichert …",
        W::Saved => "Gespeichert",
        W::Remove => "Entfernen",
        W::RemoveName => "{0} entfernen",
        W::RemoveSure => "Nochmals tippen und {0} entfernen",
        W::Add => "Hinzufügen",
        W::Change => "Ändern",
        W::Next => "Weiter",
        W::Previous => "Zurück",
        W::StepOf => "Schritt {0} von {1}",
        W::OnlyOwners => "Nur wem dieses Zuhause gehört, kann seine Einstellungen ändern.",
        W::NotSaved => "Das wurde nicht gespeichert. Nichts Eingegebenes ist verloren.",
        W::NoAnswer => {
            "Der Server hat nicht geantwortet. Nichts Eingegebenes ist verloren; versuchen Sie es noch einmal."
        }
        W::Missing => "Bitte ausfüllen.",
        W::TooLong => "Das ist zu lang.",
        W::NotACountry => "Geben Sie das Land mit zwei Buchstaben an, etwa DE.",
        W::NotAPhoneNumber => {
            "Geben Sie die ganze Nummer mit Ländervorwahl an, etwa +49 30 1234567."
        }
        W::HasExtension => {
            "Durchwahlen mit Nebenstelle können nicht gewählt werden. Geben Sie eine Nummer an, die diese Person direkt erreicht."
        }
        W::Twice => "Diese Nummer steht zweimal in der Liste.",
        W::TooFew => "Nennen Sie mindestens zwei Personen: Eine hört das Telefon vielleicht nicht.",
        W::TooMany => "Das ist mehr, als ein Zuhause haben kann.",
        W::OutOfBounds => "Das liegt außerhalb des Erlaubten.",
        W::NotRight => "Das stimmt nicht.",
        W::TooShort => "Das ist zu kurz.",
        W::EasilyGuessed => {
            "Das ist leicht zu erraten. Nehmen Sie ein paar Wörter, die nichts miteinander zu tun haben."
        }
        W::NotAStream => "Geben Sie eine Adresse an, die mit rtsp:// beginnt.",
        W::AnotherCamera => {
            "Beide Bilder müssen von derselben Kamera kommen: gleicher Name oder gleiche Nummer und gleicher Port."
        }
        W::NotPrivate => "Geben Sie eine Adresse in Ihrem eigenen Netz an.",
        W::NotAllowedAddress => {
            "Diese Adresse gehört dem Server selbst oder gilt nur an seinem Kabel. Die Konfiguration des Servers kann sie erlauben: cameras.allow."
        }
        W::HasCredentials => "Lassen Sie Benutzername und Passwort aus der Adresse weg.",
        W::NotAnEmail => "Das ist keine E-Mail-Adresse.",
        W::NotAccepted => "Bitte stimmen Sie dem zu.",
        W::KnownAddress => {
            "Zu dieser Adresse gibt es ein Konto. Melden Sie sich an und öffnen Sie den Link noch einmal."
        }
        W::LastOwner => "Jemand muss dieses Zuhause besitzen.",
        W::LastSupervisor => "Die Leitstelle braucht mindestens eine Leitung.",
        W::OnlyOne => "Ein Zuhause hat eine Basisstation.",
        W::NoCompatibleCamera => "Fügen Sie zuerst eine Kamera hinzu, die SOS auslösen kann.",
        W::PlanRequired => "Dafür braucht es den Tarif Home Premium.",
        W::Address => "Zuhause und Adresse",
        W::AddressNote => "Hilfe kommt an diese Adresse.",
        W::HomeName => "Name des Zuhauses",
        W::Line1 => "Straße und Hausnummer",
        W::Line2 => "Wohnung oder Stockwerk (falls nötig)",
        W::City => "Ort",
        W::Region => "Bundesland oder Provinz",
        W::PostalCode => "Postleitzahl",
        W::Country => "Land (zwei Buchstaben)",
        W::CheckAddress => "Prüfen, was Einsatzkräfte erfahren",
        W::RespondersTold => "Einsatzkräfte erfahren",
        W::ToldHome => "Hilfe wird gebraucht: {0}",
        W::AddressRight => "Ja, dorthin soll Hilfe kommen",
        W::AddressWrong => "Nein, ändern",
        W::ForResponders => "Für Einsatzkräfte",
        W::ForRespondersNote => {
            "Das sieht nur, wer Hilfe schickt, und nur solange ein Vorfall offen ist."
        }
        W::NoteGate => "Wie man hineinkommt (Torcode, Schlüssel)",
        W::NotePets => "Tiere",
        W::NoteMedical => "Was Rettungskräfte wissen sollten",
        W::NotePermit => "Nummer der Alarmgenehmigung",
        W::NotePermitUntil => "Genehmigung gültig bis",
        W::AddressMissing => "Noch keine Adresse",
        W::Contacts => "Notfallkontakte",
        W::ContactsNote => {
            "Wer zuerst steht, wird angerufen, bevor Hilfe geschickt wird, und kann absagen. Die anderen erfahren es danach."
        }
        W::ContactName => "Name",
        W::ContactPhone => "Telefonnummer",
        W::PlaceNumber => "Kontakt {0}",
        W::MoveUp => "{0} nach oben",
        W::MoveDown => "{0} nach unten",
        W::Drag => "Ziehen ändert die Reihenfolge",
        W::AddContact => "Kontakt hinzufügen",
        W::SomebodyNew => "neuen Kontakt",
        W::Invite => "Einladungslink",
        W::InviteName => "Einladungslink für {0}",
        W::InviteNote => {
            "Schicken Sie diesen Link an {0}. Er ist nur jetzt zu sehen. {0} muss ihn öffnen und zusagen."
        }
        W::NewLink => "Neuer Link für {0}",
        W::NewLinkSure => "Noch einmal tippen: das ersetzt den alten Link",
        W::Copy => "Kopieren",
        W::Copied => "Kopiert",
        W::NoLink => "Noch kein Link: kann nicht angerufen werden",
        W::Invited => "Link erstellt, noch keine Antwort",
        W::Accepted => "Einverstanden",
        W::OptedOut => "Möchte nicht angerufen werden",
        W::ContactForgot => {
            "{0} weiß das Kennwort nicht mehr. Sagen Sie es noch einmal; die eigene Seite fragt danach."
        }
        W::ContactSilent => {
            "{0} hat seit drei Monaten nicht gesagt, ob das Kennwort noch bekannt ist. Bitten Sie darum, den Link zu öffnen."
        }
        W::ContactOut => "{0} möchte nicht mehr angerufen werden.",
        W::LastReached => "zuletzt erreicht {0}",
        W::NeverReached => "noch nie erreicht",
        W::ContactState => "{0}, {1}",
        W::ContactsReady => "{0} von {1} bereit",
        W::Password => "Kennwort",
        W::PasswordNote => {
            "Wer angerufen wird, muss es sagen, um Hilfe abzusagen. Ein falsches schickt Hilfe, und niemand erfährt, dass es falsch war."
        }
        W::PasswordCurrent => "Bisheriges Kennwort",
        W::PasswordNew => "Neues Kennwort",
        W::PasswordHint => {
            "Zwei Wörter, die sich leicht sagen lassen, etwa eine Farbe und ein Tier"
        }
        W::PasswordAsk => "Wissen Sie es noch?",
        W::PasswordAskNote => "Probieren Sie es hier, bevor es darauf ankommt.",
        W::PasswordTry => "Prüfen",
        W::PasswordCorrect => "Ja, das ist es.",
        W::PasswordIncorrect => "Nein, das ist es nicht.",
        W::Sirens => "Sirenen und Countdown",
        W::Countdown => "Countdown",
        W::CountdownNote => {
            "So lange lässt sich eine Anforderung abbrechen. Es dürfen mehr als 5 Sekunden sein, nie weniger."
        }
        W::Seconds => "{0} Sekunden",
        W::Duration => "Sirenen ertönen",
        W::Minute => "{0} Minute",
        W::Minutes => "{0} Minuten",
        W::CamerasSound => "Kameras mit Sirene ertönen zusammen mit der Basisstation",
        W::NoSirens => "Dieses Zuhause hat keine Basisstation, also ertönt keine Sirene.",
        W::SirensState => "{0}, Sirenen {1}",
        W::SosCameras => "SOS für Kameras",
        W::SosCamerasNote => "Damit lässt sich Hilfe aus der Live-Ansicht einer Kamera anfordern.",
        W::Enrolled => "Ein",
        W::NotEnrolled => "Aus",
        W::WizardCameras => "Welche Kameras",
        W::WizardCamerasNote => "Diese Kameras bekommen den roten Schild.",
        W::CanRaise => "Bekommt den Schild",
        W::CannotRaise => "Kann kein SOS auslösen",
        W::WizardPasswordAsk => "Zum Absagen nach dem Kennwort fragen",
        W::WizardPasswordAlways => "Ein Zuhause mit Alarmanlage fragt immer nach dem Kennwort.",
        W::WizardPasswordStops => "Geben Sie es noch einmal ein. Das Abschalten erfordert es.",
        W::WizardTerms => "Bedingungen",
        W::TermsText => {
            "Eine Anforderung geht an die Notrufzentrale, die den ersten Kontakt anruft. Nimmt niemand an, wird Hilfe an die Adresse geschickt. Fehlalarme können dort, wo Sie wohnen, Geld kosten."
        }
        W::AcceptTerms => "Ich habe das gelesen und stimme zu",
        W::TurnOn => "SOS für Kameras einschalten",
        W::TurnedOn => "SOS für Kameras ist an",
        W::FirstDrill => {
            "Probieren Sie es gleich mit einer Übung. Nichts erreicht echte Einsatzkräfte."
        }
        W::StartDrill => "Jetzt üben",
        W::TurnOff => "SOS für Kameras ausschalten",
        W::TurnOffSure => "Nochmals tippen und ausschalten",
        W::People => "Personen und Rechte",
        W::You => "Sie",
        W::Owner => "Besitz",
        W::Shared => "Mitbenutzung",
        W::Guest => "Gast",
        W::RoleOf => "Was {0} darf",
        W::MaySos => "Darf Hilfe anfordern",
        W::OwnerNote => "Ändert Einstellungen und fordert Hilfe an",
        W::SharedNote => "Fordert Hilfe an",
        W::OtherRole => "Eine andere Rolle",
        W::OtherRoleNote => "neu laden, um zu sehen, was sie darf",
        W::OtherPlace => "einen anderen Ort",
        W::OtherDevice => "Ein anderes Gerät",
        W::StreamOther => "Es kommt kein Bild. Laden Sie neu, um zu sehen, warum.",
        W::GuestNote => "Schaut zu und kann keine Hilfe anfordern",
        W::TheCenter => "die Leitstelle",
        W::Operator => "Dienst",
        W::OperatorNote => "Bearbeitet Vorfälle",
        W::Supervisor => "Leitung",
        W::SupervisorNote => "Bearbeitet Vorfälle und sagt, wer hier arbeitet",
        W::WorksHere => "Wer hier arbeitet",
        W::InvitePerson => "Jemanden einladen",
        W::InvitePersonNote => {
            "Sie bekommen einen Link zum Weitergeben. Er gilt eine Woche und einmal."
        }
        W::InviteWhom => "Name",
        W::InviteAs => "Was die Person darf",
        W::MakeLink => "Link erzeugen",
        W::InviteLinkNote => "Schicken Sie diesen Link nur {0}: Wer ihn öffnet, kommt herein.",
        W::InviteOpen => "Eingeladen als {0}, bis {1}",
        W::InviteTakeBack => "Zurücknehmen",
        W::InviteTakeBackSure => "Zum Zurücknehmen noch einmal tippen",
        W::Invitation => "{0} lädt Sie ein: {1}",
        W::InvitationAs => "Als {0}: {1}.",
        W::InvitationOver => "Dieser Link gilt nicht mehr. Bitten Sie um einen neuen.",
        W::InvitationNew => "Ihr Konto anlegen",
        W::InvitationKnown => {
            "Sie haben schon ein Konto? Melden Sie sich zuerst an und öffnen Sie den Link dann noch einmal."
        }
        W::InvitationSignIn => "Zur Anmeldung",
        W::InvitationJoin => "Beitreten",
        W::Equipment => "Geräte und Kameras",
        W::BaseStation => "Basisstation",
        W::Keypad => "Bedienfeld",
        W::Camera => "Kamera",
        W::Doorbell => "Türklingel",
        W::NameField => "Name",
        W::KindField => "Was ist es?",
        W::StreamField => "Adresse des Videostroms (falls bekannt)",
        W::StreamHint => "Etwa rtsp://192.168.1.20/stream1",
        W::CompatibleField => "Kann aus der Live-Ansicht SOS auslösen",
        W::SirenField => "Hat eine Sirene",
        W::AddDevice => "Gerät oder Kamera hinzufügen",
        W::EquipmentCount => "{0} Geräte, {1} Kameras",
        W::Security => "Anmeldung und Geräte",
        W::Devices => "Angemeldete Geräte",
        W::ThisDevice => "Dieses Gerät, seit {0}",
        W::DeviceSeen => "Zuletzt benutzt {0}",
        W::SignOutSure => "Zum Abmelden noch einmal tippen",
        W::SignOutOthers => "Alle anderen Geräte abmelden",
        W::ChangePassword => "Ihr Passwort ändern",
        W::ChangePasswordNote => "Alle anderen Geräte werden abgemeldet.",
        W::ProofTitle => "Sind Sie es?",
        W::ProofNote => {
            "Ihr Passwort wurde zuletzt vor einiger Zeit eingegeben. Geben Sie es noch einmal ein, dann wird die Änderung gespeichert. Ein Notruf fragt nie danach."
        }
        W::ProofGo => "Bestätigen und speichern",
        W::Log => "Protokoll",
        W::LogNote => {
            "Wer sich angemeldet und wer was geändert hat. Niemand kann es ändern, wer den Server betreibt, kann das prüfen, und nichts wird entfernt."
        }
        W::UndoTitle => "Seit gestern geändert",
        W::UndoNote => "Alle Eigentümer sehen das einen Tag lang und können es rückgängig machen.",
        W::WasBefore => "Vorher: {0}",
        W::Undo => "Rückgängig machen",
        W::LogEmpty => "Noch nichts",
        W::LogMore => "Frühere zeigen",
        W::LogFilter => "Anzeigen",
        W::LogAll => "Alles",
        W::LogAccounts => "Anmeldungen",
        W::LogHome => "Das Zuhause",
        W::LogPeople => "Personen",
        W::LogContacts => "Kontakte",
        W::LogDevices => "Geräte und Server",
        W::LogNothing => "Nichts davon",
        W::LogTimes => "{0}, {1}-mal",
        W::LogSpan => "{0} bis {1}",
        W::LogFrom => "{0} · {1} · von {2}",
        W::LogBy => "{0} · {1}",
        W::AContact => "Ein Kontakt",
        W::DidContact => "Ein Kontakt hat zugestimmt oder abgesagt",
        W::Console => "Am Server",
        W::DidSignIn => "Hat sich angemeldet",
        W::DidRefuse => "Eine Anmeldung wurde abgewiesen",
        W::DidSignOut => "Hat sich abgemeldet",
        W::DidSignOutDevices => "Hat andere Geräte abgemeldet",
        W::Deliveries => "Anderen Servern nicht mitgeteilt",
        W::NotTaken => "{0} nimmt nicht an, was hier geschah",
        W::GivenUp => "Es wird nicht mehr versucht.",
        W::StillTried => "Es wird von selbst weiter versucht.",
        W::TellAgain => "Jetzt noch einmal versuchen",
        W::DidRefuseReport => "Eine Meldung ohne gültige Unterschrift wurde abgewiesen",
        W::DidAllow => "Hat einem Gerät erlaubt, Hilfe zu rufen",
        W::DidProve => "Hat sich noch einmal ausgewiesen",
        W::DidNotProve => "Konnte sich nicht ausweisen",
        W::DidPassword => "Hat das Passwort geändert",
        W::DidAddPasskey => "Hat einen Passkey hinzugefügt",
        W::DidRemovePasskey => "Hat einen Passkey entfernt",
        W::DidMakeCodes => "Hat Wiederherstellungscodes erzeugt",
        W::DidChange => "Hat geändert: {0}",
        W::DidPerson => "Hat geändert, was jemand darf",
        W::DidInvite => "Hat jemanden eingeladen",
        W::DidJoin => "Kam durch eine Einladung",
        W::DidLink => "Hat den Link eines Kontakts erzeugt",
        W::DidDealWith => "Hat sich um einen stehen gebliebenen Notruf gekümmert",
        W::StoppedTitle => "Ein stehen gebliebener Notruf",
        W::StoppedNote => {
            "Der Server kann ihn nicht bearbeiten. Beenden Sie ihn hier, sobald sich jemand darum gekümmert hat."
        }
        W::StoppedAt => "Stehen geblieben: {0}",
        W::StoppedDone => "Ich habe mich darum gekümmert",
        W::DidBegin => "Kam als erste Person dazu",
        W::DeviceFault => "{0} braucht einen Blick",
        W::HeardAgo => "Gehört {0}",
        W::NotHeardYet => "Seit dem Start des Servers nicht gehört",
        W::BatteryLeft => "Batterie {0} %",
        W::FaultOffline => "Nicht erreichbar",
        W::FaultSilent => "Zu lange still",
        W::FaultTampered => "Geöffnet oder abgerissen",
        W::FaultBattery => "Batterie fast leer",
        W::TestSiren => "1 Sekunde lang testen",
        W::TestProved => "Sie war an und hat es bestätigt.",
        W::TestNotProved => "Sie hat es nicht bestätigt. Haben Sie sie gehört?",
        W::SirenKind => "Art der Sirene",
        W::SirenNoKind => "Nicht über den Broker",
        W::SirenTopic => "Ihr Name am Broker",
        W::SirenBegins => "Er beginnt mit „{0}“.",
        W::SirenFixed => "Am Server eingestellt: {0}, „{1}“",
        W::SirenNoProof => {
            "Diese Art kann nicht sagen, dass sie an ist: In einem Notfall gilt sie als nicht bestätigt."
        }
        W::PanicButtons => "Notfallknöpfe",
        W::EquipmentNotLoaded => "Die aktuelle Liste der Geräte konnte nicht geladen werden.",
        W::StreamTry => "Nach einem Bild fragen",
        W::StreamSeen => "Sie sendet Bilder von {0} × {1}.",
        W::StreamNoSuchName => {
            "Niemand in Ihrem Netz heißt so. Geben Sie die Nummer der Kamera an, etwa 192.168.1.20."
        }
        W::StreamNotPrivate => "Das liegt außerhalb Ihres eigenen Netzes.",
        W::StreamNoAnswer => "Dort antwortet keine Kamera. Ist sie an, und stimmt ihre Adresse?",
        W::StreamWrongLogin => {
            "Die Kamera will einen anderen Benutzernamen oder ein anderes Passwort."
        }
        W::StreamNoSuchStream => {
            "Die Kamera hat keinen Stream dieses Namens. Ihre Anleitung nennt die richtigen."
        }
        W::StreamNoVideo => "Sie sendet kein Video, das ein Browser zeigt. Stellen Sie H.264 ein.",
        W::StreamNoKeyFrame => {
            "Sie sendet Bilder, aber keines, das für sich steht. Stellen Sie alle ein bis zwei Sekunden ein Schlüsselbild ein."
        }
        W::StreamEncrypted => {
            "Sie will Verschlüsselung (rtsps), die hier nicht gesprochen wird. Nehmen Sie rtsp://."
        }
        W::StreamLost => "Sie fing an zu senden und hörte auf.",
        W::StreamUser => "Benutzername der Kamera",
        W::StreamPassword => "Passwort der Kamera",
        W::StreamLoginKept => "Ein Passwort ist hinterlegt. Lesen kann es hier niemand.",
        W::StreamKeepLogin => "Passwort hinterlegen",
        W::SmallField => "Adresse eines kleineren Videostroms für Handys (freiwillig)",
        W::SmallHint => "Etwa rtsp://192.168.1.20/stream2",
        W::FindCameras => "Kameras finden",
        W::FindCamerasNote => {
            "Kameras, die ONVIF sprechen, melden sich, wenn im Netz gesucht wird."
        }
        W::SearchNetwork => "Im Netz suchen",
        W::Searching => "Es wird gesucht …",
        W::NoneFound => {
            "Keine Kamera hat geantwortet. Vielleicht ist sie aus, in einem anderen Netz, oder ONVIF ist in ihren Einstellungen aus. Ihre Adresse können Sie trotzdem unten eintragen."
        }
        W::ChooseCamera => "{0} nehmen",
        W::FilledIn => {
            "Ihre Streams stehen jetzt unten. Sehen Sie den Namen nach und fügen Sie die Kamera hinzu."
        }
        W::LookAtStreams => "Ihre Streams ansehen",
        W::LoginNeeded => {
            "Die meisten Kameras wollen Benutzername und Passwort, die Sie in ihrer eigenen App gesetzt haben."
        }
        W::StreamKeep => "Bilder holen",
        W::KeepOnDemand => "Solange jemand hinsieht",
        W::KeepHome => "Solange jemand das Zuhause offen hat",
        W::KeepAlways => "Immer",
        W::Language => "Sprache",
        W::LanguageNote => "Die App startet in dieser Sprache neu.",
        W::Install => "Buckler auf Ihrem Startbildschirm",
        W::InstallNote => {
            "Es öffnet sich sofort, auch ohne Verbindung, und der Bildschirm bleibt an, solange Hilfe unterwegs ist."
        }
        W::InstallNow => "Dorthin legen",
        W::InstallIos => "Tippen Sie auf Teilen, dann auf Zum Home-Bildschirm.",
        W::Welcome => "Willkommen bei Buckler",
        W::WelcomeNote => "Drei Minuten, und Hilfe ist einen Wisch entfernt.",
        W::WelcomeUsed => {
            "Dieser Link wurde schon benutzt, oder der Server wurde neu gestartet. Beim Start gibt er den Link für die erste Person aus, der das Zuhause gehört."
        }
        W::YourName => "Ihr Name",
        W::Email => "E-Mail-Adresse",
        W::AccountPassword => "Passwort, mindestens 12 Zeichen",
        W::Begin => "Beginnen",
        W::WelcomeYou => "Sie und Ihr Zuhause",
        W::WelcomeEquipment => "Was haben Sie?",
        W::WelcomeEquipmentNote => {
            "Eine Basisstation lässt ihre Sirene ertönen. Kameras zeigen, wer da ist."
        }
        W::WelcomeDrill => "Einmal üben",
        W::WelcomeDrillNote => {
            "Eine Übung zeigt Schritt für Schritt, was geschieht. Nichts erreicht echte Einsatzkräfte."
        }
        W::WelcomeDone => "Zur Übersicht",
    }
}
