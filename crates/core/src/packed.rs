//! Integers of 3, 6 and 7 bytes: the smallest that hold their value, with alignment 1.

macro_rules! packed {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub(crate) struct $name([u8; $bytes]);

        impl $name {
            pub(crate) const MAX: u64 = (1 << ($bytes * 8)) - 1;

            /// Takes a value; one that does not fit becomes the largest that does.
            pub(crate) fn new(value: u64) -> Self {
                let wide = value.min(Self::MAX).to_le_bytes();
                let mut bytes = [0; $bytes];
                bytes.iter_mut().zip(wide).for_each(|(to, from)| *to = from);
                Self(bytes)
            }

            pub(crate) fn get(self) -> u64 {
                let mut wide = [0; 8];
                wide.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
                u64::from_le_bytes(wide)
            }
        }
    };
}

packed!(
    /// Minutes since [`crate::swarm::session::STARTED_EPOCH_SECONDS`]: 31 years.
    U24, 3
);
packed!(
    /// Bytes left: up to 256 TiB, and "unknown" saturates to that.
    U48, 6
);
packed!(
    /// Bytes moved in one client session: up to 2^56, above the 2^50 that admission allows.
    U56, 7
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_fits_comes_back_and_a_larger_one_saturates() {
        for value in [0, 1, 255, 256, 1 << 50, U56::MAX] {
            assert_eq!(U56::new(value).get(), value);
        }
        assert_eq!(U48::new(u64::MAX).get(), U48::MAX);
        assert_eq!(U24::new(1 << 24).get(), (1 << 24) - 1);
    }
}
