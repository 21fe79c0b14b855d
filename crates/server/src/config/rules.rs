//! `[[namespace.rule]]`: what may be published where; and the schemas that declared types and elements have as well.
//!
//! The rules themselves are ingest's to judge by; here schemas are read from beside the configuration file, and what is wrong gets
//! its line. A schema leads nowhere else: what it refers to stands in it.

use std::io::Read;
use std::path::Path;

use factree_ingest::{Governance, GovernanceError, GovernanceRuleText, SchemaText};
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::{ConfigError, line};

/// A larger schema is refused unread.
const SCHEMA_BYTES_MAX: u64 = 1 << 20;

/// What may be published at the paths of a filter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    filter: Spanned<String>,
    name: Option<Spanned<String>>,
    schema: Option<Spanned<SchemaSource>>,
    low: Option<Spanned<f64>>,
    high: Option<Spanned<f64>>,
    one_of: Option<Spanned<Vec<toml::Value>>>,
    #[serde(default)]
    enforce: bool,
}

/// A file beside the configuration, or the schema itself.
#[derive(Deserialize)]
#[serde(untagged, expecting = "`schema` is the path of a JSON file, or a table that is the schema")]
pub(super) enum SchemaSource {
    File(String),
    Inline(toml::Table),
}

/// Reads the rules of a file whose text this is and that stands in `directory`.
pub(super) fn governance(rules: &[Rule], text: &str, directory: &Path) -> Result<Governance, ConfigError> {
    let refuse = |rule: &Rule, error: &GovernanceError| {
        ConfigError(format!("line {}: [[namespace.rule]] {error}", line(text, rule.byte_of(error.key))))
    };
    let read = |(number, rule): (usize, &Rule)| {
        rule.read(directory).map_err(|(key, why)| refuse(rule, &GovernanceError { rule: number, key, why }))
    };
    let texts: Vec<GovernanceRuleText> = rules.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Governance::parse(&texts).map_err(|error| refuse(&rules[error.rule], &error))
}

impl Rule {
    fn read(&self, directory: &Path) -> Result<GovernanceRuleText, (&'static str, String)> {
        let schema = self.schema.as_ref().map(|schema| schema.get_ref().read(directory)).transpose();
        Ok(GovernanceRuleText {
            name: self.name.as_ref().map(|name| name.get_ref().clone()),
            filter: self.filter.get_ref().clone(),
            schema: schema.map_err(|why| ("schema", why))?,
            low: self.low.as_ref().map(|low| *low.get_ref()),
            high: self.high.as_ref().map(|high| *high.get_ref()),
            one_of: self.one_of.as_ref().map(|values| values.get_ref().iter().map(json).collect()),
            enforce: self.enforce,
        })
    }

    /// Where the value of a key begins in the file.
    fn byte_of(&self, key: &str) -> usize {
        let span = match key {
            "name" => self.name.as_ref().map(Spanned::span),
            "schema" => self.schema.as_ref().map(Spanned::span),
            "low" => self.low.as_ref().map(Spanned::span),
            "high" => self.high.as_ref().map(Spanned::span),
            "one_of" => self.one_of.as_ref().map(Spanned::span),
            _ => None,
        };
        span.unwrap_or_else(|| self.filter.span()).start
    }
}

impl SchemaSource {
    /// The schema; or why there is none to be had.
    pub(super) fn read(&self, directory: &Path) -> Result<SchemaText, String> {
        match self {
            Self::Inline(table) => Ok(SchemaText { schema: json(&toml::Value::Table(table.clone())), file: None }),
            Self::File(file) => {
                let schema = read_schema(&directory.join(file)).map_err(|why| format!("{file}: {why}"))?;
                Ok(SchemaText { schema, file: Some(file.clone()) })
            }
        }
    }
}

