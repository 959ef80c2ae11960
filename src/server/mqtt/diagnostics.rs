//! The checks of `buckler check` for the broker and every siren behind it. It listens for a moment,
//! and sends sirens only messages without effect.

use super::codes::check_codes;
use super::{
    ConnectError,
    client::options,
    profile::{DeviceReport, Message},
    settings::{BoundSiren, Settings},
};
use crate::server::Finding;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Outgoing, Packet, PubAckReason, PublishOptions,
    QoS, SubscribeReasonCode,
};
use std::{collections::HashMap, time::Duration};
use tokio::time::timeout;

/// The timeout for connecting to the broker.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long to listen after the last message, because retained messages arrive at once.
const SILENCE: Duration = Duration::from_millis(500);
/// The topic where brokers report their version.
const VERSION: &str = "$SYS/broker/version";

/// Checks the broker: whether this server can connect, the broker's version, the topics that this
/// server may not read or write, the codes of keypads, and the last message of each siren.
pub async fn probe(settings: &Settings) -> Vec<Finding> {
    let broker = &settings.broker;
    let prepared = settings
        .sirens()
        .map_err(ConnectError::from)
        .and_then(|sirens| Ok((sirens, options(settings)?)));
    let (sirens, mut options) = match prepared {
        Ok(prepared) => prepared,
        Err(wrong) => return vec![(false, format!("broker: {wrong}"))],
    };
    // With the same client id, the broker would disconnect a server that is running.
    options.set_client_id(format!("{}-check-{}", settings.client_id, std::process::id()));
    let topics: Vec<String> =
        sirens.iter().flat_map(|s| s.profile.topics(&s.name)).chain([VERSION.to_owned()]).collect();
    let (client, mut events) =
        AsyncClient::builder(options).capacity(topics.len() + sirens.len() + 8).build();
    match timeout(CONNECT_WITHIN, connected(&mut events)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return vec![(false, format!("broker: {broker}: {error}"))],
        Err(_) => return vec![(false, format!("broker: {broker} does not answer"))],
    }
    let mut found = Found::default();
    for topic in &topics {
        // The queue has room for all of them.
        let _ = client.try_subscribe(topic.clone(), QoS::AtLeastOnce);
    }
    let commands: Vec<Message> =
        sirens.iter().filter_map(|siren| siren.profile.noop(&siren.name)).collect();
    for Message { topic, payload } in &commands {
        let _ = client.try_publish(
            topic.clone(),
            payload.clone().into_bytes(),
            PublishOptions::at_least_once(),
        );
    }
    while let Ok(Ok(event)) = timeout(SILENCE, events.poll()).await {
        found.take(event, &topics);
    }
    let said = found.said.get(VERSION).map_or_else(
        || "it does not say what it is".into(),
        |said| String::from_utf8_lossy(said).into_owned(),
    );
    let mut findings = vec![(true, format!("broker: {broker}: connected; {said}"))];
    findings.extend(
        found
            .refused
            .iter()
            .filter(|topic| *topic != VERSION)
            .map(|topic| (false, format!("broker: this server may not read “{topic}”"))),
    );
    let unheard = found.unheard.iter().filter_map(|at| commands.get(*at));
    findings.extend(
        unheard.map(|command| {
            (false, format!("broker: this server may not write “{}”", command.topic))
        }),
    );
    let wrong_codes = settings
        .buttons
        .iter()
        .filter_map(|button| check_codes(button.codes_file.as_deref()?).err());
    findings.extend(wrong_codes.map(|error| (false, error.to_string())));
    findings.extend(sirens.iter().map(|siren| last_word(siren, &found.said)));
    findings
}

async fn connected(events: &mut EventLoop) -> Result<(), ConnectionError> {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}

/// What the broker answered.
#[derive(Default)]
struct Found {
    answered: usize,
    refused: Vec<String>,
    said: HashMap<String, Vec<u8>>,
    /// The packet ids of the published messages, in order.
    written: Vec<u16>,
    /// The indexes of the messages that the broker refused.
    unheard: Vec<usize>,
}

impl Found {
    /// Handles an event. The acknowledgments of subscriptions come in the order of the
    /// subscriptions.
    fn take(&mut self, event: Event, topics: &[String]) {
        match event {
            Event::Incoming(Packet::SubAck(ack)) => {
                for code in ack.return_codes {
                    if !matches!(code, SubscribeReasonCode::Success(_)) {
                        self.refused.extend(topics.get(self.answered).cloned());
                    }
                    self.answered += 1;
                }
            }
            Event::Outgoing(Outgoing::Publish(packet)) => self.written.push(packet),
            Event::Incoming(Packet::PubAck(ack)) if ack.reason == PubAckReason::NotAuthorized => {
                self.unheard.extend(self.written.iter().position(|packet| *packet == ack.pkid));
            }
            Event::Incoming(Packet::Publish(message)) => {
                self.said.insert(
                    String::from_utf8_lossy(&message.topic).into_owned(),
                    message.payload.to_vec(),
                );
            }
            _ => {}
        }
    }
}

/// The last state that a siren, or its bridge, reported, as far as the broker retained it.
fn last_word(
    BoundSiren { home, device, name, profile, .. }: &BoundSiren,
    said: &HashMap<String, Vec<u8>>,
) -> Finding {
    let heard = profile
        .topics(name)
        .into_iter()
        .filter_map(|topic| profile.hear(name, &topic, said.get(&topic)?))
        .flatten();
    let mut words: Vec<String> = heard
        .filter_map(|heard| match heard {
            DeviceReport::Online(true) => Some("online".into()),
            DeviceReport::Online(false) => Some("offline".into()),
            DeviceReport::Sounds(true, _) => Some("sounding".into()),
            DeviceReport::Sounds(false, _) => Some("silent".into()),
            DeviceReport::Battery(left) => Some(format!("battery {left} %")),
            DeviceReport::Tampered(true) => Some("tampered with".into()),
            DeviceReport::Tampered(false) | DeviceReport::Alive => None,
        })
        .collect();
    words.dedup();
    let good = !words.iter().any(|word| word == "offline" || word == "tampered with");
    let words = if words.is_empty() {
        "has said nothing that the broker kept".into()
    } else {
        words.join(", ")
    };
    let proof = if profile.state.is_none() { "; its kind cannot prove that it sounds" } else { "" };
    (good, format!("siren: {home}/{device} ({name}): {words}{proof}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rumqttc::SubAck;

    #[test]
    fn what_this_server_may_not_read_is_named() {
        let topics = ["a", "b", "c"].map(str::to_owned);
        let mut found = Found::default();
        let codes =
            [SubscribeReasonCode::Success(QoS::AtLeastOnce), SubscribeReasonCode::NotAuthorized];
        let ack = |codes: &[SubscribeReasonCode]| {
            Event::Incoming(Packet::SubAck(SubAck {
                pkid: 1,
                return_codes: codes.to_vec(),
                properties: None,
            }))
        };
        found.take(ack(&codes), &topics);
        found.take(ack(&codes[..1]), &topics);
        assert_eq!((found.refused, found.answered), (vec!["b".to_owned()], 3));
    }
}
