//! Reloading: the configuration is read again while everything runs, on SIGHUP and over HTTP.
//!
//! What lies in the tree can change at runtime (`[namespace]`: placement rules, the model, types, context, what may be published), and so can
//! what `[auth]` says of roles, certificates and tokens, and the certificate of HTTP; for every other key that differs the answer says that it needs a restart. The file is read and judged whole before anything is done with it.
//! Moving the tree takes ingest's lock for about a millisecond at a time and rests as long, so publishers go on while it lasts.
//! Invariant: one reload at a time, and one that is refused changes nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use factree_http::Reloaded;
use factree_ingest::{Doorkeeper, Ingest};
use factree_namespace::Modelled;
use tracing::{info, warn};

use crate::audit::{Audit, AuditFull, Outcome, OwnedEntry};
use crate::authority::Authority;
use crate::config::{Config, ConfigError, DeclaredTypes, shown};
use crate::front::Reception;
use crate::hub::Door;
use crate::transport::Tls;

/// Metrics that are moved at a time: about a third of a millisecond (`replace`, `benches/benches/replace.rs`), or one Edge Node.
const METRICS_PER_STEP: usize = 1_000;
/// How long others have the lock in between.
const REST: Duration = Duration::from_millis(1);

/// Reads the configuration again.
type Source = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// What it takes to reload a running server. Made by [`Server::reloading`](crate::Server::reloading).
pub struct Reloader {
    ingest: Arc<Mutex<Ingest>>,
    door: Arc<Door>,
    authority: Arc<Authority>,
    reception: Arc<Reception>,
    /// Of the listeners for MQTT clients.
    certificates: Vec<Tls>,
    /// None: the server was started without a way to read its configuration again.
    source: Option<Source>,
    audit: Arc<Audit>,
    /// The file as this process was started with it.
    started_with: toml::Table,
    /// The file as it is in force.
    read_last: Mutex<toml::Table>,
    under_way: tokio::sync::Mutex<()>,
    /// Called when everything stands where the new rules say.
    moved: Box<dyn Fn() + Send + Sync>,
}

impl Reloader {
    pub(crate) fn new(
        ingest: Arc<Mutex<Ingest>>,
        door: Arc<Door>,
        authority: Arc<Authority>,
        reception: Arc<Reception>,
        audit: Arc<Audit>,
        started_with: toml::Table,
        moved: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let (under_way, read_last) = (tokio::sync::Mutex::default(), Mutex::new(started_with.clone()));
        let (source, moved, certificates) = (None, Box::new(moved), Vec::new());
        Self {
            ingest,
            door,
            authority,
            reception,
            certificates,
            source,
            audit,
            started_with,
            read_last,
            under_way,
            moved,
        }
    }

    /// Also has these certificates read again.
    pub(crate) fn showing(self, certificates: Vec<Tls>) -> Self {
        Self { certificates, ..self }
    }

    pub(crate) fn read_by(&mut self, source: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static) {
        self.source = Some(Box::new(source));
    }

    /// The same for a signal of the machine's, which is on record as such. What came of it is in the log.
    pub async fn reload_on_signal(&self) {
        let entry = OwnedEntry::new("signal", "config.reload", "configuration");
        let begun = OwnedEntry { outcome: Outcome::Begun, ..entry.clone() };
        if !self.audit.may_command() || self.audit.record(begun).await.is_err() {
            warn!("the configuration is not read again: {AuditFull}");
            return;
        }
        self.audit.note(match self.reload().await {
            Ok(Reloaded { old, new, .. }) => OwnedEntry { old, new, ..entry },
            Err(why) => entry.ended(Outcome::Failed, why),
        });
    }

