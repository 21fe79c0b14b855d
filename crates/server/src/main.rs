//! The `factree` command: arguments in, exit codes out.
//!
//! Exit codes: 0 ended in order, 1 the machine refused something, 2 the command line or the configuration is wrong, 3 the
//! data directory belongs to another process, 4 the disk failed while running. Of `sparkplug report`: 0 no rule is broken that
//! is a MUST, 1 at least one is, 2 the command line is wrong, 5 there is no report. Of `audit verify` and `audit head`: 0 the log
//! is what was written, 1 it is not, 5 it could not be tried. Of `place`: 0 a rule or the default places
//! it, 1 none does, 2 there is no such topic, or the configuration is wrong.

use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use factree::sparkplug_report::{self, Question, Report};
use factree::{
    Attachment, Config, ConfigError, DataDirectoryError, Found, Overrides, Reloader, Server, StartError, StateWord,
    demo,
};
use mimalloc::MiMalloc;
use tracing_subscriber::EnvFilter;

mod cli;

use cli::accounts::{KeyArguments, RoleArguments, UserArguments};
use cli::asking::Asking;
use cli::audit::AuditCommand;
use cli::init::InitArguments;

/// Of a million metrics most cells are far away in memory: decision 25.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A Unified Namespace broker for factories: MQTT and Sparkplug B in, one ISA-95 tree out.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// Run the broker (what `factree` does without a command)
    Serve(Options),
    /// Run the broker with a simulated plant of real Edge Nodes connected to it
    Demo(Options),
    /// Say whether a configuration is valid, and exit
    Check(Options),
    /// Say where a topic lands in the tree, by which rule, and why not by the others
    Place(Placing),
    /// Verify, export or name the end of the audit log of a data directory
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Ask a running Factree about Sparkplug
    #[command(subcommand)]
    Sparkplug(SparkplugCommand),
    /// Write a configuration that asks for logins, certificates, and a first admin
    Init(InitArguments),
    /// Who may log in
    User(UserArguments),
    /// What may be granted to them
    Role(RoleArguments),
    /// Keys for programs
    Key(KeyArguments),
}

#[derive(Subcommand)]
enum SparkplugCommand {
    /// Print which rules of Sparkplug were broken, by whom, how often
    ///
    /// Exit code 0: no MUST is broken; 1: at least one is; 5: there is no report, because nobody answers or the Edge Node is
    /// not known.
    Report(ReportOptions),
}

#[derive(Args)]
struct ReportOptions {
    #[command(flatten)]
    at: Asking,
    /// Only one Edge Node, against every rule: its group id
    #[arg(long, requires = "edge_node")]
    group: Option<String>,
    /// Its Edge Node id
    #[arg(long, requires = "group")]
    edge_node: Option<String>,
    /// Print the API's JSON
    #[arg(long)]
    json: bool,
}

