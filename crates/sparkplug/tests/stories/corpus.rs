//! Recordings of real clients, decoded by us and compared with what Google's protobuf made of them.
//!
//! Beside each `.bin` in `tests/corpus` stands a `.json` with the reference's view: names, aliases, timestamps,
//! datatypes, and values as the specification interprets them.

use factree_sparkplug::*;
use insta::assert_snapshot;
use serde_json::{Value as Json, json};
use std::{fs, path::PathBuf, time::Instant};

/// Every recorded Sparkplug payload: its file's name, its bytes, the reference's view.
fn recordings() -> Vec<(String, Vec<u8>, Json)> {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut recordings = Vec::new();
    for client in fs::read_dir(corpus).unwrap() {
        for file in fs::read_dir(client.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let is_payload = !path.to_string_lossy().contains("_STATE");
            if is_payload && path.extension().is_some_and(|extension| extension == "bin") {
                let record: Json = serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
                recordings.push((path.display().to_string(), fs::read(&path).unwrap(), record["decoded"].clone()));
            }
        }
    }
    recordings
}

#[test]
fn every_recorded_payload_decodes_to_what_the_reference_says() {
    let recordings = recordings();
    assert_eq!(recordings.len(), 35);
    let mut payload = Payload::new();
    let mut metrics = 0;
    for (file, bytes, expected) in &recordings {
        decode(bytes, &Limits::default(), &mut payload).unwrap();
        assert_eq!(json!(payload.timestamp.map(|timestamp| timestamp.0)), expected["timestamp"], "{file}");
        assert_eq!(json!(payload.seq), expected["seq"], "{file}");
        let uuid = payload.uuid.map(|uuid| std::str::from_utf8(uuid.of(bytes)).unwrap());
        assert_eq!(json!(uuid), expected["uuid"], "{file}");
        assert_eq!(payload.metrics.len(), expected["metrics"].as_array().unwrap().len(), "{file}");
        for (metric, expected) in payload.metrics.iter().zip(expected["metrics"].as_array().unwrap()) {
            compare(metric, bytes, expected, file);
            metrics += 1;
        }
    }
    assert_eq!(metrics, 289);
}

#[test]
fn every_recorded_compressed_payload_inflates_to_what_the_reference_says() {
    let (mut payload, mut inflated, mut count) = (Payload::new(), Vec::new(), 0);
    for (file, bytes, expected) in &recordings() {
        decode(bytes, &Limits::default(), &mut payload).unwrap();
        assert_eq!(payload.is_compressed(bytes), expected["uuid"] == COMPRESSED, "{file}");
        if payload.is_compressed(bytes) {
            inflate(bytes, &Limits::default(), &mut payload, &mut inflated).unwrap();
            let expected = &expected["decompressed"];
            assert_eq!(json!(payload.timestamp.map(|timestamp| timestamp.0)), expected["timestamp"], "{file}");
            assert_eq!(json!(payload.seq), expected["seq"], "{file}");
            assert_eq!(payload.published_bytes() as usize, bytes.len(), "what is kept is what was published");
            assert_eq!(payload.metrics.len(), expected["metrics"].as_array().unwrap().len(), "{file}");
            for (metric, expected) in payload.metrics.iter().zip(expected["metrics"].as_array().unwrap()) {
                compare(metric, &inflated, expected, file);
            }
            count += 1;
        }
    }
    assert_eq!(count, 5);
}

fn compare(metric: &RawMetric, bytes: &[u8], expected: &Json, file: &str) {
    let context = format!("{file}: {expected}");
    assert_eq!(json!(metric.name(bytes)), expected["name"], "{context}");
    assert_eq!(json!(metric.alias()), expected["alias"], "{context}");
    assert_eq!(json!(metric.timestamp().map(|timestamp| timestamp.0)), expected["timestamp"], "{context}");
    assert_eq!(metric.is_historical(), expected["is_historical"] == json!(true), "{context}");
    assert_eq!(metric.is_transient(), expected["is_transient"] == json!(true), "{context}");
    assert_eq!(metric.is_null(), expected["is_null"] == json!(true), "{context}");
    if let Some(span) = metric.properties() {
        let properties = Properties::parse(bytes, span, &Limits::default()).unwrap();
        let keys: Vec<&str> = properties.iter().map(|property| property.key).collect();
        let mut expected: Vec<&String> = expected["properties"].as_object().unwrap().keys().collect();
        expected.sort_by_key(|key| keys.iter().position(|each| each == key));
        assert_eq!(keys, expected, "{context}");
    }
    let Some(datatype) = DataType::from_wire(metric.datatype()).filter(|&datatype| datatype != DataType::Unknown)
    else {
        assert_eq!(expected["datatype"], Json::Null, "{context}");
        return;
    };
    assert_eq!(datatype.name(), expected["datatype"], "{context}");
    let value =
        interpret(datatype, metric.wire_value(bytes)).unwrap_or_else(|mismatch| panic!("{mismatch}: {context}"));
    match value {
        Value::Template(template) => compare_template(template, &expected["value"], file),
        value => assert!(same(&as_json(value), &expected["value"]), "{value:?}, but {context}"),
    }
}

