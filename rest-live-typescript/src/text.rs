//! The text of the file.

use rest_live_core::{GroupType, ModelTypes, RowType};

const HEADER: &str = "\
// The live models of the server, as types for the client `rest-live`.
// Made by `rest_live::typescript` from the Rust types; not to be edited.
";

/// What gives the models to the client, and so to its hook.
const REGISTER: &str = r#"
declare module "rest-live" {
  interface Register {
    models: Models;
  }
}
"#;

pub(crate) fn file<'a>(
    declarations: impl Iterator<Item = &'a str>,
    models: &[&ModelTypes],
) -> String {
    let declarations: String = declarations
        .map(|declaration| format!("\n{declaration}\n"))
        .collect();
    let models: String = models.iter().map(|types| model(types)).collect();
    format!("{HEADER}{declarations}\nexport interface Models {{\n{models}}}\n{REGISTER}")
}

fn model(model: &ModelTypes) -> String {
    let groups: String = groups(&model.groups)
        .into_iter()
        .map(|group| format!("      {group};\n"))
        .collect();
    format!(
        "  \"{}\": {{\n    instance: {};\n    groups: {{\n{groups}    }};\n  }};\n",
        model.label,
        union(model.rows.iter().map(row)),
    )
}

/// All of them, each once.
fn union(types: impl Iterator<Item = String>) -> String {
    let mut once: Vec<String> = Vec::new();
    for ty in types {
        if !once.contains(&ty) {
            once.push(ty);
        }
    }
    once.join(" | ")
}

fn row(row: &RowType) -> String {
    let (of, properties, flattened) = match row {
        RowType::Whole(ty) => return ty.clone(),
        RowType::Part {
            of,
            properties,
            flattened,
        } => (of, properties, flattened),
    };
    let names: Vec<_> = properties.iter().map(|name| format!("{name:?}")).collect();
    let part = (!names.is_empty()).then(|| format!("Pick<{of}, {}>", names.join(" | ")));
    let parts: Vec<_> = part.into_iter().chain(flattened.iter().cloned()).collect();
    parts.join(" & ")
}

/// The keys, by the names that clients may call them: the primary key is `pk` as well, unless
/// another is.
fn groups(groups: &[GroupType]) -> Vec<String> {
    let is_taken = groups.iter().any(|group| property(group) == "pk");
    let primary = groups
        .iter()
        .find(|group| group.is_primary_key && !is_taken);
    let primary = primary.map(|group| format!("pk: {}", value(group)));
    let named = groups
        .iter()
        .map(|group| format!("{}: {}", property(group), value(group)));
    primary.into_iter().chain(named).collect()
}

fn property(group: &GroupType) -> String {
    match group.columns.as_slice() {
        [(name, _)] => (*name).to_owned(),
        columns => {
            let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
            format!("\"{}\"", names.join(","))
        }
    }
}

fn value(group: &GroupType) -> String {
    match group.columns.as_slice() {
        [(_, ty)] => ty.clone(),
        columns => {
            let types: Vec<_> = columns.iter().map(|(_, ty)| ty.as_str()).collect();
            format!("readonly [{}]", types.join(", "))
        }
    }
}
