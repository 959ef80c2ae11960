//! What homes, their devices and contacts' phones look like now: API types from the domain and the
//! state of the devices. An event is encoded once for all listeners.

use super::{
    cameras::{Cameras, State},
    clock::Clock,
    dc09::transmitter::Transmitter,
    engine::{Current, Engine},
    homes::Homes,
    live_events::{self, LiveEvents},
    monitoring::presence::OperatorPresence,
    mqtt::MqttDevices,
    presenters,
    sirens::Devices,
    stopped,
    store::{self, Reads, StoreError},
    tasks::contained_now,
    telephony::pages::{ContactPages, Page},
};
use crate::{
    api::{
        heard::Heard,
        home::{
            Availability, ByCamera, Camera, Change, Check, CheckKind, Contact, Device, HomeAnswer,
            HomeFacts, Quarantined, Ready, SirenState, Sos,
        },
        incident::Incident,
        phone::{Phone, PhoneCall, PhoneChange, PhoneState},
    },
    domain::{
        access::{Action, Membership},
        camera,
        contact::{self, Standing},
        device, eligibility,
        home::{
            ChangedPart, FormerFirst, Home,
            undo::{self, UNDOABLE},
        },
        id::{DeviceId, HomeId},
        incident::{CallState, CenterMode, Mode, disclosure::Audience},
        time::Timestamp,
    },
};
use std::{cmp::Reverse, sync::Arc};
use tokio::sync::watch;

/// Presents homes, incidents and contacts' phones as they are now.
pub struct Snapshots {
    /// The incidents.
    pub engine: Engine,
    /// The links of contacts.
    pub reads: Arc<dyn Reads>,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The sirens and their states.
    pub devices: Arc<dyn Devices>,
    /// The cameras and their streams.
    pub cameras: Arc<Cameras>,
    /// The sirens behind the MQTT broker, if there is one.
    pub broker: Option<Arc<MqttDevices>>,
    /// The transmitter to a third party's receiving center, if there is one.
    pub transmitter: Option<Arc<Transmitter>>,
    /// The operators at the console.
    pub operators: Arc<OperatorPresence>,
    /// The open pages of contacts.
    pub pages: Arc<ContactPages>,
    /// Who the center is.
    pub center: CenterMode,
    /// The number from which the center calls.
    pub center_phone: Option<String>,
    /// Whether contacts' links may be shown, and responders are simulated.
    pub demo: bool,
}

impl Snapshots {
    /// An incident as members of its home see it.
    pub fn present_incident(&self, current: &Current) -> Incident {
        self.present_incident_to(current, Audience::Home)
    }

    /// An incident as this audience sees it.
    pub fn present_incident_to(&self, current: &Current, audience: Audience) -> Incident {
        presenters::incident::present(
            &current.incident,
            &current.history,
            self.clock.now(),
            self.center_phone.as_deref(),
            audience,
        )
    }

