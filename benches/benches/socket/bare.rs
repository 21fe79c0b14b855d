//! The floor: reads, finds the packets in place, answers CONNECT and PINGREQ, forgets the rest.
//!
//! Two of them. One is a task that waits for its socket together with all others, as a server must that has many; the other a
//! thread of its own that blocks in its read, which no wake-up costs anything.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use factree_mqtt::{Decoded, Limits, Packet, decode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::V311;

/// A task for each connection.
pub(crate) fn run() {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("TCP_NODELAY");
            tokio::spawn(async move {
                let mut read = Reading::new();
                while let Ok(len @ 1..) = stream.read(read.room()).await {
                    stream.write_all(read.parse(len)).await.expect("the sender reads");
                }
            });
        }
    });
}

/// A thread that serves one connection after the other.
pub(crate) fn run_blocking() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    println!("{}", listener.local_addr().expect("an address"));
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let mut read = Reading::new();
        while let Ok(len @ 1..) = stream.read(read.room()) {
            stream.write_all(read.parse(len)).expect("the sender reads");
        }
    }
}

/// What was read and is not yet told apart.
struct Reading {
    buffer: Vec<u8>,
    filled: usize,
}

impl Reading {
    fn new() -> Self {
        Self { buffer: vec![0; 1 << 20], filled: 0 }
    }

    fn room(&mut self) -> &mut [u8] {
        &mut self.buffer[self.filled..]
    }

    /// So many bytes were read. What the last of them asks for is the answer; all but few ask for nothing.
    fn parse(&mut self, len: usize) -> &'static [u8] {
        self.filled += len;
        let (mut consumed, mut answer) = (0, [].as_slice());
        while let Ok(Decoded::Packet { packet, len }) =
            decode(V311, &self.buffer[consumed..self.filled], &Limits::DEFAULT)
        {
            consumed += len;
            match packet {
                Packet::Connect(_) => answer = &[0x20, 2, 0, 0],
                Packet::PingReq => answer = &[0xD0, 0],
                packet => drop(std::hint::black_box(packet)),
            }
        }
        self.buffer.copy_within(consumed..self.filled, 0);
        self.filled -= consumed;
        answer
    }
}
