//! The store's contract, which every database must keep, and the answer that a failing store gives.

use super::{Server, change, connect, database, until};
use buckler::{
    api::audit::AuditAction,
    domain::{
        id::{HomeId, IncidentId, UserId},
        incident::{
            Mode, Request, Service,
            effect::{Effect, EffectKind},
            event::Recorded,
        },
        time::Timestamp,
    },
    server::{
        clock::{Anchor, Boot},
        store::{
            Account, AuditEntry, Batch, Begun, Bookkeeping, Change, Database, Delivery, Failing,
            Fate, Guard, Op, PanelAlarms, Reads, ReportRow, RequestRow, StoredPasskey, Write,
        },
    },
};
use reqwest::StatusCode;
use serde_json::json;
use std::{sync::Arc, time::Duration};

const NOW: Timestamp = Timestamp::from_millis(1_795_435_200_000);

fn id(n: u128) -> IncidentId {
    IncidentId(uuid::Uuid::from_u128(n))
}

/// A database with a home in it. The file exists as long as the returned folder.
async fn store() -> (Database, tempfile::TempDir, HomeId) {
    let folder = tempfile::tempdir().unwrap();
    let home = crate::domain::story::home();
    (database(&folder, &home).await, folder, home.id)
}

fn begun(id: IncidentId, home: &HomeId, at: Timestamp) -> Begun {
    Begun { id, home: home.clone(), at, quiet: false }
}

fn dispatch(incident: IncidentId, home: &HomeId, seq: u32) -> Effect {
    let kind = EffectKind::RequestDispatch { service: Service::Police };
    Effect {
        key: format!("{incident}/{seq}"),
        incident,
        home: home.clone(),
        seq,
        decided_at: NOW,
        mode: Mode::Live,
        not_after: None,
        kind,
    }
}

async fn note(store: &mut Database, note: Bookkeeping) {
    store.writes.apply(&[&Write::Bookkeeping(note)], &|| false).await.remove(0).unwrap();
}

/// I11.
#[tokio::test]
async fn home_has_one_running_incident_by_constraint() {
    let (mut store, _folder, home) = store().await;
    store
        .writes
        .commit(&Batch { begun: vec![begun(id(1), &home, NOW)], ..Batch::default() })
        .await
        .unwrap();
    let second = Batch { begun: vec![begun(id(2), &home, NOW)], ..Batch::default() };
    assert!(store.writes.commit(&second).await.is_err());
    let quiet = |n| Batch {
        begun: vec![Begun { quiet: true, ..begun(id(n), &home, NOW) }],
        ..Batch::default()
    };
    store.writes.commit(&quiet(3)).await.expect("one that the home does not notice is beside it");
    assert!(store.writes.commit(&quiet(4)).await.is_err(), "and has one place, too");
    let replaced = Batch { over: vec![id(1)], ..second };
    store.writes.commit(&replaced).await.unwrap();
}

/// I2.
#[tokio::test]
async fn fact_requests_a_service_once_by_constraint() {
    let (mut store, _folder, home) = store().await;
    let effects = |seq| vec![dispatch(id(1), &home, seq)];
    let begun = vec![begun(id(1), &home, NOW)];
    store.writes.commit(&Batch { begun, effects: effects(3), ..Batch::default() }).await.unwrap();
    let same_fact = vec![Effect { key: "another".into(), ..dispatch(id(1), &home, 3) }];
    let commit = Batch { effects: same_fact, ..Batch::default() };
    assert!(store.writes.commit(&commit).await.is_err());
    assert_eq!(store.journal.pending().await.unwrap(), (effects(3), Vec::new()));
    store
        .writes
        .commit(&Batch { done: vec![effects(3)[0].key.clone()], ..Batch::default() })
        .await
        .unwrap();
    assert_eq!(store.journal.pending().await.unwrap(), (Vec::new(), Vec::new()));
}

