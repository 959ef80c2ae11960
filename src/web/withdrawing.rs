//! Requests that the person took back before the server acknowledged them (I28). Each is withdrawn
//! again and again until the server confirms that, also after the page was loaded anew.

use super::{
    browser::{self, json},
    client::{self, Failure},
};
use crate::{
    api::{incident::Withdrawal, problem::Code},
    domain::id::{HomeId, IncidentId},
};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};

/// The key in local storage.
const KEPT: &str = "buckler-withdrawn";
/// The pause between attempts. Milliseconds.
const PAUSE_MS: u32 = 1_000;

/// A request that is being withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    /// The home that it was sent to.
    pub home: HomeId,
    /// Its id.
    pub id: IncidentId,
}

/// What the server answered to a withdrawal: `None` is an answer that this app cannot read.
pub type Answer = Result<Option<Withdrawal>, Failure>;

/// The requests that are being withdrawn.
#[derive(Clone, Copy)]
pub struct Withdrawing {
    /// The oldest first.
    pub all: RwSignal<Vec<TakenBack>>,
    runs: StoredValue<bool>,
}

impl Withdrawing {
    /// The requests whose withdrawal was not confirmed when the page was left.
    pub fn kept() -> Self {
        let all = browser::kept(KEPT).and_then(|text| json::parse(&text)).unwrap_or_default();
        Self { all: RwSignal::new(all), runs: StoredValue::new(false) }
    }

    /// Adds a request.
    pub fn add(self, request: TakenBack) {
        self.all.update(|all| all.push(request));
        self.keep();
    }

    /// Withdraws all, one after the other, until the server has answered for each. `done` gets each
    /// answer. Ends when the session has; a later call goes on.
    pub fn run(self, done: impl Fn(TakenBack, Answer) + 'static) {
        if self.runs.get_value() {
            return;
        }
        self.runs.set_value(true);
        spawn_local(async move {
            while let Some(Some(request)) = self.all.try_with_untracked(|all| all.first().cloned())
            {
                let answer = client::withdraw(&request.home, request.id).await;
                match &answer {
                    // The budget of withdrawals has room again within a minute.
                    Err(failure)
                        if failure.may_pass() || failure.code() == Some(Code::TooManyChanges) =>
                    {
                        // The others may be of a home that the server can read.
                        self.all.try_update(|all| all.rotate_left(1));
                        TimeoutFuture::new(PAUSE_MS).await;
                        continue;
                    }
                    Err(failure) if failure.code() == Some(Code::NotSignedIn) => {
                        done(request, answer);
                        break;
                    }
                    _ => {}
                }
                self.all.try_update(|all| all.retain(|one| *one != request));
                self.keep();
                done(request, answer);
            }
            self.runs.try_set_value(false);
        });
    }

    /// Whether requests are being withdrawn, which needs the session.
    pub fn is_running(self) -> bool {
        let waits = self.all.try_with_untracked(|all| !all.is_empty());
        waits == Some(true) && self.runs.try_get_value() == Some(true)
    }

    fn keep(self) {
        let text = self.all.try_with_untracked(|all| match all.is_empty() {
            true => None,
            false => json::text(all),
        });
        match text.flatten() {
            Some(text) => browser::keep(KEPT, &text),
            None => browser::forget(KEPT),
        }
    }
}
