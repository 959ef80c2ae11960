//! Adding, renaming and removing devices and cameras.

use super::{
    finding::{Blank, Finding},
    siren_bindings::{LoadedBindings, SirenBindingPart, buttons},
    stream::{Login, try_camera},
};
use crate::{
    api::{
        home::{Camera, HomeAnswer},
        household::{EditCamera, Household, NewDevice, Rename, Stream},
    },
    domain::{
        camera::{CameraKind, Keep},
        device::DeviceKind,
        id::HomeId,
    },
    view::words::{HouseholdWord as W, Said},
    web::{
        client,
        components::{Field, FieldMessage, Icon, SaveButton, Saving, Sure, part, press, text},
        store::store,
    },
};
use leptos::{ev, prelude::*, task::spawn_local};

/// The kinds that can be added, by the value of their option.
const KINDS: [(&str, W); 4] = [
    ("base_station", W::BaseStation),
    ("keypad", W::Keypad),
    ("camera", W::Camera),
    ("doorbell", W::Doorbell),
];

/// The lists, and the form to add a device or a camera.
#[component]
pub fn EquipmentForm(
    /// The home.
    home: HomeAnswer,
) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(home.home.id);
    let (bindings, blank) = (LoadedBindings::of(id), Blank::new());
    // Only ids and names, so that a line that is being edited stays as it is when a siren begins to
    // sound.
    let which = Memo::new(move |_| {
        store.home.with(|h| {
            let devices =
                h.iter().flat_map(|h| h.devices.iter().map(|d| (d.id.to_string(), d.name.clone())));
            let cameras =
                h.iter().flat_map(|h| h.cameras.iter().map(|c| (c.id.to_string(), c.name.clone())));
            devices.chain(cameras).collect::<Vec<_>>()
        })
    });
    // Saving the form of a line writes all of its fields, so a line is shown with its stream or not
    // at all.
    let streams = RwSignal::new(None::<Household>);
    Effect::new(move || {
        let of = which.get();
        spawn_local(async move {
            let answer = client::household(&id.get_value()).await;
            // A change in between has asked again.
            if let Ok(household) = answer
                && which.try_get_untracked() == Some(of)
            {
                streams.try_set(Some(household));
            }
        });
    });
    let rows = move || {
        let (household, home) = (streams.get()?, store.home.get_untracked()?);
        let devices = home.devices.into_iter().map(
            |d| view! { <Device home=id device=d.id.to_string() name=d.name kind=d.kind bindings/> },
        );
        let cameras = home.cameras.into_iter().map(|camera| {
            let stream = household.streams.iter().find(|s| s.camera == camera.id).cloned();
            view! { <CameraLine home=id camera stream bindings/> }
        });
        Some(view! { <ul class="rows card">{devices.collect_view()}{cameras.collect_view()}</ul> })
    };
    view! { {part(rows)}{buttons(bindings)}<Finding home=id blank/><Add home=id blank/> }
}

#[component]
fn Device(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// Its id.
    device: String,
    /// Its display name.
    name: String,
    /// Its kind.
    kind: DeviceKind,
    /// The devices behind the MQTT broker.
    bindings: LoadedBindings,
) -> impl IntoView {
    let store = store();
    let open = RwSignal::new(false);
    let saving = Saving::new();
    let (path, title) = (StoredValue::new(format!("devices/{device}")), name.clone());
    let device = StoredValue::new(device);
    let value = RwSignal::new(name.clone());
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let asked = Rename { name: value.get_untracked() };
        saving.send(
            async move { client::change(&home.get_value(), &path.get_value(), &asked).await },
            move |home| store.learn(home),
        );
    };
    let remove = Callback::new(move |()| {
        saving.send(
            async move { client::remove(&home.get_value(), &path.get_value()).await },
            move |home| store.learn(home),
        );
    });
    let name = StoredValue::new(name);
    let (icon, word) = match kind {
        DeviceKind::BaseStation => ("base", W::BaseStation),
        DeviceKind::Keypad => ("keypad", W::Keypad),
    };
    let form = move || {
        let (label, sure) =
            name.with_value(|n| (W::RemoveName.fill(&[n]), W::RemoveSure.fill(&[n])));
        view! {
            <SirenBindingPart bindings device=device.get_value()/>
            <form class="form" on:submit=save>
                <Field label=W::NameField name="name" value saving/>
                <div class="acts"><SaveButton saving/><Sure label sure act=remove/></div>
            </form>
        }
    };
    view! {
        <li class="rows__open">
            <Head icon title note=word open bindings device/>
            {part(move || open.get().then(form))}
        </li>
    }
}

