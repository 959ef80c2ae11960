//! Sends a request from the gesture to the server's acknowledgment. Until then no countdown is
//! shown, and the screen shows the true state.

use super::{
    browser::{is_offline, random_bits, time::moment},
    client::{self, Failure},
    signing_out::{self, Asking, SigningOut},
    store::Store,
    withdrawing::{Answer, TakenBack, Withdrawing},
};
use crate::{
    api::{
        incident::{Incident, Raise, Withdrawal},
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

/// After this long without an acknowledgment, the app says so, with the emergency number.
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
    /// Whether an attempt may have reached the server without an answer that says otherwise. Then the
    /// app claims neither that the request arrived nor that it did not (I28).
    pub may_have_arrived: bool,
    /// The request that this one renews, if that may have arrived.
    after: Option<IncidentId>,
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
    /// The person has taken it back, and the server has not confirmed that.
    Withdrawing,
    /// The server has confirmed that it begins nothing.
    Withdrawn,
}

/// The request that is being sent, if there is one. Created once, in `App`.
#[derive(Clone, Copy)]
pub struct Sender {
    /// The request that is being sent.
    pub sending: RwSignal<Option<Sending>>,
    /// The requests that the person has taken back, until the server confirms that.
    pub withdrawing: Withdrawing,
    signing_out: SigningOut,
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

/// An id that no other request has.
fn new_id() -> IncidentId {
    IncidentId(uuid::Builder::from_random_bytes(random_bits()).into_uuid())
}

/// The sender, from the context.
pub fn sender() -> Sender {
    expect_context()
}

impl Sender {
    /// Creates a sender without a request.
    pub fn new(store: Store) -> Self {
        Self {
            sending: RwSignal::new(None),
            withdrawing: Withdrawing::kept(),
            signing_out: SigningOut::new(),
            store,
        }
    }

    /// Sends a gesture. A second gesture while the first is being sent is ignored, so that a double
    /// tap is one request (F8).
    pub fn send(self, gesture: Gesture) {
        let busy = self.sending.with_untracked(|s| {
            s.as_ref().is_some_and(|s| {
                matches!(
                    s.stage,
                    Stage::Trying | Stage::NotSent | Stage::StillNeeded | Stage::SignedOut
                )
            })
        });
        if busy {
            return;
        }
        let Gesture { home, home_name, number, request, mode, sirens, call_contacts, source } =
            gesture;
        self.go(Sending {
            id: new_id(),
            request,
            mode,
            stage: Stage::Trying,
            number,
            home_name,
            source,
            sirens,
            call_contacts,
            home,
            may_have_arrived: false,
            after: None,
            tapped: moment(),
        });
    }

    /// The person still needs help: a new request, which names the old one if that may have arrived.
    pub fn renew(self) {
        if let Some(old) = self.sending.get_untracked() {
            let after = if old.may_have_arrived { Some(old.id) } else { old.after };
            let (id, stage, tapped) = (new_id(), Stage::Trying, moment());
            self.go(Sending { id, after, stage, tapped, may_have_arrived: false, ..old });
        }
    }

    /// After a new sign-in, sends the request that the ended session held up. If it is more than a
    /// minute old, asks the person first (F5).
    pub fn go_on(self) {
        if let Some(held) = self.sending.get_untracked().filter(|s| s.stage == Stage::SignedOut) {
            match must_ask(moment().since(held.tapped)) {
                true => self.set_stage(held.id, Stage::StillNeeded),
                // The same request: the person has asked once.
                false => self.go(Sending { stage: Stage::Trying, tapped: moment(), ..held }),
            }
        }
    }

    /// The person gives up. The request is withdrawn if it may have arrived, because a copy of it
    /// could still begin something.
    pub fn give_up(self) {
        let Some(sending) = self.sending.get_untracked() else { return };
        let Sending { home, id, .. } = sending;
        if !sending.may_have_arrived {
            return self.close();
        }
        self.set_stage(id, Stage::Withdrawing);
        self.withdrawing.add(TakenBack { home, id });
        self.go_on_withdrawing();
    }

    /// Closes the screen of the request: the person has read what it says.
    pub fn close(self) {
        self.sending.set(None);
    }

    /// Withdraws what the person has taken back, until the server confirms that.
    pub fn go_on_withdrawing(self) {
        self.withdrawing.run(move |request, answer| self.withdrawn(request.id, answer));
    }

    /// Signs out: forgets everything at once, and tells the server as soon as it can be reached.
    pub fn sign_out(self) {
        self.store.leave();
        signing_out::keep();
        self.go_on_signing_out();
    }

    /// Tells the server of a sign-out that waits, after the requests that the person took back, and
    /// after those that are on their way in any tab.
    pub fn go_on_signing_out(self) {
        if signing_out::is_waiting() {
            self.go_on_withdrawing();
            let needs_session = move || self.withdrawing.is_running() || Asking::is_anywhere();
            self.signing_out.run(needs_session);
        }
    }

    fn withdrawn(self, id: IncidentId, answer: Answer) {
        let is_shown = self.of(id, |_| ()).is_some();
        match answer {
            Ok(Some(Withdrawal { incident: None })) => self.set_stage(id, Stage::Withdrawn),
            Ok(Some(Withdrawal { incident: Some(told) })) => {
                self.finish(id);
                // The end of an incident in another home needs no bar.
                match told.state.is_over() {
                    true => self.store.tell(told),
                    false => self.store.show_requested(told, is_shown),
                }
            }
            Ok(None) => self.set_stage(id, Stage::Arrived),
            Err(Failure::Refused(problem)) if problem.code == Code::NotSignedIn => {
                self.store.leave();
            }
            Err(Failure::Refused(problem)) => {
                self.set_stage(id, Stage::Answered(problem.detail.clone()));
            }
            Err(Failure::Unreachable) => {}
        }
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
        let asking = Asking::begin();
        while self.is_on_its_way(id, tapped) {
            asking.goes_on();
            let before = self.leaves(id);
            let answer = client::raise(&sending.home, &self.as_of_now(&sending)).await;
            // A newer attempt for the same request says itself how it stands.
            if answer.is_err() && !self.is_on_its_way(id, tapped) {
                return;
            }
            if answer.as_ref().is_err_and(|failure| !failure.may_pass()) {
                // The server has refused this attempt. It says nothing about those before.
                self.arrival(id, before);
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

    /// An attempt begins. Returns whether one before it may have arrived.
    fn leaves(self, id: IncidentId) -> bool {
        let before = self.of(id, |s| s.may_have_arrived).unwrap_or(false);
        self.arrival(id, before || !is_offline());
        before
    }

    fn arrival(self, id: IncidentId, may_have_arrived: bool) {
        if self.of(id, |s| s.may_have_arrived) == Some(!may_have_arrived) {
            self.sending.update(|s| {
                s.iter_mut().for_each(|s| s.may_have_arrived = may_have_arrived);
            });
        }
    }

    /// Reads the request of that id, if it is the one on the screen.
    fn of<T>(self, id: IncidentId, read: impl FnOnce(&Sending) -> T) -> Option<T> {
        self.sending.try_with_untracked(|s| s.as_ref().filter(|s| s.id == id).map(read)).flatten()
    }

    /// The request with the time of the tap, by the server's clock as far as that is known now.
    fn as_of_now(self, sending: &Sending) -> Raise {
        let Sending { id, request, mode, source, sirens, call_contacts, after, tapped, .. } =
            sending.clone();
        let sent_at = self.store.server_now() - moment().since(tapped);
        Raise { id, request, mode, source, sent_at, sirens, call_contacts, after }
    }

    /// The server has the request; the incident is `None` if the app cannot read the answer.
    fn acknowledged(self, id: IncidentId, told: Option<Incident>) {
        // The new request is shown, even if the screen of an earlier one was left.
        self.store.minimized.set(None);
        match told {
            Some(incident) => {
                let is_awaited = self.of(id, |_| ()).is_some();
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
        let is_tried = |s: &Sending| matches!(s.stage, Stage::Trying | Stage::NotSent);
        self.of(id, |s| s.tapped == tapped && is_tried(s)) == Some(true)
    }

    fn advance(self, id: IncidentId, tapped: Moment, from: Stage, to: Stage) {
        if self.is_on_its_way(id, tapped) && self.of(id, |s| s.stage == from) == Some(true) {
            self.set_stage(id, to);
        }
    }

    fn set_stage(self, id: IncidentId, stage: Stage) {
        self.sending
            .update(|s| s.iter_mut().filter(|s| s.id == id).for_each(|s| s.stage = stage.clone()));
    }

    fn finish(self, id: IncidentId) {
        if self.of(id, |_| ()).is_some() {
            self.sending.set(None);
        }
    }
}
