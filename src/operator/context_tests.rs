use super::*;
use crate::api::{JobState, JobTime, JobType, virtual_machine::VirtualMachineCondition};

fn vm(namespace: &str, name: &str, instance: Option<&str>, ready: bool) -> VirtualMachine {
    let mut vm = VirtualMachine::new(name, crate::api::virtual_machine::VirtualMachineSpec::default());
    vm.metadata.namespace = Some(namespace.into());
    vm.metadata.labels = instance.map(|name| [(names::INSTANCE_LABEL.to_owned(), name.to_owned())].into());
    let status = if ready { "True" } else { "False" };
    let condition =
        VirtualMachineCondition { type_: "Ready".into(), status: status.into(), last_transition_time: None };
    vm.status = Some(crate::api::VirtualMachineStatus { conditions: vec![condition] });
    vm
}

fn woken(index: &VmIndex, vm: &VirtualMachine) -> Vec<CompactString> {
    index.observe(vm).into_iter().flatten().collect()
}

#[test]
fn only_a_change_that_matters_wakes_an_instance() {
    let index = VmIndex::default();
    assert_eq!(woken(&index, &vm("x", "a", Some("a"), false)), ["a"]);
    assert_eq!(woken(&index, &vm("x", "a", Some("a"), false)), [""; 0]);
    assert_eq!(woken(&index, &vm("x", "a", Some("a"), true)), ["a"]);
    assert_eq!(woken(&index, &vm("x", "b", None, true)), [""; 0], "a VM of nobody");
    let seen = index.seen("a", |_| true).expect("a VM");
    assert_eq!((seen.reference.namespace.as_str(), seen.ready), ("x", true));
    assert_eq!(index.remove(&vm("x", "a", Some("a"), true)).as_deref(), Some("a"));
    assert_eq!(index.seen("a", |_| true), None);
    assert_eq!(index.remove(&vm("x", "a", Some("a"), true)), None);
    assert_eq!(index.remove(&vm("x", "b", None, true)), None);
}

#[test]
fn namesakes_in_other_namespaces_are_told_apart() {
    let index = VmIndex::default();
    index.observe(&vm("a-other", "vm", Some("vm"), true));
    let seen = |namespace: &str| index.seen("vm", |is| is == namespace).map(|vm| (vm.reference.namespace, vm.ready));
    assert_eq!(seen("own"), None);
    index.observe(&vm("own", "vm", Some("vm"), false));
    assert_eq!(seen("own"), Some(("own".to_owned(), false)));
    assert_eq!(seen("a-other"), Some(("a-other".to_owned(), true)));
    index.remove(&vm("own", "vm", Some("vm"), false));
    assert_eq!((seen("own"), seen("a-other").is_some()), (None, true));
}

#[test]
fn a_vm_that_is_given_another_name_is_the_old_ones_no_longer() {
    let index = VmIndex::default();
    assert_eq!(woken(&index, &vm("x", "vm", Some("old"), true)), ["old"]);
    assert_eq!(woken(&index, &vm("x", "vm", Some("new"), true)), ["new", "old"]);
    assert_eq!((index.seen("old", |_| true), index.seen("new", |_| true).is_some()), (None, true));
    assert_eq!(index.remove(&vm("x", "vm", Some("new"), true)).as_deref(), Some("new"));
    assert_eq!(index.seen("new", |_| true), None);
}

#[test]
fn what_a_new_list_does_not_show_is_gone() {
    let index = VmIndex::default();
    for name in ["a", "b", "c"] {
        index.observe(&vm("x", name, Some(name), true));
    }
    let present = [ObjectKey { namespace: "x".into(), name: "b".into() }].into();
    assert_eq!(index.retain(&present), ["a", "c"]);
    assert_eq!((index.seen("a", |_| true), index.seen("b", |_| true).is_some()), (None, true));
}

#[test]
fn a_backend_that_is_not_set_up_is_named() {
    let providers = Providers::default();
    let job = |id: &str| JobStatus {
        job_id: id.into(),
        job_type: JobType::Provision,
        timestamp: JobTime::in_seconds(jiff::Timestamp::UNIX_EPOCH),
        state: JobState::Running,
        message: "".into(),
        block_deletion_on_failure: false,
    };
    for (id, name) in [("7", "AAP"), ("eda-webhook-7", "EDA")] {
        let error = providers.of_job(&job(id)).err().expect("no backend").to_string();
        assert_eq!(error, format!("the job belongs to {name}, which is not set up in the operator's environment"));
    }
}

#[test]
fn a_key_shows_namespace_and_name() {
    assert_eq!(ObjectKey { namespace: "x".into(), name: "a".into() }.to_string(), "x/a");
}
