//! A path with its query, and after a line's end what the client takes: paths, selectors, tokens of pages, options of lists and
//! watches, forms of an answer, discovery.

#![no_main]

use libfuzzer_sys::fuzz_target;
use provbench_fuzz::on_one_server;

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let Ok(target) = std::str::from_utf8(lines.next().unwrap_or_default()) else { return };
    let headers: Vec<(&str, &[u8])> = lines.next().map(|accept| ("accept", accept)).into_iter().collect();
    on_one_server(|server| {
        let first = server.ask("GET", target, &headers, b"");
        let second = server.ask("GET", target, &headers, b"");
        let codes = [first, second].map(|answer| answer.map(|answer| answer.code));
        assert_eq!(codes[0], codes[1], "the same question, another answer");
        server.ask("HEAD", target, &headers, b"");
    });
});
