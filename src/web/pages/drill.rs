//! Drills: choose the request and its source, run the drill, and see the result (R21).

use crate::{
    api::{home::HomeAnswer, incident::Incident},
    domain::incident::{Mode, Request, Source},
    view::{
        records::result,
        words::{self, RecordWord as W, Word},
    },
    web::{
        browser::time::day,
        client,
        components::{Icon, Page, part, ribbon},
        route::{Link, Route},
        sending::{Gesture, sender},
        store::store,
    },
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// The page.
#[component]
pub fn Drill() -> impl IntoView {
    let store = store();
    let whose = Memo::new(move |_| store.home.with(|h| h.as_ref().map(|h| h.home.id.clone())));
    let last = RwSignal::new(None::<Incident>);
    // After an incident was dismissed, there may be a newer drill to show.
    let running = Memo::new(move |_| store.incident.with(Option::is_some));
    Effect::new(move |_| {
        let Some(home) = whose.get() else { return last.set(None) };
        if running.get() {
            return;
        }
        spawn_local(async move {
            if let Ok(all) = client::incidents(&home, None, 20).await
                && store.is_open(&home)
            {
                last.try_set(all.into_iter().find(|i| i.mode == Mode::Drill));
            }
        });
    });
    view! {
        <Page title=W::Drill back=Route::Dashboard>
            {ribbon()}
            {part(move || {
                whose.get()?;
                store.home.get_untracked().map(|home| view! { <Choose home/> })
            })}
            {part(move || last.get().map(|drill| view! { <Last drill/> }))}
        </Page>
    }
}

#[component]
pub fn Choose(
    /// The home.
    home: HomeAnswer,
) -> impl IntoView {
    let (store, sender) = (store(), sender());
    let number = store.place(&home.home.id).number;
    let id = StoredValue::new(home.home.id.clone());
    let mut places: Vec<(Source, String)> = Vec::new();
    if home.sos.dashboard.available {
        places.push((Source::Dashboard, W::Dashboard.into()));
    }
    places.extend(
        home.cameras
            .iter()
            .filter(|c| home.sos.live_view.get(&c.id).is_some_and(|a| a.available))
            .map(|c| (Source::LiveView { camera: c.id.clone() }, c.name.clone())),
    );
    let Some((first, _)) = places.first().cloned() else {
        let why = home.sos.dashboard.reason.map_or(Word::Blank, words::why_not);
        return view! { <section class="card card--pad form"><p>{W::NoSos}</p><p class="muted small">{why}</p></section> }.into_any();
    };
    let has_siren = home.sos.siren.available;
    let request = RwSignal::new(Request::Police);
    let source = RwSignal::new(first.clone());
    let (calls, sirens) = (RwSignal::new(true), RwSignal::new(false));
    let start = move |event: SubmitEvent| {
        event.prevent_default();
        let (request, source) = (request.get_untracked(), source.get_untracked());
        sender.send(Gesture {
            home: id.get_value(),
            home_name: store.name_among(&id.get_value()),
            number,
            request,
            mode: Mode::Drill,
            sirens: sirens.get_untracked(),
            call_contacts: calls.get_untracked(),
            source,
        });
    };
    let kind = |one: Request| {
        let tone = words::tone(one);
        view! {
            <label class="pick">
                <input type="radio" name="request" prop:checked=one == Request::Police on:change=move |_| request.set(one)/>
                <span class=format!("pick__tone tile--{}", tone.class)><Icon name=tone.icon/>{tone.name}</span>
            </label>
        }
    };
    let place = |(one, name): (Source, String)| {
        let checked = one == first;
        view! { <label class="pick"><input type="radio" name="place" prop:checked=checked on:change=move |_| source.set(one.clone())/><span>{name}</span></label> }
    };
    let kinds = [Request::Police, Request::Fire, Request::Medical, Request::Siren]
        .into_iter()
        .filter(|r| has_siren || *r != Request::Siren);
    view! {
        <form class="card card--pad form" on:submit=start>
            <p class="muted small">{W::DrillNote}</p>
            <fieldset class="picks"><legend>{W::WhichHelp}</legend>{kinds.map(kind).collect_view()}</fieldset>
            <fieldset class="picks"><legend>{W::WhichPlace}</legend>{places.into_iter().map(place).collect_view()}</fieldset>
            <label class="check"><input type="checkbox" bind:checked=calls/><span>{W::CallContacts}<small class="faint tiny">{W::CallContactsNote}</small></span></label>
            {has_siren.then(|| view! { <label class="check"><input type="checkbox" bind:checked=sirens/>{W::SoundSirens}</label> })}
            <button class="btn btn--drill" type="submit">{W::Start}</button>
        </form>
    }
    .into_any()
}

#[component]
fn Last(
    /// The drill.
    drill: Incident,
) -> impl IntoView {
    let told = result(&drill);
    let (icon, mark) = told.verdict.look();
    let when = day(drill.started_at);
    view! {
        <section class="col col--tight">
            <h2 class="head">{W::Last}</h2>
            <div class="card">
                <Link to=Route::Incident(drill.id) class="row row--pad">
                    <span class=mark><Icon name=icon/></span>
                    <span class="grow"><b>{told.title}</b><small class="faint tiny">{format!("{} {when}", told.answered)}</small></span>
                    <Icon name="next"/>
                </Link>
            </div>
        </section>
    }
}
