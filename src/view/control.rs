//! What a screen offers to do with an incident.

use crate::api::incident::{Incident, SirenStage};

/// Whether a device may control the incident that is `restricted` or not (I33): what others asked for,
/// a restricted device can only look at.
pub fn may_control(incident: &Incident, restricted: bool) -> bool {
    !restricted || incident.restricted
}

/// Whether Silence Siren is offered: also if only a newer server knows what the sirens do.
pub fn can_silence(incident: &Incident) -> bool {
    match incident.siren.state {
        SirenStage::Sounding => true,
        SirenStage::Other => !incident.siren.devices.is_empty(),
        SirenStage::Silent | SirenStage::Silenced | SirenStage::Ended => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident() -> Incident {
        serde_json::from_str(include_str!("../../tests/fixtures/wire/incident.json")).unwrap()
    }

    /// I33. An incident of a server that does not know the mark is nothing that the device began.
    #[test]
    fn restricted_device_controls_only_what_it_began() {
        let others = incident();
        let own = Incident { restricted: true, ..others.clone() };
        let may = [(&others, false), (&others, true), (&own, false), (&own, true)];
        let may = may.map(|(incident, restricted)| may_control(incident, restricted));
        assert_eq!(may, [true, false, true, true]);
    }

    /// R9.
    #[test]
    fn silence_is_not_offered_without_sirens() {
        let mut silent = incident();
        silent.siren.state = SirenStage::Silent;
        assert!(!can_silence(&silent));
    }
}
