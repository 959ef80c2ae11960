//! Which answers of the server still belong on the screen when they arrive.

use crate::domain::id::HomeId;

/// Whether an answer about a home may be shown while `open` is the open home. The person may have
/// opened another home, or signed out, while the answer was on its way.
pub fn is_about_open_home(home: &HomeId, open: Option<&HomeId>) -> bool {
    open == Some(home)
}

/// The order in which a screen gets its state, which both answers and live events tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrivals {
    shown: u32,
}

/// When a state was requested.
#[derive(Clone, Copy, Debug)]
pub struct Asked(u32);

impl Arrivals {
    /// A state is requested.
    pub fn asked(&self) -> Asked {
        Asked(self.shown)
    }

    /// A live event has arrived and is shown.
    pub fn event(&mut self) {
        self.shown = self.shown.wrapping_add(1);
    }

    /// An answer has arrived. Returns whether it is shown: not if another state was shown since it
    /// was requested, because that one may be newer. The state must be requested again then.
    pub fn answer(&mut self, Asked(shown): Asked) -> bool {
        let is_newest = shown == self.shown;
        if is_newest {
            self.shown = self.shown.wrapping_add(1);
        }
        is_newest
    }
}

/// Puts a page into a list, and returns whether it did. `after` is the key of the last entry when
/// the page was requested. The first page is the list. A later page is added only to the list that
/// it continues: not twice if it was requested twice, and not to a list that has begun anew.
pub fn add_page<T, K: PartialEq>(
    list: &mut Option<Vec<T>>,
    after: Option<K>,
    key: impl Fn(&T) -> K,
    page: Vec<T>,
) -> bool {
    let Some(after) = after else {
        *list = Some(page);
        return true;
    };
    match list {
        Some(list) if list.last().map(key) == Some(after) => {
            list.extend(page);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_about_another_home_is_not_for_the_screen() {
        let [maple, lake]: [HomeId; 2] =
            ["maple-street", "lake-cabin"].map(|id| id.parse().unwrap());
        assert!(is_about_open_home(&maple, Some(&maple)));
        assert!(!is_about_open_home(&maple, Some(&lake)), "another home was opened meanwhile");
        assert!(!is_about_open_home(&maple, None), "the person has signed out meanwhile");
    }

    #[test]
    fn answer_that_an_event_overtook_is_not_shown() {
        let mut arrivals = Arrivals::default();
        let before_the_call = arrivals.asked();
        arrivals.event();
        assert!(!arrivals.answer(before_the_call), "the call would no longer ring");
        let again = arrivals.asked();
        assert!(arrivals.answer(again));
    }

    #[test]
    fn answer_that_another_overtook_is_not_shown() {
        let mut arrivals = Arrivals::default();
        let (ringing, answered) = (arrivals.asked(), arrivals.asked());
        assert!(arrivals.answer(answered));
        assert!(!arrivals.answer(ringing), "the call would ring again");
    }

    #[test]
    fn page_is_added_only_where_the_list_ends() {
        let add = |list: &mut Option<Vec<u32>>, after, page: &[u32]| {
            add_page(list, after, |number| *number, page.to_vec())
        };
        let mut list = None;
        assert!(add(&mut list, None, &[9, 8]));
        assert!(add(&mut list, None, &[9, 8]), "requested twice, it is still the first page");
        assert!(add(&mut list, Some(8), &[7, 6]));
        assert!(!add(&mut list, Some(8), &[7, 6]), "the same page, requested twice");
        assert_eq!(list, Some(vec![9, 8, 7, 6]));
        list = None;
        assert!(!add(&mut list, Some(6), &[5]), "the list has begun anew");
        assert!(add(&mut list, None, &[]));
        assert_eq!(list, Some(Vec::new()), "an empty list is known");
    }
}
