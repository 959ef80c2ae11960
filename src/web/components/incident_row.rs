//! A past incident in a list.

use super::Icon;
use crate::{
    api::incident::Incident,
    domain::incident::Mode,
    view::incident::{summary, tone},
    web::{
        browser::time::day,
        route::{Link, Route},
    },
};
use leptos::prelude::*;

/// A summary, the time, and a link to the incident.
pub fn incident_row(incident: &Incident) -> impl IntoView + use<> {
    let tone = tone(incident);
    let class = if incident.mode == Mode::Drill { "drill" } else { tone.class };
    let (what, when) = (summary(incident), day(incident.started_at));
    view! {
        <li>
            <Link to=Route::Incident(incident.id) class="row">
                <span class=format!("tile tile--{class}")><Icon name=tone.icon/></span>
                <span class="grow"><b>{what}</b><small class="faint tiny">{when}</small></span>
                <Icon name="next"/>
            </Link>
        </li>
    }
}
