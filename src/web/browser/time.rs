//! The browser's clock, and times as its person reads them.

use crate::domain::time::Timestamp;
use js_sys::{Date, Object, Reflect};
use wasm_bindgen::JsValue;

/// Milliseconds since the epoch, by this device's clock.
pub fn here_ms() -> u64 {
    Date::now() as u64
}

/// A local time: hours and minutes, and seconds if wanted.
pub fn clock(at: Timestamp, seconds: bool) -> String {
    let part = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut parts = vec![part("hour", "2-digit"), part("minute", "2-digit"), part("hourCycle", "h23")];
    if seconds {
        parts.push(part("second", "2-digit"));
    }
    local(at, &parts)
}

/// A local day and time.
pub fn day(at: Timestamp) -> String {
    let parts = [("day", "numeric"), ("month", "long"), ("hour", "2-digit"), ("minute", "2-digit"), ("hourCycle", "h23")];
    local(at, &parts.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

fn local(at: Timestamp, parts: &[(String, String)]) -> String {
    let options = Object::new();
    for (name, value) in parts {
        // A plain object takes any property.
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    let date = Date::new(&JsValue::from_f64(at.as_millis() as f64));
    date.to_locale_string("en-US", &options).into()
}
