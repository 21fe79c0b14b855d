//! Placement: where a source's metrics land in the tree, decided at Birth and again when the rules change.
//!
//! Rules are tried in their order and the first match wins. Without rules a newcomer sees a tree at once: a group id is
//! split at `:` into Enterprise, Site and Area, the Edge Node below is a WorkCenter, its Device a WorkUnit; a plain topic
//! is its own path. With rules, what matches none is still there, under `_unplaced/group/edge node/device`; a plain topic
//! that matches none is plain MQTT and nothing else.
//! Knows nothing of metrics, samples or elements: text in, path out, and on request [why](crate::Explanation).
//! Invariant: the same text and the same rules give the same place, always.

use factree_namespace::{EquipmentKind, Level};

use crate::explanation::{Mismatch, Tried};
use crate::rule::{RULES_MAX, RuleError, RuleFault, SparkplugRuleText, TopicRuleText};
use crate::template::{Captures, Template, TemplateError, TopicTemplate, refuse_repeated};

/// Where everything goes that no rule places.
pub const UNPLACED: &str = "_unplaced";

/// Elements that Factree makes itself begin with one of these; no source may stand there by its own choice.
const RESERVED: [&str; 2] = [UNPLACED, "_conflicts"];

/// One step of a path: an element's name and, if it is one, its ISA-95 level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The element's name.
    pub name: Box<str>,
    /// Its level, for equipment.
    pub level: Option<Level>,
    /// Its finer kind, if the rule says so.
    pub kind: Option<EquipmentKind>,
}

/// Where a source stands, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path from the root; never empty.
    pub steps: Vec<Step>,
    /// What put it there.
    pub by: PlacedBy,
}

impl Place {
    /// The names of all steps, joined by `/`.
    pub fn path(&self) -> String {
        let names: Vec<&str> = self.steps.iter().map(|step| &*step.name).collect();
        names.join("/")
    }
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
#[derive(Clone, Debug)]
pub struct Placement {
    /// Those in use.
    levels: Box<[Level]>,
    sparkplug: Vec<SparkplugRule>,
    topics: Option<Vec<TopicRule>>,
}

#[derive(Clone, Debug)]
struct SparkplugRule {
    group: Template,
    node: Option<Template>,
    device: Option<Template>,
    kinds: Kinds,
}

#[derive(Clone, Debug)]
struct TopicRule {
    topic: TopicTemplate,
    kinds: Kinds,
}

impl Default for Placement {
    fn default() -> Self {
        Self { levels: Level::ALL.into(), sparkplug: Vec::new(), topics: None }
    }
}

/// By level.
type Kinds = [Option<EquipmentKind>; Level::ALL.len()];

impl Placement {
    /// Parses the operator's rules; `levels` are those in use. No Sparkplug rules at all means the default for Sparkplug,
    /// `topics: None` the default for plain topics, while an empty list keeps all plain topics out of the tree.
    ///
    /// # Errors
    /// [`RuleError`] names the rule, the key and what it should be.
    pub fn parse(
        levels: &[Level],
        sparkplug: &[SparkplugRuleText],
        topics: Option<&[TopicRuleText]>,
    ) -> Result<Self, RuleError> {
        for (is_sparkplug, len) in [(true, sparkplug.len()), (false, topics.map_or(0, <[_]>::len))] {
            if len > RULES_MAX {
                let key = if is_sparkplug { "group" } else { "topic" };
                return Err(RuleError { is_sparkplug, rule: RULES_MAX, key, error: RuleFault::TooMany });
            }
        }
        let sparkplug = sparkplug
            .iter()
            .enumerate()
            .map(|(rule, text)| SparkplugRule::parse(rule, text, levels))
            .collect::<Result<_, _>>()?;
        let topics = topics.map(|topics| {
            topics.iter().enumerate().map(|(rule, text)| TopicRule::parse(rule, text, levels)).collect::<Result<_, _>>()
        });
        Ok(Self { levels: levels.into(), sparkplug, topics: topics.transpose()? })
    }

