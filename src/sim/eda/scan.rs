//! What the engine reads of a controller's answers: the ids and states of a page of jobs, and of an answer about one thing
//! the one or two fields at its beginning, without a look at what follows them.
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
    let mut scanner = Scanner { text: page, at: 0, depth: 0 };
    let (mut id, mut status, mut is_result) = (None, None, false);
    while let Some(byte) = scanner.next() {
        match byte {
            b'{' | b'[' => scanner.depth += 1,
            b'}' | b']' => {
                if scanner.depth == JOB_DEPTH && is_result {
                    jobs.push(JobState { id: id.take()?, status: status.take()? });
                }
                scanner.depth = scanner.depth.checked_sub(1)?;
            }
            b'"' => {
                let word = scanner.string()?;
                let is_key = scanner.peek() == Some(b':');
                match (scanner.depth, word) {
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
    (scanner.depth == 0).then_some(jobs)
}

/// A job, and the path under which it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Launched<'a> {
    pub(super) id: u64,
    pub(super) url: &'a str,
}

/// The job of an answer to a launch, `{…, "id": …, …, "url": "…", …}`. `None` where that is not plain to see.
pub(super) fn launched(answer: &[u8]) -> Option<Launched<'_>> {
    let (mut id, mut url) = (None, None);
    let mut scanner = Scanner { text: answer, at: 0, depth: 0 };
    while id.is_none() || url.is_none() {
        match scanner.key()? {
            (1, b"id") => id = Some(scanner.number_value()?),
            (1, b"url") => url = Some(scanner.plain_value()?),
            _ => {}
        }
    }
    Some(Launched { id: id?, url: url? })
}

/// Where the one template of a page is launched, `{"count": 1, …, "results": [{…, "related": {…, "launch": "…", …}, …}]}`.
/// `None` where there is another number of them, or that is not plain to see.
pub(super) fn launch_of_only(page: &[u8]) -> Option<&str> {
    let (mut is_only, mut is_result, mut is_related) = (false, false, false);
    let mut scanner = Scanner { text: page, at: 0, depth: 0 };
    loop {
        match scanner.key()? {
            (1, b"count") => is_only = scanner.number_value()? == 1,
            (1, key) => is_result = is_only && key == b"results",
            (JOB_DEPTH, key) => is_related = is_result && key == b"related",
            (4, b"launch") if is_related => return scanner.plain_value(),
            _ => {}
        }
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// How many objects and lists are open.
    depth: usize,
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

    /// The next key, and how deep its field lies.
    fn key(&mut self) -> Option<(usize, &'a [u8])> {
        loop {
            match self.next()? {
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.checked_sub(1)?,
                b'"' => {
                    let word = self.string()?;
                    if self.peek() == Some(b':') {
                        return Some((self.depth, word));
                    }
                }
                _ => {}
            }
        }
    }

    /// The string after a colon, where nothing in it is escaped.
    fn plain_value(&mut self) -> Option<&'a str> {
        self.string_value().filter(|text| !text.contains('\\'))
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
    fn of_a_launch_only_the_jobs_own_id_and_place_count() {
        let answer = br#"{"job": 5, "ignored_fields": {"id": 9, "url": "no"}, "id": 5, "type": "job", "url": "/api/v2/jobs/5/", cut"#;
        assert_eq!(launched(answer), Some(Launched { id: 5, url: "/api/v2/jobs/5/" }));
        for text in [
            r#"{"id": 5}"#,
            r#"{"id": "x", "url": "y"}"#,
            r#"{"id": 5, "url": "a\/b"}"#,
            r#"[{"id": 5, "url": "y"}]"#,
            "",
        ] {
            assert_eq!(launched(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_template_is_found_where_it_is_the_only_one() {
        let page = |count: u32, results: &str| format!(r#"{{"count":{count},"next":null,"results":[{results}]}}"#);
        let template = r#"{"id": 7, "summary_fields": {"launch": "no"}, "related": {"jobs": "x", "launch": "/l/"}, "launch": "no"}"#;
        assert_eq!(launch_of_only(page(1, template).as_bytes()), Some("/l/"));
        for page in [page(0, ""), page(2, &format!("{template},{template}")), page(1, r#"{"id": 7}"#), "{".into()] {
            assert_eq!(launch_of_only(page.as_bytes()), None, "{page}");
        }
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
            let _ = (jobs(&text), launched(&text), launch_of_only(&text));
        }
    }
}
