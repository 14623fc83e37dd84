//! A schema and two objects of it, as a JSON list: whether a definition with it is taken, what it makes of the objects, and that
//! what it has accepted it goes on accepting.

#![no_main]

use libfuzzer_sys::fuzz_target;
use provbench_fuzz::{RESOURCES, Server, definition};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(Value::Array(parts)) = serde_json::from_slice::<Value>(data) else { return };
    let Some(schema) = parts.first() else { return };
    let server = Server::empty();
    let json_type: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
    let definition = definition(schema).to_string();
    if server.ask("POST", RESOURCES[5], &json_type, definition.as_bytes()).is_none_or(|answer| answer.code != 201) {
        return;
    }
    let object = |part: Option<&Value>| {
        let mut object = part.cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
        object["apiVersion"] = "fuzz.example.com/v1".into();
        object["kind"] = "Thing".into();
        object["metadata"] = json!({"name": "a"});
        object
    };
    let things = RESOURCES[0];
    let created = server.ask("POST", things, &json_type, object(parts.get(1)).to_string().as_bytes()).expect("an answer");
    if created.code != 201 {
        return;
    }
    let path = format!("{things}/a");
    // What was kept is complete: it is accepted as it is, and nothing changes.
    let again = server.ask("PUT", &path, &json_type, created.body.to_string().as_bytes()).expect("an answer");
    assert_eq!((again.code.as_u16(), &again.body), (200, &created.body));
    let mut second = object(parts.get(2));
    second["metadata"]["resourceVersion"] = created.body["metadata"]["resourceVersion"].clone();
    server.ask("PUT", &path, &json_type, second.to_string().as_bytes());
    server.ask("GET", things, &[("accept", b"application/json;as=Table;g=meta.k8s.io;v=v1")], b"");
});
