//! Writes as data: operations, guards and audit records. A [`Change`] cannot exist without an audit
//! record.

use super::{
    Account, AuditEntry, ContactLink, Delivery, Invitation, PanelAlarms, Session, StoreError,
    StoredPasskey,
};
use crate::{
    domain::{
        access::{CenterAction, CenterRole, Membership},
        home::Home,
        id::{ContactId, HomeId, UserId},
        time::Timestamp,
    },
    server::limits::Network,
};
use std::{net::IpAddr, sync::Arc};

/// One operation of a change.
#[derive(Clone, Debug)]
pub enum Op {
    /// Adds a home, or replaces it with its next revision.
    PutHome {
        /// The whole home.
        home: Arc<Home>,
        /// Its new revision; 0 for a new home.
        revision: u64,
    },
    /// Adds an account, or replaces the one with the same id.
    PutAccount(Account),
    /// Sets a person's membership of a home.
    PutMembership(HomeId, UserId, Membership),
    /// Ends a person's membership of a home.
    EndMembership(HomeId, UserId),
    /// Sets a person's role at the monitoring center; `None` removes it.
    SetCenterRole(UserId, Option<CenterRole>),
    /// Adds an invitation.
    PutInvitation(Invitation),
    /// Ends an invitation, used or not.
    EndInvitation {
        /// The hash of its token.
        token: [u8; 32],
        /// The home that it is to; `None` for the monitoring center.
        home: Option<HomeId>,
    },
    /// Adds a session, and deletes expired ones.
    PutSession(Session),
    /// Ends a session of an account, and the one that it replaces.
    EndSession(UserId, [u8; 32]),
    /// Ends all sessions of an account except these.
    EndSessions {
        /// The account.
        account: UserId,
        /// The hashes of the tokens to keep.
        except: Vec<[u8; 32]>,
    },
    /// Records when the password was given on that device, or a passkey used.
    ProveSession([u8; 32], Timestamp),
    /// Lifts the restriction of a device, so that it may request help.
    ReleaseSession(UserId, [u8; 32]),
    /// Adds a passkey, or updates one of the same account after its use.
    PutPasskey(StoredPasskey),
    /// Removes a passkey of an account.
    EndPasskey(UserId, Vec<u8>),
    /// Replaces the recovery codes of an account, kept as hashes.
    PutRecoveryCodes(UserId, Vec<[u8; 32]>),
    /// Uses up a recovery code.
    EndRecoveryCode(UserId, [u8; 32]),
    /// Adds a contact's link, by the hash of its token. The token itself is stored only if it may
    /// be shown.
    PutContactLink {
        /// The hash of the token.
        token: [u8; 32],
        /// To whom it leads.
        link: ContactLink,
        /// The token, if it may be shown.
        shown: Option<String>,
    },
    /// Ends the links of a home's contacts, except those.
    KeepContactLinks {
        /// The home.
        home: HomeId,
        /// The contacts, with the numbers of their links.
        kept: Vec<(ContactId, u64)>,
    },
    /// Ends a quarantined incident of a home.
    EndQuarantined {
        /// The incident.
        incident: String,
        /// Its home.
        home: HomeId,
        /// Whether the home must not notice it: then its members are not notified.
        quiet: bool,
    },
}

