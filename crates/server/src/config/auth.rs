//! `[auth]`: that nobody is let in who has not proven who he is, and what the file says of roles, certificates and tokens.
//!
//! Without the table the server is open and only this machine can reach it. With it everything is denied that nothing
//! grants. Users and keys are not here: they are made by command and kept in the data directory, with hashes that no file
//! of a configuration management should carry.
//! Invariant: an [`AuthConfig`] that exists can be put in force; what can fail later is only reading what its files become.

use std::path::{Path, PathBuf};
use std::time::Duration;

use factree_auth::credential::{CertificateRule, Jwks, NameKind, Revocations, TokenRules};
use factree_auth::{Grant, Name, Pin, Role};
use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, line, tables};
use crate::quantity::parse_duration;
use crate::transport::{Trust, read_certificates};
use crate::web_client::WebAddress;

/// Bytes of a file that is named here; what it holds has a bound of its own.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// Who is let in, and what roles there are.
#[derive(Clone, Debug, Default)]
pub struct AuthConfig {
    /// Roles of those who show nothing; none: they are refused.
    pub anonymous: Option<Vec<Name>>,
    /// They are let in from anywhere, not only from this machine.
    pub anonymous_anywhere: bool,
    /// The roles of the file.
    pub roles: Vec<Role>,
    /// Which client certificates are whose.
    pub certificates: Option<CertificatesConfig>,
    /// Which JWTs are taken.
    pub tokens: Option<TokensConfig>,
}

/// Client certificates.
#[derive(Clone, Debug)]
pub struct CertificatesConfig {
    /// A PEM file with the certificates of those who issue client certificates.
    pub authorities: PathBuf,
    /// Revocation lists of theirs, any number as PEM or one as DER, if there are any.
    pub revoked: Option<PathBuf>,
    /// What was in it when the configuration was read.
    pub(crate) revocations: Revocations,
    /// Both, as what judges a chain.
    pub(crate) trust: Trust,
    /// How their names become principals; the first that fits.
    pub rules: Vec<CertificateRule>,
}

/// Tokens of an identity provider.
#[derive(Clone, Debug)]
pub struct TokensConfig {
    /// Which are taken.
    pub rules: TokenRules,
    /// Where the provider's keys are.
    pub keys: KeySource,
}

