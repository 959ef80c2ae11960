//! Live events, over one stream for all tabs of the browser (`public/live.js`).

use super::browser::window;
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

/// A subscription to live events. It ends when it is dropped.
pub struct Live {
    end: Option<Function>,
    _event: Closure<dyn FnMut(String, String)>,
    _connected: Closure<dyn FnMut(bool)>,
}

impl Live {
    /// Subscribes. `event` gets the name and the data of each event; `connected` gets whether the
    /// stream is connected, on each change.
    pub fn open(
        path: &str,
        names: &[&str],
        event: impl FnMut(String, String) + 'static,
        connected: impl FnMut(bool) + 'static,
    ) -> Self {
        let event = Closure::<dyn FnMut(String, String)>::new(event);
        let connected = Closure::<dyn FnMut(bool)>::new(connected);
        let names: Array = names.iter().map(|name| JsValue::from_str(name)).collect();
        let arguments = Array::of4(&path.into(), &names, event.as_ref(), connected.as_ref());
        let live = Reflect::get(&window(), &"live".into())
            .ok()
            .and_then(|live| live.dyn_into::<Function>().ok());
        let end = live.and_then(|live| Reflect::apply(&live, &JsValue::UNDEFINED, &arguments).ok());
        Self { end: end.and_then(|end| end.dyn_into().ok()), _event: event, _connected: connected }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(end) = &self.end {
            // An error can be ignored: the subscription has ended already.
            let _ = end.call0(&JsValue::UNDEFINED);
        }
    }
}
