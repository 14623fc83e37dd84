//! From what is written to what is meant: defaults, checks, profiles.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_saphyr::Spanned;

use crate::{
    api::JobState,
    harness::experiment::{
        Arm, Backend, DeleteWhen, Endpoints, Expectation, Experiment, ExperimentError, Overrides, Scenario,
        ScenarioKind, arm,
        design::{self, Names},
        places::Places,
        raw::{RawArm, RawDelete, RawExpectation, RawExperiment, RawKind, RawScenario},
    },
    operator::config::{ProviderKind, VARIABLES},
    record::ClockKind,
    sim::profile::Profile,
    units::{GoDuration, Seed},
};

/// The setting of how often the operator asks AAP for the state of a job.
pub(crate) const POLL_INTERVAL: &str = "CLOUDKIT_AAP_STATUS_POLL_INTERVAL";
/// More blocks or instances than this are a slip of the finger: no machine holds their records.
pub(super) const COUNT_MAX: u32 = 1_000_000;
/// A job takes some 150 bytes, and an API server takes no object of more than about a megabyte and a half.
const OLD_JOBS_MAX: u32 = 5_000;
const DEADLINE: Duration = Duration::from_secs(3600);
const TEMPLATE: &str = "osac.templates.ocp_virt_vm";

pub(super) struct Resolver<'a> {
    pub(super) places: &'a Places<'a>,
    clock: ClockKind,
    time_scale: f64,
}

