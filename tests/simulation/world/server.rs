//! A server, from its first start to the end of its world, however often it is killed. Each of its lives
//! has a runtime of its own, which is dropped at the kill, so that nothing of a dead server is left.
//!
//! Where the receiving center is a server too, there are two worlds, each with its server, its disk, its
//! people and its time, and one line between them. The center follows the home in steps: it is never
//! later than the home, so that what the home sends reaches it in time. What it sends back reaches the
//! home on time while an exchange is open, because then a step is as short as the line is fast, and
//! otherwise within a second.

use super::{
    super::{
        ledger::Ledger,
        line::{FASTEST, Line, Side},
        plan::{Plan, faults::PUT_BACK},
    },
    BEGINNING, Death, End, Event, LOOK, World,
    life::live,
};
use buckler::domain::time::Timestamp;
use std::{
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{runtime::Runtime, time::error::Elapsed};

/// A step while something runs in the home or at the center, and while nothing does.
const STEP: Duration = Duration::from_secs(1);
const LONG_STEP: Duration = Duration::from_secs(30);

/// One life, and the runtime that it is dropped before.
struct Life {
    lives: Pin<Box<dyn Future<Output = Result<End, Elapsed>>>>,
    runtime: Runtime,
}

enum Phase {
    /// It starts as soon as it goes on.
    Off,
    Lives(Life),
    /// It is down since then and until then.
    Down(Timestamp, Death),
    Over,
}

struct Server {
    world: Arc<World>,
    phase: Phase,
}

impl Server {
    fn new(world: Arc<World>) -> Self {
        if world.plan.puts_back() {
            world.disk.keep_undo();
            world.ledger().keep_undo();
        }
        for home in &world.plan.homes {
            world.homes.committed(&Arc::new(home.clone()), 1);
        }
        world.later(BEGINNING + LOOK, Event::Look);
        Self { world, phase: Phase::Off }
    }

    /// Goes on until its world is over, or until that time, or until the other server must follow.
    fn go_on(&mut self, until: Option<Timestamp>) {
        loop {
            match &mut self.phase {
                Phase::Over => return,
                Phase::Off => self.phase = Phase::Lives(Life::new(&self.world)),
                Phase::Lives(life) => {
                    let Some(end) = life.go_on(&self.world, until) else { return };
                    self.ends(end);
                }
                Phase::Down(back, death) => {
                    let (back, death) = (*back, *death);
                    let stop = until.map_or(back, |until| until.min(back));
                    self.world.passes(stop, |at| self.world.lock(&self.world.time).passes(at));
                    if stop < back {
                        return;
                    }
                    self.world.comes_back(back, death);
                    self.phase = Phase::Off;
                }
            }
        }
    }

    /// A life is over.
    fn ends(&mut self, end: Result<End, Elapsed>) {
        let world = &self.world;
        let end = end.unwrap_or_else(|_| {
            world.ledger().broken("I8/still: the world stands still".into());
            End::Broken
        });
        // What is left of the life is dropped with its runtime.
        self.phase = Phase::Over;
        let End::Killed(when, death) = end else { return };
        let died = world.truth();
        if world.is_given_up(died) {
            return;
        }
        let faults = [Some(when.fault()), death.boots.fault(), death.restores.map(|_| PUT_BACK)];
        faults.into_iter().flatten().for_each(|fault| world.ledger().occurs(fault));
        world.goes_down(died, death);
        self.phase = Phase::Down(died + death.down, death);
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    fn ledger(self) -> Ledger {
        let mut ledger = self.world.ledger();
        std::mem::replace(&mut *ledger, Ledger::new(false, None))
    }
}

impl Life {
    fn new(world: &Arc<World>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let world = world.clone();
        // The paused clock advances to this timer only if nothing else is left to wait for.
        let lives = async move { tokio::time::timeout(world.longest_life(), live(&world)).await };
        Self { lives: Box::pin(lives), runtime }
    }

    /// Returns how it ended, if it did.
    fn go_on(&mut self, world: &World, until: Option<Timestamp>) -> Option<Result<End, Elapsed>> {
        let lives = &mut self.lives;
        let reached = async {
            match until {
                Some(until) => tokio::time::sleep_until(world.instant_of(until)).await,
                None => std::future::pending().await,
            }
        };
        // True time goes on only in the runtime whose clock it follows.
        self.runtime.block_on(async {
            world.lock(&world.time).goes_on();
            let end = tokio::select! {
                biased;
                end = lives => Some(end),
                () = world.follow.notified() => None,
                () = reached => None,
            };
            world.lock(&world.time).stops();
            end
        })
    }
}

/// Runs a world to its end. Returns what the ledger found, with the story if it is requested.
/// `wanted` is broken although it is known not to hold.
pub fn run(plan: Plan, tells: bool, wanted: Option<&str>) -> Ledger {
    let Some(of_center) = plan.center() else {
        let mut home = Server::new(World::new(plan, tells, wanted, None));
        let world = Arc::downgrade(&home.world);
        home.go_on(None);
        let ledger = home.ledger();
        is_gone(&world);
        return ledger;
    };
    let line = Arc::new(Line::new(&plan));
    let world = |plan, side| World::new(plan, tells, wanted, Some((line.clone(), side)));
    let mut home = Server::new(world(plan, Side::Home));
    let mut center = Server::new(world(of_center, Side::Center));
    line.connects(&home.world, &center.world);
    while !home.is_over() && !center.is_over() {
        let step = if line.is_in_use() {
            FASTEST
        } else if home.world.ledger().is_anything_running()
            || center.world.ledger().is_anything_running()
            || line.owes_reports()
        {
            STEP
        } else {
            LONG_STEP
        };
        home.go_on(Some(home.world.truth() + step));
        center.go_on(Some(home.world.truth()));
    }
    if matches!(center.phase, Phase::Lives(_)) && !home.world.ledger().is_broken() {
        center.world.ledger().at_the_end(&center.world);
    }
    let worlds = [&home, &center].map(|server| Arc::downgrade(&server.world));
    let (mut home, center) = (home.ledger(), center.ledger());
    line.ends();
    worlds.iter().for_each(is_gone);
    home.adds_center(center);
    home
}

/// Fails if a history leaves its world: a million of them would need all memory.
fn is_gone(world: &Weak<World>) {
    assert_eq!(world.strong_count(), 0, "the world of a history is in use after its end");
}
