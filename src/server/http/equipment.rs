//! Adding, renaming and removing base stations, keypads and cameras.

use super::{
    errors::{ApiError, Problems},
    extract::{Body, Owner, ResourceId},
    household::{EditError, Editing},
};
use crate::{
    api::{
        cameras::{AskOffers, FoundCameras, Offers, Tried},
        home::HomeAnswer,
        household::{EditCamera, EditLogin, NewDevice, Rename},
    },
    domain::{
        home::{
            Home,
            edit::{FieldErrors, Form, WrittenCamera},
        },
        id::{CameraId, DeviceId},
    },
    server::{cameras::Cameras, state::AppState},
};
use axum::{Json, extract::State};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The longest user name or password of a camera, characters.
const LOGIN_MOST: usize = 128;

/// The routes of devices and cameras.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(add_device))
        .routes(routes!(rename_device, remove_device))
        .routes(routes!(add_camera))
        .routes(routes!(edit_camera, remove_camera))
        .routes(routes!(camera_login))
        .routes(routes!(try_camera))
        .routes(routes!(search_cameras))
        .routes(routes!(camera_offers))
}

fn written(
    EditCamera { name, sos_compatible, has_siren, stream, small, keep, .. }: EditCamera,
) -> WrittenCamera {
    WrittenCamera { name, sos_compatible, has_siren, stream, small, keep }
}

/// Adds a base station or keypad.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/devices",
    tag = "household",
    params(("home" = String, Path)),
    request_body = NewDevice,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn add_device(
    State(editing): State<Editing>,
    owner: Owner,
    Body(new): Body<NewDevice>,
) -> Result<Json<HomeAnswer>, ApiError> {
    editing.edited(&owner, |home| home.add_device(new.kind, &new.model, &new.name)).await
}

/// Renames a base station or keypad.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/devices/{device}",
    tag = "household",
    params(("home" = String, Path), ("device" = String, Path)),
    request_body = Rename,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn rename_device(
    State(editing): State<Editing>,
    owner: Owner,
    ResourceId(id): ResourceId<DeviceId>,
    Body(Rename { name }): Body<Rename>,
) -> Result<Json<HomeAnswer>, ApiError> {
    editing
        .edited(&owner, |home| {
            let device = home.devices.iter_mut().find(|d| d.id == id).ok_or(EditError::Gone)?;
            let mut form = Form::default();
            let name = form.line("name", &name);
            device.name = form.done(name)?;
            Ok::<_, EditError>(())
        })
        .await
}

/// Removes a base station or keypad.
#[utoipa::path(
    delete,
    path = "/api/v1/homes/{home}/devices/{device}",
    tag = "household",
    params(("home" = String, Path), ("device" = String, Path)),
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn remove_device(
    State(editing): State<Editing>,
    owner: Owner,
    ResourceId(id): ResourceId<DeviceId>,
) -> Result<Json<HomeAnswer>, ApiError> {
    editing
        .edited(&owner, |home| -> Result<(), FieldErrors> {
            home.remove_device(&id);
            Ok(())
        })
        .await
}

/// Adds a camera or doorbell.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/cameras",
    tag = "household",
    params(("home" = String, Path)),
    request_body = EditCamera,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn add_camera(
    State(editing): State<Editing>,
    State(cameras): State<Arc<Cameras>>,
    owner: Owner,
    Body(mut new): Body<EditCamera>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let (kind, login) = (new.kind, new.login.take().map(checked).transpose()?);
    let new = written(new);
    editing
        .edited(&owner, |home| {
            let id = home.add_camera(kind, &new, &|host| cameras.judge_host(host))?;
            set_login(&cameras, home, &id, login.as_ref())
        })
        .await
}

/// Changes a camera or doorbell.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/cameras/{camera}",
    tag = "household",
    params(("home" = String, Path), ("camera" = String, Path)),
    request_body = EditCamera,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn edit_camera(
    State(editing): State<Editing>,
    State(cameras): State<Arc<Cameras>>,
    owner: Owner,
    ResourceId(id): ResourceId<CameraId>,
    Body(mut edit): Body<EditCamera>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let login = edit.login.take().map(checked).transpose()?;
    let edit = written(edit);
    editing
        .edited(&owner, |home| {
            let camera = home.cameras.iter_mut().find(|c| c.id == id).ok_or(EditError::Gone)?;
            camera.edit(&edit, &|host| cameras.judge_host(host))?;
            set_login(&cameras, home, &id, login.as_ref())
        })
        .await
}

