//! Statistics of the monitoring center, for its supervisors.

use crate::{
    api::{
        path,
        statistics::{Panel, Statistics, Times},
    },
    view::{
        records::seconds,
        words::{RecordWord as W, Said},
    },
    web::{browser::time::day, client, components::part},
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// Times, false alarms, and alarm panels.
#[component]
pub fn StatisticsSection() -> impl IntoView {
    let known = RwSignal::new(None::<Statistics>);
    spawn_local(async move {
        if let Ok(told) = client::statistics().await {
            known.try_set(Some(told));
        }
    });
    part(move || {
        known.get().map(|told| view! { {incidents(&told)}{panels(told.panels)} }.into_any())
    })
}

fn incidents(told: &Statistics) -> impl IntoView + use<> {
    let line = |word: W, times: Times| {
        let time = |ms| seconds(Duration::from_millis(ms));
        let text = W::FigureTimes.fill(&[
            &time(times.median_ms),
            &time(times.p90_ms),
            &time(times.most_ms),
        ]);
        (times.count > 0).then(|| view! { <li><div class="grow"><b>{word}</b><p class="faint tiny">{text}</p></div><span class="num">{times.count}</span></li> })
    };
    let count = |word: W, count: usize| view! { <li><b class="grow">{word}</b><span class="num">{count}</span></li> };
    let body = match told.incidents {
        0 => view! { <p class="card card--pad muted">{W::FiguresNone}</p> }.into_any(),
        incidents => view! {
            <ul class="rows card">
                {count(W::FigureCount, incidents)}
                {count(W::FigureFalse, told.false_alarms)}
                {line(W::FigureClaim, told.to_claim)}
                {line(W::FigureCall, told.to_call)}
                {line(W::FigureDispatch, told.to_dispatch)}
                {line(W::FigureAccepted, told.to_accepted)}
            </ul>
            <div class="acts"><a class="btn btn--small btn--quiet" href=path::center("statistics?format=csv") download="">{W::FiguresCsv}</a></div>
        }
        .into_any(),
    };
    view! { <section class="col col--tight"><h2>{W::Figures}</h2>{body}</section> }
}

fn panels(all: Vec<Panel>) -> Option<impl IntoView> {
    let row = |panel: Panel| {
        let heard = panel
            .heard_at
            .map_or_else(|| W::PanelSilent.say().to_owned(), |at| W::PanelHeard.fill(&[&day(at)]));
        view! { <li><div class="grow"><b>{panel.account}</b><p class="faint tiny">{heard}</p></div></li> }
    };
    (!all.is_empty()).then(|| view! { <section class="col col--tight"><h2>{W::Panels}</h2><ul class="rows card">{all.into_iter().map(row).collect_view()}</ul></section> })
}
