//! Messages to others at the broker: Home Assistant, and keypads that wait for an answer.

use super::{
    MqttDevices,
    broker::{Broker, Outgoing},
    home_assistant::{self, HomeState},
    keypad::Button,
    profile::Message,
};
use crate::{
    domain::{home::Home, id::HomeId},
    server::mqtt::buttons::Press,
};
use std::sync::Arc;

impl MqttDevices {
    /// Publishes a home to Home Assistant, and listens to its buttons.
    pub fn publish_home(&self, home: &Home) {
        let Some(assistant) = &self.settings.home_assistant else { return };
        let server = &self.settings.client_id;
        let button = home_assistant::buttons(server, &home.id, assistant);
        let topic = button.topic.clone();
        let new = self
            .commands
            .write()
            .expect("no writer panics")
            .insert(topic.clone(), Arc::new(Button::new(button)))
            .is_none();
        if let Some(client) = self.client().filter(|_| new)
            && let Err(error) = client.subscribe(&topic)
        {
            tracing::warn!(%error, "could not subscribe to Home Assistant's buttons; the next connection does");
        }
        self.keep(home_assistant::discovery(server, home, assistant));
    }

    /// Publishes the state of a home to Home Assistant.
    pub fn publish_state(&self, home: &HomeId, state: &HomeState) {
        self.keep(home_assistant::state(&self.settings.client_id, home, state));
    }

    /// Retains a message at the broker. Sends nothing if it has not changed.
    fn keep(&self, Message { topic, payload }: Message) {
        let before =
            self.retained.lock().expect("no holder panics").insert(topic.clone(), payload.clone());
        if before.as_ref() != Some(&payload)
            && let Some(client) = self.client()
        {
            keep(&*client, topic, payload);
        }
    }

    pub(super) fn republish(&self) {
        let Some(client) = self.client() else { return };
        let retained = self.retained.lock().expect("no holder panics").clone();
        retained.into_iter().for_each(|(topic, payload)| keep(&*client, topic, payload));
    }

    /// Answers a keypad whether its code was accepted.
    pub fn answer(&self, press: &Press, accepted: bool) {
        let Some(answer) =
            self.buttons.get(&press.button).and_then(|button| button.settings.answer.as_ref())
        else {
            return;
        };
        let text = if accepted { &answer.accepted } else { &answer.refused };
        let transaction = press.transaction.as_ref().and_then(|id| id.parse::<u64>().ok());
        // The answer is JSON, so anything but a number as JSON writes it could inject content.
        let transaction = transaction.map_or("null".into(), |id| id.to_string());
        let payload = text.replace("{transaction}", &transaction).into_bytes();
        if let Some(client) = self.client()
            && let Err(error) = client.publish(Outgoing::new(answer.topic.clone(), payload))
        {
            tracing::warn!(%error, button = press.name, "could not send an answer to a keypad");
        }
    }
}

/// Sends a retained message.
fn keep(client: &dyn Broker, topic: String, payload: String) {
    if let Err(error) = client.publish(Outgoing::new(topic, payload).retained()) {
        tracing::warn!(%error, "could not send a message to Home Assistant");
    }
}
