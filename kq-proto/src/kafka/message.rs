//! Messages, and the tables that declare them.
//!
//! A table names each field in wire order. In brackets stand the versions that carry it, then
//! `null` with the versions in which it may be null, and `ignorable` where a version that lacks
//! it drops it silently; without that, writing it is an error unless it has its default:
//!
//! ```text
//! wire! {
//!     struct FetchPartition {
//!         [0..]             partition: i32,
//!         [9.., ignorable]  current_leader_epoch: i32 = -1,
//!     }
//!     tagged {
//!         0 [17.., ignorable]  replica_directory_id: Uuid,
//!     }
//! }
//! ```

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::api_key::ApiKey;
use super::error::{DecodeError, EncodeError, Malformed};
use super::field::{Field, Form};
use super::reader::Reader;
use super::writer::Writer;

/// The first flexible version of a message that has none.
pub const NEVER_FLEXIBLE: i16 = i16::MAX;

/// A whole request or response body.
pub trait Message: Field + Default {
    /// The name in the protocol guide.
    const NAME: &'static str;
    /// The versions that can be read and written.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged sections (KIP-482).
    const FLEXIBLE_FROM: i16;

    /// Whether this version has compact lengths and tagged sections.
    fn is_flexible(version: i16) -> bool {
        version >= Self::FLEXIBLE_FROM
    }

    /// Reads a body. Bytes after it stay in the reader.
    fn decode(buf: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let form = form::<Self>(version).ok_or(Malformed::Version(version))?;
        Self::read(buf, form)
    }

    /// Reads a body that fills the bytes exactly.
    fn decode_all(body: &Bytes, version: i16) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let message = Self::decode(&mut reader, version)?;
        reader.finish()?;
        Ok(message)
    }

    /// Appends a body.
    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {
        let form = form::<Self>(version).ok_or(EncodeError::Version(version))?;
        self.write(w, form)
    }
}

fn form<M: Message>(version: i16) -> Option<Form> {
    let known = M::VERSIONS.contains(&version);
    known.then(|| Form { version, flexible: M::is_flexible(version), nullable: false })
}

/// A request body.
pub trait Request: Message {
    /// The API that it calls.
    const KEY: ApiKey;
    /// What answers it.
    type Response: Message;
}

