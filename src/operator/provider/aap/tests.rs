use serde_json::{Value, json};

use super::{
    super::recorder::{Recorder, Reply, answer, clock, object, seconds, text},
    *,
};
use crate::operator::{config::Secret, provider::LaunchedJob};

const TOKEN: &str = "t0ps3cret";

const FIND_CREATE: &str = "GET https://aap.example/api/controller/v2/job_templates/?name=create-vm";
const FIND_CREATE_WORKFLOW: &str = "GET https://aap.example/api/controller/v2/workflow_job_templates/?name=create-vm";
const FIND_DELETE: &str = "GET https://aap.example/api/controller/v2/job_templates/?name=delete%20vm%2F1";

fn aap(recorder: &Recorder) -> Aap {
    let settings = AapSettings {
        url: "https://aap.example/api/controller".into(),
        token: Secret::new(TOKEN.into()),
        provision_template: "create-vm".into(),
        deprovision_template: "delete vm/1".into(),
    };
    Aap::new(&settings, recorder.transport(), clock())
}

/// AWX's answer to a look-up by name.
fn page(templates: &[(u64, &str)]) -> Reply {
    let results: Vec<Value> = templates
        .iter()
        .map(|(id, name)| json!({"id": id, "type": "job_template", "name": name, "ask_variables_on_launch": true}))
        .collect();
    answer(200, &json!({"count": results.len(), "next": null, "previous": null, "results": results}))
}

/// AWX's record of a job.
fn job(id: u64, status: &str) -> Value {
    json!({
        "id": id, "type": "job", "url": format!("/api/v2/jobs/{id}/"), "name": "create-vm", "status": status,
        "failed": matches!(status, "failed" | "error" | "canceled"), "started": null, "finished": null,
        "canceled_on": null, "elapsed": 0.0, "job_explanation": "", "result_traceback": "",
        "extra_vars": "{\"ansible_eda\": {}}", "launch_type": "manual",
    })
}

fn launched(id: u64) -> Reply {
    let mut body = job(id, "pending");
    body["job"] = json!(id);
    body["ignored_fields"] = json!({});
    Reply::Answer(201, vec![("location", format!("/api/v2/jobs/{id}/"))], body.to_string())
}

fn no_such_job() -> Reply {
    answer(404, &json!({"detail": "No Job matches the given query."}))
}

fn forbidden_method() -> Reply {
    answer(405, &json!({"detail": "Method \"POST\" not allowed."}))
}

fn not_found() -> Reply {
    answer(404, &json!({"detail": "The requested resource could not be found."}))
}

async fn launch(aap: &Aap) -> Result<Launch, ProviderError> {
    aap.launch(JobType::Provision, &object("vms", "vm-1").0).await
}

fn as_launched(id: &str) -> Launch {
    Launch::Launched(LaunchedJob {
        job_id: Some(id.into()),
        state: JobState::Pending,
        message: String::new(),
        block_deletion_on_failure: true,
    })
}

#[tokio::test(start_paused = true)]
async fn a_launch_is_a_look_up_and_a_post_of_the_whole_object() {
    let recorder = Recorder::with([page(&[(9, "create-vm")]), launched(4711)]);
    assert_eq!(launch(&aap(&recorder)).await.expect("a launch"), as_launched("4711"));
    let sent = recorder.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].line, FIND_CREATE);
    assert_eq!(sent[1].line, "POST https://aap.example/api/controller/v2/job_templates/9/launch/");
    for request in &sent {
        assert_eq!(request.header("authorization"), Some("Bearer t0ps3cret"));
        assert_eq!(request.header("accept"), Some("application/json"));
    }
    assert!(sent[0].body.is_empty());
    assert_eq!(sent[0].header("content-type"), None);
    assert_eq!(sent[1].header("content-type"), Some("application/json"));
    let (_, payload) = object("vms", "vm-1");
    assert_eq!(sent[1].json(), json!({"extra_vars": {"ansible_eda": {"event": {"payload": payload}}}}));
}

