//! What the operator costs on a real API server, against the project's budgets: `cargo bench --bench operator_footprint`.
//!
//! A kube-apiserver and etcd from `KUBEBUILDER_ASSETS`, a simulated AAP as a process of its own that acts on it, and the operator
//! as it ships (profile `operator`, `--no-default-features`), which `CLOUDKIT_OPERATOR` names or cargo builds. A thousand
//! instances are made at once, brought to Running, and removed. Processor time and memory are the operator's, as /proc tells
//! them; requests are what its own metrics count. Nothing fails: machines differ, and are noisy.
//!
//! `PROVBENCH_FOOTPRINT_INSTANCES` sets another number of instances.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, PostParams},
};
use provbench::{
    api::{ComputeInstance, Phase, Tenant, VirtualMachine, crd},
    clock::{Clock, SystemClock},
    harness::target::envtest::{Envtest, Programs},
    units::Nanos,
};
use serde_json::{Value, json};

const NAMESPACE: &str = "cloudkit-computeinstance";
const TOKEN: &str = "a-token-of-the-benchmark";
/// Requests of the benchmark's own under way at once.
const IN_FLIGHT: usize = 16;
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(900);
/// Ticks of a processor in a second, as /proc counts them (`getconf CLK_TCK`, 100 on every Linux).
const TICKS: f64 = 100.0;

/// A process that ends with the benchmark.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// A figure of /proc/PID/status, in MiB.
    fn mib(&self, what: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).unwrap_or_default();
        line.trim().trim_end_matches("kB").trim().parse::<f64>().map_or(f64::NAN, |kib| kib / 1024.0)
    }

    /// Processor seconds so far, of user and system.
    fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        // The name in parentheses may have spaces; user and system time are the 12th and 13th words behind it (proc(5)).
        let words: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |index: usize| words.get(index).and_then(|word| word.parse::<f64>().ok()).unwrap_or(f64::NAN);
        (ticks(11) + ticks(12)) / TICKS
    }

    fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.0.id())).map_or(0, Iterator::count)
    }
}

/// GET by hand: status and body; `None` while nobody listens.
fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: operator\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}

/// Requests to the API server so far: all, and those that change something.
fn requests(address: SocketAddr) -> (f64, f64) {
    let text = get(address, "/metrics").map(|(_, text)| text).unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with("rest_client_requests_total{"));
    let (mut all, mut writes) = (0.0, 0.0);
    for line in lines {
        let count = line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok()).unwrap_or_default();
        all += count;
        if !line.contains("method=\"GET\"") {
            writes += count;
        }
    }
    (all, writes)
}

/// The same by method and code.
fn by_kind(address: SocketAddr) -> Vec<(String, f64)> {
    let text = get(address, "/metrics").map(|(_, text)| text).unwrap_or_default();
    let counts = text.lines().filter_map(|line| {
        let (labels, count) = line.strip_prefix("rest_client_requests_total{")?.split_once("} ")?;
        Some((labels.to_owned(), count.parse().ok()?))
    });
    counts.collect()
}

