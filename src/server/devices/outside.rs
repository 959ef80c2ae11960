//! A bench outside of this process that sees what a demo does: it is shown every effect, one JSON line each, and the effect counts as
//! carried out when it has answered with a line. It outlives the server, so it can tell what devices saw when the server was killed.

use crate::{
    domain::incident::{command::Command, effect::Effect},
    server::engine::{
        Current,
        outbox::{NotCarried, WayOut, WaysOut},
    },
};
use async_trait::async_trait;
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

struct Shown {
    way: Arc<dyn WayOut>,
    bench: SocketAddr,
}

/// The same ways out, with a bench that sees each effect first.
pub fn shown(ways: WaysOut, bench: SocketAddr) -> WaysOut {
    let shown = |way| Arc::new(Shown { way, bench }) as Arc<dyn WayOut>;
    let WaysOut { devices, phones, receiver, responders, notices } = ways;
    WaysOut {
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
impl WayOut for Shown {
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        show(self.bench, effect).await.map_err(|e| NotCarried(format!("the bench does not answer: {e}")))?;
        self.way.carry_out(effect).await
    }

    fn gave_up(&self, effect: &Effect) -> Option<Command> {
        self.way.gave_up(effect)
    }

    fn resume(&self, current: &Current) {
        self.way.resume(current);
    }
}
