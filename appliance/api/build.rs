//! The panel's pages are embedded: they must be looked at again when they were built anew.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let index = "../panel/dist/index.html";
    // A path that does not exist would make every build a new one; the panel's build touches
    // this file instead.
    if std::path::Path::new(index).exists() {
        println!("cargo:rerun-if-changed={index}");
    }
}
