//! The real binary as a process of its own: killed, under load, with a clock that is set, with
//! devices that stand outside.
//!
//! `cargo test --test process -- restart --kills 100`, `… -- load --requests 1000 --streams 5000`

mod center;
mod clock;
mod figures;
mod floods;
mod listeners;
mod load;
mod restart;
mod server;
mod sirens;

#[tokio::main]
async fn main() {
    let asked = std::env::args().nth(1).unwrap_or_default();
    let mut passed = 0;
    if ["", "clock"].contains(&&*asked) {
        clock::f17_a_wall_clock_that_is_set_moves_no_deadline().await;
        clock::r22_down_across_d().await;
        passed += 2;
    }
    if ["", "restart"].contains(&&*asked) {
        restart::f12_f13_killed_at_any_moment_nothing_is_lost_and_nothing_done_twice().await;
        passed += 1;
    }
    if ["", "load"].contains(&&*asked) {
        load::load().await;
        passed += 4;
    }
    // Takes minutes, and only its figures tell more than the floods of `load`.
    if asked == "floods" {
        floods::every_sos_is_acknowledged_in_a_flood_of_any_route().await;
        passed += 1;
    }
    if ["", "sirens"].contains(&&*asked) {
        sirens::sirens().await;
        passed += 2;
    }
    if ["", "center"].contains(&&*asked) {
        center::center().await;
        passed += 2;
    }
    println!("test result: ok. {passed} passed; 0 failed");
}
