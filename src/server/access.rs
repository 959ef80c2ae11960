//! Notifies open streams when the sessions or rights of their account change. Streams of other
//! accounts are not woken.

use crate::domain::id::UserId;
use tokio::sync::broadcast::{self, error::RecvError};

/// The most notifications that a stream may lag behind. A stream that lags further checks its
/// rights once.
const BEHIND: usize = 64;

/// Sends notifications.
#[derive(Clone, Debug)]
pub struct Access(broadcast::Sender<UserId>);

impl Default for Access {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND))
    }
}

impl Access {
    /// The sessions or rights of an account changed.
    pub fn changed(&self, account: &UserId) {
        // Fails only if no stream is open.
        let _ = self.0.send(account.clone());
    }

    /// Listens for changes of one account.
    pub fn of(&self, account: &UserId) -> AccessOf {
        AccessOf { account: account.clone(), all: self.0.subscribe() }
    }
}

/// The changes of one account.
#[derive(Debug)]
pub struct AccessOf {
    account: UserId,
    all: broadcast::Receiver<UserId>,
}

impl AccessOf {
    /// Waits for a change. Returns `None` when the server is gone. It can be dropped and called
    /// again without losing a change.
    pub async fn changed(&mut self) -> Option<()> {
        loop {
            match self.all.recv().await {
                Ok(account) if account != self.account => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return Some(()),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn stream_of_another_account_is_not_woken() {
        let (access, ada): (Access, UserId) = (Access::default(), "ada".parse().unwrap());
        let mut of_ada = access.of(&ada);
        (0..BEHIND).for_each(|_| access.changed(&"guest".parse().unwrap()));
        assert_eq!(of_ada.changed().now_or_never(), None);
        access.changed(&ada);
        assert_eq!(of_ada.changed().now_or_never(), Some(Some(())));
        // A stream that lags too far cannot know what changed, so it checks its rights.
        (0..=BEHIND).for_each(|_| access.changed(&"guest".parse().unwrap()));
        assert_eq!(of_ada.changed().now_or_never(), Some(Some(())));
    }
}
