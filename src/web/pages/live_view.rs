//! Live View of one camera: the picture fills the screen, the shield is always on top of it.

use crate::{
    api::home::Camera,
    domain::{id::CameraId, incident::Source},
    view::words,
    web::{
        components::{Icon, Picture, SheetHandle, Shield, part, text},
        route::{Link, Route},
        store::store,
    },
};
use leptos::prelude::*;

/// One camera.
#[component]
pub fn LiveView(
    /// Which.
    camera: CameraId,
    /// The sheet that the shield opens.
    sheet: SheetHandle,
) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(camera.clone());
    let home_name = move || store.home.with(|h| h.as_ref().map_or_else(String::new, |h| h.home.name.clone()));
    let availability = Signal::derive(move || id.with_value(|id| store.home.with(|h| h.as_ref()?.sos.live_view.get(id).cloned())));
    let name = move || {
        let named = |id: &CameraId| store.home.with(|h| h.as_ref()?.cameras.iter().find(|c| c.id == *id).map(|c| c.name.clone()));
        id.with_value(named).unwrap_or_default()
    };
    let strip = move || {
        let cameras = store.home.with(|h| h.as_ref().map(|h| h.cameras.clone()).unwrap_or_default());
        let thumb = |camera: Camera| {
            let here = id.with_value(|id| *id == camera.id);
            let class = if here { "thumb thumb--on" } else { "thumb" };
            view! {
                <Link to=Route::LiveView(camera.id) class here>
                    <Picture name=camera.name.clone()/>
                    <span class="thumb__name">{camera.name}</span>
                </Link>
            }
        };
        Some(cameras.into_iter().map(thumb).collect_view())
    };
    view! {
        <main class="stage">
            {part(move || Some(view! { <div class="stage__picture"><Picture name=name()/></div> }))}
            <header class="stage__top">
                <Link to=Route::Dashboard class="stage__back" label=words::BACK.to_owned()><Icon name="back"/></Link>
                <div><h1>{text(name)}</h1><p class="tiny">{text(home_name)}</p></div>
                <span class="grow"></span>
                <Shield availability source=Source::LiveView { camera } sheet/>
            </header>
            <nav class="stage__strip" aria-label=words::CAMERAS>{part(strip)}</nav>
        </main>
    }
}