/// Where the keys of an identity provider are.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// In a file, as it was when the configuration was read.
    File(Jwks),
    /// At a URL that is asked now and then.
    Url(WebAddress),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Auth {
    anonymous: Option<Vec<Spanned<String>>>,
    anonymous_addresses: Addresses,
    #[serde(deserialize_with = "tables::each")]
    role: Vec<RoleTable>,
    #[serde(deserialize_with = "tables::one_if_any")]
    certificates: Option<CertificatesTable>,
    #[serde(deserialize_with = "tables::one_if_any")]
    token: Option<TokenTable>,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Addresses {
    #[default]
    Loopback,
    Any,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleTable {
    name: Spanned<String>,
    grants: Vec<Spanned<String>>,
    #[serde(default)]
    pins: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificatesTable {
    authorities: PathBuf,
    revoked: Option<PathBuf>,
    #[serde(deserialize_with = "tables::each")]
    map: Vec<MapTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapTable {
    from: From,
    pattern: Spanned<String>,
    roles: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum From {
    Dns,
    Uri,
    Email,
    CommonName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenTable {
    issuer: String,
    audience: String,
    jwks: Spanned<String>,
    ca: Option<PathBuf>,
    #[serde(default = "sub")]
    name_claim: String,
    #[serde(default = "roles")]
    roles_claim: String,
    leeway: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "tables::each")]
    map: Vec<TokenMapTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenMapTable {
    claim: String,
    role: Spanned<String>,
}

fn sub() -> String {
    "sub".into()
}

fn roles() -> String {
    "roles".into()
}

/// The text of the file, to say on which line something is, and the directory it stands in.
#[derive(Clone, Copy)]
struct Place<'a> {
    text: &'a str,
    directory: &'a Path,
}

impl Auth {
    pub(super) fn parse(self, text: &str, directory: &Path) -> Result<AuthConfig, ConfigError> {
        let place = Place { text, directory };
        if self.anonymous.is_none() && self.anonymous_addresses == Addresses::Any {
            return Err(ConfigError(
                "[auth] anonymous_addresses says from where, but not `anonymous` as what; name roles".into(),
            ));
        }
        let anonymous = self.anonymous.as_deref();
        Ok(AuthConfig {
            anonymous: anonymous.map(|names| place.names("[auth] anonymous", names)).transpose()?,
            anonymous_anywhere: self.anonymous_addresses == Addresses::Any,
            roles: place.roles(&self.role)?,
            certificates: self.certificates.map(|table| place.certificates(&table)).transpose()?,
            tokens: self.token.map(|table| place.tokens(table)).transpose()?,
        })
    }
}

impl Place<'_> {
    fn refuse<T>(&self, of: &Spanned<T>, key: &str, why: impl std::fmt::Display) -> ConfigError {
        ConfigError(format!("line {}: {key}: {why}", line(self.text, of.span().start)))
    }

    fn name(&self, key: &str, name: &Spanned<String>) -> Result<Name, ConfigError> {
        Name::parse(name.get_ref()).map_err(|error| self.refuse(name, key, error))
    }

    fn names(&self, key: &str, names: &[Spanned<String>]) -> Result<Vec<Name>, ConfigError> {
        names.iter().map(|name| self.name(key, name)).collect()
    }

    fn roles(&self, tables: &[RoleTable]) -> Result<Vec<Role>, ConfigError> {
        let mut roles: Vec<Role> = Vec::with_capacity(tables.len());
        for RoleTable { name, grants, pins } in tables {
            let key = |part: &str| format!("[[auth.role]] {:?}{part}", name.get_ref());
            let grant = |text: &Spanned<String>| {
                Grant::parse(text.get_ref())
                    .map_err(|error| self.refuse(text, &key(" grants"), format!("{:?}: {error}", text.get_ref())))
            };
            let pin = |text: &Spanned<String>| {
                Pin::parse(text.get_ref())
                    .map_err(|error| self.refuse(text, &key(" pins"), format!("{:?}: {error}", text.get_ref())))
            };
            let grants = grants.iter().map(grant).collect::<Result<_, _>>()?;
            let pins = pins.iter().map(pin).collect::<Result<_, _>>()?;
            let role = Role::new(name.get_ref(), grants, pins).map_err(|error| self.refuse(name, &key(""), error))?;
            if roles.iter().any(|other| other.name() == role.name()) {
                return Err(self.refuse(name, &key(""), "is there twice; put its grants together"));
            }
            roles.push(role);
        }
        Ok(roles)
    }

    fn certificates(&self, table: &CertificatesTable) -> Result<CertificatesConfig, ConfigError> {
        let CertificatesTable { authorities, revoked, map } = table;
        let refuse = |key: &str, why: String| ConfigError(format!("[auth.certificates] {key}: {why}"));
        let authorities = self.directory.join(authorities);
        let revoked = revoked.as_ref().map(|file| self.directory.join(file));
        let trusted = read_certificates(&authorities).map_err(|why| refuse("authorities", why))?;
        let trusted: Vec<&[u8]> = trusted.iter().map(|certificate| &**certificate).collect();
        let mut revocations = Revocations::default();
        if let Some(file) = &revoked {
            let told = |why: &dyn std::fmt::Display| refuse("revoked", format!("{}: {why}", file.display()));
            let list = read_bounded(file).map_err(|error| told(&error))?;
            revocations.read_lists(&list, &trusted).map_err(|error| told(&error))?;
        }
        if map.is_empty() {
            return Err(refuse(
                "map",
                "without a rule no certificate is anybody's; add [[auth.certificates.map]]".into(),
            ));
        }
        let rule = |MapTable { from, pattern, roles }: &MapTable| {
            let from = match from {
                From::Dns => NameKind::Dns,
                From::Uri => NameKind::Uri,
                From::Email => NameKind::Email,
                From::CommonName => NameKind::CommonName,
            };
            let roles =
                roles.as_deref().map(|names| self.names("[[auth.certificates.map]] roles", names)).transpose()?;
            CertificateRule::new(from, pattern.get_ref(), roles)
                .map_err(|error| self.refuse(pattern, "[[auth.certificates.map]] pattern", error))
        };
        let rules = map.iter().map(rule).collect::<Result<_, _>>()?;
        let trust = Trust::read(&authorities, revoked.as_deref()).map_err(|why| refuse("authorities", why))?;
        Ok(CertificatesConfig { authorities, revoked, revocations, trust, rules })
    }

    fn tokens(&self, table: TokenTable) -> Result<TokensConfig, ConfigError> {
        let TokenTable { issuer, audience, jwks, ca, name_claim, roles_claim, leeway, map } = table;
        let leeway = match &leeway {
            None => Duration::from_secs(60),
            Some(text) => {
                let leeway =
                    parse_duration(text.get_ref()).map_err(|why| self.refuse(text, "[auth.token] leeway", why))?;
                if leeway > TokenRules::LEEWAY_MAX {
                    return Err(self.refuse(
                        text,
                        "[auth.token] leeway",
                        "at most 5 min: tokens would outlive their end",
                    ));
                }
                leeway
            }
        };
        let role = |TokenMapTable { claim, role }: TokenMapTable| {
            self.name("[[auth.token.map]] role", &role).map(|role| (claim, role))
        };
        let roles = map.into_iter().map(role).collect::<Result<_, _>>()?;
        let told = |why: &dyn std::fmt::Display| self.refuse(&jwks, "[auth.token] jwks", why);
        let keys = if jwks.get_ref().contains("://") {
            let ca = ca.map(|file| self.directory.join(file));
            let address = WebAddress::parse(jwks.get_ref(), ca.as_deref()).map_err(|why| told(&why))?;
            if !address.is_encrypted() && !address.is_loopback() {
                return Err(told(&"the keys come by https:// only: whoever can change them on the way is let in"));
            }
            KeySource::Url(address)
        } else if ca.is_some() {
            return Err(told(&"`ca` is for keys that come by https://, and these are a file"));
        } else {
            let file = self.directory.join(jwks.get_ref());
            let told = |why: &dyn std::fmt::Display| told(&format_args!("{}: {why}", file.display()));
            KeySource::File(
                Jwks::parse(&read_bounded(&file).map_err(|error| told(&error))?).map_err(|error| told(&error))?,
            )
        };
        let rules = TokenRules { issuer, audience, leeway, name_claim, roles_claim, roles };
        Ok(TokensConfig { rules, keys })
    }
}

/// What is in a file that is named here, as long as that is bounded.
pub(crate) fn read_bounded(file: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Overrides};

    fn refusal(text: &str) -> String {
        Config::parse(text, Overrides::default()).expect_err(text).to_string()
    }

    #[test]
    fn roles_rules_and_anonymous_are_read() {
        let text = "[auth]\nanonymous = [\"reader\"]\nanonymous_addresses = \"any\"\n\
                    [[auth.role]]\nname = \"press\"\ngrants = [\"write topics:spBv1.0/Acme:Press/#\", \"read tree:Acme/#\"]\n\
                    pins = [\"edge node Acme:Press/{client_id}\", \"host application scada\"]";
        let auth = Config::parse(text, Overrides::default()).unwrap().auth.unwrap();
        assert_eq!(auth.anonymous.unwrap()[0].as_str(), "reader");
        assert!(auth.anonymous_anywhere && auth.roles[0].grants().len() == 2 && auth.roles[0].pins().len() == 2);
    }

    /// CF03: what is malformed names its line, and nothing comes of any of it.
    #[test]
    fn cf03_what_is_malformed_is_refused_with_its_line_and_what_is_accepted() {
        let role = "[[auth.role]]\nname = \"press\"\n";
        for (text, parts) in [
            (format!("{role}grants = [\"read topics:a\",\n\"reed topics:b\"]"), ["line 4", "'reed' is no verb"]),
            (format!("{role}grants = [\"read topics:a/#/b\"]"), ["line 3", "press"]),
            (format!("{role}grants = []\npins = [\"Line1\"]"), ["line 4", "edge node GROUP/EDGE_NODE"]),
            (format!("{role}grant = []"), ["line 3", "`grants`"]),
            ("[[auth.role]]\nname = \"admin\"\ngrants = []".into(), ["line 2", "built in"]),
            (format!("{role}grants = []\n{role}grants = []"), ["line 5", "is there twice"]),
            ("[auth]\nanonymous = [\"\"]".into(), ["line 2", "at least one character"]),
            ("[auth]\nanonymous_addresses = \"any\"".into(), ["[auth]", "name roles"]),
            ("[auth.certificates]\nauthorities = \"/none.pem\"\nmap = []".into(), ["authorities", "/none.pem"]),
            ("[auth.token]\nissuer = \"i\"\naudience = \"a\"\njwks = \"/none.json\"".into(), ["line 4", "/none.json"]),
            (
                "[auth.token]\nissuer = \"i\"\naudience = \"a\"\njwks = \"http://id.example/jwks\"".into(),
                ["line 4", "https://"],
            ),
        ] {
            let message = refusal(&text);
            for part in parts {
                assert!(message.contains(part), "{text}\n{part} is missing: {message}");
            }
        }
    }

    #[test]
    fn cf02_a_table_with_nothing_but_comments_denies_everything() {
        let auth = Config::parse("[auth]\n# anonymous = [\"admin\"]\n", Overrides::default()).unwrap().auth.unwrap();
        assert!(
            auth.anonymous.is_none() && auth.roles.is_empty() && auth.certificates.is_none() && auth.tokens.is_none()
        );
    }

    #[test]
    fn cf08_nesting_without_end_is_refused() {
        let nested = format!("[auth]\nanonymous = {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Config::parse(&nested, Overrides::default()).is_err());
    }
}
