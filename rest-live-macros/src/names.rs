//! Names: as Diesel makes them, and as users misspell them.

use quote::format_ident;
use syn::Ident;
use syn::ext::IdentExt;

/// `TodoList` is `todo_list`, by the letter as Diesel does it.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// The table of a struct without `#[diesel(table_name = ...)]`.
pub(crate) fn default_table(model: &Ident) -> Ident {
    format_ident!("{}s", snake_case(&unraw(model)), span = model.span())
}

/// The foreign key of a `#[diesel(belongs_to(Model))]` that does not name one.
pub(crate) fn default_foreign_key(model: &Ident) -> Ident {
    format_ident!("{}_id", snake_case(&unraw(model)), span = model.span())
}

/// An identifier's name, without `r#`.
pub(crate) fn unraw(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// Whether `name` can stand in a label.
pub(crate) fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// The known name that was probably meant, if one is at most two letters away.
pub(crate) fn closest<T: AsRef<str>>(name: &str, known: impl IntoIterator<Item = T>) -> Option<T> {
    let near = known.into_iter().filter_map(|known| {
        let letters = name.chars().count().max(known.as_ref().chars().count());
        let distance = distance(name, known.as_ref());
        (distance <= 2 && distance < letters).then_some((distance, known))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The Levenshtein distance: how many letters to insert, delete or replace.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_as_diesel_makes_them() {
        for (name, snake) in [
            ("Task", "task"),
            ("TodoList", "todo_list"),
            ("HTTPLog", "h_t_t_p_log"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
        assert_eq!(default_table(&format_ident!("TodoList")), "todo_lists");
        assert_eq!(
            default_foreign_key(&format_ident!("TodoList")),
            "todo_list_id"
        );
    }

    #[test]
    fn the_distance_counts_edits() {
        for (from, to, edits) in [
            ("", "", 0),
            ("", "ab", 2),
            ("lst_id", "list_id", 1),
            ("at", "id", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(
                (distance(from, to), distance(to, from)),
                (edits, edits),
                "{from} and {to}"
            );
        }
    }

    #[test]
    fn the_closest_name_is_suggested_unless_nothing_is_left_of_it() {
        let known = ["id", "list_id", "text"];
        assert_eq!(closest("lst_id", known), Some("list_id"));
        assert_eq!(closest("txt", known), Some("text"));
        assert_eq!(closest("at", known), None);
        assert_eq!(closest("owner", known), None);
    }
}
