//! Exposure: which addresses may be listened on, so that nobody is let in, and no password seen, by mistake.
//!
//! Three rules. Beyond this machine nothing is served without `[auth]`: an open server takes anybody for an admin. Beyond
//! this machine nothing is served in the clear, unless the listener says `insecure = true`, because another program
//! encrypts before it. And no two listeners have one address. What is refused is refused before anything is bound, with the
//! ways out.
//! Invariant: no listener of an open server has an address that another machine can reach.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::{Config, ConfigError};
use crate::transport::Transport;

/// A listener as the file says it.
struct Exposed {
    what: &'static str,
    /// The key that sets its address.
    key: &'static str,
    /// What sets another one in a word.
    flag: &'static str,
    address: SocketAddr,
    is_encrypted: bool,
    insecure: bool,
}

/// Refuses what another machine could reach and must not.
pub(super) fn judge(config: &Config) -> Result<(), ConfigError> {
    let first = config.mqtt.map(|address| Exposed {
        what: "MQTT",
        key: "[mqtt] listen",
        flag: "--mqtt ",
        address,
        is_encrypted: false,
        insecure: config.mqtt_insecure,
    });
    let further = config.listeners.iter().map(|listener| Exposed {
        what: "MQTT",
        key: "[[mqtt.listeners]] listen",
        flag: "listen = ",
        address: listener.address,
        is_encrypted: matches!(listener.transport, Transport::Tls(_) | Transport::SecureWebSocket(..)),
        insecure: listener.insecure,
    });
    let http = Exposed {
        what: "HTTP",
        key: "[http] listen",
        flag: "--http ",
        address: config.http,
        is_encrypted: config.http_tls.is_some(),
        insecure: config.http_insecure,
    };
    // Port 0 is any port that is free.
    let mut keys = HashMap::new();
    for exposed in first.into_iter().chain(further).chain([http]) {
        let Exposed { key, address, .. } = exposed;
        if let Some(other) = keys.insert(address, key).filter(|_| address.port() != 0) {
            return Err(ConfigError(format!("{other} and {key} are both {address}; give each an address of its own")));
        }
        exposed.judge(config.auth.is_some())?;
    }
    Ok(())
}