fn compare_template(template: Template<'_>, expected: &Json, file: &str) {
    assert_eq!(json!(template.version()), expected["version"], "{file}");
    assert_eq!(json!(template.reference()), expected["template_ref"], "{file}");
    assert_eq!(json!(template.is_definition()), expected["is_definition"], "{file}");
    let parameters: Vec<Json> = template
        .parameters()
        .map(|Parameter { name, datatype, value }| {
            json!({"name": name, "type": datatype.name(), "value": as_json(value.unwrap())})
        })
        .collect();
    assert_eq!(json!(parameters), expected["parameters"], "{file}");
    let members = expected["metrics"].as_array().unwrap();
    assert_eq!(template.metrics().count(), members.len(), "{file}");
    for (metric, expected) in template.metrics().zip(members) {
        compare(&metric, template.bytes(), expected, file);
    }
}

/// Equal, but for the last bit of a number: serde_json reads decimals that closely.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Number(left), Json::Number(right)) if left.is_f64() => {
            let (left, right) = (left.as_f64().unwrap(), right.as_f64().unwrap());
            left.to_bits().abs_diff(right.to_bits()) <= 1
        }
        _ => left == right,
    }
}

/// A value in the recordings' notation.
fn as_json(value: Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::UInt(value) | Value::DateTime(value) => json!(value),
        Value::Float(value) if value.is_finite() => json!(f64::from(value)),
        Value::Double(value) if value.is_finite() => json!(value),
        Value::Float(_) | Value::Double(_) => json!("nan"),
        Value::String(value) => json!(value),
        Value::Bytes(value) => {
            json!({"hex": value.iter().map(|byte| format!("{byte:02x}")).collect::<String>()})
        }
        Value::Array(array) => array.iter().map(as_json).collect(),
        Value::DataSet(data_set) => {
            let types = data_set.types();
            json!({
                "columns": data_set.columns().collect::<Vec<_>>(),
                "types": types.iter().map(|each| each.name()).collect::<Vec<_>>(),
                "num_of_columns": data_set.columns_len(),
                "rows": data_set.rows().map(|row| row.cells(&types).map(as_json).collect::<Vec<_>>()).collect::<Vec<_>>(),
            })
        }
        Value::Template(_) => unreachable!("compared above"),
    }
}

#[test]
fn a_recorded_clients_units_and_qualities_are_found() {
    let (_, bytes, _) =
        recordings().into_iter().find(|(file, ..)| file.ends_with("npm/003_PUBLISH_NBIRTH.bin")).unwrap();
    let mut payload = Payload::new();
    decode(&bytes, &Limits::default(), &mut payload).unwrap();
    let metric = payload.metrics.iter().find(|metric| metric.name(&bytes) == Some("t/Props")).unwrap();
    let properties = Properties::parse(&bytes, metric.properties().unwrap(), &Limits::default()).unwrap();
    assert_eq!(properties.len(), 4);
    assert_eq!(properties.unit(), Some("degC"));
    assert_eq!(properties.description(), None);
    assert_eq!(properties.quality(), Some(Ok(Quality::Good)));
    assert_eq!(properties.get("nul"), Some(PropertyValue::Null));
    assert!(matches!(properties.get("nested"), Some(PropertyValue::Set(_))));
}

