//! The authenticator, through `public/passkey.js`.

use super::{load, window};
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// A task for the authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Create a passkey.
    Create,
    /// Use a passkey.
    Get,
}

/// Returns the authenticator's answer to these options, as JSON; `None` if the person declines, or
/// the browser does not support it.
pub async fn ask(task: Task, options: &str) -> Option<String> {
    if helper().is_none() {
        let script = load("passkey")?;
        let loaded = Promise::new(&mut |done, failed| {
            // Adding a listener to an element cannot fail.
            let _ = script.add_event_listener_with_callback("load", &done);
            let _ = script.add_event_listener_with_callback("error", &failed);
        });
        JsFuture::from(loaded).await.ok()?;
    }
    let helper = helper()?;
    let name = if task == Task::Create { "create" } else { "get" };
    let function: Function = Reflect::get(&helper, &name.into()).ok()?.dyn_into().ok()?;
    let asked: Promise = function.call1(&helper, &options.into()).ok()?.dyn_into().ok()?;
    JsFuture::from(asked).await.ok()?.as_string()
}

fn helper() -> Option<JsValue> {
    Reflect::get(&window(), &"passkey".into()).ok().filter(JsValue::is_object)
}
