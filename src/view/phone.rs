//! What the page of an emergency contact shows of a call. It rings whatever a newer server says of
//! the call.

use super::words::{self, PhoneWord, Said};
use crate::{
    api::phone::{PhoneCall, PhoneState},
    domain::incident::Purpose,
};

/// Whether the page rings.
pub fn rings(call: &PhoneCall) -> bool {
    call.state != PhoneState::Answered
}

/// Whether an answered call asks if the emergency is real. A call for a purpose that only a newer
/// server knows asks, too: a question claims nothing, and the server refuses an answer that does not
/// fit.
pub fn asks(call: &PhoneCall) -> bool {
    call.purpose != Purpose::Inform
}

/// What was requested where, and what the contact is asked or told.
pub fn says(call: &PhoneCall, home: &str) -> String {
    let word = match (rings(call), asks(call)) {
        (true, _) => PhoneWord::AskedAt,
        (false, true) => PhoneWord::IsItReal,
        (false, false) => PhoneWord::BeingSent,
    };
    word.fill(&[&words::capital(&words::services(&call.services)), home])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(state: &str, purpose: &str, service: &str) -> PhoneCall {
        let call = json!({
            "id": "00000000-0000-0000-0000-000000000001.1", "state": state, "purpose": purpose, "services": [service],
            "drill": false, "password_required": true, "ends_at": "2026-11-23T14:02:05.000Z"
        });
        serde_json::from_value(call).unwrap()
    }

    #[test]
    fn call_rings_whatever_a_newer_server_says_of_it() {
        let new = call("a-new-state", "a-new-purpose", "a-new-service");
        assert!(rings(&new));
        assert_eq!(says(&new, "Maple Street"), "Other help requested at Maple Street");
        assert!(rings(&call("ringing", "inform", "police")));
        assert!(!rings(&call("answered", "verify", "police")));
    }

    #[test]
    fn answered_call_of_an_unknown_purpose_asks_and_claims_nothing() {
        let says = |purpose| says(&call("answered", purpose, "police"), "Maple Street");
        assert_eq!(
            says("inform"),
            "Police requested at Maple Street. If you know more, call the people there or the emergency number."
        );
        assert_eq!(says("a-new-one"), says("verify"));
    }
}