#[test]
fn sp02_an_nbirth_cut_at_any_byte_is_refused_or_whole_fields_and_leaves_nothing_if_refused() {
    let (_, bytes, _) =
        recordings().into_iter().find(|(file, ..)| file.ends_with("srad/002_PUBLISH_NBIRTH.bin")).unwrap();
    let mut payload = Payload::new();
    let mut accepted = 0;
    for len in 0..bytes.len() {
        match decode(&bytes[..len], &Limits::default(), &mut payload) {
            Ok(()) => accepted += 1,
            Err(error) => {
                assert_eq!(error, DecodeError::Truncated, "cut at {len}");
                assert!(payload.metrics.is_empty() && payload.timestamp.is_none() && payload.seq.is_none());
            }
        }
    }
    // Protobuf has no frame: what ends between two fields of the payload is a payload. The fields are a timestamp, the
    // metrics, and the seq, which is last and must not be missing from an NBIRTH: the host reports that.
    decode(&bytes, &Limits::default(), &mut payload).unwrap();
    assert_eq!(accepted, payload.metrics.len() + 2);
}

/// A recorded client's whole conversation, handled by a Host Application: per message, what came of it.
fn replay(client: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(client);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "bin"));
    files.sort();
    let (mut host, mut payload, mut outputs) = (Host::new(Limits::default()), Payload::new(), Outputs::new());
    let now = Now { instant: Instant::now(), wall: Timestamp(0) };
    let mut transcript = String::new();
    for path in files {
        let record: Json = serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
        // The will is published only if the client fails to do so itself.
        let Some(topic) = record["topic"].as_str() else { continue };
        let bytes = fs::read(&path).unwrap();
        decode(&bytes, &Limits::default(), &mut payload).unwrap();
        let mut inflated = Vec::new();
        let bytes = if payload.is_compressed(&bytes) {
            inflate(&bytes, &Limits::default(), &mut payload, &mut inflated).unwrap();
            inflated
        } else {
            bytes
        };
        let (session, topic) = (SessionKey(record["conn"].as_u64().unwrap()), Topic::parse(topic).unwrap());
        outputs.clear();
        let input = Input::Message {
            session,
            qos: 0,
            retained: false,
            topic,
            published: &bytes,
            bytes: &bytes,
            payload: &payload,
        };
        host.handle(now, &input, &mut outputs);
        let lines: Vec<String> = outputs.iter().map(|output| line(output, &outputs)).collect();
        transcript += &format!("{topic} → {}\n", lines.join("; "));
    }
    outputs.clear();
    host.handle(now, &Input::SessionEnded { session: SessionKey(1) }, &mut outputs);
    let lines: Vec<String> = outputs.iter().map(|output| line(output, &outputs)).collect();
    transcript + &format!("the session ends → {}", lines.join("; "))
}

fn line(output: &Output, outputs: &Outputs) -> String {
    match output {
        Output::Unheld(_) | Output::Adopted(_) | Output::Rivals(_) => format!("{output:?}"),
        Output::Born(born) => {
            let metrics = outputs.born(born);
            format!("born, {} metrics, {} new", metrics.len(), metrics.iter().filter(|metric| metric.is_new).count())
        }
        Output::Data(data) => format!("{} values", outputs.updates(data).len()),
        Output::Died(died) => format!("died ({:?})", died.cause),
        Output::AskRebirth(ask) => format!("ask rebirth ({:?})", ask.reason),
        Output::Finding(finding) => {
            format!("! {} x{}", finding.rule.tck_id.trim_start_matches("tck-id-"), finding.count)
        }
    }
}

