//! What the operator asks the API server for, over lives of every kind, is what its role in `deploy/` grants: nothing that it
//! asks for is missing, and nothing is granted that it never asks for.
#![cfg(feature = "harness")]

mod operator_lab;
mod permissions;

use std::collections::BTreeSet;

use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use operator_lab::{Lab, NAMESPACE, api::Fault, config, millis, seconds};
use permissions::{Attributes, Grant, documents, grants};
use provbench::{
    api::{Tenant, VirtualMachine, names, tenant::tenant_namespace},
    operator::{config::ProviderKind, leader::Election},
};
use serde_json::json;

const MANIFEST: &str = "deploy/base/rbac.yaml";
const ACCOUNT: &str = "cloudkit-operator";
/// Where `deploy/` has the instances, and where the operator itself and its Lease are.
const INSTANCES: &str = "cloudkit-computeinstance";
const SYSTEM: &str = "cloudkit-system";

/// A restart: KubeVirt's part is done by hand.
async fn restart(lab: &Lab, name: &str) {
    let resource = ApiResource {
        group: "kubevirt.io".into(),
        version: "v1".into(),
        api_version: "kubevirt.io/v1".into(),
        kind: "VirtualMachineInstance".into(),
        plural: "virtualmachineinstances".into(),
    };
    let namespace = tenant_namespace(NAMESPACE, "acme");
    let instances: Api<DynamicObject> = Api::namespaced_with(lab.client.clone(), &namespace, &resource);
    instances.create(&PostParams::default(), &DynamicObject::new(name, &resource)).await.expect("an instance");
    let machines: Api<VirtualMachine> = Api::namespaced(lab.client.clone(), &namespace);
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    machines.patch_status(name, &PatchParams::default(), &Patch::Merge(ready)).await.expect("a machine");
    lab.sleep(seconds(2)).await;
    let now = format!("{:.0}", lab.clock.now());
    lab.patch(name, json!({"spec": {"restartRequestedAt": now}})).await;
    lab.sleep(seconds(5)).await;
    assert!(instances.get_opt(name).await.expect("an answer").is_none(), "{name} was restarted");
}

/// Lives with a provider: plain ones, one with a restart, one deleted while it is provisioned, one with a conflict, one that a
/// crash interrupts, one that goes by force, and the tenant's end.
async fn lives(provider: ProviderKind) -> Vec<(String, String)> {
    let mut settings = config(provider);
    settings.events = true;
    let mut lab = Lab::without_operator(settings).await;
    lab.create_namespace(SYSTEM).await;
    let mut election =
        Election::new(lab.server.client(SYSTEM), lab.clock.clone(), SYSTEM, "cloudkit-operator", "operator-0");
    election.acquire().await;
    lab.start_operator();
    let keeping = tokio::spawn(async move {
        election.keep().await;
    });
    for name in ["vm-1", "vm-2", "vm-3"] {
        lab.create(name).await;
        lab.until_running(name, seconds(60)).await;
    }
    restart(&lab, "vm-1").await;
    // The Tenant's owner goes first, and hands it over.
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    lab.server.fail(1, Fault::Refuse(409), |line, _| line.starts_with("PATCH") && line.ends_with("/vm-4"));
    lab.create("vm-4").await;
    lab.sleep(millis(1_500)).await;
    lab.delete("vm-4").await;
    lab.until_gone("vm-4", seconds(300)).await;
    lab.create("vm-5").await;
    lab.sleep(millis(500)).await;
    lab.kill_operator().await;
    lab.start_operator();
    lab.until_running("vm-5", seconds(60)).await;
    lab.remove_by_force("vm-5").await;
    for name in ["vm-2", "vm-3"] {
        lab.delete(name).await;
        lab.until_gone(name, seconds(60)).await;
    }
    // Whose machine stays.
    lab.create("vm-6").await;
    lab.until_running("vm-6", seconds(60)).await;
    lab.patch("vm-6", json!({"metadata": {"annotations": {names::MANAGEMENT_STATE_ANNOTATION: "manual"}}})).await;
    lab.remove_by_force("vm-6").await;
    lab.sleep(seconds(60)).await;
    assert_eq!(lab.vms(), 1);
    let namespace = tenant_namespace(NAMESPACE, "acme");
    let machines: Api<VirtualMachine> = Api::namespaced(lab.client.clone(), &namespace);
    machines.delete("vm-6", &DeleteParams::default()).await.expect("a deletion");
    // As the garbage collector does when the last owner is gone.
    let tenants: Api<Tenant> = Api::namespaced(lab.client.clone(), NAMESPACE);
    let tenant = provbench::api::tenant::tenant_object_name("acme");
    tenants.delete(&tenant, &DeleteParams::default()).await.expect("a deletion");
    lab.sleep(seconds(30)).await;
    assert!(tenants.get_opt(&tenant).await.expect("an answer").is_none(), "the tenant went");
    lab.stop_operator().await;
    keeping.abort();
    lab.server.asked()
}

