//! `job_events/`: the lines that a job has written so far.

use bytes::Bytes;
use http::{Request, Response};
use serde::Serialize;

use super::{
    Controller,
    catalogue::Root,
    job::{Job, Status},
    list::Window,
    refusal::Refusal,
};
use crate::sim::http::{Query, write_json};

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the API's")]
struct Event<'a> {
    id: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
    created: String,
    event: &'static str,
    counter: u64,
    event_display: &'a str,
    failed: bool,
    changed: bool,
    stdout: String,
    start_line: u64,
    end_line: u64,
    job: u64,
}

impl Controller {
    /// The events of a job from a line on.
    pub(super) fn job_events(
        &self,
        root: Root,
        request: &Request<Bytes>,
        job: &Job,
    ) -> Result<Response<Bytes>, Refusal> {
        let query = Query::of(request);
        let from_line: u64 = query.get("start_line__gte").and_then(|line| line.parse().ok()).unwrap_or(0);
        let lines = lines_of(self, job);
        let asked: Vec<usize> = (0..lines.len()).filter(|line| *line as u64 >= from_line).collect();
        Window::of(query)?.page(request, &asked, |line, out| {
            let number = line as u64;
            let (event, display, stdout) = &lines[line];
            // Ids are unique: no job writes as many lines as there is room for.
            let id = job.id * 16 + number;
            let event = Event {
                id,
                kind: "job_event",
                url: format!("{}job_events/{id}/", root.path()),
                created: self.stamp(job.started.unwrap_or(job.created)),
                event,
                counter: number + 1,
                event_display: display,
                failed: job.status == Status::Failed && line + 1 == lines.len(),
                changed: false,
                stdout: stdout.clone(),
                start_line: number,
                end_line: number + 1,
                job: job.id,
            };
            write_json(&event, out);
        })
    }
}

fn lines_of(controller: &Controller, job: &Job) -> Vec<(&'static str, &'static str, String)> {
    let mut lines = Vec::new();
    if job.started.is_none() {
        return lines;
    }
    let playbook = job.template.map_or("", |at| controller.catalogue.template(at).playbook.file());
    lines.push(("playbook_on_start", "Playbook Started", String::new()));
    lines.push(("playbook_on_play_start", "Play Started", format!("PLAY [{playbook}] ****")));
    if let Some(failure) = &job.failure {
        lines.push(("runner_on_failed", "Host Failed", format!("fatal: [localhost]: {}", failure.explanation)));
    }
    if job.status.is_terminal() {
        let (ok, failed) = if job.status == Status::Successful { (1, 0) } else { (0, 1) };
        lines.push(("playbook_on_stats", "Playbook Complete", format!("localhost : ok={ok} failed={failed}")));
    }
    lines
}