    /// These rules with one more for Sparkplug, for whoever wants to see what it would do: the one with position `at` in the
    /// list, from zero, those from there on behind it. A position beyond the end is the end.
    ///
    /// # Errors
    /// [`RuleError`], as [`Placement::parse`] would say it of the whole list.
    pub fn with_sparkplug_rule(&self, at: usize, text: &SparkplugRuleText) -> Result<Self, RuleError> {
        let at = at.min(self.sparkplug.len());
        if self.sparkplug.len() == RULES_MAX {
            return Err(RuleError { is_sparkplug: true, rule: RULES_MAX, key: "group", error: RuleFault::TooMany });
        }
        let rule = SparkplugRule::parse(at, text, &self.levels)?;
        let mut more = self.clone();
        more.sparkplug.insert(at, rule);
        Ok(more)
    }

    /// How many rules there are for Sparkplug; without any, the default holds.
    pub fn sparkplug_rules_len(&self) -> usize {
        self.sparkplug.len()
    }

    /// Where an Edge Node, or one of its Devices, stands.
    pub fn place_sparkplug(&self, group: &str, edge_node: &str, device: Option<&str>) -> Place {
        self.seek_sparkplug(group, edge_node, device, |_| {})
    }

    /// The same, telling `each` what came of every rule that was tried.
    pub(crate) fn seek_sparkplug(
        &self,
        group: &str,
        edge_node: &str,
        device: Option<&str>,
        mut each: impl FnMut(Tried),
    ) -> Place {
        if self.sparkplug.is_empty() {
            match refuse_reserved(default_steps(group, edge_node, device)) {
                Ok(steps) => return Place { steps, by: PlacedBy::Default },
                Err(mismatch) => each(Tried { rule: None, outcome: Err(mismatch) }),
            }
        }
        for (rule, templates) in self.sparkplug.iter().enumerate() {
            let placed = templates.place(group, edge_node, device).and_then(refuse_reserved);
            each(Tried { rule: Some(rule), outcome: placed.as_ref().map(drop).map_err(Clone::clone) });
            if let Ok(steps) = placed {
                return Place { steps, by: PlacedBy::Rule(rule) };
            }
        }
        let ids = [Some(UNPLACED), Some(group), Some(edge_node), device];
        Place { steps: ids.into_iter().flatten().map(folder).collect(), by: PlacedBy::Nothing }
    }

    /// Where a plain topic stands, or `None` if it does not belong to the tree.
    pub fn place_topic(&self, topic: &str) -> Option<Place> {
        self.seek_topic(topic, |_| {})
    }

    /// The same, telling `each` what came of every rule that was tried.
    pub(crate) fn seek_topic(&self, topic: &str, mut each: impl FnMut(Tried)) -> Option<Place> {
        if topic.starts_with('$') {
            each(Tried { rule: None, outcome: Err(Mismatch::Dollar) });
            return None;
        }
        let Some(rules) = &self.topics else {
            let placed = default_topic(topic).and_then(refuse_reserved);
            return match placed {
                Ok(steps) => Some(Place { steps, by: PlacedBy::Default }),
                Err(mismatch) => {
                    each(Tried { rule: None, outcome: Err(mismatch) });
                    None
                }
            };
        };
        for (rule, template) in rules.iter().enumerate() {
            let placed = template.place(topic).and_then(refuse_reserved);
            each(Tried { rule: Some(rule), outcome: placed.as_ref().map(drop).map_err(Clone::clone) });
            if let Ok(steps) = placed {
                return Some(Place { steps, by: PlacedBy::Rule(rule) });
            }
        }
        None
    }

    /// A rule for Sparkplug as its operator wrote it: keys and templates.
    pub(crate) fn sparkplug_rule(&self, rule: usize) -> Option<impl Iterator<Item = (&'static str, &str)>> {
        let SparkplugRule { group, node, device, .. } = self.sparkplug.get(rule)?;
        let keys = [("group", Some(group)), ("node", node.as_ref()), ("device", device.as_ref())];
        Some(keys.into_iter().filter_map(|(key, template)| Some((key, &**template?.text()))))
    }

