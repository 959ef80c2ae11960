//! The tasks beside requests, and what each is given.

use crate::domain::id::IncidentId;
use crate::server::{
    App, cameras,
    dc09::receiver::{self, Receiver},
    engine::device::Ids,
    http, metrics,
    monitoring::presence::{Leases, watch_leases},
    mqtt::{
        MqttDevices, Readiness,
        buttons::{Buttons, TakenPress, codes_on_disk, raise_what_is_pressed},
        device_health::{Monitor, monitor},
        discovery::{self, publish_homes},
        stops::{Stopped, report_stops},
    },
    snapshots::{Publisher, fan_out},
    tasks::Stage,
    webhooks,
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, sync::mpsc};

impl App {
    /// Starts the tasks beside requests, which run until the server stops.
    pub(super) fn begin_beside(
        self: &Arc<Self>,
        presses: mpsc::Receiver<TakenPress>,
        stops: mpsc::Receiver<Stopped>,
        steps: Option<mpsc::UnboundedReceiver<IncidentId>>,
        panels: Option<(Arc<Receiver>, receiver::Socket)>,
    ) {
        if let Some((receiver, socket)) = panels {
            let (reads, changes) = (self.reads.clone(), self.changes.clone());
            let kept = receiver::KeptAlarms { reads, changes };
            self.tasks.spawn("panels", receiver::listen(self.panels(), kept, receiver, socket));
        }
        if let Some(steps) = steps {
            self.tasks.spawn("webhooks", webhooks::watch(self.webhooks.clone(), steps));
        }
        self.tasks.spawn("live events", fan_out(self.publisher(), self.stop.clone()));
        self.tasks.spawn("operators", watch_leases(self.leases(), self.stop.clone()));
        self.tasks.spawn(
            "cameras",
            cameras::keep_what_is_wanted(
                self.cameras.clone(),
                self.homes.clone(),
                self.stop.clone(),
            ),
        );
        if let Some(broker) = self.broker.clone() {
            self.tasks.spawn(
                "buttons",
                raise_what_is_pressed(self.buttons(broker.clone()), presses, self.stop.clone()),
            );
            let (engine, clock) = (self.engine.clone(), self.clock.clone());
            self.tasks
                .spawn("stops of sirens", report_stops(engine, clock, stops, self.stop.clone()));
            self.tasks.spawn(
                "health of devices",
                monitor(self.monitor(broker.clone()), self.stop.clone()),
            );
            if let Some(assistant) = broker.settings().home_assistant.clone() {
                self.tasks.spawn(
                    "Home Assistant",
                    publish_homes(self.published(broker), assistant, self.stop.clone()),
                );
            }
        }
        self.tasks.spawn_until(Stage::Outside, "figures", metrics::sum_up());
    }

    /// Opens the address for metrics. If it cannot be used, the server works without: an SOS does
    /// not depend on it.
    pub(super) async fn open_metrics(self: &Arc<Self>, address: SocketAddr) {
        let opened = async {
            let listener = TcpListener::bind(address).await?;
            Ok::<_, io::Error>((listener.local_addr()?, listener))
        };
        match opened.await {
            Ok((address, listener)) => {
                tracing::info!(%address, "serving metrics");
                self.serve_metrics(listener);
            }
            Err(error) => {
                tracing::error!(%address, %error, "metrics are not served: their address cannot be used");
            }
        }
    }

    /// Serves metrics, and `/readyz` with names, until the server stops.
    pub fn serve_metrics(self: &Arc<Self>, listener: TcpListener) {
        let (router, stop) = (http::metrics_router(self.clone()), self.stop.clone());
        let (connections, proxies) =
            (self.limits.connections.clone(), self.trusted_proxies.clone());
        self.tasks.spawn("metrics", async move {
            if let Err(error) =
                http::serve(listener, None, router, connections, proxies, stop).await
            {
                tracing::error!(%error, "metrics cannot be served any more");
            }
        });
    }
}

/// What each task is given.
impl App {
    fn readiness(&self) -> Readiness {
        let snapshots = self.snapshots.clone();
        Arc::new(move |home| snapshots.ready(home))
    }

    fn publisher(&self) -> Publisher {
        Publisher {
            snapshots: self.snapshots.clone(),
            homes: self.homes.clone(),
            live_events: self.live_events.clone(),
        }
    }

    fn panels(&self) -> Arc<receiver::Source> {
        let (engine, homes, clock) = (self.engine.clone(), self.homes.clone(), self.clock.clone());
        Arc::new(receiver::Source {
            engine,
            homes,
            clock,
            policy: self.policy,
            ids: Ids::random(),
            stop: self.stop.clone(),
        })
    }

    fn leases(&self) -> Leases {
        let (operators, engine, clock) =
            (self.operators.clone(), self.engine.clone(), self.clock.clone());
        Leases {
            operators,
            engine,
            clock,
            live_events: self.live_events.clone(),
            homes: self.homes.clone(),
            center: self.policy.center,
            reads: self.reads.clone(),
        }
    }

    fn buttons(&self, broker: Arc<MqttDevices>) -> Buttons {
        let (attempts, engine, homes) =
            (self.attempts.clone(), self.engine.clone(), self.homes.clone());
        Buttons {
            broker,
            attempts,
            engine,
            homes,
            clock: self.clock.clone(),
            policy: self.policy,
            readiness: self.readiness(),
            ids: Ids::random(),
            read_codes: codes_on_disk(),
        }
    }

    fn monitor(&self, broker: Arc<MqttDevices>) -> Monitor {
        let (homes, changes, clock) =
            (self.homes.clone(), self.changes.clone(), self.clock.clone());
        Monitor { broker, homes, changes, clock, live_events: self.live_events.clone() }
    }

    fn published(&self, broker: Arc<MqttDevices>) -> discovery::Source {
        discovery::Source {
            broker,
            homes: self.homes.clone(),
            engine: self.engine.clone(),
            reads: self.reads.clone(),
            live_events: self.live_events.clone(),
            clock: self.clock.clone(),
            readiness: self.readiness(),
        }
    }
}
