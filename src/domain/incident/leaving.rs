//! Which facts may leave the house: none before D, and none of what was aborted (I3, R11).

use super::{
    Incident, State,
    event::{Event, Recorded},
};

/// What has left so far, or is held back.
#[derive(Default)]
struct Gate {
    out: Vec<usize>,
    held: Vec<usize>,
    /// Whether nothing has ever left: then a review that ends with nothing sent lets nothing out (R22).
    closed: bool,
}

/// The facts of a history that others may be told now, by their place in it, with the incident as each left it.
pub fn leaving(whole: &Incident, history: &[Recorded]) -> Vec<(usize, Incident)> {
    // What the home must not notice leaves when it is over: another server may stand in the home.
    if whole.quiet.is_some() && !whole.is_over() {
        return Vec::new();
    }
    let Some(first) = history.first() else { return Vec::new() };
    let Some(mut incident) = Incident::begin(whole.id, whole.home.clone(), first) else { return Vec::new() };
    let mut gate = Gate { held: vec![0], closed: true, ..Gate::default() };
    let mut after = vec![incident.clone()];
    for (n, fact) in history.iter().enumerate().skip(1) {
        let was_counting = matches!(incident.state, State::CountingDown { .. });
        incident.apply(fact);
        after.push(incident.clone());
        gate.meet(n, &fact.event, was_counting, history);
    }
    gate.out.into_iter().map(|n| (n, after[n].clone())).collect()
}

impl Gate {
    fn meet(&mut self, n: usize, event: &Event, was_counting: bool, history: &[Recorded]) {
        match event {
            Event::CountdownOver { .. } | Event::SentNow { .. } | Event::Reviewed { proceed: true, .. } => self.open(n),
            Event::Aborted { .. } => {
                self.held
                    .retain(|held| !matches!(history[*held].event, Event::Started { .. } | Event::Joined { .. } | Event::Repeated { .. }));
                if !self.closed {
                    self.out.append(&mut self.held);
                }
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
