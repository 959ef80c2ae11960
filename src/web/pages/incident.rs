//! One incident: the timeline to the second, the center's calls, the responders, and the evidence.

use crate::{
    api::{incident::Incident, path},
    domain::{
        id::IncidentId,
        incident::{Mode, Source},
    },
    view::{
        incident::{call_word, summary},
        records::{result, seconds, steps, took},
        words::{IncidentWord, RecordWord as W, Said, Word},
    },
    web::{
        browser::{self, time::day},
        client,
        components::{Icon, Page, Timeline, part, responder_row, ribbon},
        route::Route,
        store::store,
    },
};
use leptos::{prelude::*, task::spawn_local};

/// The page of an incident.
#[component]
pub fn IncidentPage(
    /// The incident.
    id: IncidentId,
) -> impl IntoView {
    let told = RwSignal::new(None::<Option<Incident>>);
    spawn_local(async move {
        told.try_set(Some(client::incident(id).await.ok()));
    });
    view! {
        <Page title=W::History back=Route::History>
            {part(move || Some(match told.get() {
                None => view! { <p class="muted" role="status">{Word::Loading}</p> }.into_any(),
                Some(None) => view! { <p class="card card--pad" role="alert">{W::NotFound}</p> }.into_any(),
                Some(Some(incident)) => view! { <Record incident/> }.into_any(),
            }))}
        </Page>
    }
}

#[component]
fn Record(
    /// The incident.
    incident: Incident,
) -> impl IntoView {
    let is_drill = incident.mode == Mode::Drill;
    let lines = incident.timeline.clone();
    let export = |format: &str| format!("/api/v1/incidents/{}/export?format={format}", incident.id);
    let (json, csv, page) = (export("json"), export("csv"), export("html"));
    view! {
        <article class="record">
            {is_drill.then(ribbon)}
            {head(&incident)}
            {clip(&incident)}
            {is_drill.then(|| score(&incident))}
            <section class="card card--pad form"><h2>{W::Story}</h2><Timeline lines=Signal::derive(move || lines.clone())/></section>
            {responders(&incident)}
            {calls(&incident)}
            <section class="card card--pad form no-print">
                <h2>{W::Evidence}</h2>
                <p class="muted small">{W::EvidenceNote}</p>
                <div class="acts">
                    <a class="btn btn--small btn--quiet" href=json download="">{W::ExportJson}</a>
                    <a class="btn btn--small btn--quiet" href=csv download="">{W::ExportCsv}</a>
                    <a class="btn btn--small btn--quiet" href=page target="_blank">{W::Print}</a>
                </div>
            </section>
        </article>
    }
}

fn head(incident: &Incident) -> impl IntoView + use<> {
    let store = store();
    let camera = match &incident.source {
        Source::Dashboard => None,
        Source::Device => Some(incident.started_by.name.clone()),
        Source::LiveView { camera } => Some(
            store
                .home
                .with(|h| {
                    h.as_ref()?.cameras.iter().find(|c| c.id == *camera).map(|c| c.name.clone())
                })
                .unwrap_or_else(|| camera.to_string()),
        ),
    };
    let place = camera.map_or_else(|| W::FromDashboard.into(), |camera| W::From.fill(&[&camera]));
    let facts = [
        Some(W::Began.fill(&[&day(incident.started_at)])),
        Some(W::StartedBy.fill(&[&incident.started_by.name])),
        Some(place),
        incident.address.as_ref().map(|a| W::WentTo.fill(&[&a.one_line()])),
        took(incident).map(|time| W::Took.fill(&[&seconds(time)])),
    ];
    view! {
        <section class="card card--pad form">
            <h2 class="record__title">{summary(incident)}</h2>
            <ul class="facts">{facts.into_iter().flatten().map(|fact| view! { <li>{fact}</li> }).collect_view()}</ul>
        </section>
    }
}

/// The clip of the camera that the request came from, if one was recorded.
fn clip(incident: &Incident) -> Option<impl IntoView + use<>> {
    incident.clip.then(|| {
        let path = path::incident(incident.id, "clip");
        view! {
            <section class="card card--pad form no-print">
                <h2>{W::Clip}</h2>
                <video class="clip" controls="" muted="" playsinline="" preload="metadata" src=path></video>
            </section>
        }
    })
}

/// The result of a drill.
fn score(drill: &Incident) -> impl IntoView + use<> {
    let told = result(drill);
    let step = |(word, at): (W, Option<std::time::Duration>)| {
        let time = at.map_or_else(|| W::Never.into(), |at| W::After.fill(&[&seconds(at)]));
        view! { <li><span class="grow">{word}</span><span class="num muted small">{time}</span></li> }
    };
    let (icon, mark) = told.verdict.look();
    view! {
        <section class="card" aria-label=IncidentWord::HowItWent>
            <div class="ready">
                <span class=mark><Icon name=icon/></span>
                <div><h2>{told.title}</h2><p class="muted small">{told.answered}</p></div>
            </div>
            <ul class="notes">{told.notes.into_iter().map(|note| view! { <li class="notice">{note}</li> }).collect_view()}</ul>
            <ul class="rows rows--tight">{steps(drill).into_iter().map(step).collect_view()}</ul>
        </section>
    }
}

fn responders(incident: &Incident) -> Option<impl IntoView + use<>> {
    (!incident.dispatches.is_empty()).then(|| view! { <section class="col col--tight"><h2 class="head">{W::Responders}</h2><ul class="rows card">{incident.dispatches.iter().map(responder_row).collect_view()}</ul></section> })
}

fn calls(incident: &Incident) -> Option<impl IntoView + use<>> {
    let row = |c: &crate::api::incident::Call| {
        let placed = c.placed_at.map(|at| W::Placed.fill(&[&browser::time::clock(at, true)]));
        let beside = c.beside.then(|| W::FormerFirst.say());
        view! { <li><div class="grow"><b>{c.name.clone()}</b><p class="faint tiny">{placed}</p><p class="faint tiny">{beside}</p></div><span class="small muted">{call_word(c)}</span></li> }
    };
    (!incident.calls.is_empty()).then(|| view! { <section class="col col--tight"><h2 class="head">{W::CallsMade}</h2><ul class="rows card">{incident.calls.iter().map(row).collect_view()}</ul></section> })
}
