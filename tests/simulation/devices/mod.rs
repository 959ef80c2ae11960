//! Sirens as machines: they obey what they are told, end by themselves, are stopped by hand, lose
//! their power and their link, and say what their kind says.

pub mod buttons;
pub mod payloads;

use super::dice::Dice;
use buckler::{
    domain::{
        home::Home,
        id::{DeviceId, HomeId},
        time::Timestamp,
    },
    server::mqtt::{
        broker::Outgoing,
        settings::{Settings, SirenSettings},
    },
};
use buttons::Button;
use payloads::{Kind, Order, Said};
use std::{collections::BTreeMap, time::Duration};

/// A relay that ends by itself may be early or late by this much.
pub const IMPRECISE: Duration = Duration::from_secs(1);

/// A radio that found its siren again loses nothing for so long.
const SETTLES: Duration = Duration::from_secs(30);

/// What happens to a siren.
#[derive(Clone, Copy, Debug)]
pub enum Happens {
    /// Somebody stops it at its own button.
    StoppedByHand,
    /// It has no power for so long, and is quiet when it is back.
    PowerCut { lasts: Duration },
    /// It cannot be reached for so long, and goes on with what it was told.
    Unreachable { lasts: Duration },
}

/// When a siren that can say whether it sounds does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reports {
    /// After each command, and when it is back.
    Always,
    /// Only when it begins or stops.
    OnlyChanges,
}

/// A siren.
pub struct Siren {
    pub home: HomeId,
    pub device: DeviceId,
    pub name: String,
    pub kind: Kind,
    reports: Reports,
    /// How many of a hundred commands its radio loses, but never two in a row.
    loses: u64,
    has_lost: bool,
    /// When it returned last.
    pub back_at: Timestamp,
    dice: Dice,
    throws: usize,
    /// When it ends by itself, while it sounds.
    ends_at: Option<Timestamp>,
    /// The key of the command that it obeyed last, if its messages have one.
    key: Option<String>,
    /// Until when it has no power and no link.
    pub dark_until: Option<Timestamp>,
    pub away_until: Option<Timestamp>,
    /// Whether the broker knows that it is away.
    pub is_noticed: bool,
    /// Messages on a link that is broken no longer arrive.
    pub link: u32,
    /// What the broker holds for it, and until when.
    pub waiting: Vec<(Outgoing, Option<Timestamp>)>,
    /// How many of those were on their way when the link was lost: they go before the rest.
    pub unacknowledged: usize,
}

impl Siren {
    fn of(seed: u64, home: &HomeId, device: &DeviceId) -> Self {
        let name = format!("{home}-{device}");
        let mut dice = Dice::new(seed, &format!("siren/{name}"));
        let kind = dice.pick(&Kind::ALL);
        Self {
            home: home.clone(),
            device: device.clone(),
            name,
            kind,
            reports: if dice.chance(25) { Reports::OnlyChanges } else { Reports::Always },
            loses: if kind.is_behind_radio() { dice.pick(&[0, 0, 20]) } else { 0 },
            has_lost: false,
            back_at: Timestamp::default(),
            dice,
            throws: 0,
            ends_at: None,
            key: None,
            dark_until: None,
            away_until: None,
            is_noticed: false,
            link: 0,
            waiting: Vec::new(),
            unacknowledged: 0,
        }
    }

    /// The sirens of these homes.
    pub fn all(seed: u64, homes: &[Home]) -> Vec<Self> {
        let of = |home: &Home| {
            let all: Vec<_> =
                home.devices.iter().map(|d| Self::of(seed, &home.id, &d.id)).collect();
            all
        };
        homes.iter().flat_map(of).collect()
    }

    /// A throw of its own.
    pub fn throw(&mut self) -> Dice {
        self.throws += 1;
        self.dice.nth(self.throws)
    }

    pub fn can_be_reached(&self) -> bool {
        self.dark_until.is_none() && self.away_until.is_none()
    }

    pub fn sounds(&self) -> bool {
        self.ends_at.is_some()
    }

    /// When it ends by itself.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.ends_at
    }

    /// Whether its radio loses what it is told now. One that has just returned is heard at first.
    pub fn loses(&mut self, now: Timestamp) -> bool {
        let may = !self.has_lost && now >= self.back_at + SETTLES;
        self.has_lost = may && self.loses > 0 && self.throw().chance(self.loses);
        self.has_lost
    }

    /// It is told something. Returns what it says, or `None` if it does not understand.
    pub fn obeys(&mut self, message: &Outgoing, order: Order, now: Timestamp) -> Option<Said> {
        let before = self.sounds();
        self.key.clone_from(&message.key);
        self.ends_at = match order {
            Order::Off => None,
            Order::On { lasts } => {
                let imprecise = self.throw().ms(0, 2 * IMPRECISE.as_millis() as u64);
                let lasts = lasts.min(self.kind.longest());
                Some(now + (lasts + imprecise).saturating_sub(IMPRECISE))
            }
        };
        let is_said = self.reports == Reports::Always || before != self.sounds();
        if is_said { self.says() } else { None }
    }

    /// It becomes quiet by itself, by hand, or because it has no power.
    pub fn is_quiet(&mut self) -> Option<Said> {
        self.ends_at.take()?;
        self.says()
    }

    /// What it says when it can be reached again, after it said that.
    pub fn is_back(&mut self) -> Option<Said> {
        if self.reports == Reports::Always { self.says() } else { None }
    }

    fn says(&self) -> Option<Said> {
        self.kind.says(&self.name, self.sounds(), self.key.as_deref())
    }

    /// Its power is gone, and with it what it remembers.
    pub fn is_dark(&mut self) {
        (self.ends_at, self.key) = (None, None);
    }
}

/// The settings of a server with these sirens and buttons.
pub fn settings(sirens: &[Siren], buttons: &[Button]) -> Settings {
    Settings {
        broker: "mqtt://broker.invalid".into(),
        client_id: "buckler".into(),
        username: None,
        password_file: None,
        ca: None,
        cert: None,
        key: None,
        sirens: sirens
            .iter()
            .map(|siren| SirenSettings {
                home: siren.home.clone(),
                device: siren.device.clone(),
                profile: siren.kind.profile().into(),
                name: siren.name.clone(),
                heartbeat_timeout: None,
            })
            .collect(),
        buttons: buttons.iter().map(Button::settings).collect(),
        topic_prefix: BTreeMap::new(),
        home_assistant: None,
        profiles: BTreeMap::new(),
    }
}
