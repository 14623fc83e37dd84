//! The manifests of `deploy/` on a real API server: each is taken, and the roles in them are enough to work under.

#![cfg(all(feature = "harness", target_os = "linux"))]

mod control_plane;
mod manifests;
mod simulators;

use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

use manifests::{Kubectl, arguments, find, is_ground, log, with_values};
use serde_json::{Value, json};
use simulators::{Running, Simulator, provbench};

const FOLDERS: [&str; 5] = ["overlays/eda", "overlays/aap", "overlays/dev", "experiment", "experiment/merge"];

/// How long anything may take on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(240);

fn eventually<T>(what: &str, context: impl Fn() -> String, mut find: impl FnMut() -> Option<T>) -> T {
    let pause = Duration::from_millis(200);
    for _ in 0..LIMIT.as_millis() / pause.as_millis() {
        if let Some(found) = find() {
            return found;
        }
        std::thread::park_timeout(pause);
    }
    panic!("no {what} within {LIMIT:?}\n{}", context())
}

fn kubectl(test: &str) -> Option<Kubectl> {
    control_plane::shared(test).and_then(Kubectl::on)
}

#[test]
fn every_manifest_is_taken_by_a_real_server() {
    let Some(kubectl) = kubectl("every_manifest_is_taken_by_a_real_server") else { return };
    for folder in FOLDERS {
        let objects = kubectl.render(folder);
        kubectl.prepare(&objects);
        let rest: Vec<&Value> = objects.iter().filter(|object| !is_ground(object)).collect();
        let said = kubectl.apply(rest.iter().copied(), &["--dry-run=server"]);
        let said = said.unwrap_or_else(|error| panic!("{folder}: {error}"));
        let taken = said.lines().filter(|line| line.ends_with("(server dry run)")).count();
        assert_eq!(taken, rest.len(), "{folder}: {said}");
    }
    // The check itself: what is no manifest is refused, by the server or by the strict reading of it.
    let mut odd = kubectl.render("overlays/aap");
    odd.retain(|object| object["kind"] == "Deployment");
    odd[0]["spec"]["replcas"] = json!(2);
    assert!(kubectl.apply(&odd, &["--dry-run=server"]).is_err_and(|error| error.contains("replcas")));
    odd[0]["spec"].as_object_mut().expect("a spec").remove("replcas");
    odd[0]["spec"]["selector"]["matchLabels"]["a"] = json!("b");
    assert!(kubectl.apply(&odd, &["--dry-run=server"]).is_err_and(|error| error.contains("selector")));
}

#[test]
fn whatever_runs_is_hardened_and_only_what_must_runs_with_a_token() {
    let Some(kubectl) = kubectl("whatever_runs_is_hardened") else { return };
    let mut workloads = 0;
    for folder in FOLDERS {
        for object in kubectl.render(folder) {
            let pod = &object["spec"]["template"]["spec"];
            if pod.is_null() {
                continue;
            }
            workloads += 1;
            let name = &object["metadata"]["name"];
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{folder} {name}");
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{folder} {name}");
            for container in pod["containers"].as_array().expect("containers") {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{folder} {name}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{folder} {name}");
                assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{folder} {name}");
                assert!(container["resources"]["requests"]["memory"].is_string(), "{folder} {name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{folder} {name}");
            }
            let has_account = pod["serviceAccountName"].is_string() && pod["automountServiceAccountToken"] != false;
            assert_eq!(has_account, !matches!(name.as_str(), Some("merge" | "eda")), "{folder} {name}");
        }
    }
    assert_eq!(workloads, 1 + 1 + 3 + 1 + 1);
}

/// The operator's environment as a pod of the rendered Deployment has it, with other values for some.
fn environment(objects: &[Value], values: &[(&str, &str)]) -> BTreeMap<String, String> {
    let container = &find(objects, "Deployment", "cloudkit-operator")["spec"]["template"]["spec"]["containers"][0];
    let mut environment = BTreeMap::new();
    for from in container["envFrom"].as_array().expect("envFrom") {
        let name = from["configMapRef"]["name"].as_str().expect("a name");
        let data = find(objects, "ConfigMap", name)["data"].as_object().expect("data").clone();
        environment.extend(data.into_iter().map(|(name, value)| (name, value.as_str().expect("text").to_owned())));
    }
    for variable in container["env"].as_array().expect("env") {
        let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.name") => "operator-0",
            Some("metadata.namespace") => "cloudkit-system",
            Some(other) => panic!("{other}"),
            None => variable["value"].as_str().expect("a value"),
        };
        environment.insert(variable["name"].as_str().expect("a name").to_owned(), value.to_owned());
    }
    for (name, value) in values {
        assert!(environment.insert((*name).to_owned(), (*value).to_owned()).is_some(), "{name} is not set");
    }
    environment
}

