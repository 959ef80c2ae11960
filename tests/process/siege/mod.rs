//! Every attacker of the threat model (docs/security.md) attacks the real binary, one after
//! another, while devices in good standing ask for help, in other homes and in the one that is
//! attacked.
//!
//! Tests of this project have no limits of time, because a test machine may be busy: speed is for
//! benchmarks. This is the exception. An SOS that takes seconds because of a stranger's requests is
//! lost, and only a clock sees that. What holds on a busy machine, too:
//!
//! - A round under attack is compared with rounds without one, of the same run.
//! - A latency below [`NOTICED_MS`] is never a failure.
//! - A latency is a failure only if [`ROUNDS`] rounds of the same attack have it. A round without
//!   attack is measured before each repetition.
//! - The attackers have a process of their own, which yields to the server, and the pace of one
//!   machine.
//!
//! What is not attacked here, or not measured:
//!
//! - This machine has no limit of connections for itself, because a proxy may run on it. The tests
//!   in `src/server/http/connection.rs` have other addresses.
//! - An operator can hold up the incidents that she takes, which is her work and is recorded.
//! - A person who may ask for help may do so, and cancel, without a limit. What that stores is not
//!   measured.

mod attack;
mod broker_client;
mod honest;
mod panel_port;
mod place;
mod reporter;
mod routes;
mod sockets;
mod witness;

use super::{
    figures::{at, figure, sorted},
    server::{request, send_now},
};
pub use attack::attack;
use attack::{Actor, Answers, Attack, Plan};
use honest::{Honest, Window};
use place::{BESIEGED, OF_PANEL, Place, REPORTED};
use serde_json::Value;
use std::{fmt, time::Duration};
use tokio::time::sleep;
use witness::Witness;

/// An SOS may take this many times as long under attack as without one (p99).
const TIMES: f64 = 3.0;
/// A person does not notice that an SOS was acknowledged, or a siren sounded, this much later,
/// milliseconds. A busy machine may take that long without any attack.
const NOTICED_MS: f64 = 200.0;
/// The rounds in a row in which an SOS is late, if that is a failure.
const ROUNDS: usize = 3;
/// The most memory that the server ever has, MB.
const MEMORY_MOST_MB: f64 = 300.0;
/// The most lines a minute that an attacker adds to the log, once what may be done at once is done.
/// Without a limit there are thousands.
const LINES_MOST: f64 = 1_000.0;
/// The most that an attacker adds to the database in an hour, MB: an account may make six changes a
/// second.
const STORED_MOST_MB: f64 = 64.0;
/// What may be done at once is done by then.
const AT_ONCE: Duration = Duration::from_secs(4);
/// The fewest answers that show that an attack took place.
const ANSWERS_LEAST: usize = 100;

struct Siege {
    place: Place,
    honest: Honest,
    witness: Witness,
    /// All rounds without an attack.
    calm: Window,
    /// What was broken.
    broken: Vec<String>,
}

/// How long most of the requests took, and most of the sirens (p99).
#[derive(Clone, Copy)]
struct Latency {
    acknowledged: f64,
    late: f64,
    refused: usize,
}

impl Latency {
    fn of(window: &Window) -> Self {
        let p99 = |all: &[f64]| at(&sorted(all.to_vec()), 0.99);
        let (acknowledged, late) = (p99(&window.acknowledged), p99(&window.late));
        Self { acknowledged, late, refused: window.refused }
    }

    /// The most under attack, if this is without one.
    fn most(self) -> Self {
        let most = |calm: f64| (TIMES * calm).max(NOTICED_MS);
        Self { acknowledged: most(self.acknowledged), late: most(self.late), refused: 0 }
    }

    fn is_within(self, most: Self) -> bool {
        self.acknowledged <= most.acknowledged
            && self.late <= most.late
            && self.refused <= most.refused
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, late, refused } = self;
        write!(f, "an SOS took {acknowledged:.0} ms, a siren {late:.0} ms, {refused} were refused")
    }
}

/// Lets the attackers besiege the server that the command line names after `siege`, or all. Returns
/// their number.
pub async fn no_attacker_keeps_an_sos_from_being_heard() -> usize {
    let place = Place::start().await;
    let (honest, witness) = (Honest::new(&place), Witness::new(&place));
    let mut siege = Siege { place, honest, witness, calm: Window::default(), broken: Vec::new() };
    siege.prepare().await;
    figure("no attack: memory", siege.witness.peak_mb(), "MB", "-");
    siege.calm().await;
    let chosen: Vec<String> = std::env::args().skip(2).collect();
    let is_chosen = |actor: &Actor| chosen.is_empty() || chosen.contains(&format!("{actor:?}"));
    let actors: Vec<Actor> = Actor::ALL.into_iter().filter(is_chosen).collect();
    for (n, actor) in actors.iter().copied().enumerate() {
        siege.besiege(actor, BESIEGED.start + n * ROUNDS).await;
        if n % 3 == 2 {
            siege.calm().await;
        }
    }
    siege.honest.all_are_dispatched().await;
    siege.witness.log_has_all(&siege.honest.sounded);
    let calm = Latency::of(&siege.calm);
    figure("no attack: SOS acknowledged, p99", calm.acknowledged, "ms", "-");
    figure("no attack: siren told to sound after D, p99", calm.late, "ms", "-");
    siege.place.server.kill();
    assert!(siege.broken.is_empty(), "{}", siege.broken.join("\n"));
    actors.len()
}