    /// A home as this member sees it, on a device whose restriction ends at `restricted_until`.
    ///
    /// # Errors
    /// The contacts' links could not be read.
    pub async fn present_home(
        &self,
        home: &Home,
        membership: Membership,
        restricted_until: Option<Timestamp>,
    ) -> Result<HomeAnswer, StoreError> {
        let links = self.reads.contact_links(&home.id).await?;
        let link = |c: &contact::Contact| {
            links.iter().find(|(id, number, _)| (id, *number) == (&c.id, c.link))
        };
        let shown = |c: &contact::Contact| {
            link(c).filter(|_| self.demo)?.2.as_ref().map(|token| format!("/contact/{token}"))
        };
        let contact = |(order, c): (u8, &contact::Contact)| Contact {
            id: c.id.clone(),
            order,
            name: c.name.clone(),
            phone: c.phone.clone(),
            ready: c.readiness.into(),
            linked: link(c).is_some(),
            reached_at: c.reached_at,
            phone_link: shown(c),
        };
        let live_view = |c: &camera::Camera| {
            let answer = eligibility::live_view(home, &c.id, membership);
            (c.id.clone(), answer.map(|()| vec![eligibility::Route::Cameras]).into())
        };
        Ok(HomeAnswer {
            server_time: self.clock.now(),
            role: membership.role.into(),
            home: HomeFacts::of(home),
            subscription: home.subscription.into(),
            sos: Sos {
                dashboard: eligibility::dashboard(home, membership).into(),
                live_view: ByCamera(home.cameras.iter().map(live_view).collect()),
                siren: Availability::from(
                    eligibility::siren(home, membership).map(|()| Vec::new()),
                ),
                ready: self.ready(home),
                restricted_until: restricted_until.filter(|_| membership.may(Action::Raise)),
            },
            settings: home.settings,
            devices: home.devices.iter().map(|d| self.present_device(home, d)).collect(),
            cameras: home.cameras.iter().map(|c| self.present_camera(home, c)).collect(),
            contacts: (1u8..).zip(&home.contacts).map(contact).collect(),
            incident: self.engine.view().running_in(&home.id).map(|c| self.present_incident(&c)),
            quarantined: present_quarantined(self.engine.view().quarantined_in(&home.id)),
            changes: if membership.may(Action::Configure) {
                present_changes(home, self.clock.now())
            } else {
                Vec::new()
            },
        })
    }

    fn present_device(&self, home: &Home, d: &device::Device) -> Device {
        let (siren, online) = (self.siren(home, &d.id), self.devices.is_online(&home.id, &d.id));
        Device {
            id: d.id.clone(),
            kind: d.kind.into(),
            model: d.model.clone(),
            name: d.name.clone(),
            online,
            siren,
        }
    }

    fn present_camera(&self, home: &Home, c: &camera::Camera) -> Camera {
        let device: Option<DeviceId> = c.id.as_str().parse().ok();
        Camera {
            id: c.id.clone(),
            kind: c.kind.into(),
            name: c.name.clone(),
            online: self.is_camera_online(home, c, device.as_ref()),
            sos_compatible: c.sos_compatible,
            has_siren: c.has_siren,
            siren: device.map_or(SirenState::Silent, |device| self.siren(home, &device)),
            live: self.cameras.has_stream(c),
            still: self.cameras.has_still(&home.id, c),
        }
    }

    /// Whether a camera is online: by its pictures while somebody watches them, otherwise by its
    /// siren. A camera with a stream that nobody has watched counts as online.
    fn is_camera_online(&self, home: &Home, c: &camera::Camera, device: Option<&DeviceId>) -> bool {
        match self.cameras.state(&home.id, &c.id) {
            Some(State::Failed(_)) => false,
            Some(State::Flows) => true,
            Some(State::Idle | State::Connecting) | None => {
                self.cameras.has_stream(c)
                    || device.is_some_and(|device| self.devices.is_online(&home.id, device))
            }
        }
    }

    fn siren(&self, home: &Home, device: &DeviceId) -> SirenState {
        if self.devices.is_sounding(&home.id, device) {
            SirenState::Sounding
        } else {
            SirenState::Silent
        }
    }

    /// Who responds to the requests of this server, in a few words.
    pub(super) fn responders(&self) -> String {
        match (&self.transmitter, self.center, self.demo) {
            (Some(_), ..) => "signals go to a receiving center".into(),
            (None, CenterMode::Operators, _) => {
                match self.operators.present(self.clock.now()).len() {
                    0 => "nobody is at the console".into(),
                    1 => "an operator is at the console".into(),
                    n => format!("{n} operators are at the console"),
                }
            }
            (None, _, true) => "simulated (demo)".into(),
            (None, _, false) => "not connected to responders".into(),
        }
    }