impl Resolver<'_> {
    pub(super) fn clock(&self) -> ClockKind {
        self.clock
    }

    pub(super) fn time_scale(&self) -> f64 {
        self.time_scale
    }

    pub(super) fn invalid<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> ExperimentError {
        self.places.invalid(at, message)
    }

    pub(super) fn at_least_one(&self, what: &str, number: &Spanned<u32>) -> Result<u32, ExperimentError> {
        match number.value {
            0 => Err(self.invalid(number, format!("{what} is 0; at least 1 is needed"))),
            count if count > COUNT_MAX => {
                Err(self.invalid(number, format!("{what} is {count}; at most {COUNT_MAX} are possible")))
            }
            count => Ok(count),
        }
    }

    /// Every instance must arrive before the trial is cut off.
    fn spacing(&self, raw: &RawExperiment, deadline: GoDuration) -> Result<GoDuration, ExperimentError> {
        let Some(arrival) = &raw.arrival else { return Ok(GoDuration::default()) };
        let spacing = arrival.spacing.value;
        let last = spacing.0.checked_mul(raw.instances.value.saturating_sub(1));
        if last.is_none_or(|last| last >= deadline.0) {
            let message = format!(
                "{} instances {spacing} apart don't all arrive before the deadline of {deadline}; arrive closer, or set a later `deadline`",
                raw.instances.value
            );
            return Err(self.invalid(&arrival.spacing, message));
        }
        Ok(spacing)
    }

    /// What the API server would refuse only when everything is up.
    fn template(&self, raw: &RawExperiment) -> Result<(String, Option<String>), ExperimentError> {
        let Some(instance) = &raw.instance else { return Ok((TEMPLATE.to_owned(), None)) };
        let id = match &instance.template_id {
            Some(id) => {
                let starts = id.value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                if !starts || !id.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_') {
                    let message = format!("`{}` is no template ID; it follows ^[a-zA-Z_][a-zA-Z0-9._]*$", id.value);
                    return Err(self.invalid(id, message));
                }
                id.value.clone()
            }
            None => TEMPLATE.to_owned(),
        };
        if let Some(parameters) = &instance.template_parameters
            && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&parameters.value).is_err()
        {
            return Err(self.invalid(parameters, "the template's parameters are a JSON map, written as a string"));
        }
        Ok((id, instance.template_parameters.as_ref().map(|parameters| parameters.value.clone())))
    }

    fn name(&self, what: &str, name: &Spanned<String>) -> Result<String, ExperimentError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.value.is_empty() || !name.value.chars().all(fits) || name.value.starts_with('.') {
            let message = format!("`{}` can't name {what}; use letters, digits, `-`, `_` and `.`", name.value);
            return Err(self.invalid(name, message));
        }
        Ok(name.value.clone())
    }

    fn state(&self, word: &Spanned<String>) -> Result<JobState, ExperimentError> {
        JobState::ALL.into_iter().find(|state| state.as_str() == word.value).ok_or_else(|| {
            let known: Vec<&str> = JobState::ALL.iter().map(|state| state.as_str()).collect();
            self.invalid(word, format!("`{}` is no JobState; use one of {}", word.value, known.join(", ")))
        })
    }

    /// The file of a profile: a path as it is, a name in the folder `profiles` beside the experiment.
    fn profile(&self, name: &Spanned<String>) -> Result<Profile, ExperimentError> {
        let folder = self.places.file.parent().unwrap_or(Path::new("."));
        let is_yaml = |extension: &std::ffi::OsStr| extension == "yaml" || extension == "yml";
        let is_path = name.value.contains('/') || Path::new(&name.value).extension().is_some_and(is_yaml);
        let path = if is_path {
            folder.join(&name.value)
        } else {
            folder.join("profiles").join(format!("{}.yaml", name.value))
        };
        if path.is_dir() {
            let message = format!("the profile `{}` is a folder ({}); name a file in it", name.value, path.display());
            return Err(self.invalid(name, message));
        }
        if !path.is_file() {
            let known = profiles_in(&folder.join("profiles"));
            let known = if known.is_empty() { String::new() } else { format!("; known are {}", known.join(", ")) };
            let message = format!("there is no profile `{}` ({} does not exist){known}", name.value, path.display());
            return Err(self.invalid(name, message));
        }
        Ok(Profile::load(&path)?)
    }

    fn arm(&self, raw: &RawArm, default: Option<&Spanned<String>>) -> Result<Arm, ExperimentError> {
        let name = self.name("an arm", &raw.name)?;
        let provider: ProviderKind = raw.provider.value.parse().map_err(|expected: String| {
            self.invalid(&raw.provider, format!("`{}` is no provider: {expected}", raw.provider.value))
        })?;
        let profile_name = raw.profile.as_ref().or(default).ok_or_else(|| {
            self.invalid(&raw.name, format!("arm `{name}` has no profile; set `profile:` here or for the experiment"))
        })?;
        let mut settings = BTreeMap::new();
        for (variable, value) in &raw.settings {
            if !VARIABLES.iter().any(|known| known.name == variable) {
                let known: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
                let message = format!("the operator has no setting {variable}; it has {}", known.join(", "));
                return Err(self.invalid(value, message));
            }
            settings.insert(variable.clone(), value.value.clone());
        }
        if let Some(interval) = &raw.poll_interval {
            if interval.value.0.is_zero() {
                return Err(self.invalid(interval, "the poll interval must be longer than 0s"));
            }
            settings.insert(POLL_INTERVAL.to_owned(), interval.value.to_string());
        }
        self.check_settings(raw, provider, &settings)?;
        let operator = self.operator(raw)?;
        Ok(Arm {
            name,
            provider,
            settings,
            old_jobs: self.old_jobs(raw)?,
            audit: false,
            backend: match &raw.backend {
                Some(backend) => self.backend(backend, provider, &operator)?,
                None => Backend::default(),
            },
            operator,
            namespace: raw.namespace.as_ref().map(|namespace| namespace.value.clone()),
            profile_name: profile_name.value.clone(),
            profile: self.profile(profile_name)?,
        })
    }

    fn old_jobs(&self, raw: &RawArm) -> Result<u32, ExperimentError> {
        match &raw.old_jobs {
            Some(jobs) if jobs.value > OLD_JOBS_MAX => {
                let message =
                    format!("old_jobs is {}; an object holds at most {OLD_JOBS_MAX} in its megabyte", jobs.value);
                Err(self.invalid(jobs, message))
            }
            Some(jobs) => Ok(jobs.value),
            None => Ok(0),
        }
    }

    /// The operator itself reads the settings: what it would only warn of is an error here.
    fn check_settings(
        &self,
        raw: &RawArm,
        provider: ProviderKind,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), ExperimentError> {
        let endpoints = Endpoints {
            namespace: "check".to_owned(),
            aap_url: "http://aap/api/controller".to_owned(),
            eda_url: "http://eda".to_owned(),
        };
        let (_, warnings) = arm::read_config(&arm::environment(provider, &Backend::default(), settings, &endpoints))
            .map_err(|error| self.invalid(&raw.name, error.to_string()))?;
        match warnings.first() {
            Some(warning) => {
                let reason = warning.reason.split(';').next().unwrap_or_default();
                let message = format!("{} can't be {:?}: {reason}", warning.variable, warning.value);
                Err(match raw.settings.get(warning.variable) {
                    Some(value) => self.invalid(value, message),
                    None => self.invalid(&raw.name, message),
                })
            }
            None => Ok(()),
        }
    }

    fn scenario(&self, raw: &RawScenario, arms: &BTreeSet<String>) -> Result<Scenario, ExperimentError> {
        let (default_name, kind) = match raw.kind.value {
            RawKind::ProvisionDeprovision => {
                if let Some(delete) = &raw.delete {
                    return Err(self.invalid(delete, "`delete` belongs to delete-during-provision; use `hold` here"));
                }
                let hold = raw.hold.as_ref().map(|hold| hold.value).unwrap_or_default();
                ("provision-deprovision", ScenarioKind::ProvisionDeprovision { hold })
            }
            RawKind::DeleteDuringProvision => {
                if let Some(hold) = &raw.hold {
                    return Err(self.invalid(hold, "`hold` belongs to provision-deprovision; use `delete` here"));
                }
                let delete = raw.delete.as_ref().ok_or_else(|| {
                    self.invalid(
                        &raw.kind,
                        "when to delete is missing; add `delete: {when_state: Running}` or `delete: {after: 60s}`",
                    )
                })?;
                ("delete-during-provision", ScenarioKind::DeleteDuringProvision { delete: self.delete(delete)? })
            }
        };
        let name = match &raw.name {
            Some(name) => self.name("a scenario", name)?,
            None => default_name.to_owned(),
        };
        let mut expect = BTreeMap::new();
        for (arm, expectation) in &raw.expect {
            if !arms.contains(arm) {
                return Err(self.invalid(expectation, format!("`{arm}` is not an arm of this experiment")));
            }
            expect.insert(arm.clone(), self.expectation(&expectation.value)?);
        }
        Ok(Scenario { name, kind, operator: self.disturbance(raw)?, expect })
    }

    fn delete(&self, raw: &Spanned<RawDelete>) -> Result<DeleteWhen, ExperimentError> {
        match (&raw.value.when_state, raw.value.after) {
            (Some(state), None) => Ok(DeleteWhen::State(self.state(state)?)),
            (None, Some(after)) => Ok(DeleteWhen::After(after)),
            _ => Err(self.invalid(raw, "give either `when_state` or `after`")),
        }
    }

    fn expectation(&self, raw: &RawExpectation) -> Result<Expectation, ExperimentError> {
        Ok(Expectation {
            provision_state: raw.provision_state.as_ref().map(|state| self.state(state)).transpose()?,
            provision_jobs: raw.provision_jobs,
            deprovision_jobs: raw.deprovision_jobs,
        })
    }
}

