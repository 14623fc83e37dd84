//! `POST …/launch/`: from a request to a job.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde::de::IgnoredAny;
use serde_json::{json, value::RawValue};

use super::{
    Controller,
    api::Answer,
    catalogue::{Root, Template, TemplateKind},
    refusal::Refusal,
};
use crate::sim::{
    http::{JOB_SIZE, json, raw_json, with_header},
    playbook::Payload,
    profile::key,
};

/// What a launch may bring beside variables, a limit and labels, and no template of ours asks for.
const OTHER_PROMPTS: [&str; 14] = [
    "credential_passwords",
    "credentials",
    "diff_mode",
    "execution_environment",
    "forks",
    "instance_groups",
    "inventory",
    "job_slice_count",
    "job_tags",
    "job_type",
    "scm_branch",
    "skip_tags",
    "timeout",
    "verbosity",
];

/// The fields of a launch, each as it was sent.
type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// A job without variables.
pub(super) fn no_variables() -> Box<str> {
    escaped("{}")
}

impl Controller {
    /// Launches a template.
    pub(super) fn launch(self: &Arc<Self>, root: Root, template_at: usize, body: &Bytes) -> Result<Answer, Refusal> {
        let template = self.catalogue.template(template_at);
        if !template.may_execute {
            return Err(Refusal::Forbidden);
        }
        let fields = read_fields(body)?;
        if !template.missing_resources.is_empty() {
            let missing = template.missing_resources.iter();
            let missing: Vec<String> =
                missing.map(|resource| format!("Job Template {resource} is missing or undefined.")).collect();
            return Err(Refusal::field("resources_needed_to_start", missing));
        }
        let given = read_variables(fields.get("extra_vars").copied())?;
        check_required(template, &given)?;
        let mut ignored: BTreeMap<&str, &RawValue> = fields
            .iter()
            .filter(|(name, _)| is_ignored(template, name))
            .map(|(name, value)| (name.as_ref(), *value))
            .collect();
        let mut variables = given.as_ref();
        if !template.ask_variables_on_launch && names(&given).next().is_some() {
            if template.kind == TemplateKind::Workflow {
                return Err(refuse_variables(&given));
            }
            ignored.extend(fields.get("extra_vars").map(|sent| ("extra_vars", *sent)));
            variables = "{}";
        }
        let limit = fields.get("limit").filter(|_| template.ask_limit_on_launch);
        let limit: Cow<'_, str> = limit.and_then(|limit| serde_json::from_str(limit.get()).ok()).unwrap_or_default();

        let payload = Payload::from_extra_vars(variables);
        let (id, object, attempt) = self.create_job(template_at, escaped(variables), &limit, payload);
        let purpose = compact_str::format_compact!("{}.launch", template.playbook.job_type());
        let mut state = self.state.lock();
        let job = state.jobs.get_mut(id).ok_or(Refusal::NoMatch("Job"))?;
        let mut launched = Vec::with_capacity(JOB_SIZE + variables.len());
        self.write_launched(job, root, &ignored, &mut launched);
        let response = raw_json(StatusCode::CREATED, launched);
        let response = with_header(response, header::LOCATION, Self::job_url(job, root));
        Ok(Answer::keyed(response, key(self.seed, &object, &purpose, attempt)))
    }

    /// `GET …/launch/`: what a launch needs and asks for.
    pub(super) fn launch_requirements(&self, template_at: usize) -> Response<Bytes> {
        let template = self.catalogue.template(template_at);
        let required = &template.required_variables;
        json(
            StatusCode::OK,
            &json!({
                "can_start_without_user_input": required.is_empty() && template.missing_resources.is_empty(),
                "ask_variables_on_launch": template.ask_variables_on_launch,
                "ask_limit_on_launch": template.ask_limit_on_launch,
                "ask_labels_on_launch": template.ask_labels_on_launch,
                "ask_inventory_on_launch": false,
                "survey_enabled": !required.is_empty(),
                "variables_needed_to_start": required,
                "defaults": {"extra_vars": "", "limit": ""},
            }),
        )
    }
}

