//! `provbench crd`: the CustomResourceDefinitions, made from the types.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;

use crate::{
    api::crd,
    cli::{
        exit::{Exit, Failure},
        stdout::print,
    },
};

/// Writes the CustomResourceDefinitions
#[derive(Debug, Args)]
pub(super) struct CrdArguments {
    /// Where to
    #[arg(long, value_name = "DIR", default_value = "deploy/crds")]
    out: PathBuf,
    /// Write nothing; fail (exit 3) when the files are not what would be written
    #[arg(long)]
    check: bool,
}

const HEAD: &str = "# Made from the types by `provbench crd`; change those, not this.\n";

pub(super) fn crd(arguments: &CrdArguments) -> Result<Exit, Failure> {
    let definitions = crd::all().map_err(Failure::could_not_run)?;
    for (name, definition) in definitions {
        let yaml = serde_saphyr::to_string(&definition).map_err(Failure::could_not_run)?;
        let text = format!("{HEAD}{yaml}");
        let path = arguments.out.join(name);
        if arguments.check {
            let present = std::fs::read_to_string(&path).unwrap_or_default();
            if present != text {
                let error = anyhow!("{} is not what the types say; run `provbench crd`", path.display());
                return Err(Failure { exit: Exit::Gate, error });
            }
        } else {
            std::fs::create_dir_all(&arguments.out)
                .and_then(|()| std::fs::write(&path, text))
                .with_context(|| format!("failed to write {}", path.display()))
                .map_err(Failure::could_not_run)?;
            print(&path.display().to_string())?;
        }
    }
    Ok(Exit::Done)
}
