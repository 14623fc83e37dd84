//! What is asked and answered: nonsense, forms, discovery.

use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

use super::{INSTANCES, folder, get, instance, post, send, served::Served};

/// A method, a path, a content type, a body, and the code and the reason of the refusal.
type Case<'a> = (Method, &'a str, &'a str, &'a [u8], u16, &'a str);

#[tokio::test]
async fn nonsense_is_refused_with_the_right_status() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let client = served.client().await;
    assert_eq!(post(&client, INSTANCES, "application/json", instance("x").to_string().as_bytes()).await.0, 201);
    let large = vec![b' '; 3 * 1024 * 1024 + 1];
    let object = format!("{INSTANCES}/x");
    let table: &[Case<'_>] = &[
        (Method::POST, INSTANCES, "application/json", b"{\"a\":", 400, "BadRequest"),
        (Method::POST, INSTANCES, "application/json", b"\xff\xfe", 400, "BadRequest"),
        (Method::POST, INSTANCES, "application/json", b"[]", 400, "BadRequest"),
        (Method::POST, INSTANCES, "application/json", b"", 400, "BadRequest"),
        (Method::POST, INSTANCES, "application/yaml", b"a: [b", 400, "BadRequest"),
        (Method::POST, INSTANCES, "application/json", &large, 413, "RequestEntityTooLarge"),
        (Method::POST, INSTANCES, "application/vnd.kubernetes.protobuf", b"nonsense", 400, "BadRequest"),
        (Method::POST, INSTANCES, "application/vnd.kubernetes.protobuf", b"k8s\0", 415, "UnsupportedMediaType"),
        (Method::POST, INSTANCES, "text/plain", b"{}", 415, "UnsupportedMediaType"),
        (Method::PUT, &object, "application/xml", b"{}", 415, "UnsupportedMediaType"),
        (Method::PATCH, &object, "application/json", b"{}", 415, "UnsupportedMediaType"),
        (Method::PATCH, &object, "application/merge-patch+json", b"{", 400, "BadRequest"),
        (Method::PATCH, &object, "application/json-patch+json", b"{}", 400, "BadRequest"),
        (Method::DELETE, &object, "application/json", b"{\"", 400, "BadRequest"),
        (Method::POST, &object, "application/json", b"{}", 405, "MethodNotAllowed"),
        (Method::POST, "/apis", "application/json", b"{}", 405, "MethodNotAllowed"),
    ];
    for (method, path, content_type, body, code, reason) in table {
        let request = Request::builder().method(method).uri(*path).header("content-type", *content_type);
        let (got, _, status) = send(&client, request.body(body.to_vec()).expect("a request")).await;
        let case = format!("{method} {path} {content_type} {}", String::from_utf8_lossy(&body[..body.len().min(20)]));
        assert_eq!((got, status["reason"].as_str()), (*code, Some(*reason)), "{case}: {status}");
        assert_eq!((&status["kind"], &status["code"]), (&json!("Status"), &json!(code)), "{case}");
    }
    for (query, code) in [
        ("labelSelector=a%20b%20c", 400),
        ("labelSelector=a%20in%20(", 400),
        ("fieldSelector=spec.nothing%3Dx", 400),
        ("fieldSelector=nonsense", 400),
        ("limit=many", 400),
        ("watch=perhaps", 400),
        ("continue=nonsense", 400),
        ("labelSelector=a%3Db", 200),
    ] {
        assert_eq!(get(&client, &format!("{INSTANCES}?{query}"), "application/json").await.0, code, "{query}");
    }
    for path in [
        "/api/v1/namespaces/../secrets",
        "/api/v1/namespaces/default/secrets/..",
        "/api/v1/namespaces/%2e%2e/secrets",
        "/api/v1/namespaces/default/secrets/%2e%2e%2f%2e%2e",
        "/../etc/passwd",
        "/nothing",
        "/apis/nobody.example/v1/things",
        "/openapi/v3/apis/nobody.example/v1",
    ] {
        assert_eq!(get(&client, path, "*/*").await.0, 404, "{path}");
    }
    // It is as it was.
    let (code, _, list) = get(&client, INSTANCES, "application/json").await;
    assert_eq!((code, list["items"].as_array().map(Vec::len)), (200, Some(1)));
}

