//! Placement: where a source's metrics land in the tree, decided once at Birth.
//!
//! Rules are tried in their order and the first match wins. Without rules a newcomer sees a tree at once: a group id is
//! split at `:` into Enterprise, Site and Area, the Edge Node below is a WorkCenter, its Device a WorkUnit; a plain topic
//! is its own path. With rules, what matches none is still there, under `_unplaced/group/edge node/device`; a plain topic
//! that matches none is plain MQTT and nothing else.
//! Knows nothing of metrics, samples or elements: text in, path out.

use factree_namespace::Level;

use crate::template::{Captures, Template, TemplateError, TopicTemplate, refuse_repeated};

/// Where everything goes that no rule places.
pub const UNPLACED: &str = "_unplaced";

/// Elements that Factree makes itself begin with one of these; no source may stand there by its own choice.
const RESERVED: [&str; 2] = [UNPLACED, "_conflicts"];

/// What an operator wrote in `[[namespace.sparkplug]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparkplugRuleText {
    /// Template of the group id.
    pub group: String,
    /// Template of the edge node id; without it the Edge Node hangs below under its own id.
    pub node: Option<String>,
    /// Template of the device id; without it Devices hang below under their own ids. Needs `node`.
    pub device: Option<String>,
}

/// Why a rule was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Which rule of its list, from zero.
    pub rule: usize,
    /// Which key of the rule: `group`, `node`, `device` or `topic`.
    pub key: &'static str,
    /// What is wrong with it.
    pub error: RuleFault,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleFault {
    /// The template itself.
    Template(TemplateError),
    /// `device` without `node`: the Device would stand above its Edge Node.
    DeviceWithoutNode,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rule, key, error } = self;
        match error {
            RuleFault::Template(error) => write!(f, "rule {}, key `{key}`: {error}", rule + 1),
            RuleFault::DeviceWithoutNode => {
                write!(f, "rule {}: `device` needs `node`; add node = \"{{work_center}}\" or drop `device`", rule + 1)
            }
        }
    }
}

impl std::error::Error for RuleError {}

/// One step of a path: an element's name and, if it is one, its ISA-95 level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The element's name.
    pub name: Box<str>,
    /// Its level, for equipment.
    pub level: Option<Level>,
}

/// Where a source stands, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path from the root; never empty.
    pub steps: Vec<Step>,
    /// What put it there.
    pub by: PlacedBy,
}

/// What put a source where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacedBy {
    /// No rules are configured: the default.
    Default,
    /// The rule with this position in its list, from zero.
    Rule(usize),
    /// Rules are configured and none matched.
    Nothing,
}

/// The operator's rules, parsed.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    sparkplug: Vec<SparkplugRule>,
    topics: Option<Vec<TopicTemplate>>,
}

#[derive(Clone, Debug)]
struct SparkplugRule {
    group: Template,
    node: Option<Template>,
    device: Option<Template>,
}

impl Placement {
    /// Parses the operator's rules; `levels` are those in use. No Sparkplug rules at all means the default for Sparkplug,
    /// `topics: None` the default for plain topics, while an empty list keeps all plain topics out of the tree.
    ///
    /// # Errors
    /// [`RuleError`] names the rule, the key and what it should be.
    pub fn parse(
        levels: &[Level],
        sparkplug: &[SparkplugRuleText],
        topics: Option<&[String]>,
    ) -> Result<Self, RuleError> {
        let sparkplug = sparkplug
            .iter()
            .enumerate()
            .map(|(rule, text)| SparkplugRule::parse(rule, text, levels))
            .collect::<Result<_, _>>()?;
        let topics = topics.map(|topics| {
            let parse = |(rule, text): (usize, &String)| {
                let template = TopicTemplate::parse(text, levels).map_err(|error| fault(rule, "topic", error))?;
                refuse_repeated(template.levels()).map_err(|error| fault(rule, "topic", error))?;
                Ok(template)
            };
            topics.iter().enumerate().map(parse).collect::<Result<_, _>>()
        });
        Ok(Self { sparkplug, topics: topics.transpose()? })
    }

    /// Where an Edge Node, or one of its Devices, stands.
    pub fn place_sparkplug(&self, group: &str, edge_node: &str, device: Option<&str>) -> Place {
        let by_default = self.sparkplug.is_empty() && !is_reserved(group.split(':').next());
        if by_default {
            return Place { steps: default_steps(group, edge_node, device), by: PlacedBy::Default };
        }
        let matched = self
            .sparkplug
            .iter()
            .enumerate()
            .filter_map(|(position, rule)| Some((position, rule.place(group, edge_node, device)?)))
            .find(|(_, steps)| !is_reserved(steps.first().map(|step| &*step.name)));
        match matched {
            Some((position, steps)) => Place { steps, by: PlacedBy::Rule(position) },
            None => {
                let ids = [Some(UNPLACED), Some(group), Some(edge_node), device];
                Place { steps: ids.into_iter().flatten().map(folder).collect(), by: PlacedBy::Nothing }
            }
        }
    }

