//! Which home is open, what a device stores of each home, and what a press in one of several homes
//! leads to (I29). Nothing that arrives late changes the home under a finger.

use super::words::{Said, Word};
use crate::{
    api::{
        home::HomeAnswer,
        session::{Me, MyHome},
    },
    domain::{home::emergency_number, id::HomeId},
};

/// Returns the home to open for a person with these homes. A home that is open stays open, because
/// the list may arrive after the person chose it. Otherwise it is the home that was opened `last` on
/// this device, or the first one.
pub fn home_to_open(open: Option<&HomeId>, last: Option<&str>, homes: &[MyHome]) -> Option<HomeId> {
    let chosen = || homes.iter().find(|home| last == Some(home.id.as_str())).or(homes.first());
    open.or_else(|| chosen().map(|home| &home.id)).cloned()
}

/// Whether the person has lost the open home. The app then opens no other one by itself: a press
/// that was meant for the lost home must not reach another.
pub fn is_lost(open: Option<&HomeId>, homes: &[MyHome]) -> bool {
    open.is_some_and(|open| homes.iter().all(|home| home.id != *open))
}

/// Whether the device forgets the copy of a home: the person has lost the home, or the copies are
/// those of another person, or of an unknown one. `before` is who was signed in when they were
/// stored.
pub fn is_copy_forgotten(home: &str, before: Option<&Me>, now: &Me) -> bool {
    before.is_none_or(|before| before.user.id != now.user.id)
        || now.homes.iter().all(|mine| mine.id.as_str() != home)
}

/// Returns the name of a home if the person has several. The screens of an SOS then show it in
/// large letters.
pub fn name_among(homes: &[MyHome], home: &HomeId) -> Option<String> {
    let mine = homes.iter().find(|mine| mine.id == *home)?;
    (homes.len() > 1).then(|| mine.name.clone())
}

/// The accessible name of a screen that stands for one of several homes: “Lake Cabin: Request help”.
pub fn at_home(name: Option<&str>, title: String) -> String {
    match name {
        Some(name) => Word::AtHome.fill(&[name, &title]),
        None => title,
    }
}

/// Where the incident of a request that the server has just acknowledged is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    /// On the screen: its home is open.
    Here,
    /// Its home is opened: the screen of the request has covered the page until now, or no home is
    /// open.
    Opened,
    /// In a bar that names its home. The person has given the request up and opened another home.
    Bar,
    /// Nowhere: the account that is signed in by now is not a member of the home.
    Nowhere,
}

/// Decides where the incident of an acknowledged request is shown. `homes` are those of the person
/// who is signed in; `is_awaited` says whether the screen of the request still covers the page.
pub fn showing(
    home: &HomeId,
    open: Option<&HomeId>,
    homes: &[MyHome],
    is_awaited: bool,
) -> Showing {
    match () {
        () if homes.iter().all(|mine| mine.id != *home) => Showing::Nowhere,
        () if open == Some(home) => Showing::Here,
        () if is_awaited || open.is_none() => Showing::Opened,
        () => Showing::Bar,
    }
}

/// What the sheet shows of the home that it was opened for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where help goes, as a sentence; empty if it is not known.
    pub address: String,
    /// Whether sirens can be asked for alone.
    pub has_siren: bool,
    /// Whether this device may not request help yet.
    pub is_restricted: bool,
    /// The emergency number there.
    pub number: &'static str,
}