    /// A rule for plain topics as its operator wrote it.
    pub(crate) fn topic_rule(&self, rule: usize) -> Option<&str> {
        Some(self.topics.as_ref()?.get(rule)?.topic.text())
    }
}

impl SparkplugRule {
    fn parse(rule: usize, text: &SparkplugRuleText, levels: &[Level]) -> Result<Self, RuleError> {
        if text.device.is_some() && text.node.is_none() {
            let error = RuleFault::DeviceWithoutNode;
            return Err(RuleError { is_sparkplug: true, rule, key: "device", error });
        }
        let template =
            |key, own: &str| Template::parse(own, levels, text.case).map_err(|error| fault(rule, key, error));
        let group = template("group", &text.group)?;
        let node = text.node.as_deref().map(|text| template("node", text)).transpose()?;
        let device = text.device.as_deref().map(|text| template("device", text)).transpose()?;
        let named: Vec<Level> =
            [Some(&group), node.as_ref(), device.as_ref()].into_iter().flatten().flat_map(Template::levels).collect();
        refuse_repeated(named.iter().copied()).map_err(|error| fault(rule, "group", error))?;
        let kinds =
            kinds(&text.kinds, &named).map_err(|error| RuleError { is_sparkplug: true, rule, key: "kinds", error })?;
        Ok(Self { group, node, device, kinds })
    }

    /// The captured levels in their ISA-95 order, then the ids no template speaks of.
    fn place(&self, group: &str, edge_node: &str, device: Option<&str>) -> Result<Vec<Step>, Mismatch> {
        let mut captures = Captures::default();
        let mut below = Vec::new();
        let keys = [
            ("group", Some(&self.group), Some(group)),
            ("node", self.node.as_ref(), Some(edge_node)),
            ("device", self.device.as_ref(), device),
        ];
        for (key, template, id) in keys {
            match (template, id) {
                (_, None) => {}
                (None, Some(id)) => below.push(folder(id)),
                (Some(template), Some(id)) => {
                    if !template.capture(id, &mut captures) {
                        return Err(Mismatch::Text { key, template: template.text().clone() });
                    }
                }
            }
        }
        let steps: Vec<Step> = equipment(&captures, &self.kinds).chain(below).collect();
        if steps.is_empty() { Err(Mismatch::Nowhere) } else { Ok(steps) }
    }
}

impl TopicRule {
    fn parse(rule: usize, text: &TopicRuleText, levels: &[Level]) -> Result<Self, RuleError> {
        let fault = |error| fault(rule, "topic", error);
        let topic = TopicTemplate::parse(&text.topic, levels, text.case).map_err(fault)?;
        let named: Vec<Level> = topic.levels().collect();
        refuse_repeated(named.iter().copied()).map_err(fault)?;
        let kinds =
            kinds(&text.kinds, &named).map_err(|error| RuleError { is_sparkplug: false, rule, key: "kinds", error })?;
        Ok(Self { topic, kinds })
    }

