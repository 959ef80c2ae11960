//! Setting, changing and testing the verbal password. It is never shown.

use crate::{
    api::{
        home::HomeAnswer,
        household::{AskVerbalPassword, EditVerbalPassword, Household, VerbalPasswordCheck},
    },
    domain::id::HomeId,
    view::words::{HouseholdWord as W, Said},
    web::{
        client,
        components::{Field, SaveButton, Saving, part},
        store::store,
    },
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// Both forms.
#[component]
pub fn PasswordSection(
    /// The home.
    home: HomeAnswer,
) -> impl IntoView {
    let id = StoredValue::new(home.home.id);
    let is_set = RwSignal::new(None::<bool>);
    spawn_local(async move {
        if let Ok(Household { verbal_password_set, .. }) = client::household(&id.get_value()).await
        {
            is_set.try_set(Some(verbal_password_set));
        }
    });
    part(move || {
        let known = is_set.get()?;
        let form = view! { <PasswordForm home=id.get_value() known done=Callback::new(move |()| if !known { is_set.set(Some(true)) })/> };
        Some(view! { {form}{known.then(|| view! { <Try home=id/> })} })
    })
}

/// Sets the password.
#[component]
pub fn PasswordForm(
    /// The home's id.
    home: HomeId,
    /// Whether one is set, which must then be entered first.
    known: bool,
    /// Runs after it was stored.
    done: Callback<()>,
) -> impl IntoView {
    let store = store();
    let home = StoredValue::new(home);
    let (password, current) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let saving = Saving::new();
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let asked = EditVerbalPassword {
            password: password.get_untracked(),
            current: known.then(|| current.get_untracked()),
        };
        saving.send(
            async move { client::change(&home.get_value(), "verbal-password", &asked).await },
            move |answer| {
                password.try_set(String::new());
                current.try_set(String::new());
                store.learn(answer);
                done.try_run(());
            },
        );
    };
    view! {
        <form class="card card--pad form" on:submit=save>
            <p class="muted small">{W::PasswordNote}</p>
            {known.then(|| view! { <Field label=W::PasswordCurrent name="current" value=current saving/> })}
            <Field label=W::PasswordNew name="password" value=password saving hint=W::PasswordHint.say()/>
            <SaveButton saving/>
        </form>
    }
}

#[component]
fn Try(
    /// The home's id.
    home: StoredValue<HomeId>,
) -> impl IntoView {
    let said = RwSignal::new(String::new());
    let right = RwSignal::new(None::<bool>);
    let saving = Saving::new();
    let ask = move |event: SubmitEvent| {
        event.prevent_default();
        right.set(None);
        let asked = AskVerbalPassword { password: said.get_untracked() };
        saving.send(
            async move { client::add(&home.get_value(), "verbal-password/check", &asked).await },
            move |VerbalPasswordCheck { correct }| {
                right.try_set(Some(correct));
            },
        );
    };
    view! {
        <form class="card card--pad form" on:submit=ask>
            <h2>{W::PasswordAsk}</h2>
            <p class="muted small">{W::PasswordAskNote}</p>
            <Field label=W::Password name="try" value=said saving/>
            <div class="save">
                <button class="btn btn--quiet" type="submit">{W::PasswordTry}</button>
                <p class="save__note" role="status">{part(move || right.get().map(|yes| match yes {
                    true => view! { <span class="save__done">{W::PasswordCorrect}</span> }.into_any(),
                    false => view! { <span class="field__wrong">{W::PasswordIncorrect}</span> }.into_any(),
                }))}</p>
            </div>
        </form>
    }
}
