//! Object types: what kind of thing an object is, and which JSON its value is.
//!
//! What has a value is of the type of that value: a datatype as Sparkplug declares it, or a kind of JSON where plain JSON
//! is published, which has one sort of number. What has none is of the type that its Template or the configuration gives it, or
//! else of the level of ISA-95 where it stands.
//! Knows no value. Invariant: [`object_type_of`] names nothing that is not in [`ObjectType::all`], and what
//! [`vqt`](super::vqt) writes for an object is valid against the schema of its type.

use std::borrow::Cow;
use std::sync::Arc;

use factree_namespace::{
    DataType, ElementId, EquipmentKind, Kind, Level, Member, MemberType, Sight, Source, Type, TypeDefinition,
    TypeVersion, TypeVersionId,
};

use super::element_id;
use crate::json;

/// What all our namespaces begin with.
pub(super) const URN: &str = "urn:factree:";

/// The namespaces of object types: URI and name.
pub(super) const NAMESPACES: [(&str, &str); 5] = [
    (ISA_95, "ISA-95 equipment"),
    (TREE, "Factree's tree"),
    (DATATYPE, "Datatypes of Sparkplug"),
    (JSON, "JSON"),
    (DEFINED, "Types of this plant"),
];
const ISA_95: &str = "urn:factree:isa95";
const TREE: &str = "urn:factree:tree";
const DATATYPE: &str = "urn:factree:datatype";
const JSON: &str = "urn:factree:json";
const DEFINED: &str = "urn:factree:type";

/// The type of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ObjectType {
    Level(Level),
    Equipment(EquipmentKind),
    /// An Edge Node or a Device that stands at no level.
    Machine,
    Folder,
    Document,
    /// A Sparkplug metric, by its declared datatype.
    Metric(DataType),
    Json(JsonType),
    /// What a Template or the configuration defines, by name; without a version if nobody does.
    Defined(Arc<str>, Option<TypeVersionId>),
}

/// What plain JSON tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonType {
    Number,
    String,
    Boolean,
    Structure,
}

impl JsonType {
    const ALL: [Self; 4] = [Self::Number, Self::String, Self::Boolean, Self::Structure];
}

/// The type of the object at `id`.
pub(super) fn object_type_of(view: &Sight<'_>, id: ElementId) -> ObjectType {
    let datatype = view.datatype(id);
    // A Template has members and no value; what has a value is of the type of that, or clients would be told wrong.
    if datatype.is_none_or(|datatype| datatype == DataType::Template)
        && let Some((name, version)) = view.type_of(id)
    {
        return ObjectType::Defined(Arc::clone(name), version.map(TypeVersion::id));
    }
    if let (Some(datatype), Some(provenance)) = (datatype, view.provenance(id)) {
        return ObjectType::of_metric(view.source_of(provenance), datatype);
    }
    match (view.equipment(id), view.level(id), view.kind(id)) {
        (Some(equipment), _, _) => ObjectType::Equipment(equipment),
        (None, Some(level), _) => ObjectType::Level(level),
        (None, None, Kind::Equipment) => ObjectType::Machine,
        (None, None, Kind::Document) => ObjectType::Document,
        (None, None, Kind::Folder | Kind::Metric) => ObjectType::Folder,
    }
}

fn json_type(datatype: DataType) -> Option<JsonType> {
    match datatype {
        DataType::Int64 | DataType::UInt64 | DataType::Double => Some(JsonType::Number),
        DataType::String => Some(JsonType::String),
        DataType::Boolean => Some(JsonType::Boolean),
        DataType::Structure => Some(JsonType::Structure),
        // Null, which has no type.
        _ => None,
    }
}

impl ObjectType {
    /// The type of what has a value of this datatype from this source.
    pub(super) fn of_metric(source: &Source, datatype: DataType) -> ObjectType {
        match source {
            Source::Sparkplug { .. } => ObjectType::Metric(datatype),
            Source::Topic { .. } => json_type(datatype).map_or(ObjectType::Metric(datatype), ObjectType::Json),
        }
    }

    /// Every type there can be whatever the plant defines.
    pub(super) fn all() -> impl Iterator<Item = ObjectType> {
        let levels = Level::ALL.into_iter().map(ObjectType::Level);
        let equipment = EquipmentKind::ALL.into_iter().map(ObjectType::Equipment);
        let tree = [ObjectType::Machine, ObjectType::Folder, ObjectType::Document];
        let metrics = DataType::ALL.iter().map(|&datatype| ObjectType::Metric(datatype));
        levels.chain(equipment).chain(tree).chain(metrics).chain(JsonType::ALL.map(ObjectType::Json))
    }

    /// The types that this plant defines beyond the one named `after`: those of up to `limit` names, and the last of these
    /// names.
    pub(super) fn defined(view: &Sight<'_>, after: Option<&str>, limit: usize) -> (Vec<ObjectType>, Option<Arc<str>>) {
        let (mut found, mut last) = (Vec::new(), None);
        for named in view.types(after).take(limit) {
            found.extend(ObjectType::of_name(view, named));
            last = Some(Arc::clone(named.name()));
        }
        (found, last)
    }

