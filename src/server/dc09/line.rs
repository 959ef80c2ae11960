//! The line to a receiver: opens connections and moves bytes, and nothing else. Tests put a line of
//! their own in its place, so that the transmitter runs over one that loses what they choose.

use super::{codec::MOST, settings::Peer};
use async_trait::async_trait;
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

/// Opens lines.
#[async_trait]
pub trait Lines: Send + Sync + 'static {
    /// Opens a line to a receiver.
    ///
    /// # Errors
    /// The receiver cannot be reached.
    async fn open(&self, peer: &Peer) -> io::Result<Box<dyn Line>>;
}

/// A line to a receiver.
#[async_trait]
pub trait Line: Send {
    /// Sends a frame.
    ///
    /// # Errors
    /// The line is broken.
    async fn write(&mut self, frame: &[u8]) -> io::Result<()>;
    /// Waits for bytes and appends them. Returns their number; 0 at the end of a stream.
    ///
    /// # Errors
    /// The line is broken.
    async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize>;
}

/// Lines over TCP and UDP.
pub struct Sockets;

#[async_trait]
impl Lines for Sockets {
    async fn open(&self, peer: &Peer) -> io::Result<Box<dyn Line>> {
        let Peer { udp, at } = peer;
        if !udp {
            let socket = TcpStream::connect(at).await?;
            // A message must not wait for the TCP acknowledgment of the previous one.
            socket.set_nodelay(true)?;
            return Ok(Box::new(socket));
        }
        let target = tokio::net::lookup_host(at).await?.next().ok_or(io::ErrorKind::NotFound)?;
        let own = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(own).await?;
        socket.connect(target).await?;
        Ok(Box::new(socket))
    }
}

#[async_trait]
impl Line for TcpStream {
    async fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.write_all(frame).await
    }

    async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let mut piece = [0; 1_024];
        let length = AsyncReadExt::read(self, &mut piece).await?;
        into.extend_from_slice(&piece[..length]);
        Ok(length)
    }
}

#[async_trait]
impl Line for UdpSocket {
    async fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.send(frame).await.map(drop)
    }

    async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let mut datagram = vec![0; MOST];
        let length = self.recv(&mut datagram).await?;
        into.extend_from_slice(&datagram[..length]);
        Ok(length)
    }
}
