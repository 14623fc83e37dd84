//! What the controller refuses, word for word.

use proptest::prelude::*;
use provbench::sim::{aap::Template, playbook::Playbook};
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    world::{World, call, profile},
};

#[tokio::test(start_paused = true)]
async fn refusals_are_worded_as_the_controller_words_them() {
    let world = World::new(profile("instant"), Cluster::default());
    let no_resource = json!({"detail": "The requested resource could not be found."});
    let not_allowed = |method: &str| json!({"detail": format!("Method \"{method}\" not allowed.")});
    let cases = [
        ("GET", "/api/v2/jobs/4711/", 404, json!({"detail": "No Job matches the given query."})),
        ("GET", "/api/v2/jobs/x/", 404, json!({"detail": "No Job matches the given query."})),
        ("POST", "/api/v2/jobs/4711/cancel/", 404, json!({"detail": "No Job matches the given query."})),
        ("GET", "/api/v2/workflow_jobs/1/", 404, json!({"detail": "No WorkflowJob matches the given query."})),
        (
            "POST",
            "/api/v2/job_templates/nobody/launch/",
            404,
            json!({"detail": "No JobTemplate matches the given query."}),
        ),
        ("GET", "/api/v2/nothing/", 404, no_resource.clone()),
        ("GET", "/nothing/", 404, no_resource.clone()),
        ("GET", "/api/v3/jobs/", 404, no_resource),
        ("POST", "/api/v2/jobs/", 405, not_allowed("POST")),
        ("DELETE", "/api/v2/job_templates/7/launch/", 405, not_allowed("DELETE")),
        ("GET", "/api/v2/jobs/?colour=red", 400, json!({"detail": "Job has no field named 'colour'"})),
    ];
    for (method, path, status, body) in cases {
        let answer = world.call(method, path, &Value::Null).await;
        assert_eq!((answer.0.as_u16(), answer.1), (status, body), "{method} {path}");
    }
    let (status, _) = world.call("GET", "/api/v2/jobs", &Value::Null).await;
    assert_eq!(status.as_u16(), 301, "a path ends with a slash");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_for_everywhere_but_at_the_roots() {
    let world = World::with(profile("instant"), Cluster::default(), crate::world::templates(), Some("secret"));
    for path in ["/api/", "/api/v2/", "/api/v2/ping/"] {
        world.get(path).await;
    }
    let (status, body) = world.call("GET", "/api/v2/me/", &Value::Null).await;
    let message = "Authentication credentials were not provided. To establish a login session, visit /api/login/.";
    assert_eq!((status.as_u16(), body), (401, json!({ "detail": message })));
}

#[tokio::test(start_paused = true)]
async fn launches_that_cannot_be_are_refused_with_the_reason() {
    let templates = vec![
        Template { required_variables: vec!["size".into()], ..Template::job(1, "survey", Playbook::Create) },
        Template { missing_resources: vec!["inventory".into()], ..Template::job(2, "torn", Playbook::Create) },
        Template { may_execute: false, ..Template::job(3, "locked", Playbook::Create) },
        Template { ask_variables_on_launch: false, ..Template::job(4, "deaf", Playbook::Create) },
        Template { ask_variables_on_launch: false, ..Template::workflow(5, "deaf-flow", Playbook::Create) },
    ];
    let world = World::with(profile("instant"), Cluster::default(), templates, None);
    let launch = async |kind: &str, id: u64, body: Value| {
        let (status, body) = world.call("POST", &format!("/api/v2/{kind}/{id}/launch/"), &body).await;
        (status.as_u16(), body)
    };
    let some = json!({"extra_vars": {"a": 1}});
    assert_eq!(
        launch("job_templates", 1, some.clone()).await,
        (400, json!({"variables_needed_to_start": ["'size' value missing"]}))
    );
    assert_eq!(launch("job_templates", 1, json!({"extra_vars": "{\"size\": 1}"})).await.0, 201);
    assert_eq!(
        launch("job_templates", 2, json!({})).await,
        (400, json!({"resources_needed_to_start": ["Job Template inventory is missing or undefined."]}))
    );
    assert_eq!(
        launch("job_templates", 3, json!({})).await,
        (403, json!({"detail": "You do not have permission to perform this action."}))
    );
    let (status, job) = launch("job_templates", 4, json!({"extra_vars": {"a": 1}, "inventory": 9})).await;
    assert_eq!((status, &job["ignored_fields"]), (201, &json!({"extra_vars": {"a": 1}, "inventory": 9})));
    assert_eq!(job["extra_vars"], "{}");
    let (status, body) = launch("workflow_job_templates", 5, some.clone()).await;
    assert_eq!(status, 400);
    assert!(body["extra_vars"][0].as_str().expect("a message").starts_with("Variables a are not allowed on launch."));
    assert_eq!(launch("workflow_job_templates", 5, json!({})).await.0, 201);
    assert_eq!(launch("workflow_job_templates", 4, json!({})).await.0, 404, "of the other kind");
    for (sent, said) in [(json!([1]), "list"), (json!("- 1"), "list"), (json!(7), "int")] {
        let (status, body) = launch("job_templates", 4, json!({ "extra_vars": sent })).await;
        assert_eq!((status, body), (400, json!({"extra_vars": [format!("Input type `{said}` is not a dictionary")]})));
    }
    let (status, job) = launch("job_templates", 1, json!({"extra_vars": "size: 3\nname: x"})).await;
    assert_eq!((status, &job["extra_vars"]), (201, &json!(r#"{"name":"x","size":3}"#)), "YAML will do");
    let (status, body) = call(&world.service, "POST", "/api/v2/job_templates/4/launch/", &json!([1])).await;
    assert_eq!((status.as_u16(), body), (400, json!({"detail": "JSON parse error - not a JSON object"})));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_request_makes_the_controller_panic(
        method in "GET|POST|OPTIONS|HEAD|PUT|DELETE",
        collection in "jobs|job_templates|workflow_jobs|unified_jobs|labels|organizations|unified_job_templates|me|[a-z]{0,4}",
        id in "[0-9]{0,21}|[a-z+%]{1,6}|create-vm(\\+\\+Default)?",
        tail in "|launch/|cancel/|job_events/|workflow_nodes/|[a-z]{1,4}",
        query in "|\\?(page|page_size|id__in|id__gt|created__gte|extra_vars|status|order_by|name|start_line__gte)=[-0-9a-z,%+]{0,22}",
        body in "|\\{\\}|\\{\"extra_vars\":.{0,8}\\}|[\\[\\]{}\":,a-z0-9]{0,12}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new(profile("instant"), Cluster::default());
            world.launch(7, "ci-0001").await;
            let path = format!("/api/v2/{collection}/{id}/{tail}{query}").replace("//", "/");
            let Ok(request) = http::Request::builder().method(method.as_str()).uri(&path).body(body.into()) else { return };
            let response = tower::ServiceExt::oneshot(world.service.clone(), request).await.expect("an answer");
            assert!(response.status().as_u16() < 500, "{method} {path}: {}", response.status());
            world.aap.idle().await;
        });
    }
}
