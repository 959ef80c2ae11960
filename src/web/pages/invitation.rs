//! The page of an invitation: who invites to what, and the form to accept it.

use crate::{
    api::{
        heard::Heard,
        invitations::{Invitation, InvitedTo, Join},
    },
    view::{
        household as say,
        words::{HouseholdWord as W, Said},
    },
    web::{
        browser::set_title,
        client,
        components::{Field, SaveButton, Saving, ShieldShape, part, press},
        route::{Route, navigation},
        store::{Session, store},
    },
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// An invitation, until it is accepted.
#[component]
pub fn InvitationPage(
    /// The token of the link.
    token: String,
) -> impl IntoView {
    let token = StoredValue::new(token);
    // `None` until the server answers; then the invitation, if it is still valid.
    let told = RwSignal::new(None::<Option<Invitation>>);
    spawn_local(async move {
        let answer = client::invitation(&token.get_value()).await;
        told.try_set(Some(answer.ok()));
    });
    view! {
        <main class="door door--wide">
            <span class="door__shield"><ShieldShape/></span>
            {part(move || Some(match told.get()? {
                Some(invitation) => view! { <Way invitation token/> }.into_any(),
                None => view! { <h1>"Buckler"</h1><p role="alert">{W::InvitationOver}</p> }.into_any(),
            }))}
        </main>
    }
}

#[component]
fn Way(
    /// The invitation behind the link.
    invitation: Invitation,
    /// The token of the link.
    token: StoredValue<String>,
) -> impl IntoView {
    let (store, navigation) = (store(), navigation());
    let Invitation { inviter, name, to } = invitation;
    let (place, (word, note), then) = match to {
        InvitedTo::Home { name, role } => (name, say::role(role), Route::Dashboard),
        InvitedTo::Center { role } => (W::TheCenter.into(), say::center_role(role), Route::Center),
        InvitedTo::Other => (W::OtherPlace.into(), say::role(Heard::Unknown), Route::Dashboard),
    };
    let title = W::Invitation.fill(&[&inviter, &place]);
    set_title(&title);
    let then = StoredValue::new(then);
    let saving = Saving::new();
    let (name, email, password) =
        (RwSignal::new(name), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let inside = move || {
        store.begin();
        // Unless the person has left the page.
        if let Some(then) = then.try_get_value() {
            navigation.go(then);
        }
    };
    let make = move |event: SubmitEvent| {
        event.prevent_default();
        let asked = Join {
            name: name.get_untracked(),
            email: email.get_untracked(),
            password: password.get_untracked(),
        };
        saving.send(async move { client::join(&token.get_value(), &asked).await }, move |()| {
            inside()
        });
    };
    let accept = move |event: SubmitEvent| {
        event.prevent_default();
        saving
            .send(async move { client::accept_invitation(&token.get_value()).await }, move |()| {
                inside()
            });
    };
    let known = move || matches!(store.session.get_untracked(), Session::Somebody(_));
    view! {
        <h1>{title}</h1>
        <p class="muted">{W::InvitationAs.fill(&[word.say(), note.say()])}</p>
        <div class="door__steps">
            {part(move || Some(match known() {
                true => view! { <form class="card card--pad form wide" on:submit=accept><SaveButton saving label=W::InvitationJoin/></form> }.into_any(),
                false => view! {
                    <form class="card card--pad form" on:submit=make>
                        <h2>{W::InvitationNew}</h2>
                        <Field label=W::YourName name="name" value=name saving autocomplete="name"/>
                        <Field label=W::Email name="email" value=email saving kind="email" autocomplete="username"/>
                        <Field label=W::AccountPassword name="password" value=password saving kind="password" autocomplete="new-password"/>
                        <SaveButton saving label=W::InvitationJoin/>
                        <p class="faint small">{W::InvitationKnown}</p>
                        <button class="link" type="button" on:click=press(move || navigation.go(Route::Dashboard))>{W::InvitationSignIn}</button>
                    </form>
                }.into_any(),
            }))}
        </div>
    }
}