#[tokio::test(start_paused = true)]
async fn a_template_is_looked_up_once() {
    let recorder = Recorder::with([page(&[(9, "create-vm")]), launched(1), launched(2)]);
    let aap = aap(&recorder);
    launch(&aap).await.expect("a launch");
    recorder.sent();
    assert_eq!(launch(&aap).await.expect("a launch"), as_launched("2"));
    assert_eq!(recorder.lines(), ["POST https://aap.example/api/controller/v2/job_templates/9/launch/"]);
}

#[tokio::test(start_paused = true)]
async fn only_a_template_of_this_very_name_counts() {
    let recorder = Recorder::with([page(&[(8, "create-vm-old"), (9, "create-vm")]), launched(1)]);
    launch(&aap(&recorder)).await.expect("a launch");
    assert_eq!(recorder.lines()[1], "POST https://aap.example/api/controller/v2/job_templates/9/launch/");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_encoded_for_the_query() {
    let recorder = Recorder::with([page(&[(5, "delete vm/1")]), launched(1)]);
    aap(&recorder).launch(JobType::Deprovision, &object("vms", "vm-1").0).await.expect("a launch");
    assert_eq!(recorder.lines()[0], FIND_DELETE);
    assert_eq!(encoded("Ä-._~9z&="), "%C3%84-._~9z%26%3D");
}

#[tokio::test(start_paused = true)]
async fn a_template_that_was_made_anew_is_looked_up_again() {
    let recorder = Recorder::with([page(&[(9, "create-vm")]), not_found(), page(&[(10, "create-vm")]), launched(3)]);
    let aap = aap(&recorder);
    assert_eq!(launch(&aap).await.expect("a launch"), as_launched("3"));
    assert_eq!(recorder.lines()[3], "POST https://aap.example/api/controller/v2/job_templates/10/launch/");
    recorder.then([not_found(), page(&[]), page(&[])]);
    let error = launch(&aap).await.expect_err("no launch");
    assert!(matches!(error, ProviderError::NoTemplate { .. }), "{error}");
    recorder.then([page(&[(11, "create-vm")]), not_found(), page(&[(11, "create-vm")]), not_found()]);
    let error = launch(&aap).await.expect_err("no launch, and no third attempt");
    assert!(matches!(error, ProviderError::NoTemplate { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nobody_knows_is_an_error_that_says_what_to_do() {
    let recorder = Recorder::with([page(&[]), page(&[(1, "other")])]);
    let error = launch(&aap(&recorder)).await.expect_err("no launch");
    assert_eq!(
        error.to_string(),
        "AAP has no job template and no workflow job template named \"create-vm\"; create it, or correct the setting"
    );
    assert_eq!(recorder.lines(), [FIND_CREATE, FIND_CREATE_WORKFLOW]);
}

#[tokio::test(start_paused = true)]
async fn defect_9_a_workflows_jobs_are_read_and_cancelled_under_workflow_jobs() {
    let recorder = Recorder::with([
        page(&[]),
        page(&[(21, "create-vm")]),
        answer(
            201,
            &json!({"workflow_job": 77, "id": 77, "type": "workflow_job", "status": "pending", "ignored_fields": {}}),
        ),
        answer(200, &json!({"id": 77, "type": "workflow_job", "status": "running", "job_explanation": ""})),
        text(202, ""),
    ]);
    let aap = aap(&recorder);
    assert_eq!(launch(&aap).await.expect("a launch"), as_launched("77"));
    let running = Polled::Job { state: JobState::Running, message: String::new() };
    assert_eq!(aap.poll(JobType::Provision, "77").await.expect("an answer"), running);
    assert_eq!(aap.cancel(JobType::Provision, "77").await.expect("an answer"), Canceled::Requested);
    let base = "https://aap.example/api/controller/v2";
    assert_eq!(
        recorder.lines(),
        [
            FIND_CREATE.to_owned(),
            FIND_CREATE_WORKFLOW.to_owned(),
            format!("POST {base}/workflow_job_templates/21/launch/"),
            format!("GET {base}/workflow_jobs/77/"),
            format!("POST {base}/workflow_jobs/77/cancel/"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn every_status_of_aaps_has_its_state() {
    for (status, state) in [
        ("new", JobState::Pending),
        ("pending", JobState::Pending),
        ("waiting", JobState::Waiting),
        ("running", JobState::Running),
        ("successful", JobState::Succeeded),
        ("failed", JobState::Failed),
        ("error", JobState::Failed),
        ("canceled", JobState::Canceled),
        ("cancelled", JobState::Unknown),
        ("Successful", JobState::Unknown),
        ("", JobState::Unknown),
    ] {
        let recorder = Recorder::with([page(&[(9, "create-vm")]), answer(200, &job(1, status))]);
        let polled = aap(&recorder).poll(JobType::Provision, "1").await.expect("an answer");
        let message =
            if state == JobState::Unknown { format!("AAP reports the status {status:?}") } else { String::new() };
        assert_eq!(polled, Polled::Job { state, message }, "{status}");
        assert_eq!(recorder.lines()[1], "GET https://aap.example/api/controller/v2/jobs/1/");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_says_why_in_one_line() {
    for (explanation, traceback, expected) in [
        (json!("\n  Task failed on host a \nmore"), json!("Traceback: x"), "Task failed on host a"),
        (json!(""), json!("\nTraceback: x\ny"), "Traceback: x"),
        (json!(null), json!(null), ""),
        (json!(""), json!(""), ""),
    ] {
        let mut record = job(1, "failed");
        record["job_explanation"] = explanation;
        record["result_traceback"] = traceback;
        let recorder = Recorder::with([page(&[(9, "create-vm")]), answer(200, &record)]);
        let polled = aap(&recorder).poll(JobType::Provision, "1").await.expect("an answer");
        assert_eq!(polled, Polled::Job { state: JobState::Failed, message: expected.into() });
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_under_neither_path_is_purged() {
    let recorder = Recorder::with([page(&[(9, "create-vm")]), no_such_job(), no_such_job()]);
    assert_eq!(aap(&recorder).poll(JobType::Provision, "1").await.expect("an answer"), Polled::Purged);
    let lines = recorder.lines();
    assert!(lines[1].ends_with("/v2/jobs/1/") && lines[2].ends_with("/v2/workflow_jobs/1/"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_is_found_although_its_template_is_of_the_other_kind_by_now() {
    let recorder = Recorder::with([page(&[(9, "create-vm")]), no_such_job(), answer(200, &job(1, "running"))]);
    let running = Polled::Job { state: JobState::Running, message: String::new() };
    assert_eq!(aap(&recorder).poll(JobType::Provision, "1").await.expect("an answer"), running);
}

#[tokio::test(start_paused = true)]
async fn a_job_is_found_although_its_template_is_gone() {
    let recorder = Recorder::with([page(&[]), page(&[]), answer(200, &job(1, "successful"))]);
    let done = Polled::Job { state: JobState::Succeeded, message: String::new() };
    assert_eq!(aap(&recorder).poll(JobType::Provision, "1").await.expect("an answer"), done);
}

#[tokio::test(start_paused = true)]
async fn a_404_that_is_not_the_apis_own_purges_nothing() {
    for page_of_the_gateway in ["<html><body>404 Not Found</body></html>", "", "\"no route\""] {
        let recorder = Recorder::with([page(&[(9, "create-vm")]), text(404, page_of_the_gateway)]);
        let aap = aap(&recorder);
        let error = aap.poll(JobType::Provision, "1").await.expect_err("no answer of AAP's");
        assert!(matches!(error, ProviderError::Refused { status: 404, .. }), "{error}");
        recorder.then([text(404, page_of_the_gateway), text(404, page_of_the_gateway)]);
        let error = launch(&aap).await.expect_err("no answer of AAP's");
        assert!(matches!(error, ProviderError::Refused { status: 404, .. }), "{error}");
        let error = aap.cancel(JobType::Provision, "1").await.expect_err("no answer of AAP's");
        assert!(matches!(error, ProviderError::Refused { status: 404, .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_one_post_whose_answers_are_told_apart() {
    for (replies, expected) in [
        (vec![text(202, "")], Canceled::Requested),
        (vec![forbidden_method()], Canceled::AlreadyEnded),
        (vec![no_such_job(), no_such_job()], Canceled::AlreadyEnded),
        (vec![no_such_job(), text(202, "")], Canceled::Requested),
    ] {
        let recorder = Recorder::with([page(&[(9, "create-vm")])]);
        let posts = replies.len();
        recorder.then(replies);
        assert_eq!(aap(&recorder).cancel(JobType::Provision, "1").await.expect("an answer"), expected);
        let sent = recorder.sent();
        assert_eq!(sent.len(), 1 + posts);
        assert_eq!(sent[1].line, "POST https://aap.example/api/controller/v2/jobs/1/cancel/");
        assert_eq!(sent[1].json(), json!({}));
        assert_eq!(sent[1].header("authorization"), Some("Bearer t0ps3cret"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_whose_answer_was_cut_is_known_by_its_location() {
    let cut = |location: Vec<(&'static str, String)>| Reply::Answer(201, location, r#"{"id": 12, "sta"#.into());
    let recorder = Recorder::with([page(&[(9, "create-vm")]), cut(vec![("location", "/api/v2/jobs/12/".into())])]);
    assert_eq!(launch(&aap(&recorder)).await.expect("a launch"), as_launched("12"));
    for nowhere in [vec![], vec![("location", "/api/v2/jobs/".into())]] {
        let recorder = Recorder::with([page(&[(9, "create-vm")]), cut(nowhere)]);
        let error = launch(&aap(&recorder)).await.expect_err("no ID");
        assert!(matches!(error, ProviderError::Protocol { .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_refusal_says_what_it_was_and_what_to_do() {
    let retry_after = |value: &str| Reply::Answer(429, vec![("retry-after", value.to_owned())], "{}".into());
    let long = "x".repeat(500);
    let what = "POST https://aap.example/api/controller/v2/job_templates/9/launch/";
    for (reply, expected) in [
        (
            answer(401, &json!({"detail": "Authentication credentials were not provided. To establish a login session, visit /api/login/."})),
            "answered 401: the token is missing, wrong or expired; check CLOUDKIT_AAP_TOKEN (or CLOUDKIT_AAP_TOKEN_FILE)".to_owned(),
        ),
        (
            answer(403, &json!({"detail": "You do not have permission to perform this action."})),
            "answered 403: the token's user lacks the permission; grant it execute on the template".to_owned(),
        ),
        (retry_after("7"), "answered 429: too many requests; it is tried again later (if this lasts, raise CLOUDKIT_AAP_STATUS_POLL_INTERVAL, or the server's limit)".to_owned()),
        (
            answer(400, &json!({"variables_needed_to_start": ["'x' value missing"]})),
            "answered 400: {\"variables_needed_to_start\":[\"'x' value missing\"]}; correct on the server what it names".to_owned(),
        ),
        (forbidden_method(), "answered 405: {\"detail\":\"Method \\\"POST\\\" not allowed.\"}; check the URL in the operator's settings".to_owned()),
        (text(500, "<h1>Server\n   Error</h1>"), "answered 500: <h1>Server Error</h1>; the server's log says more".to_owned()),
        (text(502, ""), "answered 502: (no text); the server's log says more".to_owned()),
        (text(503, &long), format!("answered 503: {}…; the server's log says more", "x".repeat(200))),
        (
            text(302, ""),
            "gave an answer that is not the API's: a redirect (302), as to a login page; check that the URL points at the API".to_owned(),
        ),
        (
            text(200, "<html>log in</html>"),
            "gave an answer that is not the API's: expected value at line 1 column 1; check that the URL points at the API".to_owned(),
        ),
        (Reply::Broken("connection reset"), "got no answer: connection reset; check that the server is up, and the URL in the operator's settings".to_owned()),
        (Reply::Silence, "got no answer: no answer within 30s; check that the server is up, and the URL in the operator's settings".to_owned()),
    ] {
        let recorder = Recorder::with([page(&[(9, "create-vm")]), reply]);
        let error = launch(&aap(&recorder)).await.expect_err("no launch");
        assert_eq!(error.to_string(), format!("{what} {expected}"));
        assert_eq!(recorder.sent().len(), 2, "a provider never tries again by itself");
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_backend_may_say_when_to_come_back() {
    const DATE: &str = "Wed, 21 Oct 2026 07:28:00 GMT";
    for (value, expected) in [
        ("7", Some(seconds(7))),
        (" 0 ", Some(seconds(0))),
        ("-1", None),
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:45 GMT", Some(seconds(45))),
        ("Wed, 21 Oct 2026 07:27:00 GMT", Some(seconds(0))),
        ("Thu, 22 Oct 2026 07:28:00 GMT", Some(seconds(3600))),
    ] {
        let headers = vec![("retry-after", value.to_owned()), ("date", DATE.to_owned())];
        let recorder = Recorder::with([Reply::Answer(429, headers, String::new())]);
        let error = launch(&aap(&recorder)).await.expect_err("no launch");
        assert_eq!(error.retry_after(), expected, "{value}");
    }
    let recorder = Recorder::with([text(500, "")]);
    assert_eq!(launch(&aap(&recorder)).await.expect_err("no launch").retry_after(), None);
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_up_is_not_remembered() {
    let recorder = Recorder::with([text(500, ""), page(&[(9, "create-vm")]), launched(1)]);
    let aap = aap(&recorder);
    launch(&aap).await.expect_err("no template");
    assert_eq!(launch(&aap).await.expect("a launch"), as_launched("1"));
    let recorder = Recorder::with([text(500, "")]);
    let error = self::aap(&recorder).poll(JobType::Provision, "1").await.expect_err("no kind of job");
    assert!(matches!(error, ProviderError::Refused { status: 500, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_token_shows_nowhere() {
    let echo = format!("you sent Authorization: Bearer {TOKEN}");
    let replies = [
        text(500, &echo),
        text(401, &echo),
        text(200, &format!("\"{TOKEN}\"")),
        answer(200, &json!({"results": TOKEN})),
        text(302, &echo),
        Reply::Silence,
    ];
    for reply in replies {
        let recorder = Recorder::with([reply]);
        let aap = aap(&recorder);
        let error = launch(&aap).await.expect_err("no launch");
        for shown in [error.to_string(), format!("{error:?}"), format!("{aap:?}")] {
            assert!(!shown.contains(TOKEN), "{shown}");
        }
        let sent = format!("{:?}", recorder.sent()[0].headers);
        assert!(!sent.contains(TOKEN), "the header is marked as sensitive: {sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_no_header_can_carry_is_an_error_without_it() {
    let recorder = Recorder::default();
    let settings = AapSettings {
        url: "https://aap.example/api".into(),
        token: Secret::new("bad\nt0ken".into()),
        provision_template: "a".into(),
        deprovision_template: "b".into(),
    };
    let aap = Aap::new(&settings, recorder.transport(), clock());
    let error = launch(&aap).await.expect_err("no request").to_string();
    assert!(error.contains("no header can carry") && !error.contains("t0ken"), "{error}");
    assert_eq!(recorder.sent(), []);
}