    /// Where a plain topic stands, or `None` if it does not belong to the tree.
    pub fn place_topic(&self, topic: &str) -> Option<Place> {
        if topic.starts_with('$') {
            return None;
        }
        self.wanted(topic).filter(|place| !is_reserved(place.steps.first().map(|step| &*step.name)))
    }

    fn wanted(&self, topic: &str) -> Option<Place> {
        let Some(templates) = &self.topics else {
            let foreign = ["spAv1.0", "spBv1.0", "STATE"];
            let first = topic.split('/').next().unwrap_or_default();
            return (!foreign.contains(&first))
                .then(|| Place { steps: topic.split('/').map(folder).collect(), by: PlacedBy::Default });
        };
        templates.iter().enumerate().find_map(|(position, template)| {
            let mut captures = Captures::default();
            let rest = template.capture(topic, &mut captures)?;
            let mut steps: Vec<Step> = equipment(&captures).collect();
            if !rest.is_empty() {
                steps.extend(rest.split('/').map(folder));
            }
            (!steps.is_empty()).then_some(Place { steps, by: PlacedBy::Rule(position) })
        })
    }
}

impl SparkplugRule {
    fn parse(rule: usize, text: &SparkplugRuleText, levels: &[Level]) -> Result<Self, RuleError> {
        if text.device.is_some() && text.node.is_none() {
            return Err(RuleError { rule, key: "device", error: RuleFault::DeviceWithoutNode });
        }
        let template = |key, text: &str| Template::parse(text, levels).map_err(|error| fault(rule, key, error));
        let parsed = Self {
            group: template("group", &text.group)?,
            node: text.node.as_deref().map(|text| template("node", text)).transpose()?,
            device: text.device.as_deref().map(|text| template("device", text)).transpose()?,
        };
        let all = [Some(&parsed.group), parsed.node.as_ref(), parsed.device.as_ref()];
        refuse_repeated(all.into_iter().flatten().flat_map(Template::levels))
            .map_err(|error| fault(rule, "group", error))?;
        Ok(parsed)
    }

    /// The captured levels in their ISA-95 order, then the ids no template speaks of.
    fn place(&self, group: &str, edge_node: &str, device: Option<&str>) -> Option<Vec<Step>> {
        let mut captures = Captures::default();
        let mut below = Vec::new();
        if !self.group.capture(group, &mut captures) {
            return None;
        }
        for (template, id) in [(&self.node, Some(edge_node)), (&self.device, device)] {
            match (template, id) {
                (_, None) => {}
                (None, Some(id)) => below.push(folder(id)),
                (Some(template), Some(id)) => {
                    if !template.capture(id, &mut captures) {
                        return None;
                    }
                }
            }
        }
        Some(equipment(&captures).chain(below).collect())
    }
}

fn is_reserved(first: Option<&str>) -> bool {
    first.is_some_and(|name| RESERVED.contains(&name))
}

fn default_steps(group: &str, edge_node: &str, device: Option<&str>) -> Vec<Step> {
    let group_levels = [Level::Enterprise, Level::Site, Level::Area];
    let mut steps: Vec<Step> = group
        .split(':')
        .enumerate()
        .map(|(position, name)| Step { name: name.into(), level: group_levels.get(position).copied() })
        .collect();
    steps.push(Step { name: edge_node.into(), level: Some(Level::WorkCenter) });
    steps.extend(device.map(|device| Step { name: device.into(), level: Some(Level::WorkUnit) }));
    steps
}

fn equipment(captures: &Captures<'_>) -> impl Iterator<Item = Step> {
    captures.iter().map(|(level, name)| Step { name: name.into(), level: Some(level) })
}

fn folder(name: &str) -> Step {
    Step { name: name.into(), level: None }
}

