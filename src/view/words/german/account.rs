//! The words of passkeys, recovery codes, and restricted devices, in German.

use crate::view::words::AccountWord as W;

/// In German.
pub(super) const fn german(word: W) -> &'static str {
    match word {
        W::UsePasskey => "Passkey benutzen",
        W::NotUsed => {
            "Es wurde kein Passkey benutzt. Versuchen Sie es noch einmal oder nehmen Sie Ihr Passwort."
        }
        W::UseCode => "Einen Wiederherstellungscode benutzen",
        W::Code => "Wiederherstellungscode",
        W::SignInWithCode => "Mit dem Code weiter",
        W::Passkeys => "Passkeys",
        W::PasskeysNote => {
            "Ein Passkey meldet Sie mit Fingerabdruck, Gesicht oder dem Code dieses Geräts an. Aus der Ferne kann ihn niemand erraten oder stehlen."
        }
        W::PasskeysElsewhere => {
            "Passkeys gibt es unter der Adresse {0}. Öffnen Sie Buckler dort, um einen hinzuzufügen."
        }
        W::PasskeysOff => {
            "Dieser Server kennt seine eigene Adresse nicht, die Passkeys brauchen: Sie wird mit --public-url angegeben."
        }
        W::NoPasskeys => "Noch keine",
        W::AddPasskey => "Passkey hinzufügen",
        W::AddingPasskey => "Warten auf Ihr Gerät…",
        W::PasskeyMade => "Seit {0}, zuletzt benutzt {1}",
        W::RemovePasskey => "Entfernen",
        W::RemovePasskeySure => "Zum Entfernen noch einmal tippen",
        W::Codes => "Wiederherstellungscodes",
        W::CodesNote => {
            "Für den Tag, an dem Ihre Geräte verloren sind: Jeder Code meldet Sie einmal an. Bewahren Sie sie auf Papier auf, nicht bei Ihren Geräten."
        }
        W::CodesLeft => "{0} übrig",
        W::MakeCodes => "Neue Codes erzeugen",
        W::MakeCodesSure => "Noch einmal tippen: Ältere Codes gelten dann nicht mehr",
        W::CodesOnce => {
            "Sie werden nur dieses eine Mal gezeigt. Kopieren oder drucken Sie sie jetzt."
        }
        W::CopyCodes => "Kopieren",
        W::CopiedCodes => "Kopiert",
        W::PrintCodes => "Drucken",
        W::CodesKept => "Ich habe sie aufbewahrt",
        W::Restricted => "Dieses Gerät kann noch keine Hilfe rufen",
        W::RestrictedNote => {
            "Es wurde ohne Ihren Passkey angemeldet, so wie es Fremde mit Ihrem Passwort tun würden. Sirenen und Übungen gehen. Es ändert nichts und beendet nur, was es selbst begonnen hat. Rufen Sie bis {0} selbst {1} an, oder erlauben Sie das Gerät jetzt."
        }
        W::AllowHere => "Mit meinem Passkey erlauben",
        W::AllowElsewhere => {
            "Auf einem anderen angemeldeten Gerät: Einstellungen, Anmeldung und Geräte, dann Erlauben."
        }
        W::DeviceRestricted => "Kann bis {0} keine Hilfe rufen",
        W::Allow => "Erlauben",
        W::AllowSure => "Noch einmal tippen, wenn es Ihres ist",
        W::RestrictNewDevices => "Neue Geräte zurückhalten",
        W::RestrictNewDevicesLabel => "Geräte zurückhalten, die ohne Passkey kommen",
        W::RestrictNewDevicesNote => {
            "Ein Gerät, das jemand ohne Passkey anmeldet, kann einen Tag lang nur zusehen, Sirenen auslösen und üben. So schicken Fremde mit einem gestohlenen Passwort niemanden zu Ihrer Tür."
        }
        W::ProofPasskey => "Stattdessen einen Passkey benutzen",
        W::PasswordByPasskey => "Stattdessen Ihren Passkey benutzen",
    }
}