/// I10.
#[tokio::test]
async fn batch_is_stored_whole_or_not_at_all() {
    let (mut store, _folder, home) = store().await;
    let fate = Fate::Acknowledged { incident: id(1), fingerprint: [7; 32], seq: Some(1) };
    let row = RequestRow { id: id(1), fate };
    let begun = vec![begun(id(1), &home, NOW)];
    let broken = Batch {
        begun: begun.clone(),
        requests: vec![row.clone(), row.clone()],
        ..Batch::default()
    };
    assert!(store.writes.commit(&broken).await.is_err());
    assert_eq!(store.journal.requests(&[id(1)]).await.unwrap(), []);
    store
        .writes
        .commit(&Batch { begun, requests: vec![row.clone()], ..Batch::default() })
        .await
        .unwrap();
    assert_eq!(store.journal.requests(&[id(1), id(2)]).await.unwrap(), [row]);
}

/// I28. A home keeps its latest 512, and takes none from another home.
#[tokio::test]
async fn withdrawn_requests_are_kept_up_to_a_limit() {
    let (mut store, _folder, home) = store().await;
    let cabin: HomeId = "cabin".parse().unwrap();
    let withdrawn =
        |n, home: &HomeId| RequestRow { id: id(n), fate: Fate::Withdrawn { home: home.clone() } };
    for (n, home) in [(1, &cabin)].into_iter().chain((2..=514).map(|n| (n, &home))) {
        let requests = vec![withdrawn(n, home)];
        store.writes.commit(&Batch { requests, ..Batch::default() }).await.unwrap();
    }
    let kept = store.journal.requests(&[id(1), id(2), id(3), id(514)]).await.unwrap();
    assert_eq!(kept.len(), 3, "{kept:?}");
    for row in [withdrawn(1, &cabin), withdrawn(3, &home), withdrawn(514, &home)] {
        assert!(kept.contains(&row), "{row:?}");
    }
}

/// I16.
#[tokio::test]
async fn anchor_of_the_time_is_kept() {
    let (mut store, _folder, _) = store().await;
    assert_eq!(store.journal.anchor().await.unwrap(), None);
    for seconds in [3, 7] {
        let anchor = Anchor {
            boot: Boot { id: "monday".into(), uptime: Duration::from_secs(seconds) },
            at: NOW,
        };
        store.writes.put_anchor(&anchor).await.unwrap();
        assert_eq!(store.journal.anchor().await.unwrap(), Some(anchor));
    }
}

/// F15.
#[tokio::test]
async fn sirens_alone_are_tried_though_nothing_can_be_stored() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut other = connect(&server.file()).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    assert_eq!(
        owner.raise("maple-street", "police", json!({})).await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let (home, base) = ("maple-street".parse().unwrap(), "base".parse().unwrap());
    let devices = server.app.devices.clone();
    assert!(!devices.is_sounding(&home, &base), "help that was not sent sounds nothing");
    let asked = server.app.clock.now();
    assert_eq!(
        owner.raise("maple-street", "siren", json!({})).await.1["code"],
        "storage_unavailable"
    );
    assert!(server.app.clock.now().since(asked) < Duration::from_secs(1), "said within a second");
    assert!(!devices.is_sounding(&home, &base), "I3: nothing before D");
    until("the siren", || async { devices.is_sounding(&home, &base).then_some(()) }).await;
}

/// F16.
#[tokio::test]
async fn locked_database_is_said_in_time_and_acknowledges_nothing() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let running = owner.raise("lake-cabin", "police", json!({})).await.1;
    let mut other = connect(&server.file()).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let (status, problem) = owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("storage_unavailable"))
    );
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(
        owner.get("/api/v1/homes/maple-street").await.1["incident"],
        json!(null),
        "no acknowledgement, no incident"
    );
    owner.until_state(&running, "verifying").await;
    let (status, _) = owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "it serves again");
}

