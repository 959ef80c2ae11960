//! I32. An incident of a database that was put back waits for a person, in whatever state it was.

use super::story::{Story, home, person, s};
use buckler::{
    domain::incident::{
        Actor, DispatchState, Disposition, Mode, Request, Service, Siren,
        arrows::{ARROWS, walked},
        command::{CallStep, Command, Seen},
        decide::{Decision, put_back},
        effect::{Effect, EffectKind},
    },
    server::{
        engine,
        store::{RunningRow, Stored},
    },
};

impl Story {
    /// Puts back the database that holds this story, an hour later.
    pub fn put_back(&mut self, left: &[&Effect]) -> Vec<Effect> {
        self.now = self.now + s(3_600);
        let Decision { facts, effects, after, refusal } = put_back(&self.incident, left, self.now);
        assert_eq!(refusal, None);
        let mut step = self.incident.clone();
        for fact in &facts {
            let before = step.clone();
            step.apply(fact);
            let arrow = walked(&before, &fact.event, &step);
            assert!(arrow.is_none_or(|arrow| ARROWS.contains(&arrow)), "{arrow:?}");
        }
        assert_eq!(step, after, "I15: the state is the fold of the facts");
        self.incident = after;
        self.facts.extend(facts);
        self.effects.clear();
        effects
    }
}

fn told_only(effects: &[Effect]) -> bool {
    effects.iter().all(|effect| matches!(effect.kind, EffectKind::Notify { .. }))
}

/// The stories, each in another state.
fn stories() -> Vec<Story> {
    let after = |request, seconds| {
        let mut story = Story::live(request);
        story.wait(s(seconds));
        story
    };
    let mut joined = after(Request::Siren, 10);
    joined.join(Request::Fire);
    let mut answered = after(Request::Police, 6);
    answered.on_call(1, CallStep::Answer).unwrap();
    let mut drill = Story::begin(&home(), Request::Police, Mode::Drill, true);
    drill.wait(s(6));
    let mut review = Story::live(Request::Police);
    review.sleep(s(3_600));
    let others_are_called = after(Request::Police, 36);
    let counting = after(Request::Police, 2);
    vec![counting, joined, after(Request::Police, 6), answered, drill, review, others_are_called]
}

#[test]
fn incident_that_is_put_back_does_nothing_by_itself() {
    for mut story in stories() {
        let was = story.state();
        let effects = story.put_back(&[]);
        assert!(told_only(&effects), "{was}: {effects:?}");
        assert!(story.incident.open_call().is_none(), "{was}");
        assert!(!matches!(story.incident.siren, Siren::Sounding { .. }), "{was}");
        let now = if was == "dispatching" { "dispatching" } else { "under_review" };
        assert_eq!(story.state(), now, "{was}");
        let facts = story.facts.len();
        story.wait(s(24 * 3_600));
        assert_eq!((story.state(), story.effects.len()), (now, 0), "{was}");
        assert_eq!(story.facts.len(), facts, "{was}: {:?}", story.whats());
        // Again: a crash in the middle withholds once more.
        story.put_back(&[]);
        assert_eq!(story.facts.len(), facts, "{was}: {:?}", story.whats());
    }
}

/// I27: what was asked may have been withheld, so that the screen does not wait a minute.
#[test]
fn put_back_request_says_at_once_that_nobody_confirmed() {
    let mut story = Story::live(Request::Police);
    story.wait(s(36));
    assert_eq!((story.state(), story.incident.is_unanswered), ("dispatching", false));
    story.put_back(&[]);
    assert!(story.incident.is_unanswered);
    story.moved(Service::Police, DispatchState::Accepted).unwrap();
    assert!(story.incident.acknowledgment().is_some(), "until somebody does");
}

/// I27, I8.
#[test]
fn put_back_request_whose_operator_left_says_so() {
    let mut story = Story::live(Request::Police);
    story.wait(s(36));
    story.give(Command::Claim { by: person("op") }).unwrap();
    story.put_back(&[]);
    assert!(!story.incident.is_unanswered, "an operator works on it");
    story.give(Command::Release { by: Actor::Center, from: person("op") }).unwrap();
    assert!(story.incident.is_unanswered);
}

