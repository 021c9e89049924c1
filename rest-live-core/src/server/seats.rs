//! Seats: how many connections there are, in all, of an address and of a user.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::refusal::Refusal;
use crate::limits::Limits;

/// When who finds no seat is to ask again. Long enough that a full server is not kept busy with
/// refusals, short enough that nobody stares at a dead page.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The seats of a server. A connection holds its [`Seat`] as long as it lives.
pub(super) struct Seats {
    limits: Limits,
    taken: Mutex<Taken>,
}

/// Who is there. Those who are not have no entries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Taken {
    all: usize,
    addresses: HashMap<IpAddr, usize>,
    users: HashMap<Arc<str>, usize>,
}

/// One connection's place. It is free again when this is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    address: Option<IpAddr>,
    user: Option<Arc<str>>,
}

impl Seats {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limits: *limits,
            taken: Mutex::default(),
        })
    }

    /// A seat for somebody of whom nothing is known but perhaps his address.
    pub(super) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Seat, Refusal> {
        let mut taken = self.taken.lock();
        if taken.all >= self.limits.connections {
            return Err(Refusal::unavailable("the server is full").retry_after(RETRY_AFTER));
        }
        let address = address.map(network);
        if let Some(address) = address {
            add(
                &mut taken.addresses,
                address,
                self.limits.connections_per_address,
                "address",
            )?;
        }
        taken.all += 1;
        Ok(Seat {
            seats: Arc::clone(self),
            address,
            user: None,
        })
    }
}

impl Seat {
    /// Says whose seat it is; `None` for nobody's in particular.
    pub(super) fn belong_to(&mut self, user: Option<&str>) -> Result<(), Refusal> {
        self.change(user, self.seats.limits.connections_per_user)
    }

    /// Says whose seat it is by now, however many he has.
    pub(super) fn pass_to(&mut self, user: Option<&str>) {
        // There is room for any number.
        drop(self.change(user, usize::MAX));
    }

    fn change(&mut self, user: Option<&str>, most: usize) -> Result<(), Refusal> {
        if self.user.as_deref() == user {
            return Ok(());
        }
        let mut taken = self.seats.taken.lock();
        let Some(user) = user else {
            if let Some(before) = self.user.take() {
                remove(&mut taken.users, before);
            }
            return Ok(());
        };
        let name = taken.users.get_key_value(user).map(|(name, _)| name);
        let name = name.map_or_else(|| Arc::from(user), Arc::clone);
        add(&mut taken.users, Arc::clone(&name), most, "user")?;
        if let Some(before) = self.user.replace(name) {
            remove(&mut taken.users, before);
        }
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        taken.all -= 1;
        if let Some(address) = self.address {
            remove(&mut taken.addresses, address);
        }
        if let Some(user) = self.user.take() {
            remove(&mut taken.users, user);
        }
    }
}

fn add<K: Eq + Hash>(
    counts: &mut HashMap<K, usize>,
    key: K,
    most: usize,
    what: &str,
) -> Result<(), Refusal> {
    if counts.get(&key).is_some_and(|count| *count >= most) {
        let message = format!("there are too many connections of this {what}");
        return Err(Refusal::too_many(message).retry_after(RETRY_AFTER));
    }
    *counts.entry(key).or_default() += 1;
    Ok(())
}

fn remove<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

