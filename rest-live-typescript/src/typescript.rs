//! The language: what types are called in it, and what has to be declared so that they are.

use std::any::{TypeId, type_name};
use std::collections::{BTreeMap, HashSet};

use rest_live_core::Language;
use ts_rs::{Config, TS, TypeVisitor};

use crate::error::Error;

/// Names that mean something else in the file.
const RESERVED: [&str; 3] = ["Array", "Models", "Pick"];

/// TypeScript, in which every type that is [`TS`] has a type.
///
/// Models are [`TypedModel<TypeScript>`](rest_live_core::TypedModel) if all that a client sees of them is.
pub struct TypeScript {
    config: Config,
    seen: HashSet<TypeId>,
    /// By their names.
    declarations: BTreeMap<String, Declaration>,
    conflicts: Vec<Conflict>,
}

struct Declaration {
    rust: &'static str,
    text: String,
}

/// Two Rust types of one name.
struct Conflict {
    name: String,
    types: [&'static str; 2],
}

impl TypeScript {
    pub(crate) fn new() -> Self {
        Self {
            // serde writes all integers as plain numbers.
            config: Config::new().with_large_int("number"),
            seen: HashSet::new(),
            declarations: BTreeMap::new(),
            conflicts: Vec::new(),
        }
    }

    /// All that has to be declared, by name.
    pub(crate) fn declarations(&self) -> impl Iterator<Item = &str> {
        let declarations = self.declarations.values();
        declarations.map(|declaration| declaration.text.as_str())
    }

    /// The first name, in their order, that cannot be what it is.
    pub(crate) fn conflict(&self) -> Option<Error> {
        let reserved = RESERVED.into_iter().find_map(|name| {
            let declaration = self.declarations.get(name)?;
            Some(Error::ReservedName {
                name: name.to_owned(),
                rust: declaration.rust,
            })
        });
        reserved.or_else(|| {
            let conflict = self
                .conflicts
                .iter()
                .min_by_key(|conflict| &conflict.name)?;
            let [first, second] = conflict.types;
            Some(Error::DuplicateName {
                name: conflict.name.clone(),
                first,
                second,
            })
        })
    }

    fn declare<T: TS + ?Sized>(&mut self) {
        let (name, rust) = (T::ident(&self.config), type_name::<T>());
        let docs = T::docs().unwrap_or_default();
        let text = format!("{docs}export {}", T::decl(&self.config));
        match self.declarations.get(&name) {
            None => {
                let declaration = Declaration { rust, text };
                self.declarations.insert(name, declaration);
            }
            // Of a generic type, each use comes here, and all have one declaration.
            Some(other) if other.text == text => {}
            Some(other) => {
                let mut types = [other.rust, rust];
                types.sort_unstable();
                self.conflicts.push(Conflict { name, types });
            }
        }
    }
}

impl TypeVisitor for TypeScript {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // What is part of the language has no place of its own.
        if T::output_path().is_some() && self.seen.insert(TypeId::of::<T>()) {
            self.declare::<T>();
            T::visit_dependencies(self);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: TS + 'static + ?Sized> Language<T> for TypeScript {
    fn name(&mut self) -> String {
        self.visit::<T>();
        T::visit_generics(self);
        T::name(&self.config)
    }
}
