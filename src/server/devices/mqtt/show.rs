//! What others at the broker are shown: Home Assistant, and keypads that wait for an answer.

use super::{
    MqttDevices,
    home_assistant::{self, Shown},
    keys::Button,
    profile::Message,
};
use crate::{
    domain::{home::Home, id::HomeId},
    server::devices::buttons::Press,
};
use rumqttc::{AsyncClient, PublishOptions, QoS};
use std::sync::Arc;

impl MqttDevices {
    /// Shows a home to Home Assistant, and lets it ask.
    pub fn show_home(&self, home: &Home) {
        let Some(assistant) = &self.settings.home_assistant else { return };
        let server = &self.settings.client_id;
        let button = home_assistant::buttons(server, &home.id, assistant);
        let topic = button.topic.clone();
        let new = self.commands.write().expect("no writer panics").insert(topic.clone(), Arc::new(Button::new(button))).is_none();
        if let Some(client) = self.client().filter(|_| new)
            && let Err(error) = client.try_subscribe(topic, QoS::AtLeastOnce)
        {
            tracing::warn!(%error, "Home Assistant's buttons are not heard until the next connection");
        }
        self.keep(home_assistant::discovery(server, home, assistant));
    }

    /// Shows how a home is.
    pub fn show(&self, home: &HomeId, shown: &Shown) {
        self.keep(home_assistant::state(&self.settings.client_id, home, shown));
    }

    /// Keeps a message at the broker; the same again is not sent.
    fn keep(&self, Message { topic, payload }: Message) {
        let before = self.shown.lock().expect("no holder panics").insert(topic.clone(), payload.clone());
        if before.as_ref() != Some(&payload)
            && let Some(client) = self.client()
        {
            keep(&client, topic, payload);
        }
    }

    pub(super) fn show_all(&self) {
        let Some(client) = self.client() else { return };
        let shown = self.shown.lock().expect("no holder panics").clone();
        shown.into_iter().for_each(|(topic, payload)| keep(&client, topic, payload));
    }

    /// Tells a keypad whether its code did anything.
    pub fn answer(&self, press: &Press, accepted: bool) {
        let Some(answer) = self.buttons.get(&press.button).and_then(|button| button.settings.answer.as_ref()) else { return };
        let text = if accepted { &answer.accepted } else { &answer.refused };
        let transaction = press.transaction.as_deref().unwrap_or("null");
        // It stands in JSON: what is no number there would be anything.
        let transaction = if transaction.parse::<u64>().is_ok() { transaction } else { "null" };
        let payload = text.replace("{transaction}", transaction).into_bytes();
        if let Some(client) = self.client()
            && let Err(error) = client.try_publish(answer.topic.clone(), payload, PublishOptions::at_least_once())
        {
            tracing::warn!(%error, button = press.name, "a keypad was not told what came of its code");
        }
    }
}

/// Keeps a message at the broker for whoever comes later.
fn keep(client: &AsyncClient, topic: String, payload: String) {
    if let Err(error) = client.try_publish(topic, payload.into_bytes(), PublishOptions::at_least_once().retained()) {
        tracing::warn!(%error, "Home Assistant was not told how a home is");
    }
}
