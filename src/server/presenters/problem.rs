//! What clients of the API are told of wrong fields. The app has its own words for them.

use crate::{
    api::problem::{self as api, Code, Problem},
    domain::home::edit::{ErrorCode, FieldError, FieldErrors},
};

/// Creates a problem for all wrong fields.
pub fn fields(wrongs: FieldErrors) -> Problem {
    let error = |FieldError { field, fault }: FieldError| api::FieldError {
        field,
        message: sentence(fault).into(),
        fault: Some(fault),
    };
    let errors = wrongs.into_iter().map(error).collect();
    Problem { errors, ..Problem::new(Code::Invalid, "Some of it is not right yet.") }
}

/// The fault of a field as a sentence.
pub const fn sentence(fault: ErrorCode) -> &'static str {
    match fault {
        ErrorCode::Missing => "Fill this in.",
        ErrorCode::TooLong => "That is too long.",
        ErrorCode::NotACountry => "Give the country as two letters, such as US.",
        ErrorCode::NotAPhoneNumber => {
            "Give the whole number with its country code, such as +1 503 555 0101."
        }
        ErrorCode::HasExtension => {
            "Extensions cannot be dialed. Give a number that rings this person directly."
        }
        ErrorCode::Twice => "This number is in the list twice.",
        ErrorCode::TooFew => "Name at least two people: one may not hear the phone.",
        ErrorCode::TooMany => "That is more than a home can have.",
        ErrorCode::OutOfBounds => "That is outside of what is allowed.",
        ErrorCode::NotRight => "That is not right.",
        ErrorCode::TooShort => "That is too short.",
        ErrorCode::EasilyGuessed => {
            "That is easily guessed. Take a few words that have nothing to do with each other."
        }
        ErrorCode::NotAStream => "Give an address that begins with rtsp://.",
        ErrorCode::AnotherCamera => {
            "Both streams must come from the same camera: the same name or number, and port."
        }
        ErrorCode::NotPrivate => "Give an address in your own network.",
        ErrorCode::NotAllowed => {
            "This address is the server’s own, or works only on its own cable. The server’s configuration can allow it: cameras.allow."
        }
        ErrorCode::HasCredentials => "Leave user name and password out of the address.",
        ErrorCode::NotAnEmail => "That is not an e-mail address.",
        ErrorCode::NotAccepted => "Accept this to go on.",
        ErrorCode::Known => {
            "There is an account with this address. Sign in, and open the link again."
        }
        ErrorCode::LastOwner => "A home keeps at least one owner.",
        ErrorCode::LastSupervisor => "The monitoring center keeps at least one supervisor.",
        ErrorCode::OnlyOne => "A home has one base station.",
        ErrorCode::NoCompatibleCamera => "Add a camera that can raise an SOS first.",
        ErrorCode::PlanRequired => "This needs the Home Premium plan.",
    }
}
