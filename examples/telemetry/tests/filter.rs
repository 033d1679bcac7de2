//! The filter on the mock host: natively, and as the real `.wasm`.

mod mesh;
mod series;

use http::{Request, Response};
use mesh::in_mesh;
use proxy_filter_test::abi::{Callback, Host, MapType, Status};
use proxy_filter_test::{Answer, Fault, Message, MockProxy, Refused, Spy, TestResult, VmKind, both_vms};
use serde_json::{Value, json};
use series::{destination, tagged};
use std::time::Duration;
use telemetry::PLUGINS;

fn proxy(vm: VmKind, config: Value) -> Result<MockProxy, Refused> {
    in_mesh(MockProxy::builder().plugin(vm.plugin(&PLUGINS, "telemetry").config(config))).start()
}

/// What the plugin logs of a configuration that it refuses.
fn refusal(vm: VmKind, config: &str) -> String {
    let refused = MockProxy::new(vm.plugin(&PLUGINS, "telemetry").config(config)).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

/// With these fields of its access log, what it says of a request.
fn logged(vm: VmKind, fields: &[&str], request: impl Into<Message>) -> Result<Value, Box<dyn std::error::Error>> {
    let proxy = proxy(vm, json!({"access_log": {"fields": fields}}))?;
    let exchange = proxy.send(request);
    Ok(serde_json::from_str(&exchange.log().first().ok_or("no line")?.message)?)
}

/// A quarter is kept; the request's id is what its `x-id` says, for the proxy makes one of its own otherwise (SEQ-23).
fn sampling(vm: VmKind) -> Result<MockProxy, Refused> {
    let gives_ids = Spy::acting("gives-ids", |callback, host: &dyn Host| {
        if matches!(callback, Callback::proxy_on_request_headers { .. }) {
            let id = host.proxy_get_header_map_value(MapType::HttpRequestHeaders, b"x-id").expect("an id");
            host.proxy_replace_header_map_value(MapType::HttpRequestHeaders, b"x-request-id", &id).expect("replaced");
        }
        None
    });
    let config = json!({"access_log": {"fields": ["status"], "sample_percent": 25}});
    MockProxy::builder().plugin(vm.plugin(&PLUGINS, "telemetry").config(config)).plugin(gives_ids.plugin()).start()
}

fn get(path: &str) -> Request<&'static str> {
    Request::get(format!("http://shop.example{path}")).body("").expect("a request")
}