    /// Its versions; and that it is not defined, if something is of it to whom nobody defines it.
    fn of_name(view: &Sight<'_>, named: Type<'_>) -> impl Iterator<Item = ObjectType> {
        let census = view.census(named);
        let defined: usize = census.iter().map(|(_, instances)| instances).sum();
        let is_undefined = view.instances_len(named, None) > defined;
        let versions = census.into_iter().map(|(version, _)| Some(version.id())).chain(is_undefined.then_some(None));
        versions.map(move |version| ObjectType::Defined(Arc::clone(named.name()), version))
    }

    pub(super) fn named(view: &Sight<'_>, element_id: &str) -> Option<ObjectType> {
        let Some(defined) = element_id.strip_prefix(DEFINED).and_then(|rest| rest.strip_prefix(':')) else {
            let (namespace, name) = element_id.rsplit_once(':')?;
            return ObjectType::all()
                .find(|object_type| object_type.name() == name && object_type.namespace() == namespace);
        };
        let escaped = defined.split_once(':').map_or(defined, |(name, _)| name).replace("%3A", ":");
        let known = view.type_named(&element_id::to_path(&escaped)?)?;
        ObjectType::of_name(view, known).find(|object_type| object_type.element_id() == element_id)
    }

    pub(super) fn element_id(&self) -> String {
        match self {
            ObjectType::Defined(name, version) => {
                let name = element_id::of_path(name).replace(':', "%3A");
                version.map_or_else(|| format!("{DEFINED}:{name}"), |version| format!("{DEFINED}:{name}:{version}"))
            }
            _ => format!("{}:{}", self.namespace(), self.name()),
        }
    }

    pub(super) fn namespace(&self) -> &'static str {
        match self {
            ObjectType::Defined(..) => DEFINED,
            ObjectType::Level(_) | ObjectType::Equipment(_) => ISA_95,
            ObjectType::Machine | ObjectType::Folder | ObjectType::Document => TREE,
            ObjectType::Metric(_) => DATATYPE,
            ObjectType::Json(_) => JSON,
        }
    }

    /// What it is called within its namespace.
    pub(super) fn name(&self) -> &str {
        match self {
            ObjectType::Defined(name, _) => name,
            ObjectType::Level(Level::Enterprise) => "Enterprise",
            ObjectType::Level(Level::Site) => "Site",
            ObjectType::Level(Level::Area) => "Area",
            ObjectType::Level(Level::WorkCenter) => "WorkCenter",
            ObjectType::Level(Level::WorkUnit) => "WorkUnit",
            ObjectType::Equipment(EquipmentKind::ProcessCell) => "ProcessCell",
            ObjectType::Equipment(EquipmentKind::ProductionUnit) => "ProductionUnit",
            ObjectType::Equipment(EquipmentKind::ProductionLine) => "ProductionLine",
            ObjectType::Equipment(EquipmentKind::StorageZone) => "StorageZone",
            ObjectType::Equipment(EquipmentKind::Unit) => "Unit",
            ObjectType::Equipment(EquipmentKind::WorkCell) => "WorkCell",
            ObjectType::Equipment(EquipmentKind::StorageUnit) => "StorageUnit",
            ObjectType::Machine => "Equipment",
            ObjectType::Folder => "Folder",
            ObjectType::Document => "Document",
            // The name that i3X has for it.
            ObjectType::Metric(DataType::Unknown) => "UnknownType",
            ObjectType::Metric(datatype) => datatype.as_str(),
            ObjectType::Json(JsonType::Number) => "Number",
            ObjectType::Json(JsonType::String) => "String",
            ObjectType::Json(JsonType::Boolean) => "Boolean",
            ObjectType::Json(JsonType::Structure) => "Structure",
        }
    }

    /// What calls itself this version of it, in the form of Semantic Versioning if it keeps to that.
    pub(super) fn version(&self, view: &Sight<'_>) -> Option<String> {
        match self {
            ObjectType::Defined(..) => self.definition(view)?.label().map(str::to_owned),
            _ => Some("1.0.0".to_owned()),
        }
    }

    fn definition<'v>(&self, view: &'v Sight<'_>) -> Option<&'v Arc<TypeDefinition>> {
        let ObjectType::Defined(name, Some(id)) = self else { return None };
        let versions = view.type_named(name)?.versions();
        versions.into_iter().find(|version| version.id() == *id).map(TypeVersion::definition)
    }

    /// What its values are like, in JSON Schema. Null is not mentioned: to i3X a value may always be missing.
    pub(super) fn schema(&self, view: &Sight<'_>) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            ObjectType::Defined(..) => {
                return self.definition(view).map_or(Cow::Borrowed(OBJECT), |it| Cow::Owned(schema_of_definition(it)));
            }
            ObjectType::Level(_)
            | ObjectType::Equipment(_)
            | ObjectType::Machine
            | ObjectType::Folder
            | ObjectType::Document => OBJECT,
            ObjectType::Metric(datatype) => schema_of(*datatype),
            ObjectType::Json(JsonType::Number) => r#"{"type":"number"}"#,
            ObjectType::Json(JsonType::String) => r#"{"type":"string"}"#,
            ObjectType::Json(JsonType::Boolean) => r#"{"type":"boolean"}"#,
            ObjectType::Json(JsonType::Structure) => r#"{"type":["object","array"]}"#,
        })
    }
}

