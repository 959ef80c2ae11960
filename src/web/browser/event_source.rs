//! One connection of server-sent events, closed when it is dropped.

use super::{Listener, early};
use wasm_bindgen::JsCast;
use web_sys::{EventSource, MessageEvent};

/// An open connection.
pub struct Stream {
    source: EventSource,
    _listeners: Vec<Listener>,
}

impl Stream {
    /// Connects. `then` gets each event's name and data; `failed` is called when the connection breaks.
    pub fn open(
        path: &str,
        names: &[&'static str],
        then: impl Fn(&'static str, String) + Clone + 'static,
        failed: impl Fn() + 'static,
    ) -> Option<Self> {
        let (source, heard) = early::stream(path).or_else(|| Some((EventSource::new(path).ok()?, Vec::new())))?;
        let mut listeners: Vec<Listener> = names
            .iter()
            .map(|name| {
                let (then, name) = (then.clone(), *name);
                Listener::new(&source, name, move |event| {
                    if let Some(data) = event.dyn_ref::<MessageEvent>().and_then(|e| e.data().as_string()) {
                        then(name, data);
                    }
                })
            })
            .collect();
        listeners.push(Listener::new(&source, "error", move |_| failed()));
        for (name, data) in heard {
            names.iter().filter(|known| **known == name).for_each(|known| then(known, data.clone()));
        }
        Some(Self { source, _listeners: listeners })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.close();
    }
}
