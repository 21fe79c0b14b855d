//! One sample and many: forms, odd names, pages.

use crate::plant::{self, NOON, Plant};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use factree_http::Caller;
use factree_namespace::{DataType, Metadata, Quality, Segment, Source, Timestamp, Value, ValueRef};

const ROBOT: &str = "/api/v1/values/Acme/Dallas/Press/Line1/Robot3";

#[tokio::test]
async fn who_knows_an_answer_is_told_only_that_it_stands() {
    let plant = Plant::new();
    plant.publish(1, "Acme/Dallas/Speed", b"1.5");
    for uri in [
        "/api/v1/values/Acme/Dallas/Speed",
        "/api/v1/values?filter=Acme/%23",
        "/api/v1/namespace/Acme?depth=2",
        "/api/v1/search?q=speed",
        "/api/v1/edge-nodes",
    ] {
        let known = plant.get(uri).await.header("etag").to_owned();
        let again = || Request::get(uri).header("if-none-match", &known).body(Body::empty()).unwrap();
        let answer = plant.send(again()).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str(), answer.header("etag")), (304, "", &*known), "{uri}");
        plant.publish(1, "Elsewhere/Speed", b"1.5");
        if !uri.contains("search") {
            assert_eq!(plant.send(again()).await.status, 304, "{uri}: somebody else's value");
        }
        plant.publish(1, "Acme/Dallas/Speed", b"2.5");
        if !uri.contains("edge-nodes") {
            assert_eq!(plant.send(again()).await.status, 200, "{uri}");
        }
    }
}

#[tokio::test]
async fn the_shortcut_says_what_the_routes_say() {
    let plant = Plant::new();
    plant.publish(1, "Acme/Dallas/Speed", b"1.5");
    plant.publish(1, "read", b"2");
    plant.publish(1, "/", b"3");
    let open = Caller::open();
    let tag = plant.get("/api/v1/values/Acme/Dallas/Speed").await.header("etag").to_owned();
    let known = [("if-none-match", &*tag)];
    for (uri, headers, status) in [
        ("/api/v1/values/Acme/Dallas/Speed", &[] as &[(&str, &str)], 200),
        ("/api/v1/values/Acme/Dallas/Speed?fields=value", &[], 200),
        ("/api/v1/values/Acme/Dallas/Speed?context=true", &[], 200),
        ("/api/v1/values/Acme/Dallas/Speed", &known, 304),
        ("/api/v1/values/read", &[], 200),
        ("/api/v1/values/", &[], 404),
        ("/api/v1/values//", &[], 200),
        ("/api/v1/values/Acme/Dallas", &[], 404),
        ("/api/v1/values/Acme/Dallas/Spe", &[], 404),
        ("/api/v1/values/Acme/%ff", &[], 400),
        ("/api/v1/values/Acme/Dallas/Speed?x=1", &[], 400),
    ] {
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        let request = request.body(Body::empty()).unwrap();
        let (parts, body) = plant.shortcut.answer(&request, &open).expect(uri).into_parts();
        let body = String::from_utf8(axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let mut routed = plant.send(request).await;
        // Whoever writes it to the socket says how long it is.
        routed.headers.remove("content-length");
        assert_eq!((parts.status, parts.headers, body), (routed.status, routed.headers, routed.body), "{uri}");
        assert_eq!(parts.status.as_u16(), status, "{uri}");
    }
    for (method, uri, headers) in [
        (Method::HEAD, "/api/v1/values/Acme/Dallas/Speed", &[] as &[(&str, &str)]),
        (Method::PUT, "/api/v1/values/Acme/Dallas/Speed", &[]),
        (Method::GET, "/api/v1/values/Acme/Dallas/Speed", &[("accept-encoding", "gzip")]),
        (Method::GET, "/api/v1/values?filter=%23", &[]),
        (Method::GET, "/api/v1/valuesAcme", &[]),
        (Method::GET, "/api/v1/namespace/Acme", &[]),
    ] {
        let request = Request::builder().method(method.clone()).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert!(plant.shortcut.answer(&request.body(()).unwrap(), &open).is_none(), "{method} {uri}");
    }
}

#[tokio::test]
async fn a_long_answer_is_compressed_for_who_takes_it() {
    let plant = Plant::new();
    (0..1_000).for_each(|number| plant.publish(1, &format!("Acme/Dallas/Speed{number}"), b"1.5"));
    for (limit, is_compressed) in [(1, false), (10, true), (1_000, true)] {
        let uri = format!("/api/v1/values?filter=Acme/%23&limit={limit}");
        let plain = plant.get(&uri).await;
        let request = Request::get(&uri).header("accept-encoding", "br, gzip").body(Body::empty()).unwrap();
        let (headers, bytes) = plant.bytes(request).await;
        assert_eq!(headers["etag"], plain.header("etag"));
        assert_eq!(headers["vary"], "accept-encoding");
        assert_eq!(headers.get("content-encoding").is_some_and(|coding| coding == "gzip"), is_compressed, "{limit}");
        if is_compressed {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*bytes), &mut text).unwrap();
            assert_eq!(text, plain.body);
            assert!(bytes.len() < plain.body.len() / 4, "{} of {}", bytes.len(), plain.body.len());
        }
    }
}

