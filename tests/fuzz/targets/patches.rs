//! Patches of each kind on objects of each kind and their status. Nothing is kept of them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use provbench_fuzz::{OBJECTS, RESOURCES, on_one_server, pick};

const TYPES: [&str; 4] = [
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

fuzz_target!(|data: &[u8]| {
    let (resource, data) = pick(data, RESOURCES.len());
    let (content_type, data) = pick(data, TYPES.len());
    let (part, body) = pick(data, 2);
    let (path, name) = (RESOURCES[resource], OBJECTS[resource]);
    let part = ["", "/status"][part];
    let apply = if content_type == 3 { "&fieldManager=fuzz&force=true" } else { "" };
    let headers: [(&str, &[u8]); 1] = [("content-type", TYPES[content_type].as_bytes())];
    on_one_server(|server| {
        let object = format!("{path}/{name}");
        let before = server.ask("GET", &object, &[], b"").expect("an answer").body;
        let patched = server.ask("PATCH", &format!("{object}{part}?dryRun=All{apply}"), &headers, body).expect("an answer");
        let after = server.ask("GET", &object, &[], b"").expect("an answer").body;
        assert_eq!(before, after, "a dry run changed something");
        if patched.code == 200 {
            for field in ["name", "uid", "creationTimestamp", "namespace"] {
                assert_eq!(patched.body["metadata"][field], before["metadata"][field], "{field} was patched");
            }
        }
    });
});
