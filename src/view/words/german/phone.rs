//! The words of the contact's phone, in German.

use crate::view::words::PhoneWord as W;

/// In German.
pub(super) const fn german(word: W) -> &'static str {
    match word {
        W::Idle => "Gerade kein Anruf",
        W::IdleNote => {
            "Lassen Sie diese Seite offen. Sie klingelt, wenn die Notrufzentrale Sie anruft."
        }
        W::Asked => "Darf {0} Sie im Notfall anrufen?",
        W::AskedNote => {
            "Wird dort Hilfe angefordert, ruft die Notrufzentrale Sie an, bevor sie geschickt wird. Sie sagen, ob es ernst ist, oder sagen ab."
        }
        W::Agree => "Ja, rufen Sie mich an",
        W::Refuse => "Nein, nicht anrufen",
        W::StopCalling => "Nicht mehr anrufen",
        W::Remember => "Wissen Sie das Kennwort von {0} noch?",
        W::RememberNote => {
            "Wer Hilfe absagt, muss es nennen. Tippen Sie es hier nicht ein; sagen Sie nur, ob Sie es noch wissen."
        }
        W::RememberYes => "Ja, ich weiß es noch",
        W::RememberNo => "Nein, sagen Sie es mir noch einmal",
        W::NotCalled => "{0} ruft Sie nicht an",
        W::NotCalledNote => "Die Menschen dort sehen, dass Sie nicht angerufen werden möchten.",
        W::AgreeAgain => "Doch anrufen",
        W::Changed => "{0} hat die Notfallkontakte von {1} geändert",
        W::StillAsked => {
            "Bis {0} werden Sie noch gefragt. Wenn Sie das nicht erwartet haben, rufen Sie dort an."
        }
        W::AskedNoMore => {
            "Sie werden nicht mehr angerufen. Wenn Sie das nicht erwartet haben, rufen Sie dort an."
        }
        W::Unknown => "Dieser Link gilt nicht mehr",
        W::UnknownNote => {
            "Bitten Sie die Person, die ihn geschickt hat, um einen neuen. Ist jemand in Gefahr, rufen Sie 112 oder 911."
        }
        W::Caller => "Notrufzentrale",
        W::Answer => "Annehmen",
        W::Decline => "Ablehnen",
        W::HangUp => "Auflegen",
        W::Confirm => "Ja, Hilfe schicken",
        W::CallOff => "Nein, absagen",
        W::Heard => "Verstanden",
        W::VerbalPassword => "Kennwort",
        W::SayPassword => "Absagen",
        W::Received => "Danke. Wir haben es erhalten",
        W::ReceivedNote => "Sie können diese Seite schließen.",
        W::TooLate => "Das kam zu spät",
        W::TooLateNote => {
            "Der Anruf war vorbei, bevor Ihre Antwort ankam. Falls Sie abgesagt haben: Hilfe war bereits angefordert."
        }
        W::AskedAgain => "Dort wurde seitdem noch einmal um Hilfe gebeten.",
        W::NotReached => "Wir wissen nicht, ob das angekommen ist. Versuchen Sie es noch einmal.",
        W::AskedAt => "{0}, angefordert für {1}",
        W::IsItReal => "{0}, angefordert für {1}. Ist das ein echter Notfall?",
        W::BeingSent => {
            "{0}, angefordert für {1}. Wenn Sie mehr wissen, rufen Sie dort oder den Notruf an."
        }
    }
}
