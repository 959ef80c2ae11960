//! Writes as data: operations, guards and audit records. A [`Change`] cannot exist without an audit record.

use super::{Account, Delivery, Entry, Invitation, Session, StoreError, StoredPasskey};
use crate::domain::{
    access::{CenterAction, CenterRole, Membership},
    home::Home,
    id::{ContactId, HomeId, UserId},
    time::Timestamp,
};
use std::sync::Arc;

/// One operation of a change.
#[derive(Clone, Debug)]
pub enum Op {
    /// Adds a home, or replaces it with its next revision.
    PutHome {
        /// The whole home.
        home: Arc<Home>,
        /// Its number from now on; 0 for a new home.
        revision: u64,
    },
    /// Adds an account, or replaces the one with the same id.
    PutAccount(Account),
    /// Sets what somebody is to a home.
    PutMembership(HomeId, UserId, Membership),
    /// Takes an account out of a home.
    EndMembership(HomeId, UserId),
    /// Sets what an account is at the monitoring center; nothing, if `None`.
    SetCenterRole(UserId, Option<CenterRole>),
    /// Adds an invitation.
    PutInvitation(Invitation),
    /// Ends the invitation of that token, used or not.
    EndInvitation([u8; 32]),
    /// Adds a session; those that are over go.
    PutSession(Session),
    /// Ends a session of an account, and the one that it replaces.
    EndSession(UserId, [u8; 32]),
    /// Ends all sessions of an account but these.
    EndSessions {
        /// Whose.
        account: UserId,
        /// The hashes of the tokens that stay.
        except: Vec<[u8; 32]>,
    },
    /// The password was given on that device then, or a passkey used.
    ProveSession([u8; 32], Timestamp),
    /// Lets a device of an account request help.
    ReleaseSession(UserId, [u8; 32]),
    /// Adds a passkey, or notes how one that is the account's stands after it was used.
    PutPasskey(StoredPasskey),
    /// Removes a passkey of an account.
    EndPasskey(UserId, Vec<u8>),
    /// Replaces the recovery codes of an account, kept as hashes.
    PutRecoveryCodes(UserId, Vec<[u8; 32]>),
    /// Uses up a recovery code.
    EndRecoveryCode(UserId, [u8; 32]),
    /// Keeps a contact's link, by the hash of its token; the token itself only where it may be shown.
    PutContactLink {
        /// The hash.
        token: [u8; 32],
        /// The contact's home.
        home: HomeId,
        /// Whose phone it is for.
        contact: ContactId,
        /// The token.
        shown: Option<String>,
    },
    /// Ends the links of a contact.
    EndContactLinks(HomeId, ContactId),
    /// Ends a quarantined incident of a home.
    EndQuarantined(String, HomeId),
}

impl Op {
    /// The home whose members must be notified.
    pub fn home(&self) -> Option<&HomeId> {
        match self {
            Self::PutHome { home, .. } => Some(&home.id),
            Self::PutMembership(home, ..)
            | Self::EndMembership(home, _)
            | Self::PutContactLink { home, .. }
            | Self::EndContactLinks(home, _)
            | Self::EndQuarantined(_, home) => Some(home),
            _ => None,
        }
    }

    /// The account whose sessions or rights this changes.
    pub fn account(&self) -> Option<&UserId> {
        match self {
            Self::PutMembership(_, account, _)
            | Self::EndMembership(_, account)
            | Self::SetCenterRole(account, _)
            | Self::EndSession(account, _)
            | Self::EndSessions { account, .. }
            | Self::ReleaseSession(account, _) => Some(account),
            _ => None,
        }
    }
}