impl Op {
    /// The home whose members must be notified.
    pub fn home(&self) -> Option<&HomeId> {
        match self {
            Self::PutHome { home, .. } => Some(&home.id),
            Self::PutMembership(home, ..)
            | Self::EndMembership(home, _)
            | Self::PutContactLink { link: ContactLink { home, .. }, .. }
            | Self::KeepContactLinks { home, .. }
            | Self::EndQuarantined { home, quiet: false, .. }
            | Self::EndInvitation { home: Some(home), .. } => Some(home),
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
    /// The account may perform that action at the monitoring center.
    MayAtCenter(UserId, CenterAction),
    /// The incident of that home is quarantined.
    IsQuarantined(String, HomeId),
    /// The link with that token has not ended.
    LinkStands([u8; 32]),
    /// The account belongs to the home.
    IsMember(HomeId, UserId),
    /// The account does not belong to the home.
    IsNoMember(HomeId, UserId),
    /// The home has an owner other than this account.
    HasOtherOwner(HomeId, UserId),
    /// The monitoring center has a supervisor other than this account.
    HasOtherSupervisor(UserId),
    /// The account has that role at the monitoring center; none if `None`.
    CenterRoleIs(UserId, Option<CenterRole>),
    /// The invitation has not expired at that time, and its inviter still has the right to invite.
    InvitationOpen([u8; 32], Timestamp),
    /// The invitation has not expired at that time. The rights of its inviter do not matter.
    InvitationStands([u8; 32], Timestamp),
    /// The home, or the monitoring center if `None`, has fewer open invitations than that at that
    /// time.
    FewerInvitations(Option<HomeId>, Timestamp, u32),
    /// There are no accounts.
    NoAccounts,
    /// No account has that e-mail address.
    EmailFree(String),
    /// The account still has the password hash that was compared.
    PasswordIs(UserId, String),
    /// No session replaces the one with this token.
    NotReplaced([u8; 32]),
    /// That credential is not registered.
    CredentialFree(Vec<u8>),
    /// The account still has that passkey.
    PasskeyStands(UserId, Vec<u8>),
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
    audit: Vec<AuditEntry>,
    payer: Option<Payer>,
}

/// The owner of a budget of changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// A session, by its short name. Sessions of one account have separate budgets, so that a
    /// stolen device cannot exhaust the owner's.
    Session(String),
    /// A contact's link.
    Link(HomeId, ContactId),
    /// A network: for requests without a session, and for sign-ins.
    Network(Network),
}

impl Change {
    /// A change with that audit record and no operations.
    pub fn new(audit: AuditEntry) -> Self {
        Self { guards: Vec::new(), ops: Vec::new(), audit: vec![audit], payer: None }
    }

    /// Adds an audit record before the others.
    #[must_use]
    pub fn record_first(mut self, entry: AuditEntry) -> Self {
        self.audit.insert(0, entry);
        self
    }

    /// When it was made.
    pub fn at(&self) -> Timestamp {
        self.audit[0].at
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

    /// Charges that budget first, instead of the default.
    #[must_use]
    pub fn charged_to(mut self, payer: Payer) -> Self {
        self.payer = Some(payer);
        self
    }

    /// The budget to charge first: the session's, or else the network's. The server's own changes
    /// have none.
    pub fn payer(&self) -> Option<Payer> {
        let session = || self.audit.iter().find_map(|entry| entry.session.clone());
        self.payer
            .clone()
            .or_else(|| session().map(Payer::Session))
            .or_else(|| self.address().map(|address| Payer::Network(Network::of(address))))
    }

    /// The account to charge: that of the device. Signing in, proving a password and ending sessions
    /// cost it nothing, because a thief who knows the password must not keep its owner out, nor keep
    /// an owner from signing a thief out.
    pub fn paying_account(&self) -> Option<&UserId> {
        let is_about_sessions = |op: &Op| {
            matches!(
                op,
                Op::PutSession(..)
                    | Op::ProveSession { .. }
                    | Op::EndSession(..)
                    | Op::EndSessions { .. }
            )
        };
        let by_device = self.audit.iter().find(|entry| entry.session.is_some());
        by_device.filter(|_| !self.ops.iter().any(is_about_sessions))?.account.as_ref()
    }

    fn address(&self) -> Option<IpAddr> {
        self.audit.iter().find_map(|entry| entry.address)
    }

    /// The home that it concerns, if it concerns one.
    pub fn home(&self) -> Option<&HomeId> {
        self.audit.iter().find_map(|entry| entry.home.as_ref())
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
    pub fn audit(&self) -> &[AuditEntry] {
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
        /// When it was used.
        at: Timestamp,
        /// When it ends from now on. A session that is about to end keeps its time.
        expires_at: Timestamp,
        /// The latest time at which the session that it replaces ends.
        replaced_ends: Timestamp,
    },
    /// The server at that address gets webhook messages about incidents since that time.
    WebhookSince(String, Timestamp),
    /// The progress of webhook deliveries.
    Deliveries(Vec<Delivery>),
    /// The alarms that were acknowledged to panels.
    PanelAlarms(Vec<PanelAlarms>),
    /// A write like any other, to test whether the store accepts it.
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
    /// A budget is spent: of the payer, the account or the network.
    #[error("too many changes by the same device or account, or from the same network")]
    OverBudget,
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
