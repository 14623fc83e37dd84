//! What the embedded cluster costs: directly, through a `kube::Client`, with watchers, in lists.

#[path = "../tests/cluster_support/mod.rs"]
mod support;

use std::{cell::RefCell, hint::black_box, sync::Arc};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use provbench::cluster::{Cluster, ClusterService, Options};
use serde_json::Value;
use support::{INSTANCES, cluster, cluster_with, crd, large_instance, large_status, options, request};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tower::{Service, ServiceExt};

/// Objects in a cluster before it is replaced by a fresh one.
const MOST_OBJECTS: usize = 10_000;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

async fn send(service: &mut ClusterService, request: Request<Full<Bytes>>) -> Bytes {
    let response = service.call(request).await.expect("infallible");
    assert!(response.status().is_success(), "{}", response.status());
    response.into_body().collect().await.expect("infallible").to_bytes()
}

/// Names that do not repeat, in a cluster that does not grow without bound.
struct Fresh {
    cluster: Cluster,
    used: usize,
}

impl Fresh {
    fn new() -> Self {
        Self { cluster: cluster(), used: 0 }
    }

    fn name(&mut self) -> String {
        if self.used >= MOST_OBJECTS {
            *self = Self::new();
        }
        self.used += 1;
        format!("ci-{:06}", self.used)
    }
}

fn create_request(name: &str) -> Request<Full<Bytes>> {
    request(&Method::POST, INSTANCES, "application/json", large_instance(name).to_string())
}

fn status_request(name: &str) -> Request<Full<Bytes>> {
    let path = format!("{INSTANCES}/{name}/status");
    request(&Method::PATCH, &path, "application/merge-patch+json", large_status().to_string())
}

fn start(c: &mut Criterion) {
    let runtime = runtime();
    let _guard = runtime.enter();
    let definition = crd();
    c.bench_function("cluster/start", |b| {
        b.iter(|| {
            let cluster = Cluster::new(options());
            cluster.install_crd(black_box(&definition)).expect("a definition");
            cluster
        });
    });
}

fn write(c: &mut Criterion) {
    let runtime = runtime();
    let _guard = runtime.enter();
    let fresh = RefCell::new(Fresh::new());
    c.bench_function("cluster/create_and_status", |b| {
        b.iter_batched(
            || {
                let mut fresh = fresh.borrow_mut();
                let name = fresh.name();
                (fresh.cluster.service(), create_request(&name), status_request(&name))
            },
            |(mut service, create, status)| {
                runtime.block_on(async {
                    send(&mut service, create).await;
                    send(&mut service, status).await
                })
            },
            BatchSize::NumIterations(1_000),
        );
    });
    c.bench_function("cluster/create", |b| {
        b.iter_batched(
            || {
                let mut fresh = fresh.borrow_mut();
                let name = fresh.name();
                (fresh.cluster.service(), create_request(&name))
            },
            |(mut service, create)| runtime.block_on(send(&mut service, create)),
            BatchSize::NumIterations(1_000),
        );
    });
    let client = RefCell::new((Fresh::new(), None));
    c.bench_function("cluster/create_and_status_by_client", |b| {
        b.iter_batched(
            || {
                let mut client = client.borrow_mut();
                let (fresh, client) = &mut *client;
                let name = fresh.name();
                if fresh.used == 1 {
                    *client = Some(fresh.cluster.client("default"));
                }
                let body = |request: Request<Full<Bytes>>| {
                    let (parts, body) = request.into_parts();
                    let body = runtime.block_on(body.collect()).expect("infallible").to_bytes();
                    Request::from_parts(parts, body.to_vec())
                };
                (client.clone().expect("made above"), body(create_request(&name)), body(status_request(&name)))
            },
            |(client, create, status)| {
                runtime.block_on(async {
                    client.request_text(create).await.expect("created");
                    client.request_text(status).await.expect("patched")
                })
            },
            BatchSize::NumIterations(1_000),
        );
    });
}

/// A cluster with this many instances that have a status.
fn filled(runtime: &Runtime, count: usize) -> Cluster {
    let cluster = cluster();
    let mut service = cluster.service();
    for index in 0..count {
        let name = format!("ci-{index:06}");
        runtime.block_on(async {
            send(&mut service, create_request(&name)).await;
            send(&mut service, status_request(&name)).await;
        });
    }
    cluster
}

