//! Passkeys: a question of the server, the authenticator's answer, and what that opens.

use super::{
    browser::authenticator::{Task, ask},
    client::{self, Answer, Failure, Refusal},
};
use crate::{
    api::{
        passkeys::{Answered, Ceremony, Passkeys},
        problem::Code,
    },
    view::words::AccountWord as W,
};

/// What the authenticator answers to the server's question at that path.
async fn answered(task: Task, question: Answer<Ceremony>) -> Answer<Answered> {
    let Ceremony { ceremony, options } = question?;
    match ask(task, &options).await {
        Some(credential) => Ok(Answered { ceremony, credential }),
        // Whoever would rather not is told nothing that they do not know; whose browser cannot is told what else there is.
        None => Err(Failure::Refused(Box::new(Refusal {
            status: 401,
            detail: W::NotUsed.into(),
            code: Code::NotSignedIn,
            whole: String::new(),
        }))),
    }
}

/// Signs in.
pub async fn sign_in() -> Answer<()> {
    client::sign_in_with_passkey(&answered(Task::Get, client::ask_passkey().await).await?).await
}

/// Says that it is the person whose account it is; a device that came without a passkey may then request help.
pub async fn prove() -> Answer<()> {
    client::prove_with_passkey(answered(Task::Get, client::ask_passkey().await).await?).await
}

/// Makes one.
pub async fn add() -> Answer<Passkeys> {
    client::add_passkey(&answered(Task::Create, client::begin_passkey().await).await?).await
}
