//! `buckler serve --print-config` prints the effective configuration as a file that works again.

use std::{fs, path::Path, process::Command};

/// Every setting. Secrets and keys are in separate files, which the server reads when it starts.
const EVERYTHING: &str = r#"
public_url = "https://sos.example.org"
hosts = ["sos.example.net"]
metrics_listen = "127.0.0.1:9464"
trusted_proxies = ["10.0.0.2"]
tls_cert = "/etc/buckler/cert.pem"
tls_key = "/etc/buckler/key.pem"
ffmpeg = "/usr/bin/ffmpeg"
proof_lasts = "5m"

[center]
mode = "receiver"
ring_timeout = "45s"
phone = "+15035550100"

[center.receiver]
main = "tcp://192.0.2.7:12345"
backup = "udp://192.0.2.8:12345"
format = "sia-dcs"
key_file = "FOLDER/dc09"
drills = true
accounts = { maple-street = "4AB7" }

[center.listener]
listen = "tcp://127.0.0.1:12347"
accounts = { 1A2B = { home = "lake-cabin", key_file = "FOLDER/dc09" } }

[cameras]
allow = ["203.0.113.8/32"]
search = ["192.168.20.11"]

[mqtt]
broker = "mqtts://broker.example.org"
username = "buckler"
password_file = "FOLDER/password"
topic_prefix = { maple-street = "maple/" }

[[mqtt.siren]]
home = "lake-cabin"
device = "base"
profile = "mine"
name = "dock"
heartbeat_timeout = "25h"

[[mqtt.button]]
home = "lake-cabin"
name = "Keypad"
topic = "dock/keypad"
press = { disarm = "cancel", emergency = "police" }
codes_file = "FOLDER/codes"
answer = { topic = "dock/keypad/set", accepted = "ok", refused = "no" }

[mqtt.home_assistant]
homes = ["lake-cabin"]

[mqtt.profile.mine]
on = { topic = "{name}/set", payload = "ON {seconds}" }
off = { topic = "{name}/set", payload = "OFF" }
state = { topic = "{name}", json_pointer = "/state", on = "ON", off = "OFF" }

[[webhook]]
url = "https://example.org/hook"
secret_file = "FOLDER/secret"
homes = ["maple-street"]

[[reporter]]
name = "harbor"
title = "Harbor Dispatch"
secret_file = "FOLDER/secret"
"#;

const KEY: &str = "00112233445566778899AABBCCDDEEFF";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=";
const PASSWORD: &str = "open sesame";

/// The output of the server for this configuration file and these options.
fn printed(file: &Path, options: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buckler"));
    let output = command
        .args(["serve", "--print-config", "--config"])
        .arg(file)
        .args(options)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every key of a table, including nested ones such as `mqtt.siren.name`.
fn keys(value: &toml::Value, path: &str) -> Vec<String> {
    match value {
        toml::Value::Table(table) => {
            table.iter().flat_map(|(key, value)| keys(value, &format!("{path}.{key}"))).collect()
        }
        toml::Value::Array(all) if all.iter().any(toml::Value::is_table) => {
            all.iter().flat_map(|value| keys(value, path)).collect()
        }
        _ => vec![path.to_owned()],
    }
}

#[test]
fn printed_configuration_can_be_used_again_and_has_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, text) in
        [("dc09", KEY), ("secret", SECRET), ("password", PASSWORD), ("codes", "4711 Olivia\n")]
    {
        fs::write(at(name), text).unwrap();
    }
    let text = EVERYTHING.replace("FOLDER", folder.path().to_str().unwrap());
    fs::write(at("first.toml"), &text).unwrap();
    let data = at("a \"data\" folder");
    let first = printed(
        &at("first.toml"),
        &["--listen", "127.0.0.1:8181", "--data", data.to_str().unwrap()],
    );
    fs::write(at("second.toml"), &first).unwrap();
    assert_eq!(printed(&at("second.toml"), &[]), first);
    let (given, printed) =
        (text.parse::<toml::Table>().unwrap(), first.parse::<toml::Table>().unwrap());
    assert_eq!(
        (printed["listen"].as_str(), printed["data"].as_str()),
        (Some("127.0.0.1:8181"), data.to_str())
    );
    assert_eq!(printed["center"]["talk_timeout"].as_str(), Some("1m"), "defaults are there, too");
    let (given, printed) = (keys(&given.into(), ""), keys(&printed.into(), ""));
    assert!(given.iter().all(|key| printed.contains(key)), "{given:?}\n{printed:?}");
    for secret in [KEY, SECRET, PASSWORD, "4711"] {
        assert!(!first.contains(secret), "{secret}");
    }
}

#[test]
fn defaults_can_be_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("buckler.toml");
    fs::write(&file, "").unwrap();
    let first = printed(&file, &[]);
    fs::write(&file, &first).unwrap();
    assert_eq!(printed(&file, &[]), first);
}
