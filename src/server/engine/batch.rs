//! One round of the event loop: jobs are decided one after the other, each on the result of those
//! before it, and collected into one batch.

mod reports;
mod requests;

use super::{
    Answer, Current, Denied, View, Withdraw, device::Origin, reports::SignedReport,
    running::IsQuiet,
};
use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Actor, Incident,
            command::{Command, Raise},
            decide::{Decision, Refusal, decide},
            event::Recorded,
        },
        time::Timestamp,
    },
    server::{
        store::{Batch, Journal, Quarantined, RequestRow, StoreError},
        tasks::message,
    },
};
pub(super) use requests::Repeats;
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

/// Where a job came from, and where its answer goes.
#[derive(Debug)]
pub(super) struct Reply {
    to: oneshot::Sender<Result<Answer, Denied>>,
    /// The span of the request in the log.
    span: Span,
    /// The session or contact's link that the job is for.
    token: Option<[u8; 32]>,
}

impl Reply {
    /// Creates a reply to the current span, and the receiver of the answer.
    pub(super) fn new(
        token: Option<[u8; 32]>,
    ) -> (Self, oneshot::Receiver<Result<Answer, Denied>>) {
        let (to, answer) = oneshot::channel();
        (Self { to, span: Span::current(), token }, answer)
    }
}

/// A job of the event loop.
#[derive(Debug)]
pub(super) enum Job {
    /// A request for help. It is answered as not sent if it is not stored before `until`.
    Raise {
        raise: Box<Raise>,
        fingerprint: [u8; 32],
        origin: Origin,
        until: Timestamp,
        reply: Reply,
    },
    /// The sender of a request withdraws it (I28).
    Withdraw { request: Withdraw, by: Actor, restricted_until: Option<Timestamp>, reply: Reply },
    /// A command. Ticks have no sender, so they have no reply.
    Give { incident: IncidentId, command: Command, reply: Option<Reply> },
    /// A report of another server; `None` if it is about nothing that runs.
    Report { incident: Option<IncidentId>, report: Box<SignedReport>, reply: Reply },
    /// An effect was executed or given up.
    Completed { key: String, incident: IncidentId, command: Option<Command> },
}

impl Job {
    pub(super) fn tick(incident: IncidentId) -> Self {
        Self::Give { incident, command: Command::Tick, reply: None }
    }

    /// The span of the request that the job came from. Timers and effects have none.
    pub(super) fn span(&self) -> Span {
        match self {
            Self::Raise { reply, .. }
            | Self::Withdraw { reply, .. }
            | Self::Report { reply, .. }
            | Self::Give { reply: Some(reply), .. } => reply.span.clone(),
            Self::Give { reply: None, .. } | Self::Completed { .. } => Span::none(),
        }
    }

    /// The session or contact's link that the job is for.
    pub(super) const fn token(&self) -> Option<[u8; 32]> {
        match self {
            Self::Raise { reply, .. }
            | Self::Withdraw { reply, .. }
            | Self::Report { reply, .. }
            | Self::Give { reply: Some(reply), .. } => reply.token,
            Self::Give { reply: None, .. } | Self::Completed { .. } => None,
        }
    }

    /// The requests that it is about: the new one, and the one that it renews.
    fn requests(&self) -> [Option<IncidentId>; 2] {
        match self {
            Self::Raise { raise, .. } => [Some(raise.id), raise.after],
            Self::Withdraw { request, .. } => [Some(request.id), None],
            Self::Give { .. } | Self::Report { .. } | Self::Completed { .. } => [None, None],
        }
    }

    /// Whether it is a request whose sender still waits.
    pub(super) fn may_wait(&self, now: Timestamp) -> bool {
        matches!(self, Self::Raise { until, .. } if *until > now)
    }

    /// Whether it is what another server reports.
    pub(super) const fn is_report(&self) -> bool {
        matches!(self, Self::Report { .. } | Self::Give { command: Command::Report { .. }, .. })
    }

    pub(super) fn answer(self, answer: Result<Answer, Denied>) {
        if let Self::Raise { reply, .. }
        | Self::Withdraw { reply, .. }
        | Self::Report { reply, .. }
        | Self::Give { reply: Some(reply), .. } = self
        {
            // The sender may be gone. What was stored stays stored.
            let _ = reply.to.send(answer);
        }
    }

    /// Tells the sender that nothing was stored. A completed effect has no sender and is returned,
    /// so that it is tried again.
    pub(super) fn fail(self) -> Option<Self> {
        match self {
            Self::Completed { .. } => Some(self),
            other => {
                other.answer(Err(Denied::StorageUnavailable));
                None
            }
        }
    }
}

struct Draft {
    incident: Incident,
    before: Option<Arc<Current>>,
    facts: Vec<Recorded>,
}

