//! Emergency contacts: the people, their order, and whether they have agreed.

use crate::{
    api::{
        home::HomeAnswer,
        household::{ContactLink, EditContact, EditContacts},
    },
    domain::id::{ContactId, HomeId},
    view::{
        household::{contact_state, not_counted},
        words::{HouseholdWord as W, Said},
    },
    web::{
        browser::{self, time::day},
        client,
        components::{FieldMessage, Icon, SaveButton, Saving, Sure, part, press, text},
        store::store,
    },
};
use leptos::{ev, html::Ol, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::Element;

/// One line of the list. The key stays the same when the line is moved.
#[derive(Clone, PartialEq, Eq)]
struct Row {
    key: u32,
    contact: EditContact,
    state: String,
    /// Whether there is a link through which the person can be called.
    linked: bool,
}

/// The list while it is being edited.
#[derive(Clone, Copy)]
struct Rows {
    all: RwSignal<Vec<Row>>,
    next_key: StoredValue<u32>,
    /// The keys in the order in which they were sent, to match the server's faults to lines.
    sent: RwSignal<Vec<u32>>,
}

impl Rows {
    fn of(home: &HomeAnswer) -> Self {
        let rows = Self {
            all: RwSignal::new(Vec::new()),
            next_key: StoredValue::new(0),
            sent: RwSignal::new(Vec::new()),
        };
        for c in &home.contacts {
            let contact = EditContact {
                id: Some(c.id.clone()),
                name: c.name.clone(),
                phone: c.phone.clone(),
            };
            rows.push(contact, contact_state(c, c.reached_at.map(day).as_deref()), c.linked);
        }
        // A home has at least two contacts, so the list begins with two lines.
        while rows.all.with_untracked(Vec::len) < 2 {
            rows.push(EditContact::default(), String::new(), false);
        }
        rows
    }

    fn push(self, contact: EditContact, state: String, linked: bool) {
        let key = self.next_key.get_value();
        self.next_key.set_value(key + 1);
        self.all.update(|all| all.push(Row { key, contact, state, linked }));
    }

    /// Stores typed text without redrawing anything.
    fn write(self, key: u32, write: impl FnOnce(&mut EditContact)) {
        self.all.update_untracked(|all| {
            if let Some(row) = all.iter_mut().find(|r| r.key == key) {
                write(&mut row.contact);
            }
        });
    }

    fn place(self, key: u32) -> usize {
        self.all.with(|all| all.iter().position(|r| r.key == key).unwrap_or(0))
    }

    fn name(self, key: u32) -> String {
        let name = self.all.with_untracked(|all| {
            all.iter().find(|r| r.key == key).map(|r| r.contact.name.clone())
        });
        name.filter(|n| !n.is_empty()).unwrap_or_else(|| W::SomebodyNew.into())
    }

    fn move_to(self, key: u32, to: usize) {
        self.all.update(|all| {
            if let Some(from) = all.iter().position(|r| r.key == key) {
                let row = all.remove(from);
                all.insert(to.min(all.len()), row);
            }
        });
    }

    fn remove(self, key: u32) {
        self.all.update(|all| all.retain(|r| r.key != key));
    }
}

/// The list of contacts, which is edited and saved as a whole.
#[component]
pub fn ContactsForm(
    /// The home.
    home: HomeAnswer,
    /// Runs after the list was stored.
    #[prop(optional)]
    done: Option<Callback<()>>,
) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(home.home.id.clone());
    let rows = Rows::of(&home);
    let saving = Saving::new();
    let list = NodeRef::<Ol>::new();
    let dragged = StoredValue::new(None::<u32>);
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        rows.sent.set(rows.all.with_untracked(|all| all.iter().map(|r| r.key).collect()));
        let asked = EditContacts {
            contacts: rows
                .all
                .with_untracked(|all| all.iter().map(|r| r.contact.clone()).collect()),
        };
        saving.send(
            async move { client::change::<HomeAnswer>(&id.get_value(), "contacts", &asked).await },
            move |home| {
                let fresh = Rows::of(&home);
                rows.all.set(
                    fresh
                        .all
                        .get_untracked()
                        .into_iter()
                        .map(|r| Row { key: r.key + 1_000, ..r })
                        .collect(),
                );
                store.learn(home);
                if let Some(done) = done {
                    done.try_run(());
                }
            },
        );
    };
    let drag = move |event: ev::PointerEvent| {
        let (Some(key), Some(list)) = (dragged.get_value(), list.get_untracked()) else { return };
        let lines = list.children();
        let over = (0..lines.length()).filter_map(|n| lines.item(n)).position(|line| {
            let place = line.get_bounding_client_rect();
            f64::from(event.client_y()) < place.bottom()
        });
        let to = over.unwrap_or(lines.length() as usize - 1);
        if rows.all.with_untracked(|all| all.iter().position(|r| r.key == key)) != Some(to) {
            rows.move_to(key, to);
        }
    };
    let grab = Callback::new(move |(key, event): (u32, ev::PointerEvent)| {
        event.prevent_default();
        dragged.set_value(Some(key));
        // The list captures the pointer, so that dragging goes on while its lines change places.
        if let Some(list) = list.get_untracked() {
            let _ = list.unchecked_ref::<Element>().set_pointer_capture(event.pointer_id());
        }
    });
    let warnings = RwSignal::new(Vec::<String>::new());
    spawn_local(async move {
        // In the first run there are no contacts yet, and so no warnings.
        if let Ok(household) = client::household(&id.get_value()).await {
            warnings.try_set(household.contacts.iter().filter_map(not_counted).collect());
        }
    });
    view! {
        <form class="card card--pad form" novalidate=true on:submit=save>
            <p class="muted small">{W::ContactsNote}</p>
            {part(move || Some(warnings.get().into_iter().map(|said| view! { <p class="notice">{said}</p> }).collect_view()))}
            <ol class="people" node_ref=list on:pointermove=drag on:pointerup=move |_| dragged.set_value(None) on:pointercancel=move |_| dragged.set_value(None)>
                <For each=move || rows.all.get() key=|row| row.key let:row>
                    <ContactLine row rows saving grab home=id/>
                </For>
            </ol>
            <FieldMessage field="contacts" saving/>
            <button class="btn btn--quiet" type="button" on:click=press(move || rows.push(EditContact::default(), String::new(), false))><Icon name="plus"/>{W::AddContact}</button>
            <SaveButton saving/>
        </form>
    }
}

