//! The real binary, killed at random moments, and a receiving center that outlives it: what the
//! center heard is the only witness of what left the server.

use super::{
    figures::figure,
    receiver::{Taken, account, receiving},
    server::{Server, chance, client, fill, free_port, look, now, option, raise_once, sign_in},
};
use reqwest::Client;
use std::{collections::HashMap, fs, path::Path, time::Duration};
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinSet, time::sleep};

/// Homes that ask for help between two kills.
const REQUESTS: usize = 3;
/// The longest that the center takes to acknowledge a signal. Kills hit signals on their way.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(300);
/// The maximum wait for every incident to end.
const PATIENCE: Duration = Duration::from_secs(180);
/// The services, with the event of Contact ID that the center hears.
const SERVICES: [(&str, &str); 3] = [("police", "120"), ("fire", "110"), ("medical", "100")];

/// An acknowledged request.
struct Asked {
    home: usize,
    id: String,
    /// The event of its service.
    event: &'static str,
}

/// Kills the server `--kills` times while people ask for help, cancel, and end incidents. The
/// center hears each alarm before its restore, and nothing of what was canceled in the countdown
/// (F12, I4, I12).
pub async fn receiving_center_hears_everything_in_order_through_kills() {
    let kills = option("--kills", 100).div_ceil(2);
    let folder = tempfile::tempdir().expect("a folder");
    let (client, port) = (client(), free_port());
    fill(folder.path(), port, kills * REQUESTS).await;
    let (settings, mut taken) = receiving(kills * REQUESTS, ACKNOWLEDGED_WITHIN).await;
    fs::write(folder.path().join("buckler.toml"), settings).expect("written");
    let mut server = launch(folder.path(), port, &client).await;
    let base = server.base();
    sign_in(&client, &base).await;
    let mut asked: Vec<Asked> = Vec::new();
    for kill in 0..kills {
        let mut raising = JoinSet::new();
        for n in 0..REQUESTS {
            let (client, base, home) = (client.clone(), base.clone(), kill * REQUESTS + n);
            let (service, event) = SERVICES[chance(3) as usize];
            raising.spawn(async move {
                let id = raise_once(&client, &base, home, service).await?;
                Some(Asked { home, id, event })
            });
        }
        // A kill may hit a cancellation in the countdown, or the end of an incident, too.
        let mut steps = JoinSet::new();
        for (n, one) in asked.iter().enumerate() {
            let step = if n % 4 == 0 { "cancel" } else { "end" };
            let address = format!("{base}/api/v1/incidents/{}/{step}", one.id);
            steps.spawn(client.post(address).send());
        }
        sleep(Duration::from_millis(chance(250))).await;
        server.kill();
        server = launch(folder.path(), port, &client).await;
        asked.extend(raising.join_all().await.into_iter().flatten());
        steps.join_all().await;
    }
    let heard = end_all(&client, &base, &asked, &mut taken).await;
    let repeated = check(&asked, &heard);
    figure(
        "killed: acknowledged alarms that a receiving center heard",
        heard.values().filter(|events| !events.is_empty()).count() as f64,
        "n",
        "-",
    );
    figure("killed: signals that the center heard again", repeated as f64, "n", "-");
    server.kill();
}

async fn launch(folder: &Path, port: u16, client: &Client) -> Server {
    Server::start_with(folder, port, client, |command| {
        command.arg("--config").arg(folder.join("buckler.toml"));
    })
    .await
}

/// Ends every incident, and waits until the center has heard of each end. Returns the events that
/// it heard, for each account, and whether the incident was canceled in the countdown.
async fn end_all(
    client: &Client,
    base: &str,
    asked: &[Asked],
    taken: &mut UnboundedReceiver<Taken>,
) -> HashMap<String, Vec<String>> {
    let mut heard: HashMap<String, Vec<String>> = HashMap::new();
    let until = now() + PATIENCE;
    for one in asked {
        let address = format!("{base}/api/v1/incidents/{}/end", one.id);
        loop {
            let state = look(client, base, &one.id).await["state"].clone();
            if state == "aborted" || state == "closed" {
                heard.entry(account(one.home)).or_default();
                let restored = format!("3{}", one.event);
                while state == "closed" && !heard[&account(one.home)].contains(&restored) {
                    let signal = tokio::time::timeout(PATIENCE, taken.recv()).await;
                    let signal = signal.expect("every end is heard").expect("the center lives");
                    heard.entry(signal.account).or_default().push(signal.event);
                }
                break;
            }
            assert!(now() < until, "{} is still {state}", one.id);
            client.post(&address).send().await.expect("answered");
            sleep(Duration::from_millis(50)).await;
        }
        if look(client, base, &one.id).await["state"] == "aborted" {
            let heard = heard.entry(account(one.home)).or_default();
            assert_eq!(heard, &[] as &[String], "{} was canceled in time", one.id);
        }
    }
    while let Ok(signal) = taken.try_recv() {
        heard.entry(signal.account).or_default().push(signal.event);
    }
    heard
}

/// Checks what the center heard of each home, and returns the number of repeated signals.
fn check(asked: &[Asked], heard: &HashMap<String, Vec<String>>) -> usize {
    let acknowledged: HashMap<String, &Asked> =
        asked.iter().map(|one| (account(one.home), one)).collect();
    let mut repeated = 0;
    for (account, events) in heard {
        let mut once = events.clone();
        once.dedup();
        repeated += events.len() - once.len();
        // A request that was stored, but whose acknowledgment was lost, is heard too.
        let Some(one) = acknowledged.get(account) else { continue };
        let expected = [format!("1{}", one.event), format!("3{}", one.event)];
        assert!(once.is_empty() || once == expected, "{account}: {events:?}");
    }
    repeated
}