/// F16.
#[tokio::test]
async fn timers_that_came_while_the_database_was_locked_are_kept() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    let mut other = connect(&server.file()).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let deadline: Timestamp = incident["deadline"].as_str().unwrap().parse().unwrap();
    until("D", || async { (server.app.clock.now() > deadline).then_some(()) }).await;
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    owner.until_state(&incident, "verifying").await;
}

#[tokio::test]
async fn passkey_has_one_account_and_recovery_code_works_once() {
    let (mut store, _folder, _) = store().await;
    let account = |id: &str| Account {
        id: id.parse().unwrap(),
        email: format!("{id}@a.test"),
        name: id.into(),
        password: String::new(),
    };
    let (ada, ben) = (account("ada"), account("ben"));
    let used = |who: &Account, hash| {
        change([Op::EndRecoveryCode(who.id.clone(), hash)])
            .guard(Guard::RecoveryCodeUnused(who.id.clone(), hash))
    };
    store.apply(change([Op::PutAccount(ada.clone()), Op::PutAccount(ben.clone())])).await.unwrap();
    let key = |owner: &Account, document: &str| StoredPasskey {
        credential: vec![7; 16],
        account: owner.id.clone(),
        name: "Chrome on Linux".into(),
        document: document.into(),
        created_at: NOW,
        used_at: NOW,
    };
    store.apply(change([Op::PutPasskey(key(&ada, "one"))])).await.unwrap();
    store.apply(change([Op::PutPasskey(key(&ada, "two"))])).await.unwrap();
    store.apply(change([Op::PutPasskey(key(&ben, "stolen"))])).await.unwrap();
    let (owner, found) = store.reads.passkey(&[7; 16]).await.unwrap().unwrap();
    assert_eq!((owner.id, found), (ada.id.clone(), key(&ada, "two")));
    store.apply(change([Op::EndPasskey(ben.id.clone(), vec![7; 16])])).await.unwrap();
    assert_eq!(store.reads.passkeys(&ada.id).await.unwrap(), [key(&ada, "two")]);
    store.apply(change([Op::EndPasskey(ada.id.clone(), vec![7; 16])])).await.unwrap();
    assert!(
        store.reads.passkeys(&ada.id).await.unwrap().is_empty()
            && store.reads.passkey(&[7; 16]).await.unwrap().is_none()
    );

    store
        .apply(change([Op::PutRecoveryCodes(ada.id.clone(), vec![[1; 32], [2; 32]])]))
        .await
        .unwrap();
    assert!(store.apply(used(&ben, [1; 32])).await.is_err());
    assert!(store.apply(used(&ada, [1; 32])).await.is_ok());
    assert!(store.apply(used(&ada, [1; 32])).await.is_err());
    assert_eq!(store.reads.recovery_codes_left(&ada.id).await.unwrap(), 1);
    store.apply(change([Op::PutRecoveryCodes(ada.id.clone(), vec![[3; 32]])])).await.unwrap();
    assert!(store.apply(used(&ada, [2; 32])).await.is_err());
}

