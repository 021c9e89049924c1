//! Types that cannot be had, with the messages. `TRYBUILD=overwrite` accepts new ones.

#![allow(clippy::print_stderr)]

/// The compiler whose words the messages hold.
const RUSTC: &str = "rustc 1.95.";

#[test]
fn types_that_can_be_had() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}

#[test]
fn what_has_no_type_is_named_with_what_to_derive() {
    let rustc = std::process::Command::new("rustc")
        .arg("--version")
        .output()
        .expect("rustc runs");
    if String::from_utf8_lossy(&rustc.stdout).starts_with(RUSTC) {
        trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
    } else {
        eprintln!("skipped: needs {RUSTC}, others word their errors in another way");
    }
}
