//! The people of the home: who may view it, who may request help, and who may change settings.

use crate::{
    api::{
        heard::Heard,
        home::HomeAnswer,
        household::{EditResident, Household, Resident},
        invitations::Invited,
        path,
    },
    domain::{access::Role, id::HomeId},
    view::{
        household::role as role_words,
        words::{HouseholdWord as W, Said},
    },
    web::{
        browser::time::day,
        client,
        components::{FieldMessage, Inviting, Open, SaveButton, Saving, Sure, part},
    },
};
use leptos::{ev, prelude::*, task::spawn_local};

/// The roles, in the order in which an invitation offers them.
const INVITED: [Role; 3] = [Role::Shared, Role::Owner, Role::Guest];
const ROLES: [Role; 3] = [Role::Owner, Role::Shared, Role::Guest];

const fn name_of(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Shared => "shared",
        Role::Guest => "guest",
    }
}

fn in_words(role: Role) -> String {
    let (word, note) = role_words(role.into());
    format!("{}: {}", word.say(), note.say())
}

fn invited(Invited { id, name, role, expires_at }: Invited<Role>) -> Open {
    Open { id, name, line: W::InviteOpen.fill(&[role_words(role).0.say(), &day(expires_at)]) }
}

/// The list of people.
#[component]
pub fn PeopleSection(
    /// The home.
    home: HomeAnswer,
) -> impl IntoView {
    let id = StoredValue::new(home.home.id);
    let people = RwSignal::new(None::<Vec<Resident>>);
    let open = RwSignal::new(Vec::new());
    let look = move || {
        spawn_local(async move {
            if let Ok(household) = client::household(&id.get_value()).await {
                if people.try_with_untracked(Option::is_none) == Some(true) {
                    people.set(Some(household.people));
                }
                open.try_set(household.invitations.into_iter().map(invited).collect());
            }
        });
    };
    look();
    // Only a removed person changes the list, because each form knows already what it has saved.
    let learn = Callback::new(move |household: Household| {
        let count = |people: &Option<Vec<Resident>>| people.as_ref().map(Vec::len);
        if people.with_untracked(count) != Some(household.people.len()) {
            people.set(Some(household.people));
        }
    });
    let list = move || {
        let rows =
            people.get()?.into_iter().map(|resident| view! { <Person home=id resident learn/> });
        Some(view! { <ul class="col">{rows.collect_view()}</ul> })
    };
    view! {
        {part(list)}
        <Inviting
            path=path::of_home(&id.get_value(), "invitations")
            ways=INVITED.map(|one| (name_of(one), in_words(one))).to_vec()
            open
            refresh=Callback::new(move |()| look())
        />
    }
}

#[component]
fn Person(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// The person.
    resident: Resident,
    /// Receives the household after a change.
    learn: Callback<Household>,
) -> impl IntoView {
    let Resident { id, name, email, role, sos_withdrawn, you } = resident;
    let saving = Saving::new();
    let path = StoredValue::new(format!("people/{id}"));
    // A role that only a newer server knows stays, unless another one is chosen.
    let chosen = RwSignal::new(role);
    let may_sos = RwSignal::new(!sos_withdrawn);
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let Some(role) = chosen.get_untracked().known() else { return };
        let asked = EditResident { role, sos_withdrawn: !may_sos.get_untracked() };
        saving.send(
            async move { client::change(&home.get_value(), &path.get_value(), &asked).await },
            move |told| _ = learn.try_run(told),
        );
    };
    let remove = Callback::new(move |()| {
        saving.send(
            async move { client::remove(&home.get_value(), &path.get_value()).await },
            move |told| _ = learn.try_run(told),
        );
    });
    let option = |one: Role| view! { <option value=name_of(one) selected=role == one>{in_words(one)}</option> };
    let other =
        (role == Heard::Unknown).then(|| view! { <option selected=true>{W::OtherRole}</option> });
    let choose = move |event: ev::Event| {
        let named = event_target_value(&event);
        if let Some(role) = ROLES.into_iter().find(|role| name_of(*role) == named) {
            chosen.set(role.into());
        }
    };
    let (label, sure) = (W::RemoveName.fill(&[&name]), W::RemoveSure.fill(&[&name]));
    view! {
        <li>
            <form class="card card--pad form" on:submit=save>
                <div class="row">
                    <span class="tile"><super::Icon name="people"/></span>
                    <span class="grow"><b>{name.clone()}</b><small class="faint tiny">{email}</small></span>
                    {you.then(|| view! { <span class="chip">{W::You}</span> })}
                </div>
                <label class="field"><span>{W::RoleOf.fill(&[&name])}</span><select on:change=choose>{other}{ROLES.map(option).collect_view()}</select></label>
                <FieldMessage field="role" saving/>
                {part(move || (chosen.get() == Role::Shared).then(|| view! { <label class="check"><input type="checkbox" bind:checked=may_sos/>{W::MaySos}</label> }))}
                <div class="acts"><SaveButton saving/><Sure label sure act=remove/></div>
            </form>
        </li>
    }
}
