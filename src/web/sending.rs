//! Sends a request from the gesture to the server's acknowledgment. Until then no countdown is
//! shown, and the screen shows the true state.

use super::{
    browser::{random_bits, time::moment},
    client::{self, Failure},
    store::Store,
};
use crate::{
    api::{
        incident::{Incident, Raise},
        problem::Code,
    },
    domain::{
        id::{HomeId, IncidentId},
        incident::{Mode, Request, Source},
    },
    view::{
        sending::{Moment, is_sent_again, must_ask, says_not_sent},
        words::Word,
    },
};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

/// After this long without an acknowledgment, the app says NOT SENT.
const NOT_SENT_AFTER_MS: u32 = 2_000;
/// The pause between attempts.
const PAUSE_MS: u32 = 1_000;

/// A request that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The same for every attempt.
    pub id: IncidentId,
    /// The request.
    pub request: Request,
    /// Live or drill.
    pub mode: Mode,
    /// The progress.
    pub stage: Stage,
    /// The emergency number where help is needed.
    pub number: &'static str,
    /// The name of the home where help is needed, if the person has several.
    pub home_name: Option<String>,
    source: Source,
    sirens: bool,
    call_contacts: bool,
    /// The home that every attempt goes to.
    pub home: HomeId,
    /// When the person asked. Attempts for an earlier tap end.
    tapped: Moment,
}

/// The progress of a request that is not acknowledged yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Sent a moment ago.
    Trying,
    /// No acknowledgment for two seconds; it is still being retried.
    NotSent,
    /// A minute has passed: does the person still need help?
    StillNeeded,
    /// The server refused it, with this sentence.
    Refused(String),
    /// The server answered with this sentence; what kind of answer it is, only a newer app knows.
    Answered(String),
    /// The server has it, but this app cannot read the answer.
    Arrived,
    /// The session has ended; it is sent after the next sign-in.
    SignedOut,
}

/// The request that is being sent, if there is one. Created once, in `App`.
#[derive(Clone, Copy)]
pub struct Sender {
    /// The request that is being sent.
    pub sending: RwSignal<Option<Sending>>,
    store: Store,
}

/// What a gesture requests.
#[derive(Clone, Debug)]
pub struct Gesture {
    /// The home that the screen named. Every attempt goes to it, or nowhere (I29).
    pub home: HomeId,
    /// Its name on the screen, if the person has several.
    pub home_name: Option<String>,
    /// The emergency number there. The home may be lost by the time of the press.
    pub number: &'static str,
    /// The request.
    pub request: Request,
    /// Live or drill.
    pub mode: Mode,
    /// In a drill: whether sirens sound.
    pub sirens: bool,
    /// In a drill: whether contacts are called.
    pub call_contacts: bool,
    /// The source of the request.
    pub source: Source,
}

/// The sender, from the context.
pub fn sender() -> Sender {
    expect_context()
}

impl Sender {
    /// Creates a sender without a request.
    pub fn new(store: Store) -> Self {
        Self { sending: RwSignal::new(None), store }
    }

    /// Sends a gesture. A second gesture while the first is being sent is ignored, so that a double
    /// tap is one request (F8).
    pub fn send(self, gesture: Gesture) {
        let busy = self.sending.with_untracked(|s| {
            s.as_ref().is_some_and(|s| {
                !matches!(s.stage, Stage::Refused(_) | Stage::Answered(_) | Stage::Arrived)
            })
        });
        if busy {
            return;
        }
        let Gesture { home, home_name, number, request, mode, sirens, call_contacts, source } =
            gesture;
        let id = IncidentId(uuid::Builder::from_random_bytes(random_bits()).into_uuid());
        self.go(Sending {
            id,
            request,
            mode,
            stage: Stage::Trying,
            number,
            home_name,
            source,
            sirens,
            call_contacts,
            home,
            tapped: moment(),
        });
    }

    /// Sends the same request again, as of now, because the person still needs help.
    pub fn again(self) {
        if let Some(old) = self.sending.get_untracked() {
            self.go(Sending { stage: Stage::Trying, tapped: moment(), ..old });
        }
    }

    /// After a new sign-in, sends the request that the ended session held up. If it is more than a
    /// minute old, asks the person first (F5).
    pub fn go_on(self) {
        if let Some(held) = self.sending.get_untracked().filter(|s| s.stage == Stage::SignedOut) {
            match must_ask(moment().since(held.tapped)) {
                true => self.set_stage(held.id, Stage::StillNeeded),
                false => self.again(),
            }
        }
    }