fn operator_binary() -> PathBuf {
    if let Some(given) = std::env::var_os("CLOUDKIT_OPERATOR") {
        return given.into();
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Features of the harness must not be in it, so it is built apart.
    let target = folder.join("target/as-shipped");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--profile", "operator", "--no-default-features", "--bin", "cloudkit-operator"])
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(folder)
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the operator can't be built");
    target.join("operator/cloudkit-operator")
}

/// The simulated AAP and its URL.
fn simulator(kubeconfig: &Path) -> (Process, String) {
    let binary = std::env::var_os("PROVBENCH").unwrap_or_else(|| env!("CARGO_BIN_EXE_provbench").into());
    let mut command = Command::new(binary);
    command.args(["simulate", "aap", "--boot-machines", "--profile", "short-jobs", "--kubeconfig"]).arg(kubeconfig);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("PROVBENCH_AAP_TOKEN", TOKEN).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the simulator starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let url = lines.find_map(|line| line.ok().filter(|line| line.starts_with("http://"))).expect("an address");
    // Who stops reading would end it by its next line.
    std::thread::spawn(move || lines.for_each(drop));
    (Process(child), format!("{url}/api/controller"))
}

fn operator(binary: &Path, kubeconfig: &Path, aap: &str, address: SocketAddr) -> Process {
    let mut command = Command::new(binary);
    command.env_clear().env("KUBECONFIG", kubeconfig).env("CLOUDKIT_BIND_ADDRESS", address.to_string());
    for (name, value) in [
        ("CLOUDKIT_PROVISIONING_PROVIDER", "aap"),
        ("CLOUDKIT_AAP_URL", aap),
        ("CLOUDKIT_AAP_TOKEN", TOKEN),
        ("CLOUDKIT_AAP_PROVISION_TEMPLATE", "create-compute-instance"),
        ("CLOUDKIT_AAP_DEPROVISION_TEMPLATE", "delete-compute-instance"),
        ("CLOUDKIT_AAP_STATUS_POLL_INTERVAL", "1s"),
        ("CLOUDKIT_LOG", "warn"),
        // The budget counts what a life needs; an Event is one request more for each change of a job.
        ("CLOUDKIT_EVENTS", "false"),
    ] {
        command.env(name, value);
    }
    Process(command.spawn().expect("the operator starts"))
}

async fn install(client: &Client, definition: &Value) {
    let definitions: Api<DynamicObject> = Api::all_with(
        client.clone(),
        &kube::api::ApiResource {
            group: "apiextensions.k8s.io".into(),
            version: "v1".into(),
            api_version: "apiextensions.k8s.io/v1".into(),
            kind: "CustomResourceDefinition".into(),
            plural: "customresourcedefinitions".into(),
        },
    );
    let object = serde_json::from_value(definition.clone()).expect("a definition");
    definitions.create(&PostParams::default(), &object).await.expect("installed");
}

struct Bench {
    client: Client,
    clock: SystemClock,
    instances: Api<ComputeInstance>,
}

impl Bench {
    async fn until(&self, what: &str, is: impl Fn(&[ComputeInstance]) -> bool) {
        let begin = self.clock.elapsed();
        while !is(&self.instances.list(&ListParams::default()).await.expect("a list").items) {
            assert!(self.clock.elapsed() - begin < Nanos::from(LIMIT), "not {what} within {LIMIT:?}");
            self.clock.sleep(Duration::from_millis(500)).await;
        }
    }

    async fn until_no_tenant_is_left(&self) {
        let tenants: Api<Tenant> = Api::namespaced(self.client.clone(), NAMESPACE);
        let begin = self.clock.elapsed();
        while !tenants.list(&ListParams::default()).await.expect("a list").items.is_empty() {
            assert!(self.clock.elapsed() - begin < Nanos::from(LIMIT), "tenants are left after {LIMIT:?}");
            self.clock.sleep(Duration::from_millis(500)).await;
        }
    }

    async fn create(&self, prefix: &str, count: usize, tenants: usize) {
        let all = (0..count).map(|index| async move {
            let object = json!({
                "metadata": {
                    "name": format!("{prefix}-{index}"),
                    "annotations": {"cloudkit.openshift.io/tenant": format!("tenant-{}", index % tenants)},
                },
                "spec": {"templateID": "ocp_virt_vm", "templateParameters": "{\"cores\": 2, \"memory\": \"4Gi\"}"},
            });
            let object = serde_json::from_value(object).expect("an instance");
            self.instances.create(&PostParams::default(), &object).await.expect("created");
        });
        stream::iter(all).buffer_unordered(IN_FLIGHT).for_each(async |()| {}).await;
    }

    async fn delete(&self, prefix: &str, count: usize) {
        let all = (0..count).map(|index| async move {
            let name = format!("{prefix}-{index}");
            self.instances.delete(&name, &DeleteParams::default()).await.expect("deleted");
        });
        stream::iter(all).buffer_unordered(IN_FLIGHT).for_each(async |()| {}).await;
    }

    fn seconds_since(&self, begin: Nanos) -> f64 {
        Duration::from(self.clock.elapsed() - begin).as_secs_f64()
    }
}

fn row(what: &str, measured: f64, unit: &str, budget: Option<f64>, go: &str) {
    let (limit, mark) = match budget {
        Some(budget) => (format!("{budget:.2}"), if measured <= budget { "OK" } else { "OVER" }),
        None => (String::new(), ""),
    };
    println!("{what:<52} {measured:>9.3} {unit:<4} {limit:>8}  {mark:<4}  {go}");
}

#[tokio::main]
async fn main() {
    let programs = match Programs::find() {
        Ok(programs) => programs,
        Err(error) => return println!("skipped: {error}"),
    };
    let count = std::env::var("PROVBENCH_FOOTPRINT_INSTANCES").ok().and_then(|count| count.parse().ok());
    let count: usize = count.unwrap_or(1_000);
    let binary = operator_binary();
    let plane = Envtest::start(&programs).await.expect("a control plane");
    let kubeconfig = plane.folder().join("kubeconfig");
    let client = Client::try_from(plane.config().clone()).expect("a client");
    let instances = Api::namespaced(client.clone(), NAMESPACE);
    let bench = Bench { client, clock: SystemClock::start(), instances };
    prepare(&bench).await;
    let (_aap, url) = simulator(&kubeconfig);
    println!("{} on {}, {count} instances", binary.display(), plane.version());
    println!("{:<52} {:>9} {:<4} {:>8}  {:<4}  the Go operator", "", "measured", "", "budget", "");
    let size = fs::metadata(&binary).expect("a binary").len() as f64 / 1024.0 / 1024.0;
    row("binary", size, "MiB", None, "58");
    for tenants in [50, 1] {
        measure(&bench, &binary, &kubeconfig, &url, (count, tenants)).await;
    }
}

async fn prepare(bench: &Bench) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/simulators");
    let foreign = ["kubevirt.io_virtualmachines.yaml", "cdi.kubevirt.io_datavolumes.yaml"].map(|file| {
        serde_saphyr::from_str::<Value>(&fs::read_to_string(folder.join(file)).expect("read")).expect("YAML")
    });
    let own = crd::all().expect("definitions").into_iter().map(|(_, definition)| definition);
    for definition in own.chain(foreign) {
        install(&bench.client, &definition).await;
    }
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(bench.client.clone());
    let namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}})).expect("a namespace");
    namespaces.create(&PostParams::default(), &namespace).await.expect("created");
    let machines: Api<VirtualMachine> = Api::all(bench.client.clone());
    for _ in 0..600 {
        let known = bench.instances.list(&ListParams::default()).await.is_ok();
        if known && machines.list(&ListParams::default()).await.is_ok() {
            return;
        }
        bench.clock.sleep(Duration::from_millis(100)).await;
    }
    panic!("the definitions are not served");
}

