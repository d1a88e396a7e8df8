//! Test values: seeded random messages that are valid in a given version.

use bytes::Bytes;
use uuid::Uuid;

use super::error_code::ErrorCode;
use super::field::{Form, Nullable, Records};
use super::text::Str;

/// A small deterministic generator (splitmix64).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.roll().to_le_bytes()[0]).collect()
    }

    /// Mostly short, sometimes so long that its varint takes two bytes.
    fn length(&mut self) -> usize {
        if self.below(12) == 0 { 120 + self.below(200) } else { self.below(9) }
    }
}

/// A value that can be made up.
pub(crate) trait Sample {
    fn sample(dice: &mut Dice, form: Form) -> Self;
}

macro_rules! integers {
    ($($type:ty),+) => {$(
        impl Sample for $type {
            fn sample(dice: &mut Dice, _: Form) -> Self {
                let rolled = dice.roll().to_le_bytes();
                let bytes = rolled[..size_of::<Self>()].try_into().unwrap();
                let value = <$type>::from_le_bytes(bytes);
                match dice.below(4) {
                    0 => value,
                    1 => <$type>::MAX,
                    2 => <$type>::MIN,
                    _ => value % 100,
                }
            }
        }
    )+};
}

integers!(i8, i16, u16, i32, u32, i64);

impl Sample for bool {
    fn sample(dice: &mut Dice, _: Form) -> Self {
        dice.below(2) == 0
    }
}

impl Sample for Uuid {
    fn sample(dice: &mut Dice, _: Form) -> Self {
        Self::from_u64_pair(dice.roll(), dice.roll())
    }
}

impl Sample for ErrorCode {
    fn sample(dice: &mut Dice, _: Form) -> Self {
        Self::ALL[dice.below(Self::ALL.len())]
    }
}

impl Sample for Str {
    fn sample(dice: &mut Dice, _: Form) -> Self {
        let letters = ['a', 'Z', '.', '-', '0', '\u{e9}', '\u{4e16}', '\u{1f980}'];
        let count = dice.length();
        Self::from((0..count).map(|_| letters[dice.below(letters.len())]).collect::<String>())
    }
}

impl Sample for Bytes {
    fn sample(dice: &mut Dice, _: Form) -> Self {
        let count = dice.length();
        Self::from(dice.bytes(count))
    }
}

impl Sample for Records {
    fn sample(dice: &mut Dice, form: Form) -> Self {
        Self::Inline(Sample::sample(dice, form))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(dice: &mut Dice, form: Form) -> Self {
        let count = dice.below(4);
        (0..count).map(|_| T::sample(dice, form.nullable(false))).collect()
    }
}

impl<T: Sample + Nullable> Sample for Option<T> {
    fn sample(dice: &mut Dice, form: Form) -> Self {
        let null = form.nullable && dice.below(3) == 0;
        (!null).then(|| T::sample(dice, form))
    }
}