#[component]
fn ContactLine(
    /// The initial state of the line.
    row: Row,
    /// The list.
    rows: Rows,
    /// The form.
    saving: Saving,
    /// Runs when a pointer takes the handle.
    grab: Callback<(u32, ev::PointerEvent)>,
    /// The home's id.
    home: StoredValue<HomeId>,
) -> impl IntoView {
    let Row { key, contact, state, linked } = row;
    let made = RwSignal::new(false);
    let wrong = move |what: &str| {
        let at = rows.sent.with(|sent| sent.iter().position(|k| *k == key));
        at.map_or_else(String::new, |at| saving.wrong_with(&format!("contacts[{at}].{what}")))
    };
    let step = move |by: isize| rows.move_to(key, rows.place(key).saturating_add_signed(by));
    let input = move |what: &'static str, label: W, kind: &'static str, value: String| {
        let about = format!("about-{what}-{key}");
        view! {
            <label class="field">
                <span>{label}</span>
                <input type=kind value=value autocomplete="off" aria-describedby=about.clone() aria-invalid=text(move || (!wrong(what).is_empty()).to_string())
                    on:input=move |event| rows.write(key, |c| *(if what == "name" { &mut c.name } else { &mut c.phone }) = event_target_value(&event))/>
                <small id=about class="field__wrong">{text(move || wrong(what))}</small>
            </label>
        }
    };
    let invite = contact
        .id
        .clone()
        .map(|id| view! { <Invite home contact=id name=contact.name.clone() linked made/> });
    view! {
        <li class="people__row" aria-label=text(move || W::PlaceNumber.fill(&[&(rows.place(key) + 1).to_string()]))>
            <span class="people__handle" title=W::Drag on:pointerdown=move |event| grab.run((key, event))>
                <b class="num" aria-hidden="true">{text(move || (rows.place(key) + 1).to_string())}</b><Icon name="grip"/>
            </span>
            <div class="grow form">
                <div class="two">
                    {input("name", W::ContactName, "text", contact.name)}
                    {input("phone", W::ContactPhone, "tel", contact.phone)}
                </div>
                <p class="faint tiny">{text(move || if made.get() { W::Invited.into() } else { state.clone() })}</p>
                <div class="acts">
                    <button class="tile" type="button" aria-label=text(move || W::MoveUp.fill(&[&rows.name(key)])) on:click=press(move || step(-1))><Icon name="up"/></button>
                    <button class="tile" type="button" aria-label=text(move || W::MoveDown.fill(&[&rows.name(key)])) on:click=press(move || step(1))><Icon name="down"/></button>
                    {invite}
                    <button class="btn btn--small btn--quiet" type="button" aria-label=text(move || W::RemoveName.fill(&[&rows.name(key)])) on:click=press(move || rows.remove(key))>{W::Remove}</button>
                </div>
            </div>
        </li>
    }
}

/// The link for a contact's phone, made on request.
#[component]
fn Invite(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// The contact.
    contact: ContactId,
    /// The contact's name.
    name: String,
    /// Whether there is a link already, which a new one invalidates.
    linked: bool,
    /// Becomes true when a link was made.
    made: RwSignal<bool>,
) -> impl IntoView {
    let link = RwSignal::new(None::<String>);
    let copied = RwSignal::new(false);
    let (label, again, note) =
        (W::InviteName.fill(&[&name]), W::NewLink.fill(&[&name]), W::InviteNote.fill(&[&name]));
    let make = move || {
        let what = format!("contacts/{contact}/link");
        spawn_local(async move {
            // If it fails, the button stays.
            if let Ok(ContactLink { path }) = client::add(&home.get_value(), &what, &()).await {
                made.set(true);
                copied.set(false);
                link.set(Some(format!(
                    "{}{path}",
                    browser::window().location().origin().unwrap_or_default()
                )));
            }
        });
    };
    let copy = move || {
        if let Some(link) = link.get_untracked() {
            browser::copy(&link);
            copied.set(true);
        }
    };
    view! {
        {part(move || Some(match linked || made.get() {
            // The person may have agreed through the old link, so one tap must not invalidate it.
            true => view! { <Sure label=again.clone() sure=W::NewLinkSure act=Callback::new({ let make = make.clone(); move |()| make() })/> }.into_any(),
            false => view! { <button class="btn btn--small btn--quiet" type="button" aria-label=label.clone() on:click=press(make.clone())>{W::Invite}</button> }.into_any(),
        }))}
        {part(move || link.get().map(|link| view! {
            <div class="link-box" role="status">
                <p class="small muted">{note.clone()}</p>
                <code>{link}</code>
                <button class="btn btn--small btn--strong" type="button" on:click=press(copy)>{text(move || if copied.get() { W::Copied } else { W::Copy })}</button>
            </div>
        }))}
    }
}
