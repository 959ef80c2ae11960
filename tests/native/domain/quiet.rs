//! A panel's duress code and silent hold-up start quiet incidents.

use super::story::{Story, s};
use buckler::domain::incident::{
    CenterMode, Policy, Quiet, Request, Siren,
    command::{Command, Seen},
    disclosure::disclosures,
    effect::EffectKind,
};

#[test]
fn quiet_incident_sounds_nothing_and_calls_nobody() {
    for quiet in [Quiet::Duress, Quiet::HoldUp] {
        for center in [CenterMode::Automatic, CenterMode::Operators, CenterMode::Receiver] {
            let mut story = Story::quiet(quiet, Policy { center, ..Policy::default() });
            story.give(Command::SendNow { by: story.incident.started_by.clone() }).unwrap();
            assert_eq!(
                (story.state(), story.made("request_dispatch")),
                ("dispatching", 1),
                "the center is asked at once, without a call"
            );
            story.join(Request::Police);
            story.join(Request::Medical);
            story.wait(s(3_600));
            assert_eq!(
                (story.made("siren_on"), story.made("announce"), story.made("call_contact")),
                (0, 0, 0),
                "{center:?}"
            );
            assert_eq!(story.incident.siren, Siren::Silent);
            assert!(!story.whats().contains(&"unclaimed"), "it was offered to nobody: {center:?}");
            let expected = if center == CenterMode::Operators { 1 } else { 0 };
            assert_eq!(story.made("notify"), expected, "operators are told: {center:?}");
        }
    }
}

#[test]
fn receiver_is_told_why_an_incident_is_quiet() {
    for quiet in [Quiet::Duress, Quiet::HoldUp] {
        let mut story =
            Story::quiet(quiet, Policy { center: CenterMode::Receiver, ..Policy::default() });
        story.wait(s(5));
        let told = story.effects.iter().find_map(|effect| match &effect.kind {
            EffectKind::SignalReceiver { quiet, .. } => Some(*quiet),
            _ => None,
        });
        assert_eq!(told, Some(Some(quiet)));
    }
}

#[test]
fn quiet_incident_leaves_for_other_servers_when_it_is_over() {
    let mut story = Story::quiet(Quiet::Duress, Policy::default());
    story.wait(s(60));
    assert!(disclosures(&story.incident, &story.facts).is_empty());
    story.give(Command::End { seen: Seen::All, by: story.incident.started_by.clone() }).unwrap();
    assert_eq!(disclosures(&story.incident, &story.facts).len(), story.facts.len());
}
