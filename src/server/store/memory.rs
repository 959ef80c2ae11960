//! The store in memory: it keeps the same contract as a database, and forgets everything at the end. For simulations.

use super::{
    Account, Audited, Batch, Begun, Delivery, Entry, Invitation, Journal, RequestRow, Session, Store, StoreError, Stored, StoredPasskey,
};
use crate::{
    domain::{
        access::{CenterRole, Membership, Seat},
        home::Home,
        id::{ContactId, HomeId, IncidentId, UserId},
        incident::{
            Service,
            effect::{Effect, EffectKind},
            event::Recorded,
        },
        time::Timestamp,
    },
    server::{auth::SESSION_LEAVES, clock::Anchor},
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    incidents: BTreeMap<IncidentId, (HomeId, Vec<Recorded>)>,
    /// By home, and whether the home must not notice it.
    running: BTreeMap<(HomeId, bool), IncidentId>,
    requests: BTreeMap<IncidentId, RequestRow>,
    dispatches: BTreeSet<(IncidentId, Service)>,
    outbox: BTreeMap<String, Effect>,
    anchor: Option<Anchor>,
    homes: BTreeMap<HomeId, Home>,
    accounts: BTreeMap<UserId, Account>,
    memberships: Vec<(HomeId, UserId, Membership)>,
    sessions: BTreeMap<[u8; 32], Session>,
    passkeys: BTreeMap<Vec<u8>, StoredPasskey>,
    recovery_codes: BTreeSet<(UserId, [u8; 32])>,
    audit: Vec<Entry>,
    center: BTreeMap<UserId, CenterRole>,
    invitations: BTreeMap<[u8; 32], Invitation>,
    told_since: BTreeMap<String, Timestamp>,
    deliveries: BTreeMap<(String, IncidentId), Delivery>,
    links: BTreeMap<[u8; 32], (HomeId, ContactId, Option<String>)>,
}

fn refused(what: impl Into<String>) -> StoreError {
    StoreError::Inconsistent { what: what.into() }
}

impl Tables {
    /// What a database's constraints refuse, before anything is changed.
    fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut running = self.running.clone();
        running.retain(|_, id| !batch.over.contains(id));
        for Begun { id, home, quiet, .. } in &batch.begun {
            if self.incidents.contains_key(id) || (!batch.over.contains(id) && running.insert((home.clone(), *quiet), *id).is_some()) {
                return Err(refused(format!("a second incident runs in {home}, or {id} begins again")));
            }
        }
        for (id, first, _) in &batch.facts {
            let kept = self.incidents.get(id).map_or(0, |(_, facts)| facts.len() as u32);
            let before: u32 = batch.facts.iter().filter(|(other, at, _)| other == id && at < first).map(|(.., f)| f.len() as u32).sum();
            if *first != kept + before + 1 {
                return Err(refused(format!("fact {first} of incident {id} stands where {} comes next", kept + before + 1)));
            }
        }
        let mut dispatched = BTreeSet::new();
        for effect in &batch.effects {
            let twice = matches!(effect.kind, EffectKind::RequestDispatch { service }
                if self.dispatches.contains(&(effect.incident, service)) || !dispatched.insert((effect.incident, service)));
            if twice || self.outbox.contains_key(&effect.key) {
                return Err(refused(format!("the effect {} is there already", effect.key)));
            }
        }
        let mut requests = BTreeSet::new();
        match batch.requests.iter().find(|r| self.requests.contains_key(&r.id) || !requests.insert(r.id)) {
            Some(request) => Err(refused(format!("the request {} is there already", request.id))),
            None => Ok(()),
        }
    }

    fn take(&mut self, batch: &Batch) {
        self.running.retain(|_, id| !batch.over.contains(id));
        for Begun { id, home, quiet, .. } in &batch.begun {
            self.incidents.insert(*id, (home.clone(), Vec::new()));
            if !batch.over.contains(id) {
                self.running.insert((home.clone(), *quiet), *id);
            }
        }
        for (id, _, facts) in &batch.facts {
            self.incidents.get_mut(id).expect("checked").1.extend(facts.iter().cloned());
        }
        self.requests.extend(batch.requests.iter().map(|r| (r.id, r.clone())));
        for effect in &batch.effects {
            if let EffectKind::RequestDispatch { service } = effect.kind {
                self.dispatches.insert((effect.incident, service));
            }
            self.outbox.insert(effect.key.clone(), effect.clone());
        }
        batch.done.iter().for_each(|key| _ = self.outbox.remove(key));
    }

    fn stored(&self, id: IncidentId) -> Option<Stored> {
        self.incidents.get(&id).map(|(home, history)| Stored { id, home: home.clone(), history: history.clone() })
    }
}

