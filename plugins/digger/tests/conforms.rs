//! The suite every plugin passes.

#[test]
fn conforms() {
    ctys_plugin::conformance::check::<ctys_digger::Digger>(env!("CARGO_PKG_VERSION"));
}
