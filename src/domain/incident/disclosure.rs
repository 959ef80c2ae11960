//! Selects the facts that may leave the server: none before D, and none of an aborted request (I3,
//! R11). What a reader may see of an incident depends on the [`Audience`].

use super::{
    CallOutcome, Incident, State,
    event::{Event, Recorded},
};

/// The audience of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The home. While the incident runs, the home does not see that a wrong password was given,
    /// because a person who forces somebody to cancel may look at the same screen (R16).
    Home,
    /// The monitoring center, and evidence for it.
    Center,
}

impl Audience {
    /// The outcome of a call, or `None` if this audience may only know that the call ended.
    pub fn outcome(self, incident: &Incident, outcome: CallOutcome) -> Option<CallOutcome> {
        let is_secret =
            self == Self::Home && !incident.is_over() && outcome == CallOutcome::WrongPassword;
        (!is_secret).then_some(outcome)
    }
}

/// The facts that may leave so far, and those that are held back.
#[derive(Default)]
struct ReleaseGate {
    out: Vec<usize>,
    held: Vec<usize>,
    /// Whether nothing has left yet. Then a review that ends with nothing sent releases nothing
    /// (R22).
    closed: bool,
}

/// Returns the facts of a history that may be told to others now: the index of each, with the
/// incident after it.
pub fn disclosures(incident: &Incident, history: &[Recorded]) -> Vec<(usize, Incident)> {
    // A quiet incident leaves only when it is over, because another server may be in the home.
    if incident.quiet.is_some() && !incident.is_over() {
        return Vec::new();
    }
    let Some(first) = history.first() else { return Vec::new() };
    let Some(mut replayed) = Incident::begin(incident.id, incident.home.clone(), first) else {
        return Vec::new();
    };
    let mut gate = ReleaseGate { held: vec![0], closed: true, ..ReleaseGate::default() };
    let mut after = vec![replayed.clone()];
    for (n, fact) in history.iter().enumerate().skip(1) {
        let was_counting = matches!(replayed.state, State::CountingDown { .. });
        replayed.apply(fact);
        after.push(replayed.clone());
        gate.meet(n, &fact.event, was_counting, history);
        if let Event::Withdrawn { requests, .. } = &fact.event {
            // What is told of the rest does not name them either.
            let withdrawn = requests.iter().copied().collect();
            gate.held.iter().for_each(|held| after[*held].withdraw(withdrawn));
        }
    }
    gate.out.into_iter().map(|n| (n, after[n].clone())).collect()
}

impl ReleaseGate {
    fn meet(&mut self, n: usize, event: &Event, was_counting: bool, history: &[Recorded]) {
        match event {
            Event::CountdownOver { .. }
            | Event::SentNow { .. }
            | Event::Reviewed { proceed: true, .. } => self.open(n),
            Event::Aborted { .. } => {
                self.held.retain(|held| history[*held].event.request().is_none());
                if !self.closed {
                    self.out.append(&mut self.held);
                }
            }
            Event::Withdrawn { requests, .. } => {
                let asked = |n: usize| history[n].event.request();
                self.held.retain(|held| !asked(*held).is_some_and(|one| requests.contains(&one)));
            }
            Event::Joined { deadline: Some(_), .. } => self.held.push(n),
            _ if was_counting || self.closed || !self.held.is_empty() => self.held.push(n),
            _ => self.out.push(n),
        }
    }

    fn open(&mut self, n: usize) {
        self.out.append(&mut self.held);
        self.out.push(n);
        self.closed = false;
    }
}