#[tokio::test]
async fn one_sample_tells_all_there_is_to_know() {
    let plant = Plant::new();
    let block = plant.robot(&[("Axis/1/Temperature", DataType::Float, Value::Float(21.4))]);
    assert_eq!(
        plant.get(&format!("{ROBOT}/Axis/1/Temperature")).await.body,
        concat!(
            r#"{"path":"Acme/Dallas/Press/Line1/Robot3/Axis/1/Temperature","value":21.4,"quality":"Good","#,
            r#""timestamp":"2026-01-31T12:00:00.000Z","received":"2026-01-31T12:00:00.012Z","datatype":"Float","#,
            r#""revision":1,"source":{"type":"sparkplug","group":"Acme:Dallas:Press","edge_node":"Line1","#,
            r#""device":"Robot3","metric":"Axis/1/Temperature"}}"#,
        )
    );

    let mut writer = plant.namespace.write(&block, Timestamp(NOON + 5000));
    writer.stale_all();
    writer.finish();
    let stale = plant.get(&format!("{ROBOT}/Axis/1/Temperature")).await.json();
    assert_eq!((&stale["quality"], &stale["revision"]), (&"Stale".into(), &2.into()));
    assert_eq!(stale["timestamp"], "2026-01-31T12:00:00.000Z", "the source has not spoken since");
}

#[tokio::test]
async fn unit_and_topic_are_told_where_there_are_some() {
    let plant = Plant::new();
    let topic = Source::Topic { topic: "Acme/Oven".into() };
    let metadata = Metadata { unit: Some("°C".into()), ..Metadata::default() };
    plant.add(topic, &[Segment::named("Acme")], &metadata, &[("Oven", DataType::Int64, Value::Int(i64::MIN))]);
    let sample = plant.get("/api/v1/values/Acme/Oven").await.json();
    assert_eq!(sample["unit"], "°C");
    assert_eq!(sample["value"], "-9223372036854775808");
    assert_eq!(sample["source"], serde_json::json!({"type": "mqtt", "topic": "Acme/Oven"}));
}

/// A birth of Tahu's Python client, as it was recorded.
const TAHU_NBIRTH: &[u8] = include_bytes!("../../../sparkplug/tests/corpus/tahu/003_PUBLISH_NBIRTH.bin");
const TAHU_DBIRTH: &[u8] =
    include_bytes!("../../../sparkplug/tests/corpus/tahu/004_PUBLISH_DBIRTH_Emulated_Device.bin");

#[tokio::test]
async fn tables_and_templates_of_a_real_client_are_json() {
    let plant = Plant::new();
    plant.publish(1, "spBv1.0/G/NBIRTH/E", TAHU_NBIRTH);
    plant.publish(1, "spBv1.0/G/DBIRTH/E/D", TAHU_DBIRTH);
    let table = plant.get("/api/v1/values/G/E/DataSet").await.json();
    assert_eq!((&table["datatype"], &table["quality"]), (&"DataSet".into(), &"Good".into()));
    assert_eq!(
        table["value"],
        serde_json::json!({
            "columns": ["Int8s", "Int16s", "Int32s"],
            "types": ["Int8", "Int16", "Int32"],
            "rows": [[0, 1, 2], [3, 4, 5]],
        })
    );
    let definition = plant.get("/api/v1/values/G/E/_types_/Custom_Motor").await.json();
    assert_eq!(
        definition["value"],
        serde_json::json!({
            "definition": true,
            "version": null,
            "parameters": [{"name": "Index", "datatype": "String", "value": "0"}],
            "members": [
                {"name": "RPMs", "datatype": "Int32", "value": 0},
                {"name": "AMPs", "datatype": "Int32", "value": 0},
            ],
        })
    );
    let motor = plant.get("/api/v1/namespace/G/E/D/My_Custom_Motor").await.json();
    assert_eq!(motor["properties"], serde_json::json!({"template_ref": "Custom_Motor", "parameters/Index": "1"}));
    assert_eq!((&motor["datatype"], &motor["sample"]["value"]), (&"Template".into(), &serde_json::Value::Null));
    assert_eq!(motor["children_count"], 2);
    let member = plant.get("/api/v1/values/G/E/D/My_Custom_Motor/RPMs").await.json();
    assert_eq!((&member["value"], &member["source"]["metric"]), (&123.into(), &"My_Custom_Motor/RPMs".into()));
}

