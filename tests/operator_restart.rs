//! Restarts on request: the VirtualMachineInstance is deleted, once, and KubeVirt makes it anew.
#![cfg(feature = "harness")]

mod operator_lab;

use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use operator_lab::{Lab, NAMESPACE, api::Fault, phase, reason, seconds};
use provbench::{
    api::{Phase, VirtualMachine, tenant::tenant_namespace},
    operator::config::ProviderKind,
};
use serde_json::json;

/// What KubeVirt does, by hand.
struct KubeVirt {
    machines: Api<VirtualMachine>,
    instances: Api<DynamicObject>,
    resource: ApiResource,
}

impl KubeVirt {
    fn of(lab: &Lab) -> Self {
        let resource = ApiResource {
            group: "kubevirt.io".into(),
            version: "v1".into(),
            api_version: "kubevirt.io/v1".into(),
            kind: "VirtualMachineInstance".into(),
            plural: "virtualmachineinstances".into(),
        };
        let namespace = tenant_namespace(NAMESPACE, "acme");
        let instances = Api::namespaced_with(lab.client.clone(), &namespace, &resource);
        Self { machines: Api::namespaced(lab.client.clone(), &namespace), instances, resource }
    }

    async fn boot(&self, lab: &Lab, ready: bool) {
        if ready {
            let instance = DynamicObject::new("vm-1", &self.resource);
            self.instances.create(&PostParams::default(), &instance).await.expect("an instance");
        }
        let status = if ready { "True" } else { "False" };
        let now = format!("{:.0}", lab.clock.now());
        let patch = json!({"status": {"conditions": [{"type": "Ready", "status": status, "lastTransitionTime": now}]}});
        self.machines.patch_status("vm-1", &PatchParams::default(), &Patch::Merge(patch)).await.expect("a machine");
    }

    async fn has_instance(&self) -> bool {
        self.instances.get_opt("vm-1").await.expect("an answer").is_some()
    }
}

async fn ask(lab: &Lab) {
    let now = format!("{:.0}", lab.clock.now());
    lab.patch("vm-1", json!({"spec": {"restartRequestedAt": now}})).await;
}

async fn running() -> (Lab, KubeVirt) {
    let lab = Lab::start(ProviderKind::Eda).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    let kubevirt = KubeVirt::of(&lab);
    kubevirt.boot(&lab, true).await;
    lab.sleep(seconds(10)).await;
    (lab, kubevirt)
}

#[tokio::test(start_paused = true)]
async fn a_restart_deletes_the_instance_once_and_waits_for_the_new_one() {
    let (lab, kubevirt) = running().await;
    ask(&lab).await;
    lab.sleep(seconds(2)).await;
    assert!(!kubevirt.has_instance().await);
    kubevirt.boot(&lab, false).await;
    lab.sleep(seconds(1)).await;
    let object = lab.get("vm-1").await;
    assert_eq!(
        (phase(object.as_ref()), reason(object.as_ref(), "RestartInProgress")),
        (Some(Phase::Running), "Restarting".into())
    );
    let status = object.and_then(|object| object.status).expect("a status");
    assert!(status.last_restarted_at.is_some());
    assert_eq!(status.condition("Available").expect("the condition").status, "False");
    lab.sleep(seconds(20)).await;
    kubevirt.boot(&lab, true).await;
    lab.until("vm-1", seconds(5), "restarted", |object| reason(object, "RestartInProgress") == "Restarted").await;
    lab.sleep(seconds(600)).await;
    assert!(kubevirt.has_instance().await, "the new one stays");
    assert_eq!(lab.backend.launches("vm-1", false), 1, "no job is launched for it");
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_deletion_and_its_record_restarts_nothing_twice() {
    let (mut lab, kubevirt) = running().await;
    lab.server
        .fail(usize::MAX, Fault::Hang, |line, body| line.ends_with("/status") && body.contains("lastRestartedAt"));
    ask(&lab).await;
    lab.sleep(seconds(2)).await;
    assert!(!kubevirt.has_instance().await);
    kubevirt.boot(&lab, true).await;
    lab.kill_operator().await;
    lab.server.heal();
    lab.start_operator();
    lab.until("vm-1", seconds(5), "restarted", |object| reason(object, "RestartInProgress") == "Restarted").await;
    assert!(kubevirt.has_instance().await, "the one that was made since the request stays");
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_says_why_and_is_tried_again() {
    let (lab, kubevirt) = running().await;
    lab.server
        .fail(4, Fault::Refuse(500), |line, _| line.starts_with("DELETE") && line.contains("virtualmachineinstances"));
    ask(&lab).await;
    lab.until("vm-1", seconds(5), "failed", |object| reason(object, "RestartFailed") == "RestartFailed").await;
    lab.sleep(seconds(60)).await;
    let object = lab.get("vm-1").await;
    assert_eq!(reason(object.as_ref(), "RestartInProgress"), "Restarting");
    let failed = object.and_then(|object| object.status).expect("a status").condition("RestartFailed").cloned();
    assert_eq!(failed.expect("the condition").status, "False");
    assert!(!kubevirt.has_instance().await);
}

#[tokio::test(start_paused = true)]
async fn without_a_machine_a_restart_fails() {
    let (lab, kubevirt) = running().await;
    kubevirt.machines.delete("vm-1", &DeleteParams::default()).await.expect("a deletion");
    lab.sleep(seconds(1)).await;
    ask(&lab).await;
    lab.until("vm-1", seconds(5), "failed", |object| reason(object, "RestartFailed") == "NoVirtualMachine").await;
    assert!(kubevirt.has_instance().await);
}