    fn place(&self, topic: &str) -> Result<Vec<Step>, Mismatch> {
        let mut captures = Captures::default();
        let rest = self
            .topic
            .capture(topic, &mut captures)
            .ok_or_else(|| Mismatch::Text { key: "topic", template: self.topic.text().clone() })?;
        let mut steps: Vec<Step> = equipment(&captures, &self.kinds).collect();
        if !rest.is_empty() {
            steps.extend(rest.split('/').map(folder));
        }
        if steps.is_empty() { Err(Mismatch::Nowhere) } else { Ok(steps) }
    }
}

fn kinds(written: &[(Level, EquipmentKind)], named: &[Level]) -> Result<Kinds, RuleFault> {
    let mut kinds = Kinds::default();
    for &(level, kind) in written {
        if kind.level() != level {
            return Err(RuleFault::KindAtLevel(kind, level));
        }
        if !named.contains(&level) {
            return Err(RuleFault::KindWithoutLevel(level));
        }
        kinds[level as usize] = Some(kind);
    }
    Ok(kinds)
}

fn refuse_reserved(steps: Vec<Step>) -> Result<Vec<Step>, Mismatch> {
    match steps.first() {
        Some(first) if RESERVED.contains(&&*first.name) => Err(Mismatch::Reserved { name: first.name.clone() }),
        Some(_) | None => Ok(steps),
    }
}

fn default_steps(group: &str, edge_node: &str, device: Option<&str>) -> Vec<Step> {
    let group_levels = [Level::Enterprise, Level::Site, Level::Area];
    let at = |name: &str, level| Step { name: name.into(), level, kind: None };
    let mut steps: Vec<Step> =
        group.split(':').enumerate().map(|(position, name)| at(name, group_levels.get(position).copied())).collect();
    steps.push(at(edge_node, Some(Level::WorkCenter)));
    steps.extend(device.map(|device| at(device, Some(Level::WorkUnit))));
    steps
}

fn default_topic(topic: &str) -> Result<Vec<Step>, Mismatch> {
    match topic.split('/').next() {
        Some("spAv1.0" | "spBv1.0" | "STATE") => Err(Mismatch::Foreign),
        Some(_) | None => Ok(topic.split('/').map(folder).collect()),
    }
}

fn equipment(captures: &Captures<'_>, kinds: &Kinds) -> impl Iterator<Item = Step> {
    captures.iter().map(|(level, name)| Step { name, level: Some(level), kind: kinds[level as usize] })
}

fn folder(name: &str) -> Step {
    Step { name: name.into(), level: None, kind: None }
}

fn fault(rule: usize, key: &'static str, error: TemplateError) -> RuleError {
    RuleError { is_sparkplug: key != "topic", rule, key, error: RuleFault::Template(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Case;

    fn sparkplug(group: &str, node: Option<&str>, device: Option<&str>) -> SparkplugRuleText {
        SparkplugRuleText {
            group: group.into(),
            node: node.map(Into::into),
            device: device.map(Into::into),
            ..SparkplugRuleText::default()
        }
    }

    fn topic(topic: &str) -> TopicRuleText {
        TopicRuleText { topic: topic.into(), ..TopicRuleText::default() }
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
    fn one_more_rule_is_tried_where_it_is_put_and_ends_the_default() {
        let none = Placement::default();
        let site = sparkplug("{site}_{area}", Some("{work_center}"), None);
        let with = none.with_sparkplug_rule(7, &site).unwrap();
        let place = |rules: &Placement, group| show(&rules.place_sparkplug(group, "PLC 7", None));
        assert_eq!(place(&with, "ULM_Paint"), "site=ULM/area=Paint/work_center=PLC 7 by Rule(0)");
        assert_eq!(place(&with, "Acme:Dallas"), "_unplaced/Acme:Dallas/PLC 7 by Nothing", "the default is gone");
        let first = with.with_sparkplug_rule(0, &sparkplug("{enterprise}", None, None)).unwrap();
        assert_eq!(place(&first, "ULM_Paint"), "enterprise=ULM_Paint/PLC 7 by Rule(0)");
        assert_eq!(
            (none.sparkplug_rules_len(), first.sparkplug_rules_len()),
            (0, 2),
            "those in force are as they were"
        );
        let two = Placement::parse(&[Level::Site], &[], None).unwrap();
        let refused = two.with_sparkplug_rule(0, &site).unwrap_err().to_string();
        assert!(refused.starts_with("rule 1, key `group`: "), "{refused}");
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
        let topics = [topic("{enterprise}/{site}/_mes/{area}"), topic("{enterprise}/{site}/{rest...}")];
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
        let ruled = Placement::parse(&Level::ALL, &rules, Some(&[topic("{site}/{rest...}")])).unwrap();
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
        let topic = |text: &str| Placement::parse(&Level::ALL, &[], Some(&[topic(text)])).unwrap_err().to_string();
        assert!(topic("{rest...}/{site}").contains("last level"));
        assert!(topic("{site}{rest...}").contains("last level"));
    }

    #[test]
    fn a_variable_may_say_what_it_takes() {
        let rules = [
            sparkplug("{site}", Some("{work_center:Line[0-9]{1,2}}{work_unit:[A-Z]*}"), None),
            sparkplug("{area:.*}-{work_center}", Some("{work_unit:(?i)plc.+}"), None),
        ];
        let placement = Placement::parse(&Level::ALL, &rules, None).unwrap();
        let place = |group, node| show(&placement.place_sparkplug(group, node, None));
        assert_eq!(place("Ulm", "Line12AB"), "site=Ulm/work_center=Line12/work_unit=AB by Rule(0)");
        assert_eq!(place("Ulm", "Line12"), "_unplaced/Ulm/Line12 by Nothing", "a level is never empty");
        assert_eq!(place("Ulm", "xLine12AB"), "_unplaced/Ulm/xLine12AB by Nothing", "all of the text or nothing");
        assert_eq!(place("a-b-c", "PLC\n7"), "_unplaced/a-b-c/PLC\n7 by Nothing", "`.` is no line break here");
        assert_eq!(place("a-b-c", "PLC7"), "area=a-b/work_center=c/work_unit=PLC7 by Rule(1)");
    }

    #[test]
    fn a_pattern_beside_plain_variables_leaves_them_as_they_were() {
        let rules = [sparkplug("{enterprise}:{site}:{area:.+}", None, None)];
        let placement = Placement::parse(&Level::ALL, &rules, None).unwrap();
        let place = |group| show(&placement.place_sparkplug(group, "N", None));
        assert_eq!(place("A:B:C:D"), "enterprise=A/site=B/area=C:D/N by Rule(0)");
        assert_eq!(place("A::C"), "_unplaced/A::C/N by Nothing");
    }

    #[test]
    fn case_is_folded_where_the_rule_says_so() {
        let folded = |case| SparkplugRuleText { case, ..sparkplug("SITE-{site}", Some("{work_center}"), None) };
        let place = |case, group| {
            let placement = Placement::parse(&Level::ALL, &[folded(case)], None).unwrap();
            show(&placement.place_sparkplug(group, "Line1", Some("Dev")))
        };
        assert_eq!(place(Case::Keep, "site-Ulm"), "_unplaced/site-Ulm/Line1/Dev by Nothing");
        assert_eq!(place(Case::Lower, "site-Ulm"), "site=ulm/work_center=line1/Dev by Rule(0)");
        assert_eq!(place(Case::Upper, "Site-Ulm"), "site=ULM/work_center=LINE1/Dev by Rule(0)");
        let topics = [TopicRuleText { case: Case::Lower, ..topic("{enterprise}/Line/{rest...}") }];
        let placement = Placement::parse(&Level::ALL, &[], Some(&topics)).unwrap();
        let place = placement.place_topic("ACME/LINE/Speed").unwrap();
        assert_eq!(show(&place), "enterprise=acme/Speed by Rule(0)", "what no variable names keeps its case");
    }

    #[test]
    fn a_rule_says_what_kind_of_equipment_stands_at_a_level() {
        let kinds = vec![(Level::WorkCenter, EquipmentKind::ProductionLine)];
        let rule = SparkplugRuleText { kinds, ..sparkplug("{site}", Some("{work_center}"), None) };
        let placement = Placement::parse(&Level::ALL, std::slice::from_ref(&rule), None).unwrap();
        let kinds: Vec<_> = placement.place_sparkplug("Ulm", "L1", None).steps.iter().map(|step| step.kind).collect();
        assert_eq!(kinds, [None, Some(EquipmentKind::ProductionLine)]);
        let refusal = |kinds| {
            let rule = SparkplugRuleText { kinds, ..rule.clone() };
            Placement::parse(&Level::ALL, &[rule], None).unwrap_err().to_string()
        };
        assert!(refusal(vec![(Level::Site, EquipmentKind::Unit)]).contains("a unit is a work_unit, not a site"));
        assert!(refusal(vec![(Level::WorkUnit, EquipmentKind::Unit)]).contains("names {work_unit}"));
    }

    #[test]
    fn an_expression_is_bounded_before_it_matches_anything() {
        let refusal =
            |group: &str| Placement::parse(&Level::ALL, &[sparkplug(group, None, None)], None).unwrap_err().to_string();
        assert!(refusal(r"{site:\w{1,10000}}").contains("too large"), "{}", refusal(r"{site:\w{1,10000}}"));
        assert!(refusal("{site:a)(b}").contains("unopened group"), "{}", refusal("{site:a)(b}"));
        assert!(refusal("{site:[}").contains("unclosed"), "{}", refusal("{site:[}"));
        assert!(refusal("{site:x{2}").contains("braces"));
        assert!(refusal(&"x".repeat(5000)).contains("longer than"));
        assert!(refusal(&format!("{{site:{}{}}}", "(".repeat(1000), ")".repeat(1000))).contains("nest"));
        let many = vec![sparkplug("{site}", None, None); 1001];
        assert!(Placement::parse(&Level::ALL, &many, None).unwrap_err().to_string().contains("1000 rules"));
        // Would take a backtracking matcher longer than the plant will stand.
        let slow = [sparkplug("{site:(a*)*}b", None, None)];
        let placement = Placement::parse(&Level::ALL, &slow, None).unwrap();
        assert_eq!(placement.place_sparkplug(&"a".repeat(10_000), "N", None).by, PlacedBy::Nothing);
    }
}
