//! Thousands of lives of a broker, each from a seed, with checkers that have not read its code.
//!
//! `cargo test -p factree-sim --test seeds` lives the usual number. Longer: `SEEDS=100000`, from another beginning:
//! `FROM=5000`. A life that goes wrong says how to see it again: `SEED=4711` lives that one alone and prints its transcript.

mod chance;
mod checkers;
mod client;
mod conduct;
mod crash;
mod history;
mod ledger;
mod link;
mod message;
mod node;
mod outgoing;
mod plan;
mod schedule;
mod store;
mod tamper;
mod transcript;
mod watch;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use factree_broker::Kind;
use plan::Plan;
use tamper::Fault;
use world::{Life, World};

/// As many as a test run can afford.
const SEEDS: u64 = 2000;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|number| number.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The life of a seed. A panic of the broker is a finding, too.
fn live(seed: u64, record: bool) -> Life {
    let life = catch_unwind(AssertUnwindSafe(|| World::live(seed, Fault::Nothing, record, |_| {})));
    life.unwrap_or_else(|_| Life {
        finding: Some(("panic", "see above".to_owned())),
        transcript: Vec::new(),
        arrivals: 0,
    })
}

#[test]
fn thousands_of_lives_keep_every_promise() {
    if let Some(seed) = asked("SEED") {
        let life = live(seed, true);
        life.transcript.iter().for_each(|line| println!("{line}"));
        assert_eq!(life.finding, None, "seed {seed}");
        return;
    }
    let from = asked("FROM").unwrap_or(0);
    let seeds = from..from + asked("SEEDS").unwrap_or(SEEDS);
    let next = std::sync::atomic::AtomicU64::new(seeds.start);
    let (mut failed, mut arrivals) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let lives = || {
            let (mut failed, mut arrivals) = (Vec::new(), 0);
            loop {
                let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if seed >= seeds.end {
                    return (failed, arrivals);
                }
                let life = live(seed, false);
                arrivals += life.arrivals;
                failed.extend(life.finding.map(|finding| (seed, finding)));
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(lives)).collect();
        for thread in threads {
            let (more, came) = thread.join().expect("a life's panic is caught");
            failed.extend(more);
            arrivals += came;
        }
    });
    failed.sort();
    for (seed, (checker, what)) in failed.iter().take(10) {
        eprintln!("SEED={seed} cargo test -p factree-sim --test seeds thousands -- --nocapture   # {checker}: {what}");
    }
    assert!(failed.is_empty(), "{} of {} lives went wrong", failed.len(), seeds.end - seeds.start);
    assert!(arrivals as u64 > (seeds.end - seeds.start) * 10, "lives are eventful: {arrivals}");
}

#[test]
fn a_seed_has_one_transcript() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| live(seed, true).transcript);
        assert!(first.len() > 20, "seed {seed} is eventful");
        assert_eq!(first, second, "seed {seed}");
    }
}

/// A fault is put into the broker's way; within some lives its checker must say so.
#[test]
fn every_checker_can_fail() {
    for (fault, checker) in [
        (Fault::LosesDelivery, "at least once"),
        (Fault::RepeatsExactlyOnce, "exactly once"),
        (Fault::SwapsDeliveries, "order"),
        (Fault::Misdelivers, "entitlement"),
        (Fault::RetainsWhatNobodySaid, "retained"),
        (Fault::LosesWill, "wills"),
        (Fault::LosesSession, "sessions"),
        (Fault::IgnoresReceiveMaximum, "receive maximum"),
        (Fault::IgnoresPacketSize, "maximum packet size"),
        (Fault::SkipsConnAck, "nothing before CONNACK"),
        (Fault::StretchesQueue, "limits"),
        (Fault::LosesWakes, "liveness"),
        (Fault::MiscountsDelivery, "counters"),
        (Fault::IsHasty, "acknowledged"),
        (Fault::Forgets(Kind::Session), "sessions"),
        (Fault::Forgets(Kind::Subscription), "subscriptions"),
        (Fault::Forgets(Kind::Message), "restored"),
        (Fault::Forgets(Kind::Delivery), "at least once"),
        (Fault::Forgets(Kind::Received), "exactly once"),
        (Fault::Forgets(Kind::Will), "wills"),
        (Fault::Forgets(Kind::Retained), "retained"),
    ] {
        let often = |plan: &mut Plan| plan.kills = 0.2;
        let found = (0..400).filter_map(|seed| match fault {
            Fault::IsHasty | Fault::Forgets(_) => World::live(seed, fault, false, often).finding,
            _ => World::live(seed, fault, false, |_| {}).finding,
        });
        let mut others = Vec::new();
        let says_so = found.map(|(by, _)| by).inspect(|by| others.push(*by)).any(|by| by == checker);
        assert!(says_so, "{fault:?}: {checker} says nothing, but {others:?}");
    }
}
