//! The SOS sheet: which help is requested, and to which address.

use super::{Icon, Slide, part, press, text, whether};
use crate::{
    domain::{
        eligibility::Reason,
        incident::{Mode, Request, Source},
    },
    view::words::{self, Said, Word},
    web::{
        browser::{after_next_frame, dialog::open_when_mounted},
        sending::{Gesture, sender},
        store::store,
    },
};
use leptos::{html::Dialog, prelude::*};

/// Opens and closes the sheet.
#[derive(Clone, Copy)]
pub struct SheetHandle(RwSignal<Option<Source>>);

impl SheetHandle {
    /// Creates a closed sheet.
    pub fn new() -> Self {
        Self(RwSignal::new(None))
    }

    /// Opens it for this source, after the press itself is drawn, because the sheet takes longer
    /// than a frame on a slow phone.
    pub fn open(self, source: Source) {
        after_next_frame(move || drop(self.0.try_set(Some(source))));
    }

    fn close(self) {
        self.0.set(None);
    }

    /// Closes it after the end of the gesture itself is drawn, for the same reason. The request is
    /// being sent by then.
    fn close_when_seen(self) {
        after_next_frame(move || drop(self.0.try_set(None)));
    }
}

/// The sheet, when it is open.
#[component]
pub fn Sheet(
    /// Determines whether it is open.
    handle: SheetHandle,
) -> impl IntoView {
    part(move || handle.0.get().map(|source| view! { <OpenSheet handle source/> }))
}

/// The sheet, open.
#[component]
pub fn OpenSheet(
    /// Closes it.
    handle: SheetHandle,
    /// The source of the request.
    source: Source,
) -> impl IntoView {
    let (store, sender) = (store(), sender());
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    let practice = RwSignal::new(false);
    let sirens = RwSignal::new(false);
    let has_siren = move || store.home.with(|h| h.as_ref().is_some_and(|h| h.sos.siren.available));
    let restricted = Memo::new(move |_| store.restricted_until().is_some());
    let address = move || {
        store
            .home
            .with(|h| h.as_ref().and_then(|h| h.home.address.clone()))
            .map(|a| Word::ToAddress.fill(&[&a.line1, &a.city, &a.region, &a.postal_code]))
    };
    let number = store.emergency_number();
    let source = StoredValue::new(source);

    let request = Callback::new(move |request: Request| {
        let mode = if practice.get_untracked() { Mode::Drill } else { Mode::Live };
        let sirens = mode == Mode::Drill && sirens.get_untracked();
        sender.send(Gesture {
            request,
            mode,
            sirens,
            call_contacts: true,
            source: source.get_value(),
        });
        handle.close_when_seen();
    });
    let title = move || if practice.get() { Word::Practice } else { Word::Sheet };

    view! {
        <dialog class="sheet" class:sheet--drill=whether(move || practice.get()) node_ref=node aria-label=text(title) on:cancel=move |event: leptos::ev::Event| { event.prevent_default(); handle.close(); }>
            <div class="head">
                <h1 tabindex="-1" autofocus>{text(title)}</h1>
                <button class="tile" aria-label=Word::Close on:click=press(move || handle.close())><Icon name="close"/></button>
            </div>
            <p class="sheet__where">{text(move || if practice.get() { Word::PracticeNote.say().to_owned() } else { address().unwrap_or_default() })}</p>
            {part(move || Some(match restricted.get() && !practice.get() {
                true => view! { <p class="sheet__where" role="status">{words::why_not(Reason::DeviceRestricted.into())}</p> }.into_any(),
                false => [Request::Police, Request::Fire, Request::Medical].map(|r| view! { <Slide request=r on_request=request/> }).collect_view().into_any(),
            }))}
            {part(move || has_siren().then(|| view! {
                <button class="btn btn--siren" on:click=press(move || request.run(Request::Siren))><Icon name="siren"/>{Word::SirenOnly}</button>
            }))}
            {part(move || (practice.get() && has_siren()).then(|| view! {
                <label class="check"><input type="checkbox" bind:checked=sirens/>{Word::PracticeSirens}</label>
            }))}
            <div class="foot">
                <button class="link" on:click=press(move || practice.update(|p| *p = !*p))>
                    {text(move || if practice.get() { Word::PracticeEnd } else { Word::PracticeInstead })}
                </button>
                <a class="link" href=format!("tel:{number}")>{words::call_number(number)}</a>
            </div>
        </dialog>
    }
}
