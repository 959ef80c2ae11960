//! The real binary as a separate process: killed, under load, under attack, with a wall clock that is
//! set, and with sirens behind a real broker.
//!
//! `cargo test --test process -- restart --kills 100`, `… -- load --requests 1000 --streams 5000`,
//! `… -- siege`

mod broker;
mod center;
mod clock;
mod figures;
mod listeners;
mod load;
mod receiver;
mod restart;
mod server;
mod siege;
mod signals;
mod sirens;

#[tokio::main]
async fn main() {
    let asked = std::env::args().nth(1).unwrap_or_default();
    let mut passed = 0;
    if ["", "clock"].contains(&&*asked) {
        clock::wall_clock_that_is_set_moves_no_deadline().await;
        clock::server_down_across_d_acts_at_once_or_waits_for_review().await;
        passed += 2;
    }
    if ["", "restart"].contains(&&*asked) {
        restart::server_killed_at_any_moment_loses_and_repeats_nothing().await;
        signals::receiving_center_hears_everything_in_order_through_kills().await;
        passed += 2;
    }
    if ["", "load"].contains(&&*asked) {
        load::load().await;
        passed += 4;
    }
    if ["", "sirens"].contains(&&*asked) {
        sirens::sirens().await;
        passed += 2;
    }
    if ["", "center"].contains(&&*asked) {
        center::center().await;
        passed += 2;
    }
    // A tier of its own.
    if asked == "siege" {
        passed += siege::no_attacker_keeps_an_sos_from_being_heard().await;
    }
    // The siege starts this program again for each attack.
    if asked == "attack" {
        siege::attack(&std::env::args().nth(2).unwrap_or_default()).await;
    }
    println!("test result: ok. {passed} passed; 0 failed");
}
