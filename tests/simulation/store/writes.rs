//! I26: after every fault each kind of write succeeds and is read back.

use super::{Database, PROBED, journal::said, recorded};
use crate::{plan::homes, world::World};
use buckler::{
    domain::{
        access::{CenterRole, InvitationScope, Membership, Role},
        id::{HomeId, IncidentId, UserId},
        incident::{
            Mode, Service,
            effect::{Effect, EffectKind},
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
    server::{
        clock::Anchor,
        store::{
            Account, Batch, Begun, Bookkeeping, Changes, ContactLink, Delivery, Fate, Invitation,
            Journal, Op, PanelAlarms, Quarantined, Reads, ReportRow, RequestRow, Session,
            StoreError, StoredPasskey,
        },
    },
};
use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

/// Lists the kinds of an operation. A new kind does not compile until it is in the list, and every
/// kind of the list must be probed.
macro_rules! kinds {
    ($name:ident, $all:ident, $of:ident: $($kind:ident),*) => {
        const $all: &[&str] = &[$(stringify!($kind)),*];
        fn $name(of: &$of) -> &'static str {
            match of {
                $($of::$kind { .. } => stringify!($kind),)*
            }
        }
    };
}

kinds!(name_of_op, OPS, Op: PutHome, PutAccount, PutMembership, EndMembership, SetCenterRole, PutInvitation, EndInvitation, PutSession, EndSession, EndSessions, ProveSession,
    ReleaseSession, PutPasskey, EndPasskey, PutRecoveryCodes, EndRecoveryCode, PutContactLink, KeepContactLinks, EndQuarantined);
kinds!(name_of_note, NOTES, Bookkeeping: SessionUsed, WebhookSince, Deliveries, PanelAlarms, Probe);

/// The parts of a batch. A new one does not compile until it is here.
fn parts_of(batch: &Batch) -> impl Iterator<Item = &'static str> {
    let Batch { begun, facts, over, requests, effects, done, quarantined, resumed, reports } =
        batch;
    let parts = [
        ("begun", begun.is_empty()),
        ("facts", facts.is_empty()),
        ("over", over.is_empty()),
        ("requests", requests.is_empty()),
        ("effects", effects.is_empty()),
        ("done", done.is_empty()),
        ("quarantined", quarantined.is_empty()),
        ("resumed", resumed.is_empty()),
        ("reports", reports.is_empty()),
    ];
    parts.into_iter().filter(|(_, is_empty)| !is_empty).map(|(part, _)| part)
}

const PARTS: &[&str] =
    &["begun", "facts", "over", "requests", "effects", "done", "quarantined", "resumed", "reports"];

/// Something to write.
enum Step {
    Op(Op),
    Note(Bookkeeping),
    Batch(Batch),
    Anchor(Anchor),
    Tidy,
}

impl Step {
    fn names(&self) -> BTreeSet<&'static str> {
        match self {
            Self::Op(op) => [name_of_op(op)].into(),
            Self::Note(note) => [name_of_note(note)].into(),
            Self::Batch(batch) => parts_of(batch).collect(),
            Self::Anchor(_) => ["anchor"].into(),
            Self::Tidy => ["tidy"].into(),
        }
    }

    async fn write(self, to: &Store) -> Result<(), String> {
        match self {
            Self::Op(op) => to.changes.apply(recorded().op(op)).await.map_err(|e| cause(&e)),
            Self::Note(note) => to.changes.note(note).await.map_err(|e| cause(&e)),
            Self::Batch(batch) => to.journal.commit(Arc::new(batch)).await.map_err(|e| said(&e)),
            Self::Anchor(anchor) => to.journal.put_anchor(&anchor).await.map_err(|e| said(&e)),
            Self::Tidy => to.journal.tidy().await.map(|_| ()).map_err(|e| said(&e)),
        }
    }
}

fn cause(error: &buckler::server::store::ChangeError) -> String {
    match error {
        buckler::server::store::ChangeError::Store(error) => said(error),
        other => other.to_string(),
    }
}

/// What can be written to, and read.
#[derive(Clone)]
struct Store {
    changes: Changes,
    journal: Arc<dyn Journal>,
    reads: Arc<dyn Reads>,
}

/// Looks whether something is in the database.
type Shown = Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send>>;

/// One of each kind of write, with what can be read after it.
struct Probe {
    store: Store,
    steps: Vec<(Step, Shown)>,
}

