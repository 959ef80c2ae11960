//! Live View of one camera: the picture fills the screen, the shield is always on top of it.

use crate::{
    domain::{id::CameraId, incident::Source},
    view::words,
    web::{
        components::{Icon, Picture, SheetHandle, Shield},
        store::store,
    },
};
use leptos::prelude::*;
use leptos_router::{components::A, hooks::use_params_map};

/// The camera in the address.
#[component]
pub fn LiveView(
    /// The sheet that the shield opens.
    sheet: SheetHandle,
) -> impl IntoView {
    let store = store();
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("camera")).and_then(|c| c.parse::<CameraId>().ok()));
    let camera = Memo::new(move |_| {
        let id = id.get()?;
        store.home.with(|h| h.as_ref()?.cameras.iter().find(|c| c.id == id).cloned())
    });
    let home_name = move || store.home.with(|h| h.as_ref().map(|h| h.home.name.clone()));
    let availability = Signal::derive(move || {
        let id = id.get()?;
        store.home.with(|h| h.as_ref()?.sos.live_view.get(&id).cloned())
    });
    let name = move || camera.with(|c| c.as_ref().map_or_else(String::new, |c| c.name.clone()));
    let strip = move || {
        let cameras = store.home.with(|h| h.as_ref().map(|h| h.cameras.clone()).unwrap_or_default());
        cameras.into_iter().map(|camera| {
            let here = id.get().as_ref() == Some(&camera.id);
            view! {
                <A href=format!("/live/{}", camera.id) attr:class=if here { "thumb thumb--on" } else { "thumb" } attr:aria-current=here.then_some("true")>
                    <Picture name=camera.name.clone()/>
                    <span class="thumb__name">{camera.name}</span>
                </A>
            }
        }).collect_view()
    };
    view! {
        <main class="stage">
            {move || view! { <div class="stage__picture"><Picture name=name()/></div> }}
            <header class="stage__top">
                <A href="/" attr:class="stage__back" attr:aria-label=words::BACK><Icon name="back"/></A>
                <div><h1>{name}</h1><p class="tiny">{home_name}</p></div>
                <span class="grow"></span>
                {move || id.get().map(|camera| view! { <Shield availability source=Source::LiveView { camera } sheet/> })}
            </header>
            <nav class="stage__strip" aria-label=words::CAMERAS>{strip}</nav>
        </main>
    }
}
