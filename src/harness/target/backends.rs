//! The simulated backends of one trial.

use kube::Client;
use tokio::task::JoinHandle;

use crate::{
    harness::{
        experiment::arm::{DEPROVISION_TEMPLATE, PROVISION_TEMPLATE, SIMULATED_TOKEN},
        target::Blueprint,
    },
    sim::{
        Aap, AapOptions, Eda, EdaOptions, KubeVirt,
        aap::Template,
        eda::Endpoint,
        playbook::{Playbook, Runner},
    },
};

/// AAP and EDA; clones share them.
#[derive(Clone)]
pub(super) struct Backends {
    pub(super) aap: Aap,
    pub(super) eda: Eda,
}

impl Backends {
    /// Sets them up against a cluster; jobs and machines run on the runtime that this is called on.
    pub(super) fn start(blueprint: &Blueprint, cluster: Client) -> (Self, JoinHandle<()>) {
        let Blueprint { arm, seed, clock, truth, .. } = blueprint;
        let profile = arm.profile();
        let runner = Runner::new(cluster.clone(), clock.clone(), *seed, truth.clone(), profile.playbooks.clone());
        let runner = match &blueprint.subject {
            Some(subject) => runner.for_objects(subject.object_names()),
            None => runner,
        };
        let aap = Aap::new(AapOptions {
            clock: clock.clone(),
            seed: *seed,
            truth: truth.clone(),
            profile: profile.aap.clone(),
            runner,
            token: Some(SIMULATED_TOKEN.to_owned()),
            templates: vec![
                Template::job(7, PROVISION_TEMPLATE, Playbook::Create),
                Template::job(8, DEPROVISION_TEMPLATE, Playbook::Delete),
            ],
        });
        let eda = Eda::new(EdaOptions {
            clock: clock.clone(),
            seed: *seed,
            truth: truth.clone(),
            profile: profile.eda.clone(),
            aap: aap.service(),
            aap_token: Some(SIMULATED_TOKEN.to_owned()),
            endpoints: vec![Endpoint::create(PROVISION_TEMPLATE), Endpoint::delete(DEPROVISION_TEMPLATE)],
            webhook_token: None,
        });
        // The namespaces of the tenants have names that begin with that of the instances'.
        let within = blueprint.external.as_ref().map(|_| {
            // Those of a subject may be in its own.
            let end = if blueprint.subject.is_some() { "" } else { "-" };
            format!("{}{end}", blueprint.namespace).into()
        });
        let kubevirt =
            KubeVirt::run_within(cluster, clock.clone(), *seed, profile.kubevirt.clone(), truth.clone(), within);
        (Self { aap, eda }, tokio::spawn(kubevirt))
    }

    /// Resolves when neither has anything left to do.
    pub(super) async fn idle(&self) {
        loop {
            self.eda.idle().await;
            self.aap.idle().await;
            // A job's end may let the engine go on.
            if self.aap.quiesced() && self.eda.quiesced() {
                return;
            }
        }
    }
}