#[tokio::test]
async fn yaml_is_taken_where_json_is() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let client = served.client().await;
    let text = "apiVersion: cloudkit.openshift.io/v1alpha1\nkind: ComputeInstance\nmetadata:\n  name: yaml-1\nspec:\n  templateID: small\n";
    let (code, _, created) = post(&client, INSTANCES, "application/yaml", text.as_bytes()).await;
    assert_eq!(code, 201, "{created}");
    let version = created["metadata"]["resourceVersion"].as_str().expect("a version");
    let text = text
        .replace("small", "large")
        .replace("  name: yaml-1\n", &format!("  name: yaml-1\n  resourceVersion: \"{version}\"\n"));
    let request = Request::put(format!("{INSTANCES}/yaml-1")).header("content-type", "application/yaml; charset=utf-8");
    let (code, _, updated) = send(&client, request.body(text.into_bytes()).expect("a request")).await;
    assert_eq!((code, &updated["spec"]["templateID"]), (200, &json!("large")), "{updated}");
}

#[tokio::test]
async fn the_answer_has_the_form_that_the_client_takes() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let client = served.client().await;
    for name in ["a", "b"] {
        assert_eq!(post(&client, INSTANCES, "application/json", instance(name).to_string().as_bytes()).await.0, 201);
    }
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let (code, _, list) = get(&client, &format!("{INSTANCES}?limit=1"), table).await;
    assert_eq!((code, &list["kind"], &list["apiVersion"]), (200, &json!("Table"), &json!("meta.k8s.io/v1")));
    let names: Vec<&str> =
        list["columnDefinitions"].as_array().expect("columns").iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(names, ["Name", "Template", "Phase"]);
    assert_eq!(list["rows"][0]["cells"], json!(["a", "small", null]));
    assert_eq!(list["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(list["rows"].as_array().map(Vec::len), Some(1));
    let token = list["metadata"]["continue"].as_str().expect("more");
    let (_, _, rest) = get(&client, &format!("{INSTANCES}?limit=1&continue={token}&includeObject=Object"), table).await;
    assert_eq!(rest["rows"][0]["object"]["spec"]["templateID"], "small");
    let (_, _, bare) = get(&client, &format!("{INSTANCES}/a?includeObject=None"), table).await;
    assert_eq!((&bare["rows"][0]["cells"][0], &bare["rows"][0]["object"]), (&json!("a"), &Value::Null));
    // A refusal stays a Status.
    let (code, _, missing) = get(&client, &format!("{INSTANCES}/nobody"), table).await;
    assert_eq!((code, &missing["kind"]), (404, &json!("Status")));

    let metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let (_, _, list) = get(&client, INSTANCES, metadata).await;
    assert_eq!(
        (&list["kind"], &list["items"][1]["kind"]),
        (&json!("PartialObjectMetadataList"), &json!("PartialObjectMetadata"))
    );
    assert_eq!((&list["items"][1]["metadata"]["name"], list["items"][1].get("spec")), (&json!("b"), None));
    for (path, accept) in [
        (INSTANCES, "application/vnd.kubernetes.protobuf"),
        (INSTANCES, "text/html"),
        (INSTANCES, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
        ("/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"),
    ] {
        let (code, _, status) = get(&client, path, accept).await;
        assert_eq!((code, &status["reason"]), (406, &json!("NotAcceptable")), "{path} {accept}");
    }
}

#[tokio::test]
async fn a_watch_shows_tables_too() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let client = served.client().await;
    post(&client, INSTANCES, "application/json", instance("a").to_string().as_bytes()).await;
    let request = Request::get(format!("{INSTANCES}?watch=1&timeoutSeconds=1"))
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
    let watching = client.send(request.body(Body::empty()).expect("a request"));
    let response = watching.await.expect("a watch");
    post(&client, INSTANCES, "application/json", instance("b").to_string().as_bytes()).await;
    let bytes = response.into_body().collect().await.expect("lines").to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.len(), 2, "{text}");
    for (event, name) in events.iter().zip(["a", "b"]) {
        assert_eq!((&event["type"], &event["object"]["kind"]), (&json!("ADDED"), &json!("Table")));
        assert_eq!(event["object"]["rows"][0]["cells"][0], name);
    }
    // The columns are told once.
    assert!(events[0]["object"]["columnDefinitions"].is_array());
    assert!(events[1]["object"]["columnDefinitions"].is_null());
}