/// The names, when no two are the same; `place` gives an error with the place of a name.
fn distinct<'n>(
    what: &str,
    names: impl Iterator<Item = &'n str>,
    place: impl Fn(usize, String) -> ExperimentError,
) -> Result<BTreeSet<String>, ExperimentError> {
    let mut known = BTreeSet::new();
    for (index, name) in names.enumerate() {
        if !known.insert(name.to_owned()) {
            return Err(place(index, format!("two {what} are named `{name}`; give each a name of its own")));
        }
    }
    Ok(known)
}

/// The names of the profiles in a folder, sorted.
fn profiles_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort_unstable();
    names
}

fn time_scale(
    resolver: &Resolver<'_>,
    raw: &RawExperiment,
    clock: ClockKind,
    overrides: &Overrides,
) -> Result<f64, ExperimentError> {
    let usable = |scale: f64| scale.is_finite() && scale > 0.0 && scale <= 1000.0;
    let wrong = "the time scale is real seconds for one recorded second: above 0, at most 1000".to_owned();
    let scale = match (overrides.time_scale, &raw.time_scale) {
        (Some(scale), _) if !usable(scale) => {
            return Err(ExperimentError::Option { option: format!("--time-scale {scale}"), message: wrong });
        }
        (Some(scale), _) => scale,
        (None, Some(scale)) if !usable(scale.value) => return Err(resolver.invalid(scale, wrong)),
        (None, Some(scale)) => scale.value,
        (None, None) => 1.0,
    };
    if clock == ClockKind::Virtual {
        if overrides.time_scale.is_some() {
            return Err(ExperimentError::Option {
                option: "--time-scale".to_owned(),
                message: "virtual time has no scale; add --clock real".to_owned(),
            });
        }
        return Ok(1.0);
    }
    Ok(scale)
}