#[tokio::test]
async fn the_audit_is_read_by_home_and_account_newest_first() {
    let (mut store, _folder, home) = store().await;
    let ada: UserId = "ada".parse().unwrap();
    let entry = |what, account: Option<&UserId>, home: Option<&HomeId>| AuditEntry {
        account: account.cloned(),
        home: home.cloned(),
        ..AuditEntry::new(what, NOW, json!({}))
    };
    store.apply(Change::new(entry(AuditAction::SignedIn, Some(&ada), None))).await.unwrap();
    store.apply(Change::new(entry(AuditAction::HomeChanged, None, Some(&home)))).await.unwrap();
    store
        .apply(Change::new(entry(
            AuditAction::HomeChanged,
            None,
            Some(&"elsewhere".parse().unwrap()),
        )))
        .await
        .unwrap();
    for _ in 5..10 {
        store
            .apply(Change::new(entry(AuditAction::ContactAnswered, None, Some(&home))))
            .await
            .unwrap();
    }
    let read = async |what: &[AuditAction], before, limit| {
        let rows = store.reads.audit(&home, &ada, what, before, limit).await.unwrap();
        rows.into_iter().map(|row| row.number).collect::<Vec<_>>()
    };
    // The first record is the creation of the home.
    assert_eq!(read(&[], u64::MAX, 10).await, [9, 8, 7, 6, 5, 3, 2]);
    assert_eq!(read(&[], 3, 10).await, [2]);
    assert_eq!(read(&[], u64::MAX, 1).await, [9]);
    let rare = [AuditAction::SignedIn, AuditAction::HomeChanged];
    assert_eq!(read(&rare, u64::MAX, 3).await, [3, 2], "behind as many others as there are");
    assert_eq!(read(&rare[..1], u64::MAX, 3).await, [2]);
    assert_eq!(read(&[rare[1], AuditAction::ContactAnswered], 7, 3).await, [6, 5, 3]);
    assert_eq!(read(&[AuditAction::Joined], u64::MAX, 3).await, Vec::<u64>::new());
}

