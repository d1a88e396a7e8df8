//! How each type of field goes over the wire.

use bytes::{BufMut, Bytes};
use uuid::Uuid;

use super::error::{DecodeError, EncodeError, Malformed};
use super::error_code::ErrorCode;
use super::reader::Reader;
use super::text::Str;
use super::writer::Writer;

/// What the form of a field depends on besides its type.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The version of the whole message.
    pub version: i16,
    /// Whether that version has compact lengths and tagged sections (KIP-482).
    pub flexible: bool,
    /// Whether this field may be null in that version.
    pub nullable: bool,
}

impl Form {
    /// The same version for a field that may, or may not, be null.
    #[inline]
    #[must_use]
    pub const fn nullable(self, nullable: bool) -> Self {
        Self { nullable, ..self }
    }
}

/// A type that a field can have.
pub trait Field: Sized {
    /// The fewest bytes that a value takes.
    fn wire_min(form: Form) -> usize;
    /// Reads one value.
    fn read(r: &mut Reader<'_>, form: Form) -> Result<Self, DecodeError>;
    /// Appends one value.
    fn write(&self, w: &mut Writer, form: Form) -> Result<(), EncodeError>;
}

/// A type whose wire form has room for null.
pub trait Nullable: Sized {
    /// The fewest bytes that a value or null takes.
    fn nullable_wire_min(form: Form) -> usize;
    /// Reads one value or null.
    fn read_nullable(r: &mut Reader<'_>, form: Form) -> Result<Option<Self>, DecodeError>;
    /// Appends one value or null.
    fn write_nullable(it: Option<&Self>, w: &mut Writer, form: Form) -> Result<(), EncodeError>;
}

impl<T: Nullable> Field for Option<T> {
    #[inline]
    fn wire_min(form: Form) -> usize {
        T::nullable_wire_min(form)
    }

    #[inline]
    fn read(r: &mut Reader<'_>, form: Form) -> Result<Self, DecodeError> {
        let value = T::read_nullable(r, form)?;
        if value.is_none() && !form.nullable {
            return Err(Malformed::UnexpectedNull.into());
        }
        Ok(value)
    }

    #[inline]
    fn write(&self, w: &mut Writer, form: Form) -> Result<(), EncodeError> {
        if self.is_none() && !form.nullable {
            return Err(EncodeError::UnexpectedNull);
        }
        T::write_nullable(self.as_ref(), w, form)
    }
}

macro_rules! fixed_fields {
    ($($type:ty, $width:literal, $read:ident, $write:ident;)+) => {$(
        impl Field for $type {
            #[inline]
            fn wire_min(_: Form) -> usize {
                $width
            }

            #[inline]
            fn read(r: &mut Reader<'_>, _: Form) -> Result<Self, DecodeError> {
                r.$read()
            }

            #[inline]
            fn write(&self, w: &mut Writer, _: Form) -> Result<(), EncodeError> {
                w.buffer().$write(*self);
                Ok(())
            }
        }
    )+};
}

fixed_fields! {
    i8, 1, int8, put_i8;
    i16, 2, int16, put_i16;
    u16, 2, uint16, put_u16;
    i32, 4, int32, put_i32;
    u32, 4, uint32, put_u32;
    i64, 8, int64, put_i64;
}

impl Field for bool {
    #[inline]
    fn wire_min(_: Form) -> usize {
        1
    }

    #[inline]
    fn read(r: &mut Reader<'_>, _: Form) -> Result<Self, DecodeError> {
        r.boolean()
    }

    #[inline]
    fn write(&self, w: &mut Writer, _: Form) -> Result<(), EncodeError> {
        w.buffer().put_u8(u8::from(*self));
        Ok(())
    }
}

impl Field for Uuid {
    #[inline]
    fn wire_min(_: Form) -> usize {
        16
    }

    #[inline]
    fn read(r: &mut Reader<'_>, _: Form) -> Result<Self, DecodeError> {
        r.uuid()
    }

    #[inline]
    fn write(&self, w: &mut Writer, _: Form) -> Result<(), EncodeError> {
        w.buffer().put_slice(self.as_bytes());
        Ok(())
    }
}

impl Field for ErrorCode {
    #[inline]
    fn wire_min(_: Form) -> usize {
        2
    }

    #[inline]
    fn read(r: &mut Reader<'_>, _: Form) -> Result<Self, DecodeError> {
        r.int16().map(Self::from_code)
    }

