//! A job as the controller tells it, and as much of that as is read.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use crate::{api::JobState, operator::provider::LaunchedJob};

/// What is read of a job, whole or in a list.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) status: String,
    #[serde(rename = "job_explanation", default)]
    explanation: Option<String>,
    #[serde(default)]
    result_traceback: Option<String>,
}

impl Job {
    /// A job of which nothing is known but its number.
    pub(super) fn just_launched(id: u64) -> Self {
        Self { id, status: "pending".to_owned(), explanation: None, result_traceback: None }
    }

    /// Reads the answer to a question for one job. What stands behind the last field that is wanted is not looked at: most
    /// of an answer is the variables, which hold the whole object that the job is for.
    ///
    /// # Errors
    /// Where the answer is no JSON up to there, or has no number or no status.
    pub(super) fn read(answer: &[u8]) -> serde_json::Result<Self> {
        let mut wanted = Wanted::default();
        let mut json = serde_json::Deserializer::from_slice(answer);
        let end = wanted.deserialize(&mut json);
        match wanted {
            Wanted {
                id: Some(id),
                status: Some(status),
                explanation: Some(explanation),
                traceback: Some(traceback),
            } => Ok(Self { id, status, explanation: Some(explanation), result_traceback: Some(traceback) }),
            // Read to its end, or to where it is no JSON.
            _ => end.and_then(|()| serde_json::from_slice(answer)),
        }
    }

    /// The first line that explains the state, where AAP gives one.
    pub(super) fn message(&self) -> String {
        [&self.explanation, &self.result_traceback]
            .into_iter()
            .flatten()
            .flat_map(|text| text.lines())
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default()
            .to_owned()
    }

    /// The job's state.
    pub(super) fn state(&self) -> JobState {
        match self.status.as_str() {
            "new" | "pending" => JobState::Pending,
            "waiting" => JobState::Waiting,
            "running" => JobState::Running,
            "successful" => JobState::Succeeded,
            "failed" | "error" => JobState::Failed,
            "canceled" => JobState::Canceled,
            _ => JobState::Unknown,
        }
    }

    /// The job as the history takes it.
    pub(super) fn launched(&self) -> LaunchedJob {
        LaunchedJob {
            job_id: Some(compact_str::format_compact!("{}", self.id)),
            state: self.state(),
            message: self.message(),
            block_deletion_on_failure: true,
        }
    }
}

/// The fields of a job as they turn up.
#[derive(Default)]
struct Wanted {
    id: Option<u64>,
    status: Option<String>,
    explanation: Option<String>,
    traceback: Option<String>,
}

/// The name of a field, as far as it matters.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Id,
    Status,
    JobExplanation,
    ResultTraceback,
    #[serde(other)]
    Other,
}

impl Wanted {
    fn is_complete(&self) -> bool {
        self.id.is_some() && self.status.is_some() && self.explanation.is_some() && self.traceback.is_some()
    }
}

impl<'de> DeserializeSeed<'de> for &mut Wanted {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Wanted {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a job")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while !self.is_complete() {
            let Some(field) = fields.next_key::<Field>()? else { break };
            match field {
                Field::Id => self.id = Some(fields.next_value()?),
                Field::Status => self.status = Some(fields.next_value()?),
                Field::JobExplanation => self.explanation = Some(text_or_null(&mut fields)?),
                Field::ResultTraceback => self.traceback = Some(text_or_null(&mut fields)?),
                Field::Other => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

fn text_or_null<'de, A: MapAccess<'de>>(fields: &mut A) -> Result<String, A::Error> {
    Ok(fields.next_value::<Option<String>>()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_wherever_its_fields_stand() {
        let fields = [
            r#""id": 7"#,
            r#""status": "failed""#,
            r#""job_explanation": "no \"host\"""#,
            r#""result_traceback": null"#,
            r#""extra_vars": "{\"id\": 8}", "related": {"status": "x", "id": 9}"#,
        ];
        let expected = Job {
            id: 7,
            status: "failed".to_owned(),
            explanation: Some("no \"host\"".to_owned()),
            result_traceback: Some(String::new()),
        };
        for turn in 0..fields.len() {
            let mut fields = fields;
            fields.rotate_left(turn);
            let answer = format!("{{{}}}", fields.join(", "));
            assert_eq!(Job::read(answer.as_bytes()).unwrap(), expected, "{answer}");
        }
    }

    #[test]
    fn fields_that_are_not_there_are_optional_or_missed() {
        assert_eq!(Job::read(br#"{"status": "pending", "id": 3}"#).unwrap(), Job::just_launched(3));
        for (answer, reason) in [
            (r#"{"id": 3}"#, "missing field `status`"),
            (r#"{"status": "pending"}"#, "missing field `id`"),
            ("<html>", "expected value"),
            (r#"{"id": 3, "status": "pen"#, "EOF while parsing a string"),
            (r#"{"id": "three"}"#, "invalid type"),
        ] {
            let error = Job::read(answer.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{answer}: {error}");
        }
    }
}
