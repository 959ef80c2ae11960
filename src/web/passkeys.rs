//! Passkey ceremonies: a question of the server, the authenticator's answer, and the result.

use super::{
    browser::authenticator::{Task, ask},
    client::{self, Answer, Failure, Refusal},
};
use crate::{
    api::{
        passkeys::{Answered, Ceremony, Passkeys},
        problem::Code,
        session::EditPassword,
    },
    view::words::AccountWord as W,
};

/// Returns the authenticator's answer to the server's question.
async fn answered(task: Task, question: Answer<Ceremony>) -> Answer<Answered> {
    let Ceremony { ceremony, options } = question?;
    match ask(task, &options).await {
        Some(credential) => Ok(Answered { ceremony, credential }),
        // The same text serves a person who declined, and one whose browser has no support and who
        // needs another way to sign in.
        None => Err(Failure::Refused(Box::new(Refusal {
            status: 401,
            detail: W::NotUsed.into(),
            code: Code::NotSignedIn,
            server_time: None,
            whole: String::new(),
        }))),
    }
}

/// Signs in.
pub async fn sign_in() -> Answer<()> {
    client::sign_in_with_passkey(&answered(Task::Get, client::ask_passkey().await).await?).await
}

/// Proves who the person is. A device that was signed in without a passkey may then request help.
pub async fn prove() -> Answer<()> {
    client::prove_with_passkey(answered(Task::Get, client::ask_passkey().await).await?).await
}

/// Sets a new password of the account without the current one.
pub async fn change_password(password: String) -> Answer<()> {
    let passkey = Some(answered(Task::Get, client::ask_passkey().await).await?);
    client::change_password(&EditPassword { current: None, passkey, password }).await
}

/// Adds a passkey.
pub async fn add() -> Answer<Passkeys> {
    client::add_passkey(&answered(Task::Create, client::begin_passkey().await).await?).await
}