/// Removes a camera or doorbell.
#[utoipa::path(
    delete,
    path = "/api/v1/homes/{home}/cameras/{camera}",
    tag = "household",
    params(("home" = String, Path), ("camera" = String, Path)),
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn remove_camera(
    State(editing): State<Editing>,
    owner: Owner,
    ResourceId(id): ResourceId<CameraId>,
) -> Result<Json<HomeAnswer>, ApiError> {
    editing
        .edited(&owner, |home| -> Result<(), FieldErrors> {
            home.remove_camera(&id);
            Ok(())
        })
        .await
}

/// Sets the credentials of a camera. They are stored encrypted.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/cameras/{camera}/login",
    tag = "household",
    params(("home" = String, Path), ("camera" = String, Path)),
    request_body = EditLogin,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn camera_login(
    State(editing): State<Editing>,
    State(cameras): State<Arc<Cameras>>,
    owner: Owner,
    ResourceId(id): ResourceId<CameraId>,
    Body(login): Body<EditLogin>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let login = checked(login)?;
    editing.edited(&owner, |home| set_login(&cameras, home, &id, Some(&login))).await
}

/// Returns the credentials as they are stored.
fn checked(EditLogin { user, password }: EditLogin) -> Result<EditLogin, ApiError> {
    let user = user.trim().to_owned();
    if user.chars().count() > LOGIN_MOST
        || password.chars().count() > LOGIN_MOST
        || format!("{user}{password}").contains(char::is_control)
    {
        return Err(ApiError::field("user", "That is too long."));
    }
    Ok(EditLogin { user, password })
}

/// Encrypts the credentials for this camera. `None` leaves the stored ones.
fn set_login(
    cameras: &Cameras,
    home: &mut Home,
    id: &CameraId,
    login: Option<&EditLogin>,
) -> Result<(), EditError> {
    let camera = home.cameras.iter_mut().find(|c| c.id == *id).ok_or(EditError::Gone)?;
    let Some(EditLogin { user, password }) = login else { return Ok(()) };
    camera.login = if user.is_empty() {
        None
    } else {
        Some(cameras.seal(&home.id, id, user, password).map_err(EditError::NotSealed)?)
    };
    Ok(())
}

/// Asks a camera for a picture, and answers with its size or with the reason why none came.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/cameras/{camera}/try",
    tag = "household",
    params(("home" = String, Path), ("camera" = String, Path)),
    responses((status = 200, body = Tried), Problems),
)]
pub async fn try_camera(
    State(cameras): State<Arc<Cameras>>,
    Owner(member): Owner,
    ResourceId(id): ResourceId<CameraId>,
) -> Result<Json<Tried>, ApiError> {
    let camera = member.home.camera(&id).ok_or_else(ApiError::not_found)?;
    cameras.try_out(&member.home.id, camera).await.map(Json).ok_or_else(ApiError::not_found)
}

/// Searches the network for cameras. Those that support ONVIF answer.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/camera-search",
    tag = "household",
    params(("home" = String, Path)),
    responses((status = 200, body = FoundCameras), Problems),
)]
pub async fn search_cameras(
    State(cameras): State<Arc<Cameras>>,
    _: Owner,
) -> Result<Json<FoundCameras>, ApiError> {
    Ok(Json(FoundCameras { cameras: cameras.search().await }))
}

/// Asks a found camera for its streams.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/camera-offers",
    tag = "household",
    params(("home" = String, Path)),
    request_body = AskOffers,
    responses((status = 200, body = Offers), Problems),
)]
pub async fn camera_offers(
    State(cameras): State<Arc<Cameras>>,
    _: Owner,
    Body(asked): Body<AskOffers>,
) -> Result<Json<Offers>, ApiError> {
    Ok(Json(cameras.offers(asked).await))
}