fn instance(name: &str) -> Value {
    json!({
        "apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance",
        "metadata": {
            "name": name, "namespace": "cloudkit-computeinstance", "annotations": {"cloudkit.openshift.io/tenant": "blue"},
        },
        "spec": {"templateID": "small"},
    })
}

#[test]
fn the_operator_and_the_simulators_work_under_their_own_roles() {
    let Some(kubectl) = kubectl("the_operator_and_the_simulators_work_under_their_own_roles") else { return };
    let objects = kubectl.render("overlays/dev");
    kubectl.prepare(&objects);
    // Nothing runs the Deployments here; accounts, roles, bindings, settings are what they would have.
    kubectl.apply(&objects, &[]).expect("applied");
    let token = kubectl.path("token");
    fs::write(&token, simulators::TOKEN).expect("written");
    let token = token.to_str().expect("a path");

    let simulator = kubectl.kubeconfig_of("cloudkit-simulators", "simulator");
    let common = [("--listen", "127.0.0.1:0"), ("--profile", "short-jobs"), ("--time-scale", "0.1")];
    let values = [("--token-file", token), ("--kubeconfig", simulator.to_str().expect("a path"))];
    let aap = with_values(arguments(find(&objects, "Deployment", "aap")), &[&common[..], &values].concat());
    let aap = Simulator::start_command(provbench().args(aap));
    let aap_url = format!("{}/api/controller", aap.url);
    let values = [("--aap-url", aap_url.as_str()), ("--aap-token-file", token)];
    let eda = with_values(arguments(find(&objects, "Deployment", "eda")), &[&common[..], &values].concat());
    let eda = Simulator::start_command(provbench().args(eda));

    let (provision, deprovision) =
        (format!("{}/create-compute-instance", eda.url), format!("{}/delete-compute-instance", eda.url));
    let operator = kubectl.kubeconfig_of("cloudkit-system", "cloudkit-operator");
    for provider in ["aap", "eda"] {
        let environment = environment(
            &objects,
            &[
                ("CLOUDKIT_PROVISIONING_PROVIDER", provider),
                ("CLOUDKIT_AAP_URL", &aap_url),
                ("CLOUDKIT_AAP_TOKEN_FILE", token),
                ("CLOUDKIT_AAP_STATUS_POLL_INTERVAL", "200ms"),
                ("CLOUDKIT_COMPUTE_INSTANCE_PROVISION_WEBHOOK", &provision),
                ("CLOUDKIT_COMPUTE_INSTANCE_DEPROVISION_WEBHOOK", &deprovision),
                ("CLOUDKIT_BIND_ADDRESS", "127.0.0.1:0"),
            ],
        );
        life(&kubectl, provider, &operator, &environment);
    }
    let lease = kubectl.run(&["get", "lease", "-n", "cloudkit-system", "cloudkit-operator", "-o", "name"]);
    assert_eq!(lease.trim(), "lease.coordination.k8s.io/cloudkit-operator");
    // The check itself: the operator's account may do no more than its role says.
    let may = |verb: &str, what: &str| {
        let account = "--as=system:serviceaccount:cloudkit-system:cloudkit-operator";
        kubectl.try_run(&["auth", "can-i", verb, what, "-n", "cloudkit-computeinstance", account]).is_ok()
    };
    assert!(may("patch", "computeinstances") && !may("delete", "computeinstances") && !may("get", "secrets"));
}

