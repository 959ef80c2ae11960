//! The place of the siege: homes with honest owners, the accounts, sessions and links of the
//! attackers, and a server with everything that can be attacked: panels, a reporter, and sirens and
//! a keypad behind a broker.

use super::{
    super::{
        broker::{begin_broker, obedient_devices, sirens_of},
        server::{Server, change, client, free_port, now, session},
    },
    ROUNDS,
    attack::Actor,
};
use buckler::{
    domain::{
        access::{CenterRole, InvitationScope, Membership, Role},
        id::{HomeId, UserId},
        time::Timestamp,
    },
    server::{
        identity::token_hash,
        store::{Account, ContactLink, Invitation, Op, sqlite},
    },
};
use std::{fs, ops::Range, path::Path, process::Child, sync::Arc, time::Duration};
use tempfile::TempDir;

/// The homes in which honest devices ask for help and cancel, again and again.
pub const CANCELED: Range<usize> = 0..8;
/// The homes that are attacked, one for each round of each attacker.
pub const BESIEGED: Range<usize> = 8..8 + Actor::ALL.len() * ROUNDS;
/// The home of the panel. Nobody asks for help there.
pub const OF_PANEL: usize = 50;
/// The home of an owner who attacks the server from there.
pub const OF_NEIGHBOR: usize = 51;
/// The home that the reporter may report on.
pub const REPORTED: usize = 52;
/// A home in which the restricted device runs drills.
pub const SHARED: usize = 53;
/// A home in which it sounds sirens. What that stores has no limit, because an SOS has none.
pub const OF_SIRENS: usize = 54;
/// The homes in which a countdown runs to its end, one after the other. When the first is used
/// again, its incident is over.
pub const SOUNDING: Range<usize> = 60..2_500;

/// The devices in good standing: `device-0` and so on, of the owner of all homes.
pub const HONEST: usize = 8;
/// The sessions of each account that attacks: `guest-0` and so on.
pub const SESSIONS: usize = 24;
/// The invitations to the first home that is attacked: `invitation-0` and so on.
pub const INVITATIONS: usize = 20;
/// The account of the panel.
pub const PANEL: &str = "ABCD";
/// The key of the panel.
pub const KEY: &str = "0123456789ABCDEF0123456789ABCDEF";
/// The secret of the reporter `harbor`.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=";
/// The topic of the neighbor's keypad.
pub const KEYPAD: &str = "zigbee2mqtt/hall keypad";

/// What runs during the siege. It ends with this value.
pub struct Place {
    pub server: Server,
    pub folder: TempDir,
    /// The port for panels.
    pub panels: u16,
    /// The port of the broker.
    pub broker: u16,
    mosquitto: Child,
}

impl Place {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (serve, panels, broker) = (free_port(), free_port(), free_port());
        populate(folder.path(), serve).await;
        let mosquitto = begin_broker(folder.path(), broker).await;
        obedient_devices(broker);
        let file = folder.path().join("buckler.toml");
        fs::write(&file, settings(folder.path(), panels, broker)).expect("written");
        let log = fs::File::create(folder.path().join("log")).expect("created");
        let server = Server::start_with(folder.path(), serve, &client(), |command| {
            command.arg("--config").arg(&file).args(["--log-format", "json"]).stderr(log);
        })
        .await;
        Self { server, folder, panels, broker, mosquitto }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.mosquitto.kill();
        let _ = self.mosquitto.wait();
    }
}

/// The server believes this machine which address it forwards for, so that strangers come from many
/// networks.
fn settings(folder: &Path, panels: u16, broker: u16) -> String {
    let file = |name: &str, text: &str| {
        fs::write(folder.join(name), text).expect("written");
        folder.join(name).display().to_string()
    };
    let (key, secret, codes) =
        (file("panel-key", KEY), file("secret", SECRET), file("codes", "4711 Olivia\n"));
    format!(
        "trusted_proxies = [\"127.0.0.1\"]\npublic_url = \"https://localhost\"\n\
         [center.listener]\nlisten = \"tcp://127.0.0.1:{panels}\"\n\
         [center.listener.accounts.{PANEL}]\nhome = \"home-{OF_PANEL}\"\nkey_file = {key:?}\n\
         [[reporter]]\nname = \"harbor\"\ntitle = \"Harbor\"\nsecret_file = {secret:?}\n\
         homes = [\"home-{REPORTED}\"]\n{}\
         [[mqtt.button]]\nhome = \"home-{OF_NEIGHBOR}\"\nname = \"Hall keypad\"\n\
         topic = \"{KEYPAD}\"\npress = {{ disarm = \"cancel\" }}\ncodes_file = {codes:?}\n",
        sirens_of(SOUNDING.end, broker)
    )
}

