//! How a message is declared.

/// Declares messages. Of each field: its purpose, its name, `= its name on the wire` where that differs, and its type. A
/// function after `=>` sees the whole message once its fields have been read.
macro_rules! messages {
    ($(
        $(#[doc = $doc:literal])*
        $message:ident {
            $($(#[doc = $purpose:literal])* $field:ident $(= $wire:ident)?: $type:ty,)*
        } $(=> $check:path;)?
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $message {
            $($(#[doc = $purpose])* pub $field: $type,)*
        }

        impl $message {
            pub(crate) const FIELDS: &'static [$crate::fields::Field] = &[$(
                $crate::fields::Field {
                    message: stringify!($message),
                    field: $crate::message::declare::on_the_wire!($field $($wire)?),
                    max_bytes: <$type as $crate::wire::Wire>::MAX_BYTES,
                    max_count: <$type as $crate::wire::Wire>::MAX_COUNT,
                    purpose: concat!($($purpose),*).trim_ascii(),
                },
            )*];
        }

        impl TryFrom<proto::$message> for $message {
            type Error = $crate::refusal::Refusal;

            fn try_from(wire: proto::$message) -> Result<Self, Self::Error> {
                let message = Self {
                    $($field: $crate::message::declare::read!(wire $field $($wire)?),)*
                };
                $($check(&message)?;)?
                Ok(message)
            }
        }

        impl From<$message> for proto::$message {
            fn from(message: $message) -> Self {
                let mut wire = Self::default();
                $($crate::message::declare::write!(wire message $field $($wire)?);)*
                wire
            }
        }
    )*};
}

macro_rules! on_the_wire {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $wire:ident) => {
        stringify!($wire)
    };
}

macro_rules! read {
    ($message:ident $field:ident) => {
        $crate::message::declare::read!($message $field $field)
    };
    ($message:ident $field:ident $wire:ident) => {
        $crate::wire::Wire::read($message.$wire).map_err(|refusal| refusal.within(stringify!($wire)))?
    };
}

macro_rules! write {
    ($wire:ident $message:ident $field:ident) => {
        $wire.$field = $crate::wire::Wire::write($message.$field)
    };
    ($wire:ident $message:ident $field:ident $name:ident) => {
        $wire.$name = $crate::wire::Wire::write($message.$field)
    };
}

/// Messages that stand in a list, each with the number of entries that the list may have.
macro_rules! listed {
    ($($message:ident, $max:expr;)*) => {$(
        impl $crate::wire::Element for $message {
            type Proto = proto::$message;
            const MAX_COUNT: usize = $max;

            fn read_one(wire: Self::Proto) -> Result<Self, $crate::refusal::Refusal> {
                wire.try_into()
            }

            fn write_one(self) -> Self::Proto {
                self.into()
            }
        }
    )*};
}

pub(crate) use {listed, messages, on_the_wire, read, write};