impl Probe {
    /// The probe with that number, which no other has.
    fn new(store: &Store, n: u64, now: Timestamp, anchor: Option<Anchor>) -> Self {
        let home: HomeId = format!("{PROBED}{n}").parse().expect("an id");
        let account: UserId = format!("{PROBED}{n}").parse().expect("an id");
        let mut this = Self { store: store.clone(), steps: Vec::new() };
        this.people(n, now, &home, &account);
        this.sessions(n, now, &account);
        this.credentials(n, now, &home, &account);
        this.incident(n, now, &home);
        this.servers(n, now);
        this.then(Op::EndMembership(home.clone(), account.clone()), move |store| async move {
            Ok(store.reads.membership(&home, &account).await?.is_none())
        });
        if let Some(anchor) = anchor {
            let kept = anchor.clone();
            this.step(Step::Anchor(anchor), move |store| async move {
                Ok(store.journal.anchor().await? == Some(kept))
            });
        }
        this.step(Step::Tidy, |_| async { Ok(true) });
        this
    }

    fn step<F>(&mut self, step: Step, shown: impl FnOnce(Store) -> F)
    where
        F: Future<Output = Result<bool, StoreError>> + Send + 'static,
    {
        self.steps.push((step, Box::pin(shown(self.store.clone()))));
    }

    fn then<F>(&mut self, op: Op, shown: impl FnOnce(Store) -> F)
    where
        F: Future<Output = Result<bool, StoreError>> + Send + 'static,
    {
        self.step(Step::Op(op), shown);
    }

    fn people(&mut self, n: u64, now: Timestamp, home: &HomeId, account: &UserId) {
        let email = format!("{n}@probe.test");
        let (id, address) = (account.clone(), email.clone());
        let put = Account { id: id.clone(), email, name: "Probe".into(), password: "x".into() };
        self.then(Op::PutAccount(put), move |store| async move {
            Ok(store.reads.account(&address).await?.is_some_and(|account| account.id == id))
        });
        let put = Arc::new(buckler::domain::home::Home { id: home.clone(), ..homes::full() });
        let id = home.clone();
        self.then(Op::PutHome { home: put, revision: n }, move |store| async move {
            let (homes, _) = store.reads.homes().await?;
            Ok(homes.iter().any(|(home, revision)| home.id == id && *revision == n))
        });
        let (at, of) = (home.clone(), account.clone());
        let member = Membership { role: Role::Owner, sos_withdrawn: false };
        let put = Op::PutMembership(at.clone(), of.clone(), member);
        self.then(put, move |store| async move {
            Ok(store.reads.membership(&at, &of).await? == Some(member))
        });
        let of = account.clone();
        let put = Op::SetCenterRole(of.clone(), Some(CenterRole::Operator));
        self.then(put, move |store| async move {
            Ok(store.reads.center_role(&of).await? == Some(CenterRole::Operator))
        });
        let token = token(n, 1);
        let invitation = Invitation {
            token,
            scope: InvitationScope::Home(home.clone(), Role::Shared),
            name: "Guest".into(),
            inviter: account.clone(),
            expires_at: now + DAY,
        };
        let put = invitation.clone();
        self.then(Op::PutInvitation(put), move |store| async move {
            Ok(store.reads.invitation(token, now).await? == Some(invitation))
        });
        let end = Op::EndInvitation { token, home: Some(home.clone()) };
        self.then(end, move |store| async move {
            Ok(store.reads.invitation(token, now).await?.is_none())
        });
    }

    fn sessions(&mut self, n: u64, now: Timestamp, account: &UserId) {
        let [one, two, three] = [2, 3, 4].map(|which| token(n, which));
        for token in [one, two, three] {
            let session = Session {
                token,
                account: account.clone(),
                device: "A phone".into(),
                created_at: now,
                seen_at: now,
                expires_at: now + DAY,
                proven_at: now,
                restricted_until: now + DAY,
                replaces: None,
            };
            let put = session.clone();
            self.then(Op::PutSession(put), move |store| async move {
                Ok(store.reads.session(token, now).await?.map(|(_, stored)| stored)
                    == Some(session))
            });
        }
        let later = now + Duration::from_secs(1);
        let is = move |token, holds: fn(&Session, Timestamp) -> bool| {
            move |store: Store| async move {
                let stored = store.reads.session(token, now).await?;
                Ok(stored.is_some_and(|(_, session)| holds(&session, later)))
            }
        };
        let is_over = move |token| {
            move |store: Store| async move { Ok(store.reads.session(token, now).await?.is_none()) }
        };
        self.then(Op::ProveSession(one, later), is(one, |session, at| session.proven_at == at));
        let released = |session: &Session, _| session.restricted_until == Timestamp::default();
        self.then(Op::ReleaseSession(account.clone(), one), is(one, released));
        let used = Bookkeeping::SessionUsed {
            token: one,
            at: later,
            expires_at: later + DAY,
            replaced_ends: later,
        };
        self.step(Step::Note(used), is(one, |session, at| session.seen_at == at));
        self.then(Op::EndSession(account.clone(), two), is_over(two));
        let end = Op::EndSessions { account: account.clone(), except: vec![one] };
        self.then(end, is_over(three));
    }