/// The lives of `count` instances of so many tenants, under an operator of their own.
async fn measure(bench: &Bench, binary: &Path, kubeconfig: &Path, aap: &str, (count, tenants): (usize, usize)) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("an address");
    let begin = bench.clock.elapsed();
    let operator = operator(binary, kubeconfig, aap, free);
    while get(free, "/readyz").is_none_or(|(status, _)| status != 200) {
        assert!(bench.seconds_since(begin) < 60.0, "the operator is not ready");
        bench.clock.sleep(Duration::from_millis(1)).await;
    }
    let ready = bench.seconds_since(begin);
    bench.clock.sleep(Duration::from_secs(3)).await;
    let (idle, idle_cpu) = (operator.mib("VmRSS"), operator.cpu());
    let (idle_requests, idle_writes) = requests(free);
    println!("{tenants} tenant(s)");
    row("start to ready", ready, "s", Some(0.05), "0.25");
    row("memory, idle", idle, "MiB", Some(12.0), "53");
    let prefix = format!("of-{tenants}");
    let making = bench.clock.elapsed();
    bench.create(&prefix, count, tenants).await;
    let is_running =
        |instance: &ComputeInstance| instance.status.as_ref().and_then(|status| status.phase) == Some(Phase::Running);
    bench.until("Running", |all| all.len() == count && all.iter().all(is_running)).await;
    let running = bench.seconds_since(making);
    bench.clock.sleep(Duration::from_secs(5)).await;
    let loaded = operator.mib("VmRSS");
    bench.delete(&prefix, count).await;
    bench.until("gone", <[ComputeInstance]>::is_empty).await;
    let cpu = (operator.cpu() - idle_cpu) * 1000.0;
    let (all, writes) = requests(free);
    let each = |figure: f64| figure / count as f64;
    row("memory, with all Running", loaded, "MiB", Some(25.0), "72");
    row("memory, the most", operator.mib("VmHWM"), "MiB", None, "83");
    row("processor time an instance, made to gone", each(cpu), "ms", Some(2.5), "9-32");
    row("requests to the API server an instance", each(all - idle_requests), "", Some(6.0), "7-11");
    row("of them writes", each(writes - idle_writes), "", None, "");
    for (kind, of_kind) in by_kind(free) {
        row(&format!("  {kind}"), each(of_kind), "", None, "");
    }
    row("all Running after", running, "s", None, "21-25, 113-148 with one tenant");
    row("threads", operator.threads() as f64, "", None, "");
    // What is removed of tenants is not the next operator's business.
    bench.until_no_tenant_is_left().await;
}