fn read(c: &mut Criterion) {
    let runtime = runtime();
    let _guard = runtime.enter();
    let cluster = filled(&runtime, MOST_OBJECTS);
    let path = format!("{INSTANCES}/ci-005000");
    let mut service = cluster.service();
    let object = runtime.block_on(send(&mut service, request(&Method::GET, &path, "", "")));
    println!("an object with its status has {} bytes", object.len());
    c.bench_function("cluster/get", |b| {
        b.iter_batched(
            || request(&Method::GET, &path, "", ""),
            |request| runtime.block_on(send(&mut service, request)),
            BatchSize::SmallInput,
        );
    });
    let client = cluster.client("default");
    c.bench_function("cluster/get_by_client", |b| {
        b.iter_batched(
            || Request::get(path.clone()).body(Vec::new()).expect("a request"),
            |request| runtime.block_on(client.request_text(request)).expect("an object"),
            BatchSize::SmallInput,
        );
    });
    let mut group = c.benchmark_group("cluster");
    group.sample_size(20).throughput(Throughput::Elements(MOST_OBJECTS as u64));
    let list = runtime.block_on(send(&mut service, request(&Method::GET, INSTANCES, "", "")));
    let items = serde_json::from_slice::<Value>(&list).expect("a list")["items"].as_array().map(Vec::len);
    assert_eq!(items, Some(MOST_OBJECTS));
    group.bench_function("list_10000", |b| {
        // Frame by frame, as a connection reads it: nobody needs the whole list in one piece.
        b.iter(|| {
            runtime.block_on(async {
                let list = service.call(request(&Method::GET, INSTANCES, "", "")).await.expect("infallible");
                let mut body = list.into_body();
                let mut length = 0;
                while let Some(frame) = body.frame().await {
                    length += frame.expect("infallible").data_ref().map_or(0, Bytes::len);
                }
                length
            })
        });
    });
    group.finish();
}

fn watch(c: &mut Criterion) {
    let runtime = runtime();
    let _guard = runtime.enter();
    for watchers in [0, 1, 10] {
        // A short history, so that it is full and the same memory is used over and over.
        let cluster = cluster_with(Options { history: 100, ..options() });
        let mut service = cluster.service();
        runtime.block_on(send(&mut service, create_request("ci-000000")));
        let mut streams: Vec<_> = (0..watchers)
            .map(|_| {
                let path = format!("{INSTANCES}?watch=true&resourceVersion=3");
                let watch = request(&Method::GET, &path, "", "");
                runtime.block_on(cluster.service().oneshot(watch)).expect("infallible").into_body()
            })
            .collect();
        let mut turn = 0_u64;
        c.bench_function(&format!("cluster/status_with_{watchers}_watchers"), |b| {
            b.iter_batched(
                || {
                    turn += 1;
                    let mut status = large_status();
                    status["status"]["desiredConfigVersion"] = turn.to_string().into();
                    let path = format!("{INSTANCES}/ci-000000/status");
                    request(&Method::PATCH, &path, "application/merge-patch+json", status.to_string())
                },
                |request| {
                    runtime.block_on(async {
                        send(&mut service, request).await;
                        for stream in &mut streams {
                            let frame = stream.frame().await.expect("a line").expect("infallible");
                            black_box(frame);
                        }
                    });
                },
                BatchSize::SmallInput,
            );
        });
    }
}

/// Creates over loopback TCP, with as many requests in flight as the comparison with kube-apiserver had.
fn tcp(c: &mut Criterion) {
    const IN_FLIGHT: usize = 16;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let cluster = cluster_with(Options { history: 1_000, ..options_in(&runtime) });
    let server = cluster.clone();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(server.serve(listener, std::future::pending()));
    let mut connections: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            runtime.block_on(async {
                let stream = TcpStream::connect(address).await.expect("a connection");
                stream.set_nodelay(true).expect("a socket");
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
                tokio::spawn(connection);
                sender
            })
        })
        .collect();
    let mut used = 0_usize;
    let mut group = c.benchmark_group("cluster");
    group.sample_size(10).throughput(Throughput::Elements(1));
    for what in ["create", "status"] {
        group.bench_function(format!("tcp_{what}_{IN_FLIGHT}_in_flight"), |b| {
            b.iter_custom(|times| {
                let times = usize::try_from(times).unwrap_or(usize::MAX);
                let requests: Vec<Request<Full<Bytes>>> = (used..used + times)
                    .map(|index| {
                        if what == "create" {
                            return create_request(&format!("ci-{index:07}"));
                        }
                        let mut status = large_status();
                        status["status"]["desiredConfigVersion"] = index.to_string().into();
                        let path = format!("{INSTANCES}/ci-{:07}/status", index % 1_000);
                        request(&Method::PATCH, &path, "application/merge-patch+json", status.to_string())
                    })
                    .collect();
                used += times;
                let queue = Arc::new(Mutex::new(requests.into_iter()));
                let start = tokio::time::Instant::now();
                runtime.block_on(async {
                    let work = connections.iter_mut().map(|sender| {
                        let queue = queue.clone();
                        async move {
                            loop {
                                let Some(request) = queue.lock().next() else { break };
                                sender.ready().await.expect("a connection");
                                let response = sender.send_request(request).await.expect("a response");
                                assert!(response.status().is_success(), "{}", response.status());
                                response.into_body().collect().await.expect("a body");
                            }
                        }
                    });
                    futures::future::join_all(work).await
                });
                start.elapsed()
            });
        });
    }
    group.finish();
}

fn options_in(runtime: &Runtime) -> Options {
    let _guard = runtime.enter();
    options()
}

criterion_group!(benches, start, write, read, watch, tcp);
criterion_main!(benches);
