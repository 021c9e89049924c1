//! The struct as it was written: its attributes read, but not judged.

use syn::{Data, DeriveInput, Fields, Ident, Type, Visibility};

use crate::attr::{DieselField, DieselModel, Live, SerdeField, SerdeModel, Subscribable, Ts};
use crate::errors::Errors;
use crate::names::unraw;

pub(crate) struct Input {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) live: Live,
    pub(crate) registrations: Vec<Subscribable>,
    pub(crate) diesel: DieselModel,
    pub(crate) serde: SerdeModel,
    pub(crate) ts: Ts,
    /// `None` if it is not a struct with named fields, which was reported.
    pub(crate) fields: Option<Vec<Field>>,
}

pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) diesel: DieselField,
    pub(crate) serde: SerdeField,
    pub(crate) ts: Ts,
}

impl Input {
    /// Reads all that can be read. Of a struct with generics that is nothing: no implementation
    /// would fit it.
    pub(crate) fn read(input: DeriveInput, errors: &Errors) -> Option<Self> {
        if !input.generics.params.is_empty() {
            let message =
                "a live model has no generics: its rows come from one table and have one label";
            errors.at(&input.generics, message);
            return None;
        }
        Some(Self {
            live: Live::read(&input.attrs, errors),
            registrations: Subscribable::read_all(&input.attrs, errors),
            diesel: DieselModel::read(&input.attrs),
            serde: SerdeModel::read(&input.attrs),
            ts: Ts::read(&input.attrs),
            fields: fields(&input, errors),
            ident: input.ident,
            vis: input.vis,
        })
    }
}

fn fields(input: &DeriveInput, errors: &Errors) -> Option<Vec<Field>> {
    let message = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                return Some(fields.named.iter().filter_map(Field::read).collect());
            }
            Fields::Unnamed(_) => "a live model names its fields, as in `struct Task { id: i32 }`",
            Fields::Unit => "a live model has fields, as in `struct Task { id: i32 }`",
        },
        Data::Enum(_) | Data::Union(_) => {
            "a live model is a struct, with a field for each column of its table"
        }
    };
    errors.at(&input.ident, message);
    None
}

impl Field {
    fn read(field: &syn::Field) -> Option<Self> {
        Some(Self {
            ident: field.ident.clone()?,
            ty: field.ty.clone(),
            diesel: DieselField::read(&field.attrs),
            serde: SerdeField::read(&field.attrs),
            ts: Ts::read(&field.attrs),
        })
    }

    pub(crate) fn name(&self) -> String {
        unraw(&self.ident)
    }

    /// The column that the field holds, if it holds one.
    pub(crate) fn column(&self) -> Option<&Ident> {
        let is_column = !self.diesel.embed && !self.diesel.select_expression;
        is_column.then(|| self.diesel.column_name.as_ref().unwrap_or(&self.ident))
    }

    pub(crate) fn has_column(&self, name: &str) -> bool {
        self.column().is_some_and(|column| unraw(column) == name)
    }
}
