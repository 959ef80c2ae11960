//! How the siren of a device or camera is reached, its health, and a test of it.

use super::asked::asks;
use crate::{
    api::{
        home::HomeAnswer,
        wiring::{DeviceHealth, EditWire, Tested, WiredSiren, Wiring},
    },
    domain::{device::DeviceFault, id::HomeId},
    view::words::{HouseholdWord as W, Said},
    web::{
        browser::time::ago,
        client,
        components::{Field, Icon, SaveButton, Saving, part},
        store::store,
    },
};
use leptos::{ev, prelude::*, task::spawn_local};

/// A home's devices behind the MQTT broker. They are loaded again whenever they may have changed.
#[derive(Clone, Copy)]
pub struct Wires {
    home: StoredValue<HomeId>,
    all: RwSignal<Option<Wiring>>,
}

impl Wires {
    /// Loads them.
    pub fn of(home: StoredValue<HomeId>) -> Self {
        let wires = Self { home, all: RwSignal::new(None) };
        wires.read();
        wires
    }

    fn read(self) {
        let home = self.home;
        spawn_local(async move {
            if let Ok(wiring) = client::wiring(&home.get_value()).await {
                self.all.try_set(Some(wiring));
            }
        });
    }

    fn siren(self, device: &str) -> Option<WiredSiren> {
        self.all.with(|all| {
            all.as_ref()?.sirens.iter().find(|siren| siren.device.as_str() == device).cloned()
        })
    }

    /// Returns the text of a device's problems; empty if it has none.
    pub fn troubles(self, device: &str) -> String {
        self.siren(device).map_or_else(String::new, |siren| troubles(&siren.health))
    }
}

fn troubles(health: &DeviceHealth) -> String {
    let word = |trouble: &DeviceFault| match trouble {
        DeviceFault::Offline => W::TroubleOffline.say(),
        DeviceFault::Silent => W::TroubleSilent.say(),
        DeviceFault::Tampered => W::TroubleTampered.say(),
        DeviceFault::BatteryLow => W::TroubleBattery.say(),
    };
    health.troubles.iter().map(word).collect::<Vec<_>>().join(" · ")
}

/// The text that says when a device was last heard, and the level of its battery.
fn heard(health: &DeviceHealth) -> String {
    let now = store().server_now();
    let seen = health.seen_at.map_or_else(
        || W::NotHeardYet.say().to_owned(),
        |at| W::HeardAgo.fill(&[&ago(now.since(at))]),
    );
    match health.battery {
        Some(left) => format!("{seen} · {}", W::BatteryLeft.fill(&[&left.to_string()])),
        None => seen,
    }
}

/// The part for one siren.
#[component]
pub fn SirenWire(
    /// The devices behind the MQTT broker.
    wires: Wires,
    /// The device or camera.
    device: String,
) -> impl IntoView {
    let device = StoredValue::new(device);
    let known = move || device.with_value(|device| wires.siren(device));
    let told = move || {
        let siren = known()?;
        let proof = (!siren.proves).then(|| view! { <p class="muted small">{W::SirenNoProof}</p> });
        let fixed = (!siren.chosen).then(|| view! { <p class="muted small">{W::SirenFixed.fill(&[&siren.kind, &siren.name])}</p> });
        Some(view! { <p class="muted small">{heard(&siren.health)}</p>{fixed}{proof} })
    };
    let choice = move || {
        let (kinds, begins) = wires
            .all
            .with(|all| all.as_ref().map(|all| (all.kinds.clone(), all.begins.clone())))?;
        let siren = known();
        let fixed = siren.as_ref().is_some_and(|siren| !siren.chosen);
        (!fixed && !kinds.is_empty()).then(|| view! { <Choose wires device kinds begins siren/> })
    };
    view! {
        <div class="form">
            {part(told)}
            {asks(wires.home, device.with_value(|device| format!("wiring/{device}/test")), W::TestSiren, move |Tested { confirmed }| {
                wires.read();
                if confirmed { Ok(W::TestProved.into()) } else { Err(W::TestNotProved) }
            })}
            {part(choice)}
        </div>
    }
}

/// The form in which an owner chooses how it is reached.
#[component]
fn Choose(
    /// The devices behind the MQTT broker.
    wires: Wires,
    /// The device or camera.
    device: StoredValue<String>,
    /// The available kinds.
    kinds: Vec<String>,
    /// The required prefix of names.
    begins: String,
    /// How it is reached now.
    siren: Option<WiredSiren>,
) -> impl IntoView {
    let store = store();
    let saving = Saving::new();
    let (now, name) =
        siren.map_or_else(|| (String::new(), begins.clone()), |siren| (siren.kind, siren.name));
    let chosen = now.clone();
    let (kind, name) = (RwSignal::new(now), RwSignal::new(name));
    let hint = if begins.is_empty() { String::new() } else { W::SirenBegins.fill(&[&begins]) };
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let path = device.with_value(|device| format!("wiring/{device}"));
        let (home, asked) = (
            wires.home.get_value(),
            EditWire { kind: kind.get_untracked(), name: name.get_untracked() },
        );
        let send = async move {
            match asked.kind.is_empty() {
                true => client::remove::<HomeAnswer>(&home, &path).await,
                false => client::change(&home, &path, &asked).await,
            }
        };
        saving.send(send, move |home| {
            store.learn(home);
            wires.read();
        });
    };
    let option = |value: String| view! { <option value=value.clone() selected=value == chosen>{value.clone()}</option> };
    view! {
        <form class="form" on:submit=save>
            <label class="field">
                <span>{W::SirenKind}</span>
                <select bind:value=kind><option value="">{W::SirenNoKind}</option>{kinds.into_iter().map(option).collect_view()}</select>
            </label>
            {part(move || (!kind.get().is_empty()).then(|| view! { <Field label=W::SirenTopic name="name" value=name saving hint=hint.clone()/> }))}
            <SaveButton saving quiet=true/>
        </form>
    }
}

/// Panic buttons and keypads, by their names in the server's settings.
pub fn buttons(wires: Wires) -> impl IntoView {
    part(move || {
        let all = wires.all.with(|all| all.as_ref().map(|all| all.buttons.clone()))?;
        let row = |button: crate::api::wiring::WiredButton| {
            let wrong = troubles(&button.health);
            let wrong =
                (!wrong.is_empty()).then(|| view! { <small class="field__wrong">{wrong}</small> });
            let heard = heard(&button.health);
            view! { <li class="row"><span class="tile"><Icon name="bell"/></span><span class="grow"><b>{button.name}</b><small class="faint tiny">{heard}</small>{wrong}</span></li> }
        };
        (!all.is_empty()).then(|| {
            view! {
                <section class="col col--tight">
                    <div class="head"><h2>{W::PanicButtons}</h2></div>
                    <ul class="rows card">{all.into_iter().map(row).collect_view()}</ul>
                </section>
            }
        })
    })
}