fn read_schema(path: &Path) -> Result<Json, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(SCHEMA_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| error.to_string())? as u64;
    if read > SCHEMA_BYTES_MAX {
        return Err(format!("larger than {SCHEMA_BYTES_MAX} bytes"));
    }
    // The error names line and column of the schema's own file.
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn json(value: &toml::Value) -> Json {
    match value {
        toml::Value::String(text) => Json::from(text.as_str()),
        toml::Value::Integer(number) => Json::from(*number),
        // What is not finite has no JSON; such a bound or value is refused as null is.
        toml::Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
        toml::Value::Boolean(value) => Json::from(*value),
        toml::Value::Datetime(time) => Json::from(time.to_string()),
        toml::Value::Array(items) => items.iter().map(json).collect(),
        toml::Value::Table(table) => {
            Json::Object(table.iter().map(|(key, value)| (key.clone(), json(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Overrides};

    fn refusal(text: &str) -> String {
        Config::parse(text, Overrides::default()).expect_err("must be refused").to_string()
    }

    fn rule(rest: &str) -> String {
        format!("[[namespace.rule]]\nfilter = \"Acme/#\"\n{rest}")
    }

    #[test]
    fn a_rule_says_what_may_be_published_in_words_or_by_a_schema() {
        let text = rule("low = 0\nhigh = 100.5\nenforce = true\nname = \"press\"");
        let governance = Config::parse(&text, Overrides::default()).unwrap().governance;
        let shown: Vec<_> =
            governance.about("Acme/Line1").map(|rule| (rule.name, rule.text, rule.is_enforced)).collect();
        assert_eq!(shown, [("press", "filter = \"Acme/#\", low = 0, high = 100.5, enforce = true", true)]);
        let inline =
            rule("one_of = [\"Running\", 1, true]\n[namespace.rule.schema]\ntype = \"object\"\nrequired = [\"qty\"]");
        let governance = Config::parse(&inline, Overrides::default()).unwrap().governance;
        let shown: Vec<_> = governance.about("Acme").map(|rule| (rule.name, rule.text)).collect();
        assert_eq!(shown, [("rule 1", "filter = \"Acme/#\", one_of = [\"Running\", 1, true], schema = {…}")]);
    }

    #[test]
    fn a_rule_that_cannot_be_used_names_its_line_and_key() {
        for (rest, told) in [
            ("", "line 2: [[namespace.rule]] rule 1, key `filter`: the rule demands nothing"),
            ("low = 2\nhigh = 1", "line 3: [[namespace.rule]] rule 1, key `low`: `low` is above `high`"),
            ("low = nan", "line 3: [[namespace.rule]] rule 1, key `low`: a bound is a finite number"),
            ("one_of = []", "line 3: [[namespace.rule]] rule 1, key `one_of`: names 1 to"),
            ("one_of = [[1]]", "line 3: [[namespace.rule]] rule 1, key `one_of`: names texts, numbers"),
            ("\nschema = { type = \"objekt\" }", "line 4: [[namespace.rule]] rule 1, key `schema`: at /type: "),
            ("schema = { pattern = \"(?=a)b\" }", "line 3: [[namespace.rule]] rule 1, key `schema`: at /pattern: "),
            (
                "schema = { \"$ref\" = \"http://127.0.0.1:1/s.json\" }",
                "line 3: [[namespace.rule]] rule 1, key `schema`: ",
            ),
            ("schema = { \"$ref\" = \"file:///etc/passwd\" }", "line 3: [[namespace.rule]] rule 1, key `schema`: "),
            ("schema = 5", "line 3, column 10"),
            ("limit = 5", "line 3, column 1"),
        ] {
            let message = refusal(&rule(rest));
            assert!(message.contains(told), "{rest}: {message}");
        }
        let filter = refusal("[[namespace.rule]]\nfilter = \"a#\"\nlow = 1");
        assert!(filter.starts_with("line 2: [[namespace.rule]] rule 1, key `filter`: "), "{filter}");
        let twice = format!("{0}{0}", rule("low = 1\nname = \"x\"\n"));
        assert!(refusal(&twice).starts_with("line 8: [[namespace.rule]] rule 2, key `name`: another rule"));
    }

    #[test]
    fn types_and_elements_that_demand_what_cannot_be_judged_name_their_line() {
        let typed = "[[namespace.type]]\nname = \"Oven\"\n";
        let element = "[[namespace.element]]\npath = \"Acme\"\nlow = 1\n";
        for (text, told) in [
            (format!("{typed}schema = 5"), "line 3, column 10"),
            (
                format!("{typed}\nschema = {{ type = \"objekt\" }}"),
                "line 4: [[namespace.type]] \"Oven\", key `schema`: at /type: ",
            ),
            (
                format!("{typed}schema = \"none.json\""),
                "line 3: [[namespace.type]] \"Oven\", key `schema`: none.json: ",
            ),
            (format!("{element}schema = {{ $ref = 5 }}"), "line 4"),
            (
                "[[namespace.element]]\npath = \"Acme\"\nenforce = true".into(),
                "line 3: [[namespace.element]] \"Acme\", key `enforce`: the element demands nothing; give it `low`,",
            ),
        ] {
            let message = refusal(&text);
            assert!(message.contains(told), "{text}: {message}");
        }
        let judged = |text: &str| Config::parse(text, Overrides::default()).unwrap().governance.len();
        assert_eq!((judged(element), judged(&format!("{element}enforce = false"))), (0, 1));
    }

    #[test]
    fn a_schema_is_a_file_beside_the_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("factree.toml");
        std::fs::write(&path, rule("schema = \"schemas/order.json\"")).unwrap();
        let load = || Config::load(Some(&path), Overrides::default());
        let missing = load().unwrap_err().to_string();
        assert!(missing.contains("line 3: ") && missing.contains("schemas/order.json: "), "{missing}");

        std::fs::create_dir(directory.path().join("schemas")).unwrap();
        let schema = directory.path().join("schemas/order.json");
        std::fs::write(&schema, "{\"type\": \"object\",\n}").unwrap();
        let broken = load().unwrap_err().to_string();
        assert!(broken.contains("schemas/order.json: ") && broken.contains("line 2"), "{broken}");

        std::fs::write(&schema, "{\"properties\": {\"qty\": {\"type\": \"integr\"}}}").unwrap();
        let wrong = load().unwrap_err().to_string();
        assert!(wrong.contains("at /properties/qty/type: "), "{wrong}");

        std::fs::write(&schema, "{\"type\": \"object\"}").unwrap();
        assert_eq!(load().unwrap().governance.len(), 1);

        std::fs::File::create(&schema).unwrap().set_len(1 << 30).unwrap();
        assert!(load().unwrap_err().to_string().contains("larger than"));
    }
}
