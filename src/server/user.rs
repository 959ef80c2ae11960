//! Accounts from the command line, for whoever has locked himself out or lets somebody in. Works while a server runs, too.

use super::{
    auth,
    store::{
        Account, Change, ChangeError, Entry, Guard, Op, Reads, StoreError,
        sqlite::{self, DATABASE},
    },
};
use crate::{
    api::audit::Deed,
    domain::{
        access::{CenterRole, Membership, Role},
        home::edit::Fault,
        id::{HomeId, UserId},
    },
    server::clock::{Machine, TimeSource},
};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::{fmt::Write, io, path::Path};

/// What is asked.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Shows every account, and what it is to which home
    List,
    /// Adds an account to a home; its password is read from standard input
    Add {
        /// The e-mail address to sign in with
        email: String,
        /// What people call its owner
        #[arg(long)]
        name: String,
        /// The home's short name, as `list` shows it
        #[arg(long)]
        home: HomeId,
        /// What the account is to the home
        #[arg(long, value_enum)]
        role: Place,
    },
    /// Sets an account's password, read from standard input, and signs its devices out
    Passwd {
        /// The account's e-mail address
        email: String,
    },
    /// Sets what an account is at the monitoring center
    Center {
        /// The account's e-mail address
        email: String,
        /// What it is from now on
        #[arg(long, value_enum)]
        role: Desk,
    },
    /// Sets what an account is to a home
    Role {
        /// The account's e-mail address
        email: String,
        /// The home's short name, as `list` shows it
        #[arg(long)]
        home: HomeId,
        /// What it is from now on
        #[arg(long, value_enum)]
        role: Place,
    },
}

/// What an account is to a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// Changes settings and requests help
    Owner,
    /// Requests help
    Shared,
    /// Looks, and cannot request help
    Guest,
    /// Nothing
    None,
}

/// What an account is at the monitoring center.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Desk {
    /// Decides on incidents
    Operator,
    /// And says who does
    Supervisor,
    /// Nothing
    None,
}

impl Place {
    fn role(self) -> Option<Role> {
        match self {
            Self::Owner => Some(Role::Owner),
            Self::Shared => Some(Role::Shared),
            Self::Guest => Some(Role::Guest),
            Self::None => None,
        }
    }
}

/// Why it was not done, in a sentence.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Nothing to look into.
    #[error("there is no database in {0}: give the server's folder with --data")]
    NoDatabase(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else changed the same just now, or the store does not answer.
    #[error("nothing was changed: {0}")]
    Change(ChangeError),
    /// Nobody has that address.
    #[error("no account has the e-mail address {0}; `buckler user list` shows them")]
    Unknown(String),
    /// Somebody has it already.
    #[error("there is an account with the e-mail address {0} already")]
    Known(String),
    /// No home has that name.
    #[error("there is no home {0}; `buckler user list` shows them")]
    NoHome(HomeId),
    /// Nobody could change settings any more.
    #[error("{0} would be without an owner: give it another one first")]
    LastOwner(HomeId),
    /// The password, or that it cannot be read.
    #[error("the password: {0}")]
    Password(String),
}

/// Does it, and answers with what to tell. `password` is asked for only where one is needed.
///
/// # Errors
/// Why it was not done; then nothing has changed.
pub async fn run(user: User, data: &Path, password: impl FnOnce() -> io::Result<String>) -> Result<String, UserError> {
    let file = data.join(DATABASE);
    if !file.exists() {
        return Err(UserError::NoDatabase(data.display().to_string()));
    }
    let mut store = sqlite::open(&file).await?;
    let reads = store.reads.clone();
    match user {
        User::List => list(&*reads).await,
        User::Add { email, name, home, role } => {
            is_home(&*reads, &home).await?;
            let email = email.trim().to_lowercase();
            if reads.account(&email).await?.is_some() {
                return Err(UserError::Known(email));
            }
            let password = read(password, &[&email, &name])?;
            let account = Account { id: auth::new_account_id(), email, name, password };
            let change = change(Deed::PersonChanged, &account, Some(home.clone()), json!({"person": account.id, "role": role.role()}));
            let change = change.guard(Guard::EmailFree(account.email.clone())).op(Op::PutAccount(account.clone()));
            store.apply(place(change, home, &account.id, role)).await?;
            Ok(format!("{} may sign in now.\n", account.email))
        }
        User::Passwd { email } => {
            let account = known(&*reads, &email).await?;
            let password = read(password, &[&account.email, &account.name])?;
            let sessions = reads.sessions(&account.id, Machine.wall()).await?;
            let change = change(Deed::PasswordChanged, &account, None, json!({}))
                .op(Op::PutAccount(Account { password, ..account.clone() }))
                .op(Op::EndSessions { account: account.id.clone(), except: Vec::new() });
            store.apply(change).await?;
            Ok(format!("{} has a new password; {} devices were signed out.\n", account.email, sessions.len()))
        }
        User::Center { email, role } => {
            let account = known(&*reads, &email).await?;
            let role = match role {
                Desk::Operator => Some(CenterRole::Operator),
                Desk::Supervisor => Some(CenterRole::Supervisor),
                Desk::None => None,
            };
            let change = change(Deed::PersonChanged, &account, None, json!({"person": account.id, "center_role": role}));
            store.apply(change.op(Op::SetCenterRole(account.id.clone(), role))).await?;
            Ok(format!("{} is {} at the monitoring center now.\n", account.email, desk(role)))
        }
        User::Role { email, home, role } => {
            is_home(&*reads, &home).await?;
            let account = known(&*reads, &email).await?;
            let detail = json!({"person": account.id, "role": role.role()});
            let change = change(Deed::PersonChanged, &account, Some(home.clone()), detail);
            store.apply(place(change, home.clone(), &account.id, role)).await?;
            Ok(format!("{} is {} to {home} now.\n", account.email, word(role.role())))
        }
    }
}

