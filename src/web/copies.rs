//! The copies of homes on this device: the last snapshot of each home that was opened, so that each
//! has its shield and its emergency number without a connection. `public/early.js` reads them, too.

use super::browser::{self, json::parse};
use crate::{api::home::HomeAnswer, domain::id::HomeId};

/// The prefix of the names of the copies; the home's id follows.
const COPY: &str = "buckler-last-";
/// The name of the only copy that earlier versions stored.
const ONLY_COPY: &str = "buckler-last";

fn name(home: &HomeId) -> String {
    format!("{COPY}{home}")
}

/// Takes over the copy that an earlier version stored, because the first start after an update may
/// be one without a connection.
pub fn take_over_old_copy() {
    let Some(copy) = browser::kept(ONLY_COPY) else { return };
    if let Some(home) = parse::<HomeAnswer>(&copy) {
        keep_copy(&home.home.id, &copy);
    }
    browser::forget(ONLY_COPY);
}

/// The copy of a home, if there is one that this version can read.
pub fn copy_of(home: &HomeId) -> Option<HomeAnswer> {
    parse(&browser::kept(&name(home))?)
}

/// Stores a snapshot as the copy of its home. If the browser's storage is full, the copy stays as
/// it was.
pub fn keep_copy(home: &HomeId, snapshot: &str) {
    browser::keep(&name(home), snapshot);
}

/// Removes the copies of the homes for which `is_forgotten` holds.
pub fn forget_copies(is_forgotten: &dyn Fn(&str) -> bool) {
    for name in browser::kept_names(COPY) {
        if is_forgotten(&name[COPY.len()..]) {
            browser::forget(&name);
        }
    }
}