/// The result of a job, before the batch is stored.
type Outcome = Result<Verdict, Denied>;

struct Verdict {
    incident: IncidentId,
    created: bool,
    joined: bool,
    refusal: Option<Refusal>,
}

/// A decision panicked.
struct Undecidable {
    why: String,
}

impl From<Undecidable> for Denied {
    fn from(_: Undecidable) -> Self {
        Self::StorageUnavailable
    }
}

/// Runs a decision. If it panics, nothing changes and every other incident continues. Decisions are
/// pure, so none is left half done.
fn contained(id: IncidentId, decide: impl FnOnce() -> Decision) -> Result<Decision, Undecidable> {
    let failed = |panic: Box<dyn std::any::Any + Send>| {
        let why = message(&*panic).to_owned();
        tracing::error!(incident = %id, panic = why, "an incident cannot be decided on");
        Undecidable { why }
    };
    catch_unwind(AssertUnwindSafe(decide)).map_err(failed)
}

/// The decisions of a round that are not stored yet.
pub(super) struct BatchBuilder<'a> {
    view: &'a View,
    /// Whether new requests are refused, because they could not be stored.
    refuses_requests: bool,
    now: Timestamp,
    pub(super) batch: Batch,
    drafts: HashMap<IncidentId, Draft>,
    order: Vec<IncidentId>,
    running: HashMap<(HomeId, IsQuiet), Option<IncidentId>>,
    outcomes: Vec<Outcome>,
    /// The span of the job that each element of the batch's facts came from.
    pub(super) spans: Vec<Span>,
    /// Requests that were answered and not stored.
    repeats: &'a mut Repeats,
}

impl<'a> BatchBuilder<'a> {
    pub(super) fn new(view: &'a View, repeats: &'a mut Repeats, now: Timestamp) -> Self {
        let (drafts, running) = (HashMap::new(), HashMap::new());
        Self {
            view,
            refuses_requests: false,
            now,
            batch: Batch::default(),
            drafts,
            order: Vec::new(),
            running,
            outcomes: Vec::new(),
            spans: Vec::new(),
            repeats,
        }
    }

    /// Refuses requests that are not stored already (I10).
    pub(super) const fn refuse_requests(&mut self) {
        self.refuses_requests = true;
    }

    pub(super) async fn decide(
        &mut self,
        jobs: &[Job],
        store: &dyn Journal,
    ) -> Result<(), StoreError> {
        let ids: Vec<IncidentId> = jobs.iter().flat_map(Job::requests).flatten().collect();
        let mut known = if ids.is_empty() { Vec::new() } else { store.requests(&ids).await? };
        known.extend(
            self.repeats.0.iter().map(|(_, row)| row).filter(|r| ids.contains(&r.id)).cloned(),
        );
        for job in jobs {
            let outcome = self.outcome(job, &mut known, store).instrument(job.span()).await?;
            self.outcomes.push(outcome);
            self.spans.resize(self.batch.facts.len(), job.span());
        }
        Ok(())
    }

    async fn outcome(
        &mut self,
        job: &Job,
        known: &mut Vec<RequestRow>,
        store: &dyn Journal,
    ) -> Result<Outcome, StoreError> {
        match job {
            Job::Raise { until, .. } if *until <= self.now => Ok(Err(Denied::StorageUnavailable)),
            Job::Raise { raise, fingerprint, origin, .. } => {
                let outcome = self.raise(raise, *fingerprint, *origin, known, store).await?;
                if let (Origin::Panel, Ok(Verdict { incident, refusal: None, .. })) =
                    (origin, &outcome)
                {
                    // In the same batch, so that nobody cancels between the request and this.
                    let sent = self.command(*incident, Command::SendNow { by: raise.by.clone() });
                    if let Err(undecidable) = sent {
                        return Ok(Err(undecidable.into()));
                    }
                }
                Ok(outcome)
            }
            Job::Withdraw { request, by, restricted_until, .. } => {
                self.withdraw(request, (by, *restricted_until), known, store).await
            }
            Job::Give { incident, command, .. } => {
                self.give(*incident, command.clone(), store).await
            }
            Job::Report { incident, report, .. } => self.report(*incident, report, store).await,
            Job::Completed { key, incident, command } => {
                self.batch.done.push(key.clone());
                match command {
                    Some(command) => self.give(*incident, command.clone(), store).await,
                    None => Ok(Err(Denied::Unknown)),
                }
            }
        }
    }

