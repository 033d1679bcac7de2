//! The manifests for Kubernetes have only fields that their kinds have. The table below was taken from the CRDs of istio/api, July 2026,
//! and of Envoy Gateway, August 2026, against whose whole schemas the manifests were checked when they were written.

use crate::page;
use yaml_rust2::{Yaml, YamlLoader};

/// Kind, API version, and the fields that there may be; below one that ends in `.*` anything goes.
const KINDS: [(&str, &str, &[&str]); 4] = [
    (
        "TrafficExtension",
        "extensions.istio.io/v1alpha1",
        &[
            "selector.matchLabels.*",
            "targetRefs.group",
            "targetRefs.kind",
            "targetRefs.name",
            "match.mode",
            "match.ports.number",
            "phase",
            "priority",
            "wasm.url",
            "wasm.sha256",
            "wasm.pluginName",
            "wasm.failStrategy",
            "wasm.type",
            "wasm.imagePullPolicy",
            "wasm.imagePullSecret",
            "wasm.vmConfig.env.name",
            "wasm.vmConfig.env.value",
            "wasm.vmConfig.env.valueFrom",
            "wasm.pluginConfig.*",
        ],
    ),
    (
        "WasmPlugin",
        "extensions.istio.io/v1alpha1",
        &[
            "selector.matchLabels.*",
            "targetRefs.group",
            "targetRefs.kind",
            "targetRefs.name",
            "match.mode",
            "match.ports.number",
            "phase",
            "priority",
            "url",
            "sha256",
            "pluginName",
            "failStrategy",
            "type",
            "imagePullPolicy",
            "imagePullSecret",
            "vmConfig.env.name",
            "vmConfig.env.value",
            "vmConfig.env.valueFrom",
            "pluginConfig.*",
        ],
    ),
    (
        "EnvoyFilter",
        "networking.istio.io/v1alpha3",
        &[
            "workloadSelector.labels.*",
            "configPatches.applyTo",
            "configPatches.match.context",
            "configPatches.match.listener.*",
            "configPatches.patch.operation",
            "configPatches.patch.value.*",
        ],
    ),
    (
        "EnvoyExtensionPolicy",
        "gateway.envoyproxy.io/v1alpha1",
        &[
            "targetRefs.group",
            "targetRefs.kind",
            "targetRefs.name",
            "wasm.name",
            "wasm.rootID",
            "wasm.failOpen",
            "wasm.env.hostKeys",
            "wasm.config.*",
            "wasm.code.type",
            "wasm.code.image.url",
            "wasm.code.image.sha256",
            "wasm.code.image.pullSecretRef.name",
            "wasm.code.http.url",
            "wasm.code.http.sha256",
        ],
    ),
];

/// The paths of all values; lists have the path of what is in them.
fn paths(value: &Yaml, path: &str, found: &mut Vec<String>) {
    match value {
        Yaml::Hash(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let name = name.as_str().unwrap_or("?");
                paths(value, &if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }, found);
            }
        }
        Yaml::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
        _ => found.push(path.to_owned()),
    }
}

/// What is wrong with a manifest; nothing with what is none.
fn mistakes(manifest: &Yaml) -> Vec<String> {
    let Some(kind) = manifest["kind"].as_str() else { return Vec::new() };
    let Some((_, version, fields)) = KINDS.iter().find(|(known, ..)| *known == kind) else {
        return vec![format!("the kind {kind} is not in the table of this test")];
    };
    let mut wrong = Vec::new();
    if manifest["apiVersion"].as_str() != Some(version) {
        wrong.push(format!("{kind} is of {version}"));
    }
    let mut found = Vec::new();
    paths(&manifest["spec"], "", &mut found);
    let is_known = |path: &str| {
        fields.iter().any(|field| match field.strip_suffix(".*") {
            Some(open) => path == open || path.starts_with(&format!("{open}.")),
            None => path == *field,
        })
    };
    wrong.extend(found.into_iter().filter(|path| !is_known(path)).map(|path| format!("{kind} has no spec.{path}")));
    wrong
}

#[test]
fn manifests_have_the_fields_of_their_kinds() {
    let mut kinds = Vec::new();
    for page in page::of_the_book() {
        for block in page.blocks.iter().filter(|block| block.language == "yaml") {
            for manifest in YamlLoader::load_from_str(&block.text).unwrap_or_default() {
                let wrong = mistakes(&manifest);
                assert!(wrong.is_empty(), "{}:{}: {}", page.path.display(), block.line, wrong.join("; "));
                kinds.extend(manifest["kind"].as_str().map(str::to_owned));
            }
        }
    }
    for (kind, ..) in KINDS {
        assert!(kinds.iter().any(|known| known == kind), "no manifest shows {kind}");
    }
}

#[test]
fn what_a_kind_has_not_is_named() {
    let parsed = |text: &str| YamlLoader::load_from_str(text).expect("YAML").remove(0);
    let bad = "kind: WasmPlugin\napiVersion: extensions.istio.io/v1\nspec: { rootId: x, match: [{ mod: SERVER }], pluginConfig: { any: 1 } }";
    assert_eq!(
        mistakes(&parsed(bad)),
        ["WasmPlugin is of extensions.istio.io/v1alpha1", "WasmPlugin has no spec.rootId", "WasmPlugin has no spec.match.mod"]
    );
    assert_eq!(mistakes(&parsed("kind: Widget")), ["the kind Widget is not in the table of this test"]);
    assert!(mistakes(&parsed("static_resources: {}")).is_empty());
}
