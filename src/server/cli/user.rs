//! `buckler user`: accounts from the command line, for a person who is locked out, and for adding
//! people. Works while a server runs, too.

use crate::server::{
    identity,
    presenters::problem::sentence,
    private::FolderLock,
    store::{
        Account, AuditEntry, Change, ChangeError, Database, Guard, Op, Reads, StoreError,
        sqlite::{self, DATABASE, epoch},
    },
};
use crate::{
    api::audit::AuditAction,
    domain::{
        access::{CenterRole, Membership, Role},
        home::edit::ErrorCode,
        id::{HomeId, UserId},
    },
    server::clock::{Machine, TimeSource},
};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::{fmt::Write, io, path::Path};

/// The subcommands of `buckler user`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Shows the accounts of each home and of the monitoring center, with their roles
    List,
    /// Adds an account to a home; its password is read from standard input
    Add {
        /// The e-mail address to sign in with
        email: String,
        /// The name of its owner
        #[arg(long)]
        name: String,
        /// The home's short name, as `list` shows it
        #[arg(long)]
        home: HomeId,
        /// The account's role in the home
        #[arg(long, value_enum)]
        role: Place,
    },
    /// Sets an account's password, read from standard input, and signs its devices out
    Passwd {
        /// The account's e-mail address
        email: String,
    },
    /// Sets an account's role at the monitoring center
    Center {
        /// The account's e-mail address
        email: String,
        /// The new role
        #[arg(long, value_enum)]
        role: CenterRoleName,
    },
    /// Sets an account's role in a home
    Role {
        /// The account's e-mail address
        email: String,
        /// The home's short name, as `list` shows it
        #[arg(long)]
        home: HomeId,
        /// The new role
        #[arg(long, value_enum)]
        role: Place,
    },
}

/// A role in a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// Changes settings and requests help
    Owner,
    /// Requests help
    Shared,
    /// Views the home, cannot request help
    Guest,
    /// No role
    None,
}

/// A role at the monitoring center.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CenterRoleName {
    /// Decides on incidents
    Operator,
    /// Decides on incidents and manages the staff
    Supervisor,
    /// No role
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

impl CenterRoleName {
    fn role(self) -> Option<CenterRole> {
        match self {
            Self::Operator => Some(CenterRole::Operator),
            Self::Supervisor => Some(CenterRole::Supervisor),
            Self::None => None,
        }
    }
}

/// Why the command failed, in a sentence.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is no database in the folder.
    #[error("there is no database in {0}: give the server's folder with --data")]
    NoDatabase(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another change of the same was stored first, or the store failed.
    #[error("nothing was changed: {0}")]
    Change(ChangeError),
    /// No account has that address.
    #[error("no account has the e-mail address {0}; `buckler user list` shows them")]
    Unknown(String),
    /// An account has that address already.
    #[error("there is an account with the e-mail address {0} already")]
    Known(String),
    /// No home has that name.
    #[error("there is no home {0}; `buckler user list` shows them")]
    NoHome(HomeId),
    /// The home would be without an owner.
    #[error("{0} would be without an owner: give it another one first")]
    LastOwner(HomeId),
    /// The password was refused or cannot be read.
    #[error("the password: {0}")]
    Password(String),
}

/// Runs the command and returns its output. `password` is called only if the command needs a
/// password.
///
/// # Errors
/// Why the command failed. Then nothing was changed.
pub async fn run(
    user: User,
    data: &Path,
    password: impl FnOnce() -> io::Result<String>,
) -> Result<String, UserError> {
    let file = data.join(DATABASE);
    if !file.exists() {
        return Err(UserError::NoDatabase(data.display().to_string()));
    }
    // Without the lock a server runs, and the log is its own.
    if let Ok(Some(_lock)) = FolderLock::take(data) {
        epoch::set_foreign_log_aside(&file, Machine.wall()).await?;
    }
    let mut store = sqlite::open(&file).await?;
    match user {
        User::List => list(&*store.reads).await,
        User::Add { email, name, home, role } => {
            add(&mut store, &email, name, (home, role), password).await
        }
        User::Passwd { email } => set_password(&mut store, &email, password).await,
        User::Center { email, role } => set_center_role(&mut store, &email, role).await,
        User::Role { email, home, role } => set_role(&mut store, &email, home, role).await,
    }
}

