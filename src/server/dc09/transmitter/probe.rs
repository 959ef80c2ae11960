//! Checks whether a receiving center answers, for `buckler check`. Sends one supervision message to
//! each receiver, and nothing else.

use super::{
    super::{
        codec::{Frame, Id},
        line::Sockets,
        reuse::Reuse,
        settings::{self, Peer},
    },
    exchange::Exchange,
};
use crate::server::clock::{Clock, Machine, TimeSource, instant};

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
    let (reuse, clock) = (Reuse::default(), Clock::new(Machine));
    let exchange =
        Exchange { lines: &Sockets, key: key.as_ref(), reuse: &reuse, clock: &clock, within };
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
        let mut answer = exchange.ask(peer, &frame, instant() + within).await.ok();
        // A NAK is not encrypted, so it does not prove who answers.
        if let Some(Frame { id: Id::Nak, at: Some(theirs), .. }) = answer {
            let in_their_time = Frame { at: Some(theirs), ..frame.clone() };
            answer = exchange.ask(peer, &in_their_time, instant() + within).await.ok();
        }
        found.push(said(name, peer, answer.map(|answer| answer.id)));
    }
    found
}

fn said(name: &str, peer: &Peer, answer: Option<Id>) -> (bool, String) {
    let text = match answer {
        Some(Id::Ack) => "answers",
        Some(Id::Nak) => "refuses every time, also its own",
        Some(Id::Duh) => "does not know the account",
        Some(_) | None => "does not answer",
    };
    (answer == Some(Id::Ack), format!("receiving center ({name}): {peer} {text}"))
}
