//! The floor: reads, finds the packets in place, answers CONNECT and PINGREQ, forgets the rest.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use factree_mqtt::{Decoded, Limits, Packet, decode};

use super::V311;

pub(crate) fn run() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    println!("{}", listener.local_addr().expect("an address"));
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let (mut buffer, mut filled) = (vec![0; 1 << 20], 0);
        while let Ok(len @ 1..) = stream.read(&mut buffer[filled..]) {
            filled += len;
            let mut consumed = 0;
            let mut answer: &[u8] = &[];
            while let Ok(Decoded::Packet { packet, len }) = decode(V311, &buffer[consumed..filled], &Limits::DEFAULT) {
                consumed += len;
                match packet {
                    Packet::Connect(_) => answer = &[0x20, 2, 0, 0],
                    Packet::PingReq => answer = &[0xD0, 0],
                    packet => drop(std::hint::black_box(packet)),
                }
            }
            stream.write_all(answer).expect("the sender reads");
            buffer.copy_within(consumed..filled, 0);
            filled -= consumed;
        }
    }
}
