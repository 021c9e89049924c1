//! A batch of SQL, statement by statement.

/// The statements of a batch, each with its semicolon.
///
/// They end where `sqlite3_complete` says that they do: at a semicolon, but for those inside a
/// trigger's body.
pub(super) fn statements(sql: &str) -> impl Iterator<Item = &str> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        let (statement, after) = rest.split_at(end_of_statement(rest));
        rest = after;
        (!statement.is_empty()).then_some(statement)
    })
}

/// The first word of a statement.
pub(super) fn keyword(statement: &str) -> &str {
    words(statement).next().unwrap_or_default()
}

/// What a statement is made of, without white space and comments: words, quoted texts, and other
/// characters.
pub(super) fn words(statement: &str) -> impl Iterator<Item = &str> {
    let mut rest = statement;
    let tokens = std::iter::from_fn(move || {
        let (token, after) = rest.split_at(length_of_token(rest));
        rest = after;
        (!token.is_empty()).then_some(token)
    });
    tokens.filter(|token| !is_blank(token))
}

/// How far one has come in a statement.
#[derive(Clone, Copy)]
enum Place {
    Start,
    /// After `CREATE`, and perhaps `TEMP`.
    Create,
    Statement,
    Trigger,
    /// After a semicolon in a trigger.
    TriggerSemicolon,
    /// After an `END` that may be the trigger's.
    TriggerEnd,
}

fn end_of_statement(sql: &str) -> usize {
    let mut place = Place::Start;
    let mut at = 0;
    while at < sql.len() {
        let token = &sql[at..at + length_of_token(&sql[at..])];
        at += token.len();
        place = match (place, token) {
            (_, token) if is_blank(token) => place,
            (Place::Start | Place::Create | Place::Statement | Place::TriggerEnd, ";") => {
                return at;
            }
            (Place::Trigger | Place::TriggerSemicolon, ";") => Place::TriggerSemicolon,
            (Place::TriggerSemicolon, token) if is(token, "END") => Place::TriggerEnd,
            (Place::Trigger | Place::TriggerSemicolon | Place::TriggerEnd, _) => Place::Trigger,
            (Place::Start, token) if is(token, "EXPLAIN") => Place::Start,
            (Place::Start, token) if is(token, "CREATE") => Place::Create,
            (Place::Create, token) if is(token, "TEMP") || is(token, "TEMPORARY") => Place::Create,
            (Place::Create, token) if is(token, "TRIGGER") => Place::Trigger,
            (Place::Start | Place::Create | Place::Statement, _) => Place::Statement,
        };
    }
    sql.len()
}

fn is(token: &str, word: &str) -> bool {
    token.eq_ignore_ascii_case(word)
}

/// Whether a token is white space or a comment.
fn is_blank(token: &str) -> bool {
    token.starts_with("--") || token.starts_with("/*") || token.trim_ascii().is_empty()
}

/// The length of what `sql` begins with: a word, a quoted text, a comment, or one other character.
fn length_of_token(sql: &str) -> usize {
    let after = |start: usize, end: &str| {
        let found = sql.get(start..).and_then(|rest| rest.find(end));
        found.map_or(sql.len(), |at| start + at + end.len())
    };
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    match sql.chars().next() {
        None => 0,
        // A doubled quote inside makes two tokens of it, which is all the same here.
        Some('\'') => after(1, "'"),
        Some('"') => after(1, "\""),
        Some('`') => after(1, "`"),
        Some('[') => after(1, "]"),
        Some('-') if sql.starts_with("--") => after(2, "\n"),
        Some('/') if sql.starts_with("/*") => after(2, "*/"),
        Some(c) if is_of_word(c) => sql.find(|c| !is_of_word(c)).unwrap_or(sql.len()),
        Some(c) => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::statements;

    fn split(sql: &str) -> Vec<&str> {
        statements(sql).map(str::trim).collect()
    }

    #[test]
    fn a_statement_ends_at_its_semicolon() {
        assert_eq!(split(""), [""; 0]);
        assert_eq!(split("SELECT 1"), ["SELECT 1"]);
        assert_eq!(split("A; B ;;C"), ["A;", "B ;", ";", "C"]);
        let quoted = [
            "SELECT 'it''s;', \";\", `;`, [;];",
            "-- one; two\nSELECT 1;",
            "/* a; b */ SELECT 'ü;';",
            "SELECT ';",
            "/*;",
        ];
        for one in quoted {
            assert_eq!(split(one), [one]);
        }
    }

    #[test]
    fn a_trigger_ends_at_its_end() {
        let triggers = [
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = CASE WHEN c THEN 1 END; DELETE FROM d; END;",
            "create temp trigger t AFTER INSERT ON a BEGIN SELECT 1; /* so */ end ;",
        ];
        for trigger in triggers {
            assert_eq!(
                split(&format!("{trigger} SELECT 1;")),
                [trigger, "SELECT 1;"]
            );
        }
        assert_eq!(
            split("CREATE TABLE trigger_(a); BEGIN; END;"),
            ["CREATE TABLE trigger_(a);", "BEGIN;", "END;"]
        );
    }
}