/// A condition of a change, checked in the same transaction before its operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nobody changed the home since it was read.
    HomeRevisionIs(HomeId, u64),
    /// The session has not ended at that time.
    SessionStands([u8; 32], Timestamp),
    /// The account may change the home.
    MayConfigure(HomeId, UserId),
    /// The account may do that at the monitoring center.
    MayAtCenter(UserId, CenterAction),
    /// The incident of that home is quarantined.
    IsQuarantined(String, HomeId),
    /// The link of that token belongs to that contact.
    LinkStands([u8; 32], HomeId, ContactId),
    /// The account belongs to the home.
    IsMember(HomeId, UserId),
    /// The account does not belong to the home.
    IsNoMember(HomeId, UserId),
    /// The home has an owner beside this account.
    HasOtherOwner(HomeId, UserId),
    /// What the account is at the monitoring center.
    CenterRoleIs(UserId, Option<CenterRole>),
    /// The invitation has not expired at that time, and its inviter still has the right to invite.
    InvitationOpen([u8; 32], Timestamp),
    /// The invitation has not expired at that time, whatever rights its inviter has now.
    InvitationStands([u8; 32], Timestamp),
    /// The home, or the monitoring center if `None`, has fewer open invitations at that time.
    FewerInvitations(Option<HomeId>, Timestamp, u32),
    /// Nobody has an account.
    NoAccounts,
    /// No account has that e-mail address.
    EmailFree(String),
    /// The account's password is the one that was compared.
    PasswordIs(UserId, String),
    /// No session replaces the one of this token.
    NotReplaced([u8; 32]),
    /// Nobody registered that credential.
    CredentialFree(Vec<u8>),
    /// The account has fewer passkeys than that.
    FewerPasskeys(UserId, u32),
    /// The account has that recovery code.
    RecoveryCodeUnused(UserId, [u8; 32]),
}

/// A change and its audit records, applied in one transaction.
#[derive(Clone, Debug)]
pub struct Change {
    guards: Vec<Guard>,
    ops: Vec<Op>,
    /// Never empty.
    audit: Vec<Entry>,
    payer: Option<Payer>,
}

/// The owner of a budget of changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// A session, by its short name. Sessions of one account have separate budgets, so that a stolen device cannot exhaust the owner's.
    Session(String),
    /// A contact's link.
    Link(HomeId, ContactId),
    /// A network address, for requests without a session.
    Address(String),
}

impl Change {
    /// A change with that audit record and no operations.
    pub fn new(audit: Entry) -> Self {
        Self { guards: Vec::new(), ops: Vec::new(), audit: vec![audit], payer: None }
    }

    /// Adds an audit record before the others.
    #[must_use]
    pub fn record_first(mut self, entry: Entry) -> Self {
        self.audit.insert(0, entry);
        self
    }

    /// Appends an operation.
    #[must_use]
    pub fn op(mut self, op: Op) -> Self {
        self.ops.push(op);
        self
    }

    /// Appends operations.
    #[must_use]
    pub fn ops(mut self, ops: impl IntoIterator<Item = Op>) -> Self {
        self.ops.extend(ops);
        self
    }

    /// Adds a condition.
    #[must_use]
    pub fn guard(mut self, guard: Guard) -> Self {
        self.guards.push(guard);
        self
    }

    /// Charges that budget instead of the default.
    #[must_use]
    pub fn charged_to(mut self, payer: Payer) -> Self {
        self.payer = Some(payer);
        self
    }

    /// The budget to charge: the session's, or else the address's. The server's own changes have none.
    pub fn payer(&self) -> Option<Payer> {
        let session = || self.audit.iter().find_map(|entry| entry.session.clone());
        let address = || self.audit.iter().find_map(|entry| entry.address.clone());
        self.payer.clone().or_else(|| session().map(Payer::Session)).or_else(|| address().map(Payer::Address))
    }

    /// Its conditions.
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// Its operations, in order.
    pub fn all_ops(&self) -> &[Op] {
        &self.ops
    }

    /// Its audit records, at least one.
    pub fn audit(&self) -> &[Entry] {
        &self.audit
    }
}

/// Internal writes of the server. No user caused them, so they have no audit record.
#[derive(Clone, Debug)]
pub enum Bookkeeping {
    /// A session was used.
    SessionUsed {
        /// The hash of its token.
        token: [u8; 32],
        /// When.
        at: Timestamp,
        /// When it ends now, unless it is about to.
        expires_at: Timestamp,
        /// When the session that it replaces ends at the latest.
        replaced_ends: Timestamp,
    },
    /// The server at that address is told of incidents since then.
    ToldSince(String, Timestamp),
    /// How far incidents were told to other servers.
    Deliveries(Vec<Delivery>),
    /// A write like every other, to see whether it would be stored.
    Probe,
}

/// One job of the writer task.
#[derive(Clone, Debug)]
pub enum Write {
    /// A change with its audit records.
    Change(Change),
    /// An internal write.
    Bookkeeping(Bookkeeping),
}

/// Why a change was not applied.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// A guard does not hold.
    #[error("{0:?} does not hold")]
    Unmet(Guard),
    /// The queue is full.
    #[error("too many changes wait")]
    Busy,
    /// The payer's budget is spent.
    #[error("too many changes by the same device or from the same address")]
    OverBudget,
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
