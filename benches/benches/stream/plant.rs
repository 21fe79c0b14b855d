//! The rest of a plant: Edge Nodes that say ten metrics each, in turn and evenly, and that nobody follows.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::EdgeNode;

const EDGE_NODES: usize = 50;
const METRICS_PER_MESSAGE: u64 = 10;
/// Between two messages.
const PACE: Duration = Duration::from_millis(1);

/// Works until it is dropped.
pub(crate) struct Plant {
    stops: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Plant {
    pub(crate) fn start(address: SocketAddr) -> Plant {
        let mut edge_nodes: Vec<EdgeNode> =
            (0..EDGE_NODES).map(|number| EdgeNode::connect(address, "Load", &format!("Node{number}"))).collect();
        let stops = Arc::new(AtomicBool::new(false));
        let (began, is_over) = (Instant::now(), Arc::clone(&stops));
        let thread = std::thread::spawn(move || {
            for (said, due) in (1_u32..).map(|said| (said as usize, PACE * said)) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(due.saturating_sub(began.elapsed()));
                let edge_node = &mut edge_nodes[said % EDGE_NODES];
                let message = edge_node.data(METRICS_PER_MESSAGE);
                edge_node.stream.write_all(&message).expect("it reads");
            }
        });
        Plant { stops, thread: Some(thread) }
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it worked");
        }
    }
}
