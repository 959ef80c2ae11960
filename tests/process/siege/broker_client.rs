//! A client of the broker that may write to the topics of a siren and of a keypad.

use super::{
    super::{broker::hearing, server::chance},
    attack::{Plan, Tally},
    place::KEYPAD,
};
use rumqttc::PublishOptions;
use std::time::Duration;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// The pause between two messages. The broker has one thread, which the honest sirens need, too.
const PAUSE: Duration = Duration::from_millis(3);

pub fn attack(plan: &Plan, tally: &Tally) -> JoinSet<()> {
    let client = hearing(plan.broker, "attacker", "nothing", |_, _| ());
    let (home, tally) = (plan.home, tally.clone());
    let mut all = JoinSet::new();
    all.spawn(async move {
        let mut pace = interval(PAUSE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for n in 0_usize.. {
            pace.tick().await;
            let siren = format!("buckler/h{home}/siren/state");
            let code = format!("{:04}", chance(10_000));
            let (what, topic, payload) = match n % 6 {
                0 => ("state of a siren", siren, r#"{"state":"OFF","battery":3}"#.into()),
                1 => ("state of a siren", siren, r#"{"state":"ON","tamper":true}"#.into()),
                2 => ("noise of a siren", siren, "\u{0}noise".repeat(100)),
                3 if n % 60 == 3 => ("more than 64 kB", siren, "x".repeat(100_000)),
                3 => ("unknown topic", format!("buckler/{n}/siren/state"), "{}".into()),
                4 => {
                    let press = format!(r#"{{"action":"disarm","action_code":"{code}"}}"#);
                    ("code at a keypad", KEYPAD.into(), press)
                }
                _ => ("noise of a keypad", KEYPAD.into(), "[".repeat(1_000)),
            };
            let sent =
                client.try_publish(topic, payload.into_bytes(), PublishOptions::at_most_once());
            tally.count(what, if sent.is_ok() { "sent" } else { "not sent" });
        }
    });
    all
}
