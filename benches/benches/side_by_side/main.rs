//! Factree beside mosquitto, rumqttd and nats-server over real sockets, in alternating runs.
//!
//! MQTT 3.1.1, the same bytes from the same threads of this process, which share the machine's cores with the broker: only
//! the ratios within a line mean something. `benches/side-by-side` builds what is needed and runs this; peers that are not
//! installed are left out. A name as argument runs only the lines that contain it.
//!
//! What is compared at QoS 1 says what an acknowledgement is worth: peers acknowledge before the disk has anything, and so
//! do `memory` and, towards a power cut, `process`; `power` stands on a line of its own beside the syncs its disk can do.

mod peer;
mod rows;

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use factree_benches::Server;

use crate::rows::{Figure, ROWS, Row};

const ROUNDS: usize = 5;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let rows = ROWS.iter().filter(|row| row.name.contains(&wanted));
    rows.for_each(compare);
    if "power".contains(&wanted) {
        power();
    }
}

/// Starts a broker of a kind, if it is there.
type Start = fn() -> Option<Server>;
const PEERS: [(&str, Start); 3] =
    [("mosquitto", Server::mosquitto), ("rumqttd", Server::rumqttd), ("nats-server", Server::nats)];

/// One line: the medians, and how far Factree is ahead of each.
fn compare(row: &Row) {
    let mut kinds: Vec<(&str, Vec<Figure>)> = vec![("factree", Vec::new())];
    kinds.extend(PEERS.map(|(name, _)| (name, Vec::new())));
    for _ in 0..ROUNDS {
        for (name, figures) in &mut kinds {
            let start: &dyn Fn() -> Option<Server> = match PEERS.iter().find(|(peer, _)| peer == name) {
                Some((_, start)) => start,
                None => &|| Some(Server::factree_with(row.durability)),
            };
            // A broker of its own for each run: none carries what another run left behind.
            if let Some(server) = start() {
                figures.push((row.run)(&server));
            }
        }
    }
    let medians: Vec<(&str, Figure)> =
        kinds.into_iter().filter_map(|(name, figures)| Some((name, median(figures)?))).collect();
    let ours = &medians[0].1;
    print!("{} ({}):", row.name, row.durability);
    for (name, figure) in &medians {
        print!(" {name} {figure}");
        if *name != "factree" {
            print!(" [{:.1}x]", row.better.ratio(ours, figure));
        }
        print!(";");
    }
    println!();
}

/// Durable throughput beside what the disk can do: no peer promises the same.
fn power() {
    let row = ROWS.iter().find(|row| row.durability == "process").expect("there is one");
    let (mut rates, mut syncs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let server = Server::factree_with("power");
        rates.push((row.run)(&server));
        syncs.push(Figure::of(syncs_per_second(&server)));
    }
    let (rate, syncs) = (median(rates).expect("rounds"), median(syncs).expect("rounds"));
    println!("{} (power): factree {rate}; the disk does {:.0} syncs/s", row.name, syncs.value);
}

/// How often a second this disk writes 4 KiB and syncs them.
fn syncs_per_second(server: &Server) -> f64 {
    let mut file = File::create(server.home().join("syncs")).expect("a file");
    let (start, mut syncs) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(1) {
        file.write_all(&[0; 4096]).expect("written");
        file.sync_data().expect("synced");
        syncs += 1;
    }
    f64::from(syncs) / start.elapsed().as_secs_f64()
}

fn median(mut figures: Vec<Figure>) -> Option<Figure> {
    figures.sort_by(|a, b| a.value.total_cmp(&b.value));
    (!figures.is_empty()).then(|| figures.swap_remove(figures.len() / 2))
}