fn fault(rule: usize, key: &'static str, error: TemplateError) -> RuleError {
    RuleError { rule, key, error: RuleFault::Template(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparkplug(group: &str, node: Option<&str>, device: Option<&str>) -> SparkplugRuleText {
        SparkplugRuleText { group: group.into(), node: node.map(Into::into), device: device.map(Into::into) }
    }

    fn show(place: &Place) -> String {
        let steps: Vec<String> = place
            .steps
            .iter()
            .map(|step| match step.level {
                Some(level) => format!("{}={}", level.as_str(), step.name),
                None => step.name.to_string(),
            })
            .collect();
        format!("{} by {:?}", steps.join("/"), place.by)
    }

    #[test]
    fn without_rules_a_group_id_is_split_at_the_colon() {
        let placement = Placement::default();
        let place = |group, device| show(&placement.place_sparkplug(group, "Line1", device));
        assert_eq!(
            place("Acme:Dallas:Press", Some("Robot3")),
            "enterprise=Acme/site=Dallas/area=Press/work_center=Line1/work_unit=Robot3 by Default"
        );
        assert_eq!(place("Plant", None), "enterprise=Plant/work_center=Line1 by Default");
        assert_eq!(
            place("A:B:C:D", None),
            "enterprise=A/site=B/area=C/D/work_center=Line1 by Default",
            "a fourth part has no ISA-95 level but keeps its place"
        );
    }

    #[test]
    fn the_first_matching_rule_wins_and_the_rest_is_unplaced() {
        let rules = [
            sparkplug("{enterprise}:{site}:{area}", Some("{work_center}"), Some("{work_unit}")),
            sparkplug("legacy-{site}", Some("PLC_{area}_{work_center}"), None),
        ];
        let placement = Placement::parse(&Level::ALL, &rules, None).unwrap();
        let place = |group, node, device| show(&placement.place_sparkplug(group, node, device));
        assert_eq!(
            place("Acme:Dallas:Press", "Line1", Some("Robot3")),
            "enterprise=Acme/site=Dallas/area=Press/work_center=Line1/work_unit=Robot3 by Rule(0)"
        );
        assert_eq!(
            place("legacy-Ulm", "PLC_Paint_L7", Some("Oven")),
            "site=Ulm/area=Paint/work_center=L7/Oven by Rule(1)"
        );
        assert_eq!(place("Plant", "N", Some("D")), "_unplaced/Plant/N/D by Nothing");
        assert_eq!(place("legacy-Ulm", "other", None), "_unplaced/legacy-Ulm/other by Nothing");
        assert_eq!(place("Acme::Press", "N", None), "_unplaced/Acme::Press/N by Nothing", "a level is never empty");
    }

    #[test]
    fn topic_templates_take_their_levels_and_then_the_rest() {
        let topics = ["{enterprise}/{site}/_mes/{area}".to_string(), "{enterprise}/{site}/{rest...}".to_string()];
        let placement = Placement::parse(&Level::ALL, &[], Some(&topics)).unwrap();
        let place = |topic| placement.place_topic(topic).map(|place| show(&place));
        assert_eq!(place("Acme/Dallas/_mes/Press").unwrap(), "enterprise=Acme/site=Dallas/area=Press by Rule(0)");
        assert_eq!(place("Acme/Dallas/a/b").unwrap(), "enterprise=Acme/site=Dallas/a/b by Rule(1)");
        assert_eq!(place("Acme/Dallas").unwrap(), "enterprise=Acme/site=Dallas by Rule(1)");
        assert_eq!(place("Acme"), None);
        assert_eq!(place("$SYS/broker/uptime"), None);
    }

    #[test]
    fn without_topic_rules_a_topic_is_its_own_path_and_with_an_empty_list_none_belongs() {
        let own = |topic| Placement::default().place_topic(topic).map(|place| show(&place));
        assert_eq!(own("Acme/Dallas/x").unwrap(), "Acme/Dallas/x by Default");
        assert_eq!(own("spBv1.0/g/nbirth/n"), None, "SP24: malformed Sparkplug is plain MQTT, not tree");
        assert_eq!(own("spAv1.0/g/NBIRTH/n"), None);
        assert_eq!(own("STATE/scada"), None);
        let none = Placement::parse(&Level::ALL, &[], Some(&[])).unwrap();
        assert_eq!(none.place_topic("Acme/Dallas/x"), None);
    }

    #[test]
    fn nobody_stands_among_what_factree_shows_itself_by_calling_himself_so() {
        let default = Placement::default();
        assert_eq!(default.place_topic("_conflicts/mqtt/Acme/Speed"), None);
        assert_eq!(default.place_topic("_unplaced/G/N/V"), None);
        let place = default.place_sparkplug("_conflicts:x", "N", None);
        assert_eq!(show(&place), "_unplaced/_conflicts:x/N by Nothing");
        let rules = [sparkplug("{enterprise}", None, None)];
        let ruled = Placement::parse(&Level::ALL, &rules, Some(&["{site}/{rest...}".into()])).unwrap();
        assert_eq!(show(&ruled.place_sparkplug("_unplaced", "N", None)), "_unplaced/_unplaced/N by Nothing");
        assert_eq!(ruled.place_topic("_unplaced/G/N/V"), None);
    }

    #[test]
    fn a_wrong_rule_says_what_to_write_instead() {
        let refusal = |rule| Placement::parse(&Level::ALL, &[rule], None).unwrap_err().to_string();
        assert_eq!(
            refusal(sparkplug("{plant}", None, None)),
            "rule 1, key `group`: unknown variable {plant}; accepted are {enterprise}, {site}, {area}, {work_center}, \
             {work_unit}"
        );
        assert!(refusal(sparkplug("{site", None, None)).contains("braces"));
        assert!(refusal(sparkplug("site}", None, None)).contains("braces"));
        assert!(refusal(sparkplug("{site}{area}", None, None)).contains("touch"));
        assert!(refusal(sparkplug("{site}", Some("{site}"), None)).contains("{site} stands twice"));
        assert!(refusal(sparkplug("{site}", None, Some("{area}"))).contains("`device` needs `node`"));
        assert!(refusal(sparkplug("", None, None)).contains("empty"));
        let topic = |text: &str| Placement::parse(&Level::ALL, &[], Some(&[text.to_string()])).unwrap_err().to_string();
        assert!(topic("{rest...}/{site}").contains("last level"));
        assert!(topic("{site}{rest...}").contains("last level"));
    }
}
