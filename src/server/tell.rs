//! What is told to whom: the domain's truth and the devices' state, put into wire types. Encoded once for all listeners.

use super::{
    App,
    cameras::State,
    engine::Current,
    hub, stopped,
    store::{self, StoreError},
};
use crate::{
    api::{
        home::{
            Availability, ByCamera, Camera, Change, Changed, Check, CheckKind, Contact, Device, HomeAnswer, HomeFacts, Quarantined, Ready,
            SirenState, Sos,
        },
        incident::{Audience, Incident},
        phone::{Phone, PhoneCall, PhoneState},
    },
    domain::{
        access::{Action, Membership},
        camera,
        contact::{self, Standing},
        device, eligibility,
        home::{Home, undo},
        id::{DeviceId, HomeId},
        incident::{CallState, CenterMode, Mode},
        time::Timestamp,
    },
};
use std::{cmp::Reverse, sync::Arc};

impl App {
    /// An incident, as members of its home see it.
    pub fn tell_incident(&self, current: &Current) -> Incident {
        self.tell_incident_to(current, Audience::Home)
    }

    /// An incident, as this reader sees it.
    pub fn tell_incident_to(&self, current: &Current, audience: Audience) -> Incident {
        Incident::tell(&current.incident, &current.history, self.clock.now(), self.center_phone.as_deref(), audience)
    }