/// A whole life under an operator with this environment, and one that is deleted before it is provisioned.
fn life(kubectl: &Kubectl, provider: &str, kubeconfig: &Path, environment: &BTreeMap<String, String>) {
    let file = kubectl.path(&format!("{provider}.log"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudkit-operator"));
    command.env_clear().envs(environment).env("KUBECONFIG", kubeconfig);
    command.stderr(fs::File::create(&file).expect("a file"));
    let operator = Running(command.spawn().expect("the operator starts"));
    let all = || format!("{}\n{}", log(&file), kubectl.run(&["get", "ci,vm,tenant,lease", "-A", "-o", "yaml"]));
    let names = [format!("{provider}-whole"), format!("{provider}-short")];
    kubectl.apply(names.iter().map(|name| instance(name)).collect::<Vec<_>>().iter(), &[]).expect("instances");
    let in_namespace = ["-n", "cloudkit-computeinstance"];
    let get = |name: &str, path: &str| {
        let path = format!("-o=jsonpath={{{path}}}");
        kubectl.try_run(&[&["get", "ci", name, &path][..], &in_namespace].concat())
    };
    eventually("launch", all, || get(&names[1], ".status.jobs[0].jobID").ok().filter(|id| !id.is_empty()));
    kubectl.run(&[&["delete", "ci", &names[1], "--wait=false"][..], &in_namespace].concat());
    eventually("running instance", all, || get(&names[0], ".status.phase").ok().filter(|phase| phase == "Running"));
    assert!(!get(&names[0], ".status.virtualMachineReference.namespace").expect("a reference").is_empty());
    kubectl.run(&[&["delete", "ci", &names[0], "--wait=false"][..], &in_namespace].concat());
    for name in &names {
        eventually("end of an instance", all, || get(name, ".metadata.name").err());
    }
    // The last owner is gone: the garbage collector takes the Tenant, and the operator what belongs to it.
    eventually("end of the tenant", all, || {
        kubectl.run(&[&["get", "tenants", "-o", "name"][..], &in_namespace].concat()).trim().is_empty().then_some(())
    });
    let events = kubectl.run(
        &[&["get", "events.events.k8s.io", "-o", "jsonpath={.items[*].regarding.name}"][..], &in_namespace].concat(),
    );
    assert!(events.contains(&names[0]), "no event of {}: {events}", names[0]);
    interrupt(operator);
    let log = log(&file);
    assert!(!log.to_lowercase().contains("forbidden"), "{log}");
    assert!(log.contains("the Lease is held"), "{log}");
}

/// As a kubelet ends a container.
fn interrupt(mut process: Running) {
    let id = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
    assert!(process.0.wait().expect("an end").success(), "it ends by itself, and well");
}

#[test]
fn an_experiment_runs_in_shares_under_its_own_role() {
    let Some(kubectl) = kubectl("an_experiment_runs_in_shares_under_its_own_role") else { return };
    let objects = kubectl.render("experiment");
    kubectl.prepare(&objects);
    kubectl.apply(&objects, &[]).expect("applied");
    let kubeconfig = kubectl.kubeconfig_of("provbench", "provbench");
    let job = find(&objects, "Job", "experiment");
    let here = |text: &str| text.replace("/results", kubectl.path("results").to_str().expect("a path"));
    let mut folders = Vec::new();
    for index in ["0", "1"] {
        let given = arguments(job).iter().map(|text| here(text).replace("$(INDEX)", index)).collect();
        let mut given = with_values(given, &[("--time-scale", "0.005"), ("--blocks", "1")]);
        // The image has the experiments at its root.
        given[1] = given[1].trim_start_matches('/').to_owned();
        folders.push(given.iter().find_map(|text| text.strip_prefix("--out=")).expect("a folder").to_owned());
        let output = provbench().args(&given).env("KUBECONFIG", &kubeconfig).output().expect("provbench runs");
        assert_eq!(output.status.code(), Some(0), "{given:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let merge = kubectl.render("experiment/merge");
    let mut given: Vec<String> = arguments(find(&merge, "Job", "merge")).iter().map(|text| here(text)).collect();
    let shares = given.iter().filter(|text| text.contains("/share-")).count();
    assert_eq!(u64::try_from(shares).ok(), job["spec"]["completions"].as_u64(), "merge takes what the Job makes");
    given.retain(|text| !text.contains("/share-") || folders.contains(text));
    let output = provbench().args(&given).output().expect("provbench runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("2 blocks") && table.contains("total (primary)"), "{table}");
    let left = kubectl.run(&["get", "namespaces", "-l", "provbench/run", "-o", "name"]);
    assert_eq!(left.trim(), "", "namespaces of a run are left");
}

#[test]
fn definitions_for_a_cluster_without_kubevirt_are_the_harnesss_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["kubevirt.io_virtualmachines.yaml", "cdi.kubevirt.io_datavolumes.yaml"] {
        let read = |path: &str| fs::read_to_string(folder.join(path).join(file)).expect(file);
        assert!(read("deploy/simulators") == read("src/harness/target/external/crds"), "{file}: copy it anew");
    }
}
