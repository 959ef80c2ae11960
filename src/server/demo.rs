//! The homes and people of the demo. Their password is public, so a demo never shares its data
//! folder with a real home.

use super::{
    clock::{Machine, TimeSource},
    identity,
    store::{Account, AuditEntry, Change, ChangeError, ContactLink, Database, Op, StoreError},
};
use crate::{
    api::audit::AuditAction,
    domain::{
        access::{CenterRole, Membership, Role},
        camera::{Camera, CameraKind, Keep},
        contact::{Contact, Readiness},
        device::{Device, DeviceKind},
        home::{Address, Enrolment, Home},
    },
};
use serde_json::json;
use std::sync::Arc;

/// The password of every account.
const PASSWORD: &str = "buckler-demo";
/// The account by which the folder of a demo is recognized.
const OWNER: &str = "owner@demo.test";

/// Why a folder cannot be used for the demo, or without it.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// It holds real homes.
    #[error("this data folder holds real homes; give the demo one of its own with --data")]
    RealHomes,
    /// It holds the demo.
    #[error(
        "this data folder holds the demo, whose passwords are public; start it with --demo, or give another one with --data"
    )]
    Demo,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Fills an empty folder for the demo. Refuses to mix a demo with anything else.
///
/// # Errors
/// The folder is of the other kind, or the store failed.
pub async fn check(database: &mut Database, demo: bool) -> Result<(), DemoError> {
    let is_demo = database.reads.account(OWNER).await?.is_some();
    let (homes, unreadable) = database.reads.homes().await?;
    let is_empty = homes.is_empty() && unreadable.is_empty();
    match (demo, is_demo) {
        (true, true) | (false, false) => Ok(()),
        (true, false) if is_empty => Ok(fill(database).await?),
        (true, false) => Err(DemoError::RealHomes),
        (false, true) => Err(DemoError::Demo),
    }
}

async fn fill(database: &mut Database) -> Result<(), StoreError> {
    let hash = |password: &str| {
        identity::hash(password)
            .map_err(|e| StoreError::Unusable(format!("cannot hash a password: {e}")))
    };
    let password = hash(PASSWORD)?;
    let people =
        [("owner", "Olivia"), ("shared", "Sam"), ("guest", "Gwen"), ("operator", "Operator")];
    let account = |(id, name): (&str, &str)| Account {
        id: slug(id),
        email: format!("{id}@demo.test"),
        name: name.into(),
        password: password.clone(),
    };
    let mut demo = Change::new(AuditEntry::new(
        AuditAction::FirstOwner,
        Machine.wall(),
        json!({"demo": true}),
    ))
    .ops(people.map(|person| Op::PutAccount(account(person))))
    .op(Op::SetCenterRole(slug("operator"), Some(CenterRole::Operator)));
    for mut home in homes() {
        home.verbal_password = Some(hash(&identity::spoken("blue heron"))?);
        let (id, contacts) = (home.id.clone(), home.contacts.clone());
        let member = |(account, role): (&str, Role)| {
            Op::PutMembership(id.clone(), slug(account), Membership { role, sos_withdrawn: false })
        };
        let link = |contact: Contact| {
            let token = identity::new_token();
            Op::PutContactLink {
                token: identity::token_hash(&token),
                link: ContactLink { home: id.clone(), contact: contact.id, number: contact.link },
                shown: Some(token),
            }
        };
        demo = demo
            .op(Op::PutHome { home: Arc::new(home), revision: 0 })
            .ops(
                [("owner", Role::Owner), ("shared", Role::Shared), ("guest", Role::Guest)]
                    .map(member),
            )
            .ops(contacts.into_iter().map(link));
    }
    database.apply(demo).await.map_err(|error| match error {
        ChangeError::Store(error) => error,
        error => StoreError::Unusable(error.to_string()),
    })
}

fn slug<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("the demo's names are well-formed")
}