impl Place {
    /// Returns what is known of a home. Without details, nothing is claimed (R9).
    pub fn of(home: Option<&HomeAnswer>) -> Self {
        let address = home.and_then(|home| home.home.address.as_ref());
        Self {
            address: address.map_or_else(String::new, |a| {
                Word::ToAddress.fill(&[&a.line1, &a.city, &a.region, &a.postal_code])
            }),
            has_siren: home.is_some_and(|home| home.sos.siren.available),
            is_restricted: home.is_some_and(|home| home.sos.restricted_until.is_some()),
            number: emergency_number(address.map_or("", |a| &a.country)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::session::User,
        domain::{access::Role, time::Timestamp},
    };

    fn id(home: &str) -> HomeId {
        home.parse().unwrap()
    }

    fn me(user: &str, homes: &[&str]) -> Me {
        let home = |name: &&str| MyHome {
            id: id(name),
            name: name.to_uppercase(),
            role: Role::Owner.into(),
            unreadable: false,
        };
        Me {
            user: User { id: user.into(), name: user.into(), email: String::new() },
            homes: homes.iter().map(home).collect(),
            center_role: None,
            server_time: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn last_home_is_opened_again() {
        let homes = me("olivia", &["maple", "lake"]).homes;
        assert_eq!(home_to_open(None, Some("lake"), &homes), Some(id("lake")));
        assert_eq!(home_to_open(None, None, &homes), Some(id("maple")));
        assert_eq!(home_to_open(None, Some("loft"), &homes), Some(id("maple")), "it was lost");
        assert_eq!(home_to_open(None, Some("lake"), &[]), None);
    }

    /// I29.
    #[test]
    fn late_list_of_homes_never_changes_the_open_one() {
        let homes = me("olivia", &["maple", "lake"]).homes;
        assert_eq!(home_to_open(Some(&id("lake")), Some("maple"), &homes), Some(id("lake")));
        assert_eq!(home_to_open(Some(&id("loft")), Some("maple"), &homes), Some(id("loft")));
        assert!(
            is_lost(Some(&id("loft")), &homes),
            "the app says that the home is lost, and opens no other"
        );
        assert!(!is_lost(Some(&id("lake")), &homes) && !is_lost(None, &homes));
    }

    #[test]
    fn copies_stay_with_the_person_and_the_home() {
        let (before, now) = (me("olivia", &["maple", "lake"]), me("olivia", &["maple"]));
        assert!(!is_copy_forgotten("maple", Some(&before), &now));
        assert!(is_copy_forgotten("lake", Some(&before), &now), "she has lost that home");
        let guest = me("gus", &["maple"]);
        assert!(is_copy_forgotten("maple", Some(&before), &guest), "it was Olivia's copy");
        assert!(is_copy_forgotten("maple", None, &guest), "nobody knows whose copy it is");
    }

    /// I29.
    #[test]
    fn home_is_named_where_there_are_several() {
        let homes = me("olivia", &["maple", "lake"]).homes;
        assert_eq!(name_among(&homes, &id("lake")).as_deref(), Some("LAKE"));
        assert_eq!(name_among(&homes[..1], &id("maple")), None);
        assert_eq!(at_home(Some("Lake"), "Request help".into()), "Lake: Request help");
        assert_eq!(at_home(None, "Request help".into()), "Request help");
    }

    /// I29.
    #[test]
    fn late_acknowledgment_opens_no_home_under_a_finger() {
        let homes = me("olivia", &["maple", "lake"]).homes;
        let (maple, lake) = (id("maple"), id("lake"));
        let shown = |open, is_awaited| showing(&maple, open, &homes, is_awaited);
        assert_eq!(shown(Some(&maple), true), Showing::Here);
        assert_eq!(shown(Some(&maple), false), Showing::Here);
        assert_eq!(shown(Some(&lake), true), Showing::Opened, "the person waits for it");
        assert_eq!(shown(Some(&lake), false), Showing::Bar, "the person looks at the other home");
        assert_eq!(showing(&maple, Some(&lake), &homes[1..], true), Showing::Nowhere);
        assert_eq!(shown(None, false), Showing::Opened, "nothing of another home is on the screen");
        assert_eq!(showing(&maple, None, &[], true), Showing::Nowhere, "nobody is signed in");
    }

    /// R9.
    #[test]
    fn place_without_details_claims_nothing() {
        let place = Place::of(None);
        assert_eq!((place.address.as_str(), place.has_siren), ("", false));
        assert_eq!((place.is_restricted, place.number), (false, "112"));
    }
}
