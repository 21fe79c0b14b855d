//! Figures of the evaluator: what it costs to ask whether a message may be published or delivered.
//!
//! Asked for 43-byte Sparkplug topics, with 1, 10 and 1,000 grants, beside the naive way of asking each filter in turn;
//! alternating runs. `cargo bench -p factree-benches --bench access`. `access CASE COUNT` (CASE is 0 to 5) only asks
//! COUNT times: run it under `valgrind --tool=callgrind` with two values of COUNT and subtract to get instructions per
//! decision.

use std::hint::black_box;
use std::time::Instant;

use factree_auth::{Access, Fill, Grant, IdPattern, Pin, Role, Verb, Verbs};
use factree_mqtt::{TopicFilter, TopicFilterBuf, TopicName};

const ROUNDS: usize = 11;
const COUNT: usize = 200_000;

struct Case {
    name: &'static str,
    filters: Vec<String>,
    pinned: bool,
    topics: Vec<String>,
}

fn topic(number: usize) -> String {
    format!("spBv1.0/Acme:Dallas:Press/DDATA/Line1/R{number:04}")
}

fn cases() -> Vec<Case> {
    let exact = |count: usize| (0..count).map(topic).collect::<Vec<_>>();
    let wild = |count: usize| {
        let filter = |number: usize| format!("spBv1.0/+/+/Line1/R{number:04}/#");
        (0..count).map(filter).collect::<Vec<_>>()
    };
    let case = |name, filters: Vec<String>, pinned, topics| Case { name, filters, pinned, topics };
    vec![
        case("1 grant, spBv1.0/#", vec!["spBv1.0/#".to_owned()], false, exact(100)),
        case("10 grants, exact", exact(10), false, exact(10)),
        case("1,000 grants, exact", exact(1000), false, exact(1000)),
        case("1,000 grants with wildcards", wild(1000), false, exact(1000)),
        case("1,000 grants, none of them for it", wild(1000), false, (5000..5100).map(topic).collect()),
        case("1,000 grants, published and pinned", exact(1000), true, exact(1000)),
    ]
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let cases = cases();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [case, count] => {
            let case = &cases[case.parse::<usize>().expect("a case, 0 to 5")];
            case.ask(&case.access(), count.parse().expect("a number of decisions"));
        }
        _ => cases.iter().for_each(Case::figures),
    }
}

impl Case {
    fn access(&self) -> Access {
        let verbs = Verbs::of([Verb::Read, Verb::Write]);
        let grants = self.filters.iter().map(|filter| Grant::topics(verbs, filter).expect("a filter")).collect();
        let pattern = |text| IdPattern::parse(text).expect("a pattern");
        let pin = Pin::EdgeNode { group: pattern("Acme:*"), edge_node: pattern("{client_id}") };
        let pins = if self.pinned { vec![pin] } else { vec![] };
        let role = Role::new("bench", grants, pins).expect("a role");
        Access::compile([&role], Fill { client_id: Some("Line1"), username: None }, Verbs::ALL)
    }

    fn ask(&self, access: &Access, count: usize) {
        let topics: Vec<_> = self.topics.iter().map(|topic| TopicName::parse(topic).expect("a topic")).collect();
        for topic in topics.iter().cycle().take(count) {
            if self.pinned {
                black_box(access.may_publish(black_box(*topic)).is_allowed());
            } else {
                black_box(access.may_receive(black_box(*topic)));
            }
        }
    }

    fn ask_each(&self, filters: &[TopicFilterBuf], count: usize) {
        let topics: Vec<_> = self.topics.iter().map(|topic| TopicName::parse(topic).expect("a topic")).collect();
        for topic in topics.iter().cycle().take(count) {
            let topic = black_box(*topic);
            black_box(filters.iter().any(|filter| filter.as_filter().matches(topic)));
        }
    }

    fn figures(&self) {
        let access = self.access();
        let filters: Vec<_> =
            self.filters.iter().map(|text| TopicFilter::parse(text).expect("a filter").to_buf()).collect();
        let naive_count = if filters.len() > 100 { COUNT / 100 } else { COUNT };
        let (mut ours, mut naive) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(timed(COUNT, |count| self.ask(&access, count)));
            naive.push(timed(naive_count, |count| self.ask_each(&filters, count)));
        }
        let (ours, naive) = (median(ours), median(naive));
        println!("access {}: {ours:.0} ns/decision, naive {naive:.0}, {:.1} times as fast", self.name, naive / ours);
    }
}

fn timed(count: usize, work: impl FnOnce(usize)) -> f64 {
    let started = Instant::now();
    work(count);
    started.elapsed().as_nanos() as f64 / count as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
