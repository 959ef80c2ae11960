//! Shows every live effect of a demo to a test bench outside of this process: one JSON line each.
//! An effect is executed only after the bench has answered with a byte. The bench outlives the
//! server, so it knows what devices saw when the server was killed.

use crate::{
    domain::incident::{command::Command, effect::Effect},
    server::engine::{
        Current,
        outbox::{EffectHandler, EffectHandlers, ExecuteError},
    },
};
use async_trait::async_trait;
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

struct Shown {
    way: Arc<dyn EffectHandler>,
    bench: SocketAddr,
}

/// Wraps effect handlers so that the bench sees each effect first.
pub fn shown(ways: EffectHandlers, bench: SocketAddr) -> EffectHandlers {
    let shown = |way| Arc::new(Shown { way, bench }) as Arc<dyn EffectHandler>;
    let EffectHandlers { devices, phones, receiver, responders, notices } = ways;
    EffectHandlers {
        devices: shown(devices),
        phones: shown(phones),
        receiver: shown(receiver),
        responders: shown(responders),
        notices: shown(notices),
    }
}

async fn show(bench: SocketAddr, effect: &Effect) -> io::Result<()> {
    let mut line = serde_json::to_vec(effect)?;
    line.push(b'\n');
    let mut bench = TcpStream::connect(bench).await?;
    bench.write_all(&line).await?;
    bench.read_u8().await?;
    Ok(())
}

#[async_trait]
impl EffectHandler for Shown {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        show(self.bench, effect)
            .await
            .map_err(|e| ExecuteError(format!("the bench does not answer: {e}")))?;
        self.way.execute(effect).await
    }

    fn on_expired(&self, effect: &Effect) -> Option<Command> {
        self.way.on_expired(effect)
    }

    fn resume(&self, current: &Current) {
        self.way.resume(current);
    }
}
