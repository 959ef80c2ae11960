//! Sirens behind a real broker that stop on their own.

use super::{
    Person,
    broker::Broker,
    mqtt::{all, sounding},
    until, wait, whats,
};
use serde_json::json;
use std::time::Duration;

/// I22, F43. Somebody presses the button of the siren.
#[tokio::test]
async fn siren_stopped_at_its_button_sounds_at_the_next_press() {
    let broker = Broker::start().await;
    let devices = all(&broker).await;
    let (server, owner, incident) = sounding(&broker, "police").await;
    let base = &devices[0];
    base.say("siren/state", r#"{"state":"OFF"}"#, false);
    let stopped = async |owner: &Person| {
        let story = owner.look(&incident).await;
        whats(&story).contains(&"siren_stopped").then_some(story)
    };
    let story = until("the stop", || stopped(&owner)).await;
    let confirmed = story["siren"]["confirmed"].as_array().unwrap();
    assert!(confirmed.len() == 4 && !confirmed.contains(&json!("base")), "{}", story["siren"]);
    // A restart tells the other sirens to go on, and leaves this one.
    let told = devices[1].heard().len();
    let server = server.restart_with_file(async || ()).await;
    let owner = server.sign_in("owner").await;
    until("told to go on", || async { (devices[1].heard().len() > told).then_some(()) }).await;
    wait(Duration::from_millis(500)).await;
    assert_eq!(base.orders(), ["ON"], "nobody asked again");
    owner.raise("maple-street", "police", json!({})).await;
    until("it sounds again", || async { (base.orders() == ["ON", "ON"]).then_some(()) }).await;
}
