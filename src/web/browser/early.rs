//! Takes over what `public/early.js` began while the app was still loading. Each answer is taken
//! once.

use js_sys::{Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Response;

use super::{focus_first, window};

fn take<T: JsCast>(name: &str) -> Option<T> {
    let early = Reflect::get(&window(), &"early".into()).ok()?.dyn_into::<js_sys::Object>().ok()?;
    let found = Reflect::get(&early, &name.into()).ok()?;
    Reflect::delete_property(&early, &name.into()).ok()?;
    found.dyn_into().ok()
}

/// Returns the answer to who is signed in: `None` if it was not requested early, an error if the
/// request failed.
pub async fn me() -> Option<Result<Response, JsValue>> {
    let asked: Promise = take("me")?;
    Some(wasm_bindgen_futures::JsFuture::from(asked).await.map(JsCast::unchecked_into))
}

/// Removes the shield that was shown while the app was loading. If it was pressed, returns the id
/// of the home that it stood for.
pub fn shield() -> Option<String> {
    let early = window().document()?.get_element_by_id("first-shield")?;
    let holds = |selector: &str| early.query_selector(selector).is_ok_and(|found| found.is_some());
    if holds(":focus") {
        focus_first("button.shield");
    }
    let pressed = holds("[aria-busy]").then(|| early.get_attribute("data-home")).flatten();
    early.remove();
    pressed
}