both_vms! {
    fn a_request_is_counted_with_istios_tags(vm) -> TestResult {
        let proxy = proxy(vm, json!({}))?;
        proxy.set_upstream(|_| Response::builder().status(404).body("not here").unwrap());
        proxy.send(Request::post("http://shop.example/cart").body("question")?);
        let tags = destination().tag("response_code", "404");
        assert_eq!(proxy.counter(tags.name("istio_requests_total")), Some(1), "{}", proxy.prometheus());
        assert_eq!(proxy.histogram(tags.name("istio_request_bytes")), Some(vec![8]));
        assert_eq!(proxy.histogram(tags.name("istio_response_bytes")), Some(vec![8]));
        assert_eq!(proxy.histogram(tags.name("istio_request_duration_milliseconds")), Some(vec![0]));
        // One series each, and the requests in flight.
        assert_eq!(proxy.metrics().len(), 5);
        let series = proxy.prometheus();
        assert!(series.contains("istio_requests_total{reporter=\"destination\",source_workload=\"unknown\","), "{series}");
        Ok(())
    }

    fn time_is_measured_in_milliseconds(vm) -> TestResult {
        let proxy = proxy(vm, json!({}))?;
        proxy.set_raw_upstream(|_| Answer::from(Message::new([(":status", "200")])).after(Duration::from_micros(42_900)));
        let exchange = proxy.send(get("/"));
        proxy.advance(Duration::from_millis(50));
        assert_eq!(exchange.response().status(), 200);
        let name = destination().name("istio_request_duration_milliseconds");
        assert_eq!(proxy.histogram(name), Some(vec![42]));
        Ok(())
    }

    fn the_clients_side_knows_the_endpoint(vm) -> TestResult {
        let proxy = proxy(vm, json!({"reporter": "source"}))?;
        proxy.set_property("xds.upstream_host_metadata.filter_metadata.istio", json!({"workload": "cart-v2;shop;cart;v2;east"}));
        proxy.set_property("upstream.uri_san_peer_certificate", "spiffe://cluster.local/ns/carts/sa/cart");
        proxy.set_property("upstream.uri_san_local_certificate", "spiffe://cluster.local/ns/front/sa/web");
        proxy.send(get("/"));
        let tags = tagged("source", "unknown")
            .tag("source_workload", "web-v1").tag("source_workload_namespace", "front").tag("source_app", "web")
            .tag("source_version", "v1").tag("source_canonical_service", "web").tag("source_canonical_revision", "v1")
            .tag("source_cluster", "Kubernetes").tag("source_principal", "spiffe://cluster.local/ns/front/sa/web")
            .tag("destination_workload", "cart-v2").tag("destination_principal", "spiffe://cluster.local/ns/carts/sa/cart")
            // The certificate's, not what the endpoint says.
            .tag("destination_workload_namespace", "carts").tag("destination_service_namespace", "carts")
            .tag("destination_canonical_service", "cart").tag("destination_canonical_revision", "v2")
            .tag("destination_cluster", "east")
            .tag("connection_security_policy", "unknown");
        assert_eq!(proxy.counter(tags.name("istio_requests_total")), Some(1), "{}", proxy.prometheus());
        Ok(())
    }

    fn a_peer_that_the_mesh_has_found_goes_before_the_endpoint(vm) -> TestResult {
        let proxy = proxy(vm, json!({"access_log": {"fields": ["source_workload", "source_cluster", "source_app", "source_canonical_revision"]}}))?;
        proxy.set_property("filter_state.downstream_peer", json!({"workload": "web-v3", "namespace": "front", "cluster": "west", "app": ""}));
        let expected = json!({"source_workload": "web-v3", "source_cluster": "west", "source_app": "unknown", "source_canonical_revision": "latest"});
        assert_eq!(serde_json::from_str::<Value>(&proxy.send(get("/")).log()[0].message)?, expected);
        Ok(())
    }

    fn mutual_tls_is_known_by_both_principals(vm) -> TestResult {
        let fields = json!({"access_log": {"fields": ["connection_security_policy", "source_principal", "source_workload_namespace", "destination_principal"]}});
        let line = |proxy: &MockProxy| proxy.send(get("/")).log()[0].message.clone();
        let proxy = proxy(vm, fields)?;
        assert_eq!(line(&proxy), r#"{"connection_security_policy":"none","source_principal":"unknown","source_workload_namespace":"unknown","destination_principal":"unknown"}"#);
        proxy.set_property("connection.uri_san_peer_certificate", "spiffe://td/ns/front/sa/web");
        proxy.set_property("connection.uri_san_local_certificate", "spiffe://td/ns/shop/sa/cart");
        assert_eq!(line(&proxy), r#"{"connection_security_policy":"mutual_tls","source_principal":"spiffe://td/ns/front/sa/web","source_workload_namespace":"front","destination_principal":"spiffe://td/ns/shop/sa/cart"}"#);
        Ok(())
    }

    fn a_service_is_what_the_mesh_says_of_the_cluster(vm) -> TestResult {
        let service = |proxy: &MockProxy| proxy.send(get("/")).log()[0].message.clone();
        let fields = json!(["destination_service", "destination_service_name", "destination_service_namespace"]);
        let proxy = proxy(vm, json!({"reporter": "source", "access_log": {"fields": fields}}))?;
        let line = |host: &str, name: &str| {
            format!(r#"{{"destination_service":"{host}","destination_service_name":"{name}","destination_service_namespace":"unknown"}}"#)
        };
        assert_eq!(service(&proxy), line("unknown", "unknown"));
        proxy.set_property("xds.cluster_metadata.filter_metadata.istio", json!({"services": [{"host": "cart.shop.svc", "name": "cart"}, {"host": "b"}]}));
        assert_eq!(service(&proxy), line("cart.shop.svc", "cart"));
        proxy.set_property("xds.cluster_metadata.filter_metadata.istio", json!({"services": [{"host": "cart.shop.svc"}]}));
        assert_eq!(service(&proxy), line("cart.shop.svc", "cart"));
        proxy.set_property("xds.cluster_metadata.filter_metadata.istio", json!({"services": "none"}));
        assert_eq!(service(&proxy), line("unknown", "unknown"));
        proxy.set_property("xds.cluster_name", "PassthroughCluster");
        assert_eq!(service(&proxy), line("unknown", "PassthroughCluster"));
        proxy.set_property("xds.route_name", "block_all");
        assert_eq!(service(&proxy), line("unknown", "BlackHoleCluster"));
        Ok(())
    }

    fn the_host_header_names_a_service_only_where_it_may(vm) -> TestResult {
        for (fallback, service) in [(false, "web"), (true, "shop.example")] {
            let proxy = proxy(vm, json!({"host_header_fallback": fallback, "access_log": {"fields": ["destination_service"]}}))?;
            assert_eq!(proxy.send(get("/")).log()[0].message, format!(r#"{{"destination_service":"{service}"}}"#));
        }
        Ok(())
    }

    fn grpc_has_its_protocol_and_status(vm) -> TestResult {
        let proxy = proxy(vm, json!({"access_log": {"fields": ["request_protocol", "response_code", "grpc_response_status"]}}))?;
        proxy.set_raw_upstream(|_| Message::new([(":status", "200")]).trailer("grpc-status", "7"));
        let grpc = Request::post("http://shop.example/acme.Cart/Add").header("content-type", "application/grpc").body("")?;
        assert_eq!(proxy.send(grpc).log()[0].message, r#"{"request_protocol":"grpc","response_code":"200","grpc_response_status":"7"}"#);
        assert_eq!(proxy.send(get("/")).log()[0].message, r#"{"request_protocol":"http","response_code":"200","grpc_response_status":null}"#);
        Ok(())
    }

    fn what_goes_wrong_has_flags_and_code_0_where_nobody_answered(vm) -> TestResult {
        let proxy = proxy(vm, json!({}))?;
        proxy.set_raw_upstream(|_| Answer::Refuse);
        proxy.send(get("/"));
        let refused = destination().tag("response_code", "503").tag("response_flags", "UF");
        assert_eq!(proxy.counter(refused.name("istio_requests_total")), Some(1), "{}", proxy.prometheus());

        let mut stream = proxy.open_stream();
        stream.send_request(Request::post("http://shop.example/").body(())?, false);
        stream.disconnect();
        let left = destination().tag("response_code", "0").tag("response_flags", "DC");
        assert_eq!(proxy.counter(left.name("istio_requests_total")), Some(1), "{}", proxy.prometheus());
        Ok(())
    }

    fn requests_in_flight_rise_and_fall_however_they_end(vm) -> TestResult {
        let proxy = proxy(vm, json!({}))?;
        let name = ("istio_requests_in_flight", [
            ("reporter", "destination"), ("destination_service", "web"), ("destination_service_name", "web"), ("request_protocol", "http"),
        ]);
        let mut first = proxy.open_stream();
        first.send_request(get("/").map(drop), false);
        let mut second = proxy.open_stream();
        second.send_request(get("/").map(drop), true);
        assert_eq!(proxy.gauge(name), Some(2));
        second.answer();
        // What became of the route meanwhile does not matter.
        proxy.set_property("xds.cluster_name", "PassthroughCluster");
        assert_eq!(proxy.gauge(name), Some(1));
        first.disconnect();
        assert_eq!(proxy.gauge(name), Some(0));
        Ok(())
    }

    fn series_are_bounded_and_what_is_over_is_counted(vm) -> TestResult {
        let proxy = proxy(vm, json!({"max_series": 2, "host_header_fallback": true}))?;
        for number in 0..5 {
            proxy.send(Request::get(format!("http://shop-{number}.example/")).body("")?);
        }
        let count = |name: &str| proxy.metrics().iter().filter(|metric| metric.base_name() == name).count();
        assert_eq!(["istio_requests_total", "istio_request_bytes", "istio_requests_in_flight"].map(count), [3; 3]);
        let other = destination().all("other");
        assert_eq!(proxy.counter(other.name("istio_requests_total")), Some(3));
        let in_flight = ["reporter", "destination_service", "destination_service_name", "request_protocol"].map(|tag| (tag, "other"));
        assert_eq!(proxy.gauge(("istio_requests_in_flight", in_flight)), Some(0));
        // Of three requests: four metrics at the end, and the gauge up and down.
        assert_eq!(proxy.counter("telemetry_series_overflow_total"), Some(3 * (4 + 2)));
        Ok(())
    }

    fn the_access_log_has_the_chosen_fields_in_their_order(vm) -> TestResult {
        let fields = [
            "status", "method", "path", "query", "authority", "scheme", "protocol", "user_agent", "referer", "request_bytes",
            "response_bytes", "response_flags", "response_code_details", "time_ms", "duration_ms", "route", "request_header:X-Team",
            "response_header:x-none", "upstream_address", "server_name",
        ];
        let request = Request::post("http://shop.example/cart?token=s3cr3t").header("user-agent", "curl").header("x-team", "a, b").body("123")?;
        let proxy = proxy(vm, json!({"access_log": {"fields": fields}}))?;
        proxy.set_property("xds.route_name", "carts").set_property("upstream.address", "10.0.0.7:80");
        let exchange = proxy.send(request);
        assert_eq!(exchange.log()[0].message, concat!(
            r#"{"status":200,"method":"POST","path":"/cart","query":"token=s3cr3t","authority":"shop.example","scheme":"http","#,
            r#""protocol":"HTTP/1.1","user_agent":"curl","referer":null,"request_bytes":3,"response_bytes":0,"response_flags":"-","#,
            r#""response_code_details":"via_upstream","time_ms":1767225600000,"duration_ms":0,"route":"carts","#,
            r#""request_header:X-Team":"a, b","response_header:x-none":null,"upstream_address":"10.0.0.7:80","server_name":null}"#,
        ));
        assert_eq!(exchange.log().len(), 1);
        Ok(())
    }

    fn a_hostile_value_stays_one_value_on_one_line(vm) -> TestResult {
        let hostile = b"\",\"status\":200}\\\t\xff\xc3";
        let request = Message::from(get("/")).with_header("x-a", hostile);
        let proxy = proxy(vm, json!({"access_log": {"fields": ["request_header:x-a", "status"]}}))?;
        let exchange = proxy.send(request);
        let line = &exchange.log()[0].message;
        assert!(!line.contains(['\n', '\t']), "{line:?}");
        let expected = json!({"request_header:x-a": "\",\"status\":200}\\\t\u{fffd}\u{fffd}", "status": 200});
        assert_eq!(serde_json::from_str::<Value>(line)?, expected);
        Ok(())
    }

    fn a_long_value_is_cut_and_says_so(vm) -> TestResult {
        let proxy = proxy(vm, json!({"access_log": {"fields": ["request_header:x-a"], "max_value_bytes": 16}}))?;
        let line = |value: String| -> Result<Value, Box<dyn std::error::Error>> {
            let exchange = proxy.send(Message::from(get("/")).with_header("x-a", value));
            Ok(serde_json::from_str::<Value>(&exchange.log()[0].message)?["request_header:x-a"].clone())
        };
        assert_eq!(line("a".repeat(16))?, "a".repeat(16));
        assert_eq!(line("a".repeat(17))?, format!("{}…", "a".repeat(16)));
        // Not within a character.
        assert_eq!(line(format!("{}üü", "a".repeat(15)))?, format!("{}…", "a".repeat(15)));
        assert_eq!(line("ü".repeat(9))?, format!("{}…", "ü".repeat(8)));
        Ok(())
    }

    fn of_equal_ids_all_proxies_keep_the_same(vm) -> TestResult {
        let proxy = sampling(vm)?;
        let kept = |id: &str| !proxy.send(Message::from(get("/")).with_header("x-id", id)).log().is_empty();
        // 0x9c3 is 2499, 0x9c4 is 2500.
        assert!(kept("000009c3-89ab-cdef-0123-456789abcdef"));
        assert!(!kept("000009c4-89ab-cdef-0123-456789abcdef"));
        Ok(())
    }

    fn without_an_id_chance_decides(vm) -> TestResult {
        let proxy = sampling(vm)?;
        // Whatever the clock says: proxies that start together would keep the same.
        proxy.inject(Fault::new("proxy_get_current_time_nanoseconds", Status::InternalFailure));
        let kept = (0..400).filter(|_| !proxy.send(Message::from(get("/")).with_header("x-id", "no hex")).log().is_empty()).count();
        assert!((60..=140).contains(&kept), "{kept} of 400");
        Ok(())
    }

    fn errors_are_kept_unless_they_are_not_wanted(vm) -> TestResult {
        for (wanted, lines) in [(true, 2), (false, 0)] {
            let proxy = proxy(vm, json!({"access_log": {"fields": ["status"], "sample_percent": 0, "always_errors": wanted}}))?;
            proxy.send(get("/"));
            proxy.set_upstream(|_| Response::builder().status(500).body("").unwrap());
            proxy.send(get("/"));
            proxy.set_raw_upstream(|_| Answer::ResetBeforeResponse);
            proxy.send(get("/"));
            assert_eq!(proxy.log().len(), lines, "{:?}", proxy.log());
        }
        Ok(())
    }

    fn a_header_of_the_clients_is_no_tag_of_ours(vm) -> TestResult {
        let proxy = proxy(vm, json!({"host_header_fallback": true}))?;
        proxy.send(Message::new([(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "a;.;reporter=.=source;.;")]));
        let name = proxy.metrics().into_iter().find(|metric| metric.base_name() == "istio_requests_total").ok_or("counted")?.name;
        assert!(name.contains("destination_service=.=a_._reporter_._source_._;.;"), "{name}");
        Ok(())
    }

    fn a_proxy_without_metrics_goes_on_and_logs(vm) -> TestResult {
        let proxy = proxy(vm, json!({"access_log": {"fields": ["status"]}}))?;
        proxy.inject(Fault::new("proxy_define_metric", Status::Unimplemented));
        let exchange = proxy.send(get("/"));
        assert_eq!(exchange.response().status(), 200);
        let log: Vec<String> = exchange.log().iter().map(ToString::to_string).collect();
        assert!(log.iter().any(|line| line.contains(r#"{"status":200}"#)), "{log:?}");
        assert!(log.iter().any(|line| line.contains("proxy_define_metric failed: UNIMPLEMENTED")), "{log:?}");
        Ok(())
    }

    fn a_property_of_another_type_is_unknown_or_null(vm) -> TestResult {
        let builder = MockProxy::builder().property("xds.node.metadata", json!({"WORKLOAD_NAME": 7.5, "LABELS": "none"}));
        let config = json!({"access_log": {"fields": ["destination_app", "destination_cluster", "route"]}});
        let proxy = builder.plugin(vm.plugin(&PLUGINS, "telemetry").config(config)).property("xds.listener_direction", 1_i64).start()?;
        assert_eq!(proxy.send(get("/")).log()[0].message, r#"{"destination_app":"unknown","destination_cluster":"unknown","route":null}"#);
        Ok(())
    }

    fn an_empty_configuration_object_counts_and_logs_nothing(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "telemetry").config(json!({})))?;
        let exchange = proxy.send(Request::post("http://shop.example/").header("x-a", "1").body("body")?);
        assert_eq!(exchange.upstream_request().headers()["x-a"], "1");
        assert_eq!(exchange.upstream_request().body(), "body");
        assert!(proxy.log().is_empty(), "{:?}", proxy.log());
        assert_eq!(proxy.counter(tagged("source", "unknown").name("istio_requests_total")), Some(1), "{}", proxy.prometheus());
        Ok(())
    }

    fn the_configuration_in_the_folder_is_taken(vm) -> TestResult {
        proxy(vm, serde_json::from_str(include_str!("../config.json"))?)?;
        Ok(())
    }

    fn each_bad_configuration_is_refused_with_its_reason(vm) {
        let log = |fields: &str| format!(r#"{{"access_log": {{{fields}}}}}"#);
        let many: Vec<String> = (0..65).map(|number| format!("request_header:x-{number}")).collect();
        for (config, reason) in [
            (String::new(), "the configuration is empty"),
            (r#"{"reporter": "both"}"#.into(), "unknown variant `both`, expected one of `auto`, `source`, `destination` at line 1 column"),
            (r#"{"tags": []}"#.into(), "unknown field `tags`, expected one of `reporter`, `host_header_fallback`, `max_series`, `access_log`"),
            (r#"{"host_header_fallback": 1}"#.into(), "invalid type: integer `1`, expected a boolean"),
            (r#"{"max_series": 0}"#.into(), "max_series: 0 is not between 1 and 100000"),
            (r#"{"max_series": 100001}"#.into(), "max_series: 100001 is not between 1 and 100000"),
            (r#"{"max_series": -1}"#.into(), "invalid value: integer `-1`, expected u32"),
            (log(""), "missing field `fields`"),
            (log(r#""fields": []"#), "access_log.fields: it is empty; leave out access_log for no log"),
            (log(r#""fields": ["status", "status"]"#), r#"access_log.fields: "status" stands there twice"#),
            (log(r#""fields": ["latency\n"]"#), r#"access_log.fields: "latency\n" is no field; there are time_ms, duration_ms, method,"#),
            (log(r#""fields": ["request_header:Authorization"]"#), "this header holds secrets, which do not belong into a log"),
            (log(r#""fields": ["response_header:set-cookie"]"#), "this header holds secrets"),
            (log(r#""fields": ["request_header:"]"#), r#""request_header:": this is not the name of a header"#),
            (log(r#""fields": ["request_header:a b"]"#), r#""request_header:a b": this is not the name of a header"#),
            (log(r#""fields": ["status"], "level": 1"#), "unknown field `level`, expected one of `fields`, `sample_percent`"),
            (log(r#""fields": ["status"], "sample_percent": 101"#), "access_log.sample_percent: 101 is not between 0 and 100"),
            (log(r#""fields": ["status"], "sample_percent": -1"#), "access_log.sample_percent: -1 is not between 0 and 100"),
            (log(r#""fields": ["status"], "sample_percent": 0.001"#), "0.001 is less than the least that is kept, 0.01"),
            (log(r#""fields": ["status"], "max_value_bytes": 15"#), "access_log.max_value_bytes: 15 is not between 16 and 8192"),
            (log(r#""fields": ["status"], "max_value_bytes": 8193"#), "access_log.max_value_bytes: 8193 is not between 16 and 8192"),
            (json!({"access_log": {"fields": many}}).to_string(), "access_log.fields: 65 are too many, at most 64"),
        ] {
            let told = refusal(vm, &config);
            assert!(told.contains(reason), "{config}: {told}");
        }
    }
}

/// Whether a word of that message is a field's.
fn is_name(word: &str) -> bool {
    word.contains(|char: char| char.is_ascii_lowercase()) && !matches!(word, "and" | "the" | "tags") && !word.contains(':')
}

#[test]
fn every_field_that_the_message_names_is_one() -> TestResult {
    let told = refusal(VmKind::Native, r#"{"access_log": {"fields": ["?"]}}"#);
    let (_, list) = told.split_once("there are ").ok_or("a list")?;
    let names: Vec<&str> = list.split([' ', ',']).filter(|word| is_name(word)).collect();
    assert!(names.len() >= 48, "{names:?}");
    logged(VmKind::Native, &names, get("/"))?;
    Ok(())
}
