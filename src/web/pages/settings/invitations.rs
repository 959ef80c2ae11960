//! Inviting somebody, and who was invited and has not come yet.

use super::people::{ROLES, role_of};
use crate::{
    api::{
        household::Household,
        invitations::{InvitationLink, Invite, Invited},
    },
    domain::{access::Role, id::HomeId},
    view::{
        household::role as role_words,
        words::{HouseholdWord as W, Said},
    },
    web::{
        browser::{self, time::day},
        client,
        components::{Field, Icon, SaveButton, Saving, Sure, part, press, text},
    },
};
use leptos::{ev, prelude::*, task::spawn_local};

/// The form, its link, and who was invited.
#[component]
pub fn Invitations(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// Who was invited.
    open: RwSignal<Vec<Invited>>,
) -> impl IntoView {
    let (name, role, saving) = (RwSignal::new(String::new()), RwSignal::new(Role::Shared), Saving::new());
    let (link, copied) = (RwSignal::new(None::<(String, String)>), RwSignal::new(false));
    let refresh = move || {
        spawn_local(async move {
            if let Ok(Household { invitations, .. }) = client::household(&home.get_value()).await {
                open.try_set(invitations);
            }
        });
    };
    let invite = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let asked = Invite { name: name.get_untracked(), role: role.get_untracked() };
        saving.send(async move { client::add(&home.get_value(), "invitations", &asked).await }, move |InvitationLink { path }| {
            let origin = browser::window().location().origin().unwrap_or_default();
            link.try_set(Some((name.get_untracked(), format!("{origin}{path}"))));
            copied.try_set(false);
            name.try_set(String::new());
            refresh();
        });
    };
    let copy = move || {
        if let Some((_, link)) = link.get_untracked() {
            browser::copy(&link);
            copied.set(true);
        }
    };
    let option = |(one, value): (Role, &'static str)| {
        let (word, note) = role_words(one);
        view! { <option value=value selected=one == Role::Shared>{format!("{}: {}", word.say(), note.say())}</option> }
    };
    let choose = move |event: ev::Event| {
        if let Some(chosen) = role_of(&event_target_value(&event)) {
            role.set(chosen);
        }
    };
    let row = move |invited: Invited| view! { <Open home invited open/> };
    view! {
        <form class="card card--pad form" on:submit=invite>
            <h2>{W::InvitePerson}</h2>
            <p class="muted small">{W::InvitePersonNote}</p>
            <Field label=W::InviteWhom name="name" value=name saving/>
            <label class="field"><span>{W::InviteAs}</span><select on:change=choose>{ROLES.map(option).collect_view()}</select></label>
            <SaveButton saving label=W::MakeLink/>
            {part(move || link.get().map(|(whom, link)| view! {
                <div class="link-box" role="status">
                    <p class="small muted">{W::InviteLinkNote.fill(&[&whom])}</p>
                    <code>{link}</code>
                    <button class="btn btn--small btn--strong" type="button" on:click=press(copy)>{text(move || if copied.get() { W::Copied } else { W::Copy })}</button>
                </div>
            }))}
        </form>
        {part(move || Some(open.get()).filter(|all| !all.is_empty()).map(|all| view! { <ul class="rows card">{all.into_iter().map(row).collect_view()}</ul> }))}
    }
}

#[component]
fn Open(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// Who was invited.
    invited: Invited,
    /// Takes in who still is.
    open: RwSignal<Vec<Invited>>,
) -> impl IntoView {
    let Invited { id, name, role, expires_at } = invited;
    let what = StoredValue::new(format!("invitations/{id}"));
    let withdraw = Callback::new(move |()| {
        spawn_local(async move {
            if let Ok(Household { invitations, .. }) = client::remove(&home.get_value(), &what.get_value()).await {
                open.try_set(invitations);
            }
        });
    });
    let line = W::InviteOpen.fill(&[role_words(role).0.say(), &day(expires_at)]);
    view! {
        <li>
            <span class="tile"><Icon name="people"/></span>
            <div class="grow"><b>{name}</b><p class="faint tiny">{line}</p></div>
            <Sure label=W::InviteTakeBack sure=W::InviteTakeBackSure act=withdraw/>
        </li>
    }
}
