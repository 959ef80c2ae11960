//! The timeline of an incident, with times to the second.

use super::part;
use crate::{
    api::timeline::TimelineEntry,
    view::{incident::mark, words::IncidentWord},
    web::browser::time::clock,
};
use leptos::prelude::*;

/// The timeline so far; the newest line is marked.
#[component]
pub fn Timeline(
    /// Its lines, oldest first.
    #[prop(into)]
    lines: Signal<Vec<TimelineEntry>>,
) -> impl IntoView {
    let row = |line: TimelineEntry| {
        let (time, text) = (clock(line.at, true), line.text.clone());
        view! {
            <li class=format!("line__row line__row--{}", mark(line.what))>
                <time datetime=line.at.to_string()>{time}</time>
                <i aria-hidden="true"></i>
                <span>{text}</span>
            </li>
        }
    };
    view! {
        <ol class="line" aria-live="polite" aria-relevant="additions" aria-label=IncidentWord::WhatHappened>
            {part(move || Some(lines.get().into_iter().map(row).collect_view()))}
        </ol>
    }
}