const OBJECT: &str = r#"{"type":"object"}"#;

/// An object with the members of a type. Those are components, and told with their own values.
fn schema_of_definition(definition: &TypeDefinition) -> String {
    let mut out = b"{\"type\":\"object\"".to_vec();
    if let Some(description) = definition.description() {
        out.extend_from_slice(b",\"description\":");
        json::string(&mut out, description);
    }
    out.extend_from_slice(b",\"properties\":{");
    for (index, Member { name, of, metadata, .. }) in definition.members().iter().enumerate() {
        json::comma(&mut out, index);
        json::string(&mut out, name);
        out.push(b':');
        match of {
            MemberType::Any => out.extend_from_slice(b"{\"title\":\"anything\""),
            MemberType::Value(datatype) => {
                let schema = schema_of(*datatype);
                out.extend_from_slice(schema.strip_suffix('}').expect("a schema is an object").as_bytes());
            }
            MemberType::Type(name) => {
                out.extend_from_slice(b"{\"type\":\"object\",\"title\":");
                json::string(&mut out, name);
            }
        }
        for (key, text) in [(&b",\"description\":"[..], &metadata.description), (b",\"unit\":", &metadata.unit)] {
            if let Some(text) = text {
                out.extend_from_slice(key);
                json::string(&mut out, text);
            }
        }
        out.push(b'}');
    }
    out.push(b'}');
    let mut required = definition.members().iter().filter(|member| member.is_required).map(|member| &member.name);
    if let Some(first) = required.next() {
        out.extend_from_slice(b",\"required\":[");
        json::string(&mut out, first);
        for name in required {
            out.push(b',');
            json::string(&mut out, name);
        }
        out.push(b']');
    }
    out.push(b'}');
    String::from_utf8(out).expect("JSON is text")
}

/// Single numbers are numbers, whatever their size. Within an array they have the forms of [`crate::dto`].
fn schema_of(datatype: DataType) -> &'static str {
    use DataType as D;
    match datatype {
        D::Int8 => r#"{"type":"integer","minimum":-128,"maximum":127}"#,
        D::Int16 => r#"{"type":"integer","minimum":-32768,"maximum":32767}"#,
        D::Int32 => r#"{"type":"integer","minimum":-2147483648,"maximum":2147483647}"#,
        D::Int64 => r#"{"type":"integer"}"#,
        D::UInt8 => r#"{"type":"integer","minimum":0,"maximum":255}"#,
        D::UInt16 => r#"{"type":"integer","minimum":0,"maximum":65535}"#,
        D::UInt32 => r#"{"type":"integer","minimum":0,"maximum":4294967295}"#,
        D::UInt64 => r#"{"type":"integer","minimum":0}"#,
        D::Float | D::Double => r#"{"type":"number"}"#,
        D::Boolean => r#"{"type":"boolean"}"#,
        D::String | D::DateTime | D::Text | D::Uuid => r#"{"type":"string"}"#,
        D::Bytes | D::File => r#"{"type":"string","contentEncoding":"base64"}"#,
        D::DataSet => concat!(
            r#"{"type":"object","properties":{"columns":{"type":"array","items":{"type":"string"}},"#,
            r#""types":{"type":"array","items":{"type":"string"}},"rows":{"type":"array","items":{"type":"array"}}},"#,
            r#""required":["columns","types","rows"]}"#,
        ),
        D::Unknown | D::Template => r#"{"type":"object"}"#,
        D::Int8Array | D::Int16Array | D::Int32Array | D::UInt8Array | D::UInt16Array | D::UInt32Array => {
            r#"{"type":"array","items":{"type":"integer"}}"#
        }
        D::Int64Array | D::UInt64Array => {
            r#"{"type":"array","items":{"type":["integer","string"],"pattern":"^-?[0-9]+$"}}"#
        }
        D::FloatArray | D::DoubleArray => {
            r#"{"type":"array","items":{"type":["number","string"],"pattern":"^(NaN|-?Infinity)$"}}"#
        }
        D::BooleanArray => r#"{"type":"array","items":{"type":"boolean"}}"#,
        D::StringArray | D::DateTimeArray => r#"{"type":"array","items":{"type":"string"}}"#,
        D::Structure => r#"{"type":["object","array"]}"#,
    }
}