    /// Drops the request: the person gives up, or has read the server's answer.
    pub fn give_up(self) {
        self.sending.set(None);
    }

    fn go(self, sending: Sending) {
        let (id, tapped) = (sending.id, sending.tapped);
        self.sending.set(Some(sending.clone()));
        spawn_local(async move {
            TimeoutFuture::new(NOT_SENT_AFTER_MS).await;
            self.advance(id, tapped, Stage::Trying, Stage::NotSent);
        });
        spawn_local(self.send_until_answered(sending));
    }

    async fn send_until_answered(self, sending: Sending) {
        let (id, tapped) = (sending.id, sending.tapped);
        let mut was_sent_again = false;
        while self.is_on_its_way(id, tapped) {
            let answer = client::raise(&sending.home, &self.as_of_now(&sending)).await;
            // A newer attempt for the same request says itself how it stands.
            if answer.is_err() && !self.is_on_its_way(id, tapped) {
                return;
            }
            match answer {
                Ok(told) => return self.acknowledged(id, told),
                Err(failure) if failure.may_pass() => {
                    if says_not_sent(failure.code()) {
                        self.advance(id, tapped, Stage::Trying, Stage::NotSent);
                    }
                }
                Err(Failure::Refused(problem)) if problem.code == Code::StaleRequest => {
                    if let Some(server_time) = problem.server_time {
                        self.store.heard(server_time);
                    }
                    let age = moment().since(tapped);
                    if !is_sent_again(age, problem.server_time, was_sent_again) {
                        return self.set_stage(id, Stage::StillNeeded);
                    }
                    was_sent_again = true;
                    continue;
                }
                Err(failure) => return self.refused(id, &failure),
            }
            if must_ask(moment().since(tapped)) {
                return self.set_stage(id, Stage::StillNeeded);
            }
            TimeoutFuture::new(PAUSE_MS).await;
        }
    }

    /// The request with the time of the tap, by the server's clock as far as that is known now.
    fn as_of_now(self, sending: &Sending) -> Raise {
        let Sending { id, request, mode, source, sirens, call_contacts, tapped, .. } =
            sending.clone();
        let sent_at = self.store.server_now() - moment().since(tapped);
        Raise { id, request, mode, source, sent_at, sirens, call_contacts }
    }

    /// The server has the request; the incident is `None` if the app cannot read the answer.
    fn acknowledged(self, id: IncidentId, told: Option<Incident>) {
        // The new request is shown, even if the screen of an earlier one was left.
        self.store.minimized.set(None);
        match told {
            Some(incident) => {
                let is_awaited =
                    self.sending.with_untracked(|s| s.as_ref().is_some_and(|s| s.id == id));
                self.store.show_requested(incident, is_awaited);
                self.finish(id);
            }
            None => self.set_stage(id, Stage::Arrived),
        }
    }

    fn refused(self, id: IncidentId, failure: &Failure) {
        match failure {
            Failure::Refused(problem) if problem.code == Code::NotSignedIn => {
                self.set_stage(id, Stage::SignedOut);
                self.store.leave();
            }
            // The server answers so for a home that the person has lost.
            Failure::Refused(problem) if problem.code == Code::NotFound => {
                self.set_stage(id, Stage::Refused(Word::HomeGone.into()));
            }
            Failure::Refused(problem) if problem.code == Code::Other => {
                self.set_stage(id, Stage::Answered(problem.detail.clone()));
            }
            Failure::Refused(problem) => self.set_stage(id, Stage::Refused(problem.detail.clone())),
            Failure::Unreachable => {}
        }
    }

    fn is_on_its_way(self, id: IncidentId, tapped: Moment) -> bool {
        self.sending
            .try_with_untracked(|s| s.as_ref().is_some_and(|s| s.id == id && s.tapped == tapped))
            .unwrap_or(false)
    }

    fn advance(self, id: IncidentId, tapped: Moment, from: Stage, to: Stage) {
        if self.is_on_its_way(id, tapped)
            && self.sending.with_untracked(|s| s.as_ref().is_some_and(|s| s.stage == from))
        {
            self.set_stage(id, to);
        }
    }

    fn set_stage(self, id: IncidentId, stage: Stage) {
        self.sending
            .update(|s| s.iter_mut().filter(|s| s.id == id).for_each(|s| s.stage = stage.clone()));
    }

    fn finish(self, id: IncidentId) {
        if self.sending.with_untracked(|s| s.as_ref().is_some_and(|s| s.id == id)) {
            self.sending.set(None);
        }
    }
}
