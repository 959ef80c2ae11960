//! The table `cameras` of the configuration: which networks cameras may be in, and how the server
//! searches for them.

use crate::server::reach::Reach;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Which networks cameras may be in, and how the server searches for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Networks beyond private ones in which cameras may be, such as `203.0.113.8/32`, or
    /// `127.0.0.0/8` for software on the server's machine.
    #[serde(rename = "allow")]
    pub reach: Reach,
    /// Addresses that the search asks one by one. If empty, the search asks the server's whole
    /// network at once.
    pub search: Vec<IpAddr>,
}
