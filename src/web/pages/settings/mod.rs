//! Settings: every part of a home that its owners set up.

mod address;
mod cameras;
mod contacts;
mod equipment;
mod invitations;
mod language;
mod log;
mod passkeys;
mod password;
mod people;
mod proof;
mod security;
mod sirens;

pub use address::AddressForm;
pub use cameras::{CamerasSection, address as address_step};
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
        components::{Icon, Page, part},
        route::{Link, Route, Section},
        store::store,
    },
};
use leptos::prelude::*;

/// The way to the home screen, where the browser offers one; `public/pwa.js` says whether.
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

/// A section in a line.
fn line(section: Section, home: &HomeAnswer) -> String {
    match section {
        Section::Address => say::address_line(home),
        Section::Contacts => say::contacts_line(home),
        Section::Sirens => say::sirens_line(home),
        Section::Cameras => say::cameras_line(home).into(),
        Section::Equipment => say::equipment_line(home),
        Section::Language => crate::web::language::name(spoken_tag()).into(),
        Section::Index | Section::Password | Section::People | Section::Security | Section::Log => String::new(),
    }
}

/// The settings: a list of sections, and the one that is open.
#[component]
pub fn Settings(
    /// Which section.
    section: Section,
) -> impl IntoView {
    let store = store();
    let (title, _) = look(section);
    let back = if section == Section::Index { Route::Dashboard } else { Route::Settings(Section::Index) };
    // A form is not drawn again when somebody else changes the home: what is typed stays.
    let whose = Memo::new(move |_| store.home.with(|h| h.as_ref().map(|h| (h.home.id.clone(), h.role))));
    let open = move || {
        let (_, role) = whose.get()?;
        let home = store.home.get_untracked()?;
        Some(match role {
            _ if section == Section::Language => view! { <language::LanguageSection/> }.into_any(),
            _ if section == Section::Security => view! { <security::SecuritySection/> }.into_any(),
            _ if section == Section::Index => view! { <Install/> }.into_any(),
            Role::Owner => part_of(section, home),
            Role::Shared | Role::Guest => view! { <p class="card card--pad muted">{W::OnlyOwners}</p> }.into_any(),
        })
    };
    view! {
        <Page title back>
            <div class="settings" class:settings--open=section != Section::Index>
                <nav class="settings__list" aria-label=W::Settings>{part(move || store.home.get().map(|home| list(section, &home)))}</nav>
                <div class="settings__part">{part(open)}</div>
            </div>
        </Page>
        {part(|| crate::web::proof::asked().then(|| view! { <proof::ProofDialog/> }))}
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

fn part_of(section: Section, home: HomeAnswer) -> AnyView {
    match section {
        Section::Address => view! { <address::AddressSection home/> }.into_any(),
        Section::Contacts => view! { <ContactsForm home/> }.into_any(),
        Section::Password => view! { <password::PasswordSection home/> }.into_any(),
        Section::Sirens => view! { <sirens::SirensForm home/> }.into_any(),
        Section::Cameras => view! { <CamerasSection home/> }.into_any(),
        Section::People => view! { <people::PeopleSection home/> }.into_any(),
        Section::Equipment => view! { <EquipmentForm home/> }.into_any(),
        Section::Log => view! { <log::LogSection home=home.home.id/> }.into_any(),
        Section::Index | Section::Security | Section::Language => ().into_any(),
    }
}