    /// Returns the incidents that changed, the oldest first, and the answer to each job.
    pub(super) fn finish(mut self) -> (Vec<Arc<Current>>, Vec<Result<Answer, Denied>>) {
        let mut made = HashMap::new();
        let mut changed = Vec::new();
        for id in self.order {
            let Some(Draft { incident, before, facts }) = self.drafts.remove(&id) else { continue };
            let same = facts.is_empty();
            let current = match before {
                Some(before) if same => before,
                before => {
                    let mut history = before.map(|b| b.history.clone()).unwrap_or_default();
                    history.extend(facts);
                    Arc::new(Current { incident, history })
                }
            };
            made.insert(id, current.clone());
            if !same {
                changed.push(current);
            }
        }
        let answer = |outcome: Outcome| {
            let Verdict { incident, created, joined, refusal } = outcome?;
            Ok(Answer { current: made[&incident].clone(), created, joined, refusal })
        };
        (changed, self.outcomes.into_iter().map(answer).collect())
    }

    async fn give(
        &mut self,
        id: IncidentId,
        command: Command,
        store: &dyn Journal,
    ) -> Result<Outcome, StoreError> {
        if !self.stage(id, store).await? {
            return Ok(Err(Denied::Unknown));
        }
        let is_tick = matches!(command, Command::Tick);
        let refusal = match self.command(id, command) {
            Ok(refusal) => refusal,
            Err(undecidable) => {
                // An incident does not advance without ticks, so it is quarantined. Any other
                // command that fails is refused, and the incident continues.
                if is_tick {
                    self.quarantine(id, undecidable.why.clone());
                }
                return Ok(Err(undecidable.into()));
            }
        };
        Ok(Ok(Verdict { incident: id, created: false, joined: false, refusal }))
    }

    fn quarantine(&mut self, id: IncidentId, why: String) {
        let incident = &self.drafts[&id].incident;
        tracing::error!(incident = %id, home = %incident.home, why, "an incident is quarantined: it cannot be decided");
        let (home, quiet) = (incident.home.clone(), incident.quiet.is_some());
        self.running.insert((home.clone(), quiet), None);
        self.batch.quarantined.push(Quarantined {
            incident: id.to_string(),
            home: home.to_string(),
            quiet,
            since: self.now,
            why,
        });
    }

    fn command(
        &mut self,
        id: IncidentId,
        command: Command,
    ) -> Result<Option<Refusal>, Undecidable> {
        let drafts = &self.drafts[&id];
        let first = drafts.incident.seq + 1;
        let decision = contained(id, || decide(&drafts.incident, command, self.now))?;
        let refusal = decision.refusal;
        self.take(id, decision, first);
        Ok(refusal)
    }

    fn take(&mut self, id: IncidentId, decision: Decision, first: u32) {
        let drafts = self.drafts.get_mut(&id).expect("decided on what is drafted");
        let was_over = drafts.incident.is_over();
        if !decision.facts.is_empty() {
            self.batch.facts.push((id, first, decision.facts.clone()));
        }
        self.batch.effects.extend(decision.effects);
        drafts.facts.extend(decision.facts);
        drafts.incident = decision.after;
        if drafts.incident.is_over() && !was_over {
            self.batch.over.push(id);
            self.running
                .insert((drafts.incident.home.clone(), drafts.incident.quiet.is_some()), None);
        }
    }

    fn running_in(&self, home: &HomeId, quiet: IsQuiet) -> Option<IncidentId> {
        match self.running.get(&(home.clone(), quiet)) {
            Some(drafts) => *drafts,
            None => self.view.running_of(home, quiet).map(|c| c.incident.id),
        }
    }

    fn is_quarantined(&self, id: IncidentId) -> bool {
        self.view.is_quarantined(id)
            || self
                .batch
                .quarantined
                .iter()
                .any(|quarantined| quarantined.incident == id.to_string())
    }

    /// Loads the incident for a decision: from this round, from the view, or, if it is over, from
    /// the store. Returns false if it is quarantined, cannot be read, or does not exist.
    async fn stage(&mut self, id: IncidentId, store: &dyn Journal) -> Result<bool, StoreError> {
        if self.is_quarantined(id) {
            return Ok(false);
        }
        if self.drafts.contains_key(&id) {
            return Ok(true);
        }
        let current = match self.view.known(id) {
            Some(current) => current,
            None => match store
                .incident(id)
                .await
                .and_then(|stored| stored.map(Current::load).transpose())
            {
                Ok(Some(current)) => Arc::new(current),
                Ok(None) => return Ok(false),
                Err(error @ StoreError::Inconsistent { .. }) => {
                    tracing::error!(incident = %id, error = &error as &dyn std::error::Error, "an incident cannot be read");
                    return Ok(false);
                }
                Err(error) => return Err(error),
            },
        };
        self.order.push(id);
        self.drafts.insert(
            id,
            Draft { incident: current.incident.clone(), before: Some(current), facts: Vec::new() },
        );
        Ok(true)
    }
}
