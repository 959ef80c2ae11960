//! The words of the dashboard below its shield, in German.

use crate::view::words::OverviewWord as W;

/// In German.
pub(super) const fn german(word: W) -> &'static str {
    match word {
        W::Latest => "Zuletzt",
        W::NoContacts => {
            "Noch niemand. Ohne Kontakt wird Hilfe geschickt, ohne vorher nachzufragen."
        }
        W::NoIncidents => "Hier ist noch nichts passiert",
        W::OpenPhone => "Telefon öffnen",
        W::OnlineQuiet => "Online, still",
        W::Online => "Online",
        W::DeviceOffline => "Offline",
        W::ContactNoLink => "Noch kein Link: kann nicht angerufen werden",
        W::ContactInvited => "Link erstellt, noch keine Antwort",
        W::ContactOptedOut => "Möchte nicht angerufen werden",
        W::More => "Mehr",
        W::Stopped => "Ein Notruf ist stehen geblieben",
        W::StoppedNote => {
            "Der Server kann den Notruf von {0} nicht bearbeiten. Darin geschieht nichts mehr. Wird noch Hilfe gebraucht: neuen Notruf senden oder 110 oder 112 anrufen."
        }
        W::ChangedAddress => "{0} hat geändert, wohin Hilfe kommt",
        W::ChangedContacts => "{0} hat die Notfallkontakte geändert",
        W::ChangedLink => "{0} hat einen anderen Link für einen Kontakt erstellt",
        W::ChangedSomething => "{0} hat in diesem Zuhause etwas geändert",
    }
}
