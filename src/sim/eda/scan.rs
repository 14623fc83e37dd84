//! What the engine reads of a page of jobs: their ids and states.
//!
//! A page of 25 jobs is some 35 kB, and it is asked for every ten seconds as long as the jobs run. So it is scanned at a few
//! instructions a byte instead of being parsed, which costs three times as much and more than the jobs themselves.

/// A job on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JobState<'a> {
    pub(super) id: u64,
    pub(super) status: &'a str,
}

/// How deep the fields of a job lie: the page, its list of results, the job.
const JOB_DEPTH: usize = 3;

/// The jobs of a page that is valid JSON, `{…, "results": [{"id": …, "status": "…", …}, …]}`. `None` where a job lacks an
/// id or a state, or where the text ends in the middle.
pub(super) fn jobs(page: &[u8]) -> Option<Vec<JobState<'_>>> {
    let mut jobs = Vec::new();
    let mut scanner = Scanner { text: page, at: 0 };
    let mut depth = 0_usize;
    let (mut id, mut status, mut is_result) = (None, None, false);
    while let Some(byte) = scanner.next() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                if depth == JOB_DEPTH && is_result {
                    jobs.push(JobState { id: id.take()?, status: status.take()? });
                }
                depth = depth.checked_sub(1)?;
            }
            b'"' => {
                let word = scanner.string()?;
                let is_key = scanner.peek() == Some(b':');
                match (depth, word) {
                    (1, b"results") if is_key => is_result = true,
                    (1, _) if is_key => is_result = false,
                    (JOB_DEPTH, b"id") if is_key && is_result => id = Some(scanner.number_value()?),
                    (JOB_DEPTH, b"status") if is_key && is_result => status = Some(scanner.string_value()?),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    (depth == 0).then_some(jobs)
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += 1;
        byte
    }

    /// The next byte that is no white space, which stays.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// The rest of a string whose quote has been read, with its escapes as they are.
    fn string(&mut self) -> Option<&'a [u8]> {
        let from = self.at;
        loop {
            self.at += next_special(self.text.get(self.at..)?)?;
            match self.next()? {
                b'"' => return self.text.get(from..self.at - 1),
                _backslash => self.at += 1,
            }
        }
    }

    /// The string after a colon.
    fn string_value(&mut self) -> Option<&'a str> {
        self.at += 1;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        std::str::from_utf8(self.string()?).ok()
    }

    /// The whole number after a colon.
    fn number_value(&mut self) -> Option<u64> {
        self.at += 1;
        self.peek()?;
        let rest = self.text.get(self.at..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
    }
}

/// Where the first quote or backslash is, eight bytes at a time (the test for a zero byte of Hacker's Delight, section 6-1,
/// on each byte's difference from what is looked for; the lowest byte that it marks is right).
fn next_special(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, rest) = text.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let marks = zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES);
        if marks != 0 {
            return Some(place * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(words.len() * 8 + in_rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn scanned(page: &Value) -> Option<Vec<(u64, String)>> {
        let text = page.to_string();
        Some(jobs(text.as_bytes())?.iter().map(|job| (job.id, job.status.to_owned())).collect())
    }

    #[test]
    fn only_the_jobs_own_fields_count() {
        let page = json!({
            "count": 2,
            "other": [{"id": 9, "status": "failed"}],
            "results": [
                {
                    "id": 1,
                    "summary_fields": {"last_job": {"id": 7, "status": "failed"}},
                    "extra_vars": "{\"id\": 8, \"status\": \"failed\", \"path\": \"c:\\\\\"}",
                    "status": "running",
                },
                {"status": "successful", "labels": [{"id": 3}], "id": 2},
            ],
        });
        assert_eq!(scanned(&page), Some(vec![(1, "running".to_owned()), (2, "successful".to_owned())]));
        let spaced = br#"{ "results" : [ { "id" : 4 , "status" : "pending" } ] }"#;
        assert_eq!(jobs(spaced), Some(vec![JobState { id: 4, status: "pending" }]));
    }

    #[test]
    fn what_is_no_page_of_jobs_is_none() {
        for text in [
            "{\"results\":[{\"id\":1}]}",
            "{\"results\":[{\"id\":\"x\",\"status\":\"y\"}]}",
            "{\"results\":[",
            "]",
            "{\"a",
        ] {
            assert_eq!(jobs(text.as_bytes()), None, "{text}");
        }
        assert_eq!(jobs(b"{\"count\":0,\"results\":[]}"), Some(Vec::new()));
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u32>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            "[\\\\\"{}\\[\\],:]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let keys = prop_oneof![
                Just("id".to_owned()),
                Just("status".to_owned()),
                Just("results".to_owned()),
                "[a-z\"\\\\]{1,3}".prop_map(String::from)
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(keys, inner, 0..3)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_scan_reads_what_a_parser_reads(
            page in prop::collection::vec((any::<u32>(), "[a-z]{1,8}", anything(), "[a-h]{1,2}|[t-z]{1,2}"), 0..4),
            around in anything(),
        ) {
            let results: Vec<Value> = page
                .iter()
                .map(|(id, status, other, name)| json!({"id": id, "status": status, name.clone(): other}))
                .collect();
            let expected: Vec<(u64, String)> = page.iter().map(|(id, status, ..)| (u64::from(*id), status.clone())).collect();
            prop_assert_eq!(scanned(&json!({"count": around.clone(), "results": results, "z": around})), Some(expected));
        }

        #[test]
        fn no_text_makes_the_scan_panic(text in prop::collection::vec(prop::sample::select(b"{}[]\"\\:, id1".to_vec()), 0..24)) {
            let _ = jobs(&text);
        }
    }
}