/// All requests, as they would be in the namespaces of `deploy/`.
async fn requests() -> BTreeSet<Attributes> {
    let mut all = BTreeSet::new();
    for provider in [ProviderKind::Aap, ProviderKind::Eda] {
        for (method, uri) in lives(provider).await {
            let uri = uri.replace(&format!("/namespaces/{NAMESPACE}/"), &format!("/namespaces/{INSTANCES}/"));
            all.extend(Attributes::of(&method, &uri));
        }
    }
    all
}

/// What is wrong with a role: requests that it refuses, and grants that nobody used.
fn verdict(requests: &BTreeSet<Attributes>, grants: &BTreeSet<Grant>) -> (Vec<Attributes>, Vec<Grant>) {
    let refused = requests.iter().filter(|request| !grants.iter().any(|grant| grant.allows(request)));
    let unused = grants.iter().filter(|grant| !requests.iter().any(|request| grant.allows(request)));
    (refused.cloned().collect(), unused.cloned().collect())
}

#[tokio::test(start_paused = true)]
async fn the_role_grants_what_the_operator_asks_for_and_nothing_else() {
    let requests = requests().await;
    let granted = grants(&documents(MANIFEST), ACCOUNT);
    assert!(granted.len() >= 20 && requests.len() >= 20, "{} grants, {} requests", granted.len(), requests.len());
    let (refused, unused) = verdict(&requests, &granted);
    assert!(refused.is_empty(), "not granted by {MANIFEST}: {refused:#?}");
    assert!(unused.is_empty(), "granted by {MANIFEST} and never asked for: {unused:#?}");

    // The check itself: whatever is taken away is missed, and whatever is added is seen to be too much.
    for grant in &granted {
        let mut less = granted.clone();
        less.remove(grant);
        assert!(!verdict(&requests, &less).0.is_empty(), "nobody misses {grant:?}");
    }
    let mut more = granted.clone();
    let everywhere = Grant { namespace: None, verb: "update".into(), ..granted.first().expect("a grant").clone() };
    more.insert(everywhere.clone());
    assert_eq!(verdict(&requests, &more).1, [everywhere]);
}

#[test]
fn a_role_in_a_namespace_reaches_no_further() {
    let grant = |names: &[&str], namespace: Option<&str>| Grant {
        group: "g".into(),
        resource: "things/status".into(),
        verb: "patch".into(),
        names: names.iter().map(|&name| name.to_owned()).collect(),
        namespace: namespace.map(str::to_owned),
    };
    let request = Attributes::of("PATCH", "/apis/g/v1/namespaces/here/things/a/status").expect("a resource");
    for (grant, allows) in [
        (grant(&[], Some("here")), true),
        (grant(&[], Some("there")), false),
        (grant(&["a"], None), true),
        (grant(&["b"], None), false),
        (Grant { resource: "things".into(), ..grant(&[], None) }, false),
        (Grant { verb: "update".into(), ..grant(&[], None) }, false),
    ] {
        assert_eq!(grant.allows(&request), allows, "{grant:?}");
    }
    let listed = Attributes::of("GET", "/apis/g/v1/things?watch=true&x=y").expect("a resource");
    assert_eq!((listed.verb, listed.namespace, listed.name), ("watch", None, None));
    let namespace = Attributes::of("DELETE", "/api/v1/namespaces/x").expect("a resource");
    assert_eq!((namespace.verb, namespace.resource.as_str(), namespace.namespace), ("delete", "namespaces", None));
    assert_eq!(Attributes::of("GET", "/version"), None);
}

#[test]
fn the_names_in_the_role_are_the_operators() {
    let granted = grants(&documents(MANIFEST), ACCOUNT);
    assert!(granted.iter().any(|grant| grant.group == names::GROUP), "the API group");
    let namespaces: BTreeSet<_> = granted.iter().filter_map(|grant| grant.namespace.clone()).collect();
    assert_eq!(namespaces, [INSTANCES.to_owned(), SYSTEM.to_owned()].into());
}