#[tokio::test]
async fn absurd_timestamps_come_back_as_they_were_sent() {
    let plant = Plant::new();
    let block = plant.robot(&[("X", DataType::Int32, Value::Int(1))]);
    for (sent, shown) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (253_402_207_200_999, "9999-12-30T22:00:00.999Z"),
        (1 << 63, "9223372036854775808"),
        (u64::MAX, "18446744073709551615"),
    ] {
        let mut writer = plant.namespace.write(&block, Timestamp(NOON));
        writer.set(0, ValueRef::Int(1), DataType::Int32, Quality::Good, Timestamp(sent)).unwrap();
        writer.finish();
        assert_eq!(plant.get(&format!("{ROBOT}/X")).await.json()["timestamp"], shown);
    }
}

/// Every name here is a metric name that a source may send.
const ODD_NAMES: [&str; 16] = [
    "",
    "a//b",
    "/",
    "..",
    ".",
    "../../etc/passwd",
    "100%",
    "%41",
    "a b",
    "C#",
    "+",
    "?depth=9",
    "__proto__",
    "温度",
    "<script>alert(1)</script>",
    "quote\" back\\ line\n nul\u{0}",
];

#[tokio::test]
async fn every_name_can_be_addressed_and_is_shown_as_it_is() {
    let plant = Plant::new();
    let cells: Vec<_> = ODD_NAMES.iter().map(|&name| (name, DataType::String, Value::String(name.into()))).collect();
    plant.robot(&cells);
    let mut alone = Vec::new();
    for name in ODD_NAMES {
        let encoded: Vec<String> = name.split('/').map(encode_all).collect();
        let mut sample = plant.get(&format!("{ROBOT}/{}", encoded.join("/"))).await.json();
        assert_eq!(sample["path"], format!("Acme/Dallas/Press/Line1/Robot3/{name}"));
        assert_eq!((&sample["value"], &sample["source"]["metric"]), (&name.into(), &name.into()));
        sample["source"].as_object_mut().unwrap().remove("metric_alias");
        alone.push(sample);
    }
    let raw = plant.get(&format!("{ROBOT}/..")).await.json();
    assert_eq!(raw["value"], "..", "dot segments are names here; only clients resolve them");
    let all = plant.get("/api/v1/values?filter=%23").await.json();
    let together = all["samples"].as_array().unwrap();
    assert_eq!(together.len(), ODD_NAMES.len());
    assert!(alone.iter().all(|sample| together.contains(sample)), "a page says of each what a GET of it says");
}

