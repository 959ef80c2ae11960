//! Base stations, keypads and cameras: added, renamed and removed by owners.

use super::{
    answer::{Problems, Refused},
    extract::{Body, Owner, Part},
    household::{NotEdited, edited},
};
use crate::{
    api::{
        cameras::{AskOffers, FoundCameras, Offers, Tried},
        home::HomeAnswer,
        household::{EditCamera, EditLogin, NewDevice, Rename},
        problem::Code,
    },
    domain::{
        home::edit::{Form, WrittenCamera, Wrongs},
        id::{CameraId, DeviceId},
    },
    server::App,
};
use axum::{Json, extract::State};
use std::sync::Arc;

/// The longest user name or password of a camera, characters.
const LOGIN_MOST: usize = 128;

fn written(EditCamera { name, sos_compatible, has_siren, stream, small, keep, .. }: EditCamera) -> WrittenCamera {
    WrittenCamera { name, sos_compatible, has_siren, stream, small, keep }
}

/// Adds a base station or keypad.
#[utoipa::path(post, path = "/api/v1/homes/{home}/devices", tag = "household", params(("home" = String, Path)), request_body = NewDevice, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn add_device(State(app): State<Arc<App>>, owner: Owner, Body(new): Body<NewDevice>) -> Result<Json<HomeAnswer>, Refused> {
    edited(&app, &owner, |home| home.add_device(new.kind, &new.model, &new.name)).await
}

/// Renames a base station or keypad.
#[utoipa::path(put, path = "/api/v1/homes/{home}/devices/{device}", tag = "household", params(("home" = String, Path), ("device" = String, Path)), request_body = Rename, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn rename_device(
    State(app): State<Arc<App>>,
    owner: Owner,
    Part(id): Part<DeviceId>,
    Body(Rename { name }): Body<Rename>,
) -> Result<Json<HomeAnswer>, Refused> {
    edited(&app, &owner, |home| {
        let device = home.devices.iter_mut().find(|d| d.id == id).ok_or(NotEdited::Gone)?;
        let mut form = Form::default();
        let name = form.line("name", &name);
        device.name = form.done(name)?;
        Ok::<_, NotEdited>(())
    })
    .await
}

/// Removes a base station or keypad.
#[utoipa::path(delete, path = "/api/v1/homes/{home}/devices/{device}", tag = "household", params(("home" = String, Path), ("device" = String, Path)), responses((status = 200, body = HomeAnswer), Problems))]
pub async fn remove_device(State(app): State<Arc<App>>, owner: Owner, Part(id): Part<DeviceId>) -> Result<Json<HomeAnswer>, Refused> {
    edited(&app, &owner, |home| -> Result<(), Wrongs> {
        home.remove_device(&id);
        Ok(())
    })
    .await
}

/// Adds a camera or doorbell.
#[utoipa::path(post, path = "/api/v1/homes/{home}/cameras", tag = "household", params(("home" = String, Path)), request_body = EditCamera, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn add_camera(State(app): State<Arc<App>>, owner: Owner, Body(new): Body<EditCamera>) -> Result<Json<HomeAnswer>, Refused> {
    let (kind, new) = (new.kind, written(new));
    edited(&app, &owner, |home| home.add_camera(kind, &new, &|ip| app.cameras.settings().allows(ip))).await
}

/// Changes a camera or doorbell.
#[utoipa::path(put, path = "/api/v1/homes/{home}/cameras/{camera}", tag = "household", params(("home" = String, Path), ("camera" = String, Path)), request_body = EditCamera, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn edit_camera(
    State(app): State<Arc<App>>,
    owner: Owner,
    Part(id): Part<CameraId>,
    Body(edit): Body<EditCamera>,
) -> Result<Json<HomeAnswer>, Refused> {
    let edit = written(edit);
    edited(&app, &owner, |home| {
        let camera = home.cameras.iter_mut().find(|c| c.id == id).ok_or(NotEdited::Gone)?;
        camera.edit(&edit, &|ip| app.cameras.settings().allows(ip)).map_err(NotEdited::Wrong)
    })
    .await
}

/// Removes a camera or doorbell.
#[utoipa::path(delete, path = "/api/v1/homes/{home}/cameras/{camera}", tag = "household", params(("home" = String, Path), ("camera" = String, Path)), responses((status = 200, body = HomeAnswer), Problems))]
pub async fn remove_camera(State(app): State<Arc<App>>, owner: Owner, Part(id): Part<CameraId>) -> Result<Json<HomeAnswer>, Refused> {
    edited(&app, &owner, |home| -> Result<(), Wrongs> {
        home.remove_camera(&id);
        Ok(())
    })
    .await
}

/// Sets how one signs in to a camera; it is kept sealed.
#[utoipa::path(put, path = "/api/v1/homes/{home}/cameras/{camera}/login", tag = "household", params(("home" = String, Path), ("camera" = String, Path)), request_body = EditLogin, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn camera_login(
    State(app): State<Arc<App>>,
    owner: Owner,
    Part(id): Part<CameraId>,
    Body(EditLogin { user, password }): Body<EditLogin>,
) -> Result<Json<HomeAnswer>, Refused> {
    let user = user.trim();
    if user.chars().count() > LOGIN_MOST || password.chars().count() > LOGIN_MOST || format!("{user}{password}").contains(char::is_control)
    {
        return Err(Refused::field("user", "That is too long."));
    }
    let sealed = app.cameras.seal(&owner.0.home.id, &id, user, &password).map_err(|error| {
        tracing::error!(%error, "a camera's password cannot be sealed");
        Refused::new(Code::StorageUnavailable, "The server cannot keep the password now.")
    })?;
    edited(&app, &owner, |home| {
        let camera = home.cameras.iter_mut().find(|c| c.id == id).ok_or(NotEdited::Gone)?;
        camera.login = (!user.is_empty()).then(|| sealed.clone());
        Ok::<_, NotEdited>(())
    })
    .await
}

/// Asks a camera for a picture, and says why none comes.
#[utoipa::path(post, path = "/api/v1/homes/{home}/cameras/{camera}/try", tag = "household", params(("home" = String, Path), ("camera" = String, Path)), responses((status = 200, body = Tried), Problems))]
pub async fn try_camera(State(app): State<Arc<App>>, Owner(member): Owner, Part(id): Part<CameraId>) -> Result<Json<Tried>, Refused> {
    let camera = member.home.camera(&id).ok_or_else(Refused::not_found)?;
    app.cameras.try_out(&member.home.id, camera).await.map(Json).ok_or_else(Refused::not_found)
}

/// Asks the network for cameras; those that speak ONVIF answer.
#[utoipa::path(post, path = "/api/v1/homes/{home}/camera-search", tag = "household", params(("home" = String, Path)), responses((status = 200, body = FoundCameras), Problems))]
pub async fn search_cameras(State(app): State<Arc<App>>, _: Owner) -> Result<Json<FoundCameras>, Refused> {
    Ok(Json(FoundCameras { cameras: app.cameras.search().await }))
}

/// Asks a camera that was found for its streams.
#[utoipa::path(post, path = "/api/v1/homes/{home}/camera-offers", tag = "household", params(("home" = String, Path)), request_body = AskOffers, responses((status = 200, body = Offers), Problems))]
pub async fn camera_offers(State(app): State<Arc<App>>, _: Owner, Body(asked): Body<AskOffers>) -> Result<Json<Offers>, Refused> {
    Ok(Json(app.cameras.offers(asked).await))
}
