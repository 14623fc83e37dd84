//! The options of writes that come in the query, checked as apimachinery's `ValidateCreateOptions` and its kin do.

use serde_json::json;

use super::{apply::tracking::check_manager, field_error::FieldError, query::Query, status::Refusal};

/// Which options a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteOptions {
    /// Those of a POST.
    Create,
    /// Those of a PUT.
    Update,
    /// Those of a PATCH that is no apply.
    Patch,
    /// Those of a server-side apply.
    Apply,
    /// Those of a DELETE.
    Delete,
}

impl WriteOptions {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Patch | Self::Apply => "PatchOptions",
            Self::Delete => "DeleteOptions",
        }
    }

    /// Checks what a query says.
    ///
    /// # Errors
    /// 422 with everything that is wrong.
    pub(super) fn check(self, query: &Query<'_>) -> Result<(), Refusal> {
        let mut errors = Vec::new();
        match self {
            Self::Apply if query.field_manager.is_none() => {
                errors.push(FieldError::required("fieldManager", "is required for apply patch"));
            }
            Self::Patch if query.force.is_some() => {
                errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
            }
            _ => {}
        }
        if let Some(name) = &query.field_manager {
            errors.extend(check_manager(name));
        }
        if let Some(stage) = &query.odd_dry_run {
            errors.push(unknown_stage(&[stage.to_string()]));
        }
        if let Some(level) = query.field_validation.as_deref().filter(|_| self != Self::Delete)
            && !matches!(level, "Ignore" | "Warn" | "Strict")
        {
            let supported = ["", "Ignore", "Strict", "Warn"].map(|level| json!(level));
            errors.push(FieldError::not_supported("fieldValidation", &level.into(), &supported));
        }
        if errors.is_empty() { Ok(()) } else { Err(Refusal::invalid_options(self.name(), errors)) }
    }
}

/// A dry run knows one stage: `All`.
pub(super) fn unknown_stage(stages: &[String]) -> FieldError {
    FieldError::not_supported("dryRun", &json!(stages), &[json!("All")])
}