/// What `factree place` is asked.
#[derive(Args, Clone)]
struct Placing {
    /// A topic: spBv1.0/GROUP/DDATA/NODE/DEVICE, or a plain one
    topic: String,
    /// The name of a metric, or the path of a field in a plain topic's document
    metric: Option<String>,
    /// Configuration file, TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args, Clone)]
struct Options {
    /// Configuration file, TOML; every key is optional
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where MQTT clients connect, or `off` [default: 127.0.0.1:1883]
    #[arg(long, value_name = "ADDR", value_parser = listen)]
    mqtt: Option<Listen>,
    /// Where the HTTP API is served [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// The directory that belongs to this process alone [default: ./factree-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A broker to be attached to as an ordinary client, mqtt://host:1883 for example; again for more
    #[arg(long, value_name = "URL")]
    attach: Vec<String>,
    /// Print the configuration as it is understood, without secrets, and exit
    #[arg(long)]
    print_config: bool,
}

/// An address, or nowhere.
#[derive(Clone, Copy)]
enum Listen {
    On(SocketAddr),
    Off,
}

fn listen(text: &str) -> Result<Listen, String> {
    match text {
        "off" => Ok(Listen::Off),
        address => address.parse().map(Listen::On).map_err(|_| "an address such as 127.0.0.1:1883, or off".into()),
    }
}

impl Options {
    fn overrides(&self) -> Overrides {
        let mqtt = if let Some(Listen::On(address)) = self.mqtt { Some(address) } else { None };
        let no_mqtt = matches!(self.mqtt, Some(Listen::Off));
        Overrides { mqtt, no_mqtt, http: self.http, data: self.data.clone(), attach: self.attach.clone() }
    }
}

fn main() -> ExitCode {
    let Arguments { command, options } = Arguments::parse();
    match command.unwrap_or(Command::Serve(options)) {
        Command::Serve(options) => configured(options, |config, again| run(config, again, false)),
        Command::Demo(options) => configured(options, |config, again| match config.mqtt {
            None => fail(2, "the simulated plant needs [mqtt] listen or --mqtt ADDR"),
            Some(_) if config.auth.is_some() => fail(2, "the simulated plant has no password; leave out [auth]"),
            Some(_) => run(config, again, true),
        }),
        Command::Check(options) => configured(options, |config, _| check(&config)),
        Command::Place(placing) => place(&placing),
        Command::Sparkplug(SparkplugCommand::Report(options)) => report(&options),
        Command::Audit(command) => cli::audit::audit(&command),
        Command::Init(arguments) => cli::init::init(&arguments),
        Command::User(arguments) => cli::accounts::user(arguments),
        Command::Role(arguments) => cli::accounts::role(arguments),
        Command::Key(arguments) => cli::accounts::key(arguments),
    }
}

/// Reads the configuration and goes on with it, and with a way to read it again.
fn configured(options: Options, with: impl FnOnce(Config, Source) -> ExitCode) -> ExitCode {
    let print_config = options.print_config;
    let read = move || Config::load(options.config.as_deref(), options.overrides());
    match read() {
        Ok(config) if print_config => printed(&config.printed()),
        Ok(config) => with(config, Box::new(read)),
        Err(error) => fail(2, &error.to_string()),
    }
}

/// Reads the configuration again.
type Source = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// Says what a configuration comes to.
fn check(config: &Config) -> ExitCode {
    let mqtt = config.mqtt.map_or_else(|| "off".to_owned(), |mqtt| format!("on {mqtt}"));
    let mut text = format!("The configuration is valid: MQTT {mqtt}, HTTP on {}.\n", config.http);
    text += &format!("{}\n", logins(config.auth.is_some()));
    for attachment in &config.attachments {
        text += &format!("Attached to {}\n", shown(attachment));
    }
    if !config.governance.is_empty() {
        text += &format!("Rules about what may be published: {}.\n", config.governance.len());
    }
    text += "\n[limits]\n";
    for (name, value, is_default) in factree::limit_keys::shown(&config.limits) {
        text += &format!("{name} = {value}{}\n", if is_default { "" } else { "   # set" });
    }
    printed(&text)
}

/// A reader who has gone (a closed pipe) is no reason to complain.
fn printed(text: &str) -> ExitCode {
    let _: io::Result<()> = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Whether clients have to log in, in a sentence.
fn logins(asks: bool) -> &'static str {
    match asks {
        true => "Clients have to log in: users, keys and certificates, as [auth] says.",
        false => "Open: nobody has to log in, and whoever is on this machine may do everything.",
    }
}

/// Asks a running Factree what was found.
fn report(options: &ReportOptions) -> ExitCode {
    let ReportOptions { at, group, edge_node, json } = options;
    let edge_node = group.clone().zip(edge_node.clone());
    let (http, key) = match at.read() {
        Ok(asked) => asked,
        Err(why) => return fail(2, &why),
    };
    let question = Question { http, key, edge_node, json: *json };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(5, &format!("cannot ask: {error}")),
    };
    match runtime.block_on(sparkplug_report::report(&question)) {
        Ok(Report { text, is_in_breach }) => {
            // A reader that has seen enough (`| head`) closes the pipe.
            let _: io::Result<()> = io::stdout().lock().write_all(text.as_bytes());
            ExitCode::from(u8::from(is_in_breach))
        }
        Err(unanswered) => fail(5, &unanswered.to_string()),
    }
}