async fn add(
    store: &mut Database,
    email: &str,
    name: String,
    (home, role): (HomeId, Place),
    password: impl FnOnce() -> io::Result<String>,
) -> Result<String, UserError> {
    is_home(&*store.reads, &home).await?;
    let email = email.trim().to_lowercase();
    if store.reads.account(&email).await?.is_some() {
        return Err(UserError::Known(email));
    }
    let password = read(password, &[&email, &name])?;
    let account = Account { id: identity::new_account_id(), email, name, password };
    let detail = json!({"person": account.id, "role": role.role()});
    let change = change(AuditAction::PersonChanged, &account, Some(home.clone()), detail)
        .guard(Guard::EmailFree(account.email.clone()))
        .op(Op::PutAccount(account.clone()));
    store.apply(place(change, home, &account.id, role)).await?;
    Ok(format!("{} may sign in now.\n", account.email))
}

async fn set_password(
    store: &mut Database,
    email: &str,
    password: impl FnOnce() -> io::Result<String>,
) -> Result<String, UserError> {
    let account = known(&*store.reads, email).await?;
    let password = read(password, &[&account.email, &account.name])?;
    let sessions = store.reads.sessions(&account.id, Machine.wall()).await?;
    let change = change(AuditAction::PasswordChanged, &account, None, json!({}))
        .op(Op::PutAccount(Account { password, ..account.clone() }))
        .op(Op::EndSessions { account: account.id.clone(), except: Vec::new() });
    store.apply(change).await?;
    Ok(format!(
        "{} has a new password; {} devices were signed out.\n",
        account.email,
        sessions.len()
    ))
}

async fn set_center_role(
    store: &mut Database,
    email: &str,
    role: CenterRoleName,
) -> Result<String, UserError> {
    let account = known(&*store.reads, email).await?;
    let role = role.role();
    let detail = json!({"person": account.id, "center_role": role});
    let change = change(AuditAction::PersonChanged, &account, None, detail);
    store.apply(change.op(Op::SetCenterRole(account.id.clone(), role))).await?;
    Ok(format!("{} is {} at the monitoring center now.\n", account.email, desk(role)))
}

async fn set_role(
    store: &mut Database,
    email: &str,
    home: HomeId,
    role: Place,
) -> Result<String, UserError> {
    is_home(&*store.reads, &home).await?;
    let account = known(&*store.reads, email).await?;
    let detail = json!({"person": account.id, "role": role.role()});
    let change = change(AuditAction::PersonChanged, &account, Some(home.clone()), detail);
    store.apply(place(change, home.clone(), &account.id, role)).await?;
    Ok(format!("{} is {} to {home} now.\n", account.email, word(role.role())))
}

/// Creates a change with its audit record. The person at the console has no account, so the record
/// names the account that was changed, and the console.
fn change(what: AuditAction, account: &Account, home: Option<HomeId>, mut detail: Value) -> Change {
    detail["by"] = json!("console");
    Change::new(AuditEntry {
        account: Some(account.id.clone()),
        home,
        ..AuditEntry::new(what, Machine.wall(), detail)
    })
}

async fn list(store: &dyn Reads) -> Result<String, UserError> {
    let mut told = String::new();
    for (home, _) in store.homes().await?.0 {
        let _ = writeln!(told, "{} ({})", home.id, home.name);
        for (account, membership) in store.members(&home.id).await? {
            let withdrawn = if membership.sos_withdrawn { ", may not request help" } else { "" };
            let _ = writeln!(
                told,
                "  {}  {}  {}{withdrawn}",
                account.email,
                account.name,
                word(Some(membership.role))
            );
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

/// Adds the new role in a home to a change. A home keeps at least one owner.
fn place(change: Change, home: HomeId, account: &UserId, to: Place) -> Change {
    let change = if to == Place::Owner {
        change
    } else {
        change.guard(Guard::HasOtherOwner(home.clone(), account.clone()))
    };
    change.op(match to.role() {
        Some(role) => {
            Op::PutMembership(home, account.clone(), Membership { role, sos_withdrawn: false })
        }
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

/// Reads a new password and returns its hash.
fn read(
    password: impl FnOnce() -> io::Result<String>,
    known: &[&str],
) -> Result<String, UserError> {
    let password =
        password().map_err(|error| UserError::Password(format!("cannot be read: {error}")))?;
    match identity::password::fault(&password, known) {
        None => {
            identity::hash(&password).map_err(|_| UserError::Password("cannot be hashed".into()))
        }
        Some(ErrorCode::TooShort) => {
            Err(UserError::Password("give at least 12 characters, in one line".into()))
        }
        Some(fault) => Err(UserError::Password(sentence(fault).into())),
    }
}
