//! What an allocation really takes: allocators (mimalloc, jemalloc) have four sizes between two
//! powers of two and hand out the next of them. A table that asks for less wastes the difference.

/// The smallest allocation that is worth a size of its own.
const BYTES_MIN: usize = 64;

/// The smallest sizes are so many bytes apart.
const STEP_BYTES: usize = 16;
/// From here on there are four sizes between two powers of two.
const FOUR_FROM_BYTES: usize = 128;

/// The bytes that are worth asking for instead of `bytes`: what an allocation of them takes, or
/// [`BYTES_MIN`].
pub(crate) fn size_class(bytes: usize) -> usize {
    taken(bytes.max(BYTES_MIN))
}

/// The bytes that an allocation of `bytes` takes, however few: at most a quarter more, or 15.
pub(crate) fn taken(bytes: usize) -> usize {
    if bytes <= FOUR_FROM_BYTES {
        return bytes.next_multiple_of(STEP_BYTES);
    }
    let power = bytes.next_power_of_two();
    let classes = [power / 8 * 5, power / 8 * 6, power / 8 * 7];
    classes.into_iter().find(|class| *class >= bytes).unwrap_or(power)
}

/// How many `T` fit into what an allocation of `count` of them takes anyway.
pub(crate) fn fitting<T>(count: usize) -> usize {
    let each = size_of::<T>().max(1);
    size_class(count.saturating_mul(each)) / each
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_rounded_up_to_one_of_four_between_two_powers() {
        let classes = [1, 64, 65, 80, 81, 112, 113, 128, 129, 1281].map(size_class);
        assert_eq!(classes, [64, 64, 80, 80, 96, 112, 128, 128, 160, 1536]);
        let of_few = [0, 1, 16, 17, 48, 49, 64, 65, 129].map(taken);
        assert_eq!(of_few, [0, 16, 16, 32, 48, 64, 64, 80, 160]);
    }

    #[test]
    fn as_many_are_made_room_for_as_the_allocation_holds() {
        assert_eq!([1, 5, 6, 33].map(fitting::<[u8; 46]>), [1, 5, 6, 33]);
        assert_eq!([3, 17, 30].map(fitting::<u32>), [16, 20, 32]);
    }
}
