//! The suite every plugin passes.

#[test]
fn conforms() {
    ctys_plugin::conformance::check::<ctys_qemu::Qemu>(env!("CARGO_PKG_VERSION"));
}