    /// R23: whether an SOS would work now. The state of the simulated center and devices is
    /// current. The state of a real device is the last that it reported.
    pub(super) fn ready(&self, home: &Home) -> Ready {
        let at = self.clock.now();
        let check = |what: CheckKind, ok, detail: &str| Check {
            what: what.into(),
            ok,
            at,
            detail: detail.into(),
            count: None,
        };
        let mut checks = vec![match (&self.transmitter, self.center, self.demo) {
            (Some(transmitter), ..) => transmitter.check(home, at),
            (None, CenterMode::Operators, _) => match self.operators.present(at).is_empty() {
                false => check(CheckKind::Center, true, "Somebody is at the console"),
                true => check(CheckKind::Center, false, "Nobody is at the console"),
            },
            (None, _, true) => check(CheckKind::Center, true, "Monitoring center (demo)"),
            (None, _, false) => check(CheckKind::Center, false, "Not connected to responders"),
        }];
        if let Some(base) = home.base_station() {
            let online = self.devices.is_online(&home.id, &base.id);
            checks.push(check(
                CheckKind::BaseStation,
                online,
                if online { "Base station online" } else { "Base station offline" },
            ));
        }
        let password = home.verbal_password_required();
        let reachable =
            home.contacts.iter().filter(|c| c.standing(password, at) == Standing::Ready).count();
        let contacts: String = match reachable {
            0 => "No contact is ready".into(),
            1 => "1 contact ready".into(),
            n => format!("{n} contacts ready"),
        };
        // Without the verbal password every answer is a wrong one, and nobody can call help off. The
        // kind of this check is an old one, because installed apps do not know a new one.
        let lacks_password = password && home.verbal_password.is_none();
        let contacts =
            if lacks_password && reachable > 0 { "No verbal password" } else { &contacts };
        checks.push(Check {
            count: u32::try_from(reachable).ok(),
            ..check(CheckKind::Contacts, reachable > 0 && !lacks_password, contacts)
        });
        checks.extend((reachable > 0).then(|| self.rings(home, at)));
        let ailing = self
            .broker
            .iter()
            .flat_map(|broker| broker.diagnostics(&home.id))
            .filter(|diagnostics| !diagnostics.faults.is_empty())
            .count();
        if ailing > 0 {
            let count = u32::try_from(ailing).ok();
            checks.push(Check {
                count,
                ..check(CheckKind::Devices, false, "Devices that need a look")
            });
        }
        let located = home.address.is_some();
        checks.push(check(
            CheckKind::Address,
            located,
            if located { "Address set" } else { "No address" },
        ));
        // Problems of devices, such as a low battery, do not keep help away. Nor does a contact who
        // cannot be rung.
        let helps_without = |c: &Check| c.what == CheckKind::Devices || c.what == CheckKind::Ring;
        Ready { ok: checks.iter().all(|c| c.ok || helps_without(c)), checks }
    }

    /// Whether a contact who is ready can be rung. Without one, help is sent without asking first.
    fn rings(&self, home: &Home, at: Timestamp) -> Check {
        let password = home.verbal_password_required();
        let rings = |contact: &contact::Contact| {
            contact.standing(password, at) == Standing::Ready
                && self.pages.is_open(&Page::of(home, contact))
        };
        let ok = home.contacts.iter().any(rings);
        let detail = match ok {
            true => "A contact has the page open",
            false => "No contact has the page open: nobody can be rung",
        };
        Check { what: CheckKind::Ring.into(), ok, at, detail: detail.into(), count: None }
    }

