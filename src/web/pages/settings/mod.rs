//! Settings: the parts of a home that its owners set up, and those of the account and the app.

mod address;
mod asked;
mod cameras;
mod contacts;
mod deliveries;
mod equipment;
mod finding;
mod language;
mod log;
mod passkeys;
mod password;
mod people;
mod responders;
mod security;
mod siren_bindings;
mod sirens;
mod stream;

pub use address::AddressForm;
pub use cameras::{CamerasSection, address as address_step, contacts as contacts_step};
pub use contacts::ContactsForm;
pub use equipment::EquipmentForm;
pub use password::PasswordForm;

use crate::{
    api::home::HomeAnswer,
    domain::access::Role,
    view::{
        household as say,
        words::{HouseholdWord as W, spoken_tag},
    },
    web::{
        components::{Icon, Page, part, proof_when_asked, restricted_device, whether},
        on_demand::{Chunk, PartOnDemand, chunk, prepare, prepare_then},
        route::{Link, Route, Section},
        store::store,
    },
};
use leptos::prelude::*;

/// Offers to install the app on the home screen, if the browser supports it; `public/pwa.js` finds
/// out whether.
#[component]
fn Install() -> impl IntoView {
    view! {
        <section class="card card--pad form install">
            <h2>{W::Install}</h2>
            <p class="muted">{W::InstallNote}</p>
            <button class="btn btn--strong install__ask" data-ask="install">{W::InstallNow}</button>
            <p class="install__ios">{W::InstallIos}</p>
        </section>
    }
}

/// A section's name and symbol.
const fn look(section: Section) -> (W, &'static str) {
    match section {
        Section::Index => (W::Settings, "gear"),
        Section::Address => (W::Address, "home"),
        Section::Contacts => (W::Contacts, "phone"),
        Section::Password => (W::Password, "lock"),
        Section::Sirens => (W::Sirens, "siren"),
        Section::Cameras => (W::SosCameras, "camera"),
        Section::People => (W::People, "people"),
        Section::Equipment => (W::Equipment, "base"),
        Section::Security => (W::Security, "key"),
        Section::Log => (W::Log, "undo"),
        Section::Language => (W::Language, "globe"),
    }
}

/// The state of a section in a line.
fn line(section: Section, home: &HomeAnswer) -> String {
    match section {
        Section::Address => say::address_line(home),
        Section::Contacts => say::contacts_line(home),
        Section::Sirens => say::sirens_line(home),
        Section::Cameras => say::cameras_line(home).into(),
        Section::Equipment => say::equipment_line(home),
        Section::Language => crate::web::language::name(spoken_tag()).into(),
        Section::Index | Section::Password | Section::People | Section::Security | Section::Log => {
            String::new()
        }
    }
}

/// The settings: a list of sections, and the one that is open.
#[component]
pub fn Settings(
    /// The open section.
    section: Section,
) -> impl IntoView {
    let store = store();
    let (title, _) = look(section);
    let back =
        if section == Section::Index { Route::Dashboard } else { Route::Settings(Section::Index) };
    // A form is not redrawn when somebody else changes the home, so that typed text stays.
    let whose =
        Memo::new(move |_| store.home.with(|h| h.as_ref().map(|h| (h.home.id.clone(), h.role))));
    let open = move || {
        let (_, role) = whose.get()?;
        let anybody = matches!(section, Section::Index | Section::Security | Section::Language);
        Some(match chunk_of(section) {
            _ if !anybody && role != Role::Owner => {
                view! { <p class="card card--pad muted">{W::OnlyOwners}</p> }.into_any()
            }
            Some(chunk) => {
                view! { <PartOnDemand chunk route=Route::Settings(section)/> }.into_any()
            }
            None if section == Section::Language => {
                view! { <language::LanguageSection/> }.into_any()
            }
            None => view! { <Install/> }.into_any(),
        })
    };
    // What a restricted device may change is nothing of the home and of the account. It may look.
    let looks = !matches!(section, Section::Index | Section::Language | Section::Log);
    let restricted_until = Memo::new(move |_| store.restricted_until());
    // The code that the next tap may need is fetched after the code of this section.
    prepare_then(chunk_of(section).unwrap_or(BASICS).fetch, || {
        [BASICS, ACCESS].into_iter().for_each(|chunk| prepare(chunk.fetch))
    });
    view! {
        <Page title back>
            <div class="settings" class:settings--open=section != Section::Index>
                <nav class="settings__list" aria-label=W::Settings>{part(move || store.home.get().map(|home| list(section, &home)))}</nav>
                <div class="settings__part">
                    {part(move || restricted_until.get().map(restricted_device))}
                    <fieldset class="bare" disabled=whether(move || looks && restricted_until.get().is_some())>{part(open)}</fieldset>
                </div>
            </div>
        </Page>
        {proof_when_asked()}
    }
}

fn list(open: Section, home: &HomeAnswer) -> impl IntoView + use<> {
    let row = |section: Section| {
        let (name, icon) = look(section);
        let line = line(section, home);
        view! {
            <li>
                <Link to=Route::Settings(section) class="row" here=section == open>
                    <span class="tile"><Icon name=icon/></span>
                    <span class="grow"><b>{name}</b><small class="faint tiny">{line}</small></span>
                    <Icon name="next"/>
                </Link>
            </li>
        }
    };
    view! { <ul class="rows card">{Section::ALL.map(row).collect_view()}</ul> }
}

chunk!(
    /// The sections for the setup of the home. The first run uses their forms, too.
    basics, BASICS, |route| match of(&route) {
        Some((Section::Address, home)) => view! { <address::AddressSection home/> }.into_any(),
        Some((Section::Contacts, home)) => view! { <ContactsForm home/> }.into_any(),
        Some((Section::Password, home)) => view! { <password::PasswordSection home/> }.into_any(),
        Some((Section::Sirens, home)) => view! { <sirens::SirensForm home/> }.into_any(),
        Some((Section::Cameras, home)) => view! { <CamerasSection home/> }.into_any(),
        Some((Section::Equipment, home)) => view! { <EquipmentForm home/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// The sections for people, the account's security, and the audit log.
    access, ACCESS, |route| match of(&route) {
        Some((Section::People, home)) => view! { <people::PeopleSection home/> }.into_any(),
        Some((Section::Log, home)) => view! { <log::LogSection home=home.home.id/> }.into_any(),
        Some((Section::Security, _)) => view! { <security::SecuritySection/> }.into_any(),
        _ => ().into_any(),
    }
);

/// Returns the chunk of a section; `None` if the section has none.
const fn chunk_of(section: Section) -> Option<Chunk> {
    match section {
        Section::Index | Section::Language => None,
        Section::People | Section::Log | Section::Security => Some(ACCESS),
        _ => Some(BASICS),
    }
}

/// Returns the section of the route, and the home on the screen.
fn of(route: &Route) -> Option<(Section, HomeAnswer)> {
    match route {
        Route::Settings(section) => Some((*section, store().home.get_untracked()?)),
        _ => None,
    }
}
