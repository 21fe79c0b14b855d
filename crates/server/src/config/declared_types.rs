//! `[[namespace.type]]` and `[[namespace.instance]]`: what elements are made of, and which elements are of which type.
//!
//! A type that `extends` another has its members too; one it names itself stands in the place of the other's. So the tree
//! is handed whole types and knows no inheritance.
//! Invariant: a type that is named here is declared here, but for those of members, which an Edge Node's Template may be.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::sync::Arc;

use factree_namespace::{DataType, Filter, Member, MemberType, Metadata, TypeDefinition};
use serde::Deserialize;
use toml::Spanned;

use super::namespace::range;
use super::rules::SchemaSource;
use super::{ConfigError, line, tables};

/// Types that one extends, by way of others.
const REFINEMENTS_MAX: usize = 64;
/// Rules about what is of a type.
const RULES_MAX: usize = 1_000;

/// Types that are declared, and which elements are of them.
#[derive(Clone, Debug, Default)]
pub struct DeclaredTypes {
    /// The types, each with the members of those it extends.
    pub definitions: Vec<TypeDefinition>,
    /// What is of them, by filters over paths of the tree; the first that means an element counts.
    pub rules: Vec<(Filter, Arc<str>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeclaredType {
    pub(super) name: Spanned<String>,
    version: Option<String>,
    description: Option<String>,
    extends: Option<Spanned<String>>,
    pub(super) schema: Option<Spanned<SchemaSource>>,
    pub(super) enforce: Option<Spanned<bool>>,
    #[serde(default, deserialize_with = "tables::each")]
    member: Vec<DeclaredMember>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclaredMember {
    name: Spanned<String>,
    datatype: Option<Spanned<String>>,
    #[serde(rename = "type")]
    instance_of: Option<String>,
    unit: Option<String>,
    description: Option<String>,
    low: Option<f64>,
    high: Option<f64>,
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceRule {
    filter: Spanned<String>,
    #[serde(rename = "type")]
    instance_of: Spanned<String>,
}

/// Reads both lists. `text` is the file's, to say on which line something went wrong.
pub(super) fn types(
    declared: &[DeclaredType],
    instances: &[InstanceRule],
    text: &str,
) -> Result<DeclaredTypes, ConfigError> {
    let mut by_name: HashMap<&str, &DeclaredType> = HashMap::new();
    for each in declared {
        if each.name.get_ref().is_empty() {
            return Err(refusal(text, &each.name, "type", &"a type has a name"));
        }
        if by_name.insert(each.name.get_ref(), each).is_some() {
            return Err(refusal(text, &each.name, "type", &"this name is declared twice"));
        }
    }
    let definitions =
        declared.iter().map(|each| each.definition(&by_name, declared, text)).collect::<Result<_, _>>()?;
    if let Some(first) = instances.get(RULES_MAX) {
        let why = format!("there are more than {RULES_MAX} rules, and each is held against everything that appears");
        return Err(refusal(text, &first.filter, "instance", &why));
    }
    let rule = |InstanceRule { filter, instance_of }: &InstanceRule| {
        known(declared, instance_of).map_err(|why| refusal(text, instance_of, "instance", &why))?;
        let parsed = Filter::parse(filter.get_ref()).map_err(|why| refusal(text, filter, "instance", &why))?;
        Ok((parsed, instance_of.get_ref().as_str().into()))
    };
    Ok(DeclaredTypes { definitions, rules: instances.iter().map(rule).collect::<Result<_, _>>()? })
}

/// A sentence with the line of the value that is wrong.
pub(super) fn refusal(text: &str, value: &Spanned<String>, list: &str, why: &dyn Display) -> ConfigError {
    let line = line(text, value.span().start);
    ConfigError(format!("line {line}: [[namespace.{list}]] {:?}: {why}", value.get_ref()))
}

/// Whether a type is declared; if not, which are.
pub(super) fn known(declared: &[DeclaredType], name: &Spanned<String>) -> Result<(), String> {
    if declared.iter().any(|each| each.name.get_ref() == name.get_ref()) {
        return Ok(());
    }
    let names: Vec<String> = declared.iter().map(|each| format!("`{}`", each.name.get_ref())).collect();
    let declared = if names.is_empty() { "none".into() } else { names.join(", ") };
    Err(format!("no [[namespace.type]] has this name; declared are {declared}"))
}

impl DeclaredType {
    fn definition(
        &self,
        by_name: &HashMap<&str, &DeclaredType>,
        declared: &[DeclaredType],
        text: &str,
    ) -> Result<TypeDefinition, ConfigError> {
        let (mut members, mut at) = (Vec::new(), self);
        let mut passed = HashSet::from([self.name.get_ref()]);
        loop {
            let mut seen = HashSet::new();
            for member in &at.member {
                if !seen.insert(member.name.get_ref()) {
                    return Err(refusal(text, &member.name, "type.member", &"this member is declared twice"));
                }
                members.push(member.parse(text)?);
            }
            let Some(extends) = &at.extends else { break };
            known(declared, extends).map_err(|why| refusal(text, extends, "type", &why))?;
            if !passed.insert(extends.get_ref()) {
                return Err(refusal(
                    text,
                    extends,
                    "type",
                    &"a type cannot extend itself, not by way of others either",
                ));
            }
            if passed.len() > REFINEMENTS_MAX {
                let why = format!("more than {REFINEMENTS_MAX} types extend each other");
                return Err(refusal(text, extends, "type", &why));
            }
            at = by_name[extends.get_ref().as_str()];
        }
        let shared = |text: &Option<String>| text.as_deref().map(Arc::from);
        let extends = self.extends.as_ref().map(|extends| Arc::from(extends.get_ref().as_str()));
        Ok(TypeDefinition::named(self.name.get_ref().as_str())
            .labelled(shared(&self.version))
            .described(shared(&self.description))
            .extending(extends)
            .with_members(members))
    }
}

impl DeclaredMember {
    fn parse(&self, text: &str) -> Result<Member, ConfigError> {
        let refuse = |why: &dyn Display| refusal(text, &self.name, "type.member", why);
        if self.name.get_ref().split('/').any(str::is_empty) {
            return Err(refuse(&"a member's name is a path below the element, as in Axis/1/Temperature"));
        }
        let of = match (&self.datatype, &self.instance_of) {
            (Some(_), Some(_)) => return Err(refuse(&"a member has a `datatype` or a `type`, not both")),
            (None, None) => MemberType::Any,
            (None, Some(name)) => MemberType::Type(name.as_str().into()),
            (Some(name), None) => MemberType::Value(datatype(name, text)?),
        };
        let (low, high) = range(self.low, self.high).map_err(|why| refuse(&why))?;
        let shared = |text: &Option<String>| text.as_deref().map(Arc::from);
        let (unit, description) = (shared(&self.unit), shared(&self.description));
        Ok(Member {
            name: self.name.get_ref().as_str().into(),
            of,
            is_required: self.required,
            metadata: Arc::new(Metadata { unit, description, low, high, ..Metadata::default() }),
        })
    }
}

fn datatype(name: &Spanned<String>, text: &str) -> Result<DataType, ConfigError> {
    let found = DataType::parse(name.get_ref()).filter(|&datatype| datatype != DataType::Unknown);
    found.ok_or_else(|| {
        let names: Vec<&str> = DataType::ALL.iter().skip(1).map(|datatype| datatype.as_str()).collect();
        refusal(text, name, "type.member", &format!("no datatype; there are {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Overrides};

    const PRESS: &str = "[[namespace.type]]\nname = \"Machine\"\n[[namespace.type.member]]\nname = \"state\"\n\
                         datatype = \"String\"\nrequired = true\n[[namespace.type.member]]\nname = \"force\"\nunit = \"N\"\n\
                         [[namespace.type]]\nname = \"Press\"\nextends = \"Machine\"\nversion = \"2\"\n\
                         [[namespace.type.member]]\nname = \"force\"\ndatatype = \"Double\"\nunit = \"kN\"\nhigh = 500\n";

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(&format!("{PRESS}{text}"), Overrides::default())
    }

    fn refused(text: &str) -> String {
        parse(text).expect_err("must be refused").to_string()
    }

    #[test]
    fn a_type_has_the_members_of_what_it_extends_and_its_own_stand_above() {
        let config =
            parse("[[namespace.instance]]\nfilter = \"Acme/+\"\ntype = \"Press\"\n[[namespace.element]]\npath = \"A\"\ntype = \"Machine\"")
                .unwrap();
        let [machine, press] = &config.types.definitions[..] else { panic!("two types") };
        assert_eq!((machine.members().len(), press.members().len()), (2, 2));
        assert_eq!((press.extends(), press.label()), (Some("Machine"), Some("2")));
        let units = |each: &TypeDefinition| each.member("force").unwrap().metadata.unit.clone().unwrap();
        assert_eq!((&*units(machine), &*units(press)), ("N", "kN"));
        assert_eq!(press.member("state").unwrap().of, MemberType::Value(DataType::String));
        assert!(press.member("state").unwrap().is_required && !press.member("force").unwrap().is_required);
        assert_eq!((config.types.rules[0].0.to_string().as_str(), &*config.types.rules[0].1), ("Acme/+", "Press"));
        assert_eq!(config.model[0].metadata.instance_of.as_deref(), Some("Machine"));
    }

    #[test]
    fn what_is_wrong_with_a_type_is_told_with_its_line() {
        let begins = |text: &str, with: &str| {
            let message = refused(text);
            assert!(message.starts_with(with), "{message}");
        };
        let named = "[[namespace.type]]\nname = \"A\"\n";
        begins("[[namespace.type]]\nname = \"\"", "line 20: [[namespace.type]] \"\": a type has a name");
        begins(
            "[[namespace.type]]\nname = \"Press\"",
            "line 20: [[namespace.type]] \"Press\": this name is declared twice",
        );
        begins(
            &format!("{named}extends = \"Pres\""),
            "line 21: [[namespace.type]] \"Pres\": no [[namespace.type]] has this name; declared are `Machine`, `Press`, `A`",
        );
        begins(&format!("{named}extends = \"A\""), "line 21: [[namespace.type]] \"A\": a type cannot extend itself");
        let circle = format!("{named}extends = \"B\"\n[[namespace.type]]\nname = \"B\"\nextends = \"A\"");
        begins(&circle, "line 24: [[namespace.type]] \"A\": a type cannot extend itself");
        let member = |rest: &str| format!("{named}[[namespace.type.member]]\nname = \"m\"\n{rest}");
        begins(
            &member("datatype = \"float\""),
            "line 23: [[namespace.type.member]] \"float\": no datatype; there are Int8, ",
        );
        begins(
            &member("datatype = \"Float\"\ntype = \"A\""),
            "line 22: [[namespace.type.member]] \"m\": a member has a `datatype` or",
        );
        begins(&member("low = 2\nhigh = 1"), "line 22: [[namespace.type.member]] \"m\": `low` is above `high`");
        begins(
            &member("[[namespace.type.member]]\nname = \"m\""),
            "line 24: [[namespace.type.member]] \"m\": this member is declared twice",
        );
        begins(
            &format!("{named}[[namespace.type.member]]\nname = \"a//b\""),
            "line 22: [[namespace.type.member]] \"a//b\": a member's name is a path",
        );
        assert!(refused(&member("require = true")).contains("`required`"));
        let instance = |rest: &str| format!("[[namespace.instance]]\n{rest}");
        begins(
            &instance("filter = \"Acme/+x\"\ntype = \"Press\""),
            "line 20: [[namespace.instance]] \"Acme/+x\": '+' and '#' must stand alone",
        );
        begins(
            &instance("filter = \"Acme/+\"\ntype = \"Prss\""),
            "line 21: [[namespace.instance]] \"Prss\": no [[namespace.type]] has this name",
        );
        begins(
            "[[namespace.element]]\npath = \"A\"\ntype = \"Prss\"",
            "line 21: [[namespace.element]] \"Prss\": no [[namespace.type]] has this name",
        );
    }
}
