//! How the server reaches a home's sirens, their condition, and a test of a siren.

use super::{
    errors::{ApiError, Problems},
    extract::{Body, Owner, ResourceId},
    household::{EditError, Editing},
};
use crate::{
    api::{
        heard::Heard,
        home::HomeAnswer,
        problem::Code,
        siren_bindings::{
            ButtonStatus, DeviceHealth, EditSirenBinding, SirenBindings, SirenStatus, Tested,
        },
    },
    domain::{device::SirenBinding, home::Home, id::DeviceId},
    server::{
        clock::Clock,
        engine::Engine,
        mqtt::{Diagnostics, MqttDevices},
        sirens::{Devices, sound_for_a_second},
        state::AppState,
        store::ChangeError,
        tasks::run_to_end,
    },
};
use axum::{Json, extract::State};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long a choice of a siren waits for the choices before it.
const ALONE_WITHIN: Duration = Duration::from_secs(2);

/// The routes of siren bindings.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(one))
        .routes(routes!(choose, forget))
        .routes(routes!(try_out))
}

/// The sirens and buttons of the home behind the MQTT broker.
#[utoipa::path(
    get,
    path = "/api/v1/homes/{home}/wiring",
    tag = "household",
    params(("home" = String, Path)),
    responses((status = 200, body = SirenBindings), Problems),
)]
pub async fn one(
    State(broker): State<Option<Arc<MqttDevices>>>,
    Owner(member): Owner,
) -> Json<SirenBindings> {
    let Some(broker) = &broker else { return Json(SirenBindings::default()) };
    let home = &member.home.id;
    let begins = broker.settings().topic_prefix.get(home);
    let mut answer = SirenBindings {
        kinds: begins.map(|_| broker.settings().kinds().into_keys().collect()).unwrap_or_default(),
        begins: begins.cloned().unwrap_or_default(),
        ..SirenBindings::default()
    };
    for Diagnostics { who, health, faults } in broker.diagnostics(home) {
        let faults = Heard::all(faults);
        let health = DeviceHealth { seen_at: health.seen_at, battery: health.battery, faults };
        match who {
            Ok(device) => {
                answer.sirens.extend(broker.binding(home, &device).map(|binding| SirenStatus {
                    device,
                    kind: binding.kind,
                    name: binding.name,
                    chosen: binding.chosen,
                    proves: binding.profile.state.is_some(),
                    health,
                }))
            }
            Err(name) => answer.buttons.push(ButtonStatus { name, health }),
        }
    }
    answer.buttons.sort_by(|a, b| a.name.cmp(&b.name));
    Json(answer)
}

/// Chooses how the server reaches a siren.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/wiring/{device}",
    tag = "household",
    params(("home" = String, Path), ("device" = String, Path)),
    request_body = EditSirenBinding,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn choose(
    State(editing): State<Editing>,
    State(broker): State<Option<Arc<MqttDevices>>>,
    owner: Owner,
    ResourceId(device): ResourceId<DeviceId>,
    Body(EditSirenBinding { kind, name }): Body<EditSirenBinding>,
) -> Result<Json<HomeAnswer>, ApiError> {
    if !owner.0.home.has_siren(&device) {
        return Err(ApiError::not_found());
    }
    let Some(broker) = broker else {
        return Err(ApiError::field("name", "This server is connected to no broker."));
    };
    // The next choice must not begin before this one is stored, even if this request is dropped.
    let chosen = run_to_end("choice of a siren", device.clone(), async move {
        // A disk that does not answer must not collect choices without end.
        let _alone = timeout(ALONE_WITHIN, broker.choose_alone())
            .await
            .map_err(|_| ApiError::from(ChangeError::Busy))?;
        let binding = SirenBinding { device, profile: kind, name: name.trim().into() };
        let choose = |home: &mut Home| {
            if !home.has_siren(&binding.device) {
                return Err(EditError::Gone);
            }
            let mut all = home.siren_bindings.clone();
            all.retain(|other| other.device != binding.device);
            all.push(binding.clone());
            broker.check_bindings(&home.id, &all).map_err(EditError::Siren)?;
            home.siren_bindings = all;
            Ok(())
        };
        editing.edited(&owner, choose).await
    });
    chosen.await.unwrap_or_else(|| Err(ApiError::internal()))
}

/// Returns a siren to the server's settings.
#[utoipa::path(
    delete,
    path = "/api/v1/homes/{home}/wiring/{device}",
    tag = "household",
    params(("home" = String, Path), ("device" = String, Path)),
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn forget(
    State(editing): State<Editing>,
    owner: Owner,
    ResourceId(device): ResourceId<DeviceId>,
) -> Result<Json<HomeAnswer>, ApiError> {
    editing
        .edited(&owner, |home| {
            home.siren_bindings.retain(|binding| binding.device != device);
            Ok::<_, EditError>(())
        })
        .await
}

/// Sounds a siren for a second, as a test.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/wiring/{device}/test",
    tag = "household",
    params(("home" = String, Path), ("device" = String, Path)),
    responses((status = 200, body = Tested), Problems),
)]
pub async fn try_out(
    State(devices): State<Arc<dyn Devices>>,
    State(engine): State<Engine>,
    State(clock): State<Arc<Clock>>,
    Owner(member): Owner,
    ResourceId(device): ResourceId<DeviceId>,
) -> Result<Json<Tested>, ApiError> {
    let home = &member.home;
    if !home.has_siren(&device) {
        return Err(ApiError::not_found());
    }
    let sounds = devices.is_sounding(&home.id, &device);
    if sounds || engine.view().running_in(&home.id).is_some() {
        return Err(ApiError::new(
            Code::LiveIncidentRunning,
            "No siren is tested while an incident is running.",
        ));
    }
    Ok(Json(Tested {
        confirmed: sound_for_a_second(devices, clock, home.id.clone(), device).await,
    }))
}