/// An attachment in one line, without anything secret.
fn shown(attachment: &Attachment) -> String {
    let Attachment { name, url, client_id, host, state, filters, .. } = attachment;
    let state = match state {
        StateWord::Silent => ", STATE not published",
        StateWord::Told | StateWord::ToldWithLegacy => "",
    };
    let version = attachment.version_name();
    let filters: String = filters.iter().map(|filter| format!(", {filter}")).collect();
    format!("{url} as {name}: MQTT {version}, host id {host}{state}, client id {client_id}; spBv1.0/#{filters}")
}

/// Explains where a topic lands.
fn place(Placing { topic, metric, config }: &Placing) -> ExitCode {
    let (placement, governance) = match Config::load(config.as_deref(), Overrides::default()) {
        Ok(config) => (config.placement, config.governance),
        Err(error) => return fail(2, &error.to_string()),
    };
    let explanation = match placement.explain(topic, metric.as_deref()) {
        Ok(explanation) => explanation,
        Err(why) => return fail(2, &why.to_string()),
    };
    // A reader who has gone (a closed pipe) is no reason to complain.
    let text = factree::explain::render(&placement, &governance, &explanation);
    let _: io::Result<()> = io::stdout().write_all(text.as_bytes());
    if explanation.reason().is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(config: Config, read_again: Source, with_demo: bool) -> ExitCode {
    log_to_stderr(with_demo);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("cannot start worker threads: {error}")),
    };
    runtime.block_on(async {
        let server = match Server::start(config) {
            Ok(server) => server.reloading(read_again),
            Err(error @ StartError::DataDirectory(DataDirectoryError::Locked { .. })) => {
                return fail(3, &error.to_string());
            }
            Err(error) => return fail(1, &error.to_string()),
        };
        let stop = stop_signal(server.reloader());
        // A banner nobody can read (a closed pipe) is no reason to stop.
        let _: io::Result<()> = banner(&mut io::stdout().lock(), &server, with_demo);
        let plant = server.mqtt_address().filter(|_| with_demo).map(|address| tokio::spawn(demo::run(address)));
        server.run(stop).await;
        if let Some(plant) = plant {
            plant.abort();
        }
        ExitCode::SUCCESS
    })
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("factree: {message}");
    ExitCode::from(code)
}