fn encode_all(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[tokio::test]
async fn an_element_with_an_empty_name_at_the_top_is_not_the_root() {
    let plant = Plant::new();
    let topic = || Source::Topic { topic: "/x".into() };
    plant.add(
        topic(),
        &[],
        &Metadata::default(),
        &[("", DataType::Int32, Value::Int(1)), ("/x", DataType::Int32, Value::Int(2))],
    );
    assert_eq!(plant.get("/api/v1/values/").await.json()["value"], 1);
    assert_eq!(plant.get("/api/v1/values//x").await.json()["value"], 2);
    assert_eq!(plant.get("/api/v1/namespace/").await.json()["name"], "");
    assert!(plant.get("/api/v1/namespace").await.json().get("name").is_none());
}

#[tokio::test]
async fn a_filter_gets_what_it_covers_page_by_page_each_once() {
    let plant = Plant::new();
    let names: Vec<String> = (0..257).map(|n| format!("Axis/{}/M{n}", n % 7)).collect();
    let cells: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Int32, Value::Int(7))).collect();
    plant.robot(&cells);
    plant.add(
        Source::Topic { topic: "Other".into() },
        &[],
        &Metadata::default(),
        &[("Other/M1", DataType::Int32, Value::Int(1))],
    );
    let paths = |pages: &[serde_json::Value]| -> Vec<String> {
        let samples = pages.iter().flat_map(|page| page["samples"].as_array().unwrap());
        samples.map(|sample| sample["path"].as_str().unwrap().to_owned()).collect()
    };
    let whole = paths(&plant.pages("/api/v1/values?filter=Acme/%23").await);
    let mut expected: Vec<String> = names.iter().map(|name| format!("Acme/Dallas/Press/Line1/Robot3/{name}")).collect();
    expected.sort();
    assert_eq!(whole, expected);
    for limit in [1, 2, 100, 256, 257] {
        let pages = plant.pages(&format!("/api/v1/values?filter=Acme/%23&limit={limit}")).await;
        assert_eq!(paths(&pages), expected, "in pages of {limit}");
        assert_eq!(pages.len(), 257_usize.div_ceil(limit), "no empty page at the end");
    }
    let one_axis = paths(&plant.pages("/api/v1/values?filter=Acme/+/Press/+/+/Axis/3/+&limit=10").await);
    assert!(one_axis.len() == 37 && one_axis.iter().all(|path| path.contains("/Axis/3/")), "{one_axis:?}");
    assert_eq!(plant.get("/api/v1/values?filter=Nowhere/%23").await.body, r#"{"samples":[],"revision":2}"#);
}

#[tokio::test]
async fn a_page_of_heavy_values_ends_early_and_loses_none() {
    let plant = Plant::new();
    let text = Value::String("x".repeat(1 << 20).into());
    let names: Vec<String> = (0..9).map(|n| format!("M{n}")).collect();
    let cells: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Text, text.clone())).collect();
    plant.robot(&cells);
    let pages = plant.pages("/api/v1/values?filter=%23").await;
    let shown: Vec<usize> = pages.iter().map(|page| page["samples"].as_array().unwrap().len()).collect();
    assert_eq!(shown, [4, 4, 1]);
}

#[tokio::test]
async fn a_metric_declared_but_never_sent_has_no_sample() {
    let plant = Plant::new();
    let block = plant.robot(&[("A", DataType::Int32, Value::Int(1))]);
    let root = plant.namespace.read().find("Acme/Dallas/Press/Line1/Robot3").unwrap();
    let origin = plant.namespace.origin(&block, plant::robot3(), root).unwrap();
    for (slot, name) in [(1, "B"), (2, "C")] {
        let place = factree_namespace::Place {
            slot,
            origin,
            path: factree_namespace::PathSpec::Below(name),
            kind: factree_namespace::Kind::Metric,
            datatype: DataType::Int32,
            metadata: &Metadata::default(),
        };
        plant.namespace.place(&block, &place).unwrap();
    }
    let problem = plant.get(&format!("{ROBOT}/B")).await.problem();
    assert_eq!(problem["type"], "urn:factree:problem:no-sample");
    assert!(problem["detail"].as_str().unwrap().contains("no sample of it has come yet"));
    let pages = plant.pages("/api/v1/values?filter=%23&limit=2").await;
    let shown: Vec<usize> = pages.iter().map(|page| page["samples"].as_array().unwrap().len()).collect();
    assert_eq!(shown, [1, 0], "the silent ones are passed over, not asked for for ever");
}

#[tokio::test]
async fn a_wrong_path_is_told_how_far_it_went() {
    let plant = Plant::new();
    plant.robot(&[("Axis/1/Temperature", DataType::Float, Value::Float(21.4))]);
    for (uri, kind, detail) in [
        ("Acme/Dallas/Prss/Line1", "element-not-found", "'Acme/Dallas' exists, it has no 'Prss'; nearest: Press"),
        ("acme", "element-not-found", "the tree has no 'acme' at its top; nearest: Acme"),
        ("Zzz", "element-not-found", "the tree has no 'Zzz' at its top"),
        ("", "element-not-found", "the tree has no '' at its top"),
        ("Acme/", "element-not-found", "'Acme' exists, it has no ''"),
        ("Acme", "no-sample", "'Acme' is a folder: it holds no sample itself, but has one child"),
        ("Acme/%ff", "bad-path", "'%ff' is not UTF-8 once its % escapes are decoded"),
        ("Acme/100%", "bad-path", "'100%' holds a % without two hexadecimal digits; write % itself as %25"),
        ("Acme%2FDallas%2FPrss", "element-not-found", "'Acme/Dallas' exists, it has no 'Prss'; nearest: Press"),
    ] {
        let problem = plant.get(&format!("/api/v1/values/{uri}")).await.problem();
        assert_eq!(problem["type"], format!("urn:factree:problem:{kind}"), "{uri}");
        assert_eq!(problem["detail"], detail, "{uri}");
    }
}

