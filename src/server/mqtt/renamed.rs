//! Older names of keys in the table `mqtt`. They work until the next release, and the log names the
//! new ones.

use toml::{Table, Value};

/// Gives the keys their current names. Returns the old and the new name of each key that was
/// renamed.
pub fn rename(file: &mut Table) -> Vec<(&'static str, &'static str)> {
    let mut renamed = Vec::new();
    let Some(Value::Table(mqtt)) = file.get_mut("mqtt") else { return renamed };
    one(mqtt, "chosen", "topic_prefix", &mut renamed);
    for list in ["siren", "button"] {
        for table in mqtt
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter_map(Value::as_table_mut)
        {
            silence(table, &mut renamed);
            one(table, "at", "json_pointer", &mut renamed);
        }
    }
    for profile in mqtt
        .get_mut("profile")
        .and_then(Value::as_table_mut)
        .into_iter()
        .flat_map(|all| all.iter_mut())
    {
        let Some(profile) = profile.1.as_table_mut() else { continue };
        silence(profile, &mut renamed);
        one(profile, "nothing", "noop_payload", &mut renamed);
        for told in ["state", "availability"] {
            if let Some(told) = profile.get_mut(told).and_then(Value::as_table_mut) {
                one(told, "at", "json_pointer", &mut renamed);
            }
        }
    }
    renamed
}

/// `silent_seconds = 90` is `heartbeat_timeout = "90s"` now.
fn silence(table: &mut Table, renamed: &mut Vec<(&'static str, &'static str)>) {
    if let Some(Value::Integer(seconds)) = table.get("silent_seconds") {
        let text = format!("{seconds}s");
        table.insert("silent_seconds".into(), Value::String(text));
    }
    one(table, "silent_seconds", "heartbeat_timeout", renamed);
}

fn one(
    table: &mut Table,
    old: &'static str,
    new: &'static str,
    renamed: &mut Vec<(&'static str, &'static str)>,
) {
    if !table.contains_key(new)
        && let Some(value) = table.remove(old)
    {
        table.insert(new.into(), value);
        if !renamed.contains(&(old, new)) {
            renamed.push((old, new));
        }
    }
}