#[test]
fn npm_sparkplug_client_is_understood() {
    assert_snapshot!(replay("npm"), @r"
    spBv1.0/NpmGroup/NBIRTH/NpmEdge → ! message-flow-edge-node-birth-publish-nbirth-payload-bdSeq x1; ! payloads-name-birth-data-requirement x1; born, 28 metrics, 28 new; ! payloads-alias-birth-requirement x24
    spBv1.0/NpmGroup/DBIRTH/NpmEdge/Dev1 → ! payloads-alias-uniqueness x1; born, 28 metrics, 28 new; ! payloads-alias-birth-requirement x25
    spBv1.0/NpmGroup/DBIRTH/NpmEdge/Dev2 → born, 1 metrics, 1 new
    spBv1.0/NpmGroup/DBIRTH/NpmEdge/Dev3 → born, 1 metrics, 1 new
    spBv1.0/NpmGroup/NDATA/NpmEdge → 1 values; ! payloads-metric-datatype-not-req x1
    spBv1.0/NpmGroup/DDATA/NpmEdge/Dev1 → 3 values; ! payloads-metric-datatype-not-req x3
    spBv1.0/NpmGroup/DDATA/NpmEdge/Dev1 → 2 values; ! payloads-metric-datatype-not-req x1
    spBv1.0/NpmGroup/DDATA/NpmEdge/Dev2 → 1 values; ! payloads-metric-datatype-not-req x1
    spBv1.0/NpmGroup/DDEATH/NpmEdge/Dev3 → died (Ddeath)
    spBv1.0/NpmGroup/NBIRTH/NpmEdge → ! message-flow-edge-node-birth-publish-nbirth-payload-bdSeq x1; died (NodeBirth); died (NodeBirth); ! payloads-name-birth-data-requirement x1; born, 28 metrics, 0 new; ! payloads-alias-birth-requirement x24
    spBv1.0/NpmGroup/DBIRTH/NpmEdge/Dev1 → ! payloads-alias-uniqueness x1; born, 28 metrics, 0 new; ! payloads-alias-birth-requirement x25
    spBv1.0/NpmGroup/DBIRTH/NpmEdge/Dev2 → born, 1 metrics, 0 new
    spBv1.0/NpmGroup/DBIRTH/NpmEdge/Dev3 → born, 1 metrics, 0 new
    spBv1.0/NpmGroup/NDEATH/NpmEdge → died (Ndeath)
    the session ends →
    ");
}

#[test]
fn pysparkplug_is_understood() {
    assert_snapshot!(replay("pysparkplug"), @r"
    spBv1.0/PyGroup/NBIRTH/PyEdge → born, 39 metrics, 39 new; ! payloads-alias-birth-requirement x36
    spBv1.0/PyGroup/DBIRTH/PyEdge/Dev1 → ! payloads-alias-uniqueness x1; born, 37 metrics, 37 new; ! payloads-alias-birth-requirement x36
    spBv1.0/PyGroup/NDATA/PyEdge → 1 values; ! payloads-metric-datatype-not-req x1
    spBv1.0/PyGroup/DDATA/PyEdge/Dev1 → 2 values; ! payloads-metric-datatype-not-req x2; ! payloads-alias-data-cmd-requirement x1
    spBv1.0/PyGroup/DBIRTH/PyEdge/Dev2 → born, 1 metrics, 1 new
    spBv1.0/PyGroup/DDEATH/PyEdge/Dev2 → died (Ddeath)
    spBv1.0/PyGroup/NDEATH/PyEdge → ! payloads-ndeath-bdseq x1
    the session ends → died (SessionEnded)
    ");
}

#[test]
fn tahus_python_client_is_understood() {
    assert_snapshot!(replay("tahu"), @r"
    spBv1.0/Sparkplug B Devices/NBIRTH/Python Edge Node 1 → born, 10 metrics, 10 new; ! operational-behavior-data-commands-rebirth-name-aliases x1
    spBv1.0/Sparkplug B Devices/DBIRTH/Python Edge Node 1/Emulated Device → born, 7 metrics, 7 new
    spBv1.0/Sparkplug B Devices/DDATA/Python Edge Node 1/Emulated Device → 2 values; ! payloads-metric-datatype-not-req x2
    spBv1.0/Sparkplug B Devices/DDATA/Python Edge Node 1/Emulated Device → 2 values; ! payloads-metric-datatype-not-req x2
    spBv1.0/Sparkplug B Devices/DDATA/Python Edge Node 1/Emulated Device → 2 values; ! payloads-metric-datatype-not-req x2
    spBv1.0/Sparkplug B Devices/DDATA/Python Edge Node 1/Emulated Device → 2 values; ! payloads-metric-datatype-not-req x2
    the session ends → died (SessionEnded)
    ");
}

#[test]
fn srad_is_understood() {
    assert_snapshot!(replay("srad"), @r"
    spBv1.0/foo/NBIRTH/bar → ! payloads-template-definition-nbirth x1; born, 34 metrics, 34 new
    spBv1.0/foo/NBIRTH/bar → ! payloads-template-definition-nbirth x1; born, 34 metrics, 0 new
    spBv1.0/foo/NDEATH/bar → died (Ndeath)
    the session ends →
    ");
}
