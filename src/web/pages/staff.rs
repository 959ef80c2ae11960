//! The staff of the monitoring center, for its supervisors.

use crate::{
    api::{
        center::{CenterPeople, CenterPerson},
        invitations::Invited,
        path,
    },
    domain::access::CenterRole,
    view::{
        household::center_role,
        words::{HouseholdWord as W, Said},
    },
    web::{
        browser::time::day,
        client,
        components::{Icon, Inviting, Open, Sure, part},
    },
};
use leptos::{prelude::*, task::spawn_local};

/// The list of people, and the form to invite more.
#[component]
pub fn Staff() -> impl IntoView {
    let (people, open) = (RwSignal::new(None::<Vec<CenterPerson>>), RwSignal::new(Vec::new()));
    let look = Callback::new(move |()| {
        spawn_local(async move {
            if let Ok(CenterPeople { people: all, invitations }) = client::center_people().await {
                people.try_set(Some(all));
                open.try_set(invitations.into_iter().map(invited).collect());
            }
        });
    });
    look.run(());
    let ways = [("operator", CenterRole::Operator), ("supervisor", CenterRole::Supervisor)];
    let in_words = |(value, role): (&'static str, CenterRole)| {
        let (word, note) = center_role(role.into());
        (value, format!("{}: {}", word.say(), note.say()))
    };
    view! {
        <section class="col">
            <h2>{W::WorksHere}</h2>
            {part(move || people.get().map(|all| view! { <ul class="rows card">{all.into_iter().map(|person| view! { <Person person look/> }).collect_view()}</ul> }))}
            <Inviting path=path::center("invitations") ways=ways.map(in_words).to_vec() open refresh=look/>
        </section>
    }
}

fn invited(Invited { id, name, role, expires_at }: Invited<CenterRole>) -> Open {
    Open { id, name, line: W::InviteOpen.fill(&[center_role(role).0.say(), &day(expires_at)]) }
}

#[component]
fn Person(
    /// The person.
    person: CenterPerson,
    /// Loads the list again.
    look: Callback<()>,
) -> impl IntoView {
    let CenterPerson { id, name, email, role, you } = person;
    let end = Callback::new(move |()| {
        let path = path::center(&format!("people/{id}"));
        spawn_local(async move {
            // If it fails, the button stays.
            if client::take_back(&path).await.is_ok() {
                look.try_run(());
            }
        });
    });
    let line = format!("{} · {email}", center_role(role).0.say());
    let (label, sure) = (W::RemoveName.fill(&[&name]), W::RemoveSure.fill(&[&name]));
    view! {
        <li>
            <span class="tile"><Icon name="people"/></span>
            <div class="grow">
                <b>{name}</b>
                <p class="faint tiny">{line}</p>
                {(!you).then(|| view! { <div class="acts"><Sure label sure act=end/></div> })}
            </div>
            {you.then(|| view! { <span class="chip">{W::You}</span> })}
        </li>
    }
}
