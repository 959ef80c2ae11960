//! Who is there: responders, operators, a receiving center, contacts at their phones. Chairs may be
//! empty, and in half of the worlds nothing is repaired at the end.

use crate::dice::Dice;
use buckler::domain::incident::{CenterMode, Policy};
use std::time::Duration;

/// Who is there in a world.
#[derive(Clone, Debug)]
pub struct Staffing {
    pub center: CenterMode,
    /// Whether an automatic center has responders. Without, the server is connected to nobody.
    pub responders: bool,
    /// The operator at the console, if there is one.
    pub operator: Option<Habits>,
    pub elsewhere: Elsewhere,
    /// How many of a hundred calls find the contact's page open.
    pub open_pages: u64,
    /// Whether everything is repaired in the end, and everybody comes back and finishes. Otherwise
    /// a person who is present must be able to end a running incident (I23).
    pub heals: bool,
}

/// What an operator does.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// How long it takes to reach a contact by telephone.
    pub dials: Duration,
    /// The operator leaves so long after a claim, and does not come back.
    pub leaves: Option<Duration>,
}

/// What a receiving center does with an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// It reports, in the end that it is over.
    Reports,
    /// The same, but its reports name only the home.
    ReportsByAccount,
    /// It claims the incident and reports nothing more.
    Claims,
    /// It acknowledges the alarm and reports nothing.
    Acknowledges,
    /// It is a server of its own, with the real receiver, operators and reports. Its reports name the
    /// incident, or only the account.
    Engine { by_account: bool },
}

impl Staffing {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let center = dice.pick(&[
            CenterMode::Automatic,
            CenterMode::Automatic,
            CenterMode::Operators,
            CenterMode::Receiver,
        ]);
        let habits = Habits {
            dials: dice.ms(5_000, 60_000),
            leaves: dice.chance(25).then(|| dice.ms(1_000, 120_000)),
        };
        Self {
            center,
            responders: dice.chance(75),
            operator: dice.chance(75).then_some(habits),
            elsewhere: match dice.below(100) {
                0..40 => Elsewhere::Reports,
                40..70 => Elsewhere::ReportsByAccount,
                70..85 => Elsewhere::Claims,
                _ => Elsewhere::Acknowledges,
            },
            open_pages: dice.pick(&[100, 100, 80, 0]),
            heals: dice.chance(50),
        }
    }

    /// Whether the receiving center is a server too.
    pub fn has_engine_elsewhere(&self) -> bool {
        self.center == CenterMode::Receiver && matches!(self.elsewhere, Elsewhere::Engine { .. })
    }

    /// In some worlds the receiving center is a server too.
    pub(super) fn with_engine_elsewhere(self, mut dice: Dice) -> Self {
        let percent = match self.center {
            CenterMode::Receiver => 40,
            CenterMode::Automatic => 15,
            CenterMode::Operators => 0,
        };
        if !dice.chance(percent) {
            return self;
        }
        let elsewhere = Elsewhere::Engine { by_account: dice.chance(40) };
        Self { center: CenterMode::Receiver, elsewhere, ..self }
    }

    /// The policy that the configuration of such a server gives: as `src/server/config/timers.rs`.
    pub fn policy(&self) -> Policy {
        let connected = self.center != CenterMode::Automatic || self.responders;
        Policy { center: self.center, connected, ..Policy::default() }
    }
}
