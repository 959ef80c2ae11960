//! Checks whether a receiving center answers, for `buckler check`. Sends one supervision message to
//! each receiver, and nothing else.

use super::{
    super::{
        codec::{Frame, Id},
        line::Sockets,
        settings::{self, Peer},
    },
    exchange::Exchange,
};
use crate::server::clock::{Machine, TimeSource, instant};

/// Returns a line for each receiver, and whether the receiver works.
pub async fn probe(settings: &settings::Receiver) -> Vec<(bool, String)> {
    let (Ok(key), Ok((_, within))) =
        (settings::key(settings.key_file.as_deref()), settings.times())
    else {
        return Vec::new();
    };
    let Some(account) = settings.accounts.values().next() else {
        return vec![(false, "receiving center: no home has an account there".into())];
    };
    let exchange = Exchange { lines: &Sockets, key: key.as_ref(), within };
    let frame = Frame {
        id: Id::Null,
        sequence: 1,
        receiver: Some(settings.receiver.clone()),
        line: settings.line.clone(),
        account: Some(account.clone()),
        data: String::new(),
        extra: Vec::new(),
        at: Some(Machine.wall()),
        sealed: key.is_some(),
    };
    let mut found = Vec::new();
    for (name, peer) in [("main", Some(&settings.main)), ("backup", settings.backup.as_ref())] {
        let Some(peer) = peer else { continue };
        found.push(said(
            name,
            peer,
            exchange.ask(peer, &frame, instant() + within).await.map(|answer| answer.id).ok(),
        ));
    }
    found
}

fn said(name: &str, peer: &Peer, answer: Option<Id>) -> (bool, String) {
    let text = match answer {
        Some(Id::Ack) => "answers",
        Some(Id::Nak) => "answers, and has another time, which it is told in",
        Some(Id::Duh) => "does not know the account",
        Some(_) | None => "does not answer",
    };
    (matches!(answer, Some(Id::Ack | Id::Nak)), format!("receiving center ({name}): {peer} {text}"))
}
