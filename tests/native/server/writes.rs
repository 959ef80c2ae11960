//! The one write path: incidents come first, changes are made whole with their record, and each
//! writer has a budget.

use super::{Server, change, database, until};
use crate::domain::story::home;
use async_trait::async_trait;
use buckler::{
    api::audit::AuditAction,
    domain::{
        access::{CenterAction, CenterRole, InvitationScope, Membership, Role},
        id::{HomeId, IncidentId, UserId},
        time::Timestamp,
    },
    server::{
        clock::Anchor,
        store::{
            Account, AuditEntry, Batch, Bookkeeping, Change, ChangeError, ContactLink, Database,
            Feed, Guard, Invitation, Op, Payer, RequestRow, Session, StoreError, StoredPasskey,
            Urgent, Write, Writes, sqlite, writer,
        },
        tasks::{TaskFailed, Tasks},
    },
};
use futures_util::{FutureExt, poll};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, watch};

const NOW: Timestamp = Timestamp::from_millis(1_795_435_200_000);

/// A disk that writes only when it is allowed.
struct Gate {
    written: Arc<Mutex<Vec<String>>>,
    lets: Arc<Semaphore>,
}

impl Gate {
    async fn note(&self, what: String) {
        self.written.lock().unwrap().push(what);
        self.lets.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl Writes for Gate {
    async fn commit(&mut self, _: &Batch) -> Result<(), StoreError> {
        self.note("an incident".into()).await;
        Ok(())
    }
    async fn apply(
        &mut self,
        writes: &[&Write],
        urgent: Urgent<'_>,
    ) -> Vec<Result<(), ChangeError>> {
        assert!(!writes.iter().any(|write| matches!(write, Write::Bookkeeping(_))), "planted");
        let mut made = 0;
        while made == 0 || (made < writes.len() && !urgent()) {
            self.note("a change".into()).await;
            made += 1;
        }
        self.note("a flush".into()).await;
        (0..made).map(|_| Ok(())).collect()
    }
    async fn requests(&mut self, _: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        Ok(Vec::new())
    }
    async fn put_anchor(&mut self, _: &Anchor) -> Result<(), StoreError> {
        Ok(())
    }
    async fn tidy(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// A requested change.
type Asked = Pin<Box<dyn Future<Output = Result<(), ChangeError>>>>;

/// A writer on such a disk.
struct Gated {
    changes: writer::Changes,
    journal: Arc<dyn buckler::server::store::Journal>,
    written: Arc<Mutex<Vec<String>>>,
    lets: Arc<Semaphore>,
    tasks: Tasks,
    _folder: tempfile::TempDir,
    _stopper: watch::Sender<bool>,
}

async fn gated() -> Gated {
    gated_with(Arc::default()).await
}

/// The same, with these followers of changes.
async fn gated_with(feed: Arc<Feed>) -> Gated {
    let folder = tempfile::tempdir().unwrap();
    let (written, lets) = (Arc::new(Mutex::default()), Arc::new(Semaphore::new(0)));
    let gate = Gate { written: written.clone(), lets: lets.clone() };
    let database = Database { writes: Box::new(gate), ..database(&folder, &home()).await };
    let (stopper, stop) = watch::channel(false);
    let tasks = Tasks::new(stop);
    let (changes, journal) = writer::start(database, feed, &tasks);
    Gated { changes, journal, written, lets, tasks, _folder: folder, _stopper: stopper }
}

impl Gated {
    /// Requests a change. The caller can await the answer later.
    async fn asks(&self) -> Asked {
        let changes = self.changes.clone();
        let mut asked: Asked = Box::pin(async move { changes.apply(change([])).await });
        assert!(poll!(&mut asked).is_pending());
        asked
    }

    /// Commits an incident in the same way.
    async fn commits(&self) -> Pin<Box<dyn Future<Output = Result<(), StoreError>>>> {
        let journal = self.journal.clone();
        let mut asked = Box::pin(async move { journal.commit(Arc::default()).await });
        assert!(poll!(&mut asked).is_pending());
        asked
    }

    async fn until_written(&self, count: usize) {
        until("it is written", async || {
            (self.written.lock().unwrap().len() == count).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn incident_waits_for_one_flush_of_changes_and_no_more() {
    let gated = gated().await;
    let mut asked = Vec::new();
    for _ in 0..40 {
        asked.push(gated.asks().await);
    }
    gated.until_written(1).await;
    gated.lets.add_permits(1);
    // The third change of a transaction is in progress.
    gated.until_written(2).await;
    gated.lets.add_permits(1);
    gated.until_written(3).await;
    let incident = gated.commits().await;
    gated.lets.add_permits(100);
    incident.await.unwrap();
    for change in asked {
        change.await.unwrap();
    }
    let written = gated.written.lock().unwrap().clone();
    assert_eq!(written[..5], ["a change", "a change", "a change", "a flush", "an incident"]);
    let all = |what: &str| written.iter().filter(|wrote| *wrote == what).count();
    assert_eq!((all("a change"), all("an incident")), (40, 1), "what was put off is made after it");
}

#[tokio::test]
async fn changes_that_do_not_fit_are_refused_at_once() {
    let gated = gated().await;
    let mut asked = vec![gated.asks().await];
    gated.until_written(1).await;
    for _ in 0..64 {
        asked.push(gated.asks().await);
    }
    let refused = gated.changes.apply(change([])).await;
    assert!(matches!(refused, Err(ChangeError::Busy)), "{refused:?}");
    // Incidents have their own queue.
    let incident = gated.commits().await;
    gated.lets.add_permits(100);
    incident.await.unwrap();
    for change in asked {
        change.await.unwrap();
    }
}

#[tokio::test]
async fn writer_that_panics_ends_the_server_by_name() {
    let gated = gated().await;
    gated.changes.note(Bookkeeping::Probe).await.unwrap_err();
    let failed = tokio::time::timeout(super::PATIENCE, gated.tasks.failed())
        .await
        .expect("the writer fails");
    assert_eq!(failed, TaskFailed { task: "writer", how: "panicked: planted".into() });
}

#[tokio::test]
async fn follower_that_panics_ends_neither_the_writer_nor_the_others() {
    let (feed, told) = (Arc::new(Feed::default()), Arc::new(AtomicUsize::new(0)));
    feed.follow(|_| panic!("planted"));
    let counted = told.clone();
    feed.follow(move |_| _ = counted.fetch_add(1, Ordering::Relaxed));
    let gated = gated_with(feed).await;
    gated.lets.add_permits(100);
    for count in 1..=3 {
        gated.changes.apply(change([])).await.unwrap();
        assert_eq!(told.load(Ordering::Relaxed), count, "told before the requester");
    }
    assert_eq!(gated.tasks.failed().now_or_never(), None);
}

/// The follower blocks a thread of its own, as one that takes long would.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn incident_does_not_wait_for_what_follows_from_a_change() {
    let feed = Arc::new(Feed::default());
    let (told, mut is_told) = tokio::sync::mpsc::unbounded_channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    feed.follow(move |_| {
        told.send(()).unwrap();
        // Without its sender, it is released.
        let _ = held.lock().unwrap().recv();
    });
    let gated = gated_with(feed).await;
    gated.lets.add_permits(100);
    let changes = gated.changes.clone();
    let asked = tokio::spawn(async move { changes.apply(change([])).await });
    is_told.recv().await.unwrap();
    let committed = gated.journal.commit(Arc::default());
    let committed = tokio::time::timeout(Duration::from_secs(10), committed).await;
    assert!(committed.is_ok(), "the incident waits");
    assert!(!asked.is_finished(), "the requester sees the change in every cache");
    drop(release);
    asked.await.unwrap().unwrap();
}

/// A change by a device of an account, from that address.
fn of(account: &str, session: &str, address: &str) -> Change {
    let entry = AuditEntry::new(AuditAction::HomeChanged, NOW, json!({}));
    Change::new(AuditEntry {
        account: Some(account.parse().unwrap()),
        session: Some(session.into()),
        address: Some(address.parse().unwrap()),
        ..entry
    })
}

/// A change by a signed-in device.
fn by(session: &str) -> Change {
    of("owner", session, "192.0.2.7")
}

impl Gated {
    /// Makes the change 200 times, as often as one device may at once. Returns how often it was
    /// made.
    async fn floods(&self, change: &Change) -> usize {
        let mut made = 0;
        for _ in 0..200 {
            made += usize::from(self.changes.apply(change.clone()).await.is_ok());
        }
        made
    }
}

#[tokio::test]
async fn new_sessions_give_an_account_no_new_budget() {
    let gated = gated().await;
    gated.lets.add_permits(20_000);
    assert_eq!(gated.floods(&of("owner", "a thief's", "203.0.113.9")).await, 200);
    let own = of("owner", "the owner's", "192.0.2.7");
    assert_eq!(gated.floods(&own).await, 200, "one stolen device leaves room to the owner's");
    let mut made = 0;
    for n in 0..10 {
        made += gated.floods(&of("owner", &format!("session {n}"), "203.0.113.9")).await;
    }
    assert!((200..400).contains(&made), "the account has one budget: {made}");
    // The owner can still sign the thief out, and other accounts have their own budget.
    let end = Op::EndSessions { account: "owner".parse().unwrap(), except: Vec::new() };
    gated.changes.apply(of("owner", "the next", "192.0.2.7").op(end)).await.unwrap();
    gated.changes.apply(of("guest", "a guest's", "192.0.2.7")).await.unwrap();
    // Nor does a thief who knows the password keep the owner from proving it.
    let proves = Op::ProveSession([7; 32], NOW);
    let proved = of("owner", "another", "192.0.2.7").op(proves);
    assert!(!matches!(gated.changes.apply(proved).await, Err(ChangeError::OverBudget)));
}

/// A household shares an address, and so do the customers of some providers.
#[tokio::test]
async fn accounts_of_one_network_do_not_stop_each_other() {
    let gated = gated().await;
    gated.lets.add_permits(20_000);
    for n in 0..10 {
        let account = format!("account-{n}");
        assert_eq!(gated.floods(&of(&account, &account, "192.0.2.7")).await, 200);
    }
    gated.changes.apply(by("the owner's")).await.unwrap();
}

#[tokio::test]
async fn device_that_changes_too_much_is_stopped_and_no_other() {
    let gated = gated().await;
    gated.lets.add_permits(10_000);
    let mut refused = 0;
    for _ in 0..300 {
        refused += usize::from(matches!(
            gated.changes.apply(by("a thief's")).await,
            Err(ChangeError::OverBudget)
        ));
    }
    assert!(refused > 0, "nobody writes for ever");
    gated.changes.apply(by("the owner's")).await.unwrap();
    let link = |contact: &str| {
        let payer = Payer::Link("home".parse().unwrap(), contact.parse().unwrap());
        gated.changes.apply(
            Change::new(AuditEntry::new(AuditAction::ContactAnswered, NOW, json!({})))
                .charged_to(payer),
        )
    };
    for _ in 0..25 {
        drop(link("sister").await);
    }
    assert!(matches!(link("sister").await, Err(ChangeError::OverBudget)), "nor does a contact");
    link("neighbor").await.unwrap();
    // A stranger's guesses at an account are charged to the stranger, not the account.
    let guess = AuditEntry { session: None, ..by("the owner's").audit()[0].clone() };
    for _ in 0..300 {
        drop(gated.changes.apply(Change::new(guess.clone())).await);
    }
    gated.changes.apply(by("the owner's")).await.unwrap();
}

/// A household with IPv6 has a whole /64 of addresses.
#[tokio::test]
async fn addresses_of_one_network_share_a_budget_of_changes() {
    let gated = gated().await;
    gated.lets.add_permits(10_000);
    let from = async |address: String| {
        let entry = AuditEntry::new(AuditAction::SignInRefused, NOW, json!({}));
        let entry = AuditEntry { address: Some(address.parse().unwrap()), ..entry };
        gated.changes.apply(Change::new(entry)).await
    };
    let mut refused = 0;
    for host in 0..300 {
        let applied = from(format!("2001:db8:1:2::{host:x}")).await;
        refused += usize::from(matches!(applied, Err(ChangeError::OverBudget)));
    }
    assert!(refused > 0, "another address is no other budget");
    from("2001:db8:1:3::1".into()).await.expect("another network");
}

#[tokio::test]
async fn flood_of_changes_is_answered_429_and_an_sos_is_sent() {
    let server = Server::start("30s").await;
    let (guest, owner) = (server.sign_in("guest").await, server.sign_in("owner").await);
    let end_others = async || guest.ask(Method::DELETE, "/api/v1/sessions", &json!(null)).await;
    let refused = until("the budget is spent", async || {
        Some(end_others().await).filter(|(status, _)| *status != StatusCode::OK)
    })
    .await;
    assert_eq!(
        (refused.0, &refused.1["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_changes"))
    );
    assert_eq!(owner.raise("maple-street", "police", json!({})).await.0, StatusCode::CREATED);
    let rename =
        owner.ask(Method::PUT, "/api/v1/homes/maple-street/name", &json!({"name": "Brook"})).await;
    assert_eq!(rename.0, StatusCode::OK);
}

/// An account with that id.
pub fn account(id: &str) -> Account {
    Account {
        id: id.parse().unwrap(),
        email: format!("{id}@a.test"),
        name: id.into(),
        password: format!("hash of {id}"),
    }
}

/// A database with two people in the home, Ada and Ben.
async fn peopled(folder: &tempfile::TempDir) -> (Database, HomeId, UserId, UserId) {
    let (mut database, home) = (database(folder, &home()).await, home().id);
    let (ada, ben) = (account("ada"), account("ben"));
    let ids = (ada.id.clone(), ben.id.clone());
    let owner = Membership { role: Role::Owner, sos_withdrawn: false };
    let ops = [
        Op::PutAccount(ada),
        Op::PutAccount(ben),
        Op::PutMembership(home.clone(), ids.0.clone(), owner),
        Op::PutMembership(home.clone(), ids.1.clone(), owner),
    ];
    database.apply(change(ops)).await.unwrap();
    (database, home, ids.0, ids.1)
}

#[tokio::test]
async fn change_that_fails_leaves_nothing_and_its_neighbors_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (mut database, home, ada, _) = peopled(&folder).await;
    let nobody: UserId = "nobody".parse().unwrap();
    let guest = Membership { role: Role::Guest, sos_withdrawn: false };
    // The second operation of the middle change is impossible.
    let writes = [
        change([Op::SetCenterRole(ada.clone(), Some(CenterRole::Operator))]),
        change([Op::PutAccount(account("eve")), Op::PutMembership(home.clone(), nobody, guest)]),
        change([Op::PutRecoveryCodes(ada.clone(), vec![[1; 32]])]),
    ]
    .map(Write::Change);
    let results = database.writes.apply(&writes.each_ref(), &|| false).await;
    assert!(results[0].is_ok() && results[1].is_err() && results[2].is_ok(), "{results:?}");
    let reads = &database.reads;
    assert!(reads.account("eve@a.test").await.unwrap().is_none(), "nothing of it");
    assert_eq!(reads.center_role(&ada).await.unwrap(), Some(CenterRole::Operator));
    assert_eq!(reads.recovery_codes_left(&ada).await.unwrap(), 1);
    // Each change has its record: one for the home, one for the people, and two here.
    let verdict = sqlite::verify(&folder.path().join("buckler.db"), None).await.unwrap();
    assert!(matches!(verdict, sqlite::Verdict::Whole { records: 4, .. }), "{verdict}");
}

#[tokio::test]
async fn two_owners_who_put_each_other_out_leave_one() {
    let folder = tempfile::tempdir().unwrap();
    let (mut database, home, ada, ben) = peopled(&folder).await;
    let out = |who: &UserId| {
        let change = change([Op::EndMembership(home.clone(), who.clone())]);
        Write::Change(change.guard(Guard::HasOtherOwner(home.clone(), who.clone())))
    };
    let results = database.writes.apply(&[&out(&ada), &out(&ben)], &|| false).await;
    assert!(results[0].is_ok());
    assert!(
        matches!(&results[1], Err(ChangeError::Unmet(Guard::HasOtherOwner(..)))),
        "{results:?}"
    );
    assert_eq!(database.reads.members(&home).await.unwrap().len(), 1);
}

fn session(token: [u8; 32], account: &UserId) -> Session {
    Session {
        token,
        account: account.clone(),
        device: "Chrome on Linux".into(),
        created_at: NOW,
        seen_at: NOW,
        expires_at: NOW + Duration::from_secs(9),
        proven_at: NOW,
        restricted_until: Timestamp::default(),
        replaces: None,
    }
}

/// Stores what the guards check: Ada's invitation, recovery code, renewed session and passkey.
async fn put_what_guards_ask_for(database: &mut Database, home: &HomeId, ada: &UserId) {
    let scope = InvitationScope::Home(home.clone(), Role::Guest);
    let invitation = Invitation {
        token: [7; 32],
        scope,
        name: "Robin".into(),
        inviter: ada.clone(),
        expires_at: NOW + Duration::from_secs(9),
    };
    database.apply(change([Op::PutInvitation(invitation)])).await.unwrap();
    database.apply(change([Op::PutRecoveryCodes(ada.clone(), vec![[1; 32]])])).await.unwrap();
    let renewed = Session { replaces: Some([4; 32]), ..session([5; 32], ada) };
    let passkey = StoredPasskey {
        credential: vec![2],
        account: ada.clone(),
        name: String::new(),
        document: String::new(),
        created_at: NOW,
        used_at: NOW,
    };
    database.apply(change([Op::PutSession(renewed), Op::PutPasskey(passkey)])).await.unwrap();
}

#[tokio::test]
async fn guard_that_does_not_hold_lets_nothing_happen() {
    let folder = tempfile::tempdir().unwrap();
    let (mut database, home, ada, ben) = peopled(&folder).await;
    put_what_guards_ask_for(&mut database, &home, &ada).await;
    let later = NOW + Duration::from_secs(10);
    let elsewhere: HomeId = "elsewhere".parse().unwrap();
    let nobody: UserId = "nobody".parse().unwrap();
    let cases = [
        (Guard::HomeRevisionIs(home.clone(), 0), Guard::HomeRevisionIs(home.clone(), 1)),
        (
            Guard::IsMember(home.clone(), ada.clone()),
            Guard::IsMember(elsewhere.clone(), ada.clone()),
        ),
        (
            Guard::IsNoMember(elsewhere.clone(), ada.clone()),
            Guard::IsNoMember(home.clone(), ada.clone()),
        ),
        (
            Guard::HasOtherOwner(home.clone(), ada.clone()),
            Guard::HasOtherOwner(elsewhere, ada.clone()),
        ),
        (
            Guard::CenterRoleIs(ada.clone(), None),
            Guard::CenterRoleIs(ada.clone(), Some(CenterRole::Operator)),
        ),
        (Guard::InvitationOpen([7; 32], NOW), Guard::InvitationOpen([7; 32], later)),
        (Guard::InvitationStands([7; 32], NOW), Guard::InvitationStands([8; 32], NOW)),
        (
            Guard::FewerInvitations(Some(home.clone()), NOW, 2),
            Guard::FewerInvitations(Some(home.clone()), NOW, 1),
        ),
        (Guard::EmailFree("eve@a.test".into()), Guard::EmailFree("ada@a.test".into())),
        (
            Guard::PasswordIs(ada.clone(), "hash of ada".into()),
            Guard::PasswordIs(ada.clone(), "hash of ben".into()),
        ),
        (Guard::CredentialFree(vec![1]), Guard::CredentialFree(vec![2])),
        (Guard::CredentialFree(vec![1]), Guard::NoAccounts),
        (Guard::NotReplaced([5; 32]), Guard::NotReplaced([4; 32])),
        (Guard::PasskeyStands(ada.clone(), vec![2]), Guard::PasskeyStands(ada.clone(), vec![3])),
        (Guard::FewerPasskeys(ada.clone(), 2), Guard::FewerPasskeys(ada.clone(), 1)),
        (
            Guard::RecoveryCodeUnused(ada.clone(), [1; 32]),
            Guard::RecoveryCodeUnused(nobody, [1; 32]),
        ),
    ];
    check_guards(&mut database, cases).await;
    // The inviter no longer has the right to invite.
    let demoted = Membership { role: Role::Shared, sos_withdrawn: false };
    database.apply(change([Op::PutMembership(home.clone(), ada, demoted)])).await.unwrap();
    assert!(database.apply(change([]).guard(Guard::InvitationOpen([7; 32], NOW))).await.is_err());
    assert!(database.reads.membership(&home, &ben).await.unwrap().is_some());
}

/// The first guard of each pair holds. The second does not, and lets nothing happen.
async fn check_guards(database: &mut Database, cases: impl IntoIterator<Item = (Guard, Guard)>) {
    for (holds, does_not) in cases {
        database
            .apply(change([]).guard(holds.clone()))
            .await
            .unwrap_or_else(|error| panic!("{holds:?}: {error}"));
        let put = Op::PutAccount(account("eve"));
        match database.apply(change([put]).guard(does_not.clone())).await {
            Err(ChangeError::Unmet(unmet)) => assert_eq!(unmet, does_not),
            other => panic!("{does_not:?}: {other:?}"),
        }
        assert!(database.reads.account("eve@a.test").await.unwrap().is_none(), "{does_not:?}");
    }
}

#[tokio::test]
async fn right_that_ended_lets_nothing_happen() {
    let folder = tempfile::tempdir().unwrap();
    let (mut database, home, ada, ben) = peopled(&folder).await;
    let (later, nobody) = (NOW + Duration::from_secs(10), "nobody".parse().unwrap());
    let link = ContactLink { home: home.clone(), contact: "sister".parse().unwrap(), number: 2 };
    let ops = [
        Op::PutSession(session([5; 32], &ada)),
        Op::PutContactLink { token: [3; 32], link, shown: None },
        Op::SetCenterRole(ben.clone(), Some(CenterRole::Operator)),
    ];
    database.apply(change(ops)).await.unwrap();
    let cases = [
        (Guard::SessionStands([5; 32], NOW), Guard::SessionStands([5; 32], later)),
        (Guard::SessionStands([5; 32], NOW), Guard::SessionStands([4; 32], NOW)),
        (Guard::MayConfigure(home.clone(), ada.clone()), Guard::MayConfigure(home.clone(), nobody)),
        (
            Guard::MayAtCenter(ben.clone(), CenterAction::Work),
            Guard::MayAtCenter(ben, CenterAction::Lead),
        ),
        (
            Guard::MayAtCenter("ben".parse().unwrap(), CenterAction::Work),
            Guard::MayAtCenter(ada, CenterAction::Work),
        ),
        (Guard::LinkStands([3; 32]), Guard::LinkStands([4; 32])),
    ];
    check_guards(&mut database, cases).await;
}

#[tokio::test]
async fn edits_at_the_same_time_lose_nothing() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let add = |n: usize| {
        let owner = owner.clone();
        let new = json!({"kind": "keypad", "model": "keypad", "name": format!("Keypad {n}")});
        tokio::spawn(async move { owner.post("/api/v1/homes/maple-street/devices", &new).await.0 })
    };
    for added in (0..16).map(add).collect::<Vec<_>>() {
        assert_eq!(added.await.unwrap(), StatusCode::OK);
    }
    let home = server.app.homes.get(&"maple-street".parse().unwrap()).unwrap();
    let names: Vec<_> = home.devices.iter().map(|device| device.name.as_str()).collect();
    assert!((0..16).all(|n| names.contains(&format!("Keypad {n}").as_str())), "{names:?}");
}
