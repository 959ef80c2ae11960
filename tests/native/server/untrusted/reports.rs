//! Reports of dispatch services and centers: the headers with the signature, and the body.

use super::{draw::Draw, secret_file};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use buckler::{
    api::webhooks::Message,
    domain::incident::Report,
    server::{
        clock::{Machine, TimeSource},
        webhooks::{
            incoming::{Reporter, report},
            settings,
        },
    },
};
use standardwebhooks::Webhook;
use std::{fs::File, path::PathBuf, sync::LazyLock};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// A message is valid for five minutes, by clocks that may differ. The clock of the machine goes on
/// while a test runs.
const VALID_S: i64 = 300;
const SLACK_S: i64 = 60;
/// The longest id of a message, bytes, and the longest text in a report, characters.
const ID_MOST: usize = 128;
const TEXT_MOST: usize = 100;

static SECRET_FILE: LazyLock<(File, PathBuf)> = LazyLock::new(|| secret_file(SECRET));
static REPORTER: LazyLock<Reporter> = LazyLock::new(|| {
    let settings = settings::Reporter {
        name: "harbor".into(),
        title: "Harbor".into(),
        secret_file: SECRET_FILE.1.clone(),
        homes: Default::default(),
    };
    Reporter::new(&settings).expect("a secret")
});

/// Bodies as reporters write them.
const USUAL: [&str; 6] = [
    r#"{"type":"incident.claimed","timestamp":"2026-11-23T12:00:00Z","data":{"account":"1234"}}"#,
    r#"{"type":"incident.call_ended","timestamp":"2026-11-23T12:00:00Z","data":{"call":{"name":"Sister","outcome":"no_answer"}}}"#,
    r#"{"type":"incident.dispatch_moved","timestamp":"2026-11-23T12:00:00Z","data":{"seq":7,"dispatch":{"service":"police","state":"en_route","reference":"A 7"}}}"#,
    r#"{"type":"incident.cancelled","timestamp":"2026-11-23T12:00:00.5Z","data":{"home_incident":"7b0f7f0e-7f66-4b8e-9d53-000000000001"}}"#,
    r#"{"type":"incident.closed","timestamp":"1970-01-01T00:00:00Z","data":{"disposition":"false_alarm","more":[1]}}"#,
    r#"{"type":"incident.of_tomorrow","timestamp":"9999-12-31T23:59:59Z","data":{}}"#,
];

fn headers(id: &[u8], timestamp: &[u8], signature: &[u8]) -> Option<HeaderMap> {
    let header = |name: &'static str, value: &[u8]| {
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
    };
    [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)]
        .into_iter()
        .map(|(name, value)| header(name, value))
        .collect()
}

/// What a sender with this secret writes as the signature.
fn signature(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    Webhook::new(secret).expect("a secret").sign(id, timestamp, body).ok()
}

/// A report counts if its reporter signed these bytes in time, and no other does.
pub fn signatures(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let now = i64::try_from(Machine.wall().as_millis() / 1_000).expect("a date");
    let body = match draw.below(3) {
        0 => draw.bytes(),
        _ => draw.one_of(&USUAL).as_bytes().to_vec(),
    };
    let id = match draw.below(3) {
        0 => draw.text(),
        1 => "x".repeat(ID_MOST - 1 + draw.below(3)),
        _ => "msg_1".into(),
    };
    let at = match draw.below(4) {
        0 => draw.number() as i64,
        1 => now - draw.below(1_024) as i64,
        2 => now + draw.below(1_024) as i64,
        _ => now,
    };
    let secret = if draw.below(4) == 3 { OTHER_SECRET } else { SECRET };
    let Some(good) = signature(secret, &id, at, &body) else {
        let headers = headers(id.as_bytes(), at.to_string().as_bytes(), &draw.bytes());
        assert!(headers.is_none_or(|headers| REPORTER.signed(&body, &headers).is_none()));
        return;
    };
    let all = if draw.yes() { format!("v1,bm9uZQ== {good} v2,x") } else { good };
    let Some(headers_of_it) = headers(id.as_bytes(), at.to_string().as_bytes(), all.as_bytes())
    else {
        return;
    };
    let signed = REPORTER.signed(&body, &headers_of_it);
    let is_id = !id.is_empty() && id.len() <= ID_MOST && id.is_ascii();
    let age = i128::from(now).abs_diff(at.into());
    assert!(age >= (VALID_S - SLACK_S) as u128 || signed.is_some() == (is_id && secret == SECRET));
    assert!(age <= (VALID_S + SLACK_S) as u128 || signed.is_none(), "{at} is not now");
    assert!(signed.is_none() || secret == SECRET && signed.as_ref() == Some(&id));
    damaged(&mut draw, (&id, at, &all, &body));
}