    /// A contact's phone page: this contact's open call, and nothing else that happens in the home.
    pub fn present_phone(&self, home: &Home, contact: &contact::Contact) -> Phone {
        let (page, is_former) = (Page::of(home, contact), home.is_former(contact));
        let current = self.engine.view().running_in(&home.id);
        let call = current.as_ref().and_then(|current| {
            let incident = &current.incident;
            let call = incident.open_calls().find(|call| page.is_of(incident, call))?;
            let (state, ends_at) = match call.state {
                CallState::Ringing { until } => (PhoneState::Ringing, until),
                CallState::Answered { until } => (PhoneState::Answered, until),
                CallState::Ended(_) => return None,
            };
            Some(PhoneCall {
                id: call.id,
                state,
                purpose: call.purpose.into(),
                services: Heard::all(incident.services()),
                drill: incident.mode == Mode::Drill,
                password_required: incident.snapshot.password_required,
                ends_at,
                latest_request: incident.latest_request(),
            })
        });
        let now = self.clock.now();
        let asks_password = !is_former && contact.is_asked(home.verbal_password_required(), now);
        let asked_as =
            home.former_first(now).filter(|former| former.contact.is_by_same_link(contact));
        let changed = home
            .recent_changes(now)
            .into_iter()
            .rfind(|change| change.what != ChangedPart::Address)
            .filter(|_| is_former || asked_as.is_some())
            .map(|change| PhoneChange {
                at: change.at,
                by: change.by,
                is_asked: asked_as.is_some(),
                until: asked_as.map_or(change.at + UNDOABLE, FormerFirst::until),
            });
        Phone {
            name: contact.name.clone(),
            home: home.name.clone(),
            ready: contact.readiness.into(),
            is_former,
            asks_password,
            changed,
            call,
            server_time: now,
        }
    }
}

fn present_quarantined(mut all: Vec<store::Quarantined>) -> Vec<Quarantined> {
    all.sort_by_key(|quarantined| Reverse(quarantined.since));
    all.into_iter()
        .map(|quarantined| Quarantined { id: quarantined.incident, since: quarantined.since })
        .collect()
}

/// The changes that can be undone, the newest first.
fn present_changes(home: &Home, now: Timestamp) -> Vec<Change> {
    let told = |change: &undo::Change| {
        let what = change.was.part().into();
        let was = match &change.was {
            undo::Was::Address(address) => address.one_line(),
            undo::Was::Contacts(all) => {
                all.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
            }
            undo::Was::Link(contact) => contact.name.clone(),
        };
        Change { number: change.number, at: change.at, who: change.name.clone(), what, was }
    };
    home.changes.iter().rev().filter(|change| change.is_open(now)).map(told).collect()
}

/// What [`fan_out`] needs.
pub(super) struct Publisher {
    /// Presents what changed.
    pub snapshots: Arc<Snapshots>,
    /// The homes.
    pub homes: Arc<Homes>,
    /// Gets the events.
    pub live_events: Arc<LiveEvents>,
}

impl Publisher {
    fn publish(&self, change: &live_events::Change) {
        match change {
            live_events::Change::Incident(home) => {
                if let Some(current) = self.snapshots.engine.view().latest(home) {
                    self.publish_json(home, "incident", &self.snapshots.present_incident(&current));
                }
            }
            // A home looks different to each member, so that each of them requests it.
            live_events::Change::Home(home) => {
                self.live_events.publish(home, "home", "{}", self.snapshots.clock.now())
            }
            live_events::Change::Device(id, device) => {
                let Some(home) = self.homes.get(id) else { return };
                if let Some(d) = home.devices.iter().find(|d| d.id == *device) {
                    self.publish_json(id, "device", &self.snapshots.present_device(&home, d));
                } else if let Some(c) =
                    home.cameras.iter().find(|c| c.id.as_str() == device.as_str())
                {
                    self.publish_json(id, "camera", &self.snapshots.present_camera(&home, c));
                }
            }
        }
    }

    fn publish_json(&self, home: &HomeId, name: &'static str, what: &impl serde::Serialize) {
        match serde_json::to_string(what) {
            Ok(data) => self.live_events.publish(home, name, &data, self.snapshots.clock.now()),
            Err(error) => tracing::error!(%error, "a live event could not be encoded"),
        }
    }
}

