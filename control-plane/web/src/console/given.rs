//! Small values as templates have them: themselves, or behind the references that a loop or a field puts before them.

/// A `T`, however many references stand before it.
pub(crate) trait Given<T> {
    fn given(&self) -> T;
}

impl<T: Copy> Given<T> for T {
    fn given(&self) -> T {
        *self
    }
}

impl<T: Copy> Given<T> for &T {
    fn given(&self) -> T {
        **self
    }
}

impl<T: Copy> Given<T> for &&T {
    fn given(&self) -> T {
        ***self
    }
}
