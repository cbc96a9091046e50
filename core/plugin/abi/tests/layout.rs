//! The frozen layout, compared with a file. If this fails, the change is wrong, not the file.

use abi_stable::StableAbi;
use abi_stable::type_layout::TypeLayout;
use ctys_plugin_abi::PluginMod_Ref;

/// What the loader compares, type by type: name, size, alignment, fields, signatures.
fn describe(layout: &'static TypeLayout) -> String {
    let mut seen = Vec::new();
    let mut out = String::new();
    describe_into(layout, &mut seen, &mut out);
    out
}

fn describe_into(layout: &'static TypeLayout, seen: &mut Vec<String>, out: &mut String) {
    let head = format!("{} ({})", layout.full_type(), layout.package());
    if seen.contains(&head) {
        return;
    }
    out.push_str(&format!("{head}: size {} align {} {:?}\n", layout.size(), layout.alignment(), layout.repr_attr()));
    seen.push(head);
    let fields = layout.get_fields().into_iter().flatten();
    for field in fields.chain(layout.phantom_fields()) {
        out.push_str(&format!("    {}: {}\n", field.name(), field.full_type()));
        for function in field.function_range() {
            out.push_str(&format!(
                "        {}\n",
                function.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
            ));
        }
    }
    for nested in layout.shared_vars().type_layouts() {
        describe_into(nested(), seen, out);
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn the_layout_is_the_one_that_was_frozen() {
    let found = describe(<PluginMod_Ref as StableAbi>::LAYOUT);
    println!("{found}");
    let frozen = include_str!("../layout.txt");
    assert_eq!(found, frozen, "the plugin boundary is frozen, see src/lib.rs; found:\n{found}");
}

#[test]
fn the_version_never_leaves_one() {
    assert_eq!(env!("CARGO_PKG_VERSION_MAJOR"), "1");
}
