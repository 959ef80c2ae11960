//! Live View of one camera. The live stream fills the screen, and the shield is always on top of
//! it.

use crate::{
    api::{home::Camera, path},
    domain::{id::CameraId, incident::Source},
    view::{
        live::{self, Key, key},
        words::{Said, Word},
    },
    web::{
        browser::{Listener, focus_first, set_title, window},
        components::{Icon, Picture, Player, SheetHandle, Shield, part, text},
        on_demand::{Coming, missed, on_demand},
        route::{Link, Route, navigation},
        store::store,
    },
};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

on_demand!(
    /// A camera's live stream on the screen of an incident that came from it.
    live, fetch_live, fn player(camera: (CameraId, String, bool)) -> AnyView {
        let name = camera.1.clone();
        view! { <Player src=stream(&camera) name state=RwSignal::new(live::Picture::None)/> }.into_any()
    }
);

on_demand!(
    /// A camera's live stream from that path.
    live, fetch_from, fn picture_from(src: String, name: String) -> AnyView {
        view! { <Player src=Some(src) name state=RwSignal::new(live::Picture::None)/> }.into_any()
    }
);

/// Fetches the code of [`picture_from`].
pub const PICTURE_FROM: fn() -> Coming<()> =
    || Box::pin(async { fetch_from().await.map_err(missed) });

/// Returns the path of the stream of a camera of this home, if it has one.
fn stream((id, _, live): &(CameraId, String, bool)) -> Option<String> {
    store().home_id().filter(|_| *live).map(|home| path::live(&home, id))
}

/// Fetches the code of [`player`].
pub const PICTURE: fn() -> Coming<()> = || Box::pin(async { fetch_live().await.map_err(missed) });

/// One camera.
#[component]
pub fn LiveView(
    /// The camera.
    camera: CameraId,
) -> impl IntoView {
    let (store, sheet) = (store(), expect_context::<SheetHandle>());
    let id = StoredValue::new(camera.clone());
    let home_name =
        move || store.home.with(|h| h.as_ref().map_or_else(String::new, |h| h.home.name.clone()));
    let availability = Signal::derive(move || {
        id.with_value(|id| store.home.with(|h| h.as_ref()?.sos.live_view.get(id).cloned()))
    });
    let shown = store.watched(move || Some(id.get_value()));
    let name = move || shown.get().map(|(_, name, _)| name).unwrap_or_default();
    let picture = RwSignal::new(live::Picture::None);
    keys(id, availability, sheet);
    let navigation = navigation();
    Effect::new(move |_| {
        // `/live` shows the first camera, and so does the page of a camera that no longer exists.
        let cameras = store.home.with(|h| {
            h.as_ref().map(|h| h.cameras.iter().map(|c| c.id.clone()).collect::<Vec<_>>())
        });
        if let Some(cameras) = cameras.filter(|all| id.with_value(|id| !all.contains(id))) {
            navigation
                .instead(cameras.into_iter().next().map_or(Route::Dashboard, Route::LiveView));
        }
    });
    focus_first(".stage");
    let strip = move || {
        let cameras =
            store.home.with(|h| h.as_ref().map(|h| h.cameras.clone()).unwrap_or_default());
        let thumb = |camera: Camera| {
            let here = id.with_value(|id| *id == camera.id);
            let class = if here { "thumb thumb--on" } else { "thumb" };
            let still = store.home_id().and_then(|home| camera.still(&home));
            view! {
                <Link to=Route::LiveView(camera.id) class here>
                    <Picture name=camera.name.clone() still/>
                    <span class="thumb__name">{camera.name}</span>
                </Link>
            }
        };
        Some(cameras.into_iter().map(thumb).collect_view())
    };
    let player = move || {
        shown.get().map(|shown| {
            set_title(&shown.1);
            view! { <Player src=stream(&shown) name=shown.1 state=picture/> }
        })
    };
    view! {
        <main class="stage" tabindex="-1">
            <div class="stage__picture">{part(player)}</div>
            <header class="stage__top">
                <Link to=Route::Dashboard class="stage__back" label=Word::Back.say().to_owned()><Icon name="back"/></Link>
                <div><h1>{text(name)}</h1><p class="tiny">{text(home_name)}</p></div>
                {part(move || (picture.get() == live::Picture::Live).then(|| view! { <span class="live live--on">{Word::PictureLive}</span> }))}
                <span class="grow"></span>
                <Shield availability source=Source::LiveView { camera } sheet/>
            </header>
            <nav class="stage__strip" aria-label=Word::Cameras>{part(strip)}</nav>
        </main>
    }
}

/// Handles the arrow keys and S while the focus is within the stage: a shortcut of a single letter
/// must not act elsewhere (WCAG 2.1.4).
fn keys(
    id: StoredValue<CameraId>,
    availability: Signal<Option<crate::api::home::Availability>>,
    sheet: SheetHandle,
) {
    let (store, navigation) = (store(), navigation());
    let act = move |event: &KeyboardEvent| {
        let focused = window().document()?.active_element()?;
        if event.ctrl_key()
            || event.meta_key()
            || event.alt_key()
            || focused.closest(".stage").ok()?.is_none()
        {
            return None;
        }
        let cameras: Vec<CameraId> = store
            .home
            .with_untracked(|h| Some(h.as_ref()?.cameras.iter().map(|c| c.id.clone()).collect()))?;
        let camera = id.try_get_value()?;
        let at = cameras.iter().position(|c| *c == camera)?;
        match key(&event.key(), at, cameras.len())? {
            Key::Camera(at) => navigation.go(Route::LiveView(cameras[at].clone())),
            Key::Sos if availability.get_untracked()?.available => {
                sheet.open(store.open_home.get_untracked()?, Source::LiveView { camera })
            }
            Key::Sos => {}
        }
        Some(())
    };
    StoredValue::new_local(Listener::new(&window(), "keydown", move |event| {
        event.dyn_ref::<KeyboardEvent>().and_then(act);
    }));
}
