//! Which upgrades to a WebSocket are let in where something else than HTTP is spoken behind it: MQTT.
//!
//! No cookie goes along there, but on an open server, or for those who may come without a name, being let in is all it takes
//! to command the plant, and a browser opens WebSockets for any page. Each browser says which page asks (`Origin`), so that
//! is judged: a page of this very address, or of one the operator has named. Who says none is no browser.
//! Knows no MQTT and no socket. Invariant: a page that nobody has named gets nothing, whatever name it reached us by.

use axum::http::HeaderValue;
use axum::http::header::{HOST, HeaderMap, ORIGIN};

use super::{SEC_FETCH_SITE, is_of_host, names_us};
use crate::problem::clipped;

/// Judges upgrades.
#[derive(Clone, Debug, Default)]
pub struct UpgradeGuard {
    /// Names that clients reach us by, as [`Guard::new`](crate::Guard::new) takes them.
    pub hosts: Vec<String>,
    /// Pages that may connect, as browsers say them: scheme and host, and the port if it is another than the scheme's.
    pub origins: Vec<String>,
    /// Nobody has to prove who he is, so every `Host` has to be ours.
    pub is_open: bool,
}

impl UpgradeGuard {
    /// Whether who sends these headers may go on.
    ///
    /// # Errors
    /// Why not, for the operator and for whoever asks; answered with 403.
    pub fn judge(&self, headers: &HeaderMap) -> Result<(), String> {
        let mut said = headers.get_all(HOST).iter();
        let host = said.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host_is_ours = said.next().is_none() && names_us(&self.hosts, host);
        if self.is_open && !host_is_ours {
            return Err(format!(
                "'{}' is no name of this machine; reach it as localhost, or add the name to [http] hosts",
                clipped(host)
            ));
        }
        let origins: Vec<_> = headers.get_all(ORIGIN).iter().collect();
        let refused = |page: &str| {
            Err(format!(
                "a page of {} may not connect; if it is yours, add it to `origins` of the listener",
                if page.is_empty() { "another site".into() } else { format!("'{}'", clipped(page)) }
            ))
        };
        match origins[..] {
            // Every browser says it with a WebSocket; what looks like one and does not is refused.
            [] => match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
                None | Some(b"same-origin" | b"none") => Ok(()),
                Some(_) => refused(""),
            },
            [origin] => {
                let is_named =
                    self.origins.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(origin.as_bytes()));
                let is_our_own = host_is_ours && is_of_host(origin.as_bytes(), host.as_bytes());
                match is_named || is_our_own {
                    true => Ok(()),
                    false => refused(origin.to_str().unwrap_or("another site")),
                }
            }
            _ => refused("more than one site"),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn guard(is_open: bool) -> UpgradeGuard {
        let (hosts, origins) = (vec!["factree.plant.example".into()], vec!["https://hmi.plant.example".into()]);
        UpgradeGuard { hosts, origins, is_open }
    }

    /// Whether what says this is let in where nobody has to prove who he is, and where everybody has to.
    fn judged(said: &[(&'static str, &str)]) -> (bool, bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        (guard(true).judge(&headers).is_ok(), guard(false).judge(&headers).is_ok())
    }

    #[test]
    fn a_page_is_of_this_very_address_or_it_is_named() {
        let host = ("host", "localhost:9001");
        for (origin, expected) in [
            ("http://localhost:9001", true),
            ("https://hmi.plant.example", true),
            ("HTTPS://hmi.plant.example", true),
            ("http://hmi.plant.example", false),
            ("https://hmi.plant.example:8443", false),
            ("https://hmi.plant.example.evil.example", false),
            ("http://localhost:8080", false),
            ("http://evil.example", false),
            ("https://factree.plant.example", false),
            ("null", false),
            ("file://", false),
            ("", false),
        ] {
            assert_eq!(judged(&[host, ("origin", origin)]), (expected, expected), "{origin}");
            // A page that is named is of another site by nature.
            let site = ("sec-fetch-site", "cross-site");
            assert_eq!(judged(&[host, ("origin", origin), site]), (expected, expected), "{origin}");
        }
        let two = [host, ("origin", "https://hmi.plant.example"), ("origin", "http://evil.example")];
        assert_eq!(judged(&two), (false, false));
    }

    #[test]
    fn a_name_that_was_made_to_point_here_is_of_no_use_to_its_page() {
        let evil = [("host", "evil.example:9001"), ("origin", "http://evil.example:9001")];
        assert_eq!(judged(&evil), (false, false));
        let site = ("sec-fetch-site", "same-origin");
        assert_eq!(judged(&[evil[0], evil[1], site]), (false, false));
        let ours = [("host", "factree.plant.example"), ("origin", "https://factree.plant.example")];
        assert_eq!(judged(&ours), (true, true));
    }

    #[test]
    fn who_is_no_browser_is_asked_for_the_host_alone_and_only_where_nothing_else_is_asked_for() {
        for (host, expected) in [
            ("localhost:9001", (true, true)),
            ("[::1]:9001", (true, true)),
            ("Factree.plant.example:9001", (true, true)),
            ("broker", (false, true)),
            ("10.0.0.7:9001", (false, true)),
        ] {
            assert_eq!(judged(&[("host", host)]), expected, "{host}");
        }
        assert_eq!(judged(&[]), (false, true));
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(judged(&twice), (false, true));
        assert_eq!(judged(&[("host", "localhost"), ("sec-fetch-site", "cross-site")]), (false, false));
    }
}
