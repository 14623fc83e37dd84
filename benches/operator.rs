//! One decision, one reconcile, and whole lives of instances with everything around them.

use std::{
    hint::black_box,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::StreamExt;
use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use provbench::{
    api::{ComputeInstance, ComputeInstanceSpec, ComputeInstanceStatus, compute_instance::TenantReference, crd, names},
    clock::{Clock, ModelClock, SharedClock},
    cluster::{Cluster, Options},
    harness::{
        Experiment,
        experiment::Overrides,
        runner::{self, RunOptions},
    },
    operator::{
        Operator, OperatorParts,
        config::{Config, ProviderKind},
        decide::{Memory, Policy, Seen, TenantSeen, decide},
        provider::http::plain_transport,
    },
    record::TrialRecord,
    units::Seed,
};
use serde_json::json;

#[path = "support/histories.rs"]
mod histories;
use histories::{SIZES, history};

fn object(jobs: usize) -> ComputeInstance {
    let mut object = ComputeInstance::new(
        "ci-0001",
        ComputeInstanceSpec { template_id: "osac.templates.ocp_virt_vm".to_owned(), ..ComputeInstanceSpec::default() },
    );
    object.metadata.uid = Some("5bca4946-98a4-4a02-9562-36b6405cdd1f".to_owned());
    object.metadata.namespace = Some("vms".to_owned());
    object.metadata.finalizers = Some(vec![names::FINALIZER.to_owned()]);
    object.metadata.annotations = Some([(names::TENANT_ANNOTATION.to_owned(), "tenant-1".to_owned())].into());
    object.status = Some(ComputeInstanceStatus { jobs: history(jobs), ..ComputeInstanceStatus::default() });
    object
}

fn decisions(c: &mut Criterion) {
    let policy = Policy::from_config(&Config::with_defaults(ProviderKind::Eda));
    let seen = Seen {
        now: Timestamp::from_second(1_770_854_500).unwrap_or_default(),
        tenant: TenantSeen::Ready(TenantReference { name: "tenant-x".to_owned(), namespace: "vms-x".to_owned() }),
        vm: None,
        memory: Memory::default(),
    };
    let mut group = c.benchmark_group("decide");
    for size in SIZES {
        let object = object(size);
        group.bench_with_input(BenchmarkId::from_parameter(size), &object, |b, object| {
            b.iter(|| decide(black_box(object), black_box(&seen), &policy));
        });
    }
    group.finish();
}

/// A write to an object, seen by a watch; with an operator beside it, one reconcile more.
fn reconcile(c: &mut Criterion) {
    let mut group = c.benchmark_group("touch an object");
    for with_operator in [false, true] {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build() else {
            return;
        };
        let instances = runtime.block_on(settled(with_operator));
        let name = if with_operator { "write, watch, one reconcile" } else { "write, watch" };
        let mut touched = 0_u64;
        group.bench_function(name, |b| {
            b.iter(|| {
                touched += 1;
                runtime.block_on(async {
                    let patch = Patch::Merge(json!({ "metadata": { "labels": { "touched": touched.to_string() } } }));
                    let written = instances.patch("ci-0001", &PatchParams::default(), &patch).await;
                    assert!(written.is_ok());
                    // Paused time moves only when everybody else waits: the reconcile is over then.
                    tokio::time::advance(Duration::from_millis(1)).await;
                    at_rest().await;
                });
            });
        });
    }
    group.finish();
}

async fn at_rest() {
    let clock = ModelClock::start(Timestamp::UNIX_EPOCH);
    clock.sleep(Duration::from_millis(1)).await;
}

/// A cluster with one object that nothing is to be done with, watched by an operator or by a bare watch.
async fn settled(with_operator: bool) -> Api<ComputeInstance> {
    let clock: SharedClock = Arc::new(ModelClock::start(Timestamp::UNIX_EPOCH));
    let cluster = Cluster::new(Options::new(clock.clone(), Seed::new(1)));
    for (_, definition) in crd::all().unwrap_or_default() {
        assert!(cluster.install_crd(&definition).is_ok());
    }
    let client = cluster.client("default");
    let instances: Api<ComputeInstance> = Api::namespaced(client.clone(), "default");
    let mut object = object(10);
    object.metadata.uid = None;
    object.metadata.namespace = Some("default".to_owned());
    object.annotations_mut().insert(names::MANAGEMENT_STATE_ANNOTATION.to_owned(), "manual".to_owned());
    assert!(instances.create(&PostParams::default(), &object).await.is_ok());
    if with_operator {
        let mut config = Config::with_defaults(ProviderKind::Eda);
        config.events = false;
        "default".clone_into(&mut config.namespace);
        let operator = Operator::start(OperatorParts { client, clock, config, transport: plain_transport() });
        tokio::spawn(operator.run(std::future::pending()));
    } else {
        let events = kube::runtime::watcher(instances.clone(), kube::runtime::watcher::Config::default());
        tokio::spawn(events.for_each(|_| std::future::ready(())));
    }
    at_rest().await;
    instances
}

const LIFE: &str = "\
name: life
blocks: 1
instances: INSTANCES
profile: vmaas-dev-2026-02
arms: [{name: arm, provider: PROVIDER}]
scenarios: [{kind: provision-deprovision}]
";

/// Create, provision, delete, gone: cluster, operator, backends and harness together, in virtual time.
fn lives(c: &mut Criterion) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/life.yaml");
    let mut group = c.benchmark_group("whole lives, everything counted in");
    group.sample_size(10);
    for instances in [1_u32, 100, 1_000] {
        for provider in ["eda", "aap"] {
            let text = LIFE.replace("INSTANCES", &instances.to_string()).replace("PROVIDER", provider);
            let Ok(experiment) = Experiment::from_yaml(&text, &file, &Overrides::default()) else { return };
            let experiment = Arc::new(experiment);
            group.throughput(Throughput::Elements(u64::from(instances)));
            group.bench_function(BenchmarkId::new(provider, instances), |b| {
                b.iter(|| {
                    let options = RunOptions {
                        threads: 1,
                        epoch: Timestamp::UNIX_EPOCH,
                        stop: Arc::new(AtomicBool::new(false)),
                        ended: Arc::new(AtomicU64::new(0)),
                        external: None,
                    };
                    let mut samples = 0;
                    let end = runner::run(&experiment, &options, &mut |trial: TrialRecord| {
                        samples += trial.samples.len();
                        Ok::<(), std::io::Error>(())
                    });
                    assert!(end.is_ok() && samples == instances as usize);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, decisions, reconcile, lives);
criterion_main!(benches);
