//! The browser's clock, and times formatted for the person who uses it.

use crate::{
    domain::time::Timestamp,
    view::{sending::Moment, words::spoken_tag},
};
use js_sys::{Date, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// Milliseconds since the epoch, by this device's clock.
pub fn here_ms() -> u64 {
    Date::now() as u64
}

/// The current moment by both clocks of this device.
pub fn moment() -> Moment {
    let monotonic_ms = super::window().performance().map_or(0.0, |clock| clock.now()) as u64;
    Moment { wall_ms: here_ms(), monotonic_ms }
}

/// Formats a local time: hours and minutes, and seconds if requested.
pub fn clock(at: Timestamp, seconds: bool) -> String {
    let part = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut parts =
        vec![part("hour", "2-digit"), part("minute", "2-digit"), part("hourCycle", "h23")];
    if seconds {
        parts.push(part("second", "2-digit"));
    }
    local(at, &parts)
}

/// Formats a time in an IANA time zone: hours and minutes.
pub fn clock_in(at: Timestamp, zone: &str) -> String {
    let parts =
        [("hour", "2-digit"), ("minute", "2-digit"), ("hourCycle", "h23"), ("timeZone", zone)];
    local(at, &parts.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// Returns the IANA name of the browser's time zone.
pub fn time_zone() -> String {
    let options = js_sys::Intl::DateTimeFormat::default().resolved_options();
    Reflect::get(&options, &"timeZone".into())
        .ok()
        .and_then(|zone| zone.as_string())
        .unwrap_or_else(|| "UTC".into())
}

/// Formats how long ago something was, in the app's language: “12 seconds ago”.
pub fn ago(time: std::time::Duration) -> String {
    let s = time.as_secs();
    let (amount, unit) = match s {
        0..60 => (s, "second"),
        60..3_600 => (s / 60, "minute"),
        3_600..86_400 => (s / 3_600, "hour"),
        _ => (s / 86_400, "day"),
    };
    let options = Object::new();
    // Setting a property of a plain object cannot fail.
    let _ = Reflect::set(&options, &"numeric".into(), &"auto".into());
    let formatter = Reflect::get(&js_sys::global(), &"Intl".into())
        .and_then(|intl| Reflect::get(&intl, &"RelativeTimeFormat".into()));
    let made = formatter.and_then(|f| {
        Reflect::construct(
            f.unchecked_ref::<js_sys::Function>(),
            &js_sys::Array::of2(&locale().into(), &options),
        )
    });
    let format = made.and_then(|made| {
        let format: js_sys::Function = Reflect::get(&made, &"format".into())?.unchecked_into();
        format.call2(&made, &(-(amount as f64)).into(), &unit.into())
    });
    format.ok().and_then(|text| text.as_string()).unwrap_or_else(|| format!("{amount} {unit}"))
}

/// Formats a local day and time.
pub fn day(at: Timestamp) -> String {
    let parts = [
        ("day", "numeric"),
        ("month", "long"),
        ("hour", "2-digit"),
        ("minute", "2-digit"),
        ("hourCycle", "h23"),
    ];
    local(at, &parts.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// The locale of dates: the browser's own if it is of the app's language, so that day and month are
/// in the order that the reader expects.
fn locale() -> String {
    let spoken = spoken_tag();
    let own = super::window().navigator().language().filter(|own| own.starts_with(spoken));
    own.unwrap_or_else(|| if spoken == "en" { "en-US".into() } else { spoken.into() })
}

fn local(at: Timestamp, parts: &[(String, String)]) -> String {
    let options = Object::new();
    for (name, value) in parts {
        // Setting a property of a plain object cannot fail.
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    let date = Date::new(&JsValue::from_f64(at.as_millis() as f64));
    // It throws if the browser does not know the time zone, which must not take down a screen of an
    // emergency.
    written(&date, &options).unwrap_or_else(|| {
        let _ = Reflect::set(&options, &"timeZone".into(), &"UTC".into());
        written(&date, &options).map_or_else(|| at.to_string(), |time| format!("{time} UTC"))
    })
}

fn written(date: &Date, options: &Object) -> Option<String> {
    let write: js_sys::Function =
        Reflect::get(date, &"toLocaleString".into()).ok()?.dyn_into().ok()?;
    write.call2(date, &locale().into(), options).ok()?.as_string()
}
