//! A door between an attached Factree and the broker it is attached to: what a network does to them, at a test's word.
//!
//! Its address stays, whoever is behind it. Invariant: nobody passes a shut door, and whoever is inside when it is shut
//! is out.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    behind: Option<SocketAddr>,
    inside: Vec<TcpStream>,
}

impl Door {
    pub(crate) fn to(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { behind: Some(behind), inside: Vec::new() }));
        let doorkeeper = Arc::clone(&state);
        // Ends with the test process; a shut door costs nothing.
        std::thread::spawn(move || {
            for comer in listener.incoming() {
                let mut state = doorkeeper.lock().unwrap();
                if let (Ok(comer), Some(behind)) = (comer, state.behind) {
                    state.inside.extend(let_in(&comer, behind).unwrap_or_default());
                }
            }
        });
        Self { address, state }
    }

    /// Throws everybody out and lets nobody in.
    pub(crate) fn shut(&self) {
        let mut state = self.state.lock().unwrap();
        state.behind = None;
        state.inside.drain(..).for_each(|stream| {
            // Who has gone by himself need not be thrown out.
            let _: io::Result<()> = stream.shutdown(Shutdown::Both);
        });
    }

    pub(crate) fn open(&self, behind: SocketAddr) {
        self.state.lock().unwrap().behind = Some(behind);
    }
}

fn let_in(comer: &TcpStream, behind: SocketAddr) -> io::Result<Vec<TcpStream>> {
    let host = TcpStream::connect(behind)?;
    for (mut from, mut to) in [(comer.try_clone()?, host.try_clone()?), (host.try_clone()?, comer.try_clone()?)] {
        std::thread::spawn(move || {
            let _: io::Result<u64> = io::copy(&mut from, &mut to);
            let _: io::Result<()> = to.shutdown(Shutdown::Both);
        });
    }
    Ok(vec![comer.try_clone()?, host])
}