impl Exposed {
    fn judge(&self, asks_for_logins: bool) -> Result<(), ConfigError> {
        let Self { what, key, flag, address, .. } = self;
        let port = address.port();
        if address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        if !asks_for_logins {
            return Err(ConfigError(format!(
                "{what} would listen on {address}, open to the network, and nobody has to say who he is.\n\
                 Either let clients log in: `factree init` writes a configuration with [auth], certificates and a first admin.\n\
                 Or listen on this machine only ({key} = \"127.0.0.1:{port}\" or {flag}127.0.0.1:{port}) and reach it through a \
                 tunnel that authenticates, for example ssh -L {port}:127.0.0.1:{port} user@host."
            )));
        }
        if !self.is_encrypted && !self.insecure {
            let how = match *what {
                "HTTP" => "set [http] certificate and key",
                _ => "use a listener of [[mqtt.listeners]] with transport = \"tls\", certificate and key",
            };
            return Err(ConfigError(format!(
                "{what} would listen on {address} without TLS, and everybody on the way could read passwords.\n\
                 Either encrypt: {how} (`factree init` makes a certificate).\n\
                 Or, if another program encrypts before it, say so with insecure = true beside {key}; or listen on this machine \
                 only, 127.0.0.1:{port}."
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Overrides};

    /// A configuration, what it is refused for, or nothing.
    const CASES: &[(&str, Option<&str>)] = &[
        ("", None),
        ("[mqtt]\nlisten = \"127.3.2.1:1883\"", None),
        ("[mqtt]\nlisten = \"127.0.0.1:8080\"", Some("[mqtt] listen and [http] listen are both 127.0.0.1:8080")),
        (
            "[[mqtt.listeners]]\nlisten = \"127.0.0.1:1883\"",
            Some("[mqtt] listen and [[mqtt.listeners]] listen are both"),
        ),
        ("[mqtt]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"127.0.0.1:0\"", None),
        ("[mqtt]\nlisten = \"[::ffff:127.0.0.1]:1883\"", None),
        ("[mqtt]\nlisten = \"0.0.0.0:1883\"", Some("factree init")),
        ("[mqtt]\nlisten = \"0.0.0.0:1883\"\ninsecure = true", Some("factree init")),
        ("[mqtt]\nlisten = \"[::]:1883\"", Some("ssh -L")),
        ("[http]\nlisten = \"192.0.2.7:8080\"", Some("ssh -L")),
        (
            "[[mqtt.listeners]]\nlisten = \"0.0.0.0:9001\"\ntransport = \"websocket\"",
            Some("nobody has to say who he is"),
        ),
        ("[[mqtt.listeners]]\nlisten = \"0.0.0.0:8883\"\ntransport = \"tls\"\nCERTIFICATE", Some("factree init")),
        ("[http]\nlisten = \"0.0.0.0:8443\"\nCERTIFICATE", Some("factree init")),
        ("[auth]\n[mqtt]\nlisten = \"0.0.0.0:1883\"", Some("could read passwords")),
        ("[auth]\n[mqtt]\nlisten = \"0.0.0.0:1883\"\ninsecure = true", None),
        ("[auth]\n[http]\nlisten = \"0.0.0.0:8080\"", Some("[http] certificate and key")),
        ("[auth]\n[http]\nlisten = \"0.0.0.0:8080\"\ninsecure = true", None),
        ("[auth]\n[http]\nlisten = \"0.0.0.0:8443\"\nCERTIFICATE", None),
        (
            "[auth]\n[[mqtt.listeners]]\nlisten = \"0.0.0.0:9001\"\ntransport = \"websocket\"",
            Some("transport = \"tls\""),
        ),
        ("[auth]\n[[mqtt.listeners]]\nlisten = \"0.0.0.0:8883\"\ntransport = \"tls\"\nCERTIFICATE", None),
        (
            "[auth]\nanonymous = [\"admin\"]\nanonymous_addresses = \"any\"\n[mqtt]\nlisten = \"0.0.0.0:1883\"",
            Some("TLS"),
        ),
    ];

    #[test]
    fn nothing_that_another_machine_reaches_is_open_or_in_the_clear_by_mistake() {
        let directory = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(directory.path().join("c.pem"), own.cert.pem()).unwrap();
        std::fs::write(directory.path().join("k.pem"), own.signing_key.serialize_pem()).unwrap();
        for (text, refusal) in CASES {
            // Beside the configuration, so that their names are short.
            let text = text.replace("CERTIFICATE", "certificate = \"c.pem\"\nkey = \"k.pem\"");
            let file = directory.path().join("factree.toml");
            std::fs::write(&file, &text).unwrap();
            match (Config::load(Some(&file), Overrides::default()), refusal) {
                (Ok(_), None) => {}
                (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{text}\n{error}"),
                (Ok(_), Some(_)) => panic!("accepted:\n{text}"),
                (Err(error), None) => panic!("refused:\n{text}\n{error}"),
            }
        }
    }

    #[test]
    fn cf05_a_certificate_widens_no_address() {
        let directory = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
        std::fs::write(&certificate, own.cert.pem()).unwrap();
        std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        let text = format!("[http]\ncertificate = {certificate:?}\nkey = {key:?}");
        let config = Config::parse(&text, Overrides::default()).unwrap();
        assert!(config.http.ip().is_loopback() && config.http_tls.is_some());
        let half = format!("[http]\ncertificate = {certificate:?}");
        assert!(Config::parse(&half, Overrides::default()).unwrap_err().to_string().contains("without `key`"));
    }
}
