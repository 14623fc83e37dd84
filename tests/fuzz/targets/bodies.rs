//! Bodies of creates, updates and deletes as JSON, YAML and protobuf, for every kind. Nothing is kept of them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use provbench_fuzz::{OBJECTS, RESOURCES, on_one_server, pick};

const TYPES: [&str; 3] = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

/// How unknown and repeated fields are taken.
const VALIDATIONS: [&str; 3] = ["Ignore", "Warn", "Strict"];

fuzz_target!(|data: &[u8]| {
    let (resource, data) = pick(data, RESOURCES.len());
    let (content_type, data) = pick(data, TYPES.len());
    let (validation, data) = pick(data, VALIDATIONS.len());
    let (verb, body) = pick(data, 4);
    let (path, name) = (RESOURCES[resource], OBJECTS[resource]);
    let options = format!("dryRun=All&fieldValidation={}", VALIDATIONS[validation]);
    let headers: [(&str, &[u8]); 1] = [("content-type", TYPES[content_type].as_bytes())];
    on_one_server(|server| {
        let before = server.ask("GET", &format!("{path}/{name}"), &[], b"").expect("an answer").body;
        match verb {
            0 => server.ask("POST", &format!("{path}?{options}"), &headers, body),
            1 => server.ask("PUT", &format!("{path}/{name}?{options}"), &headers, body),
            2 => server.ask("PUT", &format!("{path}/{name}/status?{options}"), &headers, body),
            _ => server.ask("DELETE", &format!("{path}/{name}?dryRun=All"), &headers, body),
        };
        // A delete says in its body whether it is to be tried only; where that did not say so, it is held by a finalizer.
        let after = server.ask("GET", &format!("{path}/{name}"), &[], b"").expect("an answer").body;
        assert!(verb == 3 || before == after, "a dry run changed something: {before} {after}");
    });
});
