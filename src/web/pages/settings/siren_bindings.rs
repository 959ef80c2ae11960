//! How the siren of a device or camera is reached, its health, and a test of it.

use super::asked::asks;
use crate::{
    api::{
        heard::Heard,
        home::HomeAnswer,
        siren_bindings::{DeviceHealth, EditSirenBinding, SirenBindings, SirenStatus, Tested},
    },
    domain::{device::DeviceFault, id::HomeId},
    view::words::{HouseholdWord as W, Said, Word},
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
pub struct LoadedBindings {
    home: StoredValue<HomeId>,
    all: RwSignal<Option<SirenBindings>>,
}

impl LoadedBindings {
    /// Loads them.
    pub fn of(home: StoredValue<HomeId>) -> Self {
        let bindings = Self { home, all: RwSignal::new(None) };
        bindings.read();
        bindings
    }

    fn read(self) {
        // A test or a form may end after the person has left the page.
        let Some(home) = self.home.try_get_value() else { return };
        spawn_local(async move {
            if let Ok(bindings) = client::siren_bindings(&home).await {
                self.all.try_set(Some(bindings));
            }
        });
    }

    fn siren(self, device: &str) -> Option<SirenStatus> {
        self.all.with(|all| {
            all.as_ref()?.sirens.iter().find(|siren| siren.device.as_str() == device).cloned()
        })
    }

    /// Returns the text of a device's problems; empty if it has none.
    pub fn faults(self, device: &str) -> String {
        self.siren(device).map_or_else(String::new, |siren| faults(&siren.health))
    }
}

fn faults(health: &DeviceHealth) -> String {
    let word = |fault: &Heard<DeviceFault>| match fault {
        Heard::Known(DeviceFault::Offline) => W::FaultOffline.say(),
        Heard::Known(DeviceFault::Silent) => W::FaultSilent.say(),
        Heard::Known(DeviceFault::Tampered) => W::FaultTampered.say(),
        Heard::Known(DeviceFault::BatteryLow) => W::FaultBattery.say(),
        Heard::Unknown => Word::SomethingNeedsALook.say(),
    };
    health.faults.iter().map(word).collect::<Vec<_>>().join(" · ")
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
pub fn SirenBindingPart(
    /// The devices behind the MQTT broker.
    bindings: LoadedBindings,
    /// The device or camera.
    device: String,
) -> impl IntoView {
    let device = StoredValue::new(device);
    let known = move || device.with_value(|device| bindings.siren(device));
    let told = move || {
        let siren = known()?;
        let proof = (!siren.proves).then(|| view! { <p class="muted small">{W::SirenNoProof}</p> });
        let fixed = (!siren.chosen).then(|| view! { <p class="muted small">{W::SirenFixed.fill(&[&siren.kind, &siren.name])}</p> });
        Some(view! { <p class="muted small">{heard(&siren.health)}</p>{fixed}{proof} })
    };
    let choice = move || {
        let (kinds, begins) = bindings
            .all
            .with(|all| all.as_ref().map(|all| (all.kinds.clone(), all.begins.clone())))?;
        let siren = known();
        let fixed = siren.as_ref().is_some_and(|siren| !siren.chosen);
        (!fixed && !kinds.is_empty())
            .then(|| view! { <Choose bindings device kinds begins siren/> })
    };
    view! {
        <div class="form">
            {part(told)}
            {asks(bindings.home, device.with_value(|device| format!("wiring/{device}/test")), W::TestSiren, move |Tested { confirmed }| {
                bindings.read();
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
    bindings: LoadedBindings,
    /// The device or camera.
    device: StoredValue<String>,
    /// The available kinds.
    kinds: Vec<String>,
    /// The required prefix of names.
    begins: String,
    /// How it is reached now.
    siren: Option<SirenStatus>,
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
            bindings.home.get_value(),
            EditSirenBinding { kind: kind.get_untracked(), name: name.get_untracked() },
        );
        let send = async move {
            match asked.kind.is_empty() {
                true => client::remove::<HomeAnswer>(&home, &path).await,
                false => client::change(&home, &path, &asked).await,
            }
        };
        saving.send(send, move |home| {
            store.learn(home);
            bindings.read();
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
pub fn buttons(bindings: LoadedBindings) -> impl IntoView {
    part(move || {
        let all = bindings.all.with(|all| all.as_ref().map(|all| all.buttons.clone()))?;
        let row = |button: crate::api::siren_bindings::ButtonStatus| {
            let wrong = faults(&button.health);
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