/// Declares structs with the versions of their fields; see the module's head.
macro_rules! wire {
    ($(
        struct $name:ident {
            $([$($at:tt)+] $field:ident: $type:ty $(= $default:expr)?,)*
        }
        $(tagged {
            $($tag:literal [$($tagged_at:tt)+] $tagged:ident: $tagged_type:ty
                $(= $tagged_default:expr)?,)+
        })?
    )+) => {$(
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $(pub $field: $type,)*
            $($(pub $tagged: $tagged_type,)+)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $crate::kafka::message::default_of!($($default)?),)*
                    $($($tagged: $crate::kafka::message::default_of!($($tagged_default)?),)+)?
                }
            }
        }

        #[allow(
            unused_variables, unused_mut, clippy::cognitive_complexity, clippy::too_many_lines,
            clippy::allow_attributes, clippy::unnecessary_wraps,
            reason = "the same text serves structs of one field and of twenty"
        )]
        impl $crate::kafka::field::Field for $name {
            fn wire_min(form: $crate::kafka::field::Form) -> usize {
                let mut bytes = usize::from(form.flexible);
                $(
                    if $crate::kafka::message::versions!($($at)+).contains(&form.version) {
                        let form = $crate::kafka::message::form_of!(form, $($at)+);
                        bytes += <$type as $crate::kafka::field::Field>::wire_min(form);
                    }
                )*
                bytes
            }

            fn read(
                r: &mut $crate::kafka::Reader<'_>,
                form: $crate::kafka::field::Form,
            ) -> Result<Self, $crate::kafka::DecodeError> {
                $(
                    let $field: $type =
                        if $crate::kafka::message::versions!($($at)+).contains(&form.version) {
                            let form = $crate::kafka::message::form_of!(form, $($at)+);
                            $crate::kafka::field::Field::read(r, form)
                                .map_err(|it| it.within(stringify!($name), stringify!($field)))?
                        } else {
                            $crate::kafka::message::default_of!($($default)?)
                        };
                )*
                $($(
                    let mut $tagged: $tagged_type =
                        $crate::kafka::message::default_of!($($tagged_default)?);
                )+)?
                if form.flexible {
                    r.tagged(|tag, r| {
                        match tag {
                            $($(
                                $tag if $crate::kafka::message::versions!($($tagged_at)+)
                                    .contains(&form.version) =>
                                {
                                    let form =
                                        $crate::kafka::message::form_of!(form, $($tagged_at)+);
                                    $tagged = $crate::kafka::field::Field::read(r, form).map_err(
                                        |it| it.within(stringify!($name), stringify!($tagged)),
                                    )?;
                                    Ok(true)
                                }
                            )+)?
                            _ => Ok(false),
                        }
                    })
                    .map_err(|it| it.within(stringify!($name), "tagged fields"))?;
                }
                Ok(Self { $($field,)* $($($tagged,)+)? })
            }

            fn write(
                &self,
                w: &mut $crate::kafka::Writer,
                form: $crate::kafka::field::Form,
            ) -> Result<(), $crate::kafka::EncodeError> {
                $(
                    if $crate::kafka::message::versions!($($at)+).contains(&form.version) {
                        let form = $crate::kafka::message::form_of!(form, $($at)+);
                        $crate::kafka::field::Field::write(&self.$field, w, form)?;
                    } else if !$crate::kafka::message::ignorable!($($at)+) {
                        let default: $type = $crate::kafka::message::default_of!($($default)?);
                        if self.$field != default {
                            return Err($crate::kafka::EncodeError::FieldNotInVersion {
                                structure: stringify!($name),
                                field: stringify!($field),
                                version: form.version,
                            });
                        }
                    }
                )*
                let mut tags = 0u32;
                $($(
                    let default: $tagged_type =
                        $crate::kafka::message::default_of!($($tagged_default)?);
                    if self.$tagged != default {
                        if $crate::kafka::message::versions!($($tagged_at)+)
                            .contains(&form.version)
                        {
                            tags += 1;
                        } else if !$crate::kafka::message::ignorable!($($tagged_at)+) {
                            return Err($crate::kafka::EncodeError::FieldNotInVersion {
                                structure: stringify!($name),
                                field: stringify!($tagged),
                                version: form.version,
                            });
                        }
                    }
                )+)?
                if !form.flexible {
                    return Ok(());
                }
                w.unsigned_varint(tags);
                $($(
                    let default: $tagged_type =
                        $crate::kafka::message::default_of!($($tagged_default)?);
                    if self.$tagged != default
                        && $crate::kafka::message::versions!($($tagged_at)+)
                            .contains(&form.version)
                    {
                        let form = $crate::kafka::message::form_of!(form, $($tagged_at)+);
                        w.tagged($tag, |w| {
                            $crate::kafka::field::Field::write(&self.$tagged, w, form)
                        })?;
                    }
                )+)?
                Ok(())
            }
        }

        #[cfg(test)]
        #[allow(
            unused_variables, clippy::allow_attributes,
            reason = "the same text serves structs of one field and of twenty"
        )]
        impl $crate::kafka::sample::Sample for $name {
            fn sample(
                dice: &mut $crate::kafka::sample::Dice,
                form: $crate::kafka::field::Form,
            ) -> Self {
                let mut it = Self::default();
                $(
                    if $crate::kafka::message::versions!($($at)+).contains(&form.version) {
                        let form = $crate::kafka::message::form_of!(form, $($at)+);
                        it.$field = $crate::kafka::sample::Sample::sample(dice, form);
                    }
                )*
                $($(
                    if $crate::kafka::message::versions!($($tagged_at)+).contains(&form.version)
                        && dice.below(2) == 0
                    {
                        let form = $crate::kafka::message::form_of!(form, $($tagged_at)+);
                        it.$tagged = $crate::kafka::sample::Sample::sample(dice, form);
                    }
                )+)?
                it
            }
        }

        /// A struct that may be null goes behind one byte: -1 for null, 1 for a value.
        impl $crate::kafka::field::Nullable for $name {
            fn nullable_wire_min(form: $crate::kafka::field::Form) -> usize {
                if form.nullable {
                    return 1;
                }
                <Self as $crate::kafka::field::Field>::wire_min(form)
            }

            fn read_nullable(
                r: &mut $crate::kafka::Reader<'_>,
                form: $crate::kafka::field::Form,
            ) -> Result<Option<Self>, $crate::kafka::DecodeError> {
                if form.nullable && r.int8()? < 0 {
                    return Ok(None);
                }
                $crate::kafka::field::Field::read(r, form).map(Some)
            }

            fn write_nullable(
                it: Option<&Self>,
                w: &mut $crate::kafka::Writer,
                form: $crate::kafka::field::Form,
            ) -> Result<(), $crate::kafka::EncodeError> {
                if form.nullable {
                    let presence = if it.is_some() { 1i8 } else { -1 };
                    $crate::kafka::field::Field::write(&presence, w, form)?;
                }
                it.map_or(Ok(()), |it| $crate::kafka::field::Field::write(it, w, form))
            }
        }
    )+};
}

/// Says of which versions a struct is a whole message.
macro_rules! message {
    ($name:ident, $versions:expr, flexible $from:expr) => {
        impl $crate::kafka::message::Message for $name {
            const NAME: &'static str = stringify!($name);
            const VERSIONS: ::std::ops::RangeInclusive<i16> = $versions;
            const FLEXIBLE_FROM: i16 = $from;
        }
    };
}

/// Pairs a request with its response.
macro_rules! api {
    ($key:ident: $request:ident -> $response:ident, $versions:expr, flexible $from:expr) => {
        $crate::kafka::message::message!($request, $versions, flexible $from);
        $crate::kafka::message::message!($response, $versions, flexible $from);

        impl $crate::kafka::message::Request for $request {
            const KEY: $crate::kafka::ApiKey = $crate::kafka::ApiKey::$key;
            type Response = $response;
        }
    };
}

/// The default of a field: the one given, else that of its type.
macro_rules! default_of {
    () => {
        ::std::default::Default::default()
    };
    ($default:expr) => {
        $default
    };
}

/// The versions that carry a field.
macro_rules! versions {
    ($versions:expr $(, $($rest:tt)*)?) => {
        ($versions)
    };
}

/// Whether a version that lacks the field drops it silently.
macro_rules! ignorable {
    ($versions:expr, ignorable) => {
        true
    };
    ($versions:expr, null $null:expr, ignorable) => {
        true
    };
    ($versions:expr $(, null $null:expr)?) => {
        false
    };
}

/// The form of a field: whether it may be null in this version.
macro_rules! form_of {
    ($form:ident, $versions:expr, null $null:expr $(, ignorable)?) => {
        $form.nullable(($null).contains(&$form.version))
    };
    ($form:ident, $versions:expr $(, ignorable)?) => {
        $form.nullable(false)
    };
}

pub(crate) use {api, default_of, form_of, ignorable, message, versions, wire};
