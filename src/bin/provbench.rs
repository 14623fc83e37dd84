//! The harness. See `provbench --help`.

/// Simulating means allocating: millions of small pieces of JSON, which glibc's allocator takes a third of the time for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> provbench::cli::Exit {
    provbench::cli::provbench::main()
}
