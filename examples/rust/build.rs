//! Compiles the C library with `cc` (or CC), and finds ONNX Runtime by `pkg-config`.

use std::env;
use std::path::Path;
use std::process::Command;

fn run(command: &mut Command) -> String {
    let done = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?} failed: {said}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

fn tool(variable: &str, usual: &str) -> Command {
    Command::new(env::var(variable).unwrap_or(usual.into()))
}

fn onnxruntime(question: &str) -> Vec<String> {
    let answer = run(tool("PKG_CONFIG", "pkg-config").args([question, "libonnxruntime"]));
    answer.split_whitespace().map(str::to_owned).collect()
}

fn main() {
    let sources = if Path::new("c").is_dir() { "c" } else { "../c" }; // of the crate, or of the project
    let out = env::var("OUT_DIR").unwrap();
    println!("cargo:rerun-if-changed={sources}");
    let mut library = tool("AR", "ar");
    library.args(["rcs", &format!("{out}/libsentiment.a")]);
    for name in ["sentiment", "text", "file"] {
        let object = format!("{out}/{name}.o");
        run(tool("CC", "cc")
            .args(["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O2", "-fPIC"])
            .args(onnxruntime("--cflags"))
            .args(["-c", &format!("{sources}/{name}.c"), "-o", &object]));
        library.arg(&object);
    }
    run(&mut library);
    println!("cargo:rustc-link-search={out}");
    for folder in onnxruntime("--libs-only-L") {
        println!("cargo:rustc-link-search={}", &folder[2..]);
    }
}