#[component]
fn CameraLine(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// The camera.
    camera: Camera,
    /// Its stream.
    stream: Option<Stream>,
    /// The devices behind the MQTT broker.
    bindings: LoadedBindings,
) -> impl IntoView {
    let store = store();
    let device = StoredValue::new(camera.id.to_string());
    let has_siren = camera.has_siren;
    let open = RwSignal::new(false);
    let saving = Saving::new();
    let path = StoredValue::new(format!("cameras/{}", camera.id));
    let kind = camera.kind;
    let title = camera.name.clone();
    let (id, live) = (StoredValue::new(camera.id), camera.live);
    let login = StoredValue::new(stream.clone());
    let has_login = RwSignal::new(stream.as_ref().is_some_and(|stream| stream.has_login));
    let keep =
        RwSignal::new(keep_name(stream.as_ref().map(|s| s.keep).unwrap_or_default()).to_owned());
    let (written_stream, written_small) =
        stream.as_ref().map(|s| (s.address.clone(), s.small.clone())).unwrap_or_default();
    let (name, address, small) =
        (RwSignal::new(camera.name), RwSignal::new(written_stream), RwSignal::new(written_small));
    let (compatible, siren) =
        (RwSignal::new(camera.sos_compatible), RwSignal::new(camera.has_siren));
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let asked = written(kind, name, (address, small), compatible, siren, keep);
        saving.send(
            async move { client::change(&home.get_value(), &path.get_value(), &asked).await },
            move |answer| {
                store.learn(answer);
                let (Some(home), Some(id)) = (home.try_get_value(), id.try_get_value()) else {
                    return;
                };
                // The server drops the credentials if the stream has another host now.
                spawn_local(async move {
                    let household = client::household(&home).await;
                    let is_this = |s: &&Stream| s.camera == id;
                    if let Ok(Some(stream)) =
                        household.as_ref().map(|all| all.streams.iter().find(is_this))
                    {
                        has_login.try_set(stream.has_login);
                    }
                });
            },
        );
    };
    let remove = Callback::new(move |()| {
        saving.send(
            async move { client::remove(&home.get_value(), &path.get_value()).await },
            move |home| store.learn(home),
        );
    });
    let (icon, word) = match kind {
        CameraKind::Camera => ("camera", W::Camera),
        CameraKind::Doorbell => ("bell", W::Doorbell),
    };
    let (label, sure) = (
        StoredValue::new(W::RemoveName.fill(&[&title])),
        StoredValue::new(W::RemoveSure.fill(&[&title])),
    );
    let form = move || {
        view! {
            {has_siren.then(|| view! { <SirenBindingPart bindings device=device.get_value()/> })}
            {live.then(|| try_camera(home, &id.get_value()))}
            {login.get_value().map(|stream| view! { <Login home stream kept=has_login/> })}
            <form class="form" on:submit=save>
                <Field label=W::NameField name="name" value=name saving/>
                <CameraFields stream=address small compatible siren keep saving/>
                <div class="acts"><SaveButton saving/><Sure label=label.get_value() sure=sure.get_value() act=remove/></div>
            </form>
        }
    };
    view! {
        <li class="rows__open">
            <Head icon title note=word open bindings device/>
            {part(move || open.get().then(form))}
        </li>
    }
}

fn written(
    kind: CameraKind,
    name: RwSignal<String>,
    (stream, small): (RwSignal<String>, RwSignal<String>),
    compatible: RwSignal<bool>,
    siren: RwSignal<bool>,
    keep: RwSignal<String>,
) -> EditCamera {
    EditCamera {
        kind,
        name: name.get_untracked(),
        sos_compatible: compatible.get_untracked(),
        has_siren: siren.get_untracked(),
        stream: stream.get_untracked(),
        small: small.get_untracked(),
        keep: KEEPS
            .iter()
            .find(|(name, ..)| keep.with_untracked(|keep| keep == name))
            .map(|(_, keep, _)| *keep)
            .unwrap_or_default(),
        login: None,
    }
}

/// When the server fetches a camera's pictures, by the value of the option.
const KEEPS: [(&str, Keep, W); 3] = [
    ("on_demand", Keep::OnDemand, W::KeepOnDemand),
    ("home", Keep::WhileHomeIsOpen, W::KeepHome),
    ("always", Keep::Always, W::KeepAlways),
];

