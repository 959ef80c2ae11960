//! Screens with a URL of their own.

mod center;
mod contact;
mod dashboard;
mod drill;
mod history;
mod incident;
mod invitation;
mod live_view;
mod open_incident;
mod overview;
mod settings;
mod sign_in;
mod staff;
mod statistics;
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
    /// The first run, and the page of an invitation.
    welcome, WELCOME, |route| match route {
        Route::Invitation(token) => view! { <invitation::InvitationPage token/> }.into_any(),
        Route::Welcome(token) => view! { <welcome::Welcome token/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// The history, one incident, and drills. The monitoring center's console is loaded through
    /// this chunk.
    records, RECORDS, |route| match route {
        Route::History => view! { <history::History/> }.into_any(),
        Route::Incident(id) => view! { <incident::IncidentPage id/> }.into_any(),
        Route::Drill => view! { <drill::Drill/> }.into_any(),
        route @ Route::Center => view! { <OnDemand chunk=CENTER route/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// The monitoring center's console. Only the chunk before it refers to it, because a reference
    /// would add to the first load.
    center, CENTER, |route| match route {
        Route::Center => view! { <center::Center/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// Live View. The app fetches it soon after its start, so that it is loaded before it is
    /// needed.
    live, LIVE, |route| match route {
        Route::LiveView(camera) => view! { <live_view::LiveView camera/> }.into_any(),
        _ => ().into_any(),
    }
);

chunk!(
    /// The page on an emergency contact's phone.
    contact, CONTACT, |route| match route {
        Route::Contact(token) => view! { <contact::Contact token/> }.into_any(),
        _ => ().into_any(),
    }
);
