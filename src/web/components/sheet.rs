//! The SOS sheet: which help is requested, and to which address.

use super::{Icon, Slide, part, press, text, whether, which_home};
use crate::{
    api::home::HomeAnswer,
    domain::{
        eligibility::Reason,
        id::HomeId,
        incident::{Mode, Request, Source},
    },
    view::{
        opened::{Place, at_home},
        words::{self, Word},
    },
    web::{
        browser::{after_next_frame, dialog::open_when_mounted},
        sending::{Gesture, sender},
        store::store,
    },
};
use leptos::{html::Dialog, prelude::*};

/// Opens and closes the sheet.
#[derive(Clone, Copy)]
pub struct SheetHandle(RwSignal<Option<(HomeId, Source)>>);

impl SheetHandle {
    /// Creates a closed sheet.
    pub fn new() -> Self {
        Self(RwSignal::new(None))
    }

    /// Opens it for the home that the screen named at the press, and this source (I29). It opens
    /// after the press itself is drawn, because the sheet takes longer than a frame on a slow phone.
    pub fn open(self, home: HomeId, source: Source) {
        after_next_frame(move || drop(self.0.try_set(Some((home, source)))));
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
    part(move || handle.0.get().map(|(home, source)| view! { <OpenSheet handle home source/> }))
}

/// The sheet, open.
#[component]
pub fn OpenSheet(
    /// Closes it.
    handle: SheetHandle,
    /// The home that it stands for until it is closed, whichever is open by then.
    home: HomeId,
    /// The source of the request.
    source: Source,
) -> impl IntoView {
    let (store, sender) = (store(), sender());
    let name = StoredValue::new(store.name_among(&home));
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    let practice = RwSignal::new(false);
    let sirens = RwSignal::new(false);
    let at_first = StoredValue::new(store.place(&home));
    let (home, source) = (StoredValue::new(home), StoredValue::new(source));
    let place = move || {
        let is_its = |open: &&HomeAnswer| home.with_value(|home| open.home.id == *home);
        let now = store.home.with(|open| open.as_ref().filter(is_its).map(|h| Place::of(Some(h))));
        now.unwrap_or_else(|| at_first.get_value())
    };
    let has_siren = move || place().has_siren;
    let number = at_first.with_value(|p| p.number);

    let request = Callback::new(move |request: Request| {
        let mode = if practice.get_untracked() { Mode::Drill } else { Mode::Live };
        let sirens = mode == Mode::Drill && sirens.get_untracked();
        sender.send(Gesture {
            home: home.get_value(),
            home_name: name.get_value(),
            number,
            request,
            mode,
            sirens,
            call_contacts: true,
            source: source.get_value(),
        });
        handle.close_when_seen();
    });
    let title = move || if practice.get() { Word::Practice } else { Word::Sheet };
    let whole_title = move || name.with_value(|name| at_home(name.as_deref(), title().into()));
    let place_note = move || match practice.get() {
        true => Word::PracticeNote.into(),
        false => place().address,
    };
    let is_refused = Memo::new(move |_| place().is_restricted && !practice.get());

    view! {
        <dialog class="sheet" class:sheet--drill=whether(move || practice.get()) node_ref=node aria-label=text(whole_title) on:cancel=move |event: leptos::ev::Event| { event.prevent_default(); handle.close(); }>
            <div class="head">
                <h1 tabindex="-1" autofocus>{text(title)}</h1>
                <button class="tile" aria-label=Word::Close on:click=press(move || handle.close())><Icon name="close"/></button>
            </div>
            {which_home(name.get_value())}
            <p class="sheet__where">{text(place_note)}</p>
            {part(move || Some(match is_refused.get() {
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
