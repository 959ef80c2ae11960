//! An attack, in a process of its own that has a lower priority than the server: an attacker has a
//! machine of their own, and must not take the server's time on this one. It makes what one machine
//! makes over a network, not what fits through the loopback.

use super::{broker_client, panel_port, reporter, routes, sockets};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinSet,
    time::timeout,
};

/// The niceness of an attack.
const NICE: &str = "10";
/// How long an attack may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// Somebody without an account who guesses, from many networks.
    StrangerGuesses,
    /// Somebody without an account who opens connections.
    StrangerConnects,
    /// A guest of the home that is attacked, who makes requests.
    GuestAsks,
    /// The same, who listens and watches.
    GuestListens,
    /// The holder of a contact's link.
    Contact,
    /// A member's device that is restricted.
    Restricted,
    /// An operator, a supervisor, and an operator who was removed.
    Center,
    /// An owner of another home.
    Neighbor,
    /// A party that reaches the port for panels.
    PanelPort,
    /// A reporter that has a secret and has gone mad.
    Reporter,
    /// A client of the broker.
    BrokerClient,
}

impl Actor {
    pub const ALL: [Self; 11] = [
        Self::StrangerGuesses,
        Self::StrangerConnects,
        Self::GuestAsks,
        Self::GuestListens,
        Self::Contact,
        Self::Restricted,
        Self::Center,
        Self::Neighbor,
        Self::PanelPort,
        Self::Reporter,
        Self::BrokerClient,
    ];
}

/// What an attacker knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub actor: Actor,
    /// The address of the server.
    pub base: String,
    /// The home that is attacked.
    pub home: usize,
    /// The port for panels.
    pub panels: u16,
    /// The port of the broker.
    pub broker: u16,
    /// The incident that the reporter may report on.
    pub incident: String,
}

/// How often each thing was done, and how it was answered.
pub type Answers = BTreeMap<String, BTreeMap<String, usize>>;

/// Counts answers.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<Answers>>);

impl Tally {
    pub fn count(&self, what: &str, answer: impl ToString) {
        let mut all = self.0.lock().expect("no holder panics");
        *all.entry(what.to_owned()).or_default().entry(answer.to_string()).or_default() += 1;
    }
}

/// What a process attacks with until its standard input closes. It prints what was answered.
pub async fn attack(plan: &str) {
    let plan: Plan = serde_json::from_str(plan).expect("a plan");
    let tally = Tally::default();
    let attack: JoinSet<()> = match plan.actor {
        Actor::StrangerConnects => sockets::strangers(&plan, &tally),
        Actor::GuestListens => sockets::guests(&plan, &tally),
        Actor::Contact => {
            let mut all = routes::flood(&plan, &tally);
            sockets::contacts(&plan, &tally, &mut all);
            all
        }
        Actor::PanelPort => panel_port::attack(&plan, &tally),
        Actor::Reporter => reporter::attack(&plan, &tally),
        Actor::BrokerClient => broker_client::attack(&plan, &tally),
        _ => routes::flood(&plan, &tally),
    };
    println!("begun");
    let closed = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    let _ = closed.await;
    drop(attack);
    let answers = tally.0.lock().expect("no holder panics").clone();
    println!("{}", serde_json::to_string(&answers).expect("a text"));
    // Its own runtime would wait for what cannot be interrupted.
    std::process::exit(0);
}

/// A process that attacks. It ends with this value.
pub struct Attack {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Attack {
    /// Starts a process, and waits until it attacks.
    pub async fn begin(plan: &Plan) -> Self {
        let this = std::env::current_exe().expect("this program");
        let mut command = Command::new("nice");
        command.args(["-n", NICE]).arg(this).arg("attack");
        command.arg(serde_json::to_string(plan).expect("a text"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("it starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut attack = Self { child, input, output };
        assert_eq!(attack.line().await, "begun", "{plan:?}");
        attack
    }

    async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        line.expect("in time").expect("readable").expect("the attack lives")
    }

    /// Ends the attack. Returns what the server answered to it.
    pub async fn end(mut self) -> Answers {
        drop(self.input.take());
        let answers = serde_json::from_str(&self.line().await).expect("answers");
        let _ = self.child.wait().await;
        answers
    }
}
