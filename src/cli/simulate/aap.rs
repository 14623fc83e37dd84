//! `provbench simulate aap`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::{Ground, ServeArguments, serve_until_told, token};
use crate::{
    cli::{exit::Failure, stdout::print},
    harness::target::kubeconfig,
    sim::{
        Aap, AapOptions, KubeVirt,
        aap::Template,
        playbook::{Playbook, Runner},
    },
};

/// A simulated automation controller: AWX's REST API, under /api/v2/ and /api/controller/v2/
///
/// Job templates: `create-compute-instance` (id 7) and `delete-compute-instance` (8); the same as workflows with `-workflow`
/// behind the name (9, 10). Clients show the token as a bearer token, or log in as `admin` with the token as the password. A
/// token that is made for this run is printed in front of the address.
///
/// Without a cluster a job only takes its time and succeeds. With one, jobs act on the instances there as the playbooks do.
#[derive(Debug, Args)]
pub(super) struct AapArguments {
    #[command(flatten)]
    serve: ServeArguments,
    /// A file with the token; one that does not exist gets a new one [default: what PROVBENCH_AAP_TOKEN says, else a new one]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Jobs act on the cluster of this kubeconfig
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Its context, instead of the current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
    /// Make the virtual machines of that cluster ready, where there is no KubeVirt to do it
    #[arg(long, requires = "kubeconfig")]
    boot_machines: bool,
    /// The name of the template that provisions
    #[arg(long, value_name = "NAME", default_value = "create-compute-instance")]
    provision_template: String,
    /// The name of the template that deprovisions
    #[arg(long, value_name = "NAME", default_value = "delete-compute-instance")]
    deprovision_template: String,
}

pub(super) async fn simulate(arguments: &AapArguments) -> Result<(), Failure> {
    let ground = Ground::prepare(&arguments.serve).await?;
    let in_environment = token::variable(token::AAP_VARIABLE);
    let given = token::given_or_put(arguments.token_file.as_deref(), in_environment.as_deref());
    let token = if let Some(token) = given.map_err(Failure::usage)? {
        token
    } else {
        let token = token::make().map_err(Failure::could_not_run)?;
        print(&format!("token: {token}"))?;
        token
    };
    let Ground { clock, seed, truth, profile, journal, listener } = ground;
    let runner = match &arguments.kubeconfig {
        Some(file) => {
            let client = connect(file, arguments.context.as_deref()).await.map_err(Failure::could_not_run)?;
            if arguments.boot_machines {
                // It ends with the runtime.
                tokio::spawn(KubeVirt::run(
                    client.clone(),
                    clock.clone(),
                    seed,
                    profile.kubevirt.clone(),
                    truth.clone(),
                ));
            }
            Runner::new(client, clock.clone(), seed, truth.clone(), profile.playbooks.clone())
        }
        None => Runner::without_cluster(
            clock.clone(),
            seed,
            truth.clone(),
            profile.playbooks.clone(),
            profile.kubevirt.clone(),
        ),
    };
    let templates = templates(&arguments.provision_template, &arguments.deprovision_template);
    let aap = Aap::new(AapOptions { clock, seed, truth, profile: profile.aap, runner, token: Some(token), templates });
    serve_until_told(aap.service(), listener, journal, arguments.serve.lasts).await
}

fn templates(provision: &str, deprovision: &str) -> Vec<Template> {
    vec![
        Template::job(7, provision, Playbook::Create),
        Template::job(8, deprovision, Playbook::Delete),
        Template::workflow(9, &format!("{provision}-workflow"), Playbook::Create),
        Template::workflow(10, &format!("{deprovision}-workflow"), Playbook::Delete),
    ]
}

async fn connect(file: &Path, context: Option<&str>) -> anyhow::Result<kube::Client> {
    let what = || format!("can't use the kubeconfig {}", file.display());
    let config = kubeconfig::config(Some(file), context).await.with_context(what)?;
    kube::Client::try_from(config).with_context(what)
}
