//! Permissions: who may see a row.

/// Decides whether a user may see a row.
///
/// Every `fn(&User, &Model) -> bool` is one. A type of your own is one for the users and models
/// that you implement it for:
///
/// ```
/// use rest_live_core::Permission;
///
/// struct User { staff: bool }
/// struct IsStaff;
///
/// impl<M> Permission<User, M> for IsStaff {
///     fn check(&self, user: &User, _row: &M) -> bool {
///         user.staff
///     }
/// }
/// ```
///
/// A permission is asked often, on the dispatcher's thread: it should answer from what it is given,
/// without a query. One that panics is logged and counts as "no".
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not decide who may see a `{M}`",
    label = "not a permission for `{M}`",
    note = "a permission is a `fn(&User, &{M}) -> bool`, or a type that implements `Permission<User, {M}>`"
)]
pub trait Permission<U, M>: Send + Sync + 'static {
    /// Whether `user` may see `row`.
    fn check(&self, user: &U, row: &M) -> bool;
}

impl<U, M, F> Permission<U, M> for F
where
    F: Fn(&U, &M) -> bool + Send + Sync + 'static,
{
    fn check(&self, user: &U, row: &M) -> bool {
        self(user, row)
    }
}

/// Everybody may see every row, as with no `check_permission` at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAny;

impl<U, M> Permission<U, M> for AllowAny {
    fn check(&self, _: &U, _: &M) -> bool {
        true
    }
}

/// Composes permissions: `IsStaff.or(IsMember.and(is_owner))`.
///
/// It is in scope inside `check_permission = ...`; elsewhere, import it where you compose, and not
/// further: it gives every type these methods.
///
/// ```
/// use rest_live_core::{Compose, Permission};
///
/// struct User { id: i32, staff: bool }
/// struct Note { author_id: i32 }
///
/// fn is_staff(user: &User, _: &Note) -> bool { user.staff }
/// fn is_author(user: &User, note: &Note) -> bool { note.author_id == user.id }
///
/// let permission = is_staff.or(is_author);
/// assert!(permission.check(&User { id: 1, staff: false }, &Note { author_id: 1 }));
/// assert!(!permission.not().check(&User { id: 1, staff: true }, &Note { author_id: 2 }));
/// ```
pub trait Compose: Sized {
    /// Passes if both do. The second is asked only if the first passes.
    fn and<P>(self, other: P) -> And<Self, P> {
        And(self, other)
    }

    /// Passes if one of the two does. The second is asked only if the first does not pass.
    fn or<P>(self, other: P) -> Or<Self, P> {
        Or(self, other)
    }

    /// Passes if this one does not.
    fn not(self) -> Not<Self> {
        Not(self)
    }
}

impl<T> Compose for T {}

/// Both permissions pass. Made by [`Compose::and`].
#[derive(Debug, Clone, Copy)]
pub struct And<A, B>(A, B);

impl<U, M, A: Permission<U, M>, B: Permission<U, M>> Permission<U, M> for And<A, B> {
    fn check(&self, user: &U, row: &M) -> bool {
        self.0.check(user, row) && self.1.check(user, row)
    }
}

/// One of two permissions passes. Made by [`Compose::or`].
#[derive(Debug, Clone, Copy)]
pub struct Or<A, B>(A, B);

impl<U, M, A: Permission<U, M>, B: Permission<U, M>> Permission<U, M> for Or<A, B> {
    fn check(&self, user: &U, row: &M) -> bool {
        self.0.check(user, row) || self.1.check(user, row)
    }
}

/// The permission does not pass. Made by [`Compose::not`].
#[derive(Debug, Clone, Copy)]
pub struct Not<P>(P);

impl<U, M, P: Permission<U, M>> Permission<U, M> for Not<P> {
    fn check(&self, user: &U, row: &M) -> bool {
        !self.0.check(user, row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Staff;

    impl<M> Permission<bool, M> for Staff {
        fn check(&self, user: &bool, _: &M) -> bool {
            *user
        }
    }

    fn positive(_: &bool, row: &i32) -> bool {
        *row > 0
    }

    #[test]
    fn permissions_compose() {
        let check = |permission: &dyn Permission<bool, i32>| {
            [(true, 1), (true, -1), (false, 1), (false, -1)]
                .map(|(user, row)| permission.check(&user, &row))
        };
        assert_eq!(check(&AllowAny), [true, true, true, true]);
        assert_eq!(check(&Staff.and(positive)), [true, false, false, false]);
        assert_eq!(check(&Staff.or(positive)), [true, true, true, false]);
        assert_eq!(check(&Staff.not()), [false, false, true, true]);
        assert_eq!(
            check(&Staff.not().and(positive.not())),
            [false, false, false, true]
        );
        assert_eq!(
            check(&Staff.and(|_: &bool, row: &i32| *row < 0)),
            [false, true, false, false]
        );
    }
}
