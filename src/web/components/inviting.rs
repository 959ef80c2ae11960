//! Inviting somebody by a link, and the open invitations.

use super::{Field, Icon, SaveButton, Saving, Sure, part, press, text};
use crate::{
    api::invitations::{InvitationLink, Invite},
    view::words::{HouseholdWord as W, Said},
    web::{browser, client},
};
use leptos::{ev, prelude::*, task::spawn_local};

/// An invitation that nobody has accepted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its id, as in paths.
    pub id: String,
    /// The invited person.
    pub name: String,
    /// The role, and when the invitation expires.
    pub line: String,
}

/// The form, the link that it makes, and the open invitations.
#[component]
pub fn Inviting(
    /// The path of the invitations.
    path: String,
    /// The roles that can be offered: the name in the API, and the text. The first is preselected.
    ways: Vec<(&'static str, String)>,
    /// The open invitations.
    open: RwSignal<Vec<Open>>,
    /// Loads the open invitations again.
    refresh: Callback<()>,
) -> impl IntoView {
    let path = StoredValue::new(path);
    let (name, saving) = (RwSignal::new(String::new()), Saving::new());
    let role = RwSignal::new(ways.first().map_or("", |(role, _)| role).to_owned());
    let (link, copied) = (RwSignal::new(None::<(String, String)>), RwSignal::new(false));
    let invite = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let whom = name.get_untracked();
        let asked = Invite { name: whom.clone(), role: role.get_untracked() };
        saving.send(
            async move { client::invite(&path.get_value(), &asked).await },
            move |InvitationLink { path }| {
                let origin = browser::window().location().origin().unwrap_or_default();
                // By now the field may hold the name of the next person.
                if name.try_with_untracked(|name| *name == whom) == Some(true) {
                    name.try_set(String::new());
                }
                link.try_set(Some((whom, format!("{origin}{path}"))));
                copied.try_set(false);
                refresh.try_run(());
            },
        );
    };
    let copy = move || {
        if let Some((_, link)) = link.get_untracked() {
            browser::copy(&link);
            copied.set(true);
        }
    };
    let option =
        |(value, words): (&'static str, String)| view! { <option value=value>{words}</option> };
    let row = move |one: Open| view! { <OpenOne path one refresh/> };
    view! {
        <form class="card card--pad form" on:submit=invite>
            <h2>{W::InvitePerson}</h2>
            <p class="muted small">{W::InvitePersonNote}</p>
            <Field label=W::InviteWhom name="name" value=name saving/>
            <label class="field"><span>{W::InviteAs}</span><select on:change=move |event| role.set(event_target_value(&event))>{ways.into_iter().map(option).collect_view()}</select></label>
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
fn OpenOne(
    /// The path of the invitations.
    path: StoredValue<String>,
    /// The invitation.
    one: Open,
    /// Loads the open invitations again.
    refresh: Callback<()>,
) -> impl IntoView {
    let Open { id, name, line } = one;
    let withdraw = Callback::new(move |()| {
        let path = format!("{}/{id}", path.get_value());
        spawn_local(async move {
            // If it fails, the button stays.
            if client::take_back(&path).await.is_ok() {
                refresh.try_run(());
            }
        });
    });
    view! {
        <li>
            <span class="tile"><Icon name="people"/></span>
            <div class="grow"><b>{name}</b><p class="faint tiny">{line}</p></div>
            <div class="acts"><Sure label=W::InviteTakeBack sure=W::InviteTakeBackSure act=withdraw/></div>
        </li>
    }
}