/// The arms, and the baseline once more under the name that the audit gives it; the same is expected of it.
fn with_audit(mut arms: Vec<Arm>, scenarios: &mut [Scenario], audit: Option<&str>) -> Vec<Arm> {
    if let Some(name) = audit {
        for scenario in scenarios {
            if let Some(expectation) = scenario.expect.get(arms[0].name()).cloned() {
                scenario.expect.insert(name.to_owned(), expectation);
            }
        }
        let again = Arm { name: name.to_owned(), audit: true, ..arms[0].clone() };
        arms.push(again);
    }
    arms
}

pub(super) fn resolve(
    raw: &RawExperiment,
    places: &Places<'_>,
    overrides: &Overrides,
) -> Result<Experiment, ExperimentError> {
    let clock = overrides.clock.or(raw.clock).unwrap_or(ClockKind::Virtual);
    let mut resolver = Resolver { places, clock, time_scale: 1.0 };
    let time_scale = time_scale(&resolver, raw, clock, overrides)?;
    resolver.time_scale = time_scale;
    let deadline = match &raw.deadline {
        Some(deadline) if deadline.value.0.is_zero() => {
            return Err(resolver.invalid(deadline, "the deadline must be longer than 0s"));
        }
        Some(deadline) => deadline.value,
        None => GoDuration(DEADLINE),
    };
    if raw.arms.value.is_empty() {
        return Err(resolver.invalid(&raw.arms, "an experiment needs at least one arm"));
    }
    if raw.scenarios.value.is_empty() {
        return Err(resolver.invalid(&raw.scenarios, "an experiment needs at least one scenario"));
    }
    let arms: Vec<Arm> =
        raw.arms.value.iter().map(|arm| resolver.arm(arm, raw.profile.as_ref())).collect::<Result<_, _>>()?;
    let arm_names = distinct("arms", raw.arms.value.iter().map(|arm| arm.name.value.as_str()), |index, message| {
        resolver.invalid(&raw.arms.value[index].name, message)
    })?;
    let mut scenarios: Vec<Scenario> =
        raw.scenarios.value.iter().map(|scenario| resolver.scenario(scenario, &arm_names)).collect::<Result<_, _>>()?;
    resolver.check_disturbances(raw, &arms)?;
    let scenario_names = distinct("scenarios", scenarios.iter().map(Scenario::name), |index, message| {
        resolver.invalid(&raw.scenarios.value[index].kind, message)
    })?;
    let whole: Vec<String> = scenarios.iter().filter(|s| s.is_whole()).map(|s| s.name().to_owned()).collect();
    let names = Names { baseline: arms[0].name(), arms: &arm_names, scenarios: &scenario_names, whole: &whole, clock };
    let (design, blocks) = design::design(&resolver, raw, &names, overrides)?;
    let arms = with_audit(arms, &mut scenarios, design.audit.as_deref());
    let (template_id, template_parameters) = resolver.template(raw)?;
    let subject = resolver.subject(raw, &arms)?;
    let instances = resolver.at_least_one("instances", &raw.instances)?;
    let arrival_spacing = resolver.spacing(raw, deadline)?;
    Ok(Experiment {
        file: places.file.to_owned(),
        name: resolver.name("an experiment", &raw.name)?,
        description: raw.description.trim().to_owned(),
        seed: Seed::new(overrides.seed.or(raw.seed).unwrap_or(1)),
        clock,
        time_scale,
        blocks,
        design,
        instances,
        tenants: raw.tenants.as_ref().map_or(Ok(1), |tenants| resolver.at_least_one("tenants", tenants))?,
        arrival_spacing,
        deadline,
        template_id,
        template_parameters,
        subject,
        arms,
        scenarios,
    })
}