#[tokio::test]
async fn discovery_tells_the_same_in_both_forms_and_openapi_describes_it() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let client = served.client().await;
    let newer = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let (_, content_type, own_group) = get(&client, "/api", newer).await;
    assert!(content_type.contains("as=APIGroupDiscoveryList") && content_type.contains("v=v2"), "{content_type}");
    assert_eq!(own_group["apiVersion"], "apidiscovery.k8s.io/v2");
    let (_, _, groups) = get(&client, "/apis", newer).await;
    let mut told = Vec::new();
    for group in own_group["items"].as_array().into_iter().chain(groups["items"].as_array()).flatten() {
        let name = group["metadata"]["name"].as_str().unwrap_or("");
        for version in group["versions"].as_array().expect("versions") {
            let version_name = version["version"].as_str().expect("a version");
            for resource in version["resources"].as_array().expect("resources") {
                told.push(format!("{name}/{version_name}/{}", resource["resource"].as_str().expect("a name")));
            }
        }
    }
    let mut older = Vec::new();
    let (_, _, list) = get(&client, "/apis", "application/json").await;
    let mut documents = vec![(String::new(), "/api/v1".to_owned())];
    for group in list["groups"].as_array().expect("groups") {
        let version = group["preferredVersion"]["groupVersion"].as_str().expect("a version");
        documents.push((group["name"].as_str().expect("a name").to_owned(), format!("/apis/{version}")));
    }
    for (group, path) in &documents {
        let (code, _, resources) = get(&client, path, "application/json").await;
        assert_eq!(code, 200, "{path}");
        for resource in resources["resources"].as_array().expect("resources") {
            let name = resource["name"].as_str().expect("a name");
            if !name.contains('/') {
                let version = path.rsplit('/').next().unwrap_or_default();
                older.push(format!("{group}/{version}/{name}"));
            }
        }
    }
    told.sort();
    older.sort();
    assert_eq!(told, older);
    assert!(told.contains(&"cloudkit.openshift.io/v1alpha1/computeinstances".to_owned()), "{told:?}");

    let (_, _, index) = get(&client, "/openapi/v3", "application/json").await;
    let paths = index["paths"].as_object().expect("paths");
    for path in ["api/v1", "apis/cloudkit.openshift.io/v1alpha1", "apis/coordination.k8s.io/v1"] {
        let url = paths[path]["serverRelativeURL"].as_str().expect("a place");
        let (code, _, document) = get(&client, url, "application/json").await;
        assert_eq!((code, &document["openapi"]), (200, &json!("3.0.0")), "{path}");
        // Every reference leads somewhere.
        let mut wanted = Vec::new();
        references(&document, &mut wanted);
        assert!(!wanted.is_empty());
        for reference in wanted {
            let pointer = reference.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{path}: {reference}");
        }
        let hash = url.rsplit('=').next().expect("a hash");
        let request = Request::get(url).header("if-none-match", format!("\"{hash}\"")).body(Vec::new());
        assert_eq!(send(&client, request.expect("a request")).await.0, 304, "{path}");
    }
    let (_, _, v2) = get(&client, "/openapi/v2", "application/json").await;
    assert_eq!(v2["swagger"], "2.0");
    assert!(v2["definitions"]["io.openshift.cloudkit.v1alpha1.ComputeInstance"]["properties"]["spec"].is_object());
    assert!(!v2.to_string().contains("#/components/"));
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}