/// What counts as one address. With IPv6 a household has a /64, and all addresses in it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(network).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    fn seats(all: usize, per_address: usize, per_user: usize) -> Arc<Seats> {
        Seats::new(&Limits {
            connections: all,
            connections_per_address: per_address,
            connections_per_user: per_user,
            ..Limits::default()
        })
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_server_is_full_until_somebody_goes() {
        let seats = seats(2, 9, 9);
        let first = seats.take(None).ok().unwrap();
        let _second = seats.take(None).ok().unwrap();
        let refusal = seats.take(None).err().unwrap();
        assert_eq!(
            refusal.to_string(),
            "503 Service Unavailable: the server is full"
        );
        drop(first);
        assert!(seats.take(None).is_ok());
    }

    #[test]
    fn an_address_of_version_6_is_its_network() {
        let cases = [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.2", "::ffff:10.0.0.1", false),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ];
        for (one, other, is_same) in cases {
            let seats = seats(9, 1, 9);
            let _seat = seats.take(address(one)).ok().unwrap();
            let refusal = seats.take(address(other)).err().map(|it| it.to_string());
            let message = "429 Too Many Requests: there are too many connections of this address";
            assert_eq!(
                refusal.as_deref(),
                is_same.then_some(message),
                "{one} and {other}"
            );
            assert!(seats.take(None).is_ok(), "nothing is known of him");
        }
    }

    #[test]
    fn a_user_has_so_many_seats() {
        let seats = seats(9, 9, 1);
        let mut first = seats.take(None).ok().unwrap();
        first.belong_to(Some("ann")).unwrap();
        let mut second = seats.take(None).ok().unwrap();
        let refusal = second.belong_to(Some("ann")).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "429 Too Many Requests: there are too many connections of this user"
        );
        second.belong_to(Some("bob")).unwrap();
        drop(first);
        let mut third = seats.take(None).ok().unwrap();
        third.belong_to(Some("ann")).unwrap();
    }

    #[test]
    fn a_seat_is_passed_to_a_user_who_has_too_many() {
        let seats = seats(9, 9, 1);
        let mut first = seats.take(None).ok().unwrap();
        first.belong_to(Some("ann")).unwrap();
        let mut second = seats.take(None).ok().unwrap();
        second.belong_to(Some("bob")).unwrap();
        second.pass_to(Some("ann"));
        let users = |count| HashMap::from([("ann".into(), count)]);
        assert_eq!(seats.taken.lock().users, users(2));
        second.pass_to(None);
        assert_eq!(seats.taken.lock().users, users(1));
    }

    proptest! {
        /// Whoever comes, is refused and goes: the counts are those of the seats that are held.
        #[test]
        fn what_is_counted_is_what_is_held(
            steps in prop::collection::vec((0_u8..3, 0_u8..4, 0_usize..8), 0..100)
        ) {
            let seats = seats(6, 3, 2);
            let mut held = Vec::new();
            for (step, who, index) in steps {
                if step == 0 && !held.is_empty() {
                    held.swap_remove(index % held.len());
                } else {
                    let address = (who > 0).then(|| IpAddr::from([10, 0, 0, who]));
                    if let Ok(mut seat) = seats.take(address)
                        && (step == 1 || seat.belong_to(Some(&index.to_string())).is_ok())
                    {
                        held.push(seat);
                    }
                }
                let mut counted = Taken { all: held.len(), ..Taken::default() };
                for Seat { address, user, .. } in &held {
                    if let Some(address) = address {
                        *counted.addresses.entry(*address).or_default() += 1;
                    }
                    if let Some(user) = user {
                        *counted.users.entry(Arc::clone(user)).or_default() += 1;
                    }
                }
                prop_assert!(counted.all <= 6);
                prop_assert!(counted.addresses.values().all(|count| *count <= 3));
                prop_assert!(counted.users.values().all(|count| *count <= 2));
                prop_assert_eq!(&*seats.taken.lock(), &counted);
            }
        }
    }

    #[test]
    fn who_comes_at_once_is_counted_too() {
        let seats = seats(100, 50, 10);
        let come = |number: u8| {
            let mut seat = seats.take(Some([10, 0, 0, number % 2].into())).ok()?;
            seat.belong_to(Some(&(number % 4).to_string())).ok()?;
            Some(seat)
        };
        let held: Vec<Seat> = thread::scope(|scope| {
            let threads = (0..8).map(|thread| {
                scope.spawn(move || (0..50).filter_map(|number| come(number + thread)).collect())
            });
            let threads: Vec<thread::ScopedJoinHandle<'_, Vec<Seat>>> = threads.collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(held.len(), 40, "ten for each of four users");
        drop(held);
        assert_eq!(*seats.taken.lock(), Taken::default());
    }
}