fn homes() -> [Home; 4] {
    let base = |model: &str| device("base", DeviceKind::BaseStation, model, "Base Station");
    let front_door = camera("front-door", CameraKind::Doorbell, "Front Door", true, true);
    let driveway = camera("driveway", CameraKind::Camera, "Driveway", true, true);
    let hallway = camera("hallway", CameraKind::Camera, "Hallway", false, false);
    let (porch, dock) = (plain_camera("porch", "Porch"), plain_camera("dock", "Dock"));
    let (sister, neighbor, father) = (
        contact("sister", "Sister", 1),
        contact("neighbor", "Neighbor", 2),
        contact("father", "Father", 3),
    );
    let mut maple = home(
        "maple-street",
        "Maple Street",
        ["14 Maple Street", "Portland", "OR", "97205"],
        "America/Los_Angeles",
    );
    maple.settings.cameras_sound_with_base_station = true;
    maple.devices = vec![
        base("alarm_pro"),
        keypad("hall-keypad", "Hall keypad"),
        keypad("bedroom-keypad", "Bedroom keypad"),
    ];
    maple.cameras = vec![front_door, driveway, hallway];
    maple.contacts = vec![sister, neighbor.clone(), father];
    let mut lake = home(
        "lake-cabin",
        "Lake Cabin",
        ["2 Shore Road", "Lake Placid", "NY", "12946"],
        "America/New_York",
    );
    lake.settings.verbal_password_required = false;
    lake.subscription.professional_monitoring = false;
    lake.cameras = vec![porch, dock];
    lake.contacts = vec![neighbor.clone(), contact("ranger", "Ranger", 4)];
    let mut loft = home(
        "harbor-loft",
        "Harbor Loft",
        ["77 Pier Avenue", "Seattle", "WA", "98101"],
        "America/Los_Angeles",
    );
    loft.subscription.professional_monitoring = false;
    loft.subscription.sos_for_cameras = Enrolment::NotEnrolled;
    loft.devices = vec![base("alarm"), keypad("keypad", "Keypad")];
    loft.contacts = vec![neighbor];
    let mut flat = home(
        "garden-flat",
        "Garden Flat",
        ["5 Garden Court", "Austin", "TX", "78701"],
        "America/Chicago",
    );
    flat.subscription.professional_monitoring = false;
    flat.subscription.sos_for_cameras = Enrolment::NotEnrolled;
    flat.cameras = vec![plain_camera("gate", "Gate")];
    [maple, lake, loft, flat]
}

/// A home with premium plan, monitoring and enrollment, and nothing else in it.
fn home(
    id: &str,
    name: &str,
    [line1, city, region, postal_code]: [&str; 4],
    time_zone: &str,
) -> Home {
    let mut home = Home::new(slug(id), name.into(), time_zone.into());
    home.address = Some(Address {
        line1: line1.into(),
        line2: None,
        city: city.into(),
        region: region.into(),
        postal_code: postal_code.into(),
        country: "US".into(),
    });
    home.subscription.sos_for_cameras = Enrolment::Enrolled;
    home
}

fn device(id: &str, kind: DeviceKind, model: &str, name: &str) -> Device {
    Device { id: slug(id), kind, model: model.into(), name: name.into() }
}

fn keypad(id: &str, name: &str) -> Device {
    device(id, DeviceKind::Keypad, "keypad", name)
}

fn camera(id: &str, kind: CameraKind, name: &str, sos_compatible: bool, has_siren: bool) -> Camera {
    Camera {
        id: slug(id),
        kind,
        name: name.into(),
        sos_compatible,
        has_siren,
        stream: None,
        small: None,
        login: None,
        keep: Keep::OnDemand,
    }
}

fn plain_camera(id: &str, name: &str) -> Camera {
    camera(id, CameraKind::Camera, name, true, false)
}

fn contact(id: &str, name: &str, number: u8) -> Contact {
    let contact = Contact::new(slug(id), name.into(), format!("+150355501{number:02}"));
    Contact { readiness: Readiness::Accepted, ..contact }
}