    #[inline]
    fn write(&self, w: &mut Writer, _: Form) -> Result<(), EncodeError> {
        w.buffer().put_i16(self.code());
        Ok(())
    }
}

/// Types that exist with and without null get the form without it from the form with it.
macro_rules! never_null {
    ($([$($generics:tt)*] $type:ty;)+) => {$(
        impl<$($generics)*> Field for $type {
            #[inline]
            fn wire_min(form: Form) -> usize {
                Self::nullable_wire_min(form)
            }

            #[inline]
            fn read(r: &mut Reader<'_>, form: Form) -> Result<Self, DecodeError> {
                Self::read_nullable(r, form)?.ok_or_else(|| Malformed::UnexpectedNull.into())
            }

            #[inline]
            fn write(&self, w: &mut Writer, form: Form) -> Result<(), EncodeError> {
                Self::write_nullable(Some(self), w, form)
            }
        }
    )+};
}

never_null! {
    [] Str;
    [] Bytes;
    [] Records;
    [T: Field] Vec<T>;
}

impl Nullable for Str {
    #[inline]
    fn nullable_wire_min(form: Form) -> usize {
        if form.flexible { 1 } else { 2 }
    }

    #[inline]
    fn read_nullable(r: &mut Reader<'_>, form: Form) -> Result<Option<Self>, DecodeError> {
        let length = r.text_length(form.flexible)?;
        length.map(|length| r.text(length)).transpose()
    }

    #[inline]
    fn write_nullable(it: Option<&Self>, w: &mut Writer, form: Form) -> Result<(), EncodeError> {
        w.text_length(it.map(|it| it.len()), form.flexible)?;
        w.buffer().put_slice(it.map_or(&[], |it| it.as_bytes()));
        Ok(())
    }
}

impl Nullable for Bytes {
    #[inline]
    fn nullable_wire_min(form: Form) -> usize {
        long_length_min(form)
    }

    #[inline]
    fn read_nullable(r: &mut Reader<'_>, form: Form) -> Result<Option<Self>, DecodeError> {
        let length = r.long_length(form.flexible)?;
        length.map(|length| r.bytes(length)).transpose()
    }

    #[inline]
    fn write_nullable(it: Option<&Self>, w: &mut Writer, form: Form) -> Result<(), EncodeError> {
        w.long_length(it.map(Bytes::len), form.flexible)?;
        w.buffer().put_slice(it.map_or(&[], |it| it));
        Ok(())
    }
}

impl<T: Field> Nullable for Vec<T> {
    #[inline]
    fn nullable_wire_min(form: Form) -> usize {
        long_length_min(form)
    }

    #[inline]
    fn read_nullable(r: &mut Reader<'_>, form: Form) -> Result<Option<Self>, DecodeError> {
        let Some(count) = r.long_length(form.flexible)? else { return Ok(None) };
        let form = form.nullable(false);
        r.check_count(count, T::wire_min(form))?;
        let mut values = Self::with_capacity(count);
        for _ in 0..count {
            values.push(T::read(r, form)?);
        }
        Ok(Some(values))
    }

    #[inline]
    fn write_nullable(it: Option<&Self>, w: &mut Writer, form: Form) -> Result<(), EncodeError> {
        w.long_length(it.map(Vec::len), form.flexible)?;
        let form = form.nullable(false);
        it.into_iter().flatten().try_for_each(|value| value.write(w, form))
    }
}

/// The record batches of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// The bytes themselves, sharing the memory of their frame.
    Inline(Bytes),
    /// Only their length: the bytes are sent from elsewhere, as
    /// [`Part::Records`](super::Part::Records) of this index.
    Hole {
        /// What the sender knows them by.
        index: usize,
        /// How many bytes will be sent.
        length: usize,
    },
}

impl Records {
    /// No batches.
    pub const EMPTY: Self = Self::Inline(Bytes::new());

    /// How many bytes they take.
    pub const fn len(&self) -> usize {
        match self {
            Self::Inline(bytes) => bytes.len(),
            Self::Hole { length, .. } => *length,
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, unless they are sent from elsewhere.
    pub fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Inline(bytes) => Some(bytes),
            Self::Hole { .. } => None,
        }
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self::Inline(bytes)
    }
}

impl Nullable for Records {
    #[inline]
    fn nullable_wire_min(form: Form) -> usize {
        long_length_min(form)
    }

    #[inline]
    fn read_nullable(r: &mut Reader<'_>, form: Form) -> Result<Option<Self>, DecodeError> {
        Ok(Bytes::read_nullable(r, form)?.map(Self::Inline))
    }

    #[inline]
    fn write_nullable(it: Option<&Self>, w: &mut Writer, form: Form) -> Result<(), EncodeError> {
        w.long_length(it.map(Self::len), form.flexible)?;
        match it {
            Some(Self::Inline(bytes)) => w.buffer().put_slice(bytes),
            Some(&Self::Hole { index, length }) => w.hole(index, length),
            None => {}
        }
        Ok(())
    }
}

#[inline]
fn long_length_min(form: Form) -> usize {
    if form.flexible { 1 } else { 4 }
}
