//! What is created, and how its life is read: an experiment's `subject`.
//!
//! Without one it is our ComputeInstance, which is read by types of its own, as fast as can be. A subject is read from its
//! JSON by paths.

use std::path::PathBuf;

use kube::core::ApiResource;
use serde::Serialize;
use serde_json::Value;

use super::json_path::JsonPath;
use crate::{record::Word, sim::playbook::ObjectNames, units::InstanceId};

/// A kind of object that is not our own ComputeInstance.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// Where it is written.
    #[serde(skip)]
    pub(super) file: PathBuf,
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) manifest: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jobs: Option<Jobs>,
    pub(super) ready: Test,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<Test>,
    pub(super) playbook: PlaybookMarks,
    pub(super) environment_prefix: String,
    /// The definitions, as they are to be installed: its own, and those of further kinds that an operator needs.
    #[serde(skip)]
    pub(super) definitions: Vec<Value>,
}

/// A subject of a kind that its cluster does not serve: no object of it could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}: the cluster serves no {kind} (`{plural}`) of {api_version} in namespaces, which the subject is; name the file of its \
     definition in the subject's `crds:` (of several versions the embedded cluster serves the one that is stored), or mend \
     `api_version`, `kind` or `plural`",
    .file.display()
)]
pub struct NotServed {
    file: PathBuf,
    api_version: String,
    kind: String,
    plural: String,
}

/// Where the jobs are, and what of a job is where in it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Jobs {
    pub(super) path: JsonPath,
    pub(super) id: JsonPath,
    #[serde(rename = "type")]
    pub(super) kind: JsonPath,
    pub(super) state: JsonPath,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<JsonPath>,
    /// Its words for types and states, and ours.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub(super) words: std::collections::BTreeMap<String, String>,
}

/// What a playbook leaves on the object.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PlaybookMarks {
    pub(super) finalizer: String,
    pub(super) version_annotation: String,
    /// Whether machines live in the namespace of a Tenant of the same group, and not in the object's own.
    pub(super) tenants: bool,
}

/// Something that is true of an object, or not.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Test {
    /// There is such a value.
    Value { path: JsonPath, value: Value },
    /// A condition (of `status.conditions`) has this status.
    Condition { condition: String, status: String },
}

impl Test {
    fn holds(&self, object: &Value) -> bool {
        match self {
            Self::Value { path, value } => path.find(object) == Some(value),
            Self::Condition { condition, status } => {
                let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
                conditions.into_iter().flatten().any(|one| one["type"] == **condition && one["status"] == **status)
            }
        }
    }
}

/// One job, in the words of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubjectJob {
    pub(crate) id: Word,
    pub(crate) kind: Word,
    pub(crate) state: Word,
}

impl Subject {
    /// `group/version`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name of its collection.
    #[must_use]
    pub fn plural(&self) -> &str {
        &self.plural
    }

    /// The error of a cluster that does not serve its kind.
    #[must_use]
    pub fn not_served(&self) -> NotServed {
        NotServed {
            file: self.file.clone(),
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            plural: self.plural.clone(),
        }
    }

    /// What the names of the operator's environment variables begin with.
    #[must_use]
    pub fn environment_prefix(&self) -> &str {
        &self.environment_prefix
    }

    /// The definitions that its cluster needs.
    #[must_use]
    pub fn definitions(&self) -> &[Value] {
        &self.definitions
    }

    /// Whether its status tells of jobs.
    #[must_use]
    pub fn has_jobs(&self) -> bool {
        self.jobs.is_some()
    }

    /// Where its objects are.
    pub(crate) fn path(&self, namespace: &str) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        format!("/{root}/{}/namespaces/{namespace}/{}", self.api_version, self.plural)
    }

    /// The same for a client.
    pub(crate) fn resource(&self) -> ApiResource {
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", &self.api_version));
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            plural: self.plural.clone(),
        }
    }

    /// What the simulated playbooks have to know of it.
    pub(crate) fn object_names(&self) -> ObjectNames {
        ObjectNames {
            api_version: self.api_version.clone(),
            plural: self.plural.clone(),
            finalizer: Word::from(self.playbook.finalizer.as_str()),
            version_annotation: self.playbook.version_annotation.clone(),
            tenants: self.playbook.tenants,
        }
    }

    /// The object of an instance.
    pub(crate) fn manifest(&self, instance: InstanceId, namespace: &str, tenants: u32) -> Value {
        let number = instance.index();
        let fill = |text: &str| {
            let tenant = format!("tenant-{}", number % tenants + 1);
            text.replace("${name}", &instance.to_string())
                .replace("${namespace}", namespace)
                .replace("${tenant}", &tenant)
                .replace("${instance}", &number.to_string())
        };
        let mut object = filled(&self.manifest, &|text| match text {
            "${instance}" => number.into(),
            text => fill(text).into(),
        });
        object["apiVersion"] = self.api_version.clone().into();
        object["kind"] = self.kind.clone().into();
        object["metadata"]["name"] = instance.to_string().into();
        object["metadata"]["namespace"] = namespace.into();
        object
    }

    /// Whether an object is what its owner wanted.
    pub(crate) fn is_ready(&self, object: &Value) -> bool {
        self.ready.holds(object)
    }

    /// Whether the operator gave an object up.
    pub(crate) fn has_failed(&self, object: &Value) -> bool {
        self.failed.as_ref().is_some_and(|failed| failed.holds(object))
    }

    /// Its jobs, in the order in which they stand, or in that of their times.
    pub(crate) fn jobs(&self, object: &Value) -> Vec<SubjectJob> {
        let Some(jobs) = &self.jobs else { return Vec::new() };
        let Some(found) = jobs.path.find(object).and_then(Value::as_array) else { return Vec::new() };
        let word = |path: &JsonPath, job: &Value| {
            let text = match path.find(job)? {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some(Word::from(jobs.words.get(&text).unwrap_or(&text).as_str()))
        };
        let mut read: Vec<(Option<&str>, SubjectJob)> = found
            .iter()
            .filter_map(|job| {
                let read = SubjectJob {
                    id: word(&jobs.id, job)?,
                    kind: word(&jobs.kind, job)?,
                    state: word(&jobs.state, job)?,
                };
                Some((jobs.time.as_ref().and_then(|time| time.find(job)?.as_str()), read))
            })
            .collect();
        // Times as Kubernetes writes them are in the order of their text; the order of the array decides between equal ones.
        read.sort_by_key(|(time, _)| *time);
        read.into_iter().map(|(_, job)| job).collect()
    }
}

/// The same with every text replaced.
fn filled(value: &Value, fill: &dyn Fn(&str) -> Value) -> Value {
    match value {
        Value::String(text) => fill(text),
        Value::Array(items) => items.iter().map(|item| filled(item, fill)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, fill)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
