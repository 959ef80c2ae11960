//! R1 to R6 and R9 as a table: every possible home, checked against the rules.

use super::story::{OWNER, home};
use buckler::domain::{
    access::{Membership, Role},
    eligibility::{Reason, Route, dashboard, live_view, request, siren},
    home::{Enrolment, Home, Plan},
    incident::{Request, Source},
};

/// Every combination of the deciding facts, with the home that results.
fn homes() -> impl Iterator<Item = Home> {
    let plans = [Plan::None, Plan::Basic, Plan::HomePremium];
    (0..16u8).flat_map(move |bits| {
        plans.map(|plan| {
            let mut made = home();
            let has = |bit: u8| bits & (1 << bit) != 0;
            if !has(0) {
                made.devices.clear();
            }
            made.subscription.professional_monitoring = has(1);
            made.cameras[0].sos_compatible = has(2);
            made.subscription.sos_for_cameras =
                if has(3) { Enrolment::Enrolled } else { Enrolment::NotEnrolled };
            made.subscription.plan = plan;
            made
        })
    })
}

fn rule_1(home: &Home) -> bool {
    home.base_station().is_some()
        && home.subscription.plan == Plan::HomePremium
        && home.subscription.professional_monitoring
}

fn rule_2(home: &Home) -> bool {
    home.cameras.iter().any(|c| c.sos_compatible)
        && home.subscription.plan == Plan::HomePremium
        && home.subscription.sos_for_cameras == Enrolment::Enrolled
}

/// R1, R2, R4.
#[test]
fn dashboard_has_a_shield_by_either_route() {
    for home in homes() {
        let routes = [(rule_1(&home), Route::Alarm), (rule_2(&home), Route::Cameras)];
        let expected: Vec<Route> = routes.into_iter().filter(|r| r.0).map(|r| r.1).collect();
        match dashboard(&home, OWNER) {
            Ok(found) => assert_eq!(found, expected),
            Err(_) => assert!(expected.is_empty(), "{:?}", home.subscription),
        }
    }
}

/// R4.
#[test]
fn live_view_needs_the_camera_route_and_this_camera() {
    for home in homes() {
        let door = &home.cameras[0];
        assert_eq!(live_view(&home, &door.id, OWNER).is_ok(), rule_2(&home));
        assert_eq!(live_view(&home, &home.cameras[1].id, OWNER), Err(Reason::CameraNotCompatible));
    }
    assert_eq!(
        live_view(&home(), &"nowhere".parse().unwrap(), OWNER),
        Err(Reason::CameraNotCompatible)
    );
}

/// R3.
#[test]
fn each_missing_piece_has_its_reason() {
    let reason = |change: &dyn Fn(&mut Home)| {
        let mut made = home();
        change(&mut made);
        dashboard(&made, OWNER).unwrap_err()
    };
    let not_enrolled = |h: &mut Home| h.subscription.sos_for_cameras = Enrolment::NotEnrolled;
    assert_eq!(
        reason(&|h| {
            h.subscription.professional_monitoring = false;
            not_enrolled(h);
        }),
        Reason::ProfessionalMonitoringRequired
    );
    assert_eq!(reason(&|h| h.subscription.plan = Plan::Basic), Reason::PlanRequired);
    assert_eq!(
        reason(&|h| {
            h.devices.clear();
            not_enrolled(h);
        }),
        Reason::EnrolmentRequired
    );
    assert_eq!(
        reason(&|h| {
            h.devices.clear();
            h.cameras.clear();
        }),
        Reason::NoBaseStationOrEnrolledCamera
    );
    assert_eq!(reason(&|h| h.address = None), Reason::NoAddress);
}

/// R6.
#[test]
fn owners_and_shared_users_may_raise_and_guests_may_not() {
    let may = |role, sos_withdrawn| dashboard(&home(), Membership { role, sos_withdrawn }).is_ok();
    assert!(may(Role::Owner, false) && may(Role::Owner, true) && may(Role::Shared, false));
    assert!(!may(Role::Shared, true) && !may(Role::Guest, false));
    let guest = Membership { role: Role::Guest, sos_withdrawn: false };
    assert_eq!(live_view(&home(), &"door".parse().unwrap(), guest), Err(Reason::NotPermitted));
}

/// R9.
#[test]
fn siren_only_needs_a_base_station_and_an_sos_button() {
    for home in homes() {
        let expected = home.base_station().is_some() && (rule_1(&home) || rule_2(&home));
        assert_eq!(siren(&home, OWNER).is_ok(), expected);
        let door = Source::LiveView { camera: home.cameras[0].id.clone() };
        let from_the_door = request(&home, &door, Request::Siren, OWNER);
        assert_eq!(from_the_door.is_ok(), home.base_station().is_some() && rule_2(&home));
    }
}
