//! Adding, renaming and removing devices and cameras.

use super::{
    finding::{Blank, Finding},
    siren_bindings::{LoadedBindings, SirenBindingPart, buttons},
    stream::{Login, try_camera},
};
use crate::{
    api::{
        heard::Heard,
        home::{Camera, Device, HomeAnswer},
        household::{EditCamera, NewDevice, Rename, Stream},
    },
    domain::{
        camera::{CameraKind, Keep},
        device::DeviceKind,
        id::HomeId,
    },
    view::words::{HouseholdWord as W, Said, Word},
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

/// A device or a camera, as it was when its line was drawn.
#[derive(Clone)]
enum Line {
    Device(Device),
    Camera(Camera),
}

impl Line {
    /// The line is drawn again only if this changes, so that it stays as it is while it is edited.
    fn key(&self) -> (String, String) {
        match self {
            Self::Device(device) => (device.id.to_string(), device.name.clone()),
            Self::Camera(camera) => (camera.id.to_string(), camera.name.clone()),
        }
    }
}

/// The lines of the list. A line is shown only once the streams are known, because saving the form
/// of a camera writes all of its fields.
#[derive(Clone, Copy)]
struct Lines {
    shown: RwSignal<Option<Vec<Line>>>,
    /// The streams of the cameras, as the server last told them.
    streams: RwSignal<Vec<Stream>>,
    /// Whether the last request for them failed.
    failed: RwSignal<bool>,
    /// How often they were requested without a change of the list.
    asks: RwSignal<u32>,
}

impl Lines {
    /// Loads the lines now, and whenever the list changes.
    fn of(home: StoredValue<HomeId>) -> Self {
        let store = store();
        let lines = Self {
            shown: RwSignal::new(None),
            streams: RwSignal::new(Vec::new()),
            failed: RwSignal::new(false),
            asks: RwSignal::new(0),
        };
        // Whether a camera is live tells that another owner gave or took its stream. Nothing here
        // changes when a siren begins to sound.
        let which = Memo::new(move |_| {
            store.home.with(|h| {
                let devices = h.iter().flat_map(|h| &h.devices);
                let cameras = h.iter().flat_map(|h| &h.cameras);
                devices
                    .map(|d| (d.id.to_string(), d.name.clone(), false))
                    .chain(cameras.map(|c| (c.id.to_string(), c.name.clone(), c.live)))
                    .collect::<Vec<_>>()
            })
        });
        Effect::new(move || {
            let (of, ask, home) = (which.get(), lines.asks.get(), home.get_value());
            spawn_local(async move {
                let answer = client::household(&home).await;
                // A change in between has asked again.
                if which.try_get_untracked() != Some(of)
                    || lines.asks.try_get_untracked() != Some(ask)
                {
                    return;
                }
                lines.failed.set(answer.is_err());
                if let (Ok(household), Some(home)) = (answer, store.home.get_untracked()) {
                    lines.streams.set(household.streams);
                    let devices = home.devices.into_iter().map(Line::Device);
                    lines.shown.set(Some(
                        devices.chain(home.cameras.into_iter().map(Line::Camera)).collect(),
                    ));
                }
            });
        });
        lines
    }

    /// Loads them again.
    fn ask_again(self) {
        self.asks.try_update(|asks| *asks += 1);
    }
}

/// The lists, and the form to add a device or a camera.
#[component]
pub fn EquipmentForm(
    /// The home.
    home: HomeAnswer,
) -> impl IntoView {
    let id = StoredValue::new(home.home.id);
    let (bindings, blank) = (LoadedBindings::of(id), Blank::new());
    let lines = Lines::of(id);
    let line = move |line: Line| match line {
        Line::Device(d) => {
            view! { <DeviceLine home=id device=d.id.to_string() name=d.name kind=d.kind bindings/> }
                .into_any()
        }
        Line::Camera(camera) => view! { <CameraLine home=id camera lines bindings/> }.into_any(),
    };
    let is_loaded = Memo::new(move |_| lines.shown.with(Option::is_some));
    let rows = move || {
        is_loaded.get().then(|| {
            view! {
                <ul class="rows card">
                    <For each=move || lines.shown.get().unwrap_or_default() key=Line::key children=line/>
                </ul>
            }
        })
    };
    let failure = move || {
        lines.failed.get().then(|| {
            view! {
                <section class="card card--pad form">
                    <p class="field__wrong" role="alert">{W::EquipmentNotLoaded}</p>
                    <button class="btn btn--quiet" type="button" on:click=press(move || lines.ask_again())>{Word::TryAgain}</button>
                </section>
            }
        })
    };
    view! { {part(rows)}{part(failure)}{buttons(bindings)}<Finding home=id blank/><Add home=id blank/> }
}

#[component]
fn DeviceLine(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// Its id.
    device: String,
    /// Its display name.
    name: String,
    /// Its kind.
    kind: Heard<DeviceKind>,
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
        Heard::Known(DeviceKind::BaseStation) => ("base", W::BaseStation),
        Heard::Known(DeviceKind::Keypad) => ("keypad", W::Keypad),
        Heard::Unknown => ("siren", W::OtherDevice),
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
    /// The list, with the camera's stream.
    lines: Lines,
    /// The devices behind the MQTT broker.
    bindings: LoadedBindings,
) -> impl IntoView {
    let store = store();
    let device = StoredValue::new(camera.id.to_string());
    let open = RwSignal::new(false);
    let saving = Saving::new();
    let path = StoredValue::new(format!("cameras/{}", camera.id));
    let kind = camera.kind;
    let title = camera.name.clone();
    let id = StoredValue::new(camera.id);
    // Each is a memo, so that a part with typed text is drawn again only if it comes or goes.
    let is_now = move |what: fn(&Camera) -> bool| {
        Memo::new(move |_| {
            store.home.with(|home| {
                let cameras = &mut home.iter().flat_map(|home| &home.cameras);
                id.with_value(|id| cameras.any(|camera| camera.id == *id && what(camera)))
            })
        })
    };
    let (has_siren, live) = (is_now(|camera| camera.has_siren), is_now(|camera| camera.live));
    let stream = Memo::new(move |_| {
        lines.streams.with(|all| id.with_value(|id| all.iter().find(|s| s.camera == *id).cloned()))
    });
    let has_stream = Memo::new(move |_| stream.with(Option::is_some));
    let has_login =
        Memo::new(move |_| stream.with(|stream| stream.as_ref().is_some_and(|s| s.has_login)));
    let name = RwSignal::new(camera.name);
    let [address, small, keep] = stream_fields(stream);
    let (compatible, siren) =
        (RwSignal::new(camera.sos_compatible), RwSignal::new(camera.has_siren));
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        // The server keeps the stored kind and ignores this one.
        let kind = kind.known().unwrap_or(CameraKind::Camera);
        let asked = written(kind, name, (address, small), compatible, siren, keep);
        saving.send(
            async move { client::change(&home.get_value(), &path.get_value(), &asked).await },
            move |home| {
                store.learn(home);
                // The server drops the credentials if the stream has another host now.
                lines.ask_again();
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
        Heard::Known(CameraKind::Camera) | Heard::Unknown => ("camera", W::Camera),
        Heard::Known(CameraKind::Doorbell) => ("bell", W::Doorbell),
    };
    let saved = Callback::new(move |()| lines.ask_again());
    let (label, sure) = (
        StoredValue::new(W::RemoveName.fill(&[&title])),
        StoredValue::new(W::RemoveSure.fill(&[&title])),
    );
    let form = move || {
        view! {
            {part(move || has_siren.get().then(|| view! { <SirenBindingPart bindings device=device.get_value()/> }))}
            {part(move || live.get().then(|| try_camera(home, &id.get_value())))}
            {part(move || has_stream.get().then(|| view! { <Login home camera=id kept=has_login saved/> }))}
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

/// The fields of a camera's stream: its address, that of smaller pictures, and when pictures are
/// fetched. Each follows the server until something else is typed in it, so that saving the form
/// does not bring an old value back.
fn stream_fields(stream: Memo<Option<Stream>>) -> [RwSignal<String>; 3] {
    let told = move || {
        let stream = stream.get();
        let keep =
            keep_name(stream.as_ref().and_then(|s| s.keep.known()).unwrap_or_default()).to_owned();
        let (address, small) = stream.map(|s| (s.address, s.small)).unwrap_or_default();
        [address, small, keep]
    };
    let fields = untrack(told).map(RwSignal::new);
    Effect::new(move |before: Option<[String; 3]>| {
        let now = told();
        for ((field, now), before) in fields.iter().zip(&now).zip(before.iter().flatten()) {
            if field.with_untracked(|typed| typed == before) {
                field.set(now.clone());
            }
        }
        now
    });
    fields
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
