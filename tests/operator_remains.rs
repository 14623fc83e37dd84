//! Defect 14: a job that is removed from view while its object is gone leaks its VM. Objects that are removed by force, with
//! their finalizers stripped, and machines whose object nobody remembers.
#![cfg(feature = "harness")]

mod operator_lab;

use std::time::Duration;

use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use operator_lab::{Lab, api::Fault, config, job_ids, millis, phase, seconds, states};
use provbench::{
    api::{
        JobState, JobType, Phase, Tenant, VirtualMachine, names,
        tenant::{tenant_namespace, tenant_object_name},
        virtual_machine::VirtualMachineSpec,
    },
    operator::config::ProviderKind,
};

const AAP: ProviderKind = ProviderKind::Aap;
const EDA: ProviderKind = ProviderKind::Eda;

fn launches(lab: &Lab) -> (usize, usize) {
    (lab.backend.launches("vm-1", false), lab.backend.launches("vm-1", true))
}

async fn assert_quiet(lab: &Lab) {
    let log = lab.log.lock().len();
    lab.sleep(seconds(4 * 3600)).await;
    assert_eq!(lab.log.lock().len(), log, "nobody goes on about it: {}", lab.log.lock()[log..].join("\n"));
}

#[tokio::test(start_paused = true)]
async fn defect_14_an_object_removed_by_force_during_its_job_leaves_no_vm() {
    for provider in [AAP, EDA] {
        for after in (1..12).map(|step| millis(step * 200 + 3)) {
            let lab = Lab::start(provider).await;
            lab.create("vm-1").await;
            lab.sleep(after).await;
            lab.remove_by_force("vm-1").await;
            lab.sleep(seconds(3600)).await;
            assert_eq!(lab.vms(), 0, "{provider}, removed after {after:?}: {}", lab.log.lock().join("\n"));
            let at_work = |(_, status): &(u64, &str)| matches!(*status, "pending" | "running");
            assert!(!lab.backend.job_statuses().iter().any(at_work), "no job goes on");
            assert!(lab.backend.cancels().len() <= 1, "it is stopped once");
            assert_quiet(&lab).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn defect_14_the_job_is_stopped_and_waited_for_before_the_machine_is_removed() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| {
        behaviour.create_time = seconds(300);
        behaviour.cancel_time = seconds(5);
    });
    lab.create("vm-1").await;
    lab.until("vm-1", seconds(10), "at work", |object| states(object) == [JobState::Running]).await;
    lab.remove_by_force("vm-1").await;
    lab.sleep(seconds(60)).await;
    assert_eq!((launches(&lab), lab.backend.cancels(), lab.vms()), ((1, 1), vec![1], 0));
    assert_eq!(lab.backend.overlaps(), Vec::<String>::new());
    assert_quiet(&lab).await;
}

#[tokio::test(start_paused = true)]
async fn defect_14_an_object_at_rest_that_is_removed_by_force_leaves_no_vm() {
    for provider in [AAP, EDA] {
        let lab = Lab::start(provider).await;
        lab.create("vm-1").await;
        lab.until_running("vm-1", seconds(60)).await;
        lab.sleep(seconds(5)).await;
        lab.remove_by_force("vm-1").await;
        lab.sleep(seconds(60)).await;
        assert_eq!((launches(&lab), lab.vms()), ((1, 1), 0));
        assert_quiet(&lab).await;
    }
}

#[tokio::test(start_paused = true)]
async fn defect_14_a_job_that_fails_to_clean_up_is_tried_again() {
    let lab = Lab::start(AAP).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.sleep(seconds(5)).await;
    lab.backend.behave(|behaviour| {
        behaviour.fail_jobs = 2;
        behaviour.refuse_launches = (2, 500);
    });
    lab.remove_by_force("vm-1").await;
    lab.sleep(seconds(20)).await;
    assert_eq!(lab.vms(), 1);
    lab.sleep(seconds(600)).await;
    assert_eq!((launches(&lab), lab.vms()), ((1, 3), 0));
    assert_quiet(&lab).await;
}

#[tokio::test(start_paused = true)]
async fn defect_14_a_machine_whose_object_went_while_nobody_was_there_is_removed() {
    for provider in [AAP, EDA] {
        for while_down in [false, true] {
            let mut lab = Lab::start(provider).await;
            lab.create("vm-1").await;
            lab.sleep(millis(1_000)).await;
            if while_down {
                lab.kill_operator().await;
                lab.remove_by_force("vm-1").await;
            } else {
                lab.remove_by_force("vm-1").await;
                lab.kill_operator().await;
            }
            lab.sleep(seconds(10)).await;
            assert_eq!(lab.vms(), 1);
            lab.start_operator();
            lab.sleep(seconds(100)).await;
            assert_eq!(lab.vms(), 1, "its object might still show up");
            lab.sleep(seconds(300)).await;
            assert_eq!((launches(&lab), lab.vms()), ((1, 1), 0));
            assert_quiet(&lab).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn defect_14_what_went_during_a_gap_of_the_watch_is_cleaned_up_after() {
    let mut lab = Lab::start(AAP).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.kill_operator().await;
    lab.server.fail(1, Fault::Hang, |line, _| line.starts_with("WATCH") && line.ends_with("computeinstances"));
    lab.start_operator();
    lab.sleep(seconds(1)).await;
    // Its watch hears nothing; it gives up on it after a while, and lists again.
    lab.remove_by_force("vm-1").await;
    lab.sleep(seconds(600)).await;
    assert_eq!((launches(&lab), lab.vms()), ((1, 1), 0));
}

#[tokio::test(start_paused = true)]
async fn defect_14_a_namesake_is_not_touched() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.create_time = seconds(20));
    lab.create("vm-1").await;
    lab.until("vm-1", seconds(10), "at work", |object| states(object) == [JobState::Running]).await;
    lab.remove_by_force("vm-1").await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(120)).await;
    assert_eq!(lab.backend.cancels(), [1], "the job of the one that is gone");
    assert_eq!(job_ids(lab.get("vm-1").await.as_ref(), JobType::Provision), ["2"]);
    lab.sleep(seconds(3600)).await;
    assert_eq!(phase(lab.get("vm-1").await.as_ref()), Some(Phase::Running));
    assert_eq!((launches(&lab), lab.vms()), ((2, 0), 1));
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    assert_eq!(lab.vms(), 0);
}

async fn stray_vm(lab: &Lab, namespace: &str, instance: &str) {
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(lab.client.clone());
    let object = serde_json::from_value(serde_json::json!({"metadata": {"name": namespace}})).expect("a namespace");
    namespaces.create(&PostParams::default(), &object).await.expect("a namespace");
    let vms: Api<VirtualMachine> = Api::namespaced(lab.client.clone(), namespace);
    let mut vm = VirtualMachine::new(instance, VirtualMachineSpec::default());
    vm.metadata.labels = Some([(names::INSTANCE_LABEL.to_owned(), instance.to_owned())].into());
    vms.create(&PostParams::default(), &vm).await.expect("a VM");
}

/// Who takes an instance out of management and deletes it keeps its machine: also from an operator that has never heard of it.
#[tokio::test(start_paused = true)]
async fn the_machine_of_an_instance_out_of_management_stays() {
    for (provider, state) in [(AAP, "manual"), (EDA, "unmanaged")] {
        for refused in [0, 3] {
            let mut lab = Lab::start(provider).await;
            lab.create("vm-1").await;
            lab.until_running("vm-1", seconds(60)).await;
            lab.patch(
                "vm-1",
                serde_json::json!({"metadata": {"annotations": {names::MANAGEMENT_STATE_ANNOTATION: state}}}),
            )
            .await;
            lab.sleep(seconds(5)).await;
            lab.server.fail(refused, Fault::Refuse(500), |line, _| {
                line.starts_with("PATCH") && line.contains("/virtualmachines/")
            });
            lab.remove_by_force("vm-1").await;
            lab.sleep(seconds(600)).await;
            assert_eq!((launches(&lab), lab.vms()), ((1, 0), 1), "{state}");
            assert_quiet(&lab).await;
            lab.kill_operator().await;
            lab.start_operator();
            lab.sleep(seconds(3600)).await;
            assert_eq!((launches(&lab), lab.vms()), ((1, 0), 1), "{state}, after a restart");
            // It was the tenant's last, and the garbage collector comes.
            let tenants: Api<Tenant> = Api::namespaced(lab.client.clone(), operator_lab::NAMESPACE);
            let tenant = tenant_object_name("acme");
            tenants.delete(&tenant, &DeleteParams::default()).await.expect("a deletion");
            lab.sleep(seconds(600)).await;
            assert_eq!(lab.vms(), 1, "{state}, without its Tenant");
            let namespace = tenant_namespace(operator_lab::NAMESPACE, "acme");
            let machines: Api<VirtualMachine> = Api::namespaced(lab.client.clone(), &namespace);
            machines.delete("vm-1", &DeleteParams::default()).await.expect("a deletion");
            lab.sleep(seconds(60)).await;
            assert!(tenants.get_opt(&tenant).await.expect("an answer").is_none(), "nothing keeps it now");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn machines_of_others_and_machines_that_shall_stay_are_left_alone() {
    let never = {
        let mut config = config(AAP);
        config.orphan_grace = Duration::ZERO;
        config
    };
    let own = tenant_namespace(operator_lab::NAMESPACE, "acme");
    let cases = [(config(AAP), "elsewhere-v5r5ytegahwiy", 1), (never, own.as_str(), 1), (config(AAP), own.as_str(), 0)];
    for (config, namespace, left) in cases {
        let lab = Lab::start_with(config).await;
        stray_vm(&lab, namespace, "vm-1").await;
        lab.sleep(seconds(3600)).await;
        assert_eq!((lab.vms(), launches(&lab)), (left, (0, 1 - left)), "{namespace}");
    }
}
