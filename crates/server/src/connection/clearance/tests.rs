//! Stories of logins that end by the clock on the wall, which may be set.
//!
//! Time passes here as fast as nobody has anything to do.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Mutex;

use factree_auth::credential::{BearerToken, Secret, random};
use factree_auth::directory::{Command, NewKey};
use factree_auth::{Name, Verbs};
use factree_broker::Broker;
use factree_http::Streams;
use factree_ingest::Ingest;
use factree_mqtt::{Decoded, Limits, Packet, ProtocolVersion, ReasonCode, decode, encode};
use factree_namespace::Namespace;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::audit::Audit;
use crate::authority::{Authority, STEP};
use crate::config::{Config, Overrides};
use crate::disk::Disk;
use crate::face::Face;
use crate::hub::Hub;

const MINUTE: Duration = Duration::from_secs(60);

/// Somebody sets the clock on the wall.
fn step(minutes: i64) {
    STEP.set(STEP.get() + minutes * 60_000);
}

/// A hub that asks for logins, and a key that ends in an hour.
async fn plant(data: &std::path::Path) -> (Arc<Hub>, Secret) {
    let Config { limits, sparkplug, placement, face, auth, .. } =
        Config::parse("[auth]\n", Overrides::default()).unwrap();
    let authority = Arc::new(Authority::start(&auth.unwrap(), &limits.auth, data).unwrap());
    let owner = Name::parse("anna").unwrap();
    let roles = vec![Name::parse("reader").unwrap()];
    authority.decide(Command::AddUser { name: owner.clone(), password: None, roles }).await.unwrap();
    let (token, shown) = BearerToken::mint(random().unwrap());
    let (label, expires) = (owner.clone(), Some(wall().after(60 * MINUTE)));
    let key = NewKey { token, owner, label, roles: None, verbs: Verbs::ALL, expires };
    authority.decide(Command::AddKey(key)).await.unwrap();
    let namespace = Arc::new(Namespace::new(limits.namespace.clone()));
    let ingest = Ingest::new(limits.ingest.clone(), placement, Arc::clone(&namespace));
    let streams = Arc::new(Streams::new(Arc::clone(&namespace), limits.streams.clone(), 0));
    let (broker, face) = (Broker::new(limits.broker.clone()), Face::new(namespace, face));
    let hub = Hub::new(broker, limits, &sparkplug, Arc::new(Mutex::new(ingest)), Disk::new(false), streams, face);
    (Arc::new(hub.guarded(authority, Arc::new(Audit::off()))), shown)
}

/// A client that has shown a key and is silent from then on.
async fn connected(hub: &Arc<Hub>, key: &Secret) -> DuplexStream {
    let (mut near, far) = duplex(1024);
    let peer = SocketAddr::from(([127, 0, 0, 1], 1883));
    tokio::spawn(super::super::serve(Arc::clone(hub), far, peer, None, Instant::now() + MINUTE));
    let mut connect = Connect::new(ProtocolVersion::V5, "c");
    connect.password = Some(key.reveal().as_bytes());
    let mut bytes = Vec::new();
    encode(ProtocolVersion::V5, &Packet::Connect(connect), &mut bytes);
    near.write_all(&bytes).await.unwrap();
    assert_eq!(told(&mut near, MINUTE).await, "CONNACK");
    near
}

/// What it is told within a time.
async fn told(client: &mut DuplexStream, within: Duration) -> &'static str {
    let mut bytes = Vec::new();
    let read = async {
        loop {
            assert_ne!(client.read_buf(&mut bytes).await.unwrap(), 0, "it is told before it is closed");
            match decode(ProtocolVersion::V5, &bytes, &Limits::default()).unwrap() {
                Decoded::Incomplete { .. } => {}
                Decoded::Packet { packet: Packet::ConnAck(ack), .. } if ack.reason == ReasonCode::Success => {
                    return "CONNACK";
                }
                Decoded::Packet { packet: Packet::Disconnect(told), .. } => {
                    assert_eq!(told.reason, ReasonCode::NotAuthorized);
                    return "DISCONNECT";
                }
                Decoded::Packet { packet, .. } => panic!("{packet:?}"),
            }
        }
    };
    tokio::time::timeout(within, read).await.unwrap_or("nothing")
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_puts_the_end_of_a_login_off_and_not_away() {
    let data = tempfile::tempdir().unwrap();
    let (hub, key) = plant(data.path()).await;
    let mut client = connected(&hub, &key).await;
    // While the timer runs for an hour, the clock on the wall stands still, and then it is set.
    assert_eq!(told(&mut client, 61 * MINUTE).await, "nothing", "on the wall hardly any time has passed");
    step(30);
    assert_eq!(told(&mut client, 61 * MINUTE).await, "nothing");
    step(31);
    assert_eq!(told(&mut client, 61 * MINUTE).await, "DISCONNECT");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_ahead_ends_a_login_at_once() {
    let data = tempfile::tempdir().unwrap();
    let (hub, key) = plant(data.path()).await;
    let mut client = connected(&hub, &key).await;
    let mut rights = pin!(hub.keep_rights());
    let cut_off = async {
        assert_eq!(told(&mut client, MINUTE).await, "nothing");
        step(61);
        told(&mut client, MINUTE).await
    };
    tokio::select! {
        () = &mut rights => unreachable!("it goes on as long as it is polled"),
        told = cut_off => assert_eq!(told, "DISCONNECT"),
    }
}