/// The same report with a change in one place.
fn damaged(draw: &mut Draw, (id, at, signature, body): (&str, i64, &str, &[u8])) {
    let timestamp = at.to_string();
    let (new_id, new_time) = (draw.damaged(id.as_bytes()), draw.damaged(timestamp.as_bytes()));
    let new_body = draw.damaged(body);
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
    // The number counts, not how it is written.
    let is_same = new_id == id.as_bytes() && number(&new_time) == Some(at) && new_body == body;
    let Some(headers) = headers(&new_id, &new_time, signature.as_bytes()) else { return };
    // A message is signed with dots between its parts, and two ways to part it may read alike.
    let parted = [&new_id[..], b".", &new_time, b".", &new_body].concat();
    let is_parted_elsewhere =
        parted == [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    if !is_same && !is_parted_elsewhere {
        assert!(REPORTER.signed(&new_body, &headers).is_none(), "it was changed");
    }
}

/// Any headers without the secret.
pub fn strangers(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let body = draw.one_of(&USUAL).as_bytes();
    let now = Machine.wall().as_millis() / 1_000;
    let time = match draw.below(3) {
        0 => draw.bytes(),
        1 => (draw.number() as i64).to_string().into_bytes(),
        _ => now.to_string().into_bytes(),
    };
    let signature = match draw.below(3) {
        0 => draw.bytes(),
        _ => [&b"v1,"[..], &draw.bytes()].concat(),
    };
    if let Some(mut headers) = headers(&draw.bytes(), &time, &signature) {
        if draw.below(8) == 7 {
            headers.remove(draw.one_of(&["webhook-id", "webhook-timestamp", "webhook-signature"]));
        }
        assert!(REPORTER.signed(body, &headers).is_none());
    }
}

/// A body that is read is written so that it is read alike, and its report is one line for each
/// text.
pub fn bodies(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let usual = draw.one_of(&USUAL).to_owned();
    let body = match draw.below(4) {
        0 => draw.rest(),
        1 => {
            let text = serde_json::to_string(&draw.text()).expect("a string");
            ["\"Sister\"", "\"A 7\""]
                .iter()
                .fold(usual, |body, old| body.replace(old, &text))
                .into()
        }
        _ => draw.damaged(usual.as_bytes()),
    };
    let Ok(message) = serde_json::from_slice::<Message>(&body) else { return };
    let again = serde_json::to_vec(&message).expect("a message");
    assert_eq!(serde_json::from_slice::<Message>(&again).ok().as_ref(), Some(&message));
    let said = report(&message);
    let text = match &said {
        Some(Report::Called { name, .. }) => name,
        Some(Report::Moved { reference: Some(reference), .. }) => reference,
        _ => return,
    };
    assert!(text.chars().count() <= TEXT_MOST && !text.contains(char::is_control));
}

#[cfg(test)]
mod tests {
    use super::{
        super::{bytes, cases},
        *,
    };
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(1_000))]

        #[test]
        fn report_counts_if_its_reporter_signed_it_in_time(bytes in bytes(300)) {
            signatures(&bytes);
        }

        #[test]
        fn report_of_a_stranger_never_counts(bytes in bytes(300)) {
            strangers(&bytes);
        }

        #[test]
        fn body_of_a_report_is_read_as_it_is_written(bytes in bytes(600)) {
            bodies(&bytes);
        }
    }

    /// The library subtracts the time from its own.
    #[test]
    fn report_of_the_first_second_that_fits_is_refused() {
        for at in [i64::MIN, i64::MIN + 1, -1, i64::MAX] {
            let good = signature(SECRET, "msg_1", at, b"{}").unwrap();
            let headers = headers(b"msg_1", at.to_string().as_bytes(), good.as_bytes()).unwrap();
            assert!(REPORTER.signed(b"{}", &headers).is_none(), "{at}");
        }
    }
}