    fn credentials(&mut self, n: u64, now: Timestamp, home: &HomeId, account: &UserId) {
        let passkey = StoredPasskey {
            credential: token(n, 5).to_vec(),
            account: account.clone(),
            name: "A phone".into(),
            document: "{}".into(),
            created_at: now,
            used_at: now,
        };
        let (put, credential) = (passkey.clone(), passkey.credential.clone());
        self.then(Op::PutPasskey(put), move |store| async move {
            let stored = store.reads.passkey(&passkey.credential).await?;
            Ok(stored.map(|(_, stored)| stored) == Some(passkey))
        });
        let of = account.clone();
        self.then(Op::EndPasskey(of.clone(), credential), move |store| async move {
            Ok(!store.reads.has_passkey(&of).await?)
        });
        let codes = [6, 7].map(|which| token(n, which));
        for (op, left) in [
            (Op::PutRecoveryCodes(account.clone(), codes.to_vec()), 2),
            (Op::EndRecoveryCode(account.clone(), codes[0]), 1),
        ] {
            let of = account.clone();
            self.then(op, move |store| async move {
                Ok(store.reads.recovery_codes_left(&of).await? == left)
            });
        }
        let (token, contact) = (token(n, 8), homes::contact(0, false).id);
        let link = ContactLink { home: home.clone(), contact: contact.clone(), number: 2 };
        let put = Op::PutContactLink { token, link: link.clone(), shown: None };
        let keep = |number| Op::KeepContactLinks {
            home: home.clone(),
            kept: vec![(contact.clone(), number)],
        };
        for (op, then) in [(put, Some(link.clone())), (keep(2), Some(link)), (keep(1), None)] {
            self.then(op, move |store| async move {
                Ok(store.reads.contact_link(token).await? == then)
            });
        }
    }

    /// An incident that begins, is quarantined, goes on, is quarantined again, and ends; and one that
    /// begins and ends.
    fn incident(&mut self, n: u64, now: Timestamp, home: &HomeId) {
        let [id, other, gone] = [1, 2, 3].map(|which| incident(n, which));
        let facts = |id| (id, 1, vec![Recorded { at: now, event: Event::SirenOver }]);
        let begun = |id| Begun { id, home: home.clone(), at: now, quiet: false };
        let fate = Fate::Acknowledged { incident: id, fingerprint: [7; 32], seq: Some(1) };
        let requests = vec![
            RequestRow { id, fate },
            RequestRow { id: gone, fate: Fate::Withdrawn { home: home.clone() } },
        ];
        let effect = effect(id, home, now);
        let begins = Batch {
            begun: vec![begun(id), begun(other)],
            facts: vec![facts(id), facts(other)],
            over: vec![other],
            requests: requests.clone(),
            effects: vec![effect.clone()],
            ..Batch::default()
        };
        let key = effect.key.clone();
        self.step(Step::Batch(begins), move |store| async move {
            let mut rows = store.journal.requests(&[id, gone]).await?;
            rows.sort_by_key(|row| row.id);
            let whole = store.journal.incident(other).await?.is_some_and(|o| o.history.len() == 1);
            let is_pending = store.journal.pending().await?.0.contains(&effect);
            Ok(rows == requests && whole && is_pending && runs(&store, other).await?.is_none())
        });
        let report =
            ReportRow { key: format!("{PROBED}/{n}"), body: [7; 32], incident: Some(id), at: now };
        let answered = Batch { reports: vec![report.clone()], ..Batch::default() };
        self.step(Step::Batch(answered), move |store| async move {
            Ok(store.journal.reports(Timestamp::default()).await?.contains(&report))
        });
        let done = Batch { done: vec![key.clone()], ..Batch::default() };
        self.step(Step::Batch(done), move |store| async move {
            Ok(store.journal.pending().await?.0.iter().all(|effect| effect.key != key))
        });
        let quarantined = Quarantined {
            incident: id.to_string(),
            home: home.to_string(),
            quiet: false,
            since: now,
            why: "a probe".into(),
        };
        let quarantine = Batch { quarantined: vec![quarantined], ..Batch::default() };
        let resume = Batch { resumed: vec![id], ..Batch::default() };
        for (batch, is_quarantined) in
            [(quarantine.clone(), true), (resume, false), (quarantine, true)]
        {
            self.step(Step::Batch(batch), move |store| async move {
                Ok(runs(&store, id).await? == Some(is_quarantined))
            });
        }
        let end = Op::EndQuarantined { incident: id.to_string(), home: home.clone(), quiet: false };
        self.then(end, move |store| async move { Ok(runs(&store, id).await?.is_none()) });
    }

