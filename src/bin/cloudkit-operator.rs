//! The operator. See `cloudkit-operator --help`.

fn main() -> provbench::cli::Exit {
    provbench::cli::operator::main()
}