impl MemoryStore {
    /// Whether this batch would be stored.
    ///
    /// # Errors
    /// What a database's constraints refuse.
    pub fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        self.tables().check(batch)
    }

    /// Whether this effect is still to be carried out.
    pub fn has_effect(&self, key: &str) -> bool {
        self.tables().outbox.contains_key(key)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().expect("no holder panics")
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.check(batch)?;
        tables.take(batch);
        Ok(())
    }
    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        let tables = self.tables();
        Ok(ids.iter().filter_map(|id| tables.requests.get(id).cloned()).collect())
    }
    async fn running(&self) -> Result<Vec<Stored>, StoreError> {
        let tables = self.tables();
        Ok(tables.running.values().filter_map(|id| tables.stored(*id)).collect())
    }
    async fn undone(&self) -> Result<Vec<Effect>, StoreError> {
        Ok(self.tables().outbox.values().cloned().collect())
    }
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        Ok(self.tables().anchor.clone())
    }
    async fn put_anchor(&self, anchor: &Anchor) -> Result<(), StoreError> {
        self.tables().anchor = Some(anchor.clone());
        Ok(())
    }
    async fn tidy(&self) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError> {
        Ok(self.tables().stored(id))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn incidents(&self, home: &HomeId, before: Timestamp, limit: u32) -> Result<Vec<Stored>, StoreError> {
        let tables = self.tables();
        let hidden = tables.running.get(&(home.clone(), true));
        let is_listed = |id: &IncidentId, facts: &[Recorded]| facts.first().is_some_and(|f| f.at < before) && hidden != Some(id);
        let mut of_home: Vec<_> = tables.incidents.iter().filter(|(id, (h, facts))| h == home && is_listed(id, facts)).collect();
        of_home.sort_by_key(|(id, (_, facts))| (std::cmp::Reverse(facts[0].at), **id));
        Ok(of_home.into_iter().take(limit as usize).filter_map(|(id, _)| tables.stored(*id)).collect())
    }
    async fn homes(&self) -> Result<Vec<Home>, StoreError> {
        Ok(self.tables().homes.values().cloned().collect())
    }
    async fn put_home(&self, home: &Home) -> Result<(), StoreError> {
        self.tables().homes.insert(home.id.clone(), home.clone());
        Ok(())
    }
    async fn change_home(&self, home: &Home, entry: &Entry) -> Result<(), StoreError> {
        self.put_home(home).await?;
        self.record(entry).await
    }
    async fn put_account(&self, account: &Account) -> Result<(), StoreError> {
        self.tables().accounts.insert(account.id.clone(), account.clone());
        Ok(())
    }
    async fn account(&self, email: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.tables().accounts.values().find(|a| a.email == email.to_lowercase()).cloned())
    }
    async fn put_membership(&self, home: &HomeId, account: &UserId, membership: Membership) -> Result<(), StoreError> {
        let mut tables = self.tables();
        match tables.memberships.iter_mut().find(|(h, a, _)| h == home && a == account) {
            Some(known) => known.2 = membership,
            None => tables.memberships.push((home.clone(), account.clone(), membership)),
        }
        Ok(())
    }
    async fn memberships(&self, account: &UserId) -> Result<Vec<(HomeId, Membership)>, StoreError> {
        Ok(self.tables().memberships.iter().filter(|(_, a, _)| a == account).map(|(h, _, m)| (h.clone(), *m)).collect())
    }
    async fn membership(&self, home: &HomeId, account: &UserId) -> Result<Option<Membership>, StoreError> {
        Ok(self.tables().memberships.iter().find(|(h, a, _)| h == home && a == account).map(|(.., m)| *m))
    }
    async fn has_accounts(&self) -> Result<bool, StoreError> {
        Ok(!self.tables().accounts.is_empty())
    }
    async fn members(&self, home: &HomeId) -> Result<Vec<(Account, Membership)>, StoreError> {
        let tables = self.tables();
        let of_home = tables.memberships.iter().filter(|(h, ..)| h == home);
        Ok(of_home.filter_map(|(_, account, m)| Some((tables.accounts.get(account)?.clone(), *m))).collect())
    }
    async fn end_membership(&self, home: &HomeId, account: &UserId) -> Result<(), StoreError> {
        self.tables().memberships.retain(|(h, a, _)| h != home || a != account);
        Ok(())
    }
    async fn put_session(&self, session: &Session) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        tables.sessions.retain(|_, known| known.expires_at > session.seen_at);
        let is_free = session.replaces.is_none() || tables.sessions.values().all(|known| known.replaces != session.replaces);
        if is_free {
            tables.sessions.insert(session.token, session.clone());
        }
        Ok(is_free)
    }
    async fn end_replaced(&self, token: [u8; 32], by: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let replaced = tables.sessions.get_mut(&token).and_then(|session| session.replaces.take());
        if let Some(old) = replaced.and_then(|old| tables.sessions.get_mut(&old)) {
            old.expires_at = old.expires_at.min(by);
        }
        Ok(())
    }
    async fn session(&self, token: [u8; 32], now: Timestamp) -> Result<Option<(Account, Session)>, StoreError> {
        let tables = self.tables();
        let found = tables.sessions.get(&token).filter(|session| session.expires_at > now);
        Ok(found.and_then(|session| Some((tables.accounts.get(&session.account)?.clone(), session.clone()))))
    }
    async fn sessions(&self, account: &UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let tables = self.tables();
        let mut all: Vec<_> = tables.sessions.values().filter(|s| s.account == *account && s.expires_at > now).cloned().collect();
        all.sort_by_key(|session| std::cmp::Reverse(session.seen_at));
        Ok(all)
    }
    async fn session_seen(&self, token: [u8; 32], now: Timestamp, expires_at: Timestamp) -> Result<(), StoreError> {
        if let Some(session) = self.tables().sessions.get_mut(&token).filter(|session| session.expires_at > now + SESSION_LEAVES) {
            (session.seen_at, session.expires_at) = (now, expires_at);
        }
        Ok(())
    }
    async fn session_proven(&self, token: [u8; 32], at: Timestamp) -> Result<(), StoreError> {
        if let Some(session) = self.tables().sessions.get_mut(&token) {
            session.proven_at = at;
        }
        Ok(())
    }
    async fn end_session(&self, token: [u8; 32]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if let Some(old) = tables.sessions.remove(&token).and_then(|session| session.replaces) {
            tables.sessions.remove(&old);
        }
        Ok(())
    }
    async fn put_center_role(&self, account: &UserId, role: Option<CenterRole>) -> Result<(), StoreError> {
        let mut tables = self.tables();
        match role {
            Some(role) => tables.center.insert(account.clone(), role),
            None => tables.center.remove(account),
        };
        Ok(())
    }
    async fn center_role(&self, account: &UserId) -> Result<Option<CenterRole>, StoreError> {
        Ok(self.tables().center.get(account).copied())
    }
    async fn center_people(&self) -> Result<Vec<(Account, CenterRole)>, StoreError> {
        let tables = self.tables();
        let mut all: Vec<_> = tables.center.iter().filter_map(|(id, role)| Some((tables.accounts.get(id)?.clone(), *role))).collect();
        all.sort_by(|(one, _), (other, _)| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Ok(all)
    }
    async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError> {
        self.tables().invitations.insert(invitation.token, invitation.clone());
        Ok(())
    }
    async fn invitation(&self, token: [u8; 32], now: Timestamp) -> Result<Option<Invitation>, StoreError> {
        Ok(self.tables().invitations.get(&token).filter(|i| i.expires_at > now).cloned())
    }
    async fn invitations(&self, home: Option<&HomeId>, now: Timestamp) -> Result<Vec<Invitation>, StoreError> {
        let of = |seat: &Seat| match seat {
            Seat::Home(into, _) => home == Some(into),
            Seat::Center(_) => home.is_none(),
        };
        let mut all: Vec<_> = self.tables().invitations.values().filter(|i| of(&i.seat) && i.expires_at > now).cloned().collect();
        all.sort_by_key(|invitation| invitation.expires_at);
        Ok(all)
    }
    async fn end_invitation(&self, token: [u8; 32]) -> Result<bool, StoreError> {
        Ok(self.tables().invitations.remove(&token).is_some())
    }
    async fn record(&self, entry: &Entry) -> Result<(), StoreError> {
        self.tables().audit.push(entry.clone());
        Ok(())
    }
    async fn audit(&self, home: &HomeId, account: &UserId, before: u64, limit: u32) -> Result<Vec<Audited>, StoreError> {
        let tables = self.tables();
        let concerns =
            |entry: &Entry| entry.home.as_ref() == Some(home) || (entry.home.is_none() && entry.account.as_ref() == Some(account));
        let told = |(number, entry): (u64, &Entry)| Audited {
            number,
            at: entry.at,
            what: entry.what,
            who: entry.account.as_ref().and_then(|id| tables.accounts.get(id)).map(|account| account.name.clone()),
            address: entry.address.clone(),
            detail: entry.detail.clone(),
        };
        let all: Vec<_> = (1..).zip(&tables.audit).filter(|(number, entry)| *number < before && concerns(entry)).map(told).collect();
        Ok(all.into_iter().rev().take(limit as usize).collect())
    }
    async fn release_session(&self, token: [u8; 32]) -> Result<(), StoreError> {
        if let Some(session) = self.tables().sessions.get_mut(&token) {
            session.held_until = Timestamp::from_millis(0);
        }
        Ok(())
    }
    async fn put_passkey(&self, passkey: &StoredPasskey) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let known = tables.passkeys.entry(passkey.credential.clone()).or_insert_with(|| passkey.clone());
        if known.account == passkey.account {
            (known.document, known.used_at) = (passkey.document.clone(), passkey.used_at);
        }
        Ok(())
    }
    async fn told_since(&self, url: &str, now: Timestamp) -> Result<Timestamp, StoreError> {
        Ok(*self.tables().told_since.entry(url.into()).or_insert(now))
    }
    async fn deliveries(&self, url: &str) -> Result<Vec<Delivery>, StoreError> {
        let failing = |delivery: &&Delivery| delivery.url == url && delivery.failing.is_some();
        Ok(self.tables().deliveries.values().filter(failing).cloned().collect())
    }
    async fn delivery(&self, url: &str, incident: IncidentId) -> Result<Option<Delivery>, StoreError> {
        Ok(self.tables().deliveries.get(&(url.into(), incident)).cloned())
    }
    async fn put_deliveries(&self, all: &[Delivery]) -> Result<(), StoreError> {
        self.tables().deliveries.extend(all.iter().map(|delivery| ((delivery.url.clone(), delivery.incident), delivery.clone())));
        Ok(())
    }
    async fn begun_since(&self, at: Timestamp) -> Result<Vec<IncidentId>, StoreError> {
        let tables = self.tables();
        let mut all: Vec<_> = tables.incidents.iter().filter_map(|(id, (_, facts))| Some((facts.first()?.at, *id))).collect();
        all.retain(|(began, _)| *began >= at);
        all.sort();
        Ok(all.into_iter().map(|(_, id)| id).collect())
    }
    async fn passkeys(&self, account: &UserId) -> Result<Vec<StoredPasskey>, StoreError> {
        let mut all: Vec<_> = self.tables().passkeys.values().filter(|p| p.account == *account).cloned().collect();
        all.sort_by_key(|passkey| passkey.created_at);
        Ok(all)
    }
    async fn passkey(&self, credential: &[u8]) -> Result<Option<(Account, StoredPasskey)>, StoreError> {
        let tables = self.tables();
        let found = tables.passkeys.get(credential);
        Ok(found.and_then(|passkey| Some((tables.accounts.get(&passkey.account)?.clone(), passkey.clone()))))
    }
    async fn end_passkey(&self, account: &UserId, credential: &[u8]) -> Result<(), StoreError> {
        self.tables().passkeys.retain(|id, passkey| id != credential || passkey.account != *account);
        Ok(())
    }
    async fn put_recovery_codes(&self, account: &UserId, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.recovery_codes.retain(|(owner, _)| owner != account);
        tables.recovery_codes.extend(hashes.iter().map(|hash| (account.clone(), *hash)));
        Ok(())
    }
    async fn recovery_codes_left(&self, account: &UserId) -> Result<u32, StoreError> {
        Ok(self.tables().recovery_codes.iter().filter(|(owner, _)| owner == account).count() as u32)
    }
    async fn take_recovery_code(&self, account: &UserId, hash: [u8; 32]) -> Result<bool, StoreError> {
        Ok(self.tables().recovery_codes.remove(&(account.clone(), hash)))
    }
    async fn put_contact_link(&self, token: [u8; 32], home: &HomeId, contact: &ContactId, shown: Option<&str>) -> Result<(), StoreError> {
        self.tables().links.insert(token, (home.clone(), contact.clone(), shown.map(str::to_owned)));
        Ok(())
    }
    async fn end_contact_links(&self, home: &HomeId, contact: &ContactId) -> Result<(), StoreError> {
        self.tables().links.retain(|_, (h, c, _)| h != home || c != contact);
        Ok(())
    }
    async fn contact_link(&self, token: [u8; 32]) -> Result<Option<(HomeId, ContactId)>, StoreError> {
        Ok(self.tables().links.get(&token).map(|(home, contact, _)| (home.clone(), contact.clone())))
    }
    async fn contact_links(&self, home: &HomeId) -> Result<Vec<(ContactId, Option<String>)>, StoreError> {
        let tables = self.tables();
        Ok(tables.links.values().filter(|(h, ..)| h == home).map(|(_, c, shown)| (c.clone(), shown.clone())).collect())
    }
}