impl Siege {
    /// Every owner changes something that must be found again.
    async fn prepare(&self) {
        for home in BESIEGED {
            self.witness.change(self.honest.device(), home).await;
        }
    }

    /// A round without an attack. Returns the least that counts as usual since.
    async fn calm(&mut self) -> Latency {
        let window = self.honest.window(None).await;
        let latest = Latency::of(&window);
        self.calm.acknowledged.extend(window.acknowledged);
        self.calm.late.extend(window.late);
        let all = Latency::of(&self.calm);
        Latency {
            acknowledged: latest.acknowledged.max(all.acknowledged),
            late: latest.late.max(all.late),
            refused: 0,
        }
    }

    /// Attacks one home after another, from this one on, until an SOS is in time.
    async fn besiege(&mut self, actor: Actor, first: usize) {
        let mut most = Latency::of(&self.calm).most();
        let mut latency = self.round(actor, first).await;
        for home in first + 1..first + ROUNDS {
            if latency.is_within(most) {
                break;
            }
            eprintln!("{actor:?}: {latency}; once more");
            most = self.calm().await.most();
            latency = self.round(actor, home).await;
        }
        for (what, value, most) in [
            ("SOS acknowledged, p99", latency.acknowledged, most.acknowledged),
            ("siren told to sound after D, p99", latency.late, most.late),
        ] {
            figure(&format!("{actor:?}: {what}"), value, "ms", &format!("{most:.0}"));
        }
        self.demand(latency.is_within(most), || format!("{actor:?}: {latency}"));
        let was_forged = self.witness.has_incidents(self.honest.device(), OF_PANEL).await;
        self.demand(!was_forged, || format!("{actor:?} has sent help without a key"));
    }

    /// A round under attack, and what the attack left behind.
    async fn round(&mut self, actor: Actor, home: usize) -> Latency {
        let attack = Attack::begin(&self.plan(actor, home).await).await;
        let (honest, witness) = (&mut self.honest, &self.witness);
        let before = async {
            sleep(AT_ONCE).await;
            witness.look(home).await
        };
        let (window, before) = tokio::join!(honest.window(Some(home)), before);
        let after = self.witness.look(home).await;
        let answers = attack.end().await;
        print(actor, &answers);
        self.witness.change_is_found(self.honest.device(), home).await;
        let peak = self.witness.peak_mb();
        let lines = self.witness.lines_a_minute(&before, &after, &self.honest.incidents);
        let stored = Witness::stored_an_hour_mb(&before, &after);
        for (what, value, unit, most) in [
            ("most memory so far", peak, "MB", MEMORY_MOST_MB),
            ("lines in the log, each minute", lines, "n", LINES_MOST),
            ("stored in an hour", stored, "MB", STORED_MOST_MB),
        ] {
            figure(&format!("{actor:?}: {what}"), value, unit, &format!("{most:.0}"));
            self.demand(value <= most, || format!("{actor:?}: {what}: {value} {unit}"));
        }
        let all = answers.values().flat_map(|of| of.iter());
        let (count, failed) = all.fold((0, 0), |(count, failed), (answer, n)| {
            (count + n, failed + if answer == "500" { *n } else { 0 })
        });
        self.demand(failed == 0, || format!("{actor:?} made {failed} requests fail"));
        self.demand(count >= ANSWERS_LEAST, || format!("{actor:?} did not attack: {answers:?}"));
        Latency::of(&window)
    }

    fn demand(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(what());
        }
    }

    /// What the attacker of that home knows. The reporter has an incident to report on.
    async fn plan(&self, actor: Actor, home: usize) -> Plan {
        let base = self.place.server.base();
        let mut incident = String::new();
        if actor == Actor::Reporter {
            let asked = request(self.honest.device(), &base, REPORTED, "police");
            let answer = asked.send().await.expect("answered");
            let told: Value = answer.json().await.expect("an incident");
            incident = told["id"].as_str().expect("an id").to_owned();
            send_now(self.honest.device(), &base, &incident).await;
        }
        let (panels, broker) = (self.place.panels, self.place.broker);
        Plan { actor, base, home, panels, broker, incident }
    }
}

/// Prints how often each thing was done, and how it was answered.
fn print(actor: Actor, answers: &Answers) {
    for (what, answers) in answers {
        let shown: String = what.chars().take(70).collect();
        println!("{actor:?}: {shown}: {answers:?}");
    }
}
