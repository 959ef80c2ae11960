//! The route table. There is one file for each noun. Each handler parses the request, asks the rest of the server, and answers. It decides
//! nothing itself.

mod app;
mod audit;
mod center;
mod connection;
mod console;
mod cookie;
mod deliveries;
mod equipment;
mod errors;
mod events;
mod evidence;
mod extract;
mod homes;
mod household;
mod incidents;
mod invitations;
mod live;
mod middleware;
mod passkeys;
mod people;
mod phone;
mod quarantine;
mod reports;
mod service;
mod session;
mod sessions;
mod statistics;
mod wiring;

use super::App;
use crate::api::problem::{Code, Problem};
pub use app::Assets;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    middleware::from_fn,
    response::IntoResponse,
};
pub use connection::{Encrypted, serve};
use errors::ApiError;
use std::{net::IpAddr, sync::Arc};
use tower_http::{catch_panic::CatchPanicLayer, csrf::CsrfLayer, set_header::SetResponseHeaderLayer};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The largest body that is read, bytes.
const BODY_MOST: usize = 64 * 1024;

/// All routes of the API, with their parts of the OpenAPI document.
fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(service::document())
        .merge(equipment())
        .merge(center())
        .routes(routes!(session::sign_in, session::sign_out))
        .routes(routes!(session::me))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(sessions::password))
        .routes(routes!(sessions::prove))
        .routes(routes!(sessions::release))
        .routes(routes!(passkeys::list, passkeys::add))
        .routes(routes!(passkeys::begin))
        .routes(routes!(passkeys::remove))
        .routes(routes!(passkeys::recovery_codes))
        .routes(routes!(passkeys::ask))
        .routes(routes!(passkeys::sign_in))
        .routes(routes!(passkeys::recover))
        .routes(routes!(homes::one))
        .routes(routes!(people::first_run, people::welcome))
        .routes(routes!(household::one))
        .routes(routes!(household::rename))
        .routes(routes!(household::address))
        .routes(routes!(household::notes))
        .routes(routes!(household::settings))
        .routes(routes!(household::holding))
        .routes(routes!(household::contacts))
        .routes(routes!(household::undo))
        .routes(routes!(household::link))
        .routes(routes!(household::verbal_password))
        .routes(routes!(household::check_verbal_password))
        .routes(routes!(household::enroll, household::end_enrolment))
        .routes(routes!(people::edit, people::remove))
        .routes(routes!(invitations::invite))
        .routes(routes!(invitations::withdraw))
        .routes(routes!(invitations::one, invitations::join, invitations::accept))
        .routes(routes!(quarantine::end))
        .routes(routes!(audit::list))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::resend))
        .routes(routes!(events::of_home))
        .routes(routes!(incidents::raise, incidents::list))
        .routes(routes!(incidents::one))
        .routes(routes!(evidence::export))
        .routes(routes!(incidents::cancel))
        .routes(routes!(incidents::send_now))
        .routes(routes!(incidents::silence))
        .routes(routes!(incidents::end))
        .routes(routes!(incidents::review))
        .routes(routes!(phone::one))
        .routes(routes!(events::of_phone))
        .routes(routes!(phone::accept))
        .routes(routes!(phone::opt_out))
        .routes(routes!(phone::memory))
        .routes(routes!(phone::answer))
        .routes(routes!(phone::decline))
        .routes(routes!(phone::confirm))
        .routes(routes!(phone::cancel))
        .routes(routes!(phone::hang_up))
        .routes(routes!(service::healthz))
        .routes(routes!(service::readyz))
        .routes(routes!(service::metrics))
}

/// The routes of the monitoring center.
fn center() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(console::queue))
        .routes(routes!(console::claim))
        .routes(routes!(console::release))
        .routes(routes!(console::called))
        .routes(routes!(console::moved))
        .routes(routes!(console::note))
        .routes(routes!(console::close))
        .routes(routes!(center::review))
        .routes(routes!(center::people))
        .routes(routes!(center::remove))
        .routes(routes!(invitations::invite_to_center))
        .routes(routes!(invitations::withdraw_from_center))
        .routes(routes!(console::assign))
        .routes(routes!(live::watch_at_center))
        .routes(routes!(statistics::statistics))
        .routes(routes!(reports::report))
        .routes(routes!(quarantine::end_at_center))
}

/// The routes of devices and cameras.
fn equipment() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(equipment::add_device))
        .routes(routes!(equipment::rename_device, equipment::remove_device))
        .routes(routes!(equipment::add_camera))
        .routes(routes!(equipment::edit_camera, equipment::remove_camera))
        .routes(routes!(equipment::camera_login))
        .routes(routes!(equipment::try_camera))
        .routes(routes!(equipment::search_cameras))
        .routes(routes!(equipment::camera_offers))
        .routes(routes!(live::watch))
        .routes(routes!(live::still))
        .routes(routes!(live::clip))
        .routes(routes!(wiring::one))
        .routes(routes!(wiring::choose, wiring::forget))
        .routes(routes!(wiring::try_out))
}

/// The router of everything that the server answers.
pub fn router(app: Arc<App>, assets: Assets) -> Router {
    let (api, document) = routes().split_for_parts();
    let proxies: Arc<[IpAddr]> = app.trusted_proxies.clone().into();
    let document: Arc<str> = document.to_json().unwrap_or_default().into();
    let foreign = |_| ApiError(Problem::new(Code::NotAllowed, "This request comes from another site.")).into_response();
    let no_store = SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    api.route("/api/openapi.json", service::openapi(document))
        .method_not_allowed_fallback(service::method_not_allowed)
        .layer(no_store)
        .with_state(app)
        .fallback(move |request| app::serve(assets.clone(), request))
        .layer(DefaultBodyLimit::max(BODY_MOST))
        .layer(CsrfLayer::new().with_rejection_response(foreign))
        .layer(from_fn(middleware::in_time))
        .layer(CatchPanicLayer::custom(|_| ApiError::internal().into_response()))
        .layer(from_fn(move |request, next| middleware::traced(proxies.clone(), request, next)))
}
