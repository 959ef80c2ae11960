//! Screens with an address of their own.

mod case;
mod center;
mod contact;
mod dashboard;
mod desk;
mod drill;
mod figures;
mod history;
mod incident;
mod invitation;
mod live_view;
mod overview;
mod settings;
mod sign_in;
mod welcome;

use super::{
    on_demand::{OnDemand, chunk},
    route::Route,
};
pub use dashboard::{Dashboard, PARTS};
use leptos::prelude::*;
pub use live_view::{PICTURE, PICTURE_FROM, picture_from, player};
pub use sign_in::SignIn;

chunk!(
    /// Settings; each group of sections is a chunk of its own.
    household, HOUSEHOLD, |route| match route {
        Route::Settings(section) => view! { <settings::Settings section/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// The first run, and the first visit of somebody who is invited.
    welcome, WELCOME, |route| match route {
        Route::Invitation(token) => view! { <invitation::InvitationPage token/> }.into_any(),
        Route::Welcome(token) => view! { <welcome::Welcome token/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// The history, one incident, and practice; the monitoring center's console comes after it.
    records, RECORDS, |route| match route {
        Route::History => view! { <history::History/> }.into_any(),
        Route::Incident(id) => view! { <incident::IncidentPage id/> }.into_any(),
        Route::Drill => view! { <drill::Drill/> }.into_any(),
        route @ Route::Center => view! { <OnDemand chunk=CENTER route/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// The monitoring center's console. Only the chunk before it names it: the first load has no room for its name.
    center, CENTER, |route| match route {
        Route::Center => view! { <center::Center/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// Live View. The app asks for it as soon as it starts, so that it is there before it is wanted.
    live, LIVE, |route| match route {
        Route::LiveView(camera) => view! { <live_view::LiveView camera/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// The phone of an emergency contact.
    contact, CONTACT, |route| match route {
        Route::Contact(token) => view! { <contact::Contact token/> }.into_any(),
        _ => ().into_any(),
    }
);