#[tokio::test]
async fn what_a_refusal_says_to_ask_instead_has_an_answer() {
    let plant = Plant::new();
    plant.robot(&[("a&b c%/+1", DataType::Int32, Value::Int(1)), ("x&y/z", DataType::Int32, Value::Int(1))]);
    for uri in [
        "Acme",
        "Acme/Dallas/Pres",
        "Acme/Dallas/Press/Line1/Robot3/a%26b%20c%25",
        "Nowhere",
        "Acme/Dallas/Press/Line1/Robot3/x%26y",
    ] {
        let answer = plant.get(&format!("/api/v1/values/{uri}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        for ask in answer.problem()["ask"].as_array().unwrap() {
            let better = plant.get(ask.as_str().unwrap()).await.json();
            let found = better["samples"].as_array().is_none_or(|samples| !samples.is_empty());
            assert!(found, "{uri} was sent to {ask}: {better}");
        }
    }
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let plant = Plant::new();
    for (query, kind, detail) in [
        ("", "bad-parameter", "say which samples with ?filter="),
        ("?filter=", "bad-filter", "empty"),
        ("?filter=Acme/", "bad-filter", "unless written %23"),
        ("?filter=Acme/%23/x", "bad-filter", "'#' must be the last segment"),
        ("?filter=Acme/C%23", "bad-filter", "must stand alone"),
        ("?filter=%23&limit=0", "bad-parameter", "from 1 to 10000"),
        ("?filter=%23&limit=10001", "bad-parameter", "from 1 to 10000"),
        ("?filter=%23&cursor=%20", "bad-parameter", "next_cursor"),
        ("?path=Acme", "bad-parameter", "it takes filter, fields, context, limit, cursor"),
    ] {
        let answer = plant.get(&format!("/api/v1/values{query}")).await;
        let problem = answer.problem();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(problem["type"], format!("urn:factree:problem:{kind}"), "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{query}: {problem}");
    }
    let problem = plant.get("/api/v1/values/Acme?depth=2").await.problem();
    assert!(problem["detail"].as_str().unwrap().contains("it takes fields, context"));
}

#[tokio::test]
async fn routes_and_methods_that_are_none_get_problems_too() {
    let plant = Plant::new();
    for uri in ["/", "/api/v1", "/api/v1/valuesX", "/api/v1/edge-nodes/only-a-group", "/healthz/", "/%ff"] {
        assert_eq!(plant.get(uri).await.problem()["type"], "urn:factree:problem:route-not-found", "{uri}");
    }
    for method in [Method::POST, Method::PATCH, Method::OPTIONS, Method::from_bytes(b"BREW").unwrap()] {
        let answer = plant.ask(method, "/api/v1/values/Acme").await;
        assert_eq!(answer.problem()["type"], "urn:factree:problem:method-not-allowed");
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD,PUT,DELETE"));
    }
    assert_eq!(plant.get("/healthz").await.body, r#"{"status":"ok"}"#);
    let head = plant.ask(Method::HEAD, "/healthz").await;
    assert_eq!((head.status, head.body.as_str(), head.header("content-length")), (StatusCode::OK, "", "15"));
}

#[tokio::test]
async fn a_peer_cannot_make_a_refusal_long() {
    let plant = Plant::new();
    let long = "y".repeat(30_000);
    for uri in [
        format!("/api/v1/values/{long}"),
        format!("/api/v1/values?{long}=1"),
        format!("/{long}"),
        format!("/api/v1/edge-nodes/{long}/{long}"),
    ] {
        let answer = plant.get(&uri).await;
        assert!(answer.status.is_client_error() && answer.body.len() < 1000, "{}", answer.body);
    }
}