fn read_fields(body: &Bytes) -> Result<Fields<'_>, Refusal> {
    if body.is_empty() {
        return Ok(Fields::new());
    }
    serde_json::from_slice(body).map_err(|error| {
        let message = if error.is_data() {
            "JSON parse error - not a JSON object".to_owned()
        } else {
            format!("JSON parse error - {error}\nPossible cause: trailing comma.")
        };
        Refusal::detail(message)
    })
}

/// The variables of a launch as the text of a JSON object; they may be sent as one, or as JSON or YAML in a string.
fn read_variables(sent: Option<&RawValue>) -> Result<Cow<'_, str>, Refusal> {
    let refuse = |message: String| Refusal::field("extra_vars", vec![message]);
    let sent = sent.map_or("null", RawValue::get);
    match sent.as_bytes().first() {
        Some(b'{') => Ok(Cow::Borrowed(sent)),
        Some(b'"') => {
            let text: String = serde_json::from_str(sent).unwrap_or_default();
            if text.trim().is_empty() {
                return Ok(Cow::Borrowed("{}"));
            }
            if text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(&text).is_ok() {
                return Ok(Cow::Owned(text));
            }
            match serde_saphyr::from_str::<serde_json::Value>(&text) {
                Ok(value @ serde_json::Value::Object(_)) => Ok(Cow::Owned(value.to_string())),
                Ok(serde_json::Value::Null) => Ok(Cow::Borrowed("{}")),
                Ok(value) => Err(refuse(format!("Input type `{}` is not a dictionary", python_type(&value)))),
                Err(error) => Err(refuse(format!("Cannot parse as JSON or YAML (error: {error})."))),
            }
        }
        Some(b'n') => Ok(Cow::Borrowed("{}")),
        _ => {
            let value = serde_json::from_str(sent).unwrap_or_default();
            Err(refuse(format!("Input type `{}` is not a dictionary", python_type(&value))))
        }
    }
}

fn python_type(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "NoneType",
        serde_json::Value::Bool(_) => "bool",
        serde_json::Value::Number(number) if number.is_f64() => "float",
        serde_json::Value::Number(_) => "int",
        serde_json::Value::String(_) => "str",
        serde_json::Value::Array(_) => "list",
        serde_json::Value::Object(_) => "dict",
    }
}

fn check_required(template: &Template, variables: &str) -> Result<(), Refusal> {
    if template.required_variables.is_empty() {
        return Ok(());
    }
    let given: Vec<String> = names(variables).collect();
    let missing = template.required_variables.iter().filter(|name| !given.contains(name));
    let missing: Vec<String> = missing.map(|name| format!("'{name}' value missing")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Refusal::field("variables_needed_to_start", missing))
}

fn is_ignored(template: &Template, field: &str) -> bool {
    match field {
        "limit" => !template.ask_limit_on_launch,
        "labels" => !template.ask_labels_on_launch,
        _ => OTHER_PROMPTS.contains(&field),
    }
}

fn refuse_variables(variables: &str) -> Refusal {
    let names: Vec<String> = names(variables).collect();
    let message = format!(
        "Variables {} are not allowed on launch. Check the Prompt on Launch setting on the Workflow Job Template to \
         include Extra Variables.",
        names.join(", ")
    );
    Refusal::field("extra_vars", vec![message])
}

/// The names in a JSON object, sorted.
fn names(object: &str) -> impl Iterator<Item = String> {
    serde_json::from_str::<BTreeMap<String, &RawValue>>(object).unwrap_or_default().into_keys()
}

/// A text as a JSON string. Most of what is escaped here is JSON itself, and nothing in it but quotes and backslashes.
fn escaped(text: &str) -> Box<str> {
    let mut json = String::with_capacity(text.len() + text.len() / 4 + 2);
    json.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' | b'\\' => {
                json.push_str(&text[plain..at]);
                json.push('\\');
                plain = at;
            }
            // A text serialises.
            0..b' ' => return serde_json::to_string(text).unwrap_or_default().into(),
            _ => {}
        }
    }
    json.push_str(&text[plain..]);
    json.push('"');
    json.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_escaped_as_serde_json_does_it() {
        for text in ["", "{}", "plain", r#"{"a":"b\c","d":"""}"#, "line\nbreak", "line\nbreak\"", "größe\u{7f}"] {
            assert_eq!(*escaped(text), serde_json::to_string(text).expect("JSON"));
        }
    }
}
