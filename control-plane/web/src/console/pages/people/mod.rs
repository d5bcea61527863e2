//! The people of a tenant: who is in it, who is let in, and what is done to one of them.

pub(super) mod act;
pub(super) mod invite;
pub(super) mod list;
pub(super) mod one;
mod role;

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    [list::samples(), invite::samples(), one::samples(), act::samples()].into_iter().flatten().collect()
}

#[cfg(test)]
mod sample {
    use clock::Timestamp;
    use control_plane_domain::person::{Person, PersonState};
    use control_plane_domain::policy::Role;
    use control_plane_operations::PersonRow;
    use ids::PersonId;

    /// The same, each as far in as another.
    pub(super) fn rows() -> Vec<PersonRow> {
        let time = Timestamp::from_millis(1_795_000_000_000);
        let row = |(number, person): (usize, Person)| PersonRow {
            person,
            second_factor: number % 2 == 0,
            has_key: number % 5 == 0,
            signed_in: (number % 2 == 0).then_some(time),
            open_link: (number % 3 == 0).then_some(time),
        };
        people().into_iter().enumerate().map(row).collect()
    }

    /// One person of each role, one who was removed, and one whose name is hostile.
    pub(super) fn people() -> Vec<Person> {
        let person = |number: u8, role, state| Person {
            id: PersonId::from_parts(1, [number; 10]),
            name: "Ada Lovelace".parse().unwrap(),
            email: "ada@example.org".parse().unwrap(),
            role,
            state,
            created: Timestamp::from_millis(1_795_000_000_000 - 86_400_000),
        };
        let mut all: Vec<Person> =
            (1..).zip(Role::ALL).map(|(number, role)| person(number, *role, PersonState::Active)).collect();
        all.push(person(20, Role::Viewer, PersonState::Removed));
        all.push(Person {
            name: crate::console::sample::hostile_text(),
            email: format!("{}@{}.example", "x".repeat(60), "y".repeat(120)).parse().unwrap(),
            ..person(21, Role::Engineer, PersonState::Active)
        });
        all
    }
}