fn keep_name(keep: Keep) -> &'static str {
    KEEPS.iter().find(|(_, one, _)| *one == keep).map_or("on_demand", |(name, ..)| name)
}

#[component]
fn CameraFields(
    /// The address of its stream.
    stream: RwSignal<String>,
    /// The address of a stream with smaller pictures.
    small: RwSignal<String>,
    /// Whether it can raise an SOS.
    compatible: RwSignal<bool>,
    /// Whether it has a siren.
    siren: RwSignal<bool>,
    /// When the server fetches its pictures.
    keep: RwSignal<String>,
    /// The form.
    saving: Saving,
) -> impl IntoView {
    let option = |(value, _, word): (&'static str, Keep, W)| view! { <option value=value selected=keep.with_untracked(|keep| keep == value)>{word}</option> };
    view! {
        <Field label=W::StreamField name="stream" value=stream saving hint=W::StreamHint.say()/>
        <Field label=W::SmallField name="small" value=small saving hint=W::SmallHint.say()/>
        <label class="field"><span>{W::StreamKeep}</span><select bind:value=keep>{KEEPS.map(option).collect_view()}</select></label>
        <label class="check"><input type="checkbox" bind:checked=compatible/>{W::CompatibleField}</label>
        <label class="check"><input type="checkbox" bind:checked=siren/>{W::SirenField}</label>
    }
}

#[component]
fn Head(
    /// Its symbol.
    icon: &'static str,
    /// Its display name.
    title: String,
    /// Its kind.
    note: W,
    /// Whether its form is open.
    open: RwSignal<bool>,
    /// The devices behind the MQTT broker.
    bindings: LoadedBindings,
    /// Its id.
    device: StoredValue<String>,
) -> impl IntoView {
    let wrong = move || device.with_value(|device| bindings.faults(device));
    view! {
        <button class="row" type="button" aria-expanded=text(move || open.get().to_string()) on:click=press(move || open.update(|o| *o = !*o))>
            <span class="tile"><Icon name=icon/></span>
            <span class="grow"><b>{title}</b><small class="faint tiny">{note}</small><small class="field__wrong">{text(wrong)}</small></span>
            <span class="small muted">{W::Change}</span>
        </button>
    }
}

/// The form that adds a device or a camera.
#[component]
fn Add(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// The prefilled fields.
    blank: Blank,
) -> impl IntoView {
    let store = store();
    let saving = Saving::new();
    let kind = RwSignal::new("camera".to_owned());
    let Blank { name, stream, small, .. } = blank;
    let (compatible, siren) = (RwSignal::new(true), RwSignal::new(false));
    let keep = RwSignal::new(keep_name(Keep::OnDemand).to_owned());
    let is_camera = move || matches!(kind.get().as_str(), "camera" | "doorbell");
    let add = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let device =
            |kind, model: &str| NewDevice { kind, model: model.into(), name: name.get_untracked() };
        // The credentials go with the camera: it is never there without them.
        let camera = |kind| EditCamera {
            login: blank.login(),
            ..written(kind, name, (stream, small), compatible, siren, keep)
        };
        let request = match kind.get_untracked().as_str() {
            "base_station" => Ok(device(DeviceKind::BaseStation, "alarm")),
            "keypad" => Ok(device(DeviceKind::Keypad, "keypad")),
            "doorbell" => Err(camera(CameraKind::Doorbell)),
            _ => Err(camera(CameraKind::Camera)),
        };
        let send = async move {
            let home = home.get_value();
            match request {
                Ok(device) => client::add(&home, "devices", &device).await,
                Err(camera) => client::add(&home, "cameras", &camera).await,
            }
        };
        saving.send(send, move |home| {
            blank.clear();
            store.learn(home);
        });
    };
    let option = |(value, word): (&'static str, W)| view! { <option value=value selected=value == "camera">{word}</option> };
    view! {
        <form class="card card--pad form" on:submit=add>
            <h2>{W::AddDevice}</h2>
            <label class="field"><span>{W::KindField}</span><select bind:value=kind>{KINDS.map(option).collect_view()}</select></label>
            <FieldMessage field="kind" saving/>
            <Field label=W::NameField name="name" value=name saving/>
            {part(move || is_camera().then(|| view! { <CameraFields stream small compatible siren keep saving/> }))}
            <SaveButton saving label=W::Add/>
        </form>
    }
}
