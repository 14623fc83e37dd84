//! A subject as it is written, in the experiment or in a file of its own, and what is meant by it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::{
    Arm, ExperimentError,
    error::read_text,
    json_path::JsonPath,
    places::Places,
    raw::{RawExperiment, RawSubjectPlace},
    resolve::Resolver,
    subject::{Jobs, PlaybookMarks, Subject, Test},
};

const PLACEHOLDERS: [&str; 4] = ["${name}", "${namespace}", "${tenant}", "${instance}"];

/// The marks of the playbooks that our own kind is worked on by.
const FINALIZER: &str = "cloudkit.openshift.io/computeinstance-aap";
const VERSION_ANNOTATION: &str = "cloudkit.openshift.io/reconciled-config-version";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSubject {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    #[serde(default)]
    plural: Option<String>,
    manifest: Spanned<Value>,
    #[serde(default)]
    jobs: Option<RawJobs>,
    ready: Spanned<RawTest>,
    #[serde(default)]
    failed: Option<Spanned<RawTest>>,
    #[serde(default)]
    playbook: Option<RawMarks>,
    #[serde(default)]
    environment_prefix: Option<Spanned<String>>,
    #[serde(default)]
    crds: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawJobs {
    path: Spanned<String>,
    id: Spanned<String>,
    #[serde(rename = "type")]
    kind: Spanned<String>,
    state: Spanned<String>,
    #[serde(default)]
    time: Option<Spanned<String>>,
    #[serde(default)]
    words: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMarks {
    #[serde(default)]
    finalizer: Option<String>,
    #[serde(default)]
    version_annotation: Option<String>,
    #[serde(default)]
    tenants: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTest {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    condition: Option<String>,
    #[serde(default)]
    status: Option<String>,
}

/// A subject in a file of its own.
pub(super) fn load(file: &Path) -> Result<Subject, ExperimentError> {
    let text = read_text(file)?;
    let options = serde_saphyr::options! { with_snippet: false };
    let places = Places::of_file(file);
    let raw: RawSubject =
        serde_saphyr::from_str_with_options(&text, options).map_err(|error| places.malformed(&error))?;
    resolve(&raw, &places)
}

struct At<'a>(&'a Places<'a>);

impl At<'_> {
    fn invalid<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> ExperimentError {
        self.0.invalid(at, message)
    }

    fn path(&self, text: &Spanned<String>) -> Result<JsonPath, ExperimentError> {
        text.value.parse().map_err(|error: String| self.invalid(text, error))
    }

    fn test(&self, raw: &Spanned<RawTest>) -> Result<Test, ExperimentError> {
        let RawTest { path, value, condition, status } = &raw.value;
        match (path, value, condition, status) {
            (Some(path), Some(value), None, None) => {
                let path = path.parse().map_err(|error: String| self.invalid(raw, error))?;
                Ok(Test::Value { path, value: value.clone() })
            }
            (None, None, Some(condition), status) => {
                let status = status.clone().unwrap_or_else(|| "True".to_owned());
                Ok(Test::Condition { condition: condition.clone(), status })
            }
            _ => {
                Err(self.invalid(raw, "give either `path` and `value`, or `condition` (and `status`, True by default)"))
            }
        }
    }

    /// Definitions of the subject's group define the subject. Where there are none of its group, the cluster has to know it.
    fn defined(&self, raw: &RawSubject, plural: &str, definitions: &[Value]) -> Result<(), ExperimentError> {
        let Some((group, version)) = raw.api_version.value.split_once('/') else { return Ok(()) };
        let kind = &raw.kind.value;
        let of_group: Vec<&Value> =
            definitions.iter().filter(|definition| definition["spec"]["group"] == *group).collect();
        let is_it = |definition: &&Value| {
            let spec = &definition["spec"];
            spec["names"]["kind"] == **kind
                && spec["names"]["plural"] == *plural
                && spec["scope"] == "Namespaced"
                && versions(definition).any(|served| served == version)
        };
        if of_group.is_empty() || of_group.iter().any(is_it) {
            return Ok(());
        }
        let known: Vec<String> = of_group.into_iter().map(shown_definition).collect();
        let message = format!(
            "`crds` define no {kind} (`{plural}`, Namespaced, served as {version}) of {group}, but {}; mend `api_version`, `kind` \
             or `plural`, or name the file of its definition too",
            known.join(" and ")
        );
        Err(self.invalid(&raw.kind, message))
    }

    fn definitions(&self, files: &[Spanned<String>]) -> Result<Vec<Value>, ExperimentError> {
        let mut definitions = Vec::new();
        for name in files {
            let file: PathBuf = self.0.file.parent().unwrap_or(Path::new(".")).join(&name.value);
            let text = std::fs::read_to_string(&file)
                .map_err(|error| self.invalid(name, format!("{} can't be read: {error}", file.display())))?;
            let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
                .map_err(|error| self.invalid(name, format!("{} is no YAML: {error}", file.display())))?;
            for document in documents.into_iter().filter(|document| !document.is_null()) {
                if document["kind"] != "CustomResourceDefinition" {
                    let message = format!("{} has something in it that is no CustomResourceDefinition", file.display());
                    return Err(self.invalid(name, message));
                }
                definitions.push(document);
            }
        }
        Ok(definitions)
    }
}

/// A definition as a message shows it.
fn shown_definition(definition: &Value) -> String {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    let versions = versions(definition).collect::<Vec<_>>().join(", ");
    format!(
        "{} (`{}`, {}, served as {versions})",
        text("/spec/names/kind"),
        text("/spec/names/plural"),
        text("/spec/scope")
    )
}

/// The versions that a definition has served.
fn versions(definition: &Value) -> impl Iterator<Item = &str> {
    let all = definition.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    all.filter(|version| version["served"] == true).filter_map(|version| version["name"].as_str())
}

/// What is meant by it; paths are beside the file of `places`.
pub(super) fn resolve(raw: &RawSubject, places: &Places<'_>) -> Result<Subject, ExperimentError> {
    let at = At(places);
    let version = &raw.api_version.value;
    if version.split('/').count() > 2 || version.split('/').any(str::is_empty) {
        return Err(at.invalid(&raw.api_version, format!("`{version}` is no apiVersion; write it as example.com/v1")));
    }
    if raw.kind.value.is_empty() {
        return Err(at.invalid(&raw.kind, "the kind has no name"));
    }
    if !raw.manifest.value.is_object() {
        return Err(at.invalid(&raw.manifest, "the manifest is a map, with `spec` and perhaps `metadata`"));
    }
    if let Some(unknown) = unknown_placeholder(&raw.manifest.value) {
        let known = PLACEHOLDERS.join(", ");
        return Err(at.invalid(
            &raw.manifest,
            format!("the manifest has an unknown placeholder `{unknown}`; there are {known}"),
        ));
    }
    let jobs = match &raw.jobs {
        None => None,
        Some(jobs) => Some(Jobs {
            path: at.path(&jobs.path)?,
            id: at.path(&jobs.id)?,
            kind: at.path(&jobs.kind)?,
            state: at.path(&jobs.state)?,
            time: jobs.time.as_ref().map(|time| at.path(time)).transpose()?,
            words: jobs.words.clone(),
        }),
    };
    let prefix = match &raw.environment_prefix {
        Some(prefix) if !["CLOUDKIT_", "OSAC_"].contains(&prefix.value.as_str()) => {
            return Err(at.invalid(prefix, format!("`{}` is no prefix; use CLOUDKIT_ or OSAC_", prefix.value)));
        }
        Some(prefix) => prefix.value.clone(),
        None => "CLOUDKIT_".to_owned(),
    };
    let plural = raw.plural.clone().unwrap_or_else(|| format!("{}s", raw.kind.value.to_ascii_lowercase()));
    let definitions = at.definitions(&raw.crds)?;
    at.defined(raw, &plural, &definitions)?;
    let marks = raw.playbook.as_ref();
    let or = |mark: Option<&String>, default: &str| mark.cloned().unwrap_or_else(|| default.to_owned());
    Ok(Subject {
        file: places.file.to_owned(),
        api_version: version.clone(),
        kind: raw.kind.value.clone(),
        plural,
        manifest: raw.manifest.value.clone(),
        jobs,
        ready: at.test(&raw.ready)?,
        failed: raw.failed.as_ref().map(|failed| at.test(failed)).transpose()?,
        playbook: PlaybookMarks {
            finalizer: or(marks.and_then(|marks| marks.finalizer.as_ref()), FINALIZER),
            version_annotation: or(marks.and_then(|marks| marks.version_annotation.as_ref()), VERSION_ANNOTATION),
            tenants: marks.is_some_and(|marks| marks.tenants),
        },
        environment_prefix: prefix,
        definitions,
    })
}

impl Resolver<'_> {
    pub(super) fn subject(&self, raw: &RawExperiment, arms: &[Arm]) -> Result<Option<Arc<Subject>>, ExperimentError> {
        let Some(place) = &raw.subject else { return Ok(None) };
        let subject = match &place.value {
            RawSubjectPlace::File(path) => {
                let file = self.places.file.parent().unwrap_or(Path::new(".")).join(path);
                if file.is_dir() {
                    return Err(self.invalid(place, format!("{} is a folder; name the subject's file", file.display())));
                }
                if !file.is_file() {
                    return Err(self.invalid(place, format!("there is no subject in {}: no such file", file.display())));
                }
                load(&file)?
            }
            RawSubjectPlace::Inline(inline) => resolve(inline, self.places)?,
        };
        if let Some(arm) = arms.iter().find(|arm| arm.operator().is_in_process()) {
            let message = format!(
                "arm `{}` measures the operator in this process, which works on our ComputeInstance alone; with a subject each \
                 arm needs `operator: {{external: …}}` or `operator: none`",
                arm.name()
            );
            return Err(self.invalid(place, message));
        }
        if let Some(raw) = raw.arms.value.iter().find_map(|arm| arm.old_jobs.as_ref()) {
            return Err(
                self.invalid(raw, "`old_jobs` is a history of our ComputeInstance; it does not go with a subject")
            );
        }
        if let Some(instance) = &raw.instance {
            let at = instance.template_id.as_ref().or(instance.template_parameters.as_ref());
            if let Some(at) = at {
                return Err(self.invalid(at, "`instance` is about our ComputeInstance; a subject has its `manifest`"));
            }
        }
        if !subject.has_jobs()
            && let Some(state) = raw.scenarios.value.iter().find_map(|s| s.delete.as_ref()?.value.when_state.as_ref())
        {
            return Err(self.invalid(state, "the subject tells of no jobs, so that none has a state; use `after`"));
        }
        Ok(Some(Arc::new(subject)))
    }
}

/// A `${…}` that stands for nothing.
fn unknown_placeholder(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let mut rest = text.as_str();
            while let Some(start) = rest.find("${") {
                let end = rest[start..].find('}').map_or(rest.len(), |end| start + end + 1);
                if !PLACEHOLDERS.contains(&&rest[start..end]) {
                    return Some(rest[start..end].to_owned());
                }
                rest = &rest[end..];
            }
            None
        }
        Value::Array(items) => items.iter().find_map(unknown_placeholder),
        Value::Object(fields) => fields.values().find_map(unknown_placeholder),
        _ => None,
    }
}
