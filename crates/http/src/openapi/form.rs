//! The forms of what is no object: words, times, numbers, values, as the document describes them.
//!
//! The words are those of the code's own lists where there is one. What the forms of values mean stands in [`crate::dto`].
//! Invariant: of the forms of an integer, a number and a time exactly one fits what is written.
#![allow(dead_code, reason = "forms of what others write; nobody makes one")]

use std::borrow::Cow;

use factree_namespace::{DataType, EquipmentKind as Equipment, Level as TreeLevel, Quality as Trust};
use serde::Serialize;
use serde_json::json;
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::json::EXACT_MAX;
use crate::problem::Kind;

/// Schemas by hand.
macro_rules! schemas {
    ($($(#[doc = $doc:literal])+ $name:ident = $schema:expr;)*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Serialize)]
            pub(crate) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let description = concat!($($doc, "\n"),+).trim().replace("\n ", "\n");
                    described($schema, &description)
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )*
    };
}

schemas! {
    /// What a source declared a value as: Sparkplug's names, and `Structure` for JSON arrays and objects.
    Datatype = words(DataType::ALL.iter().map(|it| it.as_str()));
    /// ISA-95 levels, from the top.
    Level = words(TreeLevel::ALL.iter().map(|it| it.as_str()));
    /// What an element is.
    ElementKind = words(["folder", "equipment", "metric", "document"]);
    /// The finer kind of a piece of equipment, in the words of ISA-95.
    EquipmentKind = words(Equipment::ALL.iter().map(|it| it.as_str()));
    /// `Good`; `Bad`: the source itself says so; `Stale`: the source is gone, and this is the last that was heard;
    /// `Uncertain`: its type or time is in doubt.
    Quality = words([Trust::Good, Trust::Bad, Trust::Stale, Trust::Uncertain].iter().map(|it| it.as_str()));
    /// `unborn`: heard of, but its Birth is still awaited; `reordering`: online, and messages wait for one that is
    /// missing; `restored`: known from before a restart of Factree, and not heard since.
    EdgeNodeState = words(["online", "reordering", "restored", "offline", "unborn"]);
    /// `offline` will try again, `stopped` will not.
    AttachmentState = words(["connecting", "online", "offline", "stopped"]);
    /// How strongly a rule is meant.
    RuleLevel = words(["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"]);
    /// `violated`: it was broken; `observed`: what it is about was seen, and nothing was found; `not_observed`: nothing of
    /// the kind has been seen, or nothing tells whether it was; `not_visible`: a breach could not be seen.
    RuleVerdict = words(["violated", "observed", "not_observed", "not_visible"]);
    /// `sent`: nothing has been heard yet; `confirmed`: data of the metric said exactly this value; `timed_out`: no such
    /// data came in time; `superseded`: the Edge Node or Device died or was born again, so nobody knows. All but `sent` are final.
    CommandState = words(["sent", "confirmed", "timed_out", "superseded"]);
    /// Which rule decided.
    PlacedBy = words(["default", "rule", "nothing"]);
    /// Why what was told before is to be forgotten.
    RereadReason = words(["other_process", "unknown_position", "too_far_behind"]);
    /// What a message of a WebSocket tells.
    WebSocketEvent = words(["subscribed", "unsubscribed", "snapshot", "changes", "reread", "problem"]);
    /// It is said only if it is so.
    True = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).into();
    /// It is said only if it is not so.
    False = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false])).into();
    /// `absent`: the session is kept for a client that is away.
    ClientState = words(["connected", "absent"]);
    /// What an instance makes of a member: it has none, or one of another datatype, or one of another type.
    Fault = words(["missing", "datatype", "type"]);
    /// What came of one path: its sample, or why there is none, or that it is as it was.
    ReadSample = AnyOfBuilder::new()
        .item(Ref::from_schema_name("Sample"))
        .item(Ref::from_schema_name("Unchanged"))
        .item(Ref::from_schema_name("Refused"))
        .into();
    /// Which problem it is. Never changes; decide by it.
    ProblemType = words(Kind::ALL.iter().map(|kind| kind.uri()));

    /// A time: RFC 3339 in UTC with milliseconds; later than 9999-12-30T22:00:00.999Z the milliseconds since 1970 as a
    /// string of digits.
    Time = OneOfBuilder::new()
        .item(text().pattern(Some(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")).examples([json!("2026-01-31T12:00:00.000Z")]))
        .item(text().pattern(Some("^[0-9]{15,20}$")).examples([json!("253402207201000")]))
        .into();
    /// An integer, exactly: a number up to ±(2^53 − 1), beyond that its digits as a string, because a reader that keeps
    /// numbers as doubles would round it.
    Integer = OneOfBuilder::new()
        .item(
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(-(EXACT_MAX as i64)))
                .maximum(Some(EXACT_MAX as i64))
                .examples([json!(42)]),
        )
        .item(text().pattern(Some("^-?[1-9][0-9]{15,19}$")).examples([json!("9007199254740993")]))
        .into();
    /// A Float or Double: a number with the shortest digits that give the same bits; what is no number is a string.
    Floating = OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Number).examples([json!(21.4)]))
        .item(text().enum_values(Some(["NaN", "Infinity", "-Infinity"])))
        .into();
    /// A value; `datatype` says which form it has. Integers are an `Integer`, a Float or Double a `Floating`, a DateTime a
    /// `Time`, Bytes and File base64 with padding [RFC 4648, 4]; arrays are arrays of these, a DataSet is
    /// `{"columns":[…],"types":[…],"rows":[[…]]}`, a Structure whatever JSON was published. `null`: it has no value.
    SampleValue = AnyOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .item(ObjectBuilder::new().schema_type(Type::Boolean))
        .item(Ref::from_schema_name("Integer"))
        .item(Ref::from_schema_name("Floating"))
        .item(text())
        .item(ArrayBuilder::new().items(Ref::from_schema_name("SampleValue")))
        .item(
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .additional_properties(Some(AdditionalProperties::RefOr(Ref::from_schema_name("SampleValue").into()))),
        )
        .into();
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Schema {
    text().enum_values(Some(words)).into()
}

fn described(schema: Schema, text: &str) -> RefOr<Schema> {
    let text = Some(text.to_owned());
    RefOr::T(match schema {
        Schema::Object(mut object) => {
            object.description = text;
            Schema::Object(object)
        }
        Schema::OneOf(mut one_of) => {
            one_of.description = text;
            Schema::OneOf(one_of)
        }
        Schema::AnyOf(mut any_of) => {
            any_of.description = text;
            Schema::AnyOf(any_of)
        }
        other => other,
    })
}
