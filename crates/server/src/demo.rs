//! The demo: a simulated plant, connected like a real one.
//!
//! Each client of the plant gets a TCP connection of its own to the embedded broker and nothing else: what a newcomer sees
//! came the way a machine's data comes. The clients themselves know no sockets and no clocks; this file gives them both.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use factree_sim::{Action, Client, Now, Plant, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tracing::{info, warn};

/// The same plant at every start.
const SEED: u64 = 1;
/// How long to wait before trying again when the broker does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// Runs the plant against the broker at `address`, until the future is dropped.
pub async fn run(address: SocketAddr) {
    let mut clients = JoinSet::new();
    for client in Plant::demo(SEED).into_clients() {
        clients.spawn(live(client, address));
    }
    while let Some(ended) = clients.join_next().await {
        if let Err(error) = ended {
            warn!(%error, "a simulated client ended");
        }
    }
}

/// A client's life: connect, live, lose the connection, connect again.
async fn live(mut client: Client, address: SocketAddr) {
    loop {
        if let Some(at) = client.next_wake() {
            tokio::time::sleep_until(at.into()).await;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => {
                if let Err(error) = converse(&mut client, stream).await {
                    info!(client = client.client_id(), %error, "simulated client lost its connection");
                    client.lost(now());
                }
            }
            Err(error) => {
                warn!(client = client.client_id(), %error, "simulated client cannot connect");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// One connection. Ends without an error if the client chose to drop it.
async fn converse(client: &mut Client, mut stream: TcpStream) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut incoming = Vec::with_capacity(4096);
    let mut outgoing = Vec::new();
    client.connected(now(), &mut outgoing);
    loop {
        stream.write_all(&outgoing).await?;
        outgoing.clear();
        let wake = client.next_wake().unwrap_or_else(Instant::now);
        tokio::select! {
            read = stream.read_buf(&mut incoming) => {
                if read? == 0 {
                    return Err("closed by the broker".into());
                }
                let consumed = client.received(now(), &incoming, &mut outgoing)?;
                incoming.drain(..consumed);
            }
            () = tokio::time::sleep_until(wake.into()) => match client.wake(now(), &mut outgoing) {
                Action::Stay => {}
                Action::DropConnection => return Ok(()),
            },
        }
    }
}

fn now() -> Now {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::now(), wall: Timestamp(since_epoch.as_millis() as u64) }
}