/// Fills the folder with the demo, the homes, and everybody who attacks or is attacked.
async fn populate(folder: &Path, port: u16) {
    Server::start(folder, port, &client()).await.kill();
    let mut store = sqlite::open(&folder.join("buckler.db")).await.expect("the file opens");
    let all = store.reads.homes().await.expect("homes").0;
    let maple = all.into_iter().map(|(home, _)| home).find(|h| h.id.as_str() == "maple-street");
    let mut pattern = maple.expect("the demo's home");
    pattern.settings.siren_duration_s = 60;
    let homes = (0..SOUNDING.end).map(|n| {
        let mut home = pattern.clone();
        home.id = id(n);
        Op::PutHome { home: Arc::new(home), revision: 0 }
    });
    let owner = store.reads.account("owner@demo.test").await.expect("read").expect("an account");
    let ops: Vec<Op> =
        homes.chain(accounts(&owner)).chain(members()).chain(sessions()).chain(links()).collect();
    for some in ops.chunks(500) {
        store.apply(change().ops(some.to_vec())).await.expect("stored");
    }
}

fn id(home: usize) -> HomeId {
    format!("home-{home}").parse().expect("a name")
}

fn name(account: &str) -> UserId {
    account.parse().expect("a name")
}

/// The accounts that the demo does not have, with the demo's password.
fn accounts(owner: &Account) -> Vec<Op> {
    let account = |id: &str| {
        let (email, title) = (format!("{id}@demo.test"), id.to_owned());
        Op::PutAccount(Account {
            id: name(id),
            email,
            name: title,
            password: owner.password.clone(),
        })
    };
    vec![
        account("neighbor"),
        account("lead"),
        account("former"),
        Op::SetCenterRole(name("lead"), Some(CenterRole::Supervisor)),
        // Removed a moment ago.
        Op::SetCenterRole(name("former"), Some(CenterRole::Operator)),
        Op::SetCenterRole(name("former"), None),
    ]
}

fn members() -> impl Iterator<Item = Op> {
    let member = |home: usize, account: &str, role: Role| {
        Op::PutMembership(id(home), name(account), Membership { role, sos_withdrawn: false })
    };
    let owners = (0..SOUNDING.end).filter(|n| *n != OF_NEIGHBOR);
    let others = BESIEGED.chain(CANCELED);
    owners
        .map(move |n| member(n, "owner", Role::Owner))
        .chain(others.clone().map(move |n| member(n, "guest", Role::Guest)))
        .chain(others.map(move |n| member(n, "shared", Role::Shared)))
        .chain([
            member(OF_NEIGHBOR, "neighbor", Role::Owner),
            member(SHARED, "shared", Role::Shared),
            member(OF_SIRENS, "shared", Role::Shared),
        ])
}

fn sessions() -> impl Iterator<Item = Op> {
    let free = Timestamp::default();
    let of = move |kind: &'static str, account: &'static str, count: usize, until: Timestamp| {
        (0..count).map(move |n| session(&format!("{kind}-{n}"), account, until))
    };
    let restricted = now() + Duration::from_secs(86_400);
    of("device", "owner", HONEST, free)
        .chain(of("guest", "guest", SESSIONS, free))
        .chain(of("restricted", "shared", SESSIONS, restricted))
        .chain(of("operator", "operator", SESSIONS, free))
        .chain(of("lead", "lead", SESSIONS, free))
        .chain(of("former", "former", SESSIONS, free))
        .chain(of("neighbor", "neighbor", SESSIONS, free))
}

/// The links `link-8` and so on of the first contact of each home that is attacked, and the
/// invitations.
fn links() -> impl Iterator<Item = Op> {
    let links = BESIEGED.map(|n| Op::PutContactLink {
        token: token_hash(&format!("link-{n}")),
        link: ContactLink { home: id(n), contact: "sister".parse().expect("a name"), number: 0 },
        shown: None,
    });
    let invitations = (0..INVITATIONS).map(|n| {
        Op::PutInvitation(Invitation {
            token: token_hash(&format!("invitation-{n}")),
            scope: InvitationScope::Home(id(BESIEGED.start), Role::Guest),
            name: "Ada".into(),
            inviter: name("owner"),
            expires_at: now() + Duration::from_secs(86_400),
        })
    });
    links.chain(invitations)
}