    /// A home, as this member sees it on a device that is held until then.
    ///
    /// # Errors
    /// The contacts' links could not be read.
    pub async fn tell_home(&self, home: &Home, membership: Membership, held_until: Option<Timestamp>) -> Result<HomeAnswer, StoreError> {
        let links = self.reads.contact_links(&home.id).await?;
        let link = |c: &contact::Contact| links.iter().find(|(id, _)| *id == c.id);
        let shown = |c: &contact::Contact| link(c).filter(|_| self.demo)?.1.as_ref().map(|token| format!("/contact/{token}"));
        let contact = |(order, c): (u8, &contact::Contact)| Contact {
            id: c.id.clone(),
            order,
            name: c.name.clone(),
            phone: c.phone.clone(),
            ready: c.readiness,
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
            role: membership.role,
            home: HomeFacts::of(home),
            subscription: home.subscription,
            sos: Sos {
                dashboard: eligibility::dashboard(home, membership).into(),
                live_view: ByCamera(home.cameras.iter().map(live_view).collect()),
                siren: Availability::from(eligibility::siren(home, membership).map(|()| Vec::new())),
                ready: self.ready(home),
                held_until: held_until.filter(|_| membership.may(Action::Raise)),
            },
            settings: home.settings,
            devices: home.devices.iter().map(|d| self.tell_device(home, d)).collect(),
            cameras: home.cameras.iter().map(|c| self.tell_camera(home, c)).collect(),
            contacts: (1u8..).zip(&home.contacts).map(contact).collect(),
            incident: self.engine.view().running_in(&home.id).map(|c| self.tell_incident(&c)),
            quarantined: tell_quarantined(self.engine.view().quarantined_in(&home.id)),
            changes: if membership.may(Action::Configure) { tell_changes(home, self.clock.now()) } else { Vec::new() },
        })
    }

    fn tell_device(&self, home: &Home, d: &device::Device) -> Device {
        let (siren, online) = (self.siren(home, &d.id), self.devices.is_online(&home.id, &d.id));
        Device { id: d.id.clone(), kind: d.kind, model: d.model.clone(), name: d.name.clone(), online, siren }
    }

    fn tell_camera(&self, home: &Home, c: &camera::Camera) -> Camera {
        let device: Option<DeviceId> = c.id.as_str().parse().ok();
        Camera {
            id: c.id.clone(),
            kind: c.kind,
            name: c.name.clone(),
            online: self.is_camera_online(home, c, device.as_ref()),
            sos_compatible: c.sos_compatible,
            has_siren: c.has_siren,
            siren: device.map_or(SirenState::Silent, |device| self.siren(home, &device)),
            live: self.cameras.has_stream(c),
            still: self.cameras.has_still(&home.id, c),
        }
    }

    /// By its pictures where anybody looks at them, else by its siren. A camera that nobody asked is believed to be there.
    fn is_camera_online(&self, home: &Home, c: &camera::Camera, device: Option<&DeviceId>) -> bool {
        match self.cameras.state(&home.id, &c.id) {
            Some(State::Failed(_)) => false,
            Some(State::Flows) => true,
            Some(State::Idle | State::Connecting) | None => {
                self.cameras.has_stream(c) || device.is_some_and(|device| self.devices.is_online(&home.id, device))
            }
        }
    }

    fn siren(&self, home: &Home, device: &DeviceId) -> SirenState {
        if self.devices.is_sounding(&home.id, device) { SirenState::Sounding } else { SirenState::Silent }
    }

    /// R23: whether an SOS would work now. What the simulated center and devices say is known as this is told; a real device's word is the last that it gave.
    pub(super) fn ready(&self, home: &Home) -> Ready {
        let at = self.clock.now();
        let check = |what, ok, detail: &str| Check { what, ok, at, detail: detail.into(), count: None };
        let mut checks = vec![match (&self.receiver, self.policy.center, self.demo) {
            (Some(receiver), ..) => receiver.check(home, at),
            (None, CenterMode::Operators, _) => match self.desk.on_duty(at).is_empty() {
                false => check(CheckKind::Center, true, "Somebody is at the console"),
                true => check(CheckKind::Center, false, "Nobody is at the console"),
            },
            (None, _, true) => check(CheckKind::Center, true, "Monitoring center (demo)"),
            (None, _, false) => check(CheckKind::Center, false, "Not connected to responders"),
        }];
        if let Some(base) = home.base_station() {
            let online = self.devices.is_online(&home.id, &base.id);
            checks.push(check(CheckKind::BaseStation, online, if online { "Base station online" } else { "Base station offline" }));
        }
        let password = home.verbal_password_required();
        let reachable = home.contacts.iter().filter(|c| c.standing(password, at) == Standing::Ready).count();
        let contacts = match reachable {
            0 => "No contact is ready".into(),
            1 => "1 contact ready".into(),
            n => format!("{n} contacts ready"),
        };
        checks.push(Check { count: u32::try_from(reachable).ok(), ..check(CheckKind::Contacts, reachable > 0, &contacts) });
        let ailing = self.broker.iter().flat_map(|broker| broker.looks(&home.id)).filter(|look| !look.troubles.is_empty()).count();
        if ailing > 0 {
            let count = u32::try_from(ailing).ok();
            checks.push(Check { count, ..check(CheckKind::Devices, false, "Devices that need a look") });
        }
        let located = home.address.is_some();
        checks.push(check(CheckKind::Address, located, if located { "Address set" } else { "No address" }));
        // Help comes all the same where a battery is low.
        Ready { ok: checks.iter().all(|c| c.ok || c.what == CheckKind::Devices), checks }
    }

    /// A contact's phone: this contact's open call, and nothing else that happens in the home.
    pub fn tell_phone(&self, home: &Home, contact: &contact::Contact) -> Phone {
        let current = self.engine.view().running_in(&home.id);
        let call = current.as_ref().and_then(|current| {
            let incident = &current.incident;
            let call = incident.open_call().filter(|call| call.contact == contact.id)?;
            let (state, ends_at) = match call.state {
                CallState::Ringing { until } => (PhoneState::Ringing, until),
                CallState::Answered { until } => (PhoneState::Answered, until),
                CallState::Ended(_) => return None,
            };
            Some(PhoneCall {
                id: call.id,
                state,
                purpose: call.purpose,
                services: incident.services(),
                drill: incident.mode == Mode::Drill,
                password_required: incident.snapshot.password_required,
                ends_at,
            })
        });
        let now = self.clock.now();
        let asks_password = contact.is_asked(home.verbal_password_required(), now);
        Phone { name: contact.name.clone(), home: home.name.clone(), ready: contact.readiness, asks_password, call, server_time: now }
    }

    fn publish(&self, change: &hub::Change) {
        match change {
            hub::Change::Incident(home) => {
                if let Some(current) = self.engine.view().latest(home) {
                    self.publish_json(home, "incident", &self.tell_incident(&current));
                }
            }
            // What a home is differs by who looks: each asks for it.
            hub::Change::Home(home) => self.hub.publish(home, "home", "{}", self.clock.now()),
            hub::Change::Device(id, device) => {
                let Some(home) = self.homes.get(id) else { return };
                if let Some(d) = home.devices.iter().find(|d| d.id == *device) {
                    self.publish_json(id, "device", &self.tell_device(&home, d));
                } else if let Some(c) = home.cameras.iter().find(|c| c.id.as_str() == device.as_str()) {
                    self.publish_json(id, "camera", &self.tell_camera(&home, c));
                }
            }
        }
    }

    fn publish_json(&self, home: &HomeId, name: &'static str, what: &impl serde::Serialize) {
        match serde_json::to_string(what) {
            Ok(data) => self.hub.publish(home, name, &data, self.clock.now()),
            Err(error) => tracing::error!(%error, "a live event could not be encoded"),
        }
    }
}

fn tell_quarantined(mut all: Vec<store::Quarantined>) -> Vec<Quarantined> {
    all.sort_by_key(|quarantined| Reverse(quarantined.since));
    all.into_iter().map(|quarantined| Quarantined { id: quarantined.incident, since: quarantined.since }).collect()
}

/// What can be undone, the newest first.
fn tell_changes(home: &Home, now: Timestamp) -> Vec<Change> {
    let told = |change: &undo::Change| {
        let (what, was) = match &change.was {
            undo::Was::Address(address) => (Changed::Address, address.one_line()),
            undo::Was::Contacts(all) => (Changed::Contacts, all.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")),
        };
        Change { number: change.number, at: change.at, who: change.name.clone(), what, was }
    };
    home.changes.iter().rev().filter(|change| change.is_open(now)).map(told).collect()
}

/// Encodes what has changed, once for all who listen, until the server stops.
pub(super) async fn fan_out(app: Arc<App>) {
    let mut stop = app.stop.clone();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            changes = app.hub.changes() => changes.iter().for_each(|change| app.publish(change)),
        }
    }
}