#[test]
fn put_back_incident_goes_on_when_a_person_says_so() {
    let mut story = Story::live(Request::Police);
    story.wait(s(6));
    story.put_back(&[]);
    let (by, note) = (person("op"), String::new());
    let review = Command::Review { by, proceed: true, note, seen: Seen::All };
    story.give(review).unwrap();
    assert_eq!((story.state(), story.made("request_dispatch")), ("dispatching", 1));
}

/// R20: a person who asks again means now.
#[test]
fn press_in_a_dispatched_incident_that_was_put_back_counts() {
    for request in [Request::Fire, Request::Police] {
        let mut story = Story::live(Request::Police);
        story.wait(s(36));
        story.put_back(&[]);
        story.join(request);
        assert_eq!(story.made("request_dispatch"), 1, "the first request may have been withheld");
        story.wait(s(0));
        story.give(Command::Tick).unwrap();
        assert_eq!(story.state(), "dispatching");
        assert!(!story.incident.calls_withheld);
    }
}

#[test]
fn sirens_alone_that_are_put_back_are_over() {
    let mut story = Story::live(Request::Siren);
    story.wait(s(10));
    let effects = story.put_back(&[]);
    assert_eq!((story.state(), effects), ("closed", Vec::new()), "not even OFF is sent");
    assert_eq!(story.incident.disposition, Some(Disposition::SirenOver));
}

#[test]
fn request_that_was_still_to_be_sent_is_named() {
    let mut story = Story::live(Request::Fire);
    story.wait(s(36));
    let is_fire = |effect: &&Effect| {
        matches!(effect.kind, EffectKind::RequestDispatch { service: Service::Fire })
    };
    let left = story.effects.iter().find(is_fire).unwrap().clone();
    story.put_back(&[&left]);
    let said = serde_json::to_string(story.facts.last().unwrap()).unwrap();
    assert!(said.contains("the fire service had still to be requested"), "{said}");
}

/// The power fails after what was withheld is stored, and before this database is the one that was
/// written last: the next start withholds again.
#[test]
fn second_withholding_still_tells_that_a_review_waits() {
    // The first call rings, or help is requested already.
    [6, 36].into_iter().for_each(withheld_twice);
}

fn withheld_twice(seconds: u64) {
    let mut story = Story::live(Request::Police);
    story.wait(s(seconds));
    let left = story.effects.clone();
    assert!(!left.is_empty());
    let told = story.put_back(&[]);
    let row = |story: &Story| RunningRow {
        incident: story.incident.id.to_string(),
        home: story.incident.home.to_string(),
        quiet: false,
        quarantined: None,
        stored: Ok(Stored {
            id: story.incident.id,
            home: story.incident.home.clone(),
            history: story.facts.clone(),
        }),
    };
    let keys = |effects: &[Effect]| effects.iter().map(|e| e.key.clone()).collect::<Vec<_>>();
    let pending = [left.clone(), told.clone()].concat();
    let (batch, again) = engine::put_back(vec![row(&story)], &pending, story.now);
    assert_eq!((again.withheld, batch.done), (keys(&left), keys(&left)), "not {:?}", keys(&told));

    // A review that is over waits for nobody.
    if story.state() != "under_review" {
        return;
    }
    let (by, note) = (person("op"), String::new());
    story.give(Command::Review { by, proceed: true, note, seen: Seen::All }).unwrap();
    let (batch, _) = engine::put_back(vec![row(&story)], &told, story.now);
    assert_eq!(batch.done, keys(&told));
}

#[test]
fn history_of_an_earlier_version_has_no_mark() {
    let text = r#"{"at":"2026-11-23T07:00:00.000Z","what":"found_late","late_ms":5}"#;
    let fact: buckler::domain::incident::event::Recorded = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&fact).unwrap(), text, "and none is added");
}