/// `RUST_LOG` says how much; the demo's own comings and goings are not worth a newcomer's screen.
fn log_to_stderr(with_demo: bool) {
    let default = if with_demo { "warn" } else { "info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// What listens where, and what to try next.
fn banner(out: &mut impl Write, server: &Server, with_demo: bool) -> io::Result<()> {
    let (mqtt, http) = (server.mqtt_address(), server.http_address());
    let reach = |address: SocketAddr| match (address.ip().is_loopback(), server.asks_for_logins()) {
        (_, false) => "this machine only, no login",
        (true, true) => "this machine only, with login",
        (false, true) => "with login",
    };
    writeln!(out, "Factree {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out)?;
    match mqtt {
        Some(mqtt) => {
            writeln!(out, "  MQTT   {mqtt}   3.1.1 and 5.0, Sparkplug B and plain JSON; {}", reach(mqtt))?;
        }
        None => writeln!(out, "  MQTT   off")?,
    }
    for (address, transport) in server.further_listeners() {
        writeln!(out, "         {address}   the same by {transport}")?;
    }
    for attachment in server.attachments() {
        writeln!(out, "  Attach {}", shown(attachment))?;
    }
    let scheme = if server.http_is_encrypted() { "https" } else { "http" };
    writeln!(out, "  HTTP   {scheme}://{http}   the plant in a browser, and the API; {}", reach(http))?;
    if let Some(application) = server.sparkplug().application() {
        let host_id = server.sparkplug().host_id();
        writeln!(out, "  Host   {host_id}   says on {} that it is online", application.topic())?;
    }
    writeln!(
        out,
        "  Data   {}   durability {}: {}",
        server.data().display(),
        server.durability().name(),
        server.durability().promise()
    )?;
    if let Some(key) = server.audit_key() {
        writeln!(out, "  Audit  key {key}")?;
    }
    let Found { sessions, retained, edge_nodes, .. } = *server.found();
    if sessions + retained + edge_nodes > 0 {
        writeln!(
            out,
            "         went on with {sessions} sessions, {retained} retained messages, {edge_nodes} Edge Nodes"
        )?;
    }
    writeln!(out)?;
    if with_demo {
        writeln!(out, "A simulated plant is connecting: two sites of Acme, a dozen lines, a hundred devices.")?;
        writeln!(out)?;
        writeln!(out, "  curl '{scheme}://{http}/api/v1/namespace?depth=3'   # the plant as a tree")?;
        writeln!(
            out,
            "  curl '{scheme}://{http}/api/v1/values?filter=Acme/Dallas/Press/%23'   # every value of an area"
        )?;
        writeln!(out, "  curl {scheme}://{http}/api/v1/edge-nodes   # who is online")?;
    } else if server.asks_for_logins() {
        writeln!(
            out,
            "Clients log in. Users, roles and keys are made by factree user, role and key, beside this server with a key of"
        )?;
        writeln!(out, "an admin, or while it does not run:")?;
        writeln!(out)?;
        let ca = if scheme == "https" { " --ca FILE" } else { "" };
        // The certificate that `factree init` makes says so; another address is the only one that it listens on.
        let is_here = http.ip().is_loopback() || http.ip().is_unspecified();
        let at = if is_here { format!("localhost:{}", http.port()) } else { http.to_string() };
        writeln!(out, "  factree user list --http {scheme}://{at}{ca} --key-file FILE")?;
    } else if let Some(mqtt) = mqtt {
        writeln!(out, "Point an Edge Node or any MQTT client at it:")?;
        writeln!(out)?;
        // What mosquitto_pub takes for the host is localhost.
        let host = if mqtt.ip() == Ipv4Addr::LOCALHOST { String::new() } else { format!(" -h {}", mqtt.ip()) };
        writeln!(out, "  mosquitto_pub{host} -p {} -t Acme/Dallas/Temperature -m 21.4", mqtt.port())?;
        writeln!(out, "  curl {scheme}://{http}/api/v1/values/Acme/Dallas/Temperature")?;
        writeln!(out, "  curl {scheme}://{http}/api/v1/edge-nodes")?;
        writeln!(out)?;
        writeln!(out, "or see it with a simulated plant: factree demo")?;
    } else {
        writeln!(out, "What the brokers it is attached to have to say:")?;
        writeln!(out)?;
        writeln!(out, "  curl {scheme}://{http}/api/v1/attachments")?;
        writeln!(out, "  curl {scheme}://{http}/api/v1/edge-nodes")?;
        writeln!(out, "  curl '{scheme}://{http}/api/v1/namespace?depth=3'")?;
    }
    writeln!(out)?;
    writeln!(out, "Ctrl-C stops it. RUST_LOG=debug says more.")?;
    out.flush()
}

/// Watches for Ctrl-C and for SIGTERM from a service manager, from this call on: a signal that comes before the future is
/// polled is not lost. SIGHUP reads the configuration again, as it does in other brokers (MQ13).
fn stop_signal(reloader: Arc<Reloader>) -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be watched");
        let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be watched");
        let mut hang_up = signal(SignalKind::hangup()).expect("SIGHUP can be watched");
        async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => return,
                    _ = terminate.recv() => return,
                    _ = hang_up.recv() => {
                        let reloader = Arc::clone(&reloader);
                        // What came of it is in the log.
                        tokio::spawn(async move { reloader.reload_on_signal().await });
                    }
                }
            }
        }
    }
    #[cfg(not(unix))]
    async move {
        let _reloader = reloader;
        tokio::signal::ctrl_c().await.expect("Ctrl-C can be watched");
    }
}