/// Incidents that begin at the same moment are on different pages here.
#[tokio::test]
async fn incidents_of_all_homes_are_read_in_pages_newest_first() {
    let (mut store, folder, home) = store().await;
    for (n, s) in [(1, 0), (2, 30), (3, 60), (4, 60), (5, 60), (6, 90)] {
        let at = NOW + Duration::from_secs(s);
        let facts = crate::domain::story::Story::live(Request::Police).facts;
        let batch = Batch {
            begun: vec![begun(id(n), &home, at)],
            over: vec![id(n)],
            facts: vec![(id(n), 1, facts)],
            ..Batch::default()
        };
        store.writes.commit(&batch).await.unwrap();
    }
    let mut file = connect(&folder.path().join("buckler.db")).await;
    sqlx::query("UPDATE facts SET body = '[]' WHERE incident = ?")
        .bind(id(5).to_string())
        .execute(&mut file)
        .await
        .unwrap();
    let (mut pages, mut from) = (Vec::new(), None);
    loop {
        let since = NOW + Duration::from_secs(30);
        let page = store.reads.incidents_since(since, from, 2).await.unwrap();
        pages.push(page.incidents.iter().map(|stored| stored.id).collect::<Vec<_>>());
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let read = [vec![id(6)], vec![id(4), id(3)], vec![id(2)]];
    assert_eq!(pages, read, "5 cannot be read, and 1 began before");
    sqlx::query("DELETE FROM facts WHERE incident = ?")
        .bind(id(4).to_string())
        .execute(&mut file)
        .await
        .unwrap();
    let page = store.reads.incidents(&home, NOW + Duration::from_secs(3_600), 3).await.unwrap();
    let read: Vec<_> = page.iter().map(|stored| stored.id).collect();
    assert_eq!(read, [id(6), id(3), id(2)], "older ones take the places of 5 and 4");
}

#[tokio::test]
async fn deliveries_are_kept_and_those_not_taken_are_found() {
    let (mut store, _folder, home) = store().await;
    let began = |n: u128, at: Timestamp| Batch {
        begun: vec![begun(id(n), &home, at)],
        over: vec![id(n)],
        facts: vec![(
            id(n),
            1,
            crate::domain::story::Story::live(Request::Police)
                .facts
                .into_iter()
                .map(|f| Recorded { at, ..f })
                .collect(),
        )],
        ..Batch::default()
    };
    for (n, s) in [(1, 0), (2, 60), (3, 30)] {
        store.writes.commit(&began(n, NOW + Duration::from_secs(s))).await.unwrap();
    }
    assert_eq!(
        store.reads.begun_since(NOW + Duration::from_secs(30)).await.unwrap(),
        [id(3), id(2)],
        "the oldest first"
    );
    let alarms = |zones: &[u16]| PanelAlarms {
        account: "1234".into(),
        alarms: zones.iter().map(|zone| ("police".into(), *zone)).collect(),
    };
    assert_eq!(store.reads.panel_alarms().await.unwrap(), []);
    for zones in [&[7, 1][..], &[], &[1, 7]] {
        note(&mut store, Bookkeeping::PanelAlarms(vec![alarms(zones)])).await;
        assert_eq!(store.reads.panel_alarms().await.unwrap(), [alarms(zones)]);
    }
    let url = "https://example.org/hook";
    assert_eq!(store.reads.webhook_since(url).await.unwrap(), None);
    note(&mut store, Bookkeeping::WebhookSince(url.into(), NOW)).await;
    note(&mut store, Bookkeeping::WebhookSince(url.into(), NOW + Duration::from_secs(9))).await;
    assert_eq!(
        store.reads.webhook_since(url).await.unwrap(),
        Some(NOW),
        "since it was known first"
    );
    assert_eq!(store.reads.delivery(url, id(1)).await.unwrap(), None);
    let told = Delivery { url: url.into(), incident: id(1), next: 4, failing: None };
    let failing = Some(Failing { since: NOW, why: "It answers 503.".into(), given_up: true });
    let stuck = Delivery { url: url.into(), incident: id(2), next: 1, failing };
    note(&mut store, Bookkeeping::Deliveries(vec![told.clone(), stuck.clone()])).await;
    assert_eq!(store.reads.delivery(url, id(1)).await.unwrap(), Some(told.clone()));
    assert_eq!(store.reads.deliveries(url).await.unwrap(), std::slice::from_ref(&stuck));
    assert_eq!(store.reads.deliveries("https://elsewhere.example").await.unwrap(), []);
    note(&mut store, Bookkeeping::Deliveries(vec![Delivery { failing: None, ..stuck }])).await;
    assert_eq!(store.reads.deliveries(url).await.unwrap(), [], "it was taken after all");
}

/// F28.
#[tokio::test]
async fn answered_reports_are_stored_with_their_batch_for_an_hour() {
    let (mut store, _folder, home) = store().await;
    let row = |key: &str, incident, minutes: u64| ReportRow {
        key: key.into(),
        body: [9; 32],
        incident,
        at: NOW + Duration::from_secs(60 * minutes),
    };
    let of = |reports| Batch { reports, ..Batch::default() };
    let begins = Batch {
        begun: vec![begun(id(1), &home, NOW)],
        ..of(vec![row("harbor/1", Some(id(1)), 0), row("coast/1", None, 1)])
    };
    store.writes.commit(&begins).await.unwrap();
    // A second incident runs in the home, so that the batch is refused.
    let refused =
        Batch { begun: vec![begun(id(2), &home, NOW)], ..of(vec![row("harbor/2", None, 2)]) };
    store.writes.commit(&refused).await.unwrap_err();
    let all = async |store: &Database| store.journal.reports(Timestamp::default()).await.unwrap();
    let [first, second] = [row("harbor/1", Some(id(1)), 0), row("coast/1", None, 1)];
    assert_eq!(all(&store).await, [first, second.clone()]);
    assert_eq!(store.journal.reports(NOW).await.unwrap(), std::slice::from_ref(&second));
    store.writes.commit(&of(vec![row("harbor/3", None, 60)])).await.unwrap();
    assert_eq!(all(&store).await, [second.clone(), row("harbor/3", None, 60)]);
    store.writes.commit(&of(vec![ReportRow { body: [8; 32], ..second.clone() }])).await.unwrap();
    assert_eq!(all(&store).await[0].body, [8; 32], "a row that is there refuses no batch");
}

/// A row in each list that cannot be read: an id that is none, a token that is too short, a name
/// whose bytes are no text, an action that nobody knows.
const UNREADABLE: &str = "PRAGMA foreign_keys = OFF;
    INSERT INTO account (id, email, name, password) VALUES ('No Id', 'x@a.test', 'X', '');
    INSERT INTO membership (home, account, role) VALUES ('maple-street', 'No Id', 'guest'), ('No Id', 'owner', 'guest');
    INSERT INTO center (account, role) VALUES ('No Id', 'operator');
    INSERT INTO contact_link (token, home, contact) VALUES (x'01', 'maple-street', 'No Id');
    INSERT INTO invitation (token, home, role, name, inviter, expires_at)
        VALUES (x'02', 'maple-street', 'guest', 'X', 'owner', 9000000000000), (x'03', NULL, 'operator', 'X', 'owner', 9000000000000);
    INSERT INTO session (token, account, created_at, expires_at) VALUES (x'04', 'owner', 0, 9000000000000);
    INSERT INTO passkey (credential, account, name, document, created_at, used_at)
        VALUES (x'05', 'owner', CAST(x'ff' AS TEXT), '', 0, 0);
    INSERT INTO incident (id, home, started_at) VALUES ('No Id', 'maple-street', 0), (CAST(x'ff' AS TEXT), 'maple-street', 0);
    INSERT INTO webhook (url, since) VALUES ('https://a.test/', 0);
    INSERT INTO delivery (url, incident, next, failing_since) VALUES ('https://a.test/', 'No Id', 1, 0);
    INSERT INTO audit (number, at, what, home, detail, hash)
        SELECT max(number) + 1, 0, 'unheard_of', 'maple-street', '{}', x'' FROM audit;";

/// The incidents that can be read, from pages with one incident each.
async fn paged(reads: &Arc<dyn Reads>) -> Vec<IncidentId> {
    let (mut all, mut from) = (Vec::new(), None);
    loop {
        let page = reads.incidents_since(Timestamp::default(), from, 1).await.unwrap();
        all.extend(page.incidents.iter().map(|stored| stored.id));
        from = page.next;
        if from.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn lists_leave_out_rows_that_cannot_be_read() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    let incident: IncidentId = incident["id"].as_str().unwrap().parse().unwrap();
    owner
        .post("/api/v1/homes/maple-street/invitations", &json!({"name": "Robin", "role": "guest"}))
        .await;
    let passkey = StoredPasskey {
        credential: vec![9],
        account: "owner".parse().unwrap(),
        name: "Phone".into(),
        document: String::new(),
        created_at: NOW,
        used_at: NOW,
    };
    server.apply(Op::PutPasskey(passkey)).await;
    let (reads, now) = (&server.app.reads, server.app.clock.now());
    let home: HomeId = "maple-street".parse().unwrap();
    let account: UserId = "owner".parse().unwrap();
    let lists = async || {
        (
            reads.members(&home).await.unwrap(),
            reads.memberships(&account).await.unwrap(),
            reads.center_people().await.unwrap(),
            reads.contact_links(&home).await.unwrap(),
            reads.invitations(Some(&home), now).await.unwrap(),
            reads.invitations(None, now).await.unwrap(),
            reads.sessions(&account, now).await.unwrap(),
            reads.passkeys(&account).await.unwrap(),
            reads.begun_since(Timestamp::default()).await.unwrap(),
            reads.audit(&home, &account, &[], u64::MAX, 1).await.unwrap(),
            paged(reads).await,
        )
    };
    let before = format!("{:?}", lists().await);
    let mut file = connect(&server.file()).await;
    sqlx::raw_sql(UNREADABLE).execute(&mut file).await.unwrap();
    let after = lists().await;
    assert_eq!(format!("{after:?}"), before);
    assert_eq!((after.8, after.9.len(), after.10), (vec![incident], 1, vec![incident]));
    assert!(reads.deliveries("https://a.test/").await.unwrap().is_empty());
    let removed = "DELETE FROM passkey WHERE credential = x'09'";
    sqlx::query(removed).execute(&mut file).await.unwrap();
    assert!(
        reads.passkeys(&account).await.unwrap().is_empty()
            && reads.has_passkey(&account).await.unwrap(),
        "a passkey that cannot be read still restricts devices without it"
    );
}