/// Encodes changes, once for all listeners, until the server stops. A home that cannot be presented
/// keeps no other from its events.
pub(super) async fn fan_out(publisher: Publisher, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            changes = publisher.live_events.changes() => {
                for change in &changes {
                    contained_now("live events", change.home(), || publisher.publish(change));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::incident::{command::Command, effect::Effect},
        server::{
            cameras::CameraOptions,
            clock::Machine,
            demo,
            engine::outbox::{EffectHandler, EffectHandlers, ExecuteError, Outbox},
            monitoring::NoTransmitter,
            store::{Feed, sqlite, writer},
            tasks::Tasks,
        },
    };
    use async_trait::async_trait;
    use std::time::Duration;

    /// Devices that panic when they are asked about this home.
    struct Planted(HomeId);

    #[async_trait]
    impl EffectHandler for Planted {
        async fn execute(&self, _: &Effect) -> Result<Option<Command>, ExecuteError> {
            Ok(None)
        }
    }

    impl Devices for Planted {
        fn is_sounding(&self, home: &HomeId, _: &DeviceId) -> bool {
            assert_ne!(*home, self.0, "planted");
            false
        }
        fn is_online(&self, _: &HomeId, _: &DeviceId) -> bool {
            true
        }
    }

    /// Presents the demo's homes, with devices that panic when they are asked about that one.
    async fn publisher(
        folder: &tempfile::TempDir,
        planted: &HomeId,
        stop: &watch::Receiver<bool>,
    ) -> Publisher {
        let mut database = sqlite::open(&folder.path().join(sqlite::DATABASE)).await.unwrap();
        demo::check(&mut database, true).await.unwrap();
        let (tasks, clock) = (Tasks::new(stop.clone()), Arc::new(Clock::new(Machine)));
        let live_events = Arc::new(LiveEvents::default());
        let reads = database.reads.clone();
        let homes = Arc::new(Homes::load(&*reads).await.unwrap());
        let none: Arc<dyn EffectHandler> = Arc::new(NoTransmitter);
        let handlers = EffectHandlers {
            devices: none.clone(),
            phones: none.clone(),
            receiver: none.clone(),
            responders: none.clone(),
            notices: none,
        };
        let outbox = Outbox::new(clock.clone(), &handlers, &handlers);
        let (_, journal) = writer::start(database, Arc::new(Feed::default()), &tasks);
        let engine = Engine::start(journal, clock.clone(), live_events.clone(), outbox, &tasks);
        let engine = engine.await.unwrap();
        let options =
            CameraOptions { demo: false, ffmpeg: None, data: folder.path().to_path_buf() };
        let cameras = Cameras::new(
            Default::default(),
            options,
            clock.clone(),
            live_events.clone(),
            stop.clone(),
        );
        let pages = ContactPages::new(clock.clone(), live_events.clone());
        let snapshots = Arc::new(Snapshots {
            engine,
            reads,
            clock,
            devices: Arc::new(Planted(planted.clone())),
            cameras,
            broker: None,
            transmitter: None,
            pages,
            operators: Arc::new(OperatorPresence::new(live_events.clone(), Timestamp::default())),
            center: CenterMode::Automatic,
            center_phone: None,
            demo: true,
        });
        Publisher { snapshots, homes, live_events }
    }

    #[tokio::test]
    async fn home_that_panics_keeps_no_other_from_its_events() {
        let folder = tempfile::tempdir().unwrap();
        let (stopper, stop) = watch::channel(false);
        let [first, second] = ["harbor-loft", "maple-street"].map(|id| id.parse().unwrap());
        let publisher = publisher(&folder, &first, &stop).await;
        let (live_events, now) = (publisher.live_events.clone(), publisher.snapshots.clock.now());
        let _kept = live_events.subscribe(&first, None, now);
        let mut events = live_events.subscribe(&second, None, now).events;
        let fanned = tokio::spawn(fan_out(publisher, stop));
        // Changes that are noted together are published in the order of their homes.
        for home in [first, second] {
            live_events.device_changed(home, "base".parse().unwrap());
        }
        let event = tokio::time::timeout(Duration::from_secs(30), events.recv()).await;
        let event = event.expect("the other home's event comes").unwrap();
        assert!(event.frame.starts_with(b"id: "), "{event:?}");
        stopper.send(true).unwrap();
        fanned.await.expect("the panic is contained");
    }
}