    /// Reads the configuration again and carries out what can be changed at runtime; what came of it, once everything stands
    /// where the new rules say. Also logged.
    ///
    /// # Errors
    /// Why the configuration was refused, for the operator. Nothing has changed then.
    pub async fn reload(&self) -> Result<Reloaded, String> {
        let _one_at_a_time = self.under_way.lock().await;
        let outcome = self.try_reload().await;
        match &outcome {
            Ok(Reloaded { replaced, restart_needed, warnings, old: _, new: _ }) => {
                info!(
                    sources_moved = replaced.sources_moved,
                    metrics_moved = replaced.metrics_moved,
                    refused = replaced.refused,
                    conflicts = replaced.conflicts,
                    "the configuration was read again"
                );
                if !restart_needed.is_empty() {
                    warn!(keys = restart_needed.join(", "), "changed keys that count after a restart only");
                }
                warnings.iter().for_each(|warning| warn!("{warning}"));
            }
            Err(why) => warn!("the configuration was refused, and nothing has changed: {why}"),
        }
        outcome
    }

    async fn try_reload(&self) -> Result<Reloaded, String> {
        let source = self.source.as_ref().ok_or("this server has no configuration that could be read again")?;
        let config = source().map_err(|error| error.to_string())?;
        let restart_needed = changed_keys(&self.started_with, &config.keys);
        let mut changed = Vec::new();
        differ("", &lock_keys(&self.read_last), &config.keys, &mut changed);
        let pictures =
            |which: fn(&Changed) -> Option<&toml::Value>| changed.iter().map(move |it| shown(&it.key, which(it)));
        let old = pictures(|it| it.old.as_ref()).collect::<Vec<_>>().join("; ");
        let new = std::iter::once(config.fingerprint()).chain(pictures(|it| it.new.as_ref()));
        let (old, new) = (Some(old).filter(|old| !old.is_empty()), Some(new.collect::<Vec<_>>().join("; ")));
        if let Some(auth) = &config.auth {
            self.authority.configure(auth);
        }
        self.reception.renew_certificate(config.http_tls.map(|http| http.tls));
        let unread = self.certificates.iter().filter_map(|tls| tls.read_again().err());
        let unread: Vec<_> = unread.map(|why| format!("{why}; the certificate that was in force stays")).collect();
        let warnings = {
            let mut ingest = lock(&self.ingest);
            let mut warnings = unread;
            warnings.extend(declare_types(&mut ingest, config.types));
            warnings.extend(declare(&mut ingest, &config.model));
            ingest.govern(Arc::new(config.governance));
            ingest.replace(config.placement);
            guard(&self.door, &ingest);
            warnings
        };
        loop {
            let replaced = lock(&self.ingest).replace_some(METRICS_PER_STEP);
            if let Some(replaced) = replaced {
                lock(&self.ingest).declare_contexts(config.contexts);
                (self.moved)();
                *lock_keys(&self.read_last) = config.keys;
                return Ok(Reloaded { replaced, restart_needed, old, new, warnings });
            }
            tokio::time::sleep(REST).await;
        }
    }
}

/// Has publications judged by the rules and the placement in force.
pub(crate) fn guard(door: &Door, ingest: &Ingest) {
    door.keep(Doorkeeper::new(Arc::clone(ingest.governance()), Arc::clone(ingest.placement())));
}

/// Declares the model; what the tree refused, as sentences.
pub(crate) fn declare(ingest: &mut Ingest, model: &[Modelled]) -> Vec<String> {
    let refused = ingest.declare(model);
    refused
        .into_iter()
        .map(|(number, refusal)| format!("[[namespace.element]] {:?} is not declared: {refusal}", model[number].path))
        .collect()
}

/// Declares the types; what the tree refused, as sentences.
pub(crate) fn declare_types(ingest: &mut Ingest, types: DeclaredTypes) -> Vec<String> {
    let DeclaredTypes { definitions, rules } = types;
    let names: Vec<Arc<str>> = definitions.iter().map(|definition| Arc::clone(definition.name())).collect();
    let refused = ingest.declare_types(definitions, rules);
    refused
        .into_iter()
        .map(|(number, refusal)| format!("[[namespace.type]] {:?} is not known: {refusal}", names[number]))
        .collect()
}

