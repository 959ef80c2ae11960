//! Who has an SOS button, and where (R1 to R6, R9). The screens and the API use the same pure
//! functions, so that they never differ.

use super::{
    access::{Action, Membership},
    home::{Enrolment, Home, Plan},
    id::CameraId,
    incident::{Incident, Mode, Request, Source},
};
use serde::{Deserialize, Serialize};

/// The route by which a home has its SOS button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// R1: a monitored alarm.
    Alarm,
    /// R2: enrolled cameras.
    Cameras,
}

/// Why there is no SOS button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing in the home can raise one.
    NoBaseStationOrEnrolledCamera,
    /// The plan does not include it.
    PlanRequired,
    /// The alarm is self-monitored (R3).
    ProfessionalMonitoringRequired,
    /// The cameras are not enrolled.
    EnrolmentRequired,
    /// This camera cannot raise an SOS.
    CameraNotCompatible,
    /// This person may not raise an SOS (R6).
    NotPermitted,
    /// The home has no address to send help to.
    NoAddress,
    /// This device is restricted: it was signed in without the account's passkey.
    #[serde(rename = "device_held")]
    DeviceRestricted,
}

/// R4: the dashboard's shield needs the alarm route or the camera route.
///
/// # Errors
/// The first requirement that is not met; without either route, of the alarm route if the home has
/// a base station.
pub fn dashboard(home: &Home, member: Membership) -> Result<Vec<Route>, Reason> {
    permitted(member)?;
    let routes: Vec<Route> = [(Route::Alarm, alarm(home)), (Route::Cameras, cameras(home))]
        .into_iter()
        .filter(|r| r.1.is_ok())
        .map(|r| r.0)
        .collect();
    if routes.is_empty() {
        // A home with a base station is told what the alarm route lacks, because that route is
        // closer to complete.
        return if home.base_station().is_some() { alarm(home) } else { cameras(home) }
            .map(|()| routes);
    }
    located(home)?;
    Ok(routes)
}

/// R4: a camera's shield needs the camera route and that this camera is compatible. The alarm route
/// does not count.
///
/// # Errors
/// The first requirement that is not met. A camera that the home does not have counts as not
/// compatible.
pub fn live_view(home: &Home, camera: &CameraId, member: Membership) -> Result<(), Reason> {
    permitted(member)?;
    if !home.camera(camera).is_some_and(|c| c.sos_compatible) {
        return Err(Reason::CameraNotCompatible);
    }
    cameras(home)?;
    located(home)
}

/// Checks whether this request may be raised from this source.
///
/// # Errors
/// The reason why not. Sound Siren Only also needs a base station (R9).
pub fn request(
    home: &Home,
    source: &Source,
    request: Request,
    member: Membership,
) -> Result<(), Reason> {
    match source {
        Source::Dashboard | Source::Device => dashboard(home, member).map(drop)?,
        Source::LiveView { camera } => live_view(home, camera, member)?,
    }
    has_siren(home, request)
}

/// R9.
fn has_siren(home: &Home, asked: Request) -> Result<(), Reason> {
    match asked == Request::Siren && home.base_station().is_none() {
        true => Err(Reason::NoBaseStationOrEnrolledCamera),
        false => Ok(()),
    }
}

/// Checks whether this request may be raised beside the incident that runs in the home, if it would
/// join that. To join a live one it needs no plan and no enrollment any more: they were checked when
/// that began (R5).
///
/// # Errors
/// The reason why not.
pub fn request_beside(
    home: &Home,
    source: &Source,
    asked: Request,
    member: Membership,
    running: Option<&Incident>,
) -> Result<(), Reason> {
    match running.is_some_and(|incident| incident.mode == Mode::Live) {
        true => permitted(member).and_then(|()| has_siren(home, asked)),
        false => request(home, source, asked, member),
    }
}

/// Checks whether Sound Siren Only is shown: it needs the dashboard's SOS button and a base station
/// (R9).
///
/// # Errors
/// The reason why not.
pub fn siren(home: &Home, member: Membership) -> Result<(), Reason> {
    request(home, &Source::Dashboard, Request::Siren, member)
}

fn permitted(member: Membership) -> Result<(), Reason> {
    member.may(Action::Raise).then_some(()).ok_or(Reason::NotPermitted)
}

fn located(home: &Home) -> Result<(), Reason> {
    home.address.as_ref().map(drop).ok_or(Reason::NoAddress)
}

/// R1 and R3.
fn alarm(home: &Home) -> Result<(), Reason> {
    if home.base_station().is_none() {
        return Err(Reason::NoBaseStationOrEnrolledCamera);
    }
    premium(home)?;
    home.subscription
        .professional_monitoring
        .then_some(())
        .ok_or(Reason::ProfessionalMonitoringRequired)
}

/// R2.
fn cameras(home: &Home) -> Result<(), Reason> {
    if !home.cameras.iter().any(|c| c.sos_compatible) {
        return Err(Reason::NoBaseStationOrEnrolledCamera);
    }
    premium(home)?;
    (home.subscription.sos_for_cameras == Enrolment::Enrolled)
        .then_some(())
        .ok_or(Reason::EnrolmentRequired)
}

fn premium(home: &Home) -> Result<(), Reason> {
    (home.subscription.plan == Plan::HomePremium).then_some(()).ok_or(Reason::PlanRequired)
}
