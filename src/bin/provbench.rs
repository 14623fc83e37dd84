//! The harness. See `provbench --help`.

fn main() -> provbench::cli::Exit {
    provbench::cli::provbench::main()
}
