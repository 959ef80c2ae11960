//! The real binary on a real file, killed at random moments: in the countdown, in commits, between a commit and its effects.
//! Every incident that was acknowledged comes to its end, nothing is requested twice, and nothing is later than the restart took.

use super::server::{Server, chance, client, countdown_over, fill, free_port, look, now, option, raise, sign_in};
use buckler::domain::time::Timestamp;
use reqwest::Client;
use std::time::Duration;
use tokio::time::sleep;

/// Homes beside the demo's, so that many incidents run at once.
const HOMES: usize = 200;
/// What anything may be late beside the time that the server was down.
const LATE: Duration = Duration::from_millis(100);
/// The longest that the end of everything is waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// Kills as often as `--kills` says, and looks at every story.
pub async fn restart() {
    let kills = option("--kills", 100);
    let folder = tempfile::tempdir().expect("a folder");
    let (client, port) = (client(), free_port());
    fill(folder.path(), port, HOMES).await;
    let mut server = Server::start(folder.path(), port, &client).await;
    let base = server.base();
    sign_in(&client, &base).await;

    let (mut acknowledged, mut down) = (Vec::new(), Vec::new());
    for _ in 0..kills {
        for _ in 0..3 {
            // Raised beside the kill, so that it strikes requests, commits and effects alike.
            let (client, base, home) = (client.clone(), base.clone(), chance(HOMES as u64) as usize);
            let raised = tokio::spawn(async move { raise(&client, &base, home, ["police", "fire", "medical"][chance(3) as usize]).await });
            sleep(Duration::from_millis(chance(60))).await;
            acknowledged.push(raised);
        }
        sleep(Duration::from_millis(chance(250))).await;
        let from = now();
        server.kill();
        server = Server::start(folder.path(), port, &client).await;
        down.push((from, now()));
    }
    let mut ids = Vec::new();
    for raised in acknowledged {
        ids.extend(raised.await.expect("no request panics"));
    }
    ids.sort();
    ids.dedup();
    let worst = check(&client, &base, &ids, &down).await;
    let slowest = down.iter().map(|(from, to)| to.since(*from)).max().unwrap_or_default();
    println!(
        "restart: {kills} kills, {} acknowledged incidents all over, none twice; latest {worst:?}, longest restart {slowest:?}",
        ids.len()
    );
    server.kill();
}

/// Waits until each is over, and looks at its story. The greatest lateness.
async fn check(client: &Client, base: &str, ids: &[String], down: &[(Timestamp, Timestamp)]) -> Duration {
    let until = now() + PATIENCE;
    let mut worst = Duration::ZERO;
    for id in ids {
        let mut incident = look(client, base, id).await;
        while !["aborted", "cancelled", "closed"].contains(&incident["state"].as_str().unwrap_or_default()) {
            assert!(now() < until, "{id} is still {}", incident["state"]);
            sleep(Duration::from_millis(200)).await;
            incident = look(client, base, id).await;
        }
        let story = incident["timeline"].as_array().expect("a timeline");
        let times = |what: &str| story.iter().filter(|line| line["what"] == what).count();
        assert_eq!(times("countdown_over"), 1, "{id}: {story:?}");
        let services = incident["services"].as_array().expect("services").len();
        assert_eq!(times("dispatch_requested"), services, "{id}: each service once: {story:?}");
        assert_eq!(times("call_placed"), 3, "{id}: each contact once: {story:?}");
        let (due, came) = countdown_over(&incident).expect("it was counted");
        assert!(came >= due, "{id}: early");
        // What it waited for: restarts that lie on the way, one after the other.
        let excused =
            down.iter().fold(due + LATE, |most, (from, to)| if *from <= most && *to >= due { most.max(*to + LATE) } else { most });
        assert!(came <= excused, "{id}: due {due}, came {came}, excused until {excused}");
        worst = worst.max(came.since(due));
    }
    worst
}