    fn servers(&mut self, n: u64, now: Timestamp) {
        let url = format!("https://probe.test/{n}");
        let since = Bookkeeping::WebhookSince(url.clone(), now);
        let of = url.clone();
        self.step(Step::Note(since), move |store| async move {
            Ok(store.reads.webhook_since(&of).await? == Some(now))
        });
        let delivery = Delivery { url, incident: incident(n, 1), next: 2, failing: None };
        let put = Bookkeeping::Deliveries(vec![delivery.clone()]);
        self.step(Step::Note(put), move |store| async move {
            let stored = store.reads.delivery(&delivery.url, delivery.incident).await?;
            Ok(stored == Some(delivery))
        });
        let alarms =
            PanelAlarms { account: format!("probe-{n}"), alarms: vec![("fire".into(), 1)] };
        let put = Bookkeeping::PanelAlarms(vec![alarms.clone()]);
        self.step(Step::Note(put), move |store| async move {
            Ok(store.reads.panel_alarms().await?.contains(&alarms))
        });
        self.step(Step::Note(Bookkeeping::Probe), |_| async { Ok(true) });
    }

    /// Whether no kind of write is missing.
    fn is_whole(&self) -> Result<(), String> {
        let names: BTreeSet<_> = self.steps.iter().flat_map(|(step, _)| step.names()).collect();
        let all = [OPS, NOTES, PARTS].concat();
        match all.into_iter().find(|name| !names.contains(name)) {
            Some(missing) => Err(format!("nothing probes {missing}")),
            None => Ok(()),
        }
    }
}

/// How many kinds of writes are tried while the disk fails.
const TRIED: usize = 3;
const DAY: Duration = Duration::from_secs(86_400);

/// A token that no other probe has.
fn token(n: u64, which: u8) -> [u8; 32] {
    let mut token = [which; 32];
    token[..8].copy_from_slice(&n.to_be_bytes());
    token
}

fn incident(n: u64, which: u128) -> IncidentId {
    IncidentId(uuid::Uuid::from_u128((u128::from(n) << 8) + which))
}

fn effect(incident: IncidentId, home: &HomeId, now: Timestamp) -> Effect {
    Effect {
        key: format!("{incident}/1"),
        incident,
        home: home.clone(),
        seq: 1,
        decided_at: now,
        mode: Mode::Drill,
        not_after: None,
        kind: EffectKind::RequestDispatch { service: Service::Police },
    }
}

/// Whether an incident that runs is quarantined; `None` if it does not run.
async fn runs(store: &Store, id: IncidentId) -> Result<Option<bool>, StoreError> {
    let running = store.journal.running().await?;
    let row = running.into_iter().find(|row| row.incident == id.to_string());
    Ok(row.map(|row| row.quarantined.is_some()))
}

impl Database {
    /// The next probe, if the server runs.
    fn probe(&self, world: &World) -> Option<Probe> {
        let opened = self.opened()?;
        let store = Store {
            changes: opened.changes.clone(),
            journal: opened.journal.clone(),
            reads: opened.reads.clone(),
        };
        let n = {
            let mut state = self.state();
            state.probes += 1;
            state.probes
        };
        self.copy_if_due(world, world.truth());
        Some(Probe::new(&store, n, world.truth(), world.disk.platter.anchor()))
    }

    /// Tries some kinds of writes while the disk fails. They may fail, too. A failure takes long,
    /// because the connection is opened again.
    pub(super) fn tries_some_kinds(&self, world: &World) {
        let Some(Probe { store, mut steps }) = self.probe(world) else { return };
        let mut dice = self.dice(&format!("tries/{}", world.truth()));
        let tried: Vec<_> = (0..TRIED)
            .map(|_| steps.swap_remove(dice.below(steps.len() as u64) as usize).0)
            .collect();
        self.does(async move {
            for step in tried {
                let _ = step.write(&store).await;
            }
        });
    }

    /// After a fault each kind of write succeeds, and is read back.
    pub(super) fn every_kind_succeeds(&self, world: &World) {
        if !self.state().is_suspect {
            return;
        }
        let Some(probe) = self.probe(world) else { return };
        self.state().is_suspect = false;
        let done = probe.is_whole().and_then(|()| {
            let Probe { store, steps } = probe;
            self.does(async move {
                for (step, shown) in steps {
                    let names = step.names();
                    let failed = |why| format!("{names:?} after a fault: {why}");
                    step.write(&store).await.map_err(failed)?;
                    match shown.await {
                        Ok(true) => {}
                        Ok(false) => return Err(failed("it is not read back".into())),
                        Err(error) => return Err(failed(said(&error))),
                    }
                }
                Ok(())
            })
        });
        if done.is_ok() {
            // What failed before is overwritten.
            self.was_stored();
        }
        world.ledger().demand(done.is_ok(), || format!("I26: {}", done.err().unwrap_or_default()));
    }
}
