//! The suite every plugin passes.

#[test]
fn conforms() {
    ctys_plugin::conformance::check::<ctys_cube::Cubes>(env!("CARGO_PKG_VERSION"));
}