/// The keys that differ, but for those that are carried out at runtime; tables by their own keys, as `mqtt.listen`.
fn changed_keys(before: &toml::Table, now: &toml::Table) -> Vec<String> {
    let mut changed = Vec::new();
    differ("", before, now, &mut changed);
    let mut changed: Vec<String> = changed.into_iter().map(|it| it.key).collect();
    // Its own topics are as they were when subscriptions were made.
    let is_of_tree = |key: &str| key == "namespace" || key.starts_with("namespace.");
    changed.retain(|key| key.starts_with("namespace.mqtt") || !is_of_tree(key));
    // What is in it counts at once, but whether there is any at all was decided at the start.
    changed.retain(|key| !key.starts_with("auth."));
    if before.contains_key("auth") != now.contains_key("auth") {
        changed.push("auth".into());
    }
    let has_certificate = |keys: &toml::Table| keys.get("http").is_some_and(|http| http.get("certificate").is_some());
    if has_certificate(before) && has_certificate(now) {
        changed.retain(|key| key != "http.certificate" && key != "http.key");
    }
    changed
}

/// A key whose value is another than it was; none: it is left out.
struct Changed {
    key: String,
    old: Option<toml::Value>,
    new: Option<toml::Value>,
}

fn differ(above: &str, before: &toml::Table, now: &toml::Table, changed: &mut Vec<Changed>) {
    let names = before.keys().chain(now.keys().filter(|name| !before.contains_key(*name)));
    for name in names {
        let key = format!("{above}{name}");
        let empty = toml::Table::new();
        match (before.get(name), now.get(name)) {
            (one, other) if one == other => {}
            (Some(toml::Value::Table(one)), Some(toml::Value::Table(other))) => {
                differ(&format!("{key}."), one, other, changed);
            }
            (Some(toml::Value::Table(one)), None) => differ(&format!("{key}."), one, &empty, changed),
            (None, Some(toml::Value::Table(other))) => differ(&format!("{key}."), &empty, other, changed),
            (old, new) => changed.push(Changed { key, old: old.cloned(), new: new.cloned() }),
        }
    }
}

fn lock_keys(keys: &Mutex<toml::Table>) -> MutexGuard<'_, toml::Table> {
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A panic in ingest is survivable, and so is its poison.
fn lock(ingest: &Mutex<Ingest>) -> MutexGuard<'_, Ingest> {
    ingest.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_need_a_restart_are_named_and_those_of_the_tree_are_not() {
        let changed = |before: &str, now: &str| changed_keys(&before.parse().unwrap(), &now.parse().unwrap()).join(" ");
        assert_eq!(changed("[mqtt]\nlisten = \"a\"", "[mqtt]\nlisten = \"a\""), "");
        let now = "[mqtt]\nsys_interval = \"1 s\"\n[[mqtt.listeners]]\nlisten = \"b\"\n[namespace]\nlevels = []";
        assert_eq!(changed("[mqtt]\nlisten = \"a\"", now), "mqtt.listen mqtt.listeners mqtt.sys_interval");
        assert_eq!(changed("[limits]\na = 1\nb = 2\n[namespace]\ntopics = []", "[limits]\na = 2\nb = 2"), "limits.a");
        assert_eq!(changed("", "[namespace.mqtt]\nroot = \"uns\""), "namespace.mqtt.root");
        assert_eq!(changed("[auth]\nanonymous = []", "[auth]\nanonymous = [\"reader\"]"), "");
        assert_eq!(changed("", "[auth]"), "auth");
        assert_eq!(changed("[http]\ncertificate = \"a\"", "[http]\ncertificate = \"b\""), "");
        assert_eq!(changed("", "[data]\ndurability = \"memory\""), "data.durability");
    }
}
