//! The timeline is told from the facts, and shows each reader only what they may know.

use super::story::{Story, home, person, s};
use buckler::{
    api::timeline::What,
    domain::{
        incident::{
            Actor, CallOutcome, Incident, Mode, Policy, Report, Request,
            command::{CallStep, Command, Seen},
            disclosure::Audience,
        },
        time::Timestamp,
    },
    server::presenters::{incident, timeline},
};

fn texts(story: &Story, audience: Audience) -> Vec<String> {
    timeline::lines(&story.incident, &story.facts, audience)
        .into_iter()
        .map(|line| line.text)
        .collect()
}

/// The audit's B7: siren only, and the police join five seconds later.
#[test]
fn old_fact_is_never_reworded_by_a_later_one() {
    let mut story = Story::live(Request::Siren);
    let mut before = texts(&story, Audience::Home);
    let mut check = |story: &Story| {
        let now = texts(story, Audience::Home);
        assert!(now.starts_with(&before), "{before:#?} became {now:#?}");
        before = now;
    };
    story.wait(s(5));
    check(&story);
    assert_eq!(texts(&story, Audience::Home)[1], "Countdown over");
    story.join(Request::Police);
    check(&story);
    story.wait(s(5));
    check(&story);
    assert!(
        texts(&story, Audience::Home).contains(&"Request sent to the monitoring center".to_owned())
    );
    story.join(Request::Fire);
    story.wait(s(90));
    story.give(Command::End { seen: Seen::All, by: person("ada") }).unwrap();
    check(&story);
}

#[test]
fn aborted_countdown_beside_sirens_was_not_sent() {
    let mut story = Story::live(Request::Siren);
    story.wait(s(6));
    story.join(Request::Police);
    story.give(Command::Cancel { seen: Seen::All, by: person("ada") }).unwrap();
    assert!(!texts(&story, Audience::Home).iter().any(|text| text.contains("monitoring center")));
}

/// R14, I27: on a server that is connected to nobody, no line says that somebody was told.
#[test]
fn nothing_is_claimed_where_nobody_is_connected() {
    let alone = Policy { connected: false, ..Policy::default() };
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, alone);
    story.wait(s(4_000));
    let told = texts(&story, Audience::Home).join("\n");
    for claim in ["monitoring center", "requested to", "help was requested"] {
        assert!(!told.contains(claim), "{claim}: {told}");
    }
    assert!(
        told.contains("Police: nobody is connected who could send help. Call the emergency number"),
        "{told}"
    );
}

/// R16: a person who forces somebody to cancel may be watching the home's screen.
#[test]
fn wrong_password_is_not_shown_at_home_before_the_end() {
    let mut story = Story::live(Request::Police);
    story.wait(s(6));
    story.on_call(1, CallStep::Answer).unwrap();
    story.on_call(1, CallStep::Cancel { seen: Seen::All, authenticated: false }).unwrap();
    let by = Actor::Outside { name: "Center".into() };
    let report = Report::Called { name: "Sister".into(), outcome: CallOutcome::WrongPassword };
    story.give(Command::Report { by, key: "1".into(), said_at: story.now, report }).unwrap();
    let shown = |story: &Story, audience| {
        serde_json::to_string(&incident::present(
            &story.incident,
            &story.facts,
            Timestamp::default(),
            None,
            audience,
        ))
        .unwrap()
    };
    let is_secret =
        |text: &str| !text.to_lowercase().contains("password") && !text.contains("wrong");
    assert!(is_secret(&shown(&story, Audience::Home)), "{}", shown(&story, Audience::Home));
    assert!(
        shown(&story, Audience::Home).contains("The call to Sister ended"),
        "{}",
        shown(&story, Audience::Home)
    );
    assert!(!is_secret(&shown(&story, Audience::Center)), "the center knows");
    story.wait(s(90));
    story.give(Command::End { seen: Seen::All, by: person("ada") }).unwrap();
    assert!(!is_secret(&shown(&story, Audience::Home)), "and so does the home once it is over");
}

/// A client that is older than the server shows a kind of line that it does not know as a line.
#[test]
fn unknown_kind_of_line_is_read_as_other() {
    let story = Story::live(Request::Police);
    let told = incident::present(
        &story.incident,
        &story.facts,
        Timestamp::default(),
        None,
        Audience::Home,
    );
    let mut json = serde_json::to_value(&told).unwrap();
    json["timeline"][0]["what"] = "hologram_deployed".into();
    json["shiny"] = true.into();
    json["timeline"][0]["shiny"] = 7.into();
    let read: buckler::api::incident::Incident = serde_json::from_value(json).unwrap();
    assert_eq!(read.timeline[0].what, What::Other);
}

/// A downgrade: a newer version stored a kind of fact that this one does not know.
#[test]
fn unknown_fact_hides_no_incident_that_is_over() {
    let mut story = Story::live(Request::Police);
    let of_tomorrow = serde_json::json!({"at": story.now, "what": "drone_sent", "to": {"x": 1}});
    story.facts.push(serde_json::from_value(of_tomorrow).unwrap());
    let replay = |story: &Story| {
        Incident::replay(story.incident.id, story.incident.home.clone(), &story.facts)
    };
    assert_eq!(replay(&story), None, "nobody goes on from what is not understood");
    story.incident.seq += 1;
    story.give(Command::Cancel { by: person("ada"), seen: Seen::All }).unwrap();
    let over = replay(&story).expect("its end is known");
    assert!(over.is_over());
    let lines = timeline::lines(&over, &story.facts, Audience::Home);
    let told: Vec<_> = lines.iter().map(|line| (line.seq, line.text.as_str())).collect();
    assert_eq!(told[1], (2, "Something that only a newer version of Buckler can show"));
    assert_eq!(told.len(), 3);
}
