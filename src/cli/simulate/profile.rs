//! Profiles by name: those that ship are in the binary.

use std::path::Path;

use crate::sim::profile::{Profile, ProfileError};

const SHIPPED: [(&str, &str); 5] = [
    ("hands-on", include_str!("../../../experiments/profiles/hands-on.yaml")),
    ("instant", include_str!("../../../experiments/profiles/instant.yaml")),
    ("quiet-engine", include_str!("../../../experiments/profiles/quiet-engine.yaml")),
    ("short-jobs", include_str!("../../../experiments/profiles/short-jobs.yaml")),
    ("vmaas-dev-2026-02", include_str!("../../../experiments/profiles/vmaas-dev-2026-02.yaml")),
];

/// The profile of a name that ships, or of a file.
pub(super) fn load(name_or_file: &Path) -> Result<Profile, ProfileError> {
    match SHIPPED.iter().find(|(name, _)| name_or_file == Path::new(name)) {
        Some((name, yaml)) => Profile::from_yaml(yaml, Path::new(name)),
        None => Profile::load(name_or_file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_that_ships_is_valid() {
        for (name, _) in SHIPPED {
            load(Path::new(name)).expect("valid");
        }
        assert!(load(Path::new("no-such-profile")).is_err());
    }
}
