//! The devices in good standing: they ask for help, and measure when that is acknowledged and when
//! the siren is told to sound.

use super::{
    super::{
        broker::hearing,
        figures::ms,
        load::instant,
        server::{cookie, look, now, request},
    },
    place::{CANCELED, HONEST, Place, SOUNDING},
};
use buckler::domain::time::Timestamp;
use reqwest::{
    Client,
    header::{COOKIE, HeaderMap},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio::{
    sync::mpsc::{Sender, UnboundedReceiver, channel, unbounded_channel},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

/// The requests of a window, and the pause between two: eight seconds in all.
const REQUESTS: usize = 320;
const PACE: Duration = Duration::from_millis(25);
/// The first requests of a window, whose countdowns end within it.
const SOUND: usize = 120;
/// Of those, each fourth is made in the home that is attacked. All are canceled there but the last.
const EACH: usize = 4;
/// A request, or a siren, that takes this long is lost.
const LOST_AFTER: Duration = Duration::from_secs(30);

/// A siren that was told to sound, by the id of its incident, and when.
type Told = (String, Timestamp);

/// The devices.
pub struct Honest {
    devices: Vec<Client>,
    base: String,
    told: UnboundedReceiver<Told>,
    /// The home whose countdown runs to its end next.
    next: usize,
    /// The incidents of all requests.
    pub incidents: HashSet<String>,
    /// Those that sirens sounded for.
    pub sounded: Vec<String>,
    /// Those that police were requested for.
    pub dispatched: Vec<String>,
}

/// What the devices measured, milliseconds.
#[derive(Default)]
pub struct Window {
    /// From each request to its acknowledgment.
    pub acknowledged: Vec<f64>,
    /// From the end of each countdown to the command to the siren, at another client of the broker.
    pub late: Vec<f64>,
    /// The attempts that were not acknowledged, such as by 503. The device tried again.
    pub refused: usize,
}

/// A request that a device makes.
struct Press {
    device: Client,
    base: String,
    home: usize,
    what: &'static str,
    /// When, since the begin of the window.
    after: Duration,
    /// Whether its countdown runs to its end. It is canceled otherwise.
    sounds: bool,
}

impl Press {
    fn is_police(&self) -> bool {
        self.what == "police"
    }

    /// Makes the request. `_canceling` is held until it is canceled.
    async fn made(self, begin: Instant, _canceling: Option<Sender<()>>) -> (Self, Acknowledged) {
        sleep_until(begin + self.after).await;
        let one = ask(&self.device, &self.base, self.home, self.what).await;
        if !self.sounds {
            let cancel = format!("{}/api/v1/incidents/{}/cancel", self.base, one.incident);
            // It may be over, because a later request joined it and was canceled.
            let _ = self.device.post(cancel).send().await;
        }
        (self, one)
    }
}

/// A request that was acknowledged.
struct Acknowledged {
    incident: String,
    due: Timestamp,
    took_ms: f64,
    refused: usize,
}

impl Honest {
    pub fn new(place: &Place) -> Self {
        let (tell, told) = unbounded_channel();
        hearing(place.broker, "witness", "buckler/+/siren/set", move |_, message| {
            let at = now();
            let payload: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
            let incident = payload["key"].as_str().and_then(|key| key.split('/').next());
            if let Some(incident) = incident.filter(|_| payload["state"] == "ON") {
                // A send fails only after the test is over.
                let _ = tell.send((incident.to_owned(), at));
            }
        });
        Self {
            devices: (0..HONEST).map(device).collect(),
            base: place.server.base(),
            told,
            next: SOUNDING.start,
            incidents: HashSet::new(),
            sounded: Vec::new(),
            dispatched: Vec::new(),
        }
    }

    /// A device of the owner.
    pub fn device(&self) -> &Client {
        &self.devices[0]
    }

    /// The home for the next countdown that ends.
    fn next(&mut self) -> usize {
        let home = self.next;
        self.next = if home + 1 == SOUNDING.end { SOUNDING.start } else { home + 1 };
        home
    }

    /// Asks for help for eight seconds, also in the home that is attacked. A request begins on time
    /// although an earlier one is not acknowledged yet.
    pub async fn window(&mut self, besieged: Option<usize>) -> Window {
        let (mut asking, begin) = (JoinSet::new(), instant());
        // The last request in the home that is attacked must not join one that is canceled.
        let (canceling, mut canceled) = channel::<()>(1);
        for n in 0..SOUND - 1 {
            let press = self.press(n, besieged);
            let canceling = Some(canceling.clone()).filter(|_| !press.sounds);
            asking.spawn(press.made(begin, canceling));
        }
        drop(canceling);
        let last = self.press(SOUND - 1, besieged).made(begin, None);
        asking.spawn(async move {
            canceled.recv().await;
            last.await
        });
        for n in SOUND..REQUESTS {
            asking.spawn(self.press(n, None).made(begin, None));
        }
        let (mut window, mut due) = (Window::default(), HashMap::new());
        for (press, one) in asking.join_all().await {
            window.acknowledged.push(one.took_ms);
            window.refused += one.refused;
            self.incidents.insert(one.incident.clone());
            if press.sounds {
                self.dispatched.extend(Some(one.incident.clone()).filter(|_| press.is_police()));
                due.insert(one.incident, one.due);
            }
        }
        self.sounded.extend(due.keys().cloned());
        window.late = self.sirens(due).await;
        window
    }

    /// The n-th request of a window.
    fn press(&mut self, n: usize, besieged: Option<usize>) -> Press {
        let besieged = besieged.filter(|_| n % EACH == EACH - 1);
        let sounds = n < SOUND && besieged.is_none_or(|_| n == SOUND - 1);
        let home = match besieged {
            Some(home) => home,
            None if sounds => self.next(),
            None => CANCELED.start + n % CANCELED.len(),
        };
        let what = if n.is_multiple_of(6) || besieged.is_some() { "police" } else { "siren" };
        let (device, base) = (self.devices[n % HONEST].clone(), self.base.clone());
        let after = PACE * u32::try_from(n).expect("small");
        Press { device, base, home, what, after, sounds }
    }

    /// Waits for the siren of each of these incidents. Returns how late each was told to sound.
    async fn sirens(&mut self, mut due: HashMap<String, Timestamp>) -> Vec<f64> {
        let mut late = Vec::new();
        while !due.is_empty() {
            let told = timeout(LOST_AFTER, self.told.recv()).await;
            let Ok(Some((incident, at))) = told else { panic!("no siren sounds for {due:?}") };
            if let Some(due) = due.remove(&incident) {
                assert!(at >= due, "I16: the siren of {incident} was early");
                late.push(ms(at.since(due)));
            }
        }
        late
    }

    /// Waits until each request for police was passed on.
    pub async fn all_are_dispatched(&self) {
        for incident in &self.dispatched {
            let dispatched = async {
                while look(self.device(), &self.base, incident).await["dispatches"]
                    .as_array()
                    .is_none_or(Vec::is_empty)
                {
                    sleep(Duration::from_millis(50)).await;
                }
            };
            let waited = timeout(LOST_AFTER, dispatched).await;
            assert!(waited.is_ok(), "no police for {incident}");
        }
    }
}

/// A telephone. It does not reuse a connection that the server may be about to close.
fn device(n: usize) -> Client {
    let value = cookie(&format!("device-{n}")).parse().expect("a header");
    let builder = Client::builder().default_headers(HeaderMap::from_iter([(COOKIE, value)]));
    let builder = builder.timeout(Duration::from_secs(10));
    builder.pool_idle_timeout(Duration::from_secs(5)).build().expect("a client")
}

/// Asks for help as the app does: the same request again until it is acknowledged.
async fn ask(device: &Client, base: &str, home: usize, what: &str) -> Acknowledged {
    let (asked, began, mut refused) = (request(device, base, home, what), instant(), 0);
    loop {
        let answer = asked.try_clone().expect("its body is a text").send().await;
        match answer {
            Ok(answer) if answer.status().is_success() => {
                let took_ms = ms(began.elapsed());
                let told: Value = answer.json().await.expect("an incident");
                let word = |name: &str| told[name].as_str().expect("a word").to_owned();
                let due = word("deadline").parse().expect("a moment");
                return Acknowledged { incident: word("id"), due, took_ms, refused };
            }
            Ok(answer) if answer.status().is_server_error() => refused += 1,
            Ok(answer) => panic!("home-{home}: {}", answer.text().await.unwrap_or_default()),
            Err(_) => refused += 1,
        }
        assert!(began.elapsed() < LOST_AFTER, "an SOS in home-{home} was lost");
        sleep(Duration::from_millis(100)).await;
    }
}