/// Whoever is at the console has no account: the record says to whose account it was done, and from where.
fn change(what: Deed, account: &Account, home: Option<HomeId>, mut detail: Value) -> Change {
    detail["by"] = json!("console");
    Change::new(Entry { account: Some(account.id.clone()), home, ..Entry::new(what, Machine.wall(), detail) })
}

async fn list(store: &dyn Reads) -> Result<String, UserError> {
    let mut told = String::new();
    for (home, _) in store.homes().await?.0 {
        let _ = writeln!(told, "{} ({})", home.id, home.name);
        for (account, membership) in store.members(&home.id).await? {
            let withdrawn = if membership.sos_withdrawn { ", may not request help" } else { "" };
            let _ = writeln!(told, "  {}  {}  {}{withdrawn}", account.email, account.name, word(Some(membership.role)));
        }
    }
    let center = store.center_people().await?;
    if !center.is_empty() {
        told.push_str("The monitoring center\n");
    }
    for (account, role) in center {
        let _ = writeln!(told, "  {}  {}  {}", account.email, account.name, desk(Some(role)));
    }
    Ok(told)
}

const fn desk(role: Option<CenterRole>) -> &'static str {
    match role {
        Some(CenterRole::Operator) => "operator",
        Some(CenterRole::Supervisor) => "supervisor",
        None => "nothing",
    }
}

const fn word(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::Owner) => "owner",
        Some(Role::Shared) => "shared user",
        Some(Role::Guest) => "guest",
        None => "nothing",
    }
}

async fn is_home(store: &dyn Reads, home: &HomeId) -> Result<(), UserError> {
    let found = store.homes().await?.0.iter().any(|(known, _)| known.id == *home);
    found.then_some(()).ok_or_else(|| UserError::NoHome(home.clone()))
}

async fn known(store: &dyn Reads, email: &str) -> Result<Account, UserError> {
    let email = email.trim().to_lowercase();
    store.account(&email).await?.ok_or(UserError::Unknown(email))
}

/// Adds to a change what an account is to a home from then on. A home keeps at least one owner.
fn place(change: Change, home: HomeId, account: &UserId, to: Place) -> Change {
    let change = if to == Place::Owner { change } else { change.guard(Guard::HasOtherOwner(home.clone(), account.clone())) };
    change.op(match to.role() {
        Some(role) => Op::PutMembership(home, account.clone(), Membership { role, sos_withdrawn: false }),
        None => Op::EndMembership(home, account.clone()),
    })
}

impl From<ChangeError> for UserError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unmet(Guard::HasOtherOwner(home, _)) => Self::LastOwner(home),
            ChangeError::Unmet(Guard::EmailFree(email)) => Self::Known(email),
            ChangeError::Store(error) => Self::Store(error),
            error => Self::Change(error),
        }
    }
}

/// A new password, hashed.
fn read(password: impl FnOnce() -> io::Result<String>, known: &[&str]) -> Result<String, UserError> {
    let password = password().map_err(|error| UserError::Password(format!("cannot be read: {error}")))?;
    match auth::password::fault(&password, known) {
        None => auth::hash(&password).map_err(|_| UserError::Password("cannot be hashed".into())),
        Some(Fault::TooShort) => Err(UserError::Password("give at least 12 characters, in one line".into())),
        Some(fault) => Err(UserError::Password(fault.english().into())),
    }
}
